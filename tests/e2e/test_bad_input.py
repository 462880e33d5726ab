"""Whatever comes in that the contract does not allow is refused with the right answer and changes nothing."""

import json
import os
import pathlib
import time

import pytest
import requests
from carillon import raw_http
from carillon.api import key_secret
from carillon.clock import wait_for
from carillon.node import ADMIN_TOKEN, run, write_master_keys

NODE_SETTINGS = {"http.header-timeout": "1s", "http.body-timeout": "1s", "ingest.max-body": "1MiB"}
TARGET = "https://example.com/hook"
GOOD = {"id": "good", "entity": "Contact", "action": "Create", "record_id": 1}


@pytest.fixture
def unchanged(account, receiver):
    """The account's state, which the test must leave as it is."""
    subscription = account.subscribe(receiver.url("/unchanged"))

    def state():
        usage = account.usage()
        return (account.call("GET", "/subscriptions", status=200).json, account.log(), account.missed(),
                usage["pending"]["notifications"], usage["in_flight"],
                account.call("GET", "/keys", token=None, status=200).json["data"][0]["id"])

    before = state()
    yield subscription
    assert state() == before and receiver.arrivals == []
    # And the door is still open.
    assert account.post(account.event(1)).json["notifications"] == 1


def refuse(account, data, status, headers=None, **more):
    answer = account.call("POST", "/events", data=data, token=None, headers=headers, **more)
    wanted = status if isinstance(status, set) else {status}
    assert answer.status in wanted, answer
    return answer


def deep(depth):
    return '{"id":"d","entity":"Contact","action":"Create","record_id":1,"record":' + '{"a":' * depth + "1" + "}" * depth + "}"


# --- JSON ---


@pytest.mark.parametrize("data", [
    "", " ", "{", "}", "[", '{"id":', '{"id":"a"', '{"id":"a",}', "[1,]", "{'a':1}", "nul", "NaN", "+1", "01", '"a', "\x00",
    '{"id":"a"}{"id":"b"}', '[] []', '{"a":1 "b":2}', '{"a"}', "/* x */{}", '{"a":"\\x"}', '{"a":"\t"}',
    '{"a":"\\ud800"}', '{"a":"\\u12"}', "\ufeff{}", '{"a":1e}', '{"a":.5}', '{"a":--1}',
], ids=str)
def test_malformed_json(account, unchanged, data):
    answer = refuse(account, data, 400)
    assert answer.json["errors"][0]["pointer"].startswith("#")


@pytest.mark.parametrize("data", [
    json.dumps(GOOD)[:40], json.dumps([GOOD])[:-1], b'{"id":"\xff"}', b'{"id":"\xc0\xaf"}', b'{"id":"\xed\xa0\x80"}',
    b'{"\xf5\x80\x80\x80":1}', json.dumps(GOOD).encode("utf-16"),
    '{"id":"a","id":"b","entity":"Contact","action":"Create","record_id":1}',
    '{"id":"a","\\u0069d":"b","entity":"Contact","action":"Create","record_id":1}',
    '{"id":"a","entity":"Contact","action":"Create","record_id":1,"record":{"x":{"y":1,"y":2}}}',
    deep(64), "[" * 200_000, "[" * 100 + "]" * 100, '{"a":' * 50_000,
    '{"id":"a","entity":"Contact","action":"Create","record_id":1,"record":{"' + "k" * 2000 + '":1}}',
    '{"id":"a","entity":"Contact","action":"Create","record_id":1,"record":{"n":' + "9" * 1000 + "}}",
], ids=lambda data: repr(data[:30]))
def test_dangerous_json(account, unchanged, data):
    refuse(account, data, {400, 413})


def test_the_deepest_that_is_allowed(account, receiver):
    account.subscribe(receiver.url())
    assert account.call("POST", "/events", data=deep(62), token=None, status=202).json["accepted"] == 1


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded", "application/xml", "nonsense"])
def test_content_types(account, unchanged, kind):
    response = requests.post(account.api.url + account.path + "/events", data=json.dumps(GOOD).encode(), timeout=20,
                             headers={"Authorization": f"Bearer {ADMIN_TOKEN}", "Content-Type": kind})
    assert response.status_code == 415 or response.status_code == 400, response.text


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "APPLICATION/JSON"])
def test_content_types_that_are_fine(account, kind):
    account.call("POST", "/events", data=json.dumps(account.event(1)), token=None, headers={"Content-Type": kind}, status=202)


