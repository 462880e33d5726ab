"""A cluster as its users see it: any node does for anything, and no node's end costs more than a moment."""

import itertools
import threading
import time

import pytest
from carillon.api import key_secret
from carillon.clock import wait_for
from carillon.cluster import SHARDS, SYSTEM_SHARD, Entrances
from carillon.cluster_load import (LIMITS, WINDOWS, Stream, everywhere, settle_books, subscribed,
                                   wait_until_known)
from carillon.ledger import Load
from carillon.receiver import HANG, Answer


def test_every_shard_is_held_twice_and_each_node_leads_some(cluster):
    seen = cluster.view()
    ids = {node["id"] for node in seen["nodes"]}
    assert len(ids) == 3
    assert {s["shard"] for s in seen["shards"]} == {*range(SHARDS), SYSTEM_SHARD}
    for shard in seen["shards"]:
        members = {m["node"] for m in shard["members"]}
        assert shard["primary"] in members <= ids, shard
        assert {m["role"] for m in shard["members"]} == {"full"}, shard
        assert len(members) == len(shard["members"]) == (3 if shard["shard"] == SYSTEM_SHARD else 2), shard
    assert {s["primary"] for s in seen["shards"] if s["shard"] != SYSTEM_SHARD} == ids
    # What nodes say is what the configuration store says.
    entries = cluster.etcd.entries("/carillon/test/shards/")
    assert {int(key.rpartition("/")[2]): (e["epoch"], e["primary"]) for key, e in entries.items()} == {
        s["shard"]: (s["epoch"], s["primary"]) for s in seen["shards"]}


@pytest.mark.parametrize("first", range(3))
def test_what_is_made_on_any_node_works_on_every_node(cluster, receiver, first):
    nodes = cluster.nodes[first:] + cluster.nodes[:first]
    account = nodes[0].api.account()
    token = nodes[1].api.token(["read"], [account.name])["token"]
    key = key_secret()
    added = nodes[2].api.call("POST", f"{account.path}/keys", {"name": "other", "scope": "account", "secret": key},
                              status={200, 201}).json
    subscription = cluster.at(account, nodes[1]).subscribe(receiver.url(f"/{account.name}"))
    for there in everywhere(cluster, account):
        for credentials in (account.key, key, token):
            wait_for(lambda c=credentials, t=there: t.call("GET", "/usage", token=c).status == 200, 5,
                     "every credential on every node")
        wait_for(lambda t=there: added["id"] in [k["id"] for k in t.call("GET", "/keys", token=None).json["data"]], 5,
                 "the key in the list of keys")
        [listed] = there.call("GET", "/subscriptions", status=200).json["data"]
        assert listed["target"] == receiver.url(f"/{account.name}")
        assert there.copper("GET", f"/webhooks/{subscription['id']}", status=200).json == subscription
    # And what one node changed is so at every other.
    for number, there in enumerate(everywhere(cluster, account)):
        there.patch(listed, description=f"number {number}")
        for other in everywhere(cluster, account):
            assert other.subscription(listed)["description"] == f"number {number}"


def test_what_a_node_made_is_known_where_it_passes_requests_on(cluster, receiver):
    """A key is made and used at one node; the account is served by another, which hears of the key at the same time."""
    for number in range(60):
        account = cluster.nodes[number % 3].api.account()
        account.subscribe(receiver.url(f"/{account.name}"))


def test_events_posted_to_every_node_arrive_once(cluster, receiver, ledger_of):
    account, ledger, _ = subscribed(cluster, receiver, ledger_of, limits=LIMITS)
    load = Load(Entrances(cluster.nodes), [ledger], total=150, threads=6).start()
    load.join()
    assert set(load.statuses) == {202}, load.statuses
    log = ledger.check(windows=WINDOWS)
    assert {n["state"] for n in log} == {"delivered"}
    # An event of this id was there already, whichever node is asked.
    event = next(iter(ledger.accepted.values()))
    for there in everywhere(cluster, account):
        there.post(event)
    other = {**event, "record_id": 10**6}
    for there in everywhere(cluster, account):
        assert there.post(other, status=422).slug == "event-id-reused"
    assert len(ledger.check(windows=WINDOWS)) == len(log)


def test_a_revoked_key_is_refused_on_every_node(cluster):
    for number, node in enumerate(cluster.nodes):
        account = node.api.account()
        wait_until_known(cluster, account)
        there = everywhere(cluster, account)
        node.api.call("DELETE", f"{account.path}/keys/{account.key_id}", status={200, 204})
        began = time.monotonic()
        for one in there:
            wait_for(lambda one=one: one.call("GET", "/usage").status == 401, 5, "an end of the key", pause=0.005)
        print(f"a key revoked on node {number + 1} was dead everywhere after {time.monotonic() - began:.3f} s")


