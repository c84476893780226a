/** The world of `--fake`, which any program of this computer may enter, and leave, as often as it likes. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import { CLI_LIMITS, FakeWorld, serveFakeWorld } from '../../src/cli/testing.ts';

const { fakePlacesMax, fakeSocketsMax } = CLI_LIMITS;
const world = new FakeWorld();
afterEach(() => {
  vi.useRealTimers();
  world.close();
});

test('whoever comes and goes without end has the same few computers built', () => {
  const seen = new Set<string>();
  for (let n = 0; n < 500; n++) {
    const place = world.place(n % 2 === 0 ? 'P3' : 'S4');
    seen.add(place?.address ?? '');
    place?.leave();
  }
  const all = Array.from({ length: fakePlacesMax }, () => world.place('P3'));
  expect(world.place('P3')).toBeNull();
  for (const place of all) seen.add(place?.address ?? '');
  expect(seen.size).toBeLessThanOrEqual(fakePlacesMax + 1);
});

test('connections that say nothing are so many at most', async () => {
  // None of them has been silent for too long.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const free = createServer().listen(0, '127.0.0.1');
  await once(free, 'listening');
  const { port } = free.address() as AddressInfo;
  await new Promise((resolve) => free.close(resolve));
  const server = await serveFakeWorld(world, port);
  let closed = 0;
  const sockets: Socket[] = [];
  for (let n = 0; n < fakeSocketsMax + 5; n++) {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {}).on('close', () => closed++);
    socket.resume();
    sockets.push(socket);
    await once(socket, 'connect');
  }
  await expect.poll(() => closed).toBe(5);
  server.close();
  for (const socket of sockets) socket.destroy();
});
