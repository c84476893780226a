import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeStep, encodeStep, STEP_PLAIN_BYTES_MAX } from '../../src/core/testing.ts';
import { addressArbitrary, stepArbitrary } from './step-arbitraries.ts';

const anyStep = stepArbitrary(addressArbitrary, 16);

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
