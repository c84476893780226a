/** `sallyport ctl` to real hosts and joins, the files by which it finds them, and who else gets nothing of their local interface. */
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { APP_LIMITS, running, writeTokenFile } from '../../src/app/index.ts';
import { stateSchema } from '../../src/app/testing.ts';
import { Bench, type Line, type Master, portBase, type Run, runMaster } from './processes.ts';

const bench = new Bench();
let master: Master;
beforeAll(async () => {
  master = await runMaster(bench, portBase());
});
afterAll(() => bench.close());

interface Hosting {
  readonly run: Run;
  readonly code: string;
  readonly port: number;
  readonly stateDir: string;
}

async function startHost(stateDir = bench.folder(), port?: number, more: readonly string[] = []): Promise<Hosting> {
  const game = port ?? (await bench.game());
  const run = bench.sallyport(['host', String(game), ...more, ...sharedFlags(stateDir)]);
  const { code } = await run.line('ready');
  return { run, code: String(code), port: game, stateDir };
}

async function startJoin(code: string, name: string, stateDir = bench.folder(), more: readonly string[] = []) {
  const run = bench.sallyport(['join', code, '--name', name, ...more, ...sharedFlags(stateDir)]);
  const { local } = await run.line('connected');
  return { run, local: String(local), stateDir };
}

const sharedFlags = (stateDir: string): string[] => ['--json', '--state-dir', stateDir, '--master', master.link];

async function ctl(stateDir: string, ...words: string[]) {
  const run = bench.sallyport(['ctl', ...words, '--state-dir', stateDir]);
  const exit = await run.exit;
  return { exit, lines: run.lines, out: run.stdout(), err: run.stderr() };
}

const friendsOf = async (stateDir: string): Promise<readonly Record<string, unknown>[]> => {
  const { lines } = await ctl(stateDir, 'who', '--json');
  return (lines.find(({ ev }) => ev === 'who') as Line).friends as readonly Record<string, unknown>[];
};

test('who shows each friend with way, loss, seat and time; kick, ban, bans and unban do what they say', async () => {
  const host = await startHost();
  const ana = await startJoin(host.code, 'Ana');
  await bench.ask(ana.local, 'hello');
  await expect.poll(async () => (await friendsOf(host.stateDir)).length).toBe(1);
  const [row] = await friendsOf(host.stateDir);
  expect(row).toMatchObject({ name: 'Ana', state: 'connected', via: null, loss: 0 });
  expect(row?.seat).toMatch(/^127\.77\.\d+\.\d+:\d+$/);
  expect(row?.rttMs).toBeGreaterThan(0);
  expect(row?.connectedAt).toBeGreaterThan(Date.now() - 60_000);
  const { out } = await ctl(host.stateDir, 'who');
  expect(out).toMatch(
    /^Friend +State +Way +Lost +Seat +Here +Before +Key\nAna +connected +\w+, \d+ ms +0\.0 % +127\.77\./,
  );

  expect(await ctl(host.stateDir, 'kick', 'Bob')).toMatchObject({ exit: 2 });
  expect(await ctl(host.stateDir, 'kick', 'ana')).toMatchObject({ exit: 0 });
  expect(await ana.run.exit).toBe(5);
  const again = await startJoin(host.code, 'Bob', ana.stateDir);
  const back = (await friendsOf(host.stateDir)).find(({ state }) => state === 'connected');
  expect(String(back?.seat).split(':')[0]).toBe(String(row?.seat).split(':')[0]);

  // By the name that it had before, as nobody has that now.
  expect(await ctl(host.stateDir, 'ban', 'Ana')).toMatchObject({ exit: 0 });
  expect(await again.run.exit).toBe(5);
  expect((await ctl(host.stateDir, 'ban', 'Bob', '--network')).err).toContain('its network is not known any more');
  const banned = bench.sallyport(['join', host.code, '--name', 'Ana', ...sharedFlags(ana.stateDir)]);
  expect(await banned.exit).toBe(5);
  expect((await ctl(host.stateDir, 'bans')).out).toMatch(/^1 {2}Bob, key [\w-]+, since /);
  expect((await ctl(host.stateDir, 'unban', '7')).exit).toBe(2);
  expect((await ctl(host.stateDir, 'unban', '1')).exit).toBe(0);
  await startJoin(host.code, 'Ana', ana.stateDir);
  expect((await ctl(host.stateDir, 'stop')).exit).toBe(0);
  expect(await host.run.exit).toBe(0);
  expect(await ctl(host.stateDir, 'who')).toMatchObject({ exit: 4 });
});

