"""Batches of webhooks, and WebhookEvents: what is decided together, and the view of what webhooks want."""

import concurrent.futures
import uuid

from carillon.pipeliner import (basic, WEBHOOK_EVENT, check_error, check_webhook, data_of, is_uuid, page_of, refused,
                                TARGET, NEW, everything, ids, make)

# --- batches ---


def test_batch_delete_and_restore(account):
    made = make(account, 5)
    assert data_of(account.pipeliner("POST", "/Webhooks/batch-delete", made[:3])) == made[:3]
    assert set(ids(everything(account))) == set(made[3:])
    assert data_of(account.pipeliner("POST", "/Webhooks/batch-restore", [made[2], made[0]])) == [made[2], made[0]]
    assert set(ids(everything(account))) == set(made) - {made[1]}
    assert data_of(account.pipeliner("POST", "/Webhooks/batch-delete", [])) == []


def test_batch_modify(account):
    made = account.webhook(TARGET, ["Account.*"])
    done = data_of(account.pipeliner("POST", "/Webhooks/batch-modify", [
        {"id": made["id"], "events": ["Lead.*"]}, {**NEW, "url": TARGET + "/new"}]))
    assert done[0] == made["id"] and is_uuid(done[1])
    assert data_of(account.pipeliner("GET", f"/Webhooks/{made['id']}"))["events"] == ["Lead.*"]
    check_webhook(data_of(account.pipeliner("GET", f"/Webhooks/{done[1]}")), url=TARGET + "/new")
    assert len(everything(account)) == 2


BAD = {**NEW, "events": ["Nothing.Create"]}


def test_all_or_nothing(account):
    made = make(account, 4)
    account.pipeliner("DELETE", f"/Webhooks/{made[3]}", status=200)
    before = everything(account, "include-deleted=true")
    unknown = str(uuid.uuid4())
    for query in ("", "?rollback-method=0"):
        answer = account.pipeliner("POST", f"/Webhooks/batch-delete{query}", [made[0], unknown, made[1]])
        refused(answer, 404)
        assert answer.json["entity_index"] == 1
        answer = account.pipeliner("POST", f"/Webhooks/batch-delete{query}", [made[0], made[3]])
        refused(answer, 404)
        answer = account.pipeliner("POST", f"/Webhooks/batch-delete{query}", [made[0], made[1], made[0]])
        refused(answer, 400)
        assert answer.json["entity_index"] == 2
        refused(account.pipeliner("POST", f"/Webhooks/batch-restore{query}", [made[3], unknown]), 404)
        answer = account.pipeliner("POST", f"/Webhooks/batch-modify{query}", [
            {"id": made[0], "url": TARGET}, NEW, BAD, {"id": made[1], "url": TARGET}])
        assert refused(answer, 422) == {"events": ["events"]} and answer.json["entity_index"] == 2
        answer = account.pipeliner("POST", f"/Webhooks/batch-modify{query}", [NEW, {"id": made[0], "options": {"x": 1}}])
        assert refused(answer, 422) == {"options": ["options.x"]}
        assert answer.json["entity_index"] == 1 and answer.json["entity_id"] == made[0]
        assert everything(account, "include-deleted=true") == before


def test_only_the_failed_are_dropped(account):
    made = make(account, 4)
    unknown = str(uuid.uuid4())
    data = data_of(account.pipeliner("POST", "/Webhooks/batch-delete?rollback-method=1", [made[0], unknown, made[1], made[0], 7]))
    assert data[0] == made[0] and data[2] == made[1]
    for index, status, code, name in ((1, 404, 404, "ERROR_NOT_FOUND"), (3, 400, 117, "ERROR_PARAMETER_INVALID"),
                                      (4, 400, 117, "ERROR_PARAMETER_INVALID")):
        check_error(data[index], status, code, name)
        assert data[index]["entity_index"] == index
    assert set(ids(everything(account))) == set(made[2:])
    data = data_of(account.pipeliner("POST", "/Webhooks/batch-modify?rollback-method=1", [
        BAD, {"id": made[2], "url": TARGET + "/kept"}, {"id": made[0], "url": TARGET}, NEW, "text"]))
    assert check_error(data[0], 422, 40000, "ERROR_ENTITY_VALIDATION") == {"events": ["events"]}
    assert data[1] == made[2]
    check_error(data[2], 404, 404, "ERROR_NOT_FOUND")
    assert is_uuid(data[3])
    check_error(data[4], 400, 117, "ERROR_PARAMETER_INVALID")
    assert set(ids(everything(account))) == {made[2], made[3], data[3]}
    data = data_of(account.pipeliner("POST", "/Webhooks/batch-restore?rollback-method=1", [unknown, made[0]]))
    check_error(data[0], 404, 404, "ERROR_NOT_FOUND")
    assert data[1] == made[0]


