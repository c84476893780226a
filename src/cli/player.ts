/** The name by which hosts see whoever joins: `--name`, or what the person has once said, here or in the app. */
import { cleanText, PEER_LIMITS } from '../core/index.ts';
import { type PlayerName, playerName } from '../node/index.ts';
import type { Terminal } from './terminal.ts';

export class Player {
  readonly #terminal: Terminal;
  readonly #kept: PlayerName;

  constructor(terminal: Terminal, stateDir: string) {
    this.#terminal = terminal;
    this.#kept = playerName(stateDir);
  }

  /** What is shown to the host of this join; undefined: nothing. */
  shown(given: string | undefined): string | undefined {
    const known = this.#kept.get();
    if (given !== undefined && known === null) this.#keep(given);
    return given ?? (known === null || known === '' ? undefined : known);
  }

  /** Asks a person at a terminal, once. Nobody waits for the answer: it is a key, and holds from the next join on. */
  askOnce(): void {
    if (!process.stdin.isTTY || this.#kept.get() !== null) return;
    this.#terminal.say('  Hosts see you without a name. N gives one, for this and all other hosts (or --name).');
    this.#keep('');
  }

  named(typed: string): void {
    const name = cleanText(typed, PEER_LIMITS.nameShownMax).trim();
    const kept = this.#keep(name);
    const words = name === '' ? 'none: hosts see you without one' : `${name}: hosts see it from the next join on`;
    this.#terminal.fact(kept ? 'done' : 'warn', 'Name', kept ? words : 'could not be written down');
  }

  #keep(name: string): boolean {
    try {
      this.#kept.keep(name);
      return true;
    } catch {
      return false;
    }
  }
}
