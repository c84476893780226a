/**
 * A fleet of masters in one world: the real machines of nodes, hosts and clients, all drawn from one seed, while nodes are killed, hang and
 * are drained at random moments. What became of every join is told, and what is wrong at the end.
 */
import {
  CONTROL_PORTS,
  type CryptoSuite,
  createMaster,
  createPeer,
  type KeyPair,
  type MasterAddress,
  type MasterCommand,
  type MasterConfig,
  type MasterCounters,
  type MasterEvent,
  type MasterPolicy,
  type NodeList,
  type PeerCommand,
  type PeerEvent,
  seededCrypto,
} from '../core/index.ts';
import type { Running } from './host.ts';
import { NATS } from './nat/presets.ts';
import type { SimRandom } from './random.ts';
import { weakCodeOf, weakCodes } from './weak-codes.ts';
import { createWorld, type World, type WorldOptions } from './world.ts';

/** `cut`: the node hears nothing of what the others say. `away`: no node does. Both only where there is an office. */
export type NodeFault = 'kill' | 'hang' | 'drain' | 'cut' | 'away';

type NodePlace = NodeList['nodes'][number];

/** A process of a node, as what stands around its machine sees it. */
export interface NodeProcess {
  readonly name: string;
  readonly place: NodePlace;
  readonly secret: Uint8Array;
  readonly identity: Uint8Array;
  readonly random: SimRandom;
  monotonic(): number;
  wallClock(): number;
  /** Not once it is killed, and later while it hangs. Answers what takes it back. */
  after(ms: number, run: () => void): () => void;
  command(command: MasterCommand): void;
  counters(): MasterCounters;
}

/** What stands around the machine of one process: the list, the rules, and what it says to the other nodes. */
export interface NodeOffice {
  readonly policy: MasterPolicy;
  event(event: MasterEvent): void;
  start(): void;
  draining(): void;
  stop(): void;
}

export interface FleetWorldOptions {
  readonly seed: number | string;
  /** A real suite; its randomness is replaced by a seeded one. */
  readonly crypto: CryptoSuite;
  readonly nodes?: number;
  readonly hosts?: number;
  /** Each host is joined so often. */
  readonly joins?: number;
  /** Nodes that fail, one after another; default what the seed draws. */
  readonly faults?: readonly NodeFault[];
  /** Friends' programs start when they join, as a person's do; default: some seconds before. */
  readonly fresh?: boolean;
  /** Friends play on once they are through; default: they leave. */
  readonly stays?: boolean;
  /** So long each node knows itself alone; only where there is no office. */
  readonly strangersMs?: number;
  /** Nodes whose firewall keeps the probe ports shut. */
  readonly shutProbePorts?: readonly string[];
  /** The router of each participant. */
  readonly nat?: keyof typeof NATS;
  readonly lines?: Pick<WorldOptions, 'delayMs' | 'jitterMs' | 'lossRate'>;
  /** Left out: every node knows all nodes from the beginning, and has no list and no rules. */
  readonly office?: (process: NodeProcess) => NodeOffice;
  /** A node, or null for all, is cut off from what the others say, or no longer. */
  readonly onCut?: (node: string | null, cut: boolean) => void;
  /** Called when everybody is there, with what runs code at a time of the world. */
  readonly meanwhile?: (world: World, endsAt: number) => void;
  /** A host that says the code of the first one is its own; and a second computer that hosts with its key, some time later. */
  readonly troublemakers?: boolean;
}

export interface FleetJoin {
  readonly host: string;
  /** World time of the command. */
  readonly at: number;
  /** Until the path was up; null: it was lost. */
  tookMs: number | null;
  failure: string | null;
  /** A node was failing, or had just come back. */
  readonly troubled: boolean;
}

export interface FleetRun {
  readonly joins: readonly FleetJoin[];
  readonly faults: readonly {
    readonly fault: NodeFault;
    readonly node: string;
    readonly at: number;
    readonly forMs: number;
  }[];
  /** Nodes that have said of their probe ports that nothing from outside gets in, and not taken it back. */
  readonly shut: readonly string[];
  /** Sessions that nodes have made by a ticket, without a Diffie-Hellman, in their last life. */
  readonly resumed: number;
  /** What is wrong; empty where all is well. */
  readonly wrong: readonly string[];
}

