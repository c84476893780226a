/**
 * All pairs share one rate. Where they want more than it, each gets what it wants or an equal share, whichever is less (max-min
 * fairness): who asks for little loses nothing because another asks for much. Nothing waits for its turn: what is above the share is
 * dropped, because a game datagram that comes late is worth less than the next one.
 *
 * What each wants is counted in ticks, dropped or not, and sets the share of the next tick.
 */
import type { Instant } from '../contract.ts';
import { RELAY_LIMITS } from './limits.ts';

export interface Wanting {
  /** The tick that `wanted` belongs to. */
  tick: number;
  /** Bytes in that tick. */
  wanted: number;
}

export class Shortage {
  private readonly bytesPerMs: number;
  private tick = 1;
  private tickAt: Instant = 0;
  private readonly active: Wanting[] = [];
  private wanted = 0;
  /** Bytes that each may have in this tick. */
  private share = Number.POSITIVE_INFINITY;
  /** Cell rate algorithm of all together. */
  private fullAt: Instant = 0;

  constructor(bytesPerSecond: number) {
    this.bytesPerMs = bytesPerSecond / 1_000;
  }

  /** Is there less than is wanted? */
  get short(): boolean {
    return this.share !== Number.POSITIVE_INFINITY;
  }

  /** May so many bytes of this one go? Counts them as wanted either way; `take` counts those that go. */
  grants(now: Instant, one: Wanting, bytes: number): boolean {
    if (now - this.tickAt >= RELAY_LIMITS.fairTickMs) this.turn(now);
    if (one.tick !== this.tick) {
      one.tick = this.tick;
      one.wanted = 0;
      this.active.push(one);
    }
    one.wanted += bytes;
    this.wanted += bytes;
    return one.wanted <= this.share && this.fullAt - now < RELAY_LIMITS.totalBurstMs;
  }

  take(now: Instant, bytes: number): void {
    this.fullAt = Math.max(this.fullAt, now) + bytes / this.bytesPerMs;
  }

  private turn(now: Instant): void {
    const { fairTickMs } = RELAY_LIMITS;
    const lengthMs = now - this.tickAt;
    // After a silence nobody wants anything.
    const recent = lengthMs < 2 * fairTickMs;
    const there = this.bytesPerMs * lengthMs;
    this.share =
      recent && this.wanted > there
        ? (equalShare(
            this.active.map(({ wanted }) => wanted),
            there,
          ) *
            fairTickMs) /
          lengthMs
        : Number.POSITIVE_INFINITY;
    this.active.length = 0;
    this.wanted = 0;
    this.tick++;
    this.tickAt = now;
  }
}

/** The level up to which all are served, so that together they take `there`. */
function equalShare(wanted: readonly number[], there: number): number {
  const sorted = Float64Array.from(wanted).sort();
  let left = there;
  for (const [i, one] of sorted.entries()) {
    const share = left / (sorted.length - i);
    if (one > share) return share;
    left -= one;
  }
  return Number.POSITIVE_INFINITY;
}
