"""The AWS CLI, as people type it."""
import json
import os
import pathlib
import subprocess
import sys

import botocore
import pytest

from centre import Centre, agent_arn, app_arn, fresh
from server import KEY_ID, REGION, SECRET

AWS = pathlib.Path(sys.executable).parent / "aws"


@pytest.fixture(scope="module")
def aws(server, tmp_path_factory):
    """Runs aws connect with words, and returns what it prints as JSON."""
    home = tmp_path_factory.mktemp("home")
    env = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")} | {
        "HOME": str(home), "AWS_ENDPOINT_URL_CONNECT": server.url, "AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": REGION, "AWS_PAGER": "", "AWS_MAX_ATTEMPTS": "1", "PYTHONUTF8": "1"}

    # The CLI carries a service model of its own, which may be older than botocore's.
    newest = {"AWS_DATA_PATH": str(pathlib.Path(botocore.__file__).parent / "data")}

    def run(*words, fails=None, model=None):
        done = subprocess.run([sys.executable, AWS, "connect", *words], env=env | (newest if model else {}),
                              capture_output=True, encoding="utf-8", timeout=60)
        if fails:
            assert done.returncode in (254, 255) and fails in done.stderr, (done.returncode, done.stderr)
            return done.stderr
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip().startswith(("{", "[", '"')) else done.stdout
    return run


def test_life_of_a_profile(aws, connect):
    c = Centre(connect)
    c.levels(1)
    group, module, agent = c.group(), c.tool(), app_arn()
    made = aws("create-security-profile", "--instance-id", c.id, "--security-profile-name", "Night shift", "--description", "At night",
               "--permissions", "BasicAgentAccess", "Users.View", "--tags", "Team=night,Stage=test")
    assert set(made) == {"SecurityProfileId", "SecurityProfileArn"}
    id, arn = made["SecurityProfileId"], made["SecurityProfileArn"]
    on = ("--instance-id", c.id, "--security-profile-id", id)
    granular = {"DataTableAccessControlConfiguration": {"PrimaryAttributeAccessControlConfiguration": {
        "PrimaryAttributeValues": [{"AccessType": "ALLOW", "AttributeName": "Region", "Values": ["EU", "UK"]}]}}}
    assert aws("update-security-profile", *on, "--description", "All night", "--permissions", "Users.View", "Queues.View",
               "--allowed-access-control-tags", "Team=night", "--tag-restricted-resources", "User", "Queue",
               "--applications", "Namespace=orders,ApplicationPermissions=ACCESS,Type=THIRD_PARTY_APPLICATION",
               "Namespace=gateway,ApplicationPermissions=t___A,t___B,Type=MCP", "--hierarchy-restricted-resources", "User",
               "--allowed-access-control-hierarchy-group-id", group, "--allowed-flow-modules", f"Type=MCP,FlowModuleId={module}",
               "--granular-access-control-configuration", json.dumps(granular)) == ""
    assert aws("update-security-profile", *on, "--allowed-ai-agents", f"Arn={agent},Type=THIRD_PARTY", model="newest") == ""
    d = aws("describe-security-profile", *on)["SecurityProfile"]
    assert (d["Description"], d["AllowedAccessControlTags"], d["TagRestrictedResources"]) == ("All night", {"Team": "night"}, ["User", "Queue"])
    assert (d["AllowedAccessControlHierarchyGroupId"], d["GranularAccessControlConfiguration"]) == (group, granular)
    assert d["LastModifiedTime"] and d["Tags"] == {"Team": "night", "Stage": "test"}
    assert aws("list-security-profile-permissions", *on)["Permissions"] == ["Queues.View", "Users.View"]
    assert [a["Namespace"] for a in aws("list-security-profile-applications", *on)["Applications"]] == ["gateway", "orders"]
    assert aws("list-security-profile-flow-modules", *on)["AllowedFlowModules"] == [{"Type": "MCP", "FlowModuleId": module}]
    assert aws("list-security-profile-ai-agents", *on, model="newest")["AllowedAIAgents"] == [{"Arn": agent, "Type": "THIRD_PARTY"}]
    assert aws("update-security-profile", *on, "--permissions") == ""  # the empty list clears
    assert aws("list-security-profile-permissions", *on)["Permissions"] == []
    assert aws("update-security-profile", *on) == ""  # nothing to change
    found = aws("search-security-profiles", "--instance-id", c.id, "--search-criteria",
                '{"StringCondition":{"FieldName":"name","Value":"night","ComparisonType":"STARTS_WITH"}}',
                "--search-filter", '{"TagFilter":{"TagCondition":{"TagKey":"Team","TagValue":"night"}}}')
    assert [p["Id"] for p in found["SecurityProfiles"]] == [id] and found["ApproximateTotalCount"] == 1
    aws("tag-resource", "--resource-arn", arn, "--tags", '{"Überall": "ja"}')
    aws("untag-resource", "--resource-arn", arn, "--tag-keys", "Stage", "Team")
    assert aws("list-tags-for-resource", "--resource-arn", arn)["tags"] == {"Überall": "ja"}
    user = c.user([id, c.profile()])
    assert "in use" in aws("delete-security-profile", *on, fails="ResourceInUseException")
    other = c.profile()
    aws("update-user-security-profiles", "--instance-id", c.instance_arn, "--user-id", user, "--security-profile-ids", other)
    assert aws("describe-user", "--instance-id", c.id, "--user-id", user, "--query", "User.SecurityProfileIds") == [other]
    robot = agent_arn(":$LATEST")
    held = ("--instance-id", c.id, "--entity-type", "AI_AGENT", "--entity-arn", robot)
    aws("associate-security-profiles", *held, "--security-profiles", f"Id={id}")
    assert aws("list-entity-security-profiles", *held)["SecurityProfiles"] == [{"Id": id}]
    aws("disassociate-security-profiles", *held, "--security-profiles", f"Id={id}")
    assert aws("delete-security-profile", *on) == ""
    assert id in aws("describe-security-profile", *on, fails="ResourceNotFoundException")


