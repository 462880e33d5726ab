"""Death of a cluster's nodes at every step of a write and of a takeover, of two or all at once, and with their disks.

Each test ends with the books, which every node tells the same: what was answered 202 is in the log, nothing was POSTed
twice; and with the cluster as it was at first: events flow, and every shard has its members back.
"""

import pathlib
import re
import shutil
import signal

import pytest
from carillon.clock import boot_ns, wait_for
from carillon.cluster_load import Stream, Tenants, answered_since, settle_books
from carillon.receiver import HANG, Answer

REPLICA = pathlib.Path(__file__).parents[2] / "actors" / "replica.cpp"
# On the way of a write and of what follows from it, in their order.
OF_A_PRIMARY = ["event-received", "before-commit", "rows-stored", "rows-committed", "rows-applied", "before-202",
                "before-post", "post-started", "outcome-received", "outcome-committed"]
OF_A_MEMBER = ["rows-received", "before-commit", "rows-stored", "rows-applied"]
OF_A_SUCCESSOR = ["promise-stored"]


def pairs(points):
    return list(zip(points[::2], points[1::2]))


@pytest.fixture
def tenants(cluster, receiver, ledger_of):
    return Tenants(cluster, receiver, ledger_of)


def dead(node, point):
    wait_for(lambda: not node.running(), 30, lambda: f"a death at {point}:\n{node.log()[-2000:]}")
    assert node.wait_end() == -signal.SIGKILL


def kill(*nodes):
    """At once: none of them has the time to hear of another's end."""
    for node in nodes:
        node.signal(signal.SIGKILL)
    for node in nodes:
        assert node.wait_end() == -signal.SIGKILL


def end(cluster, ledgers):
    cluster.wait_healthy()
    logs = [settle_books(cluster, ledgers, at=node) for node in cluster.nodes]
    assert all(log == logs[0] for log in logs)
    return logs[0]


def test_every_fault_point_of_a_replica_has_its_death():
    text = REPLICA.read_text()
    named = set(re.findall(r'fault_point\("([a-z0-9-]+)"\)', text)) | set(re.findall(r'\}, "([a-z0-9-]+)"\);', text))
    assert named and named <= {*OF_A_PRIMARY, *OF_A_MEMBER, *OF_A_SUCCESSOR}


@pytest.mark.parametrize("points", pairs(OF_A_PRIMARY), ids="+".join)
def test_deaths_of_primaries_at(cluster, receiver, tenants, points):
    """The second one while the first is being filled with what it lacks."""
    ledgers = tenants.of_every_node(2)
    receiver.on(ledgers[0].path, Answer(wait=0.05))  # something is in flight at any time
    with Stream(cluster, ledgers) as stream:
        stream.flows()
        for victim, point in zip(cluster.nodes, points):
            wait_for(cluster.can_lose_one, 30, cluster.describe)
            victim.arm(point, nth=3)
            dead(victim, point)
            print(f"killed at {point}: events flowed after {stream.flows():.3f} s")
            victim.start()
            stream.flows(5)
        cluster.wait_healthy()
        stream.flows()
    end(cluster, ledgers)


@pytest.mark.parametrize("points", pairs(OF_A_MEMBER), ids="+".join)
def test_deaths_of_a_member_at(cluster, tenants, points):
    primary, victim = cluster.nodes[0], cluster.nodes[1]
    ledgers = tenants.led_by(primary, 2, with_member=victim)
    with Stream(cluster, ledgers) as stream:
        stream.flows()
        for point in points:
            wait_for(cluster.can_lose_one, 30, cluster.describe)
            victim.arm(point, nth=3)
            dead(victim, point)
            print(f"killed at {point}: events flowed after {stream.flows():.3f} s")
            victim.start()
            stream.flows(5)
    end(cluster, ledgers)


