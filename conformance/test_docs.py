"""Runs the examples of the README and of docs/: every block marked test, in order, as a reader would."""
import os
import pathlib
import re
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


@pytest.mark.parametrize("page", pages(), ids=lambda p: p.name)
def test_page(page, reader, tmp_path):
    """The shell blocks of a page share one shell; a python block is a program."""
    shell = ["set -euo pipefail"]
    for language, fails, text in BLOCK.findall(page.read_text()):
        if language == "python":
            done = subprocess.run([sys.executable, "-c", text], env=reader, cwd=tmp_path, capture_output=True, text=True, timeout=60)
            assert done.returncode == 0, f"{text}\n{done.stderr}"
            continue
        shell.append(f"if ( {text} ); then echo 'this should have failed' >&2; exit 1; fi" if fails else text)
    if len(shell) > 1:
        done = subprocess.run(["bash", "-c", "\n".join(shell)], env=reader, cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
