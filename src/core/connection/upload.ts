/**
 * A full upload. Where a game sends more than the line takes, the queue grows in the router, and with it the time of everything that
 * goes through it: a quarter of a second and more, for every friend and everybody in the house. So while much is sent, a question goes
 * out each 100 ms. Its answer tells when it came by the other side's clock, and how many datagrams had come before it. From two of
 * them follows what the line has carried, and by how much longer than ever in the last ten seconds the question was under way: the
 * queue (RFC 6817 section 3.4).
 *
 * As long as there is no queue, datagrams go at once: nothing stands between game and socket. Only when a queue, or that half is lost, is
 * seen three times in a row a pace does (once, where the line was full a minute ago), and what does not fit waits in a short queue of ours
 * (`backlog.ts`), where the small and the recent go first:
 *
 * - The pace is what the line carries, and follows it (draft-ietf-rmcat-gcc-02 section 5.5 takes the received rate as well).
 * - Above the target it is less in proportion, down to a quarter: the router's queue runs empty within little more than it was long.
 * - Below the target it is up to 5 % more, and what passes without a queue counts as carried at once: a line that has become free is
 *   found in seconds, and one that has not holds 5 ms more after each report.
 * - A queue that never runs empty would in time be taken for the line itself: each five seconds it is made to (LEDBAT++ slows down for the
 *   same reason).
 * - Where the queue does not get shorter although we send less, somebody else fills it (a TCP upload). Then giving way would only
 *   make room for that: the pace goes by loss alone, as GCC's does beside TCP (section 6).
 * - Others of the same participant, whose line it is as well, count (`shared-line.ts`).
 * - Once what the game sends has passed for three seconds without a queue, the pace is over.
 */
import type { Agenda, Alarm } from '../agenda.ts';
import type { Instant } from '../contract.ts';
import { assert } from '../errors.ts';
import { Backlog } from './backlog.ts';
import { DATAGRAM_OVERHEAD_BYTES } from './datagram.ts';
import { CONNECTION_LIMITS as LIMITS } from './limits.ts';
import type { Path } from './path.ts';
import { type Passed, Reports } from './reports.ts';
import type { SharedLine, Sharer } from './shared-line.ts';

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

/** What two answers tell. */
interface Seen extends Passed {
  readonly queueMs: number;
}

type Phase =
  /** Datagrams go at once. `overuses`: reports in a row with a queue. */
  { readonly in: 'free'; overuses: number; overSince: Instant } | Paced | { readonly in: 'over' };

interface Paced {
  readonly in: 'paced';
  readonly since: Instant;
  /** Bytes a millisecond. */
  pace: number;
  /** Bytes that may go, and when that was reckoned. */
  credit: number;
  creditAt: Instant;
  /** Since when there has been a queue above the target, and how long it was then. */
  high: { readonly since: Instant; readonly ms: number } | null;
  /** Somebody else fills the queue. */
  competes: boolean;
  /** When the queue was seen empty last, or could not be emptied. */
  emptyAt: Instant;
  /** Since when the pace has not been needed. */
  idleSince: Instant;
  /** The person has been told. */
  full: boolean;
}

/** Which phase may follow which, and when. @drawn in docs/states.md */
export const UPLOAD_PHASES = {
  free: {
    paced: 'a queue was seen three times in a row, or again',
    over: 'the connection is over',
  },
  paced: {
    free: 'the pace has not been needed for some seconds, or another path carries the data',
    over: 'the connection is over',
  },
  over: {},
} as const satisfies Record<Phase['in'], Partial<Record<Phase['in'], string>>>;

export class Upload implements Sharer {
  private readonly agenda: Agenda;
  private readonly port: UploadPort;
  private readonly line: SharedLine;
  private path: Path | null = null;
  private reports = new Reports(0);
  private askedAt: Instant = Number.NEGATIVE_INFINITY;
  /** Bytes of the application in this tenth of a second, and in the one before it. */
  private sliceAt: Instant = 0;
  private slice = 0;
  private sliceBefore = 0;
  private phase: Phase = { in: 'free', overuses: 0, overSince: 0 };
  /** What the line carries, in bytes a millisecond. */
  carried = 0;
  private flushedAt: Instant = Number.NEGATIVE_INFINITY;
  /** When a pace of this way has ended last. */
  private endedAt: Instant = Number.NEGATIVE_INFINITY;
  private shedAt: Instant = Number.NEGATIVE_INFINITY;
  private readonly backlog = new Backlog();
  private alarm: Alarm | null = null;
  private idle: Alarm | null = null;

