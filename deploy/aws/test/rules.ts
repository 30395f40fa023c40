// Rules that others have made: cdk-nag's for AWS, and AWS's specification of every resource.
// template.ts lets both judge the fleet; here is what they may pass over, and that they do judge.

import { CfnResource, Stack, Validations } from 'aws-cdk-lib';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { AwsSolutionsChecks } from 'cdk-nag';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeApp } from '../lib/fleet';
import { fleet } from './template';

test('what is acknowledged, and nothing else', () => {
  const found: string[] = [];
  for (const construct of fleet.node.findAll()) {
    for (const { type, data } of construct.node.metadata) {
      if (type !== Validations.ACKNOWLEDGED_RULES_METADATA_KEY) continue;
      for (const [rule, reason] of Object.entries(data as Record<string, string>)) {
        // CDK acknowledges what it knows to be wrong in AWS's specification.
        if (rule.startsWith('CloudFormation-Validate::')) continue;
        assert.ok(reason.length > 40, `${rule}: ${reason}`);
        found.push(`${construct.node.path} ${rule.replace(/^Annotation::AwsSolutions-/, '')}`);
      }
    }
  }
  assert.deepEqual(found.map((one) => one.replace(/\[Resource::arn.*:(\w+):.*/, '[$1]')).sort(), [
    'Starling/Database/Cluster SMG4',
    'Starling/Entry/Balancer ELB2',
    'Starling/Network/Entry EC23',
    'Starling/Nodes/Group AS3',
    'Starling/Nodes/Role IAM5[Resource::*]',
    'Starling/Nodes/Role IAM5[autoScalingGroup]',
    'Starling/Nodes/Role IAM5[s3]',
    'Starling/Uploads/Bucket S1',
  ]);
});

/** What is said of a stack, judged as the fleet is. */
function judge(make: (stack: Stack) => void, nag: boolean): void {
  const folder = mkdtempSync(join(tmpdir(), 'starling-rules-'));
  const said = console.error;
  console.error = () => {};  // the report is for a person
  try {
    const app = makeApp(folder);
    if (nag) Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
    make(new Stack(app, 'Judged'));
    app.synth();
  } finally {
    console.error = said;
    rmSync(folder, { recursive: true });
  }
}

test('a bucket that anybody may read over plain HTTP is refused', () => {
  assert.throws(() => judge((stack) => new Bucket(stack, 'Bucket'), true), /Validation ?failed/i);
});

test('a property that AWS does not know is refused', () => {
  const make = (more: object) => (stack: Stack): void => {
    new CfnResource(stack, 'Topic', { type: 'AWS::SNS::Topic', properties: more });
  };
  judge(make({ TopicName: 'a' }), false);
  assert.throws(() => judge(make({ TopicNmae: 'a' }), false), /Validation ?failed/i);
});
