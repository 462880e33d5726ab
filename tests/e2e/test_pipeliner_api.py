"""Pipeliner's subscription API, row by row of the dialect's table."""

import base64
import datetime
import json
import uuid

import pytest
from carillon.api import key_secret
from carillon.clock import steadily
from carillon.pipeliner import (basic, check_error, check_webhook, data_of, page_of, refused, TARGET, NEW, everything, ids,
                                make)

OPTIONS = ('{ "skip_keys" :["a\\u00e9/\\/"],"entity": {"Account":{"filter":{"x":1.10,"a":100000000000000000000000000001}}},'
           '"chunk_size":7}')


# --- one webhook ---


def test_create_shows_the_webhook(account):
    before = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=1)
    signature = str(uuid.uuid4())
    made = check_webhook(data_of(account.pipeliner("POST", "/Webhooks", {
        "url": TARGET + "?a=1", "insecure_ssl": True, "events": ["Contact.Create", "*", "Lead.*"], "signature": signature,
        "options": {"chunk_size": 5}}), 201))
    assert made["url"] == TARGET + "?a=1" and made["insecure_ssl"] is True and made["is_deleted"] is False
    assert made["events"] == ["Contact.Create", "*", "Lead.*"] and made["options"] == {"chunk_size": 5}
    assert made["signature"] == signature and made["application_id"] == account.key_id
    assert made["created"] == made["modified"]
    assert before <= datetime.datetime.fromisoformat(made["created"]) <= before + datetime.timedelta(seconds=60)
    assert data_of(account.pipeliner("GET", f"/Webhooks/{made['id']}")) == made
    assert page_of(account.pipeliner("GET", "/Webhooks"))[0] == [made]


def test_what_is_optional(account):
    made = check_webhook(data_of(account.pipeliner("POST", "/Webhooks", NEW), 201))
    assert made["options"] == {} and made["signature"] is None
    made = check_webhook(data_of(account.pipeliner("POST", "/Webhooks", {**NEW, "options": None, "signature": None}), 201))
    assert made["options"] == {} and made["signature"] is None
    assert check_webhook(account.webhook(TARGET, ["Note.Create", "Note.Create"]))["events"] == ["Note.Create"]


def test_patch_changes_what_is_sent(account):
    made = account.webhook(TARGET, ["Account.*"], options={"chunk_size": 5}, signature=str(uuid.uuid4()))
    path = f"/Webhooks/{made['id']}"
    for change in ({"events": ["Contact.Create"]}, {"url": TARGET + "/2"}, {"insecure_ssl": True}, {"options": {"chunk_size": 6}},
                   {"signature": str(uuid.uuid4())}, {"signature": None}, {"options": {}}, {}):
        changed = check_webhook(data_of(account.pipeliner("PATCH", path, change)))
        assert changed == {**made, **change, "modified": changed["modified"]}
        assert changed["modified"] >= made["modified"] and changed["created"] == made["created"]
        assert data_of(account.pipeliner("GET", path)) == changed
        made = changed
    refused(account.pipeliner("PUT", path, NEW), 405)
    assert data_of(account.pipeliner("GET", path)) == made


def test_signatures_are_kept_as_they_came(account):
    upper = "0A1B2C3D-4E5F-6789-ABCD-EF0123456789"
    made = account.webhook(TARGET, signature=upper)
    assert made["signature"] == upper
    path = f"/Webhooks/{made['id']}"
    assert data_of(account.pipeliner("PATCH", path, {"url": TARGET}))["signature"] == upper
    assert data_of(account.pipeliner("PATCH", path, {"signature": upper.lower()}))["signature"] == upper.lower()
    assert data_of(account.pipeliner("PATCH", path, {"signature": ""}))["signature"] is None


def test_signatures_are_encrypted_at_rest(node, account):
    made = account.webhook(TARGET, signature=str(uuid.uuid4()), options={"skip_keys": ["a-text-that-is-found"]})
    stored = b"".join(path.read_bytes() for path in node.store.iterdir() if path.is_file())
    assert b"a-text-that-is-found" in stored
    for text in (made["signature"], made["signature"].replace("-", "")):
        assert text.encode() not in stored and bytes.fromhex(text.replace("-", "")) not in stored
    assert made["signature"] not in node.log()


