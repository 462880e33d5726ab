"""Pipeliner's notifications: from the event to the POST, read by a receiver that takes nothing but what is documented."""

import collections
import hashlib
import hmac
import uuid

import pytest
from carillon.certificates import Authority
from carillon.gate import Gate
from carillon.pipeliner import (CONCRETE, EVENTS, ISO, NAMES, NOTIFIED_WEBHOOK, TIME, all_items, check_item,
                                items_of, sign, deliver, raw, names, explained)
from carillon.receiver import Receiver

# Long windows would make the cases wait for each other; the windows have a file of their own.
NODE_SETTINGS = {"limits.windows": ["100000/60s"]}


# --- the item ---


def test_one_event_one_item(account, receiver):
    signature = str(uuid.uuid4())
    made = account.webhook(receiver.url("/hook?x=1"), ["Contact.Update", "Account.*"], signature=signature,
                           options={"chunk_size": 10})
    record = {"id": "r-1", "owner_id": "7", "owner": "https://example.com/entities/Clients/7", "name": "Ä", "tags": [],
              "account": None, "email": "", "amount": {"base_value": 1, "currency_id": "EUR", "value_foreign": 1}, "cf_x": 3}
    event = account.event("r-1", action="Update", record=record, occurred_at="2024-10-14T16:15:54.893Z")
    assert account.post(event).json["notifications"] == 1
    [arrival] = receiver.wait("/hook", 1)
    assert arrival.path == "/hook?x=1"
    [item] = items_of(arrival)
    assert item == {
        "event": "Contact.Update", "event_time": "2024-10-14T16:15:54.893Z", "team_space_id": account.name,
        "webhook": {"id": made["id"], "insecure_ssl": False, "options": {"chunk_size": 10}, "url": receiver.url("/hook?x=1"),
                    "is_deleted": False, "created": made["created"], "modified": made["modified"],
                    "application_id": account.key_id, "client_id": None, "events": ["Contact.Update", "Account.*"]},
        "related_entity": None, "entity": record,
    }
    assert set(item["webhook"]) == NOTIFIED_WEBHOOK == set(made) - {
        "is_delete_protected", "application", "client", "signature"}
    headers = arrival.headers
    assert headers["webhook-signature"] != "" and headers["content-type"] == "application/json"
    assert headers["user-agent"].startswith("Carillon/") and headers["webhook-timestamp"].isdigit()
    [told] = account.settle()
    assert told["state"] == "delivered" and told["dialect"] == "pipeliner" and told["webhook_id"] == headers["webhook-id"]
    assert told["events"] == [event["id"]] and told["records"] == ["r-1"]
    assert len(receiver.arrivals) == 1 and account.missed() == []


def test_the_strict_receiver_is_strict(account, receiver):
    """What the other tests rely on: each departure from the documented form is noticed."""
    account.webhook(receiver.url())
    [item] = deliver(account, receiver, account.event())
    check_item(item)

    def without(key):
        return {k: v for k, v in item.items() if k != key}

    webhook = item["webhook"]
    bad = [without(key) for key in item] + [{**item, "more": 1}, {**item, "event": "Contact.*"}, {**item, "entity": "x"},
                                            {**item, "event_time": "today"}, {**item, "related_entity": []}]
    bad += [{**item, "webhook": {k: v for k, v in webhook.items() if k != key}} for key in webhook]
    bad += [{**item, "webhook": {**webhook, **more}} for more in (
        {"options": "{}"}, {"signature": None}, {"application_id": None}, {"insecure_ssl": 0}, {"client_id": ""},
        {"created": "2024-10-14T16:15:54Z"}, {"events": []}, {"is_deleted": None})]
    for wrong in bad:
        with pytest.raises((AssertionError, TypeError)):
            check_item(wrong)


