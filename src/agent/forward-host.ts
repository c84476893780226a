/**
 * Carries datagrams between friends and unmodified UDP servers. Every friend appears to a server of this computer from a loopback
 * address of its own (127.77.x.y), the same whenever it comes, so that player lists, kicks and bans by address work; its programs differ
 * by port. Where the system does not let a program use further loopback addresses (macOS without aliases), and where the server has
 * another address than 127.x.y.z, friends differ by port alone.
 *
 * A program keeps its port over a lost and newly punched path: the server never notices. The port comes from who the program is, so
 * it is the same after this process has died and begun again, without a record. While it is connected nobody takes its seat, however
 * many come. A program that speaks to two services speaks to both from one address and port: games match players by them.
 */
import type { Socket } from 'node:dgram';
import {
  type Endpoint,
  type FriendId,
  familyOf,
  formatService,
  type GameState,
  isLoopback,
  laneOf,
  PEER_LIMITS,
  programOf,
  type ServiceTarget,
  serviceOf,
  speaks,
  utf8Encode,
} from '../core/index.ts';
import { inBursts, nodeCrypto, widenReceive } from '../node/index.ts';
import type { FriendAddresses } from './addresses.ts';
import { GameWatch, type Talk } from './game-watch.ts';
import { AGENT_LIMITS } from './limits.ts';
import type { Path } from './path.ts';
import { boundSocket, freeSocket, type NoSocket, noSocket, type SeatAt } from './seat-socket.ts';

export type HostForwardNotice =
  /** The game does not answer, see `game-watch.ts` for when that is said. Told at every change, for each service of UDP. */
  | { readonly kind: 'game-silent'; readonly service: number; readonly state: Exclude<GameState, 'answers'> }
  | { readonly kind: 'game-answers'; readonly service: number }
  /**
   * Told once for each friend: a program of it has no seat. `taken`: all are, by others that are connected; `system`: this computer has no
   * room for a further socket (descriptors, memory), and is asked again with the next datagram.
   */
  | { readonly kind: 'seats-full'; readonly why: 'taken' | 'system'; readonly friend: FriendId; readonly seats: number }
  /**
   * Told once each: friends differ by port only. `refused`: this system gives no loopback addresses but 127.0.0.1. `elsewhere`: the server
   * is not at an address 127.x.y.z.
   */
  | { readonly kind: 'addresses-shared'; readonly why: 'refused' | 'elsewhere'; readonly target: string }
  /** More goes to this friend than the upload takes: others are spared, and this friend's oldest and largest datagrams are lost. */
  | { readonly kind: 'upload'; readonly friend: FriendId; readonly full: boolean }
  /** Told once per size and friend. */
  | { readonly kind: 'too-large'; readonly friend: FriendId; readonly bytes: number; readonly payloadBytesMax: number };

interface Chair {
  readonly seat: Seat;
  readonly socket: Socket;
  readonly watch: GameWatch;
  readonly talk: Talk;
  readonly onSent: (error: Error | null) => void;
  /** Somebody else has its room. */
  gone: boolean;
}

/** One program of a friend, or one of several that share its path: at each server it has the same source address and port. */
interface Seat {
  readonly name: string;
  readonly friend: FriendId;
  /** The friend and its instance: one connection. */
  readonly owner: string;
  path: Path;
  readonly program: number;
  /** Where it is bound, by service. */
  readonly chairs: Map<number, Chair>;
  heardAt: number;
  readonly sizesTold: Set<number>;
}

/** A service, its server and who watches it. */
interface At {
  readonly service: number;
  readonly target: ServiceTarget;
  readonly watch: GameWatch;
}

export interface HostForward {
  /** Begins to carry; gives the address by which the first server sees this friend, null where the system gave no socket. */
  attach(path: Path): Endpoint | null;
  /**
   * The address from which this service's server is to see what is opened for this friend (a TCP connection); null where the
   * system chooses.
   */
  sourceOf(friend: FriendId, service: number): string | null;
  /** A connection that was opened for a friend was taken, or refused. Where the game speaks UDP as well, that tells more. */
  tcpTold(service: number, taken: boolean): void;
  close(): void;
}

export function forwardToGame(
  targets: readonly ServiceTarget[],
  addresses: FriendAddresses,
  onNotice: (notice: HostForwardNotice) => void,
): HostForward {
  return new Forward(targets, addresses, onNotice);
}

