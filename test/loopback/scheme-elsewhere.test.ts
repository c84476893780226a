/**
 * Who opens sallyport:// links on Windows and macOS, whose own tools stand in here and nothing else: `reg.exe` by the grammar that
 * `reg /?` prints, `plutil` over Python's plistlib. What is in the registry and in the bundle in the end is read as the system reads it.
 */
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { schemeHandler } from '../../src/app/testing.ts';
import { describeUnless, hasProgram } from '../support.ts';
import { MAIN } from './processes.ts';

let home: string;
let tools: string;
let env: NodeJS.ProcessEnv;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'sallyport-scheme-'));
  tools = join(home, 'tools');
  mkdirSync(tools);
  env = { ...process.env, HOME: home, PATH: `${tools}${delimiter}${process.env.PATH}` };
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const LINK = `sallyport://198.51.100.7:8430/j/K7TQ9RBWXM?udp=443&tls=a#${'A'.repeat(43)}.${'B'.repeat(43)}`;
const KEY = 'HKCU\\Software\\Classes\\sallyport';

function tool(name: string, script: string): void {
  writeFileSync(join(tools, name), script, { mode: 0o755 });
}

/** Prints letters beyond ASCII in the console's code page, as the real one does. */
const REG = `#!/usr/bin/env node
const { existsSync, readFileSync, writeFileSync } = require('node:fs');
const file = process.env.HOME + '/registry.json';
const all = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
const [verb, key, ...rest] = process.argv.slice(2);
const found = {};
for (let n = 0; n < rest.length; n++) {
  if (['/ve', '/f'].includes(rest[n])) found[rest[n]] = true;
  else if (['/v', '/t', '/d'].includes(rest[n]) && n + 1 < rest.length) found[rest[n]] = rest[++n];
  else process.exit(1);
}
const name = found['/ve'] ? '' : found['/v'];
const below = (one) => one === key || one.startsWith(key + '\\\\');
if (verb === 'add' && found['/f'] && name !== undefined) {
  all[key] = { ...all[key], [name]: [found['/t'] ?? 'REG_SZ', found['/d']] };
} else if (verb === 'delete' && found['/f'] && Object.keys(all).some(below)) {
  for (const one of Object.keys(all).filter(below)) delete all[one];
} else if (verb === 'query' && all[key]?.[name] !== undefined) {
  const [type, data] = all[key][name];
  const text = '\\r\\n' + key + '\\r\\n    (Standard)    ' + type + '    ' + data + '\\r\\n\\r\\n';
  process.stdout.write(Buffer.from([...text].map((one) => (one.charCodeAt(0) < 128 ? one.charCodeAt(0) : 0x94))));
} else process.exit(1);
writeFileSync(file, JSON.stringify(all));
`;

/** The words of a command line as the C library of Microsoft splits it ("Parsing C++ command-line arguments"). */
function windowsWords(line: string): readonly string[] {
  const words: string[] = [];
  let [word, quoted, any] = ['', false, false];
  for (let n = 0; n < line.length; n++) {
    const [slashes = ''] = /^\\*/.exec(line.slice(n)) ?? [];
    if (slashes !== '') {
      n += slashes.length - 1;
      const before = line[n + 1] === '"';
      word += '\\'.repeat(before ? Math.floor(slashes.length / 2) : slashes.length);
      if (before && slashes.length % 2 === 1) word += line[++n];
      any = true;
    } else if (line[n] === '"') [quoted, any] = [!quoted, true];
    else if (line[n] === ' ' && !quoted) {
      if (any) words.push(word);
      [word, any] = ['', false];
    } else [word, any] = [word + line[n], true];
  }
  return any ? [...words, word] : words;
}

const onWindows = ['C:\\Users\\Jörg Ø\\sallyport\\', 'C:\\Program Files\\main (2).js', 'ui', '--link'];
const registry = (): Record<string, Record<string, readonly [string, string]>> =>
  JSON.parse(readFileSync(join(home, 'registry.json'), 'utf8'));

