"""Accounts, their keys, the operator's tokens, and how far each of them reaches."""

import datetime
import re

import pytest
from carillon.api import key_secret
from carillon.clock import wait_for

NODE_SETTINGS = {"limits.windows": ["100000/60s"]}


def subscribe(account, receiver, path="/hook"):
    return account.subscribe(receiver.url(path), "person", "update")


# --- accounts ---


def test_put_account_creates_and_updates(node):
    api = node.api
    fields = {"name": "Acme", "labels": {"plan": "gold"}, "limits": [{"count": 5, "seconds": 10}],
              "backlog": {"records": 50, "seconds": 60}, "max_subscriptions": 7}
    made = api.call("PUT", "/v1/accounts/acme", fields, status=201).json
    assert made["id"] == "acme" and made["state"] == "active"
    for name, value in fields.items():
        assert made[name] == value, name
    again = api.call("PUT", "/v1/accounts/acme", fields, status=200).json
    assert again["name"] == "Acme"
    changed = api.call("PUT", "/v1/accounts/acme", {"state": "paused", "name": "Acme 2", "limits": None}, status=200).json
    assert (changed["state"], changed["name"]) == ("paused", "Acme 2")
    shown = api.call("GET", "/v1/accounts/acme", status=200).json
    assert shown["name"] == "Acme 2" and "usage" in shown


def test_post_account_refuses_an_existing_one(node):
    body = {"id": "posted", "name": "P"}
    assert node.api.call("POST", "/v1/accounts", body, status=201).json["id"] == "posted"
    node.api.call("POST", "/v1/accounts", body, status=409)
    assert node.api.call("GET", "/v1/accounts/posted", status=200).json["name"] == "P"


@pytest.mark.parametrize("name", ["-x", ".x", "_x", "a" * 65, "a%20b", "a%2Fb", "%C3%A4", "a~b"])
def test_bad_account_ids(node, name):
    node.api.call("PUT", f"/v1/accounts/{name}", {}, status={400, 404, 422})


@pytest.mark.parametrize("fields, pointer", [
    ({"limits": [{"count": 1, "seconds": 3601}]}, "#/limits/0/seconds"),
    ({"limits": [{"count": 0, "seconds": 1}]}, "#/limits/0/count"),
    ({"limits": [{"count": 1, "seconds": 0}]}, "#/limits/0/seconds"),
    ({"limits": [{"count": 1, "seconds": n} for n in range(1, 6)]}, "#/limits"),
    ({"limits": [{"count": 1}]}, "#/limits/0"),
    ({"limits": 5}, "#/limits"),
    ({"state": "dead"}, "#/state"),
    ({"name": 5}, "#/name"),
    ({"backlog": {"records": -1, "seconds": 5}}, "#/backlog/records"),
    ({"backlog": {"what": 1}}, "#/backlog/what"),
    ({"max_subscriptions": "many"}, "#/max_subscriptions"),
    ({"labels": {"a": 1}}, "#/labels/a"),
    ({"colour": "red"}, "#/colour"),
])
def test_bad_account_fields(node, fields, pointer):
    answer = node.api.call("PUT", "/v1/accounts/bad-fields", fields, status=422)
    assert any(e["pointer"].startswith(pointer) for e in answer.json["errors"]), answer
    node.api.call("GET", "/v1/accounts/bad-fields", status=404)


def test_accounts_are_listed_in_pages(node):
    names = [f"page-{n:02}" for n in range(7)]
    for name in names:
        node.api.call("PUT", f"/v1/accounts/{name}", {}, status=201)
    node.api.call("PUT", "/v1/accounts/page-03", {"state": "paused"}, status=200)
    after, seen, pages = None, [], 0
    while True:
        page = node.api.call("GET", "/v1/accounts?limit=3" + (f"&after={after}" if after else ""), status=200).json
        assert len(page["data"]) <= 3
        seen += [a["id"] for a in page["data"]]
        pages += 1
        after = page["next"]
        if after is None:
            break
    assert pages >= 3 and len(seen) == len(set(seen)) and set(names) <= set(seen)
    paused = node.api.call("GET", "/v1/accounts?state=paused&limit=500", status=200).json["data"]
    assert "page-03" in [a["id"] for a in paused] and all(a["state"] == "paused" for a in paused)


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "limit=x", "after=nonsense", "state=dead", "sort=colour"])
def test_bad_queries_of_lists(node, query):
    node.api.call("GET", f"/v1/accounts?{query}", status={400, 422})


