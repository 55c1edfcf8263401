"""Values of data tables, and who may see them, through boto3."""
import contextlib

import pytest

from centre import Centre, agent_arn, fresh
from check import client
from expect import refuses

USER, AGENT = "x-lanyard-acting-user", "x-lanyard-acting-agent"


@pytest.fixture(scope="module")
def acting(server):
    """A separate client whose calls are on behalf of the given user, AI agent or both."""
    connect, who = client(server), {}
    connect.meta.events.register_first(
        "before-sign.connect", lambda request, **_: [request.headers.add_header(name, value) for name, value in who.items() if value])

    @contextlib.contextmanager
    def on_behalf_of(user=None, agent=None):
        who.update({USER: user, AGENT: agent})
        try:
            yield connect
        finally:
            who.clear()
    return on_behalf_of


def row(**values):
    return [{"AttributeName": name, "Value": value} for name, value in values.items()]


def value(name, text, **primary):
    return {"PrimaryValues": row(**primary), "AttributeName": name, "Value": text}


class Prices:
    """A table of prices by region and tier."""

    def __init__(self, c, regions=("EU", "UK", "US"), tiers=("Gold", "Silver"), level="VALUE"):
        self.c, self.id = c, c.data_table(ValueLockLevel=level)
        for name in ("Region", "Tier"):
            c.attribute(self.id, name, Primary=True)
        c.attribute(self.id, "Price", ValueType="NUMBER", Validation={"Minimum": 0, "MultipleOf": 0.01})
        values = [value("Price", str(i), Region=r, Tier=t) for i, (r, t) in enumerate((r, t) for r in regions for t in tiers)]
        for i in range(0, len(values), 100):
            done = c.batch_create_data_table_value(DataTableId=self.id, Values=values[i:i + 100])
            assert done["Failed"] == [] and len(done["Successful"]) == len(values[i:i + 100])

    def profile(self, permissions=("View",), **rules):
        access = [{"AccessType": "ALLOW", "AttributeName": name, "Values": list(values)} for name, values in rules.items()]
        kw = {"GranularAccessControlConfiguration": {"DataTableAccessControlConfiguration": {
            "PrimaryAttributeAccessControlConfiguration": {"PrimaryAttributeValues": access}}}} if access else {}
        return self.c.profile(Permissions=["DataTables." + p for p in permissions], **kw)

    def seen(self, connect, size=100, **kw):
        """The primary values on each page."""
        pages, token = [], {}
        while True:
            page = connect.list_data_table_values(InstanceId=self.c.id, DataTableId=self.id, MaxResults=size, **kw, **token)
            pages.append([tuple(p["Value"] for p in v["PrimaryValues"]) for v in page["Values"]])
            if "NextToken" not in page:
                return pages
            token = {"NextToken": page["NextToken"]}


