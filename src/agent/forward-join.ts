/**
 * The friend's end of the forwarding: a local UDP port to which the game connects. Several programs may use it at once; each
 * gets a channel of the path, and so an address of its own at the host's server.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { CONNECTION_LIMITS, type Endpoint, endpointKey } from '../core/index.ts';
import { inBursts, SallyportError, widenReceive } from '../node/index.ts';
import { AGENT_LIMITS } from './limits.ts';
import type { Path } from './path.ts';

export type LocalPortNotice =
  /** Told once per size. */
  | { readonly kind: 'too-large'; readonly bytes: number; readonly payloadBytesMax: number }
  /** A program was not let through: all seats are taken. Told once, and again when it happens after a seat was free. */
  | { readonly kind: 'seats-full'; readonly seats: number };

export interface LocalPort {
  readonly local: Endpoint;
  /** The wished port was taken and another is used. */
  readonly moved: boolean;
  use(path: Path): void;
  /** May be called twice: an abort and the failure it causes both end here. */
  close(): void;
}

export interface LocalPortOptions {
  /** 0 = any. */
  readonly port: number;
  readonly onNotice: (notice: LocalPortNotice) => void;
}

/** A program on this computer that speaks to the local port, and the channel of the path that is its seat. */
interface LocalClient {
  readonly channel: number;
  readonly at: Endpoint;
  /** When its last datagram came, by the monotonic clock. */
  heardAt: number;
  /** The game server has answered it: it is a player, not somebody who only fills seats. */
  answered: boolean;
}

/** The programs that speak to a local port, each on a channel of the path. */
class Seats {
  /** In the order of their last datagram: the first is the one unused for longest. */
  readonly #clients = new Map<string, LocalClient>();
  readonly #byChannel = new Map<number, LocalClient>();

  of(channel: number): LocalClient | undefined {
    return this.#byChannel.get(channel);
  }

  /** The seat of this program and whether it is a newcomer's; null where all are taken by programs that are heard. */
  at(at: Endpoint): { readonly client: LocalClient; readonly isNew: boolean } | null {
    const name = endpointKey(at);
    const present = this.#clients.get(name);
    const channel = present === undefined ? this.#freeChannel() : present.channel;
    if (channel === null) return null;
    const client = present ?? { channel, at, heardAt: 0, answered: false };
    client.heardAt = performance.now();
    this.#clients.delete(name);
    this.#clients.set(name, client);
    this.#byChannel.set(channel, client);
    return { client, isNew: present === undefined };
  }

  /**
   * Any program of this computer can send here, whoever runs it, so a newcomer never takes the seat of a game that is heard. An
   * idle one makes room: first those that the server has never answered, then players that have been silent for long.
   */
  #freeChannel(): number | null {
    for (let channel = 0; channel < CONNECTION_LIMITS.programsMax; channel++)
      if (!this.#byChannel.has(channel)) return channel;
    const now = performance.now();
    const idleMs = (client: LocalClient): number => now - client.heardAt;
    const gone =
      [...this.#clients].find(([, client]) => !client.answered && idleMs(client) >= AGENT_LIMITS.seatUnansweredMs) ??
      [...this.#clients].find(([, client]) => idleMs(client) >= AGENT_LIMITS.seatIdleMs);
    if (gone === undefined) return null;
    const [name, client] = gone;
    this.#clients.delete(name);
    this.#byChannel.delete(client.channel);
    return client.channel;
  }
}

export async function openLocalPort({ port, onNotice }: LocalPortOptions): Promise<LocalPort> {
  const socket = await bindNear(port);
  const local = { address: '127.0.0.1', port: socket.address().port };
  const seats = new Seats();
  let fullTold = false;
  const sizesTold = new Set<number>();
  let path: Path | null = null;
  let open = true;

  widenReceive(socket);
  const fromGame = (bytes: Uint8Array, from: Endpoint): void => {
    if (!open) return;
    const seat = seats.at({ address: from.address, port: from.port });
    if (seat === null) {
      if (!fullTold) onNotice({ kind: 'seats-full', seats: CONNECTION_LIMITS.programsMax });
      fullTold = true;
      return;
    }
    if (seat.isNew) fullTold = false;
    const { channel } = seat.client;
    if (path === null) return;
    if (bytes.length <= path.payloadBytesMax) path.send(bytes, channel);
    else if (!sizesTold.has(bytes.length) && sizesTold.size < AGENT_LIMITS.sizesToldMax) {
      sizesTold.add(bytes.length);
      onNotice({ kind: 'too-large', bytes: bytes.length, payloadBytesMax: path.payloadBytesMax });
    }
  };
  socket.on('message', inBursts(fromGame));
  // The game has closed its port (ICMP unreachable on some systems); it may come back.
  socket.on('error', () => {});

  function toGame(channel: number, bytes: Uint8Array): void {
    const client = seats.of(channel);
    if (client === undefined) return;
    client.answered = true;
    socket.send(bytes, client.at.port, client.at.address, () => {});
  }

  return {
    local,
    moved: port !== 0 && local.port !== port,
    use(newPath) {
      path = newPath;
      newPath.on('message', (bytes) => toGame(0, bytes));
      newPath.on('channel', toGame);
    },
    close: () => {
      if (open) socket.close();
      open = false;
    },
  };
}

/** The wished port, else the next free one above it, else any. */
async function bindNear(port: number): Promise<Socket> {
  const last = Math.min(port + AGENT_LIMITS.localPortTries - 1, 65_535);
  for (let candidate = port; candidate <= last; candidate++) {
    const socket = await bind(candidate);
    if (socket !== null) return socket;
    if (candidate === 0) break;
  }
  const socket = port === 0 ? null : await bind(0);
  if (socket === null) throw new SallyportError('LOCAL_PORT_BUSY', { detail: `No free UDP port on 127.0.0.1.` });
  return socket;
}

async function bind(port: number): Promise<Socket | null> {
  const socket = createSocket('udp4');
  socket.bind(port, '127.0.0.1');
  try {
    await once(socket, 'listening');
    return socket;
  } catch {
    socket.close();
    return null;
  }
}
