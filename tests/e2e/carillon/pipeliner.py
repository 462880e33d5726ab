"""Pipeliner's side of the wire: a receiver that takes nothing but what is documented, and the shape of its API's answers.

Made from the dialect's description and from nothing of the product's.
"""

import base64
import hashlib
import hmac
import json
import re
import uuid

FIVE = ["Create", "Update", "Delete", "DocumentLinked", "OwnerChanged"]
FOUR = FIVE[:4]
THREE = FIVE[:3]

EVENTS = {
    "Account": FIVE, "Contact": FIVE, "CustomEntity": FIVE, "Project": FIVE,
    "Opportunity": FIVE + ["Move", "Lost", "Won", "Qualify"],
    "Quote": FIVE + ["Move", "Lost", "Won"],
    "Lead": FIVE + ["Lost", "BackToLead"],
    "Task": FIVE + ["Comment"], "Appointment": FIVE + ["Comment"],
    "Email": FOUR, "Message": FOUR, "Memo": FOUR + ["Comment"],
    **{name: THREE for name in (
        "Note", "Product", "OpptyProductRelation", "ActivityRelation", "ContactAccountRelation",
        "LeadOpptyAccountRelation", "LeadOpptyContactRelation", "Currency", "CurrencyExchangeRate",
        "CurrencyExchangeRatesList", "ProductPriceList", "ProductPriceListPrice", "QuoteAccountRelation",
        "QuoteContactRelation")},
}
CONCRETE = [f"{entity}.{action}" for entity, actions in EVENTS.items() for action in actions]
NAMES = ["*"] + [f"{entity}.*" for entity in EVENTS] + CONCRETE

OPERATORS = ["eq", "ieq", "not-eq", "not-ieq", "contains", "starts", "ends", "icontains", "istarts", "iends", "null",
             "not-null", "empty", "not-empty", "gt", "gte", "lt", "lte", "between"]

TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}\+00:00")
ISO = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)")
ITEM = {"event", "event_time", "team_space_id", "webhook", "related_entity", "entity"}
NOTIFIED_WEBHOOK = {"id", "insecure_ssl", "options", "url", "is_deleted", "created", "modified", "application_id",
                    "client_id", "events"}
WEBHOOK = {"id", "is_deleted", "is_delete_protected", "created", "modified", "application", "application_id", "client",
           "client_id", "insecure_ssl", "url", "events", "options", "signature"}
WEBHOOK_EVENT = {"id", "is_deleted", "is_delete_protected", "created", "modified", "event", "webhook", "webhook_id"}
ENVELOPE = {"success", "http_status", "code", "name", "message"}
VALIDATION = {"entity_id", "entity_name", "entity_errors", "field_errors", "step_checklist_errors", "entity_index"}
NESTED = {117: "ERROR_PARAMETER_INVALID", 119: "ERROR_PARAMETER_MISSING", 120: "ERROR_RELATIONS_DOESNT_EXIST"}


def is_uuid(text):
    return isinstance(text, str) and str(uuid.UUID(text)) == text


def same(value, kind, what):
    assert type(value) is kind, f"{what} is no {kind.__name__}: {value!r}"


# --- what a receiver takes ---


def check_item(item):
    """One item of a notification, as a strict receiver reads it."""
    same(item, dict, "an item")
    assert set(item) == ITEM, f"an item with the members {sorted(item)}"
    assert item["event"] in CONCRETE, f"{item['event']!r} is no concrete event"
    assert ISO.fullmatch(item["event_time"]), item["event_time"]
    same(item["team_space_id"], str, "team_space_id")
    same(item["entity"], dict, "entity")
    assert item["related_entity"] is None or type(item["related_entity"]) is dict, item["related_entity"]
    webhook = item["webhook"]
    same(webhook, dict, "webhook")
    assert set(webhook) == NOTIFIED_WEBHOOK, f"a webhook with the members {sorted(webhook)}"
    assert is_uuid(webhook["id"]) and is_uuid(webhook["application_id"]), webhook
    same(webhook["insecure_ssl"], bool, "insecure_ssl")
    same(webhook["options"], dict, "options")
    assert webhook["url"].startswith("https://"), webhook["url"]
    assert webhook["is_deleted"] is False and webhook["client_id"] is None
    assert TIME.fullmatch(webhook["created"]) and TIME.fullmatch(webhook["modified"]), webhook
    same(webhook["events"], list, "events")
    assert webhook["events"] and all(name in NAMES for name in webhook["events"]), webhook["events"]


def items_of(arrival, size=100):
    """The items of one POST; fails the test for anything that a strict receiver would not take."""
    assert arrival.method == "POST" and arrival.headers["content-type"] == "application/json"
    items = json.loads(arrival.body, parse_float=str)
    same(items, list, "a notification")
    assert 1 <= len(items) <= size, f"{len(items)} items in one POST"
    for item in items:
        check_item(item)
    return items


def all_items(arrivals, size=100):
    return [item for arrival in arrivals for item in items_of(arrival, size)]


def sign(key, body):
    return hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


# --- what a client reads ---


