"""More than there is room for: refusals with Retry-After, bounded memory, and nobody suffers for another."""

import threading
import time

import requests
from carillon import raw_http
from carillon.api import Account
from carillon.clock import wait_for
from carillon.ledger import Load
from carillon.node import ADMIN_TOKEN
from carillon.receiver import HANG, Answer


def test_many_large_requests_at_once(make_node, receiver):
    """Far more than the node takes in at a time: each is accepted or refused with a time, and memory stays bounded."""
    node = make_node({"http.max-connections": 500})
    account = node.api.account(backlog={"records": 1000, "seconds": 3600})
    subscription = account.subscribe(receiver.url("/big"), "person", "update")
    account.patch(subscription, status="paused")
    before = node.rss_bytes()
    largest = [before]
    statuses = []
    guard = threading.Lock()
    body = "x" * 500_000
    end = time.monotonic() + 8

    def post():
        session = requests.Session()
        session.trust_env = False
        while time.monotonic() < end:
            with guard:
                event = account.changed(record={"filler": body})
            response = session.post(f"{node.url}{account.path}/events", json=event, timeout=60,
                                    headers={"Authorization": f"Bearer {ADMIN_TOKEN}"})
            with guard:
                statuses.append((response.status_code, response.headers.get("Retry-After")))
            if response.status_code != 202:
                time.sleep(0.05)

    threads = [threading.Thread(target=post, daemon=True) for _ in range(48)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        largest.append(node.rss_bytes())
        time.sleep(0.1)
    for thread in threads:
        thread.join(30)
    codes = {code for code, _ in statuses}
    assert codes <= {202, 429, 503}, codes
    assert all(after and int(after) >= 1 for code, after in statuses if code != 202)
    assert 202 in codes
    growth = (max(largest) - before) >> 20
    print(f"{len(statuses)} requests, {sum(1 for c, _ in statuses if c == 202)} accepted, {growth} MiB more")
    # Pages of the store that are mapped count as resident, too: what was accepted stands there once.
    accepted = sum(1 for code, _ in statuses if code == 202) * len(body) >> 20
    assert growth < 400 + 2 * accepted, f"memory grew by {growth} MiB"
    # The backlog's limit held all the while.
    usage = account.usage()
    assert usage["pending"]["notifications"] <= 1000
    node.api.call("GET", "/healthz", token="", status=200)


def test_the_backlog_in_bytes_is_bounded(make_node, receiver):
    node = make_node({"limits.backlog-bytes": "2MiB"})
    account = node.api.account()
    subscription = account.subscribe(receiver.url("/bytes"), "person", "update")
    account.patch(subscription, status="paused")
    for _ in range(30):
        account.post(account.changed(record={"filler": "x" * 200_000}))
    rows = wait_for(account.missed, 10, "expired ones")
    assert {n["state"] for n in rows} == {"expired"}
    assert [n["records"][0] for n in rows] == [str(i) for i in range(1, len(rows) + 1)], "the oldest go first"
    waiting = account.usage()["pending"]["notifications"]
    assert waiting + len(rows) == 30 and waiting * 200_000 <= (2 << 20)


def test_connections_beyond_the_limit(make_node):
    node = make_node({"http.max-connections": 20})
    open_ones = []
    try:
        refused = 0
        for _ in range(40):
            connection = raw_http.connect(node.address, 5)
            open_ones.append(connection)
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            status, headers, _ = raw_http.read_response(connection)
            refused += status != 200
            assert status in (200, 503, None)
        assert refused >= 15
    finally:
        for connection in open_ones:
            connection.close()
    wait_for(lambda: _healthy(node), 10, "a node that answers again")


def _healthy(node):
    try:
        return raw_http.exchange(node.address, b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")[0] == 200
    except OSError:
        return False


def test_hanging_endpoints_delay_only_their_account(make_node, receiver, ledger_of):
    """One account's receivers never answer, and it posts a lot; the other's notifications go at once."""
    node = make_node({"delivery.per-account": 8, "delivery.total": 64, "limits.windows": ["100000/60s"]})
    stuck, free = node.api.account(), node.api.account()
    receiver.on("/stuck", HANG)
    for number in range(4):
        stuck.subscribe(receiver.url(f"/stuck/{number}"), "person", "update")
    free.subscribe(receiver.url("/free"), "person", "update")
    stuck.post([stuck.changed() for _ in range(200)])
    receiver.wait("/stuck", 8)
    ledger = ledger_of(free, receiver, "/free")
    Load(node, [ledger], total=200, threads=2, make=Account.changed).start().join()
    log = ledger.check(seconds=20)
    assert {n["state"] for n in log} == {"delivered"} and len(log) == 200
    assert len(receiver.at("/stuck")) == 8
    assert stuck.usage()["in_flight"] == 8
    receiver.on("/stuck", Answer())
    receiver.let_go()
    stuck.settle(60)


def test_all_slots_taken_by_many_stuck_accounts(make_node, receiver):
    """Slots of the whole node: when they are gone, the others wait, and go on when slots come back."""
    node = make_node({"delivery.per-account": 4, "delivery.total": 8, "delivery.timeout": "3s",
                      "delivery.connect-timeout": "1s"})
    receiver.on("/stuck", HANG)
    for _ in range(2):
        account = node.api.account()
        account.subscribe(receiver.url("/stuck"), "person", "update")
        account.post([account.changed() for _ in range(4)])
    receiver.wait("/stuck", 8)
    free = node.api.account()
    free.subscribe(receiver.url("/free"), "person", "update")
    free.post([free.changed() for _ in range(3)])
    assert receiver.at("/free") == [] or len(receiver.at("/stuck")) >= 8
    receiver.wait("/free", 3, 20)
    free.settle()


def test_one_account_floods_and_another_is_served(make_node, receiver, ledger_of):
    node = make_node({"limits.windows": ["100000/60s"]})
    loud, quiet = node.api.account(), node.api.account()
    loud.subscribe(receiver.url("/loud"), "person", "update")
    quiet.subscribe(receiver.url("/quiet"), "person", "update")
    flood = Load(node, [ledger_of(loud, receiver, "/loud")], threads=6, per_request=20, make=Account.changed).start()
    wait_for(lambda: flood.posted > 500 or flood.problems, 30, "a flood")
    for number in range(1, 11):
        quiet.post(quiet.changed())
        receiver.wait("/quiet", number, 10)
    flood._stop.set()
    flood.join()
    loud.settle(90)
    assert set(flood.statuses) <= {202, 429, 503}


def test_many_accounts_at_once(make_node, receiver, ledger_of):
    node = make_node()
    ledgers = []
    for number in range(30):
        account = node.api.account()
        account.subscribe(receiver.url(f"/many/{number}/"), "person", "update")
        ledgers.append(ledger_of(account, receiver, f"/many/{number}/"))
    Load(node, ledgers, total=600, threads=6, make=Account.changed).start().join()
    for ledger in ledgers:
        assert all(n["state"] == "delivered" for n in ledger.check(windows=[(600, 60)]))
