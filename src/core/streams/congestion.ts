/**
 * How much may be under way: delay-based, in the manner of LEDBAT (RFC 6817) and LEDBAT++, because what shares the line with us is a
 * game. Its queue is to hold 6 ms of our datagrams at most, so the window is led by how long they wait in it, seen in one direction
 * from the receiver's clock:
 *
 * - below the target it grows by one datagram a round trip as RFC 6817 does, and in proportion to itself while the queue is all but
 *   empty, so that a line that has become free is filled in some round trips;
 * - above the target it shrinks by half of what the queue holds too much, each round trip;
 * - loss alone counts only where it is more than what radio loses (`lossShare`), or nothing comes through at all (RFC 9002 section 7.6);
 * - each eight seconds it makes the queue run empty, unless it has been, to see what the line takes without one.
 */
import type { Instant } from '../contract.ts';
import { assert } from '../errors.ts';
import { STREAM_LIMITS as LIMITS } from './limits.ts';

/** The waiting time in the queue, from differences of two clocks that have nothing in common. */
export class QueueDelay {
  /** Least delays of the last seconds, the newest last. */
  private buckets: { readonly until: Instant; leastMs: number }[] = [];
  private samples: number[] = [];
  /** When the queue was empty last. */
  emptyAt: Instant;
  private readonly samplesMax: number;

  /** `samplesMax`: of so many delays the least counts. */
  constructor(now: Instant, samplesMax: number = LIMITS.delaySamples) {
    this.emptyAt = now;
    this.samplesMax = samplesMax;
  }

  /** `delayMs`: from our clock at the sending to theirs at the arrival. Gives how long the queue is. */
  sample(now: Instant, delayMs: number): number {
    const last = this.buckets.at(-1);
    if (last === undefined || now >= last.until) {
      this.buckets.push({ until: now + LIMITS.baseBucketMs, leastMs: delayMs });
      if (this.buckets.length > LIMITS.baseBuckets) this.buckets.shift();
      this.buckets = this.buckets.filter(({ until }) => now - until < LIMITS.baseOldMs);
    } else last.leastMs = Math.min(last.leastMs, delayMs);
    this.samples.push(delayMs);
    if (this.samples.length > this.samplesMax) this.samples.shift();
    const base = Math.min(...this.buckets.map(({ leastMs }) => leastMs));
    const queueMs = Math.min(...this.samples) - base;
    if (queueMs <= LIMITS.emptyMs) this.emptyAt = now;
    return queueMs;
  }
}

export interface AckedSample {
  /** Newly acknowledged, on the present way. */
  readonly bytes: number;
  /** What was under way before. */
  readonly inFlight: number;
  /** The sender had more than it was allowed to send. */
  readonly limited: boolean;
  readonly rttMs: number;
  /** Null where the acknowledgement says nothing new of it. */
  readonly delayMs: number | null;
  /** The number of the newest that was acknowledged, and that of the next to be sent. */
  readonly number: number;
  readonly next: number;
}

/** How the window grows: by all that is acknowledged (RFC 9002 section 7.3.1), or led by the queue. */
type Growth = 'slow-start' | 'steady';

type Phase =
  | { readonly in: Growth }
  /** The queue is made to run empty by a smaller window, for a time; `after`: how it grows after that. */
  | { readonly in: 'draining'; readonly bytes: number; readonly until: Instant; readonly after: Growth };

/** Which phase may follow which, and when. @drawn in docs/states.md */
export const CONGESTION_PHASES = {
  'slow-start': {
    steady: 'the queue has grown, or more was lost in a round than radio loses',
    draining: 'the queue has not been empty for eight seconds',
  },
  steady: {
    'slow-start': 'nothing comes through at all',
    draining: 'the queue has not been empty for eight seconds',
  },
  draining: {
    'slow-start': 'the queue is empty, or its time is over, and it was in slow start or nothing comes through at all',
    steady: 'the queue is empty, or its time is over',
    draining: 'losses decide otherwise what follows',
  },
} as const satisfies Record<Phase['in'], Partial<Record<Phase['in'], string>>>;

export class Congestion {
  /** What a datagram carries now. */
  mss: number;
  private windowBytes: number;
  private phase: Phase = { in: 'slow-start' };
  private delay: QueueDelay;
  private queueMs = 0;
  /** A round is over when what is sent after its begin is acknowledged; what was acknowledged and lost in it. */
  private roundEnd = 0;
  private ackedInRound = 0;
  private lostInRound = 0;

  constructor(now: Instant, mss: number) {
    this.mss = mss;
    this.windowBytes = LIMITS.windowInitial * mss;
    this.delay = new QueueDelay(now);
  }

