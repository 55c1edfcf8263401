"""UpdateSecurityProfile: every parameter alone, together, omitted, empty, null, and wrong."""
import copy
import itertools
import time

import pytest

import permissions
from centre import MISSING, app_arn, fresh, granular
from expect import refuses

EMPTY = {
    "Description": "", "Permissions": [], "AllowedAccessControlTags": {}, "TagRestrictedResources": [], "Applications": [],
    "HierarchyRestrictedResources": [], "AllowedAccessControlHierarchyGroupId": "", "AllowedFlowModules": [],
    "AllowedAIAgents": [], "GranularAccessControlConfiguration": {},
}
# A tag restriction has two halves; either alone restricts nothing.
HALVES = ("AllowedAccessControlTags", "TagRestrictedResources")
PARTS = [(name,) for name in EMPTY if name not in HALVES] + [HALVES]


class Case:
    """A profile in which every parameter is set, and another value for each."""

    def __init__(self, centre):
        self.centre = centre
        centre.levels(2)
        self.groups = [centre.group(), centre.group()]
        self.modules = [centre.tool(), centre.tool(), centre.tool()]
        self.agents = [app_arn() for _ in range(3)]
        self.one = {
            "Description": "First", "Permissions": ["Users.View", "BasicAgentAccess"],
            "AllowedAccessControlTags": {"Country": "FR"}, "TagRestrictedResources": ["User"],
            "Applications": [{"Namespace": "orders", "ApplicationPermissions": ["ACCESS"], "Type": "THIRD_PARTY_APPLICATION"}],
            "HierarchyRestrictedResources": ["User"], "AllowedAccessControlHierarchyGroupId": self.groups[0],
            "AllowedFlowModules": [{"Type": "MCP", "FlowModuleId": self.modules[0]}],
            "AllowedAIAgents": [{"Arn": self.agents[0], "Type": "THIRD_PARTY"}],
            "GranularAccessControlConfiguration": granular(Region=["EU"]),
        }
        self.two = {
            "Description": "Second: é, ü and \U0001f512", "Permissions": ["Queues.View", "Queues.Edit", "AccessMetrics"],
            "AllowedAccessControlTags": {"Country": "DE", "Department": ""}, "TagRestrictedResources": ["Queue", "RoutingProfile"],
            "Applications": [
                {"Namespace": "gateway", "ApplicationPermissions": ["t___B", "t___A"], "Type": "MCP"},
                {"Namespace": "orders", "ApplicationPermissions": ["ACCESS"], "Type": "THIRD_PARTY_APPLICATION"}],
            # Only one resource type is known to the hierarchy, so the other value of this one is its absence.
            "HierarchyRestrictedResources": [], "AllowedAccessControlHierarchyGroupId": self.groups[1],
            "AllowedFlowModules": [{"Type": "MCP", "FlowModuleId": m} for m in self.modules[1:]],
            "AllowedAIAgents": [{"Arn": a, "Type": "THIRD_PARTY"} for a in self.agents[1:]],
            "GranularAccessControlConfiguration": granular(Region=["US", "CA"], Tier=["Gold"]),
        }
        self.id = centre.profile(**copy.deepcopy(self.one))

    def update(self, **kw):
        return self.centre.update_security_profile(SecurityProfileId=self.id, **kw)

    def state(self):
        """The profile as a request would set it."""
        r = self.centre.reads(self.id)
        d = r["describe"]
        return {
            "Description": d.get("Description", ""), "Permissions": r["permissions"],
            "AllowedAccessControlTags": d["AllowedAccessControlTags"], "TagRestrictedResources": d["TagRestrictedResources"],
            "Applications": r["applications"], "HierarchyRestrictedResources": d["HierarchyRestrictedResources"],
            "AllowedAccessControlHierarchyGroupId": d.get("AllowedAccessControlHierarchyGroupId", ""),
            "AllowedFlowModules": r["modules"], "AllowedAIAgents": r["agents"],
            "GranularAccessControlConfiguration": d.get("GranularAccessControlConfiguration", {}),
        }


def ordered(state):
    """The same without regard to order, where order says nothing."""
    key = {"Applications": "Namespace", "AllowedFlowModules": "FlowModuleId", "AllowedAIAgents": "Arn"}
    out = copy.deepcopy(state)
    for name in ("Permissions", "TagRestrictedResources"):
        out[name].sort()
    for name, by in key.items():
        out[name].sort(key=lambda x: x[by])
    return out


@pytest.fixture
def case(centre):
    return Case(centre)


def test_every_parameter_is_covered(connect):
    members = connect.meta.service_model.operation_model("UpdateSecurityProfile").input_shape.members
    assert set(members) == set(EMPTY) | {"InstanceId", "SecurityProfileId"}


def test_created_with_all(case):
    assert ordered(case.state()) == ordered(case.one)