def test_event_time_is_the_acceptance_when_the_event_names_none(account, receiver):
    account.webhook(receiver.url())
    [item] = deliver(account, receiver, account.event())
    assert TIME.fullmatch(item["event_time"])
    [told] = account.log()
    assert told["created_at"][:19].replace("T", " ") == item["event_time"][:19]
    [item] = deliver(account, receiver, account.event(occurred_at="2024-10-14T18:15:54+02:00"))
    assert item["event_time"] == "2024-10-14T18:15:54+02:00"
    assert ISO.fullmatch(item["event_time"])


def test_deletes_carry_the_last_known_record(account, receiver):
    account.webhook(receiver.url())
    record = {"id": "9", "name": "gone", "owner": None, "owner_id": None}
    [item] = deliver(account, receiver, account.event(9, action="Delete", record=record))
    assert item["event"] == "Contact.Delete" and item["entity"] == record
    # A SaaS that brings no record: all that is known is the id.
    [item] = deliver(account, receiver, account.event(10, action="Delete"))
    assert item["entity"] == {"id": "10"}


def test_several_records_are_several_items(account, receiver):
    account.webhook(receiver.url())
    items = deliver(account, receiver, account.event(record_ids=["a", 2, "c"], action="Update", changes={"x": [1, 2]}))
    assert [item["entity"] for item in items] == [{"id": "a"}, {"id": "2"}, {"id": "c"}]
    assert len(receiver.arrivals) == 1


def test_items_of_one_request_share_a_post(account, receiver):
    account.webhook(receiver.url())
    events = [account.event(1), account.event(2, "Lead", "Lost"), account.event(3, "Task", "Comment", related={"id": "c"}),
              account.event(1, action="Delete")]
    assert account.post(events).json["notifications"] == 4
    account.settle()
    [arrival] = receiver.arrivals
    assert names(items_of(arrival)) == ["Contact.Create", "Lead.Lost", "Task.Comment", "Contact.Delete"]
    [told] = account.log()
    assert told["events"] == [e["id"] for e in events]


# --- which events ---


def test_every_event_name_is_accepted(account):
    made = account.webhook("https://example.com/hook", NAMES)
    assert made["events"] == NAMES and len(NAMES) == 1 + 26 + len(CONCRETE)
    for name in NAMES:
        changed = account.pipeliner("PATCH", f"/Webhooks/{made['id']}", {"events": [name]}, status=200).json["data"]
        assert changed["events"] == [name]


def test_every_event_is_delivered(account, receiver):
    account.webhook(receiver.url("/all"))
    for entity in EVENTS:
        account.webhook(receiver.url(f"/entity/{entity}/"), [f"{entity}.*"])
    account.webhook(receiver.url("/none"), ["Note.Create"])
    events = [account.event(None, entity, action, derive=False) for entity, actions in EVENTS.items()
              for action in actions if (entity, action) != ("Note", "Create")]
    answer = account.post(events).json
    assert all(told["notifications"] == 2 for told in answer["events"])
    account.post(account.event(entity="Activity"))
    account.settle()
    wanted = [f"{e['entity']}.{e['action']}" for e in events]
    assert sorted(wanted + ["Note.Create"]) == sorted(CONCRETE)
    assert names(all_items(receiver.at("/all"))) == wanted
    for entity in EVENTS:
        assert names(all_items(receiver.at(f"/entity/{entity}/"))) == [n for n in wanted if n.split(".")[0] == entity]
    assert receiver.at("/none") == []


def test_every_action_has_a_subscription_of_its_own(node, receiver):
    account = node.api.account(max_subscriptions=200)
    batch = [{"url": receiver.url(f"/{name}/"), "insecure_ssl": False, "events": [name]} for name in CONCRETE]
    for at in range(0, len(batch), 100):
        account.pipeliner("POST", "/Webhooks/batch-modify", batch[at:at + 100], status=200)
    answer = account.post([account.event(None, *name.split("."), derive=False) for name in CONCRETE]).json
    assert all(told["notifications"] == 1 for told in answer["events"])
    account.settle()
    assert len(receiver.arrivals) == len(CONCRETE)
    for name in CONCRETE:
        assert names(all_items(receiver.at(f"/{name}/"))) == [name]


