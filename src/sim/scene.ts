/** A master, a host and a client of given classes in a world of their own: the real machines, started and told nothing yet. */
import {
  answerStun,
  type CryptoSuite,
  createMaster,
  createPeer,
  type Endpoint,
  type MasterAddress,
  type MasterConfig,
  type MasterRelays,
  type PeerCommand,
  type PeerConfig,
  type PeerEvent,
  RelayMachine,
  relayKeys,
  seededCrypto,
  WIRE,
} from '../core/index.ts';
import { type Families, withFamilies, withIpv6 } from './families.ts';
import type { Host, Running } from './host.ts';
import { type AccessKind, placeUser, type SimClassId, type SimUser, simClass } from './population.ts';
import { SimTunnelHall, type SimTunnels } from './tunnel.ts';
import { weakCodes } from './weak-codes.ts';
import { createWorld, type World, type WorldOptions } from './world.ts';

export type PairSide = 'client' | 'host';

export interface SceneOptions {
  readonly clientClass: SimClassId;
  readonly hostClass: SimClassId;
  readonly clientAccess?: AccessKind;
  readonly hostAccess?: AccessKind;
  /** These two instead of what the seed draws of the classes. */
  readonly users?: Readonly<Record<PairSide, SimUser>>;
  readonly seed: number | string;
  /** A real suite; its randomness is replaced by a seeded one. */
  readonly crypto: CryptoSuite;
  /** Lines between the sites; the defaults of `createWorld` where absent. */
  readonly lines?: Pick<WorldOptions, 'delayMs' | 'jitterMs' | 'lossRate'>;
  /** One-way delay of the master's own line, on top of the way there; default 0. */
  readonly masterDelayMs?: number;
  /** Ports and addresses of the master; 25 ports on each of two addresses where absent. */
  readonly master?: Pick<MasterConfig, 'onePort' | 'furtherPort'> & { readonly addresses?: 1 | 2 };
  /** The master can be reached by TLS too, and its relay with it; default no. */
  readonly tls?: boolean;
  /** Some of those who are drawn have IPv6, or nothing else, and the master (and its relay) has both families; default nobody. */
  readonly ipv6?: boolean;
  /** What a side has of the families, whatever is drawn; with `ipv6` only. */
  readonly families?: Partial<Readonly<Record<PairSide, Families>>>;
  /** A relay that the master grants pairs at; default none. */
  readonly relay?: boolean;
  /** Public STUN servers beside it; default 2. */
  readonly stunServers?: 0 | 1 | 2;
  /** What differs of a participant's configuration. */
  readonly configs?: Partial<Readonly<Record<PairSide, Partial<PeerConfig>>>>;
  /** Keep every packet, so that `check` and the trace formats work on `world`. */
  readonly trace?: boolean;
  /** The command that replays this run. */
  readonly replay?: string;
  onEvent?(side: PairSide, event: PeerEvent, at: number): void;
}

/** What can be got at in a running world. */
export interface PairScene {
  readonly world: World;
  readonly users: Readonly<Record<PairSide, SimUser>>;
  readonly peers: Readonly<Record<PairSide, SimPeer>>;
  readonly master: SimMaster;
}

export interface SimPeer {
  /** The computer. */
  readonly place: Host;
  /** The last event of each kind since its program began. */
  readonly last: ReadonlyMap<PeerEvent['ev'], PeerEvent>;
  /** Sent to the other side, dying ones included. */
  readonly packets: number;
  command(command: PeerCommand): void;
  /** The program looks at its addresses, as the driver does from time to time. */
  lookAtNetwork(): void;
  pause(ms: number): void;
  /** Sets its clock on, or back. */
  turnClock(ms: number): void;
  /** Ends the program and starts it anew with the same key, after so long; a host then hosts again. */
  restart(afterMs?: number): void;
}

export interface SimMaster {
  readonly address: MasterAddress;
  /** Null: it is not reached by TLS. */
  readonly tunnels: SimTunnels | null;
  pause(ms: number): void;
  /** Ends the master and starts it anew; of all that it knew it keeps its key alone. */
  restart(): void;
}

/** 2026-01-01, so that time stamps in handshakes have a date. */
const WALL_CLOCK_START = 1_767_225_600_000;
/** What a computer that asks for the time is off by, generously. */
const WALL_CLOCK_SKEW_MS = 2_000;
const MASTER_PORT = 8430;
const RELAY_PORT = 8460;
const STUN_PORTS = [3478, 3479];

