"""The main job: an event becomes one POST, with exactly the body, headers and signature that the dialect says."""

import base64
import concurrent.futures
import datetime
import re
import secrets

import pytest
from carillon import signature
from carillon.clock import wait_for
from carillon.receiver import HANG, Answer

# Long windows would make the cases wait for each other; the windows have a file of their own.
NODE_SETTINGS = {"limits.windows": ["100000/60s"]}


def ids_of(arrivals):
    return [arrival.json["ids"] for arrival in arrivals]


def test_one_event_one_post(account, receiver):
    subscription = account.subscribe(receiver.url("/hook?x=1"), "lead", "new", secret={"key": "s3cret"},
                                     headers={"X-Custom": "value one"})
    event = account.event("89011972", "Lead", occurred_at="2024-10-14T16:15:54.893Z")
    answer = account.post(event).json
    assert answer == {
        "accepted": 1, "duplicates": 0, "notifications": 1,
        "events": [{"id": event["id"], "duplicate": False, "notifications": 1}],
    }
    [arrival] = receiver.wait("/hook", 1)
    assert arrival.method == "POST"
    assert arrival.path == "/hook?x=1"
    assert arrival.json == {
        "subscription_id": subscription["id"], "event": "new", "type": "lead", "ids": [89011972],
        "updated_attributes": {}, "timestamp": "2024-10-14T16:15:54.893Z", "key": "s3cret",
    }
    # The order of members is the documented one, too.
    assert list(arrival.json)[:6] == ["subscription_id", "event", "type", "ids", "updated_attributes", "timestamp"]
    headers = arrival.headers
    assert headers["content-type"] == "application/json"
    assert re.fullmatch(r"Carillon/\S+", headers["user-agent"])
    assert headers["host"] == f"127.0.0.1:{receiver.port}"
    assert headers["x-custom"] == "value one"
    assert re.fullmatch(r"[A-Za-z0-9_-]+", headers["webhook-id"]) and "." not in headers["webhook-id"]
    assert "webhook-signature" not in headers and "webhook-test" not in headers
    [told] = account.settle()
    assert told["webhook_id"] == headers["webhook-id"]
    assert told["state"] == "delivered" and told["status_code"] == 200
    assert told["events"] == [event["id"]] and told["records"] == ["89011972"]
    assert told["dialect"] == "copper" and told["subscription"] == str(subscription["id"])
    claimed = datetime.datetime.fromisoformat(told["claimed_at"].replace("Z", "+00:00"))
    assert int(headers["webhook-timestamp"]) == int(claimed.timestamp())
    # Nothing else came.
    assert len(receiver.arrivals) == 1
    assert account.missed() == []


def test_timestamp_is_the_acceptance_when_the_event_names_none(account, receiver):
    account.subscribe(receiver.url(), "person", "delete")
    before = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(milliseconds=2)
    account.post(account.event("a-7", action="Delete"))
    [arrival] = receiver.wait("/hook", 1)
    after = datetime.datetime.now(datetime.timezone.utc)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", arrival.json["timestamp"])
    assert before <= datetime.datetime.fromisoformat(arrival.json["timestamp"].replace("Z", "+00:00")) <= after
    assert arrival.json["ids"] == ["a-7"] and arrival.json["updated_attributes"] == {}


@pytest.mark.parametrize("record, written", [
    (12, b'"ids":[12]'), ("12", b'"ids":[12]'), ("007", b'"ids":["007"]'),
    ("9007199254740991", b'"ids":[9007199254740991]'), ("9007199254740992", b'"ids":["9007199254740992"]'),
    (0, b'"ids":[0]'), ("-1", b'"ids":["-1"]'), ("1.0", b'"ids":["1.0"]'), ("a\"b", b'"ids":["a\\"b"]'),
])
def test_ids_are_numbers_where_they_are_numeric(account, receiver, record, written):
    account.subscribe(receiver.url())
    account.post(account.event(record))
    [arrival] = receiver.wait("/hook", 1)
    assert written in arrival.body


def test_updates_bring_their_changes_as_the_bytes_that_came(account, receiver):
    account.subscribe(receiver.url(), "opportunity", "update")
    changes = '{"stage_id":[1, 2],"amount":[1.10,100000000000000000000001],"custom_fields":{"77":[null,"ä\\u00fc"]}}'
    body = f'{{"id":"e1","entity":"Opportunity","action":"Update","record_id":5,"changes":{changes}}}'
    account.call("POST", "/events", data=body, token=None, status=202)
    [arrival] = receiver.wait("/hook", 1)
    assert f'"updated_attributes":{changes}'.encode() in arrival.body
    assert arrival.json["event"] == "update" and arrival.json["type"] == "opportunity"


