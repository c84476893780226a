import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { toBase64Url } from '../../src/core/index.ts';
import {
  copyToClipboard,
  hostPins,
  readDocument,
  readOrCreateKey,
  SallyportError,
  stateDirectory,
  takeLock,
  writeDocument,
} from '../../src/node/index.ts';
import { simRandom } from '../../src/sim/index.ts';

let folder = '';
beforeEach(() => {
  // In memory where there is such a folder: each document is an fsync.
  folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'sallyport-state-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('a key is made once, readable by its owner only, and is the same the next time', () => {
  const path = join(folder, 'deep', 'er', 'host.key');
  const first = readOrCreateKey(path);
  const second = readOrCreateKey(path);
  expect(first.created).toBe(true);
  expect(second.created).toBe(false);
  expect(second.secret).toEqual(first.secret);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readdirSync(join(folder, 'deep', 'er'))).toEqual(['host.key']);
  chmodSync(path, 0o644);
  readOrCreateKey(path);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test('a malformed key file is an error that names it, and is not overwritten', () => {
  const path = join(folder, 'host.key');
  writeFileSync(path, 'not a key\n');
  expect(() => readOrCreateKey(path)).toThrow(SallyportError);
  expect(() => readOrCreateKey(path)).toThrow(path);
  expect(readFileSync(path, 'utf8')).toBe('not a key\n');
});

test('processes that make the same key at once all end up with one key', () => {
  const path = join(folder, 'host.key');
  const script = `import { readOrCreateKey } from ${JSON.stringify(new URL('../../dist/src/node/index.js', import.meta.url).href)};
    console.log(Buffer.from(readOrCreateKey(process.argv[1]).secret).toString('hex'))`;
  const shell = Array.from({ length: 4 }, () => `"$NODE" --input-type=module -e "$SCRIPT" "$KEY" &`).join('\n');
  const output = execFileSync('sh', ['-c', `${shell}\nwait`], {
    encoding: 'utf8',
    env: { ...process.env, NODE: process.execPath, SCRIPT: script, KEY: path },
  });
  const keys = output.trim().split('\n');
  expect(keys).toHaveLength(4);
  expect(new Set(keys).size).toBe(1);
});

test('documents survive a round trip; a broken one reads as none', () => {
  const path = join(folder, 'a.json');
  expect(readDocument(path)).toBeNull();
  writeDocument(path, { hello: [1, 2] });
  expect(readDocument(path)).toEqual({ hello: [1, 2] });
  writeFileSync(path, '{ half');
  expect(readDocument(path)).toBeNull();
});

const never = (problem: string): void => expect.unreachable(problem);

test('a host key is pinned per master, by code and by name, survives a restart, and a file that is none counts as empty', () => {
  const [masterA, masterB] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
  const hostKey = new Uint8Array(32).fill(7);
  const said: string[] = [];
  hostPins(folder, never).set(masterA, { code: 'K7TQ9RBWXM', name: 'Arena', hostKey });
  const pins = hostPins(folder, (problem) => said.push(problem));
  expect(pins.get(masterA, 'K7TQ9RBWXM')).toEqual(hostKey);
  expect(pins.names(masterA)).toEqual(new Map([['Arena', hostKey]]));
  expect(pins.codeOf(masterA, hostKey)).toBe('K7TQ9RBWXM');
  expect([pins.get(masterB, 'K7TQ9RBWXM'), pins.names(masterB).size, pins.codeOf(masterB, hostKey)]).toEqual([
    null,
    0,
    null,
  ]);
  expect(pins.all(masterA)).toEqual([{ code: 'K7TQ9RBWXM', hostKey }]);
  expect(said).toEqual([]);
  // What stands in the file need not be a key.
  const text = readFileSync(join(folder, 'known-hosts.json'), 'utf8');
  writeFileSync(
    join(folder, 'known-hosts.json'),
    text.replaceAll(toBase64Url(hostKey), toBase64Url(new Uint8Array(32))),
  );
  expect([pins.get(masterA, 'K7TQ9RBWXM'), pins.names(masterA).size]).toEqual([null, 0]);
  writeFileSync(join(folder, 'known-hosts.json'), 'garbage');
  expect(pins.get(masterA, 'K7TQ9RBWXM')).toBeNull();
  expect(said).toHaveLength(2);
});

test('hosts without a name are pinned by code alone', () => {
  const master = new Uint8Array(32).fill(1);
  hostPins(folder, never).set(master, { code: 'K7TQ9RBWXM', name: '', hostKey: new Uint8Array(32).fill(7) });
  expect(hostPins(folder, never).names(master).size).toBe(0);
});

test('a host key is pinned per master and code, survives a restart, and the oldest goes first', () => {
  const [masterA, masterB] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
  const key = (n: number): Uint8Array => new Uint8Array(32).fill(n);
  hostPins(folder, never).set(masterA, { code: 'K7TQ9RBWXM', name: 'Arena', hostKey: key(7) });
  expect(hostPins(folder, never).get(masterA, 'K7TQ9RBWXM')).toEqual(key(7));
  expect(hostPins(folder, never).get(masterB, 'K7TQ9RBWXM')).toBeNull();
  hostPins(folder, never).set(masterA, { code: 'K7TQ9RBWXM', name: 'Arena', hostKey: key(8) });
  expect(hostPins(folder, never).get(masterA, 'K7TQ9RBWXM')).toEqual(key(8));
  expect(hostPins(folder, never).names(masterA)).toEqual(new Map([['Arena', key(8)]]));
  for (let n = 0; n < 1_000; n += 1)
    hostPins(folder, never).set(masterB, { code: `C${n}`, name: `Name ${n}`, hostKey: key(1 + (n % 100)) });
  expect(hostPins(folder, never).get(masterA, 'K7TQ9RBWXM')).toBeNull();
  expect(hostPins(folder, never).get(masterB, 'C0')).toEqual(key(1));
  expect([masterA, masterB].map((master) => hostPins(folder, never).names(master).size)).toEqual([0, 1_000]);
});

test('a damaged file of pins is said and kept, what can be read of it holds, and it is never silently begun anew', () => {
  const master = new Uint8Array(32).fill(1);
  const path = join(folder, 'known-hosts.json');
  const codes = Array.from({ length: 20 }, (_, n) => `C${n}`);
  // With all that has a meaning in the file, because the master tells them.
  const nameOf = (code: string): string => `"${code}\\": {[${code}]}, ä\n`;
  for (const [n, code] of codes.entries())
    hostPins(folder, never).set(master, { code, name: nameOf(code), hostKey: new Uint8Array(32).fill(n + 1) });
  const whole = readFileSync(path, 'utf8');
  const random = simRandom('pins');
  const damages = [
    'garbage',
    '{}',
    '[1]',
    whole.slice(0, 1_000),
    whole.replace('"v": 1', '"v": 1,,'),
    ...Array.from({ length: 40 }, () => {
      const bytes = Buffer.from(whole);
      const at = random.int(0, bytes.length - 2);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << random.int(0, 6));
      return bytes.toString('latin1');
    }),
  ];
  for (const damaged of damages) {
    for (const name of readdirSync(folder)) rmSync(join(folder, name));
    writeFileSync(path, damaged, 'latin1');
    const said: string[] = [];
    const pins = hostPins(folder, (problem) => said.push(problem));
    const found = codes.filter((code) => pins.get(master, code) !== null);
    const names = pins.names(master);
    expect(said, damaged).toHaveLength(1);
    expect(said[0]).toMatch(/known-hosts\.json are damaged .* It is kept as .*damaged-/);
    // One damage costs one pin, of either table.
    const namesFound = codes.filter((code) => names.has(nameOf(code))).length;
    if (damaged.length === whole.length) expect(found.length + namesFound).toBeGreaterThanOrEqual(39);
    if (damaged.length === whole.length) expect(found.length).toBeGreaterThanOrEqual(19);
    pins.set(master, { code: 'NEW', name: 'New', hostKey: new Uint8Array(32).fill(90) });
    const kept = readdirSync(folder).filter((name) => name.includes('damaged'));
    expect(kept).toHaveLength(1);
    expect(readFileSync(join(folder, kept[0] ?? ''), 'latin1')).toBe(damaged);
    expect(codes.filter((code) => hostPins(folder, never).get(master, code) !== null)).toEqual(found);
    expect(hostPins(folder, never).get(master, 'NEW')).not.toBeNull();
    expect(hostPins(folder, never).names(master)).toEqual(new Map([...names, ['New', new Uint8Array(32).fill(90)]]));
  }
  rmSync(path);
  mkdirSync(path);
  const said: string[] = [];
  const pins = hostPins(folder, (problem) => said.push(problem));
  pins.set(master, { code: 'NEW', name: 'New', hostKey: new Uint8Array(32).fill(90) });
  expect(pins.get(master, 'NEW')).toBeNull();
  expect(said).toEqual([expect.stringMatching(/can't be read/)]);
});

test('the state directory follows XDG', () => {
  expect(stateDirectory({ XDG_STATE_HOME: '/x/y' })).toBe('/x/y/sallyport');
  expect(stateDirectory({})).toMatch(/\.local\/state\/sallyport$/);
});

test('the clipboard gets the text where a tool exists, and nothing happens where none does', async () => {
  const tool = join(folder, 'xclip');
  writeFileSync(tool, '#!/bin/sh\ncat > "$OUT"\n', { mode: 0o755 });
  const out = join(folder, 'clipboard');
  const env = { PATH: `${folder}:${process.env.PATH}`, DISPLAY: ':0', OUT: out };
  expect(await copyToClipboard('127.0.0.1:30000', env)).toBe(true);
  expect(readFileSync(out, 'utf8')).toBe('127.0.0.1:30000');
  expect(await copyToClipboard('x', { PATH: '/nonexistent', DISPLAY: ':0' })).toBe(false);
  expect(await copyToClipboard('x', {})).toBe(false);
});

test('a lock is held once, given back, and taken over from a process that is gone', () => {
  const path = join(folder, 'host.key.lock');
  const lock = takeLock(path);
  expect(typeof lock).toBe('object');
  expect(takeLock(path)).toBe(process.pid);
  if (typeof lock === 'object') lock.release();
  expect(readdirSync(folder)).toEqual([]);
  const gone = Number(execFileSync('sh', ['-c', 'echo $$'], { encoding: 'utf8' }));
  writeFileSync(path, `${gone}\n`);
  expect(typeof takeLock(path)).toBe('object');
  expect(Number.parseInt(readFileSync(path, 'utf8'), 10)).toBe(process.pid);
});

test.runIf(process.platform === 'linux')(
  'a lock left over by a process whose number another one has now is taken over, as in every container started again',
  () => {
    const path = join(folder, 'master.lock');
    writeFileSync(path, `${process.pid} 1\n`);
    expect(typeof takeLock(path)).toBe('object');
    expect(takeLock(path)).toBe(process.pid);
  },
);

test.runIf(process.platform === 'linux')('a folder that can not be made is told at once, and stops no join', () => {
  // Node's own `recursive` never comes back from here.
  expect(() => readOrCreateKey('/proc/nowhere/deep/host.key')).toThrow(/\/proc\/nowhere/);
  const pins = hostPins('/proc/nowhere', () => {});
  pins.set(new Uint8Array(32), { code: 'K7TQ9RBWXM', name: '', hostKey: new Uint8Array(32).fill(7) });
  expect(pins.get(new Uint8Array(32), 'K7TQ9RBWXM')).toBeNull();
  writeFileSync(join(folder, 'file'), '');
  expect(() => takeLock(join(folder, 'file', 'deep', 'master.lock'))).toThrow(/ENOTDIR/);
});
