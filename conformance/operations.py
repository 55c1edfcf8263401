"""The operations of the service model, how the server says it answers them, and one valid request for each."""
import json
import pathlib

import check
from centre import Centre, agent_arn, app_arn, fresh

FLOW = json.dumps({"Version": "2019-10-30", "StartAction": "end", "Actions": [
    {"Identifier": "end", "Type": "DisconnectParticipant", "Parameters": {}, "Transitions": {}}]})
PUBLIC_KEY = ("-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n"
              "-----END PUBLIC KEY-----\n")
SERVED, EMPTY, NOT_SERVED = "served", "empty", "not served"


def table():
    """Operation name to how it is answered."""
    rows = dict.fromkeys(check.MODEL.operation_names, NOT_SERVED)
    for line in (pathlib.Path(__file__).parent.parent / "internal/awsapi/model/operations.txt").read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            name, how = line.split()
            rows[name] = how
    return rows


def named(how):
    return sorted(name for name, h in table().items() if h == how)


class Requests:
    """A valid request for every served operation, with no more than it requires. Requests that create something
    have a new name each time; requests that delete something create it first."""

    def __init__(self, connect):
        self.connect = connect
        c = self.centre = Centre(connect, managed=True)
        self.groups = c.chain()
        self.hours, self.queue, self.module = c.hours(), c.queue(), c.tool()
        self.alias = c.list_contact_flow_module_aliases(ContactFlowModuleId=self.module)["ContactFlowModuleAliasSummaryList"][0]["AliasId"]
        self.routing = c.routing(QueueConfigs=[self.queue_config()])
        self.busy = c.routing(QueueConfigs=[self.queue_config(channel) for channel in ("VOICE", "CHAT", "TASK", "EMAIL")])
        self.table = c.data_table()
        c.attribute(self.table, "Region")
        self.columns = c.data_table()
        c.attribute(self.columns)
        self.flow, self.address = c.flow(), c.email_address()
        c.create_predefined_attribute(Name="Colour", Values={"StringList": ["Red"]})
        self.quick = c.quick_connect(QuickConnectConfig=self.quick_connect_config())
        self.profile, self.other = c.profile(Permissions=["Users.View"]), c.profile()
        self.user = c.user([self.profile], HierarchyGroupId=self.groups[0])
        self.agent = agent_arn()

    def queue_config(self, channel="VOICE"):
        return {"QueueReference": {"QueueId": self.queue, "Channel": channel}, "Priority": 1, "Delay": 0}

    def quick_connect_config(self):
        return {"QuickConnectType": "FLOW", "FlowConfig": {"ContactFlowId": self.flow}}

    def flow_requests(self, instance):
        """What flows are, and what has to do with them."""
        c, sms = self.centre, "arn:aws:sms-voice:us-east-1:123456789012:phone-number/" + fresh("phone")
        words = {"LanguageCode": "en-US", "Content": "Phrase\tDisplayAs\nLos-Angeles\tLos Angeles"}
        make = lambda: {"Name": fresh("f"), "Type": "CONTACT_FLOW", "Content": FLOW}
        flow = lambda: instance | {"ContactFlowId": c.create_contact_flow(**make())["ContactFlowId"]}
        prompt = lambda: instance | {"PromptId": c.create_prompt(Name=fresh("p"), S3Uri="s3://bucket/a.wav")["PromptId"]}
        vocabulary = lambda: instance | {"VocabularyId": c.create_vocabulary(VocabularyName=fresh("v"), **words)["VocabularyId"]}
        new_view = lambda: {"Name": fresh("v"), "Status": "PUBLISHED", "Content": {"Template": "{}"}}
        view = lambda: instance | {"ViewId": c.create_view(**new_view())["View"]["Id"]}
        available = lambda: self.connect.search_available_phone_numbers(
            InstanceId=c.id, PhoneNumberCountryCode="US", PhoneNumberType="DID", MaxResults=1)["AvailableNumbersList"][0]["PhoneNumber"]

        def number():
            """The only number of the centre, which has room for ten."""
            have = c.list_phone_numbers()["PhoneNumberSummaryList"]
            return {"PhoneNumberId": have[0]["Id"] if have else c.claim_phone_number(PhoneNumber=available())["PhoneNumberId"]}

        def version(of, alias=False):
            c.create_contact_flow_version(ContactFlowId=of["ContactFlowId"])
            if alias:
                made = c.create_contact_flow_alias(ContactFlowId=of["ContactFlowId"], AliasName="live", ContactFlowVersion=1)
                return of | {"AliasId": made["Id"]}
            return of | {"ContactFlowVersion": 1}

        def view_version(of):
            c.create_view_version(ViewId=of["ViewId"])
            return of | {"ViewVersion": 1}

        def associated(of):
            c.associate_flow(ResourceId=sms, ResourceType="SMS_PHONE_NUMBER", FlowId=of["ContactFlowId"])
            return instance | {"ResourceId": sms, "ResourceType": "SMS_PHONE_NUMBER"}

        return {
            "CreateContactFlow": lambda: instance | make(),
            "DescribeContactFlow": flow, "ListContactFlows": lambda: instance, "SearchContactFlows": lambda: instance,
            "UpdateContactFlowMetadata": flow, "UpdateContactFlowName": lambda: flow() | {"Name": fresh("f")},
            "UpdateContactFlowContent": lambda: flow() | {"Content": FLOW},
            "DeleteContactFlow": flow, "CreateContactFlowVersion": flow, "ListContactFlowVersions": flow,
            "DeleteContactFlowVersion": lambda: version(flow()),
            "CreateContactFlowAlias": lambda: version(flow()) | {"AliasName": "live"},
            "DescribeContactFlowAlias": lambda: version(flow(), alias=True), "ListContactFlowAliases": flow,
            "UpdateContactFlowAlias": lambda: version(flow(), alias=True),
            "DeleteContactFlowAlias": lambda: version(flow(), alias=True),
            "AssociateFlow": lambda: associated(flow()) | {"FlowId": flow()["ContactFlowId"]},
            "DisassociateFlow": lambda: associated(flow()), "GetFlowAssociation": lambda: associated(flow()),
            "ListFlowAssociations": lambda: instance, "BatchGetFlowAssociation": lambda: instance | {"ResourceIds": [sms]},
            "CreatePrompt": lambda: instance | {"Name": fresh("p"), "S3Uri": "s3://bucket/a.wav"},
            "DescribePrompt": prompt, "ListPrompts": lambda: instance, "SearchPrompts": lambda: instance, "UpdatePrompt": prompt,
            "DeletePrompt": prompt,
            "SearchAvailablePhoneNumbers": lambda: instance | {"PhoneNumberCountryCode": "DE", "PhoneNumberType": "DID"},
            "ClaimPhoneNumber": lambda: {"TargetArn": Centre(self.connect).instance_arn, "PhoneNumber": available()},
            "ImportPhoneNumber": lambda: {"InstanceId": Centre(self.connect).id, "SourcePhoneNumberArn": sms},
            "DescribePhoneNumber": number, "ListPhoneNumbers": lambda: instance, "ListPhoneNumbersV2": lambda: {},
            "UpdatePhoneNumber": lambda: number() | {"TargetArn": c.instance_arn}, "UpdatePhoneNumberMetadata": number,
            "AssociatePhoneNumberContactFlow": lambda: number() | flow(),
            "DisassociatePhoneNumberContactFlow": lambda: number() | instance, "ReleasePhoneNumber": number,
            "CreateView": lambda: instance | new_view(), "DescribeView": view, "ListViews": lambda: instance,
            "SearchViews": lambda: instance, "UpdateViewContent": lambda: view() | {"Status": "SAVED", "Content": {}},
            "UpdateViewMetadata": view, "DeleteView": view, "CreateViewVersion": view, "ListViewVersions": view,
            "DeleteViewVersion": lambda: view_version(view()),
            "CreateVocabulary": lambda: instance | {"VocabularyName": fresh("v"), **words}, "DescribeVocabulary": vocabulary,
            "SearchVocabularies": lambda: instance, "DeleteVocabulary": vocabulary,
            "AssociateDefaultVocabulary": lambda: instance | {"LanguageCode": "en-US"},
            "ListDefaultVocabularies": lambda: instance,
        }

    def form_requests(self, instance):
        """Task templates, evaluation forms, rules and workspaces."""
        c = self.centre
        task = {"ContactFlowId": self.flow, "Fields": [{"Id": {"Name": "a"}, "Type": "NAME"}],
                "Constraints": {"RequiredFields": [{"Id": {"Name": "a"}}]}}
        template = lambda: instance | {"TaskTemplateId": c.create_task_template(Name=fresh("t"), **task)["Id"]}
        items = [{"Section": {"Title": "s", "RefId": "s", "Items": [
            {"Question": {"Title": "q", "RefId": "q", "QuestionType": "TEXT"}}]}}]
        form = lambda: instance | {
            "EvaluationFormId": c.create_evaluation_form(Title=fresh("f"), Items=items)["EvaluationFormId"]}
        version = lambda: form() | {"EvaluationFormVersion": 1}
        acts = {"Function": "{}", "PublishStatus": "DRAFT", "Actions": [{"ActionType": "ASSIGN_CONTACT_CATEGORY"}]}
        make = lambda: acts | {"Name": fresh("r"), "TriggerEventSource": {"EventSourceName": "OnPostCallAnalysisAvailable"}}
        rule = lambda: instance | {"RuleId": c.create_rule(**make())["RuleId"]}
        workspace = lambda: instance | {"WorkspaceId": c.create_workspace(Name=fresh("w"))["WorkspaceId"]}
        home = {"Page": "HOME", "ResourceArn": "arn:aws:connect:us-east-1:aws:view/form:1"}
        to = {"ResourceArns": [c.arn("routing-profile", self.routing)]}

        def active():
            made = version()
            self.connect.activate_evaluation_form(**made)
            return made

        def named():
            made = make()
            return instance | acts | {"RuleId": c.create_rule(**made)["RuleId"], "Name": made["Name"]}

        def paged():
            made = workspace()
            self.connect.create_workspace_page(**made, **home)
            return made | {"Page": "HOME"}

        return {
            "CreateTaskTemplate": lambda: instance | task | {"Name": fresh("t")}, "GetTaskTemplate": template,
            "ListTaskTemplates": lambda: instance, "UpdateTaskTemplate": lambda: template() | task | {"Status": "ACTIVE"},
            "DeleteTaskTemplate": template,
            "CreateEvaluationForm": lambda: instance | {"Title": fresh("f"), "Items": items}, "DescribeEvaluationForm": form,
            "ListEvaluationForms": lambda: instance, "SearchEvaluationForms": lambda: instance,
            "ListEvaluationFormVersions": form,
            "UpdateEvaluationForm": lambda: version() | {"Title": fresh("f"), "Items": items},
            "ActivateEvaluationForm": version, "DeactivateEvaluationForm": active, "DeleteEvaluationForm": form,
            "CreateRule": lambda: instance | make(), "DescribeRule": rule, "ListRules": lambda: instance,
            "SearchRules": lambda: instance, "UpdateRule": named, "DeleteRule": rule,
            "CreateWorkspace": lambda: instance | {"Name": fresh("w")}, "DescribeWorkspace": workspace,
            "ListWorkspaces": lambda: instance, "SearchWorkspaces": lambda: instance, "UpdateWorkspaceMetadata": workspace,
            "UpdateWorkspaceTheme": workspace, "UpdateWorkspaceVisibility": lambda: workspace() | {"Visibility": "ALL"},
            "DeleteWorkspace": workspace, "CreateWorkspacePage": lambda: workspace() | home, "ListWorkspacePages": workspace,
            "UpdateWorkspacePage": paged, "DeleteWorkspacePage": paged, "AssociateWorkspace": lambda: workspace() | to,
            "DisassociateWorkspace": lambda: workspace() | to, "SearchWorkspaceAssociations": lambda: instance,
        }

    def connection_requests(self, instance):
        """What an instance is connected with. What may be there once or a few times is on a centre of its own."""
        new = lambda: {"InstanceId": Centre(self.connect).id}
        storage = {"ResourceType": "CALL_RECORDINGS",
                   "StorageConfig": {"StorageType": "S3", "S3Config": {"BucketName": "b", "BucketPrefix": "p"}}}
        lex = {"Name": "Orders", "LexRegion": "us-east-1"}
        integrate = lambda: {"IntegrationType": "WISDOM_ASSISTANT",
                             "IntegrationArn": "arn:aws:wisdom:us-east-1:123456789012:assistant/" + fresh("a")}
        function = lambda: {"FunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:" + fresh("f")}
        origin = lambda: {"Origin": f"https://{fresh('o')}.example.com"}

        def after(operation, make, keep=lambda made: {}):
            """What was made in a new centre, by what names it."""
            def run():
                sent, of = make(), new()
                return of | keep(sent | getattr(self.connect, operation)(**of, **sent))
            return run

        of = lambda *names: lambda made: {name: made[name] for name in names}
        stored = lambda *more: after("associate_instance_storage_config", lambda: storage, of("AssociationId", "ResourceType", *more))
        integration = after("create_integration_association", integrate, of("IntegrationAssociationId"))
        group = after("create_traffic_distribution_group", lambda: {"Name": "Main"}, of("Id"))
        grouped = lambda: {"TrafficDistributionGroupId": group()["Id"]}
        distributed = lambda: {"Id": group()["Id"]}

        def used():
            made = integration()
            return made | {"UseCaseId": self.connect.create_use_case(**made, UseCaseType="RULES_EVALUATION")["UseCaseId"]}

        return {
            "AssociateInstanceStorageConfig": lambda: new() | storage, "DescribeInstanceStorageConfig": stored(),
            "ListInstanceStorageConfigs": lambda: instance | {"ResourceType": "CALL_RECORDINGS"},
            "UpdateInstanceStorageConfig": stored("StorageConfig"), "DisassociateInstanceStorageConfig": stored(),
            "AssociateApprovedOrigin": lambda: instance | origin(), "ListApprovedOrigins": lambda: instance,
            "DisassociateApprovedOrigin": after("associate_approved_origin", origin, of("Origin")),
            "AssociateSecurityKey": lambda: new() | {"Key": PUBLIC_KEY}, "ListSecurityKeys": lambda: instance,
            "DisassociateSecurityKey": after("associate_security_key", lambda: {"Key": PUBLIC_KEY}, of("AssociationId")),
            "AssociateLambdaFunction": lambda: instance | function(), "ListLambdaFunctions": lambda: instance,
            "DisassociateLambdaFunction": after("associate_lambda_function", function, of("FunctionArn")),
            "AssociateLexBot": lambda: new() | {"LexBot": lex}, "ListLexBots": lambda: instance,
            "DisassociateLexBot": lambda: after("associate_lex_bot", lambda: {"LexBot": lex})() | {
                "BotName": lex["Name"], "LexRegion": lex["LexRegion"]},
            "AssociateBot": lambda: new() | {"LexBot": lex}, "ListBots": lambda: instance | {"LexVersion": "V2"},
            "DisassociateBot": after("associate_bot", lambda: {"LexBot": lex}, of("LexBot")),
            "CreateIntegrationAssociation": lambda: instance | integrate(), "ListIntegrationAssociations": lambda: instance,
            "DeleteIntegrationAssociation": integration,
            "CreateUseCase": lambda: integration() | {"UseCaseType": "RULES_EVALUATION"}, "ListUseCases": integration,
            "DeleteUseCase": used,
            "CreateTrafficDistributionGroup": lambda: new() | {"Name": "Main"}, "DescribeTrafficDistributionGroup": grouped,
            "ListTrafficDistributionGroups": lambda: {}, "DeleteTrafficDistributionGroup": grouped,
            "GetTrafficDistribution": distributed, "UpdateTrafficDistribution": distributed,
        }

    def params(self, operation):
        c, instance = self.centre, {"InstanceId": self.centre.id}
        profile = instance | {"SecurityProfileId": self.profile}
        user = instance | {"UserId": self.user}
        module = instance | {"ContactFlowModuleId": self.module}
        table = instance | {"DataTableId": self.table}
        agent = instance | {"EntityType": "AI_AGENT"}
        queue, routing = instance | {"QueueId": self.queue}, instance | {"RoutingProfileId": self.routing}
        hours, quick = instance | {"HoursOfOperationId": self.hours}, instance | {"QuickConnectId": self.quick}
        make = {
            "CreateSecurityProfile": lambda: instance | {"SecurityProfileName": fresh("p")},
            "UpdateSecurityProfile": lambda: profile,
            "DescribeSecurityProfile": lambda: profile,
            "DeleteSecurityProfile": lambda: instance | {"SecurityProfileId": c.profile()},
            "ListSecurityProfiles": lambda: instance,
            "SearchSecurityProfiles": lambda: instance,
            "ListSecurityProfilePermissions": lambda: profile,
            "ListSecurityProfileApplications": lambda: profile,
            "ListSecurityProfileFlowModules": lambda: profile,
            "ListSecurityProfileAIAgents": lambda: profile,
            "AssociateSecurityProfiles": lambda: agent | {"EntityArn": agent_arn(), "SecurityProfiles": [{"Id": self.profile}]},
            "DisassociateSecurityProfiles": lambda: agent | self.associated(),
            "ListEntitySecurityProfiles": lambda: agent | {"EntityArn": self.agent},
            "UpdateUserSecurityProfiles": lambda: user | {"SecurityProfileIds": [self.profile]},
            "TagResource": lambda: {"resourceArn": c.profile_arn(c.profile()), "tags": {"k": "v"}},
            "UntagResource": lambda: {"resourceArn": c.profile_arn(self.profile), "tagKeys": ["k"]},
            "ListTagsForResource": lambda: {"resourceArn": c.profile_arn(self.profile)},
            "CreateInstance": lambda: {"IdentityManagementType": "SAML", "InstanceAlias": fresh("i"),
                                       "InboundCallsEnabled": True, "OutboundCallsEnabled": False},
            "DescribeInstance": lambda: instance,
            "ListInstances": lambda: {},
            "DeleteInstance": lambda: {"InstanceId": Centre(self.connect).id},
            "DescribeInstanceAttribute": lambda: instance | {"AttributeType": "CONTACT_LENS"},
            "ListInstanceAttributes": lambda: instance,
            "UpdateInstanceAttribute": lambda: instance | {"AttributeType": "CONTACT_LENS", "Value": "true"},
            "CreateUser": lambda: instance | {"Username": fresh("u"), "Password": "Secret123", "SecurityProfileIds": [self.profile],
                                              "RoutingProfileId": self.routing},
            "DescribeUser": lambda: user,
            "ListUsers": lambda: instance,
            "SearchUsers": lambda: instance,
            "DeleteUser": lambda: instance | {"UserId": c.user([self.profile])},
            "UpdateUserHierarchy": lambda: user | {"HierarchyGroupId": self.groups[0]},
            "UpdateUserRoutingProfile": lambda: user | {"RoutingProfileId": self.routing},
            "UpdateUserIdentityInfo": lambda: user | {"IdentityInfo": {}},
            "UpdateUserPhoneConfig": lambda: user | {"PhoneConfig": {"PhoneType": "SOFT_PHONE"}},
            "UpdateUserConfig": lambda: user | {"AutoAcceptConfigs": []},
            "ListUserProficiencies": lambda: user,
            "AssociateUserProficiencies": lambda: user | {"UserProficiencies": []},
            "UpdateUserProficiencies": lambda: user | {"UserProficiencies": []},
            "DisassociateUserProficiencies": lambda: user | {"UserProficiencies": []},
            "CreateUserHierarchyGroup": lambda: instance | {"Name": fresh("g")},
            "DescribeUserHierarchyGroup": lambda: instance | {"HierarchyGroupId": self.groups[0]},
            "ListUserHierarchyGroups": lambda: instance,
            "SearchUserHierarchyGroups": lambda: instance,
            "DeleteUserHierarchyGroup": lambda: instance | {"HierarchyGroupId": c.group()},
            "UpdateUserHierarchyGroupName": lambda: instance | {"HierarchyGroupId": self.groups[4], "Name": fresh("g")},
            "DescribeUserHierarchyStructure": lambda: instance,
            "UpdateUserHierarchyStructure": lambda: instance | {"HierarchyStructure": {
                f"Level{n}": {"Name": fresh("level")} for n in ("One", "Two", "Three", "Four", "Five")}},
            "CreateQueue": lambda: instance | {"Name": fresh("q"), "HoursOfOperationId": self.hours},
            "DescribeQueue": lambda: instance | {"QueueId": self.queue},
            "ListQueues": lambda: instance,
            "SearchQueues": lambda: instance,
            "DeleteQueue": lambda: instance | {"QueueId": c.queue()},
            "UpdateQueueHoursOfOperation": lambda: queue | {"HoursOfOperationId": self.hours},
            "UpdateQueueMaxContacts": lambda: queue,
            "UpdateQueueName": lambda: queue | {"Name": fresh("q")},
            "UpdateQueueOutboundCallerConfig": lambda: queue | {"OutboundCallerConfig": {}},
            "UpdateQueueOutboundEmailConfig": lambda: queue | {"OutboundEmailConfig": {}},
            "UpdateQueueStatus": lambda: queue | {"Status": "DISABLED"},
            "AssociateQueueQuickConnects": lambda: queue | {"QuickConnectIds": [self.quick]},
            "DisassociateQueueQuickConnects": lambda: queue | {"QuickConnectIds": [self.quick]},
            "ListQueueQuickConnects": lambda: queue,
            "CreateRoutingProfile": lambda: instance | {
                "Name": fresh("r"), "Description": "d", "DefaultOutboundQueueId": self.queue,
                "MediaConcurrencies": [{"Channel": "VOICE", "Concurrency": 1}]},
            "DescribeRoutingProfile": lambda: instance | {"RoutingProfileId": self.routing},
            "ListRoutingProfiles": lambda: instance,
            "SearchRoutingProfiles": lambda: instance,
            "ListRoutingProfileQueues": lambda: instance | {"RoutingProfileId": self.routing},
            "UpdateRoutingProfileName": lambda: routing | {"Name": fresh("r")},
            "UpdateRoutingProfileDefaultOutboundQueue": lambda: routing | {"DefaultOutboundQueueId": self.queue},
            "UpdateRoutingProfileConcurrency": lambda: routing | {"MediaConcurrencies": [{"Channel": "VOICE", "Concurrency": 1}]},
            "UpdateRoutingProfileAgentAvailabilityTimer": lambda: routing | {"AgentAvailabilityTimer": "TIME_SINCE_LAST_INBOUND"},
            "UpdateRoutingProfileQueues": lambda: instance | {"RoutingProfileId": self.busy, "QueueConfigs": [self.queue_config()]},
            "AssociateRoutingProfileQueues": lambda: routing,
            "DisassociateRoutingProfileQueues": lambda: routing,
            "ListRoutingProfileManualAssignmentQueues": lambda: routing,
            "DeleteRoutingProfile": lambda: instance | {"RoutingProfileId": c.routing()},
            **self.flow_requests(instance),
            **self.form_requests(instance),
            **self.connection_requests(instance),
            "CreateHoursOfOperation": lambda: instance | {"Name": fresh("h"), "TimeZone": "Europe/Paris", "Config": []},
            "DescribeHoursOfOperation": lambda: instance | {"HoursOfOperationId": self.hours},
            "ListHoursOfOperations": lambda: instance,
            "SearchHoursOfOperations": lambda: instance,
            "DeleteHoursOfOperation": lambda: instance | {"HoursOfOperationId": c.hours()},
            "UpdateHoursOfOperation": lambda: hours,
            "ListChildHoursOfOperations": lambda: hours,
            "AssociateHoursOfOperations": lambda: instance | {"HoursOfOperationId": c.hours()} | {"ParentHoursOfOperationConfigs": []},
            "DisassociateHoursOfOperations": lambda: hours | {"ParentHoursOfOperationIds": [self.hours]},
            "CreateQuickConnect": lambda: instance | {"Name": fresh("c"), "QuickConnectConfig": self.quick_connect_config()},
            "DescribeQuickConnect": lambda: quick,
            "ListQuickConnects": lambda: instance,
            "SearchQuickConnects": lambda: instance,
            "DeleteQuickConnect": lambda: instance | {"QuickConnectId": c.quick_connect()},
            "UpdateQuickConnectName": lambda: quick | {"Name": fresh("c")},
            "UpdateQuickConnectConfig": lambda: quick | {"QuickConnectConfig": self.quick_connect_config()},
            "CreateContactFlowModule": lambda: instance | {"Name": fresh("m"), "Content": "{}"},
            "DescribeContactFlowModule": lambda: module,
            "ListContactFlowModules": lambda: instance,
            "SearchContactFlowModules": lambda: instance,
            "UpdateContactFlowModuleContent": lambda: module | {"Content": "{}"},
            "UpdateContactFlowModuleMetadata": lambda: module | {"Description": fresh("d")},
            "CreateContactFlowModuleVersion": lambda: instance | {"ContactFlowModuleId": c.module()},
            "ListContactFlowModuleVersions": lambda: module,
            "DeleteContactFlowModuleVersion": lambda: module | {
                "ContactFlowModuleVersion": c.create_contact_flow_module_version(ContactFlowModuleId=self.module)["Version"]},
            "CreateContactFlowModuleAlias": lambda: instance | {
                "ContactFlowModuleId": c.tool(), "AliasName": "next", "ContactFlowModuleVersion": 1},
            "DescribeContactFlowModuleAlias": lambda: module | {"AliasId": self.alias},
            "UpdateContactFlowModuleAlias": lambda: module | {"AliasId": self.alias, "Description": fresh("d")},
            "ListContactFlowModuleAliases": lambda: module,
            "DeleteContactFlowModuleAlias": lambda: module | {"AliasId": c.create_contact_flow_module_alias(
                ContactFlowModuleId=self.module, AliasName=fresh("alias"), ContactFlowModuleVersion=1)["Id"]},
            "DeleteContactFlowModule": lambda: instance | {"ContactFlowModuleId": c.module()},
            **self.states(instance, queue, hours),
            "CreateDataTable": lambda: instance | {
                "Name": fresh("t"), "TimeZone": "UTC", "ValueLockLevel": "NONE", "Status": "PUBLISHED"},
            "DescribeDataTable": lambda: table,
            "ListDataTables": lambda: instance,
            "SearchDataTables": lambda: instance,
            "UpdateDataTableMetadata": lambda: table | {"Name": fresh("t"), "TimeZone": "UTC", "ValueLockLevel": "NONE"},
            "DeleteDataTable": lambda: instance | {"DataTableId": c.data_table()},
            "CreateDataTableAttribute": lambda: instance | {"DataTableId": c.data_table(), "Name": fresh("a"), "ValueType": "TEXT_LIST"},
            "DescribeDataTableAttribute": lambda: table | {"AttributeName": "Region"},
            "ListDataTableAttributes": lambda: table,
            "UpdateDataTableAttribute": lambda: instance | {
                "DataTableId": self.columns, "AttributeName": self.column(), "Name": fresh("a"), "ValueType": "TEXT_LIST"},
            "DeleteDataTableAttribute": lambda: table | {"AttributeName": c.attribute(self.table)},
            "BatchCreateDataTableValue": lambda: table | {"Values": [{"AttributeName": c.attribute(self.table), "Value": "v"}]},
            "BatchUpdateDataTableValue": lambda: table | {"Values": [self.cell() | {"Value": "w"}]},
            "BatchDeleteDataTableValue": lambda: table | {"Values": [self.cell() | {"LockVersion": {}}]},
            "BatchDescribeDataTableValue": lambda: table | {"Values": [self.cell()]},
            "ListDataTableValues": lambda: table,
            "ListDataTablePrimaryValues": lambda: table,
            "EvaluateDataTableValues": lambda: table | {"Values": [{"AttributeNames": [self.cell()["AttributeName"]]}]},
            "UpdateDataTablePrimaryValues": self.keyed,
        }
        return make[operation]()

    def states(self, instance, queue, hours):
        """Requests about agent statuses, predefined attributes, overrides of hours, e-mail addresses and notifications."""
        c = self.centre
        attribute, address = instance | {"Name": "Colour"}, instance | {"EmailAddressId": self.address}
        status = lambda: instance | {"AgentStatusId": c.list_agent_statuses()["AgentStatusSummaryList"][0]["Id"]}
        profile = lambda: instance | {
            "AuthenticationProfileId": c.list_authentication_profiles()["AuthenticationProfileSummaryList"][0]["Id"]}
        day = {"EffectiveFrom": "2026-12-24", "EffectiveTill": "2026-12-24", "Config": []}
        override = lambda: hours | {"HoursOfOperationOverrideId": c.create_hours_of_operation_override(
            HoursOfOperationId=self.hours, Name=fresh("o"), **day)["HoursOfOperationOverrideId"]}
        message = {"Recipients": [c.instance_arn], "Content": {"en_US": "Hello"}}
        notification = lambda: instance | {"NotificationId": c.create_notification(**message)["NotificationId"]}

        def spare():
            name = fresh("attribute")
            c.create_predefined_attribute(Name=name)
            return instance | {"Name": name}

        def aliased():
            one, other = c.email_address(), c.email_address()
            alias = {"EmailAddressId": one, "AliasConfiguration": {"EmailAddressId": other}}
            c.associate_email_address_alias(**alias)
            return instance | alias

        return {
            "CreateAgentStatus": lambda: instance | {"Name": fresh("s"), "State": "ENABLED"},
            "DescribeAgentStatus": status,
            "ListAgentStatuses": lambda: instance,
            "SearchAgentStatuses": lambda: instance,
            "UpdateAgentStatus": status,
            "CreatePredefinedAttribute": lambda: instance | {"Name": fresh("a")},
            "DescribePredefinedAttribute": lambda: attribute,
            "ListPredefinedAttributes": lambda: instance,
            "SearchPredefinedAttributes": lambda: instance,
            "UpdatePredefinedAttribute": lambda: attribute,
            "DeletePredefinedAttribute": spare,
            "CreateHoursOfOperationOverride": lambda: hours | day | {"Name": fresh("o")},
            "DescribeHoursOfOperationOverride": override,
            "ListHoursOfOperationOverrides": lambda: hours,
            "SearchHoursOfOperationOverrides": lambda: instance,
            "UpdateHoursOfOperationOverride": override,
            "DeleteHoursOfOperationOverride": override,
            "GetEffectiveHoursOfOperations": lambda: hours | {"FromDate": "2026-12-24", "ToDate": "2026-12-26"},
            "CreateEmailAddress": lambda: instance | {"EmailAddress": fresh("mail") + "@example.com"},
            "DescribeEmailAddress": lambda: address,
            "SearchEmailAddresses": lambda: instance,
            "UpdateEmailAddressMetadata": lambda: address,
            "DeleteEmailAddress": lambda: instance | {"EmailAddressId": c.email_address()},
            "AssociateEmailAddressAlias": lambda: instance | {
                "EmailAddressId": c.email_address(), "AliasConfiguration": {"EmailAddressId": c.email_address()}},
            "DisassociateEmailAddressAlias": aliased,
            "AssociateQueueEmailAddresses": lambda: queue | {"EmailAddressesConfig": [{"EmailAddressId": self.address}]},
            "DisassociateQueueEmailAddresses": lambda: queue | {"EmailAddressesId": [self.address]},
            "ListQueueEmailAddresses": lambda: queue,
            "DescribeAuthenticationProfile": profile,
            "ListAuthenticationProfiles": lambda: instance,
            "UpdateAuthenticationProfile": profile,
            "CreateNotification": lambda: instance | message,
            "DescribeNotification": notification,
            "ListNotifications": lambda: instance,
            "SearchNotifications": lambda: instance,
            "UpdateNotificationContent": lambda: notification() | {"Content": {"en_US": "Bye"}},
            "DeleteNotification": notification,
        }

    def associated(self):
        arn = agent_arn()
        self.centre.associate_security_profiles(EntityType="AI_AGENT", EntityArn=arn, SecurityProfiles=[{"Id": self.profile}])
        return {"EntityArn": arn, "SecurityProfiles": [{"Id": self.profile}]}

    def column(self):
        """The name that the attribute of a data table has now."""
        return self.centre.list_data_table_attributes(DataTableId=self.columns)["Attributes"][0]["Name"]

    def cell(self):
        """A value of a data table, as identifiers name it."""
        name = self.centre.attribute(self.table)
        self.centre.batch_create_data_table_value(DataTableId=self.table, Values=[{"AttributeName": name, "Value": "v"}])
        return {"AttributeName": name}

    def keyed(self):
        """A row of a data table with a primary attribute, and primary values that no row has."""
        table = self.centre.data_table()
        key, name = self.centre.attribute(table, Primary=True), self.centre.attribute(table)
        old, new = ([{"AttributeName": key, "Value": value}] for value in ("old", "new"))
        self.centre.batch_create_data_table_value(DataTableId=table, Values=[{"PrimaryValues": old, "AttributeName": name, "Value": "v"}])
        return {"InstanceId": self.centre.id, "DataTableId": table, "PrimaryValues": old, "NewPrimaryValues": new, "LockVersion": {}}

    def samples(self, operation):
        """Values for shapes whose values must mean something; the model describes all others well enough.
        A function makes another value each time."""
        field = "Username" if operation == "SearchUsers" else "name"
        return {
            "Application": {"Namespace": "app", "ApplicationPermissions": ["ACCESS"], "Type": "THIRD_PARTY_APPLICATION"},
            "FlowModule": {"Type": "MCP", "FlowModuleId": self.module},
            "AIAgent": {"Arn": app_arn(), "Type": "THIRD_PARTY"},
            "PrimaryAttributeValue": lambda: {"AccessType": "ALLOW", "AttributeName": fresh("attribute"), "Values": ["v"]},
            "StringCondition": {"FieldName": field, "Value": "ab", "ComparisonType": "EXACT"},
            "HierarchyGroupCondition": {"Value": self.groups[0], "HierarchyGroupMatchType": "EXACT"},
            "TagCondition": {"TagKey": "k", "TagValue": "v"},
            "SecurityProfileItem": {"Id": self.profile},
            "ParentHoursOfOperationConfig": {"HoursOfOperationId": self.hours},
            "UserPhoneConfig": {"PhoneType": "SOFT_PHONE"},
            "RoutingProfileQueueConfig": self.queue_config(),
            "HierarchyRestrictedResourceName": "User",
            "QueueId": self.queue, "HoursOfOperationId": self.hours, "HierarchyGroupId": self.groups[0],
            "SecurityProfileId": self.profile, "RoutingProfileId": self.routing, "TimeZone": "UTC",
            "DataTableId": self.table, "FlowModuleId": self.module, "ARN": app_arn(), "QuickConnectId": self.quick, "QuickConnectConfig": self.quick_connect_config(),
        }
