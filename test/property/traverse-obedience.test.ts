/**
 * Orders and answers of a twin that is authenticated and let in, but means no good: every field of a step, the ends of its range
 * among the values, told to the machines of both sides, for longer than mappings live. They go on, within sockets and permits.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { NatProfile } from '../../src/core/index.ts';
import {
  decodeStep,
  encodeStep,
  LEAD_LIMITS,
  PLAN_LIMITS,
  RUN_LIMITS,
  type Step,
  UNKNOWN_ALLOCATOR,
  UNKNOWN_PROFILE,
} from '../../src/core/testing.ts';
import { type Alone, alone, TWIN } from '../sim/traverse-alone.ts';
import { sideArbitrary, stepArbitrary, wildSideArbitrary } from './step-arbitraries.ts';

/** Other lies: OBEDIENCE_RUNS=1000 OBEDIENCE_SEED=7 npx vitest run test/property/traverse-obedience.test.ts */
const RUNS = Number(process.env.OBEDIENCE_RUNS ?? 100);
const SEED = Number(process.env.OBEDIENCE_SEED ?? 20_261_123);
const VICTIM = '198.51.100.7';
const addresses = fc.constantFrom(TWIN, TWIN, TWIN, VICTIM, '0.0.0.0', '255.255.255.255');
const anyStep = stepArbitrary(addresses, 16);
const anySide = fc.oneof({ weight: 2, arbitrary: sideArbitrary(addresses) }, wildSideArbitrary(addresses));
/** After the last step: mappings have been replaced once, and the shortest-lived canaries have spoken. */
const AFTER_MS = 70_000;
/** A session's sockets at most: those of its plans, its canaries, the punching one and a new one, and those that were heard on. */
const SOCKETS_MAX = PLAN_LIMITS.birthdayMappings + PLAN_LIMITS.canariesMax + 2 + RUN_LIMITS.proofSocketsMax;

/** Packets to the twin: as many as the permit has, and an answer and a probe back for each of the probes of the twin. */
function withinPermits({ sent, peak }: Alone, probesMax: number, heard: boolean): void {
  expect(sent.filter(({ to }) => to.address !== TWIN)).toEqual([]);
  expect(sent.every(({ to }) => Number.isInteger(to.port) && to.port > 0 && to.port < 65_536)).toBe(true);
  const answers = heard ? 2 * new Set(sent.map(({ socket }) => socket)).size : 0;
  expect(sent.length).toBeLessThanOrEqual(probesMax + answers);
  expect(peak()).toBeLessThanOrEqual(SOCKETS_MAX);
}

const logged = ({ events }: Alone, what: string): number =>
  events.filter((event) => event.ev === 'log' && event.what === what).length;

const circumstances = fc.record({
  probesMax: fc.constantFrom(60, 3_000),
  heard: fc.boolean(),
  failEvery: fc.constantFrom(0, 1, 7),
  gapMs: fc.constantFrom(0, 50, 1_000, 10_000),
});
/** Mostly plain orders, so that many run beside each other: any step ends, in half of the cases, what was ordered before. */
const orders = fc.array(
  fc.oneof(
    { weight: 1, arbitrary: anyStep },
    {
      weight: 8,
      arbitrary: fc
        .tuple(fc.nat(2_000), anySide)
        .map(([startInMs, side]): Step => ({ order: 0, run: { startInMs, side } })),
    },
  ),
  { minLength: 1, maxLength: 25, size: 'max' },
);

