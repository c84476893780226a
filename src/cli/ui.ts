/** `sallyport ui`: the same functions in a local page. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Engine, type Opener, openBrowser, SettingsFile, serveUi } from '../app/index.ts';
import { SallyportError, usage } from '../node/index.ts';
import { stateDir } from './agents.ts';
import { UI_FLAGS } from './commands.ts';
import { readCommandLine } from './flags.ts';
import { type Invocation, untilStopped } from './run.ts';

export async function uiCommand(invocation: Invocation): Promise<void> {
  const { flags } = readCommandLine(UI_FLAGS, [], invocation.argv, invocation.env);
  const { terminal, env, signal, stop } = invocation;
  const directory = stateDir(flags, env);
  const settings = new SettingsFile(directory);
  const problem = flags.master === undefined ? null : settings.change({ master: flags.master, stun: [...flags.stun] });
  if (problem !== null) throw usage(`--master: ${problem.text}`);
  const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  const engine = new Engine({
    settings,
    stateDir: directory,
    keyFile: join(directory, 'host-app.key'),
    version,
    env,
    clipboard: !flags['no-clipboard'],
    onQuit: stop,
  });
  const server = await serveUi(engine, flags.port ?? 0).catch((error: NodeJS.ErrnoException) => {
    throw new SallyportError(error.code === 'EADDRINUSE' ? 'LOCAL_PORT_BUSY' : 'INTERNAL', { detail: error.message });
  });
  let opener: Opener | null = null;
  try {
    await engine.start();
    const link = flags.playground ? server.link.replace('/#', '/playground#') : server.link;
    terminal.event('ready', { link });
    terminal.result(link);
    terminal.fact('done', 'App', `${link}      (open it in a browser; Ctrl+C ends it)`, 'whole');
    if (!flags['no-open']) opener = openBrowser(link, directory);
    await untilStopped(signal);
  } finally {
    opener?.close();
    await server.close();
    await engine.close();
  }
}
