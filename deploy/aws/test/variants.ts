// Fleets of other settings than those of fleet.example.json.

import { Template } from 'aws-cdk-lib/assertions';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readConfig } from '../lib/config';
import { Fleet, makeApp } from '../lib/fleet';
import { EXAMPLE } from './template';

function templateOf(settings: object): Template {
  const folder = mkdtempSync(join(tmpdir(), 'starling-fleet-'));
  try {
    const config = readConfig(JSON.stringify({ ...JSON.parse(EXAMPLE), ...settings }));
    return Template.fromStack(new Fleet(makeApp(folder), config));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('two zones, an image with all packages, and no way to the internet', () => {
  const template = templateOf({
    network: { zones: 2, natGateways: 0 },
    nodes: { image: 'ami-0123456789abcdef0', instanceType: 'm7i.large' },
    database: { readers: 0 },
    protected: false,
  });
  template.resourceCountIs('AWS::EC2::NatGateway', 0);
  template.resourceCountIs('AWS::EC2::Subnet', 6);
  template.resourceCountIs('AWS::RDS::DBInstance', 1);
  template.hasResourceProperties('AWS::RDS::DBCluster', { DeletionProtection: false });
  template.hasResourceProperties('AWS::EC2::LaunchTemplate', {
    LaunchTemplateData: { ImageId: 'ami-0123456789abcdef0' },
  });
  assert.match(template.findParameters('PackageKey').PackageKey.AllowedPattern, /_amd64/);
  const out = Object.values(template.findResources('AWS::EC2::SecurityGroup')).flatMap(
    ({ Properties }) => Properties.SecurityGroupEgress ?? []);
  assert.ok(out.every((rule: any) => rule.FromPort !== 80));
  const ways = JSON.stringify(template.findResources('AWS::EC2::Route'));
  assert.doesNotMatch(ways, /nodeSubnet/);
});
