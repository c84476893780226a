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
 *     channel 16+n  body: data of channel n, 1 to 15: further programs of one friend that share the path
 *
 * `ask` is the consent check (RFC 7675: every 5 s, the path dies 30 s after the last answer), the measure of the round trip,
 * the keepalive (5 s is below every mapping life-time seen) and, sent to an address that has just turned up, the challenge
 * that must be answered *from there* before the path moves to it (SECURITY.md row 8).
 */
import { type Endpoint, familyOf, sameEndpoint } from '../address.ts';
import { concat, equalBytes, Reader, Writer } from '../bytes.ts';
import type { Instant, Machine, Output, SocketId } from '../contract.ts';
import { outputs, timers } from '../machine.ts';
import type { Random } from '../random.ts';
import type { CryptoSuite } from '../secure/crypto.ts';
import type { SecureSession } from '../secure/session.ts';
import { WIRE } from '../wire/first-byte.ts';
import { PEER_LIMITS } from './limits.ts';

/** Header, kind and tag. */
export const PATH_OVERHEAD_BYTES = 1 + 8 + 8 + 1 + 16;
const HEADER_BYTES = 17;
const TOKEN_BYTES = 8;
/** UDP and IP headers: RFC 768, RFC 791 without options, RFC 8200. */
const IP_UDP_BYTES = { 4: 28, 6: 48 } as const;

const KIND = { data: 0, ask: 1, answer: 2, leave: 3, channel: 16 } as const;

const LEAVE = { left: 0, kicked: 1, released: 2, replaced: 3, full: 4 } as const;
export type LeaveReason = keyof typeof LEAVE;
const LEAVE_REASONS = Object.keys(LEAVE) as readonly LeaveReason[];

/**
 * The largest payload that fits one Ethernet frame unfragmented: 1438 bytes over IPv4, 1418 over IPv6. Games stay below
 * (Source 1260, Teeworlds 1400); on a narrower link the kernel fragments, which is slow but loses nothing. What is larger
 * than this would be fragmented everywhere, so it is reported instead.
 */
