/**
 * A full upload. Where a game sends more than the line takes, the queue grows in the router, and with it the time of everything that
 * goes through it: a quarter of a second and more, for every friend and everybody in the house. So while much is sent, a question goes
 * out each 100 ms. Its answer tells when it came by the other side's clock, and how many datagrams had come before it. From two of
 * them follows what the line has carried, and by how much longer than ever in the last ten seconds the question was under way: the
 * queue (RFC 6817 section 3.4).
 *
 * As long as there is no queue, datagrams go at once: nothing stands between game and socket. Only when a queue is seen three times in
 * a row a pace does, and what does not fit waits in a short queue of ours (`backlog.ts`), where the small and the recent go first:
 *
 * - The pace is what the line carries, and follows it (draft-ietf-rmcat-gcc-02 section 5.5 takes the received rate as well).
 * - Above the target it is less in proportion, half of it at most: the router's queue runs empty within as long as it was.
 * - Below the target it is up to 5 % more, and what passes without a queue counts as carried at once: a line that has become free is
 *   found in seconds, and one that has not holds 5 ms more after each report.
 * - A queue that never runs empty would in time be taken for the line itself: each five seconds it is made to (LEDBAT++ slows down for the
 *   same reason).
 * - Where the queue does not get shorter although we send less, somebody else fills it (a TCP upload). Then giving way would only
 *   make room for that: the pace goes by loss alone, as GCC's does beside TCP (section 6).
 * - Once what the game sends has passed for three seconds without a queue, the pace is over.
 */
import type { Agenda, Alarm } from '../agenda.ts';
import { equalBytes } from '../bytes.ts';
import type { Instant } from '../contract.ts';
import { CLOCK_PER_MS, clockAhead, unitsOf } from '../streams/clock.ts';
import { QueueDelay } from '../streams/congestion.ts';
import { Backlog } from './backlog.ts';
import { DATAGRAM_OVERHEAD_BYTES } from './datagram.ts';
import { CONNECTION_LIMITS as LIMITS } from './limits.ts';
import type { Path } from './path.ts';

/** What an upload needs of its connection. */
export interface UploadPort {
  /** Over the path that carries the data now. */
  send(now: Instant, bytes: Uint8Array, lane: number): void;
  /** A question over that path; gives its token. */
  ask(now: Instant): Uint8Array;
  /** Datagrams of the application that are not sent at all. */
  shed(count: number): void;
  told(now: Instant, full: boolean): void;
}

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

/** What two answers tell. */
interface Seen {
  readonly queueMs: number;
  /** Bytes a millisecond that came through between them, and the share that did not. */
  readonly carried: number;
  readonly lost: number;
}

export class Upload {
  private readonly agenda: Agenda;
  private readonly port: UploadPort;
  private path: Path | null = null;
  private questions: Question[] = [];
  private askedAt: Instant = Number.NEGATIVE_INFINITY;
  /** Bytes of the application in this tenth of a second, and in the one before it. */
  private sliceAt: Instant = 0;
  private slice = 0;
  private sliceBefore = 0;
  private delay = new QueueDelay(0, 1);
  private firstClock: number | null = null;
  private last: Arrival | null = null;
  /** Reports in a row with a queue. */
  private over = 0;
  /** What the line carries, in bytes a millisecond. */
  private carried = 0;
  /** Bytes a millisecond; null: datagrams go at once. */
  private pace: number | null = null;
  private pacedSince: Instant = 0;
  private reportedAt: Instant = 0;
  /** Since when there has been a queue above the target, and how long it was then. */
  private highSince: Instant | null = null;
  private highMs = 0;
  private competes = false;
  /** When the queue was seen empty last, or could not be emptied. */
  private emptyAt: Instant = 0;
  private idleSince: Instant = 0;
  private shedAt: Instant = Number.NEGATIVE_INFINITY;
  private credit = 0;
  private creditAt: Instant = 0;
  private readonly backlog = new Backlog();
  private alarm: Alarm | null = null;
  private idle: Alarm | null = null;
  private full = false;

  constructor(agenda: Agenda, port: UploadPort) {
    this.agenda = agenda;
    this.port = port;
  }

  /** There is a queue, whose losses are not the path's. */
  get paced(): boolean {
    return this.pace !== null;
  }

  /** The application sends: true where the datagram has been taken, and waits. */
  takes(now: Instant, path: Path, bytes: Uint8Array, lane: number): boolean {
    if (path !== this.path) this.begin(now, path);
    this.count(now, bytes.length);
    this.report(now, path);
    if (this.pace === null) return false;
    this.refill(now);
    if (this.backlog.empty && this.credit > 0) {
      this.credit -= bytes.length + DATAGRAM_OVERHEAD_BYTES;
      return false;
    }
    // Whoever gave it may write over it.
    const gone = this.backlog.push({ at: now, bytes: bytes.slice(), lane }, this.backlogBytes);
    this.lose(now, gone);
    this.drain(now);
    return true;
  }

