/**
 * Carries datagrams between friends and an unmodified UDP server on this computer. Every friend appears to the server from a
 * loopback address of its own (127.77.0.2, .3, ...), so that player lists, kicks and bans by address work. Where the system
 * does not let a program use further loopback addresses (macOS without aliases), each friend gets a port of its own instead.
 *
 * A friend keeps address and port over a lost and newly punched path: the server never notices.
 */
import { createSocket, type Socket } from 'node:dgram';
import { type Endpoint, type FriendId, LIMITS } from '../core/index.ts';
import type { Path } from './path.ts';

export type HostForwardNotice =
  /** The server answers with "port unreachable": nothing listens there. Told once, until it answers again. */
  | { readonly kind: 'game-silent' }
  | { readonly kind: 'game-answers' }
  /** Told once: friends differ by port only. */
  | { readonly kind: 'addresses-shared' }
  /** Told once per size and friend. */
  | { readonly kind: 'too-large'; readonly friend: FriendId; readonly bytes: number; readonly payloadBytesMax: number };

/** One source address towards the server: a friend, or one of several programs behind a friend. */
interface Seat {
  readonly socket: Socket;
  readonly seenAs: Endpoint;
  path: Path;
  readonly sizesTold: Set<number>;
}

export interface HostForward {
  /** Begins to carry; gives the address by which the server sees this friend. */
  attach(path: Path): Endpoint;
  close(): void;
}

export function forwardToGame(game: Endpoint, onNotice: (notice: HostForwardNotice) => void): HostForward {
  const seats = new Map<string, Seat>();
  let lastNumber = LIMITS.loopbackFirst - 1;
  let ownAddresses = true;
  let gameSilent = false;

  function seatFor(path: Path, channel: number): Seat {
    const name = `${path.friend}/${channel}`;
    const present = seats.get(name);
    if (present !== undefined) {
      present.path = path;
      return present;
    }
    makeRoom();
    const socket = openSeatSocket();
    const address = socket.address();
    const seat: Seat = {
      socket,
      seenAs: { address: address.address, port: address.port },
      path,
      sizesTold: new Set(),
    };
    socket.on('message', (bytes) => fromGame(seat, channel, bytes));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') tellGame(true);
    });
    seats.set(name, seat);
    return seat;
  }

  /** Seats outlive their path on purpose; the longest unused one goes when the table is full. */
  function makeRoom(): void {
    if (seats.size < LIMITS.forwardSeatsMax) return;
    for (const [name, seat] of seats) {
      if (seat.path.state === 'up') continue;
      seats.delete(name);
      seat.socket.close();
      return;
    }
  }

  function openSeatSocket(): Socket {
    if (ownAddresses) {
      lastNumber += 1;
      const number = lastNumber % LIMITS.loopbackNumbers;
      const socket = connected(`127.77.${number >> 8}.${number & 0xff}`, game);
      if (socket !== null) return socket;
      ownAddresses = false;
      onNotice({ kind: 'addresses-shared' });
    }
    const socket = connected('127.0.0.1', game);
    if (socket === null) throw new Error('no loopback address can be bound');
    return socket;
  }

  function fromGame(seat: Seat, channel: number, bytes: Uint8Array): void {
    tellGame(false);
    const { path } = seat;
    if (bytes.length <= path.payloadBytesMax) path.send(bytes, channel);
    else if (!seat.sizesTold.has(bytes.length) && seat.sizesTold.size < LIMITS.sizesToldMax) {
      seat.sizesTold.add(bytes.length);
      onNotice({ kind: 'too-large', friend: path.friend, bytes: bytes.length, payloadBytesMax: path.payloadBytesMax });
    }
  }

  function tellGame(silent: boolean): void {
    if (silent === gameSilent) return;
    gameSilent = silent;
    onNotice({ kind: silent ? 'game-silent' : 'game-answers' });
  }

  return {
    attach(path) {
      const toGame = (channel: number, bytes: Uint8Array): void => seatFor(path, channel).socket.send(bytes, onSent);
      path.on('message', (bytes) => toGame(0, bytes));
      path.on('channel', toGame);
      return seatFor(path, 0).seenAs;
    },
    close() {
      for (const seat of seats.values()) seat.socket.close();
      seats.clear();
    },
  };

  function onSent(error: Error | null): void {
    if ((error as NodeJS.ErrnoException | null)?.code === 'ECONNREFUSED') tellGame(true);
  }
}

/** A socket bound to one loopback address and connected to the server: it hears nobody else. Null where the address is refused. */
function connected(address: string, game: Endpoint): Socket | null {
  const lookup = (
    host: string,
    _options: unknown,
    done: (error: null, address: string, family: number) => void,
  ): void => done(null, host, 4);
  const socket = createSocket({ type: 'udp4', lookup });
  let failed = false;
  const onError = (): void => {
    failed = true;
  };
  socket.on('error', onError);
  socket.bind({ address, port: 0, exclusive: true });
  socket.off('error', onError);
  if (failed) {
    socket.close();
    return null;
  }
  socket.connect(game.port, game.address);
  return socket;
}