@pytest.mark.parametrize("entity, changes, derived", [
    ("Opportunity", {"step_id": [1, 2]}, "Move"), ("Quote", {"step_id": [1, 2]}, "Move"), ("Lead", {"step_id": [1, 2]}, None),
    ("Contact", {"owner_id": [1, 2]}, "OwnerChanged"), ("Task", {"owner_id": [1, 2]}, "OwnerChanged"),
    ("Note", {"owner_id": [1, 2]}, None), ("Opportunity", {"status": [1, 2]}, "Lost"), ("Opportunity", {"status": [1, 3]}, "Won"),
    ("Opportunity", {"status": ["Open", "Won"]}, "Won"), ("Opportunity", {"status": ["open", "lost"]}, "Lost"),
    ("Opportunity", {"status": [3, 1]}, None), ("Lead", {"status": [1, 2]}, "Lost"), ("Task", {"status": [1, 3]}, None),
    ("Opportunity", {"name": ["a", "b"]}, None), ("Quote", {"status": ["open", "won"]}, "Won"),
])
def test_derived_actions(account, receiver, entity, changes, derived):
    for action in EVENTS[entity]:
        account.webhook(receiver.url(f"/{action}/"), [f"{entity}.{action}"])
    account.webhook(receiver.url("/everything/"), [f"{entity}.*"])
    account.post([account.event(1, entity, "Update", changes=changes),
                  account.event(2, entity, "Update", changes=changes, derive=False)])
    account.settle()
    for action in EVENTS[entity]:
        got = [item["entity"]["id"] for item in all_items(receiver.at(f"/{action}/"))]
        assert got == (["1", "2"] if action == "Update" else ["1"] if action == derived else []), action
        assert all(item["event"] == f"{entity}.{action}" for item in all_items(receiver.at(f"/{action}/")))
    # One subscription that wants both hears of it once.
    assert names(all_items(receiver.at("/everything/"))) == [f"{entity}.Update"] * 2


def test_derived_from_the_previous_record(account, receiver):
    account.webhook(receiver.url(), ["Opportunity.Won", "Opportunity.OwnerChanged"])
    won = account.event(1, "Opportunity", "Update", previous={"status": 1, "x": 1}, record={"status": 3, "x": 2})
    owner = account.event(2, "Opportunity", "Update", previous={"owner_id": "1"}, record={"owner_id": "2"})
    same = account.event(3, "Opportunity", "Update", previous={"status": 3}, record={"status": 3, "x": 2})
    assert names(deliver(account, receiver, [won, owner, same])) == ["Opportunity.Won", "Opportunity.OwnerChanged"]


def test_copper_activities_are_no_pipeliner_event(account, receiver):
    account.webhook(receiver.url("/pipeliner"), ["*"])
    account.subscribe(receiver.url("/copper"), "activity_log", "new")
    assert account.post(account.event(entity="Activity")).json["notifications"] == 1
    receiver.wait("/copper", 1)
    account.settle()
    assert receiver.at("/pipeliner") == []


