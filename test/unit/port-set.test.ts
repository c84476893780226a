/** What is taken for a set of ports that one line has to itself, and what is not. */
import { expect, test } from 'vitest';
import { portSetOf, UNKNOWN_ALLOCATOR } from '../../src/core/testing.ts';
import { simRandom } from '../../src/sim/index.ts';

const RANDOM = { ...UNKNOWN_ALLOCATOR, kind: 'random' } as const;
/** What a detection sees. */
const SAMPLES = 26;
const LINES = 500;
const portSetSize = (rule: Parameters<typeof portSetOf>[0], ports: readonly number[]) =>
  portSetOf(
    rule,
    ports.map((port) => ({ observed: { address: '203.0.113.9', port } })),
  );
const many = (draw: () => number): readonly number[] => Array.from({ length: SAMPLES }, draw);

test.each([
  [4, 8, 240],
  [6, 8, 252],
  [6, 6, 1_008],
  [4, 4, 3_840],
] as const)('with %i bits above the %i of the line it is %i ports', (offset, own, size) => {
  const random = simRandom(`${offset} ${own}`);
  const below = 16 - offset - own;
  const found = Array.from({ length: LINES }, () => {
    const line = random.int(0, 2 ** own - 1);
    // As RFC 7597 §5.1 draws a port: bits that are not all 0, the line's own, the rest.
    const port = () =>
      (random.int(1, 2 ** offset - 1) << (own + below)) | (line << below) | random.int(0, 2 ** below - 1);
    return portSetSize(RANDOM, many(port));
  });
  expect(found.filter((one) => one !== size)).toEqual([]);
});

test('ports at random, in a range, in a few blocks, kept or counted are no set', () => {
  const random = simRandom('none');
  for (const [low, high] of [
    [1_024, 65_535],
    [49_152, 65_535],
    [50_001, 65_535],
  ] as const)
    for (let line = 0; line < LINES; line++)
      expect(
        portSetSize(
          RANDOM,
          many(() => random.int(low, high)),
        ),
      ).toBeNull();
  // With bits in common between others that are not.
  const blocks = [65, 97, 321, 353].map((n) => 128 * n);
  expect(
    portSetSize(
      RANDOM,
      many(() => random.pick(blocks) + random.int(0, 127)),
    ),
  ).toBeNull();
  const set = many(() => 4_096 * random.int(1, 15) + 256 + random.int(0, 15));
  expect(portSetSize(RANDOM, set)).toBe(240);
  expect(portSetSize(RANDOM, set.slice(0, 9))).toBeNull();
  for (const kind of ['preserve', 'step', 'time', 'unknown'] as const)
    expect(portSetSize({ ...RANDOM, kind }, set)).toBeNull();
});
