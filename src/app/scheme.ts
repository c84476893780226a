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
      await run('update-desktop-database', [applications]);
    },
    async unregister() {
      rmSync(file, { force: true });
      if (existsSync(list)) writeFileSync(list, withDefault(readList(), null));
      await run('update-desktop-database', [applications]);
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

function windows({ command }: SchemeOptions): SchemeHandler {
  const line = `${command.map((word) => `"${word}"`).join(' ')} "%1"`;
  const open = `${KEY}\\shell\\open\\command`;
  return {
    registered: async () => (await run('reg.exe', ['query', open, '/ve'])).includes(line),
    async register() {
      for (const args of [
        ['add', KEY, '/ve', '/d', 'URL:sallyport', '/f'],
        ['add', KEY, '/v', 'URL Protocol', '/d', '', '/f'],
        ['add', open, '/ve', '/d', line, '/f'],
      ])
        await run('reg.exe', args);
    },
    unregister: async () => void (await run('reg.exe', ['delete', KEY, '/f'])),
  };
}

/** A bundle with a script, made by `osacompile`, because macOS hands links to bundles alone, and as an event. */
function macos({ env, command }: SchemeOptions): SchemeHandler {
  const bundle = join(env.HOME ?? homedir(), 'Applications', 'sallyport.app');
  const plist = join(bundle, 'Contents', 'Info.plist');
  const shell = command.map((word) => `quoted form of ${JSON.stringify(word)}`).join(' & " " & ');
  const script = `on open location link
  do shell script ${shell} & " " & quoted form of link & " > /dev/null 2>&1 &"
end open location`;
  return {
    registered: async () =>
      existsSync(plist) && readFileSync(join(bundle, 'Contents', 'script.txt'), 'utf8') === script,
    async register() {
      mkdirSync(dirname(bundle), { recursive: true });
      await run('osacompile', ['-o', bundle, '-e', script]);
      const types = '[{"CFBundleURLName":"sallyport","CFBundleURLSchemes":["sallyport"]}]';
      await run('plutil', ['-replace', 'CFBundleURLTypes', '-json', types, plist]);
      await run('plutil', ['-replace', 'LSUIElement', '-bool', 'true', plist]);
      writeFileSync(join(bundle, 'Contents', 'script.txt'), script);
      await run(
        '/System/Library/Frameworks/CoreServices.framework/Frameworks/LaunchServices.framework/Support/lsregister',
        ['-f', bundle],
      );
    },
    unregister: async () => rmSync(bundle, { recursive: true, force: true }),
  };
}

/** What it printed; empty where there is no such tool, or it fails: what has come of it is looked at, not believed. */
function run(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(program, [...args], { timeout: RUN_MS_MAX, windowsHide: true }, (error, stdout) =>
      resolve(error === null ? stdout : ''),
    );
  });
}
