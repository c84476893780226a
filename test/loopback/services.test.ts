/** The forwarders, of several services. */
import type { Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { HostForwardNotice } from '../../src/agent/index.ts';
import { forwardToGame, hostAddress } from '../../src/agent/testing.ts';
import { type Endpoint, laneOf, type Protocols, type Service, type ServiceTarget } from '../../src/core/index.ts';
import { localPlaces } from '../../src/node/index.ts';
import {
  ask,
  cleanUp,
  cleanups,
  echoServer,
  freeNumbers,
  friendsEnd,
  gameAt,
  hostForward,
  pathPair,
  udp,
} from './forwarders.ts';

afterEach(cleanUp);

async function services(...protocols: readonly Protocols[]): Promise<readonly Service[]> {
  const numbers = await freeNumbers(protocols.length);
  return protocols.map((spoken, n) => ({ port: numbers[n] as number, protocols: spoken }));
}

/** Two servers behind one host, and a friend's end with a socket that a game would have. */
async function twoServices() {
  const servers = [await echoServer(), await echoServer()];
  const told = await services('udp', 'udp');
  const pair = pathPair('kofi', 'i', told);
  const { forward } = hostForward(servers.map(({ at }) => gameAt(at)));
  const { local, notices } = await friendsEnd(pair.atFriend);
  return { servers, told, pair, forward, local, notices };
}

test('each service is found at its own number, and led to its own server', async () => {
  const { servers, told, pair, forward, local } = await twoServices();
  forward.attach(pair.atHost);
  expect(local.services).toEqual(
    told.map((service) => ({ ...service, local: { address: '127.0.0.1', port: service.port } })),
  );
  const { socket } = await udp();
  for (const [n, { local: at }] of local.services.entries()) {
    await ask(socket, at, `to ${n}`);
    expect(servers[n]?.seen.map((line) => line.split(' ').slice(1).join(' '))).toEqual([`to ${n}`]);
  }
});

test('a socket that speaks to two services is one address and port at both servers, another socket is another', async () => {
  const { servers, pair, forward, local } = await twoServices();
  const seenAs = forward.attach(pair.atHost);
  const places: string[] = [];
  // The second service first for one of them: the order makes no difference.
  for (const { socket } of [await udp(), await udp()])
    for (const { local: at } of places.length === 0 ? local.services : [...local.services].reverse())
      places.push((await ask(socket, at, 'x')).split(' ')[0] as string);
  expect(places[0]).toBe(`${seenAs?.address}:${seenAs?.port}`);
  expect(places[1]).toBe(places[0]);
  expect(places[3]).toBe(places[2]);
  expect(places[2]).not.toBe(places[0]);
  expect(new Set(places.map((place) => place.split(':')[0])).size).toBe(1);
  for (const { programs } of servers) expect([...programs].sort()).toEqual([...new Set(places)].sort());
});

test('what a server sends by itself comes from the port of its service, to the program that it means', async () => {
  const { servers, pair, forward, local } = await twoServices();
  forward.attach(pair.atHost);
  const [game, other] = [await udp(), await udp()];
  const heard: string[] = [];
  const listen = (who: string, socket: UdpSocket): void =>
    void socket.on('message', (bytes, from) => heard.push(`${who} from ${from.port}: ${bytes}`));
  const place = (await ask(game.socket, local.services[0]?.local as Endpoint, 'x')).split(' ')[0]?.split(':');
  await ask(game.socket, local.services[1]?.local as Endpoint, 'x');
  await ask(other.socket, local.services[1]?.local as Endpoint, 'x');
  listen('game', game.socket);
  listen('other', other.socket);
  for (const { socket } of [...servers].reverse()) {
    socket.send('news', Number(place?.[1]), place?.[0]);
    const count = heard.length;
    await expect.poll(() => heard.length).toBe(count + 1);
  }
  expect(heard).toEqual([...local.services].reverse().map(({ port }) => `game from ${port}: news`));
});

test('every program keeps address and port at both servers after the host has died and begun again', async () => {
  const servers = [await echoServer(), await echoServer()];
  const places = async (): Promise<readonly string[]> => {
    const { forward } = hostForward(servers.map(({ at }) => gameAt(at)));
    const { atHost, atFriend } = pathPair('family');
    forward.attach(atHost);
    const seen: string[] = [];
    for (const lane of [laneOf(0, 0), laneOf(1, 0), laneOf(0, 5), laneOf(1, 5)]) {
      const answer = new Promise<string>((resolve) => {
        atFriend.once('message', (bytes) => resolve(String(bytes)));
        atFriend.once('channel', (_lane, bytes) => resolve(String(bytes)));
      });
      atFriend.send(new TextEncoder().encode('x'), lane);
      seen.push(await answer);
      atFriend.removeAllListeners();
    }
    forward.close();
    return seen;
  };
  const before = await places();
  expect([before[0] === before[1], before[2] === before[3], new Set(before).size]).toEqual([true, true, 2]);
  expect(await places()).toEqual(before);
});

test('two friends who draw one port at two servers have each their own', async () => {
  const servers = [await echoServer(), await echoServer()];
  const targets = servers.map(({ at }) => gameAt(at));
  const [first, second] = [hostForward(targets).forward, hostForward(targets).forward];
  // The same name in two forwarders draws the same port of the same address.
  const at = first.attach(pathPair('family').atHost);
  const other = second.attach(pathPair('family').atHost);
  expect(other).toEqual({ address: at?.address, port: (at?.port ?? 0) + 1 });
});

test('whoever fills all seats makes room for the services of others', async () => {
  const servers = [await echoServer(), await echoServer()];
  const { forward } = hostForward(servers.map(({ at }) => gameAt(at)));
  const greedy = Array.from({ length: 40 }, (_, n) => pathPair(`greedy ${n}`));
  for (const { atHost, atFriend } of greedy) {
    forward.attach(atHost);
    for (let lane = 0; lane < 32; lane++) atFriend.send(Uint8Array.of(1), lane);
  }
  const { atHost, atFriend } = pathPair('kofi');
  const seenAs = forward.attach(atHost);
  const answers: string[] = [];
  atFriend.on('channel', (_lane, bytes) => answers.push(String(bytes).split(' ')[0] as string));
  // As games do: the server's buffer is full of what the others have sent.
  await expect
    .poll(() => {
      atFriend.send(Uint8Array.of(1), laneOf(1, 0));
      return answers.at(-1);
    })
    .toBe(`${seenAs?.address}:${seenAs?.port}`);
});

test('what comes for a service that there is not, or that takes connections only, goes nowhere', async () => {
  const [server, neighbour] = [await echoServer(), await echoServer()];
  // What else listens at that number by UDP has not been offered to anybody.
  const stream: ServiceTarget = { ...neighbour.at, protocols: 'tcp' };
  const { forward, notices } = hostForward([gameAt(server.at), stream]);
  const { atHost, atFriend } = pathPair('kofi');
  forward.attach(atHost);
  const bytes = new TextEncoder().encode('x');
  for (let lane = laneOf(1, 0); lane <= 255; lane++) atFriend.send(bytes, lane);
  const answer = once(atFriend, 'channel');
  atFriend.send(bytes, laneOf(0, 9));
  await answer;
  expect(server.programs.size).toBe(1);
  expect(neighbour.seen).toEqual([]);
  expect(notices.filter(({ kind }) => !kind.startsWith('game-'))).toEqual([]);
});

test('a server at another address than 127.x.y.z sees friends as ports, which is told once for each', async () => {
  const { forward, notices } = hostForward([{ port: 30_000, protocols: 'udp+tcp', address: '::1' }]);
  for (const friend of ['kofi', 'lee']) expect(forward.attach(pathPair(friend).atHost)?.address).toBe('::1');
  const shared = notices.filter(({ kind }) => kind === 'addresses-shared');
  expect(shared).toEqual([{ kind: 'addresses-shared', why: 'elsewhere', target: '[::1]:30000/udp+tcp' }]);
  expect(forward.sourceOf('kofi', 0)).toBeNull();
});

test('a connection opened for a friend comes from its own address', async () => {
  const { forward } = hostForward([
    { port: 30_000, protocols: 'tcp', address: '127.0.0.1' },
    { port: 30_001, protocols: 'tcp', address: '192.168.1.50' },
  ]);
  const seenAs = forward.attach(pathPair('kofi').atHost);
  expect(seenAs).toEqual({ address: expect.stringMatching(/^127\.77\./), port: 0 });
  expect([forward.sourceOf('kofi', 0), forward.sourceOf('kofi', 1)]).toEqual([seenAs?.address, null]);
});

test('where the system has no further loopback addresses friends are ports of 127.0.0.1, by UDP and by TCP, told once', async () => {
  // An address of nobody here (RFC 5737): it is refused, as all but 127.0.0.1 are elsewhere.
  const none = { of: () => '192.0.2.1' };
  for (const protocols of ['udp', 'tcp'] as const) {
    const notices: HostForwardNotice[] = [];
    const server = await echoServer();
    const forward = forwardToGame([{ ...server.at, protocols }], none, (notice) => notices.push(notice));
    cleanups.push(() => forward.close());
    const seen = ['kofi', 'lee'].map((friend) => forward.attach(pathPair(friend).atHost));
    expect(seen.map((at) => at?.address)).toEqual(['127.0.0.1', '127.0.0.1']);
    expect(forward.sourceOf('kofi', 0)).toBe('127.0.0.1');
    const shared = notices.filter(({ kind }) => kind === 'addresses-shared');
    expect(shared).toMatchObject([{ why: 'refused' }]);
  }
});

test('the same numbers at an address of the host where one is taken at 127.0.0.1, by UDP or by TCP', async () => {
  const told = await services('udp', 'udp+tcp');
  const host = hostAddress('host kofi');
  const here = told.map(({ port, protocols }) => ({ port, protocols, local: { address: host, port } }));
  const taken = await udp('127.0.0.1', told[1]?.port);
  const first = await friendsEnd(pathPair('kofi', 'i', told).atFriend);
  expect([first.local.place, first.local.services]).toEqual(['own-address', here]);
  expect(host).toMatch(/^127\.78\./);
  first.local.close();
  taken.socket.close();
  const server = createServer().listen(told[1]?.port, '127.0.0.1');
  cleanups.push(() => void server.close());
  await once(server, 'listening');
  expect((await friendsEnd(pathPair('kofi', 'i', told).atFriend)).local.services).toEqual(here);
});

test('a host on this very computer keeps 127.0.0.1 for its game, whether that runs or not', async () => {
  const told = await services('udp');
  const { local } = await friendsEnd(pathPair('kofi', 'i', told, '127.0.0.1').atFriend);
  expect(local.services.map((service) => service.local)).toEqual([
    { address: hostAddress('host kofi'), port: told[0]?.port },
  ]);
});

test('where no address has all numbers they move together, by as much each', async () => {
  const told = await services('udp', 'udp', 'tcp');
  await udp('0.0.0.0', told[1]?.port);
  const { local } = await friendsEnd(pathPair('kofi', 'i', told).atFriend);
  expect(local.place).toBe('moved');
  const moved = local.services.map((service) => service.local.port - service.port);
  expect(new Set(moved).size).toBe(1);
  expect(moved[0]).not.toBe(0);
  expect(new Set(local.services.map((service) => service.local.address))).toEqual(new Set(['127.0.0.1']));
});

test('a wished port is that of the first service, and the others move with it', async () => {
  const [high = 0, wished = 0, low = 0] = [...(await freeNumbers(3))].sort((a, b) => b - a);
  const told: readonly Service[] = [
    { port: high, protocols: 'udp' },
    { port: low, protocols: 'tcp' },
  ];
  const { local } = await friendsEnd(pathPair('kofi', 'i', told).atFriend, { port: wished });
  expect(local.services.map((service) => service.local.port)).toEqual([wished, low - (high - wished)]);
});

test('a wished port with which another would be none moves all of them', async () => {
  const told: readonly Service[] = [
    { port: 2_000, protocols: 'udp' },
    { port: 4_000, protocols: 'tcp' },
  ];
  const { local } = await friendsEnd(pathPair('kofi', 'i', told).atFriend, { port: 65_000 });
  expect(local.place).toBe('moved');
  const [first = 0, second = 0] = local.services.map((service) => service.local.port);
  expect(second - first).toBe(2_000);
});

test('a host is found where it was before, in whatever order hosts are joined', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-places-'));
  cleanups.push(() => rmSync(folder, { recursive: true }));
  const told = await services('udp', 'tcp');
  const evening = async (...hosts: readonly string[]): Promise<Readonly<Record<string, unknown>>> => {
    const ends = [];
    for (const host of hosts)
      ends.push(await friendsEnd(pathPair(host, 'i', told).atFriend, { places: localPlaces(folder) }));
    const found = Object.fromEntries(ends.map(({ at }, n) => [hosts[n], at]));
    for (const { local } of ends) local.close();
    return found;
  };
  const first = await evening('ana', 'ben');
  expect(first.ana).toEqual({ address: '127.0.0.1', port: told[0]?.port });
  expect(first.ben).toEqual({ address: hostAddress('host ben'), port: told[0]?.port });
  expect(await evening('ben', 'ana')).toEqual(first);
  expect(await evening('ben')).toEqual({ ben: first.ben });
});

