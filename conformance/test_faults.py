"""The five exceptions of UpdateSecurityProfile, each for a real reason; throttling and faults on request."""
import json
import time

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

import operations
from centre import MISSING, Centre
from check import client, watch
from expect import refuses
from server import KEY_ID, REGION, SECRET


@pytest.fixture(scope="module")
def throttled():
    from server import Server
    with Server("--throttle", "aws") as s:
        yield s


@pytest.fixture
def faulty(server):
    yield lambda *args: server.run("fault", "set", *args)
    server.run("fault", "clear")


def test_exceptions_of_the_model():
    import check
    declared = {e.name for e in check.MODEL.operation_model("UpdateSecurityProfile").error_shapes}
    assert declared == {"InvalidRequestException", "InvalidParameterException", "ResourceNotFoundException", "ThrottlingException", "InternalServiceException"}


def test_invalid_request(centre, wire):
    answer = wire.call("POST", f"/security-profiles/{centre.id}/{centre.profile()}", b'{"Description":', operation="UpdateSecurityProfile")
    assert (answer.status, answer.code) == (400, "InvalidRequestException")


def test_invalid_parameter(centre):
    with refuses("InvalidParameterException", "Permissions", '"Users.Fly"') as met:
        centre.update_security_profile(SecurityProfileId=centre.profile(), Permissions=["Users.Fly"])
    assert isinstance(met.error, centre.connect.exceptions.InvalidParameterException)


def test_not_found(centre):
    with refuses("ResourceNotFoundException", MISSING) as met:
        centre.update_security_profile(SecurityProfileId=MISSING, Description="x")
    assert isinstance(met.error, centre.connect.exceptions.ResourceNotFoundException)


def test_throttling(throttled):
    """Two calls a second with a burst of five, for each operation."""
    connect = client(throttled)
    c = Centre(connect)
    id = c.profile()
    time.sleep(0.6)
    got = []
    for n in range(9):
        try:
            c.update_security_profile(SecurityProfileId=id, Description=str(n))
            got.append(n)
        except connect.exceptions.ThrottlingException as e:
            assert e.response["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert got[:5] == [0, 1, 2, 3, 4] and len(got) in (5, 6)
    assert c.describe_security_profile(SecurityProfileId=id)["SecurityProfile"]["Description"] == str(got[-1])  # another bucket
    time.sleep(0.6)
    c.update_security_profile(SecurityProfileId=id, Description="again")


def test_sdk_retries_through_throttling(throttled):
    """An SDK that retries gets there, at the rate of the bucket."""
    patient = watch(boto3.client("connect", endpoint_url=throttled.url, region_name=REGION, aws_access_key_id=KEY_ID, aws_secret_access_key=SECRET,
                                 config=Config(retries={"mode": "standard", "total_max_attempts": 8})))
    for _ in range(7):
        patient.list_instances(MaxResults=1)


def test_internal(centre, faulty):
    id = centre.profile(Description="before")
    faulty("--operation", "UpdateSecurityProfile", "--exception", "InternalServiceException")
    with refuses("InternalServiceException") as met:
        centre.update_security_profile(SecurityProfileId=id, Description="after")
    assert met.error.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    described = centre.describe_security_profile(SecurityProfileId=id)["SecurityProfile"]  # only the one operation is hit
    assert described["Description"] == "before"


def test_every_declared_exception_on_request(centre, wire, faulty, connect):
    import check
    requests = operations.Requests(connect)
    for operation in ("UpdateSecurityProfile", "CreateSecurityProfile", "DeleteSecurityProfile", "AssociateSecurityProfiles", "CreateInstance"):
        for e in check.MODEL.operation_model(operation).error_shapes:
            params = requests.params(operation)
            faulty("--operation", operation, "--exception", e.name, "--count", "1")
            answer = wire.operation(operation, params)  # status, header and body are checked against the model
            assert answer.code == e.name
            assert wire.operation(operation, params).status == 200  # used up


def test_count_rate_latency_list_clear(centre, server, faulty):
    def failures(n):
        failed = 0
        for _ in range(n):
            try:
                centre.describe_instance()
            except ClientError:
                failed += 1
        return failed
    faulty("--operation", "DescribeInstance", "--exception", "ThrottlingException", "--count", "3")
    assert json.loads(server.run("fault", "list", "--output", "json"))[0]["Count"] == 3
    assert failures(6) == 3
    faulty("--operation", "DescribeInstance", "--exception", "ThrottlingException", "--rate", "0.5")
    assert 20 < failures(100) < 80
    server.run("fault", "clear", "--operation", "DescribeInstance")
    assert failures(10) == 0
    faulty("--operation", "*", "--latency", "200ms")
    start = time.monotonic()
    assert failures(2) == 0
    assert 0.4 <= time.monotonic() - start < 3
    server.run("fault", "clear")
    assert json.loads(server.run("fault", "list", "--output", "json")) == []


@pytest.mark.parametrize("args", [
    ["--operation", "UpdateSecurityProfile", "--exception", "NoSuchException"], ["--operation", "Nothing", "--exception", "ThrottlingException"],
    ["--operation", "UpdateSecurityProfile"], ["--operation", "UpdateSecurityProfile", "--exception", "ThrottlingException", "--rate", "2"]])
def test_faults_that_cannot_be(server, args):
    import subprocess
    with pytest.raises(subprocess.CalledProcessError):
        server.run("fault", "set", *args)
    assert json.loads(server.run("fault", "list", "--output", "json")) == []
