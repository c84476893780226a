/**
 * Requests for a host that may be at one of several nodes: a code to resolve, a JOIN. One node is asked at a time, in the order of the code;
 * one that does not know the host, or does not answer, gives way to the next. Which node a join has come by is remembered, because what is
 * said of it later is said there.
 *
 * A JOIN that was sent to a node that fell silent may have been passed on before: the host would take a second one for a repetition. So it is
 * not sent elsewhere but told as over, and whoever joins knocks anew. The same while the host's answer is awaited.
 */
import { toHex } from '../bytes.ts';
import { type Instant, NEVER } from '../contract.ts';
import { assert } from '../errors.ts';
import type { Push, Response, SessionId } from '../wire/messages.ts';
import type { LinkCommand } from './interface.ts';
import { LINK_LIMITS } from './limits.ts';
import type { NodeCandidate, NodeLink } from './node-link.ts';

type Ask = LinkCommand & { readonly do: 'request' };

type Phase =
  /** No node, because none is known yet, or the last of those that are has just been passed over. */
  | { readonly in: 'nowhere' }
  /**
   * The node has been turned to, and there is no session with it yet. `beside`: another that is called meanwhile; whichever has a session
   * first is asked.
   */
  | { readonly in: 'calling'; readonly node: NodeLink; readonly at: Instant; readonly beside: NodeLink | null }
  /** There was a session, so the node may have it. */
  | { readonly in: 'asked'; readonly node: NodeLink };

/** Which phase may follow which, and when. @drawn in docs/states.md */
export const ERRAND_PHASES = {
  nowhere: {
    calling: 'a node is turned to, with which there is no session yet',
    asked: 'a node is turned to, with which there is one',
  },
  calling: {
    calling: 'another one is called beside it, or gives up',
    asked: 'there is a session, with it or with the one beside it',
    nowhere: 'it has made no session in its time',
  },
  asked: {
    nowhere: 'it does not know the host, or does not answer',
  },
} as const satisfies Record<Phase['in'], Partial<Record<Phase['in'], string>>>;

interface Errand {
  readonly ask: Ask;
  readonly code: string;
  readonly begunAt: Instant;
  readonly tried: Set<string>;
  phase: Phase;
  /** When the next node is tried. */
  nextAt: Instant;
  /** The best of what nodes have said that do not know the host. */
  best: Response | null;
}

/** A join, and the node that it goes by. */
interface Bound {
  readonly sid: SessionId;
  readonly node: NodeLink;
  /** The answer of the host is awaited. */
  waits: boolean;
}

/** Of a node where somebody waits for a host: it rests, or has been asked whether it is there. */
type Watch = { readonly in: 'resting'; readonly until: Instant } | { readonly in: 'asked'; readonly until: Instant };

interface ErrandParts {
  open(now: Instant, name: string): NodeLink | null;
  candidates(now: Instant, code: string): readonly NodeCandidate[];
  ask(now: Instant, node: NodeLink, ask: Ask): void;
  cancel(now: Instant, node: NodeLink, ref: number): void;
  answer(ref: number, response: Response): void;
  /** What waits for a host there begins anew. */
  over(node: NodeLink, sid: SessionId): void;
  /** May more nodes become known in a moment? */
  mayGrow(): boolean;
}

/** The echoes by which a node is watched. */
const WATCH_REF = -3;

export class Errands {
  private readonly parts: ErrandParts;
  private readonly byRef = new Map<number, Errand>();
  private readonly joins = new Map<string, Bound>();
  private readonly watches = new Map<NodeLink, Watch>();

  constructor(parts: ErrandParts) {
    this.parts = parts;
  }

  begin(now: Instant, ask: Ask, code: string): void {
    const errand: Errand = {
      ask,
      code,
      begunAt: now,
      tried: new Set(),
      phase: { in: 'nowhere' },
      nextAt: NEVER,
      best: null,
    };
    this.byRef.set(ask.ref, errand);
    this.step(now, errand);
  }

  cancel(ref: number): void {
    this.byRef.delete(ref);
  }

  nodeOf(sid: SessionId): NodeLink | null {
    return this.joins.get(toHex(sid))?.node ?? null;
  }

  uses(node: NodeLink): boolean {
    for (const { phase } of this.byRef.values()) if (nodeOf(phase) === node || besideOf(phase) === node) return true;
    return this.waitsAt(node);
  }

  next(): Instant {
    let next = NEVER;
    for (const { nextAt } of this.byRef.values()) next = Math.min(next, nextAt);
    for (const { until } of this.watches.values()) next = Math.min(next, until);
    return next;
  }

