/** Whether the game of a host answers: what friends are told, and whom nobody may blame wrongly. Real loopback sockets, virtual clock. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { AGENT_LIMITS, AgentPath, GameWatch, type Talk } from '../../src/agent/testing.ts';
import type { Endpoint, GameState } from '../../src/core/index.ts';
import { isListenedTo } from '../../src/node/index.ts';

const sockets: Socket[] = [];
const watches: GameWatch[] = [];
beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] }));
afterEach(() => {
  for (const watch of watches.splice(0)) watch.close();
  for (const socket of sockets.splice(0)) socket.close();
  vi.useRealTimers();
});

async function game(port = 0): Promise<{ at: Endpoint; stop(): Promise<void> }> {
  const socket = createSocket('udp4');
  socket.bind(port, '127.0.0.1');
  await once(socket, 'listening');
  sockets.push(socket);
  return {
    at: { address: '127.0.0.1', port: socket.address().port },
    async stop() {
      sockets.splice(sockets.indexOf(socket), 1);
      socket.close();
      await once(socket, 'close');
    },
  };
}

/** A friend, what it has been told, and a program of it that speaks 20 times a second; `answered`: does the game answer? */
function friend(watch: GameWatch, path = 1) {
  const told: GameState[] = [];
  const up = { ev: 'path', path, join: null, friend: `friend ${path}`, instance: 'i' } as never;
  const port = { sayGame: (_path: number, _service: number, state: GameState) => void told.push(state) } as never;
  const handle = new AgentPath(port, up);
  watch.attach(handle);
  const talk = watch.begin(() => handle);
  return { told, talk, handle };
}

function watchOf(at: Endpoint) {
  const states: GameState[] = [];
  const watch = new GameWatch({ service: 0, game: at, protocol: 'udp', onState: (state) => states.push(state) });
  watches.push(watch);
  return { watch, states };
}

function play(watch: GameWatch, ms: number, talks: readonly { talk: Talk; answered: boolean }[], everyMs = 50): void {
  for (let at = 0; at < ms; at += everyMs) {
    for (const { talk, answered } of talks) {
      watch.spoken(talk);
      if (answered) watch.answered(talk);
    }
    vi.advanceTimersByTime(everyMs);
  }
}

test('a game that is not there is told at once to a friend that has sent nothing, and that it is there again within 1.25 s', async () => {
  const { at, stop } = await game();
  await stop();
  const { watch, states } = watchOf(at);
  const { told } = friend(watch);
  expect(told).toEqual(['absent']);
  await game(at.port);
  vi.advanceTimersByTime(1_250);
  expect([told, states]).toEqual([
    ['absent', 'answers'],
    ['absent', 'answers'],
  ]);
});

test('a game that ends is told within 1.25 s without a datagram, and at once by the first that is refused', async () => {
  const { at, stop } = await game();
  const { watch } = watchOf(at);
  const { told } = friend(watch);
  vi.advanceTimersByTime(10_000);
  expect(told).toEqual([]);
  await stop();
  vi.advanceTimersByTime(1_250);
  expect(told).toEqual(['absent']);
  await game(at.port);
  vi.advanceTimersByTime(1_250);
  watch.refused();
  expect(told).toEqual(['absent', 'answers', 'absent']);
});

test('a game that hangs is told within 2 s to who was playing, and that it goes on with the first answer', async () => {
  const { at } = await game();
  const { watch, states } = watchOf(at);
  const { told, talk } = friend(watch);
  play(watch, 5_000, [{ talk, answered: true }]);
  play(watch, 1_200, [{ talk, answered: false }]);
  expect(told).toEqual([]);
  play(watch, 600, [{ talk, answered: false }]);
  expect(told).toEqual(['silent']);
  play(watch, 60_000, [{ talk, answered: false }]);
  watch.answered(talk);
  expect([told, states]).toEqual([
    ['silent', 'answers'],
    ['silent', 'answers'],
  ]);
});

