"""Limits: windows that are exact across bursts, restarts and deaths; backlog limits; order."""

import time

import pytest
from carillon.api import Account
from carillon.clock import steadily, wait_for
from carillon.ledger import Load, check_windows, nanoseconds
from carillon.receiver import HANG, Answer

WINDOWS = [(10, 2), (30, 6)]


def limits(*windows):
    return [{"count": count, "seconds": seconds} for count, seconds in windows]


def post(account, ledger, count):
    events = [account.changed() for _ in range(count)]
    ledger.trying(events)
    ledger.answered(account.post(events).json, events)


def test_a_burst_is_spread_over_the_windows(node, receiver, ledger_of):
    account = node.api.account(limits=limits(*WINDOWS))
    account.subscribe(receiver.url("/burst"), "person", "update")
    ledger = ledger_of(account, receiver, "/burst")
    post(account, ledger, 45)
    # As many as fit go at once: a limiter that holds back more than it must is wrong, too.
    receiver.wait("/burst", 10)
    log = ledger.check(windows=WINDOWS)
    assert len(log) == 45 and all(n["state"] == "delivered" for n in log)
    # 10 now, 10 after 2 s, 10 after 4 s, the longer window full: the next 10 after 6 s, the last 5 after 8 s.
    claims = sorted(nanoseconds(n["claimed_at"]) for n in log)
    assert (claims[-1] - claims[0]) / 1e9 >= 7.9
    # A place that frees is used at that moment, not at some later tick. Generous: the machine may be busy.
    assert (claims[-1] - claims[0]) / 1e9 < 16


def test_places_are_freed_by_the_first_byte_and_not_by_the_claim(make_node, receiver, ledger_of):
    """A receiver that is slow to answer holds its place one window from its first byte on, not from its answer."""
    node = make_node()
    account = node.api.account(limits=limits((4, 2)))
    receiver.on("/slow", Answer(wait=0.7))
    account.subscribe(receiver.url("/slow"), "person", "update")
    ledger = ledger_of(account, receiver, "/slow")
    post(account, ledger, 12)
    log = ledger.check(windows=[(4, 2)])
    assert [n["state"] for n in log] == ["delivered"] * 12


def test_usage_shows_the_windows(node, receiver):
    account = node.api.account(limits=limits((3, 60)))
    account.subscribe(receiver.url("/usage"), "person", "update")
    assert account.usage()["pending"]["notifications"] == 0
    account.post([account.changed() for _ in range(5)])
    receiver.wait("/usage", 3)
    usage = wait_for(lambda: (lambda u: u if u["in_flight"] == 0 else None)(account.usage()), 10, "an end of three POSTs")
    [window] = usage["windows"]
    assert window["used"] == 3, usage
    assert 3 in window.values() and 60 in window.values(), usage
    assert usage["pending"]["notifications"] == 2
    steadily(lambda: len(receiver.at("/usage")) == 3, 0.5, "a fourth POST within the window")


@pytest.mark.parametrize("how", ["kill", "terminate"])
def test_windows_hold_across_restarts(make_node, receiver, ledger_of, how):
    node = make_node()
    windows = [(10, 3), (20, 8)]
    account = node.api.account(limits=limits(*windows))
    account.subscribe(receiver.url("/again"), "person", "update")
    ledger = ledger_of(account, receiver, "/again")
    post(account, ledger, 30)
    for passed in (5, 12, 20):
        receiver.wait("/again", passed)
        getattr(node, how)()
        node.start()
    log = ledger.check(crashed=how == "kill", windows=windows)
    assert len(log) == 30
    if how == "terminate":
        assert all(n["state"] == "delivered" for n in log)


def test_unknown_ones_hold_their_places(make_node, receiver, ledger_of):
    """What was in flight at a death may have been sent: its place is taken until that can't matter any more."""
    node = make_node({"delivery.timeout": "4s", "delivery.connect-timeout": "2s"})
    account = node.api.account(limits=limits((5, 3)))
    receiver.on("/lost", HANG)
    account.subscribe(receiver.url("/lost"), "person", "update")
    ledger = ledger_of(account, receiver, "/lost")
    post(account, ledger, 8)
    receiver.wait("/lost", 5)
    node.kill()
    receiver.on("/lost", Answer())
    node.start()
    log = ledger.check(crashed=True, windows=[(5, 3)])
    states = sorted(n["state"] for n in log)
    assert states == ["delivered"] * 3 + ["unknown"] * 5


def test_several_accounts_have_windows_of_their_own(node, receiver, ledger_of):
    ledgers = []
    for number in range(3):
        account = node.api.account(limits=limits((5, 2)))
        path = f"/own{number}"
        account.subscribe(receiver.url(path), "person", "update")
        ledgers.append(ledger_of(account, receiver, path))
    Load(node, ledgers, total=30, threads=3, make=Account.changed).start().join()
    for ledger in ledgers:
        assert len(ledger.check(windows=[(5, 2)])) == 10


def test_limits_of_an_account_can_change(node, receiver):
    account = node.api.account(limits=limits((1, 3600)))
    account.subscribe(receiver.url("/change"), "person", "update")
    account.post([account.changed() for _ in range(3)])
    receiver.wait("/change", 1)
    steadily(lambda: len(receiver.at("/change")) == 1, 0.3, "a second POST within the hour")
    node.api.call("PUT", account.path, {"limits": limits((100, 60))}, status=200)
    receiver.wait("/change", 3)