def test_options_are_kept_byte_for_byte(account):
    body = '{"url":"%s","insecure_ssl":false,"events":["*"],"options":%s}' % (TARGET, OPTIONS)
    answer = account.pipeliner("POST", "/Webhooks", data=body, status=201)
    path = f"/Webhooks/{answer.json['data']['id']}"
    account.pipeliner("PATCH", path, {"events": ["Account.Create"]}, status=200)
    for answer in (answer, account.pipeliner("GET", path), account.pipeliner("GET", "/Webhooks")):
        assert f'"options":{OPTIONS}' in answer.text
    other = OPTIONS.replace("1.10", "1.100")
    assert f'"options":{other}' in account.pipeliner("PATCH", path, data='{"options":%s}' % other, status=200).text


def test_read_only_fields_are_passed_over(account):
    made = account.webhook(TARGET)
    path = f"/Webhooks/{made['id']}"
    other = str(uuid.uuid4())
    sent = {**made, "id": other, "is_deleted": True, "is_delete_protected": True, "created": "x", "modified": 5,
            "application": "y", "application_id": other, "client": "z", "client_id": other, "url": TARGET + "/changed"}
    changed = check_webhook(data_of(account.pipeliner("PATCH", path, sent)))
    assert changed == {**made, "url": TARGET + "/changed", "modified": changed["modified"]}
    # What one GET showed makes another webhook.
    twin = check_webhook(data_of(account.pipeliner("POST", "/Webhooks", changed), 201))
    assert twin["id"] not in (made["id"], other) and not twin["is_deleted"]
    refused(account.pipeliner("GET", f"/Webhooks/{other}"), 404)


def test_load_only_and_expand(account):
    made = account.webhook(TARGET, options={"chunk_size": 3})
    path = f"/Webhooks/{made['id']}"
    assert data_of(account.pipeliner("GET", f"{path}?load-only=url,events")) == {
        "id": made["id"], "url": TARGET, "events": ["*"]}
    assert data_of(account.pipeliner("GET", f"{path}?load-only=id")) == {"id": made["id"]}
    # There is no record of an application to put in its place: it stays a URI.
    assert data_of(account.pipeliner("GET", f"{path}?expand=application,client")) == made
    rows, _, _ = page_of(account.pipeliner("GET", "/Webhooks?load-only=url&expand=application"))
    assert rows == [{"id": made["id"], "url": TARGET}]


# --- deletion ---


def test_a_delete_is_soft(account):
    kept, made = account.webhook(TARGET), account.webhook(TARGET)
    path = f"/Webhooks/{made['id']}"
    assert data_of(account.pipeliner("DELETE", path)) == made["id"]
    for answer in (account.pipeliner("GET", path), account.pipeliner("DELETE", path), account.pipeliner("PATCH", path, {})):
        refused(answer, 404)
    for shown in ("true", "1"):
        deleted = check_webhook(data_of(account.pipeliner("GET", f"{path}?include-deleted={shown}")))
        assert deleted == {**made, "is_deleted": True, "modified": deleted["modified"]}
    refused(account.pipeliner("GET", f"{path}?include-deleted=false"), 404)
    rows, _, total = page_of(account.pipeliner("GET", "/Webhooks"))
    assert rows == [kept] and total == 1
    rows, _, total = page_of(account.pipeliner("GET", "/Webhooks?include-deleted=true"))
    assert ids(rows) == [kept["id"], made["id"]] and total == 2 and rows[1]["is_deleted"]
    rows, _, _ = page_of(account.pipeliner("GET", "/Webhooks?include-deleted=true&filter[is_deleted]=true"))
    assert ids(rows) == [made["id"]]


def test_deleted_ones_get_nothing_and_restored_ones_do(account, receiver):
    made = account.webhook(receiver.url("/restored"))
    account.pipeliner("DELETE", f"/Webhooks/{made['id']}", status=200)
    assert account.post(account.event()).json["notifications"] == 0
    assert data_of(account.pipeliner("POST", "/Webhooks/batch-restore", [made["id"]])) == [made["id"]]
    shown = data_of(account.pipeliner("GET", f"/Webhooks/{made['id']}"))
    assert shown == {**made, "modified": shown["modified"]}
    assert account.post(account.event()).json["notifications"] == 1
    receiver.wait("/restored", 1)
    account.settle()
    assert len(receiver.arrivals) == 1


