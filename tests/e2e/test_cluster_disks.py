"""One node's disk is slow, breaks, is lost, is old, or is another's: the others have what was acknowledged."""

import errno
import os
import shutil

import pytest
from carillon.clock import wait_for
from carillon.cluster_books import flowing, wait_flowing
from carillon.node import build_folder


class Disk:
    """What `disk_faults.cpp`, preloaded into a node, does to its store."""

    def __init__(self, node):
        self._control = node.folder / "disk"
        node.environment.update({"LD_PRELOAD": str(build_folder() / "libdisk_faults.so"),
                                 # For a build with AddressSanitizer, which wants to be the first that is loaded.
                                 "ASAN_OPTIONS": "verify_asan_link_order=0",
                                 "CARILLON_TEST_DISK": str(self._control)})

    def slow(self, milliseconds):
        self._say(f"slow {milliseconds}")

    def fail(self, code):
        self._say(f"error {code}")

    def mend(self):
        self._say("")

    def _say(self, line):
        new = self._control.with_suffix(".new")
        new.write_text(line + "\n")
        new.rename(self._control)


def prepare(cluster):
    cluster.disk = Disk(cluster.nodes[0])


@pytest.fixture(autouse=True)
def sound_disk(module_cluster):
    yield
    module_cluster.disk.mend()


def test_a_slow_disk(cluster, books):
    """Each sync takes a while: everything takes its time, and nothing else happens."""
    before = cluster.configuration()
    with flowing(cluster, books.all) as load:
        cluster.disk.slow(100)
        wait_flowing(cluster, books.all, load, count=40)
        cluster.disk.mend()
    assert {n["state"] for log in books.balance(crashed=False) for n in log} == {"delivered"}
    assert cluster.configuration() == before


@pytest.mark.parametrize("code", [errno.EIO, errno.EROFS], ids=errno.errorcode.get)
def test_a_disk_that_breaks_ends_its_node(cluster, books, code):
    """What failed may be on the disk or not: nobody is answered, and the node ends rather than try again."""
    broken, *others = cluster.nodes
    with flowing(cluster, books.all) as load:
        cluster.disk.fail(code)
        wait_for(lambda: not broken.running(), 20, "the node's end")
        assert broken.wait_end() != 0
        assert os.strerror(code) in broken.log()
        wait_flowing(cluster, books.all, load)
        cluster.disk.mend()
        broken.start()
    books.balance()


def test_a_lost_disk_is_a_new_node(cluster, books):
    lost, *others = cluster.nodes
    was = cluster.id_of(lost)
    with flowing(cluster, books.all) as load:
        lost.kill()
        cluster.wipe(lost)
        wait_flowing(cluster, books.all, load)
        lost.start()
        wait_flowing(cluster, books.all, load)
    books.balance()
    assert cluster.id_of(lost) != was
    assert was not in {m["node"] for one in cluster.configuration().values() for m in one["members"]}


def test_an_old_copy_of_the_disk(cluster, books):
    """A node that comes back with what it knew long ago gets what it lacks before anybody counts on it."""
    node = cluster.nodes[1]
    assert node.terminate() == 0
    shutil.copytree(node.store, node.folder / "old")
    node.start()
    cluster.wait_healthy()
    with flowing(cluster, books.all) as load:
        node.kill()
        shutil.rmtree(node.store)
        (node.folder / "old").rename(node.store)
        wait_flowing(cluster, books.all, load)
        node.start()
        wait_flowing(cluster, books.all, load)
    books.balance()


def test_an_old_copy_of_a_primarys_disk(cluster, books):
    """Back before anybody has taken over, it would lead with less than was acknowledged: its members tell it."""
    shard = books.shards[cluster.nodes[0]]
    node = cluster.primary_of(shard)
    others = [one for one in cluster.nodes if one is not node]
    assert node.terminate() == 0
    shutil.copytree(node.store, node.folder / "old")
    node.start()
    wait_for(lambda: cluster.is_healthy() and cluster.primary_of(shard) is node, 60, "its shards back")
    with flowing(cluster, books.all, through=others) as load:
        wait_flowing(cluster, books.all, load)
        for one in cluster.nodes:
            one.kill()
        shutil.rmtree(node.store)
        (node.folder / "old").rename(node.store)
        for one in cluster.nodes:
            one.start(wait=False)
        for one in others:
            one.wait_ready()
        wait_for(lambda: not node.running(), 30, "the node's end")
        assert node.wait_end() != 0
        assert "the store is an old copy" in node.log() and "start this one with an empty store" in node.log()
        wait_flowing(cluster, books.all, load)
        cluster.wipe(node)
        node.start()
        wait_flowing(cluster, books.all, load)
    books.balance()


def test_another_nodes_disk(cluster, books):
    """Two nodes can't be one: whoever comes second gets no link and no shard."""
    node, twin, third = cluster.nodes
    assert twin.terminate() == 0
    shutil.copytree(twin.store, twin.folder / "copy")
    twin.start()
    cluster.wait_healthy()
    identity = cluster.id_of(twin)
    node.kill()
    node.store.rename(node.folder / "own")
    (twin.folder / "copy").rename(node.store)
    with flowing(cluster, books.all, through=[twin, third]) as load:
        node.start()
        node.wait_for_log("another node has this store's id", 20)
        wait_flowing(cluster, books.all, load)
        assert cluster.id_of(twin) == identity
        node.kill()
    shutil.rmtree(node.store)
    (node.folder / "own").rename(node.store)
    node.start()
    books.balance()
