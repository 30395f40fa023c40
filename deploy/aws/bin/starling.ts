// Writes the template: build/cdk.out/Starling.template.json.
//
//   node build/bin/starling.js [SETTINGS.json]     default: fleet.json

import { readFileSync } from 'node:fs';
import { Config, readConfig } from '../lib/config';
import { Fleet, makeApp } from '../lib/fleet';

function read(path: string): Config {
  try {
    return readConfig(readFileSync(path, 'utf8'));
  } catch (error) {
    console.error(`${path}: ${(error as Error).message}`);
    process.exit(2);
  }
}

// The CDK's own CLI says where it wants it.
const app = makeApp(process.env.CDK_OUTDIR ?? 'build/cdk.out');
new Fleet(app, read(process.argv[2] ?? 'fleet.json'));
app.synth();