def test_a_delete_cancels_what_waits(node, receiver):
    account = node.api.account(limits=[{"count": 1, "seconds": 3600}])
    made = account.webhook(receiver.url("/cancelled"), options={"chunk_size": 1})
    for _ in range(3):
        account.post(account.event())
    receiver.wait("/cancelled", 1)
    account.pipeliner("DELETE", f"/Webhooks/{made['id']}", status=200)
    states = sorted(n["state"] for n in account.settle())
    assert states == ["cancelled", "cancelled", "delivered"]
    assert [n["state"] for n in account.missed()] == ["cancelled"] * 2
    # Nothing of it comes back with the webhook.
    account.pipeliner("POST", "/Webhooks/batch-restore", [made["id"]], status=200)
    node.api.call("PUT", account.path, {"limits": [{"count": 100, "seconds": 60}]}, status=200)
    steadily(lambda: len(receiver.arrivals) == 1, 0.3, "a POST of what was cancelled")
    assert sorted(n["state"] for n in account.log()) == states


def test_the_last_thousand_deleted_ones_are_kept(account):
    first = make(account, 60)
    account.pipeliner("POST", "/Webhooks/batch-delete", first, status=200)
    for _ in range(10):
        made = make(account, 98)
        account.pipeliner("POST", "/Webhooks/batch-delete", made, status=200)
    kept = account.webhook(TARGET)
    assert page_of(account.pipeliner("GET", "/Webhooks?include-deleted=true"))[2] == 1001
    # The oldest forty are gone for good.
    data = data_of(account.pipeliner("POST", "/Webhooks/batch-restore?rollback-method=1", first))
    assert sum(type(one) is str for one in data) == 20
    assert data_of(account.pipeliner("GET", f"/Webhooks/{kept['id']}")) == kept


# --- who may ---


@pytest.mark.parametrize("how", ["none", "bearer", "wrong secret", "wrong user", "no user", "swapped", "not base64",
                                 "no colon", "admin token", "copper"])
def test_bad_credentials(account, how):
    made = account.webhook(TARGET)
    header = {
        "none": None, "bearer": f"Bearer {account.key}", "wrong secret": basic(f"{account.key_id}:{key_secret()}"),
        "wrong user": basic(f"{uuid.uuid4()}:{account.key}"), "no user": basic(f":{account.key}"),
        "swapped": basic(f"{account.key}:{account.key_id}"), "not base64": f"Basic {account.key_id}:{account.key}",
        "no colon": basic(account.key), "admin token": "Bearer cat_admin_for_tests_0123456789abcdef0123456789",
        "copper": None,
    }[how]
    headers = {"Authorization": header}
    if how == "copper":
        headers["X-PW-AccessToken"] = account.key
    for method, path, body in (("GET", "/Webhooks", None), ("POST", "/Webhooks", NEW), ("GET", "/WebhookEvents", None),
                               ("DELETE", f"/Webhooks/{made['id']}", None), ("POST", "/Webhooks/batch-delete", [made["id"]])):
        answer = account.pipeliner(method, path, body, headers=headers)
        refused(answer, 401)
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    assert everything(account) == [made]
    assert account.key not in account.api.node.log()


def test_a_revoked_key_is_dead(account):
    secret = key_secret()
    key = account.call("POST", "/keys", {"name": "gone", "scope": "account", "secret": secret}, token=None,
                       status={200, 201}).json["id"]
    made = data_of(account.pipeliner("POST", "/Webhooks", NEW, user=key, password=secret), 201)
    assert made["application_id"] == key
    account.call("DELETE", f"/keys/{key}", token=None, status={200, 204})
    refused(account.pipeliner("GET", "/Webhooks", user=key, password=secret), 401)
    # What it made stays.
    assert everything(account) == [made]


