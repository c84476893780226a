/**
 * How often a link shows that it is there, and looks whether its master is. While somebody waits for something, and soon after, every two
 * seconds; else as seldom as the master asks for, and as the mapping of the session bears. Each echo is two packets, and a heartbeat of a
 * host is as good as one.
 */
import { type Instant, NEVER } from '../contract.ts';
import type { Push, Request } from '../wire/messages.ts';
import { LINK_LIMITS } from './limits.ts';

/** What is said by the clock, so that nobody waits for its answer. */
const BY_THE_CLOCK: readonly Request['type'][] = ['heartbeat', 'echo', 'relays', 'nodes', 'goodbye'];

export class Presence {
  private alertUntil: Instant = 0;
  /** So long the NAT before us keeps a mapping that is idle, for all that is known: a silence that one was seen to survive. */
  private lifeMs = NEVER;

  /** A new session: what it is for comes in a moment. */
  begin(now: Instant): void {
    this.alert(now, LINK_LIMITS.linkAlertMs);
  }

  asked(now: Instant, { type }: Request): void {
    if (!BY_THE_CLOCK.includes(type)) this.alert(now, LINK_LIMITS.linkAlertMs);
  }

  /** Whoever is told that the master goes looks when it is gone, and finds it again as soon as one that was watched. */
  pushed(now: Instant, push: Push): void {
    const going = push.type === 'going-away' ? push.afterMs : 0;
    this.alert(now, LINK_LIMITS.linkAlertMs + Math.min(going, LINK_LIMITS.linkGoingMsMax));
  }

  hold(lifeMs: number | null): void {
    this.lifeMs = lifeMs ?? NEVER;
  }

  /** When the master is asked that was heard last at this time. */
  echoAt(heardAt: Instant, pingMs: number): Instant {
    const seldom = Math.min(pingMs, Math.max(LINK_LIMITS.linkAlertPingMs, this.lifeMs));
    const often = heardAt + Math.min(seldom, LINK_LIMITS.linkAlertPingMs);
    return often <= this.alertUntil ? often : heardAt + seldom;
  }

  private alert(now: Instant, forMs: number): void {
    this.alertUntil = Math.max(this.alertUntil, now + forMs);
  }
}
