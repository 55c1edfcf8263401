"""Runs the examples of the README and of docs/: every block marked test, in order, as a reader would."""
import contextlib
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys

import pytest

from server import REGION, Server

ROOT = pathlib.Path(__file__).parent.parent
BLOCK = re.compile(r"^```(sh|python) test( fails)?\n(.*?)^```$", re.M | re.S)


def pages():
    return [p for p in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))] if BLOCK.search(p.read_text())]


@pytest.fixture(scope="module")
def reader():
    """The environment of somebody who started the server with the demo instance and pasted its lines."""
    with Server("--demo", quotas=True) as server:
        folder = pathlib.Path(server.data)
        (folder / "bin").mkdir()
        (folder / "bin" / "lanyard").symlink_to(pathlib.Path(server.binary).resolve())
        path = os.pathsep.join([str(folder / "bin"), str(pathlib.Path(sys.executable).parent), os.environ["PATH"]])
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "LANYARD_"))}
        yield clean | {
            "PATH": path, "HOME": str(folder), "LANYARD_DATA": str(folder), "AWS_ENDPOINT_URL_CONNECT": server.url,
            "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials"), "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION, "AWS_PAGER": ""}


@pytest.fixture(scope="module")
def newcomer(reader):
    """The environment of somebody who has started no server yet. An address that is free takes the place of the usual one."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{s.getsockname()[1]}"
    return {k: v for k, v in reader.items() if not k.startswith(("AWS_", "LANYARD_"))} | {"LANYARD_LISTEN": address, "AWS_PAGER": ""}


@pytest.mark.parametrize("page", pages(), ids=lambda p: p.name)
def test_page(page, reader, newcomer, tmp_path):
    """The shell blocks of a page share one shell; a python block is a program."""
    if page.name == "emulator.md":
        reader = newcomer
    shell = ["set -euo pipefail"]
    for language, fails, text in BLOCK.findall(page.read_text()):
        if language == "python":
            done = subprocess.run([sys.executable, "-c", text], env=reader, cwd=tmp_path, capture_output=True, text=True, timeout=60)
            assert done.returncode == 0, f"{text}\n{done.stderr}"
            continue
        shell.append(f"if ( {text} ); then echo 'this should have failed' >&2; exit 1; fi" if fails else text)
    if len(shell) > 1:
        run_shell("\n".join(shell), reader, tmp_path)


def run_shell(text, env, cwd):
    """Runs a script and ends what it leaves behind."""
    running = subprocess.Popen(["bash", "-c", text], env=env, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        out, errors = running.communicate(timeout=120)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
    assert running.returncode == 0, out[-2000:] + errors[-4000:]
