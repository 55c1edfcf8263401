"""The checker of answers sees what is wrong with them."""
import pytest

import check

ID = {"x-amzn-requestid": "11111111-2222-3333-4444-555555555555", "content-type": "application/json"}


@pytest.mark.parametrize("operation, body", [
    ("CreateSecurityProfile", b'{"SecurityProfileId":"a","Extra":1}'), ("CreateSecurityProfile", b'{"securityProfileId":"a"}'),
    ("CreateSecurityProfile", b'{"SecurityProfileId":1}'), ("CreateSecurityProfile", b'{"SecurityProfileId":null}'),
    ("CreateSecurityProfile", b'{"SecurityProfileId":"a","SecurityProfileId":"a"}'), ("UpdateSecurityProfile", b'{"A":1}'),
    ("ListTagsForResource", b'{"Tags":{}}'), ("ListTagsForResource", b'{"tags":[]}'), ("ListTagsForResource", b'{"tags":{"a":1}}'),
    ("DescribeSecurityProfile", b'{"SecurityProfile":{"LastModifiedTime":"2026-01-01T00:00:00Z"}}'),
    ("DescribeSecurityProfile", b'{"SecurityProfile":{"LastModifiedTime":1.7e9}}'), ("DescribeSecurityProfile", b'{"SecurityProfile":{"Type":"MINE"}}'),
    ("ListSecurityProfilePermissions", b'{"Permissions":{}}'), ("ListSecurityProfilePermissions", b'{"Permissions":[""]}'),
    ("SearchSecurityProfiles", b'{"ApproximateTotalCount":1.5}'), ("SearchSecurityProfiles", b'[]'), ("SearchSecurityProfiles", b'\xff'),
    ("SearchSecurityProfiles", b'{"SecurityProfiles":[{"Description":"' + b"x" * 251 + b'"}]}')])
def test_wrong_answers(operation, body):
    with pytest.raises((check.Violation, ValueError)):
        check.answer(operation, 200, ID, body)


@pytest.mark.parametrize("status, code, body", [
    (404, "InvalidParameterException", b'{"Message":"m"}'), (400, "InvalidParameterException", b'{"message":"m"}'),
    (400, "InvalidParameterException", b"{}"), (400, "InvalidParameterException", b'{"Message":"m","More":1}'),
    (409, "DuplicateResourceException", b'{"Message":"m"}'), (400, "", b'{"Message":"m"}'), (400, "NoSuchException", b'{"Message":"m"}'),
    (500, "ThrottlingException", b'{"Message":"m"}')])
def test_wrong_errors(status, code, body):
    with pytest.raises(check.Violation):
        check.answer("UpdateSecurityProfile", status, ID | {"x-amzn-errortype": code}, body)


def test_right_ones():
    check.answer("UpdateSecurityProfile", 200, ID, b"")
    check.answer("ListTagsForResource", 200, ID, b'{"tags":{}}')
    check.answer("DescribeSecurityProfile", 200, ID, b'{"SecurityProfile":{"LastModifiedTime":1700000000.123,"Tags":{}}}')
    check.answer("UpdateSecurityProfile", 404, ID | {"x-amzn-errortype": "ResourceNotFoundException"}, b'{"Message":"m"}')
    with pytest.raises(check.Violation):
        check.answer("UpdateSecurityProfile", 200, {}, b"")
