/** What has come in, and when to say so (RFC 9000 section 13.2). */
import { type Instant, NEVER } from '../contract.ts';
import { clockOf } from './clock.ts';
import type { AckFrame } from './frames.ts';
import { STREAM_LIMITS } from './limits.ts';
import { Ranges } from './ranges.ts';

const { ackEvery, ackEveryMax, ackRestMs, ackDelayMs, heardRangesMax } = STREAM_LIMITS;

export class Acks {
  /** When the next acknowledgement has to be on its way. */
  dueAt: Instant = NEVER;
  private readonly heard = new Ranges();
  /** Below it nothing is remembered. */
  private floor = 0;
  private largest = -1;
  private largestAt: Instant = 0;
  /** Since the last acknowledgement: those that want one. */
  private waiting = 0;
  private saidAt: Instant = Number.NEGATIVE_INFINITY;

  /** False for one that has come before, or may have. */
  isNew(number: number): boolean {
    return number >= this.floor && !this.heard.has(number);
  }

  /** `eliciting`: the other side wants to hear of it. */
  take(now: Instant, number: number, eliciting: boolean): void {
    const inOrder = number === this.largest + 1;
    this.heard.add(number, number + 1);
    if (this.heard.runs.length > heardRangesMax) {
      this.heard.runs.shift();
      this.floor = this.heard.runs[0]?.start ?? 0;
    }
    if (number > this.largest) {
      this.largest = number;
      this.largestAt = now;
    }
    if (!eliciting) return;
    this.waiting++;
    const restUntil = this.saidAt + ackRestMs;
    if (!inOrder || this.waiting >= ackEveryMax) this.dueAt = now;
    else if (this.waiting >= ackEvery) this.dueAt = Math.min(this.dueAt, Math.max(now, restUntil));
    else this.dueAt = Math.min(this.dueAt, now + ackDelayMs);
  }

  /** Null where nothing has come that wants one. */
  frame(now: Instant): AckFrame | null {
    if (this.waiting === 0) return null;
    this.waiting = 0;
    this.dueAt = NEVER;
    this.saidAt = now;
    const ranges = this.heard.runs.map(({ start, end }) => ({ from: start, to: end - 1 })).reverse();
    return { frame: 'ack', delayMs: now - this.largestAt, clock: clockOf(this.largestAt), ranges };
  }
}
