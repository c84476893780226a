/**
 * Two traversals in a simulated internet with nothing else around them: a server that relays JOIN, ANSWER, steps and credits
 * after the delay of the lines, and tells sockets their mapping. The profiles are the truth about the NATs (`trueProfile`), so
 * what is measured here is the traversal alone.
 */

import {
  type Allocator,
  type Endpoint,
  type Machine,
  type NatProfile,
  outputs,
  requestNumbers,
  type SocketId,
  type SocketIds,
  socketIds,
  WIRE,
} from '../../src/core/index.ts';
import {
  type Candidate,
  type Device,
  device,
  type MappingSource,
  Nest,
  type Role,
  type Traversal,
  type TraversalCommand,
  type TraversalConfig,
  type TraversalEvent,
  traversal,
  UNKNOWN_ALLOCATOR,
  UNKNOWN_PROFILE,
} from '../../src/core/testing.ts';
import { nodeCrypto } from '../../src/node/index.ts';
import {
  type Allocation,
  asciiOf,
  type Behind,
  createWorld,
  type Host,
  type NatBehaviour,
  type Running,
  textOf,
  type World,
  type WorldOptions,
} from '../../src/sim/index.ts';
import { permitOf } from '../permit.ts';

const JOIN_PORT = 8430;
const PROBE_PORTS = [8431, 8432, 8433, 8434];
const PUNCH_KEY = new Uint8Array(32).fill(7);
const SID = Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8]);

function allocatorOf(allocation: Allocation, nat: NatBehaviour, weight = 1): readonly Allocator[] {
  const plain = { ...UNKNOWN_ALLOCATOR, weight };
  if (allocation === 'preserve' || 'preserve' in (allocation as object))
    return [{ ...plain, kind: 'preserve', step: 0 }];
  const rule = allocation as Exclude<Allocation, string>;
  if ('step' in rule) {
    const { perSecond = 0, dispersion = 1 } = nat.background ?? {};
    return [
      { ...plain, kind: 'step', step: rule.step, backgroundPerSecond: perSecond, backgroundDispersion: dispersion },
    ];
  }
  if ('portsPerSecond' in rule) return [{ ...plain, kind: 'time', step: rule.portsPerSecond }];
  if ('random' in rule) {
    const ranges = 'low' in rule.random ? [rule.random] : rule.random;
    const low = Math.min(...ranges.map((range) => range.low));
    return [{ ...plain, kind: 'range', low, high: Math.max(...ranges.map((range) => range.high)) }];
  }
  if ('mixture' in rule) {
    const total = rule.mixture.reduce((sum, part) => sum + part.weight, 0);
    return rule.mixture.flatMap((part) => allocatorOf(part.allocation, nat, (weight * part.weight) / total));
  }
  return [{ ...plain, kind: 'random' }];
}

/** What a perfect detection would say of a NAT. */
function trueProfile(nat: NatBehaviour | null, external: string): NatProfile {
  if (nat === null) {
    return {
      ...UNKNOWN_PROFILE,
      mapping: 'eim',
      filtering: 'eif',
      type: 'public',
      external: [external],
      confidence: 0.99,
    };
  }
  const mapping = { 'endpoint-independent': 'eim', address: 'adm', 'address-and-port': 'apdm', none: 'eim' } as const;
  const filtering = { 'endpoint-independent': 'eif', address: 'adf', 'address-and-port': 'apdf' } as const;
  const mixture = [...allocatorOf(nat.allocation, nat)].sort((left, right) => right.weight - left.weight);
  return {
    ...UNKNOWN_PROFILE,
    mapping: mapping[nat.mapping],
    filtering: filtering[nat.filtering],
    type: nat.udpBlocked ? 'blocked' : nat.mapping === 'endpoint-independent' ? 'cone' : 'port-sensitive',
    allocator: mixture[0]!,
    mixture,
    external: [external],
    natHops: 1,
    idleLifetimeMs: nat.timeouts?.unrepliedMs ?? 30_000,
    quota: nat.subscriberMappingsMax ?? null,
    confidence: 0.99,
  };
}

