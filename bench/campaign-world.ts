/** A simulated internet for the campaign: the real master, real participants, and a way to hit the master's sockets by the million. */

import {
  type CryptoSuite,
  createMaster,
  createPeer,
  type Endpoint,
  type KeyPair,
  type Machine,
  type MasterCommand,
  type MasterEvent,
  type PeerCommand,
  type PeerConfig,
  type PeerEvent,
  type SocketId,
  seededCrypto,
} from '../src/core/index.ts';
import type { MasterMachine } from '../src/core/testing.ts';
import { nodeCrypto } from '../src/node/index.ts';
import { type Behind, createWorld, type Host, type Running, type World, weakCodes } from '../src/sim/index.ts';

const WALL = 1_700_000_000_000;
export const MASTER = { address: '198.51.100.7', port: 8_430 };
export const PORT = { door: MASTER.port, control: MASTER.port + 1, probe: MASTER.port + 9 } as const;

export interface Participant {
  readonly host: Host;
  readonly machine: Machine<PeerCommand, PeerEvent>;
  readonly running: Running<PeerCommand, PeerEvent>;
  readonly key: KeyPair;
  /** Those that are open. */
  readonly sockets: ReadonlySet<SocketId>;
  all<Ev extends PeerEvent['ev']>(ev: Ev): readonly (PeerEvent & { readonly ev: Ev })[];
}

export interface Stage {
  readonly world: World;
  readonly master: MasterMachine;
  /** The same as it runs on its server. */
  readonly serving: Running<MasterCommand, MasterEvent>;
  readonly key: Uint8Array;
  /** World time, for calls past the sockets. */
  now(): number;
  participant(name: string, behind: Behind | null, config?: Partial<PeerConfig>): Participant;
  /** Gives the master a datagram at one of its ports, and answers what it sends for it. */
  hit(from: Endpoint, port: number, bytes: Uint8Array, at?: number): readonly Uint8Array[];
}

export function stage(seed: string): Stage {
  const world = createWorld({ seed, trace: false });
  const crypto = seededCrypto(`${seed}/master`, nodeCrypto);
  const identity = crypto.keyPair();
  const wallClock = (): number => WALL + world.now;
  const machine = weakCodes(
    createMaster({
      ...{ crypto, random: world.random('master'), identity, addresses: [MASTER.address], advertised: null, wallClock },
      port: MASTER.port,
      policy: { announce: (_key, _from, announcement) => announcement, admit: () => null },
    }),
    crypto,
  );
  const sockets = new Map<number, SocketId>();
  const { handleSocket } = machine;
  machine.handleSocket = (now, socket, outcome) => {
    if (outcome.ok) sockets.set(outcome.local.port, socket);
    handleSocket.call(machine, now, socket, outcome);
  };
  const server = world.server({ name: 'master', addresses: [MASTER.address] });
  const serving = server.run(machine);
  serving.command({ do: 'start' });
  world.run(10);
  return {
    ...{ world, serving, master: machine, key: identity.publicKey, now: () => world.now },
    participant: (name, behind, config = {}) => participant(world, identity.publicKey, wallClock, name, behind, config),
    hit(from, port, bytes, at = world.now) {
      machine.handleDatagram(at, sockets.get(port) as SocketId, from, bytes);
      const sent: Uint8Array[] = [];
      for (let output = machine.poll(); output.kind !== 'wait'; output = machine.poll())
        if (output.kind === 'transmit') sent.push(output.bytes);
      return sent;
    },
  };
}

function participant(
  world: World,
  key: Uint8Array,
  wallClock: () => number,
  name: string,
  behind: Behind | null,
  config: Partial<PeerConfig>,
): Participant {
  const host = world.host({ name, ...(behind === null ? {} : { behind }) });
  const crypto: CryptoSuite = config.crypto ?? seededCrypto(`${world.options.seed}/${name}`, nodeCrypto);
  const own = crypto.keyPair();
  const machine = weakCodes(
    createPeer({
      ...{ master: { key, addresses: [MASTER.address], port: MASTER.port }, identity: own, stun: [], crypto },
      ...{ random: world.random(name), wallClock, family: 4 },
      ...config,
    }),
    crypto,
  );
  const sockets = new Set<SocketId>();
  const { poll } = machine;
  machine.poll = () => {
    const output = poll.call(machine);
    if (output.kind === 'socket') sockets[output.op === 'open' ? 'add' : 'delete'](output.socket);
    return output;
  };
  const running = host.run(machine);
  running.command({ do: 'network', network: { addresses: host.addresses, gateway: null } });
  running.command({ do: 'start' });
  return {
    ...{ host, machine, running, key: own, sockets },
    all: <Ev extends PeerEvent['ev']>(ev: Ev) =>
      running.events.filter((event): event is PeerEvent & { readonly ev: Ev } => event.ev === ev),
  };
}

export const ANNOUNCEMENT = {
  ...{ name: 'Arena', game: 'quake', map: 'dm6', mode: 'ffa', version: '1', public: true },
  ...{ playersMax: 64, passwordNeeded: false },
} as const;

export function hosting(setup: Stage, name: string, behind: Behind | null): Participant {
  const host = setup.participant(name, behind);
  host.running.command({ do: 'host', announcement: ANNOUNCEMENT, password: null, ask: false });
  const ready = (): boolean => host.all('hosting').length > 0 && host.all('ready').length > 0;
  if (!setup.world.runUntil(ready, { limitMs: 20_000 })) throw new Error(`${name} does not host`);
  return host;
}

export function join(friend: Participant, number: number, hostKey: Uint8Array): void {
  friend.running.command({
    ...{ do: 'join', join: number, code: null, hostKey, password: null, name: 'Eve', timeoutMs: 0 },
  });
}

/** A public address that nobody has, another each time; they share no network. */
export function spoofed(n: number, port = 1_024 + (n % 60_000)): Endpoint {
  const mixed = Math.imul(n + 1, 0x9e37_79b1) >>> 0;
  const first = 20 + ((mixed >>> 24) % 80);
  return { address: `${first}.${(mixed >>> 16) & 255}.${(mixed >>> 8) & 255}.${mixed & 255}`, port };
}
