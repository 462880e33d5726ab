"""Accounts on a cluster's nodes, and events for them that go on through whatever happens to those."""

from .clock import boot_ns, wait_for
from .cluster import Entrances, shard_of
from .ledger import Load

WINDOWS = [(40, 2)]
# Enough to have something under way at every moment, and so little that the nodes have the machine.
PACE = 0.01
# Where one comes to lie is chance; of so many some are everywhere.
MOST_ACCOUNTS = 200
LIMITS = [{"count": count, "seconds": seconds} for count, seconds in WINDOWS]


def everywhere(cluster, account):
    """The account, as it is reached by each running node."""
    return [cluster.at(account, node) for node in cluster.running()]


def wait_until_known(cluster, account):
    """What one node made is another's a moment later."""
    for there in everywhere(cluster, account):
        wait_for(lambda there=there: there.call("GET", "/usage").status == 200, 5, f"{account.name} on every node")


def subscribed(cluster, receiver, ledger_of, number=0, event="new", **more):
    """An account with a subscription, its ledger, and the shard that it is in."""
    account = cluster.nodes[number].api.account(**more)
    path = f"/{account.name}"
    wait_until_known(cluster, account)
    shard = shard_of(account.subscribe(receiver.url(path), event=event))
    ledger = ledger_of(account, receiver, path)
    ledger.shard = shard
    return account, ledger, shard


class Tenants:
    """Accounts by who holds their shards. Made as asked for: where one comes to lie is chance."""

    def __init__(self, cluster, receiver, ledger_of, limits=LIMITS):
        self.cluster = cluster
        self._make = lambda: subscribed(cluster, receiver, ledger_of, limits=limits)[1:]
        self._idle = []

    def led_by(self, node, count=1, with_member=None):
        """Ledgers of accounts whose shards this node leads; with `with_member`, and that one holds, too."""
        seen = self.cluster.view(node)
        leader, member = seen["self"], self.cluster.id_of(with_member) if with_member else None
        held = {s["shard"]: {m["node"] for m in s["members"]} for s in seen["shards"] if s["primary"] == leader}
        found = []
        for _ in range(MOST_ACCOUNTS):
            if len(found) == count:
                return found
            fits = next((t for t in self._idle if t[1] in held and (member is None or member in held[t[1]])), None)
            if fits:
                self._idle.remove(fits)
                found.append(fits[0])
            else:
                self._idle.append(self._make())
        raise AssertionError(f"{node.folder.name} leads too few of {MOST_ACCOUNTS} accounts: {self.cluster.describe()}")

    def of_every_node(self, count=1):
        """So many for each running node."""
        return [one for node in self.cluster.running() for one in self.led_by(node, count)]


def answered_since(ledger, moment):
    """Of the events that were posted after this moment (boot time): (when the 202 came, the events' ids)."""
    found = []
    for sent, came, ids in reversed(ledger.answers):
        if came < moment - 10**9:
            break  # they are in the order of their answers, but for the turn of threads
        if sent > moment:
            found.append((came, ids))
    return found


class Stream:
    """Posts to all nodes, the next event of each account in turn, until the end of the `with`. `at`: to this node only,
    however it is."""

    def __init__(self, cluster, ledgers, threads=6, at=None, timeout=10):
        self.cluster = cluster
        self.ledgers = ledgers
        self._load = Load(at or Entrances(cluster.nodes), ledgers, threads=threads, make=lambda a: a.event(),
                          timeout=timeout, pace=PACE)

    def __enter__(self):
        self._load.start()
        return self

    def __exit__(self, kind, problem, trace):
        if kind is None:
            self._load.stop()
        else:
            self._load._stop.set()

    @property
    def statuses(self):
        return self._load.statuses

    @property
    def refusals(self):
        return self._load.refusals

    def stands_still(self, quiet, seconds=30):
        """Waits until nothing was accepted for so long."""
        wait_for(lambda: boot_ns() - max(one.answers[-1][1] for one in self.ledgers) >= quiet * 1e9, seconds,
                 "an end of acknowledgements")

    def flows(self, count=1, seconds=30, since=None):
        """Waits until so many events of every account were posted after `since` (now) and accepted. Gives how long
        after that the first ones were, of the account that waited longest, in seconds."""
        since = boot_ns() if since is None else since

        def enough():
            assert not self._load.problems, self._load.problems[:3]
            return all(len(answered_since(one, since)) >= count for one in self.ledgers)

        wait_for(enough, seconds,
                 lambda: f"events of every account: {self.statuses} {self.refusals}\n{self.cluster.describe()}",
                 pause=0.005)
        return max(min(answered_since(one, since))[0] - since for one in self.ledgers) / 1e9


def settle_books(cluster, ledgers, crashed=True, at=None, windows=WINDOWS, seconds=60):
    """The ledger check of each, as the node `at` (or any) tells it. Gives the logs."""
    node = at or cluster.running()[0]
    logs = []
    for one in ledgers:
        one.account = cluster.at(one.account, node)
        logs.append(one.check(crashed=crashed, windows=windows, seconds=seconds))
    return logs


def close_books(cluster, ledgers, **more):
    """The cluster has its wanted members, and each node tells the same books (see `settle_books`). Gives the logs."""
    cluster.wait_healthy()
    logs = [settle_books(cluster, ledgers, at=node, **more) for node in cluster.nodes]
    assert all(log == logs[0] for log in logs)
    return logs[0]
