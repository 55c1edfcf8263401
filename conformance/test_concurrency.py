"""Many callers at once: no update is torn, no update is lost, names stay unique, quotas hold."""
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

from centre import Centre, app_arn, fresh, granular
from check import client
from expect import refuses


def together(n, do):
    """Runs do(0) to do(n-1) in as many threads, started at one moment, and returns what they returned."""
    gate = threading.Barrier(n)

    def one(i):
        gate.wait()
        return do(i)
    with ThreadPoolExecutor(n) as pool:
        return list(pool.map(one, range(n)))


@pytest.fixture(scope="module")
def clients(server):
    return [client(server) for _ in range(8)]


def test_no_mixture(centre, clients):
    """Writers stamp every field with their number; every read of the profile shows one number in all of them."""
    id = centre.profile()

    def stamp(n):
        return {"Description": f"n{n}", "AllowedAccessControlTags": {"n": f"n{n}"}, "TagRestrictedResources": ["User"],
                "GranularAccessControlConfiguration": granular(n=[f"n{n}"])}
    done = threading.Event()
    torn = []

    def read(connect):
        while not done.is_set():
            p = connect.describe_security_profile(InstanceId=centre.id, SecurityProfileId=id)["SecurityProfile"]
            shown = {p["Description"], p["AllowedAccessControlTags"]["n"], p["GranularAccessControlConfiguration"]
                     ["DataTableAccessControlConfiguration"]["PrimaryAttributeAccessControlConfiguration"]["PrimaryAttributeValues"][0]["Values"][0]}
            if len(shown) != 1:
                torn.append(shown)
    centre.update_security_profile(SecurityProfileId=id, **stamp(0))
    readers = [threading.Thread(target=read, args=(c,)) for c in clients[6:]]
    for r in readers:
        r.start()

    def write(i):
        for k in range(20):
            clients[i].update_security_profile(InstanceId=centre.id, SecurityProfileId=id, **stamp(i * 100 + k))
        return f"n{i * 100 + 19}"
    last = together(6, write)
    done.set()
    for r in readers:
        r.join()
    assert not torn
    assert centre.describe_security_profile(SecurityProfileId=id)["SecurityProfile"]["Description"] in last  # of some writer's last update


def test_last_writer_wins_whole(centre, clients):
    """After the writers are done, all parts are of one update, those of the other lists too."""
    id = centre.profile()
    modules = [centre.tool() for _ in range(6)]
    arns = [app_arn() for _ in range(6)]
    names = ["Users.View", "Users.Edit", "Queues.View", "Queues.Edit", "Prompts.View", "Rules.View"]

    def write(i):
        clients[i].update_security_profile(
            InstanceId=centre.id, SecurityProfileId=id, Description=str(i), Permissions=[names[i]],
            Applications=[{"Namespace": f"n{i}", "ApplicationPermissions": ["ACCESS"], "Type": "THIRD_PARTY_APPLICATION"}],
            AllowedFlowModules=[{"Type": "MCP", "FlowModuleId": modules[i]}], AllowedAIAgents=[{"Arn": arns[i], "Type": "THIRD_PARTY"}])
    for _ in range(10):
        together(6, write)
        r = centre.reads(id)
        i = int(r["describe"]["Description"])
        assert (r["permissions"], r["applications"][0]["Namespace"]) == ([names[i]], f"n{i}")
        assert (r["modules"][0]["FlowModuleId"], r["agents"][0]["Arn"]) == (modules[i], arns[i])
        assert [len(r[k]) for k in ("permissions", "applications", "modules", "agents")] == [1, 1, 1, 1]


def test_different_fields_do_not_disturb_one_another(centre, clients):
    """Updates of different members at once: all of them are there afterwards."""
    id = centre.profile()
    for round in range(10):
        parts = [{"Description": f"d{round}"}, {"Permissions": [("Users.View", "Users.Edit")[round % 2]]},
                 {"Applications": [{"Namespace": f"n{round}", "ApplicationPermissions": ["ACCESS"], "Type": "THIRD_PARTY_APPLICATION"}]},
                 {"GranularAccessControlConfiguration": granular(r=[f"v{round}"])}]
        together(4, lambda i: clients[i].update_security_profile(InstanceId=centre.id, SecurityProfileId=id, **parts[i]))
        r = centre.reads(id)
        assert r["describe"]["Description"] == f"d{round}"
        assert r["permissions"] == parts[1]["Permissions"]
        assert r["applications"][0]["Namespace"] == f"n{round}"
        assert r["describe"]["GranularAccessControlConfiguration"] == parts[3]["GranularAccessControlConfiguration"]


