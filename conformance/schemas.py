"""Reduces CloudFormation's schema, as cfn-lint carries it, to what internal/template reads.

    .cache/venv/bin/python3 conformance/schemas.py > internal/template/schema.json
"""

import json
import pathlib

import cfnlint
from cfnlint.version import __version__ as version

TYPES = ["SecurityProfile", "User", "UserHierarchyGroup", "UserHierarchyStructure", "Queue", "RoutingProfile",
         "HoursOfOperation", "ContactFlowModule", "QuickConnect"]
TEXT = {"description", "handlers", "insertionOrder", "sourceUrl", "tagging"}  # says nothing about what is accepted
NAMES = {"properties", "definitions"}  # their keys are names, not keywords


def without_text(schema):
    if isinstance(schema, list):
        return [without_text(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    out = {}
    for key, value in schema.items():
        if key in NAMES:
            out[key] = {name: without_text(inner) for name, inner in value.items()}
        elif key not in TEXT:
            out[key] = without_text(value)
    return out


def reduced():
    data = pathlib.Path(cfnlint.__file__).parent / "data" / "schemas"
    provider = json.loads((data / "providers" / "us-east-1.json").read_text())
    types = {}
    for name in TYPES:
        name = "AWS::Connect::" + name
        types[name] = without_text(json.loads((data / "resources" / (provider[name] + ".json")).read_text()))
    others = sorted(name for name in provider if name.startswith("AWS::Connect::") and name not in types)
    return {"source": "cfn-lint " + version, "types": types, "others": others}


if __name__ == "__main__":
    print(json.dumps(reduced(), indent=1, sort_keys=True, ensure_ascii=False))
