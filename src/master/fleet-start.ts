/** A master as a node of a fleet, at work: loaded only where it is one. */
import { randomBytes } from 'node:crypto';
import type { KeyPair, MasterCommand, MasterCounters } from '../core/index.ts';
import { BUILD, monotonicNow } from '../node/index.ts';
import { type Fleet, type FleetTimers, startFleet } from './fleet.ts';
import { FLEET_SUBJECT } from './fleet-words.ts';
import type { ListItem } from './listing.ts';
import { loadNats } from './nats.ts';
import type { Office } from './office.ts';
import { portsOf } from './ports.ts';
import { entryOf } from './snapshot.ts';
import type { MasterFact, MasterOptions } from './start.ts';
import type { Store } from './store.ts';

/** They keep no process alive. */
const TIMERS: FleetTimers = {
  every(ms, work) {
    const timer = setInterval(work, ms).unref();
    return () => clearInterval(timer);
  },
  after(ms, work) {
    const timer = setTimeout(work, ms).unref();
    return () => clearTimeout(timer);
  },
};

export async function startNode(parts: {
  readonly options: MasterOptions;
  readonly listen: readonly string[];
  readonly secret: Uint8Array;
  readonly identity: KeyPair;
  readonly office: Office;
  readonly store: Store;
  readonly counters: () => MasterCounters;
  readonly command: (command: MasterCommand) => void;
  readonly tell: (fact: MasterFact) => void;
}): Promise<Fleet | null> {
  const { options, office, store, secret, counters, command, tell } = parts;
  const { fleet = null } = options;
  if (fleet === null) return null;
  const open = await loadNats(fleet.nats);
  const { port, furtherPort = 0 } = portsOf(options);
  const { directory } = office;
  const { listing } = directory;
  const addresses = (options.advertise ?? parts.listen).slice(0, 4);
  const ours = (hostId: string): ListItem | null => {
    const item = listing.get(hostId);
    return item === undefined || item.elsewhere || item.returning || item.host.code === '' ? null : item;
  };
  return startFleet({
    place: { name: fleet.node, region: fleet.region ?? '', addresses: [...addresses], port, furtherPort },
    ...{ secret, identity: parts.identity.publicKey, version: BUILD.version, store, command },
    ...{
      moderation: office.moderation,
      webhooks: office.webhooks,
      onRules: office.applyRules,
      wallClock: Date.now,
      monotonic: monotonicNow,
    },
    generation: (hostId) => ours(hostId)?.host.generation ?? null,
    entry(hostId) {
      const item = ours(hostId);
      return item === null ? null : entryOf(item);
    },
    hostIds: () => [...listing.all()].map((item) => item.hostId),
    onElsewhere: directory.elsewhere,
    onWhole: office.showAnew,
    figures: () => ({ hosts: counters().hosts, sessions: counters().sessions }),
    timers: TIMERS,
    random: Math.random,
    instance: randomBytes(8).toString('hex'),
    onDrain: () => tell({ fact: 'fleet-drain' }),
    onFact: tell,
    open: (listener) => open(FLEET_SUBJECT, listener),
  });
}
