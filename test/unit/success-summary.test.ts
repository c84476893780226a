import { expect, test } from 'vitest';
import { quantile, weightedMedian, wilson } from '../../bench/stats.ts';
import type { JobResult } from '../../bench/success-job.ts';
import { summarize, UDP_CLASSES } from '../../bench/success-summary.ts';

const ACCESS = [
  ['home', 'home'],
  ['home', 'mobile'],
  ['mobile', 'home'],
  ['mobile', 'mobile'],
] as const;

/** All cells, four worlds each, one for each pair of networks; `connected` decides. */
function results(
  connected: (left: string, right: string, networks: string) => boolean,
  dataMs = Number.POSITIVE_INFINITY,
): JobResult[] {
  return UDP_CLASSES.flatMap((left, i) =>
    UDP_CLASSES.slice(i).flatMap((right) =>
      ACCESS.map(([leftAccess, rightAccess], n) => ({
        ...{ job: { left, right, n }, leftAccess, rightAccess, families: ['four', 'four'] as const },
        connected: connected(left, right, `${leftAccess}-${rightAccess}`),
        ...{ elapsedMs: 100 * n, dataMs, attempts: 1, packets: n, mappingsPeak: n, plain: false, fault: null },
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

test('who has data without a direct path is relayed, and who has none has none', () => {
  const relayed = summarize(results((left) => left !== 'P3', 20)).mixes['home-home']!;
  expect(relayed.udp + relayed.relayed).toBeCloseTo(1);
  expect(relayed.relayed).toBeGreaterThan(0.2);
  expect([relayed.none, relayed.dataMedianMs]).toEqual([0, 20]);
  const none = summarize(results(() => false)).mixes['home-home']!;
  expect([none.none, none.relayed, none.dataMedianMs, none.directMedianMs]).toEqual([1, 0, null, null]);
});

test('with IPv6 in the population the theory of a mix grows by what IPv4 leaves', () => {
  const [without, beside] = [false, true].map(
    (ipv6) =>
      summarize(
        results(() => true),
        ipv6,
      ).mixes['mobile-mobile']!,
  );
  const { udp } = without!.theory.full;
  expect(beside!.theory.full.udp).toBeCloseTo(udp + (1 - udp) * 0.36);
  expect(beside!.theory.full.all / beside!.theory.full.udp).toBeCloseTo(0.955 ** 2, 3);
});

test('half of the weight lies below a weighted median', () => {
  const of = (...pairs: [number, number][]) => weightedMedian(pairs.map(([value, weight]) => ({ value, weight })));
  expect(of()).toBeNull();
  expect(of([5, 1], [1, 1], [3, 1])).toBe(3);
  expect(of([5, 10], [1, 1], [3, 1])).toBe(5);
});

test('by families the pairs are told apart, whichever way round they are, and weighted by the shares of their classes', () => {
  const of = (left: 'P3' | 'S4', families: JobResult['families'], connected: boolean, dataMs: number): JobResult => ({
    ...{ job: { left, right: 'P3', n: 0 }, leftAccess: 'home', rightAccess: 'home', families, connected, dataMs },
    ...{ elapsedMs: 300, attempts: 1, packets: 1, mappingsPeak: 1, plain: false, fault: null },
  });
  const worlds = [
    of('P3', ['six', 'four'], false, 90),
    of('S4', ['four', 'six'], false, Number.POSITIVE_INFINITY),
    of('P3', ['six', 'both'], true, 90),
  ];
  const { families } = summarize(worlds, true);
  expect(Object.keys(families)).toEqual(['four-six', 'both-six']);
  const weights = { relayed: 45 * 45, none: 2 * 2.2 * 45 };
  expect(families['four-six']?.relayed).toBeCloseTo(weights.relayed / (weights.relayed + weights.none), 10);
  expect(families['four-six']).toMatchObject({ worlds: 2, direct: 0, directMedianMs: null });
  expect(families['both-six']).toMatchObject({ worlds: 1, direct: 1, none: 0, directMedianMs: 300 });
  expect(summarize(worlds).families).toEqual({});
});