def test_lifecycle(centre):
    t = Prices(centre)
    gold = dict(Region="EU", Tier="Gold")
    cell = {"PrimaryValues": row(**gold), "AttributeName": "Price"}
    [found] = centre.batch_describe_data_table_value(DataTableId=t.id, Values=[cell])["Successful"]
    assert found["Value"] == "0" and [p["Value"] for p in found["PrimaryValues"]] == ["EU", "Gold"]
    new = centre.batch_update_data_table_value(DataTableId=t.id, Values=[value("Price", "9.99", **gold) | {"LockVersion": found["LockVersion"]}])
    assert new["Failed"] == [] and new["Successful"][0]["LockVersion"]["Value"] != found["LockVersion"]["Value"]
    stale = centre.batch_update_data_table_value(DataTableId=t.id, Values=[value("Price", "8", **gold) | {"LockVersion": found["LockVersion"]}])
    assert stale["Successful"] == [] and "must be the current one" in stale["Failed"][0]["Message"]
    bad = centre.batch_create_data_table_value(DataTableId=t.id, Values=[
        value("Price", "1.001", Region="FR", Tier="Gold"), value("Price", "one", Region="FR", Tier="Silver"),
        value("Price", "1", Region="FR"), value("None", "1", Region="FR", Tier="Gold"), value("Price", "1", **gold)])
    words = ["a multiple of 0.01", "must be a number", '"Tier" is required', "does not exist", "already exists"]
    assert bad["Successful"] == [] and [w for w, f in zip(words, bad["Failed"]) if w not in f["Message"]] == []
    centre.batch_create_data_table_value(DataTableId=t.id, Values=[value("Price", "5")])
    asked = [{"PrimaryValues": row(**gold), "AttributeNames": ["Price"]}, {"PrimaryValues": row(Region="x", Tier="y"), "AttributeNames": ["Price"]}]
    got = centre.evaluate_data_table_values(DataTableId=t.id, Values=asked)["Values"]
    assert [(v["EvaluatedValue"], v["Found"], v["Error"]) for v in got] == [("9.99", True, False), ("5", True, False)]
    lock = centre.batch_describe_data_table_value(DataTableId=t.id, Values=[cell])["Successful"][0]["LockVersion"]
    centre.update_data_table_primary_values(DataTableId=t.id, PrimaryValues=row(**gold), NewPrimaryValues=row(Region="EU", Tier="Platinum"), LockVersion=lock)
    records = centre.list_data_table_primary_values(DataTableId=t.id, PrimaryAttributeValues=[{"AttributeName": "Tier", "Values": ["Platinum", "Gold"]}])
    assert [[p["Value"] for p in r["PrimaryValues"]] for r in records["PrimaryValuesList"]] == [["EU", "Platinum"], ["UK", "Gold"], ["US", "Gold"]]
    only = centre.list_data_table_values(DataTableId=t.id, RecordIds=[records["PrimaryValuesList"][0]["RecordId"], "none"])["Values"]
    assert [v["Value"] for v in only] == ["9.99"]
    gone = centre.batch_delete_data_table_value(DataTableId=t.id, Values=[
        {"PrimaryValues": row(Region="EU", Tier="Platinum"), "AttributeName": "Price", "LockVersion": only[0]["LockVersion"]}])
    assert gone["Failed"] == [] and ("EU", "Platinum") not in sum(t.seen(centre.connect), [])


def test_pages_of_who_sees_some(centre, acting):
    regions = [f"R{i}" for i in range(60)]
    t = Prices(centre, regions)
    user = centre.user([t.profile(Region=["R7", "R41"], Tier=["Silver"]), t.profile(Region=["R50"])], Username=fresh("u"))
    want = [("R7", "Silver"), ("R41", "Silver"), ("R50", "Gold"), ("R50", "Silver")]
    with acting(user) as on_behalf:
        assert t.seen(on_behalf) == [want]
        assert t.seen(on_behalf, 3) == [want[:3], want[3:]]  # a page is full while there is more that the user may see
        assert t.seen(on_behalf, 1, PrimaryAttributeValues=[{"AttributeName": "Region", "Values": ["R50", "R8"]}]) == [[r] for r in want[2:]]
        everything = [r["RecordId"] for r in centre.list_data_table_primary_values(DataTableId=t.id, MaxResults=1000)["PrimaryValuesList"]]
        assert t.seen(on_behalf, RecordIds=everything) == [want]
    assert len(sum(t.seen(centre.connect, 50), [])) == 120


def test_agents_and_the_users_they_assist(centre, acting):
    t = Prices(centre)
    user = centre.user([t.profile(("View", "ManageValues"), Region=["EU", "UK"])], Username=fresh("u"))
    agent = agent_arn()
    centre.associate_security_profiles(EntityType="AI_AGENT", EntityArn=agent, SecurityProfiles=[{"Id": t.profile(Tier=["Gold"])}])
    with acting(user) as on_behalf:
        assert len(t.seen(on_behalf)[0]) == 4
    with acting(agent=agent) as on_behalf:
        assert t.seen(on_behalf) == [[("EU", "Gold"), ("UK", "Gold"), ("US", "Gold")]]
        with refuses("AccessDeniedException", "Users.View"):
            on_behalf.list_users(InstanceId=centre.id)
    with acting(user, agent) as on_behalf:
        assert t.seen(on_behalf) == [[("EU", "Gold"), ("UK", "Gold")]]
        with refuses("AccessDeniedException", "DataTables.ManageValues"):  # which the agent does not have
            on_behalf.batch_update_data_table_value(InstanceId=centre.id, DataTableId=t.id, Values=[value("Price", "1", Region="EU", Tier="Gold")])
    for who in ({"agent": agent_arn()}, {"user": user, "agent": agent_arn()}, {"user": "nobody", "agent": agent}):
        with acting(**who) as on_behalf, refuses("AccessDeniedException"):
            t.seen(on_behalf)


