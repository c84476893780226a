/** What follows an attempt that failed or could not be made: how soon, and that it is the right thing (S22, docs/reference/design.md §6). */
import { expect, test } from 'vitest';
import { LEAD_LIMITS, PLAN_LIMITS } from '../../src/core/testing.ts';
import { NATS, type NatBehaviour, PORTS_ALL } from '../../src/sim/index.ts';
import { type PairOptions, type PairResult, runPair } from './traverse-pair.ts';

const RANDOM: NatBehaviour = {
  mapping: 'address-and-port',
  filtering: 'address-and-port',
  allocation: { random: PORTS_ALL },
  timeouts: { unrepliedMs: 30_000, establishedMs: 60_000 },
};
/** Longest rest after an attempt of few packets (docs/reference/design.md §6), where no burst before it has to be paid back. */
const EASY_REST_MS_MAX = 5_000;

interface Attempt {
  readonly method: string;
  readonly from: number;
  to: number;
}

/** The attempts of the client, with their beginnings and ends. */
function attemptsOf(options: PairOptions): { result: PairResult; attempts: Attempt[] } {
  const attempts: Attempt[] = [];
  const result = runPair({
    ...options,
    onEvent(role, event, at) {
      if (role !== 'client') return;
      if (event.ev === 'attempt') attempts.push({ method: event.plan.method, from: at, to: Number.POSITIVE_INFINITY });
      if (event.ev === 'attempt-over') attempts.at(-1)!.to = at;
    },
  });
  return { result, attempts };
}

test('a client that never heard where it is seen asks again and goes through at the first attempt', () => {
  let first = 0;
  for (let seed = 0; seed < 20; seed++) {
    for (const [client, host] of [
      [NATS.linux, RANDOM],
      [RANDOM, NATS.linux],
      [NATS.linux, NATS.linux],
    ] as const) {
      const { connected, attempts } = runPair({ seed, client, host, unseen: true, limitMs: 60_000 });
      expect(connected, `seed ${seed}`).toBe(true);
      if (attempts === 1) first++;
    }
  }
  // A birthday may fail by chance.
  expect(first).toBeGreaterThanOrEqual(58);
});

test('birthdays that fail are at least 20 s apart, three of them fit into a minute, and none rests above 5 minutes', {
  timeout: 240_000,
}, () => {
  // Both are random: with a client that takes itself for easy no birthday meets.
  const edit: PairOptions['edit'] = (role, profile) =>
    role === 'client' ? { ...profile, mapping: 'eim', type: 'cone', confidence: 0.999 } : profile;
  const { attempts } = attemptsOf({ seed: 0, client: RANDOM, host: RANDOM, edit, limitMs: 900_000 });
  const begun = attempts.filter(({ method }) => method === 'birthday').map(({ from }) => from);
  const gaps = begun.slice(1).map((from, n) => from - begun[n]!);
  expect(begun.filter((from) => from <= begun[0]! + 60_000)).toHaveLength(3);
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(PLAN_LIMITS.manyPortsRestMs);
  expect(Math.max(...gaps)).toBeLessThanOrEqual(LEAD_LIMITS.manyPortsRestMsMax + EASY_REST_MS_MAX);
  expect(gaps).toEqual([...gaps].sort((left, right) => left - right));
});

test('a client that takes the relay for slower than it is learns better from the answers, before its packets poison all', () => {
  const block: NatBehaviour = { ...RANDOM, allocation: { block: { size: 256, order: 'random', blocksMax: 1 } } };
  const results = Array.from({ length: 40 }, (_, seed) =>
    runPair({ seed, client: NATS.linuxAccept, host: block, viaMasterLongerMs: 250, limitMs: 15_000 }),
  );
  expect(results.filter(({ connected }) => connected).length).toBeGreaterThanOrEqual(36);
});

test('easy pairs that do not meet are tried again within 5 s, for ever', () => {
  for (let seed = 0; seed < 4; seed++) {
    // Taken for easy on both sides, and the peer's packets never arrive.
    const blocked = { ...NATS.linux, timeouts: { unrepliedMs: 1, establishedMs: 1 } };
    const { result, attempts } = attemptsOf({ seed, client: blocked, host: blocked, limitMs: 60_000 });
    expect(result.connected).toBe(false);
    const rests = attempts.slice(1).map(({ from }, n) => from - attempts[n]!.to);
    const easy = rests.filter((_, n) => ['known', 'window', 'cross'].includes(attempts[n + 1]!.method));
    expect(easy.length).toBeGreaterThan(3);
    expect(Math.max(...easy)).toBeLessThanOrEqual(EASY_REST_MS_MAX);
  }
});
