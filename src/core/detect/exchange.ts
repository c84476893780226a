/** Questions asked of mapping sources and their answers: who was asked from which socket, when, and what came back. */
import { type Endpoint, endpointKey } from '../address.ts';
import type { Instant, SocketId } from '../contract.ts';
import type { AnswerFrom, MappingSource } from '../sources/source.ts';
import { DETECT_LIMITS } from './limits.ts';

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

export type Send = (socket: SocketId, to: Endpoint, bytes: Uint8Array, ttl?: number) => void;

export class Exchange {
  readonly questions: Question[] = [];
  packets = 0;
  /** A symmetric NAT makes a mapping for each. */
  private readonly ways = new Set<string>();
  /** What `rttMs` said, while it holds. */
  private median: { readonly rttMs: number | null } | null = null;
  private readonly send: Send;
  private readonly nextRequest: () => number;

  constructor(send: Send, nextRequest: () => number) {
    this.send = send;
    this.nextRequest = nextRequest;
  }

  /** Neither the packets nor the mappings that they may have made are at their limit. */
  maySend(socket: SocketId, to: Endpoint): boolean {
    const { detectPacketsMax, detectMappingsMax } = DETECT_LIMITS;
    const known = this.ways.has(wayOf(socket, to));
    return this.packets < detectPacketsMax && (known || this.ways.size < detectMappingsMax);
  }

  /** A packet that is no question counts like one. */
  note(socket: SocketId, to: Endpoint): void {
    this.packets++;
    this.ways.add(wayOf(socket, to));
  }

  ask(now: Instant, socket: SocketId, source: MappingSource, answerFrom: AnswerFrom = 'same', ttl?: number): Question {
    return this.begin(now, { socket, source, answerFrom, onBehalf: null }, ttl);
  }

  /** `asker` has the source send to `port` of our external address, where `socket` ought to hear it. */
  askFor(now: Instant, asker: SocketId, socket: SocketId, source: MappingSource, port: number): Question {
    return this.begin(now, { socket, source, answerFrom: 'same', onBehalf: { socket: asker, port } });
  }

  private begin(
    now: Instant,
    what: Pick<Question, 'socket' | 'source' | 'answerFrom' | 'onBehalf'>,
    ttl?: number,
  ): Question {
    const question: Question = {
      ...what,
      request: this.nextRequest(),
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
    this.median = null;
    const { socket, source, request, answerFrom, onBehalf } = question;
    this.note(onBehalf?.socket ?? socket, source.target);
    const bytes =
      onBehalf === null
        ? source.request(now, request, answerFrom)
        : (source.requestTo?.(now, request, onBehalf.port) ?? null);
    if (bytes !== null) this.send(onBehalf?.socket ?? socket, source.target, bytes, ttl);
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
}

function wayOf(socket: SocketId, to: Endpoint): string {
  return `${socket} ${endpointKey(to)}`;
}
