/**
 * One join as the local page shows it: a pure reduction of the peer's events. The log grows to a maximum and then loses its
 * oldest lines; attempts are all kept up to theirs, so the slider over past attempts and "copy all" have something to show.
 */
import { FAILURES, type PeerEvent } from '../core/index.ts';
import type { AttemptView, JoinPhase, JoinView, LogLine } from './local-api.ts';

/** Lines kept for one join: an evening of retries at some ten lines a minute. */
const LOG_LINES_MAX = 2000;
const ATTEMPTS_MAX = 500;

type JoinEvent = Extract<PeerEvent, { readonly join: unknown }>;

export function newJoin(id: number, target: string, wallMs: number, newKey = false): JoinView {
  return {
    id,
    target,
    newKey,
    hostName: '',
    phase: 'resolving',
    found: false,
    failure: null,
    detail: '',
    ended: null,
    startedAt: wallMs,
    endedAt: null,
    own: null,
    peer: null,
    attempts: [],
    log: [],
    packetsSent: 0,
    door: null,
    waiting: false,
    likely: null,
    portTaken: null,
    seatsFull: false,
    path: null,
  };
}

/** Nothing of it goes on: it can only be looked at. */
export function isOver({ phase }: JoinView): boolean {
  return phase === 'stopped' || phase === 'failed';
}

/** The join after `event`. After an abort or a failure everything is frozen: late events change nothing (S28). */
export function reduceJoin(join: JoinView, event: JoinEvent, wallMs: number): JoinView {
  if (isOver(join)) return join;
  switch (event.ev) {
    case 'found':
      return { ...join, found: true, hostName: event.entry.name, phase: phaseAtLeast(join.phase, 'networks') };
    case 'networks':
      return {
        ...join,
        own: event.own,
        peer: { type: event.peer.type, verdict: event.peer.verdict },
        phase: phaseAtLeast(join.phase, 'punching'),
      };
    case 'attempt':
      return {
        ...join,
        phase: phaseAtLeast(join.phase, 'punching'),
        waiting: false,
        attempts: [...join.attempts, newAttempt(event)].slice(-ATTEMPTS_MAX),
      };
    case 'attempt-over':
      return {
        ...join,
        packetsSent: join.packetsSent + event.packetsSent,
        attempts: join.attempts.map((attempt) =>
          attempt.n === event.n
            ? { ...attempt, packetsSent: event.packetsSent, result: event.result, next: event.next }
            : attempt,
        ),
      };
    case 'join-failed':
      return {
        ...join,
        phase: event.failure === 'ABORTED' ? 'stopped' : 'failed',
        failure: event.failure,
        detail: failureText(event.failure, event.detail),
        endedAt: wallMs,
      };
    case 'path':
      return {
        ...join,
        phase: 'connected',
        packetsSent: Math.max(join.packetsSent, event.packetsSent),
        waiting: false,
        likely: null,
        path: {
          kind: event.kind,
          remote: `${event.remote.address}:${event.remote.port}`,
          local: join.path?.local ?? '',
          rttMs: event.rttMs,
          elapsedMs: event.elapsedMs,
          payloadBytesMax: event.payloadBytesMax,
          words: event.words,
        },
      };
    case 'hard':
      return { ...join, likely: event.likely };
    case 'log':
      return { ...join, log: [...join.log, logLine(join, event, wallMs)].slice(-LOG_LINES_MAX) };
    case 'stage':
      return {
        ...join,
        door: event.stage === 'asked' || event.stage === 'queued' ? event.stage : null,
        waiting: event.stage === 'waiting',
        log: [
          ...join.log,
          { atMs: wallMs - join.startedAt, attempt: lastAttempt(join), what: event.stage, data: { text: event.text } },
        ].slice(-LOG_LINES_MAX),
      };
    default:
      return join;
  }
}

/** The path has died and is punched again; the local address stays. */
export function losePath(join: JoinView): JoinView {
  return join.phase === 'connected' ? { ...join, phase: 'punching' } : join;
}

/** The person pressed Abort (or left): frozen, nothing lost. */
export function stopJoin(join: JoinView, wallMs: number): JoinView {
  if (isOver(join)) return join;
  const attempts = join.attempts.map((attempt) =>
    attempt.result === 'running' ? { ...attempt, result: 'aborted' as const } : attempt,
  );
  return { ...join, attempts, phase: 'stopped', failure: 'ABORTED', endedAt: wallMs };
}

function newAttempt(event: Extract<PeerEvent, { readonly ev: 'attempt' }>): AttemptView {
  return {
    n: event.n,
    method: event.plan.method,
    expected: event.plan.expected,
    packetsPlanned: event.plan.packets,
    packetsSent: null,
    result: 'running',
    next: '',
  };
}

const ORDER: readonly JoinPhase[] = ['resolving', 'networks', 'punching', 'connected'];

function phaseAtLeast(now: JoinPhase, next: JoinPhase): JoinPhase {
  return now !== 'connected' && ORDER.indexOf(next) > ORDER.indexOf(now) ? next : now;
}

function lastAttempt(join: JoinView): number {
  return join.attempts.at(-1)?.n ?? 0;
}

function logLine(join: JoinView, event: Extract<PeerEvent, { readonly ev: 'log' }>, wallMs: number): LogLine {
  return {
    atMs: wallMs - join.startedAt,
    attempt: event.attempt ?? lastAttempt(join),
    what: event.what,
    data: event.data,
  };
}

function failureText(code: keyof typeof FAILURES, detail: string): string {
  const text = FAILURES[code];
  return [text.what, text.why, text.next, detail].filter((part) => part !== '').join(' ');
}