/** A block NAT shows its block only when it is used, as in the wild: here it is read off the first mapping. */
function withBlock(profile: NatProfile, nat: NatBehaviour | null, port: number): NatProfile {
  if (nat === null || typeof nat.allocation !== 'object' || !('block' in nat.allocation)) return profile;
  const { size } = nat.allocation.block;
  const low = Math.floor(port / size) * size;
  const allocator = { ...UNKNOWN_ALLOCATOR, kind: 'block', low, high: low + size - 1 } as const;
  return { ...profile, allocator, mixture: [allocator], quota: Math.min(profile.quota ?? size, size) };
}

type PeerCommand =
  | { readonly do: 'open' }
  | { readonly do: 'announce' }
  | {
      readonly do: 'begin';
      readonly peer: { readonly profile: NatProfile; readonly candidates: readonly Candidate[] };
      readonly own: { readonly profile: NatProfile; readonly candidates: readonly Candidate[] };
    }
  | TraversalCommand;
type PeerEvent = TraversalEvent | { readonly ev: 'bound'; readonly local: Endpoint };

/** Opens the punching socket, announces itself through it, and hosts the traversal. */
function peerlet(
  role: Role,
  base: () => Omit<TraversalConfig, 'socket' | 'own' | 'peer' | 'sockets' | 'role'>,
  join: Endpoint,
): Machine<PeerCommand, PeerEvent> {
  const out = outputs<PeerEvent>();
  const children = new Nest(out as never);
  const ids: SocketIds = socketIds();
  let socket: SocketId = 0;
  let child: Traversal | null = null;
  return {
    handleDatagram(now, id, from, bytes) {
      children.datagram(now, id, from, bytes);
      children.pump(now);
    },
    handleSocket(now, id, outcome) {
      if (id === socket && child === null && outcome.ok) {
        out.event({ ev: 'bound', local: outcome.local });
        out.transmit(socket, join, asciiOf(role));
      } else children.socket(now, id, outcome);
      children.pump(now);
    },
    handleTimeout(now) {
      children.timeout(now);
      children.pump(now);
    },
    handleCommand(now, command) {
      if (command.do === 'open') {
        socket = ids.next();
        out.open(socket, 4);
      } else if (command.do === 'announce') {
        out.transmit(socket, join, asciiOf(role));
      } else if (command.do === 'begin') {
        const own = { ...command.own, profile: () => command.own.profile };
        child = traversal(now, { ...base(), role, socket, sockets: ids, own, peer: command.peer });
        children.add<TraversalCommand, TraversalEvent>(child, (_at, event) => out.event(event));
        children.assign(socket, child);
        children.command(now, child, { do: 'start' } as TraversalCommand);
      } else if (child !== null) children.command(now, child, command as TraversalCommand);
      children.pump(now);
    },
    poll: () => out.next(children.next()),
  };
}

/** Asks the server with a number, is answered with the number and the address, at another port where it is asked to. */
function source(target: Endpoint): MappingSource {
  return {
    target,
    kind: 'master',
    answersFrom: ['same'],
    request: (_now, request) => asciiOf(`? ${request}`),
    requestTo: (_now, request, port) => asciiOf(`? ${request} ${port}`),
    answer(from, bytes) {
      if (from.address !== target.address || from.port !== target.port || bytes[0] === WIRE.punch) return null;
      const [number = '', address = '', port = ''] = textOf(bytes).split(' ');
      return { request: Number(number), observed: { address, port: Number(port) } };
    },
  };
}

export interface PairOptions {
  readonly seed: number | string;
  readonly client: NatBehaviour | null;
  readonly host: NatBehaviour | null;
  readonly world?: Partial<WorldOptions>;
  /** Both behind the client's NAT. */
  readonly sameNat?: boolean;
  /** Guests on a wireless network that keeps them apart: no LAN candidates. */
  readonly noLan?: boolean;
  /** What only some detections find out is unknown: depth, lifetime; and no server helps to find out. */
  readonly unmeasured?: boolean;
  /** Somebody else behind the client's NAT asks the server from a new port 20 times a second. */
  readonly bystander?: boolean;
  readonly masterDelayMs?: number;
  readonly clockApartMs?: number;
  readonly limitMs?: number;
  readonly lossOfSteps?: number;
  onWorld?(world: World): void;
  onEvent?(role: Role, event: PeerEvent, at: number): void;
  /** JOIN was repeated: the client takes the relay for so much slower. */
  readonly viaMasterLongerMs?: number;
  /** The client has not heard where its punching socket is seen: the master's answer to JOIN was lost. */
  readonly unseen?: boolean;
  readonly edit?: (role: Role, profile: NatProfile) => NatProfile;
  /** Routers between a computer and its NAT. */
  readonly routers?: Readonly<Record<Role, number>>;
}

