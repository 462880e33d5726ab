"""The executable carillon-inbox, over HTTPS as a receiver is reached."""

import base64
import hashlib
import hmac
import json
import os
import signal
import stat
import subprocess
from pathlib import Path

import pytest
import requests

EXECUTABLE = Path(os.environ.get("CARILLON_BUILD", "build/dev")) / "carillon-inbox"
KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()


class Inbox:
    def __init__(self, folder, *arguments):
        self.ledger = folder / "ledger.jsonl"
        self.folder = folder / "ca"
        self.process = subprocess.Popen(
            [EXECUTABLE, f"--ca-dir={self.folder}", f"--ledger={self.ledger}", *arguments],
            stdout=subprocess.PIPE, text=True)
        first, second = self.process.stdout.readline(), self.process.stdout.readline()
        assert first.startswith("inbox listening on https://127.0.0.1:")
        self.url = first.split()[-1]
        self.authority = second.removeprefix("certificate authority: ").strip()
        self.session = requests.Session()
        # REQUESTS_CA_BUNDLE and proxies of the environment would win over what is set here.
        self.session.trust_env = False
        self.session.verify = self.authority

    def post(self, path, body=b"{}", **options):
        return self.session.post(self.url + path, data=body, timeout=30, allow_redirects=False, **options)

    def get(self, path):
        return self.session.get(self.url + path, timeout=30)

    def entries(self):
        return [json.loads(line) for line in self.ledger.read_text().splitlines()]

    def stop(self):
        self.session.close()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)


@pytest.fixture
def start(tmp_path):
    started = []

    def make(*arguments):
        started.append(Inbox(tmp_path, *arguments))
        return started[-1]

    yield make
    for inbox in started:
        if inbox.process.poll() is None:
            inbox.process.kill()
            inbox.process.wait()
        inbox.process.stdout.close()


def signed(key, body, identifier="msg_1", timestamp="1700000000"):
    mac = hmac.new(key, f"{identifier}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return {"webhook-id": identifier, "webhook-timestamp": timestamp,
            "webhook-signature": "v1," + base64.b64encode(mac).decode()}


def test_the_path_chooses_the_answer(start):
    inbox = start()
    assert inbox.post("/ok/a").status_code == 200
    assert inbox.post("/anything").status_code == 200
    assert inbox.post("/status/503/a").status_code == 503
    limited = inbox.post("/status/429/a?retry_after=5")
    assert (limited.status_code, limited.headers["Retry-After"]) == (429, "5")
    assert inbox.post("/gone/a").status_code == 410
    moved = inbox.post("/redirect/a?to=https://elsewhere.example/")
    assert (moved.status_code, moved.headers["Location"]) == (302, "https://elsewhere.example/")
    assert inbox.post("/slow/50/a").elapsed.total_seconds() >= 0.05
    with pytest.raises(requests.exceptions.ConnectionError):
        inbox.post("/drop/a")
    assert inbox.post("/status/99/a").status_code == 400
    assert inbox.post("/slow/-1/a").status_code == 400
    assert inbox.session.put(inbox.url + "/ok/a", timeout=30).status_code == 405
    assert [entry["path"] for entry in inbox.entries()] == [
        "/ok/a", "/anything", "/status/503/a", "/status/429/a", "/gone/a", "/redirect/a", "/slow/50/a", "/drop/a",
        "/status/99/a", "/slow/-1/a"]


def test_arrivals_are_kept_as_they_came(start):
    inbox = start()
    body = '{"n": 12345678901234567890, "text": "ä\\u0000"}'.encode()
    inbox.post("/ok/one", body, headers={"Webhook-Id": "msg_1", "X-Other": "1"})
    inbox.post("/ok/two", b"\xff\xfe")
    first, second = inbox.entries()
    assert first["body"].encode() == body
    assert (first["number"], first["status"], first["signature"]) == (1, 200, "unchecked")
    assert (first["webhook_id"], first["headers"]["x-other"]) == ("msg_1", "1")
    assert base64.b64decode(second["body_base64"]) == b"\xff\xfe"
    assert 0 < first["boot_ns"] < second["boot_ns"]
    assert [entry["path"] for entry in inbox.get("/").json()["data"]] == ["/ok/two", "/ok/one"]
    assert inbox.get("/?limit=1").json()["data"] == [second]
    assert inbox.get("/inbox/one").json()["data"] == [first]
    assert inbox.get("/inbox/on").json()["data"] == []
    assert inbox.get("/elsewhere").status_code == 404


