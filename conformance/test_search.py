"""Searches: condition trees, comparisons, tag filters, hierarchy filters, and conditions that are too much."""
import pytest

from centre import MISSING, Centre
from expect import refuses
from wire import Wire


def name(value, how="EXACT", field="name"):
    return {"StringCondition": {"FieldName": field, "Value": value, "ComparisonType": how}}


class Profiles:
    TAGS = {"Alpha One": {"Team": "a", "Stage": "x"}, "Alpha Two": {"Team": "a"}, "Beta One": {"Team": "b", "Stage": ""}, "Gamma-Straße @1".replace("ß", "ss"): {}}

    def __init__(self, connect):
        self.centre = Centre(connect)
        for p in self.centre.list_security_profiles()["SecurityProfileSummaryList"]:
            self.centre.delete_security_profile(SecurityProfileId=p["Id"])
        for n, tags in self.TAGS.items():
            self.centre.profile(SecurityProfileName=n, **({"Tags": tags} if tags else {}))

    def find(self, criteria=None, filter=None):
        sent = ({"SearchCriteria": criteria} if criteria is not None else {}) | ({"SearchFilter": filter} if filter is not None else {})
        found = self.centre.search_security_profiles(**sent)
        assert found["ApproximateTotalCount"] == len(found["SecurityProfiles"])
        return [p["SecurityProfileName"] for p in found["SecurityProfiles"]]


@pytest.fixture(scope="module")
def profiles(connect):
    return Profiles(connect)


A1, A2, B1, G = Profiles.TAGS


@pytest.mark.parametrize("criteria, want", [
    (None, [A1, A2, B1, G]),
    ({}, [A1, A2, B1, G]),
    (name("Alpha One"), [A1]),
    (name("alpha one"), [A1]),  # without regard to case
    (name("Alpha"), []),
    (name("Alpha", "STARTS_WITH"), [A1, A2]),
    (name("aLPHA", "STARTS_WITH"), [A1, A2]),
    (name("One", "STARTS_WITH"), []),
    (name("One", "CONTAINS"), [A1, B1]),
    (name("ha o", "CONTAINS"), [A1]),
    (name("@1", "CONTAINS"), [G]),
    (name("%", "STARTS_WITH"), []),
    (name("_", "STARTS_WITH"), []),
    (name("", "STARTS_WITH"), [A1, A2, B1, G]),
    ({"OrConditions": [name("Alpha One"), name("Beta", "STARTS_WITH")]}, [A1, B1]),
    ({"AndConditions": [name("Alpha", "STARTS_WITH"), name("One", "CONTAINS")]}, [A1]),
    ({"AndConditions": [name("Alpha", "STARTS_WITH"), {"OrConditions": [name("Two", "CONTAINS"), name("Beta One")]}]}, [A2]),
    ({"OrConditions": [{"AndConditions": [name("Alpha", "STARTS_WITH"), name("Two", "CONTAINS")]}, name("Gamma", "STARTS_WITH")]}, [A2, G]),
    ({"OrConditions": [name("Nobody")]}, []),
    ({"AndConditions": [name("One", "CONTAINS")], "StringCondition": name("Beta", "STARTS_WITH")["StringCondition"]}, [B1]),
])
def test_criteria(profiles, criteria, want):
    assert profiles.find(criteria) == want


def tag(key, value=None):
    return {"TagKey": key} | ({} if value is None else {"TagValue": value})


@pytest.mark.parametrize("filter, want", [
    ({}, [A1, A2, B1, G]),
    ({"TagCondition": tag("Team", "a")}, [A1, A2]),
    ({"TagCondition": tag("team", "a")}, []),  # tags are case-sensitive
    ({"TagCondition": tag("Team", "A")}, []),
    ({"TagCondition": tag("Stage", "")}, [B1]),
    ({"TagCondition": tag("Stage")}, [B1]),  # no value is the empty value
    ({"AndConditions": [tag("Team", "a"), tag("Stage", "x")]}, [A1]),
    ({"OrConditions": [[tag("Team", "b")], [tag("Team", "a"), tag("Stage", "x")]]}, [A1, B1]),
    ({"OrConditions": [[tag("None", "b")]]}, []),
])
def test_tag_filter(profiles, filter, want):
    assert profiles.find(None, {"TagFilter": filter}) == want


def test_criteria_and_filter(profiles):
    assert profiles.find(name("One", "CONTAINS"), {"TagFilter": {"TagCondition": tag("Team", "a")}}) == [A1]


@pytest.mark.parametrize("how, value, accepted", [
    ("CONTAINS", "a", False), ("CONTAINS", "ab", True), ("CONTAINS", "é" * 25, True), ("CONTAINS", "é" * 26, False), ("CONTAINS", "", False),
    ("EXACT", "a", True), ("EXACT", "x" * 127, True), ("STARTS_WITH", "a", True), ("STARTS_WITH", "x" * 26, True)])
