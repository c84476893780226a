import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addressKeys, addressPrefixes, Limiter, MASTER_LIMITS, NEVER } from '../../src/core/index.ts';
import { Wheel } from '../../src/core/master/wheel.ts';
import { Cookies } from '../../src/core/testing.ts';
import { testCrypto } from './rendezvous-net.ts';

describe('the wheel of deadlines', () => {
  test('hands out every item after its deadline, once, at most one slot late, whatever the waits and sleeps', () => {
    const step = fc.record({
      waitMs: fc.oneof(fc.integer({ min: 0, max: 120 }), fc.integer({ min: 0, max: 20_000 })),
      addMs: fc.array(fc.integer({ min: -50, max: 6_000 }), { maxLength: 4 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 1e9 }), (steps, start) => {
        const wheel = new Wheel<{ at: number }>(100, 16);
        const waiting = new Set<{ at: number }>();
        let now = start;
        for (const { waitMs, addMs } of steps) {
          now += waitMs;
          wheel.advance(now, (item) => {
            expect(waiting.has(item)).toBe(true);
            if (item.at > now) return item.at;
            waiting.delete(item);
            return null;
          });
          for (const item of waiting) expect(item.at).toBeGreaterThan(now - 200);
          for (const ms of addMs) {
            const item = { at: now + ms };
            waiting.add(item);
            wheel.add(now, item, item.at);
          }
          const next = wheel.next();
          if (waiting.size === 0) expect(next).toBe(NEVER);
          else expect(next).toBeLessThanOrEqual(Math.max(now, Math.min(...[...waiting].map((item) => item.at))) + 200);
        }
      }),
    );
  });

  test('a driver that sleeps until `next` serves everything: it never answers a time that has passed for good', () => {
    const wheel = new Wheel<number>(50, 64);
    let now = 12_345.6;
    let served = 0;
    for (let i = 0; i < 500; i++) wheel.add(now, i, now + i * 17);
    for (let turns = 0; turns < 2_000 && wheel.next() !== NEVER; turns++) {
      now = Math.max(now, wheel.next());
      wheel.advance(now, (item) => {
        const at = 12_345.6 + item * 17;
        if (at > now) return at;
        served++;
        return null;
      });
    }
    expect(served).toBe(500);
  });
});

describe('limits', () => {
  test('a rate lets its burst through at once and then no more than the rate, over any time', () => {
    const rate = { perSecond: 10, burst: 20 };
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 400 }), (gaps) => {
        const limiter = new Limiter(rate);
        let [now, allowed] = [5_000, 0];
        for (const gap of gaps) {
          now += gap;
          if (limiter.take(now, 7) === 0) allowed++;
        }
        const seconds = (now - 5_000 - (gaps[0] ?? 0)) / 1000;
        expect(allowed).toBeLessThanOrEqual(rate.burst + seconds * rate.perSecond + 1);
      }),
    );
    const limiter = new Limiter(rate);
    const burst = Array.from({ length: 30 }, () => limiter.take(1_000, 7)).filter((wait) => wait === 0).length;
    expect(burst).toBe(20);
    expect([limiter.waitMs(1_000, 7), limiter.waitMs(1_000, 8), limiter.take(1_101, 7)]).toEqual([100, 0, 0]);
  });

  test('an address is limited with its neighbours: /24 and /48 wide, /64 narrow, ports never count', () => {
    const secret = new Uint8Array(16).fill(4);
    const [one, two] = [addressKeys(secret, '203.0.113.1'), addressKeys(secret, '203.0.113.2')];
    expect(one.narrow).not.toBe(two.narrow);
    expect(one.wide).toBe(two.wide);
    const [six, same] = [addressKeys(secret, '2001:db8:1:2::1'), addressKeys(secret, '2001:db8:1:2:3::9')];
    expect(six).toEqual(same);
    expect(addressKeys(secret, '2001:db8:1:3::1').narrow).not.toBe(six.narrow);
    expect(addressKeys(secret, '2001:db8:1:3::1').wide).toBe(six.wide);
    expect(addressKeys(new Uint8Array(16), '203.0.113.1').narrow).not.toBe(one.narrow);
    expect(addressKeys(secret, '2001:db8:2::1').widest).toBe(six.widest);
    expect(addressKeys(secret, '::ffff:203.0.113.1')).toEqual(one);
    expect(addressPrefixes('203.0.113.1')).toEqual(['203.0.113.1', '203.0.113']);
  });
});

test('a cookie made just before its key changes is still good, one of two keys ago is not', () => {
  const cookies = new Cookies(testCrypto('cookies'), null);
  const from = { address: '203.0.113.1', port: 5 };
  const ephemeral = new Uint8Array(32).fill(1);
  const made = cookies.make(MASTER_LIMITS.cookieKeyMs - 1_000, from, ephemeral);
  expect(cookies.valid(MASTER_LIMITS.cookieKeyMs + 1_000, from, ephemeral, made)).toBe(true);
  expect(cookies.valid(MASTER_LIMITS.cookieKeyMs + 40_000, from, ephemeral, made)).toBe(false);
  const later = cookies.make(3 * MASTER_LIMITS.cookieKeyMs, from, ephemeral);
  expect(cookies.valid(3 * MASTER_LIMITS.cookieKeyMs, from, ephemeral, made)).toBe(false);
  expect(cookies.valid(3 * MASTER_LIMITS.cookieKeyMs, from, ephemeral, later)).toBe(true);
});