def test_deletion_cuts_off_at_once(node, receiver):
    """The erasing itself takes its time: test_retention.py waits for it."""
    account = node.api.account()
    subscription = subscribe(account, receiver)
    account.patch(subscription, status="paused")
    account.post(account.changed())
    node.api.call("DELETE", account.path, status=202)
    account.call("GET", "/subscriptions", status={401, 404})
    assert account.copper("GET", "/webhooks").status == 401
    assert account.post(account.changed(), status=None).status in (404, 409, 410)
    assert receiver.arrivals == []


# --- keys, tokens, scopes ---


def test_keys(node):
    account = node.api.account()
    path = f"{account.path}/keys"
    made = node.api.call("POST", path, {"name": "one", "scope": "read", "email": "a@b.example"}, status={200, 201}).json
    assert re.fullmatch(r"cak_[0-9A-Za-z]{46}", made["secret"]) and made["name"] == "one" and made["scope"] == "read"
    listed = node.api.call("GET", path, status=200)
    assert made["secret"] not in listed.text and account.key not in listed.text
    rows = {k["id"]: k for k in listed.json["data"]}
    assert rows[made["id"]]["email"] == "a@b.example"
    account.call("GET", "/usage", token=made["secret"], status=200)
    wait_for(lambda: {k["id"]: k for k in node.api.call("GET", path, status=200).json["data"]}[made["id"]]["last_used_at"],
             20, "a time of the last use")
    node.api.call("DELETE", f"{path}/{made['id']}", status={200, 204})
    account.call("GET", "/usage", token=made["secret"], status=401)
    node.api.call("DELETE", f"{path}/{made['id']}", status=404)


@pytest.mark.parametrize("body", [
    {"scope": "read"}, {"name": "x"}, {"name": "x", "scope": "admin"}, {"name": "x", "scope": "ingest"},
    {"name": "x", "scope": "read", "secret": "short"}, {"name": "x", "scope": "read", "secret": "x" * 31},
    {"name": "x", "scope": "read", "secret": "x" * 30 + "ü\n"}, {"name": "x", "scope": "read", "expires_at": "tomorrow"},
    {"name": "x", "scope": "read", "more": 1}, {"name": 7, "scope": "read"}, [],
])
def test_bad_keys(node, account, body):
    before = node.api.call("GET", f"{account.path}/keys", status=200).json
    node.api.call("POST", f"{account.path}/keys", body, status=422)
    assert node.api.call("GET", f"{account.path}/keys", status=200).json == before


def test_a_secret_belongs_to_one_key(node):
    one, two = node.api.account(), node.api.account()
    node.api.call("POST", f"{two.path}/keys", {"name": "x", "scope": "read", "secret": one.key}, status=409)


def test_expired_credentials_are_dead(node, account):
    # The time that passes is the subject.
    soon = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=2)).isoformat().replace("+00:00", "Z")
    secret = key_secret()
    node.api.call("POST", f"{account.path}/keys", {"name": "x", "scope": "read", "secret": secret, "expires_at": soon},
                  status={200, 201})
    token = node.api.token(["admin"], expires_at=soon)["token"]
    account.call("GET", "/usage", token=secret, status=200)
    account.call("GET", "/usage", token=token, status=200)
    wait_for(lambda: account.call("GET", "/usage", token=secret).status == 401, 20, "the key's end", pause=0.1)
    wait_for(lambda: account.call("GET", "/usage", token=token).status == 401, 20, "the token's end", pause=0.1)


def test_tokens(node):
    made = node.api.token(["ingest"])
    assert re.fullmatch(r"cat_[0-9A-Za-z]{46}", made["token"])
    listed = node.api.call("GET", "/v1/tokens?limit=500", status=200)
    assert made["token"] not in listed.text and made["id"] in [t["id"] for t in listed.json["data"]]
    account = node.api.account()
    assert account.post(account.event(1), token=made["token"]).json["accepted"] == 1
    node.api.call("DELETE", f"/v1/tokens/{made['id']}", status={200, 204})
    account.post(account.event(2), token=made["token"], status=401)
    node.api.call("DELETE", f"/v1/tokens/{made['id']}", status=404)


@pytest.mark.parametrize("body", [
    {"name": "x", "scopes": [], "accounts": ["*"]}, {"name": "x", "scopes": ["root"], "accounts": ["*"]},
    {"scopes": ["read"], "accounts": ["*"]}, {"name": "x", "scopes": "read", "accounts": ["*"]},
    {"name": "x", "scopes": ["read"], "accounts": ["bad name!"]}, {"name": "x", "scopes": ["read"], "accounts": ["*"], "y": 1},
])
def test_bad_tokens(node, body):
    node.api.call("POST", "/v1/tokens", body, status=422)