/** The users that are placed for these options: another method can be tried on the same two. */
export function pairUsers(options: SceneOptions): Readonly<Record<PairSide, SimUser>> {
  return usersOf(worldOf(options), options);
}

function worldOf({ seed, trace = false, replay, lines }: SceneOptions): World {
  return createWorld({ seed, trace, ...lines, ...(replay === undefined ? {} : { replay }) });
}

function usersOf(world: World, options: SceneOptions): Readonly<Record<PairSide, SimUser>> {
  const { clientAccess = 'home', hostAccess = 'home' } = options;
  if (options.users !== undefined) return options.users;
  const drawn = (side: PairSide, id: SimClassId, access: AccessKind): SimUser => {
    const user = simClass(id, world.random(side), access);
    if (!options.ipv6) return user;
    const families = options.families?.[side];
    return families === undefined ? withIpv6(user, world.random(`ipv6/${side}`)) : withFamilies(user, families);
  };
  return {
    client: drawn('client', options.clientClass, clientAccess),
    host: drawn('host', options.hostClass, hostAccess),
  };
}

/** With the next step of the world both programs start, and the host's begins to host. */
export function openScene(options: SceneOptions): PairScene {
  const world = worldOf(options);
  const users = usersOf(world, options);
  const master = startMaster(world, options);
  const stun = startStunServers(world, options.stunServers ?? 2);
  const start = (name: PairSide): RunningSide => startSide(world, users[name], name, { options, master, stun });
  const host = start('host');
  const client = start('client');
  countProbes(world, { host, client });
  host.command(HOST);
  return { world, users, peers: { client, host }, master };
}

interface RunningSide extends SimPeer {
  readonly last: Map<PeerEvent['ev'], PeerEvent>;
  packets: number;
}

const ANNOUNCEMENT = {
  name: 'Arena',
  game: 'game',
  public: false,
  playersMax: 8,
  map: '',
  mode: '',
  version: '1',
  passwordNeeded: false,
} as const;

const HOST = { do: 'host', announcement: ANNOUNCEMENT, password: null, ask: false } as const;

/** A master that lets everybody in. */
function startMaster(world: World, options: SceneOptions): SimMaster {
  const { crypto: suite, masterDelayMs = 0, master: ports = {} } = options;
  const four = [world.publicAddress(), world.publicAddress()].slice(0, ports.addresses ?? 2);
  const addresses = options.ipv6 ? [...four, world.publicAddress6()] : four;
  const place = world.server({ name: 'master', addresses, link: { delayMs: masterDelayMs } });
  const crypto = seededCrypto(`${world.options.seed}/master`, suite);
  const identity = crypto.keyPair();
  const random = world.random('master');
  const hall = options.tls ? new SimTunnelHall(world, place) : null;
  const relays = options.relay ? { relays: startRelay(world, options, identity.publicKey, hall) } : {};
  const start = () => {
    const running = place.run(
      weakCodes(
        createMaster({
          crypto,
          random,
          wallClock: () => WALL_CLOCK_START + world.now,
          identity,
          addresses: place.addresses,
          advertised: null,
          port: MASTER_PORT,
          tunnel: hall !== null,
          ...relays,
          ...(ports.onePort === undefined ? {} : { onePort: ports.onePort }),
          ...(ports.furtherPort === undefined ? {} : { furtherPort: ports.furtherPort }),
          policy: { announce: (_key, _from, announcement) => announcement, admit: () => null },
        }),
        suite,
      ),
      hall === null ? {} : { tunnels: hall.exit((bytes) => !isRelays(bytes)) },
    );
    running.command({ do: 'start' });
    return running;
  };
  let running = start();
  return {
    address: {
      ...{ key: identity.publicKey, addresses: place.addresses, port: MASTER_PORT, tunnel: hall !== null },
      ...(ports.furtherPort === undefined ? {} : { furtherPort: ports.furtherPort }),
    },
    tunnels: hall?.entrance ?? null,
    pause: (ms) => running.pause(ms),
    restart() {
      running.stop();
      running = start();
    },
  };
}

