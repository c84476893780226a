/**
 * Token buckets in a table of fixed size (security.md rows 9 and 12): any number of addresses costs the same memory, and
 * addresses that fall on one bucket share its allowance. Two levels: the address (IPv4, or /64) and its prefix (/24, or /48).
 */
import { randomInt } from 'node:crypto';
import { isIPv6 } from 'node:net';

export interface RateLimit {
  readonly perSecond: number;
  readonly burst: number;
}

export interface Limiter {
  /** Seconds to wait, 0 = go ahead (and one token is taken on both levels). */
  take(now: number, address: string): number;
}

export function createLimiter(buckets: number, own: RateLimit, prefix: RateLimit): Limiter {
  const single = table(buckets, own);
  const shared = table(buckets, prefix);
  return {
    take(now, address) {
      const keys = limitKeys(address);
      const wait = Math.max(single.wait(now, keys.own), shared.wait(now, keys.prefix));
      if (wait > 0) return wait;
      single.take(keys.own);
      shared.take(keys.prefix);
      return 0;
    },
  };
}

function table(buckets: number, limit: RateLimit) {
  const tokens = new Float32Array(buckets).fill(limit.burst);
  const filledAt = new Float64Array(buckets);
  // A hash that an attacker does not know: otherwise he could pick addresses that exhaust a victim's bucket.
  const seed = randomInt(2 ** 31);
  const slot = (key: string): number => hash(key, seed) % buckets;
  return {
    wait(now: number, key: string): number {
      const i = slot(key);
      const gained = ((now - (filledAt[i] ?? 0)) / 1000) * limit.perSecond;
      const level = Math.min(limit.burst, (tokens[i] ?? 0) + Math.max(0, gained));
      tokens[i] = level;
      filledAt[i] = now;
      return level >= 1 ? 0 : (1 - level) / limit.perSecond;
    },
    take(key: string): void {
      const i = slot(key);
      tokens[i] = (tokens[i] ?? 0) - 1;
    },
  };
}

/** FNV-1a, seeded. */
function hash(key: string, seed: number): number {
  let value = (0x811c9dc5 ^ seed) >>> 0;
  for (let i = 0; i < key.length; i += 1) value = Math.imul(value ^ key.charCodeAt(i), 0x01000193);
  return (value ^ (value >>> 15)) >>> 0;
}

/** Whom a limit counts as one: an IPv4 address or an IPv6 /64; above it a /24 or a /48. */
export function limitKeys(address: string): { readonly own: string; readonly prefix: string } {
  const plain = address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
  if (!isIPv6(plain)) return { own: plain, prefix: plain.slice(0, plain.lastIndexOf('.')) };
  const groups = expandIpv6(plain);
  return { own: groups.slice(0, 4).join(':'), prefix: groups.slice(0, 3).join(':') };
}

/** The eight groups of an IPv6 address, without leading zeros. */
function expandIpv6(address: string): readonly string[] {
  const [head = '', tail] = (address.split('%')[0] ?? '').split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length);
  return [...left, ...Array<string>(zeros).fill('0'), ...right].map((group) => Number.parseInt(group, 16).toString(16));
}