/** Of one connection. */
interface Ways {
  readonly ways: readonly { readonly kind: string; readonly via: string | null; readonly carries: boolean }[];
}

test('ways shows all ways of the connection, the one that carries the data first, at both ends', async () => {
  const host = await startHost();
  const ana = await startJoin(host.code, 'Ana');
  for (const [{ stateDir }, name] of [
    [host, 'Ana'],
    [ana, 'Unnamed'],
  ] as const) {
    const { lines } = await ctl(stateDir, 'ways', '--json');
    const told = (lines.find(({ ev }) => ev === 'connections') as Line).connections as readonly Ways[];
    expect(told[0]?.ways.filter(({ carries }) => carries)).toMatchObject([{ kind: 'direct', via: null }]);
    const { out } = await ctl(stateDir, 'ways');
    expect(out).toMatch(/^With +Way +State +Lost +Carries the data\n/);
    expect(out.split('\n')[1]).toMatch(new RegExp(`^${name} +direct, \\d+ ms +\\w+ +\\d+\\.\\d % +yes$`));
  }
});

test('whoever asks is let in or refused from elsewhere', async () => {
  const host = await startHost(undefined, undefined, ['--ask']);
  const knock = (name: string): Run =>
    bench.sallyport(['join', host.code, '--name', name, ...sharedFlags(bench.folder())]);
  const asks = async (name: string): Promise<boolean> =>
    (await friendsOf(host.stateDir)).some((one) => one.name === name && one.state === 'asking');
  const lee = knock('Lee');
  await expect.poll(() => asks('Lee'), { timeout: 10_000 }).toBe(true);
  expect((await ctl(host.stateDir, 'refuse', 'Lee')).exit).toBe(0);
  expect(await lee.exit).toBe(5);
  const kofi = knock('Kofi');
  await expect.poll(() => asks('Kofi'), { timeout: 10_000 }).toBe(true);
  expect((await ctl(host.stateDir, 'admit', 'Kofi')).exit).toBe(0);
  await kofi.line('connected');
});

test('several that run are told apart by their name; status shows all, and what it says is what the schema says', async () => {
  const stateDir = bench.folder();
  const [one, two] = [await startHost(stateDir), await startHost(stateDir)];
  const guest = await startJoin(one.code, 'Ana', stateDir);
  const { lines } = await ctl(stateDir, 'status', '--json');
  const status = lines.filter(({ ev }) => ev === 'status');
  expect(status.map(({ program, name }) => [program, name])).toEqual([
    ['host', String(one.port)],
    ['host', String(two.port)],
    ['join', one.code.replace('-', '')],
  ]);
  expect(status[2]?.joins).toMatchObject([{ phase: 'connected', local: guest.local, hostLeft: false }]);
  expect((await ctl(stateDir, 'status')).out).toMatch(/^Name +Program +Process +Master +What\n/);
  const unclear = await ctl(stateDir, 'who');
  expect([unclear.exit, unclear.err]).toEqual([2, expect.stringContaining(`--as ${one.port}, --as ${two.port}`)]);
  expect((await ctl(stateDir, 'who', '--as', String(two.port))).out).toBe('Nobody is here.\n');
  expect((await ctl(stateDir, 'stop', '--as', one.code)).exit).toBe(0);
  expect(await guest.run.exit).toBe(0);
  for (const file of running(stateDir)) {
    const answer = await fetch(`${file.url}/v1/state`, { headers: { authorization: `Bearer ${file.token}` } });
    expect(stateSchema.strict().safeParse(await answer.json()).error).toBeUndefined();
  }
});

