"""What became of it: samples, the log, and the missed feed."""

import concurrent.futures
import json
import re
import time

import requests
from carillon.clock import wait_for
from carillon.receiver import HANG, Answer

NODE_SETTINGS = {"limits.windows": ["100000/60s"]}


def subscribe(account, receiver, path="/hook"):
    return account.subscribe(receiver.url(path), "person", "update")


# --- samples ---


def test_a_sample_is_marked_and_not_missed(account, receiver):
    made = subscribe(account, receiver)
    answer = account.call("POST", f"/subscriptions/{made['id']}/test?wait=15", status=200).json
    [arrival] = receiver.wait("/hook", 1)
    assert arrival.headers["webhook-test"] == "1" and arrival.json["subscription_id"] == made["id"]
    assert set(arrival.json) >= {"subscription_id", "event", "type", "ids", "updated_attributes", "timestamp"}
    assert "delivered" in str(answer) and answer.get("status_code", 200) == 200
    receiver.on("/hook", Answer(500))
    told = account.call("POST", f"/subscriptions/{made['id']}/test?wait=15", status=200).json
    assert "rejected" in str(told)
    log = account.settle()
    assert [n["test"] for n in log] == [True, True] and {n["state"] for n in log} == {"delivered", "rejected"}
    assert account.missed() == []


def test_a_sample_without_waiting(account, receiver):
    made = subscribe(account, receiver)
    account.call("POST", f"/subscriptions/{made['id']}/test", status=202)
    receiver.wait("/hook", 1)


def test_a_sample_that_takes_too_long(account, receiver):
    receiver.on("/hook", HANG)
    made = subscribe(account, receiver)
    account.call("POST", f"/subscriptions/{made['id']}/test?wait=1", status=202)
    receiver.let_go()


# --- log ---


def test_log_fields(account, receiver):
    made = subscribe(account, receiver)
    receiver.on("/hook", Answer(418, body="short & stout".encode()))
    event = account.changed()
    account.post(event)
    [told] = account.settle()
    for name in ("id", "webhook_id", "test", "subscription", "dialect", "state", "status_code", "error", "records",
                 "events", "created_at", "due_at", "claimed_at", "ended_at", "timing_ms"):
        assert name in told, name
    assert (told["state"], told["status_code"], told["test"]) == ("rejected", 418, False)
    assert told["records"] == ["1"] and told["events"] == [event["id"]] and told["subscription"] == str(made["id"])
    for name in ("created_at", "due_at", "claimed_at", "ended_at"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", told[name]), told
    assert told["created_at"] <= told["claimed_at"] <= told["ended_at"]
    assert set(told["timing_ms"]) == {"dns", "connect", "tls", "response"}
    one = account.call("GET", f"/notifications/{told['id']}", status=200)
    [arrival] = receiver.arrivals
    body = one.json["body"]
    assert (body if isinstance(body, dict) else json.loads(body)) == arrival.json
    assert "short & stout" in str(one.json)
    account.call("GET", "/notifications/ntf_1_1_zzzz", status=404)
    account.call("GET", "/notifications/nonsense", status=404)


def test_log_filters_and_pages(account, receiver):
    good, bad = subscribe(account, receiver, "/good"), subscribe(account, receiver, "/bad")
    receiver.on("/bad", Answer(500))
    for _ in range(4):
        account.post([account.changed() for _ in range(3)])
    log = account.settle()
    assert len(log) == 24
    created = [n["created_at"] for n in log]
    assert created == sorted(created, reverse=True), "the log is newest first"
    assert len(account.log("&state=delivered")) == 12 and len(account.log("&state=rejected")) == 12
    assert len(account.log(f"&subscription={good['id']}")) == 12
    assert len(account.log(f"&subscription={bad['id']}&state=delivered")) == 0
    assert sorted(n["records"] for n in account.log("&record=5")) == [["5"], ["5"]]
    assert len(account.log(f"&event={account.name}-7")) == 2
    assert account.log("&record=999") == []
    middle = created[12]
    newer, older = account.log(f"&from={middle}"), account.log(f"&to={middle}")
    assert len(newer) + len(older) == 24 and all(n["created_at"] >= middle for n in newer)
    assert all(n["created_at"] < middle for n in older)
    after, seen = None, []
    while True:
        page = account.call("GET", "/notifications?limit=5" + (f"&after={after}" if after else ""), status=200).json
        assert len(page["data"]) <= 5
        seen += page["data"]
        after = page["next"]
        if after is None:
            break
    assert seen == log
    for query in ("state=nonsense", "limit=0", "limit=501", "from=yesterday", "after=xyz", "subscription=x1"):
        account.call("GET", f"/notifications?{query}", status={400, 404, 422})


# --- missed feed ---


def test_missed_feed_in_order_of_ending(account, receiver):
    subscription = subscribe(account, receiver)
    receiver.on("/hook", Answer(500))
    start = account.call("GET", "/missed", status=200).json
    assert start["data"] == [] and start["next"]
    for _ in range(6):
        account.post(account.changed())
        account.settle()
    rows = account.missed()
    assert [n["records"] for n in rows] == [[str(i)] for i in range(1, 7)]
    ended = [n["ended_at"] for n in rows]
    assert ended == sorted(ended)
    page = account.call("GET", "/missed?limit=4", status=200).json
    assert [n["records"] for n in page["data"]] == [["1"], ["2"], ["3"], ["4"]]
    rest = account.call("GET", f"/missed?after={page['next']}", status=200).json
    assert [n["records"] for n in rest["data"]] == [["5"], ["6"]]
    assert account.call("GET", f"/missed?after={rest['next']}", status=200).json["data"] == []
    # From the very first answer on, nothing is left out.
    assert account.call("GET", f"/missed?after={start['next']}", status=200).json["data"] == rows
    assert len(account.call("GET", f"/missed?subscription={subscription['id']}", status=200).json["data"]) == 6
    other = subscribe(account, receiver)
    assert account.call("GET", f"/missed?subscription={other['id']}", status=200).json["data"] == []
    assert account.call("GET", "/missed?after=now", status=200).json["data"] == []


def test_missed_feed_long_poll(account, receiver):
    subscribe(account, receiver)
    receiver.on("/hook", Answer(500))
    cursor = account.call("GET", "/missed?after=now", status=200).json["next"]
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        poll = pool.submit(requests.get, f"{account.api.url}{account.path}/missed?after={cursor}&wait=25",
                           headers={"Authorization": f"Bearer {account.key}"}, timeout=60)
        time.sleep(0.2)  # so that the poll most likely waits; it must also work when it does not
        account.post(account.changed())
        page = poll.result(40).json()
    assert [n["records"] for n in page["data"]] == [["1"]]
    started = time.monotonic()
    empty = account.call("GET", f"/missed?after={page['next']}&wait=1", status=200).json
    assert empty["data"] == [] and empty["next"] and time.monotonic() - started >= 0.9
    for wait in ("31", "-1", "x"):
        account.call("GET", f"/missed?wait={wait}", status={400, 422})


def test_cursors_of_other_histories_are_gone(account):
    account.call("GET", "/missed?after=nonsense", status={400, 422})
    cursor = account.call("GET", "/missed?after=now", status=200).json["next"]
    account.call("GET", f"/missed?after={cursor}x", status={400, 422, 410})