  constructor(agenda: Agenda, line: SharedLine, port: UploadPort) {
    this.agenda = agenda;
    this.line = line;
    this.port = port;
  }

  /** There is a queue, whose losses are not the path's. */
  get paced(): boolean {
    return this.phase.in === 'paced';
  }

  get reportedAt(): Instant {
    return this.reports.reportedAt;
  }

  get queueMs(): number {
    return this.reports.queueMs;
  }

  get emptyAt(): Instant {
    return this.reports.emptyAt;
  }

  get knownAt(): Instant {
    return this.reports.knownAt;
  }

  get overuses(): number {
    return this.phase.in === 'free' ? this.phase.overuses : 0;
  }

  get overSince(): Instant {
    return this.phase.in === 'free' ? this.phase.overSince : Number.POSITIVE_INFINITY;
  }

  hungry(now: Instant): boolean {
    return !this.backlog.empty || now - this.shedAt < LIMITS.uploadFreshMs;
  }

  busy(now: Instant): boolean {
    return now - this.askedAt < 2 * LIMITS.uploadReportMs;
  }

  share(now: Instant, pace: number): void {
    if (this.phase.in === 'over') return;
    this.carried = pace;
    const paced = this.phase.in === 'paced' ? this.phase : this.beginPace(now);
    paced.high = null;
    paced.competes = false;
    paced.emptyAt = Math.min(paced.emptyAt, now - LIMITS.uploadDrainEveryMs);
    const queueMs = this.line.longest(now, this);
    paced.pace = Math.max(this.line.paceMin(now), pace * factor(now, paced, queueMs, queueMs));
  }

  /** The application sends: true where the datagram has been taken, and waits. */
  takes(now: Instant, path: Path, bytes: Uint8Array, lane: number): boolean {
    if (path !== this.path) this.begin(now, path);
    this.count(now, bytes.length);
    this.report(now, path);
    const { phase } = this;
    if (phase.in !== 'paced') return false;
    refill(now, phase);
    if (this.backlog.empty && phase.credit > 0) {
      phase.credit -= bytes.length + DATAGRAM_OVERHEAD_BYTES;
      return false;
    }
    // Its share of the line is too little, for the first time or again.
    if (!this.hungry(now)) this.line.makeRoom(now, this);
    // Whoever gave it may write over it.
    const gone = this.backlog.push({ at: now, bytes: bytes.slice(), lane }, backlogBytes(phase));
    this.lose(now, gone);
    this.drain(now, phase);
    return true;
  }

  /** False where it answers another question. */
  answered(now: Instant, path: Path, token: Uint8Array, heard: number, clock: number): boolean {
    const question = this.reports.take(token);
    if (question === null) return false;
    const passed = path === this.path ? this.reports.answered(now, question, heard, clock) : null;
    if (passed !== null) this.judge(now, { ...passed, queueMs: this.line.queue(now, this) });
    return true;
  }

  /** Another question of the path is answered: so long the way takes, as a rule before much is sent. */
  knows(now: Instant, path: Path, sentAt: Instant, clock: number): void {
    if (path !== this.path) this.begin(now, path);
    this.reports.learn(now, sentAt, clock);
  }

  stop(): void {
    this.line.remove(this);
    if (this.phase.in !== 'over') this.enter({ in: 'over' });
    this.port.shed(this.backlog.clear());
  }

  /** Another path is another line, perhaps: what was known of the one before does not hold. */
  private begin(now: Instant, path: Path): void {
    this.path = path;
    this.reports = new Reports(now);
    this.carried = 0;
    if (this.phase.in === 'paced') this.end(now, this.phase);
    else if (this.phase.in === 'free') this.phase.overuses = 0;
    this.endedAt = Number.NEGATIVE_INFINITY;
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
    const isOverdue = !this.paced && this.reports.oldest < now - path.rttMs - LIMITS.uploadReportMs;
    if (now - this.askedAt < LIMITS.uploadReportMs / (isOverdue ? LIMITS.uploadOverdueTimes : 1)) return;
    if (!this.paced && Math.max(this.slice, this.sliceBefore) < LIMITS.uploadBusyBytes) return;
    const begins = now - this.askedAt > LIMITS.uploadForgetMs;
    this.askedAt = now;
    if (begins) this.join(now);
    const { sent, sentBytes } = path;
    this.reports.asked({ token: this.port.ask(now), at: now, sent: sent + 1, bytes: sentBytes });
  }