# --- events ---


def without(*names):
    return {k: v for k, v in GOOD.items() if k not in names}


@pytest.mark.parametrize("event, pointer", [
    ({**GOOD, "colour": 1}, "#/colour"), ({**GOOD, "Entity": "Contact"}, "#/Entity"),
    (without("entity"), "#"), (without("action"), "#"), (without("record_id"), "#"),
    ({**GOOD, "entity": "Person"}, "#/entity"), ({**GOOD, "entity": "contact"}, "#/entity"), ({**GOOD, "entity": 1}, "#/entity"),
    ({**GOOD, "action": "New"}, "#/action"), ({**GOOD, "action": ""}, "#/action"),
    ({**GOOD, "entity": "Activity", "action": "Won"}, "#/action"),
    ({**GOOD, "id": ""}, "#/id"), ({**GOOD, "id": "x" * 129}, "#/id"), ({**GOOD, "id": "a b"}, "#/id"),
    ({**GOOD, "id": "ä"}, "#/id"), ({**GOOD, "id": 5}, "#/id"), ({**GOOD, "id": "a\nb"}, "#/id"),
    ({**GOOD, "record_id": ""}, "#/record_id"), ({**GOOD, "record_id": 1.5}, "#/record_id"),
    ({**GOOD, "record_id": -1}, "#/record_id"), ({**GOOD, "record_id": {}}, "#/record_id"),
    ({**GOOD, "record_id": True}, "#/record_id"), ({**GOOD, "record_id": "a\x00"}, "#/record_id"),
    ({**GOOD, "record_ids": [1, 2]}, "#"), ({**without("record_id"), "record_ids": []}, "#/record_ids"),
    ({**without("record_id"), "record_ids": [1, None]}, "#/record_ids/1"),
    ({**without("record_id"), "record_ids": [1, "1"]}, "#/record_ids/1"),
    ({**without("record_id"), "record_ids": 7}, "#/record_ids"),
    ({**without("record_id"), "record_ids": [1, 2], "record": {}}, "#/record"),
    ({**without("record_id"), "record_ids": [1, 2], "previous": {}}, "#/previous"),
    ({**GOOD, "record": []}, "#/record"), ({**GOOD, "changes": {"a": 1}}, "#/changes/a"),
    ({**GOOD, "changes": {"a": [1]}}, "#/changes/a"), ({**GOOD, "changes": {"a": [1, 2, 3]}}, "#/changes/a"),
    ({**GOOD, "changes": {"a": [1, 2]}, "previous": {}, "record": {}}, "#/previous"),
    ({**GOOD, "previous": {}}, "#/previous"),
    ({**GOOD, "custom_entity": "x"}, "#/custom_entity"), ({**GOOD, "occurred_at": "yesterday"}, "#/occurred_at"),
    ({**GOOD, "occurred_at": 5}, "#/occurred_at"), ({**GOOD, "occurred_at": "2024-13-01T00:00:00Z"}, "#/occurred_at"),
    ({**GOOD, "skip_key": 5}, "#/skip_key"), ({**GOOD, "skip_key": [""]}, "#/skip_key/0"), ({**GOOD, "derive": 1}, "#/derive"),
    ([GOOD, {**GOOD, "id": "b", "action": "x"}], "#/1/action"), ([GOOD, 5], "#/1"), ([], "#"), ([GOOD, GOOD], "#/1/id"),
    ("text", "#"), (5, "#"), (None, "#"),
])
def test_events_without_meaning(account, unchanged, event, pointer):
    answer = refuse(account, json.dumps(event), 422)
    assert pointer in [e["pointer"] for e in answer.json["errors"]], answer


def test_too_many_of_anything(account, unchanged):
    refuse(account, json.dumps({**without("record_id"), "record_ids": list(range(10_001))}), {413, 422})
    refuse(account, json.dumps([{**GOOD, "id": f"e{n}"} for n in range(1001)]), {413, 422})
    half = list(range(6000))
    refuse(account, json.dumps([{**without("record_id"), "id": f"h{n}", "record_ids": half} for n in range(2)]), {413, 422})