/** A relay at a place of its own, on a line like that of the master. */
function startRelay(
  world: World,
  options: SceneOptions,
  masterKey: Uint8Array,
  hall: SimTunnelHall | null,
): MasterRelays {
  const addresses = [world.publicAddress(), ...(options.ipv6 ? [world.publicAddress6()] : [])];
  const place = world.server({ name: 'relay', addresses, link: { delayMs: options.masterDelayMs ?? 0 } });
  const crypto = seededCrypto(`${world.options.seed}/relay`, options.crypto);
  const secret = crypto.randomBytes(32);
  const wallClock = (): number => WALL_CLOCK_START + world.now;
  const keys = relayKeys(crypto, secret, masterKey);
  const relay = new RelayMachine({
    crypto,
    keys,
    wallClock,
    addresses: place.addresses,
    port: RELAY_PORT,
    tunnel: hall !== null,
  });
  place.run(relay, hall === null ? {} : { tunnels: hall.exit(isRelays) }).command({ do: 'start' });
  return { secret, list: [{ name: 'relay', region: '', addresses: place.addresses, port: RELAY_PORT }] };
}

function isRelays(bytes: Uint8Array): boolean {
  return bytes[0] === WIRE.path || bytes[0] === WIRE.relay;
}

/** Two public STUN servers; the first can answer from another address and port (RFC 5780). */
function startStunServers(world: World, servers: number): Endpoint[] {
  return [2, 1].slice(0, servers).map((count, index) => {
    const addresses = Array.from({ length: count }, () => world.publicAddress());
    const place = world.server({ name: `stun${index}`, addresses });
    const server = { addresses, ports: STUN_PORTS, behaviour: 'anybody' } as const;
    for (const address of addresses) {
      for (const port of STUN_PORTS) {
        const local = { address, port };
        place.bind(local, (packet) => {
          const reply = answerStun(server, local, packet.from, packet.bytes);
          if (reply !== null) place.send(reply.from, reply.to, reply.bytes);
        });
      }
    }
    return { address: addresses[0] as string, port: STUN_PORTS[0] as number };
  });
}

function networkOf(world: World, place: Host): PeerCommand {
  const { addresses, families } = place;
  return { do: 'network', network: { addresses, families, gateway: world.gatewayAddress(place) } };
}

interface Surroundings {
  readonly options: SceneOptions;
  readonly master: SimMaster;
  readonly stun: readonly Endpoint[];
}

function startSide(world: World, user: SimUser, name: PairSide, { options, master, stun }: Surroundings): RunningSide {
  const place = placeUser(world, user, name);
  const crypto = seededCrypto(`${options.seed}/${name}`, options.crypto);
  let skewMs = world.random(`clock/${name}`).between(-WALL_CLOCK_SKEW_MS, WALL_CLOCK_SKEW_MS);
  const identity = crypto.keyPair();
  const random = world.random(`peer/${name}`);
  const last = new Map<PeerEvent['ev'], PeerEvent>();
  function start(): Running<PeerCommand, PeerEvent> {
    const wallClock = (): number => WALL_CLOCK_START + skewMs + world.now;
    const machine = weakCodes(
      createPeer({
        ...{ master: master.address, identity, stun, crypto, random, wallClock, family: 4 },
        ...options.configs?.[name],
      }),
      crypto,
    );
    const running = place.run(machine, {
      ...(master.tunnels === null ? {} : { tunnels: master.tunnels }),
      onEvent: (event, at) => {
        last.set(event.ev, event);
        options.onEvent?.(name, event, at);
      },
    });
    running.command(networkOf(world, place));
    running.command({ do: 'start' });
    return running;
  }
  let running = start();
  return {
    place,
    last,
    packets: 0,
    command: (command) => running.command(command),
    lookAtNetwork: () => running.command(networkOf(world, place)),
    pause: (ms) => running.pause(ms),
    turnClock(ms) {
      skewMs += ms;
    },
    restart(afterMs = 0) {
      running.stop();
      last.clear();
      world.after(afterMs, () => {
        running = start();
        if (name === 'host') running.command(HOST);
      });
    },
  };
}

/** Counts what each side sends to anybody but servers and its own boxes (hairpin, port mapping). */
function countProbes(world: World, sides: Readonly<Record<PairSide, RunningSide>>): void {
  const servers = new Set(world.hosts.filter((host) => host.server).flatMap((host) => host.addresses));
  for (const side of Object.values(sides)) {
    const { name } = side.place;
    const boxes = world.gateways.filter((box) => box.name.startsWith(`${name}.`));
    const own = [world.gatewayAddress(side.place), ...boxes.flatMap(({ nat }) => nat.addresses)];
    world.watch(({ where, packet }) => {
      if (where !== name || packet.icmp !== null) return;
      if (!servers.has(packet.to.address) && !own.includes(packet.to.address)) side.packets++;
    }, 'sent');
  }
}
