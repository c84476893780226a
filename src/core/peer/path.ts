/**
 * A proven path: sealed datagrams between two participants, watched for as long as it lives.
 *
 *     type 0xd8 | sid 8 | sequence 8 | ciphertext | tag 16          associated data: the first 17 bytes
 *     plaintext: kind 1 | body
 *
 *     data 0        body: what the application sent
 *     ask 1         body: token 8; answered at once by `answer` with the same token
 *     answer 2      body: token 8
 *     leave 3       body: reason 1
 *
 * `ask` is the consent check (RFC 7675: every 5 s, the path dies 30 s after the last answer), the measure of the round trip,
 * the keepalive (5 s is below every mapping life-time seen) and, sent to an address that has just turned up, the challenge
 * that must be answered *from there* before the path moves to it (security.md row 8).
 */
import { type Endpoint, familyOf, sameEndpoint } from '../address.ts';
import { concat, EMPTY, equalBytes, Reader, Writer } from '../bytes.ts';
import type { Instant, Machine, SocketId } from '../contract.ts';
import { LIMITS } from '../limits.ts';
import { outputs, timers } from '../machine.ts';
import type { Random } from '../random.ts';
import type { CryptoSuite } from '../secure/crypto.ts';
import type { SecureSession } from '../secure/session.ts';
import { WIRE } from '../wire.ts';

/** Header, kind and tag. */
export const PATH_OVERHEAD_BYTES = 1 + 8 + 8 + 1 + 16;
const HEADER_BYTES = 17;
const TOKEN_BYTES = 8;
/** UDP and IP headers: RFC 768, RFC 791 without options, RFC 8200. */
const IP_UDP_BYTES = { 4: 28, 6: 48 } as const;

const KIND = { data: 0, ask: 1, answer: 2, leave: 3 } as const;

const LEAVE = { left: 0, kicked: 1, released: 2, replaced: 3 } as const;
export type LeaveReason = keyof typeof LEAVE;
const LEAVE_REASONS = Object.keys(LEAVE) as readonly LeaveReason[];

/**
 * The largest payload that fits one Ethernet frame unfragmented: 1438 bytes over IPv4, 1418 over IPv6. Games stay below
 * (Source 1260, Teeworlds 1400); on a narrower link the kernel fragments, which is slow but loses nothing. What is larger
 * than this would be fragmented everywhere, so it is reported instead.
 */
export function payloadBytesMax(remote: Endpoint): number {
  return LIMITS.pathMtuBytes - IP_UDP_BYTES[familyOf(remote.address)] - PATH_OVERHEAD_BYTES;
}

export interface PathConfig {
  readonly crypto: CryptoSuite;
  readonly random: Random;
  readonly session: SecureSession;
  /** 8 bytes. */
  readonly sid: Uint8Array;
  readonly socket: SocketId;
  readonly remote: Endpoint;
  readonly rttMs: number;
}

export type PathCommand =
  | { readonly do: 'start' }
  | { readonly do: 'send'; readonly bytes: Uint8Array }
  /** Tell the other side and stop. */
  | { readonly do: 'leave'; readonly reason: LeaveReason }
  /** The network of this computer has changed: let the other side see our new address at once. */
  | { readonly do: 'nudge' };

export type PathMachineEvent =
  | { readonly ev: 'message'; readonly bytes: Uint8Array }
  | { readonly ev: 'too-large'; readonly bytes: number; readonly payloadBytesMax: number }
  | { readonly ev: 'over'; readonly reason: 'consent' | LeaveReason }
  | { readonly ev: 'rtt'; readonly rttMs: number }
  /** Nothing has come back for some seconds. `false`: it has recovered. */
  | { readonly ev: 'silent'; readonly silent: boolean }
  | { readonly ev: 'moved'; readonly remote: Endpoint };

export interface PathMachine extends Machine<PathCommand, PathMachineEvent> {
  readonly remote: Endpoint;
  readonly rttMs: number;
}

/** A question that waits for its answer. */
interface Asked {
  readonly token: Uint8Array;
  readonly to: Endpoint;
  readonly at: Instant;
}

type Timer = 'check' | 'repeat' | 'expire' | 'challenge';

