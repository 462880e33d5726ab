"""Pause, suspension, probes and Retry-After: what waits is not lost, and what failed is not tried again."""

import time

import pytest
from carillon.clock import steadily, wait_for
from carillon.ledger import nanoseconds
from carillon.receiver import Answer

NODE_SETTINGS = {
    "limits.windows": ["100000/60s"],
    "delivery.suspend-after-failures": 3,
    "delivery.suspend-after": "0s",
    "delivery.probe-interval": "1s",
}


def subscribe(account, receiver, path):
    return account.subscribe(receiver.url(path), "person", "update")


def wait_status(account, subscription, status, seconds=20):
    return wait_for(
        lambda: (lambda s: s if s["status"] == status else None)(account.subscription(subscription)),
        seconds, lambda: f"{status}: {account.subscription(subscription)}")


def test_a_pause_holds_and_a_resume_sends_in_order(account, receiver):
    subscription = subscribe(account, receiver, "/pause")
    paused = account.patch(subscription, status="paused")
    assert paused["status"] == "paused" and paused["status_reason"] and paused["status_since"]
    told = account.post([account.changed() for _ in range(5)]).json
    assert told["notifications"] == 5
    assert [n["state"] for n in account.log()] == ["pending"] * 5
    steadily(lambda: not receiver.arrivals, 0.3, "a POST of a paused subscription")
    resumed = account.patch(subscription, status="active", ordered=True)
    assert resumed["status"] == "active" and resumed["consecutive_failures"] == 0
    assert [a.json["ids"] for a in receiver.wait("/pause", 5)] == [[1], [2], [3], [4], [5]]
    account.settle()
    assert account.missed() == []


def test_a_pause_outlives_a_restart(make_node, receiver):
    node = make_node()
    account = node.api.account()
    subscription = subscribe(account, receiver, "/pause")
    account.patch(subscription, status="paused")
    account.post(account.changed())
    node.kill()
    node.start()
    assert account.subscription(subscription)["status"] == "paused"
    steadily(lambda: not receiver.arrivals, 0.3, "a POST of a paused subscription")
    account.patch(subscription, status="active")
    receiver.wait("/pause", 1)


def test_a_paused_account_holds_all(node, receiver):
    account = node.api.account()
    subscribe(account, receiver, "/state")
    node.api.call("PUT", account.path, {"state": "paused"}, status=200)
    assert account.post(account.changed()).json["notifications"] == 1
    steadily(lambda: not receiver.arrivals, 0.3, "a POST of a paused account")
    node.api.call("PUT", account.path, {"state": "active"}, status=200)
    receiver.wait("/state", 1)


def test_a_deletion_cancels_what_waits(account, receiver):
    subscription = subscribe(account, receiver, "/cancel")
    account.patch(subscription, status="paused")
    account.post([account.changed() for _ in range(3)])
    account.copper("DELETE", f"/webhooks/{subscription['id']}", status=200)
    log = account.settle()
    assert [n["state"] for n in log] == ["cancelled"] * 3
    assert [n["state"] for n in account.missed()] == ["cancelled"] * 3
    assert receiver.arrivals == []


def test_410_suspends_at_once(account, receiver):
    subscription = subscribe(account, receiver, "/gone")
    receiver.on("/gone", Answer(410))
    account.post(account.changed())
    suspended = wait_status(account, subscription, "suspended")
    assert "410" in suspended["status_reason"] and suspended["consecutive_failures"] == 1
    # What failed is not tried again; what comes now waits for the probe.
    account.post([account.changed() for _ in range(2)])
    assert [n["records"] for n in account.missed()] == [["1"]]
    probes = receiver.wait("/gone", 3)
    gaps = [(b.first - a.first) / 1e9 for a, b in zip(probes, probes[1:])]
    assert all(gap >= 0.95 for gap in gaps), f"probes came faster than one an interval: {gaps}"
    account.settle()
    assert [a.json["ids"] for a in receiver.at("/gone")] == [[1], [2], [3]]
    assert [n["state"] for n in account.missed()] == ["rejected"] * 3


@pytest.mark.parametrize("answer", [Answer(500), Answer(status=0), Answer(302)])
def test_failures_in_a_row_suspend(account, receiver, answer):
    subscription = subscribe(account, receiver, "/down")
    account.patch(subscription, ordered=True)
    receiver.on("/down", answer)
    account.post(account.changed())
    wait_for(lambda: account.subscription(subscription)["consecutive_failures"] == 1, 20, "a first failure")
    assert account.subscription(subscription)["status"] == "active"
    account.post([account.changed() for _ in range(4)])
    suspended = wait_status(account, subscription, "suspended")
    assert suspended["consecutive_failures"] >= 3 and suspended["status_reason"]
    # A probe that succeeds reactivates, and the rest goes.
    receiver.on("/down", Answer())
    active = wait_status(account, subscription, "active")
    assert active["consecutive_failures"] == 0
    account.settle()
    assert [a.json["ids"] for a in receiver.at("/down")] == [[1], [2], [3], [4], [5]]
    assert [n["records"] for n in account.missed()] == [["1"], ["2"], ["3"]]