  work(now: Instant): void {
    for (const errand of [...this.byRef.values()]) if (errand.nextAt <= now) this.late(now, errand);
    for (const [node, watch] of [...this.watches]) this.watch(now, node, watch);
  }

  /** More nodes are known than before. */
  grown(now: Instant): void {
    for (const errand of [...this.byRef.values()]) {
      if (errand.phase.in === 'nowhere') this.step(now, errand);
      else errand.nextAt = this.nextAt(now, errand);
    }
    for (const { node, waits } of this.joins.values()) if (waits) this.startWatch(now, node);
  }

  /** The session with this node is there: what was for it has gone out. */
  up(now: Instant, node: NodeLink): void {
    for (const errand of this.byRef.values()) {
      const { phase } = errand;
      if (phase.in !== 'calling') continue;
      if (phase.beside === node) this.turnTo(now, errand, node);
      else if (phase.node === node) this.said(now, errand, phase);
    }
  }

  /** The session with this node is gone. */
  lost(now: Instant, node: NodeLink): void {
    for (const errand of [...this.byRef.values()]) {
      const { phase } = errand;
      if (phase.in === 'calling' && phase.beside === node) enter(errand, { ...phase, beside: null });
      else if (nodeOf(phase) === node && (besideOf(phase) !== null || this.others(now, errand)))
        this.passOver(now, errand);
    }
    if (this.watches.has(node)) this.abandon(node);
  }

  /** Both lead to one node: joins in which no answer is awaited go on by the other. */
  move(from: NodeLink, to: NodeLink): void {
    for (const [key, bound] of this.joins)
      if (bound.node === from && !bound.waits) this.joins.set(key, { ...bound, node: to });
  }

  /** From here on the node is given the time that an answer takes. */
  private said(now: Instant, errand: Errand, { node, beside }: Phase & { readonly in: 'calling' }): void {
    enter(errand, { in: 'asked', node });
    if (beside !== null) errand.tried.delete(beside.name);
    errand.nextAt = this.nextAt(now, errand);
  }

  private turnTo(now: Instant, errand: Errand, node: NodeLink): void {
    const before = nodeOf(errand.phase);
    if (before !== null) {
      this.parts.cancel(now, before, errand.ask.ref);
      // It was called and not asked: should this one not know the host, it may.
      errand.tried.delete(before.name);
    }
    enter(errand, node.isUp ? { in: 'asked', node } : { in: 'calling', node, at: now, beside: null });
    errand.nextAt = this.nextAt(now, errand);
    this.parts.ask(now, node, errand.ask);
  }

  /** False where the answer is none of ours. */
  responded(now: Instant, node: NodeLink, ref: number, response: Response): boolean {
    if (ref === WATCH_REF) {
      const watch = this.watches.get(node);
      if (watch !== undefined && response.type === 'ok')
        this.watches.set(node, { in: 'resting', until: now + LINK_LIMITS.nodeEchoMs });
      return true;
    }
    const errand = this.byRef.get(ref);
    if (errand === undefined || nodeOf(errand.phase) !== node) return errand !== undefined;
    const isElsewhere = response.type === 'failed' && ELSEWHERE.includes(response.failure);
    if (isElsewhere) {
      if (errand.best === null || response.failure === 'HOST_OFFLINE') errand.best = response;
      this.leave(now, errand);
      return true;
    }
    this.byRef.delete(ref);
    const { request } = errand.ask;
    if (request.type === 'join' && response.type !== 'failed') {
      this.bind(node, request.sid, true);
      if (this.parts.candidates(now, errand.code).length > 1) this.startWatch(now, node);
    }
    this.parts.answer(ref, response);
    return true;
  }

  pushed(node: NodeLink, push: Push): void {
    if (!('sid' in push)) return;
    if (push.type === 'held') return;
    this.bind(node, push.sid, false);
    if (!this.waitsAt(node)) this.watches.delete(node);
  }

  private bind(node: NodeLink, sid: SessionId, waits: boolean): void {
    const key = toHex(sid);
    this.joins.delete(key);
    this.joins.set(key, { sid, node, waits });
    for (const oldest of this.joins.keys()) {
      if (this.joins.size <= LINK_LIMITS.nodeJoinsMax) break;
      this.joins.delete(oldest);
    }
  }

  /** To the one that was called beside this node, or the next. */
  private leave(now: Instant, errand: Errand): void {
    const beside = besideOf(errand.phase);
    enter(errand, { in: 'nowhere' });
    if (beside === null) this.step(now, errand);
    else this.turnTo(now, errand, beside);
  }

