/** `sallyport check`: the own network, for a person or as JSON; once, or again and again; alone, or together with a host. */
import { readJoinTarget } from '../agent/check-options.ts';
import { usage } from '../node/failure.ts';
import { checkAgentFlags, readPassword } from './agent-flags.ts';
import { CHECK_FLAGS } from './commands.ts';
import { readCommandLine } from './flags.ts';
import { masterOf } from './master-of.ts';
import type { Invocation } from './run.ts';
import { t } from './words/index.ts';

export type CheckFlags = ReturnType<typeof readCommandLine<typeof CHECK_FLAGS>>['flags'];

export async function checkCommand(invocation: Invocation): Promise<void> {
  const { flags, given } = readCommandLine(CHECK_FLAGS, [], invocation.argv, invocation.env);
  const everyMs = flags.every === undefined ? null : durationMs(flags.every);
  if (everyMs !== null && flags.with !== undefined) throw usage(t('--every and --with do not go together.'));
  const wishes = { master: flags.master, given: given.has('master') };
  const target = flags.with === undefined ? null : readJoinTarget(flags.with);
  const master = target === null ? flags.master : await masterOf(wishes, target, invocation.terminal);
  checkAgentFlags({ ...flags, master });
  const password = readPassword(flags['password-file']);
  invocation.terminal.fact('info', 'Measuring', t('this network'));
  const { measure } = await import('./check-measure.ts');
  await measure(invocation, { flags: { ...flags, master }, everyMs, password });
}

/** `30`, `30s`, `5m`. At least what STUN servers and routers find polite. */
function durationMs(text: string): number {
  const parts = /^(\d{1,5})(s|m)?$/.exec(text);
  const seconds = parts === null ? 0 : Number(parts[1]) * (parts[2] === 'm' ? 60 : 1);
  if (seconds < 5) throw usage(t('--every {text} is no time like 30s or 5m (5 s at least).', { text }));
  return seconds * 1000;
}
