/**
 * Asks an unmodified game on this computer for its name, map and players, by the optional package gamedig, which speaks the
 * protocols of some hundred games. The host's own agent asks, because only it reaches the game (decisions/0014).
 */

import { cleanText, type Endpoint, WIRE_LIMITS } from '../core/index.ts';
import { usage } from '../node/index.ts';
import { AGENT_LIMITS } from './limits.ts';

export interface GameStatus {
  readonly name: string;
  readonly map: string;
  /** Human beings. */
  readonly players: number;
}

/** Null where the game did not answer. */
export type AskGame = () => Promise<GameStatus | null>;

/** `wanted`: a type of gamedig, as `q3a`; with `:PORT` behind it where the game answers questions on a port of their own. */
export async function gameAsker(wanted: string, game: Endpoint): Promise<AskGame> {
  const [, type = '', port] = /^([\w-]+)(?::(\d{1,5}))?$/.exec(wanted) ?? [];
  let gamedig: typeof import('gamedig');
  try {
    gamedig = await import('gamedig');
  } catch (error) {
    throw usage('Asking the game needs a package that is not installed: npm install gamedig.', error);
  }
  if (!Object.hasOwn(gamedig.games, type)) {
    throw usage(`gamedig knows no game "${wanted}": its types are listed at https://www.npmjs.com/package/gamedig.`);
  }
  const questioner = new gamedig.GameDig();
  const query = {
    ...{ type, host: game.address, port: port === undefined ? game.port : Number(port) },
    // Elsewhere on this computer another game may answer.
    givenPortOnly: true,
    ...{ maxRetries: 1, socketTimeout: AGENT_LIMITS.gameAnswerMs, attemptTimeout: AGENT_LIMITS.gameAnswerMs },
  };
  return async () => {
    try {
      return statusOf(await questioner.query(query));
    } catch {
      return null;
    }
  };
}

/** What a game says is as hostile as any datagram: texts and numbers, or nothing. */
function statusOf(state: Readonly<Record<string, unknown>>): GameStatus {
  const text = (value: unknown, charactersMax: number): string =>
    typeof value === 'string' ? cleanText(value, charactersMax) : '';
  const all = Math.floor(Number(state.numplayers));
  const bots = Array.isArray(state.bots) ? state.bots.length : 0;
  const players = Number.isFinite(all) ? Math.min(Math.max(0, all - bots), AGENT_LIMITS.playersTold) : 0;
  const { announcedNameBytesMax, announcedTextBytesMax } = WIRE_LIMITS;
  return { name: text(state.name, announcedNameBytesMax), map: text(state.map, announcedTextBytesMax), players };
}

/** Asks at once and then again and again, and tells what has changed; null where there was no answer. */
export function keepAsking(ask: AskGame, tell: (status: GameStatus | null) => void): { stop(): void } {
  let stopped = false;
  let timer: NodeJS.Timeout | null = null;
  let told = '';
  const round = async (): Promise<void> => {
    const status = await ask();
    if (stopped) return;
    if (told !== JSON.stringify(status)) tell(status);
    told = JSON.stringify(status);
    timer = setTimeout(round, AGENT_LIMITS.gameAskMs);
  };
  void round();
  return {
    stop() {
      stopped = true;
      if (timer !== null) clearTimeout(timer);
    },
  };
}
