"""Whatever Pipeliner's API does not know is refused in its own form, naming the place, and changes nothing; and no event,
however it is made, costs more than it should."""

import base64
import json
import threading
import time
import uuid

import pytest
from carillon.clock import wait_for
from carillon.node import Node
from carillon.pipeliner import EVENTS, items_of, page_of, refused

NODE_SETTINGS = {"limits.windows": ["100000/60s"], "ingest.max-body": "9MiB"}
TARGET = "https://example.com/hook"
NEW = {"url": TARGET, "insecure_ssl": False, "events": ["Account.*"]}
MIB = 1 << 20


class Kept:
    """An account with webhooks, one of them deleted, that a test must leave as they are."""

    def __init__(self, account):
        self.account = account
        self.made = account.webhook(TARGET, ["Account.*", "Lead.Lost"], options={"chunk_size": 9}, signature=str(uuid.uuid4()))
        self.other = account.webhook(TARGET)
        self.gone = account.webhook(TARGET)
        account.pipeliner("DELETE", f"/Webhooks/{self.gone['id']}", status=200)
        self.path = f"/Webhooks/{self.made['id']}"
        self.before = self.state()

    def state(self):
        return [self.account.pipeliner("GET", path, status=200).text
                for path in ("/Webhooks?include-deleted=true&first=100", "/WebhookEvents?include-deleted=true")]

    def check(self):
        assert self.state() == self.before


@pytest.fixture(scope="module")
def kept(module_node):
    if module_node.process is None:
        module_node.start()
    return Kept(module_node.api.account())


@pytest.fixture
def unchanged(node, kept):
    yield kept
    kept.check()


def refuse_everywhere(kept, fields, wanted, status=422):
    """As a new webhook, as a change, and in both batches. `wanted`: the paths that are named."""
    account = kept.account
    answers = [account.pipeliner("POST", "/Webhooks", {**NEW, **fields}), account.pipeliner("PATCH", kept.path, fields),
               account.pipeliner("POST", "/Webhooks/batch-modify", [NEW, {**NEW, **fields}]),
               account.pipeliner("POST", "/Webhooks/batch-modify", [{"id": kept.other["id"], "url": TARGET},
                                                                   {**fields, "id": kept.made["id"]}])]
    for answer, entity, index in zip(answers, (None, kept.made["id"], None, kept.made["id"]), (None, None, 1, 1)):
        told = refused(answer, status)
        assert {path for paths in told.values() for path in paths} == set(wanted), answer
        assert answer.json["entity_id"] == (entity or None) and answer.json["entity_name"] == "Webhook"
        assert answer.json["entity_index"] == index


# --- fields ---


@pytest.mark.parametrize("events", [
    [], None, "Account.*", {}, 5, [5], [None], [["*"]], ["Account"], ["Account."], [".Create"], ["account.create"],
    ["Account.create"], ["Account.Created"], ["Activity.Create"], ["Activity.*"], ["*.*"], ["*.Create"], [""], ["Person.*"],
    ["Note.OwnerChanged"], ["Account.* "], ["Account.*", "Nope.*"], ["Lead.Won"], ["Account.Create\u0000"], ["x" * 10_000],
    ["Nope.Create"] * 1000,
], ids=lambda e: repr(e)[:30])
def test_events(unchanged, events):
    refuse_everywhere(unchanged, {"events": events}, ["events"])


@pytest.mark.parametrize("entity", EVENTS)
def test_actions_that_an_entity_does_not_know(unchanged, entity):
    """Neither may anybody subscribe to them, nor the SaaS post them."""
    account = unchanged.account
    known = {action for actions in EVENTS.values() for action in actions}
    unknown = sorted(known - set(EVENTS[entity]))
    assert len(known) == 11 and unknown
    answer = account.pipeliner("POST", "/Webhooks", {**NEW, "events": [f"{entity}.{action}" for action in unknown]})
    assert refused(answer, 422) == {"events": ["events"] * len(unknown)}
    for action in unknown:
        assert f"{entity}.{action}" in answer.text
        posted = account.post(account.event(1, entity, action), status=422)
        assert [error["pointer"] for error in posted.json["errors"]] == ["#/action"]


