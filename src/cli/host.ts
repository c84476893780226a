/** `sallyport host PORT...`, as far as it is understood and the game is looked for: docs/reference/product.md §4A. */
import { hostName } from '../agent/check-options.ts';
import { servicesText } from '../agent/words.ts';
import type { ServiceTarget } from '../core/index.ts';
import { parseServices } from '../core/model/service.ts';
import { GAMES, gameNamed } from '../games/index.ts';
import { usage } from '../node/failure.ts';
import { checkAgentFlags, readPassword } from './agent-flags.ts';
import { HOST_FLAGS } from './commands.ts';
import { passwordAdvice, readCommandLine } from './flags.ts';
import { GameLook } from './game-look.ts';
import { didYouMean } from './nearest.ts';
import { askPassword, promptSecret } from './prompt.ts';
import type { Invocation } from './run.ts';
import { t, tMaybe } from './words/index.ts';

export type HostFlags = ReturnType<typeof readCommandLine<typeof HOST_FLAGS>>['flags'];

export async function hostCommand(invocation: Invocation): Promise<void> {
  const { flags, words, given } = readCommandLine(HOST_FLAGS, ['[PORT...]'], invocation.argv, invocation.env);
  const services = servicesOf(flags, words);
  const named = hostName(flags.as ?? (flags.noray ? 'noray' : String(services[0]?.port)));
  checkAgentFlags(flags);
  const fromFile = readPassword(flags['password-file']);
  const { terminal } = invocation;
  const games = new GameLook(terminal, services);
  await games.begin(flags['no-wait']);
  const password = flags.password ? await chosenPassword(invocation) : fromFile;
  const askGame = await askedGame(flags, given);
  if (askGame === null)
    terminal.fact('info', 'Game', t('is not asked for its players: that needs npm install gamedig'));
  const { openHost } = await import('./host-open.ts');
  await openHost(invocation, { flags, services, named, password, games, askGame: askGame ?? undefined });
}

/** The ports that are given, else those of the game. */
function servicesOf(flags: HostFlags, words: readonly string[]): readonly ServiceTarget[] {
  if (flags.noray) {
    if (words.length === 0) return [];
    throw usage(t('With --noray the game says its port itself: leave out {words}.', { words: words.join(' ') }));
  }
  const preset = flags.game === undefined ? null : gameNamed(flags.game);
  if (words.length === 0 && preset === null) {
    const games = GAMES.map(({ id }) => id);
    const meant = flags.game === undefined ? '' : didYouMean(flags.game, games, (word) => `--game ${word}`);
    throw usage(
      `${t('PORT is missing: write the one of your game server, like 30000, or --game with a game of docs/games.md.')}${meant}`,
    );
  }
  const services = parseServices(words.length === 0 ? (preset?.services ?? '') : words.join(' '));
  if (!('problem' in services)) return services;
  if (flags.password && services.problem === 'not-a-service') throw usage(passwordAdvice());
  throw usage(servicesText(services, tMaybe));
}

/** A password that friends need, typed twice as nobody sees it. */
async function chosenPassword({ signal }: Invocation): Promise<string> {
  const password = await askPassword(t('Password that friends need: '), signal);
  const again = await promptSecret(t('Once more: '), signal);
  if (again !== password) throw usage(t('These were two different passwords.'));
  return password;
}

/** What `--ask-game` says, else the type of the game that is named; null where that would be possible with the package. */
async function askedGame(flags: HostFlags, given: ReadonlySet<string>): Promise<string | undefined | null> {
  const wished = flags['ask-game'];
  if (wished === 'off') return undefined;
  if (wished !== undefined || given.has('ask-game')) return wished;
  const type = flags.game === undefined ? undefined : gameNamed(flags.game)?.ask;
  if (type === undefined) return undefined;
  try {
    import.meta.resolve('gamedig');
    return type;
  } catch {
    return null;
  }
}
