/** The forwarders, of one service. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { AGENT_LIMITS, forwardToGame, friendAddresses } from '../../src/agent/testing.ts';
import { CONNECTION_LIMITS, PEER_LIMITS } from '../../src/core/index.ts';
import { guestBook } from '../../src/node/index.ts';
import {
  ask,
  cleanUp,
  cleanups,
  echoServer,
  friendsEnd,
  gameAt,
  hostForward,
  PAYLOAD_MAX,
  pathPair,
  udp,
} from './forwarders.ts';

afterEach(cleanUp);

test('each friend is seen from one loopback address, each of its programs from a port there, and gets its own answers', async () => {
  const server = await echoServer();
  const { forward, notices } = hostForward(server.at);
  const answers: string[] = [];
  for (const friend of ['kofi', 'lee']) {
    const { atHost, atFriend } = pathPair(friend);
    const seenAs = forward.attach(atHost);
    const { at } = await friendsEnd(atFriend);
    for (const program of ['one', 'two']) {
      const { socket } = await udp();
      answers.push(await ask(socket, at, `${friend} ${program}`));
      if (program === 'one') expect(answers.at(-1)).toContain(`${seenAs?.address}:${seenAs?.port} said`);
    }
  }
  const places = answers.map((answer) => answer.split(' ')[0] ?? '');
  expect(answers).toEqual(['kofi one', 'kofi two', 'lee one', 'lee two'].map((who, n) => `${places[n]} said ${who}`));
  const addresses = places.map((place) => place.split(':')[0]);
  expect(addresses[0]).toMatch(/^127\.77\.\d+\.\d+$/);
  expect([addresses[1], addresses[3]]).toEqual([addresses[0], addresses[2]]);
  expect([new Set(addresses).size, new Set(places).size]).toEqual([2, 4]);
  expect(notices).toEqual([]);
});

test('a friend keeps address and port over a new path', async () => {
  const server = await echoServer();
  const { forward } = hostForward(server.at);
  const pair = pathPair('kofi');
  const { at } = await friendsEnd(pair.atFriend);
  const { socket } = await udp();
  forward.attach(pair.atHost);
  const before = await ask(socket, at, 'x');
  forward.attach(pair.rejoin());
  expect(await ask(socket, at, 'x')).toBe(before);
});

test('two programs of one friend have one address and a port each, and keep to themselves what the game tells them', async () => {
  const server = await echoServer();
  const { forward } = hostForward(server.at);
  const [ann, bob] = [pathPair('family', 'ann'), pathPair('family', 'bob')];
  const [annAt, bobAt] = [forward.attach(ann.atHost), forward.attach(bob.atHost)];
  expect(bobAt?.address).toBe(annAt?.address);
  expect(bobAt?.port).not.toBe(annAt?.port);
  const answer = new Promise((resolve) => bob.atFriend.once('message', (bytes) => resolve(String(bytes))));
  ann.atFriend.on('message', () => expect.unreachable());
  bob.atFriend.send(new TextEncoder().encode('hello'));
  expect(await answer).toBe(`${bobAt?.address}:${bobAt?.port} said hello`);
});

test('every program of a friend is seen from the same address and port after the host has died and begun again', async () => {
  const server = await echoServer();
  const places = async (): Promise<readonly string[]> => {
    // Nothing is kept: what was killed had no time to write anything.
    const forward = forwardToGame([gameAt(server.at)], friendAddresses(guestBook(null)), () => {});
    const pairs = ['ann', 'bob'].map((instance) => pathPair('family', instance));
    for (const { atHost } of pairs) forward.attach(atHost);
    const answers: string[] = [];
    for (const { atFriend } of pairs) {
      for (const channel of [0, 3]) {
        const answer = new Promise<string>((resolve) => {
          atFriend.once('message', (bytes) => resolve(String(bytes)));
          atFriend.once('channel', (_channel, bytes) => resolve(String(bytes)));
        });
        atFriend.send(new TextEncoder().encode('x'), channel);
        answers.push(await answer);
        atFriend.removeAllListeners();
      }
    }
    forward.close();
    return answers;
  };
  const before = await places();
  expect(new Set(before).size).toBe(4);
  expect(await places()).toEqual(before);
});

test('a program whose port is taken gets the next one', async () => {
  const server = await echoServer();
  const { atHost } = pathPair('family', 'ann');
  const first = hostForward(server.at).forward;
  const at = first.attach(atHost);
  const second = hostForward(server.at).forward.attach(pathPair('family', 'ann').atHost);
  expect(second?.address).toBe(at?.address);
  expect(second?.port).toBe((at?.port ?? 0) + 1);
});

test('the address of a friend is its own over restarts, also where another had drawn it first', async () => {
  const server = await echoServer();
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-guests-'));
  cleanups.push(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'host-1.guests.json');
  const drawn = friendAddresses(guestBook(null)).of('kofi');
  const book = guestBook(path);
  book.keepAddress('somebody', drawn);
  const seen = () => hostForward(server.at, guestBook(path)).forward.attach(pathPair('kofi').atHost)?.address;
  const first = seen();
  expect(first).toMatch(/^127\.77\./);
  expect(first).not.toBe(drawn);
  // Even where the other one is long forgotten.
  writeFileSync(path, readFileSync(path, 'utf8').replace('somebody', 'nobody'));
  expect(seen()).toBe(first);
  expect(statSync(path).mode & 0o077).toBe(0);
});

test('a datagram that does not fit is told once per size at both ends, and the next one passes', async () => {
  const server = await echoServer();
  const { forward, notices } = hostForward(server.at);
  const { atHost, atFriend } = pathPair('kofi');
  const address = forward.attach(atHost)?.address;
  const { at, notices: localNotices } = await friendsEnd(atFriend);
  const { socket } = await udp();
  for (let n = 0; n < 3; n++) socket.send('y'.repeat(PAYLOAD_MAX + 1), at.port);
  socket.send('y'.repeat(PAYLOAD_MAX + 9), at.port);
  expect(await ask(socket, at, 'small')).toContain('small');
  expect(localNotices).toEqual([
    { kind: 'too-large', bytes: PAYLOAD_MAX + 1, payloadBytesMax: PAYLOAD_MAX },
    { kind: 'too-large', bytes: PAYLOAD_MAX + 9, payloadBytesMax: PAYLOAD_MAX },
  ]);
  // The largest that fits arrives, but the server's answer is longer by its prefix.
  socket.send('z'.repeat(PAYLOAD_MAX), at.port);
  await expect.poll(() => notices.map((notice) => notice.kind)).toEqual(['too-large']);
  expect(server.seen.at(-1)).toHaveLength(`${address} `.length + PAYLOAD_MAX);
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
  await expect.poll(() => notices).toEqual([{ kind: 'game-silent', service: 0, state: 'absent' }]);
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
  const { local, at } = await friendsEnd(pathPair('kofi').atFriend, { port: taken.at.port });
  expect(local.place).toBe('moved');
  expect(at.port).toBeGreaterThan(taken.at.port);
  expect((await friendsEnd(pathPair('lee').atFriend, { port: 0 })).local.place).toBe('same');
});

/** A friend's port with a game behind it; `time(ms)` lets so much time pass for the forwarders. */
async function friendAtGame() {
  const server = await echoServer();
  const { forward } = hostForward(server.at);
  const { atHost, atFriend } = pathPair('kofi');
  forward.attach(atHost);
  const { at, notices } = await friendsEnd(atFriend);
  let passed = 0;
  const honest = performance.now.bind(performance);
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => honest() + passed);
  cleanups.push(() => clock.mockRestore());
  return {
    ...{ server, at, notices },
    time: (ms: number) => {
      passed += ms;
    },
  };
}

