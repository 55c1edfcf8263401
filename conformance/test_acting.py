"""Calls on behalf of a user, through boto3 with a hook, as an application in front of lanyard would make them."""
import contextlib

import pytest

from centre import Centre, fresh
from check import client
from expect import refuses

HEADER = "x-lanyard-acting-user"


@pytest.fixture(scope="module")
def acting(server):
    """A separate client whose calls are on behalf of the given user."""
    connect, who = client(server), []
    connect.meta.events.register_first("before-sign.connect", lambda request, **_: [request.headers.add_header(HEADER, w) for w in who])

    @contextlib.contextmanager
    def on_behalf_of(*users):
        who[:] = users
        try:
            yield connect
        finally:
            who.clear()
    return on_behalf_of


def test_own_profiles_decide(connect, acting):
    c = Centre(connect)
    lead_profile = c.profile(Permissions=["Users.View", "Users.Edit"], AllowedAccessControlTags={"Team": "1"}, TagRestrictedResources=["User"])
    lead = c.user([lead_profile], Username=fresh("lead"))
    mine, other = c.user(Tags={"Team": "1"}), c.user(Tags={"Team": "2"})
    with acting(lead) as on_behalf:
        assert on_behalf.describe_user(InstanceId=c.id, UserId=mine)["User"]["Id"] == mine
        assert [u["Id"] for u in on_behalf.list_users(InstanceId=c.id)["UserSummaryList"]] == [mine]
        assert on_behalf.search_users(InstanceId=c.id)["ApproximateTotalCount"] == 1
        with refuses("AccessDeniedException", "Users.View"):
            on_behalf.describe_user(InstanceId=c.id, UserId=other)
        with refuses("AccessDeniedException", "SecurityProfiles.View"):
            on_behalf.list_security_profiles(InstanceId=c.id)
        with refuses("AccessDeniedException", "would become"):
            on_behalf.tag_resource(resourceArn=c.arn("agent", mine), tags={"Team": "2"})
    c.update_security_profile(SecurityProfileId=lead_profile, AllowedAccessControlTags={"Team": "2"})
    with acting(c.arn("agent", lead)) as on_behalf:
        assert on_behalf.describe_user(InstanceId=c.id, UserId=other)["User"]["Id"] == other
        with refuses("AccessDeniedException", mine):
            on_behalf.update_user_identity_info(InstanceId=c.id, UserId=mine, IdentityInfo={"FirstName": "X"})


def test_nobody_and_several(connect, acting):
    c = Centre(connect)
    with acting("nobody") as on_behalf, refuses("AccessDeniedException", "nobody"):
        on_behalf.list_users(InstanceId=c.id)
    with acting("") as on_behalf, refuses("InvalidParameterException", HEADER):
        on_behalf.list_users(InstanceId=c.id)
