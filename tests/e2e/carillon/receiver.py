"""An HTTPS endpoint that writes down everything that arrives, and answers as a test tells it to.

It runs in a thread of the test's process, so it outlives every node, and what it has seen is the receivers' side of the
ledger. Times are boot time, taken where the decrypted bytes come in.
"""

import asyncio
import dataclasses
import json
import ssl
import threading

from .clock import boot_ns, wait_for


@dataclasses.dataclass
class Arrival:
    """One request, from its first byte on. `complete` is None when the rest never came."""

    first: int
    path: str = ""
    method: str = ""
    headers: dict = dataclasses.field(default_factory=dict)
    raw_headers: list = dataclasses.field(default_factory=list)
    body: bytes = b""
    complete: int = None
    answered: int = None

    @property
    def webhook_id(self):
        return self.headers.get("webhook-id")

    @property
    def json(self):
        return json.loads(self.body)


@dataclasses.dataclass
class Answer:
    """What an endpoint does with a request.

    `status` 0 closes the connection without an answer; `wait` holds the answer back for so many seconds, or until
    `Receiver.let_go` when it is None."""

    status: int = 200
    wait: float = 0
    headers: dict = dataclasses.field(default_factory=dict)
    body: bytes = b"ok"
    close: bool = False


HANG = Answer(wait=None)
DROP = Answer(status=0)


class _Connection(asyncio.Protocol):
    def __init__(self, receiver):
        self.receiver = receiver
        self.buffer = bytearray()
        self.arrival = None
        self.length = None

    def connection_made(self, transport):
        self.transport = transport
        self.receiver.connections += 1
        self.receiver._open.add(transport)

    def connection_lost(self, error):
        self.receiver._open.discard(self.transport)

    def data_received(self, data):
        now = boot_ns()
        self.buffer += data
        while self.buffer:
            if self.arrival is None:
                self.arrival = Arrival(first=now)
                self.receiver.arrivals.append(self.arrival)
            if self.length is None and not self._read_head():
                return
            if len(self.buffer) < self.length:
                return
            arrival, self.arrival = self.arrival, None
            arrival.body = bytes(self.buffer[: self.length])
            del self.buffer[: self.length]
            self.length = None
            arrival.complete = now
            self._answer(arrival, self.receiver._answer_for(arrival))

    def _read_head(self):
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        lines = bytes(self.buffer[:end]).decode("latin-1").split("\r\n")
        del self.buffer[: end + 4]
        self.arrival.method, self.arrival.path, _ = lines[0].split(" ", 2)
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.arrival.raw_headers.append((name, value.strip()))
            self.arrival.headers[name.lower()] = value.strip()
        self.length = int(self.arrival.headers.get("content-length", "0"))
        return True

    def _answer(self, arrival, answer):
        if answer.wait is None:
            self.receiver._hanging.append((self, arrival, answer))
        elif answer.wait > 0:
            self.receiver._loop.call_later(answer.wait, self._write, arrival, answer)
        else:
            self._write(arrival, answer)

    def _write(self, arrival, answer):
        if self.transport.is_closing():
            return
        if answer.status == 0:
            self.transport.abort()
            return
        head = [f"HTTP/1.1 {answer.status} Answer", f"Content-Length: {len(answer.body)}"]
        head += [f"{name}: {value}" for name, value in answer.headers.items()]
        if answer.close:
            head.append("Connection: close")
        self.transport.write("\r\n".join(head).encode() + b"\r\n\r\n" + answer.body)
        arrival.answered = boot_ns()
        if answer.close:
            self.transport.close()


class Receiver:
    """Listens on a free port of 127.0.0.1; `url("/path")` is where a subscription points."""

    def __init__(self, certificate, key):
        self.arrivals = []
        self.connections = 0
        self._answers = {}
        self._default = Answer()
        self._hanging = []
        self._open = set()
        self._guard = threading.Lock()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._loop = asyncio.new_event_loop()
        # What a node's death does to a connection is no news.
        self._loop.set_exception_handler(lambda loop, context: None)
        started = threading.Event()

        def run():
            asyncio.set_event_loop(self._loop)
            self._server = self._loop.run_until_complete(
                self._loop.create_server(
                    lambda: _Connection(self), "127.0.0.1", 0, ssl=context, backlog=1024
                )
            )
            self.port = self._server.sockets[0].getsockname()[1]
            started.set()
            self._loop.run_forever()

        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()
        assert started.wait(10), "the receiver did not start"

    def url(self, path="/hook", host="127.0.0.1"):
        return f"https://{host}:{self.port}{path}"

    def on(self, path, *answers):
        """Answers to requests whose path begins so: one after the other, the last one for ever."""
        with self._guard:
            self._answers[path] = list(answers)

    def _answer_for(self, arrival):
        with self._guard:
            best = max((p for p in self._answers if arrival.path.startswith(p)), key=len, default=None)
            if best is None:
                return self._default
            answers = self._answers[best]
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
        return answer(arrival) if callable(answer) else answer

    def at(self, path):
        """Arrivals at paths that begin so, in order of their first byte."""
        return sorted((a for a in list(self.arrivals) if a.path.startswith(path)), key=lambda a: a.first)

    def wait(self, path, count, seconds=20):
        """Waits for so many complete requests at the path and gives them back."""
        return wait_for(
            lambda: (lambda got: got if len(got) >= count else None)(
                [a for a in self.at(path) if a.complete]
            ),
            seconds,
            lambda: f"{count} POSTs at {path}, there are {len(self.at(path))}",
        )

    def let_go(self):
        """Answers everything that hangs."""

        def answer():
            hanging, self._hanging = self._hanging, []
            for connection, arrival, what in hanging:
                connection._write(arrival, what)

        self._loop.call_soon_threadsafe(answer)

    def drop_connections(self):
        """Closes every open connection, as a restarted receiver would."""
        self._loop.call_soon_threadsafe(lambda: [t.abort() for t in list(self._open)])

    def close(self):
        def stop():
            self._server.close()
            for transport in list(self._open):
                transport.abort()
            self._loop.call_later(0.05, self._loop.stop)

        self._loop.call_soon_threadsafe(stop)
        self._thread.join(10)
        self._loop.close()
