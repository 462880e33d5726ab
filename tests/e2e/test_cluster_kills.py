"""Death of a cluster's nodes at every step of a write, of a takeover and of a handover.

Each test ends with the books, which every node tells the same: what was answered 202 is in the log, nothing was POSTed
twice; and with the cluster as it was at first: events flow, and every shard has its members back.
"""

import pathlib
import re
import signal

import pytest
from carillon.clock import wait_for
from carillon.cluster_load import Stream, close_books
from carillon.receiver import HANG, Answer

REPLICA = pathlib.Path(__file__).parents[2] / "actors" / "replica.cpp"
# On the way of a write and of what follows from it, in their order.
OF_A_PRIMARY = ["event-received", "before-commit", "rows-stored", "rows-committed", "rows-applied", "before-202",
                "before-post", "post-started", "outcome-received", "outcome-committed"]
OF_A_MEMBER = ["rows-received", "before-commit", "rows-stored", "rows-applied"]
OF_A_SUCCESSOR = ["promise-stored"]


def pairs(points):
    return list(zip(points[::2], points[1::2]))


# No takeover needs as much; who waits for something that died (a handover, say) needs longer.
TAKEOVER_SECONDS = 15


def dead(node, point):
    wait_for(lambda: not node.running(), 30, lambda: f"a death at {point}:\n{node.log()[-2000:]}")
    assert node.wait_end() == -signal.SIGKILL


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
            print(f"killed at {point}: events flowed after {stream.flows(seconds=TAKEOVER_SECONDS):.3f} s")
            victim.start()
            stream.flows(5)
        cluster.wait_healthy()
        stream.flows()
    close_books(cluster, ledgers)


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
    close_books(cluster, ledgers)


def test_deaths_of_a_node_that_is_being_filled(cluster, tenants):
    ledgers = tenants.of_every_node()
    victim = cluster.nodes[2]
    with Stream(cluster, ledgers) as stream:
        stream.flows()
        cluster.kill(victim)
        cluster.wipe(victim)
        for nth in (5, 50):
            victim.arm("rows-stored", nth)
            victim.start()
            dead(victim, "rows-stored")
        victim.start()
        stream.flows(5)
    close_books(cluster, ledgers)


def test_death_of_the_one_that_takes_over(cluster, tenants):
    """It has promised itself the next epoch, and dies before it can lead in that."""
    first, successor, third = cluster.nodes
    ledgers = tenants.led_by(first, 2, with_member=successor)
    with Stream(cluster, ledgers) as stream:
        stream.flows()
        successor.arm("promise-stored")
        cluster.kill(first)
        dead(successor, "promise-stored")
        successor.start()
        print(f"events flowed after {stream.flows():.3f} s")
        first.start()
        stream.flows(5)
    close_books(cluster, ledgers)


def test_death_in_flight_becomes_unknown(cluster, receiver, tenants):
    """The POST is open when its node dies: no other sends it again."""
    victim = cluster.nodes[1]
    [ledger] = tenants.led_by(victim)
    receiver.on(ledger.path, HANG)
    with Stream(cluster, [ledger]) as stream:
        stream.flows()
        open_ones = {a.webhook_id for a in receiver.wait(ledger.path, 1)}
        cluster.kill(victim)
        receiver.on(ledger.path, Answer())
        stream.flows(5)
        # The same events again, each to every node: they are known wherever the account lives now.
        events = [e for e in list(ledger.accepted.values())[:20]]
        for node in cluster.running():
            assert cluster.at(ledger.account, node).post(events).json["duplicates"] == len(events)
        victim.start()
    [log] = close_books(cluster, [ledger])
    assert {n["state"] for n in log if n["webhook_id"] in open_ones} == {"unknown"}
    assert open_ones <= {n["webhook_id"] for n in ledger.account.missed()}


