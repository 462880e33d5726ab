"""An etcd and a few `carillon serve` nodes that are members of one cluster."""

import base64
import copy
import itertools
import json
import signal
import shutil
import socket
import subprocess

import requests

from .clock import wait_for
from .node import Node, die_with_parent, write_master_keys

SHARDS = 64
SYSTEM_SHARD = 0xFFFF
NAME = "test"


def free_port(host="127.0.0.1"):
    with socket.socket() as one:
        one.bind((host, 0))
        return one.getsockname()[1]


class Etcd:
    """One member, alone. It ends with the test's process."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(parents=True)
        self.url = f"http://127.0.0.1:{free_port()}"
        self._peer = f"http://127.0.0.1:{free_port()}"
        self.process = None

    def start(self):
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                ["etcd", "--name", "one", "--data-dir", str(self.folder / "data"),
                 "--listen-client-urls", self.url, "--advertise-client-urls", self.url,
                 "--listen-peer-urls", self._peer, "--initial-advertise-peer-urls", self._peer,
                 "--initial-cluster", f"one={self._peer}", "--heartbeat-interval", "50", "--election-timeout", "500"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_parent)
        wait_for(self.leads, 30, lambda: f"an etcd:\n{(self.folder / 'log').read_text()[-2000:]}")
        return self

    def leads(self):
        try:
            health = requests.get(f"{self.url}/health", timeout=2).json()
        except (requests.RequestException, ValueError):
            return False
        return health.get("health") == "true"

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def kill(self):
        self.process.kill()
        self.process.wait(10)
        self.process = None

    def close(self):
        if self.process is not None:
            self.kill()

    def entries(self, prefix):
        """{key: JSON value} of all keys that begin so."""
        end = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        answer = requests.post(f"{self.url}/v3/kv/range", timeout=5, json={
            "key": base64.b64encode(prefix.encode()).decode(), "range_end": base64.b64encode(end.encode()).decode()})
        answer.raise_for_status()
        return {base64.b64decode(one["key"]).decode(): json.loads(base64.b64decode(one["value"]))
                for one in answer.json().get("kvs", [])}


class Cluster:
    """`settings` are every node's; `size` nodes are made, and started together."""

    def __init__(self, folder, authority, size=3, settings=None):
        self.folder = folder
        self.authority = authority
        self.settings = settings or {}
        self.etcd = Etcd(folder / "etcd")
        self.nodes = []
        write_master_keys(folder / "master.keys", "first")
        for _ in range(size):
            self.add()

    def add(self):
        """One node more, not started."""
        number = len(self.nodes) + 1
        # An address of its own, so that a certificate is one node's and no other's; not 127.0.0.1, where anybody's
        # connection may take the port while the node is down.
        address = f"127.0.0.{number + 1}"
        certificate, key = self.authority.issue(f"{self.folder.name}-member{number}", hosts=(address,))
        node = Node(self.folder / f"node{number}", self.authority, {
            "auth.master-key-file": str(self.folder / "master.keys"),
            "cluster.name": NAME,
            "cluster.etcd": [self.etcd.url],
            "cluster.listen": f"{address}:{free_port(address)}",
            "cluster.certificate": str(certificate),
            "cluster.key": str(key),
            "cluster.ca": str(self.authority.path),
            **self.settings,
        })
        self.nodes.append(node)
        return node

    def start(self, seconds=120):
        self.etcd.start()
        for node in self.nodes:
            node.start(wait=False)
        for node in self.nodes:
            node.wait_ready(seconds)
        self.wait_healthy(seconds)
        return self

    def close(self):
        for node in self.nodes:
            node.close()
        self.etcd.close()

    def recover(self):
        """Whatever a test has done to them: all nodes run, no fault waits for its moment, the wanted members are there."""
        self.etcd.go_on()
        started = []
        for node in self.nodes:
            if node.fault.exists():
                node.fault.unlink()
                if node.running():
                    node.kill()
            if node.stopped():
                self.go_on(node)
            if node.process is not None and not node.running():
                node.wait_end()
            if node.process is None:
                started.append(node.start(wait=False))
        for node in started:
            node.wait_ready()
        self.wait_healthy()

    # --- faults ---

    @staticmethod
    def kill(*nodes):
        """kill -9, at once: none of them has the time to hear of another's end."""
        for node in nodes:
            node.signal(signal.SIGKILL)
        for node in nodes:
            assert node.wait_end() == -signal.SIGKILL

    @staticmethod
    def pause(node):
        node.signal(signal.SIGSTOP)

    @staticmethod
    def go_on(node):
        node.signal(signal.SIGCONT)

    @staticmethod
    def wipe(node):
        """A node that doesn't run loses its disk."""
        assert node.process is None
        shutil.rmtree(node.store)

    # --- how it is ---

    def running(self):
        return [node for node in self.nodes if node.running()]

    def view(self, node=None):
        """The cluster as one node sees it; None when that doesn't answer."""
        node = node or next(iter(self.running()))
        try:
            answer = node.api.call("GET", "/v1/cluster", timeout=5, check=False)
        except requests.RequestException:
            return None
        return answer.json if answer.status == 200 else None

    def is_healthy(self):
        """Every running node sees every running node and nothing to move, all agree who leads what, and every member
        has its whole shard."""
        views = [self.view(node) for node in self.running()]
        if not views or not all(v and v["healthy"] and not v["moves"] for v in views):
            return False
        if any(len(v["nodes"]) != len(views) for v in views):
            return False
        shards = views[0]["shards"]
        return (all(v["shards"] == shards for v in views)
                and all(m["role"] == "full" for s in shards for m in s["members"]))

    def can_lose_one(self):
        """Every shard has as many whole copies as it is to have, and each running node knows it; shards may be on the
        move."""
        views = [self.view(node) for node in self.running()]
        return len(views) == len(self.nodes) and all(
            v and v["healthy"] and len(v["nodes"]) == len(views) and v["shards"] == views[0]["shards"] for v in views)

    def wait_healthy(self, seconds=120):
        wait_for(self.is_healthy, seconds, lambda: "a healthy cluster: " + self.describe(), pause=0.1)

    def describe(self):
        out = []
        for node in self.nodes:
            seen = self.view(node) if node.running() else None
            if seen is None:
                out.append(f"{node.folder.name}: {'no answer' if node.running() else 'down'}")
                continue
            roles = [f"{s['shard']}@{s['epoch']}:" + ",".join(f"{m['node'][:4]}={m['role']}" for m in s["members"])
                     for s in seen["shards"]]
            out.append(f"{node.folder.name}: healthy={seen['healthy']} nodes={[n['id'][:4] for n in seen['nodes']]} "
                       f"moves={seen['moves'][:4]} shards={roles[:6]}…")
        return "\n".join(out)

    # --- who has what ---

    def id_of(self, node):
        """The id of a node's store, found by the address at which others know it."""
        address = node.settings["cluster.listen"]
        for seen in filter(None, map(self.view, self.running())):
            for one in seen["nodes"]:
                if one["name"] == address:
                    return one["id"]
        raise AssertionError(f"no node is known at {address}: {self.describe()}")

    def primary_of(self, shard):
        """The running node that leads the shard; None when no running one does."""
        names = {}
        leads = None
        for seen in filter(None, map(self.view, self.running())):
            names.update({n["id"]: n["name"] for n in seen["nodes"]})
            for one in seen["shards"]:
                if one["shard"] == shard and (leads is None or one["epoch"] > leads["epoch"]):
                    leads = one
        return next((n for n in self.running()
                     if leads and n.settings["cluster.listen"] == names.get(leads["primary"])), None)

    def at(self, account, node):
        """The account as it is reached by another node; event numbers go on."""
        there = copy.copy(account)
        there.api = node.api
        return there


def shard_of(subscription):
    """A Copper subscription's id is a counter of its shard times the number of shards, plus the shard."""
    return subscription["id"] % SHARDS


class Entrances:
    """What a load balancer does: each connection goes to the next node that runs and isn't stopped. For `Load`."""

    def __init__(self, nodes):
        self.nodes = nodes
        self._turn = itertools.count()

    @property
    def address(self):
        for _ in self.nodes:
            node = self.nodes[next(self._turn) % len(self.nodes)]
            if node.running() and not node.stopped():
                return node.address
        raise ConnectionRefusedError("no node runs")
