/** The two forwarders on real loopback sockets. The path between them is two handles joined by a wire in memory. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import {
  type HostForwardNotice,
  type LocalServicesNotice,
  type LocalServicesOptions,
  openLocalServices,
  type Path,
} from '../../src/agent/index.ts';
import { AgentPath, forwardToGame, friendAddresses, type PathPort } from '../../src/agent/testing.ts';
import type { Endpoint, PeerEvent, Service, ServiceTarget } from '../../src/core/index.ts';
import { guestBook } from '../../src/node/index.ts';

export const PAYLOAD_MAX = 1437;
/** As of a host whose application speaks for itself: the friend's port may be any. */
const ANY: readonly Service[] = [];
export const cleanups: (() => void)[] = [];

/** Of whatever the test has opened. */
export function cleanUp(): void {
  for (const cleanup of cleanups.splice(0)) cleanup();
}

interface Pair {
  atHost: AgentPath;
  readonly atFriend: AgentPath;
  /** The friend's end stays, as it does for its game; the host has another one. */
  rejoin(services?: readonly Service[]): AgentPath;
}

/** Two ends of one path; `friend` is what the host calls the other end. */
export function pathPair(
  friend: string,
  instance = 'i',
  services: readonly Service[] = ANY,
  hostAt = '192.0.2.1',
): Pair {
  const up = (path: number): Extract<PeerEvent, { ev: 'path' }> => ({
    ev: 'path',
    path,
    join: null,
    friend,
    instance,
    kind: 'direct',
    socket: 1,
    local: { address: '0.0.0.0', port: 1 },
    remote: { address: hostAt, port: 1 },
    rttMs: 1,
    elapsedMs: 1,
    attempts: 1,
    packetsSent: 1,
    payloadBytesMax: PAYLOAD_MAX,
    via: null,
    words: '',
    services: [],
  });
  const to = (other: () => AgentPath): PathPort => ({
    send: (_path, bytes, channel) => other().received(channel, bytes),
    leave: () => {},
    stream: () => {},
    sayGame: (path, service, state) => other().gameSaid({ ev: 'game', path, join: 1, service, state }),
    count: () => {},
    release: () => null,
  });
  const pair: Pair = {
    atHost: new AgentPath(
      to(() => pair.atFriend),
      up(1),
    ),
    atFriend: new AgentPath(
      to(() => pair.atHost),
      { ...up(2), friend: `host ${friend}`, services },
    ),
    rejoin(later = services) {
      pair.atHost.over('replaced');
      pair.atHost = new AgentPath(
        to(() => pair.atFriend),
        up(1),
      );
      pair.atFriend.restored({ ...up(2), friend: `host ${friend}`, services: later });
      return pair.atHost;
    },
  };
  return pair;
}

export async function udp(address = '127.0.0.1', port = 0): Promise<{ socket: Socket; at: Endpoint }> {
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
export async function echoServer(): Promise<{ at: Endpoint; seen: string[]; programs: Set<string>; socket: Socket }> {
  const { socket, at } = await udp('0.0.0.0');
  const seen: string[] = [];
  const programs = new Set<string>();
  socket.on('message', (bytes, from) => {
    programs.add(`${from.address}:${from.port}`);
    seen.push(`${from.address} ${bytes}`);
    socket.send(`${from.address}:${from.port} said ${bytes}`, from.port, from.address);
  });
  return { at: { address: '127.0.0.1', port: at.port }, seen, programs, socket };
}

export async function ask(socket: Socket, to: Endpoint, text: string): Promise<string> {
  socket.send(text, to.port, to.address);
  const [bytes] = (await once(socket, 'message', { signal: AbortSignal.timeout(10_000) })) as [Buffer];
  return String(bytes);
}

export function gameAt(game: Endpoint): ServiceTarget {
  return { ...game, protocols: 'udp' };
}

export function hostForward(
  game: Endpoint | readonly ServiceTarget[],
  book = guestBook(null),
): { forward: ReturnType<typeof forwardToGame>; notices: HostForwardNotice[] } {
  const notices: HostForwardNotice[] = [];
  const targets = Array.isArray(game) ? game : [gameAt(game as Endpoint)];
  const forward = forwardToGame(targets, friendAddresses(book), (notice) => notices.push(notice));
  cleanups.push(() => forward.close());
  return { forward, notices };
}

export async function friendsEnd(path: Path, options: Partial<LocalServicesOptions> = {}) {
  const notices: LocalServicesNotice[] = [];
  const local = await openLocalServices(path, { onNotice: (notice) => notices.push(notice), ...options });
  cleanups.push(() => local.close());
  const [first] = local.services;
  if (first === undefined) throw new Error('there is always one');
  return { local, at: first.local, notices };
}

/** Numbers that nothing on this computer has, below those that systems give by themselves: nobody takes them meanwhile. */
export async function freeNumbers(count: number): Promise<readonly number[]> {
  const found: number[] = [];
  while (found.length < count) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    if (!found.includes(port) && (await isFree(port))) found.push(port);
  }
  return found;
}

async function isFree(port: number): Promise<boolean> {
  const tcp = createServer().listen(port);
  const udp = createSocket('udp4').bind(port);
  const both = [tcp, udp].map((socket) =>
    once(socket, 'listening').then(
      () => true,
      () => false,
    ),
  );
  const free = await Promise.all(both);
  tcp.close();
  udp.close();
  return free.every((one) => one);
}
