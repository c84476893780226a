/**
 * Does the game of a host answer? Friends whose game hangs want to know whose fault it is, and nobody may be blamed wrongly:
 *
 * - `absent` is said on the system's word alone: what we sent there was refused ("port unreachable"), or nothing on this computer
 *   listens on the port. Until the game says something, or listens again.
 * - `silent` is said to a friend whose program the game has answered before and that goes on speaking, when the game has said nothing
 *   to anybody for 1.25 s, or for three times as long as it has ever let that program wait. A game that answers others has its reasons
 *   not to answer this one (a kick, a wrong password), and one that has never answered may not have been spoken to in its language.
 * - otherwise it counts as one that answers.
 */
import type { Endpoint, GameState } from '../core/index.ts';
import { isHere, isListenedTo } from '../node/index.ts';
import { AGENT_LIMITS } from './limits.ts';
import type { Path } from './path.ts';

/** What a program of a friend and the game say to each other; its owner counts, the watch judges. */
export interface Talk {
  readonly path: () => Path;
  /** Datagrams since the game has last answered this program, and when the first of them went. */
  unanswered: number;
  since: number;
  /** When the last of them went. */
  spokeAt: number;
  answered: boolean;
  /** The longest that the game has let it wait for something. */
  longestMs: number;
}

export interface GameWatchOptions {
  readonly service: number;
  readonly game: Endpoint;
  /** By which it is looked for. Of TCP nothing is ever `silent`: a game that hangs shows in its connections. */
  readonly protocol: 'udp' | 'tcp';
  /** When the state that holds for everybody changes: `silent` where no friend is answered who waits for it. */
  readonly onState: (state: GameState) => void;
}

export class GameWatch {
  readonly #options: GameWatchOptions;
  readonly #talks = new Set<Talk>();
  readonly #paths = new Map<Path, GameState>();
  readonly #timer: NodeJS.Timeout;
  #state: GameState = 'answers';
  #ticks = 0;
  #listed: boolean | null = null;
  /** What the table of sockets says is not true here: the game answers, and is in no row of it (a forwarded port, for one). */
  #tableLies = false;
  #heardAt = Number.NEGATIVE_INFINITY;
  #refusedAt = Number.NEGATIVE_INFINITY;
  #backAt = Number.NEGATIVE_INFINITY;

  constructor(options: GameWatchOptions) {
    this.#options = options;
    this.#look();
    this.#timer = setInterval(() => this.#tick(), AGENT_LIMITS.gameTickMs);
    this.#timer.unref();
  }

  /** This friend wants to know; told at once where the game does not answer. */
  attach(path: Path): void {
    this.#paths.set(path, 'answers');
    path.on('close', () => this.#paths.delete(path));
    // A connection with new keys knows nothing of what was said before.
    path.on('restored', () => {
      this.#paths.set(path, 'answers');
      this.#judge(performance.now());
    });
    this.#judge(performance.now());
  }

  begin(path: () => Path): Talk {
    const talk = { path, unanswered: 0, since: 0, spokeAt: 0, answered: false, longestMs: 0 };
    this.#talks.add(talk);
    return talk;
  }

  end(talk: Talk): void {
    this.#talks.delete(talk);
  }

  spoken(talk: Talk): void {
    talk.spokeAt = performance.now();
    if (talk.unanswered++ === 0) talk.since = talk.spokeAt;
  }

  answered(talk: Talk): void {
    const now = performance.now();
    // How long it was out is no habit of the game.
    if (talk.unanswered > 0 && talk.answered && this.#paths.get(talk.path()) === 'answers')
      talk.longestMs = Math.max(talk.longestMs, now - talk.since);
    talk.unanswered = 0;
    talk.answered = true;
    this.#heardAt = now;
    if (this.#state !== 'answers') this.#judge(now);
  }

  /** Somebody there has taken a connection. */
  reached(): void {
    this.#heardAt = performance.now();
    if (this.#state !== 'answers') this.#judge(this.#heardAt);
  }

  refused(): void {
    this.#refusedAt = performance.now();
    if (this.#state !== 'absent') this.#judge(this.#refusedAt);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#talks.clear();
    this.#paths.clear();
  }

  #tick(): void {
    if (this.#ticks++ % AGENT_LIMITS.gameTicksPerLook === 0) this.#look();
    this.#judge(performance.now());
  }

  /** Only of this computer can be told what listens on it. */
  #look(): void {
    const { protocol, game } = this.#options;
    const { address, port } = game;
    const before = this.#listed;
    this.#listed = isHere(address) ? isListenedTo(protocol, address, port) : null;
    const now = performance.now();
    if (before === false && this.#listed === true) this.#backAt = now;
    const heardMeanwhile = now - this.#heardAt < AGENT_LIMITS.gameTickMs * (AGENT_LIMITS.gameTicksPerLook - 1);
    if (before === false && this.#listed === false && heardMeanwhile) this.#tableLies = true;
  }

  #judge(now: number): void {
    const absent = this.#isAbsent();
    let waiting = false;
    const silent = new Set<Path>();
    for (const talk of this.#talks) {
      if (!this.#isUnanswered(now, talk)) continue;
      waiting = true;
      silent.add(talk.path());
    }
    for (const [path, before] of this.#paths) {
      const state = absent ? 'absent' : silent.has(path) ? 'silent' : 'answers';
      if (state === before) continue;
      this.#paths.set(path, state);
      path.sayGame(this.#options.service, state);
    }
    const state = absent ? 'absent' : waiting ? 'silent' : 'answers';
    if (state === this.#state) return;
    this.#state = state;
    this.#options.onState(state);
  }

  #isAbsent(): boolean {
    const refused = this.#refusedAt > Math.max(this.#heardAt, this.#backAt);
    return refused || (this.#listed === false && !this.#tableLies);
  }

  #isUnanswered(now: number, { answered, unanswered, since, spokeAt, longestMs, path }: Talk): boolean {
    if (!answered || unanswered < AGENT_LIMITS.gameUnansweredMin) return false;
    const limitMs = Math.max(AGENT_LIMITS.gameSilentMs, 3 * longestMs);
    if (now - Math.max(since, this.#heardAt) < limitMs) return false;
    // Who has been told goes on waiting; a program that has ended does not begin to.
    return this.#paths.get(path()) === 'silent' || now - spokeAt < AGENT_LIMITS.gameSilentMs;
  }
}
