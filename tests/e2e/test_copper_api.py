"""Copper's subscription API, row by row of the dialect's two tables."""

import itertools
import time

import pytest
from carillon.api import key_secret

FIELDS = ["id", "target", "type", "event", "secret", "headers", "custom_field_computed_values", "created_at"]
VALIDATION = "Invalid input: Validation errors: "
BAD_TARGET = "Invalid input: Invalid URI For External Request"
TARGET = "https://example.com/hook"


def refused(answer, status, message):
    assert answer.status == status, answer
    assert answer.json == {"success": False, "status": status, "message": message}


def full(**more):
    return {"target": TARGET, "type": "lead", "event": "new", **more}


def test_create_shows_the_full_object(account):
    before = int(time.time())
    made = account.copper("POST", "/webhooks", full(
        secret={"a": "1", "b": "zwei ü"}, headers={"X-One": "1"}, custom_field_computed_values=True), status=200)
    assert list(made.json) == FIELDS
    assert made.json["secret"] == {"a": "1", "b": "zwei ü"} and made.json["headers"] == {"X-One": "1"}
    assert made.json["target"] == TARGET and made.json["custom_field_computed_values"] is True
    assert isinstance(made.json["id"], int) and before <= made.json["created_at"] <= time.time() + 1
    assert made.headers["Content-Type"].startswith("application/json")
    assert account.copper("GET", f"/webhooks/{made.json['id']}", status=200).json == made.json


def test_fields_never_given_are_left_out(account):
    made = account.copper("POST", "/webhooks", full(), status=200).json
    assert list(made) == ["id", "target", "type", "event", "created_at"]


def test_ids_grow_and_are_unique(node):
    ids = [node.api.account().subscribe(TARGET)["id"] for _ in range(3)]
    account = node.api.account()
    mine = [account.subscribe(TARGET)["id"] for _ in range(3)]
    assert mine == sorted(mine) and len(set(ids + mine)) == 6


def test_list_is_a_bare_array(account):
    assert account.copper("GET", "/webhooks", status=200).json == []
    made = [account.subscribe(TARGET, event=event) for event in ("new", "update", "delete")]
    assert account.copper("GET", "/webhooks", status=200).json == made


def test_duplicates_are_allowed(account):
    one, two = account.subscribe(TARGET), account.subscribe(TARGET)
    assert one["id"] != two["id"]


def test_put_replaces_what_is_sent(account):
    made = account.subscribe(TARGET, "lead", "new", secret={"a": "1"}, headers={"X-One": "1"})
    path = f"/webhooks/{made['id']}"
    changed = account.copper("PUT", path, {"event": "update"}, status=200).json
    assert changed == {**made, "event": "update"}
    changed = account.copper("PUT", path, {"secret": {"b": "2"}, "type": "task", "target": "https://example.com/2"},
                             status=200).json
    assert changed == {**made, "event": "update", "secret": {"b": "2"}, "type": "task", "target": "https://example.com/2"}
    assert account.copper("GET", path, status=200).json == changed


def test_put_takes_effect_on_what_follows(account, receiver):
    made = account.subscribe(receiver.url("/one"))
    account.post(account.event(1))
    receiver.wait("/one", 1)
    account.copper("PUT", f"/webhooks/{made['id']}", {"target": receiver.url("/two"), "secret": {"k": "v"}}, status=200)
    account.post(account.event(2))
    [arrival] = receiver.wait("/two", 1)
    assert arrival.json["k"] == "v" and arrival.json["ids"] == [2]


def test_delete_answers_the_id(account, receiver):
    made = account.subscribe(receiver.url())
    assert account.copper("DELETE", f"/webhooks/{made['id']}", status=200).json == {"id": made["id"]}
    refused(account.copper("GET", f"/webhooks/{made['id']}"), 404, "Resource not found")
    refused(account.copper("DELETE", f"/webhooks/{made['id']}"), 404, "Resource not found")
    assert account.post(account.event(1)).json["notifications"] == 0
    assert receiver.arrivals == []


def test_trailing_slashes(account):
    made = account.copper("POST", "/webhooks/", full(), status=200).json
    assert account.copper("GET", "/webhooks/", status=200).json == [made]
    assert account.copper("GET", f"/webhooks/{made['id']}/", status=200).json == made
    assert account.copper("PUT", f"/webhooks/{made['id']}/", {}, status=200).json == made
    assert account.copper("GET", "/users/me/", status=200).json["id"]
    assert account.copper("DELETE", f"/webhooks/{made['id']}/", status=200).json == {"id": made["id"]}


def test_users_me(account):
    me = account.copper("GET", "/users/me", status=200).json
    assert {"id", "name", "email"} <= set(me)
    assert me["name"] == "test"


