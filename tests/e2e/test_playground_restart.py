"""`carillon playground`, started anew on what an earlier start left."""

import signal
import socket
import stat

import pytest
import requests
from carillon.clock import wait_for
from carillon.playground import WEBHOOKS, arrivals, playgrounds

PIPELINER = {"big-deals", "territory", "importer", "two-way-sync"}


@pytest.fixture
def start(tmp_path):
    with playgrounds(tmp_path) as make:
        yield make


def test_a_restart_goes_on_with_what_is_there(start):
    one = start()
    one.wait_line("The CRM lives on")
    before = one.environment()
    headers = {"X-PW-AccessToken": before["ACCOUNT_KEY"], "X-PW-Application": "developer_api",
               "X-PW-UserEmail": "a@example.com"}
    copper = "/developer_api/v1/webhooks"
    subscriptions = requests.get(before["CARILLON"] + copper, headers=headers, timeout=30).json()
    pipeliner = one.webhooks()
    assert set(pipeliner) == PIPELINER
    for name in ("env", "admin-token", "master.keys", "ingest-token", "account-key", "account-key-id",
                 "signing-secret", "pipeliner-signature"):
        assert stat.S_IMODE((one.store / name).stat().st_mode) == 0o600, name
    assert stat.S_IMODE(one.store.stat().st_mode) == 0o700
    assert one.stop(signal.SIGINT) == 0
    assert one.lines[-1] == "stopping"

    # Another program takes the inbox's address meanwhile: the subscriptions follow the inbox.
    host, port = before["INBOX"].removeprefix("https://").split(":")
    with socket.create_server((host, int(port))):
        again = start("--once")
        assert again.rest() == 0, again.stderr()
    after = again.environment()
    assert after["INBOX"] != before["INBOX"]
    same = ("ACCOUNT_KEY", "ACCOUNT_KEY_ID", "INGEST_TOKEN", "ADMIN_TOKEN", "SIGNING_SECRET", "INBOX_CA")
    assert {k: after[k] for k in same} == {k: before[k] for k in same}
    assert len(arrivals(again.lines)) >= 5 + 4 + 45 + 2 + 1 + 3 + 7 + 1

    third = start()
    third.wait_line("1. Single")
    now = third.environment()
    moved = requests.get(now["CARILLON"] + copper, headers=headers, timeout=30).json()
    lasting = ("id", "type", "event")
    assert [[s[k] for k in lasting] for s in moved] == [[s[k] for k in lasting] for s in subscriptions]
    assert all(s["target"].startswith(now["INBOX"] + "/") for s in moved)
    followed = third.webhooks()
    assert set(followed) == PIPELINER
    for name, webhook in followed.items():
        former = pipeliner[name]
        assert webhook["url"] == former["url"].replace(before["INBOX"], now["INBOX"])
        lasting = ("id", "signature", "options")
        assert {k: webhook[k] for k in lasting} == {k: former[k] for k in lasting}
    assert third.stop() == 0


def test_a_suspended_endpoint_and_a_paused_subscription_do_not_stop_a_restart(start):
    one = start("--once", "--delivery.suspend-after-failures=1", "--delivery.suspend-after=0s")
    assert one.rest() == 0
    again = start()
    again.wait_line("The CRM lives on")
    values = again.environment()
    headers = {"Authorization": f"Bearer {values['ACCOUNT_KEY']}"}
    account = values["CARILLON"] + "/v1/accounts/demo"
    subscriptions = requests.get(account + "/subscriptions", headers=headers, timeout=30).json()["data"]
    assert len(subscriptions) == 11 and {s["status"] for s in subscriptions} == {"active"}
    for subscription in subscriptions:
        if subscription["target"].endswith(("/accounting", "/two-way-sync")):
            paused = requests.patch(f"{account}/subscriptions/{subscription['id']}", headers=headers, timeout=30,
                                    json={"status": "paused"})
            assert paused.status_code == 200
    assert again.stop() == 0
    third = start("--once")
    assert third.rest() == 0, third.stderr()
    assert {who for who, *_ in arrivals(third.lines)} == {
        "mailing-list", "sales-board", "calendar", "phone-book", "broken-importer", "hangs-up", "big-deals",
        "territory", "importer"}
    assert "  --  two-way-sync heard of nothing: is it paused?" in third.lines


def test_a_suspended_pipeliner_subscription_begins_anew(start):
    one = start()
    one.wait_line("1. Single")
    values = one.environment()
    former = one.webhooks()["big-deals"]
    native = values["CARILLON"] + "/v1/accounts/demo/subscriptions"
    headers = {"Authorization": f"Bearer {values['ACCOUNT_KEY']}"}

    def point_to(url):
        changed = requests.patch(f"{values['CARILLON']}{WEBHOOKS}/{former['id']}", json={"url": url}, timeout=30,
                                 auth=(values["ACCOUNT_KEY_ID"], values["ACCOUNT_KEY"]))
        assert changed.status_code == 200

    def shown():
        all_of_them = requests.get(native, headers=headers, timeout=30).json()["data"]
        return next(s for s in all_of_them if s.get("pipeliner", {}).get("id") == former["id"])

    point_to(values["INBOX"] + "/gone/big-deals")
    deal = {"entity": "Opportunity", "action": "Create", "record_id": 1, "record": {"status": 1, "amount": 20000}}
    posted = requests.post(values["CARILLON"] + "/v1/accounts/demo/events", json=deal, timeout=30,
                           headers={"Authorization": f"Bearer {values['INGEST_TOKEN']}"})
    assert posted.status_code == 202
    wait_for(lambda: shown()["status"] == "suspended", 60, "the suspension")
    point_to(former["url"])
    assert shown()["status"] == "suspended"
    assert one.stop() == 0
    again = start()
    again.wait_line("1. Single")
    now = again.webhooks()["big-deals"]
    assert now["id"] != former["id"] and now["options"] == former["options"]
    assert again.stop() == 0


def test_a_folder_without_the_keys_id_gets_a_new_key(start):
    """As a version that knew Copper's dialect only left it."""
    one = start()
    one.wait_line("1. Single")
    before = one.environment()
    assert one.stop() == 0
    (one.store / "account-key-id").unlink()
    again = start()
    again.wait_line("1. Single")
    after = again.environment()
    assert after["ACCOUNT_KEY_ID"] not in ("", before["ACCOUNT_KEY_ID"])
    assert set(again.webhooks()) == PIPELINER
    assert again.stop() == 0