test('a game that is heard keeps its seat, however many programs of this computer send to its port', async () => {
  const { server, at, notices } = await friendAtGame();
  const { socket: game } = await udp();
  const seat = (await ask(game, at, 'x')).split(' ')[0];
  const others = await Promise.all(Array.from({ length: 40 }, () => udp()));
  for (const { socket } of others) socket.send('mine', at.port, '127.0.0.1');
  // The last of them has been read when the game's own datagram, sent after it, is answered.
  expect((await ask(game, at, 'y')).split(' ')[0]).toBe(seat);
  const heard: string[] = [];
  game.on('message', (bytes) => heard.push(String(bytes)));
  for (const { socket } of others) socket.on('message', (bytes) => heard.push(`another got: ${bytes}`));
  expect(server.programs.size).toBe(16);
  server.socket.send('to the game', Number(seat?.split(':')[1]), seat?.split(':')[0]);
  await expect.poll(() => heard).toEqual(['to the game']);
  expect(notices).toEqual([{ kind: 'seats-full', seats: 16 }]);
});

test('seats of programs that the server never answered go first and soon, those of silent players after a minute', async () => {
  const { server, at, notices, time } = await friendAtGame();
  const players = await Promise.all(Array.from({ length: 15 }, () => udp()));
  const seats: (string | undefined)[] = [];
  for (const { socket } of players) seats.push((await ask(socket, at, 'x')).split(' ')[0]);
  // From here on the server says nothing.
  server.socket.removeAllListeners('message');
  const arrived: string[] = [];
  server.socket.on('message', (bytes, from) => arrived.push(`${from.address}:${from.port} ${bytes}`));
  const send = async (text: string): Promise<void> => (await udp()).socket.send(text, at.port, '127.0.0.1');
  await send('filler');
  await expect.poll(() => arrived.length).toBe(1);
  await send('too many');
  await expect.poll(() => notices).toEqual([{ kind: 'seats-full', seats: 16 }]);
  time(AGENT_LIMITS.seatUnansweredMs);
  await send('second');
  await expect.poll(() => arrived.at(-1)).toMatch(/second$/);
  expect(arrived[1]?.split(' ')[0]).toBe(arrived[0]?.split(' ')[0]);
  await send('third');
  // Refused once more: told again, because there was a free seat in between.
  await expect.poll(() => notices.length).toBe(2);
  time(AGENT_LIMITS.seatIdleMs);
  await send('fourth');
  await send('fifth');
  await expect.poll(() => arrived.map((line) => line.split(' ')[1])).toEqual(['filler', 'second', 'fourth', 'fifth']);
  expect(arrived[2]?.split(' ')[0]).toBe(arrived[0]?.split(' ')[0]);
  expect(arrived[3]?.split(' ')[0]).toBe(seats[0]);
});

