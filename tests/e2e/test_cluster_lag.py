"""How far members are behind their primaries, as every node tells it."""

from carillon.clock import wait_for
from carillon.cluster import address_of
from carillon.cluster_load import Stream, close_books

CLUSTER_SETUP = {"relays": True}

# In as many shards, as good as.
ACCOUNTS_OF_EACH_NODE = 5


def slow(cluster, one, other, seconds):
    cluster.network.slow(one.folder.name, other.folder.name, seconds)


def lag(cluster, shard, who, seen_by):
    """None when the member's lag isn't known there."""
    member = cluster.member(shard, who, seen_by)
    return member and member["lag"]


def test_a_member_behind_a_slow_link(cluster, receiver, tenants):
    """Also on the node that leads nothing of the shard and holds none of it."""
    primary, member, third = cluster.nodes
    [ledger] = tenants.led_by(primary, with_member=member)
    who, leader = cluster.id_of(member), cluster.id_of(primary)
    seen = next(s for s in cluster.view(third)["shards"] if s["shard"] == ledger.shard)
    assert {m["node"] for m in seen["members"]} == {leader, who}
    for node in cluster.nodes:
        wait_for(lambda node=node: lag(cluster, ledger.shard, who, node) == {"rows": 0, "ms": 0}, 30,
                 lambda node=node: f"a member in step: {cluster.full_view(node)}")
    with Stream(cluster, [ledger]) as stream:
        stream.flows()
        slow(cluster, primary, member, 0.3)
        for node in cluster.nodes:
            def is_behind(node=node):
                seen = lag(cluster, ledger.shard, who, node)
                return seen and seen["rows"] > 0 and seen["ms"] > 0
            wait_for(is_behind, 30, lambda node=node: f"a lag on {node.folder.name}: {cluster.full_view(node)}")
            wait_for(lambda: lag(cluster, ledger.shard, leader, third) == {"rows": 0, "ms": 0}, 30,
                     "a primary that is not behind itself")
        cluster.network.mend()
        stream.flows()
    for node in cluster.nodes:
        wait_for(lambda node=node: lag(cluster, ledger.shard, who, node) == {"rows": 0, "ms": 0}, 30,
                 lambda node=node: f"an end of the lag: {cluster.full_view(node)}")
    close_books(cluster, [ledger], crashed=False)


def test_a_primary_that_takes_too_long_to_tell(cluster):
    """The node behind the slow link names it, and doesn't know the lag of its members; what others lead it knows."""
    primary, other, third = cluster.nodes
    leader = cluster.id_of(primary)

    def known(node, led_by_it):
        """Of the members of all shards that the primary leads, or that it doesn't; None without any answer."""
        seen = cluster.full_view(node)
        return seen and [m["lag"] is not None for s in seen["shards"] if (s["primary"] == leader) == led_by_it
                         for m in s["members"]]

    def unanswered(node):
        seen = cluster.full_view(node)
        return seen and seen["unanswered"]

    for node in cluster.nodes:
        wait_for(lambda node=node: unanswered(node) == [] and all(known(node, True)), 30, "an answer of all nodes")
    slow(cluster, primary, third, 0.7)  # there and back it is more than the second that a node waits
    wait_for(lambda: unanswered(third) == [leader], 30, "a node that didn't answer")
    assert not any(known(third, True))
    wait_for(lambda: all(known(third, False)), 30, "what the others tell")
    wait_for(lambda: unanswered(other) == [] and all(known(other, True)), 30, "an answer where no link is slow")
    cluster.network.mend()
    wait_for(lambda: unanswered(third) == [] and all(known(third, True)), 30, "an answer of all nodes")


def test_a_member_that_joins(cluster, tenants):
    """A node with an empty disk gets the rows of each shard that it comes to hold; meanwhile it is behind."""
    primary, lost, third = cluster.nodes
    ledgers = tenants.of_every_node(ACCOUNTS_OF_EACH_NODE)
    cluster.kill(lost)
    cluster.wipe(lost)
    for other in (primary, third):
        slow(cluster, lost, other, 0.1)
    lost.start()

    def reached():
        seen = cluster.view(third)
        return next((n["id"] for n in (seen["nodes"] if seen else [])
                     if n["name"] == address_of(lost) and n["state"] == "reached"), None)

    who = wait_for(reached, 30, "the node's return")

    def is_behind():
        seen = cluster.full_view(third)
        return any(m["node"] == who and m["role"] != "full" and m["lag"] and m["lag"]["rows"] > 0
                   for s in (seen["shards"] if seen else []) for m in s["members"])

    wait_for(is_behind, 60, lambda: f"a member with less than its primary: {cluster.full_view(third)}")
    cluster.network.mend()
    cluster.wait_healthy()
    for node in cluster.nodes:
        wait_for(lambda node=node: all(m["lag"] == {"rows": 0, "ms": 0}
                                       for s in cluster.full_view(node)["shards"] for m in s["members"]), 30,
                 lambda node=node: f"all members in step: {cluster.full_view(node)}")
    close_books(cluster, ledgers)
