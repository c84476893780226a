/** A host of a friend, for the whole local network: its list, and computers that have no agent of their own. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, expect, test } from 'vitest';
import type { LanSearchWish } from '../../src/agent/index.ts';
import { isNeighbour } from '../../src/agent/testing.ts';
import type { Service } from '../../src/core/index.ts';
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

async function freePort(): Promise<number> {
  return (await freeNumbers(1))[0] as number;
}

/** A friend of a host with one service, with everybody on its network let in. */
async function onLan(search: LanSearchWish | null, port?: number) {
  const server = await echoServer();
  const service: Service = { port: port ?? (await freePort()), protocols: 'udp' };
  const { forward } = hostForward([gameAt(server.at)]);
  const pair = pathPair('kofi', 'i', [service]);
  forward.attach(pair.atHost);
  const { local } = await friendsEnd(pair.atFriend, { lan: { search, name: "Ana's [world]" } });
  return { server, service, local };
}

test('another computer of the network reaches the host at all addresses of this one', async () => {
  const { service, local } = await onLan(null);
  expect(local.services).toEqual([{ ...service, local: { address: '127.0.0.1', port: service.port } }]);
  const { socket } = await udp('127.0.0.2');
  expect(await ask(socket, { address: '127.0.0.3', port: service.port }, 'x')).toContain('said x');
});

test('what a client asks by broadcast is answered by the host, from the port of its service', async () => {
  const port = await freePort();
  const { server, service } = await onLan({ way: 'broadcast', ports: `${port}-${port + 1}`, first: 'ffffffff67' });
  const { socket } = await udp('0.0.0.0');
  socket.setBroadcast(true);
  const question = Buffer.from('ffffffff676574', 'hex');
  // Not the words of this game: nobody hears of it.
  socket.send('nonsense', port, '127.255.255.255');
  socket.send(question, port, '127.255.255.255');
  const [, from] = (await once(socket, 'message', { signal: AbortSignal.timeout(10_000) })) as [
    Buffer,
    { readonly port: number },
  ];
  expect(from.port).toBe(service.port);
  expect(server.seen.map((line) => line.slice(line.indexOf(' ') + 1))).toEqual([question.toString()]);
});

test('where the game asks at the very port of the service there is one socket, and one answer', async () => {
  const port = await freePort();
  const { server } = await onLan({ way: 'broadcast', ports: `${port}` }, port);
  const { socket } = await udp('0.0.0.0');
  socket.setBroadcast(true);
  const answered = once(socket, 'message', { signal: AbortSignal.timeout(10_000) });
  socket.send('who is there', port, '127.255.255.255');
  await answered;
  expect(server.seen).toHaveLength(1);
});

test('a flood of questions is not handed on', async () => {
  const port = await freePort();
  const { server } = await onLan({ way: 'broadcast', ports: `${port}` });
  const { socket } = await udp('0.0.0.0');
  for (let n = 0; n < 100; n++) socket.send(`${n}`, port, '127.0.0.1');
  await expect.poll(() => server.seen.length).toBeGreaterThanOrEqual(40);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(server.seen.length).toBeLessThan(60);
});

test('a server that would say itself that it is there is said, with its name and port', async () => {
  const group = '224.0.2.60';
  const socket = createSocket({ type: 'udp4', reuseAddr: true });
  cleanups.push(() => socket.close());
  const port = await freePort();
  socket.bind(port);
  await once(socket, 'listening');
  socket.addMembership(group, '127.0.0.1');
  const { service } = await onLan({ way: 'announced', ports: `${port}`, group });
  const [bytes] = (await once(socket, 'message', { signal: AbortSignal.timeout(10_000) })) as [Buffer];
  expect(String(bytes)).toBe(`[MOTD]Ana's world[/MOTD][AD]${service.port}[/AD]`);
});

test('a server that a group is asked for is told to all of it, at the address of this computer', async () => {
  const [group, here] = ['225.1.1.1', '127.0.0.1'];
  const port = await freePort();
  const socket = createSocket({ type: 'udp4', reuseAddr: true });
  cleanups.push(() => socket.close());
  // Freeciv's clients hear at the port after the one where they ask.
  socket.bind(port + 1);
  await once(socket, 'listening');
  socket.addMembership(group, here);
  socket.setMulticastInterface(here);
  const { service } = await onLan({ way: 'asked', ports: `${port}`, group, first: '02' });
  const heard: string[] = [];
  socket.on('message', (bytes, { address }) => {
    if (address === here) heard.push(String(bytes));
  });
  // Not a question of this game.
  socket.send('nonsense', port, group);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(heard).toEqual([]);
  socket.send(Buffer.from('02', 'hex'), port, group);
  await expect.poll(() => heard).toEqual([`\x02${here}\0${service.port}\0?\0?\x000\x000\0Ana's [world]\0`]);
});

test('of the local network, or of this computer, are private addresses and no others', () => {
  for (const address of ['127.0.0.1', '192.168.1.7', '10.0.0.9', '169.254.3.4'])
    expect(isNeighbour(address)).toBe(true);
  for (const address of ['198.51.100.7', '8.8.8.8', '', '::ffff:8.8.8.8']) expect(isNeighbour(address)).toBe(false);
});
