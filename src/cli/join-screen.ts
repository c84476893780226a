/** A join as the person sees it go on. */
import {
  type JoinEvent,
  losePath,
  NEW_JOIN,
  nextText,
  notDirectText,
  type PathEvents,
  reduceJoin,
  stageText,
} from '../agent/index.ts';
import { cleanText, PEER_LIMITS } from '../core/index.ts';
import { milliseconds } from './agent-flags.ts';
import { hardText, planText, Repeated, tellProgress } from './join-lines.ts';
import { CLI_LIMITS } from './limits.ts';
import { profileLine } from './profile-line.ts';
import type { Terminal } from './terminal.ts';
import { t, tMaybe } from './words/index.ts';

/** Follows a join for the person: lines for what is done, a status line for what goes on, the box after 15 s. */
export class JoinScreen {
  /** As far as it has come. */
  join = NEW_JOIN;
  /** As the host calls it. */
  game = '';
  readonly #terminal: Terminal;
  readonly #startedAt = performance.now();
  #text = '';
  readonly #repeated: Repeated;
  #ticker: NodeJS.Timeout | null = null;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
    this.#repeated = new Repeated(terminal);
    this.#resume();
  }

  onEvent(event: JoinEvent): void {
    const { silent } = this.join;
    this.join = reduceJoin(this.join, event, Math.round(performance.now() - this.#startedAt));
    if (this.join.silent !== silent && this.join.phase === 'connected') this.#silence();
    tellProgress(this.#terminal, event);
    // Whoever plays through a relay is not told how a direct path is looked for, only why there is none.
    if (this.#ticker === null) {
      if (event.ev === 'hard') this.sayWhy();
      return;
    }
    switch (event.ev) {
      case 'found':
        this.#found(event);
        break;
      case 'networks':
        this.#terminal.fact('done', 'Network', profileLine(event.own));
        break;
      case 'stage':
        this.#text = stageText(event, tMaybe);
        if (event.stage === 'waiting') this.#repeated.say('Waiting', this.#text);
        if (event.stage === 'asked' || event.stage === 'queued') this.#repeated.say('Asked', this.#text);
        break;
      case 'attempt':
        this.#text = planText(event.plan);
        break;
      case 'attempt-over':
        if (event.next !== null) this.#over(event.n, event.result, nextText(event.next, tMaybe));
        break;
      case 'hard':
        this.#hard(event);
        break;
      default:
    }
  }

  /** Where a relay carries the data: why. */
  sayWhy(): void {
    const { notDirect, hard } = this.join;
    if (notDirect === null) return;
    const more = notDirect.because === 'hard-pair' && hard !== null ? ` ${hardText(hard)}` : '';
    this.#repeated.say('Relay', `${notDirectText(notDirect, tMaybe)}${more}`);
  }

  lost(reason: PathEvents['lost'][0]): void {
    this.join = losePath(this.join, reason);
    this.#resume();
  }

  #resume(): void {
    this.#ticker ??= setInterval(() => this.#tick(), CLI_LIMITS.statusLineMs);
  }

  close(): void {
    if (this.#ticker !== null) clearInterval(this.#ticker);
    this.#ticker = null;
    this.#terminal.clearStatus();
  }

  /** Said long before the path is given up: whoever plays sees at once that the game has stopped. */
  #silence(): void {
    if (this.join.silent)
      this.#terminal.fact('warn', 'Path', t('little or nothing comes from the host: it may have gone'));
    else this.#terminal.fact('done', 'Path', t('the host answers again'));
  }

  #found({ hostKey, entry }: Extract<JoinEvent, { ev: 'found' }>): void {
    const name = cleanText(entry.name, PEER_LIMITS.nameShownMax);
    const game = cleanText(entry.game, PEER_LIMITS.nameShownMax);
    this.game = game;
    this.#terminal.event('found', { entry, hostKey: Buffer.from(hostKey).toString('base64url') });
    const { players: inside, playersMax } = entry;
    const players = playersMax > 0 ? t('{inside}/{playersMax} players', { inside, playersMax }) : '';
    const words = [name === '' ? t('the host') : `"${name}"`, game, players].filter((word) => word !== '');
    this.#terminal.fact('done', 'Found', words.join(' · '));
  }

  #over(n: number, result: Extract<JoinEvent, { ev: 'attempt-over' }>['result'], next: string): void {
    if (result === 'put-off') this.#repeated.say('Waiting', next);
    if (result !== 'timeout') return;
    this.#terminal.fact('info', 'Attempt', `${t('{n} did not meet', { n })} · ${this.#clock()} · ${next}`);
    this.#repeated.told('Waiting', next);
  }

  #clock(): string {
    return milliseconds(performance.now() - this.#startedAt);
  }

  #tick(): void {
    const n = this.join.attempts.at(-1)?.n;
    const attempt = n === undefined ? '' : `${t('attempt {n}', { n })} · `;
    this.#terminal.status(`… ${t('Connecting').padEnd(11)} ${attempt}${this.#clock()} · ${this.#text}`);
  }

  /** Not a new mode: attempts go on for ever, the clock and the counter are kept. */
  #hard(event: Extract<JoinEvent, { ev: 'hard' }>): void {
    const { own, peer, attempts } = this.join;
    const n = attempts.at(-1)?.n ?? 1;
    const still = t('Still trying: attempt {n}, {time}.', { n, time: this.#clock() });
    const sides =
      own === null || peer === null
        ? ''
        : ` ${t('Your side: {own}. Host: {peer}.', { own: profileLine(own), peer: profileLine(peer) })}`;
    this.#terminal.say(`${still}${sides}`);
    this.#terminal.say(`  ${hardText(event)}`);
    if (process.stdin.isTTY)
      this.#terminal.say(
        `  ${t('L log of this attempt   A of all   T copy this attempt   C copy all, addresses masked   Q stop')}`,
      );
  }
}
