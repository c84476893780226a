/** The one clock of the drivers: monotonic, in milliseconds, so that a changed wall clock moves no deadline. */
import type { Instant } from '../core/index.ts';

export function monotonicNow(): Instant {
  return performance.now();
}
