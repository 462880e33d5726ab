"""Fixtures of the process tests. Everything is on loopback, on free ports, in folders of the test's own."""

import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from carillon.certificates import Authority  # noqa: E402
from carillon.cluster import Cluster  # noqa: E402
from carillon.cluster_books import Books  # noqa: E402
from carillon.cluster_load import Tenants  # noqa: E402
from carillon.ledger import Ledger  # noqa: E402
from carillon.node import Node, build_folder  # noqa: E402
from carillon.receiver import Receiver  # noqa: E402

LONG = os.environ.get("CARILLON_TEST_LONG", "") not in ("", "0")


def pytest_configure(config):
    if not os.environ.get("CARILLON_BUILD"):
        raise pytest.UsageError("CARILLON_BUILD must name the folder with the executable carillon")
    if not (build_folder() / "carillon").exists():
        raise pytest.UsageError(f"there is no executable {build_folder() / 'carillon'}: build it first")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Adds the end of the nodes' logs to what is told of a failure."""
    outcome = yield
    report = outcome.get_result()
    if report.when == "call" and report.failed:
        for value in item.funcargs.values():
            for node in value.nodes if isinstance(value, (Nodes, Cluster)) else [value]:
                if isinstance(node, Node):
                    report.sections.append((f"log of {node.folder.name}", node.log()[-3000:]))


class Nodes:
    """Makes nodes and ends them all."""

    def __init__(self, folder, authority):
        self.folder = folder
        self.authority = authority
        self.nodes = []

    def __call__(self, settings=None, start=True, environment=None, **more):
        node = Node(self.folder / f"node{len(self.nodes) + 1}", self.authority, settings, environment)
        self.nodes.append(node)
        return node.start(**more) if start else node

    def close(self):
        for node in self.nodes:
            node.close()


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="session")
def server_certificate(authority):
    return authority.issue()


@pytest.fixture
def receiver(server_certificate):
    """A fresh HTTPS endpoint with its ledger."""
    made = Receiver(*server_certificate)
    yield made
    made.close()


@pytest.fixture
def make_node(tmp_path, authority):
    """Nodes with settings of the test's own."""
    nodes = Nodes(tmp_path, authority)
    yield nodes
    nodes.close()


@pytest.fixture(scope="module")
def module_node(request, tmp_path_factory, authority):
    settings = getattr(request.module, "NODE_SETTINGS", {})
    node = Node(tmp_path_factory.mktemp("shared") / "node", authority, settings)
    yield node
    node.close()


@pytest.fixture
def node(module_node):
    """The file's own node, with its NODE_SETTINGS; started again should a test have ended it."""
    if module_node.process is not None and not module_node.running():
        module_node.wait_end()
    if module_node.process is None:
        module_node.start()
    return module_node


@pytest.fixture(scope="module")
def module_cluster(request, tmp_path_factory, authority):
    """What a file's tests share: with its NODE_SETTINGS, and its CLUSTER_SETUP as further arguments; its `prepare` does
    something to it before it starts."""
    file = request.module
    made = Cluster(tmp_path_factory.mktemp("cluster"), authority, settings=getattr(file, "NODE_SETTINGS", {}),
                   **getattr(file, "CLUSTER_SETUP", {}))
    getattr(file, "prepare", lambda cluster: None)(made)
    try:
        made.start()
        yield made
    finally:
        made.close()


@pytest.fixture
def cluster(module_cluster):
    """The file's own cluster, as it was at first, whatever a test before has done to it."""
    module_cluster.recover()
    return module_cluster


@pytest.fixture
def tenants(cluster, receiver, ledger_of):
    """Accounts on the file's cluster, each where it is wanted."""
    return Tenants(cluster, receiver, ledger_of)


@pytest.fixture
def books(cluster, receiver, tenants):
    """An account on each node of the file's cluster."""
    return Books(cluster, receiver, tenants)


@pytest.fixture
def account(node):
    """A fresh account on the file's node."""
    return node.api.account()


@pytest.fixture
def ledger_of(tmp_path):
    """Makes ledgers: `ledger_of(account, receiver, "/path")`."""
    made = []

    def make(account, receiver, path, **more):
        made.append(Ledger(tmp_path / "ledger", account, receiver, path, **more))
        return made[-1]

    yield make
    for ledger in made:
        ledger.close()
