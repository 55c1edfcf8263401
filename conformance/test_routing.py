"""What users and profiles refer to: hours, queues, routing profiles, flow modules."""
import base64
import hashlib
import json

import pytest

from centre import MISSING, Centre, fresh
from expect import refuses

WEEK = [{"Day": d, "StartTime": {"Hours": 0, "Minutes": 0}, "EndTime": {"Hours": 23, "Minutes": 59}}
        for d in ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")]


def test_new_instance(centre):
    hours = centre.describe_hours_of_operation(HoursOfOperationId=centre.basic_hours)["HoursOfOperation"]
    queue = centre.describe_queue(QueueId=centre.basic_queue)["Queue"]
    routing = centre.describe_routing_profile(RoutingProfileId=centre.basic_routing)["RoutingProfile"]
    assert (hours["Name"], queue["Name"], routing["Name"]) == ("Basic Hours", "BasicQueue", "Basic Routing Profile")
    assert queue["HoursOfOperationId"] == hours["HoursOfOperationId"]
    assert routing["DefaultOutboundQueueId"] == queue["QueueId"] and routing["IsDefault"] is True


def test_hours(centre):
    parent = centre.hours()
    id = centre.hours(Name="Küche", Description="d", TimeZone="Europe/Berlin", Config=WEEK, Tags={"a": "b"},
                      ParentHoursOfOperationConfigs=[{"HoursOfOperationId": parent}])
    h = centre.describe_hours_of_operation(HoursOfOperationId=id)["HoursOfOperation"]
    assert (h["Name"], h["Description"], h["TimeZone"], h["Config"], h["Tags"]) == ("Küche", "d", "Europe/Berlin", WEEK, {"a": "b"})
    assert h["HoursOfOperationArn"] == centre.arn("operating-hours", id)
    assert [p["Id"] for p in h["ParentHoursOfOperations"]] == [parent]
    with refuses("DuplicateResourceException", "Küche"):
        centre.hours(Name="Küche")
    with refuses("InvalidParameterException", "TimeZone", "Mars/Base"):
        centre.hours(TimeZone="Mars/Base")
    with refuses("InvalidParameterException", MISSING):
        centre.hours(ParentHoursOfOperationConfigs=[{"HoursOfOperationId": MISSING}])
    with refuses("InvalidRequestException", id):  # ResourceInUseException is not declared here
        centre.delete_hours_of_operation(HoursOfOperationId=parent)
    queue = centre.queue(HoursOfOperationId=id)
    with refuses("InvalidRequestException", queue):
        centre.delete_hours_of_operation(HoursOfOperationId=id)
    centre.delete_queue(QueueId=queue)
    centre.delete_hours_of_operation(HoursOfOperationId=id)
    centre.delete_hours_of_operation(HoursOfOperationId=parent)
    for operation in ("describe_hours_of_operation", "delete_hours_of_operation"):
        with refuses("ResourceNotFoundException", id):
            getattr(centre, operation)(HoursOfOperationId=id)


@pytest.mark.parametrize("start, end", [(10, 0), (0, 0), (22, 6)])
def test_hours_that_end_before_they_start(centre, start, end):
    """Until midnight is written so, and round the clock; docs/fidelity.md."""
    config = [{"Day": "MONDAY", "StartTime": {"Hours": start, "Minutes": 0}, "EndTime": {"Hours": end, "Minutes": 0}}]
    id = centre.hours(Config=config)
    assert centre.describe_hours_of_operation(HoursOfOperationId=id)["HoursOfOperation"]["Config"] == config


def test_queue(centre):
    hours = centre.hours()
    id = centre.queue(Name="Sales", Description="d", HoursOfOperationId=hours, MaxContacts=7, Tags={"a": "b"},
                      OutboundCallerConfig={"OutboundCallerIdName": "Sales"})
    q = centre.describe_queue(QueueId=id)["Queue"]
    assert (q["Name"], q["Description"], q["HoursOfOperationId"], q["MaxContacts"], q["Status"], q["Tags"]) == ("Sales", "d", hours, 7, "ENABLED", {"a": "b"})
    assert q["OutboundCallerConfig"] == {"OutboundCallerIdName": "Sales"} and q["QueueArn"] == centre.arn("queue", id)
    with refuses("DuplicateResourceException", "Sales"):
        centre.queue(Name="Sales")
    with refuses("InvalidParameterException", "HoursOfOperationId", MISSING):
        centre.queue(HoursOfOperationId=MISSING)
    with refuses("InvalidParameterException", "QuickConnectIds"):
        centre.queue(QuickConnectIds=[MISSING])
    routing = centre.routing(DefaultOutboundQueueId=id)
    with refuses("ResourceInUseException", routing):
        centre.delete_queue(QueueId=id)
    centre.delete_routing_profile(RoutingProfileId=routing)
    centre.delete_queue(QueueId=id)
    for operation in ("describe_queue", "delete_queue"):
        with refuses("ResourceNotFoundException", id):
            getattr(centre, operation)(QueueId=id)


def config(queue, channel="VOICE", priority=1, delay=0):
    return {"QueueReference": {"QueueId": queue, "Channel": channel}, "Priority": priority, "Delay": delay}


def test_routing_profile(centre):
    a, b = centre.queue(Name="A"), centre.queue(Name="B")
    media = [{"Channel": "VOICE", "Concurrency": 1}, {"Channel": "CHAT", "Concurrency": 10, "CrossChannelBehavior": {"BehaviorType": "ROUTE_ANY_CHANNEL"}}]
    id = centre.routing(Name="R", Description="d", DefaultOutboundQueueId=a, MediaConcurrencies=media, Tags={"a": "b"},
                        QueueConfigs=[config(a), config(a, "CHAT", 99, 9999), config(b, delay=5)], AgentAvailabilityTimer="TIME_SINCE_LAST_INBOUND")
    r = centre.describe_routing_profile(RoutingProfileId=id)["RoutingProfile"]
    assert (r["Name"], r["Description"], r["DefaultOutboundQueueId"], r["MediaConcurrencies"], r["Tags"]) == ("R", "d", a, media, {"a": "b"})
    assert (r["NumberOfAssociatedQueues"], r["NumberOfAssociatedUsers"], r["IsDefault"], r["AgentAvailabilityTimer"]) == (
        2, 0, False, "TIME_SINCE_LAST_INBOUND")
    assert set(r["AssociatedQueueIds"]) == {a, b} and r["RoutingProfileArn"] == centre.arn("routing-profile", id)
    queues = centre.list_routing_profile_queues(RoutingProfileId=id)["RoutingProfileQueueConfigSummaryList"]
    assert {(q["QueueId"], q["QueueName"], q["Channel"], q["Priority"], q["Delay"]) for q in queues} == {
        (a, "A", "VOICE", 1, 0), (a, "A", "CHAT", 99, 9999), (b, "B", "VOICE", 1, 5)}
    assert {q["QueueArn"] for q in queues} == {centre.arn("queue", a), centre.arn("queue", b)}
    user = centre.user(RoutingProfileId=id)
    assert centre.describe_routing_profile(RoutingProfileId=id)["RoutingProfile"]["NumberOfAssociatedUsers"] == 1
    with refuses("ResourceInUseException", user):
        centre.delete_routing_profile(RoutingProfileId=id)
    centre.delete_user(UserId=user)
    for sent, member in (({"DefaultOutboundQueueId": MISSING}, "DefaultOutboundQueueId"), ({"QueueConfigs": [config(MISSING)]}, "QueueConfigs[0]"),
                         ({"QueueConfigs": [config(a), config(a)]}, "QueueConfigs[1]")):
        with refuses("InvalidParameterException", member):
            centre.routing(**sent)
    with refuses("DuplicateResourceException", "R"):
        centre.routing(Name="R")
    centre.delete_routing_profile(RoutingProfileId=id)
    for operation in ("describe_routing_profile", "delete_routing_profile", "list_routing_profile_queues"):
        with refuses("ResourceNotFoundException", id):
            getattr(centre, operation)(RoutingProfileId=id)


def test_module(centre):
    content = json.dumps({"Version": "2019-10-30", "StartAction": "a", "Actions": [], "note": "é"})
    id = centre.module(Name="M", Description="d", Content=content, Tags={"a": "b"}, ExternalInvocationConfiguration={"Enabled": True}, Settings="{}")
    m = centre.describe_contact_flow_module(ContactFlowModuleId=id)["ContactFlowModule"]
    assert (m["Name"], m["Description"], m["Content"], m["Tags"], m["State"], m["Status"]) == ("M", "d", content, {"a": "b"}, "ACTIVE", "PUBLISHED")
    assert m["ExternalInvocationConfiguration"] == {"Enabled": True} and m["Arn"] == centre.arn("flow-module", id)
    sum = hashlib.sha256(content.encode())
    assert m["FlowModuleContentSha256"] in (sum.hexdigest(), base64.b64encode(sum.digest()).decode())
    with refuses("DuplicateResourceException", "M"):
        centre.module(Name="M")
    centre.create_contact_flow_module_version(ContactFlowModuleId=id)
    profile = centre.profile(AllowedFlowModules=[{"Type": "MCP", "FlowModuleId": id}])
    assert centre.delete_contact_flow_module(ContactFlowModuleId=id)["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert centre.reads(profile)["modules"] == [{"Type": "MCP", "FlowModuleId": id}]  # keeps its word, which grants nothing
    for operation in ("describe_contact_flow_module", "delete_contact_flow_module"):
        with refuses("ResourceNotFoundException", id):
            getattr(centre, operation)(ContactFlowModuleId=id)


def test_module_client_token(centre):
    sent = {"Name": fresh("m"), "Content": "{}", "ClientToken": fresh("token")}
    id = centre.module(**sent)
    assert centre.module(**sent) == id
    with refuses("IdempotencyException", "ClientToken"):
        centre.module(**sent | {"Content": "{ }"})


@pytest.mark.parametrize("make", [Centre.queue, Centre.routing, Centre.hours, Centre.module, Centre.quick_connect])
def test_quota(quota_connect, make):
    c = Centre(quota_connect)
    with refuses("LimitExceededException", "2"):
        for _ in range(3):
            make(c)


def test_quick_connects(centre):
    queue, user, flow = centre.queue(), centre.user(), centre.flow()
    configs = {
        "USER": {"UserConfig": {"UserId": user, "ContactFlowId": flow}}, "QUEUE": {"QueueConfig": {"QueueId": queue, "ContactFlowId": flow}},
        "PHONE_NUMBER": {"PhoneConfig": {"PhoneNumber": "+12065550100"}}, "FLOW": {"FlowConfig": {"ContactFlowId": flow}}}
    configs = {kind: {"QuickConnectType": kind, **config} for kind, config in configs.items()}
    made = {}
    for kind, config in configs.items():
        id = made[kind] = centre.quick_connect(Name=kind, Description=f"To {kind}", QuickConnectConfig=config, Tags={"Kind": kind})
        q = centre.describe_quick_connect(QuickConnectId=id)["QuickConnect"]
        assert (q["Name"], q["Description"], q["QuickConnectConfig"], q["Tags"]) == (kind, f"To {kind}", config, {"Kind": kind})
        assert q["QuickConnectARN"] == centre.arn("transfer-destination", id)
        assert centre.connect.list_tags_for_resource(resourceArn=q["QuickConnectARN"])["tags"] == {"Kind": kind}
        # What is described can be sent again, to change and to create.
        centre.update_quick_connect_config(QuickConnectId=id, QuickConnectConfig=q["QuickConnectConfig"])
        centre.update_quick_connect_name(QuickConnectId=id, Name=q["Name"], Description=q["Description"])
        assert centre.describe_quick_connect(QuickConnectId=id)["QuickConnect"] == q
        centre.quick_connect(**{k: q[k] for k in ("Description", "QuickConnectConfig", "Tags")})
    for kinds in (["USER"], ["QUEUE", "FLOW"], []):
        listed = centre.list_quick_connects(QuickConnectTypes=kinds)["QuickConnectSummaryList"]
        assert {q["QuickConnectType"] for q in listed} == set(kinds or configs) and len(listed) == 2 * len(kinds or configs)
    found = centre.search_quick_connects(SearchCriteria={"StringCondition": {"FieldName": "description", "Value": "to ph", "ComparisonType": "STARTS_WITH"}},
                                         SearchFilter={"TagFilter": {"TagCondition": {"TagKey": "Kind", "TagValue": "PHONE_NUMBER"}}})
    assert found["ApproximateTotalCount"] == 2 and found["QuickConnects"][0]["QuickConnectId"] == made["PHONE_NUMBER"]
    for config, says in (({"QuickConnectType": "USER"}, "UserConfig is required"), (configs["USER"] | configs["QUEUE"], "UserConfig must be absent"),
                         ({"QuickConnectType": "PHONE_NUMBER", "PhoneConfig": {"PhoneNumber": "2065550100"}}, "PhoneNumber"),
                         (configs["QUEUE"] | {"QueueConfig": {"QueueId": MISSING, "ContactFlowId": flow}}, MISSING)):
        with refuses("InvalidParameterException", says):
            centre.quick_connect(QuickConnectConfig=config)
        with refuses("InvalidParameterException", says):
            centre.update_quick_connect_config(QuickConnectId=made["FLOW"], QuickConnectConfig=config)
    with refuses("DuplicateResourceException", "FLOW"):
        centre.quick_connect(Name="FLOW")
    with refuses("InvalidRequestException", "FLOW"):  # DuplicateResourceException is not declared here
        centre.update_quick_connect_name(QuickConnectId=made["USER"], Name="FLOW")
    with refuses("ResourceInUseException", "quick connect"):
        centre.delete_queue(QueueId=queue)
    centre.delete_user(UserId=user)  # and the quick connects to them stay
    assert centre.describe_quick_connect(QuickConnectId=made["USER"])["QuickConnect"]["QuickConnectConfig"] == configs["USER"]
    for q in centre.list_quick_connects()["QuickConnectSummaryList"]:
        centre.delete_quick_connect(QuickConnectId=q["Id"])
    centre.delete_queue(QueueId=queue)
    centre.delete_contact_flow(ContactFlowId=flow)
    with refuses("InvalidParameterException", flow):
        centre.quick_connect(QuickConnectConfig=configs["FLOW"])
    with refuses("ResourceNotFoundException", made["USER"]):
        centre.describe_quick_connect(QuickConnectId=made["USER"])


def test_queue_changes(centre):
    a, b, c = (centre.quick_connect() for _ in range(3))
    flow, mail = centre.flow(), centre.email_address()
    id = centre.queue(QuickConnectIds=[a, b])
    listed = lambda: {q["Id"] for q in centre.list_queue_quick_connects(QueueId=id)["QuickConnectSummaryList"]}
    assert listed() == {a, b}
    centre.associate_queue_quick_connects(QueueId=id, QuickConnectIds=[b, centre.arn("transfer-destination", c)])
    assert listed() == {a, b, c}
    with refuses("InvalidRequestException", id):  # ResourceInUseException is not declared here
        centre.delete_quick_connect(QuickConnectId=a)
    centre.disassociate_queue_quick_connects(QueueId=id, QuickConnectIds=[a, b])
    centre.disassociate_queue_quick_connects(QueueId=id, QuickConnectIds=[a])
    assert listed() == {c}
    centre.delete_quick_connect(QuickConnectId=a)
    with refuses("InvalidParameterException", a):
        centre.associate_queue_quick_connects(QueueId=id, QuickConnectIds=[a])

    hours = centre.hours()
    centre.update_queue_hours_of_operation(QueueId=id, HoursOfOperationId=centre.arn("operating-hours", hours))
    centre.update_queue_max_contacts(QueueId=id, MaxContacts=0)
    centre.update_queue_name(QueueId=id, Name="Renamed", Description="d")
    centre.update_queue_outbound_caller_config(QueueId=id, OutboundCallerConfig={"OutboundCallerIdName": "n", "OutboundFlowId": flow})
    centre.update_queue_outbound_email_config(QueueId=id, OutboundEmailConfig={"OutboundEmailAddressId": mail})
    centre.update_queue_status(QueueId=id, Status="DISABLED")
    q = centre.describe_queue(QueueId=id)["Queue"]
    assert (q["Name"], q["Description"], q["HoursOfOperationId"], q["MaxContacts"], q["Status"]) == ("Renamed", "d", hours, 0, "DISABLED")
    assert q["OutboundCallerConfig"] == {"OutboundCallerIdName": "n", "OutboundFlowId": flow}
    assert q["OutboundEmailConfig"] == {"OutboundEmailAddressId": mail}
    again = {k: q[k] for k in ("Description", "HoursOfOperationId", "MaxContacts", "OutboundCallerConfig", "OutboundEmailConfig")}
    copy = centre.describe_queue(QueueId=centre.queue(**again))["Queue"]
    assert {k: copy[k] for k in again} == again
    centre.update_queue_max_contacts(QueueId=id)
    centre.update_queue_outbound_caller_config(QueueId=id, OutboundCallerConfig={})
    q = centre.describe_queue(QueueId=id)["Queue"]
    assert "MaxContacts" not in q and "OutboundCallerConfig" not in q
    with refuses("DuplicateResourceException", "BasicQueue"):
        centre.update_queue_name(QueueId=id, Name="BasicQueue")
    with refuses("InvalidParameterException", "Name is required"):
        centre.update_queue_name(QueueId=id)


def test_routing_profile_changes(centre):
    a, b = centre.queue(), centre.queue()
    id = centre.routing(QueueConfigs=[config(a)])
    manual = lambda queue, channel: {"QueueReference": {"QueueId": queue, "Channel": channel}}

    def queues():
        return {(q["QueueId"], q["Channel"], q["Priority"], q["Delay"])
                for q in centre.list_routing_profile_queues(RoutingProfileId=id)["RoutingProfileQueueConfigSummaryList"]}

    def manual_queues():
        listed = centre.list_routing_profile_manual_assignment_queues(RoutingProfileId=id)
        return {(q["QueueId"], q["Channel"]) for q in listed["RoutingProfileManualAssignmentQueueConfigSummaryList"]}
    centre.associate_routing_profile_queues(RoutingProfileId=id, QueueConfigs=[config(a, priority=5), config(b, "CHAT", 2, 30)],
                                            ManualAssignmentQueueConfigs=[manual(b, "TASK")])
    assert queues() == {(a, "VOICE", 5, 0), (b, "CHAT", 2, 30)} and manual_queues() == {(b, "TASK")}
    centre.update_routing_profile_queues(RoutingProfileId=id, QueueConfigs=[config(b, "CHAT", 3)])
    with refuses("InvalidRequestException", "AssociateRoutingProfileQueues"):
        centre.update_routing_profile_queues(RoutingProfileId=id, QueueConfigs=[config(a, priority=9), config(b, "VOICE")])
    assert queues() == {(a, "VOICE", 5, 0), (b, "CHAT", 3, 0)}
    with refuses("ResourceInUseException", id):
        centre.delete_queue(QueueId=b)
    gone = [{"QueueId": b, "Channel": c} for c in ("CHAT", "EMAIL")]
    for _ in range(2):
        centre.disassociate_routing_profile_queues(RoutingProfileId=id, QueueReferences=gone, ManualAssignmentQueueReferences=[{"QueueId": b, "Channel": "TASK"}])
    assert queues() == {(a, "VOICE", 5, 0)} and manual_queues() == set()
    centre.delete_queue(QueueId=b)
    with refuses("InvalidParameterException", "at most 10"):
        centre.disassociate_routing_profile_queues(RoutingProfileId=id, QueueReferences=[{"QueueId": a, "Channel": "VOICE"}] * 11)

    media = [{"Channel": "CHAT", "Concurrency": 3}]
    centre.update_routing_profile_concurrency(RoutingProfileId=id, MediaConcurrencies=media)
    centre.update_routing_profile_default_outbound_queue(RoutingProfileId=id, DefaultOutboundQueueId=a)
    centre.update_routing_profile_name(RoutingProfileId=id, Name="Renamed", Description="d")
    r = centre.describe_routing_profile(RoutingProfileId=id)["RoutingProfile"]
    assert r["AgentAvailabilityTimer"] == "TIME_SINCE_LAST_ACTIVITY"
    centre.update_routing_profile_agent_availability_timer(RoutingProfileId=id, AgentAvailabilityTimer="TIME_SINCE_LAST_INBOUND")
    r = centre.describe_routing_profile(RoutingProfileId=id)["RoutingProfile"]
    assert (r["Name"], r["Description"], r["MediaConcurrencies"], r["DefaultOutboundQueueId"], r["AgentAvailabilityTimer"]) == (
        "Renamed", "d", media, a, "TIME_SINCE_LAST_INBOUND")
    with refuses("DuplicateResourceException", "Basic Routing Profile"):
        centre.update_routing_profile_name(RoutingProfileId=id, Name="Basic Routing Profile")


def test_queues_of_a_routing_profile_are_bounded(centre):
    id = centre.routing()
    with_quota = [config(centre.queue(), c) for _ in range(3) for c in ("VOICE", "CHAT", "TASK", "EMAIL")]
    for part in (with_quota[:10], with_quota[10:]):  # a call takes ten, a routing profile more
        centre.associate_routing_profile_queues(RoutingProfileId=id, QueueConfigs=part)
    assert len(centre.list_routing_profile_queues(RoutingProfileId=id)["RoutingProfileQueueConfigSummaryList"]) == 12


def test_hours_changes(centre):
    id, parent = centre.hours(), centre.hours()
    centre.update_hours_of_operation(HoursOfOperationId=id, Name="Renamed", Description="d", TimeZone="Europe/Paris", Config=WEEK)
    centre.associate_hours_of_operations(HoursOfOperationId=id, ParentHoursOfOperationConfigs=[{"HoursOfOperationId": parent}])
    h = centre.describe_hours_of_operation(HoursOfOperationId=id)["HoursOfOperation"]
    assert (h["Name"], h["Description"], h["TimeZone"], h["Config"]) == ("Renamed", "d", "Europe/Paris", WEEK)
    assert [p["Id"] for p in h["ParentHoursOfOperations"]] == [parent]
    children = centre.list_child_hours_of_operations(HoursOfOperationId=parent)["ChildHoursOfOperationsSummaryList"]
    assert children == [{"Id": id, "Name": "Renamed", "Arn": centre.arn("operating-hours", id)}]
    with refuses("InvalidParameterException", id):
        centre.associate_hours_of_operations(HoursOfOperationId=parent, ParentHoursOfOperationConfigs=[{"HoursOfOperationId": id}])
    with refuses("ServiceQuotaExceededException", "at most 3"):
        for _ in range(3):
            centre.associate_hours_of_operations(HoursOfOperationId=id, ParentHoursOfOperationConfigs=[{"HoursOfOperationId": centre.hours()}])
    centre.disassociate_hours_of_operations(HoursOfOperationId=id, ParentHoursOfOperationIds=[parent])
    assert not centre.list_child_hours_of_operations(HoursOfOperationId=parent)["ChildHoursOfOperationsSummaryList"]
    centre.update_hours_of_operation(HoursOfOperationId=id, Description="")
    assert "Description" not in centre.describe_hours_of_operation(HoursOfOperationId=id)["HoursOfOperation"]
    with refuses("InvalidParameterException", "TimeZone"):
        centre.update_hours_of_operation(HoursOfOperationId=id, TimeZone="Mars/Base")
