// The JavaScript SDK: the life of a profile with every parameter, pages, users, agents, tags and exceptions.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import * as sdk from "@aws-sdk/client-connect";

const connect = new sdk.Connect({
  endpoint: process.env.LANYARD_URL,
  region: process.env.AWS_REGION,
  maxAttempts: 1,
  credentials: { accessKeyId: process.env.AWS_ACCESS_KEY_ID, secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY },
});
const missing = "00000000-0000-4000-8000-000000000000";
let InstanceId, groups, module_;

before(async () => {
  const made = await connect.createInstance({
    IdentityManagementType: "SAML", InstanceAlias: `js-${process.pid}-${Date.now()}`, InboundCallsEnabled: true, OutboundCallsEnabled: true,
  });
  InstanceId = made.Id;
  await connect.updateUserHierarchyStructure({ InstanceId, HierarchyStructure: { LevelOne: { Name: "Country" } } });
  groups = [];
  for (const Name of ["FR", "DE"]) groups.push((await connect.createUserHierarchyGroup({ InstanceId, Name })).HierarchyGroupId);
  module_ = (await connect.createContactFlowModule({ InstanceId, Name: "module", Description: "A tool", Content: "{}", ExternalInvocationConfiguration: { Enabled: true } })).Id;
  await connect.createContactFlowModuleVersion({ InstanceId, ContactFlowModuleId: module_ });
});

after(async () => {
  await connect.deleteInstance({ InstanceId });
  connect.destroy();
});

const arn = (n) => `arn:aws:app-integrations:us-east-1:123456789012:application/agent-${n}`;
const granular = (...Values) => ({
  DataTableAccessControlConfiguration: {
    PrimaryAttributeAccessControlConfiguration: { PrimaryAttributeValues: [{ AccessType: "ALLOW", AttributeName: "Region", Values }] },
  },
});

const one = () => ({
  Description: "First", Permissions: ["BasicAgentAccess"], AllowedAccessControlTags: { Country: "FR" }, TagRestrictedResources: ["User"],
  Applications: [{ Namespace: "orders", ApplicationPermissions: ["ACCESS"], Type: "THIRD_PARTY_APPLICATION" }],
  HierarchyRestrictedResources: ["User"], AllowedAccessControlHierarchyGroupId: groups[0],
  AllowedFlowModules: [{ Type: "MCP", FlowModuleId: module_ }], AllowedAIAgents: [{ Arn: arn(1), Type: "THIRD_PARTY" }],
  GranularAccessControlConfiguration: granular("EU"),
});

const two = () => ({
  Description: "Second é", Permissions: ["Queues.View", "Users.View"], AllowedAccessControlTags: { Country: "DE" }, TagRestrictedResources: ["Queue", "User"],
  Applications: [{ Namespace: "gateway", ApplicationPermissions: ["t___A", "t___B"], Type: "MCP" }],
  HierarchyRestrictedResources: [], AllowedAccessControlHierarchyGroupId: groups[1],
  AllowedFlowModules: [], AllowedAIAgents: [{ Arn: arn(2), Type: "THIRD_PARTY" }], GranularAccessControlConfiguration: granular("US", "CA"),
});

async function state(SecurityProfileId) {
  const id = { InstanceId, SecurityProfileId };
  const { SecurityProfile: p } = await connect.describeSecurityProfile(id);
  assert.ok(p.LastModifiedTime instanceof Date && Math.abs(Date.now() - p.LastModifiedTime) < 60_000);
  return {
    Description: p.Description, Permissions: (await connect.listSecurityProfilePermissions(id)).Permissions,
    AllowedAccessControlTags: p.AllowedAccessControlTags, TagRestrictedResources: p.TagRestrictedResources,
    Applications: (await connect.listSecurityProfileApplications(id)).Applications,
    HierarchyRestrictedResources: p.HierarchyRestrictedResources, AllowedAccessControlHierarchyGroupId: p.AllowedAccessControlHierarchyGroupId,
    AllowedFlowModules: (await connect.listSecurityProfileFlowModules(id)).AllowedFlowModules,
    AllowedAIAgents: (await connect.listSecurityProfileAIAgents(id)).AllowedAIAgents,
    GranularAccessControlConfiguration: p.GranularAccessControlConfiguration,
  };
}

