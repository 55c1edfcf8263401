"""The calls that Terraform's aws_connect_security_profile makes, in its order."""
import pytest

import permissions
from centre import fresh
from expect import refuses


class Provider:
    """Create, read, update and delete as the provider does them; state is what it would keep."""

    def __init__(self, centre):
        self.connect, self.instance = centre.connect, centre.id

    def create(self, name, description=None, permissions=None, tags=None):
        sent = {"InstanceId": self.instance, "SecurityProfileName": name}
        sent |= {k: v for k, v in (("Description", description), ("Permissions", permissions), ("Tags", tags)) if v}
        made = self.connect.create_security_profile(**sent)
        return self.read(f"{self.instance}:{made['SecurityProfileId']}")

    def read(self, id):
        instance, profile = id.split(":")
        try:
            d = self.connect.describe_security_profile(InstanceId=instance, SecurityProfileId=profile)["SecurityProfile"]
        except self.connect.exceptions.ResourceNotFoundException:
            return None
        permissions, sent = set(), {"InstanceId": instance, "SecurityProfileId": profile, "MaxResults": 60}
        for page in self.connect.get_paginator("list_security_profile_permissions").paginate(**sent):
            permissions |= set(page["Permissions"])
        return {"id": id, "arn": d["Arn"], "instance_id": instance, "name": d["SecurityProfileName"], "description": d.get("Description"),
                "organization_resource_id": d["OrganizationResourceId"], "security_profile_id": d["Id"], "permissions": permissions, "tags": d["Tags"]}

    def update(self, state, **change):
        tags = change.pop("tags", None)
        members = {"description": "Description", "permissions": "Permissions"}
        self.connect.update_security_profile(InstanceId=self.instance, SecurityProfileId=state["security_profile_id"],
                                             **{members[k]: v for k, v in change.items()})
        if tags is not None:
            gone = [k for k in state["tags"] if k not in tags]
            new = {k: v for k, v in tags.items() if state["tags"].get(k) != v}
            if gone:
                self.connect.untag_resource(resourceArn=state["arn"], tagKeys=gone)
            if new:
                self.connect.tag_resource(resourceArn=state["arn"], tags=new)
        return self.read(state["id"])

    def delete(self, state):
        self.connect.delete_security_profile(InstanceId=self.instance, SecurityProfileId=state["security_profile_id"])

    def data_source(self, name):
        """By name: through the list, exactly."""
        pages = self.connect.get_paginator("list_security_profiles").paginate(InstanceId=self.instance, PaginationConfig={"PageSize": 60})
        return [p["Id"] for page in pages for p in page["SecurityProfileSummaryList"] if p["Name"] == name]


@pytest.fixture
def provider(centre):
    return Provider(centre)


def test_life_of_a_resource(provider):
    name = fresh("tf")
    state = provider.create(name, "Created", ["BasicAgentAccess"], {"Name": "Test", "Stage": "one"})
    assert (state["name"], state["description"], state["permissions"]) == (name, "Created", {"BasicAgentAccess"})
    assert (state["organization_resource_id"], state["tags"]) == (provider.instance, {"Name": "Test", "Stage": "one"})
    assert provider.read(state["id"]) == state  # a plan without a change
    state = provider.update(state, description="Updated")
    assert (state["description"], state["permissions"]) == ("Updated", {"BasicAgentAccess"})
    state = provider.update(state, permissions=["BasicAgentAccess", "OutboundCallAccess"])
    assert (state["description"], state["permissions"]) == ("Updated", {"BasicAgentAccess", "OutboundCallAccess"})
    before = state
    state = provider.update(state, tags={"Name": "Test", "Stage": "two", "More": "m"})  # an update with nothing in it goes first
    assert state == before | {"tags": {"Name": "Test", "Stage": "two", "More": "m"}}
    state = provider.update(state, tags={"Name": "Test"})
    assert state["tags"] == {"Name": "Test"}
    state = provider.update(state, permissions=[])
    assert state["permissions"] == set()
    assert provider.data_source(name) == [state["security_profile_id"]]
    provider.delete(state)
    assert provider.read(state["id"]) is None
    with refuses("ResourceNotFoundException"):  # which the provider takes for done
        provider.delete(state)


def test_disappears(provider, centre):
    """Somebody else deletes it: the next read drops it from the state."""
    state = provider.create(fresh("tf"))
    assert state["permissions"] == set() and state["description"] is None
    centre.delete_security_profile(SecurityProfileId=state["security_profile_id"])
    assert provider.read(state["id"]) is None


def test_new_name_is_a_new_resource(provider):
    state = provider.create("Old name", "d", ["Users.View"])
    provider.delete(state)
    assert provider.create("New name", "d", ["Users.View"])["security_profile_id"] != state["security_profile_id"]


def test_many_permissions_in_pages(provider):
    names = permissions.names()
    state = provider.create(fresh("tf"), permissions=names)
    assert state["permissions"] == set(names) and len(names) > 300
