"""The store: full, copied, brought back, kept secret, and opened once only."""

import os
import subprocess

import pytest
from carillon.api import FINAL
from carillon.backup import backup, restored_node
from carillon.clock import steadily, wait_for
from carillon.node import Node, run
from carillon.receiver import HANG, Answer


def fill(account, bytes_each=200_000, most=3000):
    """Posts until the store is full; the last answer."""
    for _ in range(most):
        answer = account.post(account.changed(record={"filler": os.urandom(bytes_each // 2).hex()}), status=None)
        if answer.status != 202:
            return answer
    raise AssertionError("the store does not get full")


def check_full(node, account, waiting, receiver, path):
    """What a full store must still do."""
    refused = fill(account)
    assert refused.status == 503 and refused.slug == "store-full", refused
    assert int(refused.headers["Retry-After"]) >= 1
    assert node.running()
    ready = node.api.call("GET", "/readyz", token="")
    assert ready.status == 503 and "store-full" in str(ready.json["reasons"]), ready
    node.api.call("GET", "/healthz", token="", status=200)
    # Claims and outcomes go on, and reads.
    waiting()
    receiver.wait(path, 5, 30)
    account.settle(60)
    assert account.usage()["pending"]["notifications"] == 0
    assert node.api.metrics()["carillon_store_used_bytes"] > 0


def test_a_full_map_refuses_and_recovers(make_node, receiver):
    # Short retention, so that the sweeper makes room.
    node = make_node({"storage.map-size": "32MiB", "retention.bodies": "5s", "limits.backlog-age": "5s",
                      "retention.log": "5s", "retention.missed": "5s", "retention.idempotency": "5s",
                      "ingest.max-body": "1MiB"})
    account, other = node.api.account(), node.api.account()
    subscription = other.subscribe(receiver.url("/full"), "person", "update")
    other.patch(subscription, status="paused")
    other.post([other.changed() for _ in range(5)])
    check_full(node, account, lambda: other.patch(subscription, status="active"), receiver, "/full")
    # Without room there is no new event; when retention has made some, there is.
    wait_for(lambda: account.post(account.changed(), status=None).status == 202, 60, "the service's return", pause=0.5)
    node.kill()
    node.start()
    account.post(account.changed())


def mount_tmpfs(folder, size):
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True)
    if done.returncode != 0:
        pytest.skip(f"no tmpfs can be mounted here: {done.stderr.decode().strip()}")


def test_a_full_disk_refuses_and_recovers(tmp_path, authority, receiver):
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    disk = tmp_path / "disk"
    mount_tmpfs(disk, "48M")
    node = None
    try:
        node = Node(tmp_path / "node", authority, {"storage.directory": str(disk / "store"), "ingest.max-body": "1MiB"})
        node.start()
        account, other = node.api.account(), node.api.account()
        subscription = other.subscribe(receiver.url("/disk"), "person", "update")
        other.patch(subscription, status="paused")
        other.post([other.changed() for _ in range(5)])
        # Somebody else takes most of the disk.
        ballast = disk / "other"
        free = os.statvfs(disk)
        ballast.write_bytes(b"x" * int(free.f_bavail * free.f_frsize * 0.7))
        check_full(node, account, lambda: other.patch(subscription, status="active"), receiver, "/disk")
        ballast.unlink()
        wait_for(lambda: account.post(account.changed(), status=None).status == 202, 30, "the service's return", pause=0.2)
        node.kill()
        node.start()
        account.post(account.changed())
        assert account.post({**account.changed(), "id": f"{account.name}-1"}, status=422).slug == "event-id-reused"
    finally:
        if node:
            node.close()
        subprocess.run(["umount", "-l", str(disk)], check=False)


# --- backup and restore ---

@pytest.mark.parametrize("running", [True, False])
@pytest.mark.parametrize("action", ["send", "expire"])
def test_backup_and_restore(tmp_path, make_node, authority, receiver, running, action):
    node = make_node()
    account = node.api.account(name="kept")
    subscription = account.subscribe(receiver.url("/b"), "person", "update", secret={"k": "v"})
    account.post(account.changed())
    receiver.wait("/b", 1)
    account.settle()
    account.patch(subscription, status="paused")
    waiting = [account.changed() for _ in range(3)]
    account.post(waiting)
    account.patch(subscription, status="paused", description="as in the copy")
    cursor = account.call("GET", "/missed?after=now", status=200).json["next"]
    old_ids = {n["id"] for n in account.log()}
    copy = tmp_path / "copy"
    if not running:
        node.terminate()
    backup(node, copy)
    if running:
        # What comes after the copy is lost with the disk, and its ids must not come again.
        account.post(account.changed())
        assert node.api.call("GET", "/healthz", token="", status=200)
        later = account.subscribe(receiver.url("/later"))
        node.kill()
    else:
        later = subscription
    new = restored_node(tmp_path, authority, node, copy)
    try:
        new.start()
        again = type(account).__new__(type(account))
        again.__dict__.update(account.__dict__)
        again.api = new.api
        ready = new.api.call("GET", "/readyz", token="")
        assert "held" in str(ready.json["reasons"]) or ready.status == 200, ready
        assert again.subscription(subscription)["description"] == "as in the copy"
        again.patch(subscription, status="active")
        # Held: nothing goes out until somebody decides.
        again.post(again.changed())
        steadily(lambda: len(receiver.at("/b")) == 1, 0.5, "a POST of a held store")
        again.call("GET", f"/missed?after={cursor}", status=410)
        fresh = again.subscribe(receiver.url("/fresh"))
        assert fresh["id"] > max(subscription["id"], later["id"])
        new.api.call("POST", "/v1/release", {"action": action, "accounts": ["*"]}, status={200, 202, 204})
        log = again.settle(30)
        assert all(n["state"] in FINAL for n in log)
        if action == "send":
            sent = receiver.wait("/b", 2)
            assert all(a.json["k"] == "v" for a in sent)
            assert {str(i) for a in receiver.at("/b") for i in a.json["ids"]} >= {str(e["record_id"]) for e in waiting}
        else:
            assert len(receiver.at("/b")) == 1
            assert {n["state"] for n in log} == {"expired", "delivered"}
            assert len(again.missed()) >= 3
        fresh_ids = {n["id"] for n in log if n["created_at"] > min(m["created_at"] for m in log)}
        webhook_ids = [a.webhook_id for a in receiver.arrivals]
        assert len(webhook_ids) == len(set(webhook_ids)), "an id of before the restore came again"
        assert fresh_ids or old_ids
        # And from now on all is as usual, also after another start.
        before = len(receiver.at("/b"))
        again.post(again.changed())
        receiver.wait("/b", before + 1)
        new.terminate()
        new.start()
        again.post(again.changed())
        receiver.wait("/b", before + 2)
    finally:
        new.close()


def test_accounts_are_released_one_by_one_for_good(tmp_path, make_node, authority, receiver):
    node = make_node()
    accounts = [node.api.account(name=name) for name in ("first", "second", "quiet")]
    for account in accounts:
        made = account.subscribe(receiver.url(f"/{account.name}"), "person", "update")
        if account.name != "quiet":
            account.patch(made, status="paused")
            account.post(account.changed())
        account.made = made
    copy = tmp_path / "copy"
    backup(node, copy)
    node.kill()
    new = restored_node(tmp_path, authority, node, copy)
    try:
        new.start()
        for account in accounts:
            account.api = new.api
            account.patch(account.made, status="active")
        first, second, quiet = accounts
        new.api.call("POST", "/v1/release", {"action": "send", "accounts": ["first", "quiet"]}, status={200, 202, 204})
        receiver.wait("/first", 1)
        for end in (new.terminate, new.kill):
            end()
            new.start()
            sent = len(receiver.at("/first")), len(receiver.at("/quiet"))
            for account in accounts:
                account.post(account.changed())
            receiver.wait("/first", sent[0] + 1)
            receiver.wait("/quiet", sent[1] + 1)
            assert not receiver.at("/second"), "a POST of an account that is still held"
        new.api.call("POST", "/v1/release", {"action": "send", "accounts": ["*"]}, status={200, 202, 204})
        receiver.wait("/second", 1)
        second.settle()
        # A restore of this store holds all of them again.
        again = tmp_path / "again"
        backup(new, again)
        new.kill()
        (tmp_path / "twice").mkdir()
        held = restored_node(tmp_path / "twice", authority, new, again)
        try:
            held.start()
            first.api = held.api
            before = len(receiver.at("/first"))
            first.post(first.changed())
            steadily(lambda: len(receiver.at("/first")) == before, 0.5, "a POST of a held store")
        finally:
            held.close()
    finally:
        new.close()


def test_what_a_copy_holds_in_flight_is_never_sent_again(tmp_path, make_node, authority, receiver):
    node = make_node()
    account = node.api.account(name="kept")
    receiver.on("/hang", HANG)
    account.subscribe(receiver.url("/hang"), "person", "update")
    account.post([account.changed() for _ in range(3)])
    receiver.wait("/hang", 3)
    copy = tmp_path / "copy"
    backup(node, copy)
    node.kill()
    receiver.on("/hang", Answer())
    new = restored_node(tmp_path, authority, node, copy)
    try:
        new.start()
        new.api.call("POST", "/v1/release", {"action": "send", "accounts": ["*"]}, status={200, 202, 204})
        account.api = new.api
        log = account.settle()
        assert [n["state"] for n in log] == ["unknown"] * 3
        assert sorted(n["records"][0] for n in account.missed()) == ["1", "2", "3"]
        assert len(receiver.at("/hang")) == 3
    finally:
        new.close()


def test_backup_and_restore_refuse_what_would_destroy(tmp_path, make_node):
    node = make_node()
    full = tmp_path / "full"
    full.mkdir()
    (full / "something").write_text("x")
    code, _, err = run("backup", str(full), f"--storage.directory={node.store}", folder=tmp_path)
    assert code > 0 and str(full) in err
    copy = tmp_path / "copy"
    backup(node, copy)
    code, _, err = run("restore", str(copy), f"--storage.directory={node.store}", folder=tmp_path)
    assert code > 0 and err
    node.api.call("GET", "/healthz", token="", status=200)
    code, _, err = run("restore", str(tmp_path / "nothing"), f"--storage.directory={tmp_path / 'new'}", folder=tmp_path)
    assert code > 0 and "nothing" in err
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    (damaged / "data.mdb").write_bytes(b"\x00" * 8192)
    code, _, err = run("restore", str(damaged), f"--storage.directory={tmp_path / 'new2'}", folder=tmp_path)
    assert code > 0 and err
    node.terminate()
    node.start()


def test_the_copy_is_the_owners_only(tmp_path, make_node):
    node = make_node()
    node.api.account()
    copy = tmp_path / "copy"
    backup(node, copy)
    for path in [node.store, copy]:
        assert path.stat().st_mode & 0o077 == 0, f"{path} is open to others"
        for file in path.rglob("*"):
            if not file.is_dir():
                assert file.stat().st_mode & 0o077 == 0, f"{file} is open to others"


# --- secrets ---


def test_no_secret_is_in_the_store_as_text(tmp_path, make_node, receiver):
    node = make_node()
    account = node.api.account()
    secret = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo="
    known = {"body": "plain-body-secret-7391", "header": "plain-header-secret-7392"}
    made = account.subscribe(receiver.url("/s"), "person", "update", secret={"k": known["body"]},
                             headers={"X-Auth": known["header"]})
    account.call("POST", f"/subscriptions/{made['id']}/secret/rotate", {"secret": secret}, status=200)
    token = node.api.token(["read"])["token"]
    account.post(account.changed(record={"name": "not-a-secret-7393"}))
    [arrival] = receiver.wait("/s", 1)
    account.settle()
    # Outgoing they are as they should be.
    assert arrival.json["k"] == known["body"] and arrival.headers["x-auth"] == known["header"]
    signature = arrival.headers["webhook-signature"]
    backup(node, tmp_path / "copy")
    node.terminate()
    stores = [f for folder in (node.store, tmp_path / "copy") for f in folder.rglob("*.mdb")]
    assert len(stores) >= 2
    # The key that signs is base64 outside; as bytes it must not be there either.
    hidden = [*known.values(), secret[6:], "ABCDEFGHIJKLMNOPQRSTUVWXYZ", account.key, token, signature[3:]]
    for file in stores:
        content = file.read_bytes()
        for text in hidden:
            assert text.encode() not in content, f"{text} is in {file.name} as it is"
    assert any(b"not-a-secret-7393" in f.read_bytes() for f in stores), "this search would find nothing at all"
    assert not any(text in node.log() for text in hidden)


def test_a_new_master_key_takes_over(make_node, receiver):
    node = make_node()
    account = node.api.account()
    account.subscribe(receiver.url("/k"), "person", "update", secret={"k": "one"})
    old = node.keys.read_text()
    node.terminate()
    from carillon.node import write_master_keys

    write_master_keys(node.keys, "second")
    node.keys.write_text(node.keys.read_text() + old)
    node.start()
    account.subscribe(receiver.url("/k"), "person", "update", secret={"k": "two"})
    account.post(account.changed())
    assert {a.json["k"] for a in receiver.wait("/k", 2)} == {"one", "two"}


# --- one process, one format ---


def test_a_second_process_is_refused(make_node):
    node = make_node()
    code, out, err = run("serve", f"--storage.directory={node.store}", f"--auth.master-key-file={node.keys}",
                         "--storage.map-size=1GiB", "--http.listen=127.0.0.1:0", folder=node.folder)
    assert code > 0 and out == "" and str(node.process.pid) in err
    node.kill()
    # A lock whose owner died is none.
    node.start()


def test_a_newer_format_is_refused(make_node, receiver):
    """The header's format is raised by hand, wherever it stands; whatever is changed must be noticed, too."""
    node = make_node()
    node.api.account()
    node.terminate()
    data = node.store / "data.mdb"
    import re

    content = bytearray(data.read_bytes())
    places = [m.start() for m in re.finditer(re.escape(b"CARILLON"), bytes(content), re.I)]
    if not places:
        pytest.skip("the header has no magic text to find it by; the store's unit tests cover newer formats")
    for place in places:
        content[place + 8] = 0xEE
    data.write_bytes(content)
    before = data.read_bytes()
    node.start(wait=False)
    assert node.wait_end() > 0
    assert "newer" in node.log()
    # Room that was set aside for what would have been written may have been added; nothing else.
    assert data.read_bytes()[: len(before)] == before


def test_a_damaged_store_is_refused(make_node):
    node = make_node()
    node.api.account()
    node.terminate()
    data = node.store / "data.mdb"
    size = data.stat().st_size
    with open(data, "r+b") as file:
        file.truncate(0)
        file.write(os.urandom(size))
    node.start(wait=False)
    assert node.wait_end() > 0
    assert str(node.store) in node.log() or "store" in node.log()
