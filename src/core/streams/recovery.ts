/** Which datagrams are under way, which of them are lost, and how long a round trip takes (RFC 9002). */

import { type Instant, NEVER } from '../contract.ts';
import { smoothedRtt, smoothedVariation } from '../round-trip.ts';
import type { AckFrame } from './frames.ts';
import { STREAM_LIMITS } from './limits.ts';
import type { Carried } from './outgoing.ts';
import type { CarriedStream } from './stream.ts';

const { packetThreshold, packetThresholdMax, timeThreshold, granularityMs, ackDelayMs, ptoMsMax } = STREAM_LIMITS;
const { persistentThreshold } = STREAM_LIMITS;
/** Lost ones that are remembered, to see whether they come after all. */
const DECLARED_MAX = 64;

/** What a datagram has carried: said again in its own time where it is lost. */
export type SentFrame =
  | { readonly sent: 'bytes'; readonly stream: CarriedStream; readonly carried: Carried }
  | { readonly sent: 'reset' | 'stop' | 'max-stream-data'; readonly stream: CarriedStream }
  | { readonly sent: 'max-data' | 'max-streams' | 'ping' };

export interface SentPacket {
  readonly number: number;
  readonly at: Instant;
  readonly bytes: number;
  /** Paths are numbered: what went another way says nothing of this one. */
  readonly way: number;
  readonly frames: readonly SentFrame[];
}

/** What an acknowledgement has come to. */
export interface Acknowledged {
  readonly acked: readonly SentPacket[];
  readonly lost: readonly SentPacket[];
  /** The largest of them, where it is newly acknowledged and went the present way. */
  readonly newest: SentPacket | null;
  /** Nothing came through for three times the probe's time. */
  readonly persistent: boolean;
}

export class RoundTrip {
  latestMs = 0;
  smoothedMs: number;
  private variationMs: number;
  private minMs: number = Number.POSITIVE_INFINITY;

  constructor(rttMs: number) {
    this.smoothedMs = rttMs > 0 ? rttMs : STREAM_LIMITS.initialRttMs;
    this.variationMs = this.smoothedMs / 2;
  }

  /** RFC 9002 section 5.3. */
  sample(ms: number, delayMs: number): void {
    this.latestMs = ms;
    const first = this.minMs === Number.POSITIVE_INFINITY;
    this.minMs = Math.min(this.minMs, ms);
    const delay = Math.min(delayMs, ackDelayMs);
    const adjusted = ms - delay >= this.minMs ? ms - delay : ms;
    this.variationMs = first ? ms / 2 : smoothedVariation(this.variationMs, this.smoothedMs, adjusted);
    this.smoothedMs = first ? adjusted : smoothedRtt(this.smoothedMs, adjusted);
  }

  /** RFC 9002 section 6.2.1. */
  get probeMs(): number {
    return this.smoothedMs + Math.max(4 * this.variationMs, granularityMs) + ackDelayMs;
  }

  /** RFC 9002 section 6.1.2. */
  get lossMs(): number {
    return Math.max(timeThreshold * Math.max(this.smoothedMs, this.latestMs), granularityMs);
  }
}

export class Recovery {
  rtt: RoundTrip;
  way = 0;
  /** On the present way. */
  inFlight = 0;
  /** Probes in a row without an answer. */
  probes = 0;
  /** When the oldest that others have overtaken is lost. */
  lossAt: Instant = NEVER;
  private sentAt: Instant = 0;
  private largestAcked = -1;
  private threshold: number = packetThreshold;
  /** In order of their numbers. */
  private readonly sent = new Map<number, SentPacket>();
  private declared: { readonly number: number; readonly behind: number; readonly at: Instant }[] = [];

  constructor(rttMs: number) {
    this.rtt = new RoundTrip(rttMs);
  }

  get underWay(): number {
    return this.sent.size;
  }

  get oldest(): SentPacket | null {
    return this.sent.values().next().value ?? null;
  }