def test_custom_entities(account, receiver):
    paths = {"/all": {}, "/bid": {"custom_entity_api_name": "CE_Bid"}, "/both": {"custom_entity_api_name": ["CE_Bid", "CE_Car"]},
             "/rich": {"custom_entity_api_name": ["CE_Bid"], "entity": {"CE_Bid": {
                 "filter": {"sum": 10}, "filter-op": {"sum": "gt"}, "on-field-change": ["sum"], "load-only": ["sum"]}}},
             "/other": {"entity": {"CE_Car": {"filter": {"sum": 1000}}}}}
    for path, options in paths.items():
        account.webhook(receiver.url(path), ["CustomEntity.*"], options=options)

    def bid(number, name, total, **more):
        record = {"id": str(number), "sum": total, "x": 1}
        return account.event(number, "CustomEntity", "Update", custom_entity=name, record=record,
                             previous={**record, "sum": 0}, **more)

    account.post([bid(1, "CE_Bid", 50), bid(2, "CE_Car", 50), bid(3, "CE_Boat", 50), bid(4, "CE_Bid", 5)])
    account.settle()
    got = {path: [item["entity"] for item in all_items(receiver.at(path))] for path in paths}
    assert {path: [one["id"] for one in items] for path, items in got.items()} == {
        "/all": ["1", "2", "3", "4"], "/bid": ["1", "4"], "/both": ["1", "2", "4"], "/rich": ["1"], "/other": ["1", "3", "4"]}
    assert got["/rich"] == [{"id": "1", "sum": 50}]
    assert names(all_items(receiver.at("/all"))) == ["CustomEntity.Update"] * 4


# --- the shape of the record ---


def test_expand(account, receiver):
    people = {
        "https://example.com/entities/Clients/1": {"id": "1", "name": "by URI", "boss": "https://example.com/entities/Clients/2"},
        "Client/2": {"id": "2", "name": "by entity and id", "boss": "https://example.com/entities/Clients/1"},
        "Tasks/5": {"id": "5", "subject": "call"},
    }
    record = {"id": "9", "owner": "https://example.com/entities/Clients/1", "owner_id": "1",
              "contact": "https://example.com/entities/Contacts/77", "contact_id": "77", "account": None, "account_id": None,
              "task_relations": [{"task": "https://example.com/entities/Tasks/5", "task_id": "5"}], "editors": [
                  "https://example.com/entities/Clients/2", "https://example.com/entities/Clients/3"]}

    cases = {
        "none": [], "owner": ["owner"], "boss": ["owner.boss"], "deeper": ["owner.boss.boss"],
        "missing": ["contact", "account", "nothing"],
        "task": ["task_relations.task"], "editors": "editors", "text": "owner, task_relations.task",
    }
    for name, expand in cases.items():
        account.webhook(receiver.url(f"/{name}/"), ["Account.*"], options={"entity": {"Account": {"expand": expand}}})
    account.post(account.event("9", "Account", record=record, included=people))
    account.settle()
    got = {name: all_items(receiver.at(f"/{name}/"))[0]["entity"] for name in cases}
    one, two, task = people["https://example.com/entities/Clients/1"], people["Client/2"], people["Tasks/5"]
    assert got["none"] == record and got["missing"] == record
    assert got["owner"] == {**record, "owner": one}
    assert got["boss"] == {**record, "owner": {**one, "boss": two}}
    # A cycle goes on as far as the path does, and no further.
    assert got["deeper"] == {**record, "owner": {**one, "boss": {**two, "boss": one}}}
    assert got["task"] == {**record, "task_relations": [{"task": task, "task_id": "5"}]}
    assert got["editors"] == {**record, "editors": [two, "https://example.com/entities/Clients/3"]}
    assert got["text"] == {**record, "owner": one, "task_relations": [{"task": task, "task_id": "5"}]}


def test_load_only(account, receiver):
    owner = {"id": "1", "name": "n", "mail": "m"}
    record = {"id": "9", "name": "x", "owner": "https://example.com/entities/Clients/1", "owner_id": "1",
              "money": {"base_value": 1, "currency_id": "EUR"}, "rows": [{"id": "r", "a": 1, "b": 2}]}
    cases = {
        "plain": ({"load-only": ["name"]}, {"id": "9", "name": "x"}),
        "other": ({"load_only": "name, owner_id"}, {"id": "9", "name": "x", "owner_id": "1"}),
        "nested": ({"load-only": ["money.base_value", "rows.b"]},
                   {"id": "9", "money": {"base_value": 1}, "rows": [{"id": "r", "b": 2}]}),
        "unexpanded": ({"load-only": ["owner"]}, {"id": "9", "owner": record["owner"]}),
        "expanded": ({"load-only": ["owner.mail"], "expand": ["owner"]}, {"id": "9", "owner": {"id": "1", "mail": "m"}}),
        "missing": ({"load-only": ["nothing"]}, {"id": "9"}),
        "id": ({"load-only": ["id"]}, {"id": "9"}),
        "elsewhere": ({}, record),
    }
    for name, (options, _) in cases.items():
        account.webhook(receiver.url(f"/{name}/"), ["Account.*"],
                        options={"entity": {"Account": options, "Lead": {"load-only": ["name"]}}})
    account.post(account.event("9", "Account", record=record, included={"Client/1": owner}))
    account.settle()
    for name, (_, wanted) in cases.items():
        [item] = all_items(receiver.at(f"/{name}/"))
        assert item["entity"] == wanted, name


