"""Fixtures and markers for pytest. Nothing starts before a test asks for it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, Iterator

import pytest

if TYPE_CHECKING:
    from ._server import Server

# The rest of the package is imported by the fixtures: it loads boto3, which test runs without them need not wait for.

_MARKERS = (
    "lanyard_seed(*templates, parameters=None): start the test with the instance as these CloudFormation templates make it; "
    "paths are relative to the test's file",
    "lanyard_fault(operation, exception='', rate=1, latency=0, count=0): have calls of an operation fail or take longer",
    "lanyard_throttling: limit calls as Amazon Connect does: 2 a second with a burst of 5, for each operation",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini("lanyard_args", "further flags of lanyard serve", default="")
    parser.addini("lanyard_region", "AWS Region of the server", default="us-east-1")
    parser.addini("lanyard_account", "AWS account of the server", default="123456789012")
    parser.addini("lanyard_allow_aws", "let tests send requests to AWS, except to Amazon Connect", type="bool", default=False)


def pytest_configure(config: pytest.Config) -> None:
    for marker in _MARKERS:
        config.addinivalue_line("markers", marker)


class _Servers:
    """The servers of this process, by their further flags. One is enough, unless a test is throttled."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.started: dict[tuple[str, ...], Server] = {}

    def get(self, *flags: str) -> Server:
        from ._server import Server

        server = self.started.get(flags)
        if server is None:
            ini = self.config.getini
            server = Server(
                *shlex.split(ini("lanyard_args")), *flags, account=ini("lanyard_account"), region=ini("lanyard_region"),
                allow_aws=ini("lanyard_allow_aws"))
            self.started[flags] = server.start()
        return server

    def stop(self) -> None:
        for server in self.started.values():
            server.stop()


@pytest.fixture(scope="session")
def lanyard_servers(pytestconfig: pytest.Config) -> Iterator[_Servers]:
    servers = _Servers(pytestconfig)
    yield servers
    servers.stop()


@pytest.fixture(scope="session")
def lanyard_server(lanyard_servers: _Servers) -> Server:
    """The server of the run (with xdist: of the worker), in whatever state it is. For fixtures of a wider scope."""
    return lanyard_servers.get()


@pytest.fixture
def lanyard(request: pytest.FixtureRequest, lanyard_servers: _Servers) -> Iterator[Server]:
    """The server, reset for this test. All clients of Amazon Connect in the process talk to it."""
    flags = ("--throttle", "aws") if request.node.get_closest_marker("lanyard_throttling") else ()
    server = lanyard_servers.get(*flags)
    templates, parameters = _seeds(request.node)
    server.reset(*templates, parameters=parameters)
    for mark in reversed(list(request.node.iter_markers("lanyard_fault"))):
        server.fault(*mark.args, **mark.kwargs)
    from ._server import use

    with use(server), server.redirected():
        yield server
    server.clear_faults()


@pytest.fixture
def connect(lanyard: Server) -> Any:
    """A boto3 client of Amazon Connect, with an instance that is new for this test. It does not retry."""
    return lanyard.client()


@pytest.fixture
def connect_instance_id(lanyard: Server) -> str:
    """The id of the instance."""
    return lanyard.instance_id


def _seeds(item: pytest.Item) -> tuple[list[Path], dict[str, str]]:
    """The templates that the markers of a test name, those of its module first."""
    templates: list[Path] = []
    parameters: dict[str, str] = {}
    for mark in reversed(list(item.iter_markers("lanyard_seed"))):
        unknown = set(mark.kwargs) - {"parameters"}
        if unknown or not mark.args:
            raise pytest.UsageError(f"{item.nodeid}: lanyard_seed must have templates, and parameters if any, got {mark}")
        templates += [item.path.parent / arg for arg in mark.args]
        parameters.update(mark.kwargs.get("parameters") or {})
    return templates, parameters