def test_lists_in_parts(aws, connect):
    c = Centre(connect)
    made = [c.profile(SecurityProfileName=fresh("part")) for _ in range(6)]
    one = ("list-security-profiles", "--instance-id", c.id)
    every = [p["Id"] for p in aws(*one, "--page-size", "3")["SecurityProfileSummaryList"]]
    assert every[-6:] == made and len(every) == 10
    first = aws(*one, "--max-items", "4", "--page-size", "2")
    assert [p["Id"] for p in first["SecurityProfileSummaryList"]] == every[:4]
    second = aws(*one, "--max-items", "4", "--page-size", "2", "--starting-token", first["NextToken"])
    assert [p["Id"] for p in second["SecurityProfileSummaryList"]] == every[4:8]
    text = aws(*one, "--query", "SecurityProfileSummaryList[].Name", "--output", "text")
    assert text.split("\t")[:2] == ["Admin", "Agent"]


def test_instance_and_user(aws):
    made = aws("create-instance", "--identity-management-type", "CONNECT_MANAGED", "--instance-alias", fresh("cli"),
               "--inbound-calls-enabled", "--no-outbound-calls-enabled")
    instance = ("--instance-id", made["Id"])
    i = aws("describe-instance", *instance)["Instance"]
    assert (i["InstanceStatus"], i["InboundCallsEnabled"], i["OutboundCallsEnabled"]) == ("ACTIVE", True, False)
    routing = aws("list-routing-profiles", *instance, "--query", "RoutingProfileSummaryList[0].Id")
    agent = aws("list-security-profiles", *instance, "--query", "SecurityProfileSummaryList[?Name=='Agent'].Id | [0]")
    user = aws("create-user", *instance, "--username", "ann", "--password", "Secret123", "--phone-config", "PhoneType=SOFT_PHONE,AutoAccept=true",
               "--identity-info", "FirstName=Ann,LastName=Lee", "--security-profile-ids", agent, "--routing-profile-id", routing)
    assert aws("list-users", *instance)["UserSummaryList"][0]["Arn"] == user["UserArn"]
    aws("delete-instance", *instance)
    aws("list-users", *instance, fails="ResourceNotFoundException")


def test_errors(aws, connect):
    c = Centre(connect)
    on = ("--instance-id", c.id, "--security-profile-id", c.profile())
    error = aws("update-security-profile", *on, "--permissions", "Users.Fly", fails="(InvalidParameterException)")
    assert "UpdateSecurityProfile" in error and '"Users.Fly"' in error
    assert "StartOutboundVoiceContact" in aws("start-outbound-voice-contact", "--destination-phone-number", "+12025550123", "--contact-flow-id", "x",
                                              "--instance-id", c.id, fails="UnsupportedOperationException")