const PORT = 8430;
const WALL_CLOCK_START = 1_767_225_600_000;
/** Each node's clock is off by so much at most, either way: nothing may depend on them. */
const CLOCK_SKEW_MS = 420_000;
/** By then everybody is there. */
const CALM_MS = 8_000;
/** Between the end of one node's trouble and the beginning of the next: a host has two sessions again by then. */
const BETWEEN_MS = 15_000;
const TROUBLE_MS = { min: 500, max: 15_000 };
/** Of a join in trouble, and what is left for the last ones. */
const JOIN_MS_MAX = 20_000;
const FAULTS: readonly NodeFault[] = ['kill', 'hang', 'drain'];
const FAULTS_OF_NEWS: readonly NodeFault[] = ['cut', 'away'];
/** The goodbye of a node comes so long before its end. */
const DRAIN_MS = 5_000;

const ANNOUNCEMENT = {
  ...{ name: 'Arena', game: 'game', public: true, playersMax: 64, map: '', mode: '', version: '1' },
  passwordNeeded: false,
} as const;

class SimNode {
  readonly name: string;
  readonly address: string;
  /** Of the machine that runs now. */
  knows = (_key: Uint8Array): boolean => false;
  counters = (): MasterCounters | null => null;
  /** It has said that its probe ports let nobody in. */
  shut = false;
  private readonly start: () => Running<Parameters<ReturnType<typeof createMaster>['handleCommand']>[1], unknown>;
  office: NodeOffice | null = null;
  /** Which process it is. */
  life = 0;
  hangsUntil = 0;
  running: ReturnType<SimNode['start']> | null = null;

  constructor(name: string, address: string, start: SimNode['start']) {
    this.name = name;
    this.address = address;
    this.start = start;
  }

  begin(): void {
    this.running = this.start();
    this.office?.start();
  }

  fail(world: World, fault: NodeFault, forMs: number, { onCut }: FleetWorldOptions): void {
    if (fault === 'cut' || fault === 'away') {
      const node = fault === 'cut' ? this.name : null;
      onCut?.(node, true);
      world.after(forMs, () => onCut?.(node, false));
    } else if (fault === 'hang') {
      this.running?.pause(forMs);
      this.hangsUntil = world.now + forMs;
    } else if (fault === 'kill') {
      this.end();
      world.after(forMs, () => this.begin());
    } else {
      this.running?.command({ do: 'drain', afterMs: DRAIN_MS });
      this.office?.draining();
      world.after(DRAIN_MS, () => this.end());
      world.after(DRAIN_MS + forMs, () => this.begin());
    }
  }

  private end(): void {
    this.running?.stop();
    this.office?.stop();
    this.life += 1;
  }
}

export function runFleet(options: FleetWorldOptions): FleetRun {
  const { seed, nodes = 3, hosts = 3, joins = 4 } = options;
  const world = createWorld({ seed, trace: false, ...options.lines });
  const random = world.random('fleet');
  const fleet = startNodes(world, options, nodes);
  const wrong: string[] = [];
  const keys: Uint8Array[] = [];
  const identities: KeyPair[] = [];
  for (let n = 0; n < hosts; n++) {
    const name = `host${n}`;
    const { running, key, identity } = startPeer(world, options, fleet.master, name, (event) => {
      // Another computer hosts with the first one's key: that it is told so is right.
      if (event.ev === 'hosting-failed' && event.failure !== 'HOST_REPLACED')
        wrong.push(`${name} could not host: ${event.failure}`);
    });
    keys.push(key);
    identities.push(identity);
    running.command({ do: 'host', announcement: ANNOUNCEMENT, password: null, ask: false });
  }
  if (options.troublemakers === true) troublemakers(world, options, fleet.master, { first: identities[0] as KeyPair });
  const { faults, endsAt } = plan(world, random, fleet.nodes, options);
  options.meanwhile?.(world, endsAt);
  const tried: FleetJoin[] = [];
  for (let n = 0; n < hosts * joins; n++) {
    const at = random.between(CALM_MS, endsAt);
    const key = keys[n % hosts] as Uint8Array;
    const troubled = faults.some((fault) => at >= fault.at && at <= fault.at + fault.forMs + BETWEEN_MS);
    const join: FleetJoin = { host: `host${n % hosts}`, at, tookMs: null, failure: null, troubled };
    tried.push(join);
    world.after(options.fresh === true ? at : at - CALM_MS, () =>
      startClient(world, options, fleet.master, `client${n}`, join, weakCodeOf(options.crypto, key)),
    );
  }
  world.run(endsAt + JOIN_MS_MAX + BETWEEN_MS);
  for (const { host, at, tookMs, failure } of tried)
    if (tookMs === null) wrong.push(`the join of ${host} at ${at.toFixed(0)} ms was lost: ${failure ?? 'no path'}`);
  for (const [n, key] of keys.entries()) {
    const at = fleet.nodes.filter((node) => node.knows(key)).length;
    if (at < 2) wrong.push(`host${n} is at ${at} nodes when all are back`);
  }
  const resumed = fleet.nodes.reduce((all, node) => all + (node.counters()?.resumptions ?? 0), 0);
  const shut = fleet.nodes.filter((node) => node.shut).map(({ name }) => name);
  return { joins: tried, faults, shut, resumed, wrong };
}

