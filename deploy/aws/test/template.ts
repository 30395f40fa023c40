// The fleet of fleet.example.json, synthesised and judged; tests/deploy/test_aws_cdk.py reads what
// it wrote.

import { Validations } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { AwsSolutionsChecks } from 'cdk-nag';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Config, readConfig } from '../lib/config';
import { Fleet, makeApp } from '../lib/fleet';

export const FOLDER = join(__dirname, '../..');
export const EXAMPLE = readFileSync(join(FOLDER, 'fleet.example.json'), 'utf8');
export const config: Config = readConfig(EXAMPLE);

const app = makeApp(join(FOLDER, 'build/cdk.out'));
export const fleet = new Fleet(app, config);
Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
export const template = synthesised();

// What breaks a rule and is not acknowledged ends all tests here, with a report on stderr.
function synthesised(): Template {
  try {
    return Template.fromStack(fleet);
  } catch (error) {
    console.error((error as Error).message);
    process.exit(1);
  }
}

type Properties = Record<string, any>;

/** Properties of the only resource of its type. */
export function only(type: string): Properties {
  const found = all(type);
  if (found.length !== 1) throw new Error(`${found.length} resources of type ${type}`);
  return found[0];
}

export function all(type: string): Properties[] {
  return Object.values(template.findResources(type)).map((resource) => resource.Properties);
}

/** The logical ID of the only resource of a type whose ID begins so. */
export function idOf(start: string, type: string): string {
  const found = Object.keys(template.findResources(type)).filter((id) => id.startsWith(start));
  if (found.length !== 1) throw new Error(`${found.length} of ${type} begin with ${start}`);
  return found[0];
}

/** A list of attributes {Key, Value} as a map. */
export function attributes(list: { Key: string; Value: string }[]): Record<string, string> {
  return Object.fromEntries(list.map(({ Key, Value }) => [Key, Value]));
}
