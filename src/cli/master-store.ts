/** `sallyport master check | repair | backup FILE | restore FILE | token`: the store between two runs (docs/operating.md). */

import { backupStore, checkStore, renewToken, repairStore, restoreStore, type StoreReport } from '../master/index.ts';
import { SallyportError } from '../node/index.ts';
import { stateDir } from './agent-flags.ts';
import { STORE_FLAGS } from './commands.ts';
import { readCommandLine } from './flags.ts';
import type { Invocation } from './run.ts';
import type { StoreAct } from './store-acts.ts';
import type { Terminal } from './terminal.ts';
import { t, told } from './words/index.ts';

export async function storeCommand(act: StoreAct, { argv, env, terminal }: Invocation): Promise<void> {
  const withFile = act === 'backup' || act === 'restore';
  const { flags, words } = readCommandLine(STORE_FLAGS, withFile ? ['ACT', 'FILE'] : ['ACT'], argv, env);
  const folder = stateDir(flags, env);
  const file = words[1] ?? '';
  switch (act) {
    case 'check': {
      const report = await checkStore(folder);
      show(terminal, 'check', report);
      if (report.lost !== null) throw new SallyportError('STORE_DAMAGED', { detail: report.lost });
      return;
    }
    case 'repair': {
      const said = await repairStore(folder);
      terminal.event('repair', { said });
      for (const line of said) terminal.fact('warn', 'Store', told(line));
      show(terminal, 'check', await checkStore(folder));
      return;
    }
    case 'backup':
      show(terminal, 'backup', await backupStore(folder, file));
      terminal.say(`  ${t('It holds the secret key of the masterserver: keep it where only you can read it.')}`);
      return;
    case 'restore': {
      const kept = await restoreStore(folder, file);
      terminal.event('restore', { kept });
      for (const name of kept) terminal.fact('info', 'Kept', name);
      show(terminal, 'check', await checkStore(folder));
      return;
    }
    case 'token':
      await renewToken(folder);
      terminal.event('token', {});
      terminal.fact(
        'done',
        'Admin',
        t('the old token is void; the next start of the master leaves a new one in admin.once'),
      );
  }
}

function show(
  terminal: Terminal,
  event: 'check' | 'backup',
  { file, counts, text, newestAt, lost }: StoreReport,
): void {
  terminal.event(event, { file, counts, newestAt, lost });
  const newest = newestAt === null ? '' : `, ${t('the newest of {time}', { time: new Date(newestAt).toISOString() })}`;
  terminal.fact(lost === null ? 'done' : 'warn', 'Store', `${file}: ${told(text) || t('empty')}${newest}`);
  if (lost === null) terminal.result(file);
}
