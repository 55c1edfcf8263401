"""Every exception that UpdateSecurityProfile declares, and how a caller of yours meets it. Copy what you need."""

import threading

import boto3
import pytest
from botocore.config import Config


@pytest.fixture
def update(connect, connect_instance_id):
    """Calls UpdateSecurityProfile on a new profile; keywords replace parameters."""
    made = connect.create_security_profile(InstanceId=connect_instance_id, SecurityProfileName="Night shift")
    defaults = {"InstanceId": connect_instance_id, "SecurityProfileId": made["SecurityProfileId"]}
    return lambda **changes: connect.update_security_profile(**{**defaults, "Description": "From 22:00", **changes})


def test_success(update):
    assert update(Permissions=["Users.View"])["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_unknown_permission(update, connect):
    with pytest.raises(connect.exceptions.InvalidParameterException, match="Users.Veiw"):
        update(Permissions=["Users.Veiw"])


def test_unknown_profile(update, connect):
    with pytest.raises(connect.exceptions.ResourceNotFoundException):
        update(SecurityProfileId="00000000-0000-4000-8000-000000000000")


def test_deleted_profile(update, connect, connect_instance_id):
    profiles = connect.list_security_profiles(InstanceId=connect_instance_id)["SecurityProfileSummaryList"]
    night = next(p["Id"] for p in profiles if p["Name"] == "Night shift")
    connect.delete_security_profile(InstanceId=connect_instance_id, SecurityProfileId=night)
    with pytest.raises(connect.exceptions.ResourceNotFoundException):
        update()


@pytest.mark.parametrize("exception", [
    "InvalidRequestException", "InvalidParameterException", "ResourceNotFoundException", "ThrottlingException",
    "InternalServiceException",
])
def test_every_declared_exception(update, connect, lanyard, exception):
    lanyard.fault("UpdateSecurityProfile", exception)
    with pytest.raises(getattr(connect.exceptions, exception)):
        update()
    lanyard.clear_faults()
    update()


@pytest.mark.lanyard_throttling
def test_throttled_as_by_amazon_connect(update, connect):
    """2 calls a second with a burst of 5: the sixth in a row is refused, or a later one if this machine is slow."""
    with pytest.raises(connect.exceptions.ThrottlingException):
        for _ in range(50):
            update()


@pytest.mark.lanyard_fault("UpdateSecurityProfile", "ThrottlingException", count=1)
def test_retries(lanyard, connect, connect_instance_id):
    """A client with your settings, made as your code makes it, gets through after a refusal."""
    made = connect.create_security_profile(InstanceId=connect_instance_id, SecurityProfileName="Night shift")
    yours = boto3.client("connect", config=Config(retries={"mode": "standard", "total_max_attempts": 2}))
    answer = yours.update_security_profile(InstanceId=connect_instance_id, SecurityProfileId=made["SecurityProfileId"])
    assert answer["ResponseMetadata"]["RetryAttempts"] == 1


@pytest.mark.lanyard_fault("UpdateSecurityProfile", latency=0.3)
def test_slow(connect_instance_id):
    """Your timeout, and not the test's."""
    impatient = boto3.client("connect", config=Config(read_timeout=0.05, retries={"total_max_attempts": 1}))
    with pytest.raises(Exception, match="[Tt]imeout"):
        impatient.update_security_profile(
            InstanceId=connect_instance_id, SecurityProfileId="00000000-0000-4000-8000-000000000000")


def test_lost_update(update, connect, connect_instance_id):
    """Two people save at the same time: with If-Match the second learns of the first."""
    profiles = connect.list_security_profiles(InstanceId=connect_instance_id)["SecurityProfileSummaryList"]
    night = next(p["Id"] for p in profiles if p["Name"] == "Night shift")
    seen = connect.describe_security_profile(InstanceId=connect_instance_id, SecurityProfileId=night)
    tag = seen["ResponseMetadata"]["HTTPHeaders"]["etag"]
    connect.meta.events.register(
        "before-sign.connect.UpdateSecurityProfile", lambda request, **_: request.headers.add_header("If-Match", tag))
    update(Description="first")
    with pytest.raises(connect.exceptions.ResourceConflictException):
        update(Description="second")


def test_concurrent_updates_all_count(update):
    """Updates from several threads follow each other; none is lost or refused."""
    failures = []

    def call():
        try:
            update()
        except Exception as e:
            failures.append(e)

    threads = [threading.Thread(target=call) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert failures == []
