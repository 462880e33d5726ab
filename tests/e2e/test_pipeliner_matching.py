"""Which records and changes reach a Pipeliner webhook: filters, changed fields, skip keys."""

from carillon.pipeliner import (all_items, items_of, deliver, names)

# Long windows would make the cases wait for each other; the windows have a file of their own.
NODE_SETTINGS = {"limits.windows": ["100000/60s"]}

RECORD = {
    "id": "1", "name": "Straße ÉCOLE", "city": "Rome", "empty": "", "none": None, "list": [], "tags": ["red", "blue"],
    "age": 42, "price": 12.50, "big": 123456789012345678901234567890, "since": "2024-03-01T12:00:00Z",
    "day": "2024-03-01", "vip": True,
    "money": {"base_value": 10, "currency_id": "EUR"}, "owner_id": "7", "owner": "https://example.com/entities/Clients/7",
    "text": "12",
}
INCLUDED = {"https://example.com/entities/Clients/7": {"id": "7", "mail": "seven@example.com", "age": 30}}

FILTERS = [
    # filter, filter-op, whether it matches
    ({"city": "Rome"}, {}, True), ({"city": "rome"}, {}, False), ({"city": ["Oslo", "Rome"]}, {}, True),
    ({"city": "rome"}, {"city": "ieq"}, True), ({"name": "STRASSE école"}, {"name": "ieq"}, True),
    ({"city": "Rome"}, {"city": "not-eq"}, False), ({"city": "Oslo"}, {"city": "not-eq"}, True),
    ({"city": ["Oslo", "Rome"]}, {"city": "not-eq"}, False), ({"city": "ROME"}, {"city": "not-ieq"}, False),
    ({"city": "om"}, {"city": "contains"}, True), ({"city": "OM"}, {"city": "contains"}, False),
    ({"city": "Ro"}, {"city": "starts"}, True), ({"city": "me"}, {"city": "starts"}, False),
    ({"city": "me"}, {"city": "ends"}, True), ({"city": "OM"}, {"city": "icontains"}, True),
    ({"name": "strasse"}, {"name": "istarts"}, True), ({"name": "éCOLE"}, {"name": "iends"}, True),
    ({}, {"none": "null"}, True), ({}, {"missing": "null"}, True), ({}, {"empty": "null"}, False),
    ({}, {"city": "not-null"}, True), ({}, {"none": "not-null"}, False), ({}, {"empty": "empty"}, True),
    ({}, {"list": "empty"}, True), ({}, {"none": "empty"}, True), ({}, {"tags": "empty"}, False),
    ({}, {"tags": "not-empty"}, True), ({}, {"list": "not-empty"}, False), ({"tags": "blue"}, {}, True),
    ({"tags": "green"}, {}, False), ({"age": 42}, {}, True), ({"age": "42"}, {}, True), ({"age": 42.0}, {}, True),
    ({"age": 41}, {"age": "gt"}, True), ({"age": 42}, {"age": "gt"}, False), ({"age": 42}, {"age": "gte"}, True),
    ({"age": 100}, {"age": "lt"}, True), ({"age": 42}, {"age": "lte"}, True), ({"age": 5}, {"age": "lt"}, False),
    ({"age": [1, 42]}, {"age": "between"}, True), ({"age": "42,50"}, {"age": "between"}, True),
    ({"age": [43, 50]}, {"age": "between"}, False), ({"price": 12.5}, {}, True), ({"text": 9}, {"text": "gt"}, True),
    ({"big": 123456789012345678901234567890}, {}, True), ({"big": 123456789012345678901234567891}, {}, False),
    ({"since": "2024-03-01T13:00:00+01:00"}, {}, True), ({"since": "2024-02-29"}, {"since": "gt"}, True),
    ({"day": ["2024-02-29", "2024-03-01"]}, {"day": "between"}, True), ({"day": "2024-03-01"}, {"day": "lt"}, False),
    ({"vip": True}, {}, True), ({"vip": "false"}, {}, False), ({"money.base_value": 10}, {}, True),
    ({"money.currency_id": "USD"}, {}, False), ({"owner.mail": "seven@example.com"}, {}, True),
    ({"owner.mail": "eight"}, {}, False), ({"owner.age": 29}, {"owner.age": "gt"}, True),
    ({"city": "Rome", "age": 42}, {}, True), ({"city": "Rome", "age": 43}, {}, False), ({"none": None}, {}, True),
    ({"missing": "x"}, {}, False), ({"missing": "x"}, {"missing": "not-eq"}, True), ({"missing": 1}, {"missing": "gt"}, False),
]


def test_filters(account, receiver):
    """All operators at once: one subscription each, one event."""
    wanted = {}
    for number, (values, operators, matches) in enumerate(FILTERS):
        options = {"filter": values, "filter-op": operators}
        made = account.webhook(receiver.url(f"/{number}/"), ["Contact.*"],
                               options={"entity": {"Contact": {k: v for k, v in options.items() if v}}})
        wanted[made["id"]] = (number, matches)
    event = account.event("1", action="Update", record=RECORD, included=INCLUDED, changes={"age": [1, 42]})
    assert account.post(event).json["notifications"] == sum(matches for _, _, matches in FILTERS)
    account.settle()
    for number, (values, operators, matches) in enumerate(FILTERS):
        assert len(receiver.at(f"/{number}/")) == matches, (values, operators)
    # The filter is of one entity: it says nothing about others.
    assert account.post(account.event(entity="Lead")).json["notifications"] == 0
    account.webhook(receiver.url("/lead/"), ["Lead.*", "Contact.*"], options={"entity": {"Contact": {"filter": {"city": "x"}}}})
    assert account.post(account.event(entity="Lead", record={"city": "y"})).json["notifications"] == 1


