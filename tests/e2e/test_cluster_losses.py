"""Death of both members of a shard, of all nodes, and of disks: what comes back, with whatever it has, is enough.

Each test ends as those of `test_cluster_kills.py`.
"""

import shutil

import pytest
from carillon.clock import boot_ns, wait_for
from carillon.cluster_load import Stream, answered_since, close_books


@pytest.mark.parametrize("back", [0, 1], ids=["primary", "member"])
def test_death_of_both_members(cluster, tenants, back):
    """A lone node acknowledges nothing; each of the two has all that was acknowledged."""
    both, third = cluster.nodes[:2], cluster.nodes[2]
    ledgers = tenants.led_by(both[0], 2, with_member=both[1]) + tenants.led_by(third)
    with Stream(cluster, ledgers) as stream:
        stream.flows(3)
        cluster.kill(*both)
        alone = boot_ns()
        refused = stream.statuses[503]
        wait_for(lambda: stream.statuses[503] >= refused + 12, 60, lambda: f"refusals: {stream.statuses}")
        assert not any(answered_since(one, alone) for one in ledgers), "a lone node has acknowledged"
        both[back].start()
        print(f"events flowed {stream.flows():.3f} s after the {both[back].folder.name} was back")
        both[1 - back].start()
        stream.flows(5)
    close_books(cluster, ledgers)


def held_by(cluster, *nodes):
    """The shards that all of these are full members of."""
    ids = {cluster.id_of(node) for node in nodes}
    return {s["shard"] for s in cluster.view()["shards"]
            if ids <= {m["node"] for m in s["members"] if m["role"] == "full"}}


def test_what_a_member_did_not_write_is_not_acknowledged(cluster, tenants):
    """The member stops before it writes, both die, and the member comes back alone: with all that was acknowledged."""
    primary, member = cluster.nodes[:2]
    ledgers = tenants.led_by(primary, 2, with_member=member)
    held = held_by(cluster, primary, member)
    with Stream(cluster, ledgers) as stream:
        stream.flows()
        member.arm("before-commit", nth=9, stop=True)
        wait_for(member.stopped, 30, "a member that stopped")
        # Whatever the primary takes for acknowledged has been answered by then.
        stream.stands_still(0.3)
        cluster.kill(primary, member)
        if not held <= held_by(cluster, primary, member):
            primary.start()  # it took so long that another is member now
        member.start()
        stream.flows()
        if not primary.running():
            primary.start()
        stream.flows(5)
    close_books(cluster, ledgers)


def test_death_of_all(cluster, tenants):
    ledgers = tenants.of_every_node()
    with Stream(cluster, ledgers) as stream:
        stream.flows(3)
        cluster.kill(*cluster.nodes)
        for node in cluster.nodes:
            node.start(wait=False)
        for node in cluster.nodes:
            node.wait_ready()
        print(f"events flowed {stream.flows():.3f} s after all were back")
    close_books(cluster, ledgers)


def test_a_lost_disk(cluster, tenants):
    """The node comes back as another one, is filled, and takes over in its turn."""
    ledgers = tenants.of_every_node()
    lost, other = cluster.nodes[1], cluster.nodes[2]
    before = cluster.id_of(lost)
    with Stream(cluster, ledgers) as stream:
        stream.flows(3)
        cluster.kill(lost)
        cluster.wipe(lost)
        stream.flows()
        lost.start()
        # As long as it doesn't know who there is, it says just that.
        there = cluster.at(ledgers[0].account, lost)
        answers = []
        wait_for(lambda: answers.append(there.call("GET", "/usage").status) or answers[-1] == 200, 30, "an answer")
        assert set(answers) <= {200, 503}, answers
        cluster.wait_healthy()
        assert cluster.id_of(lost) != before
        assert before not in {m["node"] for s in cluster.view()["shards"] for m in s["members"]}
        cluster.kill(other)
        print(f"events flowed after {stream.flows():.3f} s")
        assert cluster.view(lost)["self"] in {s["primary"] for s in cluster.view()["shards"]}
        other.start()
        stream.flows(5)
    close_books(cluster, ledgers)


def test_a_node_with_an_old_store(cluster, tenants):
    """It comes back with what it had some events ago, and is brought to what the others have."""
    ledgers = tenants.of_every_node()
    node = cluster.nodes[0]
    who = cluster.id_of(node)
    old = node.folder / "old"
    with Stream(cluster, ledgers) as stream:
        stream.flows(3)
        cluster.kill(node)
        shutil.copytree(node.store, old, ignore=shutil.ignore_patterns("*.sock"))
        node.start()
        cluster.wait_healthy()
        stream.flows(5)
        cluster.kill(node)
        stream.flows()
        wait_for(lambda: who not in {m["node"] for s in cluster.view()["shards"] for m in s["members"]
                                     if m["role"] == "full"}, 30, cluster.describe)
        cluster.wipe(node)
        old.rename(node.store)
        node.start()
        stream.flows(5)
        cluster.wait_healthy()
        cluster.kill(cluster.nodes[1])
        print(f"events flowed after {stream.flows():.3f} s")
        cluster.nodes[1].start()
        stream.flows(5)
    close_books(cluster, ledgers)