class Forward implements HostForward {
  readonly #targets: readonly ServiceTarget[];
  readonly #addresses: FriendAddresses;
  readonly #onNotice: (notice: HostForwardNotice) => void;
  /** The first service that is reached by UDP; none: 0. */
  readonly #first: number;
  readonly #seats = new Map<string, Seat>();
  #sockets = 0;
  /** Of these, by connection. */
  readonly #held = new Map<string, number>();
  #ownAddresses = true;
  #ownProven = false;
  readonly #elsewhereTold = new Set<number>();
  /** By service. */
  readonly #watches: readonly GameWatch[];
  readonly #fullTold = new Set<FriendId>();

  constructor(
    targets: readonly ServiceTarget[],
    addresses: FriendAddresses,
    onNotice: (notice: HostForwardNotice) => void,
  ) {
    this.#targets = targets;
    this.#addresses = addresses;
    this.#onNotice = onNotice;
    this.#watches = targets.map((target, service) => this.#watch(target, service));
    this.#first = Math.max(
      0,
      targets.findIndex((target) => speaks(target, 'udp')),
    );
  }

  attach(path: Path): Endpoint | null {
    /** By lane, so that no datagram has to look for its seat by name. */
    const known: (Chair | null | undefined)[] = [];
    const toGame = (lane: number, bytes: Uint8Array): void => {
      let chair = known[lane];
      if (chair == null || chair.gone) {
        chair = this.#chairFor(path, serviceOf(lane), programOf(lane));
        known[lane] = chair;
      }
      if (chair === null) return;
      chair.watch.spoken(chair.talk);
      chair.seat.heardAt = chair.talk.spokeAt;
      chair.socket.send(bytes, chair.onSent);
    };
    path.on('message', (bytes) => toGame(0, bytes));
    path.on('channel', toGame);
    // All that came by the path before: what the game says to a further program goes over the new one as well.
    const owner = ownerOf(path);
    for (const seat of this.#seats.values()) if (seat.owner === owner) seat.path = path;
    for (const watch of this.#watches) watch.attach(path);
    path.on('close', () => this.#sleepSoon(path));
    const target = this.#targets[this.#first];
    if (target === undefined) return null;
    if (!speaks(target, 'udp')) {
      const address = this.sourceOf(path.friend, this.#first);
      return address === null ? null : { address, port: 0 };
    }
    const chair = this.#chairFor(path, this.#first, 0);
    return chair === null ? null : boundAt(chair);
  }

  sourceOf(friend: FriendId, service: number): string | null {
    const { address = '' } = this.#targets[service] ?? {};
    if (!isLoopback(address) || familyOf(address) === 6) return null;
    return this.#ownAddress(friend, service);
  }

  /** Where all that a friend opens is TCP, the first asks whether there are such addresses. */
  #ownAddress(friend: FriendId, service: number): string {
    if (!this.#ownAddresses) return LOCALHOST;
    const address = this.#addresses.of(friend);
    if (this.#ownProven) return address;
    const socket = boundSocket({ address, port: 0, shared: false });
    // What is only short of room just now says nothing of the address.
    if (typeof socket === 'string' && noSocket(socket) === 'room') return address;
    if (typeof socket === 'string') this.#shareAddress(this.#targets[service] as ServiceTarget);
    else socket.close();
    this.#ownProven = true;
    return this.#ownAddresses ? address : LOCALHOST;
  }

  #shareAddress(target: ServiceTarget): void {
    this.#ownAddresses = false;
    this.#onNotice({ kind: 'addresses-shared', why: 'refused', target: formatService(target) });
  }

  tcpTold(service: number, taken: boolean): void {
    const target = this.#targets[service];
    if (target === undefined || speaks(target, 'udp')) return;
    if (taken) this.#watches[service]?.reached();
    else this.#watches[service]?.refused();
  }

  close(): void {
    for (const seat of [...this.#seats.values()]) this.#endSeat(seat);
    for (const watch of this.#watches) watch.close();
  }

  #watch(game: ServiceTarget, service: number): GameWatch {
    return new GameWatch({
      ...{ service, game, protocol: speaks(game, 'udp') ? 'udp' : 'tcp' },
      onState: (state) =>
        this.#onNotice(
          state === 'answers' ? { kind: 'game-answers', service } : { kind: 'game-silent', service, state },
        ),
    });
  }

  #chairFor(path: Path, service: number, program: number): Chair | null {
    const name = `${ownerOf(path)}/${program}`;
    const seat = this.#seats.get(name);
    const present = seat?.chairs.get(service);
    if (seat !== undefined && present !== undefined) {
      seat.heardAt = performance.now();
      return present;
    }
    const target = this.#targets[service];
    // Of a service that there is not, or that takes connections only: whoever sends it is no agent of ours.
    const watch = this.#watches[service];
    if (target === undefined || watch === undefined || !speaks(target, 'udp')) return null;
    return this.#sit(path, program, { service, target, watch });
  }

  #sit(path: Path, program: number, at: At): Chair | null {
    const { service, target, watch } = at;
    const { friend } = path;
    const owner = ownerOf(path);
    const name = `${owner}/${program}`;
    const first = program === 0 && service === this.#first;
    const socket = this.#makeRoom(owner, first) ? this.#openWithRoom(friend, name, target) : 'taken';
    if (typeof socket === 'string') {
      this.#tellFull(friend, socket === 'taken' ? 'taken' : 'system');
      return null;
    }
    const seat = this.#seats.get(name) ?? {
      ...{ name, friend, owner, path, program, chairs: new Map<number, Chair>() },
      ...{ heardAt: 0, sizesTold: new Set<number>() },
    };
    seat.heardAt = performance.now();
    const onSent = (error: Error | null): void => {
      if (error !== null && isRefusal(error)) watch.refused();
    };
    const chair: Chair = { ...{ seat, socket, watch, onSent, gone: false }, talk: watch.begin(() => seat.path) };
    seat.chairs.set(service, chair);
    this.#seats.set(name, seat);
    this.#count(owner, 1);
    const fromGame = (bytes: Uint8Array): void => {
      if (chair.gone) return;
      watch.answered(chair.talk);
      this.#fromGame(seat, service, bytes);
    };
    widenReceive(socket);
    socket.on('message', inBursts(fromGame));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (isRefusal(error)) watch.refused();
    });
    return chair;
  }

  #tellFull(friend: FriendId, why: 'taken' | 'system'): void {
    if (this.#fullTold.size >= AGENT_LIMITS.forwardSeatsMax) this.#fullTold.clear();
    if (!this.#fullTold.has(friend)) this.#onNotice({ kind: 'seats-full', why, friend, seats: this.#sockets });
    this.#fullTold.add(friend);
  }

  /** A seat without a path sleeps: its socket is closed, and whoever comes back finds the same address and port by its name. */
  #sleepSoon(path: Path): void {
    const sleep = (): void => {
      for (const seat of [...this.#seats.values()]) if (seat.path === path) this.#endSeat(seat);
    };
    setTimeout(sleep, AGENT_LIMITS.seatSleepMs).unref();
  }

  /** Where the system is short of sockets, those that nobody uses make room at once. */
  #openWithRoom(friend: FriendId, name: string, target: ServiceTarget): Socket | NoSocket {
    for (;;) {
      const socket = this.#open(friend, name, target);
      if (socket !== 'room') return socket;
      const idle = [...this.#seats.values()].find(({ path }) => path.state !== 'up');
      if (idle === undefined) return 'room';
      this.#endSeat(idle);
    }
  }

  /**
   * Seats outlive their path on purpose; where the table is full the oldest without a path goes, then the program behind a friend
   * that has been silent for long, then a further program of whoever holds more than an equal share, for one that holds less. At most
   * `guestsMax` friends are connected, and each finds room for its first program at the first service.
   */
  #makeRoom(owner: string, first: boolean): boolean {
    const { guestsMax } = PEER_LIMITS;
    if (this.#sockets < AGENT_LIMITS.forwardSeatsMax - (first ? 0 : guestsMax)) return true;
    const now = performance.now();
    const seats = [...this.#seats.values()];
    const share = AGENT_LIMITS.forwardSeatsMax / guestsMax;
    const spare = (seat: Seat): boolean =>
      seat.program !== 0 && (this.#held.get(seat.owner) ?? 0) - seat.chairs.size >= share;
    const gone =
      seats.find((seat) => seat.path.state !== 'up') ??
      seats.find((seat) => seat.program !== 0 && now - seat.heardAt >= AGENT_LIMITS.seatIdleMs) ??
      ((this.#held.get(owner) ?? 0) < share ? seats.find(spare) : undefined);
    if (gone !== undefined) this.#endSeat(gone);
    return gone !== undefined;
  }

  #endSeat(seat: Seat): void {
    this.#seats.delete(seat.name);
    this.#count(seat.owner, -seat.chairs.size);
    for (const chair of seat.chairs.values()) {
      chair.gone = true;
      chair.watch.end(chair.talk);
      chair.socket.close();
    }
  }

  #count(owner: string, more: number): void {
    this.#sockets += more;
    const held = (this.#held.get(owner) ?? 0) + more;
    if (held === 0) this.#held.delete(owner);
    else this.#held.set(owner, held);
  }

  #open(friend: FriendId, name: string, target: ServiceTarget): Socket | NoSocket {
    const at = this.#placeOf(friend, target);
    const before = [...(this.#seats.get(name)?.chairs.values() ?? [])].map(boundAt);
    const own = before.find(({ address }) => address === at)?.port;
    const shared = this.#targets.length > 1 && SHARES_PORTS;
    const seat: SeatAt = { address: at, port: own ?? before[0]?.port ?? portOf(name), shared };
    if (own !== undefined && shared) {
      const socket = boundSocket(seat);
      if (typeof socket !== 'string') return toTarget(socket, target);
    }
    const socket = freeSocket(seat);
    if (typeof socket !== 'string') return toTarget(socket, target);
    if (socket === 'room' || !this.#ownAddresses || this.#addresses.of(friend) !== at) return socket;
    this.#shareAddress(target);
    const last = freeSocket({ ...seat, address: LOCALHOST });
    return typeof last === 'string' ? last : toTarget(last, target);
  }

  /** The address that the sockets of a friend towards this server are bound to. */
  #placeOf(friend: FriendId, target: ServiceTarget): string {
    const { address, port } = target;
    const six = familyOf(address) === 6;
    if (isLoopback(address) && !six) return this.#ownAddresses ? this.#addresses.of(friend) : LOCALHOST;
    if (!this.#elsewhereTold.has(port))
      this.#onNotice({ kind: 'addresses-shared', why: 'elsewhere', target: formatService(target) });
    this.#elsewhereTold.add(port);
    if (isLoopback(address)) return '::1';
    return six ? '::' : '0.0.0.0';
  }

  #fromGame(seat: Seat, service: number, bytes: Uint8Array): void {
    const { path, program } = seat;
    if (bytes.length <= path.payloadBytesMax) path.send(bytes, laneOf(service, program));
    else if (!seat.sizesTold.has(bytes.length) && seat.sizesTold.size < AGENT_LIMITS.sizesToldMax) {
      seat.sizesTold.add(bytes.length);
      const { friend, payloadBytesMax } = path;
      this.#onNotice({ kind: 'too-large', friend, bytes: bytes.length, payloadBytesMax });
    }
  }
}

/** Nothing listens there, or the computer of the game is not there. */
function isRefusal(error: Error): boolean {
  const { code = '' } = error as NodeJS.ErrnoException;
  return code === 'ECONNREFUSED' || code === 'EHOSTUNREACH';
}

/**
 * Several sockets of one address and port, each connected to another server: Linux and the BSDs give each what comes from its own one;
 * Windows gives all to any of them, so there each service sees a port of its own.
 */
const SHARES_PORTS = process.platform !== 'win32';

const LOCALHOST = '127.0.0.1';

function ownerOf({ friend, instance }: Path): string {
  return `${friend}/${instance}`;
}

function boundAt({ socket }: Chair): Endpoint {
  const { address, port } = socket.address();
  return { address, port };
}

/** It hears nobody else. */
function toTarget(socket: Socket, { address, port }: ServiceTarget): Socket {
  socket.connect(port, address);
  return socket;
}

/** Where the seat of this name is looked for: the same port each time. */
function portOf(name: string): number {
  const [high = 0, low = 0] = nodeCrypto.sha256(utf8Encode(name));
  const { seatPortFirst, seatPorts } = AGENT_LIMITS;
  return seatPortFirst + (((high << 8) | low) % seatPorts);
}