def test_deaths_of_a_node_that_is_being_filled(cluster, tenants):
    ledgers = tenants.of_every_node()
    victim = cluster.nodes[2]
    with Stream(cluster, ledgers) as stream:
        stream.flows()
        kill(victim)
        cluster.wipe(victim)
        for nth in (5, 50):
            victim.arm("rows-stored", nth)
            victim.start()
            dead(victim, "rows-stored")
        victim.start()
        stream.flows(5)
    end(cluster, ledgers)


def test_death_of_the_one_that_takes_over(cluster, tenants):
    """It has promised itself the next epoch, and dies before it can lead in that."""
    first, successor, third = cluster.nodes
    ledgers = tenants.led_by(first, 2, with_member=successor)
    with Stream(cluster, ledgers) as stream:
        stream.flows()
        successor.arm("promise-stored")
        kill(first)
        dead(successor, "promise-stored")
        successor.start()
        print(f"events flowed after {stream.flows():.3f} s")
        first.start()
        stream.flows(5)
    end(cluster, ledgers)


def test_death_of_the_one_that_is_handed_a_shard(cluster, receiver, tenants):
    """A POST that hangs holds the handover up. When the one that is to get the shard dies, the shard goes on at once."""
    belongs_to = cluster.nodes[0]
    [ledger] = tenants.led_by(belongs_to)
    with Stream(cluster, [ledger]) as stream:
        stream.flows()
        kill(belongs_to)
        stream.flows()
        receiver.on(ledger.path, HANG)
        before = len(receiver.at(ledger.path))
        receiver.wait(ledger.path, before + 1)
        belongs_to.start()
        primary = cluster.primary_of(ledger.shard)
        wait_for(lambda: ("hand-over", ledger.shard) in [(m["step"], m["shard"]) for m in cluster.view(primary)["moves"]],
                 60, lambda: f"a handover of shard {ledger.shard}: {cluster.describe()}")
        stream.flows()
        kill(belongs_to)
        print(f"events flowed after {stream.flows(seconds=15):.3f} s")
        receiver.on(ledger.path, Answer())
        receiver.let_go()
        belongs_to.start()
        stream.flows(5)
    end(cluster, [ledger])


def test_death_in_flight_becomes_unknown(cluster, receiver, tenants):
    """The POST is open when its node dies: no other sends it again."""
    victim = cluster.nodes[1]
    [ledger] = tenants.led_by(victim)
    receiver.on(ledger.path, HANG)
    with Stream(cluster, [ledger]) as stream:
        stream.flows()
        open_ones = {a.webhook_id for a in receiver.wait(ledger.path, 1)}
        kill(victim)
        receiver.on(ledger.path, Answer())
        stream.flows(5)
        # The same events again, each to every node: they are known wherever the account lives now.
        events = [e for e in list(ledger.accepted.values())[:20]]
        for node in cluster.running():
            assert cluster.at(ledger.account, node).post(events).json["duplicates"] == len(events)
        victim.start()
    [log] = end(cluster, [ledger])
    assert {n["state"] for n in log if n["webhook_id"] in open_ones} == {"unknown"}
    assert open_ones <= {n["webhook_id"] for n in ledger.account.missed()}


@pytest.mark.parametrize("back", [0, 1], ids=["primary", "member"])
def test_death_of_both_members(cluster, tenants, back):
    """A lone node acknowledges nothing; each of the two has all that was acknowledged."""
    both, third = cluster.nodes[:2], cluster.nodes[2]
    ledgers = tenants.led_by(both[0], 2, with_member=both[1]) + tenants.led_by(third)
    with Stream(cluster, ledgers) as stream:
        stream.flows(3)
        kill(*both)
        alone = boot_ns()
        refused = stream.statuses[503]
        wait_for(lambda: stream.statuses[503] >= refused + 12, 60, lambda: f"refusals: {stream.statuses}")
        assert not any(answered_since(one, alone) for one in ledgers), "a lone node has acknowledged"
        both[back].start()
        print(f"events flowed {stream.flows():.3f} s after the {both[back].folder.name} was back")
        both[1 - back].start()
        stream.flows(5)
    end(cluster, ledgers)