/** One identity, one secret, one list; clocks that differ. */
function startNodes(world: World, options: FleetWorldOptions, count: number) {
  const { seed, crypto: suite, shutProbePorts = [], strangersMs = 0 } = options;
  const shared = seededCrypto(`${seed}/fleet`, suite);
  const [identity, secret] = [shared.keyPair(), shared.randomBytes(32)];
  const places = Array.from({ length: count }, (_, n) => world.server({ name: `node${n}` }));
  const behindFirewall = places.filter(({ name }) => shutProbePorts.includes(name)).map(({ address }) => address);
  world.internet.obstruct(({ to }) => behindFirewall.includes(to.address) && to.port > PORT + CONTROL_PORTS);
  const list = places.map(({ name, address }) => ({
    name,
    region: '',
    addresses: [address],
    port: PORT,
    furtherPort: 0,
  }));
  const nodes = places.map((place, n) => {
    const crypto = seededCrypto(`${seed}/${place.name}`, suite);
    const random = world.random(place.name);
    const skew = random.between(-CLOCK_SKEW_MS, CLOCK_SKEW_MS);
    const wallClock = (): number => Math.floor(WALL_CLOCK_START + skew + world.now);
    const node: SimNode = new SimNode(place.name, place.address, () => {
      const around = { secret, identity: identity.publicKey, random, wallClock, place: list[n] as NodePlace };
      node.office = options.office?.(processOf(world, node, around)) ?? null;
      const config: MasterConfig = {
        ...{ crypto, random, identity, addresses: place.addresses, advertised: null, port: PORT, wallClock },
        policy: node.office?.policy ?? { announce: (_key, _from, announcement) => announcement, admit: () => null },
        fleet: { secrets: [secret] },
      };
      const machine = weakCodes(createMaster(config), crypto);
      node.counters = () => machine.counters();
      node.knows = (key) => machine.lastSeen(key) !== null;
      const onEvent = (event: MasterEvent): void => {
        if (event.ev === 'probe-ports') node.shut = event.shut;
        node.office?.event(event);
      };
      const running = place.run(machine, { onEvent });
      const know = (known: NodeList['nodes']): void => {
        const told = { self: place.name, serial: known.length, expiresInMs: 600_000, nodes: known };
        running.command({ do: 'nodes', list: told });
      };
      if (node.office === null) {
        const strangers = strangersMs > world.now;
        know(strangers ? [list[n] as NodePlace] : list);
        if (strangers) world.after(strangersMs - world.now, () => know(list));
      }
      running.command({ do: 'start' });
      return running;
    });
    node.begin();
    return node;
  });
  const master = { key: identity.publicKey, addresses: places.map(({ address }) => address), port: PORT };
  return { nodes, master };
}

/** The process that is about to start. */
function processOf(
  world: World,
  node: SimNode,
  around: Pick<NodeProcess, 'secret' | 'identity' | 'random' | 'wallClock' | 'place'>,
): NodeProcess {
  const { life } = node;
  function after(ms: number, run: () => void): () => void {
    let wanted = true;
    const due = (): void => {
      if (!wanted || node.life !== life) return;
      const left = node.hangsUntil - world.now;
      if (left > 0) world.after(left, due);
      else run();
    };
    world.after(ms, due);
    return () => {
      wanted = false;
    };
  }
  return {
    ...around,
    name: node.name,
    monotonic: () => world.now,
    after,
    command: (command) => node.running?.command(command),
    counters: () => node.counters() as MasterCounters,
  };
}