def test_deleted_accounts_are_erased_on_every_node(cluster, receiver, ledger_of):
    """Whoever serves their shards, and whoever serves the catalog."""
    deleted = [subscribed(cluster, receiver, ledger_of, n % 3)[0] for n in range(6)]
    for account, there in zip(deleted, itertools.cycle(cluster.running())):
        account.changed()
        there.api.call("DELETE", account.path, status=202)
    for account in deleted:
        for node in cluster.running():
            wait_for(lambda node=node, account=account:
                     node.api.call("GET", account.path, check=False).status == 404, 120,
                     lambda: f"{account.name} gone: {cluster.describe()}")
    again = cluster.nodes[0].api.account(name=deleted[0].name)
    wait_until_known(cluster, again)
    assert again.call("GET", "/subscriptions", status=200).json["data"] == []
    assert again.log() == []


def test_log_and_missed_feed_read_the_same_on_every_node(cluster, receiver, ledger_of):
    account, ledger, _ = subscribed(cluster, receiver, ledger_of)
    answers = itertools.cycle([Answer(), Answer(status=500)])
    receiver.on(ledger.path, lambda arrival: next(answers))
    events = [account.changed() for _ in range(40)]
    account.subscribe(receiver.url(ledger.path + "/update"), event="update")
    for start, there in zip(range(0, 40, 10), itertools.cycle(everywhere(cluster, account))):
        there.post(events[start:start + 10])
    log, missed = account.settle(), account.missed()
    assert len(log) == 40 and len(missed) == 20
    for there in everywhere(cluster, account):
        assert there.log() == log
        assert there.missed() == missed
        assert there.call("GET", f"/notifications/{log[0]['id']}", status=200).json["id"] == log[0]["id"]
    # A cursor that one node gave is good at every other.
    page = account.call("GET", "/missed?limit=7", status=200).json
    for there in everywhere(cluster, account):
        rest = there.call("GET", f"/missed?limit=100&after={page['next']}", status=200).json["data"]
        assert page["data"] + rest == missed


def post_each(ledger, count):
    for _ in range(count):
        event = [ledger.account.event()]
        ledger.trying(event)
        ledger.answered(ledger.account.post(event).json, event)


def accounts(cluster, receiver, ledger_of):
    """Ledgers of four accounts, made by different nodes, and the shard of the first."""
    _, first, shard = subscribed(cluster, receiver, ledger_of, limits=LIMITS)
    return [first, *(subscribed(cluster, receiver, ledger_of, n, limits=LIMITS)[1] for n in range(3))], shard


def test_the_end_of_a_primary_under_load(cluster, receiver, ledger_of):
    ledgers, shard = accounts(cluster, receiver, ledger_of)
    receiver.on(ledgers[0].path, Answer(wait=0.02))
    dead = cluster.primary_of(shard)
    with Stream(cluster, ledgers) as stream:
        stream.flows(20)
        dead.kill()
        print(f"events of every account flowed again after {stream.flows():.3f} s")
        stream.flows(20)
    assert cluster.primary_of(shard) not in (None, dead)
    settle_books(cluster, ledgers)
    dead.start()
    cluster.wait_healthy()
    settle_books(cluster, ledgers, at=dead)


def test_open_claims_are_carried_over(cluster, receiver, ledger_of):
    """What the leaving node has in flight it makes to its end; the account goes on elsewhere meanwhile."""
    account, ledger, shard = subscribed(cluster, receiver, ledger_of)
    receiver.on(ledger.path, HANG)
    post_each(ledger, 3)
    receiver.wait(ledger.path, 3)
    leaving = cluster.primary_of(shard)
    ended = []
    leave = threading.Thread(target=lambda: ended.append(leaving.terminate()))
    leave.start()
    try:
        others = [node for node in cluster.nodes if node is not leaving]
        ledger.account = there = cluster.at(account, others[0])
        wait_for(lambda: cluster.primary_of(shard) in others, 20, "another primary")
        receiver.on(ledger.path, Answer())
        post_each(ledger, 3)
        receiver.wait(ledger.path, 6)
        assert [n["state"] for n in there.log()].count("claimed") == 3
        assert leaving.running()
    finally:
        receiver.let_go()
        leave.join()
    assert ended == [0]
    assert {n["state"] for n in ledger.check()} == {"delivered"}


def test_a_planned_end_leaves_nothing_unknown(cluster, receiver, ledger_of):
    ledgers, shard = accounts(cluster, receiver, ledger_of)
    for one in ledgers:
        receiver.on(one.path, Answer(wait=0.2))
    leaving = cluster.primary_of(shard)
    with Stream(cluster, ledgers) as stream:
        stream.flows(20)
        assert leaving.terminate() == 0
        print(f"events of every account flowed again after {stream.flows():.3f} s")
        stream.flows(20)
    # No request was refused, neither by the node that went nor by those that took over.
    assert not stream.refusals
    for log in settle_books(cluster, ledgers, crashed=False):
        assert {n["state"] for n in log} == {"delivered"}
