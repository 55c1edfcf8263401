"""Instances and their attributes."""
from centre import MISSING, Centre, fresh
from check import client
from expect import refuses
from server import Server

ATTRIBUTES = ["AUTO_RESOLVE_BEST_VOICES", "CONTACTFLOW_LOGS", "CONTACT_LENS", "EARLY_MEDIA", "INBOUND_CALLS", "OUTBOUND_CALLS"]


def test_whole_life(connect):
    alias = fresh("centre")
    made = connect.create_instance(IdentityManagementType="CONNECT_MANAGED", InstanceAlias=alias, InboundCallsEnabled=True,
                                   OutboundCallsEnabled=False, Tags={"Stage": "test"})
    id, arn = made["Id"], made["Arn"]
    assert arn == f"arn:aws:connect:us-east-1:123456789012:instance/{id}"
    i = connect.describe_instance(InstanceId=id)["Instance"]
    assert (i["Id"], i["Arn"], i["InstanceAlias"], i["IdentityManagementType"], i["InstanceStatus"]) == (id, arn, alias, "CONNECT_MANAGED", "ACTIVE")
    assert (i["InboundCallsEnabled"], i["OutboundCallsEnabled"], i["Tags"]) == (True, False, {"Stage": "test"})
    listed = [x for p in connect.get_paginator("list_instances").paginate() for x in p["InstanceSummaryList"]]
    assert [x["InstanceAlias"] for x in listed if x["Id"] == id] == [alias]
    connect.delete_instance(InstanceId=id)
    for call in (connect.describe_instance, connect.delete_instance, connect.list_security_profiles, connect.list_users, connect.list_instance_attributes):
        with refuses("ResourceNotFoundException", id):
            call(InstanceId=id)
    assert id not in [x["Id"] for p in connect.get_paginator("list_instances").paginate() for x in p["InstanceSummaryList"]]
    again = connect.create_instance(IdentityManagementType="SAML", InstanceAlias=alias, InboundCallsEnabled=True, OutboundCallsEnabled=True)
    assert again["Id"] != id


def test_client_token(connect):
    sent = {"ClientToken": fresh("token"), "IdentityManagementType": "SAML", "InstanceAlias": fresh("i"), "InboundCallsEnabled": True, "OutboundCallsEnabled": True}
    first = connect.create_instance(**sent)
    assert connect.create_instance(**sent)["Id"] == first["Id"]
    with refuses("InvalidRequestException", "ClientToken"):
        connect.create_instance(**sent | {"InboundCallsEnabled": False})


def test_directory(connect):
    flags = {"InboundCallsEnabled": True, "OutboundCallsEnabled": True}
    with refuses("InvalidRequestException", "DirectoryId"):
        connect.create_instance(IdentityManagementType="EXISTING_DIRECTORY", **flags)
    with refuses("InvalidRequestException", "InstanceAlias"):
        connect.create_instance(IdentityManagementType="SAML", **flags)
    id = connect.create_instance(IdentityManagementType="EXISTING_DIRECTORY", DirectoryId="d-0123456789", **flags)["Id"]
    assert connect.describe_instance(InstanceId=id)["Instance"]["IdentityManagementType"] == "EXISTING_DIRECTORY"


def test_attributes(centre):
    every = {a["AttributeType"]: a["Value"] for p in centre.connect.get_paginator("list_instance_attributes").paginate(InstanceId=centre.id)
             for a in p["Attributes"]}
    assert set(ATTRIBUTES) <= set(every) and set(every.values()) <= {"true", "false"}
    for name in every:
        one = centre.describe_instance_attribute(AttributeType=name)["Attribute"]
        assert one == {"AttributeType": name, "Value": every[name]}
        other = "false" if every[name] == "true" else "true"
        centre.update_instance_attribute(AttributeType=name, Value=other)
        assert centre.describe_instance_attribute(AttributeType=name)["Attribute"]["Value"] == other
    i = centre.describe_instance()["Instance"]
    assert (i["InboundCallsEnabled"], i["OutboundCallsEnabled"]) == (False, False)
    with refuses("InvalidParameterException", "Value", '"perhaps"'):
        centre.update_instance_attribute(AttributeType="CONTACT_LENS", Value="perhaps")


def test_unknown_attribute(centre, wire):
    for operation, more in (("DescribeInstanceAttribute", {}), ("UpdateInstanceAttribute", {"Value": "true"})):
        answer = wire.operation(operation, {"InstanceId": centre.id, "AttributeType": "COFFEE"} | more)
        assert answer.code == "InvalidParameterException" and "AttributeType" in answer.message and '"COFFEE"' in answer.message


def test_missing(connect):
    for call in (connect.describe_instance, connect.list_instance_attributes, connect.delete_instance):
        with refuses("ResourceNotFoundException", MISSING):
            call(InstanceId=MISSING)


def test_quota():
    """Two instances unless the server is told otherwise."""
    with Server(quotas=True) as server:
        connect = client(server)
        Centre(connect), Centre(connect)
        with refuses("ServiceQuotaExceededException", "2"):
            Centre(connect)