def test_changes_are_found_between_previous_and_record(account, receiver):
    account.subscribe(receiver.url(), "person", "update")
    account.post(account.event(1, action="Update", previous={"name": "A", "age": 3, "gone": 1},
                               record={"name": "B", "age": 3}))
    [arrival] = receiver.wait("/hook", 1)
    assert arrival.json["updated_attributes"] == {"name": ["A", "B"], "gone": [1, None]}


def test_an_update_without_changes_triggers_with_none(account, receiver):
    account.subscribe(receiver.url(), "person", "update")
    account.post(account.event(1, action="Update"))
    [arrival] = receiver.wait("/hook", 1)
    assert arrival.json["updated_attributes"] == {}


def test_meta_fields_alone_are_no_update(account, receiver):
    account.subscribe(receiver.url(), "person", "update")
    meta = account.event(1, action="Update", changes={"date_modified": [1, 2], "interaction_count": [3, 4]})
    assert account.post(meta).json["notifications"] == 0
    mixed = account.event(2, action="Update", changes={"date_modified": [1, 2], "name": ["a", "b"]})
    assert account.post(mixed).json["notifications"] == 1
    [arrival] = receiver.wait("/hook", 1)
    assert arrival.json["ids"] == [2]
    assert [n["records"] for n in account.settle()] == [["2"]]


def test_named_actions_are_no_copper_update(account, receiver):
    account.subscribe(receiver.url(), "opportunity", "update")
    for action in ("Won", "Move", "OwnerChanged"):
        assert account.post(account.event(1, "Opportunity", action)).json["notifications"] == 0


@pytest.mark.parametrize("type, entity", [
    ("lead", "Lead"), ("person", "Contact"), ("company", "Account"), ("opportunity", "Opportunity"),
    ("project", "Project"), ("task", "Task"), ("activity_log", "Activity"),
])
def test_every_type_has_its_entity(account, receiver, type, entity):
    for event in ("new", "update", "delete"):
        account.subscribe(receiver.url(f"/{event}"), type, event)
    for event, action in (("new", "Create"), ("update", "Update"), ("delete", "Delete")):
        assert account.post(account.event(3, entity, action)).json["notifications"] == 1
        [arrival] = receiver.wait(f"/{event}", 1)
        assert (arrival.json["type"], arrival.json["event"]) == (type, event)
    assert len(account.settle()) == 3


def test_secret_is_merged_and_reserved_keys_win(account, receiver):
    account.subscribe(receiver.url(), secret={"token": "abc", "ids": "mine", "type": "x", "zwei": "ü\"\\"})
    account.post(account.event(4))
    [arrival] = receiver.wait("/hook", 1)
    assert arrival.json["token"] == "abc" and arrival.json["zwei"] == "ü\"\\"
    assert arrival.json["ids"] == [4] and arrival.json["type"] == "person"
    assert arrival.body.count(b'"ids"') == 1 and arrival.body.count(b'"type"') == 1


def test_nothing_in_a_secret_breaks_out_of_the_body(account, receiver):
    nasty = "v\r\nInjected: 1\r\n\r\n\"}],\u0000\u2028"
    account.subscribe(receiver.url(), secret={"k": nasty, "a\"b\n": "x"})
    account.post(account.event("a/b?c=d"))
    [arrival] = receiver.wait("/hook", 1)
    assert arrival.json["k"] == nasty and arrival.json["a\"b\n"] == "x" and arrival.json["ids"] == ["a/b?c=d"]
    assert "injected" not in arrival.headers and len(receiver.arrivals) == 1


def test_dropdown_options_become_names(account, receiver):
    account.subscribe(receiver.url("/names"), "person", "update", custom_field_computed_values=True)
    account.subscribe(receiver.url("/ids"), "person", "update")
    account.post(account.event(1, action="Update", changes={"custom_fields": {"9": [11, 12]}},
                               included={"CustomFieldOption/11": {"name": "red"}, "CustomFieldOption/12": {"name": "blue"}}))
    [names], [ids] = receiver.wait("/names", 1), receiver.wait("/ids", 1)
    assert names.json["updated_attributes"] == {"custom_fields": {"9": ["red", "blue"]}}
    assert ids.json["updated_attributes"] == {"custom_fields": {"9": [11, 12]}}


# --- signatures ---


def test_the_verifier_knows_the_published_vectors():
    for secret, identifier, timestamp, body, wanted in signature.VECTORS:
        assert signature.sign(secret, identifier, timestamp, body) == wanted


