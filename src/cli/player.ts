/** The name by which others see this person: `--name`, what was once said, here or in the app, else what the system calls them. */
import { cleanText, PEER_LIMITS } from '../core/index.ts';
import { type PlayerName, playerName, systemName } from '../node/index.ts';
import type { Terminal } from './terminal.ts';
import { t } from './words/index.ts';

/** For whoever hosts without a name. */
export function nameOfPerson(stateDir: string): string {
  return playerName(stateDir).get() ?? systemName();
}

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
    const name = given ?? known ?? systemName();
    return name === '' ? undefined : name;
  }

  /** Asks a person at a terminal, once. Nobody waits for the answer: it is a key, and holds from the next join on. */
  askOnce(): void {
    if (!process.stdin.isTTY || this.#kept.get() !== null) return;
    const name = systemName();
    this.#terminal.say(
      name === ''
        ? `  ${t('Hosts see you without a name. N gives one, for this and all other hosts (or --name).')}`
        : `  ${t('Hosts see you as {name}. N gives another name, for this and all other hosts (or --name).', { name })}`,
    );
    this.#keep(name);
  }

  named(typed: string): void {
    const name = cleanText(typed, PEER_LIMITS.nameShownMax).trim();
    const kept = this.#keep(name);
    const words =
      name === '' ? t('none: hosts see you without one') : t('{name}: hosts see it from the next join on', { name });
    this.#terminal.fact(kept ? 'done' : 'warn', 'Name', kept ? words : t('could not be written down'));
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