def test_as_many_as_are_allowed(account):
    assert account.post([account.event(n) for n in range(1000)]).json["accepted"] == 1000
    event = account.event(record_ids=list(range(10_000)))
    assert account.post(event).json["accepted"] == 1


@pytest.mark.parametrize("path", ["/v1/accounts/nobody/events", "/v1/accounts/nobody/events/explain"])
def test_unknown_account(node, path):
    assert node.api.call("POST", path, GOOD).status == 404


def test_hostile_account_names(node):
    for name in ("..%2f..%2fetc", "%00", "a%0d%0aX: 1", "a" * 5000, "%c0%af"):
        answer = node.api.call("POST", f"/v1/accounts/{name}/events", GOOD, check=False)
        assert answer.status in (400, 404, 414, 422, 431), answer


def test_bad_skip_key_headers(account, unchanged):
    refuse(account, json.dumps(GOOD), {400, 422}, headers={"Webhook-Skip-Key": "x" * 5000})


# --- credentials ---


@pytest.mark.parametrize("header", [
    None, "", "Bearer", "Bearer ", "Basic YWRtaW46YWRtaW4=", f"bearer{ADMIN_TOKEN}", f"Bearer {ADMIN_TOKEN}x",
    f"Bearer {ADMIN_TOKEN[:-1]}", f"Token {ADMIN_TOKEN}", "Bearer " + "x" * 4000, f"Bearer {ADMIN_TOKEN} {ADMIN_TOKEN}",
])
def test_bad_tokens(account, unchanged, header):
    headers = {"Authorization": header} if header is not None else {}
    answer = account.call("POST", "/events", GOOD, token="", headers=headers)
    assert answer.status == 401 and answer.headers["WWW-Authenticate"].startswith("Bearer"), answer
    assert ADMIN_TOKEN[:20] not in answer.text


def test_a_foreign_key_posts_nothing(node, account, unchanged):
    other = node.api.account()
    account.call("POST", "/events", GOOD, token=other.key, status={403, 404})
    account.call("POST", "/events", GOOD, token=account.key, status=403)


def test_tokens_are_in_no_log(node, account):
    secret = key_secret()
    account.call("POST", "/keys", {"name": "x", "scope": "read", "secret": secret}, token=None, status={200, 201})
    account.call("GET", "/usage", token=secret, status=200)
    account.call("GET", "/usage", token=secret + "x", status=401)
    assert secret not in node.log() and ADMIN_TOKEN not in node.log()


# --- targets, without any exemption ---


@pytest.mark.parametrize("target", [
    "https://127.0.0.1/", "https://127.0.0.1:9443/", "https://localhost.localdomain:99/", "https://10.1.2.3/",
    "https://172.16.0.1/", "https://192.168.0.1/", "https://169.254.169.254/latest/meta-data/", "https://[fe80::1]/",
    "https://[::]/", "https://[::1]/", "https://[::127.0.0.1]/", "https://[::ffff:127.0.0.1]/", "https://[2002:7f00:1::]/",
    "https://[64:ff9b::7f00:1]/", "https://0/", "https://0x7f.1/", "https://017700000001/", "https://1.1.1/",
    "https://１２７.0.0.1/", "https://127。0。0。1/", "https://example.com:22/", "https://example.com:80/",
    "https://168.63.129.16/", "https://255.255.255.255/", "https://192.0.2.1/", "https://198.18.0.1/",
])
def test_targets_of_a_node_without_exemptions(strict_account, target):
    answer = strict_account.copper("POST", "/webhooks", {"target": target, "type": "lead", "event": "new"})
    assert answer.status == 422, answer
    assert answer.json["message"] == "Invalid input: Invalid URI For External Request"
    assert strict_account.copper("GET", "/webhooks", status=200).json == []


@pytest.fixture(scope="module")
def strict_node(tmp_path_factory, authority):
    from carillon.node import Node

    node = Node(tmp_path_factory.mktemp("strict"), authority, {"egress.allow": None, "egress.ports": None}).start()
    yield node
    node.close()


