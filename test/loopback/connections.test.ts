/** Slow callers of the masterserver's HTTP side, on real sockets. */
import { connect } from 'node:net';
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