test('no steps of a client, whatever is in them, stop a host, nor make it exceed sockets, permits or its address', () => {
  let obeyed = 0;
  fc.assert(
    fc.property(orders, circumstances, fc.constantFrom(1, 1, 30), (steps, { gapMs, ...options }, times) => {
      const host = alone('host', options);
      for (const [n, step] of steps.entries()) {
        for (let again = 0; again < times; again++) {
          host.tell(encodeStep({ ...step, order: n % 5 === 4 ? step.order : 30 * n + again + 1 }));
        }
        host.run(gapMs * n);
      }
      host.run(gapMs * steps.length + AFTER_MS);
      withinPermits(host, options.probesMax, options.heard);
      const seconds = (gapMs * steps.length + AFTER_MS) / 1000;
      expect(host.offered() / seconds).toBeLessThanOrEqual(LEAD_LIMITS.plansAtOnce * PLAN_LIMITS.predictionPerSecond);
      obeyed += logged(host, 'run');
    }),
    { numRuns: RUNS, seed: SEED },
  );
  expect(obeyed).toBeGreaterThan(5 * RUNS);
});

const step = { ...UNKNOWN_ALLOCATOR, kind: 'step', step: 1, backgroundPerSecond: 20 } as const;
const backwards = { ...UNKNOWN_ALLOCATOR, kind: 'step', step: -300, backgroundPerSecond: 4_000_000 } as const;
const clock = { ...UNKNOWN_ALLOCATOR, kind: 'time', step: 200 } as const;
const random = { ...UNKNOWN_ALLOCATOR, kind: 'random' } as const;
const block = { ...UNKNOWN_ALLOCATOR, kind: 'block', low: 65_472, high: 65_535 } as const;
const single = { ...UNKNOWN_ALLOCATOR, kind: 'range', low: 5_000, high: 5_000 } as const;
const profiles: fc.Arbitrary<NatProfile> = fc
  .tuple(
    fc.constantFrom('eim', 'adm', 'apdm'),
    fc.constantFrom(step, backwards, clock, random, block, single),
    fc.constantFrom<NatProfile['pooling']>('paired', 'arbitrary'),
    fc.constantFrom(null, 1, 64, 65_535),
    fc.constantFrom(null, 1, 10_000, 30_000),
  )
  .map(([mapping, allocator, pooling, quota, idleLifetimeMs]) => ({
    ...{ ...UNKNOWN_PROFILE, mapping, filtering: 'apdf', confidence: 0.95, external: [TWIN] },
    ...{ allocator, mixture: [allocator], pooling, quota, idleLifetimeMs },
  }));

test('no answers of a host, whatever is in them, stop a client, nor make it exceed sockets, permits or its address', () => {
  let believed = 0;
  let asked = 0;
  const nowhere = fc.constant<Step>({ order: 0, endpoint: { address: TWIN, port: 0 } });
  const answers = fc.array(fc.oneof({ weight: 6, arbitrary: anyStep }, nowhere), { minLength: 1, maxLength: 12 });
  const flavours = fc.array(fc.constantFrom('samples', 'endpoint', 'refused', 'queued', 'all'), { minLength: 1 });
  fc.assert(
    fc.property(answers, flavours, profiles, profiles, circumstances, (steps, kinds, own, peer, options) => {
      let n = 0;
      /** Each word of the client is answered by a step that names it: as ordered, or with all the fields at once. */
      const twin = (bytes: Uint8Array): Uint8Array | null => {
        const question = decodeStep(bytes);
        if (question === null) return null;
        asked++;
        const answer = steps[n % steps.length]!;
        return encodeStep(worded(answer, kinds[n++ % kinds.length]!, question.order));
      };
      const candidates = [{ kind: 'reflexive', endpoint: { address: TWIN, port: 4_000 } } as const];
      const client = alone('client', { ...options, own, peer, candidates, twin });
      client.run(AFTER_MS);
      withinPermits(client, options.probesMax, options.heard);
      expect(logged(client, 'plan')).toBeGreaterThan(0);
      believed += logged(client, 'salvo');
    }),
    { numRuns: RUNS, seed: SEED },
  );
  expect(asked).toBeGreaterThan(5 * RUNS);
  expect(believed).toBeGreaterThan(5 * RUNS);
});

function worded(answer: Step, kind: 'samples' | 'endpoint' | 'refused' | 'queued' | 'all', order: number): Step {
  if (kind === 'all' || answer[kind] === undefined) return { ...answer, order };
  return { order, [kind]: answer[kind] };
}
