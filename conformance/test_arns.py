"""Ids and ARNs are interchangeable on input; answers have bare ids."""
import pytest

from centre import MISSING, Centre, agent_arn
from expect import refuses


def test_everywhere(centre):
    """The whole life of a profile and a user, with ARNs only."""
    connect, instance = centre.connect, centre.instance_arn
    centre.levels(2)
    group, routing = centre.group(), centre.basic_routing
    made = connect.create_security_profile(
        InstanceId=instance, SecurityProfileName="By ARN", HierarchyRestrictedResources=["User"],
        AllowedAccessControlHierarchyGroupId=centre.arn("agent-group", group))
    id, arn = made["SecurityProfileId"], made["SecurityProfileArn"]
    by_arn = {"InstanceId": instance, "SecurityProfileId": arn}
    connect.update_security_profile(**by_arn, Permissions=["Users.View"], Description="d")
    described = connect.describe_security_profile(**by_arn)["SecurityProfile"]
    assert (described["Id"], described["AllowedAccessControlHierarchyGroupId"], described["Description"]) == (id, group, "d")
    assert connect.list_security_profile_permissions(**by_arn)["Permissions"] == ["Users.View"]
    assert connect.list_security_profile_flow_modules(**by_arn)["AllowedFlowModules"] == []
    assert connect.list_security_profile_applications(**by_arn)["Applications"] == []
    assert connect.list_security_profile_ai_agents(**by_arn)["AllowedAIAgents"] == []
    assert id in [p["Id"] for p in connect.list_security_profiles(InstanceId=instance)["SecurityProfileSummaryList"]]
    assert connect.search_security_profiles(InstanceId=instance)["ApproximateTotalCount"] == 5
    user = connect.create_user(InstanceId=instance, Username="ann", SecurityProfileIds=[arn],
                               RoutingProfileId=centre.arn("routing-profile", routing), HierarchyGroupId=centre.arn("agent-group", group))
    assert user["UserArn"] == centre.arn("agent", user["UserId"])
    person = {"InstanceId": instance, "UserId": user["UserArn"]}
    connect.update_user_security_profiles(**person, SecurityProfileIds=[arn, centre.profile_arn(centre.profile())])
    connect.update_user_hierarchy(**person, HierarchyGroupId=centre.arn("agent-group", group))
    connect.update_user_routing_profile(**person, RoutingProfileId=centre.arn("routing-profile", routing))
    u = connect.describe_user(**person)["User"]
    assert (u["Id"], u["SecurityProfileIds"][0], u["HierarchyGroupId"], u["RoutingProfileId"]) == (user["UserId"], id, group, routing)
    entity = {"InstanceId": instance, "EntityType": "AI_AGENT", "EntityArn": agent_arn(), "SecurityProfiles": [{"Id": arn}]}
    connect.associate_security_profiles(**entity)
    held = connect.list_entity_security_profiles(InstanceId=instance, EntityType="AI_AGENT", EntityArn=entity["EntityArn"])
    assert held["SecurityProfiles"] == [{"Id": id}]
    connect.disassociate_security_profiles(**entity)
    below = connect.create_user_hierarchy_group(InstanceId=instance, Name="below", ParentGroupId=centre.arn("agent-group", group))
    path = connect.describe_user_hierarchy_group(InstanceId=instance, HierarchyGroupId=below["HierarchyGroupArn"])["HierarchyGroup"]["HierarchyPath"]
    assert path["LevelOne"]["Id"] == group
    queue = connect.create_queue(InstanceId=instance, Name="q", HoursOfOperationId=centre.arn("operating-hours", centre.basic_hours))
    assert connect.describe_queue(InstanceId=instance, QueueId=queue["QueueArn"])["Queue"]["QueueId"] == queue["QueueId"]
    connect.delete_user(**person)
    connect.delete_security_profile(**by_arn)
    assert connect.describe_instance(InstanceId=instance)["Instance"]["Id"] == centre.id
    connect.delete_instance(InstanceId=instance)


