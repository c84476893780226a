/**
 * A public address that a dishonest master names, at every place where a master may name one, for as long as it likes: what a single
 * participant sends there. Nobody can tell such an address from that of a peer, a node or a relay before it has been tried, so this
 * is bounded by rates alone (SECURITY.md row 15).
 */
import type { NatProfile, NodeList, RelayPlace } from '../../src/core/index.ts';
import {
  encodeStep,
  PLAN_LIMITS,
  type Push,
  type Response,
  type SidePlan,
  UNKNOWN_ALLOCATOR,
  UNKNOWN_PROFILE,
} from '../../src/core/testing.ts';
import { hostCommand, joinCommand, type Participant, type Peers, peers } from '../sim/peers.ts';
import { alone, TWIN } from '../sim/traverse-alone.ts';

/** Headers of IPv4 and UDP. */
const HEADERS_BYTES = 28;
const PUNCH_BYTES = 60;

export interface Hit {
  readonly packets: number;
  /** On an IPv4 wire. */
  readonly bytes: number;
}

interface Scene {
  readonly setup: Peers;
  readonly victim: string;
  /** What the participant of this name has sent to the victim. */
  hit(name: string): Hit;
}

function scene(seed: string): Scene {
  const setup = peers({ seed, trace: false });
  const victim = setup.world.host({ name: 'victim' }).address;
  const hits = new Map<string, Hit>();
  setup.world.watch(({ where, packet: { to, bytes } }) => {
    const { packets, bytes: before } = hits.get(where) ?? { packets: 0, bytes: 0 };
    if (to.address === victim) hits.set(where, { packets: packets + 1, bytes: before + bytes.length + HEADERS_BYTES });
  }, 'sent');
  return { setup, victim, hit: (name) => hits.get(name) ?? { packets: 0, bytes: 0 } };
}

const noPush = (push: Push): readonly Push[] => [push];

/** Lists of nodes: each with names of its own, that of the master and of the victim by turns, where `changing`; else one list of the victim. */
function lists({ setup, victim }: Scene, changing: boolean): void {
  const { addresses, port } = setup.master.address;
  let serial = 1;
  const place = (name: string, at: string, where: number): NodeList['nodes'][number] => ({
    ...{ name, region: '', addresses: [at, at, at, at], port: where, furtherPort: changing ? 53 : where + 1 },
  });
  const nodes = (): NodeList['nodes'] =>
    Array.from({ length: 8 }, (_, n) =>
      changing && n % 2 === 0
        ? place(`node ${serial} ${n}`, addresses[0] as string, port)
        : place(`victim ${serial} ${n}`, victim, 1_000 + n),
    );
  setup.master.lie({
    push: noPush,
    response(response): Response {
      if (changing) serial++;
      if (response.type === 'ok') return { ...response, nodes: serial };
      if (response.type !== 'failed' || response.why !== 'no-fleet') return response;
      return { type: 'nodes', self: `self ${serial}`, serial, expiresInMs: 0xffff_ffff, nodes: nodes() };
    },
  });
}

function relays({ setup, victim }: Scene): void {
  const named = Array.from(
    { length: 8 },
    (_, n): RelayPlace => ({
      ...{ name: `relay ${n}`, region: '', addresses: [victim], port: 1_000 + n },
    }),
  );
  setup.master.lie({
    push: noPush,
    response: (response) => (response.type === 'relays' ? { ...response, relays: named } : response),
  });
}

/** A host, and a friend that joins again and again: what each sends to the victim in that time. */
function inWorld(lie: (scene: Scene) => void, ms: number): { readonly host: Hit; readonly friend: Hit } {
  const at = scene('a victim by name');
  const { setup, hit } = at;
  lie(at);
  const host = setup.participant('host', null);
  host.command(hostCommand());
  setup.world.run(4_000);
  const friend = setup.participant('friend', null);
  joinEndlessly(setup, friend, host, ms);
  return { host: hit('host'), friend: hit('friend') };
}

function joinEndlessly({ world }: Peers, friend: Participant, host: Participant, ms: number): void {
  const end = world.now + ms;
  for (let join = 1; world.now < end; join++) {
    friend.command(joinCommand({ join, hostKey: host.publicKey }));
    world.run(Math.min(10_000, end - world.now));
    friend.command({ do: 'abort', join });
  }
}

const LONGEST: SidePlan = {
  ...{ class: 'birthday', from: 'fresh', sockets: PLAN_LIMITS.birthdayMappings, tuples: PLAN_LIMITS.birthdayMappings },
  ...{ addresses: [TWIN], ports: { kind: 'shuffle', low: 1, high: 65_535, seed: 1 }, portEvery: 1 },
  ...{ ratePerSecond: 65_535, passes: [{ afterMs: 0, ttl: null }], again: { mode: 'refresh', everyMs: 1 } },
  ...{ sampleEvery: 0, durationMs: 60_000 },
};

/** A permit for everything, and a peer that is in league: to a host it orders the longest runs, to a client it lies about its ports. */
function byPermit(role: 'host' | 'client', ms: number): Hit {
  const random = { ...UNKNOWN_ALLOCATOR, kind: 'random' } as const;
  const peer: NatProfile = {
    ...UNKNOWN_PROFILE,
    ...({ mapping: 'apdm', filtering: 'apdf' } as const),
    ...{ external: [TWIN], allocator: random, mixture: [random] },
  };
  const { machine, sent, run } = alone(role, { probesMax: 1e9, peer });
  for (let order = 1; order * 1_000 <= ms; order++) {
    const samples = [0, 1, 2, 3].map((before) => ({ before, observed: { address: TWIN, port: 4_000 + 7 * before } }));
    const lied = { order, samples, endpoint: { address: TWIN, port: 1 + order }, pay: 65_535 };
    const bytes = encodeStep(role === 'host' ? { order, run: { startInMs: 0, side: LONGEST } } : lied);
    machine.handleCommand(order * 1_000, { do: 'step', bytes });
    run(order * 1_000 + 999);
  }
  const packets = sent.filter(({ to }) => to.address === TWIN).length;
  return { packets, bytes: packets * PUNCH_BYTES };
}

export const WAYS = ['permits', 'nodes', 'changing nodes', 'relays'] as const;

/** What one host and one friend send to the victim within that time. */
export function named(way: (typeof WAYS)[number], ms: number): { readonly host: Hit; readonly friend: Hit } {
  if (way === 'permits') return { host: byPermit('host', ms), friend: byPermit('client', ms) };
  if (way === 'relays') return inWorld(relays, ms);
  return inWorld((at) => lists(at, way === 'changing nodes'), ms);
}
