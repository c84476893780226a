/** The forwarders on real loopback sockets. The path between them is two handles joined by a wire in memory. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, expect, test } from 'vitest';
import { forwardToGame, type HostForwardNotice } from '../../src/agent/forward-host.ts';
import { type LocalPortNotice, openLocalPort } from '../../src/agent/forward-join.ts';
import { AgentPath, type PathPort } from '../../src/agent/path.ts';
import type { Endpoint, PeerEvent } from '../../src/core/index.ts';

const PAYLOAD_MAX = 1438;
const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

/** Two ends of one path; `friend` is what the host calls the other end. */
function pathPair(friend: string): { atHost: AgentPath; atFriend: AgentPath } {
  const up = (path: number): Extract<PeerEvent, { ev: 'path' }> => ({
    ev: 'path',
    path,
    join: null,
    friend,
    kind: 'direct',
    socket: 1,
    local: { address: '0.0.0.0', port: 1 },
    remote: { address: '192.0.2.1', port: 1 },
    rttMs: 1,
    elapsedMs: 1,
    attempts: 1,
    packetsSent: 1,
    payloadBytesMax: PAYLOAD_MAX,
    words: '',
  });
  const to = (other: () => AgentPath): PathPort => ({
    send: (_path, bytes, channel) => other().received(channel, bytes),
    leave: () => {},
    release: () => null,
  });
  const atHost: AgentPath = new AgentPath(
    to(() => atFriend),
    up(1),
  );
  const atFriend: AgentPath = new AgentPath(
    to(() => atHost),
    up(2),
  );
  return { atHost, atFriend };
}

async function udp(address = '127.0.0.1', port = 0): Promise<{ socket: Socket; at: Endpoint }> {
  const socket = createSocket('udp4');
  socket.bind(port, address);
  await once(socket, 'listening');
  cleanups.push(() => {
    try {
      socket.close();
    } catch {
      // Closed by the test.
    }
  });
  return { socket, at: { address, port: socket.address().port } };
}

/** A game server that answers each datagram with the address it saw, and keeps them. */
async function echoServer(): Promise<{ at: Endpoint; seen: string[]; socket: Socket }> {
  const { socket, at } = await udp('0.0.0.0');
  const seen: string[] = [];
  socket.on('message', (bytes, from) => {
    seen.push(`${from.address} ${bytes}`);
    socket.send(`${from.address}:${from.port} said ${bytes}`, from.port, from.address);
  });
  return { at: { address: '127.0.0.1', port: at.port }, seen, socket };
}

async function ask(socket: Socket, to: Endpoint, text: string): Promise<string> {
  socket.send(text, to.port, to.address);
  const [bytes] = (await once(socket, 'message', { signal: AbortSignal.timeout(10_000) })) as [Buffer];
  return String(bytes);
}

function hostForward(game: Endpoint): { forward: ReturnType<typeof forwardToGame>; notices: HostForwardNotice[] } {
  const notices: HostForwardNotice[] = [];
  const forward = forwardToGame(game, (notice) => notices.push(notice));
  cleanups.push(() => forward.close());
  return { forward, notices };
}

async function localPort(port = 0) {
  const notices: LocalPortNotice[] = [];
  const local = await openLocalPort({ port, onNotice: (notice) => notices.push(notice) });
  cleanups.push(() => local.close());
  return { local, notices };
}

test('each friend, and each program of a friend, is seen from a loopback address of its own and gets its own answers', async () => {
  const server = await echoServer();
  const { forward, notices } = hostForward(server.at);
  const answers: string[] = [];
  for (const friend of ['kofi', 'lee']) {
    const { atHost, atFriend } = pathPair(friend);
    const seenAs = forward.attach(atHost);
    const { local } = await localPort();
    local.use(atFriend);
    for (const program of ['one', 'two']) {
      const { socket } = await udp();
      answers.push(await ask(socket, local.local, `${friend} ${program}`));
      if (program === 'one') expect(answers.at(-1)).toContain(`${seenAs.address}:${seenAs.port} said`);
    }
  }
  expect(answers.map((answer) => answer.replace(/:\d+/, ''))).toEqual([
    '127.77.0.2 said kofi one',
    '127.77.0.3 said kofi two',
    '127.77.0.4 said lee one',
    '127.77.0.5 said lee two',
  ]);
  expect(notices).toEqual([]);
});

