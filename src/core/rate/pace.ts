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

/**
 * How long to wait for one more: 0 where it may go now. Generic cell rate algorithm, so one number is kept for each who is
 * limited: the time at which its bucket would be full again.
 */
function waitMs(fullAt: Instant, now: Instant, { perSecond, burst }: Rate): number {
  const wait = fullAt - now - ((burst - 1) * 1000) / perSecond;
  // A thousandth of a millisecond is what is left of the sums of fractions.
  return wait < 0.001 ? 0 : wait;
}

/** Takes one: when the bucket is full again after that, or null where there is none. */
export function allowAt(fullAt: Instant, now: Instant, rate: Rate): Instant | null {
  return waitMs(fullAt, now, rate) > 0 ? null : Math.max(fullAt, now) + 1000 / rate.perSecond;
}

/** One rate for many who are told apart by a hash. */
export class Limiter {
  private readonly rate: Rate;
  private readonly buckets: number;
  /** Made with the first that is counted. */
  private fullAt: Float64Array | null = null;

  constructor(rate: Rate, buckets: number = RATE_LIMITS.limiterBuckets) {
    this.rate = rate;
    this.buckets = buckets;
  }

  /** Takes one where there is one; otherwise the milliseconds to wait for it. */
  take(now: Instant, hash: number): number {
    const bucket = hash % this.buckets;
    this.fullAt ??= new Float64Array(this.buckets);
    const fullAt = this.fullAt[bucket] as number;
    const next = allowAt(fullAt, now, this.rate);
    if (next === null) return waitMs(fullAt, now, this.rate);
    this.fullAt[bucket] = next;
    return 0;
  }

  /** What `take` would say; takes nothing. */
  waitMs(now: Instant, hash: number): number {
    return waitMs(this.fullAt?.[hash % this.buckets] ?? 0, now, this.rate);
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

const LEVELS = ['narrow', 'wide', 'widest'] as const;

/**
 * The pace of an address and of the networks around it: a limiter for each. A refusal takes nothing from any of them, so
 * that whoever is over its own allowance uses up nobody else's, and a network with 65,536 addresses has no more than a network.
 */
export class Pace {
  private readonly limiters: Levels<Limiter>;

  constructor(rates: Levels<Rate>) {
    // As many buckets of networks as make it unlikely (60 attackers: 1 in 270) that an honest one shares a bucket with one.
    this.limiters = {
      narrow: new Limiter(rates.narrow),
      wide: new Limiter(rates.wide, RATE_LIMITS.limiterBuckets / 4),
      widest: new Limiter(rates.widest, RATE_LIMITS.limiterBuckets / 16),
    };
  }

  /** Takes one where there is one at every level; otherwise the milliseconds to wait for it. */
  take(now: Instant, keys: AddressKeys): number {
    const wait = this.waitMs(now, keys);
    if (wait === 0) for (const level of levelsOf(keys)) this.limiters[level].take(now, keys[level]);
    return wait;
  }

  /** What `take` would say; takes nothing. */
  waitMs(now: Instant, keys: AddressKeys): number {
    let wait = 0;
    for (const level of levelsOf(keys)) wait = Math.max(wait, this.limiters[level].waitMs(now, keys[level]));
    return wait;
  }
}

const IPV4_LEVELS = ['narrow', 'wide'] as const;

/** An IPv4 address has no provider of its own to count. */
export function levelsOf(keys: AddressKeys): readonly (typeof LEVELS)[number][] {
  return keys.widest === keys.wide ? IPV4_LEVELS : LEVELS;
}
