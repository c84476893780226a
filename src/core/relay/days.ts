/**
 * What an address, a network, a host and all together have moved within a day, in a table of fixed size: who falls into the same place
 * shares its day, and nobody outside can aim at it (as `rate/pace.ts` has it). A day begins with the first byte after the one before, so
 * not everybody's ends at midnight.
 */
import type { Instant } from '../contract.ts';
import { RELAY_LIMITS } from './limits.ts';

/** Names a place. */
export type Place = number;

export class Days {
  /** Made with the first byte; what is never touched takes no memory of the system. */
  private used: Float64Array | null = null;
  private since: Float64Array | null = null;

  placeOf(hash: number): Place {
    return hash % RELAY_LIMITS.dayPlaces;
  }

  charge(now: Instant, place: Place, bytes: number): void {
    this.used ??= new Float64Array(RELAY_LIMITS.dayPlaces);
    this.since ??= new Float64Array(RELAY_LIMITS.dayPlaces);
    if (now - (this.since[place] as number) >= RELAY_LIMITS.dayMs) {
      this.used[place] = 0;
      this.since[place] = now;
    }
    this.used[place] = (this.used[place] as number) + bytes;
  }

  isOver(now: Instant, place: Place, max: number): boolean {
    if (this.used === null || this.since === null) return false;
    return (this.used[place] as number) >= max && now - (this.since[place] as number) < RELAY_LIMITS.dayMs;
  }
}
