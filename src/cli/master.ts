/** `sallyport master`, as far as it is understood: docs/operating.md. */
import { MASTER_FLAGS } from './commands.ts';
import { type Flags, readCommandLine } from './flags.ts';
import type { Invocation } from './run.ts';
import { isStoreAct } from './store-acts.ts';
import { t } from './words/index.ts';

export type MasterFlagValues = ReturnType<typeof readCommandLine<typeof MASTER_FLAGS>>['flags'];

export async function masterCommand(invocation: Invocation): Promise<void> {
  const { argv, env, terminal } = invocation;
  const act = argv.find((word, index) => !word.startsWith('-') && !takesValue(argv[index - 1] ?? ''));
  if (act !== undefined && isStoreAct(act)) {
    const { storeCommand } = await import('./master-store.ts');
    return storeCommand(act, invocation);
  }
  const { flags } = readCommandLine(MASTER_FLAGS, [], argv, env);
  if (flags['self-test']) {
    const { selfTest } = await import('./master-self-test.ts');
    return selfTest(invocation, flags);
  }
  if (!flags['install-service']) terminal.fact('info', 'Starting', t('a masterserver'));
  const { runMaster } = await import('./master-run.ts');
  await runMaster(invocation, flags);
}

/** Whether the word behind it belongs to it. */
export function takesValue(flag: string): boolean {
  const table: Flags = MASTER_FLAGS;
  return flag.startsWith('--') && !flag.includes('=') && table[flag.slice(2)]?.kind !== 'on';
}
