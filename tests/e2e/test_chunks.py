"""Chunks of Pipeliner's notifications: how items are split and joined, and that each chunk keeps its time."""

import concurrent.futures
import functools
import signal

import pytest
import requests
from carillon.clock import boot_ns, steadily, wait_for
from carillon.ledger import check_windows, nanoseconds
from carillon.pipeliner import items_of

NODE_SETTINGS = {"limits.windows": ["100000/60s"]}
SECOND = 10**9
WIDE = [{"count": 1000, "seconds": 60}]


def webhook(account, url, size=None, delay=None, events=("Contact.*",)):
    options = {key: value for key, value in (("chunk_size", size), ("chunk_delay", delay)) if value is not None}
    return account.webhook(url, events, options=options)


def chunks(account, receiver, path="/hook"):
    """The ids of the records in each POST, in the order in which the notifications were made."""
    made = {n["webhook_id"]: number for number, n in enumerate(sorted(account.log(), key=lambda n: int_id(n)))}
    arrivals = sorted(receiver.at(path), key=lambda a: made[a.webhook_id])
    return [[item["entity"]["id"] for item in items_of(arrival)] for arrival in arrivals]


def int_id(notification):
    """The log is newest first, and made at one moment are many: `created_at`, then `due_at`, then the first record."""
    return notification["created_at"], notification["due_at"], int(notification["records"][0])


def numbers(first, last):
    return [str(n) for n in range(first, last)]


# --- splitting ---


@pytest.mark.parametrize("size, sizes", [
    (None, [100, 100, 50]), (100, [100, 100, 50]), (99, [99, 99, 52]), (30, [30] * 8 + [10]), (250, None), (1, [1] * 250),
])
@pytest.mark.parametrize("how", ["events", "records", "mixed"])
def test_items_are_split(account, receiver, size, sizes, how):
    if sizes is None:
        body = {"url": receiver.url(), "insecure_ssl": False, "events": ["*"], "options": {"chunk_size": size}}
        assert account.pipeliner("POST", "/Webhooks", body).status == 422
        return
    webhook(account, receiver.url(), size)
    if how == "events":
        events = [account.event(n) for n in range(1000, 1250)]
    elif how == "records":
        events = [account.event(record_ids=list(range(1000, 1250)))]
    else:
        events = [account.event(record_ids=list(range(1000, 1120))), account.event(1120),
                  account.event(record_ids=list(range(1121, 1250)))]
    answer = account.post(events).json
    assert answer["accepted"] == len(events)
    log = account.settle()
    assert {n["state"] for n in log} == {"delivered"}
    got = chunks(account, receiver)
    assert [len(one) for one in got] == sizes
    assert sum(got, []) == numbers(1000, 1250)
    assert sum(len(n["records"]) for n in log) == 250


def test_each_subscription_splits_for_itself(account, receiver):
    webhook(account, receiver.url("/two/"), 2)
    webhook(account, receiver.url("/three/"), 3, events=["Contact.Create"])
    answer = account.post([account.event(1), account.event(2, action="Delete"), account.event(3), account.event(4),
                           account.event(record_ids=[5, 6, 7])]).json
    assert [told["notifications"] for told in answer["events"]] == [2, 1, 2, 2, 3]
    account.settle()
    assert chunks(account, receiver, "/two/") == [["1", "2"], ["3", "4"], ["5", "6"], ["7"]]
    assert chunks(account, receiver, "/three/") == [["1", "3", "4"], ["5", "6", "7"]]


# --- joining ---


def saturate(node, receiver):
    """An account at its limit, whose subscription has been sent one POST."""
    account = node.api.account(limits=[{"count": 1, "seconds": 3600}])
    made = webhook(account, receiver.url(), 10)
    account.post(account.event(1))
    receiver.wait("/hook", 1)
    return account, made


def open_windows(node, account):
    node.api.call("PUT", account.path, {"limits": WIDE}, status=200)
    account.settle()


def test_items_join_what_waits(node, receiver):
    account, _ = saturate(node, receiver)
    answers = [account.post(account.event(n)).json["notifications"] for n in range(10, 30)]
    answers += [account.post([account.event(n), account.event(n + 1)]).json["notifications"] for n in range(30, 34, 2)]
    assert set(answers) == {1, 2}
    answer = account.post(account.event(record_ids=list(range(34, 50)))).json
    # Six places were left in the third; ten fill a fourth.
    assert answer["notifications"] == 2
    assert account.usage()["pending"]["notifications"] == 4
    open_windows(node, account)
    assert chunks(account, receiver) == [["1"], numbers(10, 20), numbers(20, 30), numbers(30, 40), numbers(40, 50)]