@pytest.mark.parametrize("part", PARTS, ids=" ".join)
def test_alone(case, part):
    """One parameter changes; all others stay."""
    case.update(**{name: case.two[name] for name in part})
    assert ordered(case.state()) == ordered(case.one | {name: case.two[name] for name in part})


@pytest.mark.parametrize("part", PARTS, ids=" ".join)
def test_empty_clears(case, part):
    case.update(**{name: EMPTY[name] for name in part})
    assert ordered(case.state()) == ordered(case.one | {name: EMPTY[name] for name in part})


@pytest.mark.parametrize("part", PARTS, ids=" ".join)
def test_all_but_one(case, part):
    """One parameter is left out; it stays while all others change."""
    case.update(**{name: v for name, v in case.two.items() if name not in part})
    assert ordered(case.state()) == ordered(case.two | {name: case.one[name] for name in part})


@pytest.mark.parametrize("pair", list(itertools.combinations(PARTS, 2)), ids=lambda p: "+".join(x[0] for x in p))
def test_pairs(shared_case, pair):
    """Every two parameters together: one is set, the other cleared."""
    case = shared_case
    case.update(**copy.deepcopy(case.one))
    sent = {name: case.two[name] for name in pair[0]} | {name: EMPTY[name] for name in pair[1]}
    case.update(**sent)
    assert ordered(case.state()) == ordered(case.one | sent)


@pytest.fixture(scope="module")
def shared_case(shared):
    return Case(shared)


def test_all_together(case):
    case.update(**case.two)
    assert ordered(case.state()) == ordered(case.two)
    case.update(**EMPTY)
    assert case.state() == EMPTY
    described = case.centre.describe_security_profile(SecurityProfileId=case.id)["SecurityProfile"]
    assert not {"Description", "AllowedAccessControlHierarchyGroupId", "GranularAccessControlConfiguration"} & set(described)
    assert (described["Tags"], described["AllowedAccessControlTags"], described["TagRestrictedResources"]) == ({}, {}, [])


@pytest.mark.parametrize("name", EMPTY)
def test_null_is_absent(case, wire, name):
    before = case.centre.reads(case.id)
    answer = wire.operation("UpdateSecurityProfile", {"InstanceId": case.centre.id, "SecurityProfileId": case.id},
                            lambda _: {name: None})
    assert answer.status == 200 and answer.body == b""
    assert case.centre.reads(case.id) == before


def test_null_alongside_others(case, wire):
    body = dict.fromkeys(EMPTY) | {"Description": "Only this"}
    wire.operation("UpdateSecurityProfile", {"InstanceId": case.centre.id, "SecurityProfileId": case.id}, lambda _: body)
    assert ordered(case.state()) == ordered(case.one | {"Description": "Only this"})


@pytest.mark.parametrize("body", [b"", b"{}", b" {} \n"])
def test_empty_body_is_a_no_op(case, wire, body):
    before = case.centre.reads(case.id)
    answer = wire.call("POST", f"/security-profiles/{case.centre.id}/{case.id}", body, operation="UpdateSecurityProfile")
    assert (answer.status, answer.body) == (200, b"")
    assert case.centre.reads(case.id) == before


def test_no_op_leaves_the_time(case):
    before = case.centre.reads(case.id)
    time.sleep(0.01)
    case.update(**case.one)
    assert case.centre.reads(case.id) == before


def test_change_moves_the_time(case):
    def modified():
        r = case.centre.list_security_profile_permissions(SecurityProfileId=case.id)
        assert r["LastModifiedRegion"] == "us-east-1"
        return r["LastModifiedTime"]
    for name, v in case.two.items():
        if name in HALVES:
            continue
        before = modified()
        time.sleep(0.003)
        case.update(**{name: v})
        assert modified() > before, name
    assert case.centre.describe_security_profile(SecurityProfileId=case.id)["SecurityProfile"]["LastModifiedTime"] == modified()


def test_twice_the_same(case):
    """Repetitions within a list are one entry; permissions come back in byte order."""
    case.update(Permissions=["Users.View", "AccessMetrics", "Users.View", "BasicAgentAccess"],
                TagRestrictedResources=["User", "User"], AllowedFlowModules=case.one["AllowedFlowModules"] * 3,
                AllowedAIAgents=case.one["AllowedAIAgents"] * 2, Applications=case.one["Applications"] * 2)
    state = case.state()
    assert state["Permissions"] == ["AccessMetrics", "BasicAgentAccess", "Users.View"]
    assert state["TagRestrictedResources"] == ["User"]
    assert state["AllowedFlowModules"] == case.one["AllowedFlowModules"]
    assert state["AllowedAIAgents"] == case.one["AllowedAIAgents"]
    assert state["Applications"] == case.one["Applications"]


