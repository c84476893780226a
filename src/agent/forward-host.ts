/**
 * Carries datagrams between friends and an unmodified UDP server on this computer. Every friend appears to the server from a
 * loopback address of its own (127.77.x.y), the same whenever it comes, so that player lists, kicks and bans by address work; its
 * programs differ by port. Where the system does not let a program use further loopback addresses (macOS without aliases), each
 * program gets a port of 127.0.0.1 instead.
 *
 * A program keeps its port over a lost and newly punched path: the server never notices. The port comes from who the program is, so
 * it is the same after this process has died and begun again, without a record. While it is connected nobody takes its seat, however
 * many come.
 */
import { createSocket, type Socket } from 'node:dgram';
import { type Endpoint, type FriendId, type GameState, PEER_LIMITS, utf8Encode } from '../core/index.ts';
import { inBursts, nodeCrypto, widenReceive } from '../node/index.ts';
import type { FriendAddresses } from './addresses.ts';
import { GameWatch, type Talk } from './game-watch.ts';
import { AGENT_LIMITS } from './limits.ts';
import type { Path } from './path.ts';

export type HostForwardNotice =
  /** The game does not answer, see `game-watch.ts` for when that is said. Told at every change. */
  | { readonly kind: 'game-silent'; readonly state: Exclude<GameState, 'answers'> }
  | { readonly kind: 'game-answers' }
  /** Told once for each friend: a further program behind it has no seat, because all are taken by others that are connected. */
  | { readonly kind: 'seats-full'; readonly friend: FriendId; readonly seats: number }
  /** Told once: friends differ by port only. */
  | { readonly kind: 'addresses-shared' }
  /** Told once per size and friend. */
  | { readonly kind: 'too-large'; readonly friend: FriendId; readonly bytes: number; readonly payloadBytesMax: number };

/** One source address and port towards the server: a friend's program, or one of several that share its path. */
interface Seat {
  readonly socket: Socket;
  readonly seenAs: Endpoint;
  path: Path;
  /** 0 is the first program, others are further ones that share its path. */
  readonly channel: number;
  heardAt: number;
  readonly sizesTold: Set<number>;
  readonly talk: Talk;
}

export interface HostForward {
  /** Begins to carry; gives the address by which the server sees this friend, null where the system gave no socket. */
  attach(path: Path): Endpoint | null;
  close(): void;
}

