/**
 * The table of connections of a peer, each with the paths it has: makes them out of what a session found, leads every datagram to the
 * one it is for, and tells the application what becomes of them. To the application a connection is one path, whatever way it takes.
 */

import type { Endpoint } from '../address.ts';
import type { Instant, SocketId } from '../contract.ts';
import type { PathKind } from '../model/pair.ts';
import type { SecureSession } from '../secure/session.ts';
import { Connection, type ConnectionEvent, type ConnectionPort } from './connection.ts';
import type { PeerContext } from './context.ts';
import type { FriendId, JoinId, PathId } from './interface.ts';
import { PEER_LIMITS } from './limits.ts';
import { type LeaveReason, sessionName, sessionOf } from './path.ts';

/** What a session found, and who for. */
export interface NewPath {
  readonly session: SecureSession;
  readonly sid: Uint8Array;
  readonly socket: SocketId;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly kind: PathKind;
  readonly join: JoinId | null;
  readonly friend: FriendId;
  readonly instance: string;
  readonly rttMs: number;
  readonly elapsedMs: number;
  readonly attempts: number;
  readonly packetsSent: number;
  /** Of the handshake behind it. */
  readonly words: string;
}

export type PathEnd = 'consent' | LeaveReason;

/** What the join or hosting behind a path wants to know of it. */
export interface PathOwner {
  /** Will it look for a new path after such an end? */
  punchesAgain(end: PathEnd): boolean;
  pathOver(now: Instant, path: PathId, end: PathEnd): void;
  pathSilent(now: Instant, path: PathId, silent: boolean): void;
}

/** A datagram of a path that the other side has proven already, but this side not yet. */
interface Early {
  readonly session: string;
  readonly socket: SocketId;
  readonly from: Endpoint;
  readonly bytes: Uint8Array;
}

interface Entry {
  readonly id: PathId;
  readonly connection: Connection;
  readonly found: NewPath;
  readonly owner: PathOwner;
}

export class Paths {
  private readonly context: PeerContext;
  private readonly entries = new Map<PathId, Entry>();
  /** By what a datagram says of itself: the session it names, and the socket it came in on. */
  private readonly routes = new Map<string, Connection>();
  /** Sockets that the application takes: they are not closed when their path is gone. */
  private readonly releasing = new Set<SocketId>();
  private nextId: PathId = 1;
  private early: readonly Early[] = [];

  constructor(context: PeerContext) {
    this.context = context;
  }

  add(now: Instant, found: NewPath, owner: PathOwner): PathId {
    const { out } = this.context;
    const id = this.nextId++;
    const connection: Connection = this.connect(now, found, {
      message: (bytes, channel) => out.event({ ev: 'message', path: id, bytes, channel }),
      event: (at, event) => this.handle(at, entry, event),
    });
    const entry: Entry = { id, connection, found, owner };
    this.entries.set(id, entry);
    const { join, friend, instance, kind, socket, local, remote, rttMs, elapsedMs, attempts, packetsSent } = found;
    out.event({
      ...{ ev: 'path', path: id, join, friend, instance, kind, socket, local, remote, rttMs, elapsedMs, attempts },
      ...{ packetsSent, words: found.words, payloadBytesMax: connection.current.payloadBytesMax },
    });
    this.replay(now, connection, sessionName(found.sid));
    return id;
  }

  /** Tells the other side no on a path that has just been proven; the application never hears of it. */
  turnAway(now: Instant, found: NewPath, reason: LeaveReason): void {
    this.connect(now, found, { message: () => {}, event: () => {} }).leave(now, reason);
  }

  /** A datagram that starts like one of a path. */
  datagram(now: Instant, socket: SocketId, from: Endpoint, bytes: Uint8Array): void {
    const session = sessionOf(bytes);
    const connection = this.routes.get(route(session, socket));
    if (connection !== undefined) connection.datagram(now, socket, from, bytes);
    // The first data of a join often overtakes the last proof. Only with the id of a session that runs, and only so many.
    else if (this.context.sessions.has(session))
      this.early = [...this.early, { session, socket, from, bytes }].slice(-PEER_LIMITS.pathEarlyMax);
  }