@pytest.fixture
def strict_account(strict_node):
    return strict_node.api.account()


def test_a_name_that_leads_inside_is_refused_at_the_send(strict_account, receiver):
    """localhost is a name, so only its address can tell; nothing may arrive."""
    made = strict_account.copper("POST", "/webhooks", {"target": "https://localhost:8443/", "type": "person", "event": "new"})
    if made.status == 422:
        return
    strict_account.post(strict_account.event(1))
    [told] = strict_account.settle()
    assert told["state"] == "failed" and told["error"]["class"] == "egress", told


# --- HTTP as bytes ---


def events_request(account, body=None, extra=b"", length=None, framing=None):
    body = json.dumps(GOOD).encode() if body is None else body
    framing = framing if framing is not None else b"Content-Length: %d\r\n" % (len(body) if length is None else length)
    return (b"POST %s/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n%s%s\r\n"
            % (account.path.encode(), ADMIN_TOKEN.encode(), framing, extra)) + body


def test_over_the_limit_is_refused_before_it_is_read(node, account, unchanged):
    with raw_http.connect(node.address) as connection:
        # Only the head: an answer that waited for the body would never come.
        connection.sendall(events_request(account, b"", length=50 << 20))
        status, headers, body = raw_http.read_response(connection)
        assert status == 413, body
        assert json.loads(body)["status"] == 413
        assert raw_http.closed(connection)


def test_over_the_limit_in_chunks(node, account, unchanged):
    with raw_http.connect(node.address) as connection:
        connection.sendall(events_request(account, b"", framing=b"Transfer-Encoding: chunked\r\n"))
        try:
            for _ in range(40):
                connection.sendall(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
        except (BrokenPipeError, ConnectionResetError):
            pass
        status, _, body = raw_http.read_response(connection)
        assert status in (413, None), body


SMUGGLING = {
    "length and chunked": b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
    "two lengths": b"Content-Length: 5\r\nContent-Length: 6\r\n",
    "equal lengths": b"Content-Length: 5\r\nContent-Length: 5\r\n",
    "list of lengths": b"Content-Length: 5, 5\r\n",
    "signed length": b"Content-Length: +5\r\n",
    "hexadecimal length": b"Content-Length: 0x5\r\n",
    "negative length": b"Content-Length: -5\r\n",
    "huge length": b"Content-Length: 99999999999999999999999\r\n",
    "unknown coding": b"Transfer-Encoding: gzip\r\n",
    "xchunked": b"Transfer-Encoding: xchunked\r\n",
    "chunked, identity": b"Transfer-Encoding: chunked, identity\r\n",
    "chunked twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    "space before the colon": b"Content-Length : 5\r\n",
    "obs-fold": b"X-A: 1\r\n  2\r\nContent-Length: 5\r\n",
    "second Host": b"Host: y\r\nContent-Length: 5\r\n",
    "bare LF": b"X-A: 1\nContent-Length: 5\r\n",
    "NUL": b"X-A: a\x00b\r\nContent-Length: 5\r\n",
    "no name": b": x\r\nContent-Length: 5\r\n",
}


@pytest.mark.parametrize("name", sorted(SMUGGLING))
def test_framings_that_can_be_read_in_two_ways(node, account, unchanged, name):
    smuggled = events_request(account)
    data = events_request(account, b"0\r\n\r\n" + smuggled, framing=SMUGGLING[name])
    with raw_http.connect(node.address) as connection:
        connection.sendall(data)
        status, _, body = raw_http.read_response(connection)
        assert status in (400, 413), (status, body)
        assert raw_http.closed(connection), "the connection must not be used on"


@pytest.mark.parametrize("head", [
    b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", b"GET / HTTP/2.0\r\nHost: x\r\n\r\n",
    b"get /healthz HTTP/1.1\r\nHost: x\r\n\r\n", b"GET healthz HTTP/1.1\r\nHost: x\r\n\r\n", b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"nonsense\r\n\r\n", b"\r\n" * 50, b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(500)) + b"\r\n",
    b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
], ids=lambda head: repr(head[:24]))
def test_requests_that_are_none(node, head):
    status, _, body = raw_http.exchange(node.address, head)
    assert status is None or 400 <= status < 600 and status != 500, (status, body)
    node.api.call("GET", "/healthz", token="", status=200)


