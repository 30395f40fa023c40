import assert from 'node:assert/strict';
import { test } from 'node:test';
import { all, config, only, template } from './template';

const group = only('AWS::AutoScaling::AutoScalingGroup');
const machine = only('AWS::EC2::LaunchTemplate').LaunchTemplateData;

test('hooks are part of the group, so its first node has them', () => {
  assert.deepEqual(group.LifecycleHookSpecificationList, [
    { LifecycleHookName: 'starling-launch', DefaultResult: 'ABANDON', HeartbeatTimeout: 300,
      LifecycleTransition: 'autoscaling:EC2_INSTANCE_LAUNCHING' },
    { LifecycleHookName: 'starling-terminate', DefaultResult: 'CONTINUE', HeartbeatTimeout: 300,
      LifecycleTransition: 'autoscaling:EC2_INSTANCE_TERMINATING' },
  ]);
  template.resourceCountIs('AWS::AutoScaling::LifecycleHook', 0);
});

test('three nodes at least, in the node subnets, known to every listener', () => {
  assert.equal(group.MinSize, '3');
  assert.equal(group.VPCZoneIdentifier.length, 3);
  assert.match(JSON.stringify(group.VPCZoneIdentifier), /VpcnodeSubnet1/);
  assert.equal(group.TargetGroupARNs.length, 3);
});

test('no node is taken but the one that the nodes chose, and one at a time', () => {
  assert.equal(group.NewInstancesProtectedFromScaleIn, true);
  assert.deepEqual(group.InstanceMaintenancePolicy,
                   { MinHealthyPercentage: 100, MaxHealthyPercentage: 110 });
});

test('a node that is not healthy is replaced, after it had time to come', () => {
  assert.equal(group.HealthCheckType, 'ELB');
  assert.ok(group.HealthCheckGracePeriod >= 300);
  assert.equal(group.DefaultInstanceWarmup, config.nodes.warmup);
});

test('the group follows the average utilisation of its nodes', () => {
  const { AutoScalingGroupName, TargetTrackingConfiguration } =
    only('AWS::AutoScaling::ScalingPolicy');
  assert.deepEqual(TargetTrackingConfiguration, {
    TargetValue: 60,
    DisableScaleIn: false,
    CustomizedMetricSpecification: {
      Namespace: 'Starling', MetricName: 'Utilisation', Statistic: 'Average',
      Dimensions: [{ Name: 'AutoScalingGroupName', Value: AutoScalingGroupName }],
    },
  });
});

test('metadata by IMDSv2 only, for the machine itself only, with its tags', () => {
  assert.deepEqual(machine.MetadataOptions, {
    HttpEndpoint: 'enabled', HttpTokens: 'required', HttpPutResponseHopLimit: 1,
    InstanceMetadataTags: 'enabled',
  });
});

test('no key, no public address, an encrypted disk', () => {
  assert.equal(machine.KeyName, undefined);
  assert.equal(machine.NetworkInterfaces.length, 1);
  assert.equal(machine.NetworkInterfaces[0].AssociatePublicIpAddress, false);
  for (const { Ebs } of machine.BlockDeviceMappings) {
    assert.equal(Ebs.Encrypted, true);
    assert.equal(Ebs.VolumeType, 'gp3');
  }
});

test('connections are tracked for longer than the NLB remembers them', () => {
  const { ConnectionTrackingSpecification } = machine.NetworkInterfaces[0];
  assert.ok(ConnectionTrackingSpecification.TcpEstablishedTimeout > config.connections.idle);
  assert.equal(machine.SecurityGroupIds, undefined);  // EC2 takes groups in one place only
});

test('the image is the newest Debian 12 of the machine\'s architecture', () => {
  const { Default } = Object.values(template.findParameters('*')).find(
    (parameter) => String(parameter.Type).includes('AWS::EC2::Image::Id'))!;
  assert.equal(Default, '/aws/service/debian/release/12/latest/arm64');
  assert.equal(template.findParameters('PackageKey').PackageKey.AllowedPattern,
               '[\\w.~+/-]+_arm64\\.deb');
});

test('what a machine runs at first fits into its user data', () => {
  const text = JSON.stringify(machine.UserData);
  assert.match(text, /starling-fetch/);
  assert.ok(text.length < 16 * 1024, `${text.length}`);
});

test('the role allows what a node does, about its own group, bucket and secrets', () => {
  const role = all('AWS::IAM::Role').find(
    ({ AssumeRolePolicyDocument }) => JSON.stringify(AssumeRolePolicyDocument).includes('ec2.'))!;
  assert.equal(role.ManagedPolicyArns, undefined);
  const anything: string[] = [];
  for (const { PolicyDocument } of role.Policies) {
    for (const { Action, Resource, Effect } of PolicyDocument.Statement) {
      assert.equal(Effect, 'Allow');
      for (const action of [Action].flat()) {
        assert.ok(!action.includes('*'), action);
        if (Resource === '*') anything.push(action);
      }
    }
  }
  assert.deepEqual(anything.filter((action) => !/^(ssm|ssmmessages):/.test(action)), [
    'autoscaling:DescribeAutoScalingInstances', 'autoscaling:DescribeLifecycleHooks',
    'cloudwatch:PutMetricData',
  ]);  // none of them has a resource to name
  const metrics = role.Policies.find(({ PolicyName }: any) => PolicyName === 'Metrics');
  assert.deepEqual(metrics.PolicyDocument.Statement[0].Condition,
                   { StringEquals: { 'cloudwatch:namespace': 'Starling' } });
  assert.match(JSON.stringify(role.Policies), /autoScalingGroupName\//);
});

test('there is nothing to run beside the nodes: no Lambda, no state machine', () => {
  template.resourceCountIs('AWS::Lambda::Function', 0);
  template.resourceCountIs('AWS::StepFunctions::StateMachine', 0);
});
