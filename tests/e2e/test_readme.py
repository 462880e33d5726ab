"""README.md and docs/ against a running playground: what a reader pastes works as it stands there."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest
import requests
from carillon.clock import wait_for
from carillon.node import ADMIN_TOKEN, die_with_parent, run, write_master_keys
from carillon.playground import Playground, clean_environment

ROOT = pathlib.Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
VERIFY = ROOT / "docs" / "verify"
NODE = shutil.which("node")


def blocks(language, text=README):
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.M | re.S)


@pytest.fixture(scope="module")
def playground(tmp_path_factory):
    one = Playground(tmp_path_factory.mktemp("readme"))
    try:
        one.wait_line("The CRM lives on")
        yield one
        assert one.stop() == 0
    finally:
        one.close()


@pytest.fixture(scope="module")
def shell(playground):
    """Runs a block where the README's reader is: beside the playground, with its environment read in."""
    read_in = blocks("sh")[0]

    def execute(block):
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", read_in + block], cwd=playground.folder,
                              env=clean_environment(), capture_output=True, text=True, timeout=60,
                              preexec_fn=die_with_parent)
        assert done.returncode == 0, done.stderr
        decoder, rest, answers = json.JSONDecoder(), done.stdout.strip(), []
        while rest:
            answer, end = decoder.raw_decode(rest)
            answers.append(answer)
            rest = rest[end:].strip()
        return answers

    return execute


@pytest.fixture(scope="module")
def answers(playground, shell):
    """What each of the README's shell blocks answers, run in order as a reader does."""
    _, subscribe, webhook, post, inbox, explain, lists = blocks("sh")
    result = {"subscription": shell(subscribe)[0], "webhook": shell(webhook)[0], "accepted": shell(post)[0]}
    wait_for(lambda: shell(inbox)[0]["data"], 30, "the README's event in the inbox", pause=0.2)
    result["inbox"] = shell(inbox)[0]["data"]
    result["explanation"] = shell(explain)[0]
    result["log"], result["missed"], result["usage"] = shell(lists)
    return result


@pytest.fixture(scope="module")
def delivery(playground, answers):
    """A signed POST as it came to the inbox, and its secret."""
    values = playground.environment()
    headers = {"Authorization": f"Bearer {values['ACCOUNT_KEY']}"}
    subscription = f"{values['CARILLON']}/v1/accounts/demo/subscriptions/{answers['subscription']['id']}"
    rotated = requests.post(subscription + "/secret/rotate", headers=headers, timeout=30)
    assert rotated.status_code == 200
    tested = requests.post(subscription + "/test?wait=15", headers=headers, timeout=30)
    assert tested.status_code == 200 and tested.json()["state"] == "delivered", tested.text
    newest = requests.get(values["INBOX"] + "/inbox/readme?limit=1", verify=values["INBOX_CA"], timeout=30)
    [arrival] = newest.json()["data"]
    assert arrival["webhook_id"] == tested.json()["webhook_id"] and arrival["webhook_signature"]
    return {"secret": rotated.json()["secret"], "headers": arrival["headers"], "body": arrival["body"]}


def test_every_shell_block_is_known():
    assert len(blocks("sh")) == 7 and len(blocks("js")) == 1 and len(blocks("python")) == 1


def test_a_subscription_is_registered(answers, playground):
    made = answers["subscription"]
    assert made["target"] == playground.environment()["INBOX"] + "/ok/readme"
    assert (made["type"], made["event"]) == ("person", "update") and isinstance(made["id"], int)


def test_a_webhook_is_registered(answers, playground):
    made = answers["webhook"]
    assert made["success"] and made["data"]["url"] == playground.environment()["INBOX"] + "/ok/readme-deals"
    assert made["data"]["options"] == {"entity": {"Opportunity": {"filter": {"status": "Open"}}}}


def test_an_event_is_accepted_and_arrives(answers):
    accepted = answers["accepted"]
    assert (accepted["accepted"], accepted["duplicates"]) == (1, 0)
    # The new subscription, and the demo's own for people.
    assert accepted["events"] == [{"id": "readme-1", "duplicate": False, "notifications": 2}]
    bodies = [json.loads(arrival["body"]) for arrival in answers["inbox"]]
    [body] = [b for b in bodies if b["ids"] == [4711]]
    assert body["subscription_id"] == answers["subscription"]["id"]
    assert body["updated_attributes"] == {"phone": ["+43 1 5550100", "+43 1 5550199"]}


def test_a_repeat_is_a_duplicate(answers, shell):
    [again] = shell(blocks("sh")[3])
    assert (again["accepted"], again["duplicates"]) == (0, 1)