@pytest.mark.parametrize("url", [
    "http://example.com/", "ftp://example.com/", "example.com", "", "https://", "https:///x", "https://user@example.com/",
    "https://exa mple.com/", "https://10.0.0.1/", "https://192.168.1.1/", "https://169.254.169.254/latest/meta-data",
    "https://[::1]/", "https://[::ffff:10.0.0.1]/", "https://0x0a000001/", "https://127.1/", "https://0.0.0.0/",
    "https://example.com:0/", "https://example.com:65536/", "https://example.com/\r\nX: 1", "https://example.com/" + "x" * 5000,
    None, 7, ["https://example.com"], {}, True,
], ids=lambda u: repr(u)[:40])
def test_urls(unchanged, url):
    refuse_everywhere(unchanged, {"url": url}, ["url"])
    refuse_everywhere(unchanged, {"url": url, "insecure_ssl": True}, ["url"])


@pytest.mark.parametrize("field, value", [
    ("insecure_ssl", None), ("insecure_ssl", 0), ("insecure_ssl", "false"), ("insecure_ssl", []), ("signature", "x"),
    ("signature", 5), ("signature", {}), ("signature", "0a1b2c3d4e5f6789abcdef0123456789"), ("signature", True),
    ("signature", "{0a1b2c3d-4e5f-6789-abcd-ef0123456789}"), ("signature", "0a1b2c3d-4e5f-6789-abcd-ef012345678g"),
    ("signature", "0a1b2c3d-4e5f-6789-abcd-ef0123456789\r\n"), ("colour", 1), ("Url", TARGET), ("", 1), ("secret", {}),
    ("a.b", 1),
])
def test_other_fields(unchanged, field, value):
    refuse_everywhere(unchanged, {field: value}, [field])


def test_everything_that_is_wrong_is_told(unchanged):
    wrong = {"url": "http://x", "insecure_ssl": 1, "events": ["a", "b"], "colour": 1, "signature": "x",
             "options": {"x": 1, "chunk_size": 0, "entity": {"Account": {"filter": {"a": {}}}, "Person": {}}}}
    refuse_everywhere(unchanged, wrong, ["url", "insecure_ssl", "events", "colour", "signature", "options.x",
                                         "options.chunk_size", "options.entity.Account.filter.a", "options.entity.Person"])


def test_required_fields(unchanged):
    account = unchanged.account
    for missing in (["url"], ["insecure_ssl"], ["events"], ["url", "events"], ["url", "insecure_ssl", "events"]):
        body = {name: value for name, value in NEW.items() if name not in missing}
        for answer in (account.pipeliner("POST", "/Webhooks", body), account.pipeliner("POST", "/Webhooks/batch-modify", [body])):
            assert refused(answer, 422) == {name: [name] for name in missing}
            for field in answer.json["field_errors"]:
                assert [(one["code"], one["name"]) for one in field["errors"]] == [(119, "ERROR_PARAMETER_MISSING")]


# --- options ---


def of(**options):
    return {"entity": {"Account": {name.replace("_", "-"): value for name, value in options.items()}}}