def test_signature_and_rotation(account, receiver):
    subscription = account.subscribe(receiver.url())
    path = f"/subscriptions/{subscription['id']}/secret/rotate"
    first = account.call("POST", path, {}, status=200).json["secret"]
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/=]+", first) and 24 <= len(base64.b64decode(first[6:])) <= 64
    account.post(account.event(1))
    [one] = receiver.wait("/hook", 1)
    assert signature.verifies(first, one)
    assert len(one.headers["webhook-signature"].split(" ")) == 1
    # Another body or id is another signature.
    one.body += b" "
    assert not signature.verifies(first, one)

    rotated = account.call("POST", path, {"grace_seconds": 3600}, status=200).json
    second = rotated["secret"]
    assert second != first and rotated["previous_expires_at"]
    account.post(account.event(2))
    two = receiver.wait("/hook", 2)[1]
    assert signature.verifies(second, two) and signature.verifies(first, two)
    assert len(two.headers["webhook-signature"].split(" ")) == 2

    given = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    account.call("POST", path, {"secret": given, "grace_seconds": 0}, status=200)
    account.post(account.event(3))
    three = receiver.wait("/hook", 3)[2]
    assert signature.verifies(given, three) and not signature.verifies(second, three)


# --- idempotency ---


def test_a_repeat_is_a_duplicate(account, receiver):
    account.subscribe(receiver.url())
    event = account.event(1)
    first = account.post(event).json
    again = account.post(event).json
    assert (first["accepted"], first["duplicates"]) == (1, 0)
    assert (again["accepted"], again["duplicates"], again["notifications"]) == (0, 1, 0)
    assert again["events"] == [{"id": event["id"], "duplicate": True, "notifications": 1}]
    mixed = account.post([event, account.event(2)]).json
    assert (mixed["accepted"], mixed["duplicates"]) == (1, 1)
    account.settle()
    assert sorted(sum(ids_of(receiver.at("/hook")), [])) == [1, 2]


def test_an_id_with_other_content_is_refused(account, receiver):
    account.subscribe(receiver.url())
    event = account.event(1)
    account.post(event)
    refused = account.post({**event, "record_id": 2}, status=422)
    assert refused.slug == "event-id-reused"
    # All or nothing: the fresh event beside it is not taken either.
    refused = account.post([account.event(3), {**event, "record_id": 2}], status=422)
    assert refused.slug == "event-id-reused" and refused.json["errors"][0]["pointer"].startswith("#/1")
    account.settle()
    assert ids_of(receiver.at("/hook")) == [[1]]


def test_ids_belong_to_their_account(node, receiver):
    one, two = node.api.account(), node.api.account()
    for account in (one, two):
        account.subscribe(receiver.url(f"/{account.name}"))
        assert account.post({**account.event(1), "id": "the-same"}).json["accepted"] == 1
        receiver.wait(f"/{account.name}", 1)


def test_concurrent_repeats_commit_once(account, receiver):
    account.subscribe(receiver.url())
    events = [account.event(n) for n in range(1, 9)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: account.api.node and _post_raw(account, events[n % 8]), range(64)))
    assert all(status == 202 for status, _ in answers)
    assert sum(a["accepted"] for _, a in answers) == 8
    assert sum(a["duplicates"] for _, a in answers) == 56
    account.settle()
    assert sorted(sum(ids_of(receiver.at("/hook")), [])) == list(range(1, 9))


def _post_raw(account, event):
    import requests
    from carillon.node import ADMIN_TOKEN

    response = requests.post(account.api.url + account.path + "/events", json=event,
                             headers={"Authorization": f"Bearer {ADMIN_TOKEN}"}, timeout=30)
    return response.status_code, response.json()


def test_a_missing_id_is_made(account, receiver):
    account.subscribe(receiver.url())
    event = account.event(1)
    del event["id"]
    one, two = account.post(event).json, account.post(event).json
    assert one["accepted"] == two["accepted"] == 1
    assert one["events"][0]["id"] and one["events"][0]["id"] != two["events"][0]["id"]
    assert sorted(n["events"][0] for n in account.settle()) == sorted([one["events"][0]["id"], two["events"][0]["id"]])


def test_an_array_is_all_or_nothing(account, receiver):
    account.subscribe(receiver.url())
    good, bad = account.event(1), {**account.event(2), "action": "Nonsense"}
    refused = account.post([good, bad], status=422)
    assert [e["pointer"] for e in refused.json["errors"]] == ["#/1/action"]
    twice = account.event(3)
    assert account.post([twice, twice], status=422).json["errors"]
    assert account.post([good]).json["accepted"] == 1
    account.settle()
    assert ids_of(receiver.at("/hook")) == [[1]]


