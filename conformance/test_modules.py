"""Flow modules: content, drafts, versions, aliases, and which modules are tools."""
import pytest

from expect import refuses

TOOL = {"Description": "Finds an order", "ExternalInvocationConfiguration": {"Enabled": True}}


def described(centre, id):
    return centre.describe_contact_flow_module(ContactFlowModuleId=id)["ContactFlowModule"]


def test_the_usual_recipe(centre):
    id = centre.module(**TOOL)
    made = centre.create_contact_flow_module_version(ContactFlowModuleId=id, Description="First")
    assert made["Version"] == 1 and made["ContactFlowModuleArn"] == described(centre, id)["Arn"]
    alias = centre.create_contact_flow_module_alias(ContactFlowModuleId=id, AliasName="live", ContactFlowModuleVersion=1)["Id"]
    assert centre.describe_contact_flow_module_alias(ContactFlowModuleId=id, AliasId=alias)["ContactFlowModuleAlias"]["Version"] == 1
    profile = centre.profile()
    centre.update_security_profile(SecurityProfileId=profile, AllowedFlowModules=[{"Type": "MCP", "FlowModuleId": id}])
    listed = centre.list_security_profile_flow_modules(SecurityProfileId=profile)["AllowedFlowModules"]
    assert listed == [{"Type": "MCP", "FlowModuleId": id}]


@pytest.mark.parametrize("lacks, members, version", [
    ("external invocation", {"Description": "Finds an order"}, True),
    ("description", {"ExternalInvocationConfiguration": {"Enabled": True}}, True),
    ("version", TOOL, False)])
def test_no_tool(centre, lacks, members, version):
    id = centre.module(**members)
    if version:
        centre.create_contact_flow_module_version(ContactFlowModuleId=id)
    with refuses("InvalidParameterException", "FlowModuleId is not valid", id, lacks):
        centre.create_security_profile(SecurityProfileName="tools", AllowedFlowModules=[{"Type": "MCP", "FlowModuleId": id}])


def test_everything_that_is_missing_is_named(centre):
    id = centre.module()
    for set_it in (lambda entry: centre.create_security_profile(SecurityProfileName="tools", AllowedFlowModules=entry),
                   lambda entry: centre.update_security_profile(SecurityProfileId=centre.profile(), AllowedFlowModules=entry)):
        with refuses("InvalidParameterException", "FlowModuleId is not valid: AllowedFlowModules[0].FlowModuleId must be the id of a flow "
                     f'module that allows external invocation and has a description and a version, got "{id}", which does not allow '
                     "external invocation, has no description, and has no version"):
            set_it([{"Type": "MCP", "FlowModuleId": id}])


def test_what_is_allowed_stays(centre):
    id, profile = centre.module(**TOOL), centre.profile()
    version = centre.create_contact_flow_module_version(ContactFlowModuleId=id)["Version"]
    entry = [{"Type": "MCP", "FlowModuleId": id}]
    centre.update_security_profile(SecurityProfileId=profile, AllowedFlowModules=entry)
    centre.delete_contact_flow_module_version(ContactFlowModuleId=id, ContactFlowModuleVersion=version)
    centre.update_security_profile(SecurityProfileId=profile, AllowedFlowModules=entry, Description="sent back whole")
    with refuses("InvalidParameterException", "FlowModuleId is not valid", id):
        centre.update_security_profile(SecurityProfileId=centre.profile(), AllowedFlowModules=entry)


def test_a_draft_is_not_published(centre):
    id = centre.module(Content='{"a":1}')
    centre.update_contact_flow_module_content(ContactFlowModuleId=id + ":$SAVED", Content='{"a":2}')
    assert described(centre, id)["Content"] == '{"a":1}'
    draft = described(centre, id + ":$SAVED")
    assert (draft["Content"], draft["Status"]) == ('{"a":2}', "SAVED")
    centre.update_contact_flow_module_content(ContactFlowModuleId=id, Content='{"a":3}')
    for ref in (id, id + ":$SAVED"):
        assert (described(centre, ref)["Content"], described(centre, ref)["Status"]) == ('{"a":3}', "PUBLISHED")


