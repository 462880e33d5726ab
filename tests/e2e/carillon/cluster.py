"""An etcd and a few `carillon serve` nodes that are members of one cluster."""

import base64
import copy
import itertools
import json
import re
import shutil
import signal
import socket
import subprocess

import requests

from .clock import wait_for
from .network import ETCD, Network
from .node import Node, die_with_parent, write_master_keys

SHARDS = 64
SYSTEM_SHARD = 0xFFFF
NAME = "test"


def free_port(host="127.0.0.1"):
    with socket.socket() as one:
        one.bind((host, 0))
        return one.getsockname()[1]


class EtcdMember:
    """One process of etcd. It ends with the test's process."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(parents=True)
        self.url = f"http://127.0.0.1:{free_port()}"
        self.peer = f"http://127.0.0.1:{free_port()}"
        self.process = None

    def start(self, everyone):
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                ["etcd", "--name", self.folder.name, "--data-dir", str(self.folder / "data"),
                 "--listen-client-urls", self.url, "--advertise-client-urls", self.url,
                 "--listen-peer-urls", self.peer, "--initial-advertise-peer-urls", self.peer,
                 "--initial-cluster", ",".join(f"{one.folder.name}={one.peer}" for one in everyone),
                 "--heartbeat-interval", "50", "--election-timeout", "500"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_parent)

    def call(self, path, request):
        answer = requests.post(f"{self.url}/v3/{path}", json=request, timeout=5)
        answer.raise_for_status()
        return answer.json()

    def has_leader(self):
        """Of a majority that answers it, too."""
        try:
            return requests.get(f"{self.url}/health", timeout=2).json().get("health") == "true"
        except (requests.RequestException, ValueError):
            return False

    def is_leader(self):
        status = self.call("maintenance/status", {})
        return status["leader"] == status["header"]["member_id"]

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            self.process = None


def _base64(text):
    return base64.b64encode(text.encode()).decode()


class Etcd:
    """`size` members; what is done to it is done to all that run."""

    def __init__(self, folder, size=1):
        self.members = [EtcdMember(folder / f"member{i + 1}") for i in range(size)]

    def start(self):
        for one in self.members:
            if one.process is None:
                one.start(self.members)
        wait_for(lambda: all(one.has_leader() for one in self.members), 30,
                 lambda: "an etcd:\n" + "\n".join((m.folder / "log").read_text()[-2000:] for m in self.members))
        return self

    def running(self):
        return [one for one in self.members if one.process is not None]

    def leader(self):
        return wait_for(lambda: next((m for m in self.running() if m.has_leader() and m.is_leader()), None), 30,
                        "a leader of etcd")

    def pause(self):
        for one in self.running():
            one.pause()

    def go_on(self):
        for one in self.running():
            one.go_on()

    def kill(self):
        for one in self.members:
            one.kill()

    close = kill

    def wipe(self):
        """It has lost all that it knew; it doesn't run."""
        for one in self.members:
            assert one.process is None
            shutil.rmtree(one.folder / "data")

    def keep(self):
        """Copies its data, as a backup does; it doesn't run."""
        for one in self.members:
            assert one.process is None
            shutil.copytree(one.folder / "data", one.folder / "backup")

    def bring_back(self):
        """Puts that copy in place of what there is; it doesn't run."""
        self.wipe()
        for one in self.members:
            (one.folder / "backup").rename(one.folder / "data")

    def call(self, path, request):
        return self.running()[0].call(path, request)

    def entries(self, prefix):
        """{key: JSON value} of all keys that begin so."""
        end = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        answer = self.call("kv/range", {"key": _base64(prefix), "range_end": _base64(end)})
        return {base64.b64decode(one["key"]).decode(): json.loads(base64.b64decode(one["value"]))
                for one in answer.get("kvs", [])}

    def value(self, key):
        """As it is; None when there is no such key."""
        found = self.call("kv/range", {"key": _base64(key)}).get("kvs", [])
        return base64.b64decode(found[0]["value"]) if found else None

    def put(self, key, value, lease=0):
        return self.call("kv/put", {"key": _base64(key), "value": _base64(value), "lease": str(lease)})

    def erase(self, key):
        return self.call("kv/deleterange", {"key": _base64(key)})

    def compact(self):
        """Forgets all history: who watches from an earlier revision is told to read anew."""
        now = self.call("kv/range", {"key": _base64("/")})["header"]["revision"]
        self.call("kv/compaction", {"revision": now, "physical": True})

    def end_leases(self):
        """Every lease ends at once. Gives how many there were."""
        leases = self.call("lease/leases", {}).get("leases", [])
        for one in leases:
            self.call("lease/revoke", {"ID": one["ID"]})
        return len(leases)


