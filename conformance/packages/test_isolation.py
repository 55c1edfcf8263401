import os
import subprocess
from datetime import datetime, timezone

import boto3
import imported
import lanyard as package
import pytest


@pytest.mark.parametrize("n", range(10))
def test_nothing_of_another_test(connect, connect_instance_id, lanyard, n):
    names = [p["Name"] for p in connect.list_security_profiles(InstanceId=connect_instance_id)["SecurityProfileSummaryList"]]
    assert "Left over" not in names and "Admin" in names
    assert len(connect.list_instances()["InstanceSummaryList"]) == 1
    connect.create_security_profile(InstanceId=connect_instance_id, SecurityProfileName="Left over")
    lanyard.fault("*", "InternalServiceException")
    lanyard.set_time(datetime(2040, 1, 1, tzinfo=timezone.utc))


def test_time(connect, connect_instance_id, lanyard):
    lanyard.set_time(datetime(2040, 1, 1, tzinfo=timezone.utc))
    made = connect.create_security_profile(InstanceId=connect_instance_id, SecurityProfileName="Later")
    profile = connect.describe_security_profile(InstanceId=connect_instance_id, SecurityProfileId=made["SecurityProfileId"])
    assert profile["SecurityProfile"]["LastModifiedTime"].year == 2040


def test_client_of_an_imported_module(lanyard):
    assert imported.connect.list_instances()["InstanceSummaryList"][0]["Id"] == lanyard.instance_id


def test_credentials_of_the_test(lanyard):
    credentials = boto3.Session().get_credentials()
    assert (credentials.access_key, credentials.token) == ("123456789012", None)


def test_environment_comes_back(monkeypatch):
    from lanyard._redirect import environment

    before = dict(os.environ)
    with environment({"AWS_REGION": "eu-central-1"}):
        assert os.environ["AWS_REGION"] == "eu-central-1" and "AWS_PROFILE" not in os.environ
    assert dict(os.environ) == before


def test_states(lanyard, connect, connect_instance_id):
    connect.create_security_profile(InstanceId=connect_instance_id, SecurityProfileName="Kept")
    lanyard.save("mine")
    kept = connect.list_security_profiles(InstanceId=connect_instance_id)
    lanyard.reset()
    assert connect.list_security_profiles(InstanceId=connect_instance_id) != kept
    lanyard.load("mine")
    names = [p["Name"] for p in connect.list_security_profiles(InstanceId=connect_instance_id)["SecurityProfileSummaryList"]]
    assert "Kept" in names
    with pytest.raises(package.ServerError, match="does not exist"):
        lanyard.load("nobody")


@pytest.mark.lanyard_seed("team.yaml")
def test_questions(lanyard, connect, connect_instance_id):
    lanyard.assert_allowed("claire", "Users.Edit", "User/new", new=True, tags={"Country": "FR"})
    lanyard.assert_denied("claire", "Users.Edit", "User/new", new=True, tags={"Country": "DE"})
    users = {u["Username"]: u for u in connect.list_users(InstanceId=connect_instance_id)["UserSummaryList"]}
    assert lanyard.decide(users["claire"]["Arn"], "Users.View", f"User/{users['claire']['Id']}")
    assert lanyard.decide(users["claire"]["Id"], "Users.View", {"type": "User", "id": users["jonas"]["Id"]}).reason == "condition failed"
    lanyard.assert_denied("nobody", "Users.Edit", "User/claire", unknown=True)
    agent = "arn:aws:wisdom:us-east-1:123456789012:ai-agent/5d1f4a3e-90b7-4c52-8a6d-2f6b1c7e9d10/5d1f4a3e-90b7-4c52-8a6d-2f6b1c7e9d11"
    lanyard.assert_denied(agent, "Users.Edit")


def test_other_programs(lanyard):
    env = {**os.environ, **lanyard.environment()}
    code = "import boto3; print(boto3.client('connect').list_instances()['InstanceSummaryList'][0]['Id'])"
    import sys
    said = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True).stdout
    assert said.strip() == lanyard.instance_id


def test_two_servers(lanyard):
    with package.Server(region="eu-central-1", account="210987654321") as other:
        assert ":eu-central-1:210987654321:" in other.instance_arn
        assert other.client().list_instances()["InstanceSummaryList"][0]["Id"] != lanyard.instance_id
        with pytest.raises(package.ServerError, match="running already"):
            other.start()
    with pytest.raises(package.ServerError, match="does not run"):
        other.request("GET", "/instance")
    with pytest.raises(package.ServerError, match="must be an account id of twelve digits"):
        package.Server(account="1").start()
