"""The user hierarchy: its five levels, groups, and what keeps them from being deleted."""
import pytest

from centre import LEVELS, MISSING
from expect import refuses


def structure(c):
    return c.describe_user_hierarchy_structure()["HierarchyStructure"]


def test_levels(centre):
    assert structure(centre) == {}
    centre.levels(2)
    two = structure(centre)
    assert [two[n]["Name"] for n in LEVELS[:2]] == ["LevelOne", "LevelTwo"] and len(two) == 2
    assert [(two[n]["Id"], two[n]["Arn"]) for n in LEVELS[:2]] == [(i, centre.arn("agent-group-level", i)) for i in ("1", "2")]
    assert {"Id", "Arn", "Name", "LastModifiedTime", "LastModifiedRegion"} == set(two["LevelOne"])
    centre.levels(5)
    five = structure(centre)
    assert five["LevelOne"] == two["LevelOne"]  # a level that stays is the same level
    assert len({level["Id"] for level in five.values()}) == 5
    centre.update_user_hierarchy_structure(HierarchyStructure={n: {"Name": n.lower()} for n in LEVELS[:3]})
    three = structure(centre)
    assert {n: three[n]["Name"] for n in three} == {n: n.lower() for n in LEVELS[:3]}
    assert three["LevelOne"]["Id"] == two["LevelOne"]["Id"]
    centre.update_user_hierarchy_structure(HierarchyStructure={})
    assert structure(centre) == {}


def test_no_gaps(centre):
    centre.levels(1)
    before = structure(centre)
    for sent in ({"LevelTwo": {"Name": "b"}}, {"LevelOne": {"Name": "a"}, "LevelThree": {"Name": "c"}}):
        with refuses("InvalidParameterException", "HierarchyStructure.Level"):
            centre.update_user_hierarchy_structure(HierarchyStructure=sent)
    with refuses("InvalidParameterException", "HierarchyStructure.LevelOne.Name"):
        centre.update_user_hierarchy_structure(HierarchyStructure={"LevelOne": {"Name": "x" * 101}})
    assert structure(centre) == before


def test_groups_of_five_levels(centre):
    groups = centre.chain()
    levels = structure(centre)
    g = centre.describe_user_hierarchy_group(HierarchyGroupId=groups[4])["HierarchyGroup"]
    assert [g["HierarchyPath"][n]["Id"] for n in LEVELS] == groups
    assert (g["LevelId"], levels["LevelFive"]["Id"], g["Arn"]) == ("5", "5", centre.arn("agent-group", groups[4]))
    first = centre.describe_user_hierarchy_group(HierarchyGroupId=groups[0])["HierarchyGroup"]
    assert list(first["HierarchyPath"]) == ["LevelOne"] and first["LevelId"] == levels["LevelOne"]["Id"] == "1"
    with refuses("InvalidParameterException", "ParentGroupId", "5"):
        centre.group(groups[4])
    listed = centre.list_user_hierarchy_groups()["UserHierarchyGroupSummaryList"]
    assert [x["Id"] for x in listed] == groups
    for i in range(4):
        with refuses("ResourceInUseException") as met:
            centre.delete_user_hierarchy_group(HierarchyGroupId=groups[i])
        assert met.error.response["ResourceType"] == "HIERARCHY_GROUP"
    for id in reversed(groups):
        centre.delete_user_hierarchy_group(HierarchyGroupId=id)
        with refuses("ResourceNotFoundException", id):
            centre.describe_user_hierarchy_group(HierarchyGroupId=id)
    assert centre.list_user_hierarchy_groups()["UserHierarchyGroupSummaryList"] == []


def test_a_group_needs_its_level(centre):
    with refuses("ResourceNotFoundException", "level 1", "UpdateUserHierarchyStructure"):
        centre.group()
    centre.levels(1)
    top = centre.group()
    with refuses("ResourceNotFoundException", "level 2", "UpdateUserHierarchyStructure"):
        centre.group(top)
    centre.levels(2)
    centre.group(top)  # a client that tries again succeeds


