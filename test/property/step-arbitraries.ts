/** Steps with anything in them that means something, the ends of every range among it. */
import fc from 'fast-check';
import { LEAD_LIMITS, PLAN_LIMITS, type PortSpec, type SidePlan, type Step } from '../../src/core/testing.ts';

const U16 = 0xffff;
const U32 = 0xffff_ffff;

/** Evenly, or a small one, or one of those around which limits lie. */
const whole = (min: number, max: number): fc.Arbitrary<number> => {
  const ends = [min, min + 1, 2, 64, 65, 256, 257, 1_000, 1_536, 2_048, 600_000, max - 1, max];
  return fc.oneof(
    fc.integer({ min, max }),
    fc.integer({ min, max: Math.min(max, min + 70) }),
    fc.constantFrom(...ends.filter((end) => end >= min && end <= max)),
  );
};

const u16 = whole(0, U16);
const port = whole(1, U16);
const positive = whole(1, U16);
export const addressArbitrary = fc
  .tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255))
  .map((parts) => parts.join('.'));
const step = fc.oneof(fc.integer({ min: -300, max: 300 }), fc.constantFrom(-32_768, 32_767, 0));
const range = fc.tuple(port, port).map(([a, b]) => ({ low: Math.min(a, b), high: Math.max(a, b) }));
const ports: fc.Arbitrary<PortSpec> = fc.oneof(
  port.map((fixed) => ({ kind: 'fixed', port: fixed }) as const),
  fc.tuple(range, whole(0, U32)).map(([at, seed]) => ({ kind: 'shuffle', ...at, seed }) as const),
  fc
    .array(fc.record({ start: u16, step, count: u16 }), { minLength: 1, maxLength: LEAD_LIMITS.stepRunsMax })
    .map((runs) => ({ kind: 'runs', runs }) as const),
);
const ttl = fc.option(fc.integer({ min: 1, max: 255 }));

/** What needs no other field to make sense. */
const common = {
  class: fc.constantFrom('easy', 'prediction', 'birthday'),
  ports,
  portEvery: positive,
  ratePerSecond: positive,
  durationMs: fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 1_000, max: LEAD_LIMITS.salvoMs }) }, whole(0, U32)),
} as const;
const passes = fc.array(fc.record({ afterMs: u16, ttl }), { minLength: 1, maxLength: LEAD_LIMITS.stepPassesMax });
const everyMs = fc.oneof(fc.constantFrom(1, 9_000), whole(1, U32));

/** As many samples as a step can tell of, or none. */
function sampleEvery(tuples: number): fc.Arbitrary<number> {
  const least = Math.max(1, Math.ceil(tuples / (LEAD_LIMITS.stepSamplesMax - 1)));
  return fc.oneof(fc.constant(0), whole(least, U16), fc.constant(least));
}

/** Sides that make sense, each with tuples towards one of `addresses`. */
export function sideArbitrary(addresses: fc.Arbitrary<string>): fc.Arbitrary<SidePlan> {
  const towards = fc.array(addresses, { minLength: 1, maxLength: LEAD_LIMITS.stepAddressesMax });
  const samples = fc.record({
    ...{ ...common, addresses: towards, from: fc.constantFrom('punching', 'fresh'), sockets: fc.constant(1) },
    ...{ tuples: fc.constant(0), sampleEvery: positive, passes: fc.tuple(fc.record({ afterMs: u16, ttl })) },
    again: fc.record({ mode: fc.constant('none'), everyMs }),
  } as const);
  const probes = fc.tuple(whole(1, PLAN_LIMITS.birthdayBurst), fc.boolean()).chain(([tuples, fresh]) =>
    fc.record({
      ...{ ...common, addresses: towards, tuples: fc.constant(tuples), passes, sampleEvery: sampleEvery(tuples) },
      from: fc.constant(fresh ? 'fresh' : 'punching'),
      sockets: fresh ? whole(1, tuples) : fc.constant(1),
      again: fc.record({
        mode: fresh ? fc.constantFrom('none', 'refresh', 'replace') : fc.constantFrom('none', 'refresh'),
        everyMs,
      }),
    } as const),
  );
  return fc.oneof({ weight: 1, arbitrary: samples }, { weight: 5, arbitrary: probes });
}

/** Each field by itself well-formed, whatever the others say: most of these nobody means. */
export function wildSideArbitrary(addresses: fc.Arbitrary<string>): fc.Arbitrary<SidePlan> {
  const few = (others: fc.Arbitrary<number>, ...often: number[]) => fc.oneof(fc.constantFrom(...often), others);
  const nowhere = fc.constantFrom<PortSpec>(
    { kind: 'fixed', port: 0 },
    { kind: 'shuffle', low: 0, high: 9, seed: 1 },
    { kind: 'runs', runs: [{ start: 0, step: 0, count: 0 }] },
  );
  return fc.record({
    ...{ ...common, addresses: fc.array(addresses, { minLength: 1, maxLength: LEAD_LIMITS.stepAddressesMax }), passes },
    ports: fc.oneof({ weight: 4, arbitrary: ports }, nowhere),
    ...{ sockets: few(positive, 1, 2), tuples: few(u16, 0, 2, 300), sampleEvery: few(u16, 0, 1) },
    from: fc.constantFrom('punching', 'fresh'),
    again: fc.record({ mode: fc.constantFrom('none', 'refresh', 'replace'), everyMs }),
  } as const);
}

export function stepArbitrary(addresses: fc.Arbitrary<string>, samplesMax: number): fc.Arbitrary<Step> {
  const endpoint = fc.record({ address: addresses, port });
  const seen = fc.constantFrom('203.0.113.1', '198.51.100.2', '203.0.113.66');
  return fc.record(
    {
      order: u16,
      restun: fc.constant(true as const),
      samples: fc.array(fc.record({ before: u16, observed: fc.record({ address: seen, port }) }), {
        maxLength: samplesMax,
      }),
      endpoint,
      run: fc.record({ startInMs: u16, side: sideArbitrary(addresses) }),
      stop: fc.constant(true as const),
      queued: fc.nat(255),
      pay: u16,
      refused: fc.record({ allowedInMs: fc.option(whole(0, LEAD_LIMITS.manyPortsRestMsMax)) }),
    },
    { requiredKeys: ['order'] },
  );
}
