/** Which observations of a NAT are kept from one run of detection to the next. */
import type { Instant } from '../contract.ts';
import type { Observation } from '../nat/observation.ts';
import { DETECT_LIMITS } from './limits.ts';

export function trimmed(now: Instant, observations: readonly Observation[]): readonly Observation[] {
  return observations
    .filter(({ sentAt }) => now - sentAt <= DETECT_LIMITS.observationMsMax)
    .slice(-DETECT_LIMITS.observationsMax);
}

/** None of the old external addresses among many new ones: the line was renumbered, the old samples are of another NAT. */
export function renumbered(before: readonly Observation[], after: readonly Observation[]): boolean {
  const old = new Set(before.map(({ observed }) => observed?.address));
  const fresh = after.filter(({ observed }) => observed !== null);
  return fresh.length >= 4 && fresh.every(({ observed }) => !old.has(observed!.address));
}