export function forwardToGame(
  game: Endpoint,
  addresses: FriendAddresses,
  onNotice: (notice: HostForwardNotice) => void,
): HostForward {
  const seats = new Map<string, Seat>();
  let ownAddresses = true;
  const watch = new GameWatch({
    service: 0,
    game,
    onState: (state) => onNotice(state === 'answers' ? { kind: 'game-answers' } : { kind: 'game-silent', state }),
  });
  const fullTold = new Set<FriendId>();

  function seatFor(path: Path, channel: number): Seat | null {
    const name = `${path.friend}/${path.instance}/${channel}`;
    const present = seats.get(name);
    if (present !== undefined) {
      present.heardAt = performance.now();
      return present;
    }
    const socket = makeRoom(channel) ? openSeatSocket(path.friend, portOf(name)) : null;
    if (socket === null) {
      if (fullTold.size >= AGENT_LIMITS.forwardSeatsMax) fullTold.clear();
      if (!fullTold.has(path.friend)) onNotice({ kind: 'seats-full', friend: path.friend, seats: seats.size });
      fullTold.add(path.friend);
      return null;
    }
    const address = socket.address();
    const seat: Seat = {
      socket,
      seenAs: { address: address.address, port: address.port },
      path,
      channel,
      heardAt: performance.now(),
      sizesTold: new Set(),
      talk: watch.begin(() => seat.path),
    };
    widenReceive(socket);
    socket.on(
      'message',
      inBursts((bytes) => seats.get(name) === seat && fromGame(seat, channel, bytes)),
    );
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (isRefusal(error)) watch.refused();
    });
    seats.set(name, seat);
    return seat;
  }

  /**
   * Seats outlive their path on purpose; where the table is full the oldest without a path goes, then the program behind a friend
   * that has been silent for long. At most `guestsMax` friends are connected, so those that come always find one.
   */
  function makeRoom(channel: number): boolean {
    if (seats.size < AGENT_LIMITS.forwardSeatsMax - (channel === 0 ? 0 : PEER_LIMITS.guestsMax)) return true;
    const now = performance.now();
    const idle = ({ channel: of, heardAt }: Seat): boolean => of !== 0 && now - heardAt >= AGENT_LIMITS.seatIdleMs;
    const gone = [...seats].find(([, seat]) => seat.path.state !== 'up') ?? [...seats].find(([, seat]) => idle(seat));
    if (gone === undefined) return false;
    seats.delete(gone[0]);
    watch.end(gone[1].talk);
    gone[1].socket.close();
    return true;
  }

  function openSeatSocket(friend: FriendId, port: number): Socket | null {
    if (ownAddresses) {
      const socket = connected(addresses.of(friend), port, game);
      if (socket !== null) return socket;
      ownAddresses = false;
      onNotice({ kind: 'addresses-shared' });
    }
    return connected('127.0.0.1', port, game);
  }

  function fromGame(seat: Seat, channel: number, bytes: Uint8Array): void {
    watch.answered(seat.talk);
    const { path } = seat;
    if (bytes.length <= path.payloadBytesMax) path.send(bytes, channel);
    else if (!seat.sizesTold.has(bytes.length) && seat.sizesTold.size < AGENT_LIMITS.sizesToldMax) {
      seat.sizesTold.add(bytes.length);
      onNotice({ kind: 'too-large', friend: path.friend, bytes: bytes.length, payloadBytesMax: path.payloadBytesMax });
    }
  }

  return {
    attach(path) {
      const toGame = (channel: number, bytes: Uint8Array): void => {
        const seat = seatFor(path, channel);
        if (seat === null) return;
        watch.spoken(seat.talk);
        seat.socket.send(bytes, onSent);
      };
      path.on('message', (bytes) => toGame(0, bytes));
      path.on('channel', toGame);
      // All that came by the path before: what the game says to a further program goes over the new one as well.
      const same = ({ path: of }: Seat): boolean => of.friend === path.friend && of.instance === path.instance;
      for (const seat of seats.values()) if (same(seat)) seat.path = path;
      watch.attach(path);
      return seatFor(path, 0)?.seenAs ?? null;
    },
    close() {
      watch.close();
      for (const seat of seats.values()) seat.socket.close();
      seats.clear();
    },
  };

  function onSent(error: Error | null): void {
    if (error !== null && isRefusal(error)) watch.refused();
  }
}

/** Nothing listens there, or the computer of the game is not there. */
function isRefusal({ code = '' }: NodeJS.ErrnoException): boolean {
  return code === 'ECONNREFUSED' || code === 'EHOSTUNREACH';
}

/** Where the seat of this name is looked for: the same port each time. */
function portOf(name: string): number {
  const [high = 0, low = 0] = nodeCrypto.sha256(utf8Encode(name));
  const { seatPortFirst, seatPorts } = AGENT_LIMITS;
  return seatPortFirst + (((high << 8) | low) % seatPorts);
}

/**
 * A socket bound to one loopback address and connected to the server: it hears nobody else. At `port`, or at the next that is free
 * after it; where many are taken, at any. Null where the address is refused.
 */
function connected(address: string, port: number, game: Endpoint): Socket | null {
  const { seatPortFirst, seatPorts, seatPortTries } = AGENT_LIMITS;
  for (let tried = 0; tried <= seatPortTries; tried++) {
    const next = seatPortFirst + ((port - seatPortFirst + tried) % seatPorts);
    const socket = bound(address, tried < seatPortTries ? next : 0);
    if (socket === 'EADDRINUSE') continue;
    if (typeof socket === 'string') return null;
    socket.connect(game.port, game.address);
    return socket;
  }
  return null;
}

/** The name of the error where the system refuses. */
function bound(address: string, port: number): Socket | string {
  const lookup = (
    host: string,
    _options: unknown,
    done: (error: null, address: string, family: number) => void,
  ): void => done(null, host, 4);
  const socket = createSocket({ type: 'udp4', lookup });
  let failed: string | null = null;
  const onError = ({ code = '' }: NodeJS.ErrnoException): void => {
    failed = code;
  };
  socket.on('error', onError);
  socket.bind({ address, port, exclusive: true });
  socket.off('error', onError);
  if (failed === null) return socket;
  socket.close();
  return failed;
}
