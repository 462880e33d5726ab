"""The benchmark's tools: what they count is what was, and a run that keeps the promises ends well."""

import json
import os
import pathlib
import signal
import socket
import ssl
import struct
import subprocess
import urllib.request
import xml.etree.ElementTree

import pytest
from carillon.clock import wait_for
from carillon.node import die_with_parent, executable


def bench(*arguments, environment=None, seconds=120):
    return subprocess.run([executable("carillon-bench"), *arguments], capture_output=True, text=True, timeout=seconds,
                          env={**os.environ, **(environment or {})}, stdin=subprocess.DEVNULL, preexec_fn=die_with_parent)


class Sink:
    def __init__(self, folder):
        self.process = subprocess.Popen([executable("carillon-bench"), "sink", f"--ca-dir={folder}"], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=die_with_parent)
        self.url = self.process.stdout.readline().split()[-1]
        authority = self.process.stdout.readline().partition(": ")[2].strip()
        self.trust = ssl.create_default_context(cafile=authority)

    def post(self, webhook_id=None):
        headers = {"webhook-id": webhook_id} if webhook_id else {}
        request = urllib.request.Request(self.url + "/x", data=b'{"ids":[1]}', headers=headers)
        with urllib.request.urlopen(request, context=self.trust, timeout=20) as answer:
            assert answer.status == 200 and answer.read() == b""

    def ask(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(20) == 0
        self.process.stdout.close()


@pytest.fixture
def sink(tmp_path):
    made = Sink(tmp_path / "ca")
    yield made
    made.close()


def test_the_sink_outlives_peers_that_leave(sink):
    host, port = sink.url.removeprefix("https://").split(":")
    for _ in range(20):
        with socket.create_connection((host, int(port)), timeout=20) as plain:
            tls = sink.trust.wrap_socket(plain, server_hostname=host)
            # Reset with answers under way: what it writes then goes nowhere.
            tls.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            for _ in range(50):
                tls.sendall(b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
            tls.close()
    sink.post("msg_1")
    assert sink.ask("stats")["webhooks"] == 1


def test_the_sink_tells_doubles(sink):
    for webhook_id in ("msg_1", "msg_2", None, None, "msg_1"):
        sink.post(webhook_id)
    stats = sink.ask("stats")
    assert (stats["requests"], stats["webhooks"], stats["doubled_webhooks"]) == (5, 3, 1)
    sink.ask("reset")
    sink.post("msg_1")
    stats = sink.ask("stats")
    assert (stats["requests"], stats["webhooks"], stats["doubled_webhooks"]) == (1, 1, 0)


@pytest.mark.parametrize("batch, count", [(1, 40), (10, 200)])
def test_the_generator_posts_what_it_says(account, receiver, batch, count):
    account.subscribe(receiver.url(), event="update")
    token = account.api.token(["ingest"])["token"]
    done = bench("load", f"--port={account.api.node.address[1]}", f"--account={account.name}", f"--batch={batch}",
                 f"--count={count}", "--flat-out", "--connections=4", "--seconds=60",
                 environment={"CARILLON_BENCH_TOKEN": token})
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["requests"], told["posted"], told["accepted"]) == (count // batch, count, count)
    wait_for(lambda: len(receiver.arrivals) >= count, 30, lambda: f"{count} POSTs, not {len(receiver.arrivals)}")
    # Nothing merges: one notification an event.
    assert sorted(arrival.json["ids"][0] for arrival in receiver.arrivals) == list(range(1, count + 1))


def test_the_generator_tells_refusals(account):
    done = bench("load", f"--port={account.api.node.address[1]}", f"--account={account.name}", "--count=3", "--flat-out",
                 environment={"CARILLON_BENCH_TOKEN": "cat_wrong"})
    assert done.returncode == 1
    assert json.loads(done.stdout)["refused"] == {"401": 3}


def test_a_row_ends_well(tmp_path):
    figures = tmp_path / "figures.json"
    done = bench("table", "--quick", f"--node={executable()}", f"--folder={tmp_path}/run", f"--json={figures}", "deliver-single")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Nothing was lost, nothing doubled, no process died." in done.stdout
    told = {f["figure"]: f["median"] for f in json.loads(figures.read_text())["figures"]}
    assert told["delivered notifications"] > 0 and told["node CPU per delivered notification"] > 0
    assert list((tmp_path / "run").iterdir()) == [], "the stores are left behind"


def test_what_was_measured_is_drawn(tmp_path):
    done = bench("table", "--quick", f"--node={executable()}", f"--folder={tmp_path}/run", f"--plot={tmp_path}/drawn")
    assert done.returncode == 0, done.stdout + done.stderr
    for name, lines in (("latency-over-load", ["p50", "p90", "p99"]), ("cost-over-subscriptions", ["node"])):
        svg = xml.etree.ElementTree.parse(tmp_path / "drawn" / f"{name}.svg").getroot()
        texts = [text.text for text in svg.iter("{http://www.w3.org/2000/svg}text")]
        assert all(line in texts for line in lines), texts


@pytest.mark.parametrize("row", ["syncs", "dead-name", "handshakes", "backlog", "sleeping"])
def test_more_rows_end_well(tmp_path, row):
    done = bench("table", "--quick", f"--node={executable()}", f"--folder={tmp_path}/run", row)
    assert done.returncode == 0, done.stdout + done.stderr
    assert list((tmp_path / "run").iterdir()) == [], "the stores are left behind"


def test_a_node_that_dies_fails_the_run(tmp_path):
    process = subprocess.Popen([executable("carillon-bench"), "table", "--rounds=1", f"--node={executable()}",
                                f"--folder={tmp_path}/run", "deliver-single"], text=True, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=die_with_parent)
    children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children")
    node = wait_for(lambda: children.read_text().split(), 30, "a node")[0]
    # Its store is there once it runs.
    wait_for(lambda: list(tmp_path.glob("run/*/node1/store/*")), 30, "a store")
    os.kill(int(node), signal.SIGKILL)
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 1, out + errors
    assert "Nothing was lost" not in out


def test_an_interrupted_run_leaves_nothing(tmp_path):
    process = subprocess.Popen([executable("carillon-bench"), "table", "--rounds=1", f"--node={executable()}",
                                f"--folder={tmp_path}/run", "deliver-single"], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=die_with_parent)
    wait_for(lambda: list(tmp_path.glob("run/*/node1/store/*")), 30, "a store")
    node = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0]
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 128 + signal.SIGINT
    wait_for(lambda: not os.path.exists(f"/proc/{node}"), 30, "the node's end")
    assert list((tmp_path / "run").iterdir()) == []


@pytest.mark.parametrize("arguments", [["table", "no-such-row"], ["table", "--rounds=x"], ["load"], ["sink", "--colour"], ["x"], []])
def test_wrong_arguments(arguments):
    done = bench(*arguments, environment={"CARILLON_BENCH_TOKEN": ""})
    assert done.returncode == 2, done.stdout + done.stderr
