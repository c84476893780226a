/**
 * The clock of a router since its mappings were empty: a jump means that it has lost them (RFC 6886 §3.6, RFC 6887 §8.5). A router that
 * comes back after a cut of power is noticed so before the first friend stands at a shut door.
 */
import type { Instant } from '../contract.ts';

/** RFC 6887 §8.5: two seconds for rounding, and a sixteenth for clocks that go wrong. */
const SLACK_S = 2;
const DRIFT = 16;

export class Epoch {
  private last: { readonly at: Instant; readonly seconds: number } | null = null;

  /** True: what the router had been told before this answer is lost. */
  lost(now: Instant, seconds: number): boolean {
    const before = this.last;
    this.last = { at: now, seconds };
    if (before === null) return false;
    // One second back is an answer overtaken by another.
    if (seconds < before.seconds - 1) return true;
    const [own, theirs] = [(now - before.at) / 1000, Math.max(0, seconds - before.seconds)];
    return own + SLACK_S < theirs - theirs / DRIFT || theirs + SLACK_S < own - own / DRIFT;
  }
}