function startPeer(
  world: World,
  { seed, crypto: suite, nat = 'linux' }: FleetWorldOptions,
  master: MasterAddress,
  name: string,
  onEvent: (event: PeerEvent, at: number) => void,
  { identity: given, code }: { readonly identity?: KeyPair; readonly code?: string } = {},
): { readonly running: Running<PeerCommand, PeerEvent>; readonly key: Uint8Array; readonly identity: KeyPair } {
  const place = world.host({ name, behind: NATS[nat] });
  const crypto = seededCrypto(`${seed}/${name}`, suite);
  const random = world.random(name);
  const identity = given ?? crypto.keyPair();
  // The name of a fleet leads to its nodes in an order of its own for each who asks.
  const first = random.int(0, master.addresses.length - 1);
  const addresses = [...master.addresses.slice(first), ...master.addresses.slice(0, first)];
  const wallClock = (): number => WALL_CLOCK_START + world.now;
  const peer = createPeer({
    master: { ...master, addresses },
    identity,
    stun: [],
    crypto,
    random,
    wallClock,
    family: 4,
  });
  const codes = weakCodes(peer, crypto, (key) => code ?? weakCodeOf(crypto, key));
  const running = place.run(codes, { onEvent });
  running.command({ do: 'network', network: { addresses: place.addresses, gateway: world.gatewayAddress(place) } });
  running.command({ do: 'start' });
  return { running, key: identity.publicKey, identity };
}

/** Somebody who says the code of the first host is its own, and another computer with the first host's key. */
function troublemakers(
  world: World,
  options: FleetWorldOptions,
  master: MasterAddress,
  { first }: { readonly first: KeyPair },
): void {
  const random = world.random('trouble');
  const host = (name: string, as: Parameters<typeof startPeer>[5]): void => {
    const { running } = startPeer(world, options, master, name, () => {}, as);
    running.command({ do: 'host', announcement: ANNOUNCEMENT, password: null, ask: false });
  };
  const code = weakCodeOf(options.crypto, first.publicKey);
  world.after(random.between(0, 2 * CALM_MS), () => host('liar', { code }));
  world.after(random.between(CALM_MS, 4 * CALM_MS), () => host('twin', { identity: first }));
}

/** Its program starts some seconds before it joins: an honest measure of the join alone. */
function startClient(
  world: World,
  options: FleetWorldOptions,
  master: MasterAddress,
  name: string,
  join: FleetJoin,
  code: string,
): void {
  const { running } = startPeer(world, options, master, name, (event, now) => {
    if (event.ev === 'stage' && event.stage === 'connected') {
      join.tookMs ??= now - join.at;
      if (options.stays !== true) running.command({ do: 'close' });
    } else if (event.ev === 'join-failed' && join.tookMs === null) join.failure = event.failure;
  });
  world.after(join.at - world.now, () =>
    running.command({ do: 'join', join: 1, code, hostKey: null, password: null, name, timeoutMs: JOIN_MS_MAX }),
  );
}

/** One node at a time: there is always another one of the two that a host is at. */
function plan(world: World, random: SimRandom, nodes: readonly SimNode[], options: FleetWorldOptions) {
  const all = options.office === undefined ? FAULTS : [...FAULTS, ...FAULTS_OF_NEWS];
  const drawn = options.faults ?? Array.from({ length: 2 }, () => random.pick(all));
  const faults: { fault: NodeFault; node: string; at: number; forMs: number }[] = [];
  let at = CALM_MS;
  for (const fault of drawn) {
    const node = random.pick(nodes);
    const forMs = random.between(TROUBLE_MS.min, TROUBLE_MS.max);
    at += random.between(0, 5_000);
    faults.push({ fault, node: node.name, at, forMs });
    world.after(at, () => node.fail(world, fault, forMs, options));
    at += forMs + BETWEEN_MS + (fault === 'drain' ? DRAIN_MS : 0);
  }
  return { faults, endsAt: at };
}