function windows(command = onWindows) {
  return schemeHandler({ platform: 'win32', env, command }) ?? expect.unreachable('Windows has one');
}

test('Windows: exactly three values under HKCU, and the line starts the program with the whole link as one word', async () => {
  tool('reg.exe', REG);
  expect(await windows().registered()).toBe(false);
  await windows().register();
  const line = registry()[`${KEY}\\shell\\open\\command`]?.[''] ?? expect.unreachable('no line');
  expect(registry()).toEqual({
    [KEY]: { '': ['REG_SZ', 'URL:sallyport'], 'URL Protocol': ['REG_SZ', ''] },
    [`${KEY}\\shell\\open\\command`]: { '': ['REG_SZ', expect.any(String)] },
  });
  expect(windowsWords(line[1].replace('%1', () => LINK))).toEqual([...onWindows, LINK]);
  expect(await windows().registered()).toBe(true);
  expect(await windows(['D:\\moved\\sallyport.exe', 'ui', '--link']).registered()).toBe(false);
  await windows().unregister();
  expect(await windows().registered()).toBe(false);
  expect(registry()).toEqual({});
});

test('Windows: a link with a quote in it brings no flags of its own', async () => {
  tool('reg.exe', REG);
  await windows().register();
  const [, line] = registry()[`${KEY}\\shell\\open\\command`]?.[''] ?? expect.unreachable('no line');
  for (const more of [
    '--master "sallyport://192.0.2.66:8430/#EVIL',
    '--register --link "x',
    '--playground --link "x',
  ]) {
    const words = windowsWords(line.replace('%1', () => `${LINK}" ${more}`)).slice(2);
    expect(words.length).toBeGreaterThan(3);
    const run = promisify(execFile)(process.execPath, [MAIN, ...words], {
      env: { ...env, SALLYPORT_STATE_DIR: join(home, 'state') },
      timeout: 20_000,
    });
    await expect(run).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining('--link LINK is the end') });
  }
  expect(existsSync(join(home, 'state'))).toBe(false);
});

test('where the system’s tool is missing or fails, nothing is said to be registered', async () => {
  for (const platform of ['win32', 'darwin'] as const) {
    const handler = schemeHandler({ platform, env: { ...env, PATH: tools }, command: ['/opt/sallyport'] });
    await handler?.register();
    expect(await handler?.registered()).toBe(false);
    await handler?.unregister();
  }
});

/** Makes what the real one makes: a bundle whose list names neither links nor the bundle. */
const OSACOMPILE = `#!/bin/sh
[ "$1" = -o ] && [ "$3" = -e ] || exit 2
mkdir -p "$2/Contents/MacOS" "$2/Contents/Resources"
printf '%s' "$4" > "$2/Contents/Resources/compiled"
printf '<?xml version="1.0" encoding="UTF-8"?><plist version="1.0"><dict><key>CFBundleExecutable</key><string>applet</string></dict></plist>' \\
  > "$2/Contents/Info.plist"
`;
const PLUTIL = `#!/usr/bin/env python3
import json, plistlib, sys
args = sys.argv[1:]
path = args[-1]
with open(path, 'rb') as file: found = plistlib.load(file)
if args[0] == '-extract' and args[2:5] == ['json', '-o', '-']:
    sys.stdout.write(json.dumps(found[args[1]]))
elif args[0] == '-replace' and len(args) == 5:
    kind, text = args[2], args[3]
    found[args[1]] = {'-json': json.loads, '-string': str, '-bool': lambda one: one in ('YES', 'true')}[kind](text)
    with open(path, 'wb') as file: plistlib.dump(found, file)
else: sys.exit(1)
`;
const READ = 'import json, plistlib, sys; print(json.dumps(plistlib.load(open(sys.argv[1], "rb"))))';

