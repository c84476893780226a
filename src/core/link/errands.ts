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
import type { Push, Response, SessionId } from '../wire/messages.ts';
import type { LinkCommand } from './interface.ts';
import { LINK_LIMITS } from './limits.ts';
import type { NodeCandidate, NodeLink } from './node-link.ts';

type Ask = LinkCommand & { readonly do: 'request' };

interface Errand {
  readonly ask: Ask;
  readonly code: string;
  readonly begunAt: Instant;
  readonly tried: Set<string>;
  node: NodeLink | null;
  /** Another that is called because this one has made no session yet: whichever has one first is asked. */
  beside: NodeLink | null;
  /** When `node` was turned to. */
  turnedAt: Instant;
  /** There was a session, so the node may have it. */
  sent: boolean;
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

interface Watch {
  askedAt: Instant | null;
  nextAt: Instant;
}

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
      node: null,
      beside: null,
      turnedAt: now,
      sent: false,
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
    for (const errand of this.byRef.values()) if (errand.node === node || errand.beside === node) return true;
    return this.waitsAt(node);
  }

  next(): Instant {
    let next = NEVER;
    for (const { nextAt } of this.byRef.values()) next = Math.min(next, nextAt);
    for (const { askedAt, nextAt } of this.watches.values())
      next = Math.min(next, askedAt === null ? nextAt : askedAt + LINK_LIMITS.nodeSilentMs);
    return next;
  }

  work(now: Instant): void {
    for (const errand of [...this.byRef.values()]) if (errand.nextAt <= now) this.late(now, errand);
    for (const [node, watch] of [...this.watches]) this.watch(now, node, watch);
  }

  /** More nodes are known than before. */
  grown(now: Instant): void {
    for (const errand of [...this.byRef.values()]) {
      if (errand.node === null) this.step(now, errand);
      else errand.nextAt = this.nextAt(now, errand);
    }
    for (const { node, waits } of this.joins.values()) if (waits) this.startWatch(now, node);
  }

  /** The session with this node is there: what was for it has gone out. */
  up(now: Instant, node: NodeLink): void {
    for (const errand of this.byRef.values()) {
      if (errand.sent) continue;
      if (errand.beside === node) this.turnTo(now, errand, node);
      else if (errand.node === node) this.said(now, errand);
    }
  }

  /** The session with this node is gone. */
  lost(now: Instant, node: NodeLink): void {
    for (const errand of [...this.byRef.values()]) {
      if (errand.beside === node) errand.beside = null;
      if (errand.node === node && (errand.beside !== null || this.others(now, errand))) this.passOver(now, errand);
    }
    if (this.watches.has(node)) this.abandon(node);
  }

  /** Both lead to one node: joins in which no answer is awaited go on by the other. */
  move(from: NodeLink, to: NodeLink): void {
    for (const [key, bound] of this.joins)
      if (bound.node === from && !bound.waits) this.joins.set(key, { ...bound, node: to });
  }

  /** From here on the node is given the time that an answer takes. */
  private said(now: Instant, errand: Errand): void {
    errand.sent = true;
    if (errand.beside !== null) errand.tried.delete(errand.beside.name);
    errand.beside = null;
    errand.nextAt = this.nextAt(now, errand);
  }

  private turnTo(now: Instant, errand: Errand, node: NodeLink): void {
    if (errand.node !== null) {
      this.parts.cancel(now, errand.node, errand.ask.ref);
      // It was called and not asked: should this one not know the host, it may.
      errand.tried.delete(errand.node.name);
    }
    Object.assign(errand, { node, beside: null, turnedAt: now, sent: node.state?.state === 'up' });
    errand.nextAt = this.nextAt(now, errand);
    this.parts.ask(now, node, errand.ask);
  }

  /** False where the answer is none of ours. */
  responded(now: Instant, node: NodeLink, ref: number, response: Response): boolean {
    if (ref === WATCH_REF) {
      const watch = this.watches.get(node);
      if (watch !== undefined && response.type === 'ok')
        this.watches.set(node, { askedAt: null, nextAt: now + LINK_LIMITS.nodeEchoMs });
      return true;
    }
    const errand = this.byRef.get(ref);
    if (errand === undefined || errand.node !== node) return errand !== undefined;
    const isElsewhere = response.type === 'failed' && ELSEWHERE.includes(response.failure);
    if (isElsewhere) {
      if (errand.best === null || response.failure === 'HOST_OFFLINE') errand.best = response;
      errand.node = null;
      this.step(now, errand);
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

  private step(now: Instant, errand: Errand): void {
    const next = errand.beside ?? this.another(now, errand);
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
    const last = errand.beside === null && !this.others(now, errand);
    if (last && errand.best === null) return NEVER;
    if (errand.sent) return now + LINK_LIMITS.nodeAnswerMs;
    return errand.turnedAt + (errand.beside === null && !last ? LINK_LIMITS.nodeBesideMs : LINK_LIMITS.nodeAnswerMs);
  }

  private others(now: Instant, errand: Errand): boolean {
    return this.parts.candidates(now, errand.code).some(({ name }) => !errand.tried.has(name));
  }

  private late(now: Instant, errand: Errand): void {
    const { node } = errand;
    if (node !== null && !errand.sent && errand.beside === null && now < errand.turnedAt + LINK_LIMITS.nodeAnswerMs) {
      const beside = this.another(now, errand);
      if (beside?.state?.state === 'up') this.turnTo(now, errand, beside);
      else {
        errand.beside = beside;
        errand.nextAt = errand.turnedAt + LINK_LIMITS.nodeAnswerMs;
      }
      return;
    }
    this.passOver(now, errand);
  }

  private passOver(now: Instant, errand: Errand): void {
    const { node, ask } = errand;
    if (node !== null) {
      node.silent = true;
      this.parts.cancel(now, node, ask.ref);
      errand.node = null;
      if (ask.request.type === 'join' && errand.sent) {
        this.byRef.delete(ask.ref);
        this.parts.over(node, ask.request.sid);
        return;
      }
    }
    this.step(now, errand);
  }

  private waitsAt(node: NodeLink): boolean {
    for (const bound of this.joins.values()) if (bound.node === node && bound.waits) return true;
    return false;
  }

  private startWatch(now: Instant, node: NodeLink): void {
    if (!this.watches.has(node)) this.watches.set(node, { askedAt: null, nextAt: now + LINK_LIMITS.nodeEchoMs });
  }

  private watch(now: Instant, node: NodeLink, watch: Watch): void {
    if (!this.waitsAt(node)) this.watches.delete(node);
    else if (watch.askedAt !== null) {
      if (now >= watch.askedAt + LINK_LIMITS.nodeSilentMs) this.abandon(node);
    } else if (now >= watch.nextAt) {
      this.watches.set(node, { ...watch, askedAt: now });
      this.parts.ask(now, node, { do: 'request', ref: WATCH_REF, request: { type: 'echo' }, socket: null });
    }
  }

  /** Nothing comes from it any more, and somebody waits there. */
  private abandon(node: NodeLink): void {
    node.silent = true;
    this.watches.delete(node);
    for (const [key, bound] of [...this.joins]) {
      if (bound.node !== node || !bound.waits) continue;
      this.joins.delete(key);
      this.parts.over(node, bound.sid);
    }
  }
}

/** What a node says that does not know the host, which another may. */
const ELSEWHERE: readonly string[] = ['HOST_OFFLINE', 'CODE_UNKNOWN', 'MASTER_UNREACHABLE'];
/** Nobody who could tell has answered. */
export const UNREACHABLE: Response = { type: 'failed', failure: 'MASTER_UNREACHABLE', detail: '', retryAfterMs: 0 };
