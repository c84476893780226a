/** `sallyport ui`: the same functions in a local page. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Opener, openBrowser, type SchemeHandler, SettingsFile, schemeHandler } from '../app/index.ts';
import { parseJoinTarget } from '../core/index.ts';
import { ownCommand, SallyportError, usage } from '../node/index.ts';
import { stateDir } from './agent-flags.ts';
import { UI_FLAGS } from './commands.ts';
import { openControl } from './control.ts';
import { readCommandLine } from './flags.ts';
import { CLI_LIMITS } from './limits.ts';
import { startOwnMaster } from './own-master.ts';
import { programs } from './programs.ts';
import { type Invocation, untilStopped } from './run.ts';
import { t, told } from './words/index.ts';

export async function uiCommand(invocation: Invocation): Promise<void> {
  const { flags, given } = readCommandLine(UI_FLAGS, [], invocation.argv, invocation.env);
  // Windows puts a clicked link between two quotes as it is: one with a quote in it would bring flags of its own, like another master.
  if (given.has('link') && invocation.argv.indexOf('--link') !== invocation.argv.length - 2)
    throw usage(t('--link LINK is the end of the line.'));
  const { terminal, env, signal } = invocation;
  const directory = stateDir(flags, env);
  const links = schemeHandler({ platform: process.platform, env, command: [...ownCommand(), 'ui', '--link'] });
  if (flags.register || flags.unregister) return register(invocation, links, flags.register);
  const invited = flags.link === undefined ? '' : invitation(flags.link);
  if (invited !== '' && (await showInRunning(directory, invited))) return;
  const settings = new SettingsFile(directory);
  const problem = flags.master === undefined ? null : settings.change({ master: flags.master, stun: [...flags.stun] });
  if (problem !== null) throw usage(t('--master: {why}', { why: told(problem.text) }));
  const app = await openControl({
    does: { program: 'app', settings, stateDir: directory, keyFile: join(directory, 'host-app.key') },
    ...{ stateDir: directory, invocation, clipboard: !flags['no-clipboard'], port: flags.port ?? 0, page: true },
    startMaster: startOwnMaster,
    ...(links === null ? {} : { links }),
  });
  let opener: Opener | null = null;
  try {
    await app.engine.start();
    const link = flags.playground ? app.link.replace('/#', '/playground#') : `${app.link}${invited}`;
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

/** What stands behind the token in the app's link, so that the page shows the invitation and asks. Throws USAGE for what is none. */
function invitation(link: string): string {
  if (parseJoinTarget(link) === null) throw usage(t('--link: this is no invitation, or not all of one.'));
  return `&join=${encodeURIComponent(link)}`;
}

/** False where no app of this user runs, or none that answers. */
async function showInRunning(directory: string, invited: string): Promise<boolean> {
  const app = (await programs(directory)).find(({ file }) => file.program === 'app')?.file;
  if (app === undefined) return false;
  const opener = openBrowser(`${app.url}/#t=${app.token}${invited}`, directory);
  // The browser reads the file on its way.
  await sleep(CLI_LIMITS.browserMs);
  opener.close();
  return true;
}

async function register({ terminal }: Invocation, links: SchemeHandler | null, on: boolean): Promise<void> {
  if (links === null) throw usage(t('How links are opened on this system is not known here.'));
  await (on ? links.register() : links.unregister());
  const registered = await links.registered();
  if (registered !== on) throw new SallyportError('INTERNAL', { detail: t('This system did not take it.') });
  terminal.fact(
    'done',
    'Links',
    on ? t('sallyport:// links of this user open this program') : t('they open this program no more'),
  );
}