test("a profile with every parameter, each changed alone", async () => {
  const made = await connect.createSecurityProfile({ InstanceId, SecurityProfileName: "Every parameter", Tags: { Team: "a" }, ...one() });
  assert.equal(made.SecurityProfileArn, `arn:aws:connect:us-east-1:123456789012:instance/${InstanceId}/security-profile/${made.SecurityProfileId}`);
  const id = { InstanceId, SecurityProfileId: made.SecurityProfileId };
  const want = one();
  assert.deepEqual(await state(made.SecurityProfileId), want);
  for (const [name, value] of Object.entries(two())) {
    const answer = await connect.updateSecurityProfile({ ...id, [name]: value });
    assert.equal(answer.$metadata.httpStatusCode, 200);
    assert.match(answer.$metadata.requestId, /^[0-9a-f-]{36}$/);
    want[name] = value;
    assert.deepEqual(await state(made.SecurityProfileId), want, name);
  }
  await connect.updateSecurityProfile(id);
  assert.deepEqual(await state(made.SecurityProfileId), want);
  await connect.updateSecurityProfile({
    ...id, Description: "", Permissions: [], AllowedAccessControlTags: {}, TagRestrictedResources: [], Applications: [], AllowedAIAgents: [],
    AllowedAccessControlHierarchyGroupId: "", GranularAccessControlConfiguration: {},
  });
  assert.deepEqual(await state(made.SecurityProfileId), {
    Description: undefined, Permissions: [], AllowedAccessControlTags: {}, TagRestrictedResources: [], Applications: [],
    HierarchyRestrictedResources: [], AllowedAccessControlHierarchyGroupId: undefined, AllowedFlowModules: [], AllowedAIAgents: [],
    GranularAccessControlConfiguration: undefined,
  });
  await connect.deleteSecurityProfile(id);
});

test("pages and searches", async () => {
  const made = [];
  for (let n = 0; n < 7; n++) {
    made.push((await connect.createSecurityProfile({ InstanceId, SecurityProfileName: `Page ${n}`, Tags: { Odd: String(n % 2) } })).SecurityProfileId);
  }
  const seen = [];
  for await (const page of sdk.paginateListSecurityProfiles({ client: connect, pageSize: 2 }, { InstanceId })) {
    seen.push(...page.SecurityProfileSummaryList.map((p) => p.Id));
  }
  assert.deepEqual(seen.slice(-7), made);
  assert.equal(new Set(seen).size, 11);
  const found = [];
  for await (const page of sdk.paginateSearchSecurityProfiles({ client: connect, pageSize: 2 }, {
    InstanceId, SearchCriteria: { StringCondition: { FieldName: "name", Value: "page", ComparisonType: "STARTS_WITH" } },
    SearchFilter: { TagFilter: { TagCondition: { TagKey: "Odd", TagValue: "1" } } },
  })) {
    assert.equal(page.ApproximateTotalCount, 3);
    found.push(...page.SecurityProfiles.map((p) => p.SecurityProfileName));
  }
  assert.deepEqual(found, ["Page 1", "Page 3", "Page 5"]);
});

test("tags", async () => {
  const { SecurityProfileArn: resourceArn } = await connect.createSecurityProfile({ InstanceId, SecurityProfileName: "Tagged" });
  await connect.tagResource({ resourceArn, tags: { "Größe/1": "ß", b: "" } });
  await connect.untagResource({ resourceArn, tagKeys: ["b", "never there"] });
  assert.deepEqual((await connect.listTagsForResource({ resourceArn })).tags, { "Größe/1": "ß" });
});

