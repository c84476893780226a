/** Everything that the masterserver tells Prometheus, under the names of docs/reference/product.md §5. */
import type { MasterCounters } from '../core/index.ts';
import type { Directory } from './directory.ts';
import { createMetrics, type Measured, type Metrics } from './metrics.ts';
import type { Moderation } from './moderation.ts';
import type { RelayFigures } from './relay-thread.ts';

export interface MeasuresOptions {
  readonly version: string;
  readonly directory: Directory;
  readonly moderation: Moderation;
  readonly counters: () => MasterCounters | null;
  readonly lagSeconds: () => number;
  readonly storeOk: () => boolean;
  readonly eventStreams: () => number;
  /** Null without a relay. */
  readonly relay: () => RelayFigures | null;
  /** Of a node of a fleet alone. */
  readonly fleet?: () => FleetFigures;
}

/** Whether the engine carries what nodes say, and how many nodes were heard of within seconds, this one among them. */
export interface FleetFigures {
  readonly connected: boolean;
  readonly nodes: number;
  /** The list lacks nothing that other nodes have told. */
  readonly whole: boolean;
  /** Registered at other nodes, those among them that are registered here too. */
  readonly hostsElsewhere: number;
  /** Of all nodes that are heard of: registrations, of which a host has two or three, and sessions. */
  readonly registrations: number;
  readonly sessions: number;
}

const DURATIONS = [0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 20, 60, 300];
const HTTP_DURATIONS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];
const ATTEMPTS = [1, 2, 3, 5, 8, 13, 21, 50];

