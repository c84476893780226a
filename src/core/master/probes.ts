/**
 * The probe ports: 48 bytes in, 48 bytes out, telling a socket its mapping. Authenticated both ways with the session's probe
 * key (SipHash, no native call: this is the master's busiest path), so a stranger gets no answer at all. Whoever has a session
 * may forge where a probe comes from (a socket asks in order to learn that): then as many bytes go there as it has sent, by
 * `MASTER_LIMITS.probeRate`. The same holds where the answer is to go to another port of the sender's address, through which somebody has
 * asked a router to let it in.
 */
import type { Endpoint } from '../address.ts';
import type { Instant } from '../contract.ts';
import { allowAt } from '../rate/pace.ts';
import type { AnswerFrom } from '../sources/source.ts';
import { probeAuthentic, readProbe, writeProbeAnswer } from '../wire/datagrams.ts';
import type { Counters } from './counters.ts';
import { MASTER_LIMITS } from './limits.ts';

/** What answering needs of a session; `path` is null until it is confirmed. */
export interface ProbeSession {
  readonly path: Endpoint | null;
  readonly probeKey: Uint8Array;
  probeFullAt: Instant;
}

export interface ProbeReply {
  readonly answerFrom: AnswerFrom;
  readonly to: Endpoint;
  readonly bytes: Uint8Array;
}

export function answerProbe(
  now: Instant,
  from: Endpoint,
  bytes: Uint8Array,
  parts: { readonly sessions: { find(number: number): ProbeSession | null }; readonly counters: Counters },
): ProbeReply | null {
  const { sessions, counters } = parts;
  const probe = readProbe(bytes);
  if (probe === null) {
    counters.drop('probe-malformed');
    return null;
  }
  const session = sessions.find(probe.session);
  if (session === null || session.path === null) {
    counters.drop('probe-unknown');
    return null;
  }
  const key = session.probeKey;
  if (!probeAuthentic(key, bytes)) {
    counters.drop('probe-forged');
    return null;
  }
  const next = allowAt(session.probeFullAt, Math.floor(now), MASTER_LIMITS.probeRate);
  if (next === null) {
    counters.limit('probe');
    return null;
  }
  session.probeFullAt = next;
  counters.probes++;
  const to = probe.toPort === 0 ? from : { address: from.address, port: probe.toPort };
  return { answerFrom: probe.answerFrom, to, bytes: writeProbeAnswer(key, probe, from) };
}
