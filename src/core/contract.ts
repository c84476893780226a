/**
 * The one contract of the project. Every protocol participant is a machine: bytes, time-outs and commands go in, outputs
 * come out, and nothing in here touches a socket, a timer or a clock. The same machine runs in `src/sim` (virtual time),
 * in `lab/` (kernel NATs) and in the wild (`src/node` drives it).
 *
 * Rule for drivers: after every `handle*` call, drain `poll()` until it answers `{ kind: 'wait' }`, then sleep until
 * `until` (or for ever) unless a datagram or a command comes first.
 */
import type { Endpoint } from './address.ts';

/** Milliseconds on a monotonic clock with an arbitrary origin; fractions allowed. Never goes backwards. */
export type Instant = number;

/** "No deadline": what `wait.until` holds when nothing is scheduled. */
export const NEVER: Instant = Number.POSITIVE_INFINITY;

/** Names a socket inside one participant. Allocated by the machine, never reused. */
export type SocketId = number;

export interface Transmit {
  readonly kind: 'transmit';
  readonly socket: SocketId;
  readonly to: Endpoint;
  readonly bytes: Uint8Array;
  /** IPv4 TTL / IPv6 hop limit for this datagram only; the system's default where absent. */
  readonly ttl?: number;
}

export interface SocketOpen {
  readonly kind: 'socket';
  readonly op: 'open';
  readonly socket: SocketId;
  readonly family: 4 | 6;
  /** Wished local port, 0 = any. */
  readonly port: number;
  /** Wished local address; the wildcard where absent. */
  readonly address?: string;
  /**
   * No UDP socket but a tunnel: datagrams go as messages over TLS, for networks that let no UDP through. A participant's leads to
   * its master and nowhere else, whatever `to` says; a master's is where all of them end, each a port of its client's address.
   */
  readonly through?: 'tls';
}

export interface SocketClose {
  readonly kind: 'socket';
  /** `release`: the driver forgets the socket without closing it and hands it to the application. */
  readonly op: 'close' | 'release';
  readonly socket: SocketId;
}

export interface EventOutput<Event> {
  readonly kind: 'event';
  readonly event: Event;
}

/** Nothing more to do now. The driver calls `handleTimeout` at `until` at the latest. */
export interface Wait {
  readonly kind: 'wait';
  readonly until: Instant;
}

export type Output<Event> = Transmit | SocketOpen | SocketClose | EventOutput<Event> | Wait;

/**
 * What became of a `socket open`: where it is bound, or why not. Always delivered, before any datagram of that socket. A tunnel that
 * has broken is told so by a second one, `closed`.
 */
export type SocketOutcome =
  | { readonly ok: true; readonly local: Endpoint }
  | { readonly ok: false; readonly code: 'in-use' | 'limit' | 'unsupported' | 'denied' | 'closed' };

/**
 * Where a machine hands the data of the application on, one datagram each, in its turn: for so many there is neither an output nor an
 * event. It only takes them; the machine is not to be entered from there.
 */
export type DataSink = (path: number, bytes: Uint8Array, lane: number) => void;

export interface Machine<Command, Event> {
  /** From here on data goes there. A machine that carries none has no such call; one without a sink tells data by events. */
  dataTo?(sink: DataSink): void;
  handleDatagram(now: Instant, socket: SocketId, from: Endpoint, bytes: Uint8Array): void;
  handleSocket(now: Instant, socket: SocketId, outcome: SocketOutcome): void;
  handleTimeout(now: Instant): void;
  handleCommand(now: Instant, command: Command): void;
  poll(): Output<Event>;
}

/** Socket names are unique in a participant: a parent machine hands one counter to all its children. */
export interface SocketIds {
  next(): SocketId;
}

export function socketIds(first: SocketId = 1): SocketIds {
  let id = first;
  return { next: () => id++ };
}
