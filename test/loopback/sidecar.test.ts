/** `sallyport sidecar` as a game uses it: HTTP alone, a token file, and nothing left of it afterwards. */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { LocalAnswer, LocalCommand } from '../../src/app/index.ts';
import { startMaster } from '../../src/master/index.ts';
import { Bench, portBase, type Run } from './processes.ts';

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(() => bench.close());

type Sent = Omit<Extract<LocalCommand, object>, 'do'>;

class Sidecar {
  readonly run: Run;
  readonly file: string;
  #at: { readonly url: string; readonly token: string } | null = null;

  constructor(more: readonly string[], env: NodeJS.ProcessEnv = {}) {
    this.file = join(bench.folder(), 'token.json');
    this.run = bench.sallyport(['sidecar', '--token-file', this.file, ...more], env);
  }

  async send(name: LocalCommand['do'], body: Sent & Record<string, unknown> = {}): Promise<LocalAnswer> {
    await expect.poll(() => existsSync(this.file), { timeout: 15_000 }).toBe(true);
    this.#at ??= JSON.parse(readFileSync(this.file, 'utf8')) as { url: string; token: string };
    const { url, token } = this.#at;
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const answer = await fetch(`${url}/v1/${name}`, { method: 'POST', body: JSON.stringify(body), headers });
    return (await answer.json()) as LocalAnswer;
  }
}

test('two games host and join with one call each, look at their figures, and are told typed errors', async () => {
  const quiet = { http: null, metrics: null, logLevel: 'silent', testJoins: null } as const;
  const master = await startMaster({ listen: ['127.0.0.1'], port: portBase(), stateDir: bench.folder(), ...quiet });
  try {
    const home = bench.folder();
    const [host, friend] = [0, 1].map(() => new Sidecar(['--master', master.link], { XDG_STATE_HOME: home }));
    if (host === undefined || friend === undefined) return expect.unreachable();
    const port = await bench.game();
    const hosted = await host.send('host', { services: `${port}` });
    if (!hosted.ok || hosted.code === undefined) return expect.unreachable(JSON.stringify(hosted));
    const joined = await friend.send('join', { target: hosted.code, waitMs: 20_000, name: 'Kofi' });
    expect(joined).toMatchObject({ ok: true, phase: 'connected', kind: expect.any(String) });
    const local = joined.ok ? (joined.local ?? '') : '';
    expect(await bench.ask(local, 'x')).toContain('said x');
    const stats = await friend.send('stats');
    expect(stats.ok && stats.joins).toMatchObject([
      { join: 1, phase: 'connected', local, figures: { via: null, lost: 0 } },
    ]);
    const guests = await host.send('stats');
    expect(guests.ok && guests.friends?.[0]).toMatchObject({ name: 'Kofi', figures: { via: null } });
    const ways = await friend.send('paths');
    expect(ways.ok && ways.connections?.[0]).toMatchObject({
      join: 1,
      ways: expect.arrayContaining([expect.objectContaining({ carries: true })]),
    });
    const typed = { retryable: false, hint: expect.stringMatching(/\.$/) };
    expect(await friend.send('join', { target: 'what?' })).toMatchObject({
      ok: false,
      error: { code: 'CODE_MALFORMED', ...typed },
    });
    expect(await friend.send('join', { target: 'AAAAA-AAAAA', waitMs: 20_000 })).toMatchObject({ ok: false });
    expect(await friend.send('host', { services: 'no port' })).toMatchObject({ error: { code: 'BODY', ...typed } });
    const kofi = guests.ok ? (guests.friends?.[0]?.friend ?? '') : '';
    await host.send('kick', { friend: kofi });
    await expect
      .poll(async () => {
        const now = await friend.send('stats');
        return now.ok && now.joins?.[0]?.ended;
      })
      .toBe('kicked');
    for (const one of [host, friend]) await one.send('quit');
    expect(await Promise.all([host.run.exit, friend.run.exit])).toEqual([0, 0]);
    expect([host, friend].map(({ file }) => existsSync(file))).toEqual([false, false]);
    expect(readdirSync(home)).toEqual([]);
  } finally {
    await master.close();
  }
});

test('it ends with the process it was started for, and takes its token file with it', async () => {
  const parent = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  const sidecar = new Sidecar(['--with-pid', String(parent.pid)]);
  // Without a masterserver it still says what it lacks.
  expect(await sidecar.send('host', { services: '30000' })).toMatchObject({ error: { code: 'MASTER_UNREACHABLE' } });
  parent.kill('SIGKILL');
  expect(await sidecar.run.exit).toBe(0);
  expect(existsSync(sidecar.file)).toBe(false);
});

test('where the process is not there, or the token file can not be written, it does not begin', async () => {
  const nobody = bench.sallyport(['sidecar', '--with-pid', '4194304', '--json']);
  expect(await nobody.exit).toBe(2);
  const nowhere = bench.sallyport(['sidecar', '--token-file', '/proc/none/token.json', '--json']);
  expect(await nowhere.exit).toBe(2);
});