  /** False where it answers another question. */
  answered(now: Instant, path: Path, token: Uint8Array, heard: number, clock: number): boolean {
    const index = this.questions.findIndex((one) => equalBytes(one.token, token));
    const question = this.questions[index];
    if (question === undefined) return false;
    // Those before it were lost, or come late: they tell nothing new.
    this.questions = this.questions.slice(index + 1);
    if (path !== this.path) return true;
    this.reportedAt = now;
    const at = this.theirs(clock, question.at);
    const queueMs = this.delay.sample(now, at - question.at);
    const { last } = this;
    const arrival = { clock: at, heard, sent: question.sent, bytes: question.bytes };
    if (last !== null && arrival.clock - last.clock < LIMITS.uploadReportMinMs) return true;
    this.last = arrival;
    if (last === null || heard < last.heard) return true;
    const share = Math.min(1, (heard - last.heard) / Math.max(1, question.sent - last.sent));
    const carried = ((question.bytes - last.bytes) * share) / (arrival.clock - last.clock);
    this.judge(now, { queueMs, carried, lost: 1 - share });
    return true;
  }

  stop(): void {
    this.pace = null;
    this.alarm?.cancel();
    this.idle?.cancel();
    this.port.shed(this.backlog.clear());
  }

  /** Another path is another line, perhaps: what was known of the one before does not hold. */
  private begin(now: Instant, path: Path): void {
    this.path = path;
    this.questions = [];
    this.delay = new QueueDelay(now, 1);
    this.firstClock = null;
    this.last = null;
    this.over = 0;
    this.carried = 0;
    if (this.pace !== null) this.end(now);
  }

  private count(now: Instant, bytes: number): void {
    const since = now - this.sliceAt;
    if (since >= LIMITS.uploadReportMs) {
      this.sliceBefore = since < 2 * LIMITS.uploadReportMs ? this.slice : 0;
      this.slice = 0;
      this.sliceAt = now;
    }
    this.slice += bytes;
  }

  /** Asks, while much is sent, or the line is known to be full. */
  private report(now: Instant, path: Path): void {
    if (now - this.askedAt < LIMITS.uploadReportMs) return;
    if (this.pace === null && Math.max(this.slice, this.sliceBefore) < LIMITS.uploadBusyBytes) return;
    this.askedAt = now;
    const { sent, sentBytes } = path;
    const question = { token: this.port.ask(now), at: now, sent: sent + 1, bytes: sentBytes };
    this.questions = [...this.questions, question].slice(-LIMITS.uploadQuestionsMax);
  }

  /** The other side's clock in ms since its first answer, which has no bounds: that of the wire wraps. */
  private theirs(clock: number, sentAt: Instant): number {
    const expected = unitsOf(sentAt);
    this.firstClock ??= clock - expected;
    return (expected + clockAhead(clock, expected, this.firstClock)) / CLOCK_PER_MS;
  }

  private judge(now: Instant, seen: Seen): void {
    const { queueMs, carried, lost } = seen;
    if (this.pace === null) {
      const isShort = queueMs > LIMITS.uploadShortMs && lost > LIMITS.uploadLossHigh;
      this.over = queueMs > LIMITS.uploadOveruseMs || isShort ? this.over + 1 : 0;
      this.carried = this.over === 0 ? 0 : Math.max(this.carried, carried);
      if (this.over < LIMITS.uploadOverusesMin) return;
      this.pacedSince = now;
      this.emptyAt = now;
      this.idleSince = now;
      this.credit = 0;
      this.creditAt = now;
      this.highSince = null;
      this.competes = false;
      this.wakeIdle(now);
    } else this.follow(seen);
    this.look(now, queueMs);
    const pace = this.competes ? this.contend(lost) : this.carried * this.factor(now, queueMs);
    this.pace = Math.max(LIMITS.uploadPaceMin, pace);
    this.drain(now);
    this.tell(now, queueMs);
  }

  /**
   * What the line carries: what has come through while there was a queue; without one it may be more, so what comes through then only
   * raises it. What did not use its pace says nothing of the line.
   */
  private follow({ queueMs, carried }: Seen): void {
    if (queueMs <= LIMITS.uploadEmptyMs) this.carried = Math.max(this.carried, carried);
    else if (!this.backlog.empty || carried > (this.pace ?? 0) * LIMITS.uploadUsed)
      this.carried += (carried - this.carried) * LIMITS.uploadFollow;
  }