def test_the_same_record_joins_twice(node, receiver):
    """Each change is an item of its own: the second does not replace the first."""
    account, _ = saturate(node, receiver)
    account.post(account.event(7, record={"id": "7", "v": 1}))
    account.post(account.event(7, action="Update", record={"id": "7", "v": 2}))
    account.post([account.event(7, action="Update", record={"id": "7", "v": 3}), account.event(7, action="Delete")])
    open_windows(node, account)
    items = items_of(receiver.at("/hook")[1])
    assert [(item["event"], item["entity"].get("v")) for item in items] == [
        ("Contact.Create", 1), ("Contact.Update", 2), ("Contact.Update", 3), ("Contact.Delete", None)]
    assert len(receiver.at("/hook")) == 2


def test_joined_items_survive_a_death(make_node, receiver):
    node = make_node()
    account, _ = saturate(node, receiver)
    wait_for(lambda: account.usage()["in_flight"] == 0, 10, "the end of the first POST")
    for n in range(10, 25):
        account.post(account.event(n))
        if n == 15:
            node.kill()
            node.start()
    node.kill()
    node.start()
    open_windows(node, account)
    assert chunks(account, receiver) == [["1"], numbers(10, 20), numbers(20, 25)]


# --- the schedule ---


def check_schedule(arrivals, accepted, delay=1):
    """Chunk N came not before N delays after the moment before acceptance."""
    for number, arrival in enumerate(arrivals):
        early = accepted + number * delay * SECOND - arrival.first
        assert early <= 0, f"chunk {number} came {early / 1e9:.3f} s early"


def test_chunks_keep_their_time(account, receiver):
    webhook(account, receiver.url(), 2, 1)
    accepted = boot_ns()
    account.post([account.event(1), account.event(record_ids=[2, 3, 4]), account.event(5)])
    log = account.settle()
    assert chunks(account, receiver) == [["1", "2"], ["3", "4"], ["5"]]
    check_schedule(receiver.at("/hook"), accepted)
    log.sort(key=int_id)
    due = [nanoseconds(n["due_at"]) for n in log]
    assert [round((one - due[0]) / 1e9, 3) for one in due] == [0, 1, 2]
    assert {n["created_at"] for n in log} == {log[0]["due_at"]}
    for n in log:
        assert nanoseconds(n["claimed_at"]) >= nanoseconds(n["due_at"])


