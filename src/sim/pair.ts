/** One client and one host of given classes, with the real machines and a real master between them, from start to path. */
import {
  answerStun,
  type CryptoSuite,
  createMaster,
  createPeer,
  type Endpoint,
  type MasterAddress,
  type MasterConfig,
  type PeerCommand,
  type PeerEvent,
  seededCrypto,
} from '../core/index.ts';
import type { Host, Running } from './host.ts';
import { type AccessKind, placeUser, type SimClassId, type SimUser, simClass } from './population.ts';
import { weakCodes } from './weak-codes.ts';
import { createWorld, type World, type WorldOptions } from './world.ts';

export type PairSide = 'client' | 'host';

export interface PairOptions {
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
  /** Public STUN servers beside it; default 2. */
  readonly stunServers?: 0 | 1 | 2;
  /** Virtual time from the join to giving up. */
  readonly limitMs?: number;
  /** After the client's path, until the host must have its own; default 2 s. */
  readonly agreeMs?: number;
  /** How often somebody joins whose join has failed for good; default 1. */
  readonly joinsMax?: number;
  /** Keep every packet, so that `check` and the trace formats work on `world`. */
  readonly trace?: boolean;
  /** The command that replays this run. */
  readonly replay?: string;
  onEvent?(side: PairSide, event: PeerEvent, at: number): void;
  /** Called when the client has been told to join: what happens to the world from here on may be arranged now. */
  onJoin?(scene: PairScene): void;
}

/** What can be got at in a running world. */
export interface PairScene {
  readonly world: World;
  readonly peers: Readonly<Record<PairSide, SimPeer>>;
  readonly master: SimMaster;
}

export interface SimPeer {
  /** The computer. */
  readonly place: Host;
  pause(ms: number): void;
  /** Sets its clock on, or back. */
  turnClock(ms: number): void;
  /** Ends the program and starts it anew with the same key; a host then hosts again. */
  restart(): void;
}

export interface SimMaster {
  readonly address: MasterAddress;
  pause(ms: number): void;
  /** Ends the master and starts it anew; of all that it knew it keeps its key alone. */
  restart(): void;
}

export interface PairResult {
  /** Both sides have a path. */
  readonly connected: boolean;
  /** Both sides say the same of it, two seconds after the client has said it. */
  readonly agreed: boolean;
  /** From the join command to the two-way proof at the client, or to the end of the run. */
  readonly elapsedMs: number;
  readonly attempts: number;
  /** How the last attempt was made; null before the first. */
  readonly method: string | null;
  /** Packets to the other side, by sender, dying ones included. */
  readonly packets: Readonly<Record<PairSide, number>>;
  /** Highest number of live mappings in any box of either side. */
  readonly mappingsPeak: number;
  readonly users: Readonly<Record<PairSide, SimUser>>;
  readonly world: World;
}

/** 2026-01-01, so that time stamps in handshakes have a date. */
const WALL_CLOCK_START = 1_767_225_600_000;
/** What a computer that asks for the time is off by, generously. */
const WALL_CLOCK_SKEW_MS = 2_000;
const MASTER_PORT = 8430;
const STUN_PORTS = [3478, 3479];
/** Start, handshake and detection; a blocked network never gets ready. */
const READY_LIMIT_MS = 10_000;
const LIMIT_MS = 120_000;
/** After a join that failed, until somebody tries another. */
const JOIN_AGAIN_MS = 2_000;
/** After the client's path: what the host still needs to say the same. */
const AGREE_MS = 2_000;

/** The users that `runPair` places for these options: another method can be tried on the same two. */
export function pairUsers(options: PairOptions): Readonly<Record<PairSide, SimUser>> {
  return usersOf(worldOf(options), options);
}

function worldOf({ seed, trace = false, replay, lines }: PairOptions): World {
  return createWorld({ seed, trace, ...lines, ...(replay === undefined ? {} : { replay }) });
}

function usersOf(world: World, options: PairOptions): Readonly<Record<PairSide, SimUser>> {
  const { clientAccess = 'home', hostAccess = 'home' } = options;
  if (options.users !== undefined) return options.users;
  return {
    client: simClass(options.clientClass, world.random('client'), clientAccess),
    host: simClass(options.hostClass, world.random('host'), hostAccess),
  };
}

interface RunningSide extends SimPeer {
  command(command: PeerCommand): void;
  readonly last: Map<PeerEvent['ev'], PeerEvent>;
  packets: number;
}

