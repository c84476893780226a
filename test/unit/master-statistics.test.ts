import { expect, test } from 'vitest';
import { createStatistics } from '../../src/master/statistics.ts';
import { openStore } from '../../src/master/testing.ts';

test('joins per minute are those of the last 60 seconds, however many, and a gap or a clock set back forgets them', () => {
  let now = 1_800_000_000_000;
  const store = openStore({ file: ':memory:', onProblem: (problem) => expect.unreachable(problem) });
  const statistics = createStatistics(store, () => now);
  for (let second = 0; second < 90; second += 1) {
    for (let i = 0; i < 500; i += 1) statistics.join();
    now += 1_000;
  }
  // The second that has just begun is one of the 60.
  expect(statistics.joinsPerMinute()).toBe(59 * 500);
  now += 30_000;
  expect(statistics.joinsPerMinute()).toBe(29 * 500);
  now += 3_600_000;
  expect(statistics.joinsPerMinute()).toBe(0);
  now -= 7_200_000;
  statistics.join();
  expect(statistics.joinsPerMinute()).toBe(1);
  store.close();
});

test('only what was tried counts: who is refused or stops soon is no failure of two networks', () => {
  const store = openStore({ file: ':memory:', onProblem: (problem) => expect.unreachable(problem) });
  const statistics = createStatistics(store, () => 1_800_000_000_000);
  const end = {
    ...({
      ev: 'report',
      clientNat: 'cone',
      hostNat: 'port-sensitive',
      family: 4,
      path: null,
      outcome: 'aborted',
    } as const),
    ...{ method: 'birthday', attempts: 2, elapsedMs: 40_000, packetsSent: 900 },
  };
  statistics.report({ ...end, attempts: 0, packetsSent: 0, elapsedMs: 90_000 });
  statistics.report({ ...end, attempts: 1, elapsedMs: 3_000 });
  statistics.report({ ...end, attempts: 1, packetsSent: 0, elapsedMs: 30_000 });
  expect(statistics.totals()).toEqual({ paths: 0, failures: 0 });
  statistics.report(end);
  statistics.report({ ...end, path: 'direct', outcome: 'path', attempts: 1, packetsSent: 3, elapsedMs: 300 });
  expect(statistics.totals()).toEqual({ paths: 1, failures: 1 });
  store.close();
});
