/**
 * A host's registrations: with its master, and where that is a fleet with each node of its code. Each goes its own way; what they come to is
 * told once.
 */
import type { Instant } from '../../contract.ts';
import type { FailureCode } from '../../errors.ts';
import type { NatProfile } from '../../nat/profile.ts';
import type { PeerContext } from '../base/context.ts';
import { type Announced, Registration, type RegistrationEvent } from './registration.ts';

export class Registrations {
  private readonly context: PeerContext;
  private readonly onEvent: (event: RegistrationEvent) => void;
  private readonly byNode = new Map<string, Registration>();
  /** Seconds of our own clock: whoever hosts with this key after us has a larger one, and no node's clock has any part in it. */
  private readonly generation: number;
  private announced: Announced;
  private failure: FailureCode | null = null;
  private over = false;

  constructor(context: PeerContext, announced: Announced, onEvent: (event: RegistrationEvent) => void) {
    this.context = context;
    this.generation = Math.floor(context.config.wallClock() / 1_000) >>> 0;
    this.announced = announced;
    this.onEvent = onEvent;
    this.at('');
  }

  link(now: Instant, node: string, up: boolean): void {
    if (!this.over) this.at(node).link(now, up);
  }

  /** The session with this node is about to end. */
  leave(now: Instant, node: string): void {
    this.byNode.get(node)?.goodbye(now);
    this.byNode.delete(node);
  }

  announce(now: Instant, announced: Announced): void {
    this.announced = announced;
    for (const one of this.byNode.values()) one.announce(now, announced);
  }

  profiled(now: Instant, profile: NatProfile): void {
    for (const one of this.byNode.values()) one.profiled(now, profile);
  }

  replaced(now: Instant, node: string): void {
    this.byNode.get(node)?.replaced(now);
  }

  goodbye(now: Instant): void {
    this.over = true;
    for (const one of this.byNode.values()) one.goodbye(now);
    this.context.stand(now, null);
  }

  private at(node: string): Registration {
    const known = this.byNode.get(node);
    if (known !== undefined) return known;
    const made = new Registration(this.context, node, this.generation, this.announced, (now, event) =>
      this.tell(now, event),
    );
    this.byNode.set(node, made);
    return made;
  }

  private tell(now: Instant, event: RegistrationEvent): void {
    if (event.ev === 'registered') {
      if (!this.over) this.context.stand(now, event.code);
      this.failure = null;
    } else {
      // What one node says the others say as well.
      if (this.failure === event.failure && this.byNode.size > 1) return;
      this.failure = event.failure;
    }
    this.onEvent(event);
  }
}
