// Config: how large a fleet is, and for whom. Everything has a default but the hosts and their
// certificate; a file such as fleet.example.json says what is to be different.

import { InstanceArchitecture, InstanceType } from 'aws-cdk-lib/aws-ec2';

export interface Config {
  /** The stack's name, and the autoscaling group's. */
  readonly name: string;
  /** The domains of the accounts: the nodes' option `hosts`. */
  readonly hosts: readonly string[];
  /** ARN of the secret with the certificate: a PEM with the whole chain and its private key. */
  readonly certificateSecret: string;
  /** In the bucket of the package: the certificates that RDS signs with (AWS publishes them). */
  readonly databaseAuthorityKey: string;

  readonly network: {
    readonly cidr: string;
    /** Availability zones: 2 at least; 3 lose a third when one fails, instead of a half. */
    readonly zones: number;
    /** NAT gateways. 0: nodes reach nothing but AWS, and need an image that has all packages. */
    readonly natGateways: number;
    /** Private ways to AWS's own services; without NAT there is no other. */
    readonly endpoints: boolean;
  };

  readonly nodes: {
    readonly instanceType: string;
    /** An AMI of Debian 12. Unset: the newest that Debian has published. */
    readonly image?: string;
    /** The system's disk, in GiB. */
    readonly diskSize: number;
    readonly minimum: number;
    readonly maximum: number;
    /** Sessions that are 100 % of one node: how many have to come again when it dies. */
    readonly sessions: number;
    /** Per cent of utilisation that the group is kept at. */
    readonly target: number;
    /** Whether the group becomes smaller by itself. */
    readonly scaleIn: boolean;
    /** From a node's start until its share of the load counts, in seconds. */
    readonly warmup: number;
    /** Sessions a second that a node which leaves lets go of. */
    readonly drainRate: number;
    /** Further options of starling.yml, such as admins and modules. */
    readonly options: Readonly<Record<string, unknown>>;
  };

  readonly connections: {
    /** Seconds after which a silent client is asked whether it is there. */
    readonly ping: number;
    /** Seconds after which the NLB forgets a silent connection: 60 to 6000. */
    readonly idle: number;
    /** The same for the security groups' connection tracking: 60 to 432000. */
    readonly tracked: number;
    /** Further options of the nodes' listeners for clients, such as max_connections_per_address. */
    readonly options: Readonly<Record<string, unknown>>;
  };

  readonly database: {
    /** Aurora capacity units (2 GiB each, with the processor that goes with it). */
    readonly minimumCapacity: number;
    readonly maximumCapacity: number;
    /** Further instances, in other zones, that one fails over to. */
    readonly readers: number;
    readonly backupDays: number;
  };

  /** How long an uploaded file is kept. */
  readonly uploads: { readonly days: number };
  /** Who is told of alarms. */
  readonly alarms: { readonly email?: string };
  /** Whether the database, the bucket and the NLB refuse to be deleted. */
  readonly protected: boolean;
}

const DEFAULTS: Omit<Config, 'hosts' | 'certificateSecret'> = {
  name: 'starling',
  databaseAuthorityKey: 'rds-global-bundle.pem',
  network: { cidr: '10.20.0.0/16', zones: 3, natGateways: 1, endpoints: true },
  nodes: {
    instanceType: 'r8g.large',
    diskSize: 20,
    minimum: 3,
    maximum: 12,
    sessions: 200_000,
    target: 60,
    scaleIn: true,
    warmup: 300,
    drainRate: 500,
    options: {},
  },
  connections: { ping: 300, idle: 900, tracked: 1800, options: {} },
  database: { minimumCapacity: 0.5, maximumCapacity: 16, readers: 1, backupDays: 14 },
  uploads: { days: 30 },
  alarms: {},
  protected: true,
};

// Keys that may be there without a default.
const OPTIONAL = ['hosts', 'certificateSecret', 'nodes.image', 'alarms.email'];
// Options of starling.yml, as they are.
const FREE = ['nodes.options', 'connections.options'];
// Those that other parts of the fleet rely on.
const OWN_OPTIONS = ['hosts', 'database', 'certfiles', 'data_dir', 'ctl_socket', 'listen', 'drain',
                     'cloud'];
// Until the NLB sends a node that was taken out no more connections, in seconds.
const DEREGISTRATION = 120;

/** How long what takes, in seconds, when a node leaves. */
export interface DrainTimes {
  /** The NLB goes on sending new connections for so long at most. */
  readonly linger: number;
  /** Then the sessions leave, and are ended if they have not by then. */
  readonly deadline: number;
  /** Until systemd loses patience. */
  readonly stop: number;
}

export function drainTimes(config: Config): DrainTimes {
  const { sessions, drainRate } = config.nodes;
  const deadline = Math.min(3600, Math.max(60, Math.ceil((1.5 * sessions) / drainRate)));
  // 45: goodbyes, and what is under way; deploy/systemd/starling.service.
  return { linger: DEREGISTRATION, deadline, stop: DEREGISTRATION + deadline + 45 };
}