def limit_reached(error):
    assert check_error(error, 422, 40000, "ERROR_ENTITY_VALIDATION") == {}
    [whole] = error["entity_errors"]
    assert set(whole) == {"code", "name", "message"}
    return True


def test_the_limit_counts_both_dialects(account):
    for _ in range(40):
        account.subscribe(TARGET)
    made = make(account, 58)
    # Two places are left.
    batch = [{**NEW, "url": f"{TARGET}/more{n}"} for n in range(4)]
    answer = account.pipeliner("POST", "/Webhooks/batch-modify", batch)
    assert answer.status == 422 and limit_reached(answer.json) and "100" in answer.json["message"]
    assert len(everything(account)) == 58
    data = data_of(account.pipeliner("POST", "/Webhooks/batch-modify?rollback-method=1", batch))
    assert is_uuid(data[0]) and is_uuid(data[1]) and limit_reached(data[2]) and limit_reached(data[3])
    answer = account.pipeliner("POST", "/Webhooks", NEW)
    assert answer.status == 422 and limit_reached(answer.json)
    assert account.copper("POST", "/webhooks", {"target": TARGET, "type": "lead", "event": "new"}).status == 422
    # A deleted one makes room, and finds none when it comes back.
    account.pipeliner("DELETE", f"/Webhooks/{made[0]}", status=200)
    account.subscribe(TARGET)
    answer = account.pipeliner("POST", "/Webhooks/batch-restore", [made[0]])
    assert answer.status == 422 and limit_reached(answer.json) and answer.json["entity_id"] == made[0]
    refused(account.pipeliner("GET", f"/Webhooks/{made[0]}"), 404)
    account.pipeliner("POST", "/Webhooks/batch-delete", made[1:3], status=200)
    answer = account.pipeliner("POST", "/Webhooks/batch-restore", made[:3])
    assert answer.status == 422 and limit_reached(answer.json) and answer.json["entity_index"] == 2
    data = data_of(account.pipeliner("POST", "/Webhooks/batch-restore?rollback-method=1", made[:3]))
    assert data[:2] == made[:2] and limit_reached(data[2])
    # What is changed only needs no place.
    data_of(account.pipeliner("PATCH", f"/Webhooks/{made[0]}", {"url": TARGET}))
    assert len(everything(account, "first=100")) == 59


def test_most_entries_of_a_batch(node):
    account = node.api.account(max_subscriptions=250)
    batch = [NEW] * 101
    refused(account.pipeliner("POST", "/Webhooks/batch-modify", batch), 400)
    refused(account.pipeliner("POST", "/Webhooks/batch-modify?rollback-method=1", batch), 400)
    assert everything(account) == []
    made = data_of(account.pipeliner("POST", "/Webhooks/batch-modify", batch[:100]))
    assert len(set(made)) == 100
    refused(account.pipeliner("POST", "/Webhooks/batch-delete", made + [str(uuid.uuid4())]), 400)
    assert len(everything(account, "first=100")) == 100
    assert data_of(account.pipeliner("POST", "/Webhooks/batch-delete", made)) == made
    assert everything(account) == []


# --- WebhookEvents ---


def events_of(account, query=""):
    rows = []
    after = None
    while True:
        data, info, total = page_of(account.pipeliner("GET", f"/WebhookEvents?{query}" + (f"&after={after}" if after else "")))
        rows += data
        after = info["end_cursor"]
        if after is None:
            assert total == len(rows)
            return rows


def test_events_are_a_view_of_the_webhooks(account):
    one = account.webhook(TARGET, ["Account.*", "Lead.Lost"])
    two = account.webhook(TARGET, ["*"])
    rows = events_of(account)
    assert sorted((row["webhook_id"], row["event"]) for row in rows) == sorted(
        [(one["id"], "Account.*"), (one["id"], "Lead.Lost"), (two["id"], "*")])
    for row in rows:
        assert set(row) == WEBHOOK_EVENT and is_uuid(row["id"]) and row["is_deleted"] is False
        assert row["webhook"].endswith(f"/entities/Webhooks/{row['webhook_id']}")
        assert data_of(account.pipeliner("GET", f"/WebhookEvents/{row['id']}")) == row
    assert len(set(ids(rows))) == 3 and ids(events_of(account, "first=2")) == ids(rows)
    assert ids(events_of(account)) == ids(rows)
    [lost] = events_of(account, "filter[event]=Lead.Lost")
    assert lost["webhook_id"] == one["id"]
    [row] = events_of(account, f"filter[webhook_id]={two['id']}&expand=webhook&load-only=event,webhook")
    assert row == {"id": row["id"], "event": "*", "webhook": two}
    assert data_of(account.pipeliner("GET", f"/WebhookEvents/{lost['id']}?expand=webhook"))["webhook"] == one


