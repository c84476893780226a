/** The public servers as the session with the masterserver tells them. */
import { type Agent, SallyportError } from '../agent/index.ts';
import type { FailureCode, ListEntry } from '../core/index.ts';

/** The list is asked for this often while a page looks, a long one more seldom: ten entries come in one datagram. */
export const LIST_INTERVAL_MS = 5000;
const LIST_INTERVAL_MS_PER_ENTRY = 50;

/** The last good one stays when a fetch fails. */
export class MasterList {
  readonly #agent: () => Agent | null;
  readonly #onChange: () => void;
  entries: readonly ListEntry[] = [];
  at: number | null = null;
  failure: FailureCode | null = null;

  constructor(agent: () => Agent | null, onChange: () => void) {
    this.#agent = agent;
    this.#onChange = onChange;
  }

  isDue(now: number): boolean {
    return now >= (this.at ?? 0) + LIST_INTERVAL_MS_PER_ENTRY * this.entries.length;
  }

  async fetch(): Promise<void> {
    const agent = this.#agent();
    if (agent === null) return;
    try {
      this.entries = await agent.list();
      [this.at, this.failure] = [Date.now(), null];
    } catch (error) {
      this.failure = error instanceof SallyportError ? error.code : 'INTERNAL';
    }
    this.#onChange();
  }
}
