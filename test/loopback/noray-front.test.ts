/** Who gets nothing at the ports of `--noray`, which have no token: the front itself, on sockets of this computer. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { NorayFront } from '../../src/app/index.ts';
import { APP_LIMITS } from '../../src/app/testing.ts';
import { Bench } from './processes.ts';

let bench: Bench;
let front: NorayFront;
let tcp = 0;
/** How often it was asked for the code that it would host under. */
let asked = 0;

beforeEach(async () => {
  bench = new Bench();
  asked = 0;
  tcp = await bench.freePort();
  // Nothing here comes as far as an engine, but for the code of whoever registers.
  front = new NorayFront({
    async code() {
      asked++;
      return 'K7TQ9RBWXM';
    },
    state: () => expect.unreachable(),
    onChange: () => () => {},
    command: () => expect.unreachable(),
  });
  await front.open({ tcp, udp: await bench.freePort() });
});
afterEach(async () => {
  front.close();
  await bench.close();
});

interface Said {
  readonly socket: Socket;
  text: string;
}

function say(bytes: string): Said {
  const said: Said = { socket: connect({ host: '127.0.0.1', port: tcp }), text: '' };
  said.socket.on('error', () => {});
  said.socket.on('data', (data) => {
    said.text += String(data);
  });
  said.socket.write(bytes);
  return said;
}

const closed = (said: Said) => once(said.socket, 'close', { signal: AbortSignal.timeout(5_000) });

/** All that a page can make a browser send: a form, a fetch without asking, a socket that is upgraded. */
const PAGES = [
  'POST / HTTP/1.1\r\nHost: 127.0.0.1:8890\r\nContent-Type: text/plain\r\n\r\nregister-host\nregister-host\n',
  'GET /register-host HTTP/1.1\r\nHost: rebound.example\r\n\r\n',
  'GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nregister-host\n',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nregister-host\n',
  // A hello of TLS that resumes a session with the ticket that the page's own server has given, by a name that leads here by now.
  '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\nregister-host\nregister-host\n',
];

test('a page hears nothing at a port of noray, and nothing that it sends is obeyed', async () => {
  for (const bytes of PAGES) {
    const page = say(bytes);
    await closed(page);
    expect(page.text, bytes).toBe('');
  }
  expect(asked).toBe(0);
  const game = say('register-host\n');
  await expect.poll(() => game.text).toMatch(/^set-oid K7TQ9RBWXM\nset-pid \S+\n$/);
  game.socket.destroy();
});

test('a line that has no end is cut off, whether it comes at once or byte by byte', async () => {
  const whole = say('x'.repeat(APP_LIMITS.norayLineBytesMax + 1));
  await closed(whole);
  const slow = say('x');
  slow.socket.setNoDelay(true);
  const ended = closed(slow);
  for (let n = 0; n <= APP_LIMITS.norayLineBytesMax && !slow.socket.destroyed; n += 64) {
    slow.socket.write('x'.repeat(64));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await ended;
  expect(whole.text + slow.text).toBe('');
});
