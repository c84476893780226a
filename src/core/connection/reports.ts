/**
 * What the other side's answers tell of a way: when a question came there by the other side's clock, and how many datagrams before it. From
 * two of them follows what the line has carried, and by how much longer than ever in the last ten seconds the question was under way:
 * the queue (RFC 6817 section 3.4).
 */
import { equalBytes } from '../bytes.ts';
import type { Instant } from '../contract.ts';
import { CLOCK_PER_MS, clockAhead, unitsOf } from '../streams/clock.ts';
import { QueueDelay } from '../streams/congestion.ts';
import { CONNECTION_LIMITS as LIMITS } from './limits.ts';

/** A question under way, and what had been sent before it. */
interface Question {
  readonly token: Uint8Array;
  readonly at: Instant;
  readonly sent: number;
  readonly bytes: number;
}

/** How a question arrived. */
interface Arrival {
  /** In ms, by the other side's clock. */
  readonly clock: number;
  readonly heard: number;
  readonly sent: number;
  readonly bytes: number;
}

/** What came through between two questions. */
export interface Passed {
  /** Bytes a millisecond, and the share that did not come through. */
  readonly carried: number;
  readonly lost: number;
}

export class Reports {
  /** When the last one came, and the queue by that. */
  reportedAt: Instant = Number.NEGATIVE_INFINITY;
  queueMs = 0;
  /** Since when it is known how long the way takes at all. */
  knownAt: Instant = Number.POSITIVE_INFINITY;
  private readonly delay: QueueDelay;
  private questions: readonly Question[] = [];
  private firstClock: number | null = null;
  private last: Arrival | null = null;

  constructor(now: Instant) {
    this.delay = new QueueDelay(now, 1);
  }

  get emptyAt(): Instant {
    return this.delay.emptyAt;
  }

  /** When the oldest question was asked that has no answer yet. */
  get oldest(): Instant {
    return this.questions[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  asked(question: Question): void {
    this.questions = [...this.questions, question].slice(-LIMITS.uploadQuestionsMax);
  }

  /** The question that is answered; null where it is none of these. Those before it were lost, or come late: they tell nothing new. */
  take(token: Uint8Array): Question | null {
    const index = this.questions.findIndex((one) => equalBytes(one.token, token));
    const question = this.questions[index] ?? null;
    if (question !== null) this.questions = this.questions.slice(index + 1);
    return question;
  }

  /** Null: it tells nothing of what came through. */
  answered(now: Instant, question: Question, heard: number, clock: number): Passed | null {
    const at = this.learn(now, question.at, clock);
    this.reportedAt = now;
    const { last } = this;
    if (last !== null && at - last.clock < LIMITS.uploadReportMinMs) return null;
    this.last = { clock: at, heard, sent: question.sent, bytes: question.bytes };
    if (last === null || heard < last.heard) return null;
    const share = Math.min(1, (heard - last.heard) / Math.max(1, question.sent - last.sent));
    return { carried: ((question.bytes - last.bytes) * share) / (at - last.clock), lost: 1 - share };
  }

  /** Of any question of the way: when it arrived, in ms since the first one by the other side's clock, and the queue that it met. */
  learn(now: Instant, sentAt: Instant, clock: number): number {
    const expected = unitsOf(sentAt);
    // Their clock has no bounds here: that of the wire wraps.
    this.firstClock ??= clock - expected;
    const at = (expected + clockAhead(clock, expected, this.firstClock)) / CLOCK_PER_MS;
    this.queueMs = this.delay.sample(now, at - sentAt);
    this.knownAt = Math.min(this.knownAt, now);
    return at;
  }
}