def test_signatures_are_checked(start):
    inbox = start(f"--secret={SECRET}")
    good = signed(KEY, b"body")
    rotated = dict(good, **{"webhook-signature": "v1,AAAA " + good["webhook-signature"]})
    inbox.post("/1", b"body", headers=good)
    inbox.post("/2", b"body", headers=rotated)
    inbox.post("/3", b"BODY", headers=good)
    inbox.post("/4", b"body", headers=signed(KEY[::-1], b"body"))
    inbox.post("/5", b"body")
    inbox.post("/6", b"body", headers=dict(good, **{"webhook-timestamp": "1700000000x"}))
    assert [entry["signature"] for entry in inbox.entries()] == ["valid"] * 2 + ["invalid"] * 4


def test_pipeliners_signatures_are_checked(start):
    text = "4f0f1f0a-8d55-4b3c-9f8e-0d6f4c6f3f11"
    inbox = start(f"--secret={SECRET}", f"--signature={text}")

    def sign(key):
        return {"WebHook-Signature": hmac.new(key.encode(), b"body", hashlib.sha256).hexdigest()}

    inbox.post("/1", b"body", headers=sign(text))
    inbox.post("/2", b"body", headers=signed(KEY, b"body"))
    inbox.post("/3", b"BODY", headers=sign(text))
    inbox.post("/4", b"body", headers=sign(text.upper()))
    inbox.post("/5", b"body")
    assert [entry["signature"] for entry in inbox.entries()] == ["valid"] * 2 + ["invalid"] * 3


def test_its_authority_lasts_and_is_needed(start):
    inbox = start("--quiet")
    with pytest.raises(requests.exceptions.SSLError):
        requests.post(inbox.url + "/ok", data=b"", timeout=30)
    localhost = inbox.url.replace("127.0.0.1", "localhost")
    assert requests.post(localhost + "/ok", data=b"", verify=inbox.authority, timeout=30).status_code == 200
    authority = Path(inbox.authority).read_text()
    assert stat.S_IMODE((inbox.folder / "server.key").stat().st_mode) == 0o600
    assert inbox.stop() == 0
    assert Path(start("--quiet").authority).read_text() == authority
    # A certificate that doesn't belong to the key is made anew, with its authority.
    (inbox.folder / "server.pem").write_text(authority)
    again = start("--quiet")
    assert Path(again.authority).read_text() != authority
    assert again.post("/ok").status_code == 200


def test_each_arrival_is_a_line_and_the_end_is_clean(start):
    inbox = start()
    inbox.post("/ok/a", b"12345", headers={"webhook-id": "msg_9"})
    line = inbox.process.stdout.readline()
    assert "#1 /ok/a msg_9 5 bytes -> 200" in line
    assert inbox.stop() == 0
    assert inbox.process.stdout.read() == ""


@pytest.mark.parametrize("argument", ["--unknown", "--secret=whsec_short", "--listen=nowhere", "--ledger=/nowhere/x"])
def test_bad_arguments_are_refused(tmp_path, argument):
    done = subprocess.run([EXECUTABLE, f"--ca-dir={tmp_path}", argument], capture_output=True, text=True, timeout=30)
    assert done.returncode in (1, 2)
    assert done.stderr.startswith("carillon-inbox: ")


def test_help_names_the_options():
    done = subprocess.run([EXECUTABLE, "--help"], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0
    for option in ("--listen", "--ca-dir", "--ledger", "--secret", "--signature", "--quiet"):
        assert option in done.stdout
