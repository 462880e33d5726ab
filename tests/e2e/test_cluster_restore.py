"""A cluster that is gone with all its disks comes back from the backups of its nodes."""

import pytest
from carillon.backup import backup, restored_node
from carillon.clock import steadily, wait_for
from carillon.cluster import Cluster
from carillon.node import flags_of, run
from carillon.receiver import HANG, Answer

ACCOUNTS = 8


@pytest.fixture
def cluster(tmp_path, authority):
    made = Cluster(tmp_path / "cluster", authority)
    try:
        yield made.start()
    finally:
        made.close()


def test_all_shards_come_back_from_the_backups_of_all_nodes(cluster, tmp_path, authority, receiver):
    accounts, waiting = [], {}
    for number in range(ACCOUNTS):
        account = cluster.nodes[number % 3].api.account()
        wait_for(lambda account=account: account.call("GET", "/usage", status=None).status == 200, 10, "the account")
        subscription = account.subscribe(receiver.url(f"/{account.name}"), "person", "update")
        account.post(account.changed())
        receiver.wait(f"/{account.name}", 1)
        account.settle()
        receiver.on(f"/{account.name}", HANG)
        account.post(account.changed())
        receiver.wait(f"/{account.name}", 2)
        account.patch(subscription, status="paused")
        account.post(account.changed())
        accounts.append(account)
        waiting[account.name] = subscription["id"]
    copies = [tmp_path / f"copy{n}" for n in range(3)]
    for node, copy in zip(cluster.nodes, copies):
        backup(node, copy)
    keys = cluster.nodes[0]
    for node in cluster.nodes:
        node.kill()
    cluster.etcd.kill()
    receiver.let_go()

    # No node has all of it.
    code, _, err = run("restore", str(copies[0]), f"--storage.directory={tmp_path / 'partial'}", folder=tmp_path)
    assert code == 1 and "no backup has a whole copy of these shards" in err and "other nodes" in err

    node = restored_node(tmp_path, authority, keys, *copies)
    try:
        node.start()
        for account in accounts:
            account.api = node.api
            receiver.on(f"/{account.name}", Answer())
            account.patch({"id": waiting[account.name]}, status="active")
        steadily(lambda: all(len(receiver.at(f"/{a.name}")) == 2 for a in accounts), 0.5, "a POST of a held store")
        node.api.call("POST", "/v1/release", {"action": "send", "accounts": ["*"]}, status={200, 202, 204})
        for account in accounts:
            states = [n["state"] for n in account.settle(30)]
            assert sorted(states) == ["delivered", "delivered", "unknown"], states
            account.post(account.changed())
            receiver.wait(f"/{account.name}", 4)
    finally:
        node.close()


def test_a_held_store_founds_no_cluster(cluster, tmp_path, authority):
    copies = [tmp_path / f"copy{n}" for n in range(3)]
    for node, copy in zip(cluster.nodes, copies):
        backup(node, copy)
    node = restored_node(tmp_path, authority, cluster.nodes[0], *copies)
    member = {key: value for key, value in cluster.nodes[0].settings.items() if key.startswith("cluster.")}
    code, _, err = run("serve", *flags_of({**node.settings, **member, "cluster.name": "other"}), folder=tmp_path)
    assert code == 1 and "release it" in err, err
