/** Round trips as TCP smooths them (RFC 6298 section 2). */

/** `before`: as smoothed until now. */
export function smoothedRtt(before: number, rttMs: number): number {
  return before + (rttMs - before) / 8;
}

/** How far round trips vary: `before` as smoothed until now, beside the smoothed round trip before this one. */
export function smoothedVariation(before: number, smoothedMs: number, rttMs: number): number {
  return before + (Math.abs(smoothedMs - rttMs) - before) / 4;
}
