"""The native API: accounts, keys, tokens and scopes, subscriptions, log, missed feed, usage, what operators read."""

import base64
import concurrent.futures
import datetime
import re
import time

import pytest
from carillon.api import key_secret
from carillon.clock import wait_for
from carillon.receiver import HANG, Answer

NODE_SETTINGS = {"limits.windows": ["100000/60s"]}
TARGET = "https://example.com/hook"


def changed(account, **more):
    number = next(account._numbers)
    return {"id": f"{account.name}-{number}", "entity": "Contact", "action": "Update", "record_id": number,
            "changes": {"n": [None, number]}, **more}


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


def test_deletion_erases(node, receiver):
    account = node.api.account()
    subscription = subscribe(account, receiver)
    account.patch(subscription, status="paused")
    account.post(changed(account))
    node.api.call("DELETE", account.path, status=202)
    # Its keys die at once.
    account.call("GET", "/subscriptions", status={401, 404})
    assert account.copper("GET", "/webhooks").status == 401
    assert account.post(changed(account), status=None).status in (404, 409, 410)
    wait_for(lambda: node.api.call("GET", account.path).status == 404, 30, "an end of the erasing")
    node.api.call("DELETE", account.path, status=404)
    # The name may come back, without anything of the former one.
    again = node.api.account(account.name)
    assert again.log() == [] and again.call("GET", "/subscriptions", status=200).json["data"] == []
    assert again.missed() == [] and receiver.arrivals == []
    assert again.post(changed(account)).json["accepted"] == 1


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
    account.post(changed(account))
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
    foreign.post(changed(foreign))
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


# --- subscriptions ---


def test_subscriptions_show_both_sides(account, receiver):
    made = subscribe(account, receiver)
    rows = account.call("GET", "/subscriptions", status=200).json
    assert [r["id"] for r in rows["data"]] == [str(made["id"])] and rows["next"] is None
    [row] = rows["data"]
    assert row["dialect"] == "copper" and row["target"] == made["target"] and row["status"] == "active"
    assert row == account.subscription(made)


def test_secrets_are_masked(account, receiver):
    made = account.subscribe(receiver.url(), "person", "update", secret={"k": "very-secret-1"},
                             headers={"X-Auth": "very-secret-2"})
    account.post(changed(account))
    [told] = account.settle()
    [arrival] = receiver.wait("/hook", 1)
    assert arrival.json["k"] == "very-secret-1" and arrival.headers["x-auth"] == "very-secret-2"
    for path in ("/subscriptions", f"/subscriptions/{made['id']}", "/notifications", f"/notifications/{told['id']}"):
        assert "very-secret" not in account.call("GET", path, status=200).text, path


def test_filter_and_field_change_work_on_copper(account, receiver):
    made = subscribe(account, receiver)
    shown = account.patch(made, filter={"address.city": ["Rome", "Oslo"], "age": {"gte": 18}},
                          on_field_change=["email", "custom_fields.7"], description="adults")
    assert shown["filter"] == {"address.city": ["Rome", "Oslo"], "age": {"gte": 18}}
    assert shown["on_field_change"] == ["email", "custom_fields.7"] and shown["description"] == "adults"

    def post(changes, city="Rome", age=20):
        number = next(account._numbers)
        return account.post({"id": f"f{number}", "entity": "Contact", "action": "Update", "record_id": number,
                             "changes": changes, "record": {"address": {"city": city}, "age": age}}).json["notifications"]

    assert post({"email": [1, 2]}) == 1
    assert post({"custom_fields": {"7": [1, 2]}}, "Oslo") == 1
    assert post({"custom_fields": {"8": [1, 2]}}) == 0
    assert post({"name": [1, 2]}) == 0
    assert post({"email": [1, 2]}, "Bonn") == 0
    assert post({"email": [1, 2]}, age=17) == 0
    account.patch(made, filter=None, on_field_change=None)
    assert post({"name": [1, 2]}, "Bonn", 3) == 1
    account.settle()
    assert len(receiver.arrivals) == 3