def held_by(cluster, *nodes):
    """The shards that all of these are full members of."""
    ids = {cluster.id_of(node) for node in nodes}
    return {s["shard"] for s in cluster.view()["shards"]
            if ids <= {m["node"] for m in s["members"] if m["role"] == "full"}}


def test_what_a_member_did_not_write_is_not_acknowledged(cluster, tenants):
    """The member stops before it writes, both die, and the member comes back alone: it has all that was acknowledged."""
    primary, member = cluster.nodes[:2]
    ledgers = tenants.led_by(primary, 2, with_member=member)
    held = held_by(cluster, primary, member)
    with Stream(cluster, ledgers) as stream:
        stream.flows()
        member.arm("before-commit", nth=9, stop=True)
        wait_for(member.stopped, 30, "a member that stopped")
        # Whatever the primary takes for acknowledged has been answered by then.
        stream.stands_still(0.3)
        kill(primary, member)
        if not held <= held_by(cluster, primary, member):
            primary.start()  # it took so long that another is member now
        member.start()
        stream.flows()
        if not primary.running():
            primary.start()
        stream.flows(5)
    end(cluster, ledgers)


def test_death_of_all(cluster, tenants):
    ledgers = tenants.of_every_node()
    with Stream(cluster, ledgers) as stream:
        stream.flows(3)
        kill(*cluster.nodes)
        for node in cluster.nodes:
            node.start(wait=False)
        for node in cluster.nodes:
            node.wait_ready()
        print(f"events flowed {stream.flows():.3f} s after all were back")
    end(cluster, ledgers)


def test_a_lost_disk(cluster, tenants):
    """The node comes back as another one, is filled, and takes over in its turn."""
    ledgers = tenants.of_every_node()
    lost, other = cluster.nodes[1], cluster.nodes[2]
    before = cluster.id_of(lost)
    with Stream(cluster, ledgers) as stream:
        stream.flows(3)
        kill(lost)
        cluster.wipe(lost)
        stream.flows()
        lost.start()
        # As long as it doesn't know who there is, it says just that.
        there = cluster.at(ledgers[0].account, lost)
        answers = []
        wait_for(lambda: answers.append(there.call("GET", "/usage").status) or answers[-1] == 200, 30, "an answer of it")
        assert set(answers) <= {200, 503}, answers
        cluster.wait_healthy()
        assert cluster.id_of(lost) != before
        assert before not in {m["node"] for s in cluster.view()["shards"] for m in s["members"]}
        kill(other)
        print(f"events flowed after {stream.flows():.3f} s")
        assert cluster.view(lost)["self"] in {s["primary"] for s in cluster.view()["shards"]}
        other.start()
        stream.flows(5)
    end(cluster, ledgers)


def test_a_node_with_an_old_store(cluster, tenants):
    """It comes back with what it had some events ago, and is brought to what the others have."""
    ledgers = tenants.of_every_node()
    node = cluster.nodes[0]
    who = cluster.id_of(node)
    old = node.folder / "old"
    with Stream(cluster, ledgers) as stream:
        stream.flows(3)
        kill(node)
        shutil.copytree(node.store, old, ignore=shutil.ignore_patterns("*.sock"))
        node.start()
        cluster.wait_healthy()
        stream.flows(5)
        kill(node)
        stream.flows()
        wait_for(lambda: who not in {m["node"] for s in cluster.view()["shards"] for m in s["members"]
                                     if m["role"] == "full"}, 30, cluster.describe)
        cluster.wipe(node)
        old.rename(node.store)
        node.start()
        stream.flows(5)
        cluster.wait_healthy()
        kill(cluster.nodes[1])
        print(f"events flowed after {stream.flows():.3f} s")
        cluster.nodes[1].start()
        stream.flows(5)
    end(cluster, ledgers)
