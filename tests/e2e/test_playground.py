"""`carillon playground`: what a newcomer sees in the first minute, and what stays on the disk."""

import re
import signal
import socket
import stat
import subprocess

import pytest
import requests
from carillon.clock import wait_for
from carillon.node import die_with_parent, executable
from carillon.playground import Playground, clean_environment

# "  10:31:07.352  phone-book       person update      30 records       9 ms -> 200 (signed)"
ARRIVAL = re.compile(r"^  \d\d:\d\d:\d\d\.\d{3}  (\S+) +(\w+ \w+) +(\d+) records? +(\d+) ms -> (\S+|hung up) \((.*)\)$")
LIMIT, SECONDS = 30, 10


def arrivals(lines):
    return [m.groups() for m in map(ARRIVAL.match, lines) if m]


@pytest.fixture
def start(tmp_path):
    started = []

    def make(*arguments, **more):
        started.append(Playground(tmp_path, *arguments, **more))
        return started[-1]

    yield make
    for one in started:
        one.close()


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """The opening scenes, once."""
    one = Playground(tmp_path_factory.mktemp("played"), "--once")
    try:
        code = one.rest()
    finally:
        one.close()
    assert code == 0, "\n".join(one.lines) + one.stderr()
    return one


def scene(played, number):
    first = next(i for i, line in enumerate(played.lines) if line.startswith(f"{number}. "))
    rest = played.lines[first + 1:]
    last = next((i for i, line in enumerate(rest) if re.match(r"\d\. |In another shell", line)), len(rest))
    return rest[:last]


def test_single_changes_arrive_one_by_one(played):
    assert [(who, what, count, answer) for who, what, count, _, answer, _ in arrivals(scene(played, 1))] == [
        ("mailing-list", "person new", "1", "200"),
        ("sales-board", "opportunity update", "1", "200"),
        ("accounting", "company update", "1", "200"),
        ("calendar", "task new", "1", "200"),
        ("phone-book", "person update", "1", "200"),
    ]


def test_a_bulk_edit_arrives_in_chunks_of_thirty(played):
    seen = arrivals(scene(played, 2))
    assert {(who, what) for who, what, *_ in seen} == {("phone-book", "person update")}
    assert sorted(int(count) for _, _, count, *_ in seen) == [5, 30, 30, 30]


def test_a_burst_meets_the_limit_and_waits(played):
    lines = scene(played, 3)
    seen = arrivals(lines)
    assert len(seen) == LIMIT + 15 and {answer for *_, answer, _ in seen} == {"200"}
    assert any(f"{LIMIT} of {LIMIT} places of the last {SECONDS} s are taken, " in line for line in lines)
    # What is over the limit can't go before a place frees, which takes longer than the burst itself.
    waited = [note for *_, note in seen if "waited its turn" in note]
    assert len(waited) >= 15


def test_what_fails_is_in_the_missed_feed(played):
    lines = scene(played, 4)
    assert {(who, answer) for who, _, _, _, answer, _ in arrivals(lines)} == {
        ("broken-importer", "500"), ("hangs-up", "hung up")}
    missed = [line for line in lines if "missed feed:" in line]
    assert len(missed) == 2
    assert any("broken-importer" in line and "rejected (answered 500), record " in line for line in missed)
    assert any("hangs-up" in line and "failed (protocol: " in line for line in missed)


def test_each_arrival_is_signed_and_nothing_is_json_noise(played):
    assert all(note.split(",")[0] == "signed" for *_, note in arrivals(played.lines))
    examples = next(i for i, line in enumerate(played.lines) if line.startswith("In another shell"))
    assert not any("{" in line for line in played.lines[:examples])
    assert played.stderr() == ""


def test_it_ends_by_itself_after_so_many_changes(start):
    one = start("--events=1")
    assert one.rest() == 0
    examples = next(i for i, line in enumerate(one.lines) if line.startswith("In another shell"))
    assert len(arrivals(one.lines[examples:])) == 1


def test_the_printed_commands_work(start):
    one = start()
    one.wait_line("The CRM lives on")
    text = "\n".join(one.lines)
    commands = text[text.index("In another shell"):]
    blocks = re.findall(r"(?:^  \S.*\n(?:^    .*\n)*)+", commands + "\n", re.M)
    script = "".join(blocks)
    assert script.count("curl ") == 4 and ". " in script.splitlines()[0]

    def run():
        return subprocess.run(["bash", "-euc", script], cwd=one.folder, capture_output=True, text=True, timeout=60,
                              env=clean_environment(), preexec_fn=die_with_parent)

    first = run()
    assert first.returncode == 0, first.stderr
    assert '"accepted":1' in first.stdout and '"type":"person","event":"new"' in first.stdout
    assert '"state":"rejected"' in first.stdout
    one.wait_line("mailing-list")
    # The subscription was made after the first event: the second one reaches it, as printed.
    assert run().returncode == 0
    values = one.environment()
    wait_for(lambda: requests.get(values["INBOX"] + "/inbox/mine", verify=values["INBOX_CA"], timeout=30).json()["data"],
             30, "an arrival for the own subscription")
    assert "unsigned" in one.wait_line(" mine ")
    assert one.stop() == 0


