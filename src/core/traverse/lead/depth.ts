/**
 * How deep a side's own NAT lies, told by the gaps of its sandwiches: between two samples lies the port of a probe that came through the
 * NAT, and none where the probe died before it. So a sandwich with a low TTL says itself whether it has opened anything, and the next
 * TTL follows at once. The detection measures the depth behind an endpoint-independent NAT alone, which has no use for a window.
 */

import type { NatProfile } from '../../nat/profile.ts';
import type { StepNature } from '../plan/nature.ts';
import { slotsBetween } from '../plan/salvos.ts';
import type { Sample } from '../plan/side-plan.ts';

/** Few others behind it: a router at home, which is at hop 1 mostly. More of them tell of a provider's NAT, at hops 2-5 and deeper. */
const QUIET_PER_SECOND = 20;
/**
 * Upwards and two at a time, so that none goes much further than it must: the other NAT may be near. Carriers' lie at hop 12 at most
 * (docs/reference/nat-model.md §1.2).
 */
const RUNGS: readonly number[] = [2, 4, 6, 8, 10, 13];
const PROVIDER_TTL = 6;

export class Depth {
  /** The highest TTL that has died before the NAT: one never leaves the first router. */
  private died = 1;
  /** The lowest that came through. */
  private passed: number | null = null;

  /**
   * For the next openers; null: none that was tried came through, so the full one. Once openers that passed were in vain, upwards one at
   * a time: they may have gone too far.
   */
  ttl({ natHops }: Pick<NatProfile, 'natHops'>, nature: StepNature): number | null {
    if (natHops !== null && natHops >= this.died) return natHops + 1;
    if (this.passed !== null) return this.died + 1;
    if (this.died === 1 && nature.background > QUIET_PER_SECOND) return PROVIDER_TTL;
    return RUNGS.find((rung) => rung > this.died) ?? null;
  }

  /** Did openers with this TTL come through? */
  learn(ttl: number, nature: StepNature, samples: readonly Sample[]): boolean {
    const gaps = slotsBetween(nature, samples);
    // A lost probe leaves its gap empty too.
    const passed = 2 * gaps.filter((slots) => slots < 1).length <= gaps.length;
    if (!passed) this.died = Math.max(this.died, ttl);
    else if (gaps.length > 0) this.passed = Math.min(this.passed ?? ttl, ttl);
    // Strangers had filled the gaps.
    if (this.passed !== null && this.passed <= this.died) this.passed = null;
    return passed;
  }
}