LONG_PATH = ".".join("abcdefghijklmnopq")
ENTITY = "options.entity.Account"
OPTIONS = [
    ([], "options"), ("{}", "options"), (5, "options"), (True, "options"), ({"x": "y" * 17_000}, "options"),
    ({"skip_keys": ["k" * 200] * 90}, "options"),
    ({"x": 1}, "options.x"), ({"": 1}, "options"), ({"Chunk_size": 5}, "options.Chunk_size"),
    *[({"chunk_size": value}, "options.chunk_size") for value in (0, 101, -1, "5", 1.5, 1e2, None, [], 10**30, True)],
    *[({"chunk_delay": value}, "options.chunk_delay") for value in (-1, 3601, 1.5, "1", 1e3, None, {}, 10**30, False)],
    *[({"skip_keys": value}, "options.skip_keys") for value in (5, [5], [""], "", {"a": 1}, None, ["a", None], ["k" * 300])],
    *[({"custom_entity_api_name": value}, "options.custom_entity_api_name") for value in (5, [None], "", [[]], {})],
    ({"entity": []}, "options.entity"), ({"entity": "Account"}, "options.entity"), ({"entity": None}, "options.entity"),
    ({"entity": {"Person": {}}}, "options.entity.Person"), ({"entity": {"Activity": {}}}, "options.entity.Activity"),
    ({"entity": {"account": {}}}, "options.entity.account"), ({"entity": {"CE_": {}}}, "options.entity.CE_"),
    ({"entity": {"*": {}}}, "options.entity.*"), ({"entity": {"Account": []}}, ENTITY), ({"entity": {"Account": None}}, ENTITY),
    (of(filters={}), f"{ENTITY}.filters"), (of(skip_keys=["a"]), f"{ENTITY}.skip-keys"),
    *[(of(filter=value), f"{ENTITY}.filter") for value in ([], "x", 5)],
    (of(filter={"a": {}}), f"{ENTITY}.filter.a"), (of(filter={"a": []}), f"{ENTITY}.filter.a"),
    (of(filter={"a": [[1]]}), f"{ENTITY}.filter.a"), (of(filter={"": 1}), f"{ENTITY}.filter"),
    (of(filter={"a..b": 1}), f"{ENTITY}.filter.a..b"), (of(filter={LONG_PATH: 1}), f"{ENTITY}.filter.{LONG_PATH}"),
    (of(filter={"a": list(range(201))}), f"{ENTITY}.filter.a"), (of(filter={"a": "x" * 5000}), f"{ENTITY}.filter.a"),
    (of(filter={f"f{n:02}": n for n in range(65)}), f"{ENTITY}.filter.f64"),
    (of(filter={"a": 1}, filter_op={"a": "like"}), f"{ENTITY}.filter.a"),
    (of(filter={"a": 1}, filter_op={"a": "EQ"}), f"{ENTITY}.filter.a"),
    (of(filter={"a": 1}, filter_op={"a": 5}), f"{ENTITY}.filter.a"),
    (of(filter={"a": 1}, filter_op={"b": "gt"}), f"{ENTITY}.filter.b"), (of(filter_op={"a": "gt"}), f"{ENTITY}.filter.a"),
    (of(filter_op="eq"), f"{ENTITY}.filter"), (of(filter_op={"a": ["eq"]}), f"{ENTITY}.filter.a"),
    *[(of(filter={"a": value}, filter_op={"a": "between"}), f"{ENTITY}.filter.a")
      for value in ([1], [1, 2, 3], "1", "1,2,3", ",2", 5, [None, 1])],
    (of(filter={"a": None}, filter_op={"a": "gt"}), f"{ENTITY}.filter.a"),
    *[(of(on_field_change=value), f"{ENTITY}.on-field-change") for value in (5, [5], [""], "a..b", {}, [LONG_PATH], True)],
    ({"entity": {"Note": {"on-field-change": ["x"]}}}, "options.entity.Note.on-field-change"),
    *[(of(expand=value), f"{ENTITY}.expand") for value in (5, {"a": 1}, [None], ["a..b"], [LONG_PATH], "a,,b", ".a")],
    *[(of(load_only=value), f"{ENTITY}.load-only") for value in (5, {}, [1], ["a."], [LONG_PATH])],
    ({"entity": {"Account": {"load_only": 5}}}, f"{ENTITY}.load_only"),
    (of(expand=["a"] * 201), f"{ENTITY}.expand"),
    ({"related_entity": 5}, "options.related_entity"),
    ({"related_entity": {"filter": {"a": 1}}}, "options.related_entity.filter"),
    ({"related_entity": {"expand": 5}}, "options.related_entity.expand"),
    ({"related_entity": {"load-only": ["a..b"]}}, "options.related_entity.load-only"),
]


