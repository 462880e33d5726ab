"""Links between nodes that are slow, and such that break: both cost time and nothing else."""

import itertools

from carillon.clock import wait_for
from carillon.cluster_books import flowing, wait_flowing

CLUSTER_SETUP = {"relays": True}

PAIRS = list(itertools.combinations(("node1", "node2", "node3"), 2))


def test_slow_links(cluster, books):
    """As between distant sites: each way takes a while."""
    before = cluster.configuration()
    with flowing(cluster, books.all) as load:
        for pair in PAIRS:
            cluster.network.slow(*pair, 0.06)
        wait_flowing(cluster, books.all, load)
    assert {n["state"] for log in books.balance(crashed=False) for n in log} == {"delivered"}
    assert cluster.configuration() == before


def all_reach_all(cluster):
    return all(view and [n["state"] for n in view["nodes"]] == ["reached"] * len(cluster.nodes)
               for view in map(cluster.view, cluster.nodes))


def test_links_that_break(cluster, books):
    """One after the other, then all at once, and each time they are made anew."""
    with flowing(cluster, books.all) as load:
        for pairs in [[pair] for pair in PAIRS] + [PAIRS]:
            for pair in pairs:
                assert cluster.network.drop(*pair) >= 1
            wait_for(lambda: all_reach_all(cluster), 20, lambda: "links anew: " + cluster.describe())
        wait_flowing(cluster, books.all, load)
    books.balance()