def test_related_entities(account, receiver):
    owner = {"id": "1", "name": "n", "mail": "m"}
    document = {"id": "d", "filename": "a.pdf", "owner": "https://example.com/entities/Clients/1"}
    record = {"id": "9", "owner": "https://example.com/entities/Clients/1", "contact": None,
              "lines": ["https://example.com/entities/Lines/1"]}
    included = {"Client/1": owner, "Line/1": {"id": "1", "sku": "s"}}
    cases = {
        # options, with a related record, without one
        "plain": ({}, document, None),
        "load": ({"load-only": ["filename"]}, {"id": "d", "filename": "a.pdf"}, None),
        "expand": ({"expand": ["owner"]}, {**document, "owner": owner}, {"owner": owner}),
        "both": ({"expand": ["owner"], "load_only": "owner.mail"}, {"id": "d", "owner": {"id": "1", "mail": "m"}},
                 {"owner": {"id": "1", "mail": "m"}}),
        "lists": ({"expand": "lines, contact"}, document, {"contact": None, "lines": [{"id": "1", "sku": "s"}]}),
    }
    for name, (options, _, _) in cases.items():
        account.webhook(receiver.url(f"/{name}/"), ["Opportunity.*"], options={"related_entity": options} if options else {})
    account.post([account.event("9", "Opportunity", "DocumentLinked", record=record, related=document, included=included),
                  account.event("9", "Opportunity", "Update", record=record, included=included),
                  account.event("9", "Opportunity", "Delete")])
    account.settle()
    for name, (_, linked, bare) in cases.items():
        items = all_items(receiver.at(f"/{name}/"))
        assert [item["related_entity"] for item in items[:2]] == [linked, bare], name
        assert [item["entity"] for item in items] == [record, record, {"id": "9"}], name
        assert items[2]["related_entity"] is None, name


def test_records_go_out_as_the_bytes_that_came(account, receiver):
    record = ('{ "z":1.10,"big":123456789012345678901234567890,"a":-0.0, "e" :1E+2,"text":"\\u00e4\\/\\ud83d\\ude00ä",'
              '"owner":"https:\\/\\/example.com/entities/Clients/1","list":[1 ,2.00] ,"id":"9" }')
    related = '{"x" :0.10,"id":"d"}'
    included = '{"Client/1":{"n" : 1.0,"id":"1"}}'
    account.webhook(receiver.url("/plain/"), ["Account.*"])
    account.webhook(receiver.url("/expand/"), ["Account.*"], options={"entity": {"Account": {"expand": ["owner"]}}})
    account.webhook(receiver.url("/load/"), ["Account.*"], options={"entity": {"Account": {"load-only": ["text", "big", "z"]}}})
    raw(account, '"entity":"Account","action":"Update","record_id":9,'
                 f'"record":{record},"related":{related},"included":{included}')
    account.settle()
    bodies = {name: receiver.at(f"/{name}/")[0].body.decode() for name in ("plain", "expand", "load")}
    assert f'"entity":{record}}}]' in bodies["plain"] and f'"related_entity":{related},' in bodies["plain"]
    expanded = record.replace('"https:\\/\\/example.com/entities/Clients/1"', '{"n" : 1.0,"id":"1"}')
    assert f'"entity":{expanded}}}]' in bodies["expand"]
    assert ('"entity":{"z":1.10,"big":123456789012345678901234567890,"text":"\\u00e4\\/\\ud83d\\ude00ä","id":"9"}'
            in bodies["load"])
    for name in bodies:
        items_of(receiver.at(f"/{name}/")[0])


