/**
 * Rate limits in tables of fixed size (SECURITY.md row 9): a flood from a million addresses takes no more memory than none.
 * A bucket is chosen by a keyed hash; who falls into the same bucket shares its allowance, and nobody outside can aim at it.
 */
import { addressBytes } from '../address.ts';
import { EMPTY } from '../bytes.ts';
import type { Instant } from '../contract.ts';
import { sipHash32 } from '../secure/siphash.ts';
import { RATE_LIMITS } from './limits.ts';

export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

/** Generic cell rate algorithm: one number per key, the time at which its bucket would be full again. */
export function allowAt(fullAt: Instant, now: Instant, rate: Rate): Instant | null {
  const interval = 1000 / rate.perSecond;
  const from = Math.max(fullAt, now);
  return from - now > (rate.burst - 1) * interval ? null : from + interval;
}

export class Limiter {
  /** Made with the first that is counted. */
  private fullAt: Float64Array | null = null;
  private readonly rate: Rate;

  constructor(rate: Rate) {
    this.rate = rate;
  }

  /** Takes one from the allowance of `hash`; false where it is used up. */
  allow(now: Instant, hash: number): boolean {
    const bucket = hash % RATE_LIMITS.limiterBuckets;
    this.fullAt ??= new Float64Array(RATE_LIMITS.limiterBuckets);
    const next = allowAt(this.fullAt[bucket] as number, now, this.rate);
    if (next === null) return false;
    this.fullAt[bucket] = next;
    return true;
  }

  /** Would `allow` say yes? Takes nothing. */
  permits(now: Instant, hash: number): boolean {
    return allowAt(this.fullAt?.[hash % RATE_LIMITS.limiterBuckets] ?? 0, now, this.rate) !== null;
  }
}

/** One thing for an address and the networks around it. */
export interface Levels<Thing> {
  /** The IPv4 address, or the IPv6 /64: what one subscriber has at least. */
  readonly narrow: Thing;
  /** The IPv4 /24, or the IPv6 /48: what one subscriber has at most. */
  readonly wide: Thing;
  /** The IPv6 /32, what a provider has; for IPv4 the /24 once more. */
  readonly widest: Thing;
}

/** Keyed hashes of an address and of the networks around it. Ports never count. */
export type AddressKeys = Levels<number>;

export function addressKeys(secret: Uint8Array, address: string): AddressKeys {
  const bytes = plainBytes(address);
  const of = (length: number): number => sipHash32(secret, bytes.subarray(0, length));
  if (bytes.length !== 4) return { narrow: of(8), wide: of(6), widest: of(4) };
  const wide = of(3);
  return { narrow: of(4), wide, widest: wide };
}

/** Address and network as text, for exact counts of what is authenticated and bounded anyway. */
export function addressPrefixes(address: string): readonly [narrow: string, wide: string] {
  const bytes = plainBytes(address);
  return bytes.length === 4
    ? [bytes.join('.'), bytes.subarray(0, 3).join('.')]
    : [`6:${bytes.subarray(0, 8).join('.')}`, `6:${bytes.subarray(0, 6).join('.')}`];
}

/** An IPv4 address that a socket of both families writes as `::ffff:203.0.113.9` is the same as without. */
function plainBytes(address: string): Uint8Array {
  const bytes = addressBytes(address) ?? EMPTY;
  const mapped = bytes.length === 16 && bytes.every((byte, i) => i >= 12 || byte === (i < 10 ? 0 : 0xff));
  return mapped ? bytes.subarray(12) : bytes;
}

/** As many buckets of networks as make it unlikely (60 attackers: 1 in 270) that an honest one shares a bucket with one. */
const BUCKETS: Levels<number> = {
  narrow: RATE_LIMITS.limiterBuckets,
  wide: RATE_LIMITS.limiterBuckets / 4,
  widest: RATE_LIMITS.limiterBuckets / 16,
};
const LEVELS = ['narrow', 'wide', 'widest'] as const;

/**
 * The pace of an address and of the networks around it: a token bucket for each. A refusal takes nothing from any of them, so
 * that whoever is over its own allowance uses up nobody else's, and a network with 65,536 addresses has no more than a network.
 */
export class Pace {
  private readonly rates: Levels<Rate>;
  /** Made with the first that is counted. */
  private fullAt: Levels<Float64Array> | null = null;

  constructor(rates: Levels<Rate>) {
    this.rates = rates;
  }

  /** Takes one where there is one at every level; otherwise the milliseconds to wait for it. */
  take(now: Instant, keys: AddressKeys): number {
    const waitMs = this.waitMs(now, keys);
    if (waitMs > 0) return waitMs;
    this.fullAt ??= {
      narrow: new Float64Array(BUCKETS.narrow),
      wide: new Float64Array(BUCKETS.wide),
      widest: new Float64Array(BUCKETS.widest),
    };
    for (const level of LEVELS) {
      if (level === 'widest' && keys.widest === keys.wide) break;
      const bucket = keys[level] % BUCKETS[level];
      const from = Math.max(this.fullAt[level][bucket] as number, now);
      this.fullAt[level][bucket] = from + 1000 / this.rates[level].perSecond;
    }
    return 0;
  }

  /** What `take` would say; takes nothing. */
  waitMs(now: Instant, keys: AddressKeys): number {
    let waitMs = 0;
    for (const level of LEVELS) {
      if (level === 'widest' && keys.widest === keys.wide) break;
      const { perSecond, burst } = this.rates[level];
      const spentMs = (this.fullAt?.[level][keys[level] % BUCKETS[level]] ?? 0) - now;
      waitMs = Math.max(waitMs, spentMs - ((burst - 1) * 1000) / perSecond);
    }
    // A thousandth of a millisecond is what is left of the sums of fractions.
    return waitMs < 0.001 ? 0 : waitMs;
  }
}
