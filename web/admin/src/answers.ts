// What the commands answer, as far as the pages read it. Times are texts of ISO 8601.

export interface Alert {
  severity: "error" | "warning";
  text: string;
}

// null: the node does not answer.
export interface NodeFacts {
  id: number;
  name: string;
  state: NodeState;
  sessions: number | null;
  utilisation: number | null; // per cent
  version: string | null;
  uptime: number | null; // seconds
  messages_per_second: number | null;
  cpu: number | null; // per cent of one core
  memory: number | null; // bytes
}

export type NodeState = "joining" | "up" | "draining";

export interface Overview {
  nodes: NodeFacts[];
  sessions: number;
  accounts: number;
  messages_per_second: number;
  messages_lost: number;
  utilisation: number; // per cent, on average
  alerts: Alert[];
}

// One value a step; null where nothing is known.
export interface Load {
  from: string;
  sessions: (number | null)[];
  messages_per_second: (number | null)[];
  utilisation: (number | null)[];
}

export interface LastHour {
  step_s: number;
  from: string;
  series: Omit<Load, "from">;
  nodes: Record<string, Load | null>; // by name
}

export interface Node {
  node: number;
  name: string;
  address: string;
  state: NodeState;
  version: string;
  sessions: number | "unknown";
  client_address: string;
  utilisation: number | "unknown";
  stanzas_per_second: number | "unknown";
  cpu_percent: number | "unknown";
  memory: number | "unknown";
  leases: string[];
}

export interface Pair {
  node: number;
  other?: number;
  hears?: boolean;
  heard_ms_ago?: number;
  waiting_bytes?: number;
  knows_sessions?: boolean;
  lease_ms_ago?: number;
  error?: string;
}

export interface ClusterEvent {
  time: string;
  event: string;
  node: number;
  name: string;
  by?: number; // who does not hear it
  lease?: string;
}

export interface Account {
  user: string;
  host: string;
  sessions: number;
  banned: boolean;
}

export interface AccountInfo {
  jid: string;
  created: string;
  contacts: number;
  archived: number;
  archived_more: boolean; // than that
  archive_newest: string | null;
  archive_oldest: string | null;
  offline_messages: number;
  banned: boolean;
  ban_reason: string | null;
  banned_since: string | null;
  banned_by: string | null;
  online: boolean;
  last_activity: string | null;
}

export interface SessionInfo {
  jid: string;
  node: string | number; // it is connected to
  connection: string;
  ip: string;
  port: number;
  priority: number;
  show: string;
  status: string;
  uptime: number; // seconds
}

export interface RosterItem {
  jid: string;
  nick: string;
  subscription: string;
  pending: string;
  groups: string[];
}

export interface Host {
  host: string;
  accounts: number;
  sessions: number;
  certificate: { not_after: string; self_signed: boolean } | null;
}

export interface Certificate {
  hosts: string[];
  subject: string;
  issuer: string;
  not_before: string;
  not_after: string;
  names: string[];
  self_signed: boolean;
  file: string;
  fingerprint: string;
  error: string; // why it cannot be served
}

export interface Option {
  name: string;
  value: string; // YAML
  default: string;
  from: string; // FILE:LINE:COLUMN, "environment variable NAME", "default"
  type: string;
  meaning: string;
  when: string;
  example: string;
  change_needs: "reload" | "restart";
  per_host: boolean;
}

export interface LogLine {
  at_node: string;
  time: string;
  level: "debug" | "info" | "warning" | "error";
  subsystem: string;
  event: string;
  [field: string]: unknown;
}

export interface Happening {
  time: string;
  name: string; // of the node
  what: string;
  from?: string;
  to?: string;
}

export interface TraceLine {
  tracing?: string;
  left_out?: number;
  time: string;
  direction: "in" | "out";
  stream: string;
  session: string;
  jid: string;
  size: number;
  node?: string; // in a cluster
  xml: string;
  trace_id?: string;
}

export interface Token {
  id: string;
  name: string;
  scopes: string;
  created_by: string;
  created: string;
  expires: string;
  last_used: string; // "" if never
}

export interface AuditLine {
  time: string;
  who: string;
  from: string;
  command: string;
  arguments: Record<string, unknown>;
  result: string; // "done", or why not
}