  /** It begins to send much: where others are held back, with its share of the line. */
  private join(now: Instant): void {
    this.line.add(this);
    const portion = this.line.portion(now);
    if (portion !== null && this.phase.in === 'free') this.share(now, portion);
  }

  flush(now: Instant): void {
    if (this.phase.in !== 'paced') return;
    this.flushedAt = now;
    this.phase.high = null;
    this.phase.competes = false;
    this.phase.pace = Math.max(this.line.paceMin(now), this.carried * LIMITS.uploadFlushShare);
  }

  private judge(now: Instant, seen: Seen): void {
    const { phase } = this;
    if (phase.in === 'over') return;
    if (phase.in === 'paced') this.follow(now, phase, seen);
    else this.seeQueue(now, phase, seen);
    const paced = this.phase;
    if (paced.in !== 'paced') return;
    const { queueMs, lost } = seen;
    this.look(now, paced, queueMs);
    if (now - this.flushedAt < LIMITS.uploadFlushMs) return;
    const pace = paced.competes
      ? contend(paced.pace, lost)
      : this.carried * factor(now, paced, queueMs, Math.max(queueMs, this.line.longest(now, this)));
    paced.pace = Math.max(this.line.paceMin(now), pace);
    this.drain(now, paced);
    this.tell(now, paced, queueMs);
  }

  /** The pace begins where a queue has been seen often enough in a row. */
  private seeQueue(now: Instant, phase: Phase & { readonly in: 'free' }, seen: Seen): void {
    const { queueMs, carried, lost } = seen;
    const isShort = queueMs > LIMITS.uploadShortMs && lost > LIMITS.uploadLossHigh;
    const isFull = queueMs > LIMITS.uploadOveruseMs || isShort || lost > LIMITS.uploadLossFull;
    if (phase.overuses === 0) phase.overSince = now;
    phase.overuses = isFull ? phase.overuses + 1 : 0;
    this.carried = phase.overuses === 0 ? 0 : Math.max(this.carried, carried);
    const enough = now - this.endedAt < LIMITS.uploadRememberMs ? 1 : LIMITS.uploadOverusesMin;
    const stays = enough === 1 || now - phase.overSince >= 2 * LIMITS.uploadReportMs;
    const isSure = phase.overuses >= enough && stays;
    if (phase.overuses > 0) this.line.overused(now, isSure);
    if (isSure && !this.paced) this.beginPace(now);
  }

  private beginPace(now: Instant): Paced {
    const paced: Paced = {
      ...{ in: 'paced', since: now, pace: this.carried, credit: 0, creditAt: now },
      ...{ high: null, competes: false, emptyAt: now, idleSince: now, full: false },
    };
    this.enter(paced);
    this.wakeIdle(now);
    return paced;
  }

  /**
   * What the line carries: what has come through while there was a queue; without one it may be more, so what comes through then only
   * raises it. What did not use its pace says nothing of the line.
   */
  private follow(now: Instant, paced: Paced, { queueMs, carried }: Seen): void {
    const { pace } = paced;
    if (queueMs <= LIMITS.uploadEmptyMs) this.carried = Math.max(this.carried, carried);
    else if (!this.backlog.empty || carried > pace * LIMITS.uploadUsed)
      this.carried += (carried - this.carried) * LIMITS.uploadFollow;
    const mean = this.line.mean(now, this);
    if (mean === null) return;
    paced.pace += (mean - this.carried) * LIMITS.uploadFair;
    this.carried += (mean - this.carried) * LIMITS.uploadFair;
  }

  /** Does the queue get shorter by our sending less? */
  private look(now: Instant, paced: Paced, queueMs: number): void {
    if (queueMs <= LIMITS.uploadOveruseMs) {
      paced.high = null;
      paced.competes = false;
      return;
    }
    paced.high ??= { since: now, ms: queueMs };
    const { since, ms } = paced.high;
    if (now - since < LIMITS.uploadGiveWayMs) return;
    const competes = queueMs > ms / 2;
    if (competes && now - this.flushedAt > LIMITS.uploadFlushEveryMs && this.line.flush(now)) return;
    if (!paced.competes && competes) paced.pace = this.carried;
    paced.competes = competes;
    paced.high = { since: now, ms: queueMs };
  }