  private step(now: Instant, errand: Errand): void {
    const next = this.another(now, errand);
    if (next !== null) {
      this.turnTo(now, errand, next);
      return;
    }
    const until = errand.begunAt + LINK_LIMITS.nodesFirstMs;
    if (this.parts.mayGrow() && now < until) {
      errand.nextAt = until;
      return;
    }
    this.byRef.delete(errand.ask.ref);
    this.parts.answer(errand.ask.ref, errand.best ?? UNREACHABLE);
  }

  /** The best that has not been tried. */
  private another(now: Instant, errand: Errand): NodeLink | null {
    for (const { name } of this.parts.candidates(now, errand.code)) {
      if (errand.tried.has(name)) continue;
      errand.tried.add(name);
      const node = this.parts.open(now, name);
      if (node !== null) return node;
    }
    return null;
  }

  private nextAt(now: Instant, errand: Errand): Instant {
    const { phase, best } = errand;
    const alone = besideOf(phase) === null;
    const last = alone && !this.others(now, errand);
    if (last && best === null) return NEVER;
    if (phase.in !== 'calling') return now + LINK_LIMITS.nodeAnswerMs;
    return phase.at + (alone && !last ? LINK_LIMITS.nodeBesideMs : LINK_LIMITS.nodeAnswerMs);
  }

  private others(now: Instant, errand: Errand): boolean {
    return this.parts.candidates(now, errand.code).some(({ name }) => !errand.tried.has(name));
  }

  private late(now: Instant, errand: Errand): void {
    const { phase } = errand;
    if (phase.in === 'calling' && phase.beside === null && now < phase.at + LINK_LIMITS.nodeAnswerMs) {
      const beside = this.another(now, errand);
      if (beside?.isUp === true) this.turnTo(now, errand, beside);
      else {
        enter(errand, { ...phase, beside });
        errand.nextAt = phase.at + LINK_LIMITS.nodeAnswerMs;
      }
      return;
    }
    this.passOver(now, errand);
  }

  private passOver(now: Instant, errand: Errand): void {
    const { phase, ask } = errand;
    if (phase.in === 'nowhere') {
      this.step(now, errand);
      return;
    }
    phase.node.silent();
    this.parts.cancel(now, phase.node, ask.ref);
    if (ask.request.type === 'join' && phase.in === 'asked') {
      this.byRef.delete(ask.ref);
      this.parts.over(phase.node, ask.request.sid);
    } else this.leave(now, errand);
  }

  private waitsAt(node: NodeLink): boolean {
    for (const bound of this.joins.values()) if (bound.node === node && bound.waits) return true;
    return false;
  }

  private startWatch(now: Instant, node: NodeLink): void {
    if (!this.watches.has(node)) this.watches.set(node, { in: 'resting', until: now + LINK_LIMITS.nodeEchoMs });
  }

  private watch(now: Instant, node: NodeLink, watch: Watch): void {
    if (!this.waitsAt(node)) this.watches.delete(node);
    else if (now < watch.until) return;
    else if (watch.in === 'asked') this.abandon(node);
    else {
      this.watches.set(node, { in: 'asked', until: now + LINK_LIMITS.nodeSilentMs });
      this.parts.ask(now, node, { do: 'request', ref: WATCH_REF, request: { type: 'echo' }, socket: null });
    }
  }

  /** Nothing comes from it any more, and somebody waits there. */
  private abandon(node: NodeLink): void {
    node.silent();
    this.watches.delete(node);
    for (const [key, bound] of [...this.joins]) {
      if (bound.node !== node || !bound.waits) continue;
      this.joins.delete(key);
      this.parts.over(node, bound.sid);
    }
  }
}

function nodeOf(phase: Phase): NodeLink | null {
  return phase.in === 'nowhere' ? null : phase.node;
}

function besideOf(phase: Phase): NodeLink | null {
  return phase.in === 'calling' ? phase.beside : null;
}

function enter(errand: Errand, phase: Phase): void {
  assert(phase.in in ERRAND_PHASES[errand.phase.in], `an errand goes from ${errand.phase.in} to ${phase.in}`);
  errand.phase = phase;
}

/** What a node says that does not know the host, which another may. */
const ELSEWHERE: readonly string[] = ['HOST_OFFLINE', 'CODE_UNKNOWN', 'MASTER_UNREACHABLE'];
/** Nobody who could tell has answered. */
export const UNREACHABLE: Response = { type: 'failed', failure: 'MASTER_UNREACHABLE', why: 'none', retryAfterMs: 0 };