  /** RFC 9002 section 6.2. */
  get probeAt(): Instant {
    if (this.sent.size === 0) return NEVER;
    return this.sentAt + Math.min(this.rtt.probeMs * 2 ** this.probes, Math.max(ptoMsMax, this.rtt.probeMs));
  }

  send(packet: SentPacket): void {
    this.sent.set(packet.number, packet);
    this.inFlight += packet.bytes;
    this.sentAt = packet.at;
  }

  /** Null where nothing was new. Numbers that were never sent are the caller's business. */
  acknowledge(now: Instant, { ranges, delayMs }: AckFrame): Acknowledged | null {
    const largest = ranges[0]?.to ?? -1;
    const acked: SentPacket[] = [];
    let n = ranges.length - 1;
    for (const packet of this.sent.values()) {
      if (packet.number > largest) break;
      while (n > 0 && (ranges[n]?.to ?? 0) < packet.number) n--;
      if ((ranges[n]?.from ?? 0) <= packet.number) acked.push(packet);
    }
    this.learnOrder(now, ranges);
    if (acked.length === 0) return null;
    for (const packet of acked) this.forget(packet);
    this.largestAcked = Math.max(this.largestAcked, largest);
    this.probes = 0;
    const last = acked.at(-1) as SentPacket;
    const newest = last.number === largest && last.way === this.way ? last : null;
    if (newest !== null) this.rtt.sample(Math.max(0, now - newest.at), delayMs);
    const lost = this.detect(now);
    return { acked, lost, newest, persistent: this.isPersistent(lost, acked) };
  }

  /** The time of those that others have overtaken is over. */
  detect(now: Instant): readonly SentPacket[] {
    const { lossMs } = this.rtt;
    const lost: SentPacket[] = [];
    this.lossAt = NEVER;
    for (const packet of this.sent.values()) {
      if (packet.number > this.largestAcked) break;
      const behind = this.largestAcked - packet.number;
      if (behind >= this.threshold || packet.at + lossMs <= now) {
        lost.push(packet);
        this.declared.push({ number: packet.number, behind, at: now });
      } else this.lossAt = Math.min(this.lossAt, packet.at + lossMs);
    }
    for (const packet of lost) this.forget(packet);
    if (this.declared.length > DECLARED_MAX) this.declared = this.declared.slice(-DECLARED_MAX);
    return lost;
  }

  /** From here on another path: what is under way on the former one counts for nothing but itself. */
  switch(rttMs: number): void {
    this.way++;
    this.rtt = new RoundTrip(rttMs);
    this.inFlight = 0;
    this.probes = 0;
  }

  /** Gives up everything that is under way: the path that it took is dead. */
  clear(): readonly SentPacket[] {
    const all = [...this.sent.values()];
    for (const packet of all) this.forget(packet);
    this.lossAt = NEVER;
    return all;
  }

  private forget(packet: SentPacket): void {
    this.sent.delete(packet.number);
    if (packet.way === this.way) this.inFlight -= packet.bytes;
  }

  /** RFC 9002 section 6.1.1: where datagrams overtake each other by more, more of a lead is asked for. */
  private learnOrder(now: Instant, ranges: AckFrame['ranges']): void {
    if (this.declared.length === 0) return;
    const until = now - 4 * this.rtt.probeMs;
    this.declared = this.declared.filter(({ number, behind, at }) => {
      const came = ranges.some(({ from, to }) => from <= number && number <= to);
      if (came) this.threshold = Math.max(this.threshold, Math.min(packetThresholdMax, behind + 1));
      return !came && at > until;
    });
  }

  /** RFC 9002 section 7.6: all of a long time is lost, and nothing between was acknowledged. */
  private isPersistent(lost: readonly SentPacket[], acked: readonly SentPacket[]): boolean {
    const [first, last] = [lost[0], lost.at(-1)];
    if (first === undefined || last === undefined || first.way !== this.way) return false;
    if (last.at - first.at < this.rtt.probeMs * persistentThreshold) return false;
    return !acked.some(({ at }) => at > first.at && at < last.at);
  }
}
