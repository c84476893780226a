/** Sidecars with `--fake`: a masterserver and NATs in memory that all of one port share, and no datagram of ours on any network. */
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { LocalAnswer, LocalCommand } from '../../src/app/index.ts';
import { Bench, type Run } from './processes.ts';

let bench: Bench;
let port: number;
beforeEach(async () => {
  bench = new Bench();
  port = await bench.freePort();
});
afterEach(() => bench.close());

interface Fake {
  readonly run: Run;
  send(name: LocalCommand['do'], body?: object): Promise<LocalAnswer>;
}

async function fake(nat: string, env: NodeJS.ProcessEnv = {}): Promise<Fake> {
  const file = join(bench.folder(), 'token.json');
  const words = ['--fake', '--fake-nat', nat, '--fake-port', `${port}`, '--token-file', file];
  const run = bench.sallyport(['sidecar', ...words], env);
  await expect.poll(() => existsSync(file), { timeout: 15_000 }).toBe(true);
  const { url, token } = JSON.parse(readFileSync(file, 'utf8')) as { url: string; token: string };
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const send: Fake['send'] = async (name, body = {}) => {
    const answer = await fetch(`${url}/v1/${name}`, { method: 'POST', body: JSON.stringify(body), headers });
    return (await answer.json()) as LocalAnswer;
  };
  return { run, send };
}

async function codeOf(host: Fake, services: string): Promise<string> {
  const hosted = await host.send('host', { services });
  return hosted.ok && hosted.code !== undefined ? hosted.code : expect.unreachable(JSON.stringify(hosted));
}

test('a host and two friends behind three kinds of NAT meet, and no file is written', async () => {
  const home = bench.folder();
  const [host, easy, hard] = await Promise.all(['P3', 'P5', 'S4'].map((nat) => fake(nat, { XDG_STATE_HOME: home })));
  const target = await codeOf(host!, `${await bench.game()}`);
  for (const friend of [easy!, hard!]) {
    const joined = await friend.send('join', { target, waitMs: 30_000 });
    expect(joined).toMatchObject({ ok: true, phase: 'connected' });
    expect(await bench.ask(joined.ok ? (joined.local ?? '') : '', 'x')).toContain('said x');
  }
  const stats = await host!.send('stats');
  expect(stats.ok && stats.friends?.length).toBe(2);
  expect(readdirSync(home)).toEqual([]);
});

test('behind a NAT that lets no UDP out a game is told so', async () => {
  const blocked = await fake('X');
  expect(await blocked.send('host', { services: '30000' })).toMatchObject({
    ok: false,
    error: { code: expect.stringMatching(/^(UDP_BLOCKED|MASTER_UNREACHABLE)$/), retryable: true },
  });
});

test('where the program that has the world ends, the others go on in a new one', async () => {
  const first = await fake('P3');
  const [host, friend] = [await fake('P3'), await fake('P3')];
  const target = await codeOf(host, `${await bench.game()}`);
  const joined = await friend.send('join', { target, waitMs: 30_000 });
  const local = joined.ok ? (joined.local ?? '') : '';
  expect(await bench.ask(local, 'before')).toContain('said before');
  first.run.kill('SIGKILL');
  await first.run.exit;
  expect(await bench.ask(local, 'after', 40_000)).toContain('said after');
});

test('whoever connects to the world and is no sidecar is cut off, and the world goes on', async () => {
  const host = await fake('P3');
  const cut = async (bytes: string | Uint8Array): Promise<void> => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.on('error', () => {});
    socket.write(bytes);
    // Without a reader nothing is ever seen to end.
    socket.resume();
    await once(socket, 'close', { signal: AbortSignal.timeout(10_000) });
  };
  await cut('GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n');
  await cut(Uint8Array.of(0, 0, 0, 1, 0x64));
  await cut(Buffer.concat([Uint8Array.of(0, 0, 0, 22), Buffer.from('hsallyport fake 1 none')]));
  expect(await host.send('host', { services: `${await bench.game()}` })).toMatchObject({ ok: true });
});

test('a port of another program is said to be one', async () => {
  const taken = bench.sallyport(['sidecar', '--port', `${port}`]);
  await expect.poll(() => taken.stdout()).toContain('"token"');
  const refused = bench.sallyport(['sidecar', '--fake', '--fake-port', `${port}`, '--json']);
  expect(await refused.exit).not.toBe(0);
  expect(refused.stdout() + refused.stderr()).toContain('--fake-port');
});
