"""Lists in pages: boto3's paginators, lists that change in the meantime, and forged tokens."""
import itertools
import json
import urllib.parse

import botocore
import pytest

import check
import operations
import permissions
from centre import Centre, agent_arn, app_arn, fresh
from expect import refuses
from server import ACCOUNT
from wire import Wire

N = 9


class Filled:
    """An instance in which every list has several pages of two."""

    def __init__(self, connect):
        c = self.centre = Centre(connect)
        self.groups = c.chain()
        for _ in range(N):
            c.group(), c.hours(), c.queue(), c.tool()
        self.queues = [q["Id"] for q in c.list_queues()["QueueSummaryList"]]
        self.routing = c.routing(QueueConfigs=[
            {"QueueReference": {"QueueId": q, "Channel": channel}, "Priority": 1, "Delay": 0}
            for q, channel in itertools.product(self.queues[:5], ("VOICE", "CHAT"))],
            ManualAssignmentQueueConfigs=[{"QueueReference": {"QueueId": q, "Channel": "TASK"}} for q in self.queues[:N]])
        self.hours, self.queue = c.hours(), self.queues[0]
        for _ in range(N):
            c.hours(ParentHoursOfOperationConfigs=[{"HoursOfOperationId": self.hours}])
        c.associate_queue_quick_connects(QueueId=self.queue, QuickConnectIds=[c.quick_connect() for _ in range(N)])
        for _ in range(N):
            c.routing()
        modules = [m["Id"] for m in c.list_contact_flow_modules()["ContactFlowModulesSummaryList"]]
        self.module = modules[0]
        for i in range(N):
            version = c.create_contact_flow_module_version(ContactFlowModuleId=self.module)["Version"]
            c.create_contact_flow_module_alias(ContactFlowModuleId=self.module, AliasName=f"alias{i}", ContactFlowModuleVersion=version)
        for _ in range(N):
            self.table = c.data_table()
        for _ in range(N):
            c.attribute(self.table)
        self.rows, key = c.data_table(), "Key"
        c.attribute(self.rows, key, Primary=True), c.attribute(self.rows, "Value")
        self.keys = [[{"AttributeName": key, "Value": f"k{i}"}] for i in range(N)]
        c.batch_create_data_table_value(DataTableId=self.rows, Values=[
            {"PrimaryValues": k, "AttributeName": "Value", "Value": "v"} for k in self.keys])
        self.permissions = permissions.names()[:20]
        self.profile = c.profile(
            Permissions=self.permissions, AllowedFlowModules=[{"Type": "MCP", "FlowModuleId": m} for m in modules[:N]],
            Applications=[{"Namespace": f"n{i}", "ApplicationPermissions": ["ACCESS"], "Type": "THIRD_PARTY_APPLICATION"} for i in range(N)],
            AllowedAIAgents=[{"Arn": app_arn(), "Type": "THIRD_PARTY"} for _ in range(N)])
        self.profiles = [c.profile() for _ in range(N)]
        self.agent = agent_arn()
        c.associate_security_profiles(EntityType="AI_AGENT", EntityArn=self.agent, SecurityProfiles=[{"Id": p} for p in self.profiles])
        for _ in range(N):
            self.user = c.user([self.profile])
        c.associate_user_proficiencies(UserId=self.user, UserProficiencies=[
            {"AttributeName": "Language", "AttributeValue": f"l{i}", "Level": 1} for i in range(N)])

        for i in range(N):
            c.flow()
            c.create_prompt(Name=f"prompt{i}", S3Uri=f"s3://bucket/{i}.wav")
            c.create_agent_status(Name=f"status{i}", State="ENABLED")
            c.create_predefined_attribute(Name=f"attribute{i}", Values={"StringList": ["a"]})
            c.associate_approved_origin(Origin=f"https://{i}.example.com")
            c.create_hours_of_operation_override(
                HoursOfOperationId=self.hours, Name=f"override{i}", EffectiveFrom=f"2026-12-1{i}", EffectiveTill=f"2026-12-1{i}",
                Config=[])

    def params(self, operation):
        instance = {"InstanceId": self.centre.id}
        extra = {"ListRoutingProfileQueues": {"RoutingProfileId": self.routing},
                 "ListRoutingProfileManualAssignmentQueues": {"RoutingProfileId": self.routing},
                 "ListChildHoursOfOperations": {"HoursOfOperationId": self.hours},
                 "ListHoursOfOperationOverrides": {"HoursOfOperationId": self.hours},
                 "ListDataTableAttributes": {"DataTableId": self.table},
                 "ListDataTableValues": {"DataTableId": self.rows}, "ListDataTablePrimaryValues": {"DataTableId": self.rows},
                 "EvaluateDataTableValues": {"DataTableId": self.rows, "Values": [
                     {"PrimaryValues": k, "AttributeNames": ["Value"]} for k in self.keys]},
                 "ListQueueQuickConnects": {"QueueId": self.queue}, "ListUserProficiencies": {"UserId": self.user},
                 "ListEntitySecurityProfiles": {"EntityType": "AI_AGENT", "EntityArn": self.agent}, "ListInstances": None}
        if operation.startswith("ListSecurityProfile") and operation != "ListSecurityProfiles":
            return instance | {"SecurityProfileId": self.profile}
        if operation.startswith("ListContactFlowModule") and operation != "ListContactFlowModules":
            return instance | {"ContactFlowModuleId": self.module}
        more = extra.get(operation, {})
        return {} if more is None else instance | more


