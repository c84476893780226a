/** What goes over IPv6 makes no mapping in a NAT, so it does not wait for those that do. */
import { expect, test } from 'vitest';
import { deviceBudget, PLAN_LIMITS } from '../../src/core/testing.ts';

const LIFE = { quota: null, lifetimeMs: 30_000 };

test('a probe over IPv6 goes at once, though thousands of ports have just been opened over IPv4', () => {
  const budget = deviceBudget();
  let now = 0;
  for (let n = 0; n < PLAN_LIMITS.birthdayMappings; n++) {
    now = Math.max(now, budget.when(now, 'birthday', `m${n}`, LIFE));
    budget.take(now, 'birthday', `m${n}`);
  }
  expect(budget.when(now, 'easy', 'another mapping', LIFE)).toBeGreaterThan(now + 1_000);
  expect(budget.when(now, 'easy', null, LIFE)).toBe(now);
  const before = budget.room(now, 'easy', 1, LIFE);
  budget.take(now, 'easy', null);
  // It has taken no room among the mappings: had it, another one more would have to end first.
  expect(budget.room(now, 'easy', 1, LIFE)).toBe(before);
});

test('no more than a hundred a second go over IPv6 at that, and none while the network suffers', () => {
  const budget = deviceBudget();
  let now = 0;
  let sent = 0;
  for (; now < 2_000; now += 1) {
    while (budget.when(now, 'easy', null, LIFE) <= now) {
      budget.take(now, 'easy', null);
      sent++;
    }
  }
  expect(sent).toBeLessThanOrEqual(220);
  budget.pause(now + 500);
  expect(budget.when(now + 10, 'easy', null, LIFE)).toBe(now + 500);
});

test('what has gone over IPv6 is counted: what makes mappings waits for it', () => {
  const budget = deviceBudget();
  for (let n = 0; n < PLAN_LIMITS.birthdayBurst; n++) budget.take(0, 'easy', null);
  expect(budget.when(0, 'birthday', 'a mapping', LIFE)).toBeGreaterThan(0);
  expect(deviceBudget().when(0, 'birthday', 'a mapping', LIFE)).toBe(0);
});
