// A stack as teams write it in the AWS CDK: parameters, mappings, conditions, tokens in strings, tags, and resources
// that are not Amazon Connect's. synth.test.mjs compares what it becomes with the template that the Go tests read.
import { App, Aws, CfnCondition, CfnMapping, CfnParameter, CfnOutput, CfnResource, Fn, Stack, Tags } from 'aws-cdk-lib';
import * as connect from 'aws-cdk-lib/aws-connect';

class ContactCentre extends Stack {
  constructor(scope, id) {
    super(scope, id, { description: 'Security profiles of the contact centre' });
    this.instanceArn = new CfnParameter(this, 'InstanceArn', { description: 'The instance' }).valueAsString;
    this.stage = new CfnParameter(this, 'Stage', { default: 'prod', allowedValues: ['prod', 'test'] }).valueAsString;
    this.isProd = new CfnCondition(this, 'IsProd', { expression: Fn.conditionEquals(this.stage, 'prod') });
    Tags.of(this).add('team', 'contact-centre');
    this.people();
    this.work();
    new CfnResource(this, 'Hook', {
      type: 'AWS::Lambda::Function',
      properties: { Runtime: 'nodejs22.x', Handler: 'index.handler', Role: `arn:${this.partition}:iam::${this.account}:role/hook`,
        Code: { ZipFile: 'exports.handler = async () => {}' } },
    });
    new CfnOutput(this, 'AgentProfile', { value: this.agent.attrSecurityProfileArn, exportName: `${this.stackName}-agent` });
  }

  people() {
    const { instanceArn } = this;
    const structure = new connect.CfnUserHierarchyStructure(this, 'Levels', {
      instanceArn, userHierarchyStructure: { levelOne: { name: 'Region' }, levelTwo: { name: 'Team' } },
    });
    this.north = new connect.CfnUserHierarchyGroup(this, 'North', { instanceArn, name: 'North' });
    this.north.addResourceDependency(structure);
    this.team = new connect.CfnUserHierarchyGroup(this, 'Sales', {
      instanceArn, name: 'Sales', parentGroupArn: this.north.attrUserHierarchyGroupArn,
    });
    const names = new CfnMapping(this, 'Names', {
      mapping: { prod: { agent: 'Agents' }, test: { agent: 'Test agents' } }, lazy: false,
    });
    this.agent = new connect.CfnSecurityProfile(this, 'Agent', {
      instanceArn,
      securityProfileName: names.findInMap(this.stage, 'agent'),
      description: `Agents of ${this.stackName} in ${this.region}`,
      permissions: ['BasicAgentAccess', Fn.conditionIf('IsProd', 'OutboundCallAccess', Aws.NO_VALUE).toString(), 'Users.View'],
      tagRestrictedResources: ['Queue'],
      allowedAccessControlTags: [{ key: 'team', value: 'sales' }],
      hierarchyRestrictedResources: ['User'],
      allowedAccessControlHierarchyGroupId: Fn.select(3, Fn.split('/', this.team.attrUserHierarchyGroupArn)),
      applications: [{ applicationPermissions: ['ACCESS'], namespace: 'crm' }],
    });
    this.agent.addMetadata('Lanyard', {
      AllowedAIAgents: [{ Arn: `arn:${this.partition}:wisdom:us-east-1:123456789012:ai-agent/a/b` }],
    });
    const admin = new connect.CfnSecurityProfile(this, 'Admin', {
      instanceArn, securityProfileName: 'Team admins',
      permissions: ['Users.View', 'Users.Edit'],
    });
    admin.cfnOptions.condition = this.isProd;
  }

  work() {
    const { instanceArn } = this;
    const from = { hours: 9, minutes: 0 }, to = { hours: 17, minutes: 30 };
    const hours = new connect.CfnHoursOfOperation(this, 'Hours', {
      instanceArn, name: 'Office', timeZone: 'Europe/Berlin', config: [{ day: 'MONDAY', startTime: from, endTime: to }],
    });
    const queue = new connect.CfnQueue(this, 'SalesQueue', {
      instanceArn, name: 'Sales', hoursOfOperationArn: hours.attrHoursOfOperationArn, maxContacts: 20,
    });
    const routing = new connect.CfnRoutingProfile(this, 'SalesRouting', {
      instanceArn, name: 'Sales', description: 'Calls for sales', defaultOutboundQueueArn: queue.attrQueueArn,
      mediaConcurrencies: [{ channel: 'VOICE', concurrency: 1 }],
      queueConfigs: [{ delay: 0, priority: 1, queueReference: { channel: 'VOICE', queueArn: queue.attrQueueArn } }],
    });
    new connect.CfnContactFlowModule(this, 'Greeting', {
      instanceArn, name: 'Greeting', content: this.toJsonString({ Version: '2019-10-30', StartAction: 'a', Actions: [],
        Metadata: { queue: queue.attrQueueArn } }),
    });
    new connect.CfnUser(this, 'Jane', {
      instanceArn, username: 'jane', routingProfileArn: routing.attrRoutingProfileArn,
      securityProfileArns: [this.agent.attrSecurityProfileArn], hierarchyGroupArn: this.team.attrUserHierarchyGroupArn,
      identityInfo: { firstName: 'Jane', lastName: 'Doe' },
      phoneConfig: { phoneType: 'SOFT_PHONE', autoAccept: false, afterContactWorkTimeLimit: 30 },
      userProficiencies: [{ attributeName: 'Language', attributeValue: 'French', level: 3 }],
    });
  }
}

const app = new App({ analyticsReporting: true });
new ContactCentre(app, 'ContactCentre');
process.stdout.write(JSON.stringify(app.synth().getStackByName('ContactCentre').template, null, 1) + '\n');
