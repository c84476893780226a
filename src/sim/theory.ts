/** What probability says about a pair of classes (nat-model sections 3 and 4): the limit that results are printed beside. */
import { type AccessKind, SHARES, SIM_CLASSES, type SimClassId } from './population.ts';
import { portableExp } from './random.ts';

export interface PairTheory {
  /** Both send to the known address at nearly the same time. */
  readonly plain: number;
  /** The same with low TTL or a synchronous start. */
  readonly lowTtl: number;
  /** With prediction and birthday, one round. */
  readonly full: number;
}

/** Chance that `probes` distinct ports out of `range` hit one of `mappings` (nat-model 4.1). */
export function birthday(range: number, mappings: number, probes: number): number {
  let missed = 1;
  for (let i = 0; i < probes; i++) missed *= Math.max(0, 1 - mappings / (range - i));
  return 1 - missed;
}

/** Chance that two random sides meet, both mapping per destination (nat-model 4.5). */
export function meetRandom(rangeLeft: number, rangeRight: number, sentLeft: number, sentRight: number): number {
  return 1 - portableExp((-sentLeft * sentRight) / (rangeLeft * rangeRight));
}

/** Range taken for the random classes; S6 stands for its commonest block. */
const RANGES: Partial<Record<SimClassId, number>> = { S4: 64_512, S5: 15_535, S6: 1024 };

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
  const full = leftCone ? coneWithHard(right) : rightCone ? coneWithHard(left) : hardWithHard(left, right);
  return { plain: 0, lowTtl: 0, full };
}

function coneWithHard(hard: SimClassId): number {
  const predictable: Partial<Record<SimClassId, number>> = { S1: 0.985, S2: 0.99, S3: 0.96 };
  const range = RANGES[hard];
  if (range === undefined) return predictable[hard] ?? 0;
  return hard === 'S6' ? birthday(range, 64, 256) : birthday(range, 256, 2048);
}

function hardWithHard(left: SimClassId, right: SimClassId): number {
  const rangeLeft = RANGES[left];
  const rangeRight = RANGES[right];
  if (rangeLeft !== undefined && rangeRight !== undefined) {
    return meetRandom(rangeLeft, rangeRight, Math.min(1024, rangeLeft / 2), Math.min(1024, rangeRight / 2));
  }
  const range = rangeLeft ?? rangeRight;
  const predictable = rangeLeft === undefined ? left : right;
  if (range === undefined) return left === 'S3' || right === 'S3' ? 0.85 : 0.97;
  if (predictable === 'S1') return 0.95 * birthday(range, Math.min(256, range / 2), range > 2048 ? 2048 : range / 2);
  const met = 1 - portableExp(-Math.min(1024, range / 2) / range);
  return predictable === 'S3' ? 0.9 * met : met;
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