def test_enums_match_by_number_and_name(account, receiver):
    values = ["Open", "1", 1, "Won", 3, ["Lost", "Won"]]
    for number, value in enumerate(values):
        account.webhook(receiver.url(f"/{number}/"), ["Opportunity.*"],
                        options={"entity": {"Opportunity": {"filter": {"status": value}}}})
    for status in (1, 2, 3, "Won"):
        account.post(account.event(str(status), "Opportunity", record={"id": str(status), "status": status}))
    account.settle()
    got = [[item["entity"]["id"] for item in all_items(receiver.at(f"/{number}/"))] for number in range(len(values))]
    assert [sorted(one) for one in got] == [["1"]] * 3 + [["3", "Won"]] * 2 + [["2", "3", "Won"]]


def test_what_a_filter_sees(account, receiver):
    account.webhook(receiver.url(), ["Contact.*"], options={"entity": {"Contact": {"filter": {"city": "Rome"}}}})

    def count(**more):
        return account.post(account.event(**more)).json["notifications"]

    # The record after the change.
    assert count(action="Update", previous={"city": "Rome"}, record={"city": "Oslo"}) == 0
    assert count(action="Update", previous={"city": "Oslo"}, record={"city": "Rome"}) == 1
    assert count(action="Update", changes={"city": ["Oslo", "Rome"]}) == 1
    assert count(action="Update", changes={"city": ["Rome", "Oslo"]}) == 0
    # What the event doesn't tell does not match.
    assert count(action="Update", changes={"name": [1, 2]}) == 0
    assert count() == 0 and count(action="Delete") == 0
    assert count(action="Delete", record={"city": "Rome"}) == 1


def test_on_field_change(account, receiver):
    for path, fields in (("two", ["name", "cf_x"]), ("nested", ["money.base_value"]), ("text", "city, name")):
        account.webhook(receiver.url(f"/{path}/"), ["Account.*"], options={"entity": {"Account": {"on-field-change": fields}}})

    def reached(**more):
        event = account.event(entity="Account", **more)
        account.post(event)
        account.settle()
        return {a.path.split("/")[1] for a in receiver.arrivals
                for item in items_of(a) if item["entity"]["id"] == str(event["record_id"])}

    assert reached(action="Update", changes={"name": ["a", "b"]}) == {"two", "text"}
    assert reached(action="Update", changes={"cf_x": [1, 2], "other": [1, 2]}) == {"two"}
    assert reached(action="Update", changes={"other": [1, 2]}) == set()
    assert reached(action="Update", changes={"money": [{"base_value": 1}, {"base_value": 2}]}) == {"nested"}
    assert reached(action="Update", changes={"city": [1, 2]}) == {"text"}
    # An update that tells no changes has none as far as the gate knows.
    assert reached(action="Update") == set()
    # Other actions are not gated.
    assert reached() == {"two", "nested", "text"}
    assert reached(action="Delete") == {"two", "nested", "text"}
    assert reached(action="OwnerChanged") == {"two", "nested", "text"}

    def compared(before, after):
        number = next(account._numbers)
        return reached(of=number, action="Update", previous={"id": str(number), **before}, record={"id": str(number), **after})

    assert compared({"name": "a", "other": 1}, {"name": "a", "other": 2}) == set()
    assert compared({"name": "a"}, {"name": "b"}) == {"two", "text"}
    assert compared({"name": "a"}, {"name": "a", "city": "x"}) == {"text"}


def test_a_derived_action_passes_the_gate(account, receiver):
    account.webhook(receiver.url(), ["Opportunity.*"], options={"entity": {"Opportunity": {"on-field-change": ["name"]}}})
    items = deliver(account, receiver, [account.event(1, "Opportunity", "Update", changes={"step_id": [1, 2]}),
                                        account.event(2, "Opportunity", "Update", changes={"step_id": [1, 2], "name": [1, 2]}),
                                        account.event(3, "Opportunity", "Update", changes={"city": [1, 2]})])
    assert [(item["event"], item["entity"]["id"]) for item in items] == [("Opportunity.Move", "1"), ("Opportunity.Update", "2")]


def test_skip_keys_break_loops(account, receiver):
    """A receiver that writes back what it was told names its key, and is not told again."""
    account.webhook(receiver.url("/app/"), ["Contact.*"], options={"skip_keys": ["app", "old-app"]})
    account.webhook(receiver.url("/single/"), ["Contact.*"], options={"skip_keys": "app"})
    account.webhook(receiver.url("/other/"), ["Contact.*"])
    assert account.post(account.event()).json["notifications"] == 3
    assert account.post(account.event(), headers={"Webhook-Skip-Key": "app"}).json["notifications"] == 1
    assert account.post(account.event(skip_key="old-app")).json["notifications"] == 2
    assert account.post(account.event(skip_key=["x", "app"])).json["notifications"] == 1
    assert account.post(account.event(skip_key="APP")).json["notifications"] == 3
    assert account.post([account.event(skip_key="old-app"), account.event()],
                        headers={"Webhook-Skip-Key": "app"}).json["notifications"] == 2
    account.settle()
    assert len(all_items(receiver.at("/app/"))) == 2 and len(all_items(receiver.at("/other/"))) == 7
