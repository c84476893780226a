/**
 * What waits for a line that is full, of one connection. A game has no use for what comes late, so little is kept: the oldest of the
 * large datagrams go first, small ones (a step, a shot, a word) go before large ones (a piece of a map) and stay longer.
 */
import type { Instant } from '../contract.ts';
import { CONNECTION_LIMITS as LIMITS } from './limits.ts';

export interface Waiting {
  readonly at: Instant;
  readonly bytes: Uint8Array;
  readonly lane: number;
}

export class Backlog {
  private small: Waiting[] = [];
  private large: Waiting[] = [];
  private held = 0;

  get empty(): boolean {
    return this.held === 0;
  }

  /** Keeps it, and at most so many bytes with it. Gives how many datagrams had to go. */
  push(waiting: Waiting, bytesMax: number): number {
    const kind = waiting.bytes.length <= LIMITS.smallBytes ? this.small : this.large;
    kind.push(waiting);
    this.held += waiting.bytes.length;
    let gone = 0;
    // The one that has just come is the last to go.
    while (this.held > bytesMax && this.small.length + this.large.length > 1) {
      const oldest = this.large.length > (kind === this.large ? 1 : 0) ? this.large.shift() : this.small.shift();
      this.held -= oldest?.bytes.length ?? 0;
      gone++;
    }
    return gone;
  }

  /** The next to be sent, and how many were too old for that; null: none is left. */
  pop(now: Instant): { readonly next: Waiting | null; readonly gone: number } {
    let gone = 0;
    for (;;) {
      const next = this.small.shift() ?? this.large.shift() ?? null;
      this.held -= next?.bytes.length ?? 0;
      if (next === null || now - next.at <= LIMITS.backlogAgeMs) return { next, gone };
      gone++;
    }
  }

  clear(): number {
    const gone = this.small.length + this.large.length;
    this.small = [];
    this.large = [];
    this.held = 0;
    return gone;
  }
}
