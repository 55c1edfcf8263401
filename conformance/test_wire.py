"""Requests that no SDK would send: broken JSON, odd encodings, wrong signatures."""
import gzip
import http.client
import json
import socket

import pytest

from centre import MISSING, Centre, fresh
from server import KEY_ID, REGION, SECRET
from wire import Wire


@pytest.fixture
def target(centre):
    centre.id_ = centre.profile(Description="as it was", Permissions=["Users.View"])
    centre.path = f"/security-profiles/{centre.id}/{centre.id_}"
    return centre


def update(wire, target, body, **kw):
    return wire.call("POST", target.path, body, operation="UpdateSecurityProfile", **kw)


def unchanged(target):
    r = target.reads(target.id_)
    return r["describe"]["Description"] == "as it was" and r["permissions"] == ["Users.View"]


MALFORMED = {
    "cut short": b'{"Description":"x"',
    "trailing garbage": b'{"Description":"x"} x',
    "two objects": b'{"Description":"x"}{}',
    "trailing comma": b'{"Description":"x",}',
    "single quotes": b"{'Description':'x'}",
    "no quotes": b'{Description:"x"}',
    "comment": b'{"Description":"x"/* */}',
    "repeated member": b'{"Description":"x","Description":"y"}',
    "repeated unknown member": b'{"Nothing":1,"Nothing":2,"Description":"x"}',
    "repeated member further in": b'{"AllowedAccessControlTags":{"a":"b","a":"c"},"TagRestrictedResources":["User"]}',
    "the same name escaped": b'{"Description":"x","Descriptio\\u006e":"y"}',
    "invalid UTF-8": b'{"Description":"\xff\xfe"}',
    "overlong UTF-8": b'{"Description":"\xc0\xaf"}',
    "half a surrogate in UTF-8": b'{"Description":"\xed\xa0\x80"}',
    "half a surrogate escaped": b'{"Description":"\\ud800"}',
    "invalid UTF-8 in an unknown member": b'{"\xff":1,"Description":"x"}',
    "control character": b'{"Description":"a\x01b"}',
    "bad escape": b'{"Description":"\\x41"}',
    "byte order mark": b'\xef\xbb\xbf{"Description":"x"}',
    "UTF-16": '{"Description":"x"}'.encode("utf-16"),
    "list": b'[]', "text": b'"x"', "number": b"1", "null": b"null", "true": b"true", "nothing but space and a letter": b"  x",
    "NaN": b'{"Nothing":NaN,"Description":"x"}', "leading zero": b'{"Nothing":01,"Description":"x"}',
    "string for a list": b'{"Permissions":"Users.View"}', "object for a string": b'{"Description":{}}',
    "number for a string": b'{"Description":1}', "null in a list": b'{"Permissions":[null]}',
    "deep": b'{"Nothing":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep and open": b'{"Description":"x","Nothing":' + b'{"a":' * 50_000,
}


@pytest.mark.parametrize("what", MALFORMED)
def test_malformed(wire, target, what):
    answer = update(wire, target, MALFORMED[what])
    assert answer.code == "InvalidRequestException" and answer.status == 400, answer
    assert unchanged(target)


ACCEPTED = {
    "space around": (b' \r\n\t{ "Description" : "new" } \n', "new"),
    "unknown members": (b'{"Unknown":{"a":[1,null,{"b":1.5e9}]},"description":"no","DESCRIPTION":"no","Description":"new"}', "new"),
    "names are case-sensitive": (b'{"description":"new"}', "as it was"),
    "null": (b'{"Description":null,"Permissions":null}', "as it was"),
    "escapes": (b'{"Description":"\\u006e\\u0065w \\ud83d\\ude00 \\" \\\\ \\/ \\n"}', 'new \U0001f600 " \\ / \n'),
    "escaped name": (b'{"Descriptio\\u006e":"new"}', "new"),
    "id in the body is not read": (b'{"InstanceId":"x","SecurityProfileId":"y","Description":"new"}', "new"),
    "line break escaped": (b'{"Description":"a\\u000ab"}', "a\nb"),
}


@pytest.mark.parametrize("what", ACCEPTED)
def test_accepted(wire, target, what):
    body, want = ACCEPTED[what]
    answer = update(wire, target, body)
    assert answer.status == 200 and answer.body == b"", answer
    assert target.describe_security_profile(SecurityProfileId=target.id_)["SecurityProfile"]["Description"] == want


def test_ten_megabytes(wire, target):
    for body in (b'{"Description":"' + b"x" * 10_000_000 + b'"}', b" " * 10_000_000, b'{"Permissions":[' + b'"Users.View",' * 800_000 + b'"Users.View"]}'):
        answer = update(wire, target, body)
        assert answer.status == 400 and answer.code == "InvalidRequestException" and "bytes" in answer.message, answer
        assert unchanged(target)


def test_large_and_valid_for_its_size(wire, target):
    answer = update(wire, target, json.dumps({"Description": "x" * 2_000_000}))
    assert answer.code == "InvalidParameterException" and "Description" in answer.message and len(answer.message) < 2000


def test_largest_module(centre):
    """256,000 characters, each of which takes six bytes as it is sent."""
    content = "\x01" * 256_000
    assert centre.describe_contact_flow_module(ContactFlowModuleId=centre.module(Content=content))["ContactFlowModule"]["Content"] == content


def chunked(server, headers, target, chunks, end=True):
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as s:
        lines = [f"POST {target} HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items()), "Transfer-Encoding: chunked", "", ""]
        s.sendall("\r\n".join(lines).encode())
        try:
            for c in chunks:
                s.sendall(b"%x\r\n%s\r\n" % (len(c), c))
            if end:
                s.sendall(b"0\r\n\r\n")
        except (BrokenPipeError, ConnectionResetError):
            pass
        response = http.client.HTTPResponse(s)
        response.begin()
        return response.status, response.read()


def test_chunked(server, wire, target):
    body = b'{"Description":"in pieces"}'
    at, headers = wire.sign("POST", target.path, body, {"Host": f"127.0.0.1:{server.port}"})
    assert chunked(server, headers, at, [body[:7], body[7:]]) == (200, b"")
    assert target.describe_security_profile(SecurityProfileId=target.id_)["SecurityProfile"]["Description"] == "in pieces"


def test_chunked_without_end_of_patience(server, wire, target):
    at, headers = wire.sign("POST", target.path, b"", {"Host": f"127.0.0.1:{server.port}"})
    status, _ = chunked(server, headers, at, [b"x" * 100_000] * 100, end=False)
    assert status == 400


def test_content_encoding(wire, target):
    body = gzip.compress(b'{"Description":"x"}')
    answer = update(wire, target, body, headers={"Content-Encoding": "gzip"})
    assert answer.code == "InvalidRequestException" and "gzip" in answer.message
    assert unchanged(target)
    assert update(wire, target, b'{"Description":"new"}', headers={"Content-Encoding": "identity"}).status == 200


@pytest.mark.parametrize("kind", ["", "application/json", "application/x-amz-json-1.1", "text/plain", "application/json; charset=utf-8"])
def test_content_type_does_not_matter(wire, target, kind):
    assert update(wire, target, b'{"Description":"new"}', headers={"Content-Type": kind}).status == 200


def test_body_of_a_get_is_not_read(wire, target):
    answer = wire.call("GET", target.path, b"not JSON", operation="DescribeSecurityProfile")
    assert answer.status == 200


def test_broken_percent_encoding(wire, target):
    at, headers = wire.sign("GET", f"/security-profiles/{target.id}/%zz")
    answer = wire.send("GET", at, headers)
    assert answer.status in (400, 403), answer


def test_path_not_utf8(wire, target):
    answer = wire.call("GET", f"/security-profiles/{target.id}/%ff%fe")
    assert answer.status in (400, 404), answer


def test_repeated_query(wire, target):
    answer = wire.call("GET", f"/security-profiles-summary/{target.id}?maxResults=1&maxResults=2", operation="ListSecurityProfiles")
    assert answer.code == "InvalidParameterException" and "MaxResults" in answer.message


def test_unknown_query_is_ignored(wire, target):
    assert wire.call("GET", f"/security-profiles-summary/{target.id}?colour=red", operation="ListSecurityProfiles").status == 200


def test_answers(wire, target):
    """The members of the tag operations are in lower case; empty answers have no body; ids of requests differ."""
    tags = wire.call("GET", "/tags/" + target.profile_arn(target.id_).replace("/", "%2F").replace(":", "%3A"), operation="ListTagsForResource")
    assert tags.body == b'{"tags":{}}'
    first, second = (update(wire, target, b"{}") for _ in range(2))
    assert first.body == b"" and first.headers["x-amzn-requestid"] != second.headers["x-amzn-requestid"]
    missing = wire.call("GET", f"/security-profiles/{target.id}/{MISSING}", operation="DescribeSecurityProfile")
    assert (missing.status, missing.code, missing.headers["content-type"]) == (404, "ResourceNotFoundException", "application/json")
    assert set(missing.json) == {"Message"}


# Signatures. A stranger learns nothing but that.

def strange(answer, code, status=403):
    assert (answer.status, answer.code) == (status, code), answer
    assert answer.message and SECRET not in answer.message
    assert answer.headers["x-amzn-requestid"]


def test_no_signature(wire, target):
    for path in (target.path, "/instance", f"/security-profiles/{MISSING}/{MISSING}"):
        strange(wire.send("GET", path, {}), "MissingAuthenticationTokenException")
    strange(wire.send("POST", target.path, {}, b"not JSON"), "MissingAuthenticationTokenException")
    strange(wire.send("GET", target.path + "?a=%zz", {}), "InvalidSignatureException")  # a query may hold a signature


def test_unknown_key(server, target):
    strange(Wire(server, "AKIANOBODYNOBODY0000", SECRET).call("GET", target.path), "UnrecognizedClientException")


def test_wrong_secret(server, target):
    strange(Wire(server, KEY_ID, SECRET + "x").call("GET", target.path), "InvalidSignatureException")


@pytest.mark.parametrize("signing", [{"region": "eu-west-1"}, {"service": "s3"}, {"skew": -600}, {"skew": 600}, {"skew": 86400}])
def test_wrong_scope_or_time(wire, target, signing):
    strange(wire.call("GET", target.path, **signing), "InvalidSignatureException")


@pytest.mark.parametrize("skew", [-240, 240])
def test_small_skew(wire, target, skew):
    assert wire.call("GET", target.path, skew=skew).status == 200


def test_session_token_of_a_key_without_one(wire, target):
    answer = wire.call("GET", target.path, token="made-up")
    assert answer.status == 403, answer


def test_tampered(wire, target):
    body = b'{"Description":"signed"}'
    at, headers = wire.sign("POST", target.path, body)
    strange(wire.send("POST", at, headers, b'{"Description":"forged"}'), "InvalidSignatureException")
    strange(wire.send("PUT", at, headers, body), "UnknownOperationException", 404)
    other = target.profile()
    strange(wire.send("POST", at.replace(target.id_, other), headers, body), "InvalidSignatureException")
    strange(wire.send("POST", at + "?maxResults=1", headers, body), "InvalidSignatureException")
    strange(wire.send("POST", at, headers | {"X-Amz-Date": "20200101T000000Z"}, body), "InvalidSignatureException")
    strange(wire.send("POST", at, headers | {"X-Amz-Target": "unsigned"}, body), "InvalidSignatureException")
    strange(wire.send("POST", at, headers | {"Authorization": headers["Authorization"][:-1] + "0123456789abcdef"[headers["Authorization"][-1] == "0"]}, body),
            "InvalidSignatureException")
    assert unchanged(target)
    assert wire.send("POST", at, headers, body).status == 200


@pytest.mark.parametrize("header", [
    "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=x, SignedHeaders=host, Signature=y", "Bearer x", "AWS4-HMAC-SHA256 Credential=a/b/c/d/e",
    f"AWS4-HMAC-SHA256 Credential={KEY_ID}/20200101/{REGION}/connect/aws4_request, SignedHeaders=host, Signature=" + "0" * 63, "x" * 9000])
def test_unreadable_signature(wire, target, header):
    answer = wire.send("GET", target.path, {"Authorization": header})
    assert answer.status == 403 and answer.code == "IncompleteSignatureException", answer


def test_presigned(wire, target):
    at, _ = wire.sign("GET", target.path, presign=60)
    assert "X-Amz-Signature" in at
    answer = wire.send("GET", at, {})
    assert answer.status == 200 and answer.json["SecurityProfile"]["Id"] == target.id_, answer
    strange(wire.send("GET", at.replace(target.id_, target.profile()), {}), "InvalidSignatureException")
    strange(wire.send("GET", at.replace("X-Amz-Expires=60", "X-Amz-Expires=600"), {}), "InvalidSignatureException")
    late, _ = wire.sign("GET", target.path, presign=60, skew=-600)
    strange(wire.send("GET", late, {}), "InvalidSignatureException")
    listed, _ = wire.sign("GET", f"/security-profiles-summary/{target.id}?maxResults=2", presign=60)
    assert len(wire.send("GET", listed, {}).json["SecurityProfileSummaryList"]) == 2


def test_another_account(server, target):
    made = json.loads(server.run("key", "create", "--account", "210987654321", "--comment", fresh("other"), "--output", "json"))
    other = Wire(server, made["AccessKeyId"], made["SecretAccessKey"])
    for method, path in (("GET", target.path), ("POST", target.path), ("DELETE", target.path), ("GET", "/tags/" + target.profile_arn(target.id_)),
                         ("GET", f"/instance/{target.id}"), ("DELETE", f"/instance/{target.id}")):
        answer = other.call(method, path, b"{}" if method == "POST" else b"")
        assert (answer.status, answer.code) == (404, "ResourceNotFoundException"), (method, path, answer)
    assert unchanged(target)
    server.run("key", "disable", made["AccessKeyId"])
    strange(other.call("GET", "/instance"), "UnrecognizedClientException")


def test_management_takes_the_root_key_alone(server, wire):
    made = json.loads(server.run("key", "create", "--account", "123456789012", "--output", "json"))
    other = Wire(server, made["AccessKeyId"], made["SecretAccessKey"])
    assert other.call("GET", "/instance").status == 200
    for method, path in (("GET", "/lanyard/v1/keys"), ("GET", "/lanyard/v1/faults"), ("DELETE", "/lanyard/v1/faults"), ("GET", "/lanyard/v1/events/instances")):
        assert other.call(method, path).status == 403, path
        assert wire.send(method, path, {}).status == 403, path


def test_names_in_path_query_and_body(wire, target):
    """Every character of a label may be percent-encoded; names are those of the protocol and no others."""
    encoded = "".join(f"%{ord(c):02x}" for c in target.id_)
    assert wire.call("GET", f"/security-profiles/{target.id}/{encoded}", operation="DescribeSecurityProfile").json["SecurityProfile"]["Id"] == target.id_
    listed = wire.call("GET", f"/security-profiles-summary/{target.id}?MaxResults=1", operation="ListSecurityProfiles")
    assert len(listed.json["SecurityProfileSummaryList"]) == 5
    answer = wire.call("POST", "/tags/" + target.profile_arn(target.id_), {"Tags": {"a": "b"}}, operation="TagResource")
    assert answer.code == "InvalidParameterException" and "tags" in answer.message


@pytest.mark.parametrize("body", [{"tags": {"a": 1}}, {"tags": [["a", "b"]]}, {"tags": {"a": {}}}, {"tags": {"a": ["b"]}}])
def test_tags_of_other_types(wire, target, body):
    answer = wire.call("POST", "/tags/" + target.profile_arn(target.id_), body, operation="TagResource")
    assert answer.status == 400, answer
    assert target.connect.list_tags_for_resource(resourceArn=target.profile_arn(target.id_))["tags"] == {}


def test_null_in_a_map_is_refused(wire, target):
    """Maps of the model hold no nulls: a tag that was passed over would leave another restriction than was written."""
    before = target.reads(target.id_)
    answer = wire.call("POST", "/tags/" + target.profile_arn(target.id_), {"tags": {"a": None, "b": "c"}}, operation="TagResource")
    assert answer.code == "InvalidRequestException" and "tags.a" in answer.message, answer
    answer = update(wire, target, {"AllowedAccessControlTags": {"abc": None}})
    assert answer.code == "InvalidRequestException" and "AllowedAccessControlTags.abc" in answer.message, answer
    assert target.reads(target.id_) == before


@pytest.mark.parametrize("member", ["Permissions", "TagRestrictedResources", "HierarchyRestrictedResources", "Applications", "AllowedFlowModules", "AllowedAIAgents"])
def test_null_in_a_list_is_refused(wire, target, member):
    before = target.reads(target.id_)
    answer = update(wire, target, {member: [None]})
    assert answer.code == "InvalidRequestException" and member + "[0]" in answer.message, answer
    assert target.reads(target.id_) == before


def test_unsigned_payload(wire, target):
    answer = wire.call("POST", target.path, b'{"Description":"x"}', headers={"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"})
    assert answer.status == 403 and unchanged(target), answer


def test_head_and_options(wire, target):
    for method in ("OPTIONS", "PATCH"):
        answer = wire.call(method, target.path)
        assert answer.status in (403, 404) and answer.headers["x-amzn-requestid"]


def test_pipelined_errors_leave_the_connection_usable(wire, target):
    for _ in range(20):
        assert update(wire, target, b"{").status == 400
        assert update(wire, target, b"{}").status == 200
