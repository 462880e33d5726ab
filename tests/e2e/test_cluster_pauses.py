"""Nodes and etcd that stand still (SIGSTOP) until the others have gone on without them, and then go on themselves.

What an old primary answers 202 must be in the new one's log; what it POSTs nobody else may; what it had claimed and not
begun to send when it stopped, it must not send any more. Each test ends with the books, as every node tells them, and
with the cluster as it was at first.
"""

import time

import pytest
from carillon.clock import boot_ns, wait_for
from carillon.cluster_load import Stream, close_books
from carillon.ledger import nanoseconds
from carillon.receiver import Answer

# The deadline of a claim: shorter than any pause here.
NODE_SETTINGS = {"delivery.timeout": "1s", "delivery.connect-timeout": "1s"}

OF_A_PRIMARY = [("rows-stored", "rows-committed"), ("before-post", "outcome-received")]
OF_A_MEMBER = ["rows-received", "rows-stored"]


class Pauses:
    """When something stood still, and what must not have happened afterwards."""

    def __init__(self, cluster):
        self.cluster = cluster
        self._moments = []

    def stand_still(self, *nodes):
        for node in nodes:
            wait_for(node.stopped, 30, lambda: f"a stop of {node.folder.name}:\n{node.log()[-2000:]}")
        self._stopped = time.time_ns()

    def go_on(self, *nodes):
        self._moments.append((self._stopped, boot_ns()))
        for node in nodes:
            self.cluster.go_on(node)

    def end(self, ledgers, receiver, crashed=True):
        """The cluster is what it was, each node tells the same books, and nothing that was claimed before a pause and
        became `unknown` by it was first sent behind it."""
        unknown = {n["webhook_id"]: nanoseconds(n["claimed_at"])
                   for log in close_books(self.cluster, ledgers, crashed=crashed) for n in log
                   if n["state"] == "unknown"}
        for stopped, went_on in self._moments:
            late = [a for one in ledgers for a in receiver.at(one.path)
                    if a.first > went_on and unknown.get(a.webhook_id, stopped) < stopped]
            assert not late, f"sent by a primary that was none any more: {late[:3]}"


@pytest.fixture
def pauses(cluster):
    return Pauses(cluster)


@pytest.mark.parametrize("points", OF_A_PRIMARY, ids="+".join)
def test_pauses_of_primaries_at(cluster, receiver, tenants, pauses, points):
    ledgers = tenants.of_every_node(2)
    for one in ledgers[::2]:
        receiver.on(one.path, Answer(wait=0.05))  # something is in flight at any time
    for node, point in zip(cluster.nodes, points):
        # Who insists on this node gets its answer from it when it goes on.
        with Stream(cluster, ledgers) as stream, Stream(cluster, ledgers, threads=2, at=node, timeout=60) as insisting:
            stream.flows()
            wait_for(cluster.can_lose_one, 30, cluster.describe)
            node.arm(point, nth=3, stop=True)
            pauses.stand_still(node)
            print(f"stopped at {point}: events flowed after {stream.flows(2):.3f} s")
            pauses.go_on(node)
            insisting.flows()
            stream.flows(5)
    pauses.end(ledgers, receiver)


def test_pauses_of_a_member_at(cluster, receiver, tenants, pauses):
    primary, node = cluster.nodes[:2]
    ledgers = tenants.led_by(primary, 2, with_member=node)
    with Stream(cluster, ledgers) as stream:
        for point in OF_A_MEMBER:
            stream.flows()
            cluster.wait_healthy()
            node.arm(point, nth=3, stop=True)
            pauses.stand_still(node)
            print(f"stopped at {point}: events flowed after {stream.flows(2):.3f} s")
            pauses.go_on(node)
            stream.flows(5)
    # Their primary was there all the time.
    pauses.end(ledgers, receiver, crashed=False)


def registered(cluster):
    return cluster.etcd.entries("/carillon/test/nodes/")


def test_pause_longer_than_the_lease(cluster, receiver, tenants, pauses):
    """The node's own entry is gone when it goes on."""
    node = cluster.nodes[0]
    ledgers = tenants.of_every_node()
    with Stream(cluster, ledgers) as stream, Stream(cluster, ledgers, threads=2, at=node, timeout=60) as insisting:
        stream.flows()
        cluster.pause(node)
        pauses.stand_still(node)
        wait_for(lambda: len(registered(cluster)) == 2, 30, "an end of the lease")
        stream.flows()
        pauses.go_on(node)
        insisting.flows()
        stream.flows(5)
    pauses.end(ledgers, receiver)


def test_pause_of_both_members(cluster, receiver, tenants, pauses):
    """Each takes the other for dead when they go on: both try to change who leads, at once."""
    nodes, third = cluster.nodes[:2], cluster.nodes[2]
    ledgers = tenants.led_by(nodes[0], 2, with_member=nodes[1]) + tenants.led_by(third)
    with Stream(cluster, ledgers) as stream:
        stream.flows()
        for node in nodes:
            cluster.pause(node)
        pauses.stand_still(*nodes)
        wait_for(lambda: [n["state"] for n in cluster.view(third)["nodes"]].count("reached") == 1, 30,
                 "a third node that reaches nobody")
        pauses.go_on(*nodes)
        print(f"events flowed after {stream.flows():.3f} s")
        stream.flows(5)
    pauses.end(ledgers, receiver)


def test_pause_of_all(cluster, receiver, tenants, pauses):
    """As of a machine that sleeps: nobody's entry is left."""
    ledgers = tenants.of_every_node()
    with Stream(cluster, ledgers) as stream:
        stream.flows()
        for node in cluster.nodes:
            cluster.pause(node)
        pauses.stand_still(*cluster.nodes)
        wait_for(lambda: not registered(cluster), 30, "an end of all leases")
        pauses.go_on(*cluster.nodes)
        print(f"events flowed after {stream.flows():.3f} s")
        stream.flows(5)
    pauses.end(ledgers, receiver)


def test_pause_of_etcd(cluster, receiver, tenants, pauses):
    """Who leads goes on; who dies meanwhile is taken over from when etcd is back."""
    ledgers = tenants.of_every_node()
    dead = cluster.nodes[1]
    with Stream(cluster, ledgers) as stream:
        stream.flows()
        before = {s["shard"]: s["epoch"] for s in cluster.view()["shards"]}
        cluster.etcd.pause()
        # Longer than a lease: each node has found that it can't keep its own.
        for node in cluster.nodes:
            node.wait_for_log("the configuration store doesn't answer", 30)
        stream.flows(5)
        assert {s["shard"]: s["epoch"] for s in cluster.view()["shards"]} == before
        dead.kill()
        cluster.etcd.go_on()
        print(f"events flowed after {stream.flows():.3f} s")
        dead.start()
        stream.flows(5)
    pauses.end(ledgers, receiver)
