/**
 * Learns the mapping of a socket without an answer to it: the server sends what it saw to the port of another socket, the witness
 * (RFC 5780 §7.5, RESPONSE-PORT). So the mapping stays one that nobody has answered, like those of a plan, and carriers forget these
 * sooner than answered ones (nat-model 1.2).
 */

import type { Endpoint } from '../../address.ts';
import { type Instant, NEVER, type SocketId } from '../../contract.ts';
import type { MappingSource } from '../../sources/source.ts';
import type { Range } from './range.ts';

/** Its own mapping is refreshed inside the shortest life that was measured on a carrier's NAT, 10 s (nat-model 1.2). */
const REFRESH_MS = 9_000;
const TRY_AFTER_MS = 500;

export interface Witness {
  /** Sends the question of a socket; an instant where the budget lets it only then, null where it is sent. */
  ask(now: Instant, socket: SocketId, request: number): Instant | null;
  /** The request that a datagram at the witness answers, and the mapping of the socket that asked. */
  answered(socket: SocketId, from: Endpoint, bytes: Uint8Array): { request: number; observed: Endpoint } | null;
  /** Where the server sends to is known: it can be asked. */
  ready(): boolean;
  opened(now: Instant, socket: SocketId): void;
  run(now: Instant): void;
  next(): Instant;
  stop(): void;
}

export function witness(range: Range, source: MappingSource): Witness {
  const own = range.open();
  let port: number | null = null;
  let at: Instant = NEVER;

  return {
    ask(when, socket, request) {
      if (port === null || source.requestTo === undefined) return NEVER;
      return range.send(when, socket, source.target, source.requestTo(when, request, port));
    },
    answered(socket, from, bytes) {
      const answer = socket === own ? source.answer(from, bytes) : null;
      if (answer?.request === 0) port = answer.observed.port;
      return answer;
    },
    ready: () => port !== null,
    opened(when, socket) {
      if (socket === own) at = when;
    },
    run(when) {
      if (when < at) return;
      const wait = range.send(when, own, source.target, source.request(when, 0, 'same'));
      at = wait ?? when + (port === null ? TRY_AFTER_MS : REFRESH_MS);
    },
    next: () => at,
    stop() {
      at = NEVER;
      range.close(own);
    },
  };
}
