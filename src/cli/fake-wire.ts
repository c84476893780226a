/**
 * The sockets of a computer in a fake world, over a TCP connection of 127.0.0.1: the program that began first has the world, every other
 * one is connected to it. Each frame is its length (4 bytes, big-endian), a kind, and what the kind says:
 *
 *     hello     'h' "sallyport fake 1 CLASS"    program → world, first
 *     welcome   'w' address as text             world → program; a world that is full closes instead
 *     open      'o' port                        program → world
 *     close     'c' port                        program → world
 *     datagram  'd' own port, TTL (0: the usual), address (4 bytes) and port of the other end, bytes
 */
import { connect, createServer, type Socket } from 'node:net';
import { addressBytes, addressText, type Endpoint } from '../core/index.ts';
import { type FakePlace, type FakeWorld, isFakeNat } from './fake-world.ts';
import { CLI_LIMITS } from './limits.ts';

const HELLO = 'sallyport fake 1 ';
const LENGTH_BYTES = 4;
const DATAGRAM_HEAD_BYTES = 10;

function frame(kind: string, body: Uint8Array): Buffer {
  const head = Buffer.alloc(LENGTH_BYTES + 1);
  head.writeUInt32BE(body.length + 1);
  head.write(kind, LENGTH_BYTES, 'latin1');
  return Buffer.concat([head, body]);
}

function portFrame(kind: 'o' | 'c', port: number): Buffer {
  const body = Buffer.alloc(2);
  body.writeUInt16BE(port);
  return frame(kind, body);
}

interface FakeDatagram {
  readonly port: number;
  readonly other: Endpoint;
  readonly ttl: number | undefined;
  readonly bytes: Uint8Array;
}

function datagramFrame({ port, other, ttl = 0, bytes }: FakeDatagram): Buffer {
  const body = Buffer.alloc(DATAGRAM_HEAD_BYTES - 1 + bytes.length);
  body.writeUInt16BE(port, 0);
  body.writeUInt8(ttl, 2);
  body.set(addressBytes(other.address)?.subarray(0, 4) ?? [], 3);
  body.writeUInt16BE(other.port, 7);
  body.set(bytes, 9);
  return frame('d', body);
}

function readDatagram(body: Buffer): FakeDatagram | null {
  if (body.length < DATAGRAM_HEAD_BYTES - 1) return null;
  const ttl = body.readUInt8(2);
  return {
    port: body.readUInt16BE(0),
    ttl: ttl === 0 ? undefined : ttl,
    other: { address: addressText(body.subarray(3, 7)) ?? '', port: body.readUInt16BE(7) },
    bytes: Uint8Array.from(body.subarray(9)),
  };
}

/** Calls back with every whole frame; whoever sends one that is too long is cut off. */
function readFrames(socket: Socket, onFrame: (kind: string, body: Buffer) => void): void {
  let kept: Buffer = Buffer.alloc(0);
  socket.on('data', (bytes) => {
    kept = kept.length === 0 ? Buffer.from(bytes) : Buffer.concat([kept, bytes]);
    while (kept.length > LENGTH_BYTES && !socket.destroyed) {
      const length = kept.readUInt32BE(0);
      if (length < 1 || length > CLI_LIMITS.fakeFrameBytesMax) {
        socket.destroy();
        return;
      }
      if (kept.length < LENGTH_BYTES + length) return;
      const whole = kept.subarray(LENGTH_BYTES, LENGTH_BYTES + length);
      kept = kept.subarray(LENGTH_BYTES + length);
      onFrame(String.fromCharCode(whole[0] ?? 0), whole.subarray(1));
    }
  });
  socket.on('error', () => socket.destroy());
}

/** Lets other programs of this computer into the world. Rejects with the system's error where the port is taken. */
export function serveFakeWorld(world: FakeWorld, port: number): Promise<{ close(): void }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    if (sockets.size >= CLI_LIMITS.fakeSocketsMax) {
      socket.destroy();
      return;
    }
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    receive(world, socket);
  });
  const close = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => resolve({ close }));
  });
}

function receive(world: FakeWorld, socket: Socket): void {
  let place: FakePlace | null = null;
  socket.setNoDelay(true);
  const silent = setTimeout(() => socket.destroy(), CLI_LIMITS.fakeGreetingMs);
  const begin = (hello: string): void => {
    clearTimeout(silent);
    const nat = hello.startsWith(HELLO) ? hello.slice(HELLO.length) : '';
    place = isFakeNat(nat) ? world.place(nat) : null;
    if (place === null) socket.destroy();
    else socket.write(frame('w', Buffer.from(place.address)));
  };
  const open = (at: FakePlace, port: number): void =>
    at.open(port, (other, bytes) => {
      if (socket.writableLength < CLI_LIMITS.fakeQueueBytesMax)
        socket.write(datagramFrame({ port, other, ttl: undefined, bytes }));
    });
  readFrames(socket, (kind, body) => {
    if (place === null) {
      if (kind === 'h') begin(body.toString('latin1'));
      else socket.destroy();
    } else if (kind === 'd') {
      const datagram = readDatagram(body);
      if (datagram !== null) place.send(datagram.port, datagram.other, datagram.bytes, datagram.ttl);
    } else if (body.length === 2 && kind === 'o') open(place, body.readUInt16BE(0));
    else if (body.length === 2 && kind === 'c') place.close(body.readUInt16BE(0));
  });
  socket.on('close', () => {
    clearTimeout(silent);
    place?.leave();
  });
}

/** A computer in the world of another program; null where nobody has one at that port. `onGone`: that program has ended. */
export function joinFakeWorld(nat: string, port: number, onGone: () => void): Promise<FakePlace | null> {
  const receivers = new Map<number, (from: Endpoint, bytes: Uint8Array) => void>();
  const socket = connect({ host: '127.0.0.1', port });
  socket.setNoDelay(true);
  const placeAt = (address: string): FakePlace => ({
    address,
    open(own, receiver) {
      receivers.set(own, receiver);
      socket.write(portFrame('o', own));
    },
    close(own) {
      receivers.delete(own);
      socket.write(portFrame('c', own));
    },
    send(own, other, bytes, ttl) {
      if (socket.writableLength < CLI_LIMITS.fakeQueueBytesMax)
        socket.write(datagramFrame({ port: own, other, ttl, bytes }));
    },
    leave: () => socket.destroy(),
  });
  const silent = setTimeout(() => socket.destroy(), CLI_LIMITS.fakeGreetingMs);
  return new Promise((resolve) => {
    let welcome = false;
    socket.once('connect', () => socket.write(frame('h', Buffer.from(`${HELLO}${nat}`))));
    readFrames(socket, (kind, body) => {
      if (kind === 'w' && !welcome) {
        welcome = true;
        clearTimeout(silent);
        resolve(placeAt(body.toString('latin1')));
      }
      const datagram = kind === 'd' ? readDatagram(body) : null;
      if (datagram !== null) receivers.get(datagram.port)?.(datagram.other, datagram.bytes);
    });
    socket.once('close', () => {
      clearTimeout(silent);
      if (welcome) onGone();
      else resolve(null);
    });
  });
}
