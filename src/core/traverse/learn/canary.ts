/**
 * The watch of how long the mappings of the own NAT live, as a traversal runs it: while plans depend on it, within their budget, and
 * where a server can be had to send to the witness, of mappings that nobody answers, as those of a plan are. Else they are answered
 * ones, which may live longer, so what is found is never too short.
 */

import { assert } from '../../errors.ts';
import { LifetimeWatch, type LifetimeWatchConfig } from '../../sources/lifetime.ts';
import { WIRE_LIMITS } from '../../wire/limits.ts';
import { PLAN_LIMITS } from '../plan/limits.ts';

/**
 * The lives that are common: 10 s (the shortest of a carrier's), 20 s, 30 s (Linux, to the millisecond), 35 s (carriers) and 60 s
 * (docs/reference/nat-model.md §1.2, §2.1). Each is watched for by a silence just beyond it, so that jitter on the way does not make a
 * mapping look alive; one that has ended then had the common life, not that silence.
 */
const LIVES_MS: readonly number[] = [10_000, 20_000, 30_000, 35_000, 60_000];
const BEYOND_MS = 100;
assert(LIVES_MS.length + 1 === PLAN_LIMITS.canariesMax, 'each life has a canary, and the witness is one more');

/**
 * Those that have survived go on with these, one after the other: 65 s, the median of mobile carriers, 120 s, 180 or 200 s, and what lies
 * between 35 and 60 s. Canaries of their own would know of 45 and 65 s ten seconds sooner, and take two places from all others: of
 * 1,000 pairs of blocks 64.3 % were up after 62 s instead of 65.7.
 */
const LONGER_MS: readonly number[] = [65_000, 125_000, 205_000, 45_000];

/**
 * What a canary has found is known so long after its silence at the latest that counts: a trip to the server and back, and questions that
 * were lost. Without it the first of what is replaced would go in the fractions of a second before the word.
 */
const SAID_MS = 2_000;
/** The lives that decide for how long a mapping is kept, and how old the first mappings are when it is known that they live longer. */
const WORDS_MS = [...LIVES_MS, LONGER_MS[0]!].map((lifeMs, n) => ({
  lifeMs,
  knownMs: lifeMs + SAID_MS + (n < LIVES_MS.length ? 0 : LIVES_MS[0]!),
}));

/** How often a question is sent by way of the witness, and how far apart; then the server is taken for one that does not do it. */
const OFTEN = { tries: 4, tryAfterMs: 500 } as const;

export type CanaryConfig = Pick<LifetimeWatchConfig, 'source' | 'plainSource' | 'asker' | 'open' | 'close' | 'room'>;

export function canaries(config: CanaryConfig): LifetimeWatch {
  return new LifetimeWatch({
    ...{ ...config, ...OFTEN, method: 'unanswered', silencesMs: beyond(LIVES_MS), longerMs: beyond(LONGER_MS) },
  });
}

/** What is to be taken for a life, given what is assumed: shorter where one has ended, longer where one has survived that. */
export function watchedMs({ survivedMs, endedMs }: LifetimeWatch, assumedMs: number): number {
  const lifeMs = endedMs === null ? null : endedMs - BEYOND_MS;
  if (survivedMs === null) return Math.min(assumedMs, lifeMs ?? assumedMs);
  // For all that is known it ends with the next of these; those after them take minutes to say so.
  const next = WORDS_MS.find((word) => word.lifeMs > survivedMs);
  return lifeMs ?? Math.max(assumedMs, next?.knownMs ?? WIRE_LIMITS.mappingLifetimeMsMax);
}

function beyond(livesMs: readonly number[]): readonly number[] {
  return livesMs.map((ms) => ms + BEYOND_MS);
}
