/**
 * Anything that tells a socket its mapping: a probe port of the master (authenticated) or a public STUN server. Detection and
 * the fresh sample before a punch use the same interface, so neither knows which it asks.
 */
import type { Endpoint } from '../address.ts';
import type { Instant } from '../contract.ts';

/** What a source may be asked to do with its answer, for the filtering test (RFC 5780). */
export type AnswerFrom = 'same' | 'other-port' | 'other-address';

export interface MappingAnswer {
  /** Number of the request this answers. */
  readonly request: number;
  readonly observed: Endpoint;
}

export interface MappingSource {
  readonly target: Endpoint;
  readonly kind: 'master' | 'stun';
  /** Which filtering tests it can do. */
  readonly answersFrom: readonly AnswerFrom[];
  /** Where the answer to such a request comes from, where that is known beforehand: poisoning and hops are measured with it. */
  answererOf?(answerFrom: AnswerFrom): Endpoint | null;
  /** More sources that an answer has told of: the other address and port of an RFC 5780 server. */
  relatives?(): readonly MappingSource[];
  /** A datagram asking for the mapping; `request` is given back by the answer. */
  request(now: Instant, request: number, answerFrom: AnswerFrom): Uint8Array;
  /** A request whose answer goes to another port of the asker's external address (RFC 5780 §7.5, PROBE). */
  requestTo?(now: Instant, request: number, port: number): Uint8Array;
  /** The answer in a datagram from `from`, or null where it is not an authentic answer to a request of this source. */
  answer(from: Endpoint, bytes: Uint8Array): MappingAnswer | null;
}

/** Where the answer comes from: offset of the probe port and of the address, used by both ends. */
export function answeringPort(offset: number, ports: number, answerFrom: AnswerFrom): number {
  return answerFrom === 'other-port' ? (offset + ports / 2) % ports : offset;
}