test('nobody is told of a game that answers others, has never answered, or is not spoken to', async () => {
  const { at } = await game();
  const { watch, states } = watchOf(at);
  const [kicked, playing, stranger, quiet] = [1, 2, 3, 4].map((path) => friend(watch, path)) as never as [
    ReturnType<typeof friend>,
    ReturnType<typeof friend>,
    ReturnType<typeof friend>,
    ReturnType<typeof friend>,
  ];
  play(watch, 2_000, [
    { talk: kicked.talk, answered: true },
    { talk: playing.talk, answered: true },
    { talk: quiet.talk, answered: true },
  ]);
  play(watch, 20_000, [
    { talk: kicked.talk, answered: false },
    { talk: playing.talk, answered: true },
    { talk: stranger.talk, answered: false },
  ]);
  expect([kicked, playing, stranger, quiet].flatMap(({ told }) => told)).toEqual([]);
  expect(states).toEqual([]);
  // Where nobody is answered any more, those are told who were, and who still speak.
  play(watch, 2_000, [
    { talk: playing.talk, answered: false },
    { talk: stranger.talk, answered: false },
  ]);
  expect([playing.told, stranger.told, quiet.told]).toEqual([['silent'], [], []]);
});

test('a game that takes its time is not blamed for it: three times its longest is waited for', async () => {
  const { at } = await game();
  const { watch } = watchOf(at);
  const { told, talk } = friend(watch);
  watch.spoken(talk);
  watch.answered(talk);
  for (let n = 0; n < 3; n++) {
    play(watch, 1_200, [{ talk, answered: false }]);
    watch.answered(talk);
  }
  play(watch, 3_400, [{ talk, answered: false }]);
  expect(told).toEqual([]);
  play(watch, 600, [{ talk, answered: false }]);
  expect(told).toEqual(['silent']);
});

test('a game that answers though the system lists no socket, as a forwarded port does, is not absent', async () => {
  const { at, stop } = await game();
  await stop();
  const { watch } = watchOf(at);
  const { told, talk } = friend(watch);
  play(watch, 5_000, [{ talk, answered: true }]);
  expect(told).toEqual(['absent', 'answers']);
  play(watch, 10_000, [{ talk, answered: true }]);
  expect(told).toEqual(['absent', 'answers']);
});

test('a friend that comes back by new keys is told again; one that has gone is not', async () => {
  const { at, stop } = await game();
  await stop();
  const { watch } = watchOf(at);
  const { told, handle } = friend(watch);
  handle.emit('restored');
  expect(told).toEqual(['absent', 'absent']);
  handle.over('left');
  await game(at.port);
  vi.advanceTimersByTime(5_000);
  expect(told).toEqual(['absent', 'absent']);
});

test('a service of TCP is absent where nobody listens, or a connection is refused, and back with the first that is taken', async () => {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const at = { address: '127.0.0.1', port: (server.address() as { port: number }).port };
  const watch = new GameWatch({ service: 0, game: at, protocol: 'tcp', onState: () => {} });
  watches.push(watch);
  const { told } = friend(watch);
  vi.advanceTimersByTime(5_000);
  expect(told).toEqual([]);
  watch.refused();
  watch.reached();
  expect(told).toEqual(['absent', 'answers']);
  server.close();
  await once(server, 'close');
  vi.advanceTimersByTime(1_250);
  expect(told).toEqual(['absent', 'answers', 'absent']);
});

test('only a socket that takes datagrams from here counts as one that listens', async () => {
  const { at } = await game();
  expect(isListenedTo('udp', '127.0.0.1', at.port)).toBe(true);
  expect(isListenedTo('udp', '127.77.1.2', at.port)).toBe(false);
  const connected = createSocket('udp4');
  sockets.push(connected);
  connected.bind(0, '127.0.0.1');
  await once(connected, 'listening');
  connected.connect(at.port, '127.0.0.1');
  await once(connected, 'connect');
  expect(isListenedTo('udp', '127.0.0.1', connected.address().port)).toBe(false);
  expect(AGENT_LIMITS.gameTickMs * (AGENT_LIMITS.gameTicksPerLook + 1)).toBeLessThanOrEqual(2_000);
});
