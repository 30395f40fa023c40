// The nodes' role: what a node may do in AWS, and nothing else. IAM cannot say "only about
// yourself": a stolen role can end its siblings' hooks, which is why the metadata service answers
// to nobody but the machine itself (hop limit 1).

import { Aws, CfnElement, Stack, Validations } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';

/** What the role is about. */
export interface RoleProps {
  readonly groupName: string;
  readonly packageBucket: string;
  /** Keys of the package and of the database's authority. */
  readonly packageKeys: readonly string[];
  readonly secretArns: readonly string[];
  readonly uploads: s3.IBucket;
  readonly architecture: string;
}

/** Objects that are read, and those that are written, as ARNs. */
export function objects(props: RoleProps): { read: string[]; written: string[] } {
  const arn = (bucket: string, key: string): string =>
    `arn:${Aws.PARTITION}:s3:::${bucket}/${key}`;
  return {
    read: [
      ...props.packageKeys.map((key) => arn(props.packageBucket, key)),
      arn(`amazon-ssm-${Aws.REGION}`,
          `latest/debian_${props.architecture}/amazon-ssm-agent.deb`),
    ],
    written: [arn(props.uploads.bucketName, '*')],
  };
}

export function nodeRole(scope: Construct, props: RoleProps): iam.Role {
  const allow = (actions: string[], resources: string[], conditions?: Record<string, unknown>):
    iam.PolicyStatement => new iam.PolicyStatement({ actions, resources, conditions });
  const group = `arn:${Aws.PARTITION}:autoscaling:${Aws.REGION}:${Aws.ACCOUNT_ID}`
    + `:autoScalingGroup:*:autoScalingGroupName/${props.groupName}`;
  const { read, written } = objects(props);

  const statements = {
    // Its own life: joining, draining, and which node the group may take.
    Lifecycle: [
      allow(['autoscaling:CompleteLifecycleAction', 'autoscaling:RecordLifecycleActionHeartbeat',
             'autoscaling:SetInstanceProtection'], [group]),
      // These have no resource to name.
      allow(['autoscaling:DescribeAutoScalingInstances', 'autoscaling:DescribeLifecycleHooks'],
            ['*']),
    ],
    Metrics: [allow(['cloudwatch:PutMetricData'], ['*'],
                    { StringEquals: { 'cloudwatch:namespace': 'Starling' } })],
    Secrets: [allow(['secretsmanager:GetSecretValue'], [...props.secretArns])],
    Objects: [
      allow(['s3:GetObject'], read),
      allow(['s3:GetObject', 's3:PutObject', 's3:DeleteObject'], written),
    ],
    // Sessions by Systems Manager instead of SSH: what its agent needs for that, and no more.
    Sessions: [allow(['ssm:UpdateInstanceInformation', 'ssmmessages:CreateControlChannel',
                      'ssmmessages:CreateDataChannel', 'ssmmessages:OpenControlChannel',
                      'ssmmessages:OpenDataChannel'], ['*'])],
  };
  const role = new iam.Role(scope, 'Role', {
    assumedBy: new iam.ServicePrincipal('ec2.amazonaws.com'),
    // Inside the role, so that they are there before the first node is.
    inlinePolicies: Object.fromEntries(Object.entries(statements).map(
      ([name, said]) => [name, new iam.PolicyDocument({ statements: said })])),
  });
  const bucket = Stack.of(scope).getLogicalId(props.uploads.node.defaultChild as CfnElement);
  Validations.of(role).acknowledge({
    id: 'AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:autoscaling:<AWS::Region>:'
      + '<AWS::AccountId>:autoScalingGroup:*:autoScalingGroupName/<AWS::StackName>]',
    reason: 'The asterisk is the number that AWS gives the group; its name is given.',
  }, {
    id: `AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:s3:::<${bucket}>/*]`,
    reason: 'Nodes name the files that users upload; nothing else is in that bucket.',
  }, {
    id: 'AwsSolutions-IAM5[Resource::*]',
    reason: 'These actions have no resource to name; test/nodes.ts lists them, one by one.',
  });
  return role;
}