test("users and AI agents", async () => {
  const profile = (await connect.createSecurityProfile({ InstanceId, SecurityProfileName: "Held" })).SecurityProfileId;
  const other = (await connect.createSecurityProfile({ InstanceId, SecurityProfileName: "Other" })).SecurityProfileId;
  const routing = (await connect.listRoutingProfiles({ InstanceId })).RoutingProfileSummaryList[0].Id;
  const { UserId } = await connect.createUser({
    InstanceId, Username: "zoe", SecurityProfileIds: [profile], RoutingProfileId: routing, HierarchyGroupId: groups[0],
    PhoneConfig: { PhoneType: "SOFT_PHONE", AutoAccept: true, AfterContactWorkTimeLimit: 0 },
  });
  await assert.rejects(connect.deleteSecurityProfile({ InstanceId, SecurityProfileId: profile }),
    (e) => e instanceof sdk.ResourceInUseException && e.ResourceType === "USER" && e.ResourceId === UserId);
  await connect.updateUserSecurityProfiles({ InstanceId, UserId, SecurityProfileIds: [other] });
  assert.deepEqual((await connect.describeUser({ InstanceId, UserId })).User.SecurityProfileIds, [other]);
  const holder = { InstanceId, EntityType: "AI_AGENT", EntityArn: "arn:aws:wisdom:us-east-1:123456789012:ai-agent/a/b:$LATEST" };
  await connect.associateSecurityProfiles({ ...holder, SecurityProfiles: [{ Id: profile }] });
  assert.deepEqual((await connect.listEntitySecurityProfiles(holder)).SecurityProfiles, [{ Id: profile }]);
  await assert.rejects(connect.associateSecurityProfiles({ ...holder, SecurityProfiles: [{ Id: profile }] }), sdk.ResourceConflictException);
  await connect.disassociateSecurityProfiles({ ...holder, SecurityProfiles: [{ Id: profile }] });
  await connect.deleteSecurityProfile({ InstanceId, SecurityProfileId: profile });
  await connect.deleteUser({ InstanceId, UserId });
});

test("exceptions have their classes", async () => {
  const { SecurityProfileId } = await connect.createSecurityProfile({ InstanceId, SecurityProfileName: "Refusing" });
  const rows = [
    [() => connect.updateSecurityProfile({ InstanceId, SecurityProfileId, Permissions: ["Users.Fly"] }), sdk.InvalidParameterException, /Users\.Fly/],
    [() => connect.updateSecurityProfile({ InstanceId, SecurityProfileId, Description: "x".repeat(251) }), sdk.InvalidParameterException, /Description/],
    [() => connect.updateSecurityProfile({ InstanceId, SecurityProfileId: missing }), sdk.ResourceNotFoundException, new RegExp(missing)],
    [() => connect.updateSecurityProfile({ InstanceId, SecurityProfileId, Description: 1 }), sdk.InvalidRequestException, /Description/],
    [() => connect.createSecurityProfile({ InstanceId, SecurityProfileName: "Refusing" }), sdk.DuplicateResourceException, /Refusing/],
    [() => connect.describeInstance({ InstanceId: missing }), sdk.ResourceNotFoundException, new RegExp(missing)],
  ];
  for (const [call, kind, message] of rows) {
    await assert.rejects(call(), (e) => {
      assert.ok(e instanceof kind && e instanceof sdk.ConnectServiceException, `${e.name} is not ${kind.name}`);
      assert.equal(e.name, kind.name);
      assert.match(e.Message ?? e.message, message);
      assert.ok(e.$metadata.requestId);
      return true;
    });
  }
});

test("wrong secret", async () => {
  const stranger = new sdk.Connect({
    endpoint: process.env.LANYARD_URL, region: process.env.AWS_REGION, maxAttempts: 1,
    credentials: { accessKeyId: process.env.AWS_ACCESS_KEY_ID, secretAccessKey: "wrong".repeat(8) },
  });
  await assert.rejects(stranger.listInstances(), (e) => e.name === "InvalidSignatureException" && e.$metadata.httpStatusCode === 403);
});