def test_events_are_added_and_removed(account, receiver):
    made = account.webhook(receiver.url("/view"), ["Account.Create"])
    row = data_of(account.pipeliner("POST", "/WebhookEvents", {"event": "Contact.*", "webhook_id": made["id"]}), 201)
    assert set(row) == WEBHOOK_EVENT and row["event"] == "Contact.*" and row["webhook_id"] == made["id"]
    assert data_of(account.pipeliner("GET", f"/Webhooks/{made['id']}"))["events"] == ["Account.Create", "Contact.*"]
    again = data_of(account.pipeliner("POST", "/WebhookEvents", {"event": "Contact.*", "webhook_id": made["id"]}), 201)
    assert again["id"] == row["id"] and len(events_of(account)) == 2
    assert account.post(account.event()).json["notifications"] == 1
    assert data_of(account.pipeliner("DELETE", f"/WebhookEvents/{row['id']}")) == row["id"]
    assert data_of(account.pipeliner("GET", f"/Webhooks/{made['id']}"))["events"] == ["Account.Create"]
    assert account.post(account.event()).json["notifications"] == 0
    refused(account.pipeliner("GET", f"/WebhookEvents/{row['id']}"), 404)
    refused(account.pipeliner("DELETE", f"/WebhookEvents/{row['id']}"), 404)
    [last] = events_of(account)
    assert refused(account.pipeliner("DELETE", f"/WebhookEvents/{last['id']}"), 422) == {"event": ["event"]}
    assert events_of(account) == [last]


def test_events_that_are_refused(account):
    made = account.webhook(TARGET, ["Account.Create"])
    answer = account.pipeliner("POST", "/WebhookEvents", {"event": "Lead.*", "webhook_id": str(uuid.uuid4())})
    assert refused(answer, 422) == {"webhook_id": ["webhook_id"]} and answer.json["entity_name"] == "WebhookEvent"
    assert answer.json["field_errors"][0]["errors"][0]["code"] == 120
    answer = account.pipeliner("POST", "/WebhookEvents", {"event": "Lead.Won", "webhook_id": made["id"]})
    assert refused(answer, 422) == {"event": ["event"]}
    answer = account.pipeliner("POST", "/WebhookEvents", {"event": 5, "webhook_id": made["id"]})
    assert refused(answer, 422) == {"event": ["event"]}
    for missing in ("event", "webhook_id"):
        body = {"event": "Lead.*", "webhook_id": made["id"]}
        del body[missing]
        answer = account.pipeliner("POST", "/WebhookEvents", body)
        assert refused(answer, 422) == {missing: [missing]}
        assert answer.json["field_errors"][0]["errors"][0]["code"] == 119
    assert [row["event"] for row in events_of(account)] == ["Account.Create"]


def test_events_of_deleted_webhooks(account):
    made = account.webhook(TARGET, ["Account.Create", "Lead.*"])
    rows = events_of(account)
    account.pipeliner("DELETE", f"/Webhooks/{made['id']}", status=200)
    assert events_of(account) == []
    refused(account.pipeliner("GET", f"/WebhookEvents/{rows[0]['id']}"), 404)
    refused(account.pipeliner("DELETE", f"/WebhookEvents/{rows[0]['id']}"), 404)
    answer = account.pipeliner("POST", "/WebhookEvents", {"event": "Task.*", "webhook_id": made["id"]})
    assert refused(answer, 422) == {"webhook_id": ["webhook_id"]}
    shown = events_of(account, "include-deleted=true")
    assert ids(shown) == ids(rows) and all(row["is_deleted"] for row in shown)
    account.pipeliner("POST", "/Webhooks/batch-restore", [made["id"]], status=200)
    assert ids(events_of(account)) == ids(rows)


def test_no_change_is_lost_among_several(account):
    """Clients that change one webhook at the same time each find their change in it."""
    made = account.webhook(TARGET, ["Account.Create"])
    names = [f"{entity}.Create" for entity in ("Contact", "Lead", "Task", "Quote", "Email", "Memo", "Note", "Product", "Project")]
    clients = [account] + [account.api.node.api.__class__(account.api.node) for _ in range(2)]
    for client in clients[1:]:
        client.url = account.api.url

    def add(number):
        api = account.api if number == 0 else clients[number]
        for name in names[number::3]:
            for _ in range(20):
                answer = api.call("POST", f"/api/v100/rest/spaces/{account.name}/entities/WebhookEvents",
                                  {"event": name, "webhook_id": made["id"]}, token="", check=False,
                                  headers={"Authorization": basic(f"{account.key_id}:{account.key}")})
                if answer.status != 409:
                    break
            assert answer.status == 201, answer

    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        list(pool.map(add, range(3)))
    assert set(data_of(account.pipeliner("GET", f"/Webhooks/{made['id']}"))["events"]) == {"Account.Create", *names}
