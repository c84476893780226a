/**
 * A connection as the application holds it, whatever way it takes. It survives being lost and punched again: only `close` and `lost for
 * good` end it.
 */

import type { Socket } from 'node:dgram';
import { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import {
  assert,
  type ConnectionId,
  type Endpoint,
  type FriendId,
  type GameState,
  type PathKind,
  type PathView,
  type PeerEvent,
  type Service,
  type StreamCommand,
} from '../core/index.ts';
import { SallyportError, usage } from '../node/index.ts';
import type { StreamNews } from './stream.ts';
import { PathStreams } from './stream-table.ts';

type PathUp = Extract<PeerEvent, { ev: 'path' }>;
type PathChanged = Extract<PeerEvent, { ev: 'path-changed' }>;
type PathStats = Extract<PeerEvent, { ev: 'stats' }>;
type PathLost = Extract<PeerEvent, { ev: 'path-lost' }>;

export interface PathEvents {
  /** A datagram of the other side. */
  message: [bytes: Uint8Array];
  /** A datagram on another channel than 0: another service of the host, or a further program of the friend (`laneOf`). */
  channel: [channel: number, bytes: Uint8Array];
  /**
   * The path has died and is punched again; or, by the reason `left` (or `full`), the host has ended and is waited for (`JoinOptions.wait`).
   * Datagrams sent meanwhile are lost.
   */
  lost: [reason: PathLost['reason']];
  /** The host says that its game answers, or does not any more: see `GameState`. After `restored` it counts as one that answers. */
  game: [service: number, state: GameState];
  /**
   * More is sent over it than the line takes. Only so much is sent as passes; of the rest the oldest and largest is lost. `false`: all
   * that is sent passes again.
   */
  upload: [full: boolean];
  /** It is up again, perhaps with another `remote`. */
  restored: [];
  /** It goes another kind of way now, or through another relay, which has answered: nothing is lost by that. */
  path: [way: WayNow];
  /** Of a host: the friend has opened a stream to this service. Where nobody listens to this event, all are refused. */
  stream: [service: number, stream: Duplex];
  /** It is over; nothing comes any more. */
  close: [reason: PathLost['reason'] | 'closed' | 'released', error: SallyportError | null];
}

/** Which way the data goes. */
export interface WayNow {
  readonly kind: PathKind;
  /** The name of the relay; null: none. */
  readonly via: string | null;
  readonly rttMs: number;
}

/** One of the ways that a connection has, the one that carries the data among them. */
export type PathInfo = Omit<PathView, 'socket' | 'releasable'>;

export interface ConnectionStats {
  /** Datagrams of the application that went out and came in. */
  readonly sent: number;
  readonly received: number;
  /** Of all datagrams that this side has sent, copies and questions included: those that the other side did not hear, as far as it has said. */
  readonly lost: number;
  readonly rttMs: number;
  /** Mean deviation of the round trips. */
  readonly jitterMs: number;
  readonly kind: PathKind;
  /** The name of the relay that carries the data; null: none does. */
  readonly relay: string | null;
}

/** What a path needs of the agent that made it. */
export interface PathPort {
  send(path: ConnectionId, bytes: Uint8Array, channel: number): void;
  leave(path: ConnectionId): void;
  stream(path: ConnectionId, command: StreamCommand): void;
  sayGame(path: ConnectionId, service: number, state: GameState): void;
  /** Has the path told its figures (`counted`) before this returns. */
  count(path: ConnectionId): void;
  /** Stops the path and hands over the socket of a direct one among `ways`; null where there is none of its own. */
  release(path: ConnectionId, ways: readonly PathView[]): Released | null;
}

export interface Released {
  readonly socket: Socket;
  readonly remote: Endpoint;
}

export interface Path {
  /** Who is at the other end: the first 8 bytes of the hash of its key, hex. */
  readonly friend: FriendId;
  /** Which of the friend's programs: 8 bytes, hex. Empty where the other end is a host. */
  readonly instance: string;
  /** Of the way that carries the data; a `path` event tells when it changes. */
  readonly kind: PathKind;
  /** The name of the relay that carries the data; null: none does. */
  readonly via: string | null;
  readonly local: Endpoint;
  /** Of a relayed path: the relay. */
  readonly remote: Endpoint;
  readonly rttMs: number;
  /** All ways there are; empty while the connection is lost. */
  readonly paths: readonly PathInfo[];
  /** Since the join; of one that is over, up to its end. */
  stats(): ConnectionStats;
  /** From the join to the two-way proof. */
  readonly elapsedMs: number;
  readonly attempts: number;
  readonly packetsSent: number;
  readonly payloadBytesMax: number;
  /**
   * Four words of the end-to-end handshake, separated by spaces, the same on both sides unless somebody sits in between: for two
   * people to compare by voice. Other ones after the path was lost and restored.
   */
  readonly words: string;
  /** What the host lets us reach, by number; empty where its application speaks for itself, and at the host. */
  readonly services: readonly Service[];
  readonly state: 'up' | 'lost' | 'closed';
  /**
   * Sends one datagram, encrypted. Unreliable and unordered like UDP itself; while the path is lost nothing is sent.
   * @throws RangeError where it is larger than `payloadBytesMax`, which is what UDP itself carries.
   */
  send(bytes: Uint8Array, channel?: number): void;
  /**
   * Ends encryption and consent checks and gives the punched socket away; from here on it is the application's own.
   * Late packets of ours may still arrive on it; `isSallyportDatagram` tells them apart.
   * @throws SallyportError NO_DIRECT_PATH where the connection is not up, goes through a relay alone, or shares its socket.
   */
  release(): Released;
  close(): void;
  /**
   * Of a friend: a reliable stream to a service of the host, by its number, as TCP carries one. It may be half closed (`end`), and is broken
   * off by `destroy`. It survives every change of the way, and ends with the connection: when the path is lost it has an error with the
   * `code` ENETRESET; ECONNREFUSED, ETIMEDOUT, ECONNRESET and EMFILE (more than 256 at once) mean what they say.
   */
  openStream(service: number): Duplex;
  /** Of a host: tells this friend whether the game answers. With `forward` and `socket` that is done anyway. */
  sayGame(service: number, state: GameState): void;
  on<Name extends keyof PathEvents>(event: Name, listener: (...values: PathEvents[Name]) => void): this;
  once<Name extends keyof PathEvents>(event: Name, listener: (...values: PathEvents[Name]) => void): this;
  off<Name extends keyof PathEvents>(event: Name, listener: (...values: PathEvents[Name]) => void): this;
}

type Counted = Pick<PathStats, 'sent' | 'received' | 'lost' | 'paths'>;
/** A byte: service and program. */
const CHANNEL_MAX = 255;
const NOTHING: Counted = { sent: 0, received: 0, lost: 0, paths: [] };

export class AgentPath extends EventEmitter<PathEvents> implements Path {
  readonly #port: PathPort;
  #up: PathUp;
  #streams: PathStreams;
  state: 'up' | 'lost' | 'closed' = 'up';
  #counted: Counted = NOTHING;
  /** Of connections with other keys before this one. */
  #before: Counted = NOTHING;

  constructor(port: PathPort, up: PathUp) {
    super();
    this.#port = port;
    this.#up = up;
    this.#streams = new PathStreams((command) => port.stream(up.path, command));
  }

  get id(): ConnectionId {
    return this.#up.path;
  }
  get friend(): FriendId {
    return this.#up.friend;
  }
  get instance(): string {
    return this.#up.instance;
  }
  get kind(): PathKind {
    return this.#up.kind;
  }
  get via(): string | null {
    return this.#up.via;
  }
  get local(): Endpoint {
    return this.#up.local;
  }
  get remote(): Endpoint {
    return this.#up.remote;
  }
  get rttMs(): number {
    return this.#up.rttMs;
  }
  get elapsedMs(): number {
    return this.#up.elapsedMs;
  }
  get attempts(): number {
    return this.#up.attempts;
  }
  get packetsSent(): number {
    return this.#up.packetsSent;
  }
  get words(): string {
    return this.#up.words;
  }
  get services(): readonly Service[] {
    return this.#up.services;
  }
  get payloadBytesMax(): number {
    return this.#up.payloadBytesMax;
  }

  send(bytes: Uint8Array, channel = 0): void {
    if (bytes.length > this.payloadBytesMax) {
      throw new RangeError(
        `a datagram of ${bytes.length} bytes does not fit the path, which takes ${this.payloadBytesMax}`,
      );
    }
    assert(channel >= 0 && channel <= CHANNEL_MAX, 'no such channel');
    if (this.state === 'up') this.#port.send(this.id, bytes, channel);
  }

  get paths(): readonly PathInfo[] {
    this.#count();
    return this.#counted.paths.map(({ socket: _, releasable: __, ...info }) => info);
  }

  stats(): ConnectionStats {
    this.#count();
    const { sent, received, lost, paths } = this.#counted;
    return {
      sent: this.#before.sent + sent,
      received: this.#before.received + received,
      lost: this.#before.lost + lost,
      rttMs: this.rttMs,
      jitterMs: paths.find(({ carries }) => carries)?.jitterMs ?? 0,
      kind: this.kind,
      relay: this.via,
    };
  }

  #count(): void {
    if (this.state === 'up') this.#port.count(this.id);
  }

  release(): Released {
    if (this.state !== 'up') throw new SallyportError('NO_DIRECT_PATH', { detail: 'The path is not up.' });
    this.#count();
    const released = this.#port.release(this.id, this.#counted.paths);
    if (released === null) throw new SallyportError('NO_DIRECT_PATH');
    this.over('released');
    return released;
  }

  close(): void {
    if (this.state === 'closed') return;
    if (this.state === 'up') this.#port.leave(this.id);
    this.over('closed');
  }

  openStream(service: number): Duplex {
    if (this.#up.join === null)
      throw usage('Streams are opened by the friend; a host gets them by the event `stream`.');
    return this.#streams.open(service, this.state === 'up');
  }

  sayGame(service: number, state: GameState): void {
    if (this.state === 'up') this.#port.sayGame(this.id, service, state);
  }

  /** From here on the agent's side: what the machine has told. */
  received(channel: number, bytes: Uint8Array): void {
    if (this.state === 'closed') return;
    if (channel === 0) this.emit('message', bytes);
    else this.emit('channel', channel, bytes);
  }

  streamed(news: StreamNews): void {
    const heard = this.state !== 'closed' && this.listenerCount('stream') > 0;
    this.#streams.told(news, heard ? (service, stream) => this.emit('stream', service, stream) : null);
  }

  wasLost(lost: PathLost): void {
    if (this.state === 'closed') return;
    if (!lost.punchingAgain) {
      this.over(lost.reason);
      return;
    }
    this.state = 'lost';
    this.emit('lost', lost.reason);
  }

  restored(up: PathUp): void {
    const before = this.#up;
    const { sent, received, lost } = this.#counted;
    this.#before = {
      ...{ sent: this.#before.sent + sent, received: this.#before.received + received },
      ...{ lost: this.#before.lost + lost, paths: [] },
    };
    this.#counted = NOTHING;
    this.#up = up;
    this.#streams.end(false);
    this.#streams = new PathStreams((command) => this.#port.stream(up.path, command));
    this.state = 'up';
    this.emit('restored');
    this.#tellWay(before);
  }

  changed(change: PathChanged): void {
    const before = this.#up;
    this.#up = { ...before, ...change, ev: 'path' };
    this.#tellWay(before);
  }

  measured(rttMs: number): void {
    this.#up = { ...this.#up, rttMs };
  }

  gameSaid({ service, state }: Extract<PeerEvent, { ev: 'game' }>): void {
    if (this.state !== 'closed') this.emit('game', service, state);
  }

  uploadIs(full: boolean): void {
    if (this.state !== 'closed') this.emit('upload', full);
  }

  counted({ sent, received, lost, paths }: PathStats): void {
    this.#counted = { sent, received, lost, paths };
  }

  #tellWay(before: Pick<WayNow, 'kind' | 'via'>): void {
    const { kind, via, rttMs } = this;
    if (kind !== before.kind || via !== before.via) this.emit('path', { kind, via, rttMs });
  }

  over(reason: PathEvents['close'][0], error: SallyportError | null = null): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.#streams.end(reason === 'closed' || reason === 'released' || error?.code === 'ABORTED');
    this.emit('close', reason, error);
    this.removeAllListeners();
  }
}
