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
/** Repetition of the nomination until it is answered: from 40 ms, each 1.6 times later, for about 10 s. */
const NOMINATE_FIRST_MS = 40;
const NOMINATE_GROWTH = 1.6;
const NOMINATIONS_MAX = 12;
/** Endpoints that are remembered as heard from; beyond it new ones are still answered, but not probed back. */
const HEARD_MAX = 256;

export interface Proof {
  readonly socket: SocketId;
  readonly remote: Endpoint;
  readonly rttMs: number;
}

export interface Prover {
  /** Sends one probe. Whether it may be sent was decided before. */
  probe(now: Instant, socket: SocketId, to: Endpoint, ttl: number | null): void;
  /** False where the datagram is not a valid probe of the peer, or not from an address of its permit. */
  datagram(now: Instant, socket: SocketId, from: Endpoint, bytes: Uint8Array): boolean;
  timeout(now: Instant): void;
  next(): Instant;
  proof(): Proof | null;
  /** Has anything valid ever come in? Tells a half-open path from a closed one. */
  heard(): number;
}

interface Sent {
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
  transmit(now: Instant, socket: SocketId, to: Endpoint, bytes: Uint8Array, ttl: number | null): void;
}

export function prover(config: ProverConfig): Prover {
  const { role, codec } = config;
  const outstanding = new Map<number, Sent>();
  /** When an endpoint was last probed because it had been heard from. */
  const triggered = new Map<string, Instant>();
  const proven = new Map<string, Proof>();
  let nominated: { readonly socket: SocketId; readonly remote: Endpoint } | null = null;
  let won: Proof | null = null;
  let seq = config.firstSeq >>> 0;
  let nominations = 0;
  let nominateAt: Instant = NEVER;
  let heard = 0;
  let answersFullAt: Instant = 0;

  const place = (socket: SocketId, remote: Endpoint): string => `${socket}>${endpointKey(remote)}`;
  const chosen = (socket: SocketId, remote: Endpoint): boolean =>
    role === 'client' && won !== null && won.socket === socket && sameEndpoint(won.remote, remote);

  function probe(now: Instant, socket: SocketId, to: Endpoint, ttl: number | null): void {
    seq = (seq + 1) >>> 0;
    if (outstanding.size >= PROVE_LIMITS.probesOutstandingMax) {
      const [oldest] = outstanding.keys();
      outstanding.delete(oldest!);
    }
    const nominate = chosen(socket, to);
    outstanding.set(seq, { socket, to, at: now, nominate });
    const bytes = codec.encode({ reply: false, nominate, seq });
    config.transmit(now, socket, to, bytes, ttl);
  }

  function trigger(now: Instant, socket: SocketId, from: Endpoint): void {
    const key = place(socket, from);
    if (proven.has(key) && won !== null) return;
    const last = triggered.get(key);
    if (last !== undefined && now - last < TRIGGER_GAP_MS) return;
    if (last === undefined && triggered.size >= HEARD_MAX) return;
    triggered.set(key, now);
    probe(now, socket, from, null);
  }

  function nominate(now: Instant): void {
    if (role !== 'client' || won === null || nominations >= NOMINATIONS_MAX) {
      nominateAt = NEVER;
      return;
    }
    probe(now, won.socket, won.remote, null);
    nominateAt = now + NOMINATE_FIRST_MS * NOMINATE_GROWTH ** nominations;
    nominations++;
  }

  function follow(): void {
    if (role !== 'host' || won !== null || nominated === null) return;
    won = proven.get(place(nominated.socket, nominated.remote)) ?? null;
    if (won !== null) nominateAt = NEVER;
  }

  function onReply(now: Instant, socket: SocketId, from: Endpoint, reply: Probe): void {
    const sent = outstanding.get(reply.seq);
    if (sent === undefined || sent.socket !== socket) return;
    // From another port, or from another address of the permit (a pool, two boxes side by side): worth a probe, not yet a proof.
    if (!sameEndpoint(sent.to, from)) {
      if (mayAnswer(now)) trigger(now, socket, from);
      return;
    }
    outstanding.delete(reply.seq);
    if (sent.nominate) nominateAt = NEVER;
    const proof = { socket, remote: from, rttMs: now - sent.at };
    if (proven.size < HEARD_MAX) proven.set(place(socket, from), proof);
    if (role === 'client' && won === null) {
      won = proof;
      nominate(now);
    }
  }

  /** A peer that goes on probing without ever having its proof gets so many answers, and no more. */
  function mayAnswer(now: Instant): boolean {
    const fullAt = allowAt(answersFullAt, now, PROVE_LIMITS.answerRate);
    answersFullAt = fullAt ?? answersFullAt;
    return fullAt !== null;
  }

  function onProbe(now: Instant, socket: SocketId, from: Endpoint, seqAnswered: number): void {
    if (!mayAnswer(now)) return;
    const bytes = codec.encode({ reply: true, nominate: chosen(socket, from), seq: seqAnswered });
    config.transmit(now, socket, from, bytes, null);
    trigger(now, socket, from);
  }

  return {
    probe,
    datagram(now, socket, from, bytes) {
      if (!config.allows(now, from.address)) return false;
      const read = codec.decode(bytes);
      if (read === null) return false;
      heard++;
      if (read.nominate && role === 'host' && nominated === null) {
        nominated = { socket, remote: from };
        nominateAt = now + TRIGGER_GAP_MS;
      }
      if (read.reply) onReply(now, socket, from, read);
      else onProbe(now, socket, from, read.seq);
      follow();
      return true;
    },
    timeout(now) {
      if (now < nominateAt) return;
      nominateAt = NEVER;
      if (role === 'client') nominate(now);
      else if (nominated !== null && won === null && nominations++ < NOMINATIONS_MAX) {
        trigger(now, nominated.socket, nominated.remote);
        nominateAt = now + TRIGGER_GAP_MS * 2;
      }
    },
    next: () => nominateAt,
    proof: () => won,
    heard: () => heard,
  };
}
