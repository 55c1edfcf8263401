"""If-Match on UpdateSecurityProfile, which the service model does not know, through boto3 with a hook."""
import contextlib

import boto3
import pytest
from botocore.exceptions import ClientError

from centre import Centre
from server import KEY_ID, REGION, SECRET


@pytest.fixture(scope="module")
def matching(server):
    """A client, unchecked, whose updates carry the entity tag that it is told."""
    connect, tags = boto3.client("connect", endpoint_url=server.url, region_name=REGION, aws_access_key_id=KEY_ID, aws_secret_access_key=SECRET), []
    connect.meta.events.register_first("before-sign.connect.UpdateSecurityProfile", lambda request, **_: [request.headers.add_header("If-Match", t) for t in tags])

    @contextlib.contextmanager
    def only(tag):
        tags[:] = [tag]
        try:
            yield connect
        finally:
            tags.clear()
    return only


def etag(answer):
    return answer["ResponseMetadata"]["HTTPHeaders"]["etag"]


def test_last_reader_wins_once(connect, matching):
    c = Centre(connect)
    where = {"InstanceId": c.id, "SecurityProfileId": c.profile()}
    read = etag(connect.describe_security_profile(**where))
    with matching(read) as mine:
        written = etag(mine.update_security_profile(**where, Description="mine"))
        assert written != read
        with pytest.raises(mine.exceptions.ResourceConflictException) as refused:
            mine.update_security_profile(**where, Description="mine again")
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 412
    described = connect.describe_security_profile(**where)
    assert described["SecurityProfile"]["Description"] == "mine" and etag(described) == written
    connect.update_security_profile(**where, Description="without it the last writer wins")
    with matching(written) as mine, pytest.raises(ClientError):
        mine.update_security_profile(**where, Description="mine")
    with matching("*") as mine:
        mine.update_security_profile(**where, Description="any")


def test_it_must_be_signed(connect, server):
    """Removing or adding the header breaks the signature only if the header is signed, so it must be."""
    c = Centre(connect)
    other = boto3.client("connect", endpoint_url=server.url, region_name=REGION, aws_access_key_id=KEY_ID, aws_secret_access_key=SECRET)
    other.meta.events.register_last("before-send.connect.UpdateSecurityProfile", lambda request, **_: request.headers.__setitem__("If-Match", '"x"'))
    with pytest.raises(ClientError) as refused:
        other.update_security_profile(InstanceId=c.id, SecurityProfileId=c.profile(), Description="x")
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