def test_an_event_is_explained(answers):
    reasons = {row["reason"] for row in answers["explanation"]["subscriptions"]}
    assert {"matched", "entity", "action"} <= reasons


def test_log_missed_feed_and_usage_are_shown(answers):
    assert 1 <= len(answers["log"]["data"]) <= 5
    assert {row["state"] for row in answers["missed"]["data"]} <= {"rejected", "failed"}
    assert len(answers["missed"]["data"]) >= 2 and answers["missed"]["next"]
    assert answers["usage"]["windows"][0]["count"] == 30


def test_the_line_shown_is_what_the_playground_prints(playground, answers):
    shown = re.search(r"^    (\d\d:\d\d:\d\d\.\d{3}  .*)$", README, re.M).group(1)
    shape = re.compile(r"\d+").sub("0", re.sub(r" +", " ", shown))
    printed = {re.compile(r"\d+").sub("0", re.sub(r" +", " ", line.strip())) for line in playground.lines}
    assert shape in printed


def cases(delivery):
    """(what, arguments of verify, whether it verifies)"""
    secret, headers, body = delivery["secret"], delivery["headers"], delivery["body"]
    now = int(headers["webhook-timestamp"])
    both = {**headers, "webhook-signature": "v1,AAAA " + headers["webhook-signature"]}
    return [
        ("as it came", [secret, headers, body, 300, now], True),
        ("a second signature", [secret, both, body, 300, now], True),
        ("another body", [secret, headers, body + " ", 300, now], False),
        ("another secret", ["whsec_" + "A" * 32, headers, body, 300, now], False),
        ("another id", [secret, {**headers, "webhook-id": "msg_other"}, body, 300, now], False),
        ("too old", [secret, headers, body, 300, now + 301], False),
        ("from the future", [secret, headers, body, 300, now - 301], False),
        ("no timestamp", [secret, {**headers, "webhook-timestamp": ""}, body, 300, now], False),
        ("unsigned", [secret, {**headers, "webhook-signature": ""}, body, 300, now], False),
        ("another scheme", [secret, {**headers, "webhook-signature":
                                     headers["webhook-signature"].replace("v1,", "v2,")}, body, 300, now], False),
    ]


def judge(command, cases, folder):
    done = subprocess.run(command, input=json.dumps([arguments for _, arguments, _ in cases]), cwd=folder,
                          capture_output=True, text=True, timeout=60, preexec_fn=die_with_parent)
    assert done.returncode == 0, done.stderr
    assert dict(zip([what for what, *_ in cases], json.loads(done.stdout))) == {what: ok for what, _, ok in cases}


IN_PYTHON = """
import json, sys
from verify import verify
print(json.dumps([verify(s, h, b.encode(), t, n) for s, h, b, t, n in json.load(sys.stdin)]))
"""
IN_NODE = """
import { readFileSync } from "node:fs";
import { verify } from "./verify.mjs";
const cases = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(cases.map(([s, h, b, t, n]) => verify(s, h, Buffer.from(b), t, n))));
"""


@pytest.mark.parametrize("source", ["README.md", "docs/verify"])
def test_python_verifies(delivery, tmp_path, source):
    text = blocks("python")[0] if source == "README.md" else (VERIFY / "python" / "verify.py").read_text()
    (tmp_path / "verify.py").write_text(text)
    (tmp_path / "judge.py").write_text(IN_PYTHON)
    judge([sys.executable, "-B", "judge.py"], cases(delivery), tmp_path)


@pytest.mark.skipif(NODE is None, reason="Node is not installed")
@pytest.mark.parametrize("source", ["README.md", "docs/verify"])
def test_node_verifies(delivery, tmp_path, source):
    text = blocks("js")[0] if source == "README.md" else (VERIFY / "node" / "verify.mjs").read_text()
    (tmp_path / "verify.mjs").write_text(text)
    (tmp_path / "judge.mjs").write_text(IN_NODE)
    judge([NODE, "judge.mjs"], cases(delivery), tmp_path)


RECEIVERS = [
    pytest.param([sys.executable, "-B", "receiver.py"], "python", id="python"),
    pytest.param([NODE, "receiver.mjs"], "node", id="node",
                 marks=pytest.mark.skipif(NODE is None, reason="Node is not installed")),
]


