/**
 * One join as it is shown: a pure reduction of its events, the same for the library's log, the command and the app. The log grows to a
 * maximum and then loses its oldest lines, and so do the attempts.
 */
import {
  type FailureCode,
  type FailureReason,
  familyOf,
  type GameState,
  type Help,
  type JoinStage,
  type LogData,
  type LogEntry,
  type NatProfile,
  type NextAttempt,
  type PathKind,
  type PeerEvent,
  type StageReason,
} from '../core/index.ts';
import { AGENT_LIMITS } from './limits.ts';
import type { PathEvents } from './path.ts';

/** What concerns one join. */
export type JoinEvent = Extract<
  PeerEvent,
  {
    ev:
      | 'found'
      | 'networks'
      | 'stage'
      | 'attempt'
      | 'attempt-over'
      | 'hard'
      | 'path'
      | 'path-changed'
      | 'game'
      | 'join-failed'
      | 'log';
  }
>;

export interface AttemptView {
  readonly n: number;
  readonly method: string;
  readonly expected: number;
  readonly packetsPlanned: number;
  readonly packetsSent: number | null;
  readonly result: 'running' | 'path' | 'timeout' | 'aborted' | 'put-off';
  /** What the next attempt changes or waits for; null where there is none, or not yet. */
  readonly next: NextAttempt | null;
}

/**
 * Why a connection that goes through a relay is not direct. `wished`: either side comes through a relay only. `udp-blocked`: UDP does not
 * leave that network. `hard-pair`: `JoinView.hard` says more. `between`: it is neither network. `searching`: there was no time yet to find a direct path.
 */
export type NotDirect =
  /** `no-common-family`: one has IPv6 alone, the other IPv4 alone. */
  | { readonly because: 'wished' | 'hard-pair' | 'between' | 'vpn' | 'searching' | 'no-common-family' }
  | { readonly because: 'udp-blocked'; readonly side: 'own' | 'peer' | 'both' }
  /** A VPN's network is a hard one, or in the way of two that are not. */
  | { readonly because: 'vpn-off'; readonly side: Help['side'] };

export type ShownPhase = 'resolving' | 'networks' | 'punching' | 'connected' | 'stopped' | 'failed';

export interface JoinView {
  readonly phase: ShownPhase;
  /** Where it stands within the phase, and why it waits there. */
  readonly stage: JoinStage;
  readonly why: StageReason | null;
  readonly hostName: string;
  /** The host of this code is known; together with `peer`, `attempts` and `path` this is how far the join has come. */
  readonly found: boolean;
  readonly failure: FailureCode | null;
  /** The true cause of the failure, where there is more to it than its code. */
  readonly detail: FailureReason | null;
  /** Milliseconds from the beginning to the failure or the stop; null while it goes on. */
  readonly endedAtMs: number | null;
  readonly own: NatProfile | null;
  readonly peer: NatProfile | null;
  readonly attempts: readonly AttemptView[];
  readonly log: readonly LogEntry[];
  readonly packetsSent: number;
  /** The pair has proved to be a hard one (no path after 15 s): chance of a path in the next minute, and what would help. */
  readonly hard: Pick<Extract<JoinEvent, { ev: 'hard' }>, 'pair' | 'likely' | 'advice'> | null;
  /** Either side comes through a relay only, so no direct path is looked for. */
  readonly relayedOnly: boolean;
  /** While a relay carries the data; null: none does. */
  readonly notDirect: NotDirect | null;
  /** The host has ended, and is waited for. */
  readonly hostLeft: boolean;
  /** Little or nothing comes from the host, on any way: it may have gone. The path is not given up yet. */
  readonly silent: boolean;
  /** Services of the host whose game does not answer, as it says itself. */
  readonly gamesQuiet: readonly { readonly service: number; readonly state: Exclude<GameState, 'answers'> }[];
  readonly path: {
    readonly kind: PathKind;
    /** The name of the relay; null: none. */
    readonly via: string | null;
    readonly remote: Extract<JoinEvent, { ev: 'path' }>['remote'];
    readonly rttMs: number;
    readonly elapsedMs: number;
    readonly payloadBytesMax: number;
    /** Four words to compare with those of the host. */
    readonly words: string;
  } | null;
}

