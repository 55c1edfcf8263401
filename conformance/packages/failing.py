import boto3
import pytest
from lanyard import assert_allowed, assert_denied

team = pytest.mark.lanyard_seed("team.yaml")


@team
def test_allowed(connect):
    assert_allowed("claire", "Users.Edit", "User/jonas")


@team
def test_denied(lanyard):
    lanyard.assert_denied("claire", "Users.Edit", "User/claire")


@team
def test_unknown_user(connect):
    assert_denied("nobody", "Users.Edit", "User/claire")


@team
def test_unknown_permission(connect):
    assert_denied("claire", "Users.Edti", "User/claire")


@team
def test_resource(connect):
    assert_denied("claire", "Users.Edit", "jonas")


@pytest.mark.lanyard_seed("broken.yaml")
def test_seed(connect):
    pass


def test_real_aws(connect):
    boto3.client("sts", endpoint_url="https://sts.eu-west-2.amazonaws.com").get_caller_identity()


@pytest.mark.lanyard_fault("ListSecurityProfiles", "DuplicateResourceException")
def test_fault(connect):
    pass


@pytest.mark.lanyard_fault("ListNonsense", "InternalServiceException")
def test_operation(connect):
    pass
