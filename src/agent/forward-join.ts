/**
 * The friend's end of the forwarding: a local UDP port to which the game connects. Several programs may use it at once; each
 * gets a channel of the path, and so an address of its own at the host's server.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type Endpoint, endpointKey, LIMITS, SallyportError } from '../core/index.ts';
import type { Path } from './path.ts';

export interface LocalPortNotice {
  /** Told once per size. */
  readonly kind: 'too-large';
  readonly bytes: number;
  readonly payloadBytesMax: number;
}

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

/** A program on this computer that speaks to the local port. */
interface LocalClient {
  readonly channel: number;
  readonly at: Endpoint;
}

export async function openLocalPort({ port, onNotice }: LocalPortOptions): Promise<LocalPort> {
  const socket = await bindNear(port);
  const local = { address: '127.0.0.1', port: socket.address().port };
  // In the order of their last datagram: the first is the one unused for longest.
  const clients = new Map<string, LocalClient>();
  const byChannel = new Map<number, LocalClient>();
  const sizesTold = new Set<number>();
  let path: Path | null = null;
  let open = true;

  function clientAt(at: Endpoint): LocalClient {
    const name = endpointKey(at);
    const present = clients.get(name);
    if (present !== undefined) clients.delete(name);
    const client = present ?? { channel: freeChannel(), at };
    clients.set(name, client);
    byChannel.set(client.channel, client);
    return client;
  }

  function freeChannel(): number {
    for (let channel = 0; channel < LIMITS.pathChannelsMax; channel++) if (!byChannel.has(channel)) return channel;
    const [name, oldest] = [...clients][0]!;
    clients.delete(name);
    return oldest.channel;
  }

  socket.on('message', (bytes, from) => {
    const { channel } = clientAt({ address: from.address, port: from.port });
    if (path === null) return;
    if (bytes.length <= path.payloadBytesMax) path.send(bytes, channel);
    else if (!sizesTold.has(bytes.length) && sizesTold.size < LIMITS.sizesToldMax) {
      sizesTold.add(bytes.length);
      onNotice({ kind: 'too-large', bytes: bytes.length, payloadBytesMax: path.payloadBytesMax });
    }
  });
  // The game has closed its port (ICMP unreachable on some systems); it may come back.
  socket.on('error', () => {});

  function toGame(channel: number, bytes: Uint8Array): void {
    const client = byChannel.get(channel);
    if (client !== undefined) socket.send(bytes, client.at.port, client.at.address, () => {});
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
  const last = Math.min(port + LIMITS.localPortTries - 1, 65_535);
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
