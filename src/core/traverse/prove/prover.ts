/**
 * From probes to a proven path. Each side answers every valid probe from a permitted address, and probes back the endpoint it
 * came from (so an unexpected port is no obstacle). A reply to one of our probes, from the very endpoint that was probed, on
 * the very socket, is the two-way proof. The client takes the first one it gets and says so in its probes and replies
 * (`nominate`); the host follows, after its own proof of the same path. So both have the same path one trip apart.
 *
 * In time: client's probe (1), host's reply and probe (2): the client is up; client's nominating reply (3): the host is up.
 */

import type { Endpoint } from '../../address.ts';
import { endpointKey, sameEndpoint } from '../../address.ts';
import { type Instant, NEVER, type SocketId } from '../../contract.ts';
import type { Role } from '../../model/pair.ts';
import { allowAt } from '../../rate/pace.ts';
import { PROVE_LIMITS } from './limits.ts';
import type { Probe, ProbeCodec } from './probe.ts';

/** A probe that was answered may be followed by one of ours at most so often per endpoint. */
const TRIGGER_GAP_MS = 60;
/** Repetition of the nomination until it is answered: from 40 ms, each 1.6 times later. */
const NOMINATE_FIRST_MS = 40;
const NOMINATE_GROWTH = 1.6;

export interface Proof {
  readonly socket: SocketId;
  readonly remote: Endpoint;
  readonly rttMs: number;
}

interface SentProbe {
  readonly socket: SocketId;
  readonly to: Endpoint;
  readonly at: Instant;
  readonly nominate: boolean;
}

export interface ProverConfig {
  readonly role: Role;
  readonly codec: ProbeCodec;
  readonly firstSeq: number;
  allows(now: Instant, address: string): boolean;
  /** Sends a probe of `probe`, which was paid for before. */
  transmit(socket: SocketId, to: Endpoint, bytes: Uint8Array, ttl: number | null): void;
  /** Sends to whoever was heard there, where it can be paid: a reply, a probe back, the nomination. */
  answer(now: Instant, socket: SocketId, to: Endpoint, bytes: Uint8Array): void;
}

export class Prover {
  private readonly config: ProverConfig;
  private readonly outstanding = new Map<number, SentProbe>();
  /** When an endpoint was last probed because it had been heard from. */
  private readonly triggered = new Map<string, Instant>();
  private readonly proven = new Map<string, Proof>();
  /** Of the host: the path that the client has chosen. */
  private nominated: { readonly socket: SocketId; readonly remote: Endpoint } | null = null;
  private won: Proof | null = null;
  private seq: number;
  private nominations = 0;
  private nominateAt: Instant = NEVER;
  private heardCount = 0;
  private answersFullAt: Instant = 0;

  constructor(config: ProverConfig) {
    this.config = config;
    this.seq = config.firstSeq >>> 0;
  }

  /** Sends one probe. Whether it may be sent was decided before. */
  probe(now: Instant, socket: SocketId, to: Endpoint, ttl: number | null): void {
    this.config.transmit(socket, to, this.nextProbe(now, socket, to), ttl);
  }

  /** False where the datagram is not a valid probe of the peer, or not from an address of its permit. */
  datagram(now: Instant, socket: SocketId, from: Endpoint, bytes: Uint8Array): boolean {
    if (!this.config.allows(now, from.address)) return false;
    const read = this.config.codec.decode(bytes);
    if (read === null) return false;
    this.heardCount++;
    if (read.nominate && this.config.role === 'host' && this.nominated === null) {
      this.nominated = { socket, remote: from };
      this.nominateAt = now + TRIGGER_GAP_MS;
    }
    if (read.reply) this.onReply(now, socket, from, read);
    else this.onProbe(now, socket, from, read.seq);
    this.follow();
    return true;
  }

  timeout(now: Instant): void {
    if (now < this.nominateAt) return;
    this.nominateAt = NEVER;
    if (this.config.role === 'client') this.nominate(now);
    else if (this.nominated !== null && this.won === null && this.nominations++ < PROVE_LIMITS.nominationsMax) {
      this.trigger(now, this.nominated.socket, this.nominated.remote);
      this.nominateAt = now + TRIGGER_GAP_MS * 2;
    }
  }

