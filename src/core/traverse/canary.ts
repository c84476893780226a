/**
 * How long a mapping of the own NAT lives, found out while something depends on it. Some sockets each learn their mapping, keep
 * silent for a time of their own, and ask again: another port means that the mapping did not live so long. Answered mappings may live
 * longer than unanswered ones, so what is found is never too short.
 */
import type { Endpoint } from '../address.ts';
import { type Instant, NEVER, type SocketId } from '../contract.ts';
import type { Range } from './salvo.ts';

/**
 * Just after the lives that are common: 20 s, 30 s (Linux, to the millisecond), 35 s and 45 s (carriers), 60 s (nat-model 1.2, 2.1). The
 * silence at the NAT begins before the answer arrives here and ends after the question has left: it is never shorter than these.
 */
const SILENCES_MS: readonly number[] = [20_100, 30_100, 35_100, 45_100, 60_100];

/** Mappings that they hold at once. */
export const CANARIES_MAX = SILENCES_MS.length;

export interface Canaries {
  socket(now: Instant, socket: SocketId): void;
  /** True where the socket is one of these. */
  answered(now: Instant, socket: SocketId, observed: Endpoint): boolean;
  run(now: Instant): void;
  next(): Instant;
  /** At most so long; null while not known. */
  lifetimeMs(): number | null;
  stop(): void;
}

interface Canary {
  readonly socket: SocketId;
  readonly silenceMs: number;
  first: Endpoint | null;
  at: Instant;
}

export function canaries(now: Instant, range: Range): Canaries {
  let flock: Canary[] = SILENCES_MS.map((silenceMs) => ({
    socket: range.open(now),
    silenceMs,
    first: null,
    at: NEVER,
  }));
  let found: number | null = null;

  const find = (socket: SocketId): Canary | undefined => flock.find((one) => one.socket === socket);
  function free(one: Canary): void {
    range.close(one.socket);
    flock = flock.filter((other) => other !== one);
  }

  /** The shortest silence that ends a mapping: longer ones have nothing more to tell. */
  function end(silenceMs: number): void {
    found = Math.min(found ?? NEVER, silenceMs);
    for (const one of [...flock]) if (one.silenceMs >= found) free(one);
  }

  return {
    socket(at, socket) {
      const one = find(socket);
      if (one !== undefined) one.at = at;
    },
    answered(at, socket, observed) {
      const one = find(socket);
      if (one === undefined) return false;
      if (one.first === null) {
        one.first = observed;
        one.at = at + one.silenceMs;
        return true;
      }
      free(one);
      if (observed.port !== one.first.port) end(one.silenceMs);
      return true;
    },
    run(at) {
      for (const one of flock) {
        if (at < one.at) continue;
        // A lost question or answer: this one tells nothing any more, the others do.
        one.at = range.ask(at, 'prediction', one.socket) ?? NEVER;
      }
    },
    next: () => flock.reduce((next, one) => Math.min(next, one.at), NEVER),
    lifetimeMs: () => found,
    stop() {
      for (const one of [...flock]) free(one);
    },
  };
}
