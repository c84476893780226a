/**
 * Joins by a link of another masterserver than the one set: each such masterserver gets an agent of its own, so that nothing that runs
 * over the first one ends. Kept for the next join there, until there are too many.
 */
import { type Agent, SallyportError } from '../agent/index.ts';
import { parseMasterLink } from '../core/index.ts';
import { APP_LIMITS } from './limits.ts';

export class Elsewhere {
  readonly #open: (master: string) => Promise<Agent>;
  /** By the key of the masterserver, the one that was used last at the end. */
  readonly #agents = new Map<string, Promise<Agent>>();

  constructor(open: (master: string) => Promise<Agent>) {
    this.#open = open;
  }

  /** Rejects with BUSY where joins of too many masterservers go on. */
  async agentFor(master: string, inUse: ReadonlySet<Agent>): Promise<Agent> {
    const key = keyOf(master);
    await this.#makeRoom(key, inUse);
    const opening = this.#agents.get(key) ?? this.#open(master);
    this.#agents.delete(key);
    this.#agents.set(key, opening);
    try {
      return await opening;
    } catch (error) {
      this.#agents.delete(key);
      throw error;
    }
  }

  /** For one more than there are, unless `wanted` is there. */
  async #makeRoom(wanted: string, inUse: ReadonlySet<Agent>): Promise<void> {
    for (const [key, opening] of this.#agents) {
      if (this.#agents.has(wanted) || this.#agents.size < APP_LIMITS.mastersElsewhereMax) return;
      const agent = await opening.catch(() => null);
      if (agent !== null && inUse.has(agent)) continue;
      this.#agents.delete(key);
      await agent?.close();
    }
    if (this.#agents.size >= APP_LIMITS.mastersElsewhereMax) throw new SallyportError('BUSY');
  }

  async close(): Promise<void> {
    const agents = [...this.#agents.values()];
    this.#agents.clear();
    for (const opening of agents) await (await opening.catch(() => null))?.close();
  }
}

/** Two links lead to the same masterserver where they have its key, whatever ways they name. */
export function isSameMaster(left: string, right: string): boolean {
  return keyOf(left) === keyOf(right);
}

function keyOf(master: string): string {
  const link = parseMasterLink(master);
  return 'problem' in link ? master : Buffer.from(link.key).toString('base64url');
}
