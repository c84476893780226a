/**
 * Whose packets does the NAT let in (RFC 4787 §5, RFC 5780 §4.4)? Two sockets that have spoken to one endpoint each: one asks for
 * an answer from another address, the other for one from another port. Only the silence of several requests counts as a no.
 */
import { type Instant, NEVER, type SocketId } from '../contract.ts';
import { assert } from '../errors.ts';
import type { Filtering } from '../nat/profile.ts';
import { isLocalAddress } from '../scope.ts';
import type { Asker, Question } from '../sources/asker.ts';
import type { AnswerFrom, MappingSource } from '../sources/source.ts';

/** Four losses in a row at 4 % a round trip: one detection in 400 000 errs. Requests are this far apart. */
const REQUESTS = 4;
const REQUEST_INTERVAL_MS = 40;

export interface FilterProbe {
  readonly socket: SocketId;
  readonly answerFrom: AnswerFrom;
  readonly question: Question;
}

type Phase =
  | { readonly in: 'waiting' | 'done' }
  /** `at`: when it is looked who has not answered. */
  | { readonly in: 'asking'; readonly at: Instant };

/** Which phase may follow which, and when. @drawn in docs/states.md */
export const FILTER_PHASES = {
  waiting: {
    asking: 'both sockets are open, and a source has answered that can do the tests',
    done: 'no more answers are awaited',
  },
  asking: {
    asking: 'somebody has not answered, and is asked again or given its time',
    done: 'all have answered, or four questions have none',
  },
  done: {},
} as const satisfies Record<Phase['in'], Partial<Record<Phase['in'], string>>>;

export class FilterTest {
  /** What was asked, for the tests that build upon it. */
  readonly probes: FilterProbe[] = [];
  private readonly asker: Asker;
  private readonly sockets: readonly [SocketId, SocketId];
  private phase: Phase = { in: 'waiting' };

  constructor(asker: Asker, sockets: readonly [SocketId, SocketId]) {
    this.asker = asker;
    this.sockets = sockets;
  }

  get done(): boolean {
    return this.phase.in === 'done';
  }

  nextAt(): Instant {
    return this.phase.in === 'asking' ? this.phase.at : NEVER;
  }

  /** Begins once a source has answered that can do the tests. */
  advance(now: Instant, sources: readonly MappingSource[], bound: (socket: SocketId) => boolean): void {
    const { phase } = this;
    if (phase.in === 'waiting') this.begin(now, sources, bound);
    if (phase.in !== 'asking') return;
    if (this.probes.every(({ question }) => question.observed !== null)) this.enter({ in: 'done' });
    else if (now >= phase.at) this.repeat(now);
  }

  /** No more answers are awaited. */
  conclude(): void {
    if (!this.done) this.enter({ in: 'done' });
  }

  /**
   * With one address only, EIF and ADF look alike when a packet from another port gets in; then the stricter is claimed.
   */
  result(): Filtering {
    const answered = (answerFrom: AnswerFrom) =>
      this.probes.some((probe) => probe.answerFrom === answerFrom && probe.question.observed !== null);
    if (answered('other-address')) return 'eif';
    if (answered('other-port')) return 'adf';
    const tested = this.probes.some((probe) => probe.answerFrom === 'other-port');
    return this.done && tested ? 'apdf' : 'unknown';
  }

  private begin(now: Instant, sources: readonly MappingSource[], bound: (socket: SocketId) => boolean): void {
    if (!this.sockets.every(bound)) return;
    const heard = new Set(this.asker.questions.filter(({ observed }) => observed).map(({ source }) => source));
    const able = (answerFrom: AnswerFrom) =>
      // What comes from within the own network passes no filter.
      sources.find(
        (source) =>
          heard.has(source) && source.answersFrom.includes(answerFrom) && !isLocalAddress(source.target.address),
      );
    for (const [i, answerFrom] of (['other-address', 'other-port'] as const).entries()) {
      const source = able(answerFrom);
      if (source === undefined) continue;
      const socket = this.sockets[i]!;
      this.probes.push({ socket, answerFrom, question: this.asker.ask(now, socket, source, answerFrom) });
    }
    if (this.probes.length > 0) this.enter({ in: 'asking', at: now + REQUEST_INTERVAL_MS });
  }

  private repeat(now: Instant): void {
    let waiting = false;
    for (const { question } of this.probes) {
      if (question.observed !== null || question.packets >= REQUESTS) continue;
      this.asker.repeat(now, question);
      waiting = true;
    }
    const until = waiting ? now + REQUEST_INTERVAL_MS : this.lastSentAt() + this.patienceMs();
    this.enter(waiting || until > now ? { in: 'asking', at: until } : { in: 'done' });
  }

  private enter(phase: Phase): void {
    assert(phase.in in FILTER_PHASES[this.phase.in], `a test of the filter goes from ${this.phase.in} to ${phase.in}`);
    this.phase = phase;
  }

  private lastSentAt(): Instant {
    return Math.max(...this.probes.map(({ question }) => question.sentLastAt));
  }

  private patienceMs(): number {
    return 50 + 1.5 * (this.asker.rttMs() ?? 200);
  }
}