export function createMeasures(options: MeasuresOptions) {
  const registry = createMetrics();
  const { directory, moderation, counters } = options;
  const count = (name: string, help: string, read: (counters: MasterCounters) => number | readonly Measured[]): void =>
    registry.external(name, help, () => {
      const now = counters();
      return now === null ? [] : read(now);
    });

  registry.gauge('sallyport_build_info', 'Version of the program.', () => [
    { labels: { version: options.version, node: process.version }, value: 1 },
  ]);
  registry.gauge('sallyport_hosts', 'Registered hosts, by whether the public list shows them.', () => {
    const { listed, unlisted, hidden } = directory.counts();
    return [
      { labels: { listed: 'yes' }, value: listed },
      { labels: { listed: 'no' }, value: unlisted },
      { labels: { listed: 'held-back' }, value: hidden },
    ];
  });
  registry.gauge('sallyport_bans', 'Rules in force, by kind.', () =>
    ['key', 'cidr', 'name'].map((kind) => ({
      labels: { kind },
      value: moderation.bans().filter((ban) => ban.kind === kind).length,
    })),
  );
  registry.gauge('sallyport_event_loop_lag_seconds', '99th percentile since the last scrape.', options.lagSeconds);
  registry.gauge('sallyport_store_ok', '1 while the store can be written, else 0.', () => Number(options.storeOk()));
  if (options.fleet !== undefined) measureFleet(registry, options.fleet);
  registry.gauge('sallyport_event_streams', 'Open streams of live changes.', options.eventStreams);
  registry.gauge('process_resident_memory_bytes', 'Resident memory.', () => process.memoryUsage.rss());
  registry.external('process_cpu_seconds_total', 'User and system time.', () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  registry.gauge('sallyport_sessions', 'Sealed sessions of hosts and clients.', () => counters()?.sessions ?? 0);
  count('sallyport_probes_total', 'Probes of NAT mappings.', (now) => [
    { labels: { result: 'answered' }, value: now.probes },
  ]);
  count('sallyport_heartbeats_total', 'Heartbeats of hosts.', (now) => [
    { labels: { result: 'ok' }, value: now.heartbeats },
  ]);
  count('sallyport_handshakes_total', 'Answered handshakes, in full or by ticket.', (now) => [
    { labels: { kind: 'full' }, value: now.handshakes },
    { labels: { kind: 'resumed' }, value: now.resumptions },
  ]);
  count('sallyport_challenges_total', 'Cookies and path challenges demanded.', (now) => [
    { labels: { result: 'sent' }, value: now.challenges },
  ]);
  count('sallyport_control_messages_total', 'Authentic control messages.', (now) => now.controls);
  count('sallyport_packets_dropped_total', 'Datagrams dropped in silence.', (now) => byReason('reason', now.dropped));
  count('sallyport_rate_limited_total', 'What a limit of the protocol refused.', (now) =>
    byReason('kind', now.limited),
  );
  measureRelay(registry, options.relay);
  return {
    text: () => registry.text(),
    joins: registry.counter('sallyport_joins_total', 'Joins asked for.'),
    traversals: registry.counter('sallyport_traversals_total', 'Finished traversals by pair of NATs.'),
    durations: registry.histogram('sallyport_traversal_duration_seconds', 'Time to a path.', DURATIONS),
    attempts: registry.histogram('sallyport_traversal_attempts', 'Attempts until a path.', ATTEMPTS),
    httpLimited: registry.counter('sallyport_http_rate_limited_total', 'HTTP requests over the limit.'),
    requests: registry.counter('sallyport_http_requests_total', 'HTTP requests.'),
    requestDurations: registry.histogram('sallyport_http_request_duration_seconds', 'HTTP requests.', HTTP_DURATIONS),
    webhooks: registry.counter('sallyport_webhook_deliveries_total', 'Webhook calls.'),
    testJoins: registry.counter('sallyport_test_joins_total', 'The own test joins of the master.'),
  };
}

function byReason(label: string, table: Readonly<Record<string, number>>): Measured[] {
  return Object.entries(table).map(([reason, value]) => ({ labels: { [label]: reason }, value }));
}

/** Nothing is told while `figures` is null. */
export function measureRelay(registry: Metrics, figures: () => RelayFigures | null): void {
  const read =
    (of: (figures: RelayFigures) => number | readonly Measured[]): (() => number | readonly Measured[]) =>
    () => {
      const now = figures();
      return now === null ? [] : of(now);
    };
  registry.gauge(
    'sallyport_relay_pairs',
    'Pairs at the relay, by whether both ends are there.',
    read(({ counters: { pairs, whole } }) => [
      { labels: { ends: 'both' }, value: whole },
      { labels: { ends: 'one' }, value: pairs - whole },
    ]),
  );
  registry.external(
    'sallyport_relay_datagrams_total',
    'Datagrams forwarded by the relay.',
    read(({ counters }) => counters.forwarded),
  );
  registry.external(
    'sallyport_relay_bytes_total',
    'UDP payload forwarded by the relay.',
    read(({ counters }) => counters.forwardedBytes),
  );
  registry.external(
    'sallyport_relay_dropped_total',
    'Datagrams that the relay has dropped.',
    read(({ counters, congested }) => byReason('reason', { ...counters.dropped, congested })),
  );
  registry.external(
    'sallyport_relay_bound_total',
    'Ends bound at the relay.',
    read(({ counters }) => counters.bound),
  );
  registry.external(
    'sallyport_relay_refused_total',
    'What the relay has refused to ends.',
    read(({ counters }) => byReason('reason', counters.refused)),
  );
}

function measureFleet(registry: Metrics, fleet: () => FleetFigures): void {
  const connected = (): number => Number(fleet().connected);
  registry.gauge('sallyport_fleet_connected', '1 while NATS carries what nodes say, else 0.', connected);
  registry.gauge('sallyport_fleet_nodes', 'Nodes heard of within seconds, this one among them.', () => fleet().nodes);
  registry.gauge('sallyport_fleet_list_whole', '1 while the list shows the hosts of all nodes, else 0.', () =>
    Number(fleet().whole),
  );
  registry.gauge(
    'sallyport_fleet_hosts_elsewhere',
    'Hosts of which other nodes tell, some of them registered here too.',
    () => fleet().hostsElsewhere,
  );
  registry.gauge(
    'sallyport_fleet_registrations',
    'Registrations at all nodes together: a host is at two or three.',
    () => fleet().registrations,
  );
  registry.gauge('sallyport_fleet_sessions', 'Sessions at all nodes together.', () => fleet().sessions);
}
