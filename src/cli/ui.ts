/** `sallyport ui`: the same functions in a local page. */
import { join } from 'node:path';
import { type Opener, openBrowser, SettingsFile } from '../app/index.ts';
import { SallyportError, usage } from '../node/index.ts';
import { stateDir } from './agent-flags.ts';
import { UI_FLAGS } from './commands.ts';
import { openControl } from './control.ts';
import { readCommandLine } from './flags.ts';
import { startOwnMaster } from './own-master.ts';
import { type Invocation, untilStopped } from './run.ts';
import { t, told } from './words/index.ts';

export async function uiCommand(invocation: Invocation): Promise<void> {
  const { flags } = readCommandLine(UI_FLAGS, [], invocation.argv, invocation.env);
  const { terminal, env, signal } = invocation;
  const directory = stateDir(flags, env);
  const settings = new SettingsFile(directory);
  const problem = flags.master === undefined ? null : settings.change({ master: flags.master, stun: [...flags.stun] });
  if (problem !== null) throw usage(t('--master: {why}', { why: told(problem.text) }));
  const app = await openControl({
    does: { program: 'app', settings, stateDir: directory, keyFile: join(directory, 'host-app.key') },
    ...{ stateDir: directory, invocation, clipboard: !flags['no-clipboard'], port: flags.port ?? 0, page: true },
    startMaster: startOwnMaster,
  }).catch((error: NodeJS.ErrnoException) => {
    throw new SallyportError(error.code === 'EADDRINUSE' ? 'LOCAL_PORT_BUSY' : 'INTERNAL', { detail: error.message });
  });
  let opener: Opener | null = null;
  try {
    await app.engine.start();
    const link = flags.playground ? app.link.replace('/#', '/playground#') : app.link;
    terminal.event('ready', { link });
    terminal.result(link);
    terminal.fact('done', 'App', `${link}      ${t('(open it in a browser; Ctrl+C ends it)')}`, 'whole');
    if (!flags['no-open']) opener = openBrowser(link, directory);
    await untilStopped(signal);
  } finally {
    opener?.close();
    await app.close();
  }
}
