"""An emulator for tests, as boto3 code bases and users of LocalStack meet it: any credentials, accounts and regions side by
side, faults, saved states, time, and no web pages of strangers."""
import http.client
import json
import time
import urllib.error
import urllib.parse
import urllib.request

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

import check
from centre import MISSING, Centre, fresh
from server import ACCOUNT, REGION, Server

SEED = """
Parameters:
  InstanceArn: {Type: String}
Resources:
  Agents:
    Type: AWS::Connect::SecurityProfile
    Properties: {InstanceArn: !Ref InstanceArn, SecurityProfileName: Seeded, Permissions: [Users.View]}
"""


@pytest.fixture(scope="module")
def emulator(tmp_path_factory):
    folder = tmp_path_factory.mktemp("seed")
    (folder / "team.yaml").write_text(SEED)
    with Server("--emulator", "--seed", str(folder / "team.yaml"), "--init-dir", str(folder / "init"), quotas=True) as server:
        yield server


@pytest.fixture
def clean(emulator):
    call(emulator, "POST", "/_lanyard/state/reset?seed=1")
    yield emulator
    call(emulator, "POST", "/_lanyard/state/reset?seed=1")


def call(server, method, path, body=None, headers=()):
    """Sends a request that is not signed; returns the status and the JSON of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        text = body if body is None or isinstance(body, (str, bytes)) else json.dumps(body)
        connection.request(method, path, text, dict(headers))
        answer = connection.getresponse()
        read = answer.read()
        return answer.status, json.loads(read) if read else None
    finally:
        connection.close()


def connect(server, key="test", region=REGION, attempts=1):
    return boto3.client("connect", endpoint_url=server.url, region_name=region, aws_access_key_id=key, aws_secret_access_key="x",
                        config=Config(retries={"mode": "standard", "total_max_attempts": attempts}))


def listed(client):
    return [i["Id"] for i in client.list_instances()["InstanceSummaryList"]]


def code(met):
    return met.value.response["Error"]["Code"], met.value.response["ResponseMetadata"]["HTTPStatusCode"]


def test_accounts_and_regions(clean):
    call(clean, "POST", "/_localstack/state/reset")
    mine, other, elsewhere = connect(clean), connect(clean, "111122223333"), connect(clean, region="eu-central-1")
    ids = {}
    for client, account, region in ((mine, ACCOUNT, REGION), (other, "111122223333", REGION), (elsewhere, ACCOUNT, "eu-central-1")):
        assert listed(client) == []
        c = Centre(client)
        assert c.instance_arn == f"arn:aws:connect:{region}:{account}:instance/{c.id}"
        assert c.describe_instance()["Instance"]["InstanceStatus"] == "ACTIVE"
        assert c.update_security_profile(SecurityProfileId=c.profile(), Permissions=["Users.View"])
        ids[client] = c.id
    for client, id in ids.items():
        assert listed(client) == [id]
        for hidden in set(ids.values()) - {id}:
            with pytest.raises(client.exceptions.ResourceNotFoundException):
                client.describe_instance(InstanceId=hidden)
    status, answer = call(clean, "GET", "/instance")  # not signed: the default account and region
    assert status == 200 and [i["Id"] for i in answer["InstanceSummaryList"]] == [ids[mine]]


def test_no_quotas(clean):
    c = Centre(connect(clean))
    for _ in range(3):
        Centre(connect(clean))  # Amazon Connect's default is two instances
    for _ in range(101):
        c.profile()


# What an application that updates security profiles can meet, each on request and, where it is the caller's fault, for real.

DECLARED = sorted(e.name for e in check.MODEL.operation_model("UpdateSecurityProfile").error_shapes)


@pytest.mark.parametrize("name", DECLARED)
def test_declared_exceptions_on_request(clean, name):
    client = connect(clean)
    c = Centre(client)
    profile = c.profile()
    status, rules = call(clean, "POST", "/_localstack/chaos/faults",
                         [{"service": "connect", "operation": "UpdateSecurityProfile", "error": {"code": name}}])
    assert status == 200 and rules[0]["error"] == {"code": name}
    with pytest.raises(getattr(client.exceptions, name)) as met:
        c.update_security_profile(SecurityProfileId=profile, Description="x")
    assert code(met) == (name, check.MODEL.shape_for(name).metadata["error"]["httpStatusCode"])
    assert c.describe_security_profile(SecurityProfileId=profile)["SecurityProfile"].get("Description", "") == ""
    assert call(clean, "POST", "/_localstack/chaos/faults", []) == (200, [])
    c.update_security_profile(SecurityProfileId=profile, Description="x")


def test_the_callers_own_mistakes(clean):
    client = connect(clean)
    c = Centre(client)
    profile = c.profile()
    with pytest.raises(client.exceptions.InvalidParameterException):
        c.update_security_profile(SecurityProfileId=profile, Permissions=["Users.Fly"])
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        c.update_security_profile(SecurityProfileId=MISSING, Description="x")
    client.meta.events.register_first("before-send.connect.UpdateSecurityProfile", cut_short)
    with pytest.raises(client.exceptions.InvalidRequestException):
        c.update_security_profile(SecurityProfileId=profile, Description="x")


def cut_short(request, **_):
    request.body = b'{"Description":'
    request.headers["Content-Length"] = str(len(request.body))


def test_throttling_is_retried(clean):
    """A client that retries gets through when the fault ends, and gives up while it lasts."""
    c = Centre(connect(clean))
    profile = c.profile()
    throttle = {"service": "connect", "operation": "UpdateSecurityProfile", "error": {"code": "ThrottlingException", "statusCode": 429}}
    call(clean, "POST", "/_localstack/chaos/faults", [throttle])
    patient, sent = connect(clean, attempts=5), []

    def relent(**_):
        sent.append(1)
        if len(sent) == 3:
            call(clean, "DELETE", "/_localstack/chaos/faults", [throttle])

    patient.meta.events.register("before-send.connect.UpdateSecurityProfile", relent)
    patient.update_security_profile(InstanceId=c.id, SecurityProfileId=profile, Description="at last")
    assert len(sent) == 3
    call(clean, "POST", "/_localstack/chaos/faults", [throttle])
    with pytest.raises(patient.exceptions.ThrottlingException) as met:
        connect(clean, attempts=2).update_security_profile(InstanceId=c.id, SecurityProfileId=profile, Description="never")
    assert met.value.response["ResponseMetadata"]["RetryAttempts"] == 1


def test_rules(clean):
    here, elsewhere = connect(clean), connect(clean, region="eu-west-2")
    outage = {"service": "connect", "region": "eu-west-2", "description": "an outage"}
    assert call(clean, "POST", "/_lanyard/chaos/faults", [outage]) == (200, [outage])
    with pytest.raises(ClientError) as met:
        listed(elsewhere)
    assert code(met) == ("ServiceUnavailable", 503)
    listed(here)
    every = {"operation": "ListInstances", "probability": 1, "error": {"code": "InternalServiceException", "statusCode": 599}}
    assert call(clean, "PATCH", "/_localstack/chaos/faults", [every]) == (200, [outage, every])
    with pytest.raises(ClientError) as met:
        listed(here)
    assert code(met) == ("InternalServiceException", 599)
    assert call(clean, "DELETE", "/_localstack/chaos/faults", [outage]) == (200, [every])
    assert call(clean, "DELETE", "/_localstack/chaos/faults", [outage])[0] == 404
    assert call(clean, "POST", "/_localstack/chaos/faults", [every | {"probability": 0}])[0] == 200
    listed(here)
    # LocalStack's rule for an outage of everything, and the end of it in either way.
    assert call(clean, "POST", "/_localstack/chaos/faults", [{}]) == (200, [{}])
    with pytest.raises(ClientError):
        listed(here)
    assert call(clean, "DELETE", "/_localstack/chaos/faults", []) == (200, [])
    listed(here)
    # What the command sets counts, too, and clears the rules.
    call(clean, "POST", "/_localstack/chaos/faults", [every])
    clean.run("fault", "clear")
    assert call(clean, "GET", "/_localstack/chaos/faults") == (200, [])


def test_latency(clean):
    assert call(clean, "POST", "/_localstack/chaos/effects", {"latency": 300}) == (200, {"latency": 300})
    assert call(clean, "GET", "/_lanyard/chaos/effects") == (200, {"latency": 300})
    began = time.monotonic()
    listed(connect(clean))
    assert time.monotonic() - began >= 0.3
    call(clean, "POST", "/_localstack/chaos/effects", {"latency": 0})
    for wrong in ({"latency": -1}, {"latency": 3_600_000}, {}, {"latency": 1, "jitter": 2}, {"latency": "slow"}):
        assert call(clean, "POST", "/_localstack/chaos/effects", wrong)[0] == 400
    assert call(clean, "GET", "/_localstack/chaos/effects") == (200, {"latency": 0})


@pytest.mark.parametrize("rule, says", [
    ({"service": "s3"}, "service must be connect or absent"),
    ({"region": "moon"}, "region must be an AWS Region"),
    ({"operation": "CreateBucket"}, "operation must be one that lanyard serves"),
    ({"operation": "UpdateSecurityProfile", "error": {"code": "DuplicateResourceException"}}, "code must be an exception that UpdateSecurityProfile declares"),
    ({"error": {"code": "NoSuchException"}}, "code must be an exception that an operation declares"),
    ({"error": {"statusCode": 200}}, "statusCode must be 400 to 599"),
    ({"probability": 2}, "probability must be 0 to 1"),
    ({"probability": -0.1}, "probability must be 0 to 1"),
    ({"descriptoin": "x"}, "the body cannot be read"),
    ({"operation": 5}, "the body cannot be read: /1/operation has the wrong type"),
    (None, "rule 2 must be an object, got null"),
])
def test_wrong_rules_change_nothing(clean, rule, says):
    good = {"operation": "DeleteInstance"}
    call(clean, "POST", "/_localstack/chaos/faults", [good])
    for method in ("POST", "PATCH"):
        status, answer = call(clean, method, "/_localstack/chaos/faults", [good, rule])
        assert status == 400 and says in answer["message"], answer
    assert call(clean, "GET", "/_localstack/chaos/faults") == (200, [good])


def test_wrong_bodies(clean):
    for body in (b"", b"null", b"{}", b"[", b'[{"operation":"A","operation":"B"}]', b"[" + b"{}," * 1000 + b"{}]", b" " * 300_000 + b"[]"):
        status, answer = call(clean, "POST", "/_localstack/chaos/faults", body)
        assert status == 400 and answer["message"] and "emulator." not in answer["message"], body[:20]
    assert call(clean, "DELETE", "/_localstack/chaos/faults", b"null")[0] == 400
    assert call(clean, "GET", "/_localstack/chaos/faults") == (200, [])


def test_reset(clean):
    client = connect(clean)
    (seeded,) = listed(client)
    assert "Seeded" in names(client, seeded)
    Centre(client)
    Centre(connect(clean, "111122223333", "eu-west-2"))
    call(clean, "POST", "/_localstack/chaos/faults", [{}])
    call(clean, "PUT", "/_lanyard/time", {"time": "2031-01-01T00:00:00Z"})
    assert call(clean, "POST", "/_localstack/state/reset") == (200, {"service": "connect", "status": "ok"})
    assert listed(client) == [] and listed(connect(clean, "111122223333", "eu-west-2")) == []
    assert call(clean, "GET", "/_lanyard/time")[1]["time"] < "2031"
    assert call(clean, "POST", "/_localstack/state/connect/reset")[0] == 200
    assert call(clean, "POST", "/_lanyard/state/reset?seed=1")[0] == 200
    assert listed(client) == [seeded] and "Seeded" in names(client, seeded)
    assert call(clean, "POST", "/_lanyard/state/reset")[0] == 200
    assert listed(client) == []
    for wrong in ("?seed=yes", "?seeds=1", "?seed=1&seed=0"):
        assert call(clean, "POST", "/_lanyard/state/reset" + wrong)[0] == 400


def names(client, instance):
    return [p["Name"] for p in client.list_security_profiles(InstanceId=instance)["SecurityProfileSummaryList"]]


def test_saved_states(clean):
    client = connect(clean)
    c = Centre(client)
    profile = c.profile()
    assert call(clean, "POST", "/_lanyard/state/save?name=before") == (200, {"name": "before"})
    c.delete_security_profile(SecurityProfileId=profile)
    assert call(clean, "POST", "/_lanyard/state/load?name=before") == (200, {"name": "before"})
    assert c.describe_security_profile(SecurityProfileId=profile)
    saved = call(clean, "GET", "/_lanyard/state")[1]["snapshots"]
    assert [s["name"] for s in saved] == ["before"] and saved[0]["bytes"] > 0
    for method, path, status in (("POST", "load?name=after", 404), ("POST", "load", 400), ("POST", "save?name=a/b", 400), ("POST", "save?nam=a", 400),
                                 ("GET", "save?name=a", 405), ("DELETE", "load?name=before", 405)):
        got, answer = call(clean, method, "/_lanyard/state/" + path)
        assert got == status and answer["message"], path
    assert c.describe_security_profile(SecurityProfileId=profile)
    assert call(clean, "DELETE", "/_lanyard/state?name=before")[0] == 200
    assert call(clean, "DELETE", "/_lanyard/state?name=before")[0] == 404
    assert call(clean, "GET", "/_lanyard/state") == (200, {"snapshots": []})
    assert call(clean, "POST", "/_localstack/state/save?name=a")[0] == 404  # it is not of LocalStack


def test_time(clean):
    """A token of the decision API expires when the clock of the emulator says so. Signatures go by no clock."""
    client = connect(clean)
    (instance,) = listed(client)
    expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
    status, token = call(clean, "POST", "/lanyard/v1/tokens", {"Account": ACCOUNT, "Instance": instance, "Scope": "decide", "Expires": expires})
    assert status == 200, token

    def decide():
        return call(clean, "POST", "/access/v1/evaluation", {
            "subject": {"type": "user", "id": "nobody"}, "action": {"name": "Users.View"}, "resource": {"type": "Instance", "id": "x"}},
            {"Authorization": "Bearer " + token["Text"], "Content-Type": "application/json"}.items())

    assert decide()[0] == 200
    assert call(clean, "PUT", "/_lanyard/time", {"advance": "2h"})[0] == 200
    assert decide()[0] == 401
    assert Centre(client).describe_instance()["Instance"]["CreatedTime"].timestamp() > time.time() + 7000
    assert call(clean, "DELETE", "/_lanyard/time")[0] == 200
    assert decide()[0] == 200
    assert call(clean, "PUT", "/_lanyard/time", {"time": "2040-02-29T12:00:00Z", "frozen": True}) == (200, {"time": "2040-02-29T12:00:00Z"})
    assert call(clean, "GET", "/_lanyard/time") == (200, {"time": "2040-02-29T12:00:00Z"})
    for wrong in ({}, {"time": "soon"}, {"advance": "later"}, {"time": "2040-01-01T00:00:00Z", "advance": "1h"}, {"time": "9999-12-31T00:00:00Z"}):
        assert call(clean, "PUT", "/_lanyard/time", wrong)[0] == 400, wrong
    assert call(clean, "GET", "/_lanyard/time") == (200, {"time": "2040-02-29T12:00:00Z"})


def test_decisions_without_a_token(clean):
    """Who asks is not checked either: the account of the key, and the instance that the path names."""
    (instance,) = listed(connect(clean))
    asked = {"subject": {"type": "user", "id": "nobody"}, "action": {"name": "Users.View"}, "resource": {"type": "Instance", "id": "x"}}
    path = f"/instances/{instance}/access/v1/evaluation"
    assert call(clean, "POST", path, asked, {"Content-Type": "application/json"}.items())[1]["decision"] is False
    assert call(clean, "POST", path, asked, {"Content-Type": "application/json", "Authorization": "Bearer wrong"}.items())[0] == 401


def test_health(emulator):
    status, health = call(emulator, "GET", "/_localstack/health")
    assert status == 200 and health.keys() == {"services", "edition", "version"} and health["services"] == {"connect": "running"}
    assert call(emulator, "HEAD", "/_localstack/health") == (200, None)
    assert call(emulator, "GET", "/_localstack/init") == (200, {
        "completed": {"BOOT": True, "START": True, "READY": True, "SHUTDOWN": False}, "scripts": []})
    assert call(emulator, "GET", "/_localstack/init/shutdown") == (200, {"completed": False, "scripts": []})
    assert call(emulator, "GET", "/_localstack/info")[1]["is_license_activated"] is False
    for method, path, status in (("POST", "health", 405), ("GET", "init/sometime", 404), ("GET", "diagnose", 404), ("GET", "", 404), ("GET", "state/s3/reset", 404)):
        assert call(emulator, method, "/_localstack/" + path)[0] == status, path


STRANGERS = [
    {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": "http://localhost:3000", "Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site"}, {"Host": "evil.example"}, {"Host": "evil.example", "Origin": "http://evil.example", "Sec-Fetch-Site": "same-origin"},
]


@pytest.mark.parametrize("headers", STRANGERS, ids=str)
def test_pages_of_strangers(clean, headers):
    """A page anywhere on the web could otherwise reset and read what a developer runs: with a form, an image, or a name that points here."""
    client = connect(clean)
    (instance,) = listed(client)
    simple = headers | {"Content-Type": "text/plain"}
    for method, path, body in (
            ("POST", "/_localstack/state/reset", ""), ("POST", "/_lanyard/state/reset", ""), ("POST", "/_localstack/chaos/faults", "[{}]"),
            ("PUT", "/_lanyard/time", '{"advance":"1h"}'), ("GET", "/_lanyard/health", None), ("GET", "/_localstack/init", None), ("GET", "/instance", None),
            ("DELETE", f"/instance/{instance}", None), ("POST", "/lanyard/v1/tokens", "{}"), ("POST", "/lanyard/v1/faults", "{}")):
        status, answer = call(clean, method, path, body, simple.items())
        assert status == 403 and "an emulator answers requests for its own name only" in answer["Message"], (method, path, answer)
    assert listed(client) == [instance]


def test_console(clean):
    """The console takes the access key of the emulator."""
    page = urllib.request.urlopen(clean.url + "/", timeout=10)
    assert page.status == 200
    from server import KEY_ID, SECRET
    status, answer = call(clean, "POST", "/console/api/sign-in", {"AccessKeyId": KEY_ID, "SecretAccessKey": SECRET},
                          {"Content-Type": "application/json", "Origin": clean.url, "Host": f"127.0.0.1:{clean.port}"}.items())
    assert status == 200 and answer["Session"]["Kind"] == "operator", answer


def test_an_instance_of_everybodys(clean):
    """Tests that run at once work in accounts of their own."""
    clients = [connect(clean, f"{n:012}") for n in range(1, 6)]
    for c in clients:
        Centre(c, InstanceAlias=fresh("own"))
    assert all(len(listed(c)) == 1 for c in clients)
