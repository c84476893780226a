import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LIMITS } from '../../src/core/limits.ts';
import type { PortSpec } from '../../src/core/traverse/ports.ts';
import type { SidePlan } from '../../src/core/traverse/side.ts';
import { decodeStep, encodeStep, STEP_PLAIN_BYTES_MAX, type Step } from '../../src/core/traverse/step.ts';

const u16 = fc.integer({ min: 0, max: 0xffff });
const port = fc.integer({ min: 1, max: 0xffff });
const positive = fc.integer({ min: 1, max: 0xffff });
const address = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255)).map((parts) => parts.join('.'));
const endpoint = fc.record({ address, port });
const range = fc.tuple(u16, u16).map(([a, b]) => ({ low: Math.min(a, b), high: Math.max(a, b) }));
const step = fc.integer({ min: -300, max: 300 });
const ports: fc.Arbitrary<PortSpec> = fc.oneof(
  port.map((fixed) => ({ kind: 'fixed', port: fixed }) as const),
  fc
    .tuple(range, fc.integer({ min: 0, max: 0xffff_ffff }))
    .map(([at, seed]) => ({ kind: 'shuffle', ...at, seed }) as const),
  fc
    .array(fc.record({ start: port, step, count: u16 }), { minLength: 1, maxLength: 48 })
    .map((runs) => ({ kind: 'runs', runs }) as const),
);
const side: fc.Arbitrary<SidePlan> = fc.record({
  class: fc.constantFrom('easy', 'prediction', 'birthday'),
  from: fc.constantFrom('known', 'fresh'),
  sockets: positive,
  tuples: u16,
  addresses: fc.array(address, { minLength: 1, maxLength: 4 }),
  ports,
  portEvery: positive,
  ratePerSecond: positive,
  passes: fc.array(fc.record({ afterMs: u16, ttl: fc.oneof(fc.constant(null), fc.integer({ min: 1, max: 255 })) }), {
    minLength: 1,
    maxLength: 6,
  }),
  again: fc.record({
    mode: fc.constantFrom('none', 'refresh', 'replace'),
    everyMs: fc.integer({ min: 1, max: 600_000 }),
  }),
  sampleEvery: u16,
  durationMs: fc.integer({ min: 0, max: 600_000 }),
});
const anyStep: fc.Arbitrary<Step> = fc.record(
  {
    order: u16,
    restun: fc.constant(true as const),
    samples: fc.array(
      fc.record({
        before: u16,
        observed: fc.record({ address: fc.constantFrom('203.0.113.1', '198.51.100.2'), port }),
      }),
      { maxLength: 16 },
    ),
    endpoint,
    run: fc.record({ startInMs: u16, side }),
    stop: fc.constant(true as const),
    queued: fc.nat(255),
    pay: u16,
    refused: fc.record({ allowedInMs: fc.option(fc.integer({ min: 0, max: LIMITS.manyPortsRestMsMax })) }),
  },
  { requiredKeys: ['order'] },
);

test('S20: a step, one structure with flags, means the same after the wire, and fits a datagram', () => {
  fc.assert(
    fc.property(anyStep, (said) => {
      const bytes = encodeStep(said);
      expect(bytes.length).toBeLessThanOrEqual(STEP_PLAIN_BYTES_MAX);
      expect(decodeStep(bytes)).toEqual(said);
    }),
  );
});

test('a cut step is no step (but a refusal of before it told a time), and bytes at the end that nobody knows are passed over', () => {
  fc.assert(
    fc.property(anyStep, fc.nat(), (said, cut) => {
      const bytes = encodeStep(said);
      const length = cut % bytes.length;
      const withoutTime = said.refused !== undefined && length === bytes.length - 4;
      const left = withoutTime ? { ...said, refused: { allowedInMs: null } } : null;
      expect(decodeStep(bytes.subarray(0, length))).toEqual(left);
      if (bytes.length + 3 <= STEP_PLAIN_BYTES_MAX)
        expect(decodeStep(Uint8Array.from([...bytes, 1, 2, 3]))).toEqual(said);
    }),
  );
});

test('no bytes make the decoder throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => void decodeStep(bytes)),
    { numRuns: 2_000 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => void decodeStep(Uint8Array.from([1, ...bytes]))),
    {
      numRuns: 2_000,
    },
  );
});