def test_application_type_is_third_party_when_absent(case):
    case.update(Applications=[{"Namespace": "old", "ApplicationPermissions": ["ACCESS"]}])
    assert case.state()["Applications"] == [
        {"Namespace": "old", "ApplicationPermissions": ["ACCESS"], "Type": "THIRD_PARTY_APPLICATION"}]


def test_same_namespace_for_both_types(case):
    both = [{"Namespace": "n", "ApplicationPermissions": ["tool"], "Type": "MCP"},
            {"Namespace": "n", "ApplicationPermissions": ["ACCESS"], "Type": "THIRD_PARTY_APPLICATION"}]
    case.update(Applications=both)
    assert case.state()["Applications"] == both


def test_legacy_permissions_are_kept(case):
    legacy = ["DownloadCallRecordings", "ListenCallRecordings", "RedactedData.View"]
    case.update(Permissions=legacy)
    assert case.state()["Permissions"] == legacy


def test_own_hierarchy(case):
    """No group with User restricted: the group of whoever holds the profile."""
    case.update(HierarchyRestrictedResources=["User"], AllowedAccessControlHierarchyGroupId="")
    state = case.state()
    assert (state["HierarchyRestrictedResources"], state["AllowedAccessControlHierarchyGroupId"]) == (["User"], "")


def test_granular_cleared_at_each_level(case):
    for empty in ({}, {"DataTableAccessControlConfiguration": {}},
                  {"DataTableAccessControlConfiguration": {"PrimaryAttributeAccessControlConfiguration": {}}}, granular()):
        case.update(GranularAccessControlConfiguration=granular(Region=["EU"]))
        case.update(GranularAccessControlConfiguration=empty)
        assert case.state()["GranularAccessControlConfiguration"] == {}


def test_at_the_largest(case):
    """Everything at its upper bound in one call."""
    names = permissions.names()
    modules = [case.centre.tool() for _ in range(10)]
    largest = {
        "Description": "é" * 250, "Permissions": (names * 2)[:500],
        "AllowedAccessControlTags": {f"{i}" + "k" * 127: "v" * 256 for i in range(4)},
        "TagRestrictedResources": ["User", "SecurityProfile", "Queue", "RoutingProfile"] * 2 + ["User"] * 2,
        "Applications": [{"Namespace": f"{i}" + "n" * 127, "Type": "MCP",
                          "ApplicationPermissions": [f"{j:02}" + "p" * 126 for j in range(50)]} for i in range(10)],
        "AllowedFlowModules": [{"Type": "MCP", "FlowModuleId": m} for m in modules],
        "AllowedAIAgents": [{"Arn": app_arn(), "Type": "THIRD_PARTY"} for _ in range(100)],
        "GranularAccessControlConfiguration": granular(**{f"{i}" + "a" * 126: ["v1", "v2"] for i in range(5)}),
    }
    case.update(**largest)
    state, want = ordered(case.state()), ordered(case.one | largest)
    want["Permissions"] = sorted(set(want["Permissions"]))
    want["TagRestrictedResources"] = sorted(set(want["TagRestrictedResources"]))
    assert state == want


REFUSED = {
    "unknown permission": ({"Permissions": ["Users.View", "Users.Fly", "Bogus"]}, ["Permissions", '"Users.Fly"', '"Bogus"']),
    "permission in another case": ({"Permissions": ["users.view"]}, ["Permissions", '"users.view"']),
    "unknown resource type": ({"TagRestrictedResources": ["User", "Spaceship"]}, ["TagRestrictedResources", '"Spaceship"', "RoutingProfile"]),
    "unknown hierarchy resource": ({"HierarchyRestrictedResources": ["Queue"]}, ["HierarchyRestrictedResources", '"Queue"', "User"]),
    "unknown group": ({"AllowedAccessControlHierarchyGroupId": MISSING}, ["AllowedAccessControlHierarchyGroupId", MISSING]),
    "unknown module": ({"AllowedFlowModules": [{"Type": "MCP", "FlowModuleId": MISSING}]}, ["AllowedFlowModules[0].FlowModuleId", MISSING]),
    "agent that is no ARN": ({"AllowedAIAgents": [{"Arn": "robot", "Type": "THIRD_PARTY"}]}, ["AllowedAIAgents[0].Arn", '"robot"']),
    "agent without ARN": ({"AllowedAIAgents": [{"Type": "THIRD_PARTY"}]}, ["AllowedAIAgents[0].Arn"]),
    "application without namespace": ({"Applications": [{"ApplicationPermissions": ["ACCESS"]}]}, ["Applications[0].Namespace"]),
    "application without permissions": ({"Applications": [{"Namespace": "a"}]}, ["Applications[0].ApplicationPermissions"]),
    "third party with a tool": ({"Applications": [{"Namespace": "a", "ApplicationPermissions": ["tool"], "Type": "THIRD_PARTY_APPLICATION"}]},
                                ["Applications[0].ApplicationPermissions", '"tool"', "ACCESS"]),
    "application twice": ({"Applications": [{"Namespace": "a", "ApplicationPermissions": ["x"], "Type": "MCP"},
                                            {"Namespace": "a", "ApplicationPermissions": ["y"], "Type": "MCP"}]}, ["Applications[1]", '"a"']),
    "attribute twice": ({"GranularAccessControlConfiguration": {"DataTableAccessControlConfiguration": {
        "PrimaryAttributeAccessControlConfiguration": {"PrimaryAttributeValues": [
            {"AccessType": "ALLOW", "AttributeName": "R", "Values": ["a"]}, {"AccessType": "ALLOW", "AttributeName": "R", "Values": ["b"]}]}}}},
        ["PrimaryAttributeValues[1].AttributeName", '"R"']),
    "attribute with a reserved prefix": ({"GranularAccessControlConfiguration": granular(**{"aws:x": ["a"]})}, ["AttributeName", '"aws:x"']),
    "attribute with another reserved prefix": ({"GranularAccessControlConfiguration": granular(**{"connect:x": ["a"]})}, ["AttributeName"]),
    "attribute without values": ({"GranularAccessControlConfiguration": granular(R=[])}, ["Values"]),
}