export function payloadBytesMax(remote: Endpoint): number {
  return PEER_LIMITS.pathMtuBytes - IP_UDP_BYTES[familyOf(remote.address)] - PATH_OVERHEAD_BYTES;
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
  | { readonly do: 'send'; readonly bytes: Uint8Array; readonly channel?: number }
  /** Tell the other side and stop. */
  | { readonly do: 'leave'; readonly reason: LeaveReason }
  /** The network of this computer has changed: let the other side see our new address at once. */
  | { readonly do: 'nudge' };

export type PathMachineEvent =
  | { readonly ev: 'message'; readonly bytes: Uint8Array; readonly channel: number }
  | { readonly ev: 'too-large'; readonly bytes: number; readonly payloadBytesMax: number }
  | { readonly ev: 'over'; readonly reason: 'consent' | LeaveReason }
  | { readonly ev: 'rtt'; readonly rttMs: number }
  /** Nothing has come back for some seconds. `false`: it has recovered. */
  | { readonly ev: 'silent'; readonly silent: boolean }
  | { readonly ev: 'moved'; readonly remote: Endpoint };

/** A question that waits for its answer. */
interface Asked {
  readonly token: Uint8Array;
  readonly to: Endpoint;
  readonly at: Instant;
}

export class PathMachine implements Machine<PathCommand, PathMachineEvent> {
  remote: Endpoint;
  rttMs: number;
  private readonly config: PathConfig;
  private readonly out = outputs<PathMachineEvent>();
  private readonly timers = timers<'check' | 'repeat' | 'expire' | 'challenge'>();
  private over = false;
  private silent = false;
  /** When anything authentic came in last. */
  private heardAt: Instant = Number.NEGATIVE_INFINITY;
  private newest = -1;
  private tries = 0;
  /** The last questions to the present address: a late answer counts as well. */
  private asked: readonly Asked[] = [];
  private challenge: (Asked & { readonly tries: number }) | null = null;

  constructor(config: PathConfig) {
    this.config = config;
    this.remote = config.remote;
    this.rttMs = config.rttMs;
  }

  handleDatagram(now: Instant, socket: SocketId, from: Endpoint, bytes: Uint8Array): void {
    if (this.over || socket !== this.config.socket || bytes.length < PATH_OVERHEAD_BYTES) return;
    const reader = new Reader(bytes);
    if (reader.u8() !== WIRE.path || !equalBytes(reader.take(8), this.config.sid)) return;
    const sequence = reader.u64();
    if (!reader.ok) return;
    const plaintext = this.config.session.open(sequence, bytes.subarray(0, HEADER_BYTES), reader.rest());
    if (plaintext === null || plaintext.length === 0) return;
    // Only the newest datagram can tell of a move: an older one from elsewhere was merely late (RFC 9000 section 9.3).
    if (sequence > this.newest && !sameEndpoint(from, this.remote)) this.question(now, from);
    this.newest = Math.max(this.newest, sequence);
    this.heardAt = now;
    this.take(now, from, plaintext[0] as number, plaintext.subarray(1));
  }

  handleSocket(): void {}

  handleTimeout(now: Instant): void {
    for (const name of this.timers.due(now)) {
      if (name === 'expire') this.stop('consent');
      else if (name === 'challenge') this.challengeAgain(now);
      else this.check(now);
    }
  }

  handleCommand(now: Instant, command: PathCommand): void {
    if (this.over) return;
    switch (command.do) {
      case 'start':
        this.heardAt = now;
        this.timers.set('check', now + this.jittered(PEER_LIMITS.consentEveryMs));
        this.timers.set('expire', now + PEER_LIMITS.consentExpireMs);
        break;
      case 'send':
        this.send(command.bytes, command.channel ?? 0);
        // Games talk both ways all the time: who speaks and hears nothing asks at once, not only when the next check is due.
        if (this.tries === 0 && now - this.heardAt > PEER_LIMITS.pathQuietMs) this.timers.set('check', now);
        break;
      case 'nudge':
        this.timers.set('check', now);
        break;
      case 'leave':
        for (let n = 0; n < PEER_LIMITS.leaveCopies; n++) {
          this.transmit(this.remote, KIND.leave, Uint8Array.of(LEAVE[command.reason]));
        }
        this.stop(command.reason);
    }
  }

  poll(): Output<PathMachineEvent> {
    return this.out.next(this.timers.next());
  }

  private take(now: Instant, from: Endpoint, kind: number, body: Uint8Array): void {
    if (kind === KIND.data) this.out.event({ ev: 'message', bytes: body, channel: 0 });
    else if (kind > KIND.channel && kind < KIND.channel + PEER_LIMITS.pathChannelsMax) {
      this.out.event({ ev: 'message', bytes: body, channel: kind - KIND.channel });
    } else if (kind === KIND.leave) this.stop(LEAVE_REASONS[body[0] ?? 0] ?? 'left');
    else if (body.length < TOKEN_BYTES) return;
    else if (kind === KIND.ask) this.transmit(from, KIND.answer, body.subarray(0, TOKEN_BYTES));
    else if (kind === KIND.answer) this.answered(now, from, body.subarray(0, TOKEN_BYTES));
  }

  private send(bytes: Uint8Array, channel: number): void {
    const limit = payloadBytesMax(this.remote);
    if (bytes.length > limit) this.out.event({ ev: 'too-large', bytes: bytes.length, payloadBytesMax: limit });
    // After 2^32 datagrams the key is spent; a new session brings a new one.
    else if (this.config.session.spent) this.stop('consent');
    else this.transmit(this.remote, channel === 0 ? KIND.data : KIND.channel + channel, bytes);
  }

  private transmit(to: Endpoint, kind: number, body: Uint8Array): void {
    const { session, sid, socket } = this.config;
    const header = new Writer(HEADER_BYTES).u8(WIRE.path).raw(sid).u64(session.sequence).done();
    this.out.transmit(socket, to, concat(header, session.seal(header, concat(Uint8Array.of(kind), body))));
  }

  private ask(now: Instant, to: Endpoint): Asked {
    const token = this.config.crypto.randomBytes(TOKEN_BYTES);
    this.transmit(to, KIND.ask, token);
    return { token, to, at: now };
  }

  private check(now: Instant): void {
    if (this.tries < PEER_LIMITS.consentTriesMax) {
      this.tries++;
      this.asked = [...this.asked, this.ask(now, this.remote)].slice(-PEER_LIMITS.consentTriesMax);
      this.timers.set('repeat', now + PEER_LIMITS.consentRepeatMs);
      return;
    }
    this.tries = 0;
    const restMs =
      this.jittered(PEER_LIMITS.consentEveryMs) - PEER_LIMITS.consentRepeatMs * PEER_LIMITS.consentTriesMax;
    this.timers.set('check', now + restMs);
    // Answers may be lost among much else that arrives: then only the end of consent counts.
    if (now - this.heardAt > PEER_LIMITS.pathQuietMs) this.setSilent(true);
  }

  /** RFC 7675 section 5.1: 0.8 to 1.2 of the interval, so that checks do not fall into step. */
  private jittered(ms: number): number {
    return ms * (0.8 + 0.4 * this.config.random.float());
  }

  private answered(now: Instant, from: Endpoint, token: Uint8Array): void {
    const matches = (one: Asked): boolean => equalBytes(one.token, token) && sameEndpoint(one.to, from);
    const asked = this.asked.find(matches);
    if (asked !== undefined) this.consented(now, now - asked.at);
    else if (this.challenge !== null && matches(this.challenge)) {
      const roundTripMs = now - this.challenge.at;
      this.remote = from;
      this.challenge = null;
      this.timers.clear('challenge');
      this.out.event({ ev: 'moved', remote: from });
      this.consented(now, roundTripMs);
    }
  }

  private consented(now: Instant, roundTripMs: number): void {
    this.asked = [];
    this.tries = 0;
    this.timers.clear('repeat');
    this.timers.set('check', now + this.jittered(PEER_LIMITS.consentEveryMs));
    this.timers.set('expire', now + PEER_LIMITS.consentExpireMs);
    this.setSilent(false);
    this.rttMs = roundTripMs;
    this.out.event({ ev: 'rtt', rttMs: roundTripMs });
  }

  private setSilent(silent: boolean): void {
    if (silent === this.silent) return;
    this.silent = silent;
    this.out.event({ ev: 'silent', silent });
  }

  /** An authentic datagram came from elsewhere: ask there, one address at a time, and stay where we are meanwhile. */
  private question(now: Instant, from: Endpoint): void {
    if (this.challenge !== null) return;
    this.challenge = { ...this.ask(now, from), tries: 1 };
    this.timers.set('challenge', now + PEER_LIMITS.pathChallengeRepeatMs);
  }

  private challengeAgain(now: Instant): void {
    if (this.challenge === null) return;
    if (this.challenge.tries >= PEER_LIMITS.pathChallengeTriesMax) {
      this.challenge = null;
      return;
    }
    this.transmit(this.challenge.to, KIND.ask, this.challenge.token);
    this.challenge = { ...this.challenge, tries: this.challenge.tries + 1 };
    this.timers.set('challenge', now + PEER_LIMITS.pathChallengeRepeatMs);
  }

  private stop(reason: 'consent' | LeaveReason): void {
    if (this.over) return;
    this.over = true;
    for (const name of ['check', 'repeat', 'expire', 'challenge'] as const) this.timers.clear(name);
    this.out.event({ ev: 'over', reason });
  }
}