def check_webhook(webhook, **wanted):
    """A Webhook entity: exactly its 14 fields, of the right types. Gives it back."""
    assert set(webhook) == WEBHOOK, f"a webhook with the members {sorted(webhook)}"
    assert is_uuid(webhook["id"]) and is_uuid(webhook["application_id"]), webhook
    for name in ("is_deleted", "is_delete_protected", "insecure_ssl"):
        same(webhook[name], bool, name)
    assert webhook["is_delete_protected"] is False
    assert TIME.fullmatch(webhook["created"]) and TIME.fullmatch(webhook["modified"]), webhook
    assert webhook["created"] <= webhook["modified"]
    assert webhook["application"].endswith(f"/entities/Applications/{webhook['application_id']}")
    assert webhook["client"] is None and webhook["client_id"] is None
    same(webhook["url"], str, "url")
    same(webhook["options"], dict, "options")
    assert type(webhook["events"]) is list and webhook["events"]
    assert webhook["signature"] is None or is_uuid(webhook["signature"].lower())
    for name, value in wanted.items():
        assert webhook[name] == value, f"{name} is {webhook[name]!r}, not {value!r}"
    return webhook


def data_of(answer, status=200):
    """What a success carries."""
    assert answer.status == status, answer
    assert answer.headers["Content-Type"].split(";")[0] == "application/json"
    assert set(answer.json) == {"success", "data"} and answer.json["success"] is True, answer
    return answer.json["data"]


def check_error(error, status, code, name):
    """One envelope of an error, wherever it stands. Gives {field: paths} of what is wrong."""
    validation = code == 40000
    assert ENVELOPE <= set(error), error
    more = set(error) - ENVELOPE
    assert more == VALIDATION if validation else more <= {"entity_index"}, error
    assert error["success"] is False
    assert (error["http_status"], error["code"], error["name"]) == (status, code, name), error
    assert type(error["message"]) is str and error["message"]
    fields = {}
    if validation:
        assert error["step_checklist_errors"] == []
        same(error["entity_errors"], list, "entity_errors")
        for field in error["field_errors"]:
            assert set(field) == {"field_id", "field_name", "name", "code", "errors"}, field
            assert (field["name"], field["code"]) == ("ERROR_FIELD_VALIDATION", 40002) and field["errors"]
            assert field["field_id"] == field["field_name"]
            for one in field["errors"]:
                assert set(one) == {"code", "name", "message", "field_id", "field_name"}, one
                assert NESTED[one["code"]] == one["name"], one
                assert one["field_id"].split(".")[0] == field["field_id"] and one["message"], one
                fields.setdefault(field["field_id"], []).append(one["field_id"])
        assert bool(fields) != bool(error["entity_errors"]), error
    return fields


def refused(answer, status, code=None, name=None):
    """An answer that is an error: its fields with what is wrong with them, see `check_error`."""
    known = {400: (117, "ERROR_PARAMETER_INVALID"), 401: (401, "ERROR_UNAUTHORIZED"), 403: (403, "ERROR_FORBIDDEN"),
             404: (404, "ERROR_NOT_FOUND"), 405: (405, "ERROR_METHOD_NOT_ALLOWED"),
             422: (40000, "ERROR_ENTITY_VALIDATION")}
    assert answer.status == status, answer
    assert answer.headers["Content-Type"].split(";")[0] == "application/json"
    code, name = (code, name) if code else known[status]
    return check_error(answer.json, status, code, name)


def page_of(answer):
    """A list's answer: (rows, page_info, total)."""
    assert answer.status == 200, answer
    assert set(answer.json) == {"success", "total", "page_info", "data"} and answer.json["success"] is True
    info = answer.json["page_info"]
    assert set(info) == {"start_cursor", "end_cursor", "has_previous_page", "has_next_page"}
    if not answer.json["data"]:
        assert info == {"start_cursor": None, "end_cursor": None, "has_previous_page": False, "has_next_page": False}
    else:
        assert info["start_cursor"] and info["end_cursor"]
    same(answer.json["total"], int, "total")
    return answer.json["data"], info, answer.json["total"]


# --- webhooks ---

TARGET = "https://example.com/hook"
NEW = {"url": TARGET, "insecure_ssl": False, "events": ["Account.*"]}


def basic(pair):
    return "Basic " + base64.b64encode(pair.encode()).decode()


def everything(account, query="", **more):
    """All rows, read as clients do: until a page has no end_cursor."""
    rows, after = [], None
    while True:
        where = f"/Webhooks?{query}" + (f"&after={after}" if after else "")
        data, info, _ = page_of(account.pipeliner("GET", where, **more))
        rows += data
        after = info["end_cursor"]
        if after is None:
            return rows


def ids(rows):
    return [row["id"] for row in rows]


def make(account, count, **fields):
    """Webhooks made in batches, their ids."""
    made = []
    while len(made) < count:
        batch = [{**NEW, **fields, "url": f"{TARGET}/{n}"} for n in range(len(made), min(count, len(made) + 100))]
        made += data_of(account.pipeliner("POST", "/Webhooks/batch-modify", batch))
    return made


# --- posting, and what comes of it ---


def deliver(account, receiver, events, path="/hook", **more):
    """Posts, waits for the end of all, and gives the items that came in this time."""
    before = {id(a) for a in receiver.at(path)}
    account.post(events, **more)
    account.settle()
    return all_items(a for a in receiver.at(path) if id(a) not in before)


def raw(account, members, status=202):
    """An event whose JSON is the test's own."""
    return account.call("POST", "/events", data="{%s}" % members, token=None, status=status).json


def names(items):
    return [item["event"] for item in items]


def explained(account, event, **more):
    """By webhook: what an event would do."""
    rows = account.call("POST", "/events/explain", event, token=None, status=200, **more).json["subscriptions"]
    return {row["subscription"]: row for row in rows}