export function createPath(config: PathConfig): PathMachine {
  const { session, socket } = config;
  const out = outputs<PathMachineEvent>();
  const table = timers<Timer>();
  let remote = config.remote;
  let rttMs = config.rttMs;
  let over = false;
  let silent = false;
  let newest = -1;
  let tries = 0;
  /** The last questions to the present address: a late answer counts as well. */
  let asked: readonly Asked[] = [];
  let challenge: (Asked & { readonly tries: number }) | null = null;

  function transmit(to: Endpoint, kind: number, body: Uint8Array): void {
    const header = new Writer(HEADER_BYTES).u8(WIRE.path).raw(config.sid).u64(session.sequence).done();
    out.transmit(socket, to, concat(header, session.seal(header, concat(Uint8Array.of(kind), body))));
  }

  function ask(now: Instant, to: Endpoint): Asked {
    const token = config.crypto.randomBytes(TOKEN_BYTES);
    transmit(to, KIND.ask, token);
    return { token, to, at: now };
  }

  function check(now: Instant): void {
    if (tries < LIMITS.consentTriesMax) {
      tries++;
      asked = [...asked, ask(now, remote)].slice(-LIMITS.consentTriesMax);
      table.set('repeat', now + LIMITS.consentRepeatMs);
      return;
    }
    tries = 0;
    table.set('check', now + jittered(LIMITS.consentEveryMs) - LIMITS.consentRepeatMs * LIMITS.consentTriesMax);
    if (silent) return;
    silent = true;
    out.event({ ev: 'silent', silent });
  }

  /** RFC 7675 section 5.1: 0.8 to 1.2 of the interval, so that checks do not fall into step. */
  const jittered = (ms: number): number => ms * (0.8 + 0.4 * config.random.float());

  function stop(reason: 'consent' | LeaveReason): void {
    if (over) return;
    over = true;
    for (const name of ['check', 'repeat', 'expire', 'challenge'] as const) table.clear(name);
    out.event({ ev: 'over', reason });
  }

  function consented(now: Instant, roundTripMs: number): void {
    asked = [];
    tries = 0;
    table.clear('repeat');
    table.set('check', now + jittered(LIMITS.consentEveryMs));
    table.set('expire', now + LIMITS.consentExpireMs);
    if (silent) {
      silent = false;
      out.event({ ev: 'silent', silent });
    }
    rttMs = roundTripMs;
    out.event({ ev: 'rtt', rttMs });
  }

  function answered(now: Instant, from: Endpoint, token: Uint8Array): void {
    const question = asked.find((one) => equalBytes(one.token, token) && sameEndpoint(one.to, from));
    if (question !== undefined) {
      consented(now, now - question.at);
      return;
    }
    if (challenge === null || !equalBytes(challenge.token, token) || !sameEndpoint(challenge.to, from)) return;
    remote = from;
    const roundTripMs = now - challenge.at;
    challenge = null;
    table.clear('challenge');
    out.event({ ev: 'moved', remote });
    consented(now, roundTripMs);
  }

  /** An authentic datagram came from elsewhere: ask there, one address at a time, and stay where we are meanwhile. */
  function suspect(now: Instant, from: Endpoint): void {
    if (challenge !== null) return;
    challenge = { ...ask(now, from), tries: 1 };
    table.set('challenge', now + LIMITS.pathChallengeRepeatMs);
  }

  function challengeAgain(now: Instant): void {
    if (challenge === null) return;
    if (challenge.tries >= LIMITS.pathChallengeTriesMax) {
      challenge = null;
      return;
    }
    transmit(challenge.to, KIND.ask, challenge.token);
    challenge = { ...challenge, tries: challenge.tries + 1 };
    table.set('challenge', now + LIMITS.pathChallengeRepeatMs);
  }

  function handle(now: Instant, from: Endpoint, kind: number, body: Uint8Array): void {
    if (kind === KIND.data) out.event({ ev: 'message', bytes: body });
    else if (kind === KIND.ask && body.length >= TOKEN_BYTES) transmit(from, KIND.answer, body.slice(0, TOKEN_BYTES));
    else if (kind === KIND.answer && body.length >= TOKEN_BYTES) answered(now, from, body.slice(0, TOKEN_BYTES));
    else if (kind === KIND.leave) stop(LEAVE_REASONS[body[0] ?? 0] ?? 'left');
  }

  function send(bytes: Uint8Array): void {
    const limit = payloadBytesMax(remote);
    if (bytes.length > limit) out.event({ ev: 'too-large', bytes: bytes.length, payloadBytesMax: limit });
    // After 2^32 datagrams the key is spent; a new session brings a new one.
    else if (session.spent) stop('consent');
    else transmit(remote, KIND.data, bytes);
  }

  return {
    get remote() {
      return remote;
    },
    get rttMs() {
      return rttMs;
    },
    handleDatagram(now, on, from, bytes) {
      if (over || on !== socket || bytes.length < PATH_OVERHEAD_BYTES) return;
      const reader = new Reader(bytes);
      if (reader.u8() !== WIRE.path || !equalBytes(reader.take(8), config.sid)) return;
      const sequence = reader.u64();
      if (!reader.ok) return;
      const plaintext = session.open(sequence, bytes.subarray(0, HEADER_BYTES), reader.rest());
      if (plaintext === null) return;
      // Only the newest datagram can tell of a move: an older one from elsewhere was merely late (RFC 9000 section 9.3).
      if (sequence > newest && !sameEndpoint(from, remote)) suspect(now, from);
      newest = Math.max(newest, sequence);
      handle(now, from, plaintext[0] ?? KIND.data, plaintext.length > 0 ? plaintext.subarray(1) : EMPTY);
    },
    handleSocket() {},
    handleTimeout(now) {
      for (const name of table.due(now)) {
        if (name === 'expire') stop('consent');
        else if (name === 'challenge') challengeAgain(now);
        else check(now);
      }
    },
    handleCommand(now, command) {
      if (over) return;
      if (command.do === 'send') send(command.bytes);
      else if (command.do === 'nudge') table.set('check', now);
      else if (command.do === 'start') {
        table.set('check', now + jittered(LIMITS.consentEveryMs));
        table.set('expire', now + LIMITS.consentExpireMs);
      } else {
        for (let n = 0; n < LIMITS.leaveCopies; n++) transmit(remote, KIND.leave, Uint8Array.of(LEAVE[command.reason]));
        stop(command.reason);
      }
    },
    poll: () => out.next(table.next()),
  };
}
