/** What `host` says of the games: whether they listen, which port may have been meant, and that there is TCP at it, too. */
import { isLoopback, isPrivate } from '../core/address.ts';
import type { ServiceTarget } from '../core/index.ts';
import { gameAt } from '../games/index.ts';
import { SallyportError } from '../node/failure.ts';
import { isHere } from '../node/listening.ts';
import { type CheckedPort, type GameNews, gamePorts, type Look, lookAtGames, portText } from './game.ts';
import { CLI_LIMITS } from './limits.ts';
import type { Terminal } from './terminal.ts';
import { t } from './words/index.ts';

export class GameLook {
  readonly #terminal: Terminal;
  readonly #services: readonly ServiceTarget[];
  readonly #ports: readonly CheckedPort[];
  /** Those where nothing listened at the last look; null before the first. */
  #silent: ReadonlySet<string> | null = null;
  /** At other computers: what has not refused us. */
  #elsewhere: ReadonlyMap<string, Look> = new Map();
  readonly #tcpTold = new Set<number>();
  #timer: NodeJS.Timeout | null = null;

  constructor(terminal: Terminal, services: readonly ServiceTarget[]) {
    this.#terminal = terminal;
    this.#services = services;
    this.#ports = gamePorts(services);
  }

  /** The first look. Throws GAME_SILENT where nothing listens and nobody wants to wait. */
  async begin(noWait: boolean): Promise<void> {
    const news = await lookAtGames(this.#services);
    const silent = news.silent.map(portText).join(', ');
    if (noWait && silent !== '') {
      const detail = `${t('Nothing listens at {ports}.', { ports: silent })}${meant(news)}`;
      throw new SallyportError('GAME_SILENT', { detail });
    }
    this.#tell(news);
  }

  /** One line whenever a game server comes or goes. */
  goOn(): void {
    this.#timer = setInterval(
      () => void lookAtGames(this.#services, this.#elsewhere).then((news) => this.#tell(news)),
      CLI_LIMITS.gameWatchMs,
    );
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  #tell(news: GameNews): void {
    const terminal = this.#terminal;
    const before = this.#silent;
    const now = new Set(news.silent.map(portText));
    this.#silent = now;
    const unseen = new Set(news.unseen.map(portText));
    const unseenNew = [...unseen].filter((text) => !this.#elsewhere.has(text));
    const there = this.#ports.filter((port) => !isHere(port.address) && !now.has(portText(port)));
    this.#elsewhere = new Map(
      there.map((port) => [portText(port), unseen.has(portText(port)) ? 'unseen' : 'listens'] as const),
    );
    for (const port of news.alsoTcp) this.#tellTcp(port);
    const texts = this.#ports.map(portText).filter((text) => !unseen.has(text));
    const came = texts.filter((text) => !now.has(text) && (before === null || before.has(text)));
    const gone = texts.filter((text) => now.has(text) && before?.has(text) !== true);
    if (came.length > 0) terminal.fact('done', 'Game', listening(came));
    if (unseenNew.length > 0) {
      const where = t('{ports} is at another computer: whether a server listens there shows when a friend plays', {
        ports: unseenNew.join(', '),
      });
      terminal.fact('info', 'Game', where);
    }
    const ports = gone.join(', ');
    if (gone.length > 0 && before === null) {
      const waits = t('nothing listens on {ports} yet: waiting for your game server. (Wrong port?)', { ports });
      // It has to be typed, and tells nobody where somebody is.
      const local = [...news.silent, ...news.near].every(({ address }) => isLoopback(address) || isPrivate(address));
      terminal.fact('warn', 'Game', `${waits}${meant(news)}`, local ? 'whole' : 'masked');
    } else if (gone.length > 0)
      terminal.fact('warn', 'Game', t('nothing listens on {ports}: friends get no answer until it does', { ports }));
    if (gone.length === 0 && (came.length === 0 || before === null)) return;
    const [silent, near] = [news.silent.map(portText), news.near.map(portText)];
    terminal.event('game', { listening: silent.length === 0, silent, near });
  }

  /** Once. It is not added by itself: it may be a port for whoever administers the server. */
  #tellTcp(port: number): void {
    if (this.#tcpTold.has(port)) return;
    this.#tcpTold.add(port);
    this.#terminal.event('notice', { kind: 'tcp-too', port });
    const words = t(
      'also listens on tcp {port}, which friends do not reach: if the game needs it, host {port}/udp+tcp',
      { port },
    );
    this.#terminal.fact('info', 'Game', words);
  }
}

function listening(texts: readonly string[]): string {
  const ports = texts.join(', ');
  return texts.length === 1 ? t('{ports} is listening', { ports }) : t('{ports} are listening', { ports });
}

function meant({ near }: GameNews): string {
  if (near.length === 0) return '';
  const texts = [...new Set(near.map(namedPort))];
  return ` ${listening(texts)}: ${texts.length === 1 ? t('did you mean that?') : t('did you mean one of these?')}`;
}

/** `udp 127.0.0.1:8303 (DDNet)` */
function namedPort(at: CheckedPort): string {
  const game = gameAt(at.protocol, at.port);
  return game === null ? portText(at) : `${portText(at)} (${game.name})`;
}