def test_level_in_use(centre):
    groups = centre.chain()
    before = structure(centre)
    for n in (4, 0):
        with refuses("ResourceInUseException"):
            centre.levels(n)
    assert structure(centre) == before
    centre.delete_user_hierarchy_group(HierarchyGroupId=groups[4])
    centre.levels(4)
    assert list(structure(centre)) == list(LEVELS[:4])


def test_group_in_use_by_a_user(centre):
    centre.levels(1)
    group = centre.group()
    user = centre.user(HierarchyGroupId=group)
    with refuses("ResourceInUseException", user) as met:
        centre.delete_user_hierarchy_group(HierarchyGroupId=group)
    assert (met.error.response["ResourceType"], met.error.response["ResourceId"]) == ("USER", user)
    centre.update_user_hierarchy(UserId=user)  # without a group: none
    assert "HierarchyGroupId" not in centre.describe_user(UserId=user)["User"]
    centre.delete_user_hierarchy_group(HierarchyGroupId=group)


def test_names(centre):
    centre.levels(2)
    a, b = centre.group(Name="North"), centre.group(Name="South")
    with refuses("DuplicateResourceException", "North"):
        centre.group(Name="North")
    centre.group(a, Name="North")
    centre.group(b, Name="North")  # below another parent
    with refuses("DuplicateResourceException", "North"):
        centre.update_user_hierarchy_group_name(HierarchyGroupId=b, Name="North")
    before = centre.describe_user_hierarchy_group(HierarchyGroupId=b)["HierarchyGroup"]
    centre.update_user_hierarchy_group_name(HierarchyGroupId=b, Name="Süd")
    after = centre.describe_user_hierarchy_group(HierarchyGroupId=b)["HierarchyGroup"]
    assert after["Name"] == "Süd" and after["LastModifiedTime"] >= before["LastModifiedTime"]
    centre.update_user_hierarchy_group_name(HierarchyGroupId=b, Name="Süd")
    assert centre.describe_user_hierarchy_group(HierarchyGroupId=b)["HierarchyGroup"] == after


@pytest.mark.parametrize("name", ["", "x" * 101])
def test_name_bounds(centre, wire, name):
    """Not in the model, but documented."""
    centre.levels(1)
    group = centre.group(Name="é" * 100)
    for operation, params in (("CreateUserHierarchyGroup", {}), ("UpdateUserHierarchyGroupName", {"HierarchyGroupId": group})):
        answer = wire.operation(operation, {"InstanceId": centre.id, "Name": name} | params)
        assert answer.code == "InvalidParameterException" and "Name" in answer.message


def test_missing(centre):
    centre.levels(2)
    with refuses("InvalidParameterException", "ParentGroupId", MISSING):
        centre.group(MISSING)
    for operation, more in (("describe_user_hierarchy_group", {}), ("delete_user_hierarchy_group", {}), ("update_user_hierarchy_group_name", {"Name": "x"})):
        with refuses("ResourceNotFoundException", MISSING):
            getattr(centre, operation)(HierarchyGroupId=MISSING, **more)
    user = centre.user()
    with refuses("InvalidParameterException", "HierarchyGroupId", MISSING):
        centre.update_user_hierarchy(UserId=user, HierarchyGroupId=MISSING)


def test_group_that_a_profile_names_can_go(centre):
    centre.levels(1)
    group = centre.group()
    id = centre.profile(HierarchyRestrictedResources=["User"], AllowedAccessControlHierarchyGroupId=group)
    centre.delete_user_hierarchy_group(HierarchyGroupId=group)
    assert centre.describe_security_profile(SecurityProfileId=id)["SecurityProfile"]["AllowedAccessControlHierarchyGroupId"] == group
    centre.update_security_profile(SecurityProfileId=id, Description="still to be changed")


def test_quota(quota_connect):
    from centre import Centre
    c = Centre(quota_connect)
    c.levels(2)
    c.group(c.group())
    with refuses("LimitExceededException", "2"):
        c.group()
