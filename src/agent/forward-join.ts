/**
 * The friend's end of the forwarding: a local port for each service of the host, to which the game connects. Several programs may use
 * them at once; each gets a number of its own on the path, and so an address of its own at the host's servers.
 */
import type { Socket as TcpSocket } from 'node:net';
import {
  CONNECTION_LIMITS,
  type Endpoint,
  familyOf,
  isLoopback,
  laneOf,
  programOf,
  type Service,
  serviceOf,
} from '../core/index.ts';
import { inBursts, type LocalPlaces, localAddresses, widenReceive } from '../node/index.ts';
import { carryFromProgram } from './carry-tcp.ts';
import { answerLan, isNeighbour, type LanAnswer, type LanSearchWish } from './lan-search.ts';
import { AGENT_LIMITS } from './limits.ts';
import { type LocalBlock, openBlock } from './local-block.ts';
import { LocalPrograms } from './local-programs.ts';
import type { Path } from './path.ts';

/** A service of the host, and where it is found on this computer. */
export interface LocalService extends Service {
  readonly local: Endpoint;
}

export type LocalServicesNotice =
  /** Told once per size. */
  | { readonly kind: 'too-large'; readonly bytes: number; readonly payloadBytesMax: number }
  /** A program was not let through: all seats are taken. Told once, and again when it happens after a seat was free. */
  | { readonly kind: 'seats-full'; readonly seats: number }
  /** The host has come back with other services. */
  | { readonly kind: 'services'; readonly services: readonly LocalService[] };

export interface LocalServices {
  /** In the order of the host, by number. */
  readonly services: readonly LocalService[];
  /**
   * `same`: the numbers of the host (or the wished one) at 127.0.0.1. `own-address`: these numbers at an address of this host, because one
   * is taken at 127.0.0.1. `moved`: all of them moved by the same.
   */
  readonly place: 'same' | 'own-address' | 'moved';
  /** With `lan`: addresses of this computer at which the local network finds it. */
  readonly lanAddresses: readonly string[];
  /** May be called twice: an abort and the failure it causes both end here. */
  close(): void;
}

/** The host is for the whole local network: for a console, or a second computer. */
export interface LanWish {
  /** How clients of the game look for servers; null: they are told the address by a person. */
  readonly search: LanSearchWish | null;
  /** What they are shown. */
  readonly name: string;
}

export interface LocalServicesOptions {
  /** Of the first service; the others move with it. 0 = any; absent: the numbers of the host. */
  readonly port?: number;
  /** Where hosts were found before. */
  readonly places?: LocalPlaces;
  /** Absent: this computer alone. */
  readonly lan?: LanWish;
  readonly onNotice: (notice: LocalServicesNotice) => void;
  /** A program has connected to a service of TCP; the socket is paused. Absent: a stream carries it to the host. */
  readonly onConnection?: (service: number, socket: TcpSocket) => void;
}

const nothing = (): void => {};

/** Of a host whose application speaks for itself: something that a game can connect to all the same. */
const NAMELESS: readonly Service[] = [{ port: 1, protocols: 'udp' }];

/** Opens the ports and carries what comes there over this path, for as long as it lives. Throws LOCAL_PORT_BUSY. */
export async function openLocalServices(path: Path, options: LocalServicesOptions): Promise<LocalServices> {
  const forward = new LocalForward(path, options);
  await forward.open();
  return forward;
}

class LocalForward implements LocalServices {
  services: readonly LocalService[] = [];
  place: LocalServices['place'] = 'same';
  lanAddresses: readonly string[] = [];
  readonly #path: Path;
  readonly #options: LocalServicesOptions;
  readonly #programs = new LocalPrograms();
  readonly #sizesTold = new Set<number>();
  #block: LocalBlock | null = null;
  #lanAnswer: LanAnswer | null = null;
  #offered: readonly Service[] = [];
  #fullTold = false;
  #closed = false;

