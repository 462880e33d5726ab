"""What lies between the nodes of a cluster, and between them and etcd: relays on loopback that a test cuts and slows.

A node tells the others the address of its relay, and each node has a relay of its own to etcd. So every connection has
two ends with names, whichever of them opened it. A cut holds back what is under way, as a network does that loses
packets and sends them again; a connection that was given up meanwhile never comes through.

One thread and its selector carry it all: with a task for each connection, nodes that ask etcd hundreds of things at once
would wait for the relay.
"""

import collections
import concurrent.futures
import os
import pathlib
import selectors
import socket
import struct
import threading
import time

ETCD = "etcd"
_CHUNK = 64 * 1024
_HELD = 1 << 20  # bytes that one direction of a connection holds
_BACKLOG = 1024


class _Way:
    """From one name to another: whether anything gets through, and after how many seconds."""

    def __init__(self):
        self.open = True
        self.delay = 0


class _End:
    """One socket of a connection, with what is to be written to it: what comes over `way`."""

    def __init__(self, wire, connection, way, connected):
        self.wire = wire
        self.socket = connection
        self.way = way
        self.connected = connected
        self.held = collections.deque()  # (due, bytes; empty at the end)
        self.held_bytes = 0
        self.reads = True
        self.broken = False
        self.other = None
        self.watched = 0


class _Wire:
    """One connection: from who opened it to where it goes, which is opened once something gets through."""

    def __init__(self, pair, target, forth, near):
        self.pair = pair
        self.target = target
        self.forth = forth
        self.ends = [near]
        self.early = collections.deque()  # what came before that
        self.finished = 0  # directions that came to their end


