/**
 * A whole internet in memory that runs as real time passes: a masterserver with a relay, and a computer behind a NAT of its own for each
 * program that asks for one. The machines of those programs run where they always do; only their sockets are in here.
 */
import {
  createMaster,
  type Endpoint,
  formatMasterLink,
  type MasterLink,
  type Random,
  RelayMachine,
  relayKeys,
} from '../core/index.ts';
import { deriveCode, nodeCrypto, systemRandom } from '../node/index.ts';
import { createWorld, type Host, placeUser, SIM_CLASSES, type SimClassId, simClass, type World } from '../sim/index.ts';
import { CLI_LIMITS } from './limits.ts';

/** A computer in that internet, as the program on it uses it. */
export interface FakePlace {
  readonly address: string;
  /** Whatever comes to this port from now on. */
  open(port: number, receive: (from: Endpoint, bytes: Uint8Array) => void): void;
  close(port: number): void;
  send(port: number, to: Endpoint, bytes: Uint8Array, ttl: number | undefined): void;
  /** The computer is switched off. */
  leave(): void;
}

const MASTER_PORT = 8430;
const RELAY_PORT = 8460;
/** The first address that a world gives away. */
const MASTER_ADDRESS = '198.18.0.1';
/** Everybody who reads this has it: the master of an internet that holds nothing but a game's test. */
const MASTER_SECRET = new Uint8Array(32).fill(7);
const RELAY_SECRET = new Uint8Array(32).fill(9);

/** Every fake world has the same, so who joins it later knows it without asking. */
export function fakeMasterLink(): string {
  const { publicKey } = nodeCrypto.keyPair(MASTER_SECRET);
  return formatMasterLink({ host: MASTER_ADDRESS, port: MASTER_PORT, key: publicKey } satisfies MasterLink);
}

export function isFakeNat(text: string): text is SimClassId {
  return (SIM_CLASSES as readonly string[]).includes(text);
}

export class FakeWorld {
  readonly #world: World;
  readonly #began = performance.now();
  #timer: NodeJS.Timeout | null = null;
  #running = false;
  #closed = false;
  #places = 0;
  /** Computers whose program has gone, by the class of their NAT: the next program of that class has one of them. */
  readonly #empty = new Map<SimClassId, Host[]>();

  constructor() {
    this.#world = createWorld({ seed: 'fake', trace: false, eventsMax: Number.POSITIVE_INFINITY });
    startMaster(this.#world, () => this.#enter(() => {}));
    this.#enter(() => {});
  }

  /** A computer behind the NAT of this class; null where there are as many as the world takes. */
  place(nat: SimClassId): FakePlace | null {
    if (this.#places >= CLI_LIMITS.fakePlacesMax) return null;
    this.#places += 1;
    const host = this.#empty.get(nat)?.pop() ?? this.#build(nat);
    const bound = (port: number): Endpoint => ({ address: '0.0.0.0', port });
    const ports = new Set<number>();
    const place: FakePlace = {
      address: host.address,
      open: (port, receive) =>
        this.#enter(() => {
          ports.add(port);
          // What a NAT gives back is told outside the world's own turn.
          host.bind(bound(port), ({ from, bytes }) => queueMicrotask(() => receive(from, bytes)));
        }),
      close: (port) =>
        this.#enter(() => {
          ports.delete(port);
          host.unbind(bound(port));
        }),
      send: (port, to, bytes, ttl) => this.#enter(() => void host.send(bound(port), to, bytes, ttl)),
      leave: () => {
        for (const port of [...ports]) place.close(port);
        this.#places -= 1;
        this.#empty.set(nat, [...(this.#empty.get(nat) ?? []), host]);
      },
    };
    return place;
  }

  #build(nat: SimClassId): Host {
    const world = this.#world;
    return placeUser(world, simClass(nat, world.random(`kind/${nat}`)), `place${world.hosts.length}`);
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#closed = true;
  }

  /** Lets the world come up to now, does it, and lets everything happen that follows at once. */
  #enter(act: () => void): void {
    if (this.#closed) return;
    if (this.#running) {
      this.#world.after(0, act);
      return;
    }
    this.#running = true;
    this.#comeUp();
    act();
    this.#comeUp();
    this.#running = false;
    this.#arm();
  }

  #comeUp(): void {
    const passed = performance.now() - this.#began - this.#world.now;
    this.#world.run(Math.max(0, passed));
  }

  #arm(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const { nextAt } = this.#world;
    if (nextAt === Number.POSITIVE_INFINITY) return;
    const waitMs = nextAt - (performance.now() - this.#began);
    this.#timer = setTimeout(() => this.#enter(() => {}), Math.min(Math.max(1, waitMs), CLI_LIMITS.fakeTimerMsMax));
  }
}

function startMaster(world: World, woken: () => void): void {
  const addresses = [world.publicAddress(), world.publicAddress()];
  const place = world.server({ name: 'master', addresses });
  const wallClock = (): number => Date.now();
  const random: Random = systemRandom;
  const identity = nodeCrypto.keyPair(MASTER_SECRET);
  const relay = world.server({ name: 'relay' });
  const keys = relayKeys(nodeCrypto, RELAY_SECRET, identity.publicKey);
  const at = { addresses: relay.addresses, port: RELAY_PORT };
  relay.run(new RelayMachine({ crypto: nodeCrypto, keys, wallClock, tunnel: false, ...at })).command({ do: 'start' });
  const master = createMaster({
    ...{ crypto: nodeCrypto, random, wallClock, identity, port: MASTER_PORT, advertised: null },
    addresses: place.addresses,
    relays: { secret: RELAY_SECRET, list: [{ name: 'relay', region: '', ...at }] },
    policy: { announce: (_key, _from, announcement) => announcement, admit: () => null },
  });
  const running = place.run(master, {
    onEvent(event) {
      if (event.ev !== 'derive') return;
      const { key } = event;
      deriveCode(key).then((code) => {
        running.command({ do: 'derived', key, code });
        woken();
      });
    },
  });
  running.command({ do: 'start' });
}
