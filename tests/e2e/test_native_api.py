"""The native API: subscriptions of every dialect with their native options, and what operators read."""

import base64
import re

import pytest
from carillon.clock import wait_for

NODE_SETTINGS = {"limits.windows": ["100000/60s"]}
TARGET = "https://example.com/hook"


def subscribe(account, receiver, path="/hook"):
    return account.subscribe(receiver.url(path), "person", "update")


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
    account.post(account.changed())
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
    ({"description": 5}, "#/description"), ({"description": "x" * 30000}, "#/description"), ({"what": 1}, "#/what"),
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


# --- what operators read ---


METRICS = [
    "carillon_events_total", "carillon_notifications_total", "carillon_pending_notifications",
    "carillon_oldest_due_age_seconds", "carillon_accounts", "carillon_subscriptions",
    "carillon_acceptance_to_send_seconds", "carillon_delivery_duration_seconds", "carillon_commit_duration_seconds",
    "carillon_commit_batch_size", "carillon_retention_cpu_seconds_total", "carillon_store_used_bytes", "carillon_store_limit_bytes",
    "carillon_http_request_duration_seconds", "carillon_connections", "carillon_claims_held",
    "carillon_certificate_expiry_timestamp_seconds", "carillon_build_info",
]


def test_metrics(make_node, receiver, authority):
    # With a certificate there is an expiry to tell; the API's own TLS is tried elsewhere.
    node = make_node()
    account = node.api.account()
    subscribe(account, receiver)
    account.post(account.changed())
    event = account.changed()
    account.post(event)
    account.post(event)
    account.settle()
    # Accounts are counted on the sweeper's way over the catalog.
    wait_for(lambda: "carillon_accounts{" in node.api.call("GET", "/metrics", check=False).text, 20, "a count of accounts")
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
