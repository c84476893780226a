/** A path: one way between two participants, as data. Its keys are those of the connection that owns it. */

import { type Endpoint, familyOf } from '../address.ts';
import { type Instant, NEVER, type SocketId } from '../contract.ts';
import type { PathKind } from '../model/pair.ts';
import { smoothedRtt, smoothedVariation } from '../round-trip.ts';
import type { Label } from '../secure/ratchet.ts';
import { CONNECTION_LIMITS as LIMITS } from './limits.ts';
import { mtuSearchMax, PathMtu } from './mtu.ts';

export type PathState = 'proving' | 'ready' | 'doubted' | 'sick' | 'gone';

/** Which state may follow which, and when. */
export const PATH_PHASES = {
  proving: {
    ready: 'a question was answered over it; over a relay, anything authentic has come',
    gone: 'its questions have no answer, or its connection is over',
  },
  ready: {
    doubted: 'a question has no answer in time, or the other side hears nothing over it: data goes another way as well',
    sick: 'it loses more than a tenth, or its relay does not know us any more',
    gone: 'it has been replaced, or its connection is over',
  },
  doubted: {
    ready: 'a question was answered',
    sick: 'a further question has no answer either, it loses more than a tenth, or its relay does not know us any more',
    gone: 'it has been replaced, or its connection is over',
  },
  sick: {
    ready: 'a question was answered',
    gone: 'its question stays unanswered for 25 s, it has been replaced, or its connection is over',
  },
  gone: {},
} as const satisfies Record<PathState, Partial<Record<PathState, string>>>;

/** A question that waits for its answer. */
export interface Asked {
  readonly token: Uint8Array;
  readonly at: Instant;
  /** Datagrams sent over the path when it was asked, the question included. */
  readonly sent: number;
  /** Number of the label that it began with. */
  readonly label: number;
}

/** What the other side had heard of what was sent. */
interface Sample {
  readonly at: Instant;
  readonly sent: number;
  readonly heard: number;
}

/** Where a path leads, and what it is. */
export interface Way {
  readonly kind: PathKind;
  readonly socket: SocketId;
  /** Never another one: where the other side has moved, that is another path. Of a relayed path: the relay. */
  readonly remote: Endpoint;
  /** The name of the relay, null where the path goes through none. */
  readonly via: string | null;
}

export interface Path extends Way {
  state: PathState;
  /** When it came into this state. */
  since: Instant;
  /** How large a datagram it carries. */
  readonly mtu: PathMtu;
  /** The question that looks whether it carries so much, while it may be answered. */
  sized: { readonly token: Uint8Array; readonly at: Instant; readonly bytes: number } | null;
  rttMs: number;
  /** Mean deviation of the round trips (RFC 6298). */
  jitterMs: number;
  /** How our datagrams on it begin, and the number of that label. */
  labelled: number;
  label: Label;
  /** The number of the newest label that the other side has used on it; -1 before the first. */
  heardLabel: number;
  /** The highest sequence that has come in over it. */
  newest: number;
  /** When anything authentic came in over it last. */
  heardAt: Instant;
  /** Datagrams sent and heard over it, and the bytes of the sent ones. */
  sent: number;
  sentBytes: number;
  heard: number;
  /** How many of ours were sent and had been heard when the last answer came, and how many are lost by that. */
  answered: { readonly sent: number; readonly heard: number };
  lost: number;
  /** Share of the datagrams that we sent and the other side did not hear, over the last seconds. */
  loss: number;
  samples: readonly Sample[];
  /** The last questions: a late answer counts as well. */
  asked: readonly Asked[];
  /** Questions in a row without an answer. */
  tries: number;
  /** How long nothing may be said on it while nobody speaks. */
  pauseMs: number;
  /** When the next question is due, when the newest one is judged, and when consent is over. */
  askAt: Instant;
  judgeAt: Instant;
  expiresAt: Instant;
  /** Not preferred before. */
  restsUntil: Instant;
  /** It has been replaced, and takes only what is under way. */
  retiresAt: Instant;
}

export function pathOf(now: Instant, way: Way, label: { readonly n: number; readonly label: Label }): Path {
  const { kind, socket, remote, via } = way;
  return {
    ...{ kind, socket, remote, via, state: 'proving', since: now, sized: null },
    mtu: new PathMtu(now, mtuSearchMax(familyOf(remote.address), null)),
    ...{ rttMs: 0, jitterMs: 0, labelled: label.n, label: label.label, heardLabel: -1, newest: -1, heardAt: now },
    ...{
      sent: 0,
      sentBytes: 0,
      heard: 0,
      answered: { sent: 0, heard: 0 },
      lost: 0,
      loss: 0,
      samples: [],
      asked: [],
      tries: 0,
      pauseMs: LIMITS.pauseMs,
    },
    ...{ askAt: NEVER, judgeAt: NEVER, expiresAt: NEVER, restsUntil: 0, retiresAt: NEVER },
  };
}

export function measureRtt(path: Path, rttMs: number): void {
  const first = path.rttMs === 0;
  path.jitterMs = first ? rttMs / 2 : smoothedVariation(path.jitterMs, path.rttMs, rttMs);
  path.rttMs = first ? rttMs : smoothedRtt(path.rttMs, rttMs);
}

/** An answer says how many of the first `sent` datagrams had come in. Gives the share that was lost since the answer before; 0 where those are few. */
export function measureLoss(now: Instant, path: Path, sent: number, heard: number): number {
  const { answered } = path;
  const lately = sent - answered.sent;
  const share = lately < LIMITS.lossDatagramsMin ? 0 : 1 - Math.max(0, heard - answered.heard) / lately;
  path.answered = { sent, heard };
  if (heard >= answered.heard) path.lost = Math.max(0, path.lost + sent - answered.sent - (heard - answered.heard));
  const samples = path.samples.filter(({ at }) => now - at <= 2 * LIMITS.lossWindowMs);
  path.samples = [...samples, { at: now, sent, heard }].slice(-2 * LIMITS.askedMax);
  const old = path.samples.findLast(({ at }) => now - at >= LIMITS.lossWindowMs);
  // The other side counts from the beginning where it has taken us for a new path.
  if (old !== undefined && heard < old.heard) path.samples = [];
  if (old === undefined || heard < old.heard || sent - old.sent < LIMITS.lossDatagramsMin) {
    path.loss = 0;
    return share;
  }
  path.loss = Math.min(1, Math.max(0, 1 - (heard - old.heard) / (sent - old.sent)));
  return share;
}

/** Better paths have lower ranks: what works, what has not failed lately, what needs no relay. */
function rank(now: Instant, { state, restsUntil, retiresAt, kind }: Path): number {
  const health = state === 'sick' ? 4 : restsUntil > now ? 2 : 0;
  return health + (kind === 'relay' ? 1 : 0) + (retiresAt === NEVER ? 0 : 8);
}

/** Which path carries the data; null where there is none. Of two that are alike the one that carries it already. */
export function bestOf(now: Instant, paths: readonly Path[], current: Path | null): Path | null {
  let best: Path | null = null;
  const cost = (path: Path): number =>
    path.rttMs - (path.kind === 'ipv6' ? LIMITS.ipv6FavourMs : 0) - (path === current ? LIMITS.hysteresisMs : 0);
  for (const path of paths) {
    if (path.state === 'proving' || path.state === 'gone') continue;
    const better = best === null ? -1 : rank(now, path) - rank(now, best) || cost(path) - cost(best);
    if (better < 0) best = path;
  }
  return best;
}
