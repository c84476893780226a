/**
 * How long a mapping of the own NAT lives, found out while something depends on it. Some sockets each learn their mapping, keep
 * silent for a time of their own, and ask again: another port means that the mapping did not live so long. Where a witness can take
 * the answers, the mappings are unanswered ones, as those are that depend on it. Else they are answered, which may live longer, so
 * what is found is never too short.
 */

import type { Endpoint } from '../../address.ts';
import { type Instant, NEVER, type SocketId } from '../../contract.ts';
import { assert } from '../../errors.ts';
import type { MappingSource } from '../../sources/source.ts';
import { WIRE_LIMITS } from '../../wire/limits.ts';
import { CANARIES_MAX } from '../plan/side-plan.ts';
import type { Range } from './range.ts';
import { type Witness, witness } from './witness.ts';

/**
 * Just after the lives that are common: 20 s, 30 s (Linux, to the millisecond), 35 s and 45 s (carriers), 60 s (nat-model 1.2, 2.1). From
 * question to question: at the NAT it is as long, but for the jitter on the way there, which the tenth of a second is for.
 */
const SILENCES_MS: readonly number[] = [20_100, 30_100, 35_100, 45_100, 60_100];
assert(SILENCES_MS.length + 1 === CANARIES_MAX, 'each silence has a canary, and the witness is one more');

/** Those of the shortest that have survived go on with these: 120 s, 180 s and 200 s. */
const LONGER_MS: readonly number[] = [125_100, 205_100];

/** Questions by way of the witness: so often, so long apart; then the server is taken for one that does not do it. */
const TRIES = 4;
const TRY_AFTER_MS = 500;
/** Of one of them: before, between and after its silences. */
const QUESTIONS_MAX = 2 + LONGER_MS.length;

export interface Canaries {
  socket(now: Instant, socket: SocketId): void;
  /** True where the socket is one of these. */
  answered(now: Instant, socket: SocketId, observed: Endpoint): boolean;
  /** True where the datagram has come to the witness. */
  witnessed(now: Instant, socket: SocketId, from: Endpoint, bytes: Uint8Array): boolean;
  run(now: Instant): void;
  next(): Instant;
  /** What is to be taken for a life, given what is assumed: shorter where one has ended, longer where one has survived that. */
  lifetimeMs(assumedMs: number): number;
  stop(): void;
}

interface Canary {
  readonly socket: SocketId;
  silenceMs: number;
  /** Its questions to the server have numbers of their own: this is the next. */
  request: number;
  first: Endpoint | null;
  tries: number;
  /** When its last question left: the silence begins then. */
  askedAt: Instant;
  /** Asks for itself: its mapping is an answered one. */
  alone: boolean;
  at: Instant;
}

/** `source`: sends answers to a witness; null where none does. */
export function canaries(now: Instant, range: Range, source: MappingSource | null): Canaries {
  const watcher: Witness | null = source?.requestTo === undefined ? null : witness(range, source);
  let flock: Canary[] = SILENCES_MS.map((silenceMs, n) => ({
    socket: range.open(),
    silenceMs,
    request: 1 + QUESTIONS_MAX * n,
    first: null,
    tries: 0,
    askedAt: now,
    alone: watcher === null,
    at: NEVER,
  }));
  const longer = [...LONGER_MS];
  let found: number | null = null;
  /** The longest silence that a mapping survived which nobody answers. */
  let survivedMs = 0;

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
    const died = one.first !== null && observed.port !== one.first.port;
    if (died || (one.first !== null && !goesOn(one))) {
      free(one);
      if (died) end(one.silenceMs);
      return;
    }
    one.first = observed;
    one.request++;
    one.tries = 0;
    one.at = Math.max(at, one.askedAt + one.silenceMs);
  }

  /** Its mapping has survived. One that is answered says nothing then: only that others live no longer can be learnt from it. */
  function goesOn(one: Canary): boolean {
    if (one.alone) return false;
    survivedMs = Math.max(survivedMs, one.silenceMs);
    const next = longer.shift();
    if (next !== undefined) one.silenceMs = next;
    return next !== undefined;
  }

  function ask(at: Instant, one: Canary): void {
    // A lost question or answer: this one tells nothing any more, the others do.
    if (one.alone) {
      const wait = range.ask(at, 'watch', one.socket);
      if (wait === null) one.askedAt = at;
      one.at = wait ?? NEVER;
    } else if (one.tries >= TRIES) {
      if (one.first !== null) free(one);
      one.alone = true;
      one.at = at;
    } else {
      const wait = watcher?.ready() ? watcher.ask(at, one.socket, one.request) : null;
      if (wait === null) {
        one.tries++;
        one.askedAt = at;
      }
      one.at = wait ?? at + TRY_AFTER_MS;
    }
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
      const one = flock.find(({ request }) => answer.request === request);
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
    lifetimeMs(assumedMs) {
      if (survivedMs === 0) return Math.min(assumedMs, found ?? assumedMs);
      // For all that is known it ends within the next silence; those after the first five take minutes to say so.
      const next = SILENCES_MS.find((ms) => ms > survivedMs) ?? WIRE_LIMITS.mappingLifetimeMsMax;
      return found ?? Math.max(assumedMs, next);
    },
    stop() {
      for (const one of [...flock]) free(one);
    },
  };
}
