/** Who waits for a turn to punch: first come, first served; whoever does not knock again in time has gone. */
import type { Instant } from '../contract.ts';
import { LIMITS } from '../limits.ts';
import type { FriendId } from './interface.ts';

export class HardQueue {
  private waiters: { readonly friend: FriendId; readonly seenAt: Instant }[] = [];

  anybody(now: Instant): boolean {
    this.waiters = this.waiters.filter(({ seenAt }) => now - seenAt < LIMITS.queueForgetMs);
    return this.waiters.length > 0;
  }

  /** 0: your turn. Else the place in the queue, counted from 1. `busy`: somebody has the turn. */
  place(now: Instant, friend: FriendId, busy: boolean): number {
    this.anybody(now);
    const at = this.waiters.findIndex((waiter) => waiter.friend === friend);
    if (!busy && (at === 0 || this.waiters.length === 0)) {
      this.waiters.shift();
      return 0;
    }
    const waiter = { friend, seenAt: now };
    if (at >= 0) this.waiters[at] = waiter;
    else if (this.waiters.length < LIMITS.guestsMax) this.waiters.push(waiter);
    return at >= 0 ? at + 1 : this.waiters.length;
  }
}