def test_length_of_values(profiles, how, value, accepted):
    if accepted:
        profiles.find(name(value, how))
        return
    with refuses("InvalidParameterException", "Value", "2", "25"):
        profiles.find(name(value, how))


def test_unknown_field(profiles):
    with refuses("InvalidParameterException", "FieldName", '"colour"', "name"):
        profiles.find(name("red", field="colour"))


def deep(n, last):
    for _ in range(n):
        last = {"AndConditions": [last]}
    return last


def test_depth(profiles, wire):
    assert profiles.find(deep(5, name("Alpha One"))) == [A1]
    for n in (20, 100, 1000, 10_000, 100_000):
        body = '{"InstanceId":"%s","SearchCriteria":%s}' % (profiles.centre.id, '{"AndConditions":[' * n + "{}" + "]}" * n)
        answer = wire.call("POST", "/search-security-profiles", body, operation="SearchSecurityProfiles")
        assert answer.status == 400 and answer.code in ("InvalidParameterException", "InvalidRequestException"), n
        assert ("deep" if n < 100_000 else "bytes") in answer.message  # the deepest is refused for its size


def test_breadth(profiles):
    assert profiles.find({"OrConditions": [name(f"n{i}") for i in range(200)] + [name("Alpha One")]}) == [A1]
    with refuses("InvalidParameterException", "SearchCriteria"):
        profiles.find({"OrConditions": [name(f"n{i}") for i in range(3000)]})
    with refuses("InvalidRequestException", "bytes"):
        profiles.find({"OrConditions": [name(f"n{i}") for i in range(5000)]})


def test_users(connect):
    c = Centre(connect)
    groups = c.chain()
    aside = c.group()
    night, day = c.profile(), c.profile()
    routing = c.routing()
    made = {
        "ann": c.user([night], Username="ann", IdentityInfo={"FirstName": "Ann", "LastName": "Lee"}, HierarchyGroupId=groups[0], Tags={"Team": "a"}),
        "bob": c.user([night, day], Username="bob", IdentityInfo={"FirstName": "Bob", "LastName": "Leeds"}, HierarchyGroupId=groups[2], RoutingProfileId=routing),
        "cy": c.user([day], Username="cy", HierarchyGroupId=groups[4], Tags={"Team": "b"}),
        "di": c.user([day], Username="di", HierarchyGroupId=aside),
        "ed": c.user([day], Username="ed"),
    }

    def find(criteria=None, filter=None):
        found = c.search_users(**({"SearchCriteria": criteria} if criteria else {}), **({"SearchFilter": filter} if filter else {}))
        assert found["ApproximateTotalCount"] == len(found["Users"])
        return " ".join(u["Username"] for u in found["Users"])

    def group(id, how):
        return {"HierarchyGroupCondition": {"Value": id, "HierarchyGroupMatchType": how}}
    assert find() == "ann bob cy di ed"
    assert find(name("Bob", field="Username")) == "bob"
    assert find(name("Lee", "STARTS_WITH", "LastName")) == "ann bob"
    assert find(name("Ann", field="FirstName")) == "ann"
    assert find(name(night, field="SecurityProfileId")) == "ann bob"
    assert find(name(routing, field="RoutingProfileId")) == "bob"
    assert find(name(made["cy"], field="ResourceId")) == "cy"
    assert find(group(groups[2], "EXACT")) == "bob"
    assert find(group(groups[0], "WITH_CHILD_GROUPS")) == "ann bob cy"
    assert find(group(groups[3], "WITH_CHILD_GROUPS")) == "cy"
    assert find({"OrConditions": [group(aside, "EXACT"), name("Ann", field="FirstName")]}) == "ann di"
    assert find({"AndConditions": [group(groups[0], "WITH_CHILD_GROUPS"), name(day, field="SecurityProfileId")]}) == "bob cy"
    assert find(None, {"TagFilter": {"TagCondition": tag("Team", "b")}}) == "cy"
    by = lambda filter: find(None, {"UserAttributeFilter": filter})
    assert by({"TagCondition": tag("Team", "a")}) == "ann"
    assert by(group(groups[1], "WITH_CHILD_GROUPS")) == "bob cy"
    assert by({"AndCondition": {"TagConditions": [tag("Team", "b")]} | group(groups[0], "WITH_CHILD_GROUPS")}) == "cy"
    assert by({"AndCondition": {"TagConditions": [tag("Team", "b")]} | group(aside, "EXACT")}) == ""
    assert by({"OrConditions": [{"TagConditions": [tag("Team", "b")]}, group(aside, "EXACT")]}) == "cy di"
    with refuses("InvalidParameterException", "ListCondition"):  # better than nobody, where somebody has some
        find({"ListCondition": {"TargetListType": "PROFICIENCIES", "Conditions": []}})
    with refuses("InvalidParameterException", "HierarchyGroupCondition", MISSING):
        find(group(MISSING, "EXACT"))
    with refuses("InvalidParameterException", "FieldName", "Username"):
        find(name("x", field="Shoe"))


