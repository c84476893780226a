import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { reportLines } from '../../src/cli/testing.ts';
import { UNKNOWN_PROFILE } from '../../src/core/testing.ts';
import { inBursts, narrowReceive, widenReceive } from '../../src/node/index.ts';
import { NODE_LIMITS } from '../../src/node/testing.ts';

/** All of a burst comes at one moment: on a busy machine it would be several. */
beforeEach(() => void vi.spyOn(performance, 'now').mockReturnValue(1));
afterEach(() => vi.restoreAllMocks());

const FROM = { address: '127.0.0.1', family: 'IPv4', port: 1, size: 1 } as const;

test('of a burst the first few are dealt with at once, all of them in their order', async () => {
  const dealt: number[] = [];
  const take = inBursts((bytes) => void dealt.push(bytes.readUInt16BE(0)));
  const send = (n: number): void => {
    const bytes = Buffer.alloc(2);
    bytes.writeUInt16BE(n);
    take(bytes, FROM);
  };
  for (let n = 0; n < 500; n++) send(n);
  expect(dealt.length).toBeLessThanOrEqual(NODE_LIMITS.burstAtOnce + 1);
  while (dealt.length < 500) {
    const before = dealt.length;
    await turn();
    expect(dealt.length - before, 'between two readings').toBeLessThanOrEqual(NODE_LIMITS.burstAtOnce);
  }
  expect(dealt).toEqual(Array.from({ length: 500 }, (_, n) => n));
});

test('what is kept of a burst is bounded', async () => {
  let dealt = 0;
  const take = inBursts(() => void dealt++);
  for (let n = 0; n < 2 * NODE_LIMITS.burstKeptMax; n++) take(Buffer.of(1), FROM);
  for (let n = 0; n < 2 * NODE_LIMITS.burstKeptMax; n++) await turn();
  expect(dealt).toBeLessThanOrEqual(NODE_LIMITS.burstKeptMax + NODE_LIMITS.burstAtOnce);
});

test('a socket that carries data has room for more than a plain one, and where it has not, the report says so', async () => {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const plain = socket.getRecvBufferSize();
  const wide = widenReceive(socket);
  expect(wide).toBeGreaterThan(plain);
  socket.close();
  const narrow = narrowReceive();
  expect(narrow).toBe(wide < NODE_LIMITS.receiveBytes ? wide : null);
  const lines = (receiveBytes: number | null): string =>
    reportLines(UNKNOWN_PROFILE, {
      showIps: false,
      masterRttMs: null,
      masterWay: null,
      routerAskedMs: null,
      receiveBytes,
    }).join('\n');
  expect(lines(425_984)).toContain('about 180 large datagrams');
  expect(lines(425_984)).toContain('net.core.rmem_max');
  expect(lines(null)).not.toContain('rmem_max');
});
