import { expect, test } from 'vitest';
import { quantile, wilson } from '../../bench/stats.ts';
import type { JobResult } from '../../bench/success-job.ts';
import { summarize, UDP_CLASSES } from '../../bench/success-summary.ts';

const ACCESS = [
  ['home', 'home'],
  ['home', 'mobile'],
  ['mobile', 'home'],
  ['mobile', 'mobile'],
] as const;

/** All cells, four worlds each, one for each pair of networks; `connected` decides. */
function results(connected: (left: string, right: string, networks: string) => boolean): JobResult[] {
  return UDP_CLASSES.flatMap((left, i) =>
    UDP_CLASSES.slice(i).flatMap((right) =>
      ACCESS.map(([leftAccess, rightAccess], n) => ({
        ...{ job: { left, right, n }, leftAccess, rightAccess },
        connected: connected(left, right, `${leftAccess}-${rightAccess}`),
        ...{ elapsedMs: 100 * n, attempts: 1, packets: n, mappingsPeak: n, plain: false, fault: null },
      })),
    ),
  );
}

test('Wilson bounds are those of the textbook', () => {
  const bound = wilson(8, 10);
  expect(bound.value).toBeCloseTo(0.8);
  expect(bound.low).toBeCloseTo(0.4902, 3);
  expect(bound.high).toBeCloseTo(0.9433, 3);
  expect(wilson(10, 10).high).toBe(1);
});

test('quantiles are values of the list', () => {
  expect(quantile([], 0.5)).toBeNull();
  expect(quantile([5, 1, 3], 0.5)).toBe(3);
  expect(quantile([5, 1, 3], 0.95)).toBe(5);
});

test('a mix is weighted by the shares of its own two networks', () => {
  const { mixes } = summarize(results((_left, _right, networks) => networks === 'home-home'));
  expect(mixes['home-home']?.udp).toBeCloseTo(1);
  expect(mixes['home-mobile']?.udp).toBe(0);
  const blocked = 1 - mixes['home-home']!.all;
  expect(blocked).toBeCloseTo(1 - 0.982 ** 2, 3);
  const onlyP3 = summarize(results((left, right) => left === 'P3' && right === 'P3')).mixes;
  expect(onlyP3['home-home']?.udp).toBeCloseTo((45 / 98.2) ** 2, 3);
  expect(onlyP3['home-mobile']?.udp).toBeCloseTo((45 / 98.2) * (12 / 95.5), 3);
});

test('without all cells there are no mixes', () => {
  const some = results(() => true).filter(({ job }) => job.left === 'P3');
  const { mixes, cells } = summarize(some);
  expect(mixes).toEqual({});
  expect(cells['P3-P3']?.success).toBe(1);
  expect(cells['P3-P3']?.medianMs).toBe(200);
});