class Network:
    def __init__(self):
        self._ways = collections.defaultdict(_Way)
        self._names = {}
        self._wires = set()
        self._commands = collections.deque()
        self._selector = selectors.DefaultSelector()
        self._wake, woken = socket.socketpair()
        woken.setblocking(False)
        self._selector.register(woken, selectors.EVENT_READ, lambda _: woken.recv(_CHUNK))
        self._closing = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self):
        self._closing = True
        self._wake.send(b"x")
        self._thread.join(10)
        assert not self._thread.is_alive()

    # --- how it is laid ---

    def relay(self, host, target, to, source=None):
        """Listens on a free port of `host` for connections to `to` at `target` ("host:port"), and gives its address.
        Without a `source` they come from whichever joined process opened them."""
        listener = socket.create_server((host, 0), backlog=_BACKLOG)
        listener.setblocking(False)
        where = target.rpartition(":")
        self._do(lambda: self._selector.register(listener, selectors.EVENT_READ, lambda _: self._accept(
            listener, (where[0], int(where[2])), to, source)))
        return "%s:%d" % listener.getsockname()

    def join(self, name, pid):
        """`pid()` is the process that opens connections as `name`; None while there is none."""
        self._do(lambda: self._names.update({name: pid}))

    # --- what becomes of it ---

    def cut(self, one, other):
        self.cut_one_way(one, other)
        self.cut_one_way(other, one)

    def cut_one_way(self, source, to):
        """Nothing comes from `source` to `to` any more; the other way is as it was."""
        self._do(lambda: setattr(self._ways[source, to], "open", False))

    def slow(self, one, other, seconds):
        """What goes between them takes so long, each way."""

        def delay():
            self._ways[one, other].delay = self._ways[other, one].delay = seconds

        self._do(delay)

    def drop(self, one, other):
        """Breaks all connections between them, as a middlebox does that forgets them. Gives how many there were."""

        def drop():
            dropped = [wire for wire in self._wires if wire.pair == {one, other}]
            for wire in dropped:
                self._end(wire, abruptly=True)
            return len(dropped)

        return self._do(drop)

    def mend(self):
        def mend():
            for way in self._ways.values():
                way.open, way.delay = True, 0
            self._let_out_all()

        self._do(mend)

    # --- inside: everything below is done by the thread ---

    def _do(self, what):
        done = concurrent.futures.Future()
        self._commands.append((what, done))
        self._wake.send(b"x")
        return done.result(10)

    def _run(self):
        while not self._closing:
            due = [end.held[0][0] for wire in self._wires for end in wire.ends if end.held and end.way.open
                   and not end.watched & selectors.EVENT_WRITE]
            wait = max(0, min(due) - time.monotonic()) if due else None
            for key, mask in self._selector.select(wait):
                key.data(mask)
            while self._commands:
                what, done = self._commands.popleft()
                try:
                    done.set_result(what())
                except Exception as problem:  # noqa: B902 - told to who asked
                    done.set_exception(problem)
            if due:
                self._let_out_all()
        for wire in list(self._wires):
            self._end(wire, abruptly=True)
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()
        self._selector.close()
        self._wake.close()

    def _accept(self, listener, target, to, source):
        try:
            connection, peer = listener.accept()
            source = source or self._name_of(peer, listener.getsockname())
        except OSError:
            return
        if source is None:
            connection.close()
            return
        near = self._make_end(connection, self._ways[to, source], connected=True)
        wire = near.wire = _Wire({source, to}, target, self._ways[source, to], near)
        self._wires.add(wire)
        self._watch(near)
        self._let_out(wire)

    @staticmethod
    def _make_end(connection, way, connected):
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return _End(None, connection, way, connected)

    def _open(self, wire):
        """The other half of a connection of which only the near end is there."""
        near = wire.ends[0]
        far = self._make_end(socket.socket(), wire.forth, connected=False)
        far.wire, far.other, near.other = wire, near, far
        far.held, far.held_bytes = wire.early, sum(len(data) for _, data in wire.early)
        wire.ends.append(far)
        far.socket.connect_ex(wire.target)
        self._watch(far)

    def _watch(self, end):
        """Readable while there is room for what is read, writable while something waits for that alone."""
        wanted = 0
        if end.connected and end.reads and (end.other is None or end.other.held_bytes < _HELD):
            wanted |= selectors.EVENT_READ
        if end.broken:
            wanted = 0
        elif not end.connected or (end.held and end.way.open and end.held[0][0] <= time.monotonic()):
            wanted |= selectors.EVENT_WRITE
        if wanted == end.watched:
            return
        if end.watched == 0:
            self._selector.register(end.socket, wanted, lambda mask: self._ready(end, mask))
        elif wanted == 0:
            self._selector.unregister(end.socket)
        else:
            self._selector.modify(end.socket, wanted, lambda mask: self._ready(end, mask))
        end.watched = wanted

    def _ready(self, end, mask):
        wire = end.wire
        if wire not in self._wires:
            return
        try:
            if mask & selectors.EVENT_WRITE and not end.connected:
                problem = end.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if problem:
                    raise OSError(problem, os.strerror(problem))
                end.connected = True
            if mask & selectors.EVENT_READ and end.connected:
                self._take_in(wire, end)
        except BlockingIOError:
            pass
        except OSError:
            self._lost(wire, end)
        self._let_out(wire)

    def _take_in(self, wire, end):
        data = end.socket.recv(_CHUNK)
        if not data and end.other is None:
            self._end(wire, abruptly=True)  # given up before anything came through
            return
        end.reads = bool(data)
        if end.other and end.other.broken:
            return
        way = wire.forth if end is wire.ends[0] else wire.ends[0].way
        held = end.other.held if end.other else wire.early
        held.append((time.monotonic() + way.delay, data))
        if end.other:
            end.other.held_bytes += len(data)

    def _lost(self, wire, end):
        """Whoever is there has broken off; the other hears of it as of everything else."""
        if end.other is None or end.other.broken:
            self._end(wire, abruptly=True)
            return
        end.reads, end.broken = False, True
        end.held.clear()
        end.held_bytes = 0
        end.other.held.append((time.monotonic() + end.other.way.delay, b""))

    def _let_out_all(self):
        for wire in list(self._wires):
            self._let_out(wire)

    def _let_out(self, wire):
        if wire not in self._wires:
            return
        if len(wire.ends) == 1 and wire.forth.open:
            self._open(wire)
            wire.ends[0].reads = True
        for end in wire.ends:
            try:
                self._let_out_to(wire, end)
            except BlockingIOError:
                pass
            except OSError:
                self._lost(wire, end)
        if wire not in self._wires:
            return
        if wire.finished == 2:
            self._end(wire, abruptly=False)
            return
        for end in wire.ends:
            self._watch(end)

    def _let_out_to(self, wire, end):
        while end.connected and end.held and end.way.open and end.held[0][0] <= time.monotonic():
            due, data = end.held[0]
            if data:
                sent = end.socket.send(data)
                end.held_bytes -= sent
                if sent == len(data):
                    end.held.popleft()
                else:
                    end.held[0] = (due, data[sent:])
                continue
            if end.other.broken:
                self._end(wire, abruptly=True)
                return
            end.held.popleft()
            wire.finished += 1
            end.socket.shutdown(socket.SHUT_WR)

    def _end(self, wire, abruptly):
        if wire not in self._wires:
            return
        self._wires.discard(wire)
        for end in wire.ends:
            if end.watched:
                self._selector.unregister(end.socket)
            if abruptly:
                end.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("=ii", 1, 0))
            end.socket.close()

    def _name_of(self, peer, here):
        """Whose process has the socket that is connected from `peer` to `here`."""
        link = f"socket:[{_inode_of(peer, here)}]"
        for name, pid in self._names.items():
            try:
                if any(os.readlink(one) == link for one in pathlib.Path(f"/proc/{pid()}/fd").iterdir()):
                    return name
            except OSError:
                continue
        return None


# Of linux/sock_diag.h and linux/inet_diag.h.
_NETLINK_SOCK_DIAG, _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, _ANY_COOKIE = 4, 20, 1, b"\xff" * 8
_NETLINK_HEADER = struct.Struct("=IHHII")
_INODE_AT = 4 + 48 + 16


def _inode_of(local, remote):
    """Of the TCP socket with these two ends, as the kernel tells; None when it has gone. Asked for this one alone: the
    table in /proc takes long to read on a machine with many connections."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as kernel:
        which = struct.pack("!HH16s16s", local[1], remote[1], *(socket.inet_aton(one[0]) for one in (local, remote)))
        request = struct.pack("=BBBBI", socket.AF_INET, socket.IPPROTO_TCP, 0, 0, 0xFFFFFFFF)
        request += which + struct.pack("=I", 0) + _ANY_COOKIE
        kernel.send(_NETLINK_HEADER.pack(_NETLINK_HEADER.size + len(request), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, 0, 0)
                    + request)
        answer = kernel.recv(4096)
    if _NETLINK_HEADER.unpack_from(answer)[1] != _SOCK_DIAG_BY_FAMILY:
        return None
    return struct.unpack_from("=I", answer, _NETLINK_HEADER.size + _INODE_AT)[0]
