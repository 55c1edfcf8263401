"""Security profiles from creation to deletion, who holds them, and those a new instance comes with."""
import csv
import pathlib
import re
import time
import uuid

import pytest

from centre import MISSING, Centre, agent_arn, fresh
from expect import refuses


def test_create_describe_list_search_delete(centre):
    name = fresh("Night shift")
    made = centre.create_security_profile(SecurityProfileName=name, Description="At night", Tags={"Team": "night"}, Permissions=["Users.View"])
    id, arn = made["SecurityProfileId"], made["SecurityProfileArn"]
    assert str(uuid.UUID(id)) == id
    assert arn == f"arn:aws:connect:us-east-1:123456789012:instance/{centre.id}/security-profile/{id}"
    described = centre.describe_security_profile(SecurityProfileId=id)["SecurityProfile"]
    when = described.pop("LastModifiedTime")
    assert abs(time.time() - when.timestamp()) < 60
    assert described == {
        "Id": id, "Arn": arn, "OrganizationResourceId": centre.id, "SecurityProfileName": name, "Description": "At night",
        "Tags": {"Team": "night"}, "AllowedAccessControlTags": {}, "TagRestrictedResources": [], "HierarchyRestrictedResources": [],
        "LastModifiedRegion": "us-east-1"}
    listed = [p for p in centre.list_security_profiles()["SecurityProfileSummaryList"] if p["Id"] == id]
    assert listed == [{"Id": id, "Arn": arn, "Name": name, "LastModifiedTime": when, "LastModifiedRegion": "us-east-1"}]
    found = centre.search_security_profiles(SearchCriteria={"StringCondition": {"FieldName": "name", "Value": name, "ComparisonType": "EXACT"}})
    assert found["SecurityProfiles"] == [{"Id": id, "OrganizationResourceId": centre.id, "Arn": arn, "SecurityProfileName": name,
                                          "Description": "At night", "Tags": {"Team": "night"}}]
    assert found["ApproximateTotalCount"] == 1
    centre.delete_security_profile(SecurityProfileId=id)
    for operation in ("describe_security_profile", "delete_security_profile", "update_security_profile",
                      "list_security_profile_permissions", "list_security_profile_applications",
                      "list_security_profile_flow_modules", "list_security_profile_ai_agents"):
        with refuses("ResourceNotFoundException", id):
            getattr(centre, operation)(SecurityProfileId=id)
    assert id not in [p["Id"] for p in centre.list_security_profiles()["SecurityProfileSummaryList"]]


def test_no_permissions_is_legal(centre):
    id = centre.profile()
    assert centre.reads(id)["permissions"] == []


def test_names_are_unique(centre):
    name = fresh("Only")
    id = centre.profile(SecurityProfileName=name)
    with refuses("DuplicateResourceException", name):
        centre.profile(SecurityProfileName=name)
    centre.profile(SecurityProfileName=name.lower())  # compared exactly
    Centre(centre.connect).profile(SecurityProfileName=name)  # names are of an instance
    centre.delete_security_profile(SecurityProfileId=id)
    assert centre.profile(SecurityProfileName=name) != id


def test_order_is_that_of_creation(centre):
    made = [centre.profile() for _ in range(5)]
    assert [p["Id"] for p in centre.list_security_profiles()["SecurityProfileSummaryList"]][-5:] == made


def test_quota(quota_connect):
    c = Centre(quota_connect)
    for _ in range(2):
        c.profile()
    with refuses("LimitExceededException"):
        c.profile()
    c.delete_security_profile(SecurityProfileId=c.list_security_profiles()["SecurityProfileSummaryList"][0]["Id"])
    c.profile()


def test_in_use_by_a_user(centre):
    profile, other = centre.profile(), centre.profile()
    user = centre.user([profile])
    with refuses("ResourceInUseException", user) as met:
        centre.delete_security_profile(SecurityProfileId=profile)
    assert (met.error.response["ResourceType"], met.error.response["ResourceId"]) == ("USER", user)
    centre.update_user_security_profiles(UserId=user, SecurityProfileIds=[other])
    centre.delete_security_profile(SecurityProfileId=profile)
    centre.delete_user(UserId=user)
    centre.delete_security_profile(SecurityProfileId=other)


def test_default_profiles(centre):
    profiles = {p["Name"]: p["Id"] for p in centre.list_security_profiles()["SecurityProfileSummaryList"]}
    assert sorted(profiles) == ["Admin", "Agent", "CallCenterManager", "QualityAnalyst"]
    reads = {name: centre.reads(id) for name, id in profiles.items()}
    for name, r in reads.items():
        assert r["describe"]["Description"], name
        assert (r["describe"]["Tags"], r["describe"]["OrganizationResourceId"]) == ({}, centre.id)
    with open(pathlib.Path(__file__).parent.parent / "permissions.csv", newline="") as f:
        status = {row["name"]: row["status"] for row in csv.DictReader(f)}
    # Admin holds the catalogue, but for names that take something away or that others have replaced.
    left_out = {n for n, s in status.items() if s in ("documented restriction", "renamed") or "<" in n}
    assert {"RestrictTaskCreation.Access", "RealTimeMetrics.Access"} <= left_out
    assert set(reads["Admin"]["permissions"]) == set(status) - left_out
    assert set(reads["Agent"]["permissions"]) == {"BasicAgentAccess", "OutboundCallAccess"}
    manager = set(reads["CallCenterManager"]["permissions"])
    assert len(manager) == 66 and {"ContactFlows.Publish", "ManagerListenIn", "Users.Edit", "RoutingPolicies.Edit"} <= manager
    assert "BasicAgentAccess" not in manager
    assert set(reads["QualityAnalyst"]["permissions"]) == {
        "AccessMetrics", "AccessMetrics.AgentActivityAudit.Access", "AccessMetrics.HistoricalMetrics.Access",
        "AccessMetrics.RealTimeMetrics.Access", "AgentTimeCard.View", "ContactAttributes.View", "ContactSearch.View", "MetricsReports.View"}
    for name, id in profiles.items():  # they are profiles as any other
        centre.update_security_profile(SecurityProfileId=id, Description="Changed")
        centre.delete_security_profile(SecurityProfileId=id)
    assert centre.list_security_profiles()["SecurityProfileSummaryList"] == []