@pytest.mark.parametrize("row", REFUSED, ids=str)
def test_refused_whole(shared_case, row):
    """A wrong parameter alongside correct ones: refused with its name and value, and nothing has changed."""
    sent, words = REFUSED[row]
    case = shared_case
    case.update(**copy.deepcopy(case.one))
    before = case.centre.reads(case.id)
    good = {name: v for name, v in case.two.items() if name not in HALVES} | {"Description": fresh("changed")}
    with refuses("InvalidParameterException", *words):
        case.update(**(good | sent))
    assert case.centre.reads(case.id) == before


WARNING = "x-lanyard-warning"
NAMES = ["OperatingHours", "TransferDestination", "Queue", "User", "RoutingProfile", "EmailAddress", "HoursOfOperation", "Cases", "FlowModule", "AgentGroup"]


@pytest.mark.parametrize("half", HALVES)
def test_half_a_restriction_is_kept_and_warned_about(case, half):
    """Clients send one half alone, or clear one: it is kept as sent, and the answers say that it restricts nothing."""
    case.update(**copy.deepcopy({name: case.one[name] for name in HALVES}))
    other = HALVES[1 - HALVES.index(half)]
    cleared = case.update(**{half: EMPTY[half]})
    described = case.centre.describe_security_profile(SecurityProfileId=case.id)
    assert (described["SecurityProfile"][half], described["SecurityProfile"][other]) == (EMPTY[half], case.one[other])
    for answer in (cleared, described):
        assert f"{other} restricts nothing without {half}" in answer["ResponseMetadata"]["HTTPHeaders"][WARNING]
    whole = case.update(**{half: case.one[half]})
    assert WARNING not in whole["ResponseMetadata"]["HTTPHeaders"]


def test_types_by_every_name_keep_their_spelling(case):
    case.update(AllowedAccessControlTags={"Country": "FR"}, TagRestrictedResources=NAMES)
    assert case.centre.describe_security_profile(SecurityProfileId=case.id)["SecurityProfile"]["TagRestrictedResources"] == NAMES


def test_refuses_what_is_of_another_instance(case, connect):
    from centre import Centre
    other = Centre(connect)
    other.levels(1)
    for sent in ({"AllowedAccessControlHierarchyGroupId": other.group()},
                 {"AllowedFlowModules": [{"Type": "MCP", "FlowModuleId": other.tool()}]}):
        before = case.centre.reads(case.id)
        with refuses("InvalidParameterException", *sent):
            case.update(**sent)
        assert case.centre.reads(case.id) == before


def test_lenient_keeps_what_strict_refuses(lenient_centre):
    profile = lenient_centre.profile(
        Permissions=["Made.Up.Name"], TagRestrictedResources=["Spaceship"],
        Applications=[{"Namespace": "a", "ApplicationPermissions": ["READ"], "Type": "THIRD_PARTY_APPLICATION"}])
    r = lenient_centre.reads(profile)
    assert r["permissions"] == ["Made.Up.Name"]
    assert r["describe"]["TagRestrictedResources"] == ["Spaceship"]
    assert r["applications"][0]["ApplicationPermissions"] == ["READ"]


def test_missing_targets(case):
    with refuses("ResourceNotFoundException", MISSING):
        case.centre.update_security_profile(SecurityProfileId=MISSING, Description="x")
    with refuses("ResourceNotFoundException", MISSING):
        case.centre.connect.update_security_profile(InstanceId=MISSING, SecurityProfileId=case.id, Description="x")
