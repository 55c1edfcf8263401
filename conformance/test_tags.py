"""Tags on everything that can carry them, while it lives and after."""
import pytest

from centre import MISSING, Centre
from expect import refuses

UNICODE = {"Prénom": "Ægir Ω", "部門": "営業", "Отдел 1": "продажи", "a_.:/=+-@": "_.:/=+-@ é", "Empty": "", "case": "x", "Case": "y"}


def carriers(c):
    c.levels(1)
    made = {
        "instance": c.instance_arn, "security-profile": c.profile_arn(c.profile()), "agent": c.arn("agent", c.user()),
        "agent-group": c.arn("agent-group", c.group()), "queue": c.arn("queue", c.queue()),
        "routing-profile": c.arn("routing-profile", c.routing()), "operating-hours": c.arn("operating-hours", c.hours()),
        "flow-module": c.arn("flow-module", c.module()), "data-table": c.arn("data-table", c.data_table()),
    }
    return made


@pytest.fixture(scope="module")
def arns(shared):
    return carriers(shared)


KINDS = ["instance", "security-profile", "agent", "agent-group", "queue", "routing-profile", "operating-hours", "flow-module", "data-table"]


@pytest.mark.parametrize("kind", KINDS)
def test_set_overwrite_remove(arns, connect, kind):
    arn = arns[kind]
    tags = lambda: connect.list_tags_for_resource(resourceArn=arn)["tags"]
    assert tags() == {}
    connect.tag_resource(resourceArn=arn, tags=UNICODE)
    assert tags() == UNICODE
    connect.tag_resource(resourceArn=arn, tags={"case": "z", "more": "m"})
    assert tags() == UNICODE | {"case": "z", "more": "m"}
    connect.untag_resource(resourceArn=arn, tagKeys=["部門", "more", "never there", "a_.:/=+-@"])
    assert tags() == {k: v for k, v in (UNICODE | {"case": "z"}).items() if k not in ("部門", "a_.:/=+-@")}
    connect.untag_resource(resourceArn=arn, tagKeys=list(tags()))
    assert tags() == {}


@pytest.mark.parametrize("kind", KINDS)
def test_fifty(arns, connect, kind):
    arn = arns[kind]
    fifty = {f"k{i}": "v" for i in range(50)}
    connect.tag_resource(resourceArn=arn, tags=fifty)
    with refuses("InvalidParameterException", "tags", "50"):
        connect.tag_resource(resourceArn=arn, tags={"one more": "v"})
    with refuses("InvalidParameterException", "tags"):
        connect.tag_resource(resourceArn=arn, tags={"one more": "v", "k1": "changed"})
    assert connect.list_tags_for_resource(resourceArn=arn)["tags"] == fifty
    connect.tag_resource(resourceArn=arn, tags={"k1": "changed"})
    connect.untag_resource(resourceArn=arn, tagKeys=list(fifty))


def test_shown_where_the_resource_is(centre):
    arns = carriers(centre)
    for arn in arns.values():
        centre.connect.tag_resource(resourceArn=arn, tags={"k": "v"})
    id = {kind: arn.split("/")[-1] for kind, arn in arns.items()}
    shown = {
        "instance": centre.describe_instance()["Instance"],
        "security-profile": centre.describe_security_profile(SecurityProfileId=id["security-profile"])["SecurityProfile"],
        "agent": centre.describe_user(UserId=id["agent"])["User"],
        "agent-group": centre.describe_user_hierarchy_group(HierarchyGroupId=id["agent-group"])["HierarchyGroup"],
        "queue": centre.describe_queue(QueueId=id["queue"])["Queue"],
        "routing-profile": centre.describe_routing_profile(RoutingProfileId=id["routing-profile"])["RoutingProfile"],
        "operating-hours": centre.describe_hours_of_operation(HoursOfOperationId=id["operating-hours"])["HoursOfOperation"],
        "flow-module": centre.describe_contact_flow_module(ContactFlowModuleId=id["flow-module"])["ContactFlowModule"],
        "data-table": centre.describe_data_table(DataTableId=id["data-table"])["DataTable"],
    }
    assert {kind: r["Tags"] for kind, r in shown.items()} == dict.fromkeys(KINDS, {"k": "v"})


def test_leave_the_time(centre):
    id = centre.profile()
    before = centre.describe_security_profile(SecurityProfileId=id)["SecurityProfile"]["LastModifiedTime"]
    centre.connect.tag_resource(resourceArn=centre.profile_arn(id), tags={"k": "v"})
    assert centre.describe_security_profile(SecurityProfileId=id)["SecurityProfile"]["LastModifiedTime"] == before


def test_update_leaves_the_tags(centre):
    id = centre.profile(Tags={"k": "v"})
    centre.update_security_profile(SecurityProfileId=id, Description="d", Permissions=["Users.View"])
    assert centre.describe_security_profile(SecurityProfileId=id)["SecurityProfile"]["Tags"] == {"k": "v"}


def test_outlive_the_resource(connect):
    """Tags stay readable until the instance goes, and cannot be changed any more."""
    c = Centre(connect)
    arn = c.profile_arn(c.profile(Tags={"Team": "night"}))
    other = c.arn("queue", c.queue(Tags={"Line": "one"}))
    c.delete_security_profile(SecurityProfileId=arn)
    c.delete_queue(QueueId=other)
    assert connect.list_tags_for_resource(resourceArn=arn)["tags"] == {"Team": "night"}
    assert connect.list_tags_for_resource(resourceArn=other)["tags"] == {"Line": "one"}
    for call in (lambda: connect.tag_resource(resourceArn=arn, tags={"a": "b"}), lambda: connect.untag_resource(resourceArn=arn, tagKeys=["Team"])):
        with refuses("ResourceNotFoundException"):
            call()
    c.delete_instance()
    with refuses("ResourceNotFoundException"):
        connect.list_tags_for_resource(resourceArn=arn)


def test_missing(centre):
    connect = centre.connect
    for arn in (centre.profile_arn(MISSING), centre.arn("prompt", MISSING), centre.instance_arn.replace(centre.id, MISSING)):
        for call in (lambda: connect.tag_resource(resourceArn=arn, tags={"a": "b"}), lambda: connect.untag_resource(resourceArn=arn, tagKeys=["a"]),
                     lambda: connect.list_tags_for_resource(resourceArn=arn)):
            with refuses("ResourceNotFoundException"):
                call()


def test_reserved_prefix(arns, connect):
    with refuses("InvalidParameterException", '"aws:x"'):
        connect.tag_resource(resourceArn=arns["queue"], tags={"aws:x": "v"})
    connect.tag_resource(resourceArn=arns["queue"], tags={"AWS:x": "v"})
    connect.untag_resource(resourceArn=arns["queue"], tagKeys=["AWS:x"])


def test_created_with_fifty(centre):
    tags = {f"k{i}": "v" for i in range(50)}
    id = centre.profile(Tags=tags)
    assert centre.connect.list_tags_for_resource(resourceArn=centre.profile_arn(id))["tags"] == tags


def test_slashes_left_as_they_are(wire, centre):
    """Some clients do not encode the slashes of an ARN in the path."""
    id = centre.profile(Tags={"k": "v"})
    answer = wire.call("GET", "/tags/" + centre.profile_arn(id), operation="ListTagsForResource")
    assert answer.json == {"tags": {"k": "v"}}
