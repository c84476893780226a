/** The admin interface of a masterserver attacked on a real socket, as a stranger, a page of another site or a slow client would. */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { SERVER_LIMITS } from '../../src/master/testing.ts';
import { MasterBench } from './master-node.ts';

/** More than a body may have, and nearly as much. */
const [LARGE_BYTES, DEEP_BYTES] = [20_000, 16_000];

let bench: MasterBench;
let host = '';
let token = '';
beforeEach(async () => {
  bench = new MasterBench();
  const master = await bench.start({ listen: ['127.0.0.1'], port: 24_460, testJoins: null, domains: ['ms.example'] });
  ({ host } = new URL(master.http as string));
  token = readFileSync(join(bench.stateDir, 'admin.once'), 'utf8').trim();
});
afterEach(() => bench.close());

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** The bytes as they stand, with nothing made better by a client; the head and as much of the body as comes until it is over. */
function raw(head: readonly string[], body = ''): Promise<Answer> {
  const [, port = ''] = host.split(':');
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(Number(port), '127.0.0.1', () =>
      socket.write(`${[...head, 'Connection: close'].join('\r\n')}\r\n\r\n${body}`),
    );
    socket.on('error', () => {});
    socket.on('data', (data) => {
      text += String(data);
    });
    socket.on('close', () => resolve({ status: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0), text }));
  });
}

const BEARER = (): string => `Authorization: Bearer ${token}`;
const ask = (path: string, head: readonly string[], method = 'GET', body = ''): Promise<Answer> =>
  raw([`${method} ${path} HTTP/1.1`, ...head], body);
const banIt = JSON.stringify({ kind: 'name', pattern: 'Arena', reason: 'x' });
const length = (body: string): string => `Content-Length: ${Buffer.byteLength(body)}`;
const bans = async (): Promise<number> => {
  const { text } = await ask('/api/v1/admin/bans', [`Host: ${host}`, BEARER()]);
  return (JSON.parse(text.slice(text.indexOf('{'))) as { bans: unknown[] }).bans.length;
};

test('no way of writing its paths leads in without the token, and no other way of showing the token counts', async () => {
  const paths = [
    ...['/api/v1/admin/overview', '/api/v1/admin//overview', '//api/v1/admin/overview', '/api/v1/./admin/overview'],
    ...[
      '/api/v1/servers/../admin/overview',
      '/api/v1/%61dmin/overview',
      '/api/v1/admin%2foverview',
      '/api/v1/admin;/overview',
    ],
    ...[
      '/api/v1/admin/overview/',
      '/api/v1/admin/overview?x=1',
      '/API/V1/ADMIN/overview',
      '/api/v1/admin/../admin/overview',
    ],
    ...['/api/v1/admin/overview%00', '/api/v1/admin\\overview', `http://${host}/api/v1/admin/overview`],
  ];
  for (const path of paths) {
    const { status, text } = await ask(path, [`Host: ${host}`]);
    expect([400, 401, 404], `${path}: ${status}`).toContain(status);
    expect(text, path).not.toContain('joinsPerMinute');
  }
  const shown = [
    `Cookie: token=${token}; sallyport-token=${token}`,
    `Authorization: Basic ${Buffer.from(`admin:${token}`).toString('base64')}`,
    `Authorization: bearer${token}`,
    `X-Forwarded-Authorization: Bearer ${token}`,
    `Proxy-Authorization: Bearer ${token}`,
  ];
  for (const header of shown)
    expect((await ask(`/api/v1/admin/overview?token=${token}`, [`Host: ${host}`, header])).status, header).toBe(401);
  expect((await ask('/api/v1/admin/overview', [`Host: ${host}`, BEARER()])).status).toBe(200);
});