export const NEW_JOIN: JoinView = {
  phase: 'resolving',
  stage: 'resolving',
  why: null,
  hostName: '',
  found: false,
  failure: null,
  detail: null,
  endedAtMs: null,
  own: null,
  peer: null,
  attempts: [],
  log: [],
  packetsSent: 0,
  hard: null,
  relayedOnly: false,
  notDirect: null,
  hostLeft: false,
  silent: false,
  gamesQuiet: [],
  path: null,
};

/** Nothing of it goes on: it can only be looked at. */
export function isOver({ phase }: Pick<JoinView, 'phase'>): boolean {
  return phase === 'stopped' || phase === 'failed';
}

/**
 * The join after `event`. `atMs`: milliseconds since its beginning, over all attempts (docs/seed.md S22). After an abort or a failure everything is
 * frozen: late events change nothing (docs/seed.md S28).
 */
export function reduceJoin<View extends JoinView>(join: View, event: JoinEvent, atMs: number): View {
  if (isOver(join)) return join;
  const attempt = event.ev === 'attempt' ? event.n : (join.attempts.at(-1)?.n ?? null);
  const log = [...join.log, logLine(event, attempt, atMs)].slice(-AGENT_LIMITS.joinLogLinesMax);
  const after = { ...join, log, ...changesOf(join, event, atMs) };
  const notDirect = after.path?.kind === 'relay' ? whyNotDirect(after) : null;
  return { ...after, notDirect };
}

function whyNotDirect({ relayedOnly, own, peer, hard }: JoinView): NotDirect {
  if (relayedOnly && own !== null && peer !== null && areApart(own, peer)) return { because: 'no-common-family' };
  if (relayedOnly) return { because: 'wished' };
  const [here, there] = [own?.type === 'blocked', peer?.type === 'blocked'];
  if (here || there) return { because: 'udp-blocked', side: here && there ? 'both' : here ? 'own' : 'peer' };
  if (hard === null) return { because: 'searching' };
  const [first] = hard.advice;
  if (first?.help === 'vpn-off') return { because: 'vpn-off', side: first.side };
  return { because: first?.help === 'vpn' || first?.help === 'between' ? first.help : 'hard-pair' };
}

/** As far as their addresses are known. */
function areApart(...sides: readonly [own: NatProfile, peer: NatProfile]): boolean {
  const [here, there] = sides.map(({ external, ipv6 }) => [...external.map(familyOf), ...(ipv6 === 'yes' ? [6] : [])]);
  const known = here !== undefined && there !== undefined && here.length > 0 && there.length > 0;
  return known && !here.some((family) => there.includes(family));
}

/** The path has died and is punched again, or the host has ended and is waited for. */
export function losePath<View extends JoinView>(join: View, reason: PathEvents['lost'][0]): View {
  if (join.phase !== 'connected') return join;
  return { ...join, phase: 'punching', hostLeft: reason === 'left', silent: false, gamesQuiet: [] };
}

function changesOf(join: JoinView, event: JoinEvent, atMs: number): Partial<JoinView> {
  switch (event.ev) {
    case 'found':
      return { found: true, hostName: event.entry.name, phase: phaseAtLeast(join.phase, 'networks') };
    case 'networks':
      return {
        ...{ own: event.own, peer: event.peer, relayedOnly: event.relayedOnly },
        phase: phaseAtLeast(join.phase, 'punching'),
      };
    case 'stage':
      return { stage: event.stage, why: event.why };
    case 'attempt':
      return {
        phase: phaseAtLeast(join.phase, 'punching'),
        // While a relay carries the data whoever plays is connected, however a better way is looked for.
        ...(join.phase === 'connected' ? {} : { stage: 'punching', why: null }),
        attempts: [...join.attempts, newAttempt(event)].slice(-AGENT_LIMITS.joinAttemptsMax),
      };
    case 'attempt-over': {
      const { n, packetsSent, result, next } = event;
      return {
        packetsSent: join.packetsSent + packetsSent,
        attempts: join.attempts.map((attempt) =>
          attempt.n === n ? { ...attempt, packetsSent, result, next } : attempt,
        ),
      };
    }
    case 'hard': {
      const { pair, likely, advice } = event;
      return { hard: { pair, likely, advice } };
    }
    case 'path': {
      const { kind, via, remote, rttMs, elapsedMs, payloadBytesMax, words } = event;
      return {
        ...{
          phase: 'connected',
          stage: 'connected',
          why: null,
          hard: null,
          hostLeft: false,
          silent: false,
          gamesQuiet: [],
        },
        packetsSent: Math.max(join.packetsSent, event.packetsSent),
        path: { kind, via, remote, rttMs, elapsedMs, payloadBytesMax, words },
      };
    }
    case 'path-changed': {
      const { kind, via, remote, rttMs, payloadBytesMax } = event;
      if (join.path === null) return {};
      const path = { ...join.path, kind, via, remote, rttMs, payloadBytesMax };
      return kind === 'relay' ? { path } : { path, hard: null };
    }
    case 'game': {
      const { service, state } = event;
      const others = join.gamesQuiet.filter((one) => one.service !== service);
      return { gamesQuiet: state === 'answers' ? others : [...others, { service, state }] };
    }
    case 'join-failed':
      return {
        phase: event.failure === 'ABORTED' ? 'stopped' : 'failed',
        ...{ failure: event.failure, detail: event.detail, endedAtMs: atMs },
        attempts: join.attempts.map((attempt) =>
          attempt.result === 'running' ? { ...attempt, result: 'aborted' as const } : attempt,
        ),
      };
    case 'log':
      if (event.what === 'path-silent') return { silent: true };
      return event.what === 'path-answers-again' ? { silent: false } : {};
  }
}

