/**
 * Who opens `sallyport://` links on this computer: this program, for this user alone, where the user has said so. Linux has a desktop
 * file and a list of handlers (XDG), Windows the registry under HKCU, macOS a bundle. A link that is opened joins nothing by itself: the app
 * shows it and asks.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

export interface SchemeHandler {
  /** Is it this program that opens the links? */
  registered(): Promise<boolean>;
  register(): Promise<void>;
  unregister(): Promise<void>;
}

export interface SchemeOptions {
  readonly platform: NodeJS.Platform;
  readonly env: NodeJS.ProcessEnv;
  /** What starts the app, as words: the executable and what comes before the link. */
  readonly command: readonly string[];
}

const MIME = 'x-scheme-handler/sallyport';
const DESKTOP = 'sallyport.desktop';
const KEY = 'HKCU\\Software\\Classes\\sallyport';
/** Of nobody's domain: it names a bundle that is made on the spot. */
const BUNDLE = 'local.sallyport.links';
const LSREGISTER =
  '/System/Library/Frameworks/CoreServices.framework/Frameworks/LaunchServices.framework/Support/lsregister';
const RUN_MS_MAX = 10_000;

/** Null where links of programs are registered in a way that we do not know. */
export function schemeHandler(options: SchemeOptions): SchemeHandler | null {
  switch (options.platform) {
    case 'win32':
      return windows(options);
    case 'darwin':
      return macos(options);
    case 'linux':
    case 'freebsd':
    case 'openbsd':
      return desktop(options);
    default:
      return null;
  }
}

/** Desktop Entry Specification 1.5 and MIME Applications Associations 1.0.1. Tools of the desktop are told, and not needed. */
function desktop({ env, command }: SchemeOptions): SchemeHandler {
  const home = env.HOME ?? homedir();
  const applications = join(env.XDG_DATA_HOME || join(home, '.local', 'share'), 'applications');
  const file = join(applications, DESKTOP);
  const list = join(env.XDG_CONFIG_HOME || join(home, '.config'), 'mimeapps.list');
  const entry = `[Desktop Entry]
Type=Application
Name=sallyport
Comment=Play on the game servers of friends
Exec=${[...command.map(desktopWord), '%u'].join(' ')}
Terminal=false
Categories=Game;
MimeType=${MIME};
`;
  const readList = (): string => (existsSync(list) ? readFileSync(list, 'utf8') : '');
  return {
    registered: async () =>
      existsSync(file) && readFileSync(file, 'utf8') === entry && defaultIn(readList()).split(';')[0] === DESKTOP,
    async register() {
      mkdirSync(applications, { recursive: true });
      writeFileSync(file, entry);
      mkdirSync(dirname(list), { recursive: true });
      writeFileSync(list, withDefault(readList(), DESKTOP));
      await run('update-desktop-database', [applications], env);
    },
    async unregister() {
      rmSync(file, { force: true });
      if (existsSync(list)) writeFileSync(list, withDefault(readList(), null));
      await run('update-desktop-database', [applications], env);
    },
  };
}

