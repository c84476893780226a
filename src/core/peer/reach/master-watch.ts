/**
 * An echo to the master twice a second while a burst runs (SECURITY.md row 16): where it suffers, our line is full, and the burst
 * has to rest.
 */

import type { Alarm } from '../../agenda.ts';
import type { Instant } from '../../contract.ts';
import type { PeerContext } from '../base/context.ts';
import { PEER_LIMITS } from '../base/limits.ts';

/** `onSlow`: an answer is late, or there is none; the next echo is sent when the burst has rested. */
export function watchMaster(
  now: Instant,
  context: PeerContext,
  viaMasterRttMs: number,
  onSlow: (now: Instant) => void,
): Alarm {
  const { echoSlowMs, echoSlowMsMax, echoSlowFactor, echoEveryMs, burstPauseMs } = PEER_LIMITS;
  const slowMs = Math.min(echoSlowMsMax, Math.max(echoSlowMs, echoSlowFactor * viaMasterRttMs));
  let pending: readonly Alarm[] = [];
  const echoAt = (at: Instant): void => {
    pending = [context.agenda.at(at, echo)];
  };
  function echo(sentAt: Instant): void {
    const late = context.agenda.at(sentAt + slowMs, (at) => {
      answer.cancel();
      onSlow(at);
      echoAt(at + burstPauseMs);
    });
    const answer = context.request(sentAt, { type: 'echo' }, null, (at) => {
      late.cancel();
      echoAt(Math.max(at, sentAt + echoEveryMs));
    });
    pending = [late, answer];
  }
  echo(now);
  return {
    cancel() {
      for (const one of pending) one.cancel();
    },
  };
}
