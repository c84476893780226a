/** A simulated internet with a real master in it, and the participants of a test: hosts and clients that are real `Peer` machines. */

import {
  createPeer,
  type HostAnnouncement,
  type KeyPair,
  type Machine,
  type PeerCommand,
  type PeerConfig,
  type PeerEvent,
  seededCrypto,
} from '../../src/core/index.ts';
import type { GuestMemory } from '../../src/core/testing.ts';
import { nodeCrypto } from '../../src/node/index.ts';
import {
  type Behind,
  createWorld,
  type Host,
  type Running,
  type World,
  type WorldOptions,
  weakCodes,
} from '../../src/sim/index.ts';
import { type MasterPlace, type SimMaster, startMaster } from './peer-master.ts';

export type EventOf<Ev extends PeerEvent['ev']> = PeerEvent & { readonly ev: Ev };

export interface Participant {
  readonly machine: Machine<PeerCommand, PeerEvent>;
  readonly running: Running<PeerCommand, PeerEvent>;
  readonly host: Host;
  readonly identity: KeyPair;
  readonly publicKey: Uint8Array;
  command(command: PeerCommand): void;
  all<Ev extends PeerEvent['ev']>(ev: Ev): readonly EventOf<Ev>[];
  last<Ev extends PeerEvent['ev']>(ev: Ev): EventOf<Ev> | undefined;
  /** World time of each event. */
  readonly log: readonly { readonly at: number; readonly event: PeerEvent }[];
}

export interface Peers {
  readonly world: World;
  readonly master: SimMaster;
  /** Started, unless told not to be. */
  participant(name: string, where: Host | Behind | null, config?: Partial<PeerConfig>, start?: boolean): Participant;
  /** Runs until `done`, or fails with the seed. */
  until(done: () => boolean, limitMs: number, what: string): void;
}

export const ANNOUNCEMENT: HostAnnouncement = {
  name: 'Arena',
  game: 'quake',
  public: false,
  playersMax: 8,
  map: 'dm6',
  mode: 'ffa',
  version: '1',
  passwordNeeded: false,
};

/** `place`: where the master stands; on the Internet where absent. */
export function peers(options: WorldOptions, place: (world: World) => MasterPlace = () => ({})): Peers {
  const world = createWorld({ trace: false, ...options });
  const master = startMaster(world, place(world));
  return {
    world,
    master,
    participant: (name, where, config = {}, start = true) => participant(world, master, name, where, config, start),
    until(done, limitMs, what) {
      if (!world.runUntil(done, { limitMs }))
        throw new Error(`not within ${limitMs} ms: ${what}\n${world.replayText()}`);
    },
  };
}

function participant(
  world: World,
  master: SimMaster,
  name: string,
  where: Host | Behind | null,
  config: Partial<PeerConfig>,
  start: boolean,
): Participant {
  const host = isHost(where) ? where : world.host({ name, ...(where === null ? {} : { behind: where }) });
  const crypto = seededCrypto(`${world.options.seed}/${name}`, nodeCrypto);
  const identity = config.identity ?? crypto.keyPair();
  const log: { at: number; event: PeerEvent }[] = [];
  const machine = weakCodes(
    createPeer({
      ...{ master: master.address, identity, stun: [], crypto, random: world.random(name) },
      ...{ wallClock: () => 1_700_000_000_000 + world.now, family: 4 },
      ...config,
    }),
    crypto,
  );
  const running = host.run(machine, { onEvent: (event, at) => log.push({ at, event }) });
  running.command({ do: 'network', network: { addresses: host.addresses, families: host.families, gateway: null } });
  if (start) running.command({ do: 'start' });
  const all = <Ev extends PeerEvent['ev']>(ev: Ev) =>
    log.map(({ event }) => event).filter((event): event is EventOf<Ev> => event.ev === ev);
  return {
    ...{ machine, running, host, identity, publicKey: identity.publicKey, log, all },
    command: (command) => running.command(command),
    last: (ev) => all(ev).at(-1),
  };
}

function isHost(where: Host | Behind | null): where is Host {
  return where !== null && 'run' in where;
}

export function hostCommand(
  changes: Partial<HostAnnouncement> = {},
  password: string | null = null,
  ask = false,
  guests?: GuestMemory,
): PeerCommand {
  const command = { do: 'host', announcement: { ...ANNOUNCEMENT, ...changes }, password, ask } as const;
  return guests === undefined ? command : { ...command, guests };
}

export function joinCommand(changes: Partial<PeerCommand & { readonly do: 'join' }> = {}): PeerCommand {
  return { do: 'join', join: 1, code: null, hostKey: null, password: null, name: 'Ann', timeoutMs: 0, ...changes };
}

/** All that it sends goes through a VPN, as its driver tells. */
export function withVpn({ host, command }: Participant): void {
  command({
    do: 'network',
    network: { addresses: host.addresses, families: host.families, gateway: null, vpn: 'all' },
  });
}

/** A host that is listed and profiled, and a client that is profiled. */
export function hostAndClient(setup: Peers, behind: readonly [Host | Behind | null, Host | Behind | null]) {
  const host = setup.participant('host', behind[0]);
  const client = setup.participant('client', behind[1]);
  host.command(hostCommand());
  const ready = () => host.last('hosting') !== undefined && host.last('ready') !== undefined;
  setup.until(() => ready() && client.last('ready') !== undefined, 5_000, 'both are ready');
  return { host, client, code: (host.last('hosting') as EventOf<'hosting'>).code };
}
