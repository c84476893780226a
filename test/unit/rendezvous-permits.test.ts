import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MASTER_LIMITS } from '../../src/core/index.ts';
import { Budget, Permits } from '../../src/core/testing.ts';

/** IPv4 and UDP headers included, as docs/reference/security.md §3.3 counts. */
const CREDIT_WIRE_BYTES = 1228;
const PROBE_WIRE_BYTES = 60;

describe('the permit machine', () => {
  test('whatever is asked in whatever order, an address is never hit with more than 2.93 times what it sent', () => {
    const act = fc.record({
      pair: fc.integer({ min: 0, max: 15 }),
      waitMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 30_000 })),
      end: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(act, { maxLength: 600 }), (acts) => {
        const permits = new Permits();
        const budgets = Array.from({ length: 16 }, () => new Budget());
        const paid = new Map<string, number>();
        const allowed = new Map<string, number>();
        let now = 0;
        for (const { pair, waitMs, end } of acts) {
          now += waitMs;
          const budget = budgets[pair] as Budget;
          const target = pair % 4 === 3 ? '2001:db8::1' : `203.0.113.${pair % 4}`;
          if (end && pair % 3 === 0) permits.end(now, budget);
          const before = budget.probesMax;
          const result = permits.pay(now, budget, `sender ${pair % 5}`, target);
          if (!result.ok) {
            expect(result.retryAfterMs).toBeGreaterThan(0);
            continue;
          }
          expect(budget.probesPerSecondMax).toBeLessThanOrEqual(MASTER_LIMITS.probesPerSecondBurst);
          paid.set(target, (paid.get(target) ?? 0) + CREDIT_WIRE_BYTES);
          allowed.set(target, (allowed.get(target) ?? 0) + (budget.probesMax - before) * PROBE_WIRE_BYTES);
        }
        for (const [target, bytes] of allowed) expect(bytes / (paid.get(target) ?? 1)).toBeLessThanOrEqual(2.932);
      }),
      { numRuns: 200 },
    );
  });

  test('a birthday run is 34 credits, then its sender rests 20 s; predictable probing goes on meanwhile', () => {
    const permits = new Permits();
    const budget = new Budget();
    const pay = (now: number) => permits.pay(now, budget, 'host', '203.0.113.1');
    const results = Array.from({ length: 60 }, (_, i) => pay(i));
    const granted = results.filter((result) => result.ok).length;
    expect(granted).toBe(MASTER_LIMITS.softCreditRate.burst + MASTER_LIMITS.hardCreditsMax);
    expect(budget.probesMax).toBe(granted * 60);
    expect(pay(200)).toMatchObject({ ok: false });
    expect(pay(5_000)).toEqual({ ok: true });
    expect(budget.probesPerSecondMax).toBe(MASTER_LIMITS.probesPerSecondBurst);
    for (let now = 5_001; now < 5_030; now++) pay(now);
    expect(permits.pay(21_000, new Budget(), 'host', '203.0.113.1')).toMatchObject({ ok: true });
  });

  test('eight runs at one address, 32 at one network; they share 400 probes a second, and a place left is free again', () => {
    const permits = new Permits();
    /** Uses up what needs no place, then asks for one. */
    const run = (now: number, sender: string, target: string) => {
      const budget = new Budget();
      let last = permits.pay(now, budget, sender, target);
      for (let i = 0; i < MASTER_LIMITS.softCreditRate.burst; i++) last = permits.pay(now, budget, sender, target);
      return { budget, last };
    };
    const runs = Array.from({ length: 9 }, (_, i) => run(0, `sender ${i}`, '203.0.113.1'));
    expect(runs.map(({ last }) => last.ok)).toEqual([...Array(8).fill(true), false]);
    expect(runs[7]?.budget.probesPerSecondMax).toBe(50);
    const others = Array.from({ length: 30 }, (_, i) => run(0, `other ${i}`, `203.0.113.${2 + (i % 4)}`));
    expect(others.filter(({ last }) => last.ok)).toHaveLength(24);
    permits.end(10, (runs[0] as { budget: Budget }).budget);
    expect(run(20, 'late', '203.0.113.1').last.ok).toBe(true);
    // Runs that nobody pays for any more hold no place.
    const later = run(MASTER_LIMITS.hardIdleMs + 100, 'later', '203.0.113.1');
    expect([later.last.ok, later.budget.probesPerSecondMax]).toEqual([true, 400]);
  });

  test.each(['203.0.113.1', '2001:db8::1'])('the runs at %s share one rate', (target) => {
    const permits = new Permits();
    const shares = Array.from({ length: MASTER_LIMITS.hardRunsPerTarget }, (_, i) => {
      const budget = new Budget();
      for (let n = 0; n < MASTER_LIMITS.softCreditRate.burst; n++) permits.pay(0, budget, `sender ${i}`, target);
      const paid = permits.pay(0, budget, `sender ${i}`, target);
      return paid.ok ? budget.probesPerSecondMax : null;
    });
    expect(shares).toEqual([400, 200, 133, 100, 80, 66, 57, 50]);
  });

  test('a sender has one run at a time', () => {
    const permits = new Permits();
    const [first, second] = [new Budget(), new Budget()];
    for (let i = 0; i < 10; i++) permits.pay(0, first, 'host', '203.0.113.1');
    for (let i = 0; i < 6; i++) expect(permits.pay(0, second, 'host', '198.18.0.1').ok).toBe(true);
    expect(permits.pay(0, second, 'host', '198.18.0.1')).toMatchObject({ ok: false });
  });
});
