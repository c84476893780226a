/**
 * One line for several uploads. What a host sends to its friends leaves by one line, as a rule, and where that is full each of them sees
 * the same queue at the same time. So the uploads of a participant know of each other:
 *
 * - three reports running of a queue may come from any of them: where most is lost, few questions of each come through;
 * - whoever came to know its way while another one's queue was there goes by that one's, until it has been empty;
 * - those that have more to send than their pace, and whose queue is about as long now, draw near to their mean;
 * - while one of them is held back, what begins gets its share of the line from the first datagrams on, and the queue is made to run empty,
 *   so that nobody takes the others' queue for the line itself (LEDBAT's latecomer);
 * - before a queue that stays is taken for somebody else's, they all send little for a moment, and see.
 *
 * Nothing is taken for shared that does not look it: whose queue is another, or none, goes by itself alone.
 */
import type { Instant } from '../contract.ts';
import { CONNECTION_LIMITS as LIMITS } from './limits.ts';

/** An upload as the others see it. */
export interface Sharer {
  /** Its last report. */
  readonly reportedAt: Instant;
  readonly queueMs: number;
  /** When it saw the queue empty last, and since when it knows how long the way takes at all. */
  readonly emptyAt: Instant;
  readonly knownAt: Instant;
  /** Reports in a row with a queue, while it has no pace; and since when. */
  readonly overuses: number;
  readonly overSince: Instant;
  readonly paced: boolean;
  /** What it gets, in bytes a millisecond. */
  readonly carried: number;
  /** Has it more to send than its pace? */
  hungry(now: Instant): boolean;
  /** Does it send much? */
  busy(now: Instant): boolean;
  /** The pace begins, or becomes so much, and the queue is to run empty. */
  share(now: Instant, pace: number): void;
  /** Sends little for a moment: the queue that it sees may be that of all of them. */
  flush(now: Instant): void;
}

export class SharedLine {
  private readonly sharers = new Set<Sharer>();

  add(sharer: Sharer): void {
    this.sharers.add(sharer);
  }

  remove(sharer: Sharer): void {
    this.sharers.delete(sharer);
  }

  /** What each gets that is held back, where the queue is about so long: bytes a millisecond, null where there is no other. */
  mean(now: Instant, one: Sharer): number | null {
    const alike = this.held(now).filter(
      (other) => other === one || (isFresh(now, other) && isAlike(other.queueMs, one.queueMs)),
    );
    return alike.length > 1 && alike.includes(one) ? sum(alike) / alike.length : null;
  }

  /**
   * The queue as it sees it itself. Whoever has come to know its way while another one's queue was there takes that for its way's own
   * length: so it is as long as by that one, until that has seen it empty.
   */
  queue(now: Instant, one: Sharer): number {
    const others = [...this.sharers].filter((other) => isFresh(now, other) && other.emptyAt < one.knownAt);
    return Math.max(one.queueMs, ...others.map(({ queueMs }) => queueMs));
  }

  /** What each has left at least, in bytes a millisecond: of a line that is thinner than that for all of them, its part. */
  paceMin(now: Instant): number {
    return LIMITS.uploadPaceMin / Math.max(1, this.held(now).length);
  }

  /** The longest queue that another one sees now, in ms; 0 where nobody says anything. */
  longest(now: Instant, one: Sharer): number {
    const others = [...this.sharers].filter((other) => other !== one && isFresh(now, other));
    return Math.max(0, ...others.map(({ queueMs }) => queueMs));
  }

  /**
   * Before a queue is taken for somebody else's, all that send much make it run empty at once: also those without a pace, who may take it
   * for the line itself. False: there is but one.
   */
  flush(now: Instant): boolean {
    const held = this.held(now);
    const free = this.free(now);
    if (held.length === 0 || held.length + free.length < 2) return false;
    const mean = sum(held) / held.length;
    for (const one of free) one.share(now, mean);
    for (const one of [...held, ...free]) one.flush(now);
    return true;
  }

  /** The share of one that begins; null: nobody is held back. */
  portion(now: Instant): number | null {
    const held = this.held(now);
    return held.length === 0 ? null : sum(held) / (held.length + 1);
  }

  /** It needs its share: the others leave it to it. */
  makeRoom(now: Instant, one: Sharer): void {
    const others = this.held(now).filter((other) => other !== one);
    for (const other of others) other.share(now, (other.carried * others.length) / (others.length + 1));
  }

  /**
   * A queue is seen by one without a pace. Have all of them seen it often enough, or is one sure of it? Then the pace of each begins, also
   * of those that cannot see it: nothing of theirs comes through, or they have never seen it empty.
   */
  overused(now: Instant, isSure: boolean): void {
    const free = this.free(now);
    const seeing = free.filter((one) => one.overuses > 0 && isFresh(now, one));
    const count = seeing.reduce((total, { overuses }) => total + overuses, 0);
    const since = Math.min(...seeing.map(({ overSince }) => overSince));
    const known = this.held(now).some((one) => isFresh(now, one) && one.queueMs > LIMITS.uploadOveruseMs);
    const enough = count >= LIMITS.uploadOverusesMin && now - since >= 2 * LIMITS.uploadReportMs;
    if (!isSure && !known && !enough) return;
    const blind = free.filter((one) => !isFresh(now, one) || this.queue(now, one) > LIMITS.uploadOveruseMs);
    const all = new Set([...seeing, ...blind]);
    if (all.size > 1) for (const one of all) one.share(now, sum(seeing) / all.size);
  }

  /** Those that are held back by their pace. */
  private held(now: Instant): Sharer[] {
    return [...this.sharers].filter((one) => one.paced && one.hungry(now));
  }

  /** Those that send much, and have no pace. */
  private free(now: Instant): Sharer[] {
    return [...this.sharers].filter((one) => !one.paced && one.busy(now));
  }
}

function sum(sharers: readonly Sharer[]): number {
  return sharers.reduce((total, { carried }) => total + carried, 0);
}

function isFresh(now: Instant, { reportedAt }: Sharer): boolean {
  return now - reportedAt <= LIMITS.uploadFreshMs;
}

function isAlike(one: number, other: number): boolean {
  return Math.abs(one - other) <= Math.max(LIMITS.uploadTargetMs, Math.max(one, other) / 2);
}