def test_slow_clients_are_left(node, account, unchanged):
    whole = events_request(account)
    for part in (b"", b"POST ", whole[:60], whole[:-1]):
        with raw_http.connect(node.address) as connection:
            connection.sendall(part)
            started = time.monotonic()
            status, _, _ = raw_http.read_response(connection)
            assert status in (408, None)
            assert time.monotonic() - started < 15, "a slow client kept its connection"


def test_a_client_that_leaves_early(node, account, unchanged):
    for part in range(0, 200, 20):
        with raw_http.connect(node.address) as connection:
            connection.sendall(events_request(account)[:part])
    node.api.call("GET", "/healthz", token="", status=200)


def test_pipelined_requests(node, account):
    with raw_http.connect(node.address) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 3)
        buffer = b""
        while buffer.count(b"HTTP/1.1 200") < 3:
            data = connection.recv(65536)
            assert data, buffer
            buffer += data


# --- starts ---


def start(tmp_path, *flags, environment=None, seconds=30):
    store = tmp_path / "store"
    return run("serve", f"--storage.directory={store}", "--storage.map-size=64MiB", "--http.listen=127.0.0.1:0", *flags,
               environment=environment, folder=tmp_path, seconds=seconds)


@pytest.mark.parametrize("flag, key", [
    ("--http.lisen=127.0.0.1:0", "http.lisen"), ("--nonsense=1", "nonsense"), ("--http.listen=nonsense", "http.listen"),
    ("--http.listen=127.0.0.1:99999", "http.listen"), ("--http.max-connections=0", "http.max-connections"),
    ("--http.max-connections=many", "http.max-connections"), ("--http.header-timeout=10", "http.header-timeout"),
    ("--delivery.timeout=-1s", "delivery.timeout"), ("--storage.map-size=1KiB", "storage.map-size"),
    ("--egress.allow=10.0.0.0/33", "egress.allow"), ("--egress.allow=nonsense", "egress.allow"), ("--egress.ports=0", "egress.ports"),
    ("--egress.ca-file=/nonexistent/ca.pem", "egress.ca-file"), ("--limits.windows=600", "limits.windows"),
    ("--limits.windows=0/60s", "limits.windows"), ("--limits.windows=1/3601s", "limits.windows"),
    ("--log.level=loud", "log.level"), ("--log.format=xml", "log.format"), ("--egress.allow-insecure-ssl=maybe", "egress.allow-insecure-ssl"),
    ("--auth.master-key-file=/nonexistent/keys", "auth.master-key-file"), ("--http.tls-certificate=/nonexistent/c.pem", "http.tls-certificate"),
    ("--process.threads=0", "process.threads"), ("--config-file=/nonexistent/carillon.conf", "config-file"),
])
def test_bad_settings_are_refused_by_name(tmp_path, flag, key):
    code, out, err = start(tmp_path, flag)
    assert code > 0 and key in err and out == "", (code, out, err)
    assert not (tmp_path / "store" / "data.mdb").exists()
    code, _, err = run("check", flag, f"--storage.directory={tmp_path / 'store'}", folder=tmp_path)
    assert code > 0 and key in err, err


def test_bad_environment_and_file(tmp_path):
    code, _, err = start(tmp_path, environment={"CARILLON_ADMIN_TOKEN": "x" * 40, "CARILLON_DELIVERY_TIMEOUT": "soon"})
    assert code > 0 and ("delivery.timeout" in err or "CARILLON_DELIVERY_TIMEOUT" in err)
    file = tmp_path / "carillon.conf"
    file.write_text('delivery { timeout = "soon" }\n')
    code, _, err = start(tmp_path, f"--config-file={file}")
    assert code > 0 and "delivery.timeout" in err
    file.write_text("delivery { timout = 5s }\n")
    code, _, err = start(tmp_path, f"--config-file={file}")
    assert code > 0 and "delivery.timout" in err


