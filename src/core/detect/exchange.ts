/** Questions asked of mapping sources and their answers: who was asked from which socket, when, and what came back. */
import type { Endpoint } from '../address.ts';
import type { Instant, SocketId } from '../contract.ts';
import type { AnswerFrom, MappingSource } from './source.ts';

export interface Question {
  readonly request: number;
  readonly socket: SocketId;
  readonly source: MappingSource;
  readonly answerFrom: AnswerFrom;
  readonly sentAt: Instant;
  sentLastAt: Instant;
  packets: number;
  observed: Endpoint | null;
  answeredAt: Instant | null;
}

export type Send = (socket: SocketId, to: Endpoint, bytes: Uint8Array, ttl?: number) => void;

export class Exchange {
  readonly questions: Question[] = [];
  packets = 0;
  private readonly send: Send;
  private readonly nextRequest: () => number;

  constructor(send: Send, nextRequest: () => number) {
    this.send = send;
    this.nextRequest = nextRequest;
  }

  ask(now: Instant, socket: SocketId, source: MappingSource, answerFrom: AnswerFrom = 'same', ttl?: number): Question {
    const question: Question = {
      request: this.nextRequest(),
      socket,
      source,
      answerFrom,
      sentAt: now,
      sentLastAt: now,
      packets: 0,
      observed: null,
      answeredAt: null,
    };
    this.questions.push(question);
    this.repeat(now, question, ttl);
    return question;
  }

  /** The same request once more, so that either answer counts. */
  repeat(now: Instant, question: Question, ttl?: number): void {
    question.sentLastAt = now;
    question.packets++;
    this.packets++;
    const { socket, source, request, answerFrom } = question;
    this.send(socket, source.target, source.request(now, request, answerFrom), ttl);
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
      return question;
    }
    return null;
  }

  /** Median of the round trips seen; null before the first answer. Repeated questions don't count (Karn's rule). */
  rttMs(): number | null {
    const trips = this.questions
      .filter(({ answeredAt, packets }) => answeredAt !== null && packets === 1)
      .map(({ answeredAt, sentAt }) => answeredAt! - sentAt)
      .sort((left, right) => left - right);
    return trips[trips.length >> 1] ?? null;
  }
}