  /** Does the queue get shorter by our sending less? */
  private look(now: Instant, queueMs: number): void {
    if (queueMs <= LIMITS.uploadOveruseMs) {
      this.highSince = null;
      this.competes = false;
      return;
    }
    if (this.highSince === null) {
      this.highSince = now;
      this.highMs = queueMs;
    }
    if (now - this.highSince < LIMITS.uploadGiveWayMs) return;
    if (!this.competes && queueMs > this.highMs / 2) this.pace = this.carried;
    this.competes = queueMs > this.highMs / 2;
    this.highSince = now;
    this.highMs = queueMs;
  }

  /** Whoever shares the queue with a TCP has loss to go by: the controller of draft-ietf-rmcat-gcc-02 section 6. */
  private contend(lost: number): number {
    const pace = this.pace ?? this.carried;
    if (lost > LIMITS.uploadLossHigh) return pace * (1 - lost / 2);
    return lost < LIMITS.uploadLossLow ? pace * (1 + LIMITS.uploadSurplus) : pace;
  }

  private factor(now: Instant, queueMs: number): number {
    const { uploadTargetMs: target, uploadHalfMs: half } = LIMITS;
    const fullMs = now - this.emptyAt;
    if (queueMs <= LIMITS.uploadDrainedMs || fullMs > LIMITS.uploadDrainEveryMs + LIMITS.uploadDrainMs)
      this.emptyAt = now;
    else if (fullMs > LIMITS.uploadDrainEveryMs) return LIMITS.uploadDrainShare;
    if (queueMs < target) return 1 + LIMITS.uploadSurplus * (1 - queueMs / target);
    return Math.max(0.5, 1 - (queueMs - target) / (2 * (half - target)));
  }

  /** The person is told of what lasts; the pace is over when it has not been needed for some seconds. */
  private tell(now: Instant, queueMs: number): void {
    if (!this.backlog.empty || now - this.shedAt < LIMITS.uploadReportMs || queueMs > LIMITS.uploadTargetMs)
      this.idleSince = now;
    if (now - this.idleSince >= LIMITS.uploadForgetMs) this.end(now);
    else if (!this.full && now - this.pacedSince >= LIMITS.uploadTellMs && now - this.shedAt < LIMITS.uploadTellMs) {
      this.full = true;
      this.port.told(now, true);
    }
  }

  /** A game that says nothing any more asks nothing: the pace is over all the same. */
  private wakeIdle(now: Instant): void {
    this.idle = this.agenda.at(now + LIMITS.uploadForgetMs, (at) => {
      this.idle = null;
      if (this.pace === null) return;
      if (at - this.reportedAt >= LIMITS.uploadForgetMs) this.end(at);
      else this.wakeIdle(this.reportedAt + 1);
    });
  }

  private end(now: Instant): void {
    this.pace = null;
    this.idle?.cancel();
    this.idle = null;
    this.over = 0;
    this.alarm?.cancel();
    this.alarm = null;
    for (let { next } = this.backlog.pop(now); next !== null; { next } = this.backlog.pop(now))
      this.port.send(now, next.bytes, next.lane);
    if (!this.full) return;
    this.full = false;
    this.port.told(now, false);
  }

  private get backlogBytes(): number {
    return Math.max(LIMITS.backlogBytesMin, (this.pace ?? 0) * LIMITS.backlogMs);
  }

  private refill(now: Instant): void {
    const pace = this.pace ?? 0;
    const most = LIMITS.frameBytes + pace * LIMITS.uploadCreditMs;
    this.credit = Math.min(most, this.credit + pace * (now - this.creditAt));
    this.creditAt = now;
  }

  private drain(now: Instant): void {
    if (this.pace === null) return;
    this.refill(now);
    while (this.credit > 0 && !this.backlog.empty) {
      const { next, gone } = this.backlog.pop(now);
      this.lose(now, gone);
      if (next === null) break;
      this.credit -= next.bytes.length + DATAGRAM_OVERHEAD_BYTES;
      this.port.send(now, next.bytes, next.lane);
      if (this.path !== null) this.report(now, this.path);
    }
    this.alarm?.cancel();
    this.alarm = null;
    if (this.backlog.empty) return;
    this.alarm = this.agenda.at(now + Math.max(LIMITS.uploadTickMs, -this.credit / this.pace), (at) => this.drain(at));
  }

  private lose(now: Instant, gone: number): void {
    if (gone === 0) return;
    this.shedAt = now;
    this.port.shed(gone);
  }
}