  next(): Instant {
    return this.nominateAt;
  }

  proof(): Proof | null {
    return this.won;
  }

  /** How many valid probes have come in? Tells a half-open path from a closed one. */
  heard(): number {
    return this.heardCount;
  }

  private nextProbe(now: Instant, socket: SocketId, to: Endpoint): Uint8Array {
    this.seq = (this.seq + 1) >>> 0;
    if (this.outstanding.size >= PROVE_LIMITS.probesOutstandingMax) {
      const [oldest] = this.outstanding.keys();
      this.outstanding.delete(oldest!);
    }
    const nominate = this.chosen(socket, to);
    this.outstanding.set(this.seq, { socket, to, at: now, nominate });
    return this.config.codec.encode({ reply: false, nominate, seq: this.seq });
  }

  /** Probes back whoever was heard there. */
  private probeBack(now: Instant, socket: SocketId, to: Endpoint): void {
    this.config.answer(now, socket, to, this.nextProbe(now, socket, to));
  }

  private trigger(now: Instant, socket: SocketId, from: Endpoint): void {
    const key = place(socket, from);
    if (this.proven.has(key) && this.won !== null) return;
    const last = this.triggered.get(key);
    if (last !== undefined && now - last < TRIGGER_GAP_MS) return;
    if (last === undefined && this.triggered.size >= PROVE_LIMITS.heardMax) return;
    this.triggered.set(key, now);
    this.probeBack(now, socket, from);
  }

  private nominate(now: Instant): void {
    if (this.config.role !== 'client' || this.won === null || this.nominations >= PROVE_LIMITS.nominationsMax) {
      this.nominateAt = NEVER;
      return;
    }
    this.probeBack(now, this.won.socket, this.won.remote);
    this.nominateAt = now + NOMINATE_FIRST_MS * NOMINATE_GROWTH ** this.nominations;
    this.nominations++;
  }

  /** The host takes the path that the client has chosen once it has a proof of it too. */
  private follow(): void {
    if (this.config.role !== 'host' || this.won !== null || this.nominated === null) return;
    this.won = this.proven.get(place(this.nominated.socket, this.nominated.remote)) ?? null;
    if (this.won !== null) this.nominateAt = NEVER;
  }

  private onReply(now: Instant, socket: SocketId, from: Endpoint, reply: Probe): void {
    const sent = this.outstanding.get(reply.seq);
    if (sent === undefined || sent.socket !== socket) return;
    // From another port, or from another address of the permit (a pool, two boxes side by side): worth a probe, not yet a proof.
    if (!sameEndpoint(sent.to, from)) {
      if (this.mayAnswer(now)) this.trigger(now, socket, from);
      return;
    }
    this.outstanding.delete(reply.seq);
    if (sent.nominate) this.nominateAt = NEVER;
    const proof = { socket, remote: from, rttMs: now - sent.at };
    if (this.proven.size < PROVE_LIMITS.heardMax) this.proven.set(place(socket, from), proof);
    if (this.config.role === 'client' && this.won === null) {
      this.won = proof;
      this.nominate(now);
    }
  }

  private onProbe(now: Instant, socket: SocketId, from: Endpoint, seq: number): void {
    if (!this.mayAnswer(now)) return;
    const bytes = this.config.codec.encode({ reply: true, nominate: this.chosen(socket, from), seq });
    this.config.answer(now, socket, from, bytes);
    this.trigger(now, socket, from);
  }

  /** A peer that goes on probing without ever having its proof gets so many answers, and no more. */
  private mayAnswer(now: Instant): boolean {
    const fullAt = allowAt(this.answersFullAt, now, PROVE_LIMITS.answerRate);
    this.answersFullAt = fullAt ?? this.answersFullAt;
    return fullAt !== null;
  }

  /** Is this the path that we, the client, have chosen? */
  private chosen(socket: SocketId, remote: Endpoint): boolean {
    const { won } = this;
    return this.config.role === 'client' && won !== null && won.socket === socket && sameEndpoint(won.remote, remote);
  }
}

function place(socket: SocketId, remote: Endpoint): string {
  return `${socket}>${endpointKey(remote)}`;
}