describeUnless(hasProgram('python3') ? null : 'python3 is not installed', 'macOS', () => {
  const bundle = (...parts: string[]): string => join(home, 'Applications', 'sallyport.app', 'Contents', ...parts);

  test('a bundle that says which links are its own, signed after its list was written, and gone again', async () => {
    tool('osacompile', OSACOMPILE);
    tool('plutil', PLUTIL);
    tool(
      'codesign',
      `#!/bin/sh\nprintf '%s|' "$@" > "${home}/signed"\ncat "${bundle('Info.plist')}" >> "${home}/signed"\n`,
    );
    const handler = schemeHandler({ platform: 'darwin', env, command: ['/opt/sallyport', 'ui', '--link'] });
    expect(await handler?.registered()).toBe(false);
    await handler?.register();
    await handler?.register();
    expect(JSON.parse(execFileSync('python3', ['-c', READ, bundle('Info.plist')], { encoding: 'utf8' }))).toEqual({
      CFBundleExecutable: 'applet',
      CFBundleIdentifier: 'local.sallyport.links',
      CFBundleURLTypes: [{ CFBundleURLName: 'sallyport', CFBundleURLSchemes: ['sallyport'] }],
      LSUIElement: true,
    });
    const signed = `--force|--sign|-|${join(home, 'Applications', 'sallyport.app')}|`;
    expect(readFileSync(join(home, 'signed'), 'utf8')).toBe(signed + readFileSync(bundle('Info.plist'), 'utf8'));
    expect(await handler?.registered()).toBe(true);
    const moved = schemeHandler({ platform: 'darwin', env, command: ['/elsewhere/sallyport', 'ui', '--link'] });
    expect(await moved?.registered()).toBe(false);
    await handler?.unregister();
    expect(existsSync(bundle())).toBe(false);
    expect(await handler?.registered()).toBe(false);
  });

  test('a list that could not be written is no handler', async () => {
    tool('osacompile', OSACOMPILE);
    tool('plutil', '#!/bin/sh\nexit 1\n');
    const handler = schemeHandler({ platform: 'darwin', env, command: ['/opt/sallyport', 'ui', '--link'] });
    await handler?.register();
    expect(await handler?.registered()).toBe(false);
  });

  test('the script’s line, run by a real shell, starts the program with the whole link as one word', async () => {
    tool('osacompile', OSACOMPILE);
    tool('plutil', PLUTIL);
    const told = join(home, 'told');
    const program = join(home, 'a $path `with` "all" it’s.sh');
    writeFileSync(program, `#!/bin/sh\nprintf '%s\\n' "$@" > "${told}.part" && mv "${told}.part" "${told}"\n`, {
      mode: 0o755,
    });
    await schemeHandler({ platform: 'darwin', env, command: [program, 'ui', '--link'] })?.register();
    const script = readFileSync(bundle('Resources', 'compiled'), 'utf8');
    const [, said = ''] = /^on open location link\n {2}do shell script (.*)\nend open location$/.exec(script) ?? [];
    const hostile = `${LINK}'; touch '${home}/broken`;
    execFileSync('/bin/sh', ['-c', appleScript(said, hostile)]);
    await expect.poll(() => (existsSync(told) ? readFileSync(told, 'utf8') : '')).toBe(`ui\n--link\n${hostile}\n`);
    expect(existsSync(join(home, 'broken'))).toBe(false);
  });
});

/** The value of an AppleScript expression of texts joined by `&`, some in `quoted form`, with `link` the one variable. */
function appleScript(expression: string, link: string): string {
  const parts = expression.match(/(quoted form of )?("(?:[^"\\]|\\.)*"|link)(?= & |$)/g) ?? [];
  expect(parts.join(' & ')).toBe(expression);
  return parts
    .map((part) => {
      const text = part.replace('quoted form of ', '');
      const value = text === 'link' ? link : text.slice(1, -1).replace(/\\(.)/g, '$1');
      return part.startsWith('quoted form of ') ? `'${value.replaceAll("'", "'\\''")}'` : value;
    })
    .join('');
}
