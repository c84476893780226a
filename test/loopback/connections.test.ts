/** Slow callers of the masterserver's HTTP side, on real sockets. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { SERVER_LIMITS } from '../../src/master/testing.ts';
import { MasterBench } from './master-node.ts';

const bench = new MasterBench();
afterEach(() => bench.close());

/** Milliseconds until the server closes a connection on which only this is sent. */
function closedAfter(port: number, sent: string): Promise<number> {
  const startedAt = performance.now();
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(sent));
    socket.on('error', () => {});
    socket.on('data', () => {});
    socket.on('close', () => resolve(performance.now() - startedAt));
  });
}

test('a slow head, a slow body and silence end in time, and the list is there meanwhile', async () => {
  const master = await bench.start({ listen: ['127.0.0.1'], port: 24_400, testJoins: null });
  const { port } = new URL(master.http as string);
  const slow = [
    '',
    'GET /livez HTTP/1.1\r\nhost: x\r\n',
    'POST /livez HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n1',
  ];
  const closed = Promise.all(slow.map((sent) => closedAfter(Number(port), sent)));
  expect((await fetch(`${master.http}/api/v1/servers`)).status).toBe(200);
  const times = await closed;
  const { httpHeadersMs, httpRequestMs, httpCheckMs } = SERVER_LIMITS;
  for (const ms of times) expect(ms).toBeLessThan(Math.max(httpHeadersMs, httpRequestMs) + 2 * httpCheckMs + 3_000);
}, 60_000);

test('requests that do not wait for their answers open one download, not hundreds, and leave nothing behind', async () => {
  const downloads = mkdtempSync(join(tmpdir(), 'downloads-'));
  writeFileSync(join(downloads, 'sallyport-linux.deb'), new Uint8Array(8_000_000));
  const master = await bench.start({ listen: ['127.0.0.1'], port: 24_430, testJoins: null, downloads });
  const { port } = new URL(master.http as string);
  const path = '/downloads/sallyport-linux.deb';
  const before = readdirSync('/proc/self/fd').length;
  for (let n = 0; n < 3; n++) {
    const socket = connect(Number(port), '127.0.0.1');
    socket.pause();
    socket.on('error', () => {});
    const closed = new Promise((resolve) => socket.on('close', resolve));
    socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`.repeat(300));
    setTimeout(() => socket.resume(), 500);
    await closed;
  }
  const one = await fetch(`${master.http}${path}`);
  expect((await one.arrayBuffer()).byteLength).toBe(8_000_000);
  expect(readdirSync('/proc/self/fd').length).toBeLessThan(before + 20);
  rmSync(downloads, { recursive: true });
}, 20_000);
