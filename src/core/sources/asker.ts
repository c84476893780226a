/**
 * Questions to mapping sources and their answers: who was asked for the mapping of which socket, when, and what came back. Whoever
 * wants to know a mapping asks through one of these: a detection, the watch of how long mappings live, the proof of a port
 * mapping, the samples before a punch.
 */
import type { Endpoint } from '../address.ts';
import type { Instant, SocketId } from '../contract.ts';
import { SOURCES_LIMITS } from './limits.ts';
import type { AnswerFrom, MappingSource } from './source.ts';

export interface Question {
  readonly request: number;
  /** Which hears the answer. */
  readonly socket: SocketId;
  /** Another one that asks, for an answer to this port of ours; null for the plain case. */
  readonly onBehalf: { readonly socket: SocketId; readonly port: number } | null;
  readonly source: MappingSource;
  readonly answerFrom: AnswerFrom;
  readonly sentAt: Instant;
  sentLastAt: Instant;
  packets: number;
  observed: Endpoint | null;
  answeredAt: Instant | null;
}

/**
 * Names requests. The numbers are unique in a participant, as socket ids are: a parent machine hands one counter to all its children,
 * so that no answer that one of them has asked for is taken for an answer to another, whichever socket it is led to.
 */
export interface RequestNumbers {
  next(): number;
}

/** Requests carry them in 32 bits. */
export function requestNumbers(): RequestNumbers {
  let last = 0;
  return {
    next() {
      last = last === 0xffff_ffff ? 1 : last + 1;
      return last;
    },
  };
}

export type Send = (socket: SocketId, to: Endpoint, bytes: Uint8Array, ttl?: number) => void;

export class Asker {
  /** Oldest first. */
  readonly questions: Question[] = [];
  /** What `rttMs` said, while it holds. */
  private median: { readonly rttMs: number | null } | null = null;
  private readonly send: Send;
  private readonly numbers: RequestNumbers;

  constructor(send: Send, numbers: RequestNumbers) {
    this.send = send;
    this.numbers = numbers;
  }

  ask(now: Instant, socket: SocketId, source: MappingSource, answerFrom: AnswerFrom = 'same', ttl?: number): Question {
    return this.begin(now, { socket, source, answerFrom, onBehalf: null }, ttl);
  }

  /** `asker` has the source send to `port` of our external address, where `socket` ought to hear it. */
  askFor(now: Instant, asker: SocketId, socket: SocketId, source: MappingSource, port: number): Question {
    return this.begin(now, { socket, source, answerFrom: 'same', onBehalf: { socket: asker, port } });
  }

  /** The same request once more, so that either answer counts. */
  repeat(now: Instant, question: Question, ttl?: number): void {
    question.sentLastAt = now;
    question.packets++;
    this.median = null;
    const { socket, source, request, answerFrom, onBehalf } = question;
    const bytes =
      onBehalf === null
        ? source.request(now, request, answerFrom)
        : (source.requestTo?.(now, request, onBehalf.port) ?? null);
    if (bytes !== null) this.send(onBehalf?.socket ?? socket, source.target, bytes, ttl);
  }

  /** What the socket asked last. */
  last(socket: SocketId): Question | null {
    return this.questions.findLast((question) => question.socket === socket) ?? null;
  }

  /** The question that an authentic datagram answers for the first time; the socket that asked has to be the one that hears. */
  receive(now: Instant, socket: SocketId, from: Endpoint, bytes: Uint8Array): Question | null {
    const asked = this.questions.filter((question) => question.socket === socket && question.observed === null);
    for (const source of new Set(asked.map((question) => question.source))) {
      const answer = source.answer(from, bytes);
      if (answer === null) continue;
      const question = asked.find((candidate) => candidate.source === source && candidate.request === answer.request);
      if (question === undefined) return null;
      question.observed = answer.observed;
      question.answeredAt = now;
      this.median = null;
      return question;
    }
    return null;
  }

  /** Median of the round trips seen; null before the first answer. Repeated questions don't count (Karn's rule). */
  rttMs(): number | null {
    if (this.median !== null) return this.median.rttMs;
    const trips = this.questions
      .filter(({ answeredAt, packets }) => answeredAt !== null && packets === 1)
      .map(({ answeredAt, sentAt }) => answeredAt! - sentAt)
      .sort((left, right) => left - right);
    this.median = { rttMs: trips[trips.length >> 1] ?? null };
    return this.median.rttMs;
  }

  private begin(
    now: Instant,
    what: Pick<Question, 'socket' | 'source' | 'answerFrom' | 'onBehalf'>,
    ttl?: number,
  ): Question {
    const request = this.numbers.next();
    const question: Question = {
      ...{ ...what, request, sentAt: now, sentLastAt: now },
      ...{ packets: 0, observed: null, answeredAt: null },
    };
    if (this.questions.push(question) > SOURCES_LIMITS.questionsMax) this.questions.shift();
    this.repeat(now, question, ttl);
    return question;
  }
}