  constructor(path: Path, options: LocalServicesOptions) {
    this.#path = path;
    this.#options = options;
    path.on('message', (bytes) => this.#toGame(0, bytes));
    path.on('channel', (lane, bytes) => this.#toGame(lane, bytes));
    path.on('restored', () => void this.#again());
  }

  async open(): Promise<void> {
    const { port, places, lan } = this.#options;
    const { friend: host, services: offered } = this.#path;
    this.#offered = offered;
    const services = offered.length === 0 ? NAMELESS : offered;
    const wished = offered.length === 0 ? (port ?? 0) : port;
    const before = places?.of(host) ?? null;
    const at = this.#path.remote.address;
    const hostHere = isLoopback(at) || localAddresses().includes(at);
    const wish = { services, host, before, hostHere, lan: lan !== undefined };
    const block = await openBlock({ ...wish, ...(wished === undefined ? {} : { port: wished }) });
    if (this.#closed) {
      block.close();
      return;
    }
    this.#listen(block);
    const { offset } = block;
    const address = lan === undefined ? block.address : '127.0.0.1';
    if (lan !== undefined) this.#answer(lan, block);
    this.services = services.map(({ port: number, protocols }) => {
      const local = { address, port: number + offset };
      return { port: offered.length === 0 ? local.port : number, protocols, local };
    });
    const first = services[0]?.port ?? 0;
    if (offset !== (wished === undefined ? 0 : wished - first)) this.place = wished === 0 ? 'same' : 'moved';
    else this.place = address === '127.0.0.1' ? 'same' : 'own-address';
    if (wished === undefined && lan === undefined && offset === 0 && before === null) places?.keep(host, address);
  }

  close(): void {
    this.#closed = true;
    this.#shut();
  }

  #shut(): void {
    this.#block?.close();
    this.#block = null;
    this.#lanAnswer?.close();
    this.#lanAnswer = null;
  }

  #answer({ search, name }: LanWish, { udp, offset }: LocalBlock): void {
    this.lanAddresses = localAddresses().filter((address) => familyOf(address) === 4 && isNeighbour(address));
    const [first] = this.#offered;
    const service = udp.findIndex((socket) => socket !== null);
    if (search === null || first === undefined) return;
    this.#lanAnswer = answerLan({
      ...{ search, name, port: first.port + offset },
      ownPorts: udp.flatMap((socket) => (socket === null ? [] : [socket.address().port])),
      onQuestion: (from, bytes) => service >= 0 && this.#fromGame(service, from, bytes),
    });
  }

  /** A host that was restarted may have other services. */
  async #again(): Promise<void> {
    const { services } = this.#path;
    if (this.#closed || JSON.stringify(services) === JSON.stringify(this.#offered)) return;
    this.#shut();
    try {
      await this.open();
      this.#options.onNotice({ kind: 'services', services: this.services });
    } catch {
      // Not one free port: there is nothing to reach, and the game sees that.
    }
  }

  #listen(block: LocalBlock): void {
    this.#block = block;
    for (const [service, socket] of block.udp.entries()) {
      if (socket === null) continue;
      widenReceive(socket);
      const fromGame = (bytes: Uint8Array, from: Endpoint): void => {
        if (this.#block === block) this.#fromGame(service, from, bytes);
      };
      socket.on('message', inBursts(fromGame));
      // The game has closed its port (ICMP unreachable on some systems); it may come back.
      socket.on('error', () => {});
    }
    for (const [service, server] of block.tcp.entries())
      server?.on('connection', (socket) => this.#connected(service, socket));
  }

  #fromGame(service: number, from: Endpoint, bytes: Uint8Array): void {
    if (this.#options.lan !== undefined && !isNeighbour(from.address)) return;
    const seat = this.#programs.at(from);
    if (seat === null) {
      if (!this.#fullTold) this.#options.onNotice({ kind: 'seats-full', seats: CONNECTION_LIMITS.programsMax });
      this.#fullTold = true;
      return;
    }
    if (seat.isNew) this.#fullTold = false;
    const { payloadBytesMax } = this.#path;
    if (bytes.length <= payloadBytesMax) this.#path.send(bytes, laneOf(service, seat.client.program));
    else if (!this.#sizesTold.has(bytes.length) && this.#sizesTold.size < AGENT_LIMITS.sizesToldMax) {
      this.#sizesTold.add(bytes.length);
      this.#options.onNotice({ kind: 'too-large', bytes: bytes.length, payloadBytesMax });
    }
  }

  #toGame(lane: number, bytes: Uint8Array): void {
    const client = this.#programs.of(programOf(lane));
    const socket = this.#block?.udp[serviceOf(lane)];
    if (client === undefined || socket == null) return;
    client.answered = true;
    socket.send(bytes, client.at.port, client.at.address, nothing);
  }

  #connected(number: number, socket: TcpSocket): void {
    socket.on('error', () => {});
    const { onConnection, lan } = this.#options;
    if (lan !== undefined && !isNeighbour(socket.remoteAddress ?? '')) socket.resetAndDestroy();
    else if (onConnection === undefined) carryFromProgram(this.#path, number, socket);
    else onConnection(number, socket);
  }
}
