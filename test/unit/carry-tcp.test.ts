/** The host's sockets to servers of TCP, shared between friends. */
import { EventEmitter, once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { expect, test } from 'vitest';
import type { Path } from '../../src/agent/index.ts';
import { AGENT_LIMITS, TcpHost } from '../../src/agent/testing.ts';

/** A path as the host holds it, and streams that its friend opens. */
function friendOf(name: string) {
  const path = Object.assign(new EventEmitter(), { friend: name }) as unknown as Path & EventEmitter;
  const refused: string[] = [];
  const open = (): Duplex => {
    const stream = Object.assign(new Duplex({ read: () => {}, write: (_bytes, _encoding, done) => done() }), {
      breakOff(why: string) {
        refused.push(why);
        stream.destroy();
      },
    });
    path.emit('stream', 0, stream);
    return stream;
  };
  return { path, refused, open };
}

test('a friend that opens connections without end leaves every other its share', async () => {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => void sockets.add(socket.on('error', () => {})));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const { tcpSocketsMax, tcpSocketsShare } = AGENT_LIMITS;
  const host = new TcpHost([{ port, protocols: 'tcp', address: '127.0.0.1' }], () => null);
  const [greedy, other] = [friendOf('greedy'), friendOf('other')];
  host.attach(greedy.path);
  host.attach(other.path);
  const streams = Array.from({ length: tcpSocketsMax }, () => greedy.open());
  expect(greedy.refused.length).toBeGreaterThan(0);
  expect(new Set(greedy.refused)).toEqual(new Set(['limit']));
  const more = Array.from({ length: tcpSocketsShare }, () => other.open());
  expect(other.refused).toEqual([]);
  other.open();
  expect(other.refused).toEqual(['limit']);
  for (const stream of [...streams, ...more]) stream.destroy();
  host.close();
  for (const socket of sockets) socket.destroy();
  server.close();
});

test('where this system does not have the friend’s address, the server sees another one', async () => {
  const seen = new Promise<string>((resolve) => {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      resolve(socket.remoteAddress ?? '');
      socket.destroy();
      server.close();
    });
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      const host = new TcpHost([{ port, protocols: 'tcp', address: '127.0.0.1' }], () => '192.0.2.9');
      const friend = friendOf('friend');
      host.attach(friend.path);
      friend.open();
    });
  });
  expect(await seen).toBe('127.0.0.1');
});
