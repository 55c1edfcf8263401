"""Helpers that create things in an instance, for tests that are about something else."""
import itertools
import json
import uuid

from server import ACCOUNT, REGION

LEVELS = ("LevelOne", "LevelTwo", "LevelThree", "LevelFour", "LevelFive")
MISSING = "00000000-0000-4000-8000-000000000000"
_count = itertools.count(1)


def fresh(word="x"):
    """A name that is unique in this run."""
    return f"{word}-{next(_count)}-{uuid.uuid4().hex[:6]}"


def agent_arn(qualifier=""):
    return f"arn:aws:wisdom:{REGION}:{ACCOUNT}:ai-agent/{uuid.uuid4()}/{uuid.uuid4()}{qualifier}"


def app_arn():
    return f"arn:aws:app-integrations:{REGION}:{ACCOUNT}:application/{uuid.uuid4()}"


def granular(**values):
    """A data-table configuration: attribute name to values."""
    return {"DataTableAccessControlConfiguration": {"PrimaryAttributeAccessControlConfiguration": {"PrimaryAttributeValues": [
        {"AccessType": "ALLOW", "AttributeName": name, "Values": list(v)} for name, v in values.items()]}}}


SAYS_NOTHING = json.dumps({"Version": "2019-10-30", "StartAction": "end", "Actions": [
    {"Identifier": "end", "Type": "DisconnectParticipant", "Parameters": {}, "Transitions": {}}]})


class Centre:
    """One instance."""

    def __init__(self, connect, managed=False, **kw):
        self.connect = connect
        made = connect.create_instance(**{
            "IdentityManagementType": "CONNECT_MANAGED" if managed else "SAML", "InstanceAlias": fresh("centre"),
            "InboundCallsEnabled": True, "OutboundCallsEnabled": True, **kw})
        self.managed, self.id, self.instance_arn = managed, made["Id"], made["Arn"]

    def __getattr__(self, name):
        """Any operation of the client, on this instance."""
        method = getattr(self.connect, name)
        return lambda **kw: method(InstanceId=self.id, **kw)

    def arn(self, kind, id):
        return f"{self.instance_arn}/{kind}/{id}"

    def profile(self, **kw):
        return self.create_security_profile(**{"SecurityProfileName": fresh("profile"), **kw})["SecurityProfileId"]

    def profile_arn(self, id):
        return self.arn("security-profile", id)

    def basic(self, operation, members, name):
        return next(x["Id"] for x in getattr(self, operation)()[members] if x["Name"] == name)

    @property
    def basic_hours(self):
        return self.basic("list_hours_of_operations", "HoursOfOperationSummaryList", "Basic Hours")

    @property
    def basic_queue(self):
        return self.basic("list_queues", "QueueSummaryList", "BasicQueue")

    @property
    def basic_routing(self):
        return self.basic("list_routing_profiles", "RoutingProfileSummaryList", "Basic Routing Profile")

    def user(self, profiles=None, **kw):
        return self.create_user(**{
            "Username": fresh("user"), "SecurityProfileIds": profiles or [self.profile()],
            "RoutingProfileId": self.basic_routing, **({"Password": "Secret123"} if self.managed else {}), **kw})["UserId"]

    def levels(self, n=5):
        self.update_user_hierarchy_structure(HierarchyStructure={name: {"Name": name} for name in LEVELS[:n]})

    def group(self, parent=None, **kw):
        return self.create_user_hierarchy_group(**{
            "Name": fresh("group"), **({"ParentGroupId": parent} if parent else {}), **kw})["HierarchyGroupId"]

    def chain(self):
        """Five groups, each below the one before."""
        self.levels()
        groups = [self.group()]
        for _ in range(4):
            groups.append(self.group(groups[-1]))
        return groups

    def hours(self, **kw):
        return self.create_hours_of_operation(**{"Name": fresh("hours"), "TimeZone": "UTC", "Config": [], **kw})["HoursOfOperationId"]

    def queue(self, **kw):
        return self.create_queue(**{"Name": fresh("queue"), "HoursOfOperationId": self.basic_hours, **kw})["QueueId"]

    def routing(self, **kw):
        return self.create_routing_profile(**{
            "Name": fresh("routing"), "Description": "For tests", "DefaultOutboundQueueId": self.basic_queue,
            "MediaConcurrencies": [{"Channel": "VOICE", "Concurrency": 1}], **kw})["RoutingProfileId"]

    def module(self, **kw):
        return self.create_contact_flow_module(**{"Name": fresh("module"), "Content": "{}", **kw})["Id"]

    def tool(self, **kw):
        """A flow module that profiles may allow: the usual recipe."""
        id = self.module(**{"Description": "A tool", "ExternalInvocationConfiguration": {"Enabled": True}, **kw})
        version = self.create_contact_flow_module_version(ContactFlowModuleId=id, Description="First")["Version"]
        self.create_contact_flow_module_alias(ContactFlowModuleId=id, AliasName="live", ContactFlowModuleVersion=version)
        return id

    def flow(self, **kw):
        return self.create_contact_flow(**{"Name": fresh("flow"), "Type": "CONTACT_FLOW", "Content": SAYS_NOTHING, **kw})["ContactFlowId"]

    def email_address(self, **kw):
        return self.create_email_address(**{"EmailAddress": fresh("mail") + "@example.com", **kw})["EmailAddressId"]

    def quick_connect(self, **kw):
        return self.create_quick_connect(**{
            "Name": fresh("quick"), "QuickConnectConfig": {"QuickConnectType": "PHONE_NUMBER", "PhoneConfig": {"PhoneNumber": "+12065550100"}},
            **kw})["QuickConnectId"]

    def data_table(self, **kw):
        return self.create_data_table(**{
            "Name": fresh("table"), "TimeZone": "UTC", "ValueLockLevel": "NONE", "Status": "PUBLISHED", **kw})["Id"]

    def attribute(self, table, name=None, **kw):
        """Adds an attribute to a data table and returns its name."""
        return self.create_data_table_attribute(**{
            "DataTableId": table, "Name": name or fresh("attribute"), "ValueType": "TEXT", **kw})["Name"]

    def reads(self, profile):
        """Everything that can be read about a profile."""
        id = {"InstanceId": self.id, "SecurityProfileId": profile}
        c = self.connect

        def all_of(operation, member):
            return [x for page in c.get_paginator(operation).paginate(**id) for x in page[member]]
        return {
            "describe": c.describe_security_profile(**id)["SecurityProfile"],
            "permissions": all_of("list_security_profile_permissions", "Permissions"),
            "applications": all_of("list_security_profile_applications", "Applications"),
            "modules": all_of("list_security_profile_flow_modules", "AllowedFlowModules"),
            "agents": all_of("list_security_profile_ai_agents", "AllowedAIAgents"),
        }
