/** A direct path as the application holds it. It survives being lost and punched again: only `close` and `lost for good` end it. */

import type { Socket } from 'node:dgram';
import { EventEmitter } from 'node:events';
import {
  assert,
  CONNECTION_LIMITS,
  type Endpoint,
  type FriendId,
  type PathId,
  type PathKind,
  type PeerEvent,
  type SocketId,
} from '../core/index.ts';
import type { SallyportError } from '../node/index.ts';

type PathUp = Extract<PeerEvent, { ev: 'path' }>;
type PathLost = Extract<PeerEvent, { ev: 'path-lost' }>;

export interface PathEvents {
  /** A datagram of the other side. */
  message: [bytes: Uint8Array];
  /** A datagram on another channel than 0: a further local program behind one path (see the forwarder). */
  channel: [channel: number, bytes: Uint8Array];
  /** The path has died; it is being punched again. Datagrams sent meanwhile are lost. */
  lost: [reason: PathLost['reason']];
  /** It is up again, perhaps with another `remote`. */
  restored: [];
  /** It is over; nothing comes any more. */
  close: [reason: PathLost['reason'] | 'closed' | 'released', error: SallyportError | null];
}

/** What a path needs of the agent that made it. */
export interface PathPort {
  send(path: PathId, bytes: Uint8Array, channel: number): void;
  leave(path: PathId): void;
  /** Stops the path and hands over its socket; null where the socket is shared with other traffic of ours. */
  release(path: PathId): Socket | null;
}

export interface Path {
  /** Who is at the other end: the first 8 bytes of the hash of its key, hex. */
  readonly friend: FriendId;
  /** Which of the friend's programs: 8 bytes, hex. Empty where the other end is a host. */
  readonly instance: string;
  readonly kind: PathKind;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly rttMs: number;
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
  readonly state: 'up' | 'lost' | 'closed';
  /**
   * Sends one datagram, encrypted. Unreliable and unordered like UDP itself; while the path is lost nothing is sent.
   * @throws RangeError where it is larger than `payloadBytesMax`, which is what UDP itself carries.
   */
  send(bytes: Uint8Array, channel?: number): void;
  /**
   * Ends encryption and consent checks and gives the punched socket away; from here on it is the application's own.
   * Late packets of ours may still arrive on it; `isSallyportDatagram` tells them apart.
   */
  release(): { readonly socket: Socket; readonly remote: Endpoint };
  close(): void;
  on<Name extends keyof PathEvents>(event: Name, listener: (...values: PathEvents[Name]) => void): this;
  once<Name extends keyof PathEvents>(event: Name, listener: (...values: PathEvents[Name]) => void): this;
  off<Name extends keyof PathEvents>(event: Name, listener: (...values: PathEvents[Name]) => void): this;
}

export class AgentPath extends EventEmitter<PathEvents> implements Path {
  readonly #port: PathPort;
  #up: PathUp;
  state: 'up' | 'lost' | 'closed' = 'up';

  constructor(port: PathPort, up: PathUp) {
    super();
    this.#port = port;
    this.#up = up;
  }

  get id(): PathId {
    return this.#up.path;
  }
  get socketId(): SocketId {
    return this.#up.socket;
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
  get payloadBytesMax(): number {
    return this.#up.payloadBytesMax;
  }

  send(bytes: Uint8Array, channel = 0): void {
    if (bytes.length > this.payloadBytesMax) {
      throw new RangeError(
        `a datagram of ${bytes.length} bytes does not fit the path, which takes ${this.payloadBytesMax}`,
      );
    }
    assert(channel >= 0 && channel < CONNECTION_LIMITS.programsMax, 'no such channel');
    if (this.state === 'up') this.#port.send(this.id, bytes, channel);
  }

  release(): { readonly socket: Socket; readonly remote: Endpoint } {
    if (this.state !== 'up') throw new Error('the path is not up');
    const remote = this.remote;
    const socket = this.#port.release(this.id);
    if (socket === null) throw new Error('the socket of this path is shared and can not be released');
    this.over('released');
    return { socket, remote };
  }

  close(): void {
    if (this.state === 'closed') return;
    if (this.state === 'up') this.#port.leave(this.id);
    this.over('closed');
  }

  /** From here on the agent's side: what the machine has told. */
  received(channel: number, bytes: Uint8Array): void {
    if (this.state === 'closed') return;
    if (channel === 0) this.emit('message', bytes);
    else this.emit('channel', channel, bytes);
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
    this.#up = up;
    this.state = 'up';
    this.emit('restored');
  }

  over(reason: PathEvents['close'][0], error: SallyportError | null = null): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.emit('close', reason, error);
    this.removeAllListeners();
  }
}
