// The script that makes a stock Debian a node. EC2 allows 16 KiB; what is in it is the same for
// all nodes, so a change of it is a new version of the launch template.

import { Fn } from 'aws-cdk-lib';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

// Compiled, this file is in build/lib.
const NODE = join(__dirname, '../../node');

function part(name: string, text: string): string {
  return `cat >"$PARTS/${name}" <<'END_OF_PART'\n${text}END_OF_PART\n`;
}

/**
 * Puts together settings, files and node/boot.sh.
 * @param settings what boot.sh reads; values may be tokens, and hold no quote
 * @param starlingYml the nodes' configuration
 */
export function userData(settings: Readonly<Record<string, string>>, starlingYml: string): string {
  const lines = Object.entries(settings).map(([name, value]) => `export ${name}='${value}'`);
  const file = (name: string): string => readFileSync(join(NODE, name), 'utf8');
  return Fn.base64([
    '#!/bin/bash',
    ': "${ROOT:=}"',
    'PARTS=$(mktemp -d)',
    ...lines,
    part('starling.yml', starlingYml) + part('fetch.py', file('fetch.py')) + file('boot.sh'),
  ].join('\n'));
}
