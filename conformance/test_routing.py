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


@pytest.mark.parametrize("make", [Centre.queue, Centre.routing, Centre.hours, Centre.module])
def test_quota(quota_connect, make):
    c = Centre(quota_connect)
    with refuses("LimitExceededException", "2"):
        for _ in range(3):
            make(c)