# --- backlog ---


def test_over_the_record_limit_the_oldest_expires(node, receiver, ledger_of):
    account = node.api.account(limits=limits((1, 3600)), backlog={"records": 10, "seconds": 3600})
    account.subscribe(receiver.url("/backlog"), "person", "update")
    ledger = ledger_of(account, receiver, "/backlog")
    for _ in range(15):
        post(account, ledger, 1)
    wait_for(lambda: len(account.missed()) == 4, 10, lambda: f"four expired ones: {account.missed()}")
    missed = account.missed()
    assert [n["state"] for n in missed] == ["expired"] * 4
    # The first went out; the next four were the oldest that waited.
    assert [n["records"] for n in missed] == [["2"], ["3"], ["4"], ["5"]]
    assert account.usage()["pending"]["notifications"] == 10
    assert len(receiver.at("/backlog")) == 1


def test_over_the_age_limit_it_expires(node, receiver):
    account = node.api.account(limits=limits((2, 3600)), backlog={"records": 1000, "seconds": 2})
    account.subscribe(receiver.url("/age"), "person", "update")
    started = time.monotonic()
    account.post([account.changed() for _ in range(5)])
    wait_for(lambda: len(account.missed()) == 3, 20, lambda: f"three expired ones: {account.missed()}")
    assert time.monotonic() - started >= 1.9
    assert [n["records"] for n in account.missed()] == [["3"], ["4"], ["5"]]
    assert {n["state"] for n in account.missed()} == {"expired"}
    account.settle()
    assert len(receiver.at("/age")) == 2


def test_age_counts_while_the_node_is_down(make_node, receiver):
    node = make_node()
    account = node.api.account(limits=limits((1, 3600)), backlog={"records": 1000, "seconds": 2})
    account.subscribe(receiver.url("/down"), "person", "update")
    account.post([account.changed() for _ in range(3)])
    receiver.wait("/down", 1)
    node.terminate()
    # Time itself is what is tested here.
    time.sleep(2.1)
    node.start()
    wait_for(lambda: len(account.missed()) == 2, 20, lambda: f"two expired ones: {account.missed()}")
    assert len(receiver.at("/down")) == 1


# --- order ---


def test_claims_are_in_order_of_acceptance(node, receiver):
    account = node.api.account(limits=limits((1000, 60)))
    subscription = account.subscribe(receiver.url("/order"), "person", "update")
    account.patch(subscription, status="paused")
    for _ in range(4):
        account.post([account.changed() for _ in range(25)])
    account.patch(subscription, status="active")
    log = account.settle()
    by_claim = sorted(log, key=lambda n: (nanoseconds(n["claimed_at"]), int(n["records"][0])))
    assert [int(n["records"][0]) for n in by_claim] == list(range(1, 101))


def test_ordered_waits_for_each_outcome(node, receiver):
    account = node.api.account(limits=limits((1000, 60)))
    receiver.on("/ordered", Answer(wait=0.03))
    subscription = account.subscribe(receiver.url("/ordered"), "person", "update")
    assert account.patch(subscription, ordered=True)["ordered"] is True
    account.post([account.changed() for _ in range(20)])
    arrivals = receiver.wait("/ordered", 20)
    assert [a.json["ids"][0] for a in arrivals] == list(range(1, 21))
    for earlier, later in zip(arrivals, arrivals[1:]):
        assert later.first >= earlier.answered, "the next one came before the outcome of the one before"


def test_ordered_goes_on_after_a_failure(node, receiver):
    account = node.api.account(limits=limits((1000, 60)))
    receiver.on("/ordered", Answer(500), Answer(status=0), Answer())
    subscription = account.subscribe(receiver.url("/ordered"), "person", "update")
    account.patch(subscription, ordered=True)
    account.post([account.changed() for _ in range(4)])
    account.settle()
    assert [a.json["ids"] for a in receiver.at("/ordered")] == [[1], [2], [3], [4]]
    assert {n["records"][0]: n["state"] for n in account.missed()} == {"1": "rejected", "2": "failed"}


def test_posts_in_flight_are_bounded(make_node, receiver):
    node = make_node({"delivery.per-account": 6, "delivery.per-subscription": 2})
    account = node.api.account(limits=limits((1000, 60)))
    receiver.on("/slots", HANG)
    for number in range(4):
        account.subscribe(receiver.url(f"/slots/{number}"), "person", "update")
    account.post([account.changed() for _ in range(5)])
    receiver.wait("/slots", 6)
    steadily(lambda: len(receiver.at("/slots")) == 6, 0.5, "a seventh POST in flight")
    assert all(len(receiver.at(f"/slots/{n}")) <= 2 for n in range(4))
    assert account.usage()["in_flight"] == 6
    receiver.on("/slots", Answer())
    receiver.let_go()
    log = account.settle()
    assert len(log) == 20 and {n["state"] for n in log} == {"delivered"}
    check_windows([(1000, 60)], log, receiver.at("/slots"))
