/**
 * How long a mapping of the own NAT lives, found out while something depends on it. Some sockets each learn their mapping, keep
 * silent for a time of their own, and ask again: another port means that the mapping did not live so long. Where a witness can take
 * the answers, the mappings are unanswered ones, as those are that depend on it. Else they are answered, which may live longer, so
 * what is found is never too short.
 */
import type { Endpoint } from '../address.ts';
import { type Instant, NEVER, type SocketId } from '../contract.ts';
import type { MappingSource } from '../detect/source.ts';
import type { Range } from './salvo.ts';
import { type Witness, witness } from './witness.ts';

/**
 * Just after the lives that are common: 20 s, 30 s (Linux, to the millisecond), 35 s and 45 s (carriers), 60 s (nat-model 1.2, 2.1). The
 * silence at the NAT begins before the answer arrives here and ends after the question has left: it is never shorter than these.
 */
const SILENCES_MS: readonly number[] = [20_100, 30_100, 35_100, 45_100, 60_100];

/** Mappings that they hold at once, the witness's own included. */
export const CANARIES_MAX = SILENCES_MS.length + 1;

/** Questions by way of the witness: so often, so long apart; then the server is taken for one that does not do it. */
const TRIES = 4;
const TRY_AFTER_MS = 500;

export interface Canaries {
  socket(now: Instant, socket: SocketId): void;
  /** True where the socket is one of these. */
  answered(now: Instant, socket: SocketId, observed: Endpoint): boolean;
  /** True where the datagram has come to the witness. */
  witnessed(now: Instant, socket: SocketId, from: Endpoint, bytes: Uint8Array): boolean;
  run(now: Instant): void;
  next(): Instant;
  /** At most so long; null while not known. */
  lifetimeMs(): number | null;
  stop(): void;
}

interface Canary {
  readonly socket: SocketId;
  readonly silenceMs: number;
  /** Its two questions to the server have numbers of their own. */
  readonly request: number;
  first: Endpoint | null;
  tries: number;
  /** Asks for itself: its mapping is an answered one. */
  alone: boolean;
  at: Instant;
}

/** `source`: sends answers to a witness; null where none does. */
export function canaries(now: Instant, range: Range, source: MappingSource | null): Canaries {
  const watcher: Witness | null = source === null ? null : witness(now, range, source);
  let flock: Canary[] = SILENCES_MS.map((silenceMs, n) => ({
    socket: range.open(now),
    silenceMs,
    request: 1 + 2 * n,
    first: null,
    tries: 0,
    alone: watcher === null,
    at: NEVER,
  }));
  let found: number | null = null;

  function free(one: Canary): void {
    range.close(one.socket);
    flock = flock.filter((other) => other !== one);
    if (flock.length === 0) watcher?.stop();
  }

  /** The shortest silence that ends a mapping: longer ones have nothing more to tell. */
  function end(silenceMs: number): void {
    found = Math.min(found ?? NEVER, silenceMs);
    for (const one of [...flock]) if (one.silenceMs >= found) free(one);
  }

  function learn(at: Instant, one: Canary, observed: Endpoint): void {
    if (one.first === null) {
      one.first = observed;
      one.tries = 0;
      one.at = at + one.silenceMs;
      return;
    }
    free(one);
    if (observed.port !== one.first.port) end(one.silenceMs);
  }

  function ask(at: Instant, one: Canary): void {
    // A lost question or answer: this one tells nothing any more, the others do.
    if (one.alone) one.at = range.ask(at, 'prediction', one.socket) ?? NEVER;
    else if (one.tries++ >= TRIES) {
      one.alone = one.first === null;
      one.at = one.alone ? at : NEVER;
    } else if (watcher?.ready()) {
      one.at = watcher.ask(at, one.socket, one.request + (one.first === null ? 0 : 1)) ?? at + TRY_AFTER_MS;
    } else one.at = at + TRY_AFTER_MS;
  }

  return {
    socket(at, socket) {
      watcher?.opened(at, socket);
      const one = flock.find((other) => other.socket === socket);
      if (one !== undefined) one.at = at;
    },
    answered(at, socket, observed) {
      const one = flock.find((other) => other.socket === socket);
      if (one !== undefined) learn(at, one, observed);
      return one !== undefined;
    },
    witnessed(at, socket, from, bytes) {
      const answer = watcher?.answered(socket, from, bytes) ?? null;
      if (answer === null) return false;
      const one = flock.find(({ request, first }) => answer.request === request + (first === null ? 0 : 1));
      if (one !== undefined && !one.alone) learn(at, one, answer.observed);
      // The witness knows its own port: nobody needs to wait for it any more.
      if (answer.request === 0)
        for (const other of flock) if (other.first === null && !other.alone) other.at = Math.min(other.at, at);
      return true;
    },
    run(at) {
      watcher?.run(at);
      for (const one of flock) if (at >= one.at) ask(at, one);
    },
    next: () => flock.reduce((next, one) => Math.min(next, one.at), watcher?.next() ?? NEVER),
    lifetimeMs: () => found,
    stop() {
      for (const one of [...flock]) free(one);
    },
  };
}