@pytest.mark.parametrize("fields, pointer", [
    ({"status": "suspended"}, "#/status"), ({"status": 1}, "#/status"), ({"ordered": "yes"}, "#/ordered"),
    ({"filter": []}, "#/filter"), ({"filter": {"a": {"nonsense": 1}}}, "#/filter"), ({"filter": {"a": {"between": [1]}}}, "#/filter"),
    ({"on_field_change": "a"}, "#/on_field_change"), ({"skip_keys": [1]}, "#/skip_keys/0"), ({"target": TARGET}, "#/target"),
    ({"description": 5}, "#/description"), ({"description": "x" * 100000}, "#/description"), ({"what": 1}, "#/what"),
])
def test_bad_patches(account, receiver, fields, pointer):
    made = subscribe(account, receiver)
    before = account.subscription(made)
    answer = account.call("PATCH", f"/subscriptions/{made['id']}", fields, status=422)
    assert any(e["pointer"].startswith(pointer) for e in answer.json["errors"]), answer
    assert account.subscription(made) == before


def test_native_deletion(account, receiver):
    made = subscribe(account, receiver)
    account.call("DELETE", f"/subscriptions/{made['id']}", status={200, 204})
    account.call("GET", f"/subscriptions/{made['id']}", status=404)
    assert account.copper("GET", "/webhooks", status=200).json == []


@pytest.mark.parametrize("body", [
    {"secret": "plain"}, {"secret": "whsec_"}, {"secret": "whsec_!!!"}, {"secret": 5}, {"grace_seconds": -1},
    {"grace_seconds": "x"}, {"what": 1},
    {"secret": "whsec_" + base64.b64encode(b"x" * 23).decode()}, {"secret": "whsec_" + base64.b64encode(b"x" * 65).decode()},
])
def test_bad_rotations(account, receiver, body):
    made = subscribe(account, receiver)
    account.call("POST", f"/subscriptions/{made['id']}/secret/rotate", body, status=422)
    assert account.subscription(made)["has_secret"] is False


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
    event = changed(account)
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
    import json
    assert (body if isinstance(body, dict) else json.loads(body)) == arrival.json
    assert "short & stout" in str(one.json)
    account.call("GET", "/notifications/ntf_1_1_zzzz", status=404)
    account.call("GET", "/notifications/nonsense", status=404)


def test_log_filters_and_pages(account, receiver):
    good, bad = subscribe(account, receiver, "/good"), subscribe(account, receiver, "/bad")
    receiver.on("/bad", Answer(500))
    for _ in range(4):
        account.post([changed(account) for _ in range(3)])
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
        account.post(changed(account))
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
        import requests

        poll = pool.submit(requests.get, f"{account.api.url}{account.path}/missed?after={cursor}&wait=25",
                           headers={"Authorization": f"Bearer {account.key}"}, timeout=60)
        time.sleep(0.2)  # so that the poll most likely waits; it must also work when it does not
        account.post(changed(account))
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


def test_missed_feed_past_retention_is_gone(make_node, receiver):
    node = make_node({"retention.missed": "1s", "retention.log": "1s"})
    account = node.api.account()
    subscribe(account, receiver)
    receiver.on("/hook", Answer(500))
    start = account.call("GET", "/missed", status=200).json["next"]
    account.post([changed(account) for _ in range(3)])
    account.settle()
    answer = wait_for(
        lambda: (lambda a: a if a.status == 410 else None)(account.call("GET", f"/missed?after={start}")),
        60, "a cursor that is gone", pause=0.2)
    assert answer.slug == "cursor-gone" and "earliest" in answer.json
    account.call("GET", f"/missed?after={answer.json['earliest']}", status=200)


# --- what operators read ---


METRICS = [
    "carillon_events_total", "carillon_notifications_total", "carillon_pending_notifications",
    "carillon_oldest_due_age_seconds", "carillon_accounts", "carillon_subscriptions",
    "carillon_acceptance_to_send_seconds", "carillon_delivery_duration_seconds", "carillon_commit_duration_seconds",
    "carillon_commit_batch_size", "carillon_store_used_bytes", "carillon_store_limit_bytes",
    "carillon_http_request_duration_seconds", "carillon_connections", "carillon_claims_held",
    "carillon_certificate_expiry_timestamp_seconds", "carillon_build_info",
]


