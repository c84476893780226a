import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LIMITS } from '../../src/core/index.ts';
import { deviceBudget, hardSlot, purse } from '../../src/core/traverse/budget.ts';
import type { ProbeClass } from '../../src/core/traverse/side.ts';

/** Each packet of the test below is the first of its mapping. */
const DEPTH = {
  easy: LIMITS.easyBurst + LIMITS.easyFirstBurst,
  prediction: LIMITS.predictionBurst,
  birthday: LIMITS.birthdayBurst,
} as const;
const PEAK = {
  easy: LIMITS.easyFirstPerSecond,
  prediction: LIMITS.predictionPerSecond,
  birthday: LIMITS.birthdayPerSecond,
} as const;
const AT_ONCE = {
  easy: LIMITS.probesAtOnce,
  prediction: LIMITS.predictionAtOnce,
  birthday: LIMITS.probesAtOnce,
} as const;
const kinds = fc.constantFrom<ProbeClass>('easy', 'prediction', 'birthday');

/** Sends as fast as the budget lets it, for so long, and answers the instants. */
const LIFETIME_MS = 10_000;

function greedy(kind: ProbeClass, forMs: number, quota: number | null, mappings = Number.POSITIVE_INFINITY): number[] {
  const budget = deviceBudget();
  const sent: number[] = [];
  let now = 0;
  while (now <= forMs) {
    const mapping = String(sent.length % mappings);
    const when = budget.when(now, kind, mapping, { quota, lifetimeMs: LIFETIME_MS });
    if (when > now) {
      now = when;
      continue;
    }
    budget.take(now, kind, mapping);
    sent.push(now);
  }
  return sent;
}

test('whoever asks as fast as possible stays below depth, peak and sustained rate in every window', () => {
  fc.assert(
    // Each probe a new mapping, or all the same one, as of an endpoint-independent NAT.
    fc.property(kinds, fc.integer({ min: 100, max: 20_000 }), fc.boolean(), (kind, forMs, eim) => {
      const sent = eim ? greedy(kind, forMs, null, 1) : greedy(kind, forMs, null);
      for (const spanMs of [1, 100, 1_000, 5_000]) {
        let first = 0;
        for (const [last, at] of sent.entries()) {
          while (at - sent[first]! > spanMs) first++;
          const count = last - first + 1;
          expect(count).toBeLessThanOrEqual(AT_ONCE[kind] + 1 + (PEAK[kind] * spanMs) / 1000);
          expect(count).toBeLessThanOrEqual(DEPTH[kind] + 1 + (LIMITS.probesPerSecond * spanMs) / 1000);
        }
      }
    }),
    { numRuns: 30 },
  );
});

test('packets to somebody who has had one stay within the class, whatever goes to others for the first time', () => {
  const sent = greedy('easy', 20_000, null, 8);
  for (const [last, at] of sent.entries()) {
    const inSecond = sent.slice(0, last + 1).filter((one) => at - one <= 1_000).length;
    expect(inSecond).toBeLessThanOrEqual(8 + LIMITS.probesAtOnce + 1 + LIMITS.easyPerSecond);
  }
});

test('live mappings never exceed the cap of the class, nor half of a known quota', () => {
  fc.assert(
    fc.property(kinds, fc.integer({ min: 2, max: 4_000 }), fc.integer({ min: 1, max: 30 }), (kind, quota, seconds) => {
      const budget = deviceBudget();
      let now = 0;
      for (let n = 0; now < 1_000 * seconds; n++) {
        const when = budget.when(now, kind, `m${n}`, { quota, lifetimeMs: LIFETIME_MS });
        if (when > now) now = when;
        else budget.take(now, kind, `m${n}`);
        expect(budget.liveMappings(now, LIFETIME_MS)).toBeLessThanOrEqual(Math.max(1, Math.floor(quota / 2)));
        // A router in front may keep them for longer.
        expect(budget.liveMappings(now, LIMITS.routerLifetimeMs)).toBeLessThanOrEqual(
          kind === 'birthday' ? LIMITS.birthdayMappings : LIMITS.predictionMappings,
        );
      }
    }),
    { numRuns: 20 },
  );
});

test('a refreshed mapping is not a new one', () => {
  const budget = deviceBudget();
  for (let n = 0; n < 10; n++) budget.take(n, 'easy', 'one');
  expect(budget.liveMappings(10, LIFETIME_MS)).toBe(1);
});

test('a pause stops every class', () => {
  const budget = deviceBudget();
  budget.pause(5_000);
  for (const kind of ['easy', 'prediction', 'birthday'] as const)
    expect(budget.when(100, kind, 'x', { quota: null, lifetimeMs: LIFETIME_MS })).toBe(5_000);
});