def matrix_calls(account, subscription, notification):
    """Every call with the scopes that reach it; bodies are fine, so that only the scope can refuse."""
    path = account.path
    admin, of_account, read = {"admin"}, {"admin", "account"}, {"admin", "account", "read"}
    key = {"name": "m", "scope": "read"}
    return [
        ("PUT", path, {}, admin),
        ("POST", "/v1/accounts", {"id": account.name}, admin),
        ("GET", "/v1/accounts", None, admin),
        ("GET", path, None, of_account),
        ("POST", f"{path}/keys", key, admin),
        ("GET", f"{path}/keys", None, admin),
        ("DELETE", f"{path}/keys/none", None, admin),
        ("POST", "/v1/tokens", {"name": "m", "scopes": ["read"], "accounts": ["*"]}, admin),
        ("GET", "/v1/tokens", None, admin),
        ("DELETE", "/v1/tokens/none", None, admin),
        ("POST", f"{path}/events", account.event(1), {"admin", "ingest"}),
        ("POST", f"{path}/events/explain", account.event(1), {"admin", "account", "ingest"}),
        ("GET", f"{path}/subscriptions", None, of_account),
        ("GET", f"{path}/subscriptions/{subscription}", None, of_account),
        ("PATCH", f"{path}/subscriptions/{subscription}", {"description": "m"}, of_account),
        ("POST", f"{path}/subscriptions/{subscription}/secret/rotate", {}, of_account),
        ("POST", f"{path}/subscriptions/{subscription}/test", None, of_account),
        ("GET", f"{path}/notifications", None, read),
        ("GET", f"{path}/notifications/{notification}", None, read),
        ("GET", f"{path}/missed", None, read),
        ("GET", f"{path}/usage", None, read),
        ("POST", "/v1/release", {"action": "send", "accounts": ["*"]}, admin),
        ("GET", "/v1/cluster", None, admin),
    ]


@pytest.mark.parametrize("scope", ["admin", "account", "read", "ingest", "metrics"])
def test_scopes_reach_what_they_should(node, receiver, scope):
    account = node.api.account()
    subscription = subscribe(account, receiver)["id"]
    account.post(account.changed())
    notification = account.settle()[0]["id"]
    token = node.api.token([scope])["token"]
    for method, path, body, allowed in matrix_calls(account, subscription, notification):
        answer = node.api.call(method, path, body, token=token)
        if scope in allowed:
            assert answer.status not in (401, 403), f"{scope} {method} {path}: {answer}"
        else:
            assert answer.status == 403, f"{scope} {method} {path}: {answer}"
    for credentials in ("", "nonsense", "cat_" + "0" * 46):
        for method, path, body, _ in matrix_calls(account, subscription, notification):
            answer = node.api.call(method, path, body, token=credentials)
            assert answer.status == 401, f"{credentials!r} {method} {path}: {answer}"


def test_keys_reach_their_own_account_only(node, receiver):
    mine, foreign = node.api.account(), node.api.account()
    subscription = subscribe(foreign, receiver)["id"]
    foreign.post(foreign.changed())
    notification = foreign.settle()[0]["id"]
    cursor = foreign.call("GET", "/missed?after=now", status=200).json["next"]
    # Another account is as if it were not there.
    for method, path, body, _ in matrix_calls(foreign, subscription, notification):
        if not path.startswith(foreign.path):
            continue
        answer = node.api.call(method, path, body, token=mine.key)
        assert answer.status in (403, 404), f"{method} {path}: {answer}"
        assert foreign.name not in answer.text.replace(path, ""), answer
    # And so are its things, in one's own account.
    for method, path, body in (("GET", f"/subscriptions/{subscription}", None), ("DELETE", f"/subscriptions/{subscription}", None),
                               ("PATCH", f"/subscriptions/{subscription}", {"status": "paused"}),
                               ("POST", f"/subscriptions/{subscription}/test", None),
                               ("POST", f"/subscriptions/{subscription}/secret/rotate", {}),
                               ("GET", f"/notifications/{notification}", None)):
        mine.call(method, path, body, status=404)
    mine.call("GET", f"/missed?after={cursor}", status={400, 404, 410, 422})
    assert foreign.subscription(subscription)["status"] == "active"


def test_tokens_of_named_accounts(node):
    one, two = node.api.account(), node.api.account()
    token = node.api.token(["ingest", "read"], [one.name])["token"]
    assert one.post(one.event(1), token=token).json["accepted"] == 1
    one.call("GET", "/usage", token=token, status=200)
    two.post(two.event(1), token=token, status={403, 404})
    two.call("GET", "/usage", token=token, status={403, 404})
    two.call("GET", "/notifications", token=token, status={403, 404})
