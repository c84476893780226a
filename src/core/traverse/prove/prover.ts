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
import { assert } from '../../errors.ts';
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

type Phase =
  | { readonly in: 'searching' }
  /** Of the host: the client has chosen this path, of which we have no proof. It is probed again `at`, and has been `n` times. */
  | {
      readonly in: 'following';
      readonly socket: SocketId;
      readonly remote: Endpoint;
      readonly at: Instant;
      readonly n: number;
    }
  /** Of the client: it has chosen, and has said so `n` times; `at`: next. */
  | { readonly in: 'nominating'; readonly proof: Proof; readonly at: Instant; readonly n: number }
  | { readonly in: 'proven'; readonly proof: Proof };

/** Which phase may follow which, and when. @drawn in docs/states.md */
export const PROVER_PHASES = {
  searching: {
    following: 'the host hears which path the client has chosen',
    nominating: 'the client has its first proof',
  },
  following: {
    following: 'that path is probed again',
    proven: 'the host has its own proof of that path',
  },
  nominating: {
    nominating: 'the client says again which path it has chosen',
    proven: 'the host has answered on that path, or was told often enough',
  },
  proven: {},
} as const satisfies Record<Phase['in'], Partial<Record<Phase['in'], string>>>;

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
  private phase: Phase = { in: 'searching' };
  private seq: number;
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
    if (read.nominate && this.config.role === 'host' && this.phase.in === 'searching')
      this.enter({ in: 'following', socket, remote: from, at: now + TRIGGER_GAP_MS, n: 0 });
    if (read.reply) this.onReply(now, socket, from, read);
    else this.onProbe(now, socket, from, read.seq);
    this.follow();
    return true;
  }

  timeout(now: Instant): void {
    const { phase } = this;
    if (now < this.next()) return;
    if (phase.in === 'nominating') this.nominate(now, phase.proof, phase.n);
    else if (phase.in === 'following') {
      const again = phase.n < PROVE_LIMITS.nominationsMax;
      if (again) this.trigger(now, phase.socket, phase.remote);
      this.enter({ ...phase, at: again ? now + TRIGGER_GAP_MS * 2 : NEVER, n: phase.n + 1 });
    }
  }

  next(): Instant {
    return this.phase.in === 'following' || this.phase.in === 'nominating' ? this.phase.at : NEVER;
  }

  proof(): Proof | null {
    return this.phase.in === 'nominating' || this.phase.in === 'proven' ? this.phase.proof : null;
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
    if (this.proven.has(key) && this.proof() !== null) return;
    const last = this.triggered.get(key);
    if (last !== undefined && now - last < TRIGGER_GAP_MS) return;
    if (last === undefined && this.triggered.size >= PROVE_LIMITS.heardMax) return;
    this.triggered.set(key, now);
    this.probeBack(now, socket, from);
  }

  private nominate(now: Instant, proof: Proof, n: number): void {
    if (n >= PROVE_LIMITS.nominationsMax) {
      this.enter({ in: 'proven', proof });
      return;
    }
    // First of all: the probe has to say it.
    this.enter({ in: 'nominating', proof, at: now + NOMINATE_FIRST_MS * NOMINATE_GROWTH ** n, n: n + 1 });
    this.probeBack(now, proof.socket, proof.remote);
  }

  /** The host takes the path that the client has chosen once it has a proof of it too. */
  private follow(): void {
    if (this.phase.in !== 'following') return;
    const proof = this.proven.get(place(this.phase.socket, this.phase.remote));
    if (proof !== undefined) this.enter({ in: 'proven', proof });
  }

  private enter(phase: Phase): void {
    assert(phase.in in PROVER_PHASES[this.phase.in], `a prover goes from ${this.phase.in} to ${phase.in}`);
    this.phase = phase;
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
    if (sent.nominate && this.phase.in === 'nominating') this.enter({ in: 'proven', proof: this.phase.proof });
    const proof = { socket, remote: from, rttMs: now - sent.at };
    if (this.proven.size < PROVE_LIMITS.heardMax) this.proven.set(place(socket, from), proof);
    if (this.config.role === 'client' && this.phase.in === 'searching') this.nominate(now, proof, 0);
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
    const proof = this.proof();
    const chooses = this.config.role === 'client' && proof !== null;
    return chooses && proof.socket === socket && sameEndpoint(proof.remote, remote);
  }
}

function place(socket: SocketId, remote: Endpoint): string {
  return `${socket}>${endpointKey(remote)}`;
}
