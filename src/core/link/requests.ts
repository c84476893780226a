/**
 * The requests of a link that wait for their answer: repeated at 250, 500, 1000 ms ... (8 tries), given up after that, kept
 * over reconnects. The 16-bit id on the wire is ours; `ref` is the caller's.
 */
import { type Instant, NEVER, type SocketId } from '../contract.ts';
import { LIMITS } from '../limits.ts';
import { answerTo, type Request, type Response } from '../wire/messages.ts';
import { LINK_LIMITS } from './limits.ts';

export interface OpenRequest {
  /** Null: the link's own (echo). */
  readonly ref: number | null;
  readonly request: Request;
  readonly socket: SocketId | null;
  /** Of the socket, where it is not known to be that of the session. */
  readonly family: 4 | 6 | null;
  readonly id: number;
  readonly giveUpAt: Instant;
  tries: number;
  /** Of the newest try; the round trip is measured only where there was one try (Karn's rule). */
  sentAt: Instant;
  nextAt: Instant;
}

export class LinkRequests {
  private readonly byId = new Map<number, OpenRequest>();
  private nextId: number;

  constructor(firstId: number) {
    this.nextId = firstId;
  }

  add(now: Instant, ref: number | null, request: Request, socket: SocketId | null, family: 4 | 6 | null = null): void {
    while (this.byId.has(this.nextId)) this.nextId = (this.nextId + 1) & 0xffff;
    const id = this.nextId;
    this.nextId = (id + 1) & 0xffff;
    const giveUpAt = now + LINK_LIMITS.requestGiveUpMs;
    this.byId.set(id, { ref, request, socket, family, id, giveUpAt, tries: 0, sentAt: now, nextAt: now });
  }

  /** Others decide how many: a peer asks because of what it is sent. */
  get full(): boolean {
    return this.byId.size >= LINK_LIMITS.linkRequestsMax;
  }

  /** The request that an answer belongs to, no longer open; what can't be its answer is none. */
  settle(id: number, { type }: Response): OpenRequest | null {
    const open = this.byId.get(id);
    if (open === undefined || (type !== 'failed' && type !== answerTo(open.request))) return null;
    this.byId.delete(id);
    return open;
  }

  /** Those of this socket are due at once, because the master did not listen to it before. */
  again(now: Instant, socket: SocketId | null): void {
    for (const open of this.byId.values()) if (open.socket === socket && open.nextAt !== NEVER) open.nextAt = now;
  }

  cancel(ref: number): void {
    for (const open of this.byId.values()) if (open.ref === ref) this.byId.delete(open.id);
  }

  /** Is one of the link's own still being asked? One that has used up its tries may be answered late, but asks no more. */
  get echoing(): boolean {
    for (const open of this.byId.values()) if (open.ref === null && open.nextAt !== NEVER) return true;
    return false;
  }

  /** Whose time is over; no longer open. */
  expired(now: Instant): OpenRequest[] {
    const expired = [...this.byId.values()].filter((open) => open.giveUpAt <= now);
    for (const open of expired) this.byId.delete(open.id);
    return expired;
  }

  /** Those to be sent now (with `all` false only the link's own); a slow path is not asked twice for nothing. */
  due(now: Instant, rttMs: number, all: boolean): OpenRequest[] {
    const due = [...this.byId.values()].filter((open) => open.nextAt <= now && (all || open.ref === null));
    // A second at most: one answer that came very late must not keep the link from noticing the next silence.
    const patience = Math.min(1.5 * rttMs, LIMITS.requestRepeatMs[2]);
    for (const open of due) {
      open.tries++;
      open.sentAt = now;
      open.nextAt = open.tries < LIMITS.requestTriesMax ? now + Math.max(pauseOf(open), patience) : NEVER;
    }
    return due;
  }

  /** A new session: everything open goes out at once, the link's own echoes are void. */
  restart(now: Instant): void {
    for (const open of this.byId.values()) {
      if (open.ref === null) this.byId.delete(open.id);
      open.nextAt = now;
      open.tries = 0;
    }
  }

  /** Which of them may be sent just now; the others have only the deadline at which they are given up. */
  next(sending: 'all' | 'own' | 'none'): Instant {
    let next = NEVER;
    for (const open of this.byId.values()) {
      const sends = sending === 'all' || (sending === 'own' && open.ref === null);
      next = Math.min(next, open.giveUpAt, sends ? open.nextAt : NEVER);
    }
    return next;
  }
}

/** Echoes are how a dead session is noticed, so they come thick; what others ask backs off (docs/reference/security.md §3.2). */
function pauseOf(open: OpenRequest): number {
  if (open.ref === null) return LINK_LIMITS.linkEchoRepeatMs;
  return LIMITS.requestRepeatMs[Math.min(open.tries - 1, LIMITS.requestRepeatMs.length - 1)] as number;
}
