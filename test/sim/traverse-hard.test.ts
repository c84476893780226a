/**
 * The figures of the plan for hard pairs, with true profiles: what the traversal itself is worth. Times count from JOIN.
 * BLOCK_RUNS=1000 measures the pairs with blocks more closely and says by when how many were up; BLOCK_SEED takes other worlds.
 */
import { expect, test } from 'vitest';
import type { NatProfile } from '../../src/core/index.ts';
import { NATS, type NatBehaviour, PORTS_ALL, type World } from '../../src/sim/index.ts';
import { type PairOptions, type PairResult, runPair } from './traverse-pair.ts';

const APDM = {
  mapping: 'address-and-port',
  filtering: 'address-and-port',
  timeouts: { unrepliedMs: 30_000, establishedMs: 60_000 },
} as const;
const step = (perSecond: number, by = 1, dispersion = 1): NatBehaviour => ({
  ...APDM,
  allocation: { step: by },
  background: { perSecond, dispersion },
});
const RANDOM: NatBehaviour = { ...APDM, allocation: { random: PORTS_ALL } };
const BLOCK: NatBehaviour = { ...APDM, allocation: { block: { size: 512, order: 'random', blocksMax: 1 } } };
const ADM: NatBehaviour = { ...APDM, mapping: 'address', allocation: { step: 1 }, background: { perSecond: 5 } };
/** Long lines and losses; the master far away; delays that differ and clocks that are apart. */
const CONDITIONS = {
  near: {},
  'long and lossy': { world: { delayMs: 80, lossRate: 0.02 }, masterDelayMs: 80 },
  'master 100 ms away': { world: { lossRate: 0.02 }, masterDelayMs: 100 },
  'clocks apart': { world: { delayMs: { min: 10, max: 80 }, jitterMs: 5, lossRate: 0.02 }, clockApartMs: 50 },
} as const satisfies Record<string, Partial<PairOptions>>;

function many(
  client: NatBehaviour,
  host: NatBehaviour,
  runs: number,
  options: Partial<PairOptions> = {},
): PairResult[] {
  return Array.from({ length: runs }, (_, seed) => runPair({ seed, client, host, ...options }));
}

/** Share of the runs that were up by then; the message names those that were not. */
function upBy(results: readonly PairResult[], ms: number): number {
  return results.filter((result) => result.ms <= ms).length / results.length;
}

function late(results: readonly PairResult[], ms: number): string {
  return `late seeds: ${results.flatMap((result, seed) => (result.ms > ms ? [`${seed} (${result.ms.toFixed(0)} ms)`] : [])).join(', ')}`;
}

function quantile(values: readonly number[], p: number): number {
  return [...values].sort((left, right) => left - right)[Math.floor(p * values.length)] ?? Number.NaN;
}

test('easy against random over all ports: a median of 1.2 s and at most 600 packets in 99 of 100', () => {
  const results = [...many(NATS.linux, RANDOM, 60), ...many(RANDOM, NATS.linux, 60)];
  expect(upBy(results, 20_000), late(results, 20_000)).toBe(1);
  expect(
    quantile(
      results.map(({ ms }) => ms),
      0.5,
    ),
  ).toBeLessThanOrEqual(1_200);
  expect(
    quantile(
      results.map(({ packets }) => Math.max(packets.client, packets.host)),
      0.985,
    ),
  ).toBeLessThanOrEqual(600);
});