@pytest.mark.parametrize("options, path", OPTIONS, ids=lambda v: repr(v)[:60])
def test_options(unchanged, options, path):
    refuse_everywhere(unchanged, {"options": options}, [path])


def test_options_of_the_largest_size(account):
    text = json.dumps({"entity": {"Account": {"filter": {f"f{n}": "x" * 250 for n in range(62)}}}})
    text = text[:-1] + " " * (16 * 1024 - len(text)) + "}"
    body = '{"url":"%s","insecure_ssl":false,"events":["*"],"options":%s}'
    account.pipeliner("POST", "/Webhooks", data=body % (TARGET, text), status=201)
    longer = text[:-1] + " }"
    assert len(longer) == 16 * 1024 + 1
    assert refused(account.pipeliner("POST", "/Webhooks", data=body % (TARGET, longer)), 422) == {"options": ["options"]}


# --- bodies ---


@pytest.mark.parametrize("data", [
    "", "{", "nonsense", '{"url":"a","url":"b"}', b"\xff\xfe", "[" * 100, '{"options":' + '{"a":' * 70 + "1" + "}" * 70 + "}",
    '{"url":"\\ud800"}', "{}{}", "[1,]", "NaN", '{"options":{"chunk_size":5,"chunk_size":6}}',
], ids=lambda d: repr(d)[:30])
def test_malformed_json(unchanged, data):
    for method, path in (("POST", "/Webhooks"), ("PATCH", unchanged.path), ("POST", "/Webhooks/batch-delete"),
                         ("POST", "/Webhooks/batch-modify?rollback-method=1"), ("POST", "/WebhookEvents")):
        refused(unchanged.account.pipeliner(method, path, data=data), 400)


def test_bodies_that_are_too_long(unchanged):
    for path in ("/Webhooks", "/Webhooks/batch-modify", "/WebhookEvents"):
        answer = unchanged.account.pipeliner("POST", path, data=json.dumps({**NEW, "options": {"x": "y" * MIB}}))
        refused(answer, 413, 413, "ERROR_TOO_LARGE")


@pytest.mark.parametrize("body", [[], "text", 5, None, True, [NEW]])
def test_what_is_no_object(unchanged, body):
    for method, path in (("POST", "/Webhooks"), ("PATCH", unchanged.path)):
        refused(unchanged.account.pipeliner(method, path, data=json.dumps(body)), 400)


@pytest.mark.parametrize("call", ["batch-delete", "batch-restore", "batch-modify"])
def test_batches(unchanged, call):
    account, path = unchanged.account, f"/Webhooks/{call}"
    for body in ({}, "text", 5, None, {"id": unchanged.made["id"]}):
        refused(account.pipeliner("POST", path, data=json.dumps(body)), 400)
    for method in ("0", "1"):
        for entries in ([str(uuid.uuid4())] * 10_000, [{"id": str(uuid.uuid4())}] * 10_000, [unchanged.made["id"]] * 101,
                        list(range(101))):
            answer = account.pipeliner("POST", f"{path}?rollback-method={method}", entries)
            refused(answer, 400)
            assert "100" in answer.json["message"]
    good = unchanged.made["id"] if call != "batch-modify" else {"id": unchanged.made["id"], "url": TARGET}
    for bad in (5, None, "", [], True, "no such id" if call != "batch-modify" else {"id": 5}, {"id": ""}):
        answer = account.pipeliner("POST", path, [good, bad])
        assert answer.status in (400, 404) and answer.json["entity_index"] == 1, answer
    for query in ("rollback-method=2", "rollback-method=", "rollback-method=x", "rollback-method=-1", "rollback=0"):
        answer = account.pipeliner("POST", f"{path}?{query}", [good])
        refused(answer, 400)
        assert query.split("=")[0] in answer.json["message"]