def test_metrics(make_node, receiver, authority):
    # With a certificate there is an expiry to tell; the API's own TLS is tried elsewhere.
    node = make_node()
    account = node.api.account()
    subscribe(account, receiver)
    account.post(changed(account))
    event = changed(account)
    account.post(event)
    account.post(event)
    account.settle()
    text = node.api.call("GET", "/metrics", status=200, check=False).text
    typed = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
    missing = [name for name in METRICS if name not in typed and name != "carillon_certificate_expiry_timestamp_seconds"]
    assert not missing, missing
    assert set(re.findall(r"^# HELP (\S+) \S", text, re.M)) >= set(typed)
    assert account.name not in text, "no label may name an account"
    values = node.api.metrics()
    assert values['carillon_events_total{result="accepted"}'] == 2
    assert values['carillon_events_total{result="duplicate"}'] == 1
    delivered = [v for k, v in values.items() if k.startswith("carillon_notifications_total{") and 'state="delivered"' in k]
    assert sum(delivered) == 2
    assert values["carillon_pending_notifications"] == 0 and values["carillon_claims_held"] == 0
    assert values["carillon_store_used_bytes"] > 0 and values["carillon_acceptance_to_send_seconds_count"] == 2


def test_health(node):
    for path in ("/healthz", "/readyz"):
        assert node.api.call("GET", path, token="", status=200)
    assert node.api.call("GET", "/readyz", token="", status=200).json["reasons"] == []
    node.api.call("GET", "/openapi.json", token="", status=200)


def test_description_is_complete(node):
    document = node.api.description.document
    assert document["openapi"].startswith("3.1")
    wanted = ["/v1/accounts", "/v1/accounts/{account}", "/v1/accounts/{account}/keys", "/v1/tokens",
              "/v1/accounts/{account}/events", "/v1/accounts/{account}/events/explain",
              "/v1/accounts/{account}/subscriptions", "/v1/accounts/{account}/notifications",
              "/v1/accounts/{account}/missed", "/v1/accounts/{account}/usage", "/v1/release", "/healthz", "/readyz",
              "/metrics", "/openapi.json"]
    assert [path for path in wanted if path not in document["paths"]] == []
    assert {"event-id-reused", "store-full", "draining", "overloaded", "cursor-gone"} <= node.api.description.slugs()


def test_admin_listener_takes_the_operators_routes(make_node):
    node = make_node({"http.admin-listen": "127.0.0.1:0"})
    open_side, admin_side = node.urls
    api = node.api
    for path in ("/metrics", "/readyz", "/openapi.json", "/v1/accounts"):
        assert api.call("GET", path, url=open_side, check=False).status == 404, path
        assert api.call("GET", path, url=admin_side, check=False).status == 200, path
    api.url = admin_side
    account = api.account()
    assert account.post(account.event(1), url=open_side, status=404, check=False)
    account.post(account.event(1), url=admin_side)
    account.copper("GET", "/webhooks", url=open_side, status=200, check=False)
    account.call("GET", "/usage", url=open_side, status=200)


def test_unknown_paths_and_methods(node):
    for method, path in (("GET", "/"), ("GET", "/v2/accounts"), ("GET", "/v1"), ("GET", "/v1/accounts/x/nonsense"),
                         ("GET", "/v1/accounts/../../etc/passwd"), ("GET", "/%2e%2e/x")):
        assert node.api.call(method, path).status in (400, 401, 404), path
    for method, path in (("DELETE", "/v1/accounts"), ("PATCH", "/v1/tokens"), ("POST", "/healthz"), ("GET", "/v1/release")):
        answer = node.api.call(method, path)
        assert answer.status in (404, 405), answer
        if answer.status == 405:
            assert answer.headers["Allow"]


def test_request_ids_differ(node):
    ids = {node.api.call("GET", "/healthz", token="").headers["X-Request-Id"] for _ in range(5)}
    assert len(ids) == 5
