/** `sallyport join CODE`, as far as it is understood: docs/reference/product.md §4B. */
import { readJoinTarget } from '../agent/check-options.ts';
import { showCode } from '../core/model/code.ts';
import { isServerAddress } from '../core/wire/entry-wire.ts';
import { usage } from '../node/failure.ts';
import { checkAgentFlags, readPassword } from './agent-flags.ts';
import { JOIN_FLAGS } from './commands.ts';
import { readCommandLine } from './flags.ts';
import { masterOf } from './master-of.ts';
import { askPassword } from './prompt.ts';
import type { Invocation } from './run.ts';
import { t } from './words/index.ts';

export type JoinFlags = ReturnType<typeof readCommandLine<typeof JOIN_FLAGS>>['flags'];

export async function joinCommand(invocation: Invocation): Promise<void> {
  const { flags, words, given } = readCommandLine(JOIN_FLAGS, ['CODE'], invocation.argv, invocation.env);
  const { terminal } = invocation;
  const text = words[0] as string;
  if (isServerAddress(text)) {
    checkAgentFlags(flags);
    const { joinOfficial } = await import('./join-official.ts');
    return joinOfficial(invocation, flags, text);
  }
  if (flags.noray && flags['local-port'] !== undefined)
    throw usage(t('With --noray the game says its port itself: leave out {words}.', { words: '--local-port' }));
  const target = readJoinTarget(text);
  const fromFile = readPassword(flags['password-file']);
  const master = await masterOf({ master: flags.master, given: given.has('master') }, target, terminal);
  checkAgentFlags({ ...flags, master });
  terminal.fact('info', 'Looking', t('for {code}', { code: showCode(target.code) }));
  const password = flags.password ? await askPassword(t('Password of the host: '), invocation.signal) : fromFile;
  const { reachHost } = await import('./join-reach.ts');
  await reachHost({ invocation, flags, text, password, master, target });
}