test('a friend keeps address and port over a new path', async () => {
  const server = await echoServer();
  const { forward } = hostForward(server.at);
  const { local } = await localPort();
  const { socket } = await udp();
  const first = pathPair('kofi');
  forward.attach(first.atHost);
  local.use(first.atFriend);
  const before = await ask(socket, local.local, 'x');
  first.atHost.over('replaced');
  const second = pathPair('kofi');
  forward.attach(second.atHost);
  local.use(second.atFriend);
  expect(await ask(socket, local.local, 'x')).toBe(before);
});

test('a datagram that does not fit is told once per size at both ends, and the next one passes', async () => {
  const server = await echoServer();
  const { forward, notices } = hostForward(server.at);
  const { local, notices: localNotices } = await localPort();
  const { atHost, atFriend } = pathPair('kofi');
  forward.attach(atHost);
  local.use(atFriend);
  const { socket } = await udp();
  for (let n = 0; n < 3; n++) socket.send('y'.repeat(PAYLOAD_MAX + 1), local.local.port);
  socket.send('y'.repeat(PAYLOAD_MAX + 9), local.local.port);
  expect(await ask(socket, local.local, 'small')).toContain('small');
  expect(localNotices).toEqual([
    { kind: 'too-large', bytes: PAYLOAD_MAX + 1, payloadBytesMax: PAYLOAD_MAX },
    { kind: 'too-large', bytes: PAYLOAD_MAX + 9, payloadBytesMax: PAYLOAD_MAX },
  ]);
  // The largest that fits arrives, but the server's answer is longer by its prefix.
  socket.send('z'.repeat(PAYLOAD_MAX), local.local.port);
  await expect.poll(() => notices.map((notice) => notice.kind)).toEqual(['too-large']);
  expect(server.seen.at(-1)).toHaveLength('127.77.0.2 '.length + PAYLOAD_MAX);
});

test('a game that does not listen is told once, and once more when it answers', async () => {
  const { at, socket } = await udp();
  socket.close();
  const { forward, notices } = hostForward(at);
  const { atHost, atFriend } = pathPair('kofi');
  forward.attach(atHost);
  for (let n = 0; n < 5; n++) {
    atFriend.send(Uint8Array.of(1));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await expect.poll(() => notices).toEqual([{ kind: 'game-silent' }]);
  const game = await udp('127.0.0.1', at.port);
  game.socket.on('message', (_bytes, from) => game.socket.send('here', from.port, from.address));
  await expect
    .poll(() => {
      atFriend.send(Uint8Array.of(1));
      return notices.map((notice) => notice.kind);
    })
    .toEqual(['game-silent', 'game-answers']);
});

test('a taken local port is replaced by the next free one, which is told', async () => {
  const taken = await udp();
  const { local } = await localPort(taken.at.port);
  expect(local.moved).toBe(true);
  expect(local.local.port).toBeGreaterThan(taken.at.port);
  const free = await localPort(0);
  expect(free.local.moved).toBe(false);
});

test('more programs than channels take over the one unused for longest', async () => {
  const server = await echoServer();
  const { forward } = hostForward(server.at);
  const { local } = await localPort();
  const { atHost, atFriend } = pathPair('kofi');
  forward.attach(atHost);
  local.use(atFriend);
  const sources: string[] = [];
  for (let n = 0; n < 18; n++) {
    const { socket } = await udp();
    sources.push((await ask(socket, local.local, 'x')).split(' ')[0] as string);
  }
  expect(new Set(sources).size).toBe(16);
  expect(sources[16]).toBe(sources[0]);
  expect(sources[17]).toBe(sources[1]);
});