test('a friend that waits is in again when the host is back: same local port, same address and port at the game', async () => {
  const host = await startHost();
  const ana = await startJoin(host.code, 'Ana');
  await bench.ask(ana.local, 'hello');
  const before = (await friendsOf(host.stateDir))[0]?.seat;
  host.run.kill('SIGTERM');
  await host.run.exit;
  expect(await ana.run.line('lost')).toMatchObject({ reason: 'left', waiting: true });
  expect(ana.run.stderr()).toContain('has ended the game: waiting for it, your game may stay open');
  expect((await ctl(ana.stateDir, 'status')).out).toContain('to come back');
  const back = await startHost(host.stateDir, host.port);
  expect(back.code).toBe(host.code);
  await expect.poll(() => ana.run.lines.filter(({ ev }) => ev === 'connected').length, { timeout: 30_000 }).toBe(2);
  expect(ana.run.lines.findLast(({ ev }) => ev === 'connected')?.local).toBe(ana.local);
  expect(await bench.ask(ana.local, 'hello again')).toContain('said hello again');
  expect((await friendsOf(host.stateDir))[0]?.seat).toBe(before);
  // And the same where it dies without a word.
  back.run.kill('SIGKILL');
  await back.run.exit;
  await startHost(host.stateDir, host.port);
  await expect.poll(async () => (await friendsOf(host.stateDir))[0]?.state, { timeout: 45_000 }).toBe('connected');
  expect(await bench.ask(ana.local, 'once more')).toContain('said once more');
  expect((await friendsOf(host.stateDir))[0]?.seat).toBe(before);
}, 120_000);

test('--no-wait ends with the host, exit 4', async () => {
  const host = await startHost();
  const ana = await startJoin(host.code, 'Ana', undefined, ['--no-wait']);
  host.run.kill('SIGTERM');
  expect(await ana.run.exit).toBe(4);
});

test("a friend is told that the host's game has gone, and that it answers again", async () => {
  const port = await bench.freePort();
  const host = await startHost(undefined, port);
  // The game's own port has to stay free for it.
  const ana = await startJoin(host.code, 'Ana', undefined, ['--local-port', '0']);
  expect(await ana.run.line('game', 5_000)).toMatchObject({ service: 0, state: 'absent' });
  await expect.poll(() => ana.run.stderr()).toContain("the host's game does not answer: nothing listens on");
  await bench.game(port);
  await expect
    .poll(() => ana.run.lines.filter(({ ev }) => ev === 'game').at(-1)?.state, { timeout: 10_000 })
    .toBe('answers');
  const { lines } = await ctl(ana.stateDir, 'status', '--json');
  expect(lines[0]?.joins).toMatchObject([{ gamesQuiet: [] }]);
});

test('the file with the token is for its owner alone, goes with the program, and one of a killed program is cleaned away', async () => {
  const host = await startHost();
  const folder = join(host.stateDir, 'control');
  const [name = ''] = readdirSync(folder);
  expect([statSync(folder).mode & 0o777, statSync(join(folder, name)).mode & 0o777]).toEqual([0o700, 0o600]);
  const file = JSON.parse(readFileSync(join(folder, name), 'utf8'));
  expect(file).toMatchObject({ v: 1, pid: host.run.child.pid, program: 'host', name: String(host.port) });
  // The token is on no command line and in no line that is said.
  expect(host.run.stdout() + host.run.stderr()).not.toContain(file.token);
  host.run.kill('SIGKILL');
  await host.run.exit;
  expect(existsSync(join(folder, name))).toBe(true);
  expect(await ctl(host.stateDir, 'who')).toMatchObject({ exit: 4, err: expect.stringContaining('NOT_RUNNING') });
  expect(readdirSync(folder)).toEqual([]);
  // Another process has its number by now, and nobody listens there; and what is no such file is left alone.
  const gone = { v: 1, url: 'http://127.0.0.1:9', token: 'x'.repeat(32), program: 'host', name: 'old' } as const;
  writeTokenFile(host.stateDir, { ...gone, pid: process.pid, startedAt: 0 });
  writeFileSync(join(folder, '1.json'), 'no document');
  expect((await ctl(host.stateDir, 'status')).exit).toBe(4);
  expect(readdirSync(folder)).toEqual(['1.json']);
  const back = await startHost(host.stateDir, host.port);
  back.run.kill('SIGTERM');
  await back.run.exit;
  expect(readdirSync(folder)).toEqual(['1.json']);
});

