import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  deviceBudget,
  hardSlot,
  PAY_LIMITS,
  type Permit,
  PLAN_LIMITS,
  type ProbeClass,
  type Purpose,
  Purse,
  type PurseConfig,
  reachOf,
} from '../../src/core/testing.ts';
import { permitOf } from '../permit.ts';

/** Each packet of the test below is the first of its mapping. */
const DEPTH = {
  easy: PAY_LIMITS.easyBurst + PAY_LIMITS.easyFirstBurst,
  prediction: PAY_LIMITS.predictionBurst,
  birthday: PLAN_LIMITS.birthdayBurst,
} as const;
const PEAK = {
  easy: PAY_LIMITS.easyFirstPerSecond,
  prediction: PLAN_LIMITS.predictionPerSecond,
  birthday: PLAN_LIMITS.birthdayPerSecond,
} as const;
const AT_ONCE = {
  easy: PAY_LIMITS.probesAtOnce,
  prediction: PLAN_LIMITS.predictionAtOnce,
  birthday: PAY_LIMITS.probesAtOnce,
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
          // The very first to somebody has an allowance of its own.
          const own = Number(eim && kind === 'easy');
          expect(count).toBeLessThanOrEqual(own + AT_ONCE[kind] + 1 + (PEAK[kind] * spanMs) / 1000);
          expect(count).toBeLessThanOrEqual(DEPTH[kind] + 1 + (PAY_LIMITS.probesPerSecond * spanMs) / 1000);
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
    expect(inSecond).toBeLessThanOrEqual(8 + PAY_LIMITS.probesAtOnce + 1 + PAY_LIMITS.easyPerSecond);
  }
});

test('live mappings never exceed the cap of the class, nor half of a known quota', () => {
  fc.assert(
    fc.property(kinds, fc.integer({ min: 2, max: 4_000 }), fc.integer({ min: 1, max: 30 }), (kind, quota, seconds) => {
      const budget = deviceBudget();
      const made: number[] = [];
      const live = (lifetimeMs: number): number => made.filter((at) => at + lifetimeMs > now).length;
      let now = 0;
      for (let n = 0; now < 1_000 * seconds; n++) {
        const when = budget.when(now, kind, `m${n}`, { quota, lifetimeMs: LIFETIME_MS });
        if (when > now) now = when;
        else {
          budget.take(now, kind, `m${n}`);
          made.push(now);
        }
        expect(live(LIFETIME_MS)).toBeLessThanOrEqual(Math.max(1, Math.floor(quota / 2)));
        // A router in front may keep them for longer.
        expect(live(PAY_LIMITS.routerLifetimeMs)).toBeLessThanOrEqual(
          kind === 'birthday' ? PLAN_LIMITS.birthdayMappings : PLAN_LIMITS.predictionMappings,
        );
      }
    }),
    { numRuns: 20 },
  );
});

test('a refreshed mapping is not a new one', () => {
  const budget = deviceBudget();
  const life = { quota: 4, lifetimeMs: LIFETIME_MS };
  for (let n = 0; n < 10; n++) budget.take(n, 'easy', 'one');
  expect(budget.room(1_000, 'easy', 1, life)).toBe(1_000);
  budget.take(1_000, 'easy', 'another');
  expect(budget.room(1_000, 'easy', 1, life)).toBe(9 + LIFETIME_MS);
});

test('a pause stops every class', () => {
  const budget = deviceBudget();
  budget.pause(5_000);
  for (const kind of ['easy', 'prediction', 'birthday'] as const)
    expect(budget.when(100, kind, 'x', { quota: null, lifetimeMs: LIFETIME_MS })).toBe(5_000);
});

const RESERVED = PAY_LIMITS.answersReserved;
/** A purse of somebody whose master is on the Internet. */
const purseOf = (permit: Permit, config: Partial<PurseConfig> = {}): Purse =>
  new Purse(0, permit, { reach: (address) => reachOf(address, '192.0.2.53'), few: [], awaited: [], ...config });
const paidOf = (times: number, spend: () => string): number =>
  Array.from({ length: times }, spend).filter((verdict) => verdict === 'paid').length;

