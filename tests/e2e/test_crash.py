"""Death at every step: what was answered 202 is never lost, and nothing is POSTed twice."""

import collections
import itertools
import pathlib
import random
import re
import signal
import threading

import pytest
import requests
from carillon.clock import wait_for
from carillon.ledger import Load
from carillon.receiver import HANG, Answer
from conftest import LONG

SOURCES = pathlib.Path(__file__).parents[2]
WINDOWS = [(60, 2)]
LIMITS = [{"count": count, "seconds": seconds} for count, seconds in WINDOWS]

KNOWN = {"event-received", "before-commit", "after-commit", "before-202", "before-post", "post-started",
         "outcome-received", "outcome-committed"}


def fault_points():
    """Those that the source names, and those that there must be."""
    found = set()
    for path in SOURCES.glob("*/**/*.cpp"):
        if path.parts[len(SOURCES.parts)] in ("build", "tests") or path.name == "replica.cpp":
            continue  # a replica's are for `test_cluster_kills.py`
        text = path.read_text(errors="replace")
        found |= set(re.findall(r'fault_point\("([a-z0-9-]+)"\)', text))
        found |= set(re.findall(r'hook_\("([a-z0-9-]+)"\)', text))
    return sorted(found | KNOWN)


def prepare(node, receiver, ledger_of, count=2):
    """Accounts with two subscriptions each, one of them slow to answer."""
    receiver.on("/slow", Answer(wait=0.05))
    ledgers = []
    for number in range(count):
        account = node.api.account(limits=LIMITS)
        path = f"/{number}"
        account.subscribe(receiver.url(f"{path}/fast"))
        receiver.on(f"{path}/slow", Answer(wait=0.05))
        account.subscribe(receiver.url(f"{path}/slow"))
        ledgers.append(ledger_of(account, receiver, path + "/", subscriptions=2))
    return ledgers


def drain(ledgers):
    """Everything comes to an end, and the books agree."""
    logs = [ledger.check(crashed=True, windows=WINDOWS) for ledger in ledgers]
    for ledger, log in zip(ledgers, logs):
        assert set(ledger.accepted) == set(ledger.tried), "the load went on until all was accepted"
        assert sum(len(n["records"]) for n in log) == 2 * len(ledger.accepted)
    return logs


@pytest.mark.parametrize("point", fault_points())
@pytest.mark.parametrize("nth", [1, 17])
def test_death_at(make_node, receiver, ledger_of, point, nth):
    node = make_node()
    ledgers = prepare(node, receiver, ledger_of)
    node.terminate()
    node.start(fault=f"{point}:{nth}")
    load = Load(node, ledgers, total=120, threads=4).start()
    wait_for(lambda: not node.running(), 20, f"a death at {point}")
    assert node.wait_end() == -signal.SIGKILL
    node.start()
    load.join()
    drain(ledgers)


@pytest.mark.parametrize("nth", [1, 9])
def test_death_while_a_receiver_has_the_request(make_node, receiver, ledger_of, nth):
    """The first bytes are out, the outcome is not in: the receiver itself pulls the plug."""
    node = make_node()
    ledgers = prepare(node, receiver, ledger_of)
    came = itertools.count(1)

    def answer(arrival):
        if next(came) == nth:
            node.signal(signal.SIGKILL)
        return Answer()

    receiver.on("/", answer)
    receiver.on("/0/fast", answer)
    load = Load(node, ledgers, total=60, threads=4).start()
    wait_for(lambda: not node.running(), 20, "a death")
    assert node.wait_end() == -signal.SIGKILL
    node.start()
    load.join()
    drain(ledgers)


def test_death_in_flight_becomes_unknown(make_node, receiver, ledger_of):
    node = make_node()
    account = node.api.account()
    account.subscribe(receiver.url("/hang"))
    receiver.on("/hang", HANG)
    ledger = ledger_of(account, receiver, "/hang")
    events = [account.event(1), account.event(2)]
    ledger.trying(events)
    ledger.answered(account.post(events).json, events)
    receiver.wait("/hang", 1)
    node.kill()
    receiver.on("/hang", Answer())
    node.start()
    log = ledger.check(crashed=True)
    assert {n["state"] for n in log} == {"unknown"}
    assert [n["state"] for n in account.missed()] == ["unknown"] * len(log)
    # A second restart changes nothing of it.
    node.kill()
    node.start()
    assert account.log() == log
    assert len(receiver.at("/hang")) == len(log)


