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
 * Just after the lives that are common: 20 s, 30 s (Linux, to the millisecond), 35 s and 45 s (carriers), 60 s
 * (docs/reference/nat-model.md §1.2, §2.1). From question to question: at the NAT it is as long, but for the jitter on the way there,
 * which the tenth of a second is for.
 */
const SILENCES_MS: readonly number[] = [20_100, 30_100, 35_100, 45_100, 60_100];
assert(SILENCES_MS.length + 1 === PLAN_LIMITS.canariesMax, 'each silence has a canary, and the witness is one more');

/** Those of the shortest that have survived go on with these: 120 s, 180 s and 200 s. */
const LONGER_MS: readonly number[] = [125_100, 205_100];

/** How often a question is sent by way of the witness, and how far apart; then the server is taken for one that does not do it. */
const OFTEN = { tries: 4, tryAfterMs: 500 } as const;

export type CanaryConfig = Pick<LifetimeWatchConfig, 'source' | 'plainSource' | 'asker' | 'open' | 'close' | 'room'>;

export function canaries(config: CanaryConfig): LifetimeWatch {
  return new LifetimeWatch({
    ...{ ...config, ...OFTEN, method: 'unanswered', silencesMs: SILENCES_MS, longerMs: LONGER_MS },
  });
}

/** What is to be taken for a life, given what is assumed: shorter where one has ended, longer where one has survived that. */
export function watchedMs({ survivedMs, endedMs }: LifetimeWatch, assumedMs: number): number {
  if (survivedMs === null) return Math.min(assumedMs, endedMs ?? assumedMs);
  // For all that is known it ends within the next silence; those after the first five take minutes to say so.
  const next = SILENCES_MS.find((ms) => ms > survivedMs) ?? WIRE_LIMITS.mappingLifetimeMsMax;
  return endedMs ?? Math.max(assumedMs, next);
}