def test_groups(connect):
    c = Centre(connect)
    groups = c.chain()
    c.group(Name="Élan", Tags={"a": "b"})
    levels = c.describe_user_hierarchy_structure()["HierarchyStructure"]

    def find(criteria=None, filter=None):
        found = c.search_user_hierarchy_groups(**({"SearchCriteria": criteria} if criteria else {}), **({"SearchFilter": filter} if filter else {}))
        return [g["Id"] if g["Id"] in groups else g["Name"] for g in found["UserHierarchyGroups"]]
    assert find() == [*groups, "Élan"]
    assert find(name("élan")) == ["Élan"]
    assert find(name(groups[1], field="parentId")) == [groups[2]]
    assert find(name(levels["LevelFour"]["Id"], field="levelId")) == [groups[3]]
    assert find(name(groups[4], field="resourceId")) == [groups[4]]
    assert find(None, {"AttributeFilter": {"TagCondition": tag("a", "b")}}) == ["Élan"]
    assert find(None, {"AttributeFilter": {"AndCondition": {"TagConditions": [tag("a", "b"), tag("c", "d")]}}}) == []
    assert find(None, {"AttributeFilter": {"OrConditions": [{"TagConditions": [tag("c", "d")]}, {"TagConditions": [tag("a", "b")]}]}}) == ["Élan"]


@pytest.mark.parametrize("kind, id, field, make", [
    ("search_queues", "QueueId", "Queues", Centre.queue), ("search_routing_profiles", "RoutingProfileId", "RoutingProfiles", Centre.routing),
    ("search_hours_of_operations", "HoursOfOperationId", "HoursOfOperations", Centre.hours),
    ("search_contact_flow_modules", "Id", "ContactFlowModules", Centre.module)])
def test_others(centre, kind, id, field, make):
    one, two = make(centre, Name="Wanted One", Description="the first"), make(centre, Name="Wanted Two", Description="a second", Tags={"a": "b"})

    def find(criteria=None, filter=None):
        found = getattr(centre, kind)(**({"SearchCriteria": criteria} if criteria else {}), **({"SearchFilter": filter} if filter else {}))
        return [x[id] for x in found[field]]
    assert {one, two} <= set(find())
    assert find(name("wanted", "STARTS_WITH")) == [one, two]
    assert find(name("second", "CONTAINS", "description")) == [two]
    assert find(name(one, field="resourceId")) == [one]
    assert find(None, {"TagFilter": {"TagCondition": tag("a", "b")}}) == [two]
    if kind == "search_queues":
        assert find({"QueueTypeCondition": "STANDARD", **name("Wanted One")}) == [one]
    if kind == "search_contact_flow_modules":
        assert find({"StateCondition": "ACTIVE", **name("Wanted One")}) == [one]
        assert find({"StateCondition": "ARCHIVED"}) == find({"StatusCondition": "SAVED"}) == []
        assert find({"StatusCondition": "PUBLISHED", **name("Wanted Two")}) == [two]
    if kind == "search_routing_profiles":
        assert find(name(centre.basic_queue, field="associatedQueueIds")) == [centre.basic_routing]
    if kind == "search_hours_of_operations":
        assert len(find(name("UTC", field="timezone"))) == 3


def test_missing_instance(connect, server):
    wire = Wire(server)
    for operation in ("SearchSecurityProfiles", "SearchUsers", "SearchQueues"):
        assert wire.operation(operation, {"InstanceId": MISSING}).code == "ResourceNotFoundException"


def test_arns_are_ids(centre):
    profile = centre.profile()
    holder = centre.user([profile])
    centre.user()
    for field, arn in (("SecurityProfileId", centre.profile_arn(profile)), ("ResourceId", centre.arn("agent", holder))):
        assert [u["Id"] for u in centre.search_users(SearchCriteria=name(arn, field=field))["Users"]] == [holder]
    other = Centre(centre.connect)
    assert centre.search_users(SearchCriteria=name(other.profile_arn(profile), field="SecurityProfileId"))["Users"] == []
    with refuses("InvalidParameterException", "StringCondition.Value"):
        centre.search_users(SearchCriteria=name(centre.arn("agent", holder), field="SecurityProfileId"))
