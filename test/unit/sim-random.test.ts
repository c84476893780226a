import { expect, test } from 'vitest';
import { systemRandom } from '../../src/node/index.ts';
import { portableExp, portableLog, simRandom } from '../../src/sim/index.ts';

const DRAWS = 40_000;

function moments(draw: () => number): { mean: number; variance: number } {
  const values = Array.from({ length: DRAWS }, draw);
  const mean = values.reduce((sum, value) => sum + value, 0) / DRAWS;
  return { mean, variance: values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / DRAWS };
}

test('a fork depends on its name only, not on what was drawn before', () => {
  const quiet = simRandom(5);
  const busy = simRandom(5);
  for (let i = 0; i < 100; i++) busy.float();
  busy.fork('other').float();
  expect(busy.fork('ports').float()).toBe(quiet.fork('ports').float());
  expect(quiet.fork('ports').float()).not.toBe(quiet.fork('links').float());
  expect(simRandom(5).float()).not.toBe(simRandom(6).float());
});

test('portable log and exp agree with the engine to a few units in the last place', () => {
  for (const x of [1e-9, 0.001, 0.3, 0.999, 1, 1.5, 2, 10, 12345.678]) {
    expect(Math.abs(portableLog(x) - Math.log(x))).toBeLessThan(1e-14 * Math.max(1, Math.abs(Math.log(x))));
  }
  for (const x of [-600, -30, -1, -1e-6, 0, 0.5, 3, 20]) {
    expect(Math.abs(portableExp(x) / Math.exp(x) - 1)).toBeLessThan(1e-12);
  }
});

test.each([0.05, 2, 20, 100, 5000])('Poisson counts of mean %d have that mean and variance', (mean) => {
  const random = simRandom(`poisson ${mean}`);
  const got = moments(() => random.poisson(mean));
  expect(Math.abs(got.mean / mean - 1)).toBeLessThan(0.08);
  expect(Math.abs(got.variance / mean - 1)).toBeLessThan(0.08);
});

test.each([
  { mean: 0.1, dispersion: 2 },
  { mean: 5, dispersion: 1.6 },
  { mean: 100, dispersion: 3 },
])('negative binomial counts of mean $mean have $dispersion times that variance', ({ mean, dispersion }) => {
  const random = simRandom(`count ${mean}`);
  const got = moments(() => random.count(mean, dispersion));
  expect(Math.abs(got.mean / mean - 1)).toBeLessThan(0.06);
  expect(Math.abs(got.variance / (mean * dispersion) - 1)).toBeLessThan(0.1);
});

test('integers, normals and exponentials are what they say', () => {
  const random = simRandom('rest');
  const ports = Array.from({ length: DRAWS }, () => random.int(1, 8));
  for (let port = 1; port <= 8; port++) {
    expect(Math.abs(ports.filter((n) => n === port).length / DRAWS - 1 / 8)).toBeLessThan(0.008);
  }
  const normal = moments(() => random.normal(10, 3));
  expect(normal.mean).toBeCloseTo(10, 0);
  expect(Math.abs(normal.variance - 9)).toBeLessThan(0.4);
  expect(Math.abs(moments(() => random.exponential(4)).mean - 4)).toBeLessThan(0.1);
});

test('an integer of no range is an error, as it is with the randomness of the system', () => {
  const random = simRandom('range');
  expect(random.int(7, 7)).toBe(7);
  const wrong = [
    [2, 1],
    [1, 2.5],
    [Number.NaN, 3],
  ] as const;
  for (const [low, high] of wrong) {
    expect(() => random.int(low, high)).toThrow(RangeError);
    expect(() => systemRandom.int(low, high)).toThrow();
  }
});