def test_options_go_out_as_the_bytes_that_came(account, receiver):
    options = '{ "skip_keys":["\\u00e9"] ,"entity": {"Lead":{"filter":{"x":1.10}}}}'
    account.pipeliner("POST", "/Webhooks", status=201, data='{"url":"%s","insecure_ssl":false,"events":["*"],"options":%s}' % (
        receiver.url(), options))
    account.post(account.event())
    [arrival] = receiver.wait("/hook", 1)
    assert f'"options":{options},'.encode() in arrival.body


# --- signature ---


def test_signatures(account, receiver):
    key = "0A1B2C3D-4e5f-6789-abcd-ef0123456789"
    made = account.webhook(receiver.url(), signature=key)
    path = f"/Webhooks/{made['id']}"

    def arrival():
        before = len(receiver.arrivals)
        account.post(account.event(record={"name": "ä"}))
        return receiver.wait("/hook", before + 1)[-1]

    got = arrival()
    # HMAC-SHA256 with the text as the key, in lower-case hex.
    wanted = hmac.new(key.encode(), got.body, hashlib.sha256).hexdigest()
    assert ("WebHook-Signature", wanted) in got.raw_headers and sign(key, got.body) == wanted
    assert key not in got.body.decode()
    other = str(uuid.uuid4())
    account.pipeliner("PATCH", path, {"signature": other}, status=200)
    got = arrival()
    assert [v for k, v in got.raw_headers if k.lower() == "webhook-signature"] == [sign(other, got.body)]
    account.pipeliner("PATCH", path, {"signature": None}, status=200)
    assert "webhook-signature" not in arrival().headers

    # Standard Webhooks' signature has the same name: there is one or the other, never both.
    rotate = f"/subscriptions/{account.native_id(made)}/secret/rotate"
    account.pipeliner("PATCH", path, {"signature": key}, status=200)
    assert account.call("POST", rotate, {}, status=422).slug == "invalid"
    account.pipeliner("PATCH", path, {"signature": None}, status=200)
    account.call("POST", rotate, {}, status=200)
    assert arrival().headers["webhook-signature"].startswith("v1,")
    account.pipeliner("PATCH", path, {"signature": key}, status=200)
    got = arrival()
    assert [v for k, v in got.raw_headers if k.lower() == "webhook-signature"] == [sign(key, got.body)]

    # The log shows no key, nor what it signs with.
    account.settle()
    for row in account.log():
        text = account.call("GET", f"/notifications/{row['id']}", status=200).text
        assert key not in text and other not in text


# --- beside Copper ---


def test_each_dialect_gets_its_own_form(account, receiver):
    copper = account.subscribe(receiver.url("/copper"), "person", "update", secret={"k": "v"})
    made = account.webhook(receiver.url("/pipeliner"), ["Contact.Update"])
    event = account.event(5, action="Update", record={"id": "5", "name": "B"}, previous={"id": "5", "name": "A"},
                          occurred_at="2024-10-14T16:15:54.893Z")
    assert account.post(event).json["notifications"] == 2
    [one] = receiver.wait("/copper", 1)
    [two] = receiver.wait("/pipeliner", 1)
    assert one.json == {"subscription_id": copper["id"], "event": "update", "type": "person", "ids": [5], "k": "v",
                        "updated_attributes": {"name": ["A", "B"]}, "timestamp": "2024-10-14T16:15:54.893Z"}
    [item] = items_of(two)
    assert item["event"] == "Contact.Update" and item["entity"] == {"id": "5", "name": "B"}
    assert item["webhook"]["id"] == made["id"]
    assert collections.Counter(n["dialect"] for n in account.settle()) == {"copper": 1, "pipeliner": 1}
    # Copper passes over changes of its own bookkeeping; Pipeliner knows no such rule.
    assert account.post(account.event(action="Update", changes={"modified": [1, 2]})).json["notifications"] == 1