def test_a_reading_key_changes_nothing(account):
    secret = key_secret()
    reader = account.call("POST", "/keys", {"name": "reader", "scope": "read", "secret": secret}, token=None,
                          status={200, 201}).json["id"]
    made = account.webhook(TARGET)
    [row] = account.pipeliner("GET", "/WebhookEvents", status=200).json["data"]
    calls = [("POST", "/Webhooks", NEW), ("PATCH", f"/Webhooks/{made['id']}", {"url": TARGET}),
             ("DELETE", f"/Webhooks/{made['id']}", None), ("POST", "/Webhooks/batch-delete", [made["id"]]),
             ("POST", "/Webhooks/batch-restore", [made["id"]]), ("POST", "/Webhooks/batch-modify", [NEW]),
             ("POST", "/WebhookEvents", {"event": "Lead.*", "webhook_id": made["id"]}),
             ("DELETE", f"/WebhookEvents/{row['id']}", None)]
    for method, path, body in calls:
        refused(account.pipeliner(method, path, body, user=reader, password=secret), 403)
    for path in ("/Webhooks", f"/Webhooks/{made['id']}", "/WebhookEvents", f"/WebhookEvents/{row['id']}"):
        account.pipeliner("GET", path, user=reader, password=secret, status=200)
    assert everything(account) == [made]


def test_foreign_spaces_and_ids(node):
    one, two = node.api.account(), node.api.account()
    foreign = one.webhook(TARGET)
    for space in (one.name, "nobody"):
        refused(two.pipeliner("GET", "/Webhooks", space=space), 404)
        refused(two.pipeliner("POST", "/Webhooks", NEW, space=space), 404)
        refused(two.pipeliner("DELETE", f"/Webhooks/{foreign['id']}", space=space), 404)
    for identifier in (foreign["id"], str(uuid.uuid4()), "1", "abc", "%20", "x" * 300):
        refused(two.pipeliner("GET", f"/Webhooks/{identifier}"), 404)
        refused(two.pipeliner("GET", f"/Webhooks/{identifier}?include-deleted=true"), 404)
        refused(two.pipeliner("PATCH", f"/Webhooks/{identifier}", {"url": TARGET}), 404)
        refused(two.pipeliner("DELETE", f"/Webhooks/{identifier}"), 404)
    answer = two.pipeliner("POST", "/Webhooks/batch-delete?rollback-method=1", [foreign["id"]])
    check_error(data_of(answer)[0], 404, 404, "ERROR_NOT_FOUND")
    assert everything(one) == [foreign] and everything(two) == []


def test_unknown_types_and_paths(account):
    for path in ("/Accounts", "/Webhook", "/webhooks", "/Webhookz/1"):
        refused(account.pipeliner("GET", path), 404, 2006, "ERROR_UNKNOWN_TYPE")
    answer = account.pipeliner("POST", "/Clients", NEW)
    refused(answer, 404, 2006, "ERROR_UNKNOWN_TYPE")
    assert answer.json["message"] == "cannot determine entity type from Clients"
    made = account.webhook(TARGET)
    refused(account.pipeliner("GET", f"/Webhooks/{made['id']}/more"), 404)
    for method, path in (("DELETE", "/Webhooks"), ("PATCH", "/Webhooks"), ("POST", f"/Webhooks/{made['id']}"),
                         ("PATCH", "/WebhookEvents"), ("PUT", "/Webhooks")):
        refused(account.pipeliner(method, path, {} if method != "DELETE" else None), 405)
    assert everything(account) == [made]


# --- lists ---


@pytest.fixture(scope="module")
def many(module_node):
    """Two accounts, one of them with more webhooks than a page may hold."""
    if module_node.process is None:
        module_node.start()
    account = module_node.api.account(max_subscriptions=300)
    other = module_node.api.account()
    made = make(account, 215)
    make(other, 3)
    for n, row in enumerate(everything(account, "first=100")[::40]):
        account.pipeliner("PATCH", f"/Webhooks/{row['id']}", {"events": ["Lead.Lost"]}, status=200)
    return account, other, made


def test_pages_forward(node, many):
    account, other, made = many
    whole = everything(account, "first=100")
    assert len(set(ids(whole))) == 215 and len(everything(other)) == 3
    assert ids(whole) == made
    for size in ("", "first=7", "first=100", "first=43&order-by=created"):
        assert ids(everything(account, size)) == ids(whole)
    rows, info, total = page_of(account.pipeliner("GET", "/Webhooks"))
    assert len(rows) == 30 and total == 215 and not info["has_previous_page"] and info["has_next_page"]
    rows, info, total = page_of(account.pipeliner("GET", f"/Webhooks?first=100&after={info['end_cursor']}"))
    assert ids(rows) == ids(whole[30:130]) and total == 215 and info["has_previous_page"] and info["has_next_page"]
    # A whole number of pages: the last one doesn't know, the one after is empty.
    rows, info, _ = page_of(account.pipeliner("GET", f"/Webhooks?first=85&after={info['end_cursor']}"))
    assert ids(rows) == ids(whole[130:]) and info["has_previous_page"] and not info["has_next_page"]
    rows, info, total = page_of(account.pipeliner("GET", f"/Webhooks?after={info['end_cursor']}"))
    assert rows == [] and total == 215