# Lists and searches of documents are paged by three functions, for lists, parts and searches: flows, prompts, agent
# statuses, predefined attributes, approved origins and overrides of hours stand for these.
OTHER_DOCUMENTS = """
    ListAuthenticationProfiles ListBots ListContactFlowAliases ListContactFlowVersions ListDefaultVocabularies
    ListEvaluationFormVersions ListEvaluationForms ListFlowAssociations ListInstanceStorageConfigs ListIntegrationAssociations
    ListLambdaFunctions ListLexBots ListNotifications ListPhoneNumbers ListPhoneNumbersV2 ListQueueEmailAddresses ListRules
    ListSecurityKeys ListTaskTemplates ListTrafficDistributionGroups ListUseCases ListViewVersions ListViews ListWorkspacePages
    ListWorkspaces SearchAvailablePhoneNumbers SearchEmailAddresses SearchEvaluationForms SearchNotifications SearchRules
    SearchViews SearchVocabularies SearchWorkspaceAssociations SearchWorkspaces""".split()


def paged():
    """Every served operation with a NextToken, but for OTHER_DOCUMENTS."""
    for name in operations.named(operations.SERVED):
        if name in OTHER_DOCUMENTS:
            continue
        shape = check.MODEL.operation_model(name).output_shape
        if shape is not None and "NextToken" in shape.members:
            items = [m for m, s in shape.members.items() if s.type_name == "list"]
            assert len(items) == 1, name
            yield name, items[0]


PAGED = list(paged())


@pytest.fixture(scope="module")
def filled(connect):
    for _ in range(6):
        Centre(connect)  # for ListInstances
    return Filled(connect)


def method(connect, operation):
    return getattr(connect, botocore.xform_name(operation))


def key(item):
    return item if isinstance(item, str) else repr(sorted((k, repr(v)) for k, v in item.items()))


# The SDK has a paginator for every other operation.
PAGINATED = [(name, items) for name, items in PAGED if name != "EvaluateDataTableValues"]


@pytest.mark.parametrize("operation, items", PAGINATED, ids=[n for n, _ in PAGINATED])
def test_paginator(filled, connect, operation, items):
    """Pages of any size hold together what one page holds, once each and in the same order."""
    params = filled.params(operation)
    assert connect.can_paginate(botocore.xform_name(operation)), operation
    paginator = connect.get_paginator(botocore.xform_name(operation))
    if operation == "ListInstances":
        whole = [x for page in paginator.paginate(PaginationConfig={"PageSize": 10}) for x in page[items]]
        whole = whole[-5:]
        sizes = (7,)
    else:
        answer = method(connect, operation)(**params)
        assert "NextToken" not in answer
        whole, sizes = answer[items], (1, 2, 5)
    assert len(whole) >= 5
    for size in sizes:
        pages = list(paginator.paginate(**params, PaginationConfig={"PageSize": size}))
        assert all(len(page[items]) == size for page in pages[:-1]) and pages[-1][items]
        assert all("NextToken" in page for page in pages[:-1]) and "NextToken" not in pages[-1]
        got = [key(x) for page in pages for x in page[items]]
        assert len(set(got)) == len(got)
        assert got[-len(whole):] == [key(x) for x in whole]
        if "ApproximateTotalCount" in pages[0]:
            assert {page["ApproximateTotalCount"] for page in pages} == {len(whole)}


