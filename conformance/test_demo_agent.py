"""make demo-agent: the story that the README tells, played against the built server."""
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parent.parent


@pytest.mark.skipif(not shutil.which("go"), reason="go is not installed")
def test_the_story(tmp_path):
    clean = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
    done = subprocess.run(["go", "run", "./cmd/demo-agent", "-lanyard", os.environ["LANYARD_BIN"], "-python", sys.executable],
                          cwd=ROOT, env=clean | {"TMPDIR": str(tmp_path)}, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    told = [line.strip() for line in done.stdout.splitlines()]
    at = [next((i for i, line in enumerate(told) if words in line), None) for words in (
        "tools/list → orders___find_order, refunds___refund_status",
        "✗ refused: ", "notifications/tools/list_changed",
        "tools/list → orders___find_order, refunds___pay_refund, refunds___refund_status",
        "✓ allowed: 25.00 dollars for order 4711 are on their way.", "UpdateSecurityProfile")]
    assert None not in at and at == sorted(at), f"{at}\n{done.stdout}"
    assert "\x1b" not in done.stdout, "colours are for terminals"
    assert not list(tmp_path.glob("lanyard-demo-agent-*")), "it tidies up"
