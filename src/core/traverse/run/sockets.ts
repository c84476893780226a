/**
 * The sockets that a traversal may send from: those that it has opened, the punching socket that the join has handed over, and the
 * shared ones behind some candidates, which belong to the parent and are never closed here.
 */
import { type Instant, NEVER, type SocketId } from '../../contract.ts';
import type { Outputs } from '../../machine.ts';
import type { TraversalConfig, TraversalEvent } from './interface.ts';
import { RUN_LIMITS } from './limits.ts';

/**
 * A socket on which the peer was heard stays open so long after, whatever becomes of its plan: a proof may be under way, and a
 * client that has its own already would be left with half a path. The client repeats its nomination more often for 7 s.
 */
const PROOF_MS = 2_000;

export class Sockets {
  private readonly config: Pick<TraversalConfig, 'sockets' | 'socket' | 'own'>;
  private readonly out: Outputs<TraversalEvent>;
  private readonly owned: Set<SocketId>;
  private readonly shared: ReadonlySet<SocketId>;
  /** When the peer was last heard on each. */
  private readonly heardAt = new Map<SocketId, Instant>();
  /** Given back by their plans, and kept for a proof that may be under way; the oldest first. */
  private readonly lingering = new Set<SocketId>();

  constructor(config: Pick<TraversalConfig, 'sockets' | 'socket' | 'own'>, out: Outputs<TraversalEvent>) {
    this.config = config;
    this.out = out;
    this.owned = new Set([config.socket]);
    this.shared = new Set(config.own.candidates.flatMap((one) => (one.socket === undefined ? [] : [one.socket])));
  }

  open(): SocketId {
    const socket = this.config.sockets.next();
    this.owned.add(socket);
    this.out.open(socket, 4);
    return socket;
  }

  /** The driver could not open it. */
  failed(socket: SocketId): void {
    this.owned.delete(socket);
  }

  owns(socket: SocketId): boolean {
    return this.owned.has(socket);
  }

  /** A socket may have gone while something still wanted to use it. */
  mayProbeFrom(socket: SocketId): boolean {
    return this.owned.has(socket) || this.shared.has(socket);
  }

  heard(now: Instant, socket: SocketId): void {
    this.heardAt.set(socket, now);
  }

  /** Nothing uses it any more, but for a proof that may be under way where the peer was heard on it. */
  giveBack(socket: SocketId): void {
    if (!this.heardAt.has(socket)) this.close(socket);
    else if (this.lingering.add(socket).size > RUN_LIMITS.proofSocketsMax)
      this.close(this.lingering.values().next().value!);
  }

  run(now: Instant): void {
    for (const socket of this.lingering) if (now >= this.proofEndsAt(socket)) this.close(socket);
  }

  next(): Instant {
    let next = NEVER;
    for (const socket of this.lingering) next = Math.min(next, this.proofEndsAt(socket));
    return next;
  }

  /** The end of it all; `keep` is the socket of the path. */
  closeAllBut(keep: SocketId | null): void {
    for (const socket of [...this.owned]) if (socket !== keep) this.close(socket);
  }

  private close(socket: SocketId): void {
    this.lingering.delete(socket);
    this.heardAt.delete(socket);
    if (this.owned.delete(socket)) this.out.close(socket);
  }

  private proofEndsAt(socket: SocketId): Instant {
    return (this.heardAt.get(socket) ?? 0) + PROOF_MS;
  }
}