function newAttempt({ n, plan }: Extract<JoinEvent, { ev: 'attempt' }>): AttemptView {
  const { method, expected, packets } = plan;
  return { n, method, expected, packetsPlanned: packets, packetsSent: null, result: 'running', next: null };
}

const ORDER: readonly ShownPhase[] = ['resolving', 'networks', 'punching', 'connected'];

function phaseAtLeast(now: ShownPhase, next: ShownPhase): ShownPhase {
  return now !== 'connected' && ORDER.indexOf(next) > ORDER.indexOf(now) ? next : now;
}

/** The line of the log for an event: codes and numbers, in no language. `attempt`: the last one, where the event names none. */
function logLine(event: JoinEvent, attempt: number | null, atMs: number): LogEntry {
  switch (event.ev) {
    case 'log':
      return { atMs, attempt: event.attempt ?? attempt, what: event.what, data: event.data };
    case 'attempt':
      return { atMs, attempt, what: 'attempt', data: { ...event.plan } };
    case 'attempt-over': {
      const { n, result, packetsSent, next } = event;
      return { atMs, attempt: n, what: 'attempt-over', data: { result, packetsSent, ...flat(next ?? {}) } };
    }
    case 'path':
      return { atMs, attempt: event.attempts, what: 'path', data: wayOf(event) };
    case 'path-changed':
      return { atMs, attempt, what: 'path-changed', data: wayOf(event) };
    case 'game':
      return { atMs, attempt, what: 'game', data: { service: event.service, state: event.state } };
    case 'found':
      return { atMs, attempt, what: 'found', data: { name: event.entry.name, game: event.entry.game } };
    case 'networks':
      return { atMs, attempt, what: 'networks', data: networks(event) };
    case 'hard': {
      const advice = event.advice.map(({ help, side }) => `${help}:${side}`).join(' ');
      return { atMs, attempt, what: 'hard', data: { likely: event.likely, advice, ...flat(event.pair) } };
    }
    case 'stage':
      return { atMs, attempt, what: event.stage, data: flat(event.why ?? {}) };
    case 'join-failed':
      return { atMs, attempt, what: 'failed', data: { code: event.failure, ...flat(event.detail ?? {}) } };
  }
}

function wayOf({ kind, via, remote }: Extract<JoinEvent, { ev: 'path' | 'path-changed' }>): LogData {
  return { kind, remote: remote.address, port: remote.port, ...(via === null ? {} : { via }) };
}

function networks({ own, peer }: Extract<JoinEvent, { ev: 'networks' }>): LogData {
  return { own: own.type, ownAllocator: own.allocator.kind, peer: peer.type, peerAllocator: peer.allocator.kind };
}

/** Objects inside it as `outer.inner`; what is null is left out. */
function flat(data: object): LogData {
  const entries = Object.entries(data).flatMap(([key, value]): [string, string | number | boolean][] => {
    if (value === null) return [];
    if (typeof value !== 'object') return [[key, value]];
    return Object.entries(value as object).map(([inner, leaf]) => [`${key}.${inner}`, leaf]);
  });
  return Object.fromEntries(entries);
}