def test_pages_backward(node, many):
    account, _, _ = many
    whole = everything(account, "first=100")
    rows, before = [], None
    while True:
        data, info, total = page_of(account.pipeliner("GET", "/Webhooks?last=50" + (f"&before={before}" if before else "")))
        assert total == 215
        if not data:
            break
        rows = data + rows
        assert info["has_next_page"] == (before is not None)
        assert info["has_previous_page"] == (len(rows) < 215)
        before = info["start_cursor"]
    assert ids(rows) == ids(whole)
    # Between two cursors.
    _, low, _ = page_of(account.pipeliner("GET", "/Webhooks?first=10"))
    _, high, _ = page_of(account.pipeliner("GET", "/Webhooks?first=1&after=" + page_of(
        account.pipeliner("GET", "/Webhooks?first=20"))[1]["end_cursor"]))
    between = f"after={low['end_cursor']}&before={high['end_cursor']}"
    assert ids(page_of(account.pipeliner("GET", f"/Webhooks?{between}"))[0]) == ids(whole[10:20])
    assert ids(page_of(account.pipeliner("GET", f"/Webhooks?first=3&{between}"))[0]) == ids(whole[10:13])
    assert ids(page_of(account.pipeliner("GET", f"/Webhooks?last=3&{between}"))[0]) == ids(whole[17:20])


def test_cursors_are_escaped_or_not(node, many):
    from urllib.parse import quote

    account, _, _ = many
    _, info, _ = page_of(account.pipeliner("GET", "/Webhooks?first=5"))
    assert isinstance(json.loads(base64.b64decode(info["end_cursor"])), list)
    bare = page_of(account.pipeliner("GET", f"/Webhooks?first=5&after={info['end_cursor']}"))
    assert bare == page_of(account.pipeliner("GET", f"/Webhooks?first=5&after={quote(info['end_cursor'], safe='')}"))


@pytest.mark.parametrize("order, key, reverse", [
    ("created", "created", False), ("-created", "created", True), ("-modified", "modified", True),
    ("modified", "modified", False), ("url", "url", False), ("-url", "url", True), ("-id", "id", True),
])
def test_orders(node, many, order, key, reverse):
    """What is equal in the field is shown as it was made."""
    account, _, made = many
    rows = everything(account, f"first=90&order-by={order}")
    wanted = sorted(rows, key=lambda w: made.index(w["id"]), reverse=reverse)
    wanted.sort(key=lambda w: w[key], reverse=reverse)
    assert ids(rows) == ids(wanted) and len(rows) == 215


def test_orders_of_several_fields(account):
    for url in ("b", "a", "b", "a"):
        for insecure in (True, False):
            account.webhook(f"https://example.com/{url}", insecure_ssl=insecure)
    rows = everything(account, "first=3&order-by=insecure_ssl,-url,-created")
    wanted = sorted(rows, key=lambda w: w["created"], reverse=True)
    wanted.sort(key=lambda w: w["url"], reverse=True)
    wanted.sort(key=lambda w: w["insecure_ssl"])
    assert len(rows) == 8
    assert [(w["insecure_ssl"], w["url"], w["created"]) for w in rows] == [
        (w["insecure_ssl"], w["url"], w["created"]) for w in wanted]


def test_pages_while_the_list_changes(account):
    """Nobody is shown twice or passed over because the row that a cursor names is gone."""
    made = make(account, 9)
    whole = ids(everything(account))
    assert whole == made
    rows, info, _ = page_of(account.pipeliner("GET", "/Webhooks?first=3"))
    account.pipeliner("POST", "/Webhooks/batch-delete", [whole[2], whole[3]], status=200)
    account.pipeliner("PATCH", f"/Webhooks/{whole[4]}", {"url": TARGET}, status=200)
    assert ids(page_of(account.pipeliner("GET", f"/Webhooks?after={info['end_cursor']}"))[0]) == whole[4:]


