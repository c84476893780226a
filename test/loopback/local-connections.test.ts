/** Who has no token at the local interface of a program. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { APP_LIMITS, serveLocal } from '../../src/app/index.ts';

type Engine = Parameters<typeof serveLocal>[0];
const engine: Engine = {
  state: () => ({}) as ReturnType<Engine['state']>,
  refresh: () => {},
  onChange: () => () => {},
  command: () => Promise.resolve({ ok: true, n: 0 }),
};
const open: Socket[] = [];
afterEach(() => {
  for (const socket of open.splice(0)) socket.destroy();
});

async function connection(url: string): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.on('error', () => {});
  open.push(socket);
  await once(socket, 'connect');
  return socket;
}

test('connections without a token make room for each other, and whoever has one is served', async () => {
  const { url, token, close } = await serveLocal(engine);
  const head = `host: ${new URL(url).host}\r\nauthorization: Bearer ${token}\r\n`;
  const person = await connection(url);
  const ask = async (): Promise<string> => {
    person.write(`GET /v1/state HTTP/1.1\r\n${head}\r\n`);
    return String(await once(person, 'data'));
  };
  expect(await ask()).toMatch(/^HTTP\/1.1 200/);
  const strangers: Socket[] = [];
  for (let n = 0; n < 3 * APP_LIMITS.strangersMax; n++) strangers.push((await connection(url)).resume());
  await expect
    .poll(() => strangers.filter(({ destroyed, closed }) => !destroyed && !closed).length)
    .toBeLessThanOrEqual(APP_LIMITS.strangersMax);
  expect(await ask()).toMatch(/^HTTP\/1.1 200/);
  expect((await fetch(`${url}/v1/state`, { headers: { authorization: `Bearer ${token}` } })).status).toBe(200);
  await close();
});
