/** The package for programs: packed, installed into an empty folder as a stranger would, measured, compiled against and used. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Bench, portBase } from './processes.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const INSTALLED_BYTES_MAX = 3_000_000;
/** The oldest that docs/library.md names. */
const OLD_TYPESCRIPT = ['typescript@5.5.4', '@types/node@20.19.0'];

let folder: string;
let user: string;
const bench = new Bench();

function npm(args: readonly string[], cwd: string): void {
  execFileSync('npm', [...args, '--no-audit', '--no-fund', '--silent'], { cwd, stdio: ['ignore', 'ignore', 'pipe'] });
}

/** Only files, as those of other packages may be links. */
function filesOf(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** What the compiler of these packages says of a program that uses all three entries; empty where all is right. */
function compile(packages: string): string {
  const types = join(user, 'node_modules/@types');
  rmSync(types, { force: true });
  symlinkSync(join(packages, '@types'), types);
  writeFileSync(join(user, 'typed.ts'), TYPED);
  const strict = ['--strict', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess', '--skipLibCheck', 'false'];
  const modules = ['--module', 'nodenext', '--moduleResolution', 'nodenext', '--target', 'es2022', '--types', 'node'];
  const compiler = join(packages, 'typescript/bin/tsc');
  return spawnSync(process.execPath, [compiler, '--noEmit', ...strict, ...modules, 'typed.ts'], {
    cwd: user,
    encoding: 'utf8',
  }).stdout;
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-package-'));
  user = join(folder, 'user');
  mkdirSync(user);
  writeFileSync(join(user, 'package.json'), '{ "name": "user", "private": true, "type": "module" }\n');
  execFileSync(process.execPath, [join(ROOT, 'packaging/library.mjs'), join(folder, 'package')], { stdio: 'ignore' });
  // What it needs comes from here, so that no registry has to be asked.
  for (const name of ['libsodium', 'ws'])
    npm(['pack', '--ignore-scripts', '--pack-destination', folder], join(ROOT, 'node_modules', name));
  const packed = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
  npm(['install', '--offline', ...packed.map((name) => join(folder, name))], user);
}, 120_000);

afterAll(async () => {
  await bench.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('installed into an empty folder', () => {
  test('it is under 3 MB with all that it needs, and has nothing native, no script and nothing of the masterserver', () => {
    const files = filesOf(join(user, 'node_modules'));
    const bytes = files.reduce((sum, file) => sum + statSync(file).size, 0);
    expect(bytes).toBeLessThan(INSTALLED_BYTES_MAX);
    const packages = readdirSync(join(user, 'node_modules')).filter((name) => /^[a-z]/.test(name));
    expect(packages).toEqual(['libsodium', 'sallyport', 'ws']);
    expect(files.filter((file) => /\.node$|binding\.gyp$/.test(file))).toEqual([]);
    const own = filesOf(join(user, 'node_modules/sallyport'));
    expect(own.filter((file) => /\/src\/(?:master|cli|app|web)\/|screens|\.map$/.test(file))).toEqual([]);
    const manifest = JSON.parse(readFileSync(join(user, 'node_modules/sallyport/package.json'), 'utf8')) as object;
    expect(manifest).not.toHaveProperty('scripts');
    expect(manifest).not.toHaveProperty('bin');
  });

  test('CommonJS takes it by require(), no native add-on is loaded, and a page of a browser is refused with a sentence', () => {
    const node = (...argv: string[]) => spawnSync(process.execPath, argv, { cwd: user, encoding: 'utf8' });
    const script = `const { openAgent } = require('sallyport'); console.log(typeof openAgent, process.report.getReport()
      .sharedObjects.filter((file) => file.includes('node_modules') || file.endsWith('.node')).length)`;
    expect(node('--input-type=commonjs', '-e', script).stdout).toBe('function 0\n');
    const page = node('--conditions=browser', '--input-type=module', '-e', "await import('sallyport')");
    expect(page.stderr).toContain('sallyport needs UDP, which no page of a browser has');
  });

  test('a program hosts and joins with it', { timeout: 60_000 }, async () => {
    const address = ['--listen', '127.0.0.1', '--port', String(portBase())];
    const off = ['--http', 'off', '--metrics-listen', 'off', '--state-dir', bench.folder(), '--json'];
    const link = String((await bench.sallyport(['master', ...address, ...off]).line('ready')).master);
    writeFileSync(join(user, 'play.mjs'), PROGRAM);
    const run = bench.run([join(user, 'play.mjs'), link]);
    expect([await run.exit, run.stderr()]).toEqual([0, '']);
    expect(run.stdout()).toContain('HELLO');
  });

  test('its types hold with this TypeScript, libraries checked as well', { timeout: 60_000 }, () => {
    expect(compile(join(ROOT, 'node_modules'))).toBe('');
  });

  test('its types hold with TypeScript 5.5, libraries checked as well', { timeout: 120_000 }, (context) => {
    const old = join(folder, 'old');
    mkdirSync(old);
    writeFileSync(join(old, 'package.json'), '{ "private": true }\n');
    try {
      npm(['install', '--prefer-offline', ...OLD_TYPESCRIPT], old);
    } catch {
      context.skip(`${OLD_TYPESCRIPT.join(' and ')} can not be installed: no registry answers`);
    }
    expect(compile(join(old, 'node_modules'))).toBe('');
  });
});

const PROGRAM = `
import { openAgent } from 'sallyport';
const [master] = process.argv.slice(2);
const [host, friend] = await Promise.all([openAgent({ master }), openAgent({ master })]);
const hosting = await host.host({
  name: 'Arena',
  onPath: (path) => path.on('message', (bytes) => path.send(Buffer.from(String(Buffer.from(bytes)).toUpperCase()))),
});
const path = await friend.join(hosting.invite);
const answer = new Promise((resolve) => path.once('message', resolve));
const again = setInterval(() => path.send(Buffer.from('hello')), 50);
console.log(String(Buffer.from(await answer)));
clearInterval(again);
await Promise.all([friend.close(), host.close()]);
`;

const TYPED = `
import { type Agent, type Hosting, openAgent, type Path, SallyportError, wayText } from 'sallyport';
import { createMaster } from 'sallyport/core';
import { createWorld } from 'sallyport/sim';
export async function play(master: string, code: string): Promise<string> {
  const agent: Agent = await openAgent({ master });
  agent.once('event', (event) => void event.ev);
  const path: Path = await agent.join(code, { onEvent: (event) => void event.ev });
  path.on('message', (bytes) => console.log(bytes.length));
  path.send(new Uint8Array(3));
  const hosting: Hosting = await agent.host({ forward: 30000 });
  hosting.once('friend', ({ state, name }) => console.log(state, name, path.stats().lost));
  return wayText(path);
}
export const failed = (error: unknown): boolean => error instanceof SallyportError && error.retryable;
export const parts = [createMaster, createWorld];
`;
