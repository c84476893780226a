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
