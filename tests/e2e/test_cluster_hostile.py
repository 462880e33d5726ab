"""Whoever isn't a node of the cluster gets no link, is named in the log, and disturbs nobody."""

import contextlib
import itertools
import json
import re
import uuid

import pytest
from carillon.certificates import Authority
from carillon.clock import wait_for
from carillon.cluster import NAME, address_of
from carillon.cluster_books import flowing
from carillon.link_peer import (CLUSTER, HELLO, IDENTITY, LAST, PART, REFUSAL, TUNNEL, VERSION, WELCOME, LinkPeer, frame,
                                hello, record)

# A node dials those whose ids are larger than its own, so this one may dial everybody.
SMALLEST = str(uuid.UUID(int=1))
STRANGER = "127.0.0.77"
LINK_DOWN = f"node link down node={SMALLEST}"


@pytest.fixture(scope="module")
def stranger(authority):
    """A certificate of the cluster's CA for a host where no node is."""
    return authority.issue("stranger", hosts=(STRANGER,))


def certificate_of(node):
    return node.settings["cluster.certificate"], node.settings["cluster.key"]


def refusals(node):
    """What its log says of connections that became no link: (error, detail) of each."""
    return re.findall(r'a connection became no node link .*error=(\S+) detail="?([^"\n]*)', node.log())


def logged(node, before, error, detail):
    """Waits for one line more about such a connection."""
    def seen():
        return any(e == error and detail in d for e, d in refusals(node)[len(before):])
    wait_for(seen, 10, lambda: f"{error}, {detail!r} in {refusals(node)[len(before):]}")


def undisturbed(cluster, books):
    with flowing(cluster, books.all):
        pass
    assert {n["state"] for log in books.balance(crashed=False) for n in log} == {"delivered"}


def test_what_comes_without_a_certificate(cluster, books, authority, tmp_path):
    """Nothing, a stranger's, bytes that are no TLS, and what CAF itself would say."""
    node, other, third = cluster.nodes
    foreign = Authority(tmp_path, "Another CA")
    with flowing(cluster, books.all):
        before = refusals(node)
        with LinkPeer(node, authority) as peer:
            assert peer.ended()
        logged(node, before, "certificate", "peer did not return a certificate")
        before = refusals(other)
        with LinkPeer(other, authority, foreign.issue(hosts=(STRANGER,))) as peer:
            assert peer.ended()
        logged(other, before, "certificate", "the peer's certificate: ")
        plain = {
            "garbage": bytes(range(256)) * 64,
            "HTTP": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            # BASP's handshake: kind, flags, no payload, version 2 (CAF 0.17), no actors.
            "BASP": bytes([0, 0, 0, 0]) + (0).to_bytes(4, "big") + (2).to_bytes(8, "big") + bytes(16),
        }
        for what, data in plain.items():
            before = refusals(third)
            with LinkPeer(third, authority, tls=False) as peer:
                peer.send(data)
                # A TLS alert at the most.
                assert peer.read(1 << 16)[:1] in (b"", b"\x15"), what
            logged(third, before, "protocol", "")
    undisturbed(cluster, books)


def test_what_comes_with_a_certificate_and_is_no_greeting(cluster, books, authority, stranger):
    node, other, third = cluster.nodes
    too_long = b"CRLK\x01\xff\xff" + b"x" * 0xFFFF
    with flowing(cluster, books.all):
        for target, data in ((node, b"\xff" * 4096), (other, too_long), (third, frame(WELCOME)), (node, frame(9)),
                             (other, frame(HELLO, b"\x01\x01\xff\xff\xff\xff\x0f"))):
            before = refusals(target)
            with LinkPeer(target, authority, stranger) as peer:
                peer.send(data)
                assert peer.ended(), data[:16]
            logged(target, before, "protocol", "")
    undisturbed(cluster, books)


def test_another_nodes_name(cluster, books, authority, stranger):
    """A certificate proves its host and nothing else; and only the cluster's nodes are let in."""
    node, other, third = cluster.nodes
    with flowing(cluster, books.all):
        for target, certificate, name, host, why in (
                (node, certificate_of(other), cluster.id_of(third), host_of(third), "doesn't name its host"),
                (other, stranger, SMALLEST, STRANGER, "is not expected here"),
                # The right id, at a host where it isn't known.
                (third, stranger, cluster.id_of(node), STRANGER, "is not expected here"),
                (third, certificate_of(third), cluster.id_of(third), host_of(third), "reached itself")):
            before = refusals(target)
            with LinkPeer(target, authority, certificate) as peer:
                peer.send(hello(NAME, name, host))
                kind, payload = peer.answer()
                assert (kind, payload[0]) == (REFUSAL, IDENTITY)
                assert why in payload[2:].decode()
                assert peer.ended()
            logged(target, before, "identity", why)
    undisturbed(cluster, books)


