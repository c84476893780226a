/**
 * Our clock as a word to the other side carries it: tenths of a millisecond, in 32 bits that wrap after five days. Both ends count from an
 * instant of their own, so what a clock tells is how much longer one datagram was under way than another.
 */
import type { Instant } from '../contract.ts';

export const CLOCK_PER_MS = 10;
const CLOCK_WRAP = 2 ** 32;

export function clockOf(now: Instant): number {
  return unitsOf(now) % CLOCK_WRAP;
}

/** Of an instant of ours, in units that do not wrap. */
export function unitsOf(now: Instant): number {
  return Math.floor(now * CLOCK_PER_MS);
}

/** By how many units the other side's clock is ahead of `ours` (units of ours), beyond the `from` by which it was at first. */
export function clockAhead(clock: number, ours: number, from: number): number {
  const ahead = clock - ours - from;
  return ahead - CLOCK_WRAP * Math.round(ahead / CLOCK_WRAP);
}
