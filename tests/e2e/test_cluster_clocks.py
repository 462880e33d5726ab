"""Three machines whose clocks differ by an hour, as to the time of day and as to how long they have been up."""

import pytest
from carillon.another_machine import set_clocks
from carillon.clock import boot_ns, wait_for
from carillon.cluster import Cluster, Entrances
from carillon.cluster_load import subscribed
from carillon.ledger import Load, check_windows

HOUR = 3600
# Long enough that a window that was filled before a takeover is still full after it.
WINDOW = (30, 12)
LIMITS = [{"count": WINDOW[0], "seconds": WINDOW[1]}]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory, authority):
    made = Cluster(tmp_path_factory.mktemp("cluster"), authority)
    # No clock may show less than nothing.
    behind = min(HOUR, boot_ns() // 10**9 // 2)
    for node, ahead in zip(made.nodes, (0, HOUR, -behind)):
        set_clocks(node, ahead)
    try:
        made.start()
        yield made
    finally:
        made.close()


def members_of(cluster, shard):
    return {m["node"] for m in cluster.configuration()[shard]["members"]}


def test_a_key_made_by_one_clock_is_good_by_another(cluster):
    for node in cluster.nodes:
        account = node.api.account()
        for there in cluster.nodes:
            wait_for(lambda t=there, a=account: cluster.at(a, t).call("GET", "/usage").status == 200, 5, "the key")


def test_windows_and_event_ids_hold_across_a_takeover(cluster, receiver, ledger_of):
    """A node ends whose accounts' windows are full; one account goes on where clocks are ahead, one where they are
    behind."""
    leader, *others = cluster.nodes
    ledgers = {}
    for _ in range(200):
        account, ledger, shard = subscribed(cluster, receiver, ledger_of, event="update", limits=LIMITS)
        if cluster.primary_of(shard) is leader:
            ledgers.update({other: ledger for other in others if cluster.id_of(other) in members_of(cluster, shard)})
        if len(ledgers) == 2:
            break
    both = list(ledgers.values())
    load = Load(Entrances(cluster.nodes), both, total=3 * WINDOW[0], make=lambda a: a.changed()).start().join()
    assert set(load.statuses) <= {202, 503}
    for ledger in both:
        receiver.wait(ledger.path, WINDOW[0])
    leader.kill()
    # More of them, to whoever leads now; what was posted before is known there.
    load = Load(Entrances(cluster.nodes), both, total=20, make=lambda a: a.changed()).start().join()
    for there, ledger in ledgers.items():
        ledger.account = cluster.at(ledger.account, there)
        for event in list(ledger.accepted.values())[:3]:
            other = {**event, "record_id": 10**6}
            wait_for(lambda t=there, l=ledger, o=other: t.api.call("POST", f"{l.account.path}/events", o).status == 422, 20,
                     "a refusal of an event id that is there")
    for ledger in both:
        log = ledger.check(crashed=True, seconds=90)
        arrivals = receiver.at(ledger.path)
        # By the receiver's clock: the nodes' own can't be compared.
        check_windows([WINDOW], [], arrivals)
        assert len(arrivals) > WINDOW[0]
        assert {n["state"] for n in log} <= {"delivered", "unknown"}
    leader.start()
    cluster.wait_healthy()
