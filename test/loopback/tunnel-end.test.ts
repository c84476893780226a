/** A tunnel whose reader is slow, on real TCP: it costs that reader its datagrams, and nobody memory or time. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { TUNNEL_SOCKET, TunnelEnd } from '../../src/node/index.ts';
import { NODE_LIMITS } from '../../src/node/testing.ts';
import { eventually } from './master-node.ts';

const DATAGRAM = new Uint8Array(1_472).fill(0xd8);
/** What may be under way before any ping is back. */
const ROOM = (NODE_LIMITS.tunnelBytesPerSecond * (NODE_LIMITS.tunnelQueueMs + NODE_LIMITS.tunnelRttMsDefault)) / 1_000;

let http: Server;
let server: WebSocketServer;
const clients: WebSocket[] = [];
beforeEach(async () => {
  http = createServer();
  server = new WebSocketServer({ ...TUNNEL_SOCKET, server: http });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
});
afterEach(() => {
  for (const client of clients.splice(0)) client.terminate();
  for (const socket of server.clients) socket.terminate();
  http.close();
});

/** The master's end of a tunnel, its socket, and the bare other end. */
async function tunnel(autoPong = true) {
  const made = once(server, 'connection') as Promise<[WebSocket]>;
  const client = new WebSocket(`ws://127.0.0.1:${(http.address() as AddressInfo).port}`, { autoPong });
  clients.push(client);
  const [socket] = await made;
  const heard: Uint8Array[] = [];
  const end = new TunnelEnd(socket, { onDatagram: (bytes) => heard.push(bytes), onClosed: () => {} });
  await once(client, 'open');
  const received: number[] = [];
  client.on('message', (bytes: Buffer) => received.push(bytes.readUInt32BE(4)));
  return { end, socket, client, heard, received };
}

function numbered(n: number): Uint8Array {
  const bytes = DATAGRAM.slice();
  new DataView(bytes.buffer).setUint32(4, n);
  return bytes;
}

test('who does not read gets no more than 100 ms of the rate of a pair kept for it, whatever is sent to it', async () => {
  const { end, socket, client, received } = await tunnel();
  client.pause();
  let bufferedMost = 0;
  for (let n = 0; n < 100_000; n++) {
    end.send(numbered(n));
    bufferedMost = Math.max(bufferedMost, socket.bufferedAmount);
    if (n % 1_000 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  expect(end.sent).toBe(Math.floor(ROOM / DATAGRAM.length));
  expect(end.dropped).toBe(100_000 - end.sent);
  // Each message has a head of 4 bytes, and there is one ping.
  expect(bufferedMost).toBeLessThanOrEqual(ROOM + 8 * end.sent + 8);
  // Once it reads again it gets what is new: of the 147 MB in between only what was kept comes late.
  const kept = end.sent;
  client.resume();
  await eventually('the old ones', () => received.length === kept);
  await eventually('a new one', () => {
    end.send(numbered(200_000));
    return received.at(-1) === 200_000;
  });
  expect(received.slice(0, kept).every((n) => n < 100)).toBe(true);
  expect(received.slice(kept).every((n) => n === 200_000)).toBe(true);
});

test('another tunnel beside it loses nothing', async () => {
  const [slow, quick] = [await tunnel(), await tunnel()];
  slow.client.pause();
  for (let n = 0; n < 400; n++) {
    slow.end.send(numbered(n));
    quick.end.send(numbered(n));
    // One at a time, as the datagrams of a game come.
    if (n % 4 === 3) await eventually('read', () => quick.received.length === n + 1);
  }
  expect(quick.end.dropped).toBe(0);
  expect(slow.end.dropped).toBeGreaterThan(300);
});

test('datagrams at the rate of a pair all get through, and small ones cost no pings', async () => {
  const { end, socket, received } = await tunnel();
  const pings = vi.spyOn(socket, 'ping');
  let pongs = 0;
  socket.on('pong', () => pongs++);
  const small = new Uint8Array(64).fill(0xd4);
  for (let n = 0; n < 40; n++) end.send(small);
  await eventually('there', () => received.length === 40);
  expect(pings).not.toHaveBeenCalled();
  for (let n = 0; n < 400; n++) {
    end.send(numbered(n));
    // A hundredth of a second of that rate, and no more before the pings of it are back, however slow this computer is just now.
    if (n % 8 === 7) await eventually('read', () => received.length === 41 + n && pongs === pings.mock.calls.length);
  }
  expect(end.dropped).toBe(0);
  expect(pongs).toBeGreaterThan(10);
});

test('pings of somebody who does not read the answers are not answered without end', async () => {
  const { socket, client } = await tunnel();
  client.pause();
  const data = Buffer.alloc(125, 7);
  for (let n = 0; n < 100_000; n++) {
    client.ping(data);
    if (n % 500 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await eventually('all of them read', () => client.bufferedAmount === 0);
  expect(socket.bufferedAmount).toBeLessThanOrEqual(2 * NODE_LIMITS.tunnelPongsBytesMax);
});

test('a side that never answers a ping is sent no more than the line holds', async () => {
  const { end, received } = await tunnel(false);
  for (let n = 0; n < 1_000; n++) end.send(numbered(n));
  await eventually('those there', () => received.length === end.sent);
  end.send(numbered(1_001));
  expect(end.sent).toBe(Math.floor(ROOM / DATAGRAM.length));
});

test('bytes are copied before they are sent: the machine may write over them at once', async () => {
  const { end, client } = await tunnel();
  const got = once(client, 'message') as Promise<[Buffer]>;
  const bytes = new Uint8Array(32).fill(1);
  end.send(bytes);
  bytes.fill(2);
  const [message] = await got;
  expect(message.every((byte) => byte === 1)).toBe(true);
});
