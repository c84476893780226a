/** How long a path may be silent, an answer may take, and what is made of it. */
import type { Instant } from '../contract.ts';
import { CONNECTION_LIMITS as LIMITS } from './limits.ts';
import type { Path } from './path.ts';

/** Who speaks and hears nothing for so long asks. */
export function quietMs({ rttMs }: Path): number {
  return Math.max(LIMITS.quietMs, LIMITS.quietRoundTrips * rttMs);
}

/** An answer that has not come after so long is missing: one and a half round trips, and what they vary by (RFC 6298). */
export function answerMs({ rttMs, jitterMs }: Path): number {
  return Math.max(LIMITS.answerMs, LIMITS.answerRoundTrips * rttMs + 4 * jitterMs);
}

/** Until the question is repeated; `matters`: data waits for the path. */
export function repeatMs({ state, tries }: Path, matters: boolean): number {
  if (state === 'proving') return LIMITS.provingRepeatMs * 2 ** (tries - 1);
  return matters && tries <= LIMITS.triesHearing ? LIMITS.askRepeatMs : LIMITS.askIdleRepeatMs;
}

/** Unanswered questions in a row after which a path is doubted. */
export function triesBeforeDoubt(hears: boolean, speaks: boolean): number {
  if (hears) return LIMITS.triesHearing;
  return speaks ? LIMITS.triesSpeaking : LIMITS.triesIdle;
}

/** Does the application speak, which has sent last at `spokeAt`? */
export function isSpeaking(now: Instant, spokeAt: Instant): boolean {
  return now - spokeAt <= LIMITS.speakingMs;
}