def test_native_options_hold_for_every_dialect(account, receiver):
    copper = account.subscribe(receiver.url("/copper"), "person", "update")["id"]
    native = account.native_id(account.webhook(receiver.url("/pipeliner"), ["Contact.Update"], options={"skip_keys": ["own"]}))

    def count(changes=None, city="Rome", **more):
        return account.post(account.event(action="Update", changes=changes or {"email": [1, 2]}, record={"city": city}),
                            **more).json["notifications"]

    assert count() == 2
    for one in (copper, native):
        shown = account.patch(one, filter={"city": {"ieq": "ROME"}}, on_field_change=["email"], skip_keys=["native"])
        assert shown["filter"] == {"city": {"ieq": "ROME"}} and shown["skip_keys"] == ["native"]
    assert count() == 2
    assert count(city="Oslo") == 0
    assert count({"name": [1, 2]}) == 0
    assert count(headers={"Webhook-Skip-Key": "native"}) == 0
    assert count(headers={"Webhook-Skip-Key": "own"}) == 1
    account.patch(native, filter=None)
    assert count(city="Oslo") == 1
    account.patch(copper, filter=None, on_field_change=None, skip_keys=None)
    assert count({"name": [1, 2]}, "Oslo", headers={"Webhook-Skip-Key": "native"}) == 1


def test_explain(account, receiver):
    webhooks = {
        "matched": (["Contact.*"], {"entity": {"Contact": {"load-only": ["name"]}}}),
        "entity": (["Lead.*"], {}),
        "action": (["Contact.Create", "Contact.Delete"], {}),
        "filter": (["Contact.*"], {"entity": {"Contact": {"filter": {"city": "Rome", "name": "x"}}}}),
        "field-unchanged": (["Contact.*"], {"entity": {"Contact": {"on-field-change": ["email", "phone"]}}}),
        "skip-key": (["*"], {"skip_keys": ["me"]}),
        "held": (["Contact.*"], {}),
    }
    native = {}
    for reason, (events, options) in webhooks.items():
        native[reason] = account.native_id(account.webhook(receiver.url(), events, options=options, signature=str(uuid.uuid4())))
    account.patch(native["held"], status="paused")
    event = account.event("1", action="Update", record={"id": "1", "city": "Rome", "name": "B"},
                          previous={"id": "1", "city": "Rome", "name": "A"}, skip_key="me")
    rows = explained(account, event)
    assert len(rows) == len(webhooks)
    for reason, one in native.items():
        assert rows[one]["reason"] == reason and rows[one]["dialect"] == "pipeliner", rows[one]
        assert rows[one]["matched"] == (reason in ("matched", "held"))
        assert (rows[one]["body"] is not None) == rows[one]["matched"]
    assert rows[native["filter"]]["path"] == "entity.Contact.filter.name"
    assert rows[native["field-unchanged"]]["path"] in ("email", "entity.Contact.on-field-change.email")
    [item] = rows[native["matched"]]["body"]
    check_item(item)
    assert item["event"] == "Contact.Update" and item["entity"] == {"id": "1", "name": "B"}
    custom = account.native_id(account.webhook(receiver.url(), ["*"], options={"custom_entity_api_name": "CE_Bid"}))
    rows = explained(account, account.event(entity="CustomEntity", custom_entity="CE_Car"))
    assert (rows[custom]["reason"], rows[custom]["path"]) == ("custom-entity", "custom_entity_api_name")
    assert account.log() == [] and receiver.arrivals == []