test('a foreign page, another user and what is malformed get nothing of a host, and it goes on', async () => {
  const host = await startHost();
  const [file] = running(host.stateDir);
  if (file === undefined) throw new Error('the host has no file');
  const authorization = `Bearer ${file.token}`;
  const call = (method: string, path: string, headers: Record<string, string>, body = ''): Promise<[number, string]> =>
    new Promise((resolve, reject) => {
      const { port } = new URL(file.url);
      const sent = request({ host: '127.0.0.1', port, path, method, headers }, (answer) => {
        let text = '';
        answer.on('data', (chunk) => {
          text += chunk;
        });
        answer.on('end', () => resolve([answer.statusCode ?? 0, text]));
        expect(answer.headers['access-control-allow-origin']).toBeUndefined();
      });
      sent.on('error', reject);
      sent.end(body);
    });
  const codeOf = ([status, text]: readonly [number, string]): readonly [number, string] => {
    const { error } = JSON.parse(text) as { readonly error: Record<string, string> };
    for (const part of ['what', 'why', 'next']) expect(error[part]).toMatch(/\w.*\.$/);
    return [status, String(error.code)];
  };
  const state = (headers: Record<string, string>) => call('GET', '/v1/state', headers).then(codeOf);
  const foreign = { authorization, origin: 'http://attacker.example' };
  expect(await state({})).toEqual([401, 'TOKEN']);
  expect(await state({ authorization: 'Bearer wrong' })).toEqual([401, 'TOKEN']);
  expect(await state({ authorization: file.token })).toEqual([401, 'TOKEN']);
  expect(await state({ authorization, host: 'attacker.example' })).toEqual([403, 'FORBIDDEN']);
  expect(await state(foreign)).toEqual([403, 'FORBIDDEN']);
  expect(await state({ authorization, origin: 'null' })).toEqual([403, 'FORBIDDEN']);
  for (const path of ['/v1/events', '/v1/openapi.json']) expect((await call('GET', path, {}))[0]).toBe(401);
  const post = (path: string, body: string, headers = { authorization }) =>
    call('POST', path, headers, body).then(codeOf);
  expect(await post('/v1/quit', '{}', foreign)).toEqual([403, 'FORBIDDEN']);
  expect(await post('/v1/quit', '{}', { authorization: '' })).toEqual([401, 'TOKEN']);
  for (const name of ['destroy', 'constructor', '__proto__', 'state/x'])
    expect(await post(`/v1/${name}`, '{}')).toEqual([404, 'UNKNOWN']);
  expect(await call('GET', '/v1/quit', { authorization }).then(codeOf)).toEqual([404, 'UNKNOWN']);
  expect(await post('/v1/kick', '{')).toEqual([400, 'BODY']);
  expect(await post('/v1/kick', '{"friend": 7}')).toEqual([400, 'BODY']);
  expect(await post('/v1/host', '{"port": 70000}')).toEqual([400, 'BODY']);
  const huge = JSON.stringify({ friend: 'x'.repeat(APP_LIMITS.bodyBytesMax) });
  expect(await post('/v1/kick', huge)).toEqual([413, 'TOO_LARGE']);
  // What a host is not for.
  const join = { target: host.code, password: '', localPort: 0 };
  expect(await post('/v1/join', JSON.stringify(join))).toEqual([409, 'NOT_HERE']);
  expect(await post('/v1/settings', '{"settings": {}}')).toEqual([409, 'NOT_HERE']);
  // The page is the app's alone.
  expect((await call('GET', '/', { authorization }))[0]).toBe(404);
  expect((await ctl(host.stateDir, 'who')).out).toBe('Nobody is here.\n');
  // Bound to one address, and to no other of this computer.
  await expect(fetch(file.url.replace('127.0.0.1', '127.0.0.2'))).rejects.toThrow();
});
