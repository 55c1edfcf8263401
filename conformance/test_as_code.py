"""The GitHub Actions example of docs/as-code.md: its lanyard commands run, in order, as plain commands."""
import os
import pathlib
import re
import subprocess

import pytest

from server import REGION, Server

PAGE = pathlib.Path(__file__).parent.parent / "docs" / "as-code.md"
WORKFLOW = re.compile(r"^```yaml\nname: profiles\n(.*?)^```$", re.M | re.S)
COMMAND = re.compile(r"^ +- run: (lanyard .*)$", re.M)
VARIABLE = re.compile(r"^  (LANYARD_[A-Z]+): (.*)$", re.M)


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    with Server("--demo", quotas=True) as server:
        folder = tmp_path_factory.mktemp("repository")
        (folder / "bin").mkdir()
        (folder / "bin" / "lanyard").symlink_to(pathlib.Path(server.binary).resolve())
        (folder / "connect").mkdir()
        first = re.search(r"^cat >team.yaml <<'EOF'\n(.*?)^EOF$", PAGE.read_text(), re.M | re.S).group(1)
        (folder / "connect" / "team.yaml").write_text(first)
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "LANYARD_"))}
        credentials = pathlib.Path(server.data) / "credentials"
        yield folder, clean | {"PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}", "HOME": str(folder),
                               "AWS_ENDPOINT_URL_CONNECT": server.url, "AWS_REGION": REGION,
                               "AWS_SHARED_CREDENTIALS_FILE": str(credentials)}


def test_workflow(reader):
    folder, environment = reader
    text = WORKFLOW.search(PAGE.read_text()).group(1)
    commands, variables = COMMAND.findall(text), dict(VARIABLE.findall(text))
    assert len(commands) == 4, commands
    for command in commands:
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", command], cwd=folder, env=environment | variables,
                              capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    assert (folder / "plan.md").read_text().startswith("<!-- lanyard-plan: team -->\n")
    again = subprocess.run(["lanyard", "plan", "connect/team.yaml", "-detailed-exitcode"], cwd=folder,
                           env=environment | variables, capture_output=True, text=True, timeout=120)
    assert again.returncode == 0, again.stdout + again.stderr
