"""Exports: cfn-lint accepts what lanyard export writes, of an instance with everything and of one that is new."""
import os
import pathlib
import subprocess
import sys

import pytest

from server import Server

PROGRAM = os.environ.get("LANYARD_BIN")


@pytest.fixture(scope="module")
def demo():
    with Server("--demo") as server:
        yield server


def lanyard(server, *args, fails=False):
    done = subprocess.run([PROGRAM, *args, "--data", server.data], capture_output=True, text=True, timeout=120,
                          env=environment())
    assert (done.returncode != 0) == fails, done.stderr
    return done.stdout


def environment():
    return {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}


def lint(path):
    program = pathlib.Path(sys.executable).with_name("cfn-lint")
    return subprocess.run([program, "--non-zero-exit-code", "error", path], capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("form, name", [("cloudformation", "export.yaml"), ("json", "export.json")])
def test_cfn_lint_accepts_the_demo(demo, tmp_path, form, name):
    path = tmp_path / name
    path.write_text(lanyard(demo, "export", "--format", form))
    done = lint(path)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("form, name", [("cloudformation", "export.yaml"), ("json", "export.json")])
def test_cfn_lint_accepts_a_managed_instance(server, connect, tmp_path, form, name):
    instance = connect.create_instance(IdentityManagementType="CONNECT_MANAGED", InstanceAlias="export-" + form,
                                       InboundCallsEnabled=True, OutboundCallsEnabled=True)["Id"]
    profile = connect.create_security_profile(
        InstanceId=instance, SecurityProfileName="All of it", Permissions=["Users.View"],
        AllowedAccessControlTags={"Team": "blue"}, TagRestrictedResources=["User"],
        Applications=[{"Namespace": "crm", "ApplicationPermissions": ["ACCESS"], "Type": "THIRD_PARTY_APPLICATION"}],
        HierarchyRestrictedResources=["User"], Tags={"Cost Center": "12"})["SecurityProfileId"]
    routing = connect.list_routing_profiles(InstanceId=instance)["RoutingProfileSummaryList"][0]["Id"]
    connect.create_user(InstanceId=instance, Username="ada", Password="Passw0rd!", RoutingProfileId=routing,
                        SecurityProfileIds=[profile], PhoneConfig={"PhoneType": "SOFT_PHONE", "AutoAccept": True},
                        IdentityInfo={"FirstName": "Ada", "LastName": "yes", "Email": "ada@example.com"})
    path = tmp_path / name
    path.write_text(lanyard(server, "export", "--format", form, "--instance", instance))
    assert "InitialPassword" in path.read_text() and "Passw0rd" not in path.read_text()
    done = lint(path)
    assert done.returncode == 0, done.stdout