def host_of(node):
    return address_of(node).rpartition(":")[0]


def test_a_node_of_another_cluster(cluster, books, authority, stranger):
    target = cluster.nodes[0]
    before = refusals(target)
    with flowing(cluster, books.all):
        with LinkPeer(target, authority, stranger) as peer:
            peer.send(hello("another", SMALLEST, STRANGER))
            kind, payload = peer.answer()
            assert (kind, payload[0]) == (REFUSAL, CLUSTER)
            assert peer.ended()
    logged(target, before, "cluster", 'is of cluster')
    undisturbed(cluster, books)


@contextlib.contextmanager
def registered(cluster):
    """The stranger is a node, as etcd says."""
    address = f"{STRANGER}:7946"
    key = f"/carillon/{NAME}/nodes/{SMALLEST}"
    cluster.etcd.put(key, json.dumps({"name": address, "addresses": [address], "protocol": 1, "oldest_protocol": 1}))
    for node in cluster.nodes:
        wait_for(lambda node=node: SMALLEST in [n["id"] for n in cluster.view(node)["nodes"]], 10, "its entry")
    yield
    cluster.etcd.erase(key)


def test_versions_of_the_links_protocol(cluster, books, authority, stranger):
    """The newest that both speak is spoken; without one there is no link, and both say why."""
    node, other, third = cluster.nodes
    with registered(cluster), flowing(cluster, books.all):
        for target, oldest, newest in ((node, 2, 3), (other, 0, 0)):
            before = refusals(target)
            with LinkPeer(target, authority, stranger) as peer:
                peer.send(hello(NAME, SMALLEST, STRANGER, oldest, newest))
                kind, payload = peer.answer()
                assert (kind, payload[0]) == (REFUSAL, VERSION)
                assert f"speaks versions {oldest} to {newest}, node {cluster.id_of(target)} speaks 1 to 1" \
                    in payload.decode("latin-1")
                assert peer.ended()
            logged(target, before, "version", f"speaks versions {oldest} to {newest}")
        # One that speaks the next version too, and says more in its greeting than this one knows.
        for target, oldest, newest in ((third, 1, 2), (node, 0, 1), (other, 1, 1)):
            with LinkPeer(target, authority, stranger) as peer:
                peer.send(hello(NAME, SMALLEST, STRANGER, oldest, newest, appended=b"\x07more of it"))
                kind, payload = peer.answer()
                assert kind == HELLO and payload.startswith(b"\x01\x01")
                peer.send(frame(WELCOME))
                target.wait_for_log(f"node link up node={SMALLEST}")
    undisturbed(cluster, books)


def test_nonsense_over_a_link_that_stands(cluster, books, authority, stranger):
    """What a node says, were it taken over: no records; and records whose contents make no sense to CAF or to this node:
    bytes at random, a length of four gigabytes, a message without an end."""
    length = bytes([0, 0, 0, 0]) + (0xFFFFFFF0).to_bytes(4, "big") + bytes(16)
    nonsense = (b"\xff" * 100_000, record(TUNNEL, b"\xff" * 10_000) * 10, record(TUNNEL, length),
                record(TUNNEL, length[:11]), record(PART, bytes(16_384)) * (130 << 6), b"\x03\xff\xff\xff")
    with registered(cluster), flowing(cluster, books.all):
        for target, data in zip(itertools.cycle(cluster.nodes), nonsense):
            memory = target.rss_bytes()
            ended = target.log().count(LINK_DOWN)
            with LinkPeer(target, authority, stranger) as peer:
                peer.send(hello(NAME, SMALLEST, STRANGER))
                assert peer.answer()[0] == HELLO
                peer.send(frame(WELCOME) + data)
                wait_for(lambda t=target, e=ended: t.log().count(LINK_DOWN) > e, 20, "the link's end")
            assert target.running()
            assert target.rss_bytes() < memory + (256 << 20)
        # A message that makes no sense ends nothing.
        with LinkPeer(cluster.nodes[0], authority, stranger) as peer:
            peer.send(hello(NAME, SMALLEST, STRANGER))
            assert peer.answer()[0] == HELLO
            peer.send(frame(WELCOME) + record(LAST, b"\x09?"))
            cluster.nodes[0].wait_for_log("a peer sent what can't be read")
    undisturbed(cluster, books)