# --- queries ---


def coded(value):
    return base64.b64encode((value if isinstance(value, str) else json.dumps(value)).encode()).decode()


@pytest.mark.parametrize("query", [
    "first=0", "first=101", "first=x", "first=-1", "first=", "first=1.5", "first=99999999999999999999", "last=0", "last=101",
    "last=x", "after=xxx", "after=", "before=xxx", f"after={coded('')}", f"after={coded({})}", f"after={coded([])}",
    f"after={coded([1, 2])}", f"after={coded(['created', 'x', 'y', 'z'])}", f"after={coded(['created', {}, 'x'])}",
    f"before={coded('[')}", f"after={coded('[[[[')}", "after=" + "A" * 4000, "order-by=colour", "order-by=",
    "order-by=created,,url",
    "order-by=events", "order-by=--created", "order-by=options", "order-by=created;url", "expand=colour", "expand=",
    "expand=webhook", "load-only=colour", "load-only=", "include-deleted=maybe", "include-deleted=", "limit=5", "page=1",
    "First=5",
    "filter=1", "filter[url", "filter[]=1", "filter[colour]=1", "filter-op[colour]=eq", "filter-op[url]=gt",
    "filter[url]=x&filter-op[url]=like", "filter[url]=x&filter-op[url]=", "filter[created]=1&filter-op[created]=between",
    "filter[url..x]=1", "filter[url]=x&filter[url.]=1", "filter[options" + ".a" * 20 + "]=1", "filter[url]=" + "x" * 4097,
    "filters[url]=x",
], ids=lambda q: q[:40])
def test_queries(unchanged, query):
    answer = unchanged.account.pipeliner("GET", f"/Webhooks?{query}")
    refused(answer, 400)
    assert query.split("=")[0].split("[")[0].removesuffix("-op") in answer.json["message"]
    if "deleted" in query or "expand" in query or "load-only" in query:
        refused(unchanged.account.pipeliner("GET", f"{unchanged.path}?{query}"), 400)


@pytest.mark.parametrize("query, named", [
    ("first=1&last=1", "last"), ("first=1&first=2", "first"), ("after=x&first=1", "after"),
    ("order-by=url&order-by=id", "order-by"),
    ("filter[url]=a&filter-op[url]=eq&filter-op[url]=ieq", "filter-op"),
    ("include-deleted=1&include-deleted=0", "include-deleted"),
])
def test_queries_that_contradict_themselves(unchanged, query, named):
    answer = unchanged.account.pipeliner("GET", f"/Webhooks?{query}")
    refused(answer, 400)
    assert answer.json["message"].startswith(named)


def test_cursors_of_something_else(unchanged):
    account = unchanged.account
    cursor = page_of(account.pipeliner("GET", "/Webhooks?first=1"))[1]["end_cursor"]
    for where in ("/Webhooks?order-by=-created", "/Webhooks?order-by=url", "/Webhooks?order-by=created,url",
                  "/WebhookEvents?first=1"):
        for name in ("after", "before"):
            answer = account.pipeliner("GET", f"{where}&{name}={cursor}")
            refused(answer, 400)
            assert answer.json["message"].startswith(name)
    for damaged in (cursor[:-4], cursor[4:], cursor[1:]):
        refused(account.pipeliner("GET", f"/Webhooks?after={damaged}"), 400)
    # The native API's cursors are none of these, nor these one of those.
    account.call("GET", f"/subscriptions?after={cursor}", status={400, 422})