test('with the token, but by a name that leads here from elsewhere, nothing is answered', async () => {
  const [, port = ''] = host.split(':');
  const foreign = [
    ...[
      'evil.example',
      `evil.example:${port}`,
      `127.0.0.1.evil.example:${port}`,
      'localhost.evil.example',
      'ms.example.evil',
    ],
    ...[
      `evil.example:80:${port}`,
      `127.0.0.1@evil.example:${port}`,
      '[::1].evil.example',
      '2130706433',
      '0x7f000001',
      '127.1',
    ],
    ...['evilms.example', 'localhost.', 'ms.example.'],
  ];
  for (const name of foreign) {
    const { status, text } = await ask('/api/v1/admin/overview', [`Host: ${name}`, BEARER()]);
    expect([400, 421], `${name}: ${status}`).toContain(status);
    expect(text, name).not.toContain('joinsPerMinute');
  }
  for (const two of [
    [`Host: ${host}`, 'Host: evil.example'],
    ['Host: evil.example', `Host: ${host}`],
  ])
    expect([400, 421]).toContain((await ask('/api/v1/admin/overview', [...two, BEARER()])).status);
  const passed = [`Host: evil.example`, `X-Forwarded-Host: ${host}`, `Forwarded: host=${host}`, BEARER()];
  expect((await ask('/api/v1/admin/overview', passed)).status).toBe(421);
  for (const name of [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`, 'MS.example'])
    expect((await ask('/api/v1/admin/overview', [`Host: ${name}`, BEARER()])).status, name).toBe(200);
});

test('a page of another site changes nothing and is told nothing, whatever a form or a fetch of it may send', async () => {
  const origins = [
    'http://evil.example',
    'null',
    `http://${host}.evil.example`,
    'http://127.0.0.1:1',
    `ftp://x@${host}:1`,
    '',
  ];
  for (const origin of origins) {
    const head = [`Host: ${host}`, `Origin: ${origin}`, BEARER(), 'Content-Type: application/json', length(banIt)];
    expect((await ask('/api/v1/admin/bans', head, 'POST', banIt)).status, origin).toBe(403);
  }
  // What a page may send without asking: no token is in it, because nothing is kept where a browser adds it by itself.
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
    const head = [`Host: ${host}`, 'Cookie: a=b', `Content-Type: ${type}`, length(banIt)];
    expect((await ask('/api/v1/admin/bans', head, 'POST', banIt)).status, type).toBe(401);
  }
  for (const path of [
    '/api/v1/admin/bans',
    '/api/v1/admin/bans/1',
    '/api/v1/admin/overview',
    '/api/v1/admin/webhooks/test',
  ]) {
    const head = [`Host: ${host}`, 'Origin: http://evil.example', 'Access-Control-Request-Headers: authorization'];
    const { text } = await ask(path, [...head, 'Access-Control-Request-Method: POST'], 'OPTIONS');
    expect(text.toLowerCase(), path).not.toContain('access-control-allow');
  }
  expect(await bans()).toBe(0);
});

test('tokens that are tried out are slowed down, and the right one is good beside them', async () => {
  const tries = SERVER_LIMITS.adminFailureRates.narrow.burst + 20;
  const answers: number[] = [];
  for (let n = 0; n < tries; n++) {
    const guess = n % 2 === 0 ? `${token.slice(0, -1)}${n % 10}x` : 'A'.repeat(n * 50 + 1);
    answers.push((await ask('/api/v1/admin/overview', [`Host: ${host}`, `Authorization: Bearer ${guess}`])).status);
  }
  expect(answers.filter((status) => status === 401).length).toBeLessThan(
    SERVER_LIMITS.adminFailureRates.narrow.burst + 5,
  );
  expect(answers.at(-1)).toBe(429);
  expect(answers).not.toContain(200);
  expect((await ask('/api/v1/admin/overview', [`Host: ${host}`, BEARER()])).status).toBe(200);
});

test('bodies that are large, endless, deep or poisoned are refused, and nobody without the token has one read', async () => {
  const head = (more: readonly string[]) => [`Host: ${host}`, BEARER(), 'Content-Type: application/json', ...more];
  const large = `"${'x'.repeat(LARGE_BYTES)}"`;
  expect((await ask('/api/v1/admin/bans', head([length(large)]), 'POST', large)).status).toBe(413);
  const chunk = `4000\r\n${'x'.repeat(0x4000)}\r\n`;
  const endless = await ask('/api/v1/admin/bans', head(['Transfer-Encoding: chunked']), 'POST', chunk.repeat(64));
  expect([0, 413]).toContain(endless.status);
  const deep = '['.repeat(DEEP_BYTES);
  expect((await ask('/api/v1/admin/bans', head([length(deep)]), 'POST', deep)).status).toBe(400);
  const poison =
    '{"__proto__":{"kind":"name","pattern":"Arena","scope":"ban"},"constructor":{"prototype":{"pattern":"x"}}}';
  expect((await ask('/api/v1/admin/bans', head([length(poison)]), 'POST', poison)).status).toBe(400);
  expect(({} as { pattern?: string }).pattern).toBeUndefined();
  // The answer is there before the body is.
  const stranger = [`Host: ${host}`, 'Content-Type: application/json', 'Content-Length: 1000000000'];
  expect((await ask('/api/v1/admin/bans', stranger, 'POST', 'x'.repeat(100_000))).status).toBe(401);
  expect(await bans()).toBe(0);
});
