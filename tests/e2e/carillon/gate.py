"""A stretch of wire between a node and its receiver that a test can close and open."""

import socket
import threading


class Gate:
    """Passes on what the node sends; what the receiver answers waits until the gate is open."""

    def __init__(self, port):
        self.to = port
        self.opened = threading.Event()
        self.connections = 0
        self.bytes_from_node = 0
        self._sockets = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, path="/hook"):
        return f"https://127.0.0.1:{self.port}{path}"

    def open(self):
        self.opened.set()

    def close(self):
        self.opened.set()
        self._listener.close()
        for one in self._sockets:
            one.close()

    def _accept(self):
        while True:
            try:
                node, _ = self._listener.accept()
            except OSError:
                return
            receiver = socket.create_connection(("127.0.0.1", self.to))
            self._sockets += [node, receiver]
            self.connections += 1
            threading.Thread(target=self._pass, args=(node, receiver, None), daemon=True).start()
            threading.Thread(target=self._pass, args=(receiver, node, self.opened), daemon=True).start()

    def _pass(self, source, target, wait):
        try:
            while data := source.recv(65536):
                if wait:
                    wait.wait()
                else:
                    self.bytes_from_node += len(data)
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass
