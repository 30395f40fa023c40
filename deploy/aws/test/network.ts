import assert from 'node:assert/strict';
import { test } from 'node:test';
import { all, idOf, template } from './template';

const ENTRY = idOf('NetworkEntry', 'AWS::EC2::SecurityGroup');
const NODES = idOf('NetworkNodes', 'AWS::EC2::SecurityGroup');
const DATABASE = idOf('NetworkDatabase', 'AWS::EC2::SecurityGroup');

/** Who may come in from another group of ours: `from to port`. */
function ways(): string[] {
  const name: Record<string, string> =
    { [ENTRY]: 'entry', [NODES]: 'nodes', [DATABASE]: 'database' };
  return all('AWS::EC2::SecurityGroupIngress').map((rule) => {
    const [from] = rule.SourceSecurityGroupId['Fn::GetAtt'];
    const [to] = rule.GroupId['Fn::GetAtt'];
    assert.equal(rule.FromPort, rule.ToPort);
    return `${name[from] ?? from} ${name[to] ?? to} ${rule.FromPort}`;
  });
}

test('three public, node and database subnets, each three in zones of their own', () => {
  const subnets = all('AWS::EC2::Subnet');
  assert.equal(subnets.length, 9);
  const zones = new Set(subnets.map((subnet) => JSON.stringify(subnet.AvailabilityZone)));
  assert.equal(zones.size, 3);
  assert.ok(subnets.every((subnet) => subnet.MapPublicIpOnLaunch === false));
});

test('only what is needed is open between entry, nodes and database', () => {
  const between = ways().filter((way) => !way.startsWith('nodes NetworkEndpoints'));
  assert.deepEqual(between.sort(), [
    'entry nodes 5222', 'entry nodes 5223', 'entry nodes 5280', 'entry nodes 5443',
    'nodes database 5432', 'nodes nodes 6222',
  ]);
});

test('the world reaches the NLB and nothing else', () => {
  for (const [id, group] of Object.entries(template.findResources('AWS::EC2::SecurityGroup'))) {
    const world = (group.Properties.SecurityGroupIngress ?? []).filter(
      (rule: any) => rule.CidrIp === '0.0.0.0/0' || rule.CidrIpv6 === '::/0');
    const ports = new Set(world.map((rule: any) => rule.FromPort));
    assert.deepEqual(ports, id === ENTRY ? new Set([5222, 5223, 443]) : new Set(), id);
  }
});

test('nodes go out to HTTPS and, for packages, HTTP only', () => {
  const { Properties } = template.findResources('AWS::EC2::SecurityGroup')[NODES];
  assert.deepEqual(Properties.SecurityGroupEgress.map((rule: any) => rule.FromPort).sort(),
                   [443, 80]);
});

test('the database has no way out', () => {
  const routes = all('AWS::EC2::Route');
  assert.ok(routes.length > 0);
  for (const route of routes) assert.doesNotMatch(JSON.stringify(route.RouteTableId), /database/);
  const { Properties } = template.findResources('AWS::EC2::SecurityGroup')[DATABASE];
  assert.deepEqual(Properties.SecurityGroupEgress.map((rule: any) => rule.CidrIp),
                   ['255.255.255.255/32']);  // CloudFormation's way to say: nowhere
});

test('there is a private way to each service that a node asks', () => {
  const services = all('AWS::EC2::VPCEndpoint').map((endpoint) => {
    const name = endpoint.ServiceName;
    return (typeof name === 'string' ? name : name['Fn::Join'][1].at(-1)).split('.').at(-1);
  });
  assert.deepEqual(services.sort(), ['autoscaling', 'monitoring', 's3', 'secretsmanager', 'ssm',
                                     'ssmmessages']);
  for (const endpoint of all('AWS::EC2::VPCEndpoint')) assert.ok(endpoint.PolicyDocument);
});
