"""Who connects to a node's `cluster.listen` without being a node: TLS as asked for, then the frames that a test wants.

The frames are those of `net/link_hello.hpp`, the records behind them those of `net/link_records.hpp`, written down here once more so that a change of the wire shows.
"""

import contextlib
import socket
import ssl

HELLO, WELCOME, REFUSAL = 1, 2, 3
# Why a node refuses.
PROTOCOL, CLUSTER, VERSION, IDENTITY, BUSY = 1, 2, 3, 4, 5
TUNNEL, PART, LAST = 1, 2, 3
_SECONDS = 10


def _number(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out + bytes([value]))


def _text(value):
    return _number(len(value)) + value.encode()


def frame(kind, payload=b""):
    return b"CRLK" + bytes([kind]) + len(payload).to_bytes(2, "big") + payload


def record(kind, payload):
    return bytes([kind]) + len(payload).to_bytes(3, "big") + payload


def hello(cluster, node, host, oldest=1, newest=1, appended=b""):
    """`appended`: what a later version may add."""
    return frame(HELLO, _number(oldest) + _number(newest) + _text(cluster) + _text(node) + _text(host) + appended)


class LinkPeer:
    """A connection to the node. `certificate` is (certificate, key), or None for a client without one; `tls` False
    leaves all of it away."""

    def __init__(self, node, authority, certificate=None, tls=True):
        host, _, port = node.settings["cluster.listen"].rpartition(":")
        self.socket = socket.create_connection((host, int(port)), timeout=_SECONDS)
        if not tls:
            return
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_verify_locations(authority.path)
        if certificate:
            context.load_cert_chain(*certificate)
        self.socket = context.wrap_socket(self.socket, server_hostname=host)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        """All of it, or less when the node closes meanwhile."""
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            self.socket.sendall(data)

    def read(self, count):
        """So many bytes, fewer only at the end."""
        out = b""
        while len(out) < count:
            try:
                data = self.socket.recv(count - len(out))
            except (ConnectionError, ssl.SSLError):
                break
            if not data:
                break
            out += data
        return out

    def answer(self):
        """(kind, payload) of the next frame; None when the node closes instead."""
        head = self.read(7)
        if len(head) < 7:
            return None
        assert head.startswith(b"CRLK"), head
        return head[4], self.read(int.from_bytes(head[5:], "big"))

    def ended(self):
        """Waits for the node to close; whether it said nothing before."""
        return self.read(1) == b""