def test_bulk_changes_go_in_thirties(account, receiver):
    account.subscribe(receiver.url(), "person", "update")
    answer = account.post(account.event(record_ids=list(range(1, 96)), action="Update",
                                        changes={"owner": ["a", "b"]})).json
    assert answer["notifications"] == 4
    arrivals = receiver.wait("/hook", 4)
    assert sorted(len(ids) for ids in ids_of(arrivals)) == [5, 30, 30, 30]
    log = sorted(account.settle(), key=lambda n: int(n["records"][0]))
    assert [n["records"] for n in log] == [[str(i) for i in range(a, min(a + 30, 96))] for a in (1, 31, 61, 91)]
    assert all(a.json["updated_attributes"] == {"owner": ["a", "b"]} for a in arrivals)


# --- merging ---


@pytest.fixture
def held(account, receiver):
    """A subscription whose notifications wait, so that others can join them."""

    def make(type="person", event="new", path="/hook"):
        subscription = account.subscribe(receiver.url(path), type, event)
        account.patch(subscription, status="paused")
        return subscription

    return make


def test_records_join_the_last_waiting_notification(account, receiver, held):
    subscription = held()
    told = [account.post(account.event(n, occurred_at=f"2024-01-01T00:00:{n:02}Z")).json for n in range(1, 36)]
    # An event that joins is part of that notification, so it counts it.
    assert all(t["notifications"] == 1 for t in told)
    account.patch(subscription, status="active", ordered=True)
    arrivals = receiver.wait("/hook", 2)
    assert ids_of(arrivals) == [list(range(1, 31)), list(range(31, 36))]
    # The newest part's time is the notification's.
    assert [a.json["timestamp"] for a in arrivals] == ["2024-01-01T00:00:30.000Z", "2024-01-01T00:00:35.000Z"]
    assert sorted(len(n["events"]) for n in account.settle()) == [5, 30]


def test_a_record_is_not_twice_in_a_notification(account, receiver, held):
    subscription = held("person", "update")
    for record in (1, 2, 1, 2, 3):
        account.post(account.event(record, action="Update", changes={"a": [1, 2]}))
    # POSTs of one subscription may overtake each other on their way; with `ordered` they can't.
    account.patch(subscription, status="active", ordered=True)
    assert ids_of(receiver.wait("/hook", 2)) == [[1, 2], [1, 2, 3]]


def test_only_equal_changes_share_a_notification(account, receiver, held):
    subscription = held("person", "update")
    for record, value in ((1, "x"), (2, "x"), (3, "y"), (4, "x")):
        account.post(account.event(record, action="Update", changes={"a": [None, value]}))
    account.patch(subscription, status="active", ordered=True)
    # 4 could have shared with 1 and 2, but only the last one takes records: nobody sees changes out of order.
    assert ids_of(receiver.wait("/hook", 3)) == [[1, 2], [3], [4]]


def test_what_is_under_way_takes_nothing_more(account, receiver):
    receiver.on("/hook", HANG)
    account.subscribe(receiver.url())
    account.post(account.event(1))
    receiver.wait("/hook", 1)
    account.post(account.event(2))
    receiver.wait("/hook", 2)
    receiver.on("/hook", Answer())
    receiver.let_go()
    assert sorted(n["records"] for n in account.settle()) == [["1"], ["2"]]


# --- who gets what ---


def test_two_subscriptions_get_one_post_each(account, receiver):
    first = account.subscribe(receiver.url("/one"))
    second = account.subscribe(receiver.url("/two"))
    account.subscribe(receiver.url("/other"), "company", "new")
    assert account.post(account.event(1)).json["notifications"] == 2
    [one], [two] = receiver.wait("/one", 1), receiver.wait("/two", 1)
    assert one.json["subscription_id"] == first["id"] and two.json["subscription_id"] == second["id"]
    assert one.headers["webhook-id"] != two.headers["webhook-id"]
    assert len(account.settle()) == 2 and receiver.at("/other") == []


def test_an_event_that_nobody_wants_is_accepted(account, receiver):
    account.subscribe(receiver.url())
    answer = account.post(account.event(1, "Quote")).json
    assert (answer["accepted"], answer["notifications"]) == (1, 0)
    assert account.log() == []


