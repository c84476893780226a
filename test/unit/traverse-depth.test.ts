/** How deep the own NAT lies, as the gaps between samples tell it. */
import { expect, test } from 'vitest';
import { Depth, type Sample, type StepNature, UNKNOWN_PROFILE } from '../../src/core/testing.ts';

const HOME: StepNature = {
  ...{ kind: 'step', adm: false, timed: false, step: 2, background: 3, dispersion: 1, doubt: 0, pool: 1 },
};
const PROVIDER: StepNature = { ...HOME, background: 300 };

/** Samples of a step of 2, so many new ports between each two. */
function samples(...gaps: readonly number[]): Sample[] {
  let port = 40_000;
  const at = (before: number) => ({ before, observed: { address: '203.0.113.1', port } });
  const first = at(0);
  return [
    first,
    ...gaps.map((slots, n) => {
      port += 2 * (slots + 1);
      return at(n + 1);
    }),
  ];
}

/** The TTLs that are tried behind a NAT so deep, up to the one that comes through. */
function climbed(depth: Depth, hop: number, nature: StepNature): (number | null)[] {
  for (const tried: (number | null)[] = []; ; ) {
    const ttl = depth.ttl(UNKNOWN_PROFILE, nature);
    tried.push(ttl);
    const slots = ttl !== null && ttl > hop ? 1 : 0;
    if (ttl === null || depth.learn(ttl, nature, samples(slots, slots, slots, slots))) return tried;
  }
}

test('one TTL after the other is tried until one comes through, a deep one first where others are many', () => {
  expect(climbed(new Depth(), 1, HOME)).toEqual([2]);
  expect(climbed(new Depth(), 4, HOME)).toEqual([2, 4, 6]);
  expect(climbed(new Depth(), 4, PROVIDER)).toEqual([6]);
  expect(climbed(new Depth(), 12, PROVIDER)).toEqual([6, 8, 10, 13]);
  expect(climbed(new Depth(), 30, HOME)).toEqual([2, 4, 6, 8, 10, 13, null]);
});

test('after an attempt in vain the very depth is looked for, below what came through, and kept', () => {
  const depth = new Depth();
  climbed(depth, 4, PROVIDER);
  expect(climbed(depth, 4, PROVIDER)).toEqual([2, 3, 4, 5]);
  expect(climbed(depth, 4, PROVIDER)).toEqual([5]);
});

test('a depth that was measured is used until it shows that it is wrong', () => {
  const depth = new Depth();
  const measured = { natHops: 2 };
  expect(depth.ttl(measured, HOME)).toBe(3);
  expect(depth.learn(3, HOME, samples(0, 0, 0, 0))).toBe(false);
  expect(depth.ttl(measured, HOME)).toBe(4);
});

test('one lost probe does not count, nor do samples that say nothing; gaps that strangers had filled do no harm', () => {
  const depth = new Depth();
  expect(depth.learn(2, HOME, samples(1, 0, 1, 1))).toBe(true);
  expect(depth.learn(2, HOME, samples(0, 0, 0, 1))).toBe(false);
  expect(depth.ttl(UNKNOWN_PROFILE, HOME)).toBe(4);
  for (const silent of [
    { ...HOME, timed: true },
    { ...HOME, pool: 4 },
  ])
    expect(new Depth().learn(2, silent, samples(0, 0))).toBe(true);
  expect(new Depth().learn(2, HOME, [])).toBe(true);
});
