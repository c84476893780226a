import type { Endpoint } from '../../address.ts';
import type { Instant, SocketId } from '../../contract.ts';
import type { ProbeClass, SidePlan } from '../plan/side-plan.ts';

/** What a salvo needs of the side that runs it. */
export interface Range {
  open(): SocketId;
  close(socket: SocketId): void;
  /** Sends a probe and answers null, or the instant from which to try again. */
  shoot(now: Instant, plan: SidePlan, socket: SocketId, to: Endpoint, ttl: number | null): Instant | null;
  /** How long the mappings of a birthday of this side live, as far as it is known now. */
  lifetimeMs(): number;
  /** Asks a source for the mapping of the socket; the answer comes through `answered`. Null = sent. */
  ask(now: Instant, kind: ProbeClass, socket: SocketId): Instant | null;
}
