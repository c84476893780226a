/** What probability says about a pair of classes (docs/reference/nat-model.md §3, §4): the limit that results are printed beside. */
import { IPV6_ONLY_SHARES, IPV6_SHARES } from './families.ts';
import { PORTS_ALL, PORTS_PF } from './nat/allocation.ts';
import { type AccessKind, ADM_SEQUENTIAL, BLOCKS, SHARES, SIM_CLASSES, type SimClassId } from './population.ts';
import { portableExp } from './random.ts';

export interface PairTheory {
  /** Both send to the known address at nearly the same time. */
  readonly plain: number;
  /** The same with low TTL or a synchronous start. */
  readonly lowTtl: number;
  /** With prediction and birthday, one round. */
  readonly full: number;
}

/** Chance that `probes` distinct ports out of `range` hit one of `mappings` (docs/reference/nat-model.md §4.1). */
export function birthday(range: number, mappings: number, probes: number): number {
  let missed = 1;
  for (let i = 0; i < probes; i++) missed *= Math.max(0, 1 - mappings / (range - i));
  return 1 - missed;
}

/** Chance that two random sides meet, both mapping per destination (docs/reference/nat-model.md §4.5). */
export function meetRandom(rangeLeft: number, rangeRight: number, sentLeft: number, sentRight: number): number {
  return 1 - portableExp((-sentLeft * sentRight) / (rangeLeft * rangeRight));
}

/** One kind of user within a hard class. */
interface Part {
  /** Of the class. */
  readonly share: number;
  readonly ports: Ports;
  /** One mapping for all ports of an address (ADM): it may send to many of them from one predicted port. */
  readonly perAddress: boolean;
}

type Ports =
  /** `cone`: chance to meet a cone, one round; `busy`: hard to hit for another hard NAT. */
  | { readonly kind: 'predictable'; readonly cone: number; readonly busy: boolean }
  /** Uniform over so many ports. */
  | { readonly kind: 'random'; readonly range: number };

const predictable = (cone: number, busy = false): Ports => ({ kind: 'predictable', cone, busy });
const random = (range: number): Ports => ({ kind: 'random', range });
const ALL_PORTS = random(PORTS_ALL.high - PORTS_ALL.low + 1);
const BLOCK_WEIGHT = BLOCKS.reduce((sum, { weight }) => sum + weight, 0);

/** What `population.ts` draws, as shares; the chances are those of docs/reference/nat-model.md §3. */
const HARD: Partial<Record<SimClassId, readonly Part[]>> = {
  S1: [
    { share: ADM_SEQUENTIAL, ports: predictable(0.985), perAddress: true },
    { share: 1 - ADM_SEQUENTIAL, ports: ALL_PORTS, perAddress: true },
  ],
  S2: [{ share: 1, ports: predictable(0.99), perAddress: false }],
  S3: [{ share: 1, ports: predictable(0.96, true), perAddress: false }],
  S4: [{ share: 1, ports: ALL_PORTS, perAddress: false }],
  S5: [{ share: 1, ports: random(PORTS_PF.high - PORTS_PF.low + 1), perAddress: false }],
  S6: BLOCKS.flatMap(({ weight, sizes }) =>
    sizes.map((size) => ({ share: weight / BLOCK_WEIGHT / sizes.length, ports: random(size), perAddress: false })),
  ),
};

const OPEN: readonly SimClassId[] = ['P0', 'P1', 'P2'];
const RESTRICTED: readonly SimClassId[] = ['P3', 'P4', 'P5'];

export function pairTheory(left: SimClassId, right: SimClassId): PairTheory {
  if (left === 'X' || right === 'X') return { plain: 0, lowTtl: 0, full: 0 };
  if (OPEN.includes(left) || OPEN.includes(right)) return { plain: 1, lowTtl: 1, full: 1 };
  const leftCone = RESTRICTED.includes(left);
  const rightCone = RESTRICTED.includes(right);
  if (leftCone && rightCone) {
    const poisonable = (left === 'P4' ? 1 : 0) + (right === 'P4' ? 1 : 0);
    return { plain: [1, 0.65, 0.4][poisonable] as number, lowTtl: 0.995, full: 0.995 };
  }
  return { plain: 0, lowTtl: 0, full: fullOf(HARD[left] ?? null, HARD[right] ?? null) };
}

/** Over all kinds of users of both classes; null = a cone. */
function fullOf(left: readonly Part[] | null, right: readonly Part[] | null): number {
  let full = 0;
  for (const a of left ?? [null]) {
    for (const b of right ?? [null]) full += (a?.share ?? 1) * (b?.share ?? 1) * partsMeet(a, b);
  }
  return full;
}

function partsMeet(left: Part | null, right: Part | null): number {
  if (left === null || right === null) return coneMeets(left ?? right);
  if (left.ports.kind === 'predictable') {
    return right.ports.kind === 'predictable'
      ? left.ports.busy || right.ports.busy
        ? 0.85
        : 0.97
      : predictableMeets(left, left.ports, right.ports.range);
  }
  if (right.ports.kind === 'predictable') return predictableMeets(right, right.ports, left.ports.range);
  const [a, b] = [left.ports.range, right.ports.range];
  return meetRandom(a, b, Math.min(1024, a / 2), Math.min(1024, b / 2));
}

function coneMeets(hard: Part | null): number {
  if (hard === null) return 0;
  return hard.ports.kind === 'predictable' ? hard.ports.cone : birthdayIn(hard.ports.range);
}

/** One round of a birthday: 256 mappings and 2,048 probes, but of a small range never more than half of the ports each. */
function birthdayIn(range: number): number {
  return birthday(range, Math.min(256, range / 2), Math.min(2048, range / 2));
}

function predictableMeets({ perAddress }: Part, { busy }: { readonly busy: boolean }, range: number): number {
  if (perAddress) return 0.95 * birthdayIn(range);
  return (busy ? 0.9 : 1) * (1 - portableExp(-Math.min(1024, range / 2) / range));
}

/**
 * With IPv6 in the population: where both have it, and UDP passes, only firewalls are in the way, and both sending at once is enough. So it
 * adds its share of whatever IPv4 leaves, before it is weighted; who has IPv6 alone meets nobody else.
 */
export function withIpv6Theory(direct: number, left: AccessKind, right: AccessKind): number {
  const [six, other] = [IPV6_SHARES[left].central / 100, IPV6_SHARES[right].central / 100];
  const alone = (side: AccessKind): number => IPV6_ONLY_SHARES.six[side].central / 100;
  const bothHaveFour = (1 - alone(left)) * (1 - alone(right));
  const thoseWithSixToo = (six - alone(left)) * (other - alone(right));
  return six * other + (bothHaveFour - thoseWithSixToo) * direct;
}

/** The theory of a whole mix, weighted by the central shares. */
export function mixTheory(left: AccessKind, right: AccessKind, withBlocked: boolean): PairTheory {
  const ids = SIM_CLASSES.filter((id) => withBlocked || id !== 'X');
  const sum = { plain: 0, lowTtl: 0, full: 0 };
  let weight = 0;
  for (const a of ids) {
    for (const b of ids) {
      const share = SHARES[a][left].central * SHARES[b][right].central;
      const pair = pairTheory(a, b);
      sum.plain += share * pair.plain;
      sum.lowTtl += share * pair.lowTtl;
      sum.full += share * pair.full;
      weight += share;
    }
  }
  return { plain: sum.plain / weight, lowTtl: sum.lowTtl / weight, full: sum.full / weight };
}