def test_parameters_of_other_calls(unchanged):
    account = unchanged.account
    for method, path, body in (("POST", "/Webhooks", NEW), ("PATCH", unchanged.path, {"url": TARGET}),
                               ("DELETE", unchanged.path, None),
                               ("POST", "/WebhookEvents", {"event": "Note.*", "webhook_id": unchanged.made["id"]})):
        for query in ("first=1", "colour=1", "rollback-method=0", "expand=application"):
            answer = account.pipeliner(method, f"{path}?{query}", body)
            refused(answer, 400)
            assert query.split("=")[0] in answer.json["message"]
    for query in ("first=1", "order-by=url", "filter[url]=x"):
        refused(account.pipeliner("GET", f"{unchanged.path}?{query}"), 400)


def test_webhook_events(unchanged):
    account, one = unchanged.account, unchanged.made["id"]
    good = {"event": "Note.*", "webhook_id": one}
    for fields, field in (({"event": "Nope.*"}, "event"), ({"event": None}, "event"), ({"event": ["*"]}, "event"),
                          ({"event": ""}, "event"), ({"webhook_id": 5}, "webhook_id"), ({"webhook_id": ""}, "webhook_id"),
                          ({"webhook_id": "x"}, "webhook_id"),
                          ({"webhook_id": unchanged.gone["id"]}, "webhook_id"), ({"colour": 1}, "colour")):
        told = refused(account.pipeliner("POST", "/WebhookEvents", {**good, **fields}), 422)
        assert field in told, told
    for identifier in ("x", str(uuid.uuid4()), one):
        refused(account.pipeliner("DELETE", f"/WebhookEvents/{identifier}"), 404)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-8", ""])
def test_content_types_are_not_looked_at(account, kind):
    """As on Copper's surface: what counts is the body."""
    headers = {"Content-Type": kind}
    account.pipeliner("POST", "/Webhooks", NEW, headers=headers, status=201)
    refused(account.pipeliner("POST", "/Webhooks", data="url=https%3A%2F%2Fexample.com%2F", headers=headers), 400)


# --- a node that checks all certificates ---


def test_a_node_that_allows_no_insecure_ssl(make_node, receiver):
    node = make_node({"egress.allow-insecure-ssl": False})
    kept = Kept(node.api.account())
    refuse_everywhere(kept, {"insecure_ssl": True}, ["insecure_ssl"])
    kept.check()
    kept.account.webhook(receiver.url(), insecure_ssl=False)


def test_a_node_without_exemptions(tmp_path_factory, authority):
    node = Node(tmp_path_factory.mktemp("strict"), authority, {"egress.allow": None, "egress.ports": None}).start()
    try:
        kept = Kept(node.api.account())
        for url in ("https://127.0.0.1/", "https://[::1]/", "https://example.com:22/", "https://2130706433/"):
            for insecure in (False, True):
                refuse_everywhere(kept, {"url": url, "insecure_ssl": insecure}, ["url"])
        kept.check()
    finally:
        node.close()


# --- events that are costly, or lack what is asked of them ---


class Neighbour:
    """Another account, served all the while: `slowest` is the longest that it waited for a 202."""

    def __init__(self, node, receiver):
        self.api = type(node.api)(node)
        self.api.url = node.api.url
        self.account = self.api.account()
        self.path = f"/{self.account.name}/"
        self.account.webhook(receiver.url(self.path))
        self.receiver = receiver
        self.posted = 0
        self.slowest = 0
        self.problem = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        wait_for(lambda: self.posted or self.problem, 10, "a first event of the neighbour")
        return self

    def _run(self):
        try:
            while not self._stop.wait(0.02):
                started = time.monotonic()
                self.account.post(self.account.event())
                self.slowest = max(self.slowest, time.monotonic() - started)
                self.posted += 1
        except Exception as problem:
            self.problem = problem

    def __exit__(self, kind, *_):
        self._stop.set()
        self._thread.join(60)
        if kind is None:
            assert self.problem is None, self.problem
            assert len(self.account.settle()) > 0
            assert sum(len(items_of(a)) for a in self.receiver.at(self.path)) == self.posted
            # Generous: a machine may be busy, but nobody waits for another account's seconds.
            assert self.slowest < 5, f"a neighbour waited {self.slowest:.1f} s"


