"""An account on each node of a cluster, events that flow into it while something befalls the cluster, and the books
afterwards."""

import contextlib

from .clock import wait_for
from .cluster import Entrances
from .cluster_load import WINDOWS
from .ledger import Load
from .receiver import Answer

# More than these, and an account's events must flow.
_SOME = 20


class Books:
    """An account on each node, and its ledger. `of(node)` is that of the account which the node led at first."""

    def __init__(self, cluster, receiver, tenants):
        self.cluster = cluster
        self._of = {}
        self.shards = {}
        for node in cluster.running():
            [self._of[node]] = tenants.led_by(node)
            self.shards[node] = self._of[node].shard
            # Slow enough that some POSTs are under way whatever happens.
            receiver.on(self._of[node].path, Answer(wait=0.02))
        self.all = list(self._of.values())

    def of(self, node):
        return self._of[node]

    def balance(self, crashed=True, seconds=60):
        """The cluster is whole again, and each node shows books that hold. Gives the logs."""
        self.cluster.wait_healthy(seconds)
        logs = []
        for ledger in self.all:
            for node in self.cluster.running():
                ledger.account = self.cluster.at(ledger.account, node)
                logs.append(ledger.check(crashed=crashed, windows=WINDOWS))
        return logs


def wait_flowing(cluster, ledgers, load, count=_SOME, seconds=40):
    """Until so many more events of each account were accepted."""
    before = [len(one.accepted) for one in ledgers]
    wait_for(lambda: all(len(one.accepted) >= was + count for one, was in zip(ledgers, before)), seconds,
             lambda: f"events of {[one.account.name for one in ledgers]}: "
                     f"{[len(one.accepted) - was for one, was in zip(ledgers, before)]} {load.statuses}\n"
                     + cluster.describe())


@contextlib.contextmanager
def flowing(cluster, ledgers, through=None, threads=4, make=None):
    """Posts events by these nodes (all), before, during and after what is done inside."""
    load = Load(Entrances(through or cluster.nodes), ledgers, threads=threads, make=make).start()
    try:
        wait_flowing(cluster, ledgers, load)
        yield load
        wait_flowing(cluster, ledgers, load)
    finally:
        load.stop()
