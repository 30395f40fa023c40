// What stands in every node's /etc/starling/starling.yml: the same on all of them. Times and ports
// are those that the other parts of the fleet were told.

import { Config, drainTimes } from './config';

/** Where clients come in, and at which port of a node they arrive. */
export const ENTRIES = [
  { outside: 5222, inside: 5222, tls: false },
  { outside: 5223, inside: 5223, tls: true },
  // Not the port of 5223: with addresses preserved, a client that uses both from one port of its
  // own would be the same connection twice. A port above 1024 needs no privilege.
  { outside: 443, inside: 5443, tls: true },
] as const;
export const HEALTH_PORT = 5280;
export const BUS_PORT = 6222;
/** Written by node/fetch.py. */
export const SECRETS = '/etc/starling/secrets';

type Map = Record<string, unknown>;

function isMap(value: unknown): value is Map {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function over(base: Map, more: Map): Map {
  const merged: Map = { ...base };
  for (const [key, value] of Object.entries(more)) {
    const there = merged[key];
    merged[key] = isMap(there) && isMap(value) ? over(there, value) : value;
  }
  return merged;
}

export function nodeConfig(config: Config): string {
  const drain = drainTimes(config);
  const options = over({
    hosts: config.hosts,
    certfiles: [`${SECRETS}/certificate.pem`],
    data_dir: '/var/lib/starling',
    ctl_socket: '/run/starling/ctl.sock',
    // Only the NLB reaches these ports, and the source of a connection is the client itself: so
    // the security group guards who says the header, not trusted_proxies.
    listen: [
      ...ENTRIES.map(({ inside, tls }) =>
        ({ port: inside, tls, use_proxy_protocol: true, ...config.connections.options })),
      { port: HEALTH_PORT, module: 'http', use_proxy_protocol: true },
    ],
    cluster: { port: BUS_PORT },
    capacity: { sessions: config.nodes.sessions },
    drain: { rate: config.nodes.drainRate, linger: drain.linger, deadline: drain.deadline },
    // As in deploy/starling.yml.
    shaper: {
      normal: { rate: 20_000, burst_size: 200_000, stanza_rate: 50, stanza_burst: 500 },
      fast: { rate: 200_000, burst_size: 2_000_000, stanza_rate: 500, stanza_burst: 5000 },
    },
    shaper_rules: { c2s_shaper: { fast: 'admin', normal: 'all' }, max_user_sessions: 20 },
    modules: { ping: { interval: config.connections.ping } },
    cloud: { provider: 'aws' },
  }, config.nodes.options);
  const lines = Object.entries(options).map(([key, value]) => `${key}: ${JSON.stringify(value)}`);
  return `# Made by deploy/aws: change it there, then replace the nodes.
database: !file ${SECRETS}/database-url
${lines.join('\n')}
`;
}
