/**
 * One handshake with one address of the master: HELLO until ACCEPT, with RETRY's cookie where the master asks for it.
 *
 *     0 ms HELLO · 250 ms HELLO · 750 ms HELLO that insists on a RETRY · 1250 ms the same · 2000 ms over
 *
 * The insisting HELLO tells a dead master from one with another key: RETRY needs no key, and a master that cannot open a
 * HELLO whose cookie is good says so.
 *
 * Who has a ticket insists at once, and sends it in the one HELLO that answers the first RETRY: a ticket is shown once and to a
 * master that is there, because whoever sees it twice knows that it is the same participant. That HELLO has the same random as
 * those before and after it, so that the cookie is good for all.
 *
 * Where many start behind one address, a RETRY says how long to wait; then these times begin anew, with the cookie.
 */
import type { Endpoint } from '../address.ts';
import { type Instant, NEVER, type SocketId } from '../contract.ts';
import type { FailureCode } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import type { Random } from '../random.ts';
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
} from '../wire/datagrams.ts';
import type { MasterWay } from './interface.ts';
import { LINK_LIMITS } from './limits.ts';

/** A master's ticket and what belongs to it. */
interface LinkTicket {
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

/** The ticket for the next time. Whoever takes it out has to show it, for it is gone. */
export class TicketPurse {
  private ticket: LinkTicket | null = null;

  /** Null where the master has given none. */
  put(now: Instant, suite: CryptoSuite, { accept, keys }: Accepted): void {
    this.ticket = accept.ticket && {
      ...{ ticket: accept.ticket, resumption: resumptionOf(suite, keys.send, keys.receive) },
      until: now + LIMITS.ticketMs,
    };
  }

  has(now: Instant): boolean {
    return this.ticket !== null && now < this.ticket.until;
  }

  take(now: Instant): LinkTicket | null {
    const ticket = this.has(now) ? this.ticket : null;
    this.ticket = null;
    return ticket;
  }
}

interface HandshakeKeys {
  readonly suite: CryptoSuite;
  readonly own: KeyPair;
  readonly masterKey: Uint8Array;
  /** Of this computer's clock, right or wrong. */
  readonly time: number;
  readonly purse: TicketPurse;
  readonly random: Random;
}

interface HandshakePlace {
  readonly socket: SocketId;
  readonly door: Endpoint;
  readonly way: MasterWay;
}

export class LinkHandshake {
  readonly socket: SocketId;
  readonly door: Endpoint;
  readonly way: MasterWay;
  /** What is known of the cause, should no ACCEPT come. */
  failure: FailureCode = 'MASTER_UNREACHABLE';
  nextAt: Instant;
  private readonly initiator: NoiseInitiator;
  private readonly keys: HandshakeKeys;
  /** Once the ticket has been shown. */
  private resumer: NoiseInitiator<TransportKeys> | null = null;
  private ticketRefused = false;
  private cookie: Uint8Array | null = null;
  private sent = 0;
  /** When the first HELLO went out, and when the round of HELLOs that is under way began: later where the master made us wait. */
  private readonly firstAt: Instant;
  private startedAt: Instant;
  private waits = 0;
  /** The master, or somebody in its place, answers. */
  heard = false;

  private constructor(now: Instant, at: HandshakePlace, initiator: NoiseInitiator, keys: HandshakeKeys) {
    this.firstAt = now;
    this.startedAt = now;
    this.nextAt = now;
    this.socket = at.socket;
    this.door = at.door;
    this.way = at.way;
    this.initiator = initiator;
    this.keys = keys;
  }

  /** Null where the pinned key is not a usable key at all. */
  static start(now: Instant, at: HandshakePlace, keys: HandshakeKeys): LinkHandshake | null {
    const initiator = noiseInitiate(keys.suite, {
      prologue: CONTROL_PROLOGUE,
      own: keys.own,
      remoteStatic: keys.masterKey,
      payload: helloPayload(keys.time),
    });
    return initiator && new LinkHandshake(now, at, initiator, keys);
  }

  /** The HELLO that is due now, or null. */
  due(now: Instant): Uint8Array | null {
    if (now < this.nextAt) return null;
    const insists = this.cookie === null && (this.sent >= LINK_LIMITS.helloInsistFrom || this.keys.purse.has(now));
    const resumes = this.cookie !== null && this.showTicket(now);
    this.sent++;
    const next = LINK_LIMITS.helloRepeatAtMs.find((at) => this.startedAt + at > now);
    this.nextAt = next === undefined ? NEVER : this.startedAt + next;
    const initiator = resumes ? (this.resumer ?? this.initiator) : this.initiator;
    return writeHello(initiator.message1, this.cookie, insists, resumes);
  }

  /** Takes the ticket, if there is still one, for the HELLO that goes out now. */
  private showTicket(now: Instant): boolean {
    const ticket = this.resumer === null ? this.keys.purse.take(now) : null;
    if (ticket === null) return false;
    const random = helloEphemeral(this.initiator.message1);
    const payload = resumePayload(this.keys.time);
    this.resumer = resumeInitiate(this.keys.suite, { ...ticket, prologue: RESUME_PROLOGUE, random, payload });
    return true;
  }

  /** Takes an ACCEPT; null where the datagram is something else, foreign or forged. A RETRY makes the next HELLO due at once. */
  take(now: Instant, bytes: Uint8Array): Accepted | null {
    const retry = readRetry(this.initiator.message1, bytes);
    if (retry !== null) {
      this.heard = true;
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

  /** So long it has for its ACCEPT. */
  get endsAt(): Instant {
    return this.startedAt + LINK_LIMITS.handshakeMsMax;
  }

  private takeRetry(now: Instant, { refused, cookie, waitMs }: Retry): void {
    if (waitMs > 0) {
      // One answer of several to one HELLO is enough.
      if (this.cookie !== null && now >= this.startedAt) this.wait(now, cookie, waitMs);
      return;
    }
    if (refused === 'key') this.failure = 'MASTER_KEY_MISMATCH';
    const refusedNow = refused === 'ticket' && this.resumer !== null && !this.ticketRefused;
    if (!refusedNow && (refused !== null || this.cookie !== null)) return;
    this.ticketRefused ||= refusedNow;
    this.cookie = cookie;
    this.nextAt = now;
  }

  private wait(now: Instant, cookie: Uint8Array, waitMs: number): void {
    const { helloWaitMs, helloWaitMsMax, helloWaitMsInAll } = LINK_LIMITS;
    const ms =
      Math.min(Math.max(waitMs, helloWaitMs * 2 ** this.waits), helloWaitMsMax) * (0.5 + this.keys.random.float());
    if (now + ms > this.firstAt + helloWaitMsInAll) {
      this.failure = 'BUSY';
      return;
    }
    this.waits++;
    this.cookie = cookie;
    this.startedAt = this.nextAt = now + ms;
  }
}
