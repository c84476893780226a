import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addressKeys, Pace, Shares, seededCrypto } from '../../src/core/index.ts';
import { nodeCrypto } from '../../src/node/index.ts';

interface Entry {
  readonly address: string;
  readonly at: number;
  readonly proven: boolean;
  place: number;
}

const CAPS = { narrow: 8, wide: 32, widest: 64 };
const secret = new Uint8Array(16).fill(7);

function table(max: number, seed = 'shares', caps = CAPS) {
  const crypto = seededCrypto(seed, nodeCrypto);
  const shares = new Shares<Entry>({
    ...{ name: 'entries', max, caps, secret, draw: () => new DataView(crypto.randomBytes(4).buffer).getUint32(0) },
    addressOf: ({ address }) => address,
    proven: ({ proven }) => proven,
    since: ({ at }) => at,
  });
  const inside = new Set<Entry>();
  let at = 0;
  const enter = (address: string, proven = false): Entry => {
    const out = shares.crowdedOut(address);
    if (out !== null) {
      shares.remove(out);
      inside.delete(out);
    }
    const entry = { address, proven, at: at++, place: -1 };
    shares.add(entry);
    inside.add(entry);
    return entry;
  };
  return { shares, inside, enter };
}

const fast = (n: number): string => `60.${n % 60}.${Math.floor(n / 60) % 2}.9`;

describe('shares', () => {
  test('a newcomer always gets in, and stays while others hold more, whoever fills the table', () => {
    const { shares, inside, enter } = table(256);
    const early = enter('203.0.113.1');
    for (let n = 0; n < 5_000; n++) enter(fast(n));
    const late = enter('198.18.0.1');
    for (let n = 0; n < 5_000; n++) enter(`2001:db8:${(n % 4).toString(16)}:${n.toString(16)}::1`);
    for (let n = 0; n < 5_000; n++) enter(fast(n));
    expect(shares.size).toBe(256);
    expect([inside.has(early), inside.has(late)]).toEqual([true, true]);
  });

  test('one network holds no more than its part, however many addresses it has; nor does one provider', () => {
    const { inside, enter } = table(1_000);
    for (let n = 0; n < 500; n++) enter(`2001:db8:1:${n.toString(16)}::1`);
    expect(inside.size).toBe(CAPS.wide);
    for (let n = 0; n < 500; n++) enter(`2001:db8:${n.toString(16)}::1`);
    expect(inside.size).toBe(CAPS.widest);
    for (let n = 0; n < 500; n++) enter(`203.0.113.${n & 0xff}`);
    expect(inside.size).toBe(CAPS.widest + CAPS.wide);
  });

  test('of one address the oldest goes that has not proven itself, and of proven ones the oldest', () => {
    const { inside, enter } = table(1_000);
    const entries = Array.from({ length: 8 }, (_, n) => enter('203.0.113.1', n !== 3 && n !== 5));
    const gone = () => entries.findIndex((entry) => !inside.has(entry));
    enter('203.0.113.1', true);
    expect(gone()).toBe(3);
    entries.splice(3, 1);
    enter('203.0.113.1', true);
    expect(gone()).toBe(4);
    entries.splice(4, 1);
    enter('203.0.113.1', true);
    expect(gone()).toBe(0);
  });

  test('whatever comes and goes, counts and places are those of what is inside', () => {
    const address = fc.integer({ min: 0, max: 5 }).map((n) => (n < 3 ? `203.0.${n}.1` : `2001:db8:${n}::1`));
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), address), { maxLength: 200 }), (acts) => {
        const { shares, inside, enter } = table(20);
        for (const [comes, where] of acts) {
          const one = [...inside].find((entry) => entry.address === where);
          if (comes || one === undefined) enter(where);
          else {
            shares.remove(one);
            shares.remove(one);
            inside.delete(one);
          }
          expect(shares.size).toBe(inside.size);
          expect(new Set([...inside].map(({ place }) => place)).size).toBe(inside.size);
          for (const entry of inside) expect(entry.place).toBeLessThan(inside.size);
        }
        for (const entry of inside) shares.remove(entry);
        for (const narrow of ['203.0.0.1', '2001:db8:3::1']) expect(shares.crowded(narrow)).toBe(false);
        expect(shares.size).toBe(0);
      }),
    );
  });
});

describe('a pace', () => {
  const rate = { perSecond: 1, burst: 4 };
  const rates = { narrow: rate, wide: { perSecond: 2, burst: 8 }, widest: { perSecond: 4, burst: 16 } };
  const take = (pace: Pace, now: number, address: string) => pace.take(now, addressKeys(secret, address));

  test('holds an address, its network and its provider, and a refusal takes from none of them', () => {
    const pace = new Pace(rates);
    let allowed = 0;
    for (let n = 0; n < 100; n++) allowed += Number(take(pace, 0, '2001:db8:1:1::1') === 0);
    expect(allowed).toBe(4);
    // What the first was refused has not been taken from its neighbours.
    for (let n = 0; n < 100; n++) allowed += Number(take(pace, 0, `2001:db8:1:${(n + 2).toString(16)}::1`) === 0);
    expect(allowed).toBe(8);
    for (let n = 0; n < 100; n++) allowed += Number(take(pace, 0, `2001:db8:${(n + 2).toString(16)}::1`) === 0);
    expect(allowed).toBe(16);
    expect(take(pace, 0, '203.0.113.1')).toBe(0);
  });

  test('says how long to wait, and after that lets one through', () => {
    const pace = new Pace(rates);
    for (let n = 0; n < 4; n++) expect(take(pace, 1_000, '203.0.113.1')).toBe(0);
    const waitMs = take(pace, 1_000, '203.0.113.1');
    expect(waitMs).toBeCloseTo(1_000);
    expect(take(pace, 1_000 + waitMs - 1, '203.0.113.1')).toBeGreaterThan(0);
    expect(take(pace, 1_000 + waitMs, '203.0.113.1')).toBe(0);
  });
});
