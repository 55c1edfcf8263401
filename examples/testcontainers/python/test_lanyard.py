import boto3
import docker
import pytest
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy


def docker_runs():
    try:
        return docker.from_env().ping()
    except docker.errors.DockerException:
        return False


@pytest.fixture(scope="session")
def connect():
    if not docker_runs():
        pytest.skip("Docker is not running")
    lanyard = (
        DockerContainer("lanyard:latest")
        .with_command("serve --emulator --store memory")
        .with_exposed_ports(4580)
        .waiting_for(LogMessageWaitStrategy("Ready."))
    )
    with lanyard:
        yield boto3.client(
            "connect",
            endpoint_url=f"http://{lanyard.get_container_host_ip()}:{lanyard.get_exposed_port(4580)}",
            region_name="us-east-1",
            aws_access_key_id="123456789012",  # in an emulator, the account
            aws_secret_access_key="any",
        )


def test_unknown_permission_is_refused(connect):
    instance = connect.create_instance(
        IdentityManagementType="SAML", InstanceAlias="centre", InboundCallsEnabled=True, OutboundCallsEnabled=True
    )["Id"]
    profile = connect.create_security_profile(InstanceId=instance, SecurityProfileName="Agents", Permissions=["BasicAgentAccess"])
    with pytest.raises(connect.exceptions.InvalidParameterException, match="Users.Veiw"):
        connect.update_security_profile(
            InstanceId=instance, SecurityProfileId=profile["SecurityProfileId"], Permissions=["Users.Veiw"]
        )