def test_defaults_have_ids_of_their_own(centre):
    other = Centre(centre.connect)
    assert not ({p["Id"] for p in centre.list_security_profiles()["SecurityProfileSummaryList"]}
                & {p["Id"] for p in other.list_security_profiles()["SecurityProfileSummaryList"]})


# Those who hold profiles without being users.

def test_ai_agents(centre):
    first, second, third = centre.profile(), centre.profile(), centre.profile()
    base = agent_arn()
    holders = [base, base + ":$LATEST", base + ":$SAVED", base + ":7"]
    for i, arn in enumerate(holders):  # each is an entity of its own
        centre.associate_security_profiles(EntityType="AI_AGENT", EntityArn=arn, SecurityProfiles=[{"Id": p} for p in (first, second, third)[: i % 3 + 1]])

    def held(arn):
        return {p["Id"] for p in centre.list_entity_security_profiles(EntityType="AI_AGENT", EntityArn=arn)["SecurityProfiles"]}
    assert [len(held(arn)) for arn in holders] == [1, 2, 3, 1]
    assert held(agent_arn()) == set()
    with refuses("ResourceConflictException", first):
        centre.associate_security_profiles(EntityType="AI_AGENT", EntityArn=base, SecurityProfiles=[{"Id": second}, {"Id": first}])
    assert held(base) == {first}  # all of them or none
    with refuses("ResourceInUseException") as met:
        centre.delete_security_profile(SecurityProfileId=third)
    assert met.error.response["ResourceId"] == holders[2]  # the model has no ResourceType for it
    centre.disassociate_security_profiles(EntityType="AI_AGENT", EntityArn=holders[2], SecurityProfiles=[{"Id": third}, {"Id": first}])
    assert held(holders[2]) == {second}
    centre.delete_security_profile(SecurityProfileId=third)
    for arn, missing in ((base, second), (base, MISSING), (agent_arn(), first)):
        with refuses("InvalidParameterException", "Can only disassociate security profile ids associated to the entity", missing):
            centre.disassociate_security_profiles(EntityType="AI_AGENT", EntityArn=arn, SecurityProfiles=[{"Id": missing}])
    with refuses("ResourceNotFoundException", MISSING):
        centre.associate_security_profiles(EntityType="AI_AGENT", EntityArn=base, SecurityProfiles=[{"Id": second}, {"Id": MISSING}])
    assert held(base) == {first}
    centre.disassociate_security_profiles(EntityType="AI_AGENT", EntityArn=base, SecurityProfiles=[{"Id": first}])
    assert held(base) == set()


def test_agents_of_one_instance_are_unknown_in_another(centre):
    other, arn = Centre(centre.connect), agent_arn()
    centre.associate_security_profiles(EntityType="AI_AGENT", EntityArn=arn, SecurityProfiles=[{"Id": centre.profile()}])
    assert other.list_entity_security_profiles(EntityType="AI_AGENT", EntityArn=arn)["SecurityProfiles"] == []


@pytest.mark.parametrize("arn", ["robot", "arn:aws:wisdom:us-east-1:12:ai-agent/a/b", "arn:aws:connect:us-east-1:123456789012:instance/a"])
def test_entity_that_is_no_agent(centre, arn):
    profile = centre.profile()
    for operation in ("associate_security_profiles", "disassociate_security_profiles"):
        with refuses("InvalidParameterException", "EntityArn"):
            getattr(centre, operation)(EntityType="AI_AGENT", EntityArn=arn, SecurityProfiles=[{"Id": profile}])
    with refuses("InvalidParameterException", "EntityArn"):
        centre.list_entity_security_profiles(EntityType="AI_AGENT", EntityArn=arn)


def test_entity_user_is_refused(centre):
    profile = centre.profile()
    arn = centre.arn("agent", centre.user([profile]))
    for operation in ("associate_security_profiles", "disassociate_security_profiles"):
        with refuses("InvalidParameterException", "EntityType", "AI_AGENT"):
            getattr(centre, operation)(EntityType="USER", EntityArn=arn, SecurityProfiles=[{"Id": profile}])
    with refuses("InvalidParameterException", "EntityType"):
        centre.list_entity_security_profiles(EntityType="USER", EntityArn=arn)


def test_messages_show_what_was_sent(centre):
    with refuses("InvalidParameterException") as met:
        centre.profile(SecurityProfileName="what?")
    assert re.search(r'SecurityProfileName.*"what\?"', met.message)