class Cluster:
    """`settings` are every node's; `size` nodes are made, and started together. With `relays` there is a
    `network` between them, and between them and etcd."""

    def __init__(self, folder, authority, size=3, settings=None, etcd_size=1, relays=False):
        self.folder = folder
        self.authority = authority
        self.settings = settings or {}
        self.network = Network() if relays else None
        self.etcd = Etcd(folder / "etcd", etcd_size)
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
        name = f"node{number}"
        listen = f"{address}:{free_port(address)}"
        etcd = [one.url for one in self.etcd.members]
        advertise = None
        if self.network:
            etcd = ["http://" + self.network.relay("127.0.0.1", url.removeprefix("http://"), ETCD, name) for url in etcd]
            advertise = self.network.relay(address, listen, name)
        node = Node(self.folder / name, self.authority, {
            "auth.master-key-file": str(self.folder / "master.keys"),
            "cluster.name": NAME,
            "cluster.etcd": etcd,
            "cluster.listen": listen,
            "cluster.advertise": advertise,
            "cluster.certificate": str(certificate),
            "cluster.key": str(key),
            "cluster.ca": str(self.authority.path),
            **self.settings,
        })
        if self.network:
            self.network.join(name, lambda: node.process and node.process.pid)
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
        if self.network:
            self.network.close()

    def recover(self):
        """Whatever a test has done to them: all nodes run, no fault waits for its moment, the wanted members are there."""
        self.etcd.go_on()
        self.etcd.start()
        if self.network:
            self.network.mend()
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

    def cut(self, node, *others):
        """Nothing gets through between the node and each of the others, which are nodes or `ETCD`."""
        for other in others:
            self.network.cut(node.folder.name, other if other is ETCD else other.folder.name)

    def others(self, node):
        return [one for one in self.nodes if one is not node]

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
        """The cluster as one node sees it, without how far members are, which no two nodes tell at the same time; None
        when that doesn't answer."""
        seen = self.full_view(node)
        for shard in seen["shards"] if seen else []:
            shard["members"] = [{"node": m["node"], "role": m["role"]} for m in shard["members"]]
        return seen

    def full_view(self, node=None):
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

    def member(self, shard, who, seen_by):
        """What a node tells of a shard's member; None when it doesn't answer, or the node `who` is none."""
        seen = self.full_view(seen_by)
        return next((m for s in (seen["shards"] if seen else []) if s["shard"] == shard
                     for m in s["members"] if m["node"] == who), None)

    def id_of(self, node):
        """The id of a node's store, found by the address at which others know it."""
        address = address_of(node)
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
                     if leads and address_of(n) == names.get(leads["primary"])), None)

    def leader_of(self, shard, seen_by=None):
        """The id of the shard's primary in the newest configuration that these nodes (all) know; None without any."""
        seen = [one for view in map(self.view, seen_by or self.running()) if view
                for one in view["shards"] if one["shard"] == shard]
        return max(seen, key=lambda one: one["epoch"])["primary"] if seen else None

    def configuration(self):
        """What etcd says of each shard."""
        entries = self.etcd.entries(f"/carillon/{NAME}/shards/")
        return {int(key.rpartition("/")[2]): value for key, value in entries.items()}

    def founder(self):
        """The id of the store that the cluster began with."""
        identity = base64.b64decode(self.etcd.value(f"/carillon/{NAME}/identity"))
        return re.search(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", identity)[0].decode()

    def registered(self):
        """The ids of the nodes whose lease lives, as etcd says."""
        return {key.rpartition("/")[2] for key in self.etcd.entries(f"/carillon/{NAME}/nodes/")}

    def at(self, account, node):
        """The account as it is reached by another node; event numbers go on."""
        there = copy.copy(account)
        there.api = node.api
        return there


def address_of(node):
    """At which other nodes know it."""
    return node.settings["cluster.advertise"] or node.settings["cluster.listen"]


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
