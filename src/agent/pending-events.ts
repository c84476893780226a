/**
 * Applications hear of events after the machine's turn is over, so that whatever they call from a handler takes effect at once
 * (`path.release()` gives the socket back synchronously).
 */
import type { PeerEvent } from '../core/index.ts';

export class PendingEvents {
  #events: PeerEvent[] = [];
  #dispatching = false;
  readonly #dispatch: (event: PeerEvent) => void;

  constructor(dispatch: (event: PeerEvent) => void) {
    this.#dispatch = dispatch;
  }

  /** Something waits, or is being told just now: whatever comes now belongs behind it. */
  get busy(): boolean {
    return this.#dispatching || this.#events.length > 0;
  }

  push(event: PeerEvent): void {
    this.#events.push(event);
    if (this.#events.length === 1) queueMicrotask(() => this.#flush());
  }

  clear(): void {
    this.#events = [];
  }

  #flush(): void {
    const events = this.#events;
    this.#events = [];
    for (const [n, event] of events.entries()) {
      this.#dispatching = true;
      try {
        this.#dispatch(event);
      } finally {
        this.#dispatching = false;
      }
      if (event.ev !== 'path' || event.join === null || n === events.length - 1) continue;
      // Whoever waits for the join takes hold of its path first; the other side's first data may be next already.
      this.#events = [...events.slice(n + 1), ...this.#events];
      setImmediate(() => this.#flush());
      return;
    }
  }
}
