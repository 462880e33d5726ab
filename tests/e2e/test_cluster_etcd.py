"""Failures of etcd: it decides who leads, it never carries an event."""

from carillon.clock import steadily, wait_for
from carillon.cluster import ETCD
from carillon.cluster_books import flowing, wait_flowing

CLUSTER_SETUP = {"etcd_size": 3, "relays": True}


def all_delivered(logs):
    return {n["state"] for log in logs for n in log} == {"delivered"}


def test_the_end_of_etcds_leader_stops_nothing(cluster, books):
    dead = cluster.nodes[1]
    with flowing(cluster, books.all) as load:
        cluster.etcd.leader().kill()
        wait_flowing(cluster, books.all, load)
        # Two members of three decide.
        dead.kill()
        wait_flowing(cluster, books.all, load)
    dead.start()
    cluster.etcd.start()
    books.balance()


def test_without_etcd_what_is_served_goes_on_and_nothing_is_decided(cluster, books):
    dead, *others = cluster.nodes
    identity = cluster.id_of(dead)
    for one in cluster.etcd.members[:2]:
        one.kill()
    with flowing(cluster, books.all) as load:
        for node in cluster.nodes:
            node.wait_for_log("the configuration store doesn't answer; what is served goes on")
        wait_flowing(cluster, books.all, load)
        before = cluster.view(others[0])["shards"]
        dead.kill()
        wait_for(lambda: all(unreached(cluster.view(one), identity) for one in others), 20, "an end that is seen")
        accepted, refused = len(books.of(dead).accepted), load.statuses[503]
        wait_for(lambda: load.statuses[503] > refused, 30, lambda: f"a refusal: {load.statuses}")
        assert len(books.of(dead).accepted) == accepted
        for one in others:
            assert cluster.view(one)["shards"] == before
        cluster.etcd.start()
        wait_flowing(cluster, books.all, load)
        assert cluster.leader_of(books.shards[dead]) != identity
    dead.start()
    books.balance()


def unreached(view, identity):
    return view is not None and all(n["id"] != identity or n["state"] != "reached" for n in view["nodes"])


def test_the_end_of_all_leases_changes_nothing(cluster, books):
    before = cluster.configuration()
    ids = cluster.registered()
    assert len(ids) == 3
    with flowing(cluster, books.all) as load:
        assert cluster.etcd.end_leases() >= 3
        wait_flowing(cluster, books.all, load)
        wait_for(lambda: cluster.registered() == ids, 20, "the nodes' entries")
    assert all_delivered(books.balance(crashed=False))
    assert cluster.configuration() == before


def test_a_node_that_missed_changes_which_etcd_forgot(cluster, books):
    apart, dead, _ = cluster.nodes
    with flowing(cluster, books.all) as load:
        cluster.cut(apart, ETCD)
        apart.wait_for_log("the configuration store doesn't answer; what is served goes on")
        before = cluster.configuration()
        dead.kill()
        # By the third, of shards that it is a member of.
        wait_for(lambda: cluster.configuration() != before, 20, lambda: "a takeover: " + cluster.describe())
        dead.start()
        cluster.etcd.compact()
        cluster.network.mend()
        wait_flowing(cluster, books.all, load)
    books.balance()


def test_etcd_that_lost_its_data_is_not_believed(cluster, books):
    """Who restarts then leads nothing, the founder included, until an operator brings etcd's data back."""
    founder = next(node for node in cluster.nodes if cluster.id_of(node) == cluster.founder())
    others = cluster.others(founder)
    cluster.etcd.kill()
    cluster.etcd.keep()
    cluster.etcd.wipe()
    cluster.etcd.start()
    ids = {cluster.id_of(node) for node in cluster.nodes}
    wait_for(lambda: cluster.registered() == ids, 20, "the nodes in an empty etcd")
    before = cluster.view(others[0])["shards"]
    for one in others:
        one.wait_for_log("it has lost data")
    with flowing(cluster, books.all):
        pass
    founder.kill()
    founder.start()
    founder.wait_for_log("the configuration store doesn't hold this cluster", 20)
    steadily(lambda: cluster.configuration() == {}, 1, lambda: f"configured anew: {cluster.configuration()}")
    for one in others:
        assert cluster.view(one)["shards"] == before
    cluster.etcd.kill()
    cluster.etcd.bring_back()
    cluster.etcd.start()
    with flowing(cluster, books.all):
        pass
    books.balance()