test('a purse pays for proven addresses only, only so many, only so long, whatever else is asked', () => {
  const address = '203.0.113.1';
  const granted = (probesMax: number, expiresInMs = 1_000): Permit => permitOf([address], { probesMax, expiresInMs });
  const purse = purseOf(granted(3 + RESERVED));
  expect(purse.spend(1, '203.0.113.2', 'search')).toBe('forbidden');
  expect([1, 2, 3, 4].map((at) => purse.spend(at, address, 'search'))).toEqual(['paid', 'paid', 'paid', 'unpaid']);
  purse.permit(5, granted(4 + RESERVED, 995));
  // The same permit once more, late, buys nothing more, and no time either.
  purse.permit(900, granted(4 + RESERVED));
  expect(purse.spend(5, address, 'endpoint')).toBe('paid');
  expect(purse.spend(5, address, 'endpoint')).toBe('unpaid');
  expect(purse.allows(1_000, address)).toBe(false);
  purse.permit(1_006, granted(64 + RESERVED, 994));
  expect(purse.spend(2_000, address, 'search')).toBe('unpaid');
  expect(purse.allows(2_000, address)).toBe(false);
});

test('the last of what was paid for is kept for answers, and these are counted too', () => {
  const address = '203.0.113.1';
  const purse = purseOf(permitOf([address]));
  expect(paidOf(100, () => purse.spend(1, address, 'search'))).toBe(60 - RESERVED);
  expect(paidOf(100, () => purse.spend(1, address, 'answer'))).toBe(RESERVED);
  purse.permit(2, permitOf([address], { probesMax: 120 }));
  expect(paidOf(100, () => purse.spend(2, address, 'answer'))).toBe(60);
  expect(purse.spend(2, address, 'search')).toBe('unpaid');
});

test('what one address has paid buys nothing towards another, in any order of permits', () => {
  const addresses = ['203.0.113.1', '203.0.113.2', '2001:db8::3'];
  const grant = fc.record({ which: fc.nat(2), probesMax: fc.nat(500) });
  const act = fc.oneof(
    grant,
    fc.record({ which: fc.nat(2), spend: fc.constantFrom<Purpose>('search', 'endpoint', 'answer') }),
  );
  fc.assert(
    fc.property(fc.array(act, { maxLength: 400 }), (acts) => {
      const purse = purseOf({ addresses: [] });
      const granted = [0, 0, 0];
      const spent = [0, 0, 0];
      for (const [at, one] of acts.entries()) {
        const address = addresses[one.which]!;
        if ('probesMax' in one) {
          purse.permit(at, permitOf([address], { probesMax: one.probesMax, probesPerSecondMax: 65_535 }));
          granted[one.which] = Math.max(granted[one.which]!, one.probesMax);
        } else if (purse.spend(at, address, one.spend) === 'paid') spent[one.which]!++;
      }
      for (const [which, count] of spent.entries()) expect(count).toBeLessThanOrEqual(granted[which]!);
    }),
  );
});

test('a permit that comes after a later one brings back neither its addresses nor its rate', () => {
  const [before, after] = ['203.0.113.1', '203.0.113.2'];
  const early = permitOf([before]);
  const purse = purseOf(early);
  purse.permit(10, permitOf([after], { probesMax: 180, probesPerSecondMax: 10 }));
  purse.permit(20, permitOf([after], { probesMax: 120, expiresInMs: 60_000 }));
  purse.permit(14_000, early);
  expect(purse.addresses(14_000)).toEqual([before, after]);
  expect(paidOf(100, () => purse.spend(20, after, 'search'))).toBe(PLAN_LIMITS.predictionAtOnce + 1);
  expect(purse.addresses(15_005)).toEqual([after]);
  expect(purse.allows(15_010, after)).toBe(false);
});

