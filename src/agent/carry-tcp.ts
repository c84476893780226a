/** TCP connections carried by streams: both ends of the forwarding, and what ties a socket to a stream. */
import { connect, type Socket } from 'node:net';
import { type FriendId, PEER_LIMITS, type ServiceTarget, type StreamCode, speaks } from '../core/index.ts';
import { AGENT_LIMITS } from './limits.ts';
import type { Path } from './path.ts';
import type { PathStream } from './stream.ts';

/** A stream of a friend, and where it leads. */
interface Asked {
  readonly friend: FriendId;
  readonly service: number;
  readonly target: ServiceTarget;
  readonly stream: PathStream;
}

/** The friend's side: a program has connected to the port of this service. */
export function carryFromProgram(path: Path, service: number, socket: Socket): void {
  if (path.state !== 'up') {
    socket.resetAndDestroy();
    return;
  }
  tie(socket, path.openStream(service) as PathStream);
}

/**
 * The host's side: for each stream of a friend a connection to the server of its service, from the friend's own address, so that what the
 * server knows of addresses (bans, limits, who is the same player over UDP) holds here as well.
 */
export class TcpHost {
  readonly #targets: readonly ServiceTarget[];
  readonly #sourceOf: (friend: FriendId, service: number) => string | null;
  readonly #onTold: (service: number, taken: boolean) => void;
  readonly #sockets = new Set<Socket>();
  readonly #held = new Map<FriendId, number>();

  /** `onTold`: the server has taken a connection, or nobody listens there. */
  constructor(
    targets: readonly ServiceTarget[],
    sourceOf: (friend: FriendId, service: number) => string | null,
    onTold: (service: number, taken: boolean) => void = () => {},
  ) {
    this.#targets = targets;
    this.#sourceOf = sourceOf;
    this.#onTold = onTold;
  }

  attach(path: Path): void {
    path.on('stream', (service, stream) => this.#opened(path, service, stream as PathStream));
  }

  close(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  #opened(path: Path, service: number, stream: PathStream): void {
    const target = this.#targets[service];
    if (target === undefined || !speaks(target, 'tcp')) stream.breakOff('refused');
    else if (!this.#hasRoom(path.friend)) stream.breakOff('limit');
    else this.#connect({ friend: path.friend, service, target, stream }, this.#sourceOf(path.friend, service));
  }

  /** Each friend has its share, whatever the others hold; what is beyond all shares is for whoever comes. */
  #hasRoom(friend: FriendId): boolean {
    const { tcpSocketsMax, tcpSocketsShare } = AGENT_LIMITS;
    const free = this.#sockets.size < tcpSocketsMax - PEER_LIMITS.guestsMax * tcpSocketsShare;
    return free || (this.#held.get(friend) ?? 0) < tcpSocketsShare;
  }

  #connect(asked: Asked, source: string | null): void {
    const { friend, service, target, stream } = asked;
    const from = source === null ? {} : { localAddress: source };
    const { address: host, port } = target;
    const socket = connect({ host, port, ...from, allowHalfOpen: true, noDelay: true });
    this.#hold(friend, socket);
    const timer = setTimeout(() => broken('timeout'), AGENT_LIMITS.tcpConnectMs);
    const broken = (code: StreamCode): void => {
      clearTimeout(timer);
      socket.destroy();
      stream.breakOff(code);
    };
    const onGone = (): void => {
      clearTimeout(timer);
      socket.destroy();
    };
    stream.once('close', onGone);
    stream.on('error', () => {});
    socket.once('error', ({ code = '' }: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      stream.off('close', onGone);
      // This system gives no loopback addresses but 127.0.0.1: better another address than none.
      if (source !== null && (code === 'EADDRNOTAVAIL' || code === 'EINVAL') && !stream.destroyed) {
        this.#connect(asked, null);
        return;
      }
      if (code === 'ECONNREFUSED' || code === 'EHOSTUNREACH') this.#onTold(service, false);
      broken(code === 'ETIMEDOUT' ? 'timeout' : code === 'ECONNREFUSED' ? 'refused' : 'reset');
    });
    socket.once('connect', () => {
      clearTimeout(timer);
      this.#onTold(service, true);
      stream.off('close', onGone);
      socket.removeAllListeners('error');
      tie(socket, stream);
    });
  }

  #hold(friend: FriendId, socket: Socket): void {
    this.#sockets.add(socket);
    this.#held.set(friend, (this.#held.get(friend) ?? 0) + 1);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      const held = (this.#held.get(friend) ?? 1) - 1;
      if (held === 0) this.#held.delete(friend);
      else this.#held.set(friend, held);
    });
  }
}

/** What comes out of the one goes into the other; the end of a direction is passed on as such, and a reset as a reset. */
function tie(socket: Socket, stream: PathStream): void {
  socket.on('error', () => stream.breakOff('reset'));
  socket.on('close', () => {
    if (!socket.readableEnded || !socket.writableFinished) stream.breakOff('reset');
  });
  stream.on('error', () => {});
  stream.on('close', () => {
    if (!socket.destroyed && !(stream.readableEnded && stream.writableFinished)) socket.resetAndDestroy();
  });
  socket.pipe(stream);
  stream.pipe(socket);
}