  send(now: Instant, path: PathId, bytes: Uint8Array, channel: number): void {
    this.entries.get(path)?.connection.send(now, bytes, channel);
  }

  leave(now: Instant, path: PathId, reason: LeaveReason): void {
    this.entries.get(path)?.connection.leave(now, reason);
  }

  /**
   * The application takes the socket: the other side is told, nothing of ours is sent on it any more. Not where several paths
   * share it.
   */
  release(now: Instant, path: PathId): void {
    const { socket } = this.entries.get(path)?.connection.current ?? {};
    if (socket === undefined || this.context.isShared(socket)) return;
    this.releasing.add(socket);
    this.leave(now, path, 'released');
  }

  /** The addresses of this computer have changed. */
  nudge(now: Instant): void {
    for (const { connection } of this.entries.values()) connection.nudge(now);
  }

  leaveAll(now: Instant, reason: LeaveReason): void {
    for (const id of [...this.entries.keys()]) this.leave(now, id, reason);
  }

  private connect(now: Instant, found: NewPath, told: Pick<ConnectionPort, 'message' | 'event'>): Connection {
    const { config, agenda, nest, out } = this.context;
    const { crypto, random } = config;
    const { session, kind, socket, remote, rttMs } = found;
    const name = sessionName(found.sid);
    const connection: Connection = new Connection(
      now,
      { crypto, random, agenda, session, sid: found.sid.subarray(0, 8), proven: { kind, socket, remote, rttMs } },
      {
        ...told,
        transmit: (from, to, bytes) => out.transmit(from, to, bytes),
        free: (freed) => this.free(connection, route(name, freed), freed),
      },
    );
    // From here on it is not the traversal's any more.
    if (!this.context.isShared(socket)) nest.assign(socket, null);
    const at = route(name, socket);
    // The id is drawn by the other side: one that is taken stays with whoever had it.
    if (!this.routes.has(at)) this.routes.set(at, connection);
    return connection;
  }

  private free(connection: Connection, at: string, socket: SocketId): void {
    if (this.routes.get(at) === connection) this.routes.delete(at);
    if (this.releasing.delete(socket)) this.context.out.release(socket);
    else if (!this.context.isShared(socket)) this.context.close(socket);
  }

  /** In a moment: nobody hears data of a path not yet told, and whoever adds it has to know it before what has come ends it. */
  private replay(now: Instant, connection: Connection, session: string): void {
    const own = this.early.filter((one) => one.session === session);
    if (own.length === 0) return;
    this.early = this.early.filter((one) => one.session !== session);
    this.context.agenda.at(now, (at) => {
      for (const { socket, from, bytes } of own) connection.datagram(at, socket, from, bytes);
    });
  }

  private handle(now: Instant, entry: Entry, event: ConnectionEvent): void {
    const { out, log } = this.context;
    const { id: path, owner } = entry;
    const { join } = entry.found;
    switch (event.ev) {
      case 'too-large':
      case 'rtt':
        out.event({ ...event, path });
        break;
      case 'silent':
        log(join, event.silent ? 'path-silent' : 'path-answers-again', { path });
        owner.pathSilent(now, path, event.silent);
        break;
      case 'moved':
        log(join, 'path-moved', { path, address: event.remote.address, port: event.remote.port });
        break;
      case 'over':
        this.entries.delete(path);
        out.event({ ev: 'path-lost', path, reason: event.reason, punchingAgain: owner.punchesAgain(event.reason) });
        owner.pathOver(now, path, event.reason);
    }
  }
}

function route(session: string, socket: SocketId): string {
  return session + String.fromCharCode(socket & 0xffff, socket >>> 16);
}