test('a purse pays for proven addresses only, only so many, only so long, whatever else is asked', () => {
  const permit = { addresses: ['203.0.113.1'], probesMax: 3, probesPerSecondMax: 1_000, expiresInMs: 1_000 };
  const money = purse(0, permit, []);
  expect(money.spend(1, '203.0.113.2')).toBe('forbidden');
  expect([1, 2, 3, 4].map((at) => money.spend(at, '203.0.113.1'))).toEqual(['paid', 'paid', 'paid', 'unpaid']);
  money.permit(5, { ...permit, probesMax: 4, expiresInMs: 995 });
  // The same permit once more, late, buys nothing more.
  money.permit(5, { ...permit, expiresInMs: 995 });
  expect(money.spend(5, '203.0.113.1')).toBe('paid');
  expect(money.spend(5, '203.0.113.1')).toBe('unpaid');
  money.permit(6, { ...permit, probesMax: 64, expiresInMs: 994 });
  expect(money.spend(1_000, '203.0.113.1')).toBe('unpaid');
  expect(money.allows(1_000, '203.0.113.1')).toBe(false);
});

test('a permit that comes after a later one brings back neither its addresses nor its rate', () => {
  const [before, after] = ['203.0.113.1', '203.0.113.2'];
  const early = { addresses: [before], probesMax: 60, probesPerSecondMax: 1_000, expiresInMs: 15_000 };
  const money = purse(0, early, []);
  money.permit(10, { ...early, addresses: [after], probesMax: 180, probesPerSecondMax: 10 });
  money.permit(20, { ...early, probesMax: 120, expiresInMs: 60_000 });
  expect(money.addresses()).toEqual([after]);
  expect(money.spend(20, before)).toBe('forbidden');
  const paid = Array.from({ length: 100 }, () => money.spend(20, after)).filter((verdict) => verdict === 'paid');
  expect(paid.length).toBe(LIMITS.predictionAtOnce + 1);
  expect(money.allows(15_010, after)).toBe(false);
});

test('a purse pays no faster than the master allows', () => {
  const address = '203.0.113.1';
  const money = purse(
    0,
    { addresses: [address], probesMax: 100_000, probesPerSecondMax: 50, expiresInMs: 100_000 },
    [],
  );
  let paid = 0;
  for (let at = 0; at < 10_000; at++) if (money.spend(at, address) === 'paid') paid++;
  expect(paid).toBeGreaterThanOrEqual(500);
  expect(paid).toBeLessThanOrEqual(500 + LIMITS.predictionAtOnce + 1);
});

test('an address of the own network gets a handful of probes and no more', () => {
  const permit = { addresses: ['203.0.113.1'], probesMax: 3, probesPerSecondMax: 1_000, expiresInMs: 1_000 };
  const money = purse(0, permit, ['192.168.1.7']);
  const paid = Array.from({ length: 200 }, () => money.spend(1, '192.168.1.7')).filter((verdict) => verdict === 'paid');
  expect(paid.length).toBe(LIMITS.lanProbesMax);
});

test('one hard session has the device; the others keep their order; one that is gone loses its place', () => {
  const slot = hardSlot();
  expect([slot.request(0, 'a'), slot.request(0, 'b'), slot.request(0, 'c')]).toEqual([0, 1, 2]);
  slot.release('a');
  expect([slot.request(1, 'b'), slot.request(1, 'c')]).toEqual([0, 1]);
  expect(slot.request(1 + LIMITS.hardHoldMs, 'c')).toBe(0);
});

test('so many sessions wait for their turn and no more; who was sent away has no place', () => {
  const slot = hardSlot();
  const waiting = Array.from({ length: LIMITS.hardQueueMax }, (_, n) => `${n}`);
  expect(waiting.map((session) => slot.request(0, session))).toEqual(waiting.map(Number));
  for (const late of ['x', 'y', 'z']) expect(slot.request(0, late)).toBe(LIMITS.hardQueueMax);
  expect(slot.request(0, '5')).toBe(5);
  for (const session of waiting) slot.release(session);
  expect([slot.request(0, 'z'), slot.request(0, 'x')]).toEqual([0, 1]);
});

test('however many answers had to go, a debt is paid back in the time of a birthday', () => {
  const budget = deviceBudget();
  for (let n = 0; n < 100_000; n++) budget.count(0);
  const life = { quota: null, lifetimeMs: LIFETIME_MS };
  const fullMs = (1_000 * LIMITS.birthdayBurst) / LIMITS.probesPerSecond;
  expect(budget.when(0, 'easy', 'a', life)).toBeGreaterThan(fullMs / 2);
  expect(budget.when(fullMs, 'easy', 'a', life)).toBe(fullMs);
});
