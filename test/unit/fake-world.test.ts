/** The world of `--fake`, which any program of this computer may enter, and leave, as often as it likes. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { CLI_LIMITS, FakeWorld, serveFakeWorld } from '../../src/cli/testing.ts';

const { fakePlacesMax, fakeSocketsMax, fakeGreetingMs, fakeFrameBytesMax } = CLI_LIMITS;
let world: FakeWorld;
beforeEach(() => {
  world = new FakeWorld();
});
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

/** The world at a port of its own. */
async function serve() {
  const free = createServer().listen(0, '127.0.0.1');
  await once(free, 'listening');
  const { port } = free.address() as AddressInfo;
  await new Promise((resolve) => free.close(resolve));
  return { port, server: await serveFakeWorld(world, port) };
}

test('who does not say what it is, or says a frame that is too long, is cut off', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const { port, server } = await serve();
  const open = async (bytes: Uint8Array) => {
    const socket = connect(port, '127.0.0.1');
    let closed = false;
    socket
      .on('error', () => {})
      .on('close', () => {
        closed = true;
      });
    // Its answer, where there is one: the world has read the greeting by then.
    const greeted = new Promise((resolve) => socket.once('data', resolve));
    await once(socket, 'connect');
    socket.write(bytes);
    return { greeted, isClosed: () => closed };
  };
  const frame = (length: number, text: string) => {
    const bytes = Buffer.alloc(4 + text.length);
    bytes.writeUInt32BE(length);
    bytes.write(text, 4);
    return bytes;
  };
  const greeting = 'hsallyport fake 1 P3';
  const silent = await open(frame(greeting.length, 'h'));
  const polite = await open(frame(greeting.length, greeting));
  await polite.greeted;
  const tooLong = await open(Buffer.concat([frame(greeting.length, greeting), frame(fakeFrameBytesMax + 1, 'd')]));
  await expect.poll(tooLong.isClosed).toBe(true);
  const long = await open(Buffer.concat([frame(greeting.length, greeting), frame(fakeFrameBytesMax, 'd')]));
  await long.greeted;
  vi.advanceTimersByTime(fakeGreetingMs - 1);
  await new Promise(setImmediate);
  expect(silent.isClosed()).toBe(false);
  vi.advanceTimersByTime(1);
  await expect.poll(silent.isClosed).toBe(true);
  expect([polite.isClosed(), long.isClosed()]).toEqual([false, false]);
  server.close();
});

test('connections that say nothing are so many at most', async () => {
  // None of them has been silent for too long.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const { port, server } = await serve();
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