def test_a_hidden_row_is_as_a_missing_one(centre, acting):
    t = Prices(centre)
    user = centre.user([t.profile(("View", "ManageValues"), Region=["EU"])], Username=fresh("u"))
    hidden, missing = value("Price", "1", Region="US", Tier="Gold"), value("Price", "1", Region="XX", Tier="Gold")
    mine = value("Price", "7", Region="EU", Tier="Gold")

    def refusal(operation, of):
        with acting(user) as on_behalf, pytest.raises(on_behalf.exceptions.AccessDeniedException) as caught:
            getattr(on_behalf, operation)(InstanceId=centre.id, DataTableId=t.id, Values=[mine, of])
        return caught.value.response["Error"]["Message"]
    for operation in ("batch_create_data_table_value", "batch_update_data_table_value"):
        assert refusal(operation, hidden) == refusal(operation, missing)
    with acting(user) as on_behalf:
        made = on_behalf.batch_create_data_table_value(InstanceId=centre.id, DataTableId=t.id, Values=[value("Price", "3", Region="EU", Tier="New")])
        assert len(made["Successful"]) == 1
        with refuses("AccessDeniedException", "restrict rows"):
            on_behalf.update_data_table_primary_values(InstanceId=centre.id, DataTableId=t.id, PrimaryValues=mine["PrimaryValues"],
                                                       NewPrimaryValues=row(Region="US", Tier="Gold"), LockVersion={})


def test_tokens_are_of_one_caller(centre, acting):
    t = Prices(centre)
    profile = t.profile(Region=["EU", "UK"])
    one, other = (centre.user([profile], Username=fresh("u")) for _ in range(2))
    agent = agent_arn()
    centre.associate_security_profiles(EntityType="AI_AGENT", EntityArn=agent, SecurityProfiles=[{"Id": profile}])
    ask = {"InstanceId": centre.id, "DataTableId": t.id, "MaxResults": 1}
    with acting(one) as on_behalf:
        token = on_behalf.list_data_table_values(**ask)["NextToken"]
        assert on_behalf.list_data_table_values(**ask, NextToken=token)["Values"]
    for who in ({"user": other}, {"agent": agent}, {"user": one, "agent": agent}):
        with acting(**who) as on_behalf, refuses("InvalidParameterException", "NextToken"):
            on_behalf.list_data_table_values(**ask, NextToken=token)
    with refuses("InvalidParameterException", "NextToken"):
        centre.list_data_table_values(DataTableId=t.id, MaxResults=1, NextToken=token)


def test_headers_name_one(centre, acting):
    for who in ({"agent": " "}, {"agent": "x" * 3000}, {"user": " ", "agent": agent_arn()}):
        with acting(**who) as on_behalf, pytest.raises(on_behalf.exceptions.ClientError) as caught:
            on_behalf.list_users(InstanceId=centre.id)
        assert caught.value.response["Error"]["Code"] in ("InvalidParameterException", "InvalidRequestException", "AccessDeniedException")


def test_agents_elsewhere(centre, acting):
    """Every operation on behalf of a user can be called on behalf of an AI agent."""
    mine = centre.user(Tags={"Team": "1"}, Username=fresh("mine"))
    centre.user(Tags={"Team": "2"}, Username=fresh("other"))
    agent = agent_arn()
    centre.associate_security_profiles(EntityType="AI_AGENT", EntityArn=agent, SecurityProfiles=[{"Id": centre.profile(
        Permissions=["Users.View"], AllowedAccessControlTags={"Team": "1"}, TagRestrictedResources=["User"])}])
    with acting(agent=agent) as on_behalf:
        assert [u["Id"] for u in on_behalf.list_users(InstanceId=centre.id)["UserSummaryList"]] == [mine]
        assert on_behalf.search_users(InstanceId=centre.id)["ApproximateTotalCount"] == 1
        with refuses("AccessDeniedException", "Users.Edit"):
            on_behalf.update_user_identity_info(InstanceId=centre.id, UserId=mine, IdentityInfo={"FirstName": "X"})
