"""Notes which server each test has, and how long that took to start."""
import os
import time

import pytest


@pytest.fixture(scope="session")
def started_in(lanyard_servers):
    began = time.perf_counter()
    lanyard_servers.get()
    return time.perf_counter() - began


@pytest.fixture(autouse=True)
def noted(request, started_in, lanyard_server):
    yield
    with open(os.environ["STARTED"], "a") as f:
        f.write(f"{os.environ.get('PYTEST_XDIST_WORKER', 'main')} {lanyard_server.url} {started_in:.3f}\n")