test('ports that belong to the system are not opened at 127.0.0.1 because a host says so', async () => {
  const { local } = await friendsEnd(pathPair('kofi', 'i', [{ port: 53, protocols: 'udp' }]).atFriend);
  expect(local.services[0]?.local).not.toEqual({ address: '127.0.0.1', port: 53 });
  expect(local.place).not.toBe('same');
});

test('a connection is handed over with the number of its service', async () => {
  const told = await services('udp', 'udp+tcp');
  const got = new Promise<string>((resolve) => {
    void friendsEnd(pathPair('kofi', 'i', told).atFriend, {
      onConnection(service, socket) {
        cleanups.push(() => socket.destroy());
        socket.on('data', (bytes) => resolve(`${service} ${bytes}`));
        socket.resume();
      },
    }).then(({ local }) => {
      const to = local.services[1]?.local as Endpoint;
      const socket = connect(to.port, to.address);
      cleanups.push(() => socket.destroy());
      socket.write('hello');
    });
  });
  expect(await got).toBe('1 hello');
});

test('a host that comes back with other services is found at their numbers', async () => {
  const server = await echoServer();
  const [before, after] = [await services('udp'), await services('tcp', 'udp')];
  const pair = pathPair('kofi', 'i', before);
  const { forward } = hostForward([{ ...gameAt(server.at), protocols: 'tcp' }, gameAt(server.at)]);
  const { local, notices } = await friendsEnd(pair.atFriend);
  forward.attach(pair.rejoin(after));
  await expect.poll(() => notices.map(({ kind }) => kind)).toEqual(['services']);
  expect(local.services.map(({ port }) => port)).toEqual(after.map(({ port }) => port));
  const { socket } = await udp();
  expect(await ask(socket, local.services[1]?.local as Endpoint, 'x')).toContain('said x');
  // The old number is free again.
  await udp('127.0.0.1', before[0]?.port);
});
