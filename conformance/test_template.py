"""Templates: the schema that internal/template reads, and cfn-lint's word on the templates that its tests read."""
import json
import pathlib
import subprocess
import sys

import pytest

import schemas

TEMPLATE = pathlib.Path(__file__).parent.parent / "internal" / "template"


def test_schema_is_cloudformations():
    """After an update of cfn-lint, write the file as schemas.py says, and look at what changed."""
    assert json.loads((TEMPLATE / "schema.json").read_text()) == schemas.reduced()


@pytest.mark.parametrize("path", sorted((TEMPLATE / "testdata").glob("*.yaml")) + [TEMPLATE / "testdata" / "cdk.json"],
                         ids=lambda path: path.name)
def test_cfn_lint_accepts(path):
    program = pathlib.Path(sys.executable).with_name("cfn-lint")
    lint = subprocess.run([program, "--regions", "us-east-1", "--template", str(path)],
                          capture_output=True, text=True)
    assert lint.returncode == 0, lint.stdout + lint.stderr