export interface PairResult {
  readonly connected: boolean;
  /** From JOIN leaving the client to the two-way proof at the later of the two. */
  readonly ms: number;
  readonly clientMs: number;
  readonly attempts: number;
  readonly methods: readonly string[];
  readonly packets: Readonly<Record<Role, number>>;
  readonly world: World;
  readonly events: Readonly<Record<Role, readonly PeerEvent[]>>;
  readonly kind: string | null;
  readonly bystander: { asked: number; answered: number };
}

export function runPair(options: PairOptions): PairResult {
  const { seed, client: clientNat, host: hostNat, masterDelayMs = 20, limitMs = 20_000 } = options;
  const world = createWorld({ seed, delayMs: 20, trace: false, ...options.world });
  options.onWorld?.(world);
  const server = world.server({ link: { delayMs: Math.max(0, masterDelayMs - 10) } });
  const hosts = placed(world, options);
  const join = { address: server.address, port: JOIN_PORT };
  const oneWay = masterDelayMs;
  const random = world.random('pair');
  const observed: Partial<Record<Role, Endpoint>> = {};
  const local: Partial<Record<Role, Endpoint>> = {};
  const upAt: Partial<Record<Role, number>> = {};
  const packets: Record<Role, number> = { client: 0, host: 0 };
  const granted: Record<Role, number> = { client: 60, host: 60 };
  const methods: string[] = [];
  let attempts = 0;
  let kind: string | null = null;
  const sources = PROBE_PORTS.map((port) => source({ address: server.address, port }));
  const peers = {} as Record<Role, Running<PeerCommand, PeerEvent>>;
  const devices: Record<Role, Device> = { client: device(), host: device() };

  const profileOf = (role: Role): NatProfile => {
    const nat = role === 'client' ? clientNat : hostNat;
    const seen = observed[role];
    // The host knows its address from detection, before it opens the punching socket.
    const truth = trueProfile(nat, seen?.address ?? (options.sameNat ? observed.client!.address : ''));
    const profile = seen === undefined ? truth : withBlock(truth, nat, seen.port);
    const known = options.unmeasured ? { ...profile, natHops: null, idleLifetimeMs: null } : profile;
    return options.edit?.(role, known) ?? known;
  };
  const candidatesOf = (role: Role): readonly Candidate[] => [
    ...(observed[role] === undefined ? [] : [{ kind: 'reflexive', endpoint: observed[role] } as const]),
    ...(options.noLan
      ? []
      : [{ kind: 'lan', endpoint: { address: hosts[role].address, port: local[role]!.port } } as const]),
  ];

  function onEvent(role: Role, event: PeerEvent): void {
    const twin: Role = role === 'client' ? 'host' : 'client';
    options.onEvent?.(role, event, world.now);
    if (event.ev === 'bound') {
      local[role] = event.local;
      announce(role);
      // The host probes as soon as its ANSWER has left.
      if (role === 'host') world.after(0, () => begin('host'));
    }
    if (event.ev === 'step') {
      const again = random.chance(options.lossOfSteps ?? 0) ? 250 : 0;
      world.after(2 * oneWay + again, () => peers[twin].command({ do: 'step', bytes: event.bytes }));
    } else if (event.ev === 'pay') {
      world.after(2 * oneWay, () => {
        granted[twin] += 60 * event.credits;
        const addresses = [observed[role]!.address];
        peers[twin].command({ do: 'permit', permit: permitOf(addresses, { probesMax: granted[twin] }) });
      });
    } else if (event.ev === 'path') {
      upAt[role] = world.now;
      packets[role] = event.packetsSent;
      kind ??= event.kind;
    } else if (event.ev === 'attempt' && role === 'client') {
      attempts = event.n;
      methods.push(event.plan.method);
    }
  }

  /** The link repeats JOIN and ANSWER until they are answered. */
  function announce(role: Role): void {
    world.after(250, () => {
      if (observed[role] !== undefined) return;
      peers[role].command({ do: 'announce' });
      announce(role);
    });
  }

  function begin(role: Role): void {
    const twin: Role = role === 'client' ? 'host' : 'client';
    peers[role].command({
      do: 'begin',
      own: {
        profile: profileOf(role),
        candidates: candidatesOf(role).filter(
          ({ kind }) => !(options.unseen && role === 'client' && kind === 'reflexive'),
        ),
      },
      peer: { profile: profileOf(twin), candidates: candidatesOf(twin) },
    });
  }

  for (const role of ['client', 'host'] as const) {
    const base = (): Omit<TraversalConfig, 'socket' | 'own' | 'peer' | 'sockets' | 'role'> => ({
      sid: SID,
      punchKey: PUNCH_KEY,
      family: 4,
      viaMasterRttMs: 4 * oneWay + (role === 'client' ? (options.viaMasterLongerMs ?? 0) : 0),
      permit: permitOf([observed[role === 'client' ? 'host' : 'client']?.address ?? '']),
      master: server.address,
      sources,
      redirecting: options.unmeasured ? null : sources[0]!,
      requests: requestNumbers(),
      random: world.random(role),
      crypto: nodeCrypto,
      device: devices[role],
    });
    peers[role] = hosts[role].run(peerlet(role, base, join), { onEvent: (event) => onEvent(role, event) });
  }

  server.bind(join, (packet) => {
    const role = textOf(packet.bytes) as Role;
    if (observed[role] !== undefined) return;
    observed[role] = packet.from;
    if (role === 'client') world.after(oneWay, () => peers.host.command({ do: 'open' }));
    else world.after(oneWay, () => begin('client'));
  });
  for (const { target } of sources) {
    server.bind(target, (packet) => {
      const [, request = '', port = packet.from.port] = textOf(packet.bytes).split(' ');
      const to = { ...packet.from, port: Number(port) };
      server.send(target, to, asciiOf(`${request} ${packet.from.address} ${packet.from.port}`));
    });
  }
  const bystander = { asked: 0, answered: 0 };
  ask(world, sources[0]!.target, bystander);
  const startedAt = world.now;
  peers.client.command({ do: 'open' });
  world.runUntil(() => upAt.client !== undefined && upAt.host !== undefined, { limitMs });
  const connected = upAt.client !== undefined && upAt.host !== undefined;
  // The last questions need their answers; then nobody asks any more.
  if (options.bystander) {
    const { asked } = bystander;
    world.runUntil(() => bystander.answered >= asked, { limitMs: 500 });
    bystander.asked = asked;
    bystander.answered = Math.min(asked, bystander.answered);
  }
  const ms = connected ? Math.max(upAt.client!, upAt.host!) - startedAt : Number.POSITIVE_INFINITY;
  return {
    connected,
    ms,
    clientMs: (upAt.client ?? Number.POSITIVE_INFINITY) - startedAt,
    attempts,
    methods,
    packets,
    world,
    events: { client: peers.client.events, host: peers.host.events },
    kind,
    bystander,
  };
}

