"""`carillon playground`: what a newcomer sees in the first minute, and what stays on the disk."""

import re
import socket
import subprocess

import pytest
import requests
from carillon.clock import wait_for
from carillon.node import die_with_parent, executable
from carillon.playground import Playground, arrivals, clean_environment, playgrounds

LIMIT, SECONDS = 30, 10


@pytest.fixture
def start(tmp_path):
    with playgrounds(tmp_path) as make:
        yield make


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


def test_a_filter_lets_only_big_open_deals_through(played):
    lines = scene(played, 5)
    assert [(who, what, count, answer, note) for who, what, count, _, answer, note in arrivals(lines)] == [
        ("big-deals", "Opportunity.Create", "1", "200", "signed")]


def test_a_new_owner_arrives_with_its_record_and_a_new_name_does_not(played):
    seen = arrivals(scene(played, 6))
    assert sorted((who, what) for who, what, *_ in seen) == [
        ("accounting", "company update"), ("accounting", "company update"), ("territory", "Account.Update")]
    # The first of Copper's arrivals is the new name.
    assert seen[0][0] == "accounting"
    [note] = [note for who, *_, note in seen if who == "territory"]
    assert re.fullmatch(r"signed, owner [A-Z]\w+ [A-Z]\w+", note)


def test_a_bulk_change_arrives_in_delayed_chunks(played):
    seen = arrivals(scene(played, 7))
    chunks = [(what, count, note) for who, what, count, _, _, note in seen if who == "importer"]
    assert chunks == [("Contact.Update", count, "signed, chunk_delay 2") for count in ("40", "40", "20")]
    late = [int(ms) for who, _, _, ms, _, _ in seen if who == "importer"]
    # None goes before it is due; the clocks of both ends are read in milliseconds.
    assert all(ms >= 2000 * i - 10 for i, ms in enumerate(late))
    assert sorted(int(count) for who, _, count, *_ in seen if who == "phone-book") == [10, 30, 30, 30]


def test_a_skip_key_breaks_the_loop(played):
    lines = scene(played, 8)
    assert [(who, what, count, note) for who, what, count, _, _, note in arrivals(lines)] == [
        ("two-way-sync", "Task.Update", "1", "signed")]
    assert "  --  two-way-sync wrote it back with its key: accepted, 0 notifications, no loop" in lines


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
    assert script.count("curl ") == 5 and ". " in script.splitlines()[0]

    def run():
        return subprocess.run(["bash", "-euc", script], cwd=one.folder, capture_output=True, text=True, timeout=60,
                              env=clean_environment(), preexec_fn=die_with_parent)

    first = run()
    assert first.returncode == 0, first.stderr
    assert '"accepted":1' in first.stdout and '"type":"person","event":"new"' in first.stdout
    assert '"success":true' in first.stdout and '"events":["Contact.Create"]' in first.stdout
    assert '"state":"rejected"' in first.stdout
    one.wait_line("mailing-list")
    # The subscription was made after the first event: the second one reaches it, as printed.
    assert run().returncode == 0
    values = one.environment()
    for name in ("mine", "mine-too"):
        wait_for(lambda: requests.get(f"{values['INBOX']}/inbox/{name}", verify=values["INBOX_CA"],
                                      timeout=30).json()["data"], 30, f"an arrival for {name}")
        assert one.wait_arrival(name)[-1] == "unsigned"
    assert one.stop() == 0


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