def costly(node, receiver, account, event, path="/costly/"):
    """Posts it and gives the bodies that came; the node lives, its memory is bounded, a neighbour is served."""
    before = node.rss_bytes()
    with Neighbour(node, receiver):
        account.post(None, data=json.dumps(event, ensure_ascii=False))
        account.settle(60)
    assert node.running()
    grown = node.rss_bytes() - before
    assert grown < 200 * MIB, f"{grown / MIB:.0f} MiB more"
    return [a.body for a in receiver.at(path)]


def test_records_without_the_fields_that_are_asked_for(account, receiver):
    account.webhook(receiver.url("/filter/"), options=of(filter={"city": "Rome"}))
    account.webhook(receiver.url("/deep/"), options=of(filter={"owner.boss.mail": "x"}))
    account.webhook(receiver.url("/shape/"), options=of(expand=["owner", "a.b.c", "list.x"],
                                                        load_only=["owner.mail", "gone", "a.b"]))
    records = [{}, {"city": None}, {"owner": "https://example.com/entities/Clients/1"},
               {"owner": {}, "a": 5, "list": [1, [2, "x"], {}]}, {"owner": [], "a": {"b": None}},
               {"owner": "", "city": {"x": 1}, "a": [[]]}, {"owner": "/", "a": "no/uri"}]
    events = [account.event(n, "Account", record=record) for n, record in enumerate(records)]
    events += [account.event(50, "Account", "Delete"), account.event(51, "Account", "Update"),
               account.event(record_ids=[52, 53], entity="Account")]
    assert account.post(events).json["notifications"] == len(events)
    account.settle()
    assert receiver.at("/filter/") == [] and receiver.at("/deep/") == []
    [arrival] = receiver.at("/shape/")
    assert [item["entity"] for item in items_of(arrival)] == [
        {}, {}, {"owner": records[2]["owner"]}, {"owner": {}, "a": 5}, {"owner": [], "a": {"b": None}}, {"owner": "", "a": [[]]},
        {"owner": "/", "a": "no/uri"}, {"id": "50"}, {"id": "51"}, {"id": "52"}, {"id": "53"}]


def test_relations_in_a_circle(node, account, receiver):
    """Each record names a hundred others, which name it: 16 steps would make 100^16 of them."""
    path = ".".join(["all"] * 16)
    account.webhook(receiver.url("/costly/"), options=of(expand=[path]))
    account.webhook(receiver.url("/filtered/"), options=of(filter={path: "nothing"}))
    uris = [f"https://example.com/entities/Things/{n}" for n in range(100)]
    included = {uri: {"id": str(n), "all": uris} for n, uri in enumerate(uris)}
    event = account.event(1, "Account", record={"id": "1", "all": uris}, included=included)
    [body] = costly(node, receiver, account, event)
    assert len(body) < 40 * MIB
    [item] = json.loads(body)
    # As deep as the path, as far as the bound; what is beyond stays a URI.
    one = item["entity"]
    for _ in range(16):
        one = one["all"][0]
    assert one["id"] == "0" and one["all"] == uris and item["entity"]["all"][-1] == uris[-1]
    assert receiver.at("/filtered/") == []


