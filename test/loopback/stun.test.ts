import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { encodeStun, parseStun } from '../../src/core/testing.ts';
import { startStun } from '../../src/master/testing.ts';
import { portBase } from './processes.ts';

const PORT = portBase();

test('the master’s STUN port answers, changes address against payment, and keeps to 10 answers a second', async () => {
  const service = startStun(['127.0.0.1', '127.0.0.2'], PORT);
  const client = createSocket('udp4').bind(0, '127.0.0.1');
  try {
    await once(client, 'listening');
    const answers: { address: string; port: number }[] = [];
    client.on('message', (bytes, from) => {
      const message = parseStun(bytes);
      expect(message).toMatchObject({
        class: 'success',
        xorMapped: { address: '127.0.0.1', port: client.address().port },
      });
      answers.push({ address: from.address, port: from.port });
    });
    const change = { address: true, port: true };
    const padded = encodeStun({
      class: 'request',
      transaction: new Uint8Array(12),
      changeRequest: change,
      paddingBytes: 64,
    });
    const began = performance.now();
    client.send(padded, PORT, '127.0.0.1');
    const plain = encodeStun({ class: 'request', transaction: new Uint8Array(12) });
    for (let i = 0; i < 100; i++) client.send(plain, PORT, '127.0.0.1');
    // A burst of 20, then 10 a second.
    await expect.poll(() => answers.length).toBeGreaterThanOrEqual(20);
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(answers[0]).toEqual({ address: '127.0.0.2', port: PORT + 1 });
    expect(answers.length).toBeLessThanOrEqual(22 + (10 * (performance.now() - began)) / 1000);
  } finally {
    client.close();
    service.close();
  }
});

test('a port that is taken is said plainly', () => {
  const service = startStun(['127.0.0.1'], PORT + 10);
  expect(() => startStun(['127.0.0.1'], PORT + 10)).toThrow(/--stun-port/);
  service.close();
});