def test_everything_survives_a_death(make_node, receiver):
    """Accounts, keys, tokens, subscriptions with secrets, idempotency, cursors."""
    node = make_node()
    account = node.api.account(name="survivor", labels={"plan": "gold"})
    subscription = account.subscribe(receiver.url("/s"), secret={"k": "v"}, headers={"X-H": "h"})
    path = f"/subscriptions/{subscription['id']}"
    secret = account.call("POST", f"{path}/secret/rotate", {}, status=200).json["secret"]
    account.patch(subscription, filter={"city": "Rome"}, skip_keys=["me"], description="mine")
    token = node.api.token(["ingest"], [account.name])
    event = account.event(1, record={"city": "Rome"})
    account.post(event)
    receiver.wait("/s", 1)
    account.settle()
    cursor = account.call("GET", "/missed?after=now", status=200).json["next"]
    before = (account.subscription(subscription), node.api.call("GET", account.path, status=200).json["labels"])
    node.kill()
    node.start()
    assert (account.subscription(subscription), node.api.call("GET", account.path, status=200).json["labels"]) == before
    assert account.post(event, token=token["token"]).json["duplicates"] == 1
    assert account.post(account.event(2, record={"city": "Oslo"})).json["notifications"] == 0
    account.post(account.event(3, record={"city": "Rome"}), token=token["token"])
    arrival = receiver.wait("/s", 2)[1]
    from carillon import signature
    assert signature.verifies(secret, arrival)
    assert arrival.json["k"] == "v" and arrival.headers["x-h"] == "h"
    assert account.call("GET", f"/missed?after={cursor}", status=200).json["data"] == []


def test_random_deaths_under_load(make_node, receiver, ledger_of):
    seed = random.randrange(2**32)
    print("seed", seed)
    chance = random.Random(seed)
    node = make_node()
    ledgers = prepare(node, receiver, ledger_of, 3)
    load = Load(node, ledgers, threads=4).start()
    for _ in range(100 if LONG else 5):
        posted = load.posted + chance.randrange(10, 80)
        wait_for(lambda: load.posted >= posted or load.problems, 30, "progress of the load")
        node.kill()
        node.start()
    load._stop.set()
    load.join()
    logs = [ledger.check(crashed=True, windows=WINDOWS, seconds=90) for ledger in ledgers]
    assert any(n["state"] == "delivered" for log in logs for n in log)


def change_something(account, chance, receiver, path):
    """One change of subscriptions or limits. It may be cut off by a death: then nobody knows whether it happened."""
    rows = account.call("GET", "/subscriptions", status=200).json["data"]
    kind = chance.randrange(8)
    if kind <= 1 and len(rows) < 5 or not rows:
        account.subscribe(receiver.url(f"{path}{chance.randrange(3)}"))
        return
    row = chance.choice(rows)
    where = f"/subscriptions/{row['id']}"
    if kind == 2 and len(rows) > 1:
        account.call("DELETE", where)
    elif kind == 3:
        account.call("PATCH", where, {"ordered": chance.random() < 0.5})
    elif kind == 4:
        account.call("POST", f"{where}/test")
    elif kind == 5:
        account.call("PUT", "", {"limits": [{"count": chance.choice([30, 60]), "seconds": 2}]}, token=None)
    else:
        account.call("PATCH", where, {"status": chance.choice(["paused", "active"])})


def test_random_changes_and_deaths(make_node, receiver, ledger_of):
    """Pauses, deletions, samples and new limits in the midst of the load, and deaths in the midst of those."""
    seed = random.randrange(2**32)
    print("seed", seed)
    chance = random.Random(seed)
    node = make_node({"delivery.suspend-after-failures": 3, "delivery.suspend-after": "0s",
                      "delivery.probe-interval": "200ms"})
    ledgers = []
    for number in range(2):
        account = node.api.account(limits=LIMITS)
        account.subscribe(receiver.url(f"/{number}/0"))
        ledgers.append(ledger_of(account, receiver, f"/{number}/", subscriptions=None))
        receiver.on(f"/{number}/1", lambda a: Answer(chance.choice([200, 200, 500, 410, 503]), wait=0.02))
        receiver.on(f"/{number}/2", lambda a: Answer(chance.choice([200, 0]), wait=chance.choice([0, 0.1])))
    load = Load(node, ledgers, threads=3).start()
    for turn in range(1, 301 if LONG else 61):
        ledger = chance.choice(ledgers)
        if turn % 15 == 0:
            node.kill()
            node.start()
        killer = None
        if turn % 15 == 7:
            killer = threading.Timer(chance.random() * 0.02, node.signal, [signal.SIGKILL])
            killer.start()
        try:
            change_something(ledger.account, chance, receiver, ledger.path)
        except requests.RequestException:
            assert killer, "a call failed, but nobody had killed the node"
        if killer:
            killer.join()
            node.wait_end()
            node.start()
    load.stop()
    for ledger in ledgers:
        for row in ledger.account.call("GET", "/subscriptions", status=200).json["data"]:
            ledger.account.patch(row, status="active")
        receiver.on(ledger.path, Answer())
        receiver.on(f"{ledger.path}1", Answer())
        receiver.on(f"{ledger.path}2", Answer())
    for ledger in ledgers:
        log = ledger.check(crashed=True, windows=[(60, 2)], seconds=90)
        print(collections.Counter(n["state"] for n in log))


def test_death_while_starting(make_node, receiver, ledger_of):
    """A start that is cut off leaves a store that starts."""
    node = make_node()
    ledgers = prepare(node, receiver, ledger_of)
    Load(node, ledgers, total=60).start().join()
    node.kill()
    for _ in range(5):
        node.start(wait=False)
        # Anywhere between the first instruction and being ready.
        wait_for(lambda: node.log() or not node.running(), 5, "a sign of life")
        node.kill()
    node.start()
    drain(ledgers)