test('a connected friend keeps its seat while others, and programs behind others, take all there are', async () => {
  const server = await echoServer();
  const { forward, notices } = hostForward(server.at);
  const first = pathPair('first');
  const seat = forward.attach(first.atHost);
  const gone = pathPair('gone');
  const goneSeat = forward.attach(gone.atHost);
  gone.atHost.over('left');
  const guests = Array.from({ length: PEER_LIMITS.guestsMax - 2 }, (_, n) => pathPair(`guest ${n}`));
  for (const { atHost, atFriend } of guests) {
    forward.attach(atHost);
    for (let channel = 1; channel < CONNECTION_LIMITS.programsMax; channel++) atFriend.send(Uint8Array.of(1), channel);
  }
  expect(notices.filter(({ kind }) => kind === 'seats-full').length).toBeGreaterThan(0);
  // A friend that comes after all of them has its own seat, too.
  const last = pathPair('last');
  const lastSeat = forward.attach(last.atHost);
  expect(lastSeat).not.toBeNull();
  for (const [pair, at] of [
    [first, seat],
    [last, lastSeat],
  ] as const) {
    const answers: string[] = [];
    pair.atFriend.on('message', (bytes) => answers.push(Buffer.from(bytes).toString()));
    // As games do: the server's buffer is full of what the others have sent.
    await expect
      .poll(() => {
        pair.atFriend.send(new TextEncoder().encode('still here'));
        return answers.at(-1);
      })
      .toBe(`${at?.address}:${at?.port} said still here`);
  }
  // The seat of the friend that is gone was the first to go: its place is free, and the friend's again when it comes back.
  const place = await udp(goneSeat?.address, goneSeat?.port);
  place.socket.close();
  expect(forward.attach(pathPair('gone').atHost)).toEqual(goneSeat);
});

test('what the game says to a second program of a friend comes over the newest path', async () => {
  const server = await echoServer();
  const { forward } = hostForward(server.at);
  const before = pathPair('kofi');
  forward.attach(before.atHost);
  before.atFriend.send(new TextEncoder().encode('x'), 1);
  await expect.poll(() => server.seen.length).toBe(1);
  const second = await new Promise<{ address: string; port: number }>((resolve) => {
    server.socket.once('message', (_bytes, from) => resolve(from));
    before.atFriend.send(new TextEncoder().encode('y'), 1);
  });
  before.atHost.over('replaced');
  const now = pathPair('kofi');
  forward.attach(now.atHost);
  const heard = new Promise<string>((resolve) =>
    now.atFriend.once('channel', (channel, bytes) => resolve(`${channel} ${String(bytes)}`)),
  );
  server.socket.send('hello', second.port, second.address);
  expect(await heard).toMatch(/^1 /);
});
