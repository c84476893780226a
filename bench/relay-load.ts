/**
 * What the benchmark of the relay does: pairs whose ends are addresses of 127.0.0.0/8, bound at our relay or allocated at coturn's, and a
 * window of datagrams on the way from one end to the other. The same load for both, so that the difference is theirs.
 */
import { relayKeys } from '../src/core/index.ts';
import { mintGrant, type RelayKeys, readRelay, writeBind, writeRelay } from '../src/core/testing.ts';
import { nodeCrypto } from '../src/node/index.ts';
import { guestAddress } from './master-guests.ts';
import { type Ipv4, UdpBatch } from './udp-batch.ts';

/** What a game sends: 128 times a second or so, and seldom more than this. */
export const DATAGRAM_BYTES = 200;
const WINDOW = 256;

export interface Ends {
  /** A socket of all clients, one of all hosts. */
  readonly clients: UdpBatch;
  readonly hosts: UdpBatch;
  readonly hostPort: number;
}

export function openEnds(clientPort: number, hostPort: number): Ends {
  const open = (port: number): UdpBatch => new UdpBatch({ local: { address: 0, port } });
  return { clients: open(clientPort), hosts: open(hostPort), hostPort };
}

export function closeEnds({ clients, hosts }: Ends): void {
  clients.close();
  hosts.close();
}

export function keysOf(secret: Uint8Array, masterKey: Uint8Array): RelayKeys {
  return relayKeys(nodeCrypto, secret, masterKey);
}

/** Binds both ends of so many pairs; throws where one is not bound after some tries. */
export function bindPairs(ends: Ends, keys: RelayKeys, relay: Ipv4, pairs: number): void {
  const turn = Math.floor(Date.now() / 1_000);
  for (let n = 0; n < pairs; n += 1)
    for (const [side, batch] of [
      ['client', ends.clients],
      ['host', ends.hosts],
    ] as const) {
      const sid = new Uint8Array(16);
      new DataView(sid.buffer).setUint32(0, n);
      const keyOf = (who: number): Uint8Array => nodeCrypto.sha256(sid, Uint8Array.of(who));
      const expiresAt = Math.floor(Date.now() / 1_000) + 60;
      const grant = mintGrant(nodeCrypto, keys, { sid, clientKey: keyOf(1), hostKey: keyOf(2) }, { side, expiresAt });
      const from = guestAddress(n);
      const random = nodeCrypto.randomBytes(8);
      const cookie = ask(batch, relay, from, writeRelay({ type: 'ask', random }), 'cookie');
      if (cookie.type !== 'cookie') throw new Error('no cookie');
      const bind = writeBind(nodeCrypto, grant, { random, cookie: cookie.cookie, turn });
      ask(batch, relay, from, bind, 'bound');
    }
}

function ask(batch: UdpBatch, relay: Ipv4, from: number, bytes: Uint8Array, type: string) {
  for (let tries = 0; tries < 50; tries += 1) {
    batch.set(0, bytes, relay, from);
    batch.send(1);
    for (let i = batch.receive() - 1; i >= 0; i -= 1) {
      const message = readRelay(batch.received(i));
      if (message?.type === type && batch.receivedAt(i) === from) return message;
    }
  }
  throw new Error(`no ${type} for a pair`);
}

/** Keeps a window of datagrams on the way from clients to hosts for so long: how many have arrived. */
export function forwarded(ends: Ends, relay: Ipv4, pairs: number, seconds: number, datagram: Uint8Array): number {
  const { clients, hosts } = ends;
  let next = 0;
  const burst = (count: number): void => {
    for (let i = 0; i < count; i += 1) {
      clients.set(i, datagram, relay, guestAddress(next % pairs));
      next += 1;
    }
    clients.send(count);
  };
  for (let sent = 0; sent < WINDOW; sent += clients.size) burst(clients.size);
  let arrived = 0;
  const start = performance.now();
  while (performance.now() - start < seconds * 1_000) {
    const count = hosts.receive();
    arrived += count;
    if (count === 0) for (let sent = 0; sent < WINDOW; sent += clients.size) burst(clients.size);
    else burst(count);
  }
  while (hosts.receive(true) > 0);
  return arrived;
}

export function sealedDatagram(): Uint8Array {
  const bytes = new Uint8Array(DATAGRAM_BYTES).fill(7);
  bytes[0] = 0xd8;
  return bytes;
}

const MAGIC = 0x2112a442;
const CHANNEL = 0x4000;

/** An allocation for each client with a channel to its host (RFC 8656): the fewest bytes that TURN knows. */
export function allocate(ends: Ends, turn: Ipv4, pairs: number): void {
  for (let n = 0; n < pairs; n += 1) {
    const from = guestAddress(n);
    // REQUESTED-TRANSPORT: UDP.
    stun(ends.clients, turn, from, 0x0003, [0x0019, Uint8Array.of(17, 0, 0, 0)]);
    const peer = new Uint8Array(8);
    const view = new DataView(peer.buffer);
    view.setUint8(1, 1);
    view.setUint16(2, ends.hostPort ^ (MAGIC >>> 16));
    view.setUint32(4, (from ^ MAGIC) >>> 0);
    const channel = Uint8Array.of(CHANNEL >> 8, CHANNEL & 255, 0, 0);
    stun(ends.clients, turn, from, 0x0009, [0x000c, channel], [0x0012, peer]);
  }
}

function stun(
  batch: UdpBatch,
  to: Ipv4,
  from: number,
  method: number,
  ...attributes: readonly (readonly [number, Uint8Array])[]
): void {
  const length = attributes.reduce((sum, [, value]) => sum + 4 + value.length, 0);
  const bytes = new Uint8Array(20 + length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, method);
  view.setUint16(2, length);
  view.setUint32(4, MAGIC);
  crypto.getRandomValues(bytes.subarray(8, 20));
  let at = 20;
  for (const [type, value] of attributes) {
    view.setUint16(at, type);
    view.setUint16(at + 2, value.length);
    bytes.set(value, at + 4);
    at += 4 + value.length;
  }
  for (let tries = 0; tries < 50; tries += 1) {
    batch.set(0, bytes, to, from);
    batch.send(1);
    for (let i = batch.receive() - 1; i >= 0; i -= 1) {
      const answer = batch.received(i);
      if (answer.length < 20 || !bytes.subarray(8, 20).every((byte, k) => byte === answer[8 + k])) continue;
      if (answer[0] === 1 && (answer[1] as number) < 0x10) return;
      throw new Error(`coturn answers ${Buffer.from(answer).toString('hex')}`);
    }
  }
  throw new Error('coturn does not answer');
}

/** ChannelData. */
export function channelDatagram(): Uint8Array {
  const bytes = new Uint8Array(4 + DATAGRAM_BYTES).fill(7);
  new DataView(bytes.buffer).setUint16(0, CHANNEL);
  new DataView(bytes.buffer).setUint16(2, DATAGRAM_BYTES);
  return bytes;
}
