import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drainTimes, readConfig } from '../lib/config';
import { nodeConfig } from '../lib/node_config';
import { EXAMPLE } from './template';

function settings(more: object): string {
  return JSON.stringify({ ...JSON.parse(EXAMPLE), ...more });
}

test('what is not said keeps its default', () => {
  const config = readConfig(settings({ nodes: { minimum: 5 } }));
  assert.equal(config.nodes.minimum, 5);
  assert.equal(config.nodes.maximum, 12);
});

const REFUSED: [string, object, RegExp][] = [
  ['an unknown setting', { nodes: { minimun: 5 } }, /nodes\.minimun: there is no such setting/],
  ['a wrong type', { nodes: { minimum: '5' } }, /nodes\.minimum: not a number/],
  ['no hosts', { hosts: [] }, /hosts: a list of domains/],
  ['a secret without the end of its ARN', { certificateSecret: 'starling/certificate' },
   /certificateSecret: the whole ARN/],
  ['one zone', { network: { zones: 1 } }, /network\.zones: 1 is not from 2 to 6/],
  ['neither NAT nor endpoints', { network: { natGateways: 0, endpoints: false } },
   /reach neither secrets nor packages/],
  ['no NAT and a stock image', { network: { natGateways: 0 } }, /the image must have all packages/],
  ['more at least than at most', { nodes: { minimum: 20 } }, /nodes\.maximum: 12 is not from 20/],
  ['an NLB that forgets before the node asks', { connections: { ping: 900 } },
   /connections\.ping: 900 is not from 10 to 840/],
  ['tracking that forgets before the NLB', { connections: { tracked: 600 } },
   /connections\.tracked: 600 is not from 900/],
  ['an option of the nodes that the fleet relies on', { nodes: { options: { drain: {} } } },
   /nodes\.options\.drain: other settings say it/],
  ['an option of the listeners that the NLB relies on', { connections: { options: { port: 1 } } },
   /connections\.options\.port: the NLB relies on it/],
];
for (const [what, more, message] of REFUSED) {
  test(`${what} is refused, by name`, () => {
    assert.throws(() => readConfig(settings(more)), { message });
  });
}

test('a drain has time for all sessions of a full node', () => {
  const config = readConfig(settings({ nodes: { sessions: 900_000, drainRate: 1000 } }));
  const { linger, deadline, stop } = drainTimes(config);
  assert.ok(deadline * 1000 >= 900_000);
  assert.equal(stop, linger + deadline + 45);
});

test('options of the nodes win, and leave the others', () => {
  const config = readConfig(settings({ nodes: { options: {
    modules: { archive: { expire_after_days: 30 } }, loglevel: 'warning',
  } } }));
  const text = nodeConfig(config);
  assert.match(
    text, /^modules: \{"ping":\{"interval":300\},"archive":\{"expire_after_days":30\}\}$/m);
  assert.match(text, /^loglevel: "warning"$/m);
});

test('options of the listeners are those of all for clients, and of no other', () => {
  const text = nodeConfig(readConfig(settings({ connections: { options: {
    max_connections_per_address: 100,
  } } })));
  assert.equal(text.match(/"max_connections_per_address":100/g)?.length, 3);
  assert.doesNotMatch(text, /"module":"http"[^}]*max_connections/);
});
