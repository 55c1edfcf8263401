"""What real instances were seen to do and the service model does not say (docs/fidelity.md)."""
import pytest
from botocore.exceptions import ClientError

from centre import MISSING, Centre, fresh
from expect import refuses


@pytest.mark.parametrize("operation", ["list_tags_for_resource", "tag_resource", "untag_resource"])
def test_agent_queues_have_no_tags(centre, operation):
    user = centre.user()
    more = {"tag_resource": {"tags": {"a": "b"}}, "untag_resource": {"tagKeys": ["a"]}}.get(operation, {})
    with pytest.raises(ClientError) as met:
        getattr(centre.connect, operation)(resourceArn=centre.arn("queue/agent", user), **more)
    answer = met.value.response
    assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == ("BadRequestException", 400)
    assert answer["Error"]["Message"].startswith("Invalid input resource arn")


def test_disassociation_changes_all_or_nothing(centre):
    held, other, agent = centre.profile(), centre.profile(), f"arn:aws:wisdom:us-east-1:123456789012:ai-agent/{MISSING}/{MISSING}"
    entity = {"EntityType": "AI_AGENT", "EntityArn": agent}
    centre.associate_security_profiles(**entity, SecurityProfiles=[{"Id": held}])
    with refuses("InvalidParameterException", "Can only disassociate security profile ids associated to the entity", other):
        centre.disassociate_security_profiles(**entity, SecurityProfiles=[{"Id": held}, {"Id": other}])
    assert centre.list_entity_security_profiles(**entity)["SecurityProfiles"] == [{"Id": held}]


def test_ordinary_profiles_have_no_type(centre):
    id = centre.profile()
    assert "Type" not in centre.describe_security_profile(SecurityProfileId=id)["SecurityProfile"]
    assert not any("Type" in p for p in centre.list_security_profiles()["SecurityProfileSummaryList"])
    assert not any("Type" in p for p in centre.search_security_profiles()["SecurityProfiles"])


def test_a_described_profile_can_be_created(centre):
    """What copy tools do: all that Describe returns, less what Create does not have."""
    group = (centre.levels(1), centre.group())[1]
    id = centre.profile(Description="As it is", HierarchyRestrictedResources=["User"], AllowedAccessControlHierarchyGroupId=group)
    for of in (id, centre.profile()):
        described = centre.describe_security_profile(SecurityProfileId=of)["SecurityProfile"]
        for member in ("Id", "Arn", "OrganizationResourceId", "LastModifiedTime", "LastModifiedRegion"):
            described.pop(member)
        centre.create_security_profile(**described | {"SecurityProfileName": fresh("copy")})


def test_unknown_permissions(centre):
    with refuses("InvalidParameterException", "Invalid permissions", "Permissions must be", "Users.Fly"):
        centre.profile(Permissions=["Users.View", "Users.Fly"])


def test_unknown_flow_module(centre):
    with refuses("InvalidParameterException", "FlowModuleId is not valid", MISSING) as met:
        centre.profile(AllowedFlowModules=[{"Type": "MCP", "FlowModuleId": MISSING}])
    assert "ARN" not in met.message


def test_an_instance_needs_an_alias_or_a_directory(connect):
    more = {"IdentityManagementType": "SAML", "InboundCallsEnabled": True, "OutboundCallsEnabled": True}
    with refuses("InvalidRequestException", "InstanceAlias", "DirectoryId"):
        connect.create_instance(**more)
    alias = fresh("alias")
    connect.create_instance(**more, InstanceAlias=alias)
    with refuses("InvalidRequestException", alias):
        connect.create_instance(**more, InstanceAlias=alias)
    connect.create_instance(**more, DirectoryId="d-0123456789")


def test_a_user_is_described_in_full(centre):
    """Backup tools read these members without asking whether they are there."""
    id = centre.user()
    u = centre.describe_user(UserId=id)["User"]
    assert u["PhoneConfig"] == {"PhoneType": "SOFT_PHONE", "AutoAccept": False, "AfterContactWorkTimeLimit": 0, "DeskPhoneNumber": ""}
    assert u["DirectoryUserId"] == id and u["Tags"] == {}
    centre.update_user_phone_config(UserId=id, PhoneConfig=u["PhoneConfig"] | {"AfterContactWorkTimeLimit": 60})
    found = centre.search_users()["Users"][0]  # documented: in milliseconds, and only here
    assert (found["PhoneConfig"]["AfterContactWorkTimeLimit"], found["DirectoryUserId"]) == (60_000, id)
    assert centre.describe_user(UserId=id)["User"]["PhoneConfig"]["AfterContactWorkTimeLimit"] == 60


def test_an_empty_desk_phone_number(centre):
    soft = {"PhoneType": "SOFT_PHONE", "DeskPhoneNumber": "", "AutoAccept": True}
    id = centre.user(PhoneConfig=soft)
    centre.update_user_phone_config(UserId=id, PhoneConfig=soft)
    desk = {"PhoneType": "DESK_PHONE", "DeskPhoneNumber": ""}
    with refuses("InvalidParameterException", "PhoneConfig.DeskPhoneNumber is required"):
        centre.update_user_phone_config(UserId=id, PhoneConfig=desk)
    for more in ({"PhoneConfig": desk}, {"PhoneNumberConfigs": [{"Channel": "VOICE", "PhoneType": "DESK_PHONE", "PhoneNumber": ""}]}):
        with refuses("InvalidParameterException", "is required"):
            centre.user(**more)
    assert centre.describe_user(UserId=id)["User"]["PhoneConfig"]["AutoAccept"] is True


def test_users_of_an_identity_provider(connect):
    saml, managed = Centre(connect), Centre(connect, managed=True)
    email = {"Email": "a@example.com", "FirstName": "A"}
    for more in ({"IdentityInfo": email}, {"DirectoryUserId": "d"}):
        with refuses("InvalidParameterException", *(["Email"] if "IdentityInfo" in more else ["DirectoryUserId"]), "SAML"):
            saml.user(**more)
        managed.user(**more)
    id = saml.user(IdentityInfo={"SecondaryEmail": "a@example.com"})
    with refuses("InvalidParameterException", "IdentityInfo.Email", "SAML"):
        saml.update_user_identity_info(UserId=id, IdentityInfo=email)
    saml.update_user_identity_info(UserId=id, IdentityInfo={"Email": "", "SecondaryEmail": "b@example.com"})


@pytest.mark.parametrize("name", ["testuser@example", "test user", "a" * 65, "a\x1b[2J", MISSING])
def test_user_names_that_are_refused(centre, name):
    with refuses("InvalidParameterException", "Username"):
        centre.user(Username=name)


@pytest.mark.parametrize("what", ["group", "queue", "hours", "routing", "module"])
def test_names_without_control_characters(centre, what):
    centre.levels(1)
    with refuses("InvalidParameterException", "Name must be text without control characters"):
        getattr(centre, what)(Name="a\x1b]0;owned\x07")