  /** The person is told of what lasts; the pace is over when it has not been needed for some seconds. */
  private tell(now: Instant, paced: Paced, queueMs: number): void {
    if (!this.backlog.empty || now - this.shedAt < LIMITS.uploadReportMs || queueMs > LIMITS.uploadTargetMs)
      paced.idleSince = now;
    if (now - paced.idleSince >= LIMITS.uploadForgetMs) this.end(now, paced);
    else if (!paced.full && now - paced.since >= LIMITS.uploadTellMs && now - this.shedAt < LIMITS.uploadTellMs) {
      paced.full = true;
      this.port.told(now, true);
    }
  }

  /** A game that says nothing any more asks nothing: the pace is over all the same. */
  private wakeIdle(now: Instant): void {
    this.idle = this.agenda.at(now + LIMITS.uploadForgetMs, (at) => {
      this.idle = null;
      if (this.phase.in !== 'paced') return;
      if (at - this.reportedAt >= LIMITS.uploadForgetMs) this.end(at, this.phase);
      else this.wakeIdle(this.reportedAt + 1);
    });
  }

  private end(now: Instant, { full }: Paced): void {
    this.endedAt = now;
    this.enter({ in: 'free', overuses: 0, overSince: now });
    for (let { next } = this.backlog.pop(now); next !== null; { next } = this.backlog.pop(now))
      this.port.send(now, next.bytes, next.lane);
    if (full) this.port.told(now, false);
  }

  private enter(phase: Phase): void {
    assert(phase.in in UPLOAD_PHASES[this.phase.in], `an upload goes from ${this.phase.in} to ${phase.in}`);
    for (const alarm of [this.alarm, this.idle]) alarm?.cancel();
    this.alarm = null;
    this.idle = null;
    this.phase = phase;
  }

  private drain(now: Instant, paced: Paced): void {
    refill(now, paced);
    while (paced.credit > 0 && !this.backlog.empty) {
      const { next, gone } = this.backlog.pop(now);
      this.lose(now, gone);
      if (next === null) break;
      paced.credit -= next.bytes.length + DATAGRAM_OVERHEAD_BYTES;
      this.port.send(now, next.bytes, next.lane);
      if (this.path !== null) this.report(now, this.path);
    }
    this.alarm?.cancel();
    this.alarm = null;
    if (this.backlog.empty) return;
    const wait = Math.max(LIMITS.uploadTickMs, -paced.credit / paced.pace);
    this.alarm = this.agenda.at(now + wait, (at) => {
      this.alarm = null;
      if (this.phase === paced) this.drain(at, paced);
    });
  }

  private lose(now: Instant, gone: number): void {
    if (gone === 0) return;
    this.shedAt = now;
    this.port.shed(gone);
  }
}

/** Whoever shares the queue with a TCP has loss to go by: the controller of draft-ietf-rmcat-gcc-02 section 6. */
function contend(pace: number, lost: number): number {
  if (lost > LIMITS.uploadLossHigh) return pace * (1 - lost / 2);
  return lost < LIMITS.uploadLossLow ? pace * (1 + LIMITS.uploadSurplus) : pace;
}

/** What share of what the line carries is sent, so that its queue stays at the target. `longestMs`: by whoever knows best what none is. */
function factor(now: Instant, paced: Paced, queueMs: number, longestMs: number): number {
  const { uploadTargetMs: target, uploadHalfMs: half } = LIMITS;
  if (queueMs < target) {
    const surplus = 1 + LIMITS.uploadSurplus * (1 - queueMs / target);
    return isDraining(now, paced, longestMs) ? LIMITS.uploadDrainShare : surplus;
  }
  const share = Math.max(LIMITS.uploadFlushShare, 1 - (queueMs - target) / (2 * (half - target)));
  return isDraining(now, paced, longestMs) ? Math.min(LIMITS.uploadDrainShare, share) : share;
}

/** Is the queue made to run empty? */
function isDraining(now: Instant, paced: Paced, longestMs: number): boolean {
  const fullMs = now - paced.emptyAt;
  if (longestMs <= LIMITS.uploadDrainedMs || fullMs > LIMITS.uploadDrainEveryMs + LIMITS.uploadDrainMs)
    paced.emptyAt = now;
  return now - paced.emptyAt > LIMITS.uploadDrainEveryMs;
}

function backlogBytes({ pace }: Paced): number {
  return Math.max(LIMITS.backlogBytesMin, pace * LIMITS.backlogMs);
}

function refill(now: Instant, paced: Paced): void {
  const most = LIMITS.frameBytes + paced.pace * LIMITS.uploadCreditMs;
  paced.credit = Math.min(most, paced.credit + paced.pace * (now - paced.creditAt));
  paced.creditAt = now;
}