/** A word of Exec: quoted, with the four signs escaped that mean something there, `%` doubled, and all that once more for the file. */
function desktopWord(word: string): string {
  const quoted = word.replace(/["`$\\]/g, '\\$&').replaceAll('%', '%%');
  return `"${quoted}"`.replaceAll('\\', '\\\\');
}

const GROUP = '[Default Applications]';

/** What `mimeapps.list` has for our links; empty where nothing. */
function defaultIn(list: string): string {
  const lines = list.split('\n');
  const at = lines.indexOf(GROUP);
  if (at < 0) return '';
  const rest = lines.slice(at + 1);
  const end = rest.findIndex((line) => line.startsWith('['));
  const own = (end < 0 ? rest : rest.slice(0, end)).find((line) => line.startsWith(`${MIME}=`));
  return own?.slice(MIME.length + 1).trim() ?? '';
}

/** The same list with this handler, or without ours; every other line stays as it is. */
function withDefault(list: string, handler: string | null): string {
  const others = list
    .split('\n')
    .filter((line) => !line.startsWith(`${MIME}=`) || (handler === null && !line.includes(DESKTOP)));
  if (handler === null) return others.join('\n');
  const at = others.indexOf(GROUP);
  const line = `${MIME}=${handler};`;
  if (at < 0) return [GROUP, line, ...(list === '' ? [''] : ['', ...others])].join('\n');
  return [...others.slice(0, at + 1), line, ...others.slice(at + 1)].join('\n');
}

/**
 * HKCU\Software\Classes as "Registering an Application to a URI Scheme" of Microsoft has it. The line is REG_SZ, in which no
 * variable is expanded; a file name there has no quote in it.
 */
function windows({ env, command }: SchemeOptions): SchemeHandler {
  const line = `${command.map(windowsWord).join(' ')} "%1"`;
  const open = `${KEY}\\shell\\open\\command`;
  const reg = (...args: readonly string[]): Promise<string> => run('reg.exe', args, env);
  return {
    registered: async () => asPrinted(await reg('query', open, '/ve')).includes(asPrinted(line)),
    async register() {
      await reg('add', KEY, '/ve', '/t', 'REG_SZ', '/d', 'URL:sallyport', '/f');
      await reg('add', KEY, '/v', 'URL Protocol', '/t', 'REG_SZ', '/d', '', '/f');
      await reg('add', open, '/ve', '/t', 'REG_SZ', '/d', line, '/f');
    },
    unregister: async () => void (await reg('delete', KEY, '/f')),
  };
}

/** Between quotes; backslashes before the last quote would make it one of the word, so there are twice as many. */
function windowsWord(word: string): string {
  let end = word.length;
  while (word[end - 1] === '\\') end--;
  return `"${word}${'\\'.repeat(word.length - end)}"`;
}

/** `reg.exe` prints in the console's code page, whose letters beyond ASCII are not ours, or a question mark: a user may be called Jörg. */
function asPrinted(text: string): string {
  return text.replace(/[^ -~]|\?/g, '');
}

/**
 * A bundle with a script, made by `osacompile`, because macOS hands links to bundles alone, and as an event. It says of itself which links
 * are its own, has a name by which Launch Services can know it, and is signed once more, since its list has changed.
 */
function macos({ env, command }: SchemeOptions): SchemeHandler {
  const bundle = join(env.HOME ?? homedir(), 'Applications', 'sallyport.app');
  const plist = join(bundle, 'Contents', 'Info.plist');
  const kept = join(bundle, 'Contents', 'Resources', 'script.txt');
  const shell = command.map((word) => `quoted form of ${JSON.stringify(word)}`).join(' & " " & ');
  const types = [{ CFBundleURLName: 'sallyport', CFBundleURLSchemes: ['sallyport'] }];
  const list = (...args: readonly string[]): Promise<string> => run('plutil', [...args, plist], env);
  const script = `on open location link
  do shell script ${shell} & " " & quoted form of link & " > /dev/null 2>&1 &"
end open location`;
  return {
    registered: async () =>
      existsSync(kept) &&
      readFileSync(kept, 'utf8') === script &&
      /"CFBundleURLSchemes"\s*:\s*\[\s*"sallyport"\s*\]/.test(
        await list('-extract', 'CFBundleURLTypes', 'json', '-o', '-'),
      ),
    async register() {
      mkdirSync(dirname(bundle), { recursive: true });
      rmSync(bundle, { recursive: true, force: true });
      await run('osacompile', ['-o', bundle, '-e', script], env);
      if (!existsSync(plist)) return;
      await list('-replace', 'CFBundleIdentifier', '-string', BUNDLE);
      await list('-replace', 'CFBundleURLTypes', '-json', JSON.stringify(types));
      await list('-replace', 'LSUIElement', '-bool', 'true');
      writeFileSync(kept, script);
      await run('codesign', ['--force', '--sign', '-', bundle], env);
      await run(LSREGISTER, ['-f', bundle], env);
    },
    async unregister() {
      await run(LSREGISTER, ['-u', bundle], env);
      rmSync(bundle, { recursive: true, force: true });
    },
  };
}

/** What it printed; empty where there is no such tool, or it fails: what has come of it is looked at, not believed. */
function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  return new Promise((resolve) => {
    execFile(program, [...args], { timeout: RUN_MS_MAX, windowsHide: true, env }, (error, stdout) =>
      resolve(error === null ? stdout : ''),
    );
  });
}