test('a purse pays no faster than the master allows', () => {
  const address = '203.0.113.1';
  const purse = purseOf(permitOf([address], { probesMax: 100_000, probesPerSecondMax: 50, expiresInMs: 100_000 }));
  let paid = 0;
  for (let at = 0; at < 10_000; at++) if (purse.spend(at, address, 'search') === 'paid') paid++;
  expect(paid).toBeGreaterThanOrEqual(500);
  expect(paid).toBeLessThanOrEqual(500 + PLAN_LIMITS.predictionAtOnce + 1);
});

test('local addresses share a handful of packets, never of a plan; what names no participant gets none', () => {
  const [printer, other] = ['192.168.1.7', '10.0.0.9'];
  const named = permitOf([printer, '127.0.0.1', '224.0.0.1', '255.255.255.255', '0.0.0.0'], { probesMax: 10_000 });
  // Named by a master on the Internet, and claimed by the peer without a reason.
  const outside = purseOf(named);
  for (const purpose of ['search', 'endpoint', 'answer'] as const)
    for (const { address } of named.addresses) expect(outside.spend(1, address, purpose), address).toBe('forbidden');
  const claimed = purseOf(permitOf([]), { few: [printer, other] });
  const inside = purseOf(named, { reach: (address) => reachOf(address, '192.168.1.1') });
  for (const purse of [claimed, inside]) {
    expect(purse.spend(1, printer, 'search')).toBe('forbidden');
    const known = paidOf(200, () => purse.spend(1, printer, 'endpoint'));
    const rest = paidOf(200, () => purse.spend(1, purse === claimed ? other : printer, 'answer'));
    expect([known, rest]).toEqual([PAY_LIMITS.lanProbesMax - RESERVED, RESERVED]);
    expect(purse.allows(1, printer)).toBe(false);
    for (const { address } of named.addresses.slice(1))
      expect(purse.spend(1, address, 'endpoint'), address).toBe('forbidden');
  }
});

test('an IPv6 address that is about to pay is waited for, one that nobody claims is not', () => {
  const [claimed, strange] = ['2001:db8::1', '2001:db8::2'];
  const purse = purseOf(permitOf(['203.0.113.1']), { awaited: [claimed, '::1'] });
  expect([claimed, strange, '::1'].map((address) => purse.spend(1, address, 'endpoint'))).toEqual([
    'awaited',
    'forbidden',
    'forbidden',
  ]);
  purse.permit(2, permitOf([claimed]));
  expect(purse.spend(2, claimed, 'endpoint')).toBe('paid');
});

test('one hard session has the device; the others keep their order; one that is gone loses its place', () => {
  const slot = hardSlot();
  expect([slot.request(0, 'a'), slot.request(0, 'b'), slot.request(0, 'c')]).toEqual([0, 1, 2]);
  slot.release('a');
  expect([slot.request(1, 'b'), slot.request(1, 'c')]).toEqual([0, 1]);
  expect(slot.request(1 + PAY_LIMITS.hardHoldMs, 'c')).toBe(0);
});

test('so many sessions wait for their turn and no more; who was sent away has no place', () => {
  const slot = hardSlot();
  const waiting = Array.from({ length: PAY_LIMITS.hardQueueMax }, (_, n) => `${n}`);
  expect(waiting.map((session) => slot.request(0, session))).toEqual(waiting.map(Number));
  for (const late of ['x', 'y', 'z']) expect(slot.request(0, late)).toBe(PAY_LIMITS.hardQueueMax);
  expect(slot.request(0, '5')).toBe(5);
  for (const session of waiting) slot.release(session);
  expect([slot.request(0, 'z'), slot.request(0, 'x')]).toEqual([0, 1]);
});

test('however many answers had to go, a debt is paid back in the time of a birthday', () => {
  const budget = deviceBudget();
  for (let n = 0; n < 100_000; n++) budget.count(0);
  const life = { quota: null, lifetimeMs: LIFETIME_MS };
  const fullMs = (1_000 * PLAN_LIMITS.birthdayBurst) / PAY_LIMITS.probesPerSecond;
  expect(budget.when(0, 'easy', 'a', life)).toBeGreaterThan(fullMs / 2);
  expect(budget.when(fullMs, 'easy', 'a', life)).toBe(fullMs);
});