def test_a_restart_goes_on_with_what_is_there(start):
    one = start()
    one.wait_line("The CRM lives on")
    before = one.environment()
    headers = {"X-PW-AccessToken": before["ACCOUNT_KEY"], "X-PW-Application": "developer_api",
               "X-PW-UserEmail": "a@example.com"}
    webhooks = "/developer_api/v1/webhooks"
    subscriptions = requests.get(before["CARILLON"] + webhooks, headers=headers, timeout=30).json()
    for name in ("env", "admin-token", "master.keys", "ingest-token", "account-key", "signing-secret"):
        assert stat.S_IMODE((one.store / name).stat().st_mode) == 0o600, name
    assert stat.S_IMODE(one.store.stat().st_mode) == 0o700
    assert one.stop(signal.SIGINT) == 0
    assert one.lines[-1] == "stopping"

    # Another program takes the inbox's address meanwhile: the subscriptions follow the inbox.
    host, port = before["INBOX"].removeprefix("https://").split(":")
    with socket.create_server((host, int(port))):
        again = start("--once")
        assert again.rest() == 0, again.stderr()
    after = again.environment()
    assert after["INBOX"] != before["INBOX"]
    same = ("ACCOUNT_KEY", "INGEST_TOKEN", "ADMIN_TOKEN", "SIGNING_SECRET", "INBOX_CA")
    assert {k: after[k] for k in same} == {k: before[k] for k in same}
    assert len(arrivals(again.lines)) >= 5 + 4 + LIMIT + 15 + 2

    third = start()
    third.wait_line("1. Single")
    now = third.environment()
    moved = requests.get(now["CARILLON"] + webhooks, headers=headers, timeout=30).json()
    assert [(s["id"], s["type"], s["event"]) for s in moved] == [(s["id"], s["type"], s["event"]) for s in subscriptions]
    assert all(s["target"].startswith(now["INBOX"] + "/") for s in moved)
    assert third.stop() == 0


def test_a_suspended_endpoint_and_a_paused_subscription_do_not_stop_a_restart(start):
    one = start("--once", "--delivery.suspend-after-failures=1", "--delivery.suspend-after=0s")
    assert one.rest() == 0
    again = start()
    again.wait_line("The CRM lives on")
    values = again.environment()
    headers = {"Authorization": f"Bearer {values['ACCOUNT_KEY']}"}
    account = values["CARILLON"] + "/v1/accounts/demo"
    subscriptions = requests.get(account + "/subscriptions", headers=headers, timeout=30).json()["data"]
    assert len(subscriptions) == 7 and {s["status"] for s in subscriptions} == {"active"}
    for subscription in subscriptions:
        if subscription["copper"]["type"] == "company":
            paused = requests.patch(f"{account}/subscriptions/{subscription['id']}", headers=headers, timeout=30,
                                    json={"status": "paused"})
            assert paused.status_code == 200
    assert again.stop() == 0
    third = start("--once")
    assert third.rest() == 0, third.stderr()
    assert {who for who, *_ in arrivals(third.lines)} == {
        "mailing-list", "sales-board", "calendar", "phone-book", "broken-importer", "hangs-up"}


def test_a_signal_ends_it_in_the_middle_of_a_scene(start):
    one = start()
    one.wait_line("notifications wait")
    assert one.stop() == 0


def test_a_taken_address_is_told_with_what_to_do(start):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        one = start(listen=f"127.0.0.1:{taken.getsockname()[1]}")
        assert one.rest() == 1
    assert "can't listen on 127.0.0.1:" in one.stderr()
    assert "--http.listen=127.0.0.1:9090" in one.stderr()


def test_two_do_not_share_a_folder(start):
    one = start()
    one.wait_line("1. Single")
    before = one.environment()
    two = start()
    assert two.rest() == 1
    assert "carillon: " in two.stderr()
    assert one.environment() == before
    assert one.stop() == 0


def test_an_administrators_token_of_the_environment_is_used(start):
    one = start("--once", environment={"CARILLON_ADMIN_TOKEN": "cat_mine"})
    assert one.rest() == 0
    assert one.environment()["ADMIN_TOKEN"] == "cat_mine"


@pytest.mark.parametrize("arguments, code, text", [
    (["--events=x"], 2, "--events=x is not understood"),
    (["--evnts=1"], 1, "unknown option --evnts"),
    (["more"], 2, '"more" is not expected here'),
    (["--http.listne=1"], 1, "did you mean http.listen?"),
])
def test_bad_arguments_are_refused(tmp_path, arguments, code, text):
    done = subprocess.run([executable(), "playground", *arguments], cwd=tmp_path, capture_output=True, text=True,
                          timeout=60, env=clean_environment())
    assert done.returncode == code and text in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_help_says_what_it_takes(tmp_path):
    done = subprocess.run([executable(), "playground", "--help"], cwd=tmp_path, capture_output=True, text=True,
                          timeout=60, env=clean_environment())
    assert done.returncode == 0
    for word in ("--once", "--events=N", "--http.listen=", "--storage.directory=", "./var/playground"):
        assert word in done.stdout
