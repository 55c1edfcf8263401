"""What every test starts from: servers, a client whose answers are all checked, an instance."""
import os
import shutil

import pytest

from centre import Centre
from check import client
from gateway import Gateway
from server import Server
from wire import Wire


def pytest_configure():
    if not os.environ.get("LANYARD_BIN") and os.environ.get("CI") == "true":
        pytest.exit("LANYARD_BIN does not name the server to test", returncode=1)


def pytest_collection_modifyitems(items):
    if not os.environ.get("LANYARD_BIN"):
        for item in items:
            item.add_marker(pytest.mark.skip(reason="LANYARD_BIN does not name the server to test"))


def serving(*flags, **kw):
    with Server(*flags, **kw) as server:
        yield server


@pytest.fixture(scope="session")
def server():
    yield from serving()


@pytest.fixture(scope="session")
def connect(server):
    return client(server)


@pytest.fixture(scope="session")
def wire(server):
    return Wire(server)


@pytest.fixture
def centre(connect):
    return Centre(connect)


@pytest.fixture(scope="module")
def shared(connect):
    """One instance for all tests of a file that leave it as they found it."""
    return Centre(connect)


@pytest.fixture(scope="session")
def lenient():
    yield from serving("--lenient")


@pytest.fixture
def lenient_centre(lenient):
    return Centre(client(lenient))


@pytest.fixture(scope="session")
def quota_connect():
    """A server with small quotas."""
    flags = ["--quota-instances=-1", "--quota-profiles=6", "--quota-users=2", "--quota-groups=2", "--quota-queues=2",
             "--quota-routing-profiles=2", "--quota-hours=2", "--quota-modules=2", "--quota-quick-connects=2", "--quota-restricted-per-user=1"]
    for server in serving(*flags, quotas=True):
        yield client(server)


@pytest.fixture(scope="session")
def gateway():
    """A server with an MCP gateway in front of real MCP servers."""
    for program in ("node", "go"):
        if not shutil.which(program):
            (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"{program} is not installed")
    with Gateway() as gateway:
        yield gateway