# --- credentials ---


@pytest.mark.parametrize("token", [None, "", "nonsense", "x" * 40, "cak_" + "0" * 46])
def test_bad_credentials(account, token):
    for method, path in (("GET", "/webhooks"), ("GET", "/users/me"), ("POST", "/webhooks"), ("DELETE", "/webhooks/1")):
        body = full() if method == "POST" else None
        refused(account.copper(method, path, body, headers={"X-PW-AccessToken": token}), 401, "Invalid API token")
    assert account.copper("GET", "/webhooks", status=200).json == []


def test_header_names_in_any_case(account):
    headers = {"X-PW-AccessToken": None, "x-pw-accesstoken": account.key, "X-PW-Application": None,
               "x-pw-application": "developer_api"}
    assert account.copper("GET", "/webhooks", headers=headers, status=200).json == []


def test_a_key_with_an_email_needs_it(account):
    secret = key_secret()
    account.call("POST", "/keys", {"name": "mail", "email": "me@example.com", "scope": "account", "secret": secret},
                 token=None, status={200, 201})
    headers = {"X-PW-AccessToken": secret, "X-PW-UserEmail": "me@example.com"}
    assert account.copper("GET", "/users/me", headers=headers, status=200).json["email"] == "me@example.com"
    for other in ("you@example.com", "", None):
        refused(account.copper("GET", "/webhooks", headers={**headers, "X-PW-UserEmail": other}), 401,
                "Invalid API token")


def test_a_reading_key_changes_nothing(account):
    secret = key_secret()
    account.call("POST", "/keys", {"name": "reader", "scope": "read", "secret": secret}, token=None, status={200, 201})
    headers = {"X-PW-AccessToken": secret}
    made = account.subscribe(TARGET)
    for method, path, body in (("POST", "/webhooks", full()), ("PUT", f"/webhooks/{made['id']}", {"event": "new"}),
                               ("DELETE", f"/webhooks/{made['id']}", None)):
        answer = account.copper(method, path, body, headers=headers)
        assert answer.status in (401, 403) and answer.json["success"] is False, answer
    assert account.copper("GET", "/webhooks", status=200).json == [made]


def test_a_revoked_key_is_dead(account):
    secret = key_secret()
    key = account.call("POST", "/keys", {"name": "gone", "scope": "account", "secret": secret}, token=None,
                       status={200, 201}).json
    headers = {"X-PW-AccessToken": secret}
    account.copper("GET", "/webhooks", headers=headers, status=200)
    account.call("DELETE", f"/keys/{key['id']}", token=None, status={200, 204})
    refused(account.copper("GET", "/webhooks", headers=headers), 401, "Invalid API token")


# --- errors ---


@pytest.mark.parametrize("body, message", [
    (full(url="https://x"), "Base: Unrecognized attributes specified: url"),
    (full(url=1, other=2), "Base: Unrecognized attributes specified: url, other"),
    ({"target": TARGET, "event": "new"}, "Type: can't be blank"),
    ({"target": TARGET, "type": "lead"}, "Event: can't be blank"),
    ({"type": "lead", "event": "new"}, "Target: can't be blank"),
    ({}, "Target: can't be blank\nType: can't be blank\nEvent: can't be blank"),
    ({"url": TARGET, "event": "new"}, "Base: Unrecognized attributes specified: url\nTarget: can't be blank\n"
                                      "Type: can't be blank"),
    (full(type="contact"), "Type: is not included in the list"),
    (full(event="created"), "Event: is not included in the list"),
    (full(type="Lead"), "Type: is not included in the list"),
    (full(type=7), "Type: is not included in the list"),
    (full(type=None), "Type: can't be blank"),
    (full(event=""), "Event: can't be blank"),
    (full(id=7), "Base: Unrecognized attributes specified: id"),
    (full(created_at=7), "Base: Unrecognized attributes specified: created_at"),
])
def test_validation_errors(account, body, message):
    refused(account.copper("POST", "/webhooks", body), 422, VALIDATION + message)
    assert account.copper("GET", "/webhooks", status=200).json == []