def test_a_success_between_starts_the_count_anew(account, receiver):
    subscription = subscribe(account, receiver, "/mixed")
    account.patch(subscription, ordered=True)
    receiver.on("/mixed", Answer(500), Answer(500), Answer(200), Answer(500), Answer(500), Answer(200))
    account.post([account.changed() for _ in range(6)])
    account.settle()
    shown = account.subscription(subscription)
    assert (shown["status"], shown["consecutive_failures"]) == ("active", 0)


def test_few_failures_over_a_short_time_do_not_suspend(make_node, receiver):
    """Both must hold: that many in a row, and over that long."""
    node = make_node({**NODE_SETTINGS, "delivery.suspend-after": "1h"})
    account = node.api.account()
    subscription = subscribe(account, receiver, "/burst")
    receiver.on("/burst", Answer(500))
    account.post([account.changed() for _ in range(8)])
    account.settle()
    shown = account.subscription(subscription)
    assert (shown["status"], shown["consecutive_failures"]) == ("active", 8)


def test_suspension_outlives_a_restart(make_node, receiver):
    node = make_node({**NODE_SETTINGS, "delivery.probe-interval": "1h"})
    account = node.api.account()
    subscription = subscribe(account, receiver, "/gone")
    receiver.on("/gone", Answer(410))
    account.post(account.changed())
    wait_status(account, subscription, "suspended")
    account.post(account.changed())
    node.kill()
    node.start()
    assert account.subscription(subscription)["status"] == "suspended"
    steadily(lambda: len(receiver.arrivals) == 1, 0.5, "a probe before its time")
    # The owner may end it, too.
    receiver.on("/gone", Answer())
    account.patch(subscription, status="active")
    receiver.wait("/gone", 2)


def test_what_waits_while_suspended_expires(make_node, receiver):
    node = make_node({**NODE_SETTINGS, "delivery.probe-interval": "1h"})
    account = node.api.account(backlog={"records": 100, "seconds": 2})
    subscription = subscribe(account, receiver, "/gone")
    receiver.on("/gone", Answer(410))
    account.post(account.changed())
    wait_status(account, subscription, "suspended")
    account.post([account.changed() for _ in range(2)])
    log = account.settle(20)
    assert sorted(n["state"] for n in log) == ["expired", "expired", "rejected"]
    assert len(account.missed()) == 3 and len(receiver.arrivals) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_holds_the_subscription(account, receiver, status):
    held = subscribe(account, receiver, "/busy")
    subscribe(account, receiver, "/free")
    account.patch(held, ordered=True)
    receiver.on("/busy", Answer(status, headers={"Retry-After": "2"}), Answer())
    account.post([account.changed() for _ in range(3)])
    receiver.wait("/free", 3)
    first, second, third = receiver.wait("/busy", 3)
    assert (second.first - first.first) / 1e9 >= 1.95
    account.settle()
    assert [a.json["ids"] for a in (first, second, third)] == [[1], [2], [3]]
    assert [n["status_code"] for n in account.missed()] == [status]


def test_retry_after_as_a_date(account, receiver):
    from email.utils import formatdate

    subscribe(account, receiver, "/busy")
    receiver.on("/busy", lambda a: Answer(503, headers={"Retry-After": formatdate(time.time() + 3, usegmt=True)}))
    account.post(account.changed())
    receiver.wait("/busy", 1)
    wait_for(lambda: account.missed(), 10, "an outcome")
    receiver.on("/busy", Answer())
    account.post(account.changed())
    first, second = receiver.wait("/busy", 2)
    assert (second.first - first.first) / 1e9 >= 1.5


def test_retry_after_of_other_answers_does_not_hold(account, receiver):
    subscription = subscribe(account, receiver, "/other")
    account.patch(subscription, ordered=True)
    receiver.on("/other", Answer(500, headers={"Retry-After": "3600"}), Answer())
    account.post([account.changed() for _ in range(2)])
    receiver.wait("/other", 2)


def test_a_slow_receiver_times_out_once(make_node, receiver):
    node = make_node({"delivery.timeout": "1s", "delivery.connect-timeout": "500ms"})
    account = node.api.account()
    subscribe(account, receiver, "/slow")
    receiver.on("/slow", Answer(wait=4))
    account.post(account.changed())
    [told] = account.settle()
    assert told["state"] == "failed" and told["error"]["class"] == "timeout"
    assert nanoseconds(told["ended_at"]) - nanoseconds(told["claimed_at"]) >= 0.95e9
    assert len(receiver.arrivals) == 1