def test_skip_keys_of_header_and_event_add_up(account, receiver):
    one = account.patch(account.subscribe(receiver.url("/one")), skip_keys=["app-1"])
    two = account.patch(account.subscribe(receiver.url("/two")), skip_keys=["app-2", "other"])
    account.subscribe(receiver.url("/all"))
    assert one["skip_keys"] == ["app-1"] and two["skip_keys"] == ["app-2", "other"]
    assert account.post(account.event(1, skip_key="app-2"), headers={"Webhook-Skip-Key": "app-1"}).json["notifications"] == 1
    assert account.post(account.event(2), headers={"Webhook-Skip-Key": "app-1"}).json["notifications"] == 2
    assert account.post(account.event(3, skip_key="other")).json["notifications"] == 2
    account.settle()
    sent = {path: sorted(sum(ids_of(receiver.at(path)), [])) for path in ("/one", "/two", "/all")}
    assert sent == {"/one": [3], "/two": [2], "/all": [1, 2, 3]}


def test_explain_tells_and_stores_nothing(account, receiver):
    subscriptions = {
        "matched": account.subscribe(receiver.url("/m"), "person", "update", secret={"k": "hidden-value"}),
        "entity": account.subscribe(receiver.url(), "company", "update"),
        "action": account.subscribe(receiver.url(), "person", "new"),
        "filter": account.subscribe(receiver.url(), "person", "update"),
        "field-unchanged": account.subscribe(receiver.url(), "person", "update"),
        "skip-key": account.subscribe(receiver.url(), "person", "update"),
        "held": account.subscribe(receiver.url(), "person", "update"),
    }
    account.patch(subscriptions["filter"], filter={"city": "Berlin"})
    account.patch(subscriptions["field-unchanged"], on_field_change=["email"])
    account.patch(subscriptions["skip-key"], skip_keys=["me"])
    account.patch(subscriptions["held"], status="paused")
    event = account.event(1, action="Update", record={"city": "Rome", "name": "B"},
                          previous={"city": "Rome", "name": "A"}, skip_key="me")
    told = account.call("POST", "/events/explain", event, token=None, status=200)
    assert "hidden-value" not in told.text
    rows = told.json["subscriptions"] if isinstance(told.json, dict) else told.json
    by_id = {str(row.get("subscription", row.get("id"))): row for row in rows}
    for reason, subscription in subscriptions.items():
        row = by_id[str(subscription["id"])]
        assert row["reason"] == reason, row
        assert row["matched"] == (reason in ("matched", "held")), row
    body = by_id[str(subscriptions["matched"]["id"])]["body"]
    body = body if isinstance(body, dict) else __import__("json").loads(body)
    assert body["ids"] == [1] and body["updated_attributes"] == {"name": ["A", "B"]}
    assert "city" in str(by_id[str(subscriptions["filter"]["id"])])
    meta = account.event(1, action="Update", changes={"date_modified": [1, 2]})
    rows = account.call("POST", "/events/explain", meta, status=200).json
    rows = rows["subscriptions"] if isinstance(rows, dict) else rows
    assert "meta-only" in {row["reason"] for row in rows}
    assert account.log() == [] and receiver.arrivals == []
    # It is no repeat either: nothing was kept of the id.
    assert account.post(event).json["accepted"] == 1


def test_a_dead_kept_alive_connection_costs_no_second_post(account, receiver):
    """The receiver takes the request and closes: it may have acted on it, so it is not sent again."""
    account.subscribe(receiver.url())
    account.post(account.event(1))
    receiver.wait("/hook", 1)
    receiver.on("/hook", Answer(status=0))
    account.post(account.event(2))
    receiver.wait("/hook", 2)
    log = wait_for(lambda: (lambda rows: rows if len(rows) == 2 and all(n["ended_at"] for n in rows) else None)(account.log()),
                   20, "two ended notifications")
    assert {n["records"][0]: n["state"] for n in log} == {"1": "delivered", "2": "failed"}
    assert [n["error"]["class"] for n in log if n["state"] == "failed"] == ["protocol"]
    assert len(receiver.arrivals) == 2
    assert [n["records"] for n in account.missed()] == [["2"]]


def test_redirects_are_not_followed(account, receiver):
    receiver.on("/hook", Answer(307, headers={"Location": receiver.url("/elsewhere")}))
    account.subscribe(receiver.url())
    account.post(account.event(1))
    [told] = account.settle()
    assert told["state"] == "rejected" and told["status_code"] == 307
    assert receiver.at("/elsewhere") == []


def test_an_unknown_authority_is_a_failure_of_tls(make_node, authority, receiver):
    node = make_node({"egress.ca-file": None})
    account = node.api.account()
    account.subscribe(receiver.url())
    account.post(account.event(1))
    [told] = account.settle()
    assert told["state"] == "failed" and told["error"]["class"] == "tls"
    assert receiver.arrivals == []
