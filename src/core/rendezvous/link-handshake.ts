/**
 * One handshake with one address of the master: HELLO until ACCEPT, with RETRY's cookie where the master asks for it.
 *
 *     0 ms HELLO · 250 ms HELLO · 750 ms HELLO that insists on a RETRY · 1250 ms the same · 2000 ms over
 *
 * The insisting HELLO tells a dead master from one with another key: RETRY needs no key, and a master that cannot open a
 * HELLO whose cookie is good says so.
 *
 * Who has a ticket sends the first two, and the first with a cookie, as resumptions. They have the same random as the HELLO after
 * them, so a cookie is good for both, and a master that is busy is not asked for a Diffie-Hellman because a datagram was lost.
 */
import type { Endpoint } from '../address.ts';
import { type Instant, NEVER, type SocketId } from '../contract.ts';
import type { FailureCode } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import type { CryptoSuite, KeyPair } from '../secure/crypto.ts';
import { type NoiseInitiator, noiseInitiate, type TransportKeys } from '../secure/noise.ts';
import { type Resumption, resumeInitiate, resumptionOf } from '../secure/resume.ts';
import {
  type Accept,
  CONTROL_PROLOGUE,
  helloEphemeral,
  helloPayload,
  PROTOCOL_VERSION,
  RESUME_PROLOGUE,
  type Retry,
  readAccept,
  readAcceptPayload,
  readRetry,
  resumePayload,
  writeHello,
} from './wire.ts';

/** A master's ticket and what belongs to it. */
export interface LinkTicket {
  readonly ticket: Uint8Array;
  readonly resumption: Resumption;
  readonly until: Instant;
}

export interface Accepted {
  readonly accept: Accept;
  readonly keys: TransportKeys;
  /** Without a Diffie-Hellman. */
  readonly resumed: boolean;
}

/** For the next time; null where the master has given no ticket. */
export function ticketOf(now: Instant, suite: CryptoSuite, { accept, keys }: Accepted): LinkTicket | null {
  if (accept.ticket === null) return null;
  const resumption = resumptionOf(suite, keys.send, keys.receive);
  return { ticket: accept.ticket, resumption, until: now + LIMITS.ticketMs };
}

export class LinkHandshake {
  readonly socket: SocketId;
  readonly door: Endpoint;
  /** What is known of the cause, should no ACCEPT come. */
  failure: FailureCode = 'MASTER_UNREACHABLE';
  nextAt: Instant;
  private readonly initiator: NoiseInitiator;
  private readonly resumer: NoiseInitiator<TransportKeys> | null;
  /** As far as is known. */
  private ticketGood: boolean;
  private resumedWithCookie = false;
  private cookie: Uint8Array | null = null;
  private sent = 0;
  private readonly startedAt: Instant;

  private constructor(
    now: Instant,
    at: { readonly socket: SocketId; readonly door: Endpoint },
    initiator: NoiseInitiator,
    resumer: NoiseInitiator<TransportKeys> | null,
  ) {
    this.startedAt = now;
    this.nextAt = now;
    this.socket = at.socket;
    this.door = at.door;
    this.initiator = initiator;
    this.resumer = resumer;
    this.ticketGood = resumer !== null;
  }

  /** Null where the pinned key is not a usable key at all. */
  static start(
    now: Instant,
    at: { readonly socket: SocketId; readonly door: Endpoint },
    keys: {
      readonly suite: CryptoSuite;
      readonly own: KeyPair;
      readonly masterKey: Uint8Array;
      readonly time: number;
      readonly ticket: LinkTicket | null;
    },
  ): LinkHandshake | null {
    const initiator = noiseInitiate(keys.suite, {
      prologue: CONTROL_PROLOGUE,
      own: keys.own,
      remoteStatic: keys.masterKey,
      payload: helloPayload(keys.time),
    });
    if (initiator === null) return null;
    const resumer =
      keys.ticket &&
      resumeInitiate(keys.suite, {
        ...keys.ticket,
        ...{ prologue: RESUME_PROLOGUE, random: helloEphemeral(initiator.message1), payload: resumePayload(keys.time) },
      });
    return new LinkHandshake(now, at, initiator, resumer);
  }

  /** The HELLO that is due now, or null. */
  due(now: Instant): Uint8Array | null {
    if (now < this.nextAt) return null;
    const insists = this.cookie === null && this.sent >= LIMITS.helloInsistFrom;
    // Once with a cookie: a master of before the tickets would keep silent for ever.
    const resumer = this.ticketGood && !insists && !this.resumedWithCookie ? this.resumer : null;
    this.resumedWithCookie ||= this.cookie !== null;
    this.sent++;
    const next = LIMITS.helloRepeatAtMs.find((at) => this.startedAt + at > now);
    this.nextAt = next === undefined ? NEVER : this.startedAt + next;
    return writeHello((resumer ?? this.initiator).message1, this.cookie, insists, resumer !== null);
  }

  /** Takes an ACCEPT; null where the datagram is something else, foreign or forged. A RETRY makes the next HELLO due at once. */
  take(now: Instant, bytes: Uint8Array): Accepted | null {
    const retry = readRetry(this.initiator.message1, bytes);
    if (retry !== null) {
      if (retry.version !== PROTOCOL_VERSION) this.failure = 'VERSION';
      else this.takeRetry(now, retry);
      return null;
    }
    const message2 = readAccept(this.initiator.message1, bytes);
    if (message2 === null) return null;
    const resumed = this.resumer?.finish(message2) ?? null;
    const finished = resumed ?? this.initiator.finish(message2);
    const accept = finished && readAcceptPayload(finished.payload);
    return accept ? { accept, keys: finished.keys, resumed: resumed !== null } : null;
  }

  private takeRetry(now: Instant, { refused, cookie }: Retry): void {
    if (refused === 'key') this.failure = 'MASTER_KEY_MISMATCH';
    const news = refused === 'ticket' ? this.ticketGood : refused === null && this.cookie === null;
    if (!news) return;
    if (refused === 'ticket') this.ticketGood = false;
    this.cookie = cookie;
    this.nextAt = now;
  }
}
