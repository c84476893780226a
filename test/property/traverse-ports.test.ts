import fc from 'fast-check';
import { expect, test } from 'vitest';
import { portAt, portCount, shuffled } from '../../src/core/testing.ts';

test('a shuffle names every port of its range once', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 3000 }),
      fc.integer({ min: 0, max: 60_000 }),
      fc.integer({ min: 0, max: 0xffff_ffff }),
      (size, low, seed) => {
        const spec = { kind: 'shuffle', low, high: low + size - 1, seed } as const;
        const ports = new Set(Array.from({ length: size }, (_, n) => portAt(spec, n)));
        expect(ports.size).toBe(size);
        expect(Math.min(...ports)).toBe(low);
        expect(Math.max(...ports)).toBe(low + size - 1);
        expect(portCount(spec)).toBe(size);
      },
    ),
  );
});

test('a shuffle of all ports looks like chance: neighbours are far apart', () => {
  const size = 64_512;
  let near = 0;
  for (let n = 1; n < 10_000; n++) if (Math.abs(shuffled(n, size, 7) - shuffled(n - 1, size, 7)) < 100) near++;
  // Expected 2 x 99 / 64512 of 10 000, that is 31.
  expect(near).toBeLessThan(70);
});

test('runs are walked one after the other', () => {
  const spec = {
    kind: 'runs',
    runs: [
      { start: 10, step: 2, count: 3 },
      { start: 50, step: -1, count: 2 },
    ],
  } as const;
  expect(Array.from({ length: 6 }, (_, n) => portAt(spec, n))).toEqual([10, 12, 14, 50, 49, 10]);
});