def foreign(centre, profile):
    """ARNs that are well formed but name nothing in this instance."""
    other = Centre(centre.connect)
    arn = centre.profile_arn(profile)
    return [other.profile_arn(other.profile()), other.profile_arn(profile), arn.replace("us-east-1", "eu-west-1"),
            arn.replace("123456789012", "210987654321"), arn.replace("arn:aws:", "arn:aws-cn:"), centre.profile_arn(MISSING)]


def test_foreign_profiles(centre):
    profile = centre.profile()
    user = centre.user([profile])
    for arn in foreign(centre, profile):
        for operation in ("describe_security_profile", "update_security_profile", "delete_security_profile",
                          "list_security_profile_permissions"):
            with refuses("ResourceNotFoundException"):
                getattr(centre, operation)(SecurityProfileId=arn)
        with refuses("InvalidParameterException", "SecurityProfileIds"):
            centre.update_user_security_profiles(UserId=user, SecurityProfileIds=[arn])
        with refuses("ResourceNotFoundException"):
            centre.associate_security_profiles(EntityType="AI_AGENT", EntityArn=agent_arn(), SecurityProfiles=[{"Id": arn}])


def test_foreign_instances(centre):
    for arn in (centre.instance_arn.replace("us-east-1", "eu-west-1"), centre.instance_arn.replace("123456789012", "210987654321"),
                centre.instance_arn.replace(centre.id, MISSING)):
        for call in (lambda: centre.connect.list_security_profiles(InstanceId=arn), lambda: centre.connect.describe_instance(InstanceId=arn),
                     lambda: centre.connect.list_tags_for_resource(resourceArn=arn + "/security-profile/" + MISSING),
                     lambda: centre.connect.search_users(InstanceId=arn)):
            with refuses("ResourceNotFoundException"):
                call()


@pytest.mark.parametrize("arn", [
    "arn:aws:connect", "arn:aws:s3:us-east-1:123456789012:instance/x/security-profile/y", "arn:aws:connect:us-east-1:12:instance/x/security-profile/y",
    "arn:aws:connect:us-east-1:123456789012:instance/x/security-profile/", "arn:aws:connect:us-east-1:123456789012:instance//security-profile/y",
    "arn:aws:connect:us-east-1:123456789012:instance/x/security-profile/y/z", "arn:gcp:connect:us-east-1:123456789012:instance/x/security-profile/y",
    "arn:aws:connect:us-east-1:123456789012:elsewhere/x", "arn:",
])
def test_malformed(centre, arn):
    user = centre.user()
    for call in (lambda: centre.describe_security_profile(SecurityProfileId=arn),
                 lambda: centre.update_user_security_profiles(UserId=user, SecurityProfileIds=[arn]),
                 lambda: centre.connect.list_tags_for_resource(resourceArn=arn)):
        with refuses("InvalidParameterException"):
            call()


def test_of_another_type(centre):
    with refuses("InvalidParameterException"):
        centre.describe_security_profile(SecurityProfileId=centre.arn("queue", centre.basic_queue))
    with refuses("InvalidParameterException"):
        centre.connect.describe_instance_attribute(InstanceId=centre.profile_arn(centre.profile()), AttributeType="CONTACT_LENS")
    with refuses("InvalidParameterException", "RoutingProfileId"):
        centre.user(RoutingProfileId=centre.arn("queue", centre.basic_queue))


def test_strange_ids(centre):
    """Ids come percent-encoded in the path; none of them leads anywhere."""
    for id in ("../x", "a/b", "a b", "%2F", "é", "?", "#", "..", "x" * 300, "\U0001f512", "'; DROP TABLE profiles; --"):
        with refuses("ResourceNotFoundException"):
            centre.describe_security_profile(SecurityProfileId=id)


def test_upper_case_id_is_another(centre):
    id = centre.profile()
    if id.upper() != id:
        with refuses("ResourceNotFoundException"):
            centre.describe_security_profile(SecurityProfileId=id.upper())