def test_unusable_files(tmp_path, authority, server_certificate):
    bad = tmp_path / "bad.pem"
    bad.write_text("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")
    certificate, key = server_certificate
    write_master_keys(tmp_path / "keys", "a")
    keys = f"--auth.master-key-file={tmp_path / 'keys'}"
    for flags in ([f"--http.tls-certificate={bad}", f"--http.tls-key={key}"], [f"--http.tls-certificate={certificate}"],
                  [f"--http.tls-certificate={certificate}", f"--http.tls-key={bad}"], [f"--egress.ca-file={bad}"]):
        code, out, err = start(tmp_path, keys, *flags)
        assert code > 0 and err and out == "", (flags, code, out)
    (tmp_path / "keys").write_text("a:short\n")
    code, _, err = start(tmp_path, keys)
    assert code > 0 and "auth.master-key-file" in err


def test_no_master_key_no_start(tmp_path):
    code, out, err = start(tmp_path)
    assert code > 0 and "auth.master-key-file" in err and out == ""


def test_a_port_in_use(tmp_path, node):
    write_master_keys(tmp_path / "keys", "a")
    host, port = node.address
    code, out, err = run("serve", f"--storage.directory={tmp_path / 'store'}", "--storage.map-size=64MiB",
                         f"--auth.master-key-file={tmp_path / 'keys'}", f"--http.listen={host}:{port}", folder=tmp_path)
    assert code > 0 and str(port) in err and out == ""
    node.api.call("GET", "/healthz", token="", status=200)


def test_a_store_in_use(make_node, receiver):
    node = make_node()
    account = node.api.account()
    code, out, err = run("serve", f"--storage.directory={node.store}", "--storage.map-size=1GiB",
                         f"--auth.master-key-file={node.keys}", "--http.listen=127.0.0.1:0", folder=node.folder)
    assert code > 0 and out == ""
    assert str(node.process.pid) in err, "the message names the process that has the store"
    account.subscribe(receiver.url())
    account.post(account.event(1))
    receiver.wait("/hook", 1)


def test_a_store_in_an_unusable_place(tmp_path):
    write_master_keys(tmp_path / "keys", "a")
    file = tmp_path / "file"
    file.write_text("x")
    code, _, err = run("serve", f"--storage.directory={file}", "--http.listen=127.0.0.1:0",
                       f"--auth.master-key-file={tmp_path / 'keys'}", folder=tmp_path)
    assert code > 0 and str(file) in err


def test_another_master_key(make_node, receiver):
    """Secrets that can't be read any more are told of, not guessed around."""
    node = make_node()
    account = node.api.account()
    account.subscribe(receiver.url(), secret={"k": "v"})
    node.terminate()
    write_master_keys(node.keys, "second")
    node.start(wait=False)
    # Either it refuses to start, naming the key, or the account's calls fail; nothing goes out without its secret.
    wait_for(lambda: not node.running() or "listening on" in str(list(node._lines.queue)), 20, "a decision")
    if node.running():
        node.wait_ready()
        account.post(account.event(1), status=None, check=False)
    else:
        assert node.wait_end() > 0
        assert "master" in node.log() or "key" in node.log()
    assert all(a.json.get("k") == "v" for a in receiver.arrivals)


def test_unknown_commands(tmp_path):
    for arguments in (("nonsense",), ("backup",), ("restore",), ("serve", "positional")):
        code, out, err = run(*arguments, folder=tmp_path)
        assert code > 0 and err, arguments


def test_check_prints_the_configuration_with_masked_secrets(tmp_path):
    write_master_keys(tmp_path / "keys", "a")
    secret = "cat_" + "s" * 46
    code, out, err = run("check", "--print", f"--auth.master-key-file={tmp_path / 'keys'}",
                         f"--storage.directory={tmp_path / 'store'}", "--delivery.timeout=7s", folder=tmp_path,
                         environment={"CARILLON_ADMIN_TOKEN": secret})
    assert code == 0, err
    assert "7s" in out and secret not in out + err
    for line in pathlib.Path(tmp_path / "keys").read_text().splitlines():
        assert line.split(":")[1] not in out + err
    assert not os.path.exists(tmp_path / "store" / "data.mdb")