/** As Debian names it. */
export function architecture(config: Config): 'arm64' | 'amd64' {
  const type = new InstanceType(config.nodes.instanceType);
  return type.architecture === InstanceArchitecture.ARM_64 ? 'arm64' : 'amd64';
}

type Json = Record<string, unknown>;

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function merge(defaults: Json, given: Json, path: string): Json {
  const merged: Json = { ...defaults };
  for (const [key, value] of Object.entries(given)) {
    const name = path + key;
    const known = defaults[key];
    if (known === undefined && !OPTIONAL.includes(name)) {
      throw new Error(`${name}: there is no such setting`);
    }
    if (FREE.includes(name)) {
      if (!isObject(value)) throw new Error(`${name}: not a map of options`);
      merged[key] = value;
    } else if (isObject(known)) {
      if (!isObject(value)) throw new Error(`${name}: not a map of settings`);
      merged[key] = merge(known, value, `${name}.`);
    } else if (known !== undefined && typeof value !== typeof known) {
      throw new Error(`${name}: not a ${typeof known}`);
    } else {
      merged[key] = value;
    }
  }
  return merged;
}

function check(config: Config): void {
  const demand = (good: boolean, what: string): void => {
    if (!good) throw new Error(what);
  };
  const { network, nodes, connections, database } = config;
  const within = (name: string, value: number, low: number, high: number): void =>
    demand(Number.isFinite(value) && value >= low && value <= high,
           `${name}: ${value} is not from ${low} to ${high}`);
  demand(/^[A-Za-z][A-Za-z0-9-]{0,31}$/.test(config.name),
         `name: "${config.name}" is not a letter with up to 31 letters, digits and hyphens behind`);
  demand(Array.isArray(config.hosts) && config.hosts.length > 0
         && config.hosts.every((host) => /^[a-z0-9.-]+$/i.test(host)),
         'hosts: a list of domains is needed');
  const arn = /^arn:aws[a-z-]*:secretsmanager:[\w-]+:\d+:secret:[\w/+=.@-]+-\w{6}$/;
  demand(arn.test(config.certificateSecret ?? ''),
         'certificateSecret: the whole ARN of a secret is needed, with six characters at its end');
  demand(/^[\w./+-]+$/.test(config.databaseAuthorityKey),
         'databaseAuthorityKey: not the key of an object, of letters, digits and . / + - _');
  within('network.zones', network.zones, 2, 6);
  within('network.natGateways', network.natGateways, 0, network.zones);
  demand(network.natGateways > 0 || network.endpoints,
         'network: without natGateways and endpoints, nodes reach neither secrets nor packages');
  demand(network.natGateways > 0 || nodes.image !== undefined,
         'nodes.image: without natGateways, the image must have all packages');
  demand(nodes.image === undefined || /^ami-[0-9a-f]+$/.test(nodes.image),
         `nodes.image: "${nodes.image}" is not an AMI`);
  demand(/^[a-z0-9-]+\.[a-z0-9-]+$/.test(nodes.instanceType),
         `nodes.instanceType: "${nodes.instanceType}" is not like r8g.large`);
  within('nodes.minimum', nodes.minimum, 1, 1000);
  within('nodes.maximum', nodes.maximum, nodes.minimum, 1000);
  within('nodes.diskSize', nodes.diskSize, 8, 16_384);
  within('nodes.sessions', nodes.sessions, 100, 100_000_000);
  within('nodes.target', nodes.target, 10, 90);
  within('nodes.warmup', nodes.warmup, 0, 3600);
  within('nodes.drainRate', nodes.drainRate, 1, 100_000);
  for (const option of OWN_OPTIONS) {
    demand(!(option in nodes.options), `nodes.options.${option}: other settings say it`);
  }
  for (const option of ['port', 'tls', 'module', 'use_proxy_protocol', 'trusted_proxies']) {
    demand(!(option in connections.options), `connections.options.${option}: the NLB relies on it`);
  }
  within('connections.idle', connections.idle, 60, 6000);
  within('connections.ping', connections.ping, 10, connections.idle - 60);
  within('connections.tracked', connections.tracked, connections.idle, 432_000);
  within('database.minimumCapacity', database.minimumCapacity, 0.5, 256);
  within('database.maximumCapacity', database.maximumCapacity,
         Math.max(1, database.minimumCapacity), 256);
  within('database.readers', database.readers, 0, 15);
  within('database.backupDays', database.backupDays, 1, 35);
  within('uploads.days', config.uploads.days, 1, 36_500);
}

/** Reads the text of a settings file. Throws an Error that names what is wrong. */
export function readConfig(text: string): Config {
  const given: unknown = JSON.parse(text);
  if (!isObject(given)) throw new Error('the settings are not an object');
  const config = merge(DEFAULTS as unknown as Json, given, '') as unknown as Config;
  check(config);
  return config;
}