for (const [name, condition] of Object.entries(CONDITIONS)) {
  test(`easy against a step with 100 strangers a second meets in 2 s (${name})`, () => {
    for (const [client, host] of [
      [NATS.linux, step(100)],
      [step(100, -1), NATS.linuxAccept],
    ] as const) {
      const results = many(client, host, 40, condition);
      expect(upBy(results, 2_000), late(results, 2_000)).toBeGreaterThanOrEqual(0.975);
    }
  });

  test(`two steps with up to 50 strangers a second meet in 3 s (${name})`, () => {
    for (const perSecond of [0, 5, 20, 50]) {
      const results = many(step(perSecond), step(perSecond, 2), 30, condition);
      expect(upBy(results, 3_000), `${perSecond}/s, ${late(results, 3_000)}`).toBeGreaterThanOrEqual(29 / 30);
    }
  });

  test(`two steps with 264 strangers a second, overdispersed, meet in 5 s (${name})`, () => {
    const results = many(step(264, 1, 1.5), step(264, 1, 1.5), 40, condition);
    expect(upBy(results, 5_000), late(results, 5_000)).toBeGreaterThanOrEqual(0.95);
  });

  test(`an address-sensitive NAT that steps is as good as an easy one (${name})`, () => {
    for (const other of [NATS.linux, step(20), RANDOM, ADM]) {
      for (const [client, host] of [
        [ADM, other],
        [other, ADM],
      ] as const) {
        const results = many(client, host, 12, condition);
        expect(upBy(results, 6_000), late(results, 6_000)).toBeGreaterThanOrEqual(11 / 12);
      }
    }
  });
}

const BLOCK_RUNS = Number(process.env.BLOCK_RUNS ?? 80);
/** A share of 70 % that has to be above 65. */
const CLOSE_RUNS = Number(process.env.BLOCK_RUNS ?? 400);
const BLOCK_SEED = Number(process.env.BLOCK_SEED ?? 0);
const BLOCK_AT_S = [1, 3, 30, 30.5, 31, 33, 60, 60.5, 61, 62, 65, 125, 180, 240];

function blocks(
  name: string,
  pairOf: (seed: number) => Omit<PairOptions, 'seed'>,
  runs: number = BLOCK_RUNS,
): PairResult[] {
  const seeds = Array.from({ length: runs }, (_, n) => BLOCK_SEED + n);
  const results = seeds.map((seed) => runPair({ seed, limitMs: 240_000, ...pairOf(seed) }));
  if (process.env.BLOCK_RUNS !== undefined) {
    const curve = BLOCK_AT_S.map((at) => `${at} s ${(100 * upBy(results, 1_000 * at)).toFixed(1)}`);
    process.stdout.write(`${name}, ${BLOCK_RUNS} runs, per cent up by: ${curve.join(', ')}\n`);
  }
  return results;
}

const unmeasured: Partial<PairOptions> = {
  unmeasured: true,
  edit: (_role, profile) => ({ ...profile, quota: null }),
};

// Within one life of a mapping half of a block can't do better than one half, nor two halves than a quarter, and two lives end
// 60.2 s after JOIN: decision 0007 has the proof.
test('two blocks of 512 within half of each: 65 % when the third lives begin and 95 % within 240 s', () => {
  const results = blocks('block-block', () => ({ client: BLOCK, host: BLOCK }), CLOSE_RUNS);
  expect(upBy(results, 3_000)).toBeGreaterThanOrEqual(0.2);
  expect(upBy(results, 62_000)).toBeGreaterThanOrEqual(0.65);
  expect(upBy(results, 240_000)).toBeGreaterThanOrEqual(0.95);
}, 240_000);

test('two blocks of 512 whose mappings live 30 s, which nobody knows, are met as soon but for what the finding out takes', () => {
  const nat: NatBehaviour = { ...BLOCK, timeouts: { unrepliedMs: 30_000, establishedMs: 30_000 } };
  const results = blocks('block-block, life unknown', () => ({ client: nat, host: nat, ...unmeasured }));
  expect(upBy(results, 65_000)).toBeGreaterThanOrEqual(0.65);
  expect(upBy(results, 240_000)).toBeGreaterThanOrEqual(0.95);
});

