/**
 * Rate limits in tables of fixed size (security.md row 9): a flood from a million addresses takes no more memory than none.
 * A bucket is chosen by a keyed hash; who falls into the same bucket shares its allowance, and nobody outside can aim at it.
 */
import { addressBytes } from '../address.ts';
import { EMPTY } from '../bytes.ts';
import type { Instant } from '../contract.ts';
import { LIMITS } from '../limits.ts';
import { sipHash32 } from '../secure/siphash.ts';
import { Table, textHash } from './table.ts';

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
    const bucket = hash % LIMITS.limiterBuckets;
    this.fullAt ??= new Float64Array(LIMITS.limiterBuckets);
    const next = allowAt(this.fullAt[bucket] as number, now, this.rate);
    if (next === null) return false;
    this.fullAt[bucket] = next;
    return true;
  }

  /** Would `allow` say yes? Takes nothing. */
  permits(now: Instant, hash: number): boolean {
    return allowAt(this.fullAt?.[hash % LIMITS.limiterBuckets] ?? 0, now, this.rate) !== null;
  }
}

/** The two keys of an address: IPv4 and its /24, or the IPv6 /64 and its /48. Ports never count. */
export interface AddressKeys {
  readonly narrow: number;
  readonly wide: number;
}

export function addressKeys(secret: Uint8Array, address: string): AddressKeys {
  const bytes = addressBytes(address) ?? EMPTY;
  const [narrow, wide] = bytes.length === 4 ? [4, 3] : [8, 6];
  return { narrow: sipHash32(secret, bytes.subarray(0, narrow)), wide: sipHash32(secret, bytes.subarray(0, wide)) };
}

/** The same two keys as text, for exact counts of what is authenticated and bounded anyway. */
export function addressPrefixes(address: string): readonly [narrow: string, wide: string] {
  const bytes = addressBytes(address) ?? EMPTY;
  return bytes.length === 4
    ? [address, bytes.subarray(0, 3).join('.')]
    : [`6:${bytes.subarray(0, 8).join('.')}`, `6:${bytes.subarray(0, 6).join('.')}`];
}

/** Counts by key that forget keys at zero. Two keys in 2^32 share one count; nobody outside knows which. */
export class Tally {
  private readonly counts: Table<string, number>;

  constructor(secret: number) {
    this.counts = new Table(
      (key) => textHash(secret, key),
      () => true,
    );
  }

  of(key: string): number {
    return this.counts.get(key) ?? 0;
  }

  add(key: string, by: 1 | -1): void {
    const count = this.of(key) + by;
    if (count > 0) this.counts.set(key, count);
    else this.counts.delete(key);
  }
}
