/**
 * One UDP socket of a driver. Two traps of node:dgram are dealt with here and nowhere else:
 *
 * 1. On an unconnected socket `send` first looks the address up; the default lookup is asynchronous, so a TTL set before and
 *    taken back after `send` never reaches the packet. Our lookup answers at once, hence bind and send are synchronous.
 * 2. Where the kernel's send buffer is full, libuv queues the datagram and sends it later, with whatever TTL holds then. A
 *    datagram that wants another TTL than those in the queue is dropped (and counted) rather than sent with a wrong one.
 */
import { createSocket, type Socket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import type { Endpoint, SocketOpen, SocketOutcome } from '../core/index.ts';
import type { NetworkDevice, OpenOnDevice } from './device.ts';
import { NODE_LIMITS } from './limits.ts';
import { inBursts, widenReceive } from './receiving.ts';

type LookupCallback = (error: NodeJS.ErrnoException | null, address: string, family: number) => void;
export const lookup4 = (host: string, _options: unknown, callback: LookupCallback): void => callback(null, host, 4);
export const lookup6 = (host: string, _options: unknown, callback: LookupCallback): void => callback(null, host, 6);

export interface UdpSocketHandlers {
  onDatagram(from: Endpoint, bytes: Uint8Array): void;
  /**
   * An error of the socket or of one send, by its errno name. Never fatal: UDP promises nothing. Left out: nobody asks what
   * became of a send, which is a tenth of what a server spends on an answer.
   */
  onError?(code: string): void;
}

export interface UdpSocket {
  readonly local: Endpoint;
  /** Datagrams that the kernel has had no room for yet: the runtime keeps them, and sends them late. */
  readonly queued: number;
  send(to: Endpoint, bytes: Uint8Array, ttl: number | undefined): void;
  close(): void;
  /** Gives the bare socket away, with the system's TTL and none of our listeners. */
  release(): Socket;
}

/** `reusePort`: several threads have the port, and the kernel deals out what comes. Node 22.12 and later. */
export interface SocketSharing {
  readonly reusePort?: boolean;
}

type Opened = { readonly outcome: SocketOutcome; readonly socket: UdpSocket | null };
export type OpenUdpSocket = (request: SocketOpen, handlers: UdpSocketHandlers) => Opened;

/** Binds at once and says what became of it. */
export function openUdpSocket(request: SocketOpen, handlers: UdpSocketHandlers, shared: SocketSharing = {}): Opened {
  return openAs(request, handlers, shared, false);
}

/** The same for a socket over which a game's data comes, in bursts: see `receiving.ts`. */
export function openDataSocket(request: SocketOpen, handlers: UdpSocketHandlers): Opened {
  return openAs(request, handlers, {}, true);
}

/** The same of IPv4 for sockets that leave by one interface; requests for an address of their own go as before. */
export function openDataSocketOn(device: NetworkDevice, open: OpenOnDevice): OpenUdpSocket {
  return (request, handlers) => {
    if (request.family === 6 || request.address !== undefined) return openDataSocket(request, handlers);
    const opened = open(device, request.port ?? 0);
    if (typeof opened === 'string') return { outcome: { ok: false, code: outcomeCode(opened) }, socket: null };
    return openAs(request, handlers, {}, true, opened);
  };
}

/** `fd`: of a socket that is bound already. */
function openAs(
  request: SocketOpen,
  handlers: UdpSocketHandlers,
  shared: SocketSharing,
  carries: boolean,
  fd?: number,
): Opened {
  const socket =
    request.family === 4
      ? createSocket({ type: 'udp4', lookup: lookup4, ...shared })
      : createSocket({ type: 'udp6', lookup: lookup6, ipv6Only: true, ...shared });
  let bindError: string | null = null;
  const onBindError = (error: NodeJS.ErrnoException): void => {
    bindError = error.code ?? 'UNKNOWN';
  };
  socket.on('error', onBindError);
  // `exclusive`: inside a cluster worker bind would otherwise ask the parent process, asynchronously.
  if (fd !== undefined) socket.bind({ fd, exclusive: true });
  else
    socket.bind({
      port: request.port,
      exclusive: true,
      ...(request.address === undefined ? {} : { address: request.address }),
    });
  socket.off('error', onBindError);
  if (bindError !== null) {
    socket.close();
    return { outcome: { ok: false, code: outcomeCode(bindError) }, socket: null };
  }
  const bound = socket.address();
  const local = { address: bound.address, port: bound.port };
  listen(socket, handlers, carries);
  return { outcome: { ok: true, local }, socket: wrap(socket, request.family, local, handlers) };
}

function listen(socket: Socket, handlers: UdpSocketHandlers, carries: boolean): void {
  // A plain view: Buffer's `slice` aliases where Uint8Array's copies, and core is written for the latter.
  const take = (bytes: Buffer, { address, port }: Endpoint): void =>
    handlers.onDatagram({ address, port }, new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  if (!carries) {
    socket.on('message', take);
    return;
  }
  widenReceive(socket);
  socket.on(
    'message',
    // Whoever has closed the socket hears nothing any more, what waits included.
    inBursts((bytes, from) => socket.listenerCount('message') > 0 && take(bytes, from)),
  );
}

function wrap(socket: Socket, family: 4 | 6, local: Endpoint, handlers: UdpSocketHandlers): UdpSocket {
  /** Undefined until the first datagram with a TTL of its own: most sockets never need to know the system's default. */
  let currentTtl: number | undefined;
  let defaultTtl: number | undefined;
  const systemTtl = (): number => {
    defaultTtl ??= family === 4 ? systemTtl4() : systemTtl6();
    return defaultTtl;
  };
  const setTtl = (ttl: number): void => {
    socket.setTTL(ttl);
    currentTtl = ttl;
  };
  const onError = (error: NodeJS.ErrnoException): void => handlers.onError?.(error.code ?? 'UNKNOWN');
  const onSent =
    handlers.onError === undefined
      ? undefined
      : (error: Error | null): void => {
          if (error !== null) onError(error);
        };
  socket.on('error', onError);
  return {
    local,
    get queued() {
      return socket.getSendQueueCount();
    },
    send(to, bytes, ttl) {
      try {
        const wanted = ttl ?? (currentTtl === undefined ? undefined : systemTtl());
        if (wanted !== undefined && wanted !== currentTtl) {
          if (socket.getSendQueueCount() > 0) {
            handlers.onError?.('CONGESTED');
            return;
          }
          setTtl(wanted);
        }
        // What waits below us comes late, all of it: better that the newest is lost, and the sender learns what the line takes.
        if (socket.getSendQueueCount() >= NODE_LIMITS.sendQueueMax) {
          handlers.onError?.('CONGESTED');
          return;
        }
        socket.send(bytes, to.port, to.address, onSent);
      } catch (error) {
        // Node throws for what can't be sent at all, such as port 0.
        onError(error as NodeJS.ErrnoException);
      }
    },
    close() {
      socket.removeAllListeners();
      socket.on('error', () => {});
      socket.close();
    },
    release() {
      if (currentTtl !== undefined && currentTtl !== systemTtl()) setTtl(systemTtl());
      socket.removeAllListeners();
      return socket;
    },
  };
}

export function outcomeCode(errno: string): 'in-use' | 'limit' | 'unsupported' | 'denied' {
  switch (errno) {
    case 'EADDRINUSE':
      return 'in-use';
    case 'EMFILE':
    case 'ENFILE':
    case 'ENOBUFS':
    case 'ENOMEM':
      return 'limit';
    case 'EACCES':
    case 'EPERM':
      return 'denied';
    default:
      return 'unsupported';
  }
}

/** The kernel's default for new packets; per network namespace on Linux, so it is read where the socket is opened. */
function systemTtl4(): number {
  return readNumber('/proc/sys/net/ipv4/ip_default_ttl') ?? (process.platform === 'win32' ? 128 : 64);
}

function systemTtl6(): number {
  return readNumber('/proc/sys/net/ipv6/conf/default/hop_limit') ?? (process.platform === 'win32' ? 128 : 64);
}

function readNumber(path: string): number | null {
  if (process.platform !== 'linux') return null;
  try {
    const value = Number.parseInt(readFileSync(path, 'latin1'), 10);
    return value >= 1 && value <= 255 ? value : null;
  } catch {
    return null;
  }
}
