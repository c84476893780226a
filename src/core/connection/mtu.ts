/**
 * How large a datagram one path carries, by Packetization Layer Path MTU Discovery for Datagram Transports (RFC 8899). Sizes are
 * UDP payload. A probe is a question padded to the size that is tried, and its answer confirms that size; nothing that a game sends
 * is ever risked. 1,200 bytes are sure. The largest size is tried first, since most paths carry it, then the middle of what is left.
 *
 * Whatever is sent goes through at every moment: what exceeds `bytes` goes in parts. So a doubt costs little, and `bytes` falls to
 * 1,200 with the first one, until the size has been confirmed anew or a smaller one was found.
 */
import { type Instant, NEVER } from '../contract.ts';
import { assert } from '../errors.ts';
import { CONNECTION_LIMITS } from './limits.ts';

const { mtuBaseBytes, mtuBytesMax, mtuUnsureBytesMax, mtuStepBytes, mtuTriesMax } = CONNECTION_LIMITS;
const { lossWindowMs, mtuProbeMs, mtuRestMs, mtuConfirmMs, mtuRaiseMs } = CONNECTION_LIMITS;

export type MtuState = 'searching' | 'complete' | 'doubted';

/** Which state may follow which, and when. */
export const MTU_PHASES = {
  searching: {
    complete: 'no larger size is left to be tried',
    doubted: 'the way has changed',
  },
  complete: {
    searching: 'ten minutes have passed, or the way has changed',
    doubted:
      'a question of this size has no answer, more than half was lost since the answer before, or the way has changed',
  },
  doubted: {
    searching: 'the size was confirmed, or three questions of it have no answer',
  },
} as const satisfies Record<MtuState, Partial<Record<MtuState, string>>>;

/**
 * The largest size worth trying. `interfaceMtu` is that of the interface which the path leaves by, in bytes with IP header, or null
 * where it is not known or nobody keeps datagrams from being fragmented (node:dgram has no option for it; Linux does not fragment
 * what fits the interface).
 */
export function mtuSearchMax(family: 4 | 6, interfaceMtu: number | null): number {
  if (interfaceMtu === null) return Math.min(mtuBytesMax[family], mtuUnsureBytesMax);
  const headers = family === 4 ? 28 : 48;
  return Math.max(mtuBaseBytes, Math.min(mtuBytesMax[family], interfaceMtu - headers));
}

export class PathMtu {
  state: MtuState = 'searching';
  /** When it came into this state. */
  since: Instant;
  /** What a datagram may have now, as UDP payload. */
  bytes: number = mtuBaseBytes;
  /** When `probeDue` is to be asked again. */
  dueAt: Instant;
  private max: number;
  /** Searching: the largest size that has not failed; those between it and `bytes` are left. */
  private high: number;
  /** Searching: the largest is tried before the middle. */
  private atTop = true;
  /** Doubted: the size that was good before. */
  private former: number = mtuBaseBytes;
  /** The size of the last question, while it has neither an answer nor was lost. */
  private probing: number | null = null;
  /** The largest that was asked with on this way: answers from before a change tell nothing of it. */
  private asked = 0;
  /** Questions of one size that were lost, in a row. */
  private tries = 0;
  /** Whether anything larger than the base was sent since the last confirmation, and when that was. */
  private used = false;
  private confirmedAt: Instant;

  constructor(now: Instant, bytesMax: number) {
    this.since = now;
    this.dueAt = now;
    this.confirmedAt = now;
    this.max = Math.max(mtuBaseBytes, bytesMax);
    this.high = this.max;
    this.search(now, this.max);
  }

  /** A datagram of so many bytes has gone out: while large ones do, their size is confirmed from time to time. */
  sent(bytes: number): void {
    if (this.used || bytes <= mtuBaseBytes) return;
    this.used = true;
    if (this.state === 'complete') this.dueAt = Math.min(this.dueAt, this.confirmedAt + mtuConfirmMs);
  }

  /** The size that a question is to be padded to now; null where none is due. */
  probeDue(now: Instant): number | null {
    if (now >= this.dueAt && this.probing !== null) this.lost(now, this.probing);
    if (now < this.dueAt) return null;
    if (this.state === 'complete' && this.raiseAt <= now) this.search(now, this.max);
    const size = this.wanted;
    this.probing = size;
    this.asked = Math.max(this.asked, size);
    this.dueAt = now + mtuProbeMs;
    return size;
  }

  /** A question of this size was answered. Late answers count as well. */
  answered(now: Instant, size: number): void {
    if (size > this.asked || size < this.bytes) return;
    this.bytes = size;
    this.probing = null;
    this.tries = 0;
    this.used = false;
    this.confirmedAt = now;
    this.dueAt = now + mtuRestMs;
    if (this.state === 'searching') this.search(now, Math.max(this.high, size));
    else if (this.state === 'complete') this.rest();
    else if (size >= this.former) this.search(now, this.max);
  }

  /** A question of this size will have no answer: said by whoever knows it before a second has passed. */
  lost(now: Instant, size: number): void {
    if (size !== this.probing) return;
    this.probing = null;
    this.tries++;
    this.dueAt = now + mtuRestMs;
    if (this.state === 'complete') this.doubt(now);
    else if (this.tries >= mtuTriesMax) {
      this.tries = 0;
      this.atTop = false;
      this.search(now, size - 1);
    }
  }

  /** May losses come from its size? Not where that has just been found, or confirmed after a doubt. */
  doubtful(now: Instant): boolean {
    return this.state === 'complete' && this.used && now - this.since >= 2 * lossWindowMs;
  }

  /** The way may be another one now: an address, a route or an interface has changed. */
  suspect(now: Instant, bytesMax: number = this.max): void {
    this.max = Math.max(mtuBaseBytes, bytesMax);
    this.probing = null;
    this.asked = 0;
    this.tries = 0;
    this.dueAt = now;
    if (this.state !== 'doubted') this.doubt(now);
    this.former = Math.min(this.former, this.max);
    if (this.former > mtuBaseBytes) return;
    this.atTop = true;
    this.search(now, this.max);
  }

  private get wanted(): number {
    if (this.state === 'complete') return this.bytes;
    if (this.state === 'doubted') return this.former;
    return this.atTop ? this.high : this.bytes + Math.ceil((this.high - this.bytes) / 2);
  }

  private get raiseAt(): Instant {
    return this.bytes < this.max ? this.since + mtuRaiseMs : NEVER;
  }

  private doubt(now: Instant): void {
    this.former = this.bytes;
    this.bytes = mtuBaseBytes;
    this.used = false;
    this.enter(now, 'doubted');
  }

  /** For more than `bytes`, and `high` at most. */
  private search(now: Instant, high: number): void {
    this.high = high;
    if (this.state !== 'searching') this.enter(now, 'searching');
    if (high - this.bytes >= mtuStepBytes) return;
    this.enter(now, 'complete');
    this.atTop = true;
    this.rest();
  }

  private rest(): void {
    this.dueAt = Math.min(this.raiseAt, this.used ? this.confirmedAt + mtuConfirmMs : NEVER);
  }

  private enter(now: Instant, state: MtuState): void {
    assert(state in MTU_PHASES[this.state], `the search for a path's size goes from ${this.state} to ${state}`);
    this.state = state;
    this.since = now;
  }
}