export function runPair(options: PairOptions): PairResult {
  const world = worldOf(options);
  const users = usersOf(world, options);
  const master = startMaster(world, options);
  const stun = startStunServers(world, options.stunServers ?? 2);
  const start = (name: PairSide): RunningSide => startSide(world, users[name], name, { options, master, stun });
  const host = start('host');
  const client = start('client');
  countProbes(world, { host, client });
  host.command(HOST);
  const isReady = (): boolean => host.last.has('hosting') && host.last.has('ready') && client.last.has('ready');
  world.runUntil(isReady, { limitMs: READY_LIMIT_MS });
  const hosting = host.last.get('hosting');
  const began = world.now;
  if (hosting?.ev === 'hosting') {
    const join = { do: 'join', code: hosting.code, hostKey: null, password: null, name: 'client' } as const;
    const { limitMs = LIMIT_MS, joinsMax = 1 } = options;
    const left = (): number => began + limitMs - world.now;
    for (let n = 1; n <= joinsMax && !client.last.has('path') && left() > 0; n++) {
      if (n > 1) world.run(JOIN_AGAIN_MS);
      client.last.delete('join-failed');
      client.command({ ...join, join: n, timeoutMs: 0 });
      if (n === 1) options.onJoin?.({ world, peers: { client, host }, master });
      world.runUntil(() => client.last.has('path') || client.last.has('join-failed'), { limitMs: left() });
    }
  }
  const elapsedMs = world.now - began;
  if (client.last.has('path')) world.runUntil(() => host.last.has('path'), { limitMs: options.agreeMs ?? AGREE_MS });
  return { ...resultOf(world, { host, client }, elapsedMs), users };
}

function resultOf(
  world: World,
  { host, client }: Readonly<Record<PairSide, RunningSide>>,
  elapsedMs: number,
): Omit<PairResult, 'users'> {
  const attempt = client.last.get('attempt');
  return {
    connected: client.last.has('path') && host.last.has('path'),
    agreed: !client.last.has('path') || host.last.has('path'),
    elapsedMs,
    attempts: attempt?.ev === 'attempt' ? attempt.n : 0,
    method: attempt?.ev === 'attempt' ? attempt.plan.method : null,
    packets: { client: client.packets, host: host.packets },
    mappingsPeak: Math.max(0, ...world.gateways.map(({ nat }) => nat.stats(world.now).mappingsPeak)),
    world,
  };
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
function startMaster(world: World, { crypto: suite, masterDelayMs = 0, master: ports = {} }: PairOptions): SimMaster {
  const addresses = [world.publicAddress(), world.publicAddress()].slice(0, ports.addresses ?? 2);
  const place = world.server({ name: 'master', addresses, link: { delayMs: masterDelayMs } });
  const crypto = seededCrypto(`${world.options.seed}/master`, suite);
  const identity = crypto.keyPair();
  const random = world.random('master');
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
          ...(ports.onePort === undefined ? {} : { onePort: ports.onePort }),
          ...(ports.furtherPort === undefined ? {} : { furtherPort: ports.furtherPort }),
          policy: { announce: (_key, _from, announcement) => announcement, admit: () => null },
        }),
        suite,
      ),
    );
    running.command({ do: 'start' });
    return running;
  };
  let running = start();
  return {
    address: { key: identity.publicKey, addresses: place.addresses, port: MASTER_PORT },
    pause: (ms) => running.pause(ms),
    restart() {
      running.stop();
      running = start();
    },
  };
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

interface Surroundings {
  readonly options: PairOptions;
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
      createPeer({ master: master.address, identity, stun, crypto, random, wallClock, family: 4 }),
      crypto,
    );
    const running = place.run(machine, {
      onEvent: (event, at) => {
        last.set(event.ev, event);
        options.onEvent?.(name, event, at);
      },
    });
    running.command({ do: 'network', network: { addresses: place.addresses, gateway: world.gatewayAddress(place) } });
    running.command({ do: 'start' });
    return running;
  }
  let running = start();
  return {
    place,
    last,
    packets: 0,
    command: (command) => running.command(command),
    pause: (ms) => running.pause(ms),
    turnClock(ms) {
      skewMs += ms;
    },
    restart() {
      running.stop();
      last.clear();
      running = start();
      if (name === 'host') running.command(HOST);
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