const behind = (nat: NatBehaviour | null): { behind?: Behind } => (nat === null ? {} : { behind: nat });

/** New ports all the time, as a browser opens them; each asks once and should be answered. */
function ask(world: World, target: Endpoint, tally: { asked: number; answered: number }): void {
  const host = world.hosts.find(({ name }) => name === 'bystander');
  if (host === undefined) return;
  const local = host.bind({ address: '0.0.0.0', port: 0 }, () => void tally.answered++);
  if (local !== null) host.send(local, target, asciiOf('? 1'));
  tally.asked++;
  world.after(50, () => ask(world, target, tally));
}

function placed(world: World, options: PairOptions): Record<Role, Host> {
  const { bystander, client, host, sameNat, clockApartMs = 0, routers } = options;
  if (bystander && client !== null) {
    const gateway = world.nat(client);
    world.host({ name: 'bystander', behind: gateway });
    return {
      client: world.host({ name: 'client', behind: gateway }),
      host: world.host({ name: 'host', ...behind(host) }),
    };
  }
  if (sameNat && client !== null) {
    const gateway = world.nat(client);
    return {
      client: world.host({ name: 'client', behind: gateway }),
      host: world.host({ name: 'host', behind: gateway, clockOffsetMs: clockApartMs }),
    };
  }
  const deep = (role: Role) => ({ name: role, ...(routers === undefined ? {} : { hops: routers[role] }) });
  return {
    client: world.host({ ...deep('client'), ...behind(client) }),
    host: world.host({ ...deep('host'), ...behind(host), clockOffsetMs: clockApartMs }),
  };
}