def test_filters(account):
    made = {
        "a": account.webhook("https://example.com/Alpha", ["Account.*", "Lead.Lost"], options={"chunk_size": 5}),
        "b": account.webhook("https://example.com/beta", ["Contact.Create"], insecure_ssl=True, options={"chunk_size": 50}),
        "c": account.webhook("https://example.net/GAMMA", ["*"], signature="00000000-0000-4000-8000-000000000001"),
    }

    def found(query):
        rows, info, total = page_of(account.pipeliner("GET", f"/Webhooks?{query}"))
        assert total == len(rows) and not info["has_next_page"]
        return "".join(sorted(name for name, one in made.items() if one["id"] in ids(rows)))

    middle = made["b"]["created"].replace(" ", "T").replace("+", "%2B")
    for query, wanted in {
        "filter[url]=https://example.com/Alpha": "a", "filter[url]=https://example.com/alpha": "",
        "filter[url]=https://example.com/alpha&filter-op[url]=ieq": "a",
        "filter[url]=https://example.com/Alpha&filter-op[url]=not-eq": "bc",
        "filter[url]=example.com&filter-op[url]=contains": "ab", "filter[url]=ALPHA&filter-op[url]=icontains": "a",
        "filter[url]=https://example.n&filter-op[url]=starts": "c", "filter[url]=gamma&filter-op[url]=iends": "c",
        "filter[insecure_ssl]=true": "b", "filter[insecure_ssl]=false": "ac",
        "filter[events]=Lead.Lost": "a", "filter[events]=Lead.Lost&filter[events]=*": "ac",
        "filter-op[signature]=null": "ab", "filter-op[signature]=not-null": "c", "filter-op[client_id]=empty": "abc",
        "filter[options.chunk_size]=50&filter-op[options.chunk_size]=gte": "b",
        "filter[options.chunk_size]=1,49&filter-op[options.chunk_size]=between": "a",
        f"filter[created]={middle}&filter-op[created]=gte": "bc", f"filter[created]={middle}&filter-op[created]=lt": "a",
        "filter[insecure_ssl]=false&filter[url]=net&filter-op[url]=contains": "c",
        f"filter[id]={made['a']['id']}&filter[id]={made['c']['id']}": "ac",
        "filter%5Burl%5D=https%3A%2F%2Fexample.com%2FAlpha": "a", "filter[is_deleted]=true": "",
    }.items():
        assert found(query) == wanted, query
    assert len(everything(account, "first=1&filter[url]=example.com&filter-op[url]=contains")) == 2


# --- beside the other surfaces ---


def test_each_surface_shows_its_own(account):
    copper = account.subscribe(TARGET)
    made = account.webhook(TARGET)
    assert account.copper("GET", "/webhooks", status=200).json == [copper]
    assert everything(account) == [made]
    native = account.native_id(made)
    rows = account.call("GET", "/subscriptions", status=200).json["data"]
    assert {row["id"]: row["dialect"] for row in rows} == {str(copper["id"]): "copper", native: "pipeliner"}
    assert account.copper("GET", f"/webhooks/{native}").status == 404
    assert account.copper("DELETE", f"/webhooks/{native}").status == 404
    account.call("DELETE", f"/subscriptions/{native}", status={200, 204})
    assert everything(account) == []
    assert account.copper("GET", "/webhooks", status=200).json == [copper]


def test_everything_survives_a_death(node, account):
    body = '{"url":"%s","insecure_ssl":true,"events":["*","Lead.*"],"signature":"%s","options":%s}' % (
        TARGET, uuid.uuid4(), OPTIONS)
    made = account.pipeliner("POST", "/Webhooks", data=body, status=201)
    gone = account.webhook(TARGET)
    account.pipeliner("DELETE", f"/Webhooks/{gone['id']}", status=200)
    before = account.pipeliner("GET", "/Webhooks?include-deleted=true", status=200).text
    node.kill()
    node.start()
    assert account.pipeliner("GET", "/Webhooks?include-deleted=true", status=200).text == before
    assert account.pipeliner("GET", f"/Webhooks/{made.json['data']['id']}").json["data"] == made.json["data"]
    account.pipeliner("POST", "/Webhooks/batch-restore", [gone["id"]], status=200)
    assert len(everything(account)) == 2