def test_each_request_keeps_its_own_schedule(account, receiver):
    """Nothing joins: not what waits for its time, nor what another request brought."""
    webhook(account, receiver.url(), 2, 1)
    first = boot_ns()
    account.post([account.event(n) for n in (11, 12, 13)])
    wait_for(lambda: boot_ns() > first + SECOND // 2, 5, "half a second", pause=0.1)
    second = boot_ns()
    account.post([account.event(n) for n in (21, 22, 23)])
    account.post(account.event(31))
    log = account.settle()
    by_record = {tuple(item["entity"]["id"] for item in items_of(a)): a for a in receiver.at("/hook")}
    assert set(by_record) == {("11", "12"), ("13",), ("21", "22"), ("23",), ("31",)}
    check_schedule([by_record["11", "12"], by_record["13",]], first)
    check_schedule([by_record["21", "22"], by_record["23",]], second)
    waits = {tuple(n["records"]): nanoseconds(n["due_at"]) - nanoseconds(n["created_at"]) for n in log}
    assert {records: wait // SECOND for records, wait in waits.items()} == {
        ("11", "12"): 0, ("13",): 1, ("21", "22"): 0, ("23",): 1, ("31",): 0}


def test_a_change_of_options_hurries_nothing(account, receiver):
    made = webhook(account, receiver.url(), 1, 1)
    accepted = boot_ns()
    account.post([account.event(1), account.event(2)])
    receiver.wait("/hook", 1)
    account.pipeliner("PATCH", f"/Webhooks/{made['id']}", {"options": {}}, status=200)
    account.settle()
    check_schedule(receiver.at("/hook"), accepted)
    assert sorted(chunks(account, receiver)) == [["1"], ["2"]]


def test_age_counts_from_the_time_that_is_due(node, receiver):
    account = node.api.account(backlog={"records": 1000, "seconds": 1})
    webhook(account, receiver.url(), 1, 2)
    account.post([account.event(1), account.event(2)])
    assert [n["state"] for n in account.settle()] == ["delivered"] * 2


def test_chunks_count_against_the_windows(node, receiver):
    account = node.api.account(limits=[{"count": 2, "seconds": 3}])
    webhook(account, receiver.url(), 1, 1)
    accepted = boot_ns()
    account.post([account.event(n) for n in range(1, 5)])
    log = account.settle()
    assert chunks(account, receiver) == [["1"], ["2"], ["3"], ["4"]]
    check_windows([(2, 3)], log, receiver.at("/hook"))
    check_schedule(receiver.at("/hook"), accepted)
    claims = sorted(nanoseconds(n["claimed_at"]) for n in log)
    # 0 s and 1 s; the window is full when the third is due.
    assert claims[2] - claims[0] >= 2.99 * SECOND


def test_a_paused_subscription_keeps_its_chunks(account, receiver):
    native = account.native_id(webhook(account, receiver.url(), 1, 1))
    accepted = boot_ns()
    account.post([account.event(n) for n in (1, 2, 3)])
    receiver.wait("/hook", 1)
    account.patch(native, status="paused")
    wait_for(lambda: account.usage()["in_flight"] == 0, 10, "the end of what was claimed before")
    came = len(receiver.at("/hook"))
    wait_for(lambda: boot_ns() > accepted + 1.3 * SECOND, 10, "the time of another chunk")
    steadily(lambda: len(receiver.at("/hook")) == came, 0.2, "a chunk of a paused subscription")
    account.patch(native, status="active")
    log = account.settle()
    assert chunks(account, receiver) == [["1"], ["2"], ["3"]] and {n["state"] for n in log} == {"delivered"}
    check_schedule(sorted(receiver.at("/hook"), key=lambda a: items_of(a)[0]["entity"]["id"]), accepted)


def test_deleted_chunks_are_cancelled(account, receiver):
    made = webhook(account, receiver.url(), 1, 60)
    account.post([account.event(n) for n in (1, 2, 3)])
    receiver.wait("/hook", 1)
    account.pipeliner("DELETE", f"/Webhooks/{made['id']}", status=200)
    log = account.settle()
    assert sorted(n["state"] for n in log) == ["cancelled", "cancelled", "delivered"]
    assert len(receiver.at("/hook")) == 1


# --- deaths ---


def check_chunks(account, receiver, path, accepted, unknown=1):
    """Three chunks of one record each: none lost, none repeated, none early."""
    log = sorted(account.settle(), key=lambda n: n["records"])
    assert [n["records"] for n in log] == [["1"], ["2"], ["3"]], log
    states = [n["state"] for n in log]
    assert set(states) <= {"delivered", "unknown"} and states.count("unknown") <= unknown, states
    came = {}
    for arrival in receiver.at(path):
        assert arrival.webhook_id not in came, "a chunk came twice"
        came[arrival.webhook_id] = arrival
    assert set(came) <= {n["webhook_id"] for n in log}
    for number, n in enumerate(log):
        assert n["state"] == "unknown" or n["webhook_id"] in came, f"delivered, but it never came: {n}"
        if n["webhook_id"] in came:
            check_schedule([came[n["webhook_id"]]], accepted + number * SECOND)
    due = [nanoseconds(n["due_at"]) for n in log]
    assert [round((one - due[0]) / 1e9, 3) for one in due] == [0, 1, 2]
    return states


def die_between(node, receiver, path):
    """Killed in the wait for the second, and again in the wait for the third, and down while it is due."""
    account = node.api.account()
    webhook(account, receiver.url(path), 1, 1)
    accepted = boot_ns()
    account.post([account.event(n) for n in (1, 2, 3)])
    for number in (1, 2):
        receiver.wait(path, number)
        wait_for(lambda: account.usage()["in_flight"] == 0, 10, "the end of a POST")
        node.kill()
        if number == 2:
            wait_for(lambda: boot_ns() > accepted + 2.2 * SECOND, 10, "the time of the third")
        node.start()
    # An outcome whose commit the death forestalled may be unknown.
    check_chunks(account, receiver, path, accepted, unknown=2)
    assert len(receiver.at(path)) == 3


def stop_between(node, receiver, path):
    account = node.api.account()
    webhook(account, receiver.url(path), 1, 1)
    accepted = boot_ns()
    account.post(account.event(record_ids=[1, 2, 3]))
    receiver.wait(path, 1)
    assert node.terminate() == 0
    node.start()
    assert check_chunks(account, receiver, path, accepted, unknown=0) == ["delivered"] * 3


FAULTS = ["before-commit:1", "before-commit:2", "before-commit:3", "before-commit:4", "after-commit:1", "after-commit:3",
          "after-commit:4", "before-post:2", "before-post:3", "post-started:1", "post-started:2", "post-started:3",
          "outcome-received:2", "outcome-committed:2"]


def die_at(node, receiver, path, fault):
    """Around the claim of a chunk, its POST or its outcome."""
    account = node.api.account()
    webhook(account, receiver.url(path), 1, 1)
    node.terminate()
    node.start(fault=fault)
    events = [account.event(1), account.event(record_ids=[2, 3])]
    accepted = boot_ns()
    died = False
    for _ in range(2):
        try:
            account.post(events)
            break
        except requests.RequestException:
            assert node.wait_end() == -signal.SIGKILL
            node.start()
            died = True
    if not died:
        wait_for(lambda: not node.running(), 20, f"a death at {fault}")
        assert node.wait_end() == -signal.SIGKILL
        node.start()
    check_chunks(account, receiver, path, accepted)


def test_deaths(make_node, receiver):
    """All at the same time: most of it is waiting."""
    scenarios = {"die": die_between, "stop": stop_between,
                 **{fault: functools.partial(die_at, fault=fault) for fault in FAULTS}}
    nodes = [make_node() for _ in scenarios]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        ends = {name: pool.submit(run, node, receiver, f"/{name.replace(':', '-')}/")
                for node, (name, run) in zip(nodes, scenarios.items())}
    problems = {name: end.exception() for name, end in ends.items() if end.exception()}
    assert not problems, problems