def test_a_large_included(node, account, receiver):
    """Eight megabytes that each of a thousand relations asks for."""
    for number in range(4):
        account.webhook(receiver.url(f"/costly/{number}"), options=of(expand=["owner", "rows.owner"]))
    large = {"id": "7", "text": ["x" * (MIB - 100)] * 7 + ["y" * (MIB // 2)]}
    uri = "https://example.com/entities/Clients/7"
    record = {"id": "1", "owner": uri, "rows": [{"owner": uri}] * 1000}
    event = account.event(1, "Account", record=record, included={"Client/7": large})
    assert 7.4 * MIB < len(json.dumps(event)) < 8 * MIB
    bodies = costly(node, receiver, account, event)
    assert len(bodies) == 4
    for body in bodies:
        assert len(body) < 17 * MIB
        [item] = json.loads(body)
        assert item["entity"]["owner"] == large
        # What is over the bound stays a URI.
        assert len(item["entity"]["rows"]) == 1000 and item["entity"]["rows"][-1] == {"owner": uri}


def test_long_strings_under_filters(node, account, receiver):
    """A million characters, for fifty filters that fold case."""
    for number in range(25):
        for wanted, how in ((f"needle {number}", "icontains"), ("ß" * 100 + str(number), "ieq")):
            account.webhook(receiver.url("/costly/"), options=of(filter={"text": wanted}, filter_op={"text": how}))
    account.webhook(receiver.url("/costly/"), options=of(filter={"text": "STRASSE!"}, filter_op={"text": "iends"}))
    event = account.event(1, "Account", record={"id": "1", "text": "ß" * 500_000 + "straße!"})
    [body] = costly(node, receiver, account, event)
    assert body.decode().count("ß") == 500_001
    ascii_event = account.event(2, "Account", record={"id": "2", "text": "n" * 1_000_000})
    assert costly(node, receiver, account, ascii_event) == [body]


def test_strange_numbers_under_filters(node, account, receiver):
    for value in (10**300, 1e308, 0.1, -5, "1e400", "9" * 400):
        account.webhook(receiver.url("/costly/"), options=of(filter={"n": value}, filter_op={"n": "gt"}))
    numbers = ["9" * 500, "1e999999999", "-1e999999999", "1e-999999999", "0.1e-99999999999999999999", "1" + "0" * 400 + ".5",
               "-0", "0e99999999"]
    body = "[" + ",".join('{"entity":"Account","action":"Create","record_id":%d,"record":{"n":%s}}' % (n, text)
                          for n, text in enumerate(numbers)) + "]"
    with Neighbour(node, receiver):
        account.post(None, data=body)
        account.settle()
    got = {item["entity"]["n"] for a in receiver.at("/costly/")
           for item in json.loads(a.body, parse_int=str, parse_float=str)}
    assert {"9" * 500, "1e999999999"} <= got and "-1e999999999" not in got


def test_wide_and_deep_records(node, account, receiver):
    account.webhook(receiver.url("/costly/"), options=of(load_only=["f1", "deep" + ".a" * 15],
                                                         filter={"rows.a.b.c": 1, "f19000": 1}))
    account.webhook(receiver.url("/none/"), options=of(filter={"deep" + ".a" * 15: 1}))
    deep = "[" * 55 + "]" * 55
    record = {f"f{n}": 1 for n in range(19_990)}
    record["rows"] = [{"a": [{"b": [{"c": 0}] * 10}] * 10} for _ in range(400)] + [{"a": {"b": {"c": 1}}}]
    text = json.dumps(record)[:-1] + f',"deep":{deep}}}'
    before = node.rss_bytes()
    with Neighbour(node, receiver):
        account.post(None, data='{"entity":"Account","action":"Create","record_id":1,"record":%s}' % text)
        account.settle()
    assert node.rss_bytes() - before < 200 * MIB
    [arrival] = receiver.at("/costly/")
    assert set(items_of(arrival)[0]["entity"]) == {"f1", "deep"} and receiver.at("/none/") == []


def test_the_node_is_as_it_was(node, account, receiver):
    """After all of the above."""
    account.webhook(receiver.url())
    account.post(account.event())
    receiver.wait("/hook", 1)
    wait_for(lambda: node.rss_bytes() < 1024 * MIB, 10, lambda: f"a small node: {node.rss_bytes() / MIB:.0f} MiB")