  /** What may be under way now, in bytes. */
  get window(): number {
    const { phase, windowBytes } = this;
    return Math.max(this.least, phase.in === 'draining' ? Math.min(windowBytes, phase.bytes) : windowBytes);
  }

  /** Bytes a millisecond. */
  rate(rttMs: number): number {
    const factor = this.growth === 'slow-start' ? LIMITS.paceSlowStartFactor : LIMITS.paceFactor;
    return (factor * this.window) / Math.max(rttMs, LIMITS.granularityMs / 10);
  }

  onAcked(now: Instant, sample: AckedSample): void {
    if (sample.delayMs !== null) this.queueMs = this.delay.sample(now, sample.delayMs);
    this.ackedInRound++;
    if (this.phase.in === 'draining') this.endDrain(now, this.phase);
    else if (this.queueMs > LIMITS.targetMs) this.shrink(sample);
    else if (this.isUsed(sample)) this.grow(sample);
    if (sample.number >= this.roundEnd) this.endRound(now, sample);
  }

  onLost(packets: number): void {
    this.lostInRound += packets;
  }

  /** RFC 9002 section 7.6.2. */
  collapse(): void {
    this.windowBytes = this.least;
    this.growBy('slow-start');
  }

  private get growth(): Growth {
    return this.phase.in === 'draining' ? this.phase.after : this.phase.in;
  }

  private get least(): number {
    return LIMITS.windowMin * this.mss;
  }

  /** RFC 9002 section 7.8: a window that is not used says nothing of the line. */
  private isUsed({ limited, inFlight }: AckedSample): boolean {
    return limited || 2 * inFlight >= this.windowBytes;
  }

  private grow({ bytes, rttMs }: AckedSample): void {
    if (this.growth === 'slow-start' && this.queueMs > LIMITS.targetMs * LIMITS.slowStartShare) this.leaveSlowStart();
    if (this.growth === 'slow-start') {
      this.set(this.windowBytes + bytes);
      return;
    }
    const share = this.queueMs / LIMITS.targetMs;
    // The queue grows by less than half of the target in a round trip: what was sent too much is seen one later.
    const free = Math.max(0, 1 - 2 * share) * Math.min(0.25, LIMITS.targetMs / (2 * rttMs));
    const perRound = this.mss * (1 - share) + this.windowBytes * free;
    this.set(this.windowBytes + (perRound * bytes) / this.windowBytes);
  }

  private shrink({ bytes, rttMs }: AckedSample): void {
    if (this.growth === 'slow-start') this.leaveSlowStart();
    const excess = (this.queueMs - LIMITS.targetMs) / Math.max(rttMs, this.queueMs);
    this.set(this.windowBytes - (Math.min(bytes, this.windowBytes) * excess) / 2);
  }

  /** The window has doubled since what is acknowledged now was sent. */
  private leaveSlowStart(): void {
    this.growBy('steady');
    this.set(this.windowBytes / 2);
  }

  private endRound(now: Instant, { next, rttMs }: AckedSample): void {
    const { lostInRound, ackedInRound } = this;
    if (lostInRound > LIMITS.lossesMin + LIMITS.lossShare * ackedInRound) {
      this.growBy('steady');
      this.set(this.windowBytes * LIMITS.lossFactor);
    }
    this.roundEnd = next;
    this.ackedInRound = 0;
    this.lostInRound = 0;
    if (this.phase.in !== 'draining' && now - this.delay.emptyAt >= LIMITS.drainEveryMs) this.beginDrain(now, rttMs);
  }

  private beginDrain(now: Instant, rttMs: number): void {
    const full = Math.max(0, 1 - this.queueMs / rttMs);
    const bytes = this.windowBytes * full * LIMITS.drainShare;
    this.enter({ in: 'draining', bytes, until: now + LIMITS.drainRoundTrips * rttMs, after: this.growth });
  }

  private endDrain(now: Instant, { until, after }: Phase & { readonly in: 'draining' }): void {
    if (this.queueMs > LIMITS.emptyMs && now < until) return;
    this.enter({ in: after });
    this.delay.emptyAt = now;
  }

  private growBy(growth: Growth): void {
    if (this.phase.in === 'draining') this.enter({ ...this.phase, after: growth });
    else if (this.phase.in !== growth) this.enter({ in: growth });
  }

  private enter(phase: Phase): void {
    assert(phase.in in CONGESTION_PHASES[this.phase.in], `congestion goes from ${this.phase.in} to ${phase.in}`);
    this.phase = phase;
  }

  private set(bytes: number): void {
    this.windowBytes = Math.min(LIMITS.windowMaxBytes, Math.max(this.least, bytes));
  }
}
