"""One node's disk is full: it takes nothing more, neither as a primary nor as a member, and loses nothing."""

import contextlib
import os
import subprocess

import pytest
from carillon.clock import wait_for
from carillon.cluster import Cluster
from carillon.cluster_books import flowing, wait_flowing


@pytest.fixture
def small_disk(tmp_path):
    """A file system that a test can fill."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96M", "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=False)


@pytest.fixture
def cluster(tmp_path, authority, small_disk):
    made = Cluster(tmp_path / "cluster", authority)
    made.nodes[2].settings["storage.directory"] = str(small_disk / "store")
    try:
        made.start()
        yield made
    finally:
        made.close()


def fill(file):
    """Takes all the room that there is; the node takes of it meanwhile, too."""
    with open(file, "wb", buffering=0) as out, contextlib.suppress(OSError):
        while True:
            out.write(b"x" * 65536)


def test_a_full_disk(cluster, books, small_disk):
    node = cluster.nodes[2]
    taken = small_disk / "somebody else's"

    def large(account):
        return account.event(record={"filler": os.urandom(20_000).hex()})

    with flowing(cluster, books.all, make=large) as load:
        fill(taken)
        wait_for(lambda: "store-full" in node.api.call("GET", "/readyz", token="").text, 30, "a full disk")
        node.wait_for_log("a replica's rows find no room", 30)
        assert node.running()
        taken.unlink()
        wait_flowing(cluster, books.all, load)
    assert {n["state"] for log in books.balance(crashed=False) for n in log} == {"delivered"}