def test_read_after_write(centre, clients):
    """200 updates, each read back at once over another connection."""
    id = centre.profile()
    for n in range(200):
        clients[n % 4].update_security_profile(InstanceId=centre.id, SecurityProfileId=id, Description=f"d{n}",
                                               Permissions=["Users.View"] if n % 2 else [])
        reader = clients[4 + n % 4]
        assert reader.describe_security_profile(InstanceId=centre.id, SecurityProfileId=id)["SecurityProfile"]["Description"] == f"d{n}"
        assert len(reader.list_security_profile_permissions(InstanceId=centre.id, SecurityProfileId=id)["Permissions"]) == n % 2


def test_search_and_list_after_write(centre, clients):
    for n in range(20):
        name = fresh("seen")
        id = clients[n % 8].create_security_profile(InstanceId=centre.id, SecurityProfileName=name)["SecurityProfileId"]
        reader = clients[(n + 1) % 8]
        found = reader.search_security_profiles(InstanceId=centre.id, SearchCriteria={
            "StringCondition": {"FieldName": "name", "Value": name, "ComparisonType": "EXACT"}})
        assert [p["Id"] for p in found["SecurityProfiles"]] == [id]
        assert id in [p["Id"] for p in reader.list_security_profiles(InstanceId=centre.id)["SecurityProfileSummaryList"]]


def outcome(do):
    try:
        do()
        return "done"
    except ClientError as e:
        return e.response["Error"]["Code"]


def test_one_name_one_profile(centre, clients):
    for _ in range(5):
        name = fresh("race")
        got = together(8, lambda i: outcome(lambda: clients[i].create_security_profile(InstanceId=centre.id, SecurityProfileName=name)))
        assert sorted(got) == ["DuplicateResourceException"] * 7 + ["done"]


def test_quota_holds(quota_connect):
    c = Centre(quota_connect)
    got = together(8, lambda i: outcome(c.profile))
    assert sorted(got) == ["LimitExceededException"] * 6 + ["done"] * 2


def test_delete_against_assign(centre, clients):
    """A profile is either deleted or assigned, never both."""
    base = centre.profile()
    user = centre.user([base])
    for _ in range(10):
        id = centre.profile()
        deleted, assigned = together(2, lambda i: outcome(
            (lambda: clients[0].delete_security_profile(InstanceId=centre.id, SecurityProfileId=id)) if i == 0 else
            (lambda: clients[1].update_user_security_profiles(InstanceId=centre.id, UserId=user, SecurityProfileIds=[id]))))
        assert (deleted, assigned) in [("done", "InvalidParameterException"), ("ResourceInUseException", "done")]
        held = centre.describe_user(UserId=user)["User"]["SecurityProfileIds"]
        assert held == ([id] if assigned == "done" else held) and (id in held) == (assigned == "done")


def test_one_client_token_one_instance(connect, clients):
    token, alias = fresh("token"), fresh("token")
    made = together(8, lambda i: clients[i].create_instance(
        ClientToken=token, IdentityManagementType="SAML", InstanceAlias=alias, InboundCallsEnabled=True, OutboundCallsEnabled=True)["Id"])
    assert len(set(made)) == 1


def test_associations_of_one_agent(centre, clients):
    from centre import agent_arn
    arn, profiles = agent_arn(), [centre.profile() for _ in range(8)]
    together(8, lambda i: clients[i].associate_security_profiles(
        InstanceId=centre.id, EntityType="AI_AGENT", EntityArn=arn, SecurityProfiles=[{"Id": profiles[i]}]))
    held = centre.list_entity_security_profiles(EntityType="AI_AGENT", EntityArn=arn)["SecurityProfiles"]
    assert {p["Id"] for p in held} == set(profiles)
    with refuses("ResourceInUseException"):
        centre.delete_security_profile(SecurityProfileId=profiles[0])