@pytest.mark.parametrize("field, value", [
    ("secret", "text"), ("secret", {"a": 1}), ("secret", ["a"]), ("headers", {"X-A": 1}), ("headers", "X-A: 1"),
    ("custom_field_computed_values", "yes"), ("headers", {"Host": "evil"}), ("headers", {"content-length": "5"}),
    ("headers", {"Transfer-Encoding": "chunked"}), ("headers", {"Connection": "close"}),
    ("headers", {"webhook-id": "mine"}), ("headers", {"WebHook-Signature": "v1,x"}), ("headers", {"": "x"}),
    ("headers", {"X A": "x"}), ("headers", {"X-A:": "x"}), ("headers", {"X-A": "v\r\nInjected: 1"}),
    ("headers", {"X-A": "v\nInjected: 1"}), ("headers", {"X-A\r\nInjected": "1"}), ("headers", {"X-A": "a\x00b"}),
    ("secret", {"": "x"}),
])
def test_bad_optional_fields(account, field, value):
    answer = account.copper("POST", "/webhooks", full(**{field: value}))
    assert answer.status == 422 and answer.json["message"].startswith(VALIDATION), answer
    made = account.subscribe(TARGET, **({"headers": {"X-Fine": "1"}}))
    answer = account.copper("PUT", f"/webhooks/{made['id']}", {field: value})
    assert answer.status == 422 and answer.json["message"].startswith(VALIDATION), answer
    assert account.copper("GET", "/webhooks", status=200).json == [made]


@pytest.mark.parametrize("target", [
    "http://example.com/", "ftp://example.com/", "example.com", "https://", "https:///x", "https://user@example.com/",
    "https://user:password@example.com/", "https://exa mple.com/", "https://example.com\\@evil.com/",
    "https://10.0.0.1/", "https://192.168.1.1/", "https://169.254.169.254/latest/meta-data", "https://[::1]/",
    "https://[::ffff:10.0.0.1]/", "https://0x7f000001/", "https://2130706433/", "https://127.1/",
    "https://0177.0.0.1/", "https://127.0.0.01/", "https://0.0.0.0/", "https://224.0.0.1/", "https://100.64.0.1/",
    "https://[fd00::1]/", "https://[64:ff9b::a00:1]/", "https://%6c%6fcalhost/", "https://example.com:0/",
    "https://example.com:65536/", "https://exam\tple.com/", "javascript:alert(1)", 7, ["https://example.com"],
])
def test_bad_targets(account, target):
    refused(account.copper("POST", "/webhooks", full(target=target)), 422, BAD_TARGET)
    made = account.subscribe(TARGET)
    refused(account.copper("PUT", f"/webhooks/{made['id']}", {"target": target}), 422, BAD_TARGET)
    assert account.copper("GET", "/webhooks", status=200).json == [made]


@pytest.mark.parametrize("data", ["", "{", "nonsense", '{"target":"a","target":"b"}', b"\xff\xfe", "[" * 100])
def test_malformed_json(account, data):
    answer = account.copper("POST", "/webhooks", data=data)
    assert answer.status == 400 and answer.json["success"] is False and answer.json["status"] == 400, answer


def test_the_101st_subscription(node):
    account = node.api.account()
    # 180 calls a minute are all that an account has; 101 fit.
    made = [account.subscribe(TARGET) for _ in range(100)]
    answer = account.copper("POST", "/webhooks", full())
    assert answer.status == 422 and answer.json["message"].startswith(VALIDATION + "Base: ") and "100" in answer.json["message"]
    account.copper("DELETE", f"/webhooks/{made[0]['id']}", status=200)
    account.subscribe(TARGET)
    assert len(account.copper("GET", "/webhooks", status=200).json) == 100


def test_foreign_and_unknown_ids(node):
    one, two = node.api.account(), node.api.account()
    foreign = one.subscribe(TARGET)
    for identifier in (foreign["id"], 999999999, "abc", "1.5", "-1", "99999999999999999999999"):
        refused(two.copper("GET", f"/webhooks/{identifier}"), 404, "Resource not found")
        refused(two.copper("PUT", f"/webhooks/{identifier}", {"event": "new"}), 404, "Resource not found")
        refused(two.copper("DELETE", f"/webhooks/{identifier}"), 404, "Resource not found")
    assert one.copper("GET", "/webhooks", status=200).json == [foreign]
    assert two.copper("GET", "/webhooks", status=200).json == []


def test_too_many_calls(node):
    one, two = node.api.account(), node.api.account()
    for number in itertools.count(1):
        answer = one.copper("GET", "/users/me", check=False)
        if answer.status == 429:
            break
        assert answer.status == 200 and number <= 200
    # The window may have moved on during the calls, never back.
    assert number > 180
    assert answer.json["success"] is False and answer.json["status"] == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    # Another account is not concerned, nor is the account's own ingestion.
    two.copper("GET", "/users/me", status=200)
    assert one.post(one.event(1)).json["accepted"] == 1


def test_unknown_paths(account):
    for method, path in (("GET", "/nonsense"), ("PATCH", "/webhooks"), ("GET", "/webhooks/1/2"), ("POST", "/users/me")):
        answer = account.copper(method, path)
        assert answer.status in (404, 405), answer