// Before a silence of its own was watched for these, the rounds came 20 and 145 s apart: 43, 72, 22 and 48 % were up by then.
test.each([
  ['10 s', 10_000, 'a block', BLOCK, 35, 0.7],
  ['10 s', 10_000, 'a step', step(5), 35, 0.85],
  ['65 s', 65_000, 'a block', BLOCK, 90, 0.35],
  ['65 s', 65_000, 'a step', step(5), 90, 0.62],
] as const)(
  'a block whose mappings live %s, which nobody knows (%i ms, against %s), has its rounds as far apart',
  (_life, unrepliedMs, _name, host, seconds, share) => {
    const life = { timeouts: { unrepliedMs, establishedMs: Math.max(60_000, unrepliedMs) } };
    const edit = (_role: unknown, profile: NatProfile) => ({ ...profile, quota: null, idleLifetimeMs: null });
    const results = blocks('life unknown', () => ({ client: { ...BLOCK, ...life }, host: { ...host, ...life }, edit }));
    expect(upBy(results, 1_000 * seconds), late(results, 1_000 * seconds)).toBeGreaterThanOrEqual(share);
  },
);

test('a step against a block of 512 within half of it: 60 % when the second lives begin and 95 % within 180 s', () => {
  const results = blocks('step-block', (seed) =>
    seed % 2 === 0 ? { client: step(5), host: BLOCK } : { client: BLOCK, host: step(20) },
  );
  expect(upBy(results, 1_000)).toBeGreaterThanOrEqual(0.4);
  expect(upBy(results, 31_000)).toBeGreaterThanOrEqual(0.6);
  expect(upBy(results, 180_000)).toBeGreaterThanOrEqual(0.95);
});

test.each([
  ['a block', 'keeps them for 30 s', BLOCK, 30_000, undefined],
  ['a step', 'keeps them for 30 s', step(5), 30_000, undefined],
  // Just longer than until it is known that they live for more than 65 s: nothing may have been replaced by then.
  ['a block', 'keeps them for 76 s, which nobody knows', BLOCK, 76_000, null],
  ['a step', 'keeps them for 76 s, which nobody knows', step(5), 76_000, null],
] as const)(
  'against %s a block that %s never holds more than half of its ports',
  (_name, _life, host, lifeMs, known) => {
    /** Last packet outwards of each external port, by box. */
    const lastOut = new Map<string, Map<number, number>>();
    let most = 0;
    const onWorld = (world: World): void =>
      world.watch(({ at, what, where, packet }) => {
        if (what !== 'translated' || !packet.from.address.startsWith('198.') || packet.to.address.startsWith('10.'))
          return;
        const ports = lastOut.get(where) ?? new Map<number, number>();
        lastOut.set(where, ports.set(packet.from.port, at));
        most = Math.max(most, [...ports.values()].filter((last) => at - last < lifeMs).length);
      });
    const life = { timeouts: { unrepliedMs: lifeMs, establishedMs: 80_000 } };
    const edit = (_role: unknown, profile: NatProfile): NatProfile => ({
      ...profile,
      idleLifetimeMs: known === null ? null : profile.idleLifetimeMs,
    });
    runPair({
      seed: 21,
      client: { ...BLOCK, ...life },
      host: { ...host, ...life },
      limitMs: lifeMs + 40_000,
      onWorld,
      edit,
    });
    expect(most).toBeGreaterThan(200);
    // Half of 512, and the socket of the JOIN.
    expect(most).toBeLessThanOrEqual(256 + 2);
  },
);

test('a CGN of a thousand strangers a second on both sides is still met', () => {
  const results = many(step(1_000, 1, 2), step(1_000, 1, 2), 60, { limitMs: 60_000 });
  expect(upBy(results, 5_000), late(results, 5_000)).toBeGreaterThanOrEqual(0.9);
});

test('a stepping side keeps the socket of a router that accepts strangers unspoilt: all meet within 20 s', () => {
  // Nobody has measured how deep its own NAT lies, nor what the other's does with strangers.
  const edit = (_: unknown, profile: NatProfile): NatProfile => ({ ...profile, poisonable: 'untested' });
  for (const conditions of [CONDITIONS.near, CONDITIONS['long and lossy']]) {
    const unknown = { ...conditions, edit, unmeasured: true };
    const results = [...many(NATS.linuxAccept, step(5), 10, unknown), ...many(step(5), NATS.linuxAccept, 10, unknown)];
    expect(upBy(results, 20_000), late(results, 20_000)).toBe(1);
  }
});