def test_the_sample(account, receiver):
    native = account.native_id(account.webhook(receiver.url(), ["Quote.Won"], signature=str(uuid.uuid4())))
    told = account.call("POST", f"/subscriptions/{native}/test?wait=15", status=200).json
    assert told["state"] == "delivered" and told["test"] is True
    [arrival] = receiver.arrivals
    assert arrival.headers["webhook-test"] == "1" and names(items_of(arrival)) == ["Quote.Won"]
    assert "webhook-signature" in arrival.headers


# --- insecure_ssl ---


@pytest.fixture
def untrusted(tmp_path):
    """An endpoint whose certificate nobody vouches for, and that is for another host."""
    made = Receiver(*Authority(tmp_path, "Unknown CA").issue("untrusted", ("elsewhere.example",)))
    yield made
    made.close()


def test_insecure_ssl_skips_the_certificate_for_that_subscription_only(account, untrusted):
    gate = Gate(untrusted.port)
    gate.open()
    try:
        insecure = account.webhook(gate.url("/insecure"), insecure_ssl=True)
        secure = account.webhook(gate.url("/secure"))
        by_id = {account.native_id(insecure): "insecure", account.native_id(secure): "secure"}
        for turn in range(1, 4):
            account.post(account.event())
            log = account.settle()
            assert len(log) == 2 * turn
            told = collections.Counter((by_id[n["subscription"]], n["state"], (n["error"] or {}).get("class")) for n in log)
            assert told == {("insecure", "delivered", None): turn, ("secure", "failed", "tls"): turn}
        assert untrusted.at("/secure") == []
        items = all_items(untrusted.at("/insecure"))
        assert len(items) == 3 and all(item["webhook"]["insecure_ssl"] is True for item in items)
        # The unchecked connection was kept and used again, but by nobody who checks: each of those knocked anew.
        assert untrusted.connections == 1 and gate.connections == 4
    finally:
        gate.close()


def test_checked_and_unchecked_connections_are_never_shared(account, receiver):
    """To an endpoint that both accept."""
    account.webhook(receiver.url("/secure"))
    account.post(account.event())
    account.settle()
    account.webhook(receiver.url("/insecure"), insecure_ssl=True)
    for _ in range(3):
        account.post(account.event())
        account.settle()
    assert len(receiver.at("/secure")) == 4 and len(receiver.at("/insecure")) == 3
    assert receiver.connections == 2


def test_insecure_ssl_can_be_taken_back(account, untrusted):
    made = account.webhook(untrusted.url(), insecure_ssl=True)
    account.post(account.event())
    [told] = account.settle()
    assert told["state"] == "delivered"
    account.pipeliner("PATCH", f"/Webhooks/{made['id']}", {"insecure_ssl": False}, status=200)
    account.post(account.event())
    log = account.settle()
    assert sorted(n["state"] for n in log) == ["delivered", "failed"]
    assert {n["error"]["class"] for n in log if n["error"]} == {"tls"}
    assert len(untrusted.arrivals) == 1


def test_the_operator_has_the_last_word(make_node, untrusted):
    """What was allowed when the webhook was made is judged again when it is sent."""
    node = make_node()
    account = node.api.account()
    made = account.webhook(untrusted.url(), insecure_ssl=True)
    account.post(account.event())
    assert [n["state"] for n in account.settle()] == ["delivered"]
    node.terminate()
    node.start(settings={"egress.allow-insecure-ssl": False})
    account.post(account.event())
    [told] = [n for n in account.settle() if n["state"] != "delivered"]
    assert told["state"] == "failed" and told["error"]["class"] == "tls"
    node.terminate()
    node.start(settings={"egress.allow": None})
    account.post(account.event())
    told = max(account.settle(), key=lambda n: n["created_at"])
    assert told["state"] == "failed" and told["error"]["class"] == "egress"
    answer = account.pipeliner("PATCH", f"/Webhooks/{made['id']}", {"url": untrusted.url("/again"), "insecure_ssl": True})
    assert answer.status == 422
    assert len(untrusted.arrivals) == 1
