"""Cuts in the network: whoever is cut off, no account is served by two nodes, and no event is lost or sent twice."""

import pytest
from carillon.cluster import ETCD, address_of
from carillon.cluster_books import flowing, wait_flowing
from carillon.clock import wait_for

CLUSTER_SETUP = {"relays": True}


def no_longer_reaches(cluster, node, other):
    """The node has seen that nothing comes from the other any more."""
    def seen():
        view = cluster.view(node)
        return view and not any(one["name"] == address_of(other) and one["state"] == "reached" for one in view["nodes"])
    wait_for(seen, 20, lambda: f"{node.folder.name} without {other.folder.name}: {cluster.describe()}")


def test_two_nodes_cut_from_each_other(cluster, books):
    one, other, third = cluster.nodes
    with flowing(cluster, books.all) as load:
        cluster.cut(one, other)
        no_longer_reaches(cluster, one, other)
        no_longer_reaches(cluster, other, one)
        wait_flowing(cluster, books.all, load)
        cluster.network.mend()
    books.balance()


@pytest.mark.parametrize("etcd", [False, True], ids=["not from etcd", "and from etcd"])
def test_a_node_cut_from_all_others(cluster, books, etcd):
    alone = cluster.nodes[0]
    others = cluster.others(alone)
    shard = books.shards[alone]
    identity = cluster.id_of(alone)
    with flowing(cluster, books.all, through=others) as load, \
            flowing(cluster, books.all, through=[alone], threads=2) as lonely:
        cluster.cut(alone, *others, *([ETCD] if etcd else []))
        no_longer_reaches(cluster, alone, others[0])
        no_longer_reaches(cluster, alone, others[1])
        acknowledged, refused = lonely.statuses[202], lonely.statuses[503]
        wait_for(lambda: cluster.leader_of(shard, others) not in (identity, None), 20,
                 lambda: "another primary: " + cluster.describe())
        wait_flowing(cluster, books.all, load)
        # Alone it takes nothing, and says so.
        wait_for(lambda: lonely.statuses[503] > refused, 20, lambda: f"a refusal: {lonely.statuses}")
        assert lonely.statuses[202] == acknowledged
        cluster.network.mend()
    books.balance()


@pytest.mark.parametrize("deaf", [True, False], ids=["hears nothing", "is not heard"])
def test_a_node_cut_from_all_others_one_way(cluster, books, deaf):
    half = cluster.nodes[1]
    others = cluster.others(half)
    with flowing(cluster, books.all, through=others) as load:
        for other in others:
            ways = (other, half) if deaf else (half, other)
            cluster.network.cut_one_way(*(one.folder.name for one in ways))
        for other in others:
            no_longer_reaches(cluster, half, other)
            no_longer_reaches(cluster, other, half)
        wait_flowing(cluster, books.all, load)
        cluster.network.mend()
    books.balance()


def test_a_node_cut_from_etcd_alone_goes_on(cluster, books):
    """It serves what it served, beyond the end of its lease, and nobody takes that for death."""
    apart = cluster.nodes[2]
    before = cluster.configuration()
    identity = cluster.id_of(apart)
    with flowing(cluster, books.all) as load:
        cluster.cut(apart, ETCD)
        wait_for(lambda: identity not in cluster.registered(), 20, "the end of its lease")
        wait_flowing(cluster, books.all, load)
        apart.wait_for_log("the configuration store doesn't answer; what is served goes on")
        assert cluster.configuration() == before
        cluster.network.mend()
    wait_for(lambda: identity in cluster.registered(), 20, "its return")
    assert {n["state"] for log in books.balance(crashed=False) for n in log} == {"delivered"}


def test_a_key_that_is_revoked_behind_a_nodes_back(cluster, tenants):
    """Who can't know any more which keys are good answers nobody by them."""
    alone, *others = cluster.nodes
    account = tenants.led_by(alone)[0].account
    there = cluster.at(account, alone)
    assert there.call("GET", "/usage").status == 200
    cluster.cut(alone, *others, ETCD)
    revoke = f"{account.path}/keys/{account.key_id}"
    wait_for(lambda: others[0].api.call("DELETE", revoke).status in (200, 204), 20, "a revocation without it")
    wait_for(lambda: there.call("GET", "/usage").slug == "no-quorum", 20, "a refusal", pause=0.1)
    cluster.network.mend()
    wait_for(lambda: there.call("GET", "/usage").status == 401, 20, "an end of the key", pause=0.1)