@pytest.mark.parametrize("operation, items", PAGED, ids=[n for n, _ in PAGED])
def test_tokens(filled, connect, wire, operation, items):
    """A token is valid only for its list, and only unchanged."""
    params = filled.params(operation)
    call = method(connect, operation)
    token = call(**params, MaxResults=1)["NextToken"]
    assert call(**params, MaxResults=2, NextToken=token)[items]  # with another page size
    assert call(**params, MaxResults=2, NextToken=token)[items]  # again
    declared = [e.name for e in check.MODEL.operation_model(operation).error_shapes]
    code = "InvalidParameterException" if "InvalidParameterException" in declared else "InvalidRequestException"
    changed = [token[:-1], token[1:], token + "A", token + "=", token.swapcase(), "A" * len(token), "x", "%00", "é",
               token[:10] + ("A" if token[10] != "A" else "B") + token[11:], token[: len(token) // 2]]
    for forged in changed:
        with refuses(code, "NextToken"):
            call(**params, NextToken=forged)
    if operation != "ListInstances":
        with refuses(code, "NextToken"):  # of another instance
            other = Filled.params(type("", (), vars(filled) | {"centre": Centre(connect)}), operation)
            call(**other, NextToken=token)
    for another, _ in PAGED:
        if another != operation:
            answer = wire.operation(another, filled.params(another) | {"NextToken": token})
            assert answer.status == 400 and "NextToken" in answer.message, (another, answer)


def test_token_of_other_criteria(filled):
    c = filled.centre
    criteria = {"StringCondition": {"FieldName": "name", "Value": "pro", "ComparisonType": "STARTS_WITH"}}
    token = c.search_security_profiles(SearchCriteria=criteria, MaxResults=1)["NextToken"]
    c.search_security_profiles(SearchCriteria=criteria, MaxResults=1, NextToken=token)
    for other in ({}, {"SearchCriteria": {"StringCondition": criteria["StringCondition"] | {"Value": "pr"}}},
                  {"SearchCriteria": criteria, "SearchFilter": {"TagFilter": {"TagCondition": {"TagKey": "a", "TagValue": "b"}}}}):
        with refuses("InvalidParameterException", "NextToken"):
            c.search_security_profiles(**other, NextToken=token)


def test_token_of_another_profile_or_entity(filled):
    c = filled.centre
    token = c.list_security_profile_permissions(SecurityProfileId=filled.profile, MaxResults=1)["NextToken"]
    with refuses("InvalidParameterException", "NextToken"):
        c.list_security_profile_permissions(SecurityProfileId=filled.profiles[0], NextToken=token)
    by_arn = c.list_security_profile_permissions(SecurityProfileId=c.profile_arn(filled.profile), NextToken=token, MaxResults=1)
    assert by_arn["Permissions"] == sorted(filled.permissions)[1:2]  # the same list, spelt otherwise
    token = c.list_entity_security_profiles(EntityType="AI_AGENT", EntityArn=filled.agent, MaxResults=1)["NextToken"]
    with refuses("InvalidParameterException", "NextToken"):
        c.list_entity_security_profiles(EntityType="AI_AGENT", EntityArn=filled.agent + ":1", NextToken=token)


def test_token_of_another_account(filled, server):
    made = json.loads(server.run("key", "create", "--account", "999999999999", "--output", "json"))
    stranger = Wire(server, made["AccessKeyId"], made["SecretAccessKey"])
    token = filled.centre.connect.list_instances(MaxResults=1)["NextToken"]
    answer = stranger.call("GET", "/instance?nextToken=" + urllib.parse.quote(token), operation="ListInstances")
    assert answer.code == "InvalidRequestException"
    assert stranger.call("GET", "/instance", operation="ListInstances").json["InstanceSummaryList"] == []
    answer = stranger.call("GET", f"/security-profiles-summary/{filled.centre.id}", operation="ListSecurityProfiles")
    assert answer.code == "ResourceNotFoundException" and ACCOUNT not in answer.message


def test_empty_token_starts_again(filled, wire):
    answer = wire.operation("ListSecurityProfiles", {"InstanceId": filled.centre.id, "NextToken": ""})
    assert len(answer.json["SecurityProfileSummaryList"]) == 4 + 1 + N


LISTS = {  # what makes an item, what removes it, and the lists it is in
    "profile": (Centre.profile, lambda c, id: c.delete_security_profile(SecurityProfileId=id),
                ["ListSecurityProfiles", "SearchSecurityProfiles"]),
    "queue": (Centre.queue, lambda c, id: c.delete_queue(QueueId=id), ["ListQueues", "SearchQueues"]),
    "routing": (Centre.routing, lambda c, id: c.delete_routing_profile(RoutingProfileId=id), ["ListRoutingProfiles", "SearchRoutingProfiles"]),
    "hours": (Centre.hours, lambda c, id: c.delete_hours_of_operation(HoursOfOperationId=id), ["ListHoursOfOperations", "SearchHoursOfOperations"]),
    "module": (Centre.module, lambda c, id: c.delete_contact_flow_module(ContactFlowModuleId=id), ["ListContactFlowModules", "SearchContactFlowModules"]),
    "group": (Centre.group, lambda c, id: c.delete_user_hierarchy_group(HierarchyGroupId=id), ["ListUserHierarchyGroups", "SearchUserHierarchyGroups"]),
    "user": (Centre.user, lambda c, id: c.delete_user(UserId=id), ["ListUsers", "SearchUsers"]),
}


@pytest.mark.parametrize("kind", LISTS)
def test_changes_between_pages(connect, kind):
    """Items come and go between pages; what exists throughout is listed exactly once."""
    make, remove, lists = LISTS[kind]
    for operation in lists:
        c = Centre(connect)
        c.levels(1)
        made = [make(c) for _ in range(12)]
        doomed, stays = made[1::3], set(made) - set(made[1::3])
        items = next(i for n, i in PAGED if n == operation)
        seen = []
        for page in connect.get_paginator(botocore.xform_name(operation)).paginate(InstanceId=c.id, PaginationConfig={"PageSize": 2}):
            seen += [x.get("Id") or next(v for k, v in x.items() if k in ("QueueId", "RoutingProfileId", "HoursOfOperationId")) for x in page[items]]
            if doomed:
                remove(c, doomed.pop())
            if len(seen) < 8:
                make(c)
        assert len(seen) == len(set(seen)), operation
        assert stays <= set(seen), operation


def test_permissions_change_between_pages(filled):
    c = filled.centre
    id = c.profile(Permissions=filled.permissions)
    first = c.list_security_profile_permissions(SecurityProfileId=id, MaxResults=5)
    kept = filled.permissions[3:4] + filled.permissions[10:]
    c.update_security_profile(SecurityProfileId=id, Permissions=kept + ["AccessMetrics", "Wisdom.View"])
    rest = c.list_security_profile_permissions(SecurityProfileId=id, NextToken=first["NextToken"])["Permissions"]
    assert set(kept) <= set(first["Permissions"] + rest)
    assert not set(first["Permissions"]) & set(rest)


def test_default_page_is_a_hundred(connect):
    c = Centre(connect)
    for _ in range(100):
        c.profile(SecurityProfileName=fresh("many"))
    answer = c.list_security_profiles()
    assert len(answer["SecurityProfileSummaryList"]) == 100
    assert len(c.list_security_profiles(NextToken=answer["NextToken"])["SecurityProfileSummaryList"]) == 4
    assert len(c.list_security_profiles(MaxResults=1000)["SecurityProfileSummaryList"]) == 104


def test_queue_types_and_module_states(filled):
    c = filled.centre
    assert len(c.list_queues(QueueTypes=["STANDARD"])["QueueSummaryList"]) == N + 1
    assert c.list_queues(QueueTypes=["AGENT"])["QueueSummaryList"] == []
    assert len(c.list_queues(QueueTypes=["AGENT", "STANDARD"])["QueueSummaryList"]) == N + 1
    assert len(c.list_contact_flow_modules(ContactFlowModuleState="ACTIVE")["ContactFlowModulesSummaryList"]) == N
    assert c.list_contact_flow_modules(ContactFlowModuleState="ARCHIVED")["ContactFlowModulesSummaryList"] == []