def test_versions_never_change(centre):
    id = centre.module(Content='{"a":1}')
    centre.create_contact_flow_module_version(ContactFlowModuleId=id, Description="First")
    centre.update_contact_flow_module_content(ContactFlowModuleId=id, Content='{"a":2}')
    sha = described(centre, id)["FlowModuleContentSha256"]
    assert centre.create_contact_flow_module_version(ContactFlowModuleId=id, FlowModuleContentSha256=sha)["Version"] == 2
    first = described(centre, id + ":1")
    assert (first["Content"], first["Version"], first["VersionDescription"]) == ('{"a":1}', 1, "First")
    assert described(centre, id)["Content"] == described(centre, id + ":2")["Content"] == '{"a":2}'
    assert described(centre, described(centre, id)["Arn"] + ":1")["Content"] == '{"a":1}'
    alias = centre.create_contact_flow_module_alias(ContactFlowModuleId=id, AliasName="live", ContactFlowModuleVersion=1)["Id"]
    assert described(centre, id + ":live")["Version"] == 1
    with refuses("InvalidRequestException", "in use"):
        centre.delete_contact_flow_module_version(ContactFlowModuleId=id, ContactFlowModuleVersion=1)
    centre.update_contact_flow_module_alias(ContactFlowModuleId=id, AliasId=alias, ContactFlowModuleVersion=2)
    assert described(centre, id + ":live")["Version"] == 2
    centre.delete_contact_flow_module_version(ContactFlowModuleId=id, ContactFlowModuleVersion=1)
    assert [v["Version"] for v in centre.list_contact_flow_module_versions(ContactFlowModuleId=id)[
        "ContactFlowModuleVersionSummaryList"]] == [2]
    assert centre.create_contact_flow_module_version(ContactFlowModuleId=id)["Version"] == 3
    with refuses("InvalidParameterException", "FlowModuleContentSha256"):
        centre.create_contact_flow_module_version(ContactFlowModuleId=id, FlowModuleContentSha256="0" * 64)


def test_numbers_are_listed_in_their_order(centre):
    id = centre.module()
    for _ in range(12):
        centre.create_contact_flow_module_version(ContactFlowModuleId=id)
    seen, token = [], {}
    while True:
        page = centre.list_contact_flow_module_versions(ContactFlowModuleId=id, MaxResults=5, **token)
        seen += [v["Version"] for v in page["ContactFlowModuleVersionSummaryList"]]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert seen == list(range(1, 13))


def test_what_does_not_exist(centre):
    id, other = centre.tool(), centre.tool()
    alias = centre.list_contact_flow_module_aliases(ContactFlowModuleId=other)["ContactFlowModuleAliasSummaryList"][0]["AliasId"]
    for call in (
        lambda: centre.describe_contact_flow_module_alias(ContactFlowModuleId=id, AliasId=alias),
        lambda: centre.delete_contact_flow_module_alias(ContactFlowModuleId=id, AliasId=alias),
        lambda: centre.update_contact_flow_module_alias(ContactFlowModuleId=id, AliasId=alias, Name="x"),
        lambda: centre.create_contact_flow_module_alias(ContactFlowModuleId=id, AliasName="x", ContactFlowModuleVersion=7),
        lambda: centre.delete_contact_flow_module_version(ContactFlowModuleId=id, ContactFlowModuleVersion=7),
        lambda: described(centre, id + ":7"),
        lambda: described(centre, id + ":nobody"),
    ):
        with refuses("ResourceNotFoundException"):
            call()


def test_archived(centre):
    id = centre.module()
    centre.update_contact_flow_module_metadata(ContactFlowModuleId=id, State="ARCHIVED")
    ids = lambda state: [m["Id"] for m in centre.list_contact_flow_modules(ContactFlowModuleState=state)["ContactFlowModulesSummaryList"]]
    assert id in ids("ARCHIVED") and id not in ids("ACTIVE")
    found = centre.search_contact_flow_modules(SearchCriteria={"StateCondition": "ARCHIVED"})
    assert id in [m["Id"] for m in found["ContactFlowModules"]] and described(centre, id)["State"] == "ARCHIVED"


def test_names_are_unique(centre):
    name = described(centre, centre.module())["Name"]
    with refuses("DuplicateResourceException", name):
        centre.update_contact_flow_module_metadata(ContactFlowModuleId=centre.module(), Name=name)
    id = centre.tool()
    with refuses("DuplicateResourceException", "live"):
        centre.create_contact_flow_module_alias(ContactFlowModuleId=id, AliasName="live", ContactFlowModuleVersion=1)
    with refuses("InvalidParameterException", "$SAVED"):
        centre.create_contact_flow_module_alias(ContactFlowModuleId=id, AliasName="$SAVED", ContactFlowModuleVersion=1)
    alias = centre.list_contact_flow_module_aliases(ContactFlowModuleId=id)["ContactFlowModuleAliasSummaryList"][0]["AliasId"]
    for name in ("$LATEST", "a b", "a" * 101):
        with refuses("InvalidParameterException", "Name", name[:10]):
            centre.update_contact_flow_module_alias(ContactFlowModuleId=id, AliasId=alias, Name=name)


def test_versions_and_aliases_go_with_their_module(centre):
    id = centre.tool()
    centre.delete_contact_flow_module(ContactFlowModuleId=id)
    for call in (centre.list_contact_flow_module_versions, centre.list_contact_flow_module_aliases):
        with refuses("ResourceNotFoundException", id):
            call(ContactFlowModuleId=id)
