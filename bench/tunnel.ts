/**
 * What a tunnel through HTTPS costs, over TLS on loopback: the round trip beside UDP's, datagrams a second, and what a reader that stands
 * still holds of this process's memory, with what is under way counted (`TunnelEnd`) and without (`ws` alone).
 *
 *     node --expose-gc dist/bench/tunnel.js
 */
import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket, WebSocketServer } from 'ws';
import { TUNNEL_SOCKET, TunnelEnd } from '../src/node/index.ts';
import { quantile } from './stats.ts';

const DATAGRAM_BYTES = 1_200;
const ROUND_TRIPS = 4_000;
const THROUGHPUT_MS = 4_000;
const SLOW_READERS = 20;
/** To each slow reader. */
const SLOW_DATAGRAMS = 10_000;

const folder = mkdtempSync(join(tmpdir(), 'sallyport-bench-'));
const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'];
const made = ['req', '-x509', ...curve, '-subj', '/CN=localhost', '-keyout', key, '-out', cert];
execFileSync('openssl', made, { stdio: 'ignore' });
const https = createServer({ cert: readFileSync(cert), key: readFileSync(key) });
rmSync(folder, { recursive: true });
const server = new WebSocketServer({ ...TUNNEL_SOCKET, server: https });
https.listen(0, '127.0.0.1');
await once(https, 'listening');
const url = `wss://127.0.0.1:${(https.address() as AddressInfo).port}`;

async function sockets(): Promise<readonly [near: WebSocket, far: WebSocket]> {
  const accepted = once(server, 'connection') as Promise<[WebSocket]>;
  const near = new WebSocket(url, { ...TUNNEL_SOCKET, rejectUnauthorized: false });
  const [far] = await accepted;
  if (near.readyState !== WebSocket.OPEN) await once(near, 'open');
  return [near, far];
}

async function roundTrips(ask: () => void, onAnswer: (heard: () => void) => void): Promise<string> {
  const times: number[] = [];
  let heard = (): void => {};
  onAnswer(() => heard());
  for (let n = 0; n < ROUND_TRIPS; n++) {
    const begun = performance.now();
    const answered = new Promise<void>((resolve) => {
      heard = resolve;
    });
    ask();
    await answered;
    times.push(performance.now() - begun);
  }
  return `${(1_000 * (quantile(times, 0.5) ?? 0)).toFixed(0)} µs`;
}

async function tunnelRoundTrip(): Promise<string> {
  const [near, far] = await sockets();
  const echo = new TunnelEnd(far, { onDatagram: (bytes) => echo.send(bytes), onClosed: () => {} });
  let told = (): void => {};
  const end = new TunnelEnd(near, { onDatagram: () => told(), onClosed: () => {} });
  const took = await roundTrips(
    () => end.send(new Uint8Array(200)),
    (heard) => {
      told = heard;
    },
  );
  end.close();
  return took;
}

async function udpRoundTrip(): Promise<string> {
  const [near, far] = [createSocket('udp4'), createSocket('udp4')];
  for (const socket of [near, far]) {
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
  }
  far.on('message', (bytes, from) => far.send(bytes, from.port, from.address));
  const { port } = far.address();
  const took = await roundTrips(
    () => near.send(new Uint8Array(200), port, '127.0.0.1'),
    (heard) => near.on('message', heard),
  );
  near.close();
  far.close();
  return took;
}

/** Both ends in this process, on one core. */
async function throughput(): Promise<string> {
  const [near, far] = await sockets();
  let heard = 0;
  const to = new TunnelEnd(far, { onDatagram: () => heard++, onClosed: () => {} });
  const from = new TunnelEnd(near, { onDatagram: () => {}, onClosed: () => {} });
  const until = performance.now() + THROUGHPUT_MS;
  while (performance.now() < until) {
    for (let n = 0; n < 16; n++) from.send(new Uint8Array(DATAGRAM_BYTES));
    await new Promise((resolve) => setImmediate(resolve));
  }
  from.close();
  to.close();
  return `${Math.round((1_000 * heard) / THROUGHPUT_MS)} datagrams/s of ${DATAGRAM_BYTES} bytes`;
}

async function memory(): Promise<number> {
  // What is no longer used goes in several turns.
  for (let n = 0; n < 4; n++) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

async function slowReaders(counted: boolean): Promise<string> {
  const ends: { readonly send: (bytes: Uint8Array) => void; readonly socket: WebSocket }[] = [];
  for (let n = 0; n < SLOW_READERS; n++) {
    const [near, far] = await sockets();
    near.pause();
    const end = counted ? new TunnelEnd(far, { onDatagram: () => {}, onClosed: () => {} }) : null;
    ends.push({ send: (bytes) => (end === null ? far.send(Buffer.from(bytes)) : end.send(bytes)), socket: far });
  }
  const before = await memory();
  let silentBytes = 0;
  for (let n = 0; n < SLOW_DATAGRAMS; n++) {
    for (const { send } of ends) send(new Uint8Array(DATAGRAM_BYTES));
    if (n % 50 === 49) await new Promise((resolve) => setImmediate(resolve));
    if ((ends[0]?.socket.bufferedAmount ?? 0) === 0) silentBytes = (n + 1) * DATAGRAM_BYTES;
  }
  const grown = ((await memory()) - before) / SLOW_READERS / 1_000;
  const buffered = ends.reduce((sum, { socket }) => sum + socket.bufferedAmount, 0) / SLOW_READERS / 1_000;
  for (const { socket } of ends) socket.terminate();
  await new Promise((resolve) => setTimeout(resolve, 200));
  const hidden = counted ? '' : `, which says 0 until ${(silentBytes / 1e6).toFixed(1)} MB have been sent`;
  return `${Math.max(0, grown).toFixed(0)} kB each, of them ${buffered.toFixed(0)} kB in bufferedAmount${hidden}`;
}

const sent = ((SLOW_DATAGRAMS * DATAGRAM_BYTES) / 1e6).toFixed(0);
process.stdout.write(`round trip of 200 bytes    UDP ${await udpRoundTrip()}, tunnel ${await tunnelRoundTrip()}\n`);
process.stdout.write(`one way, both ends here    ${await throughput()}\n`);
process.stdout.write(`${SLOW_READERS} readers that stand still, ${sent} MB sent to each: memory grown by\n`);
process.stdout.write(`  what is under way counted  ${await slowReaders(true)}\n`);
process.stdout.write(`  ws alone                   ${await slowReaders(false)}\n`);
for (const client of server.clients) client.terminate();
https.close();