@pytest.mark.parametrize("command, folder", RECEIVERS)
def test_the_receivers_take_what_is_genuine(delivery, command, folder):
    process = subprocess.Popen([*command, "0"], cwd=VERIFY / folder, stdout=subprocess.PIPE, text=True,
                               env=clean_environment(SIGNING_SECRET=delivery["secret"]), preexec_fn=die_with_parent)
    try:
        url = process.stdout.readline().split()[-1]
        headers = {k: v for k, v in delivery["headers"].items() if k not in ("host", "content-length", "connection")}

        def post(body):
            return requests.post(url, data=body.encode(), headers=headers, timeout=30).status_code

        assert post(delivery["body"]) == 204
        assert post(delivery["body"] + " ") == 401
        body = json.loads(delivery["body"])
        assert process.stdout.readline().startswith(f"{body['type']} {body['event']}: ")
    finally:
        process.kill()
        process.wait(10)
        process.stdout.close()


# --- docs/ ---


def test_the_alerts_name_metrics_that_exist(playground, answers):
    alerts = (ROOT / "docs" / "alerts.yml").read_text()
    named = set(re.findall(r"carillon_[a-z_]+", alerts))
    assert len(named) >= 9
    text = requests.get(playground.environment()["CARILLON"] + "/metrics", timeout=30).text
    described = set(re.findall(r"^# TYPE (\S+)", text, re.M))
    series = described | {f"{name}{end}" for name in described for end in ("_bucket", "_count", "_sum")}
    # There only when the listeners speak TLS.
    series.add("carillon_certificate_expiry_timestamp_seconds")
    assert named <= series, named - series
    for label, value in re.findall(r'\{(\w+)="([^"]+)"\}', alerts):
        if (label, value) not in {("job", "carillon")}:
            assert value in {"refused", "expired", "unknown"}


def test_the_configuration_shown_is_accepted(tmp_path, authority):
    text = (ROOT / "docs" / "production.md").read_text()
    config = text[text.index("    http {"):text.index("`carillon check --print")]
    (tmp_path / "admin-token").write_text("cat_x\n")
    write_master_keys(tmp_path / "master-keys", "first")
    certificate, key = authority.issue()
    shutil.copy(certificate, tmp_path / "tls.pem")
    shutil.copy(key, tmp_path / "tls.key")
    (tmp_path / "carillon.conf").write_text(config.replace("/etc/carillon", str(tmp_path)))
    code, out, err = run("check", "--print", f"--config-file={tmp_path}/carillon.conf", environment={})
    assert code == 0, err
    assert '"127.0.0.1:8080"' in out and "cat_x" not in out


def test_secrets_as_the_manual_makes_them(tmp_path):
    text = (ROOT / "docs" / "production.md").read_text()
    commands = re.findall(r"^    (?:head -c 32|echo \"2026).*$", text, re.M)
    assert len(commands) == 2
    done = subprocess.run(["sh", "-euc", "\n".join(commands).replace("/etc/carillon", str(tmp_path))], timeout=30)
    assert done.returncode == 0
    code, _, err = run("check", f"--auth.admin-token-file={tmp_path}/admin-token",
                       f"--auth.master-key-file={tmp_path}/master-keys",
                       f"--storage.directory={tmp_path}/store", environment={})
    assert code == 0, err


def test_a_restored_node_is_held_until_released(make_node, tmp_path):
    """What docs/production.md tells about backup, restore and release."""
    node = make_node()
    node.api.account("demo")
    backup = str(tmp_path / "copy")
    assert run("backup", backup, f"--storage.directory={node.store}")[0] == 0
    assert node.terminate() == 0
    os.rename(node.store, str(node.store) + ".broken")
    code, _, err = run("restore", backup, f"--storage.directory={node.store}")
    assert code == 0, err
    node.start()
    held = node.api.call("GET", "/readyz", status=503).json
    assert held == {"reasons": ["held"]}
    text = (ROOT / "docs" / "production.md").read_text()
    release = re.search(r'    curl -sS -X POST "\$CARILLON/v1/release".*\n.*', text).group(0)
    done = subprocess.run(["bash", "-euc", release], capture_output=True, text=True, timeout=60,
                          env=clean_environment(CARILLON=node.url, ADMIN_TOKEN=ADMIN_TOKEN))
    assert json.loads(done.stdout) == {"action": "expire", "held": False}
    node.api.call("GET", "/readyz", status=200)


def test_every_link_leads_somewhere():
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            if not target.startswith("https://"):
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_setting_named_exists():
    code, described, _ = run("serve", "--help")
    assert code == 0
    known = set(re.findall(r"--([a-z]+\.[a-z-]+)=", described)) | {"log.level"}
    sections = {key.split(".")[0] for key in known}
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for name in re.findall(r"`([a-z]+\.[a-z][a-z-]+)[=`]", page.read_text()):
            if name.split(".")[0] in sections:
                assert name in known, f"{page.name}: {name}"
