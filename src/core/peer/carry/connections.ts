/**
 * The table of connections of a peer: leads every datagram to the one it is for by the label it begins with, and tells the
 * application what becomes of them. To the application a connection is one path, whatever ways it takes.
 */

import type { Endpoint } from '../../address.ts';
import { Connection } from '../../connection/connection.ts';
import type { LeaveReason } from '../../connection/datagram.ts';
import type { GameState } from '../../connection/game.ts';
import type { ConnectionEvent } from '../../connection/interface.ts';
import { CONNECTION_LIMITS } from '../../connection/limits.ts';
import type { Path } from '../../connection/path.ts';
import { SharedLine } from '../../connection/shared-line.ts';
import type { DataSink, Instant, SocketId } from '../../contract.ts';
import { assert } from '../../errors.ts';
import type { PathKind } from '../../model/pair.ts';
import type { Service } from '../../model/service.ts';
import { ConnectionKeys } from '../../secure/ratchet.ts';
import type { StreamCommand } from '../../streams/interface.ts';
import type { RelayGrant } from '../../wire/relay.ts';
import type { PeerContext } from '../base/context.ts';
import type { ConnectionId, FriendId, JoinId, PathView } from '../base/interface.ts';
import { PEER_LIMITS } from '../base/limits.ts';
import { NO_RELAY, type RelayId } from '../base/relay-choice.ts';
import type { EndToEnd } from '../keys/handshake.ts';
import { Relayed } from '../reach/relaying.ts';
import { CarriedStreams } from './carried.ts';
import { Routes } from './routes.ts';

/** What a handshake has made, and who for. */
export interface Made {
  readonly keys: EndToEnd;
  readonly join: JoinId | null;
  readonly friend: FriendId;
  readonly instance: string;
  /** What is told as the time that it took counts from here. */
  readonly since: Instant;
  /** Of the host, where it is at the other end. */
  readonly services: readonly Service[];
}

/** What a session has found. */
export interface Found {
  readonly kind: PathKind;
  readonly socket: SocketId;
  readonly remote: Endpoint;
  readonly rttMs: number;
  readonly attempts: number;
  readonly packetsSent: number;
}

export type ConnectionEnd = 'consent' | LeaveReason;

/** What the join or hosting behind a connection wants to know of it. */
export interface ConnectionOwner {
  /** Its first path is ready. False: there is no room for it any more, and the other side is told so. */
  connectionUp(now: Instant, path: ConnectionId): boolean;
  /** Will it look for a new path after such an end? */
  punchesAgain(end: ConnectionEnd): boolean;
  connectionOver(now: Instant, path: ConnectionId, end: ConnectionEnd): void;
  /** A further path should be looked for, or not any more. */
  connectionWanting(now: Instant, path: ConnectionId, wanting: boolean): void;
}

/** Is it known to the application? `discarded`: given up by whoever owns it before it was. */
type Phase = 'coming' | 'told' | 'discarded';

/** Which phase may follow which, and when. @drawn in docs/states.md */
export const CARRIED_PHASES = {
  coming: {
    told: 'it has its first path',
    discarded: 'its knock, visit or attempt is over, or there is no room for it any more',
  },
  told: {},
  discarded: {},
} as const satisfies Record<Phase, Partial<Record<Phase, string>>>;

interface Entry {
  readonly id: ConnectionId;
  readonly connection: Connection;
  readonly made: Made;
  readonly owner: ConnectionOwner;
  readonly streams: CarriedStreams;
  /** The way through a relay, where there is one. */
  relayed: Relayed | null;
  /** Goes through it by another tunnel. */
  throughAgain: ((now: Instant) => void) | null;
  /** Which way the application was told of last; null before the first. */
  toldWay: Path | null;
  phase: Phase;
  cost: Pick<Found, 'attempts' | 'packetsSent'>;
}

export class Connections {
  private readonly context: PeerContext;
  private readonly entries = new Map<ConnectionId, Entry>();
  private readonly relayed = new Map<SocketId, Relayed>();
  private readonly routes = new Routes();
  private readonly line = new SharedLine();
  /** Who takes the data; null: it is told as events. */
  sink: DataSink | null = null;
  /** Sockets that the application takes: they are not closed when their path is gone. */
  private readonly releasing = new Set<SocketId>();
  private nextId: ConnectionId = 1;

  constructor(context: PeerContext) {
    this.context = context;
  }

  /** Both sides have the keys; the first path is still to be found. */
  open(now: Instant, made: Made, owner: ConnectionOwner): ConnectionId {
    const id = this.nextId++;
    const { config, agenda, out } = this.context;
    const { crypto, random } = config;
    const keys = new ConnectionKeys(crypto, made.keys.connection, now);
    const connection: Connection = new Connection(
      { crypto, random, agenda, keys, line: this.line },
      {
        transmit: (from, to, bytes) => out.transmit(from, to, bytes),
        message: (bytes, lane) => {
          connection.tally.received++;
          if (this.sink === null) out.event({ ev: 'message', path: id, bytes, channel: lane });
          else this.sink(id, bytes, lane);
        },
        frames: (at, body) => entry.streams.receive(at, body),
        event: (at, event) => this.handle(at, entry, event),
        free: (at, socket) => this.free(at, socket),
        // Labels are 64 bits of a hash: one that is taken stays with whoever had it.
        listen: (label, n) => this.routes.listen(label, id, n),
        deaf: (label) => this.routes.deaf(label, id),
      },
    );
    const cost = { attempts: 0, packetsSent: 0 };
    const entry: Entry = {
      id,
      connection,
      made,
      owner,
      streams: new CarriedStreams(this.context, id, connection, made.join !== null),
      relayed: null,
      throughAgain: null,
      toldWay: null,
      phase: 'coming',
      cost,
    };
    this.entries.set(id, entry);
    return id;
  }

  /** A way that has been proven; the socket is not the traversal's any more. */
  add(now: Instant, path: ConnectionId, found: Found): void {
    const entry = this.entries.get(path);
    if (entry === undefined) return;
    const { nest } = this.context;
    const { kind, socket, remote, rttMs, attempts, packetsSent } = found;
    if (!this.context.isShared(socket)) nest.assign(socket, null);
    entry.cost = { attempts, packetsSent };
    entry.connection.add(now, { kind, socket, remote, via: null }, rttMs);
  }

  /** A way that is still to be proven, by the connection itself; nothing where it has one over IPv6. */
  addBeside(now: Instant, path: ConnectionId, { socket, remote }: Pick<Found, 'socket' | 'remote'>): void {
    const connection = this.entries.get(path)?.connection;
    if (connection?.has('ipv6') === false) connection.add(now, { kind: 'ipv6', socket, remote, via: null }, null);
  }

  /** The connection may go through this relay as well: at once, and whenever nothing better works. */
  relay(now: Instant, path: ConnectionId, id: RelayId, grant: RelayGrant | null): void {
    if (id === NO_RELAY || grant === null) return;
    this.context.agenda.at(now + this.context.relays.headStartMs(id), (at) => this.goThrough(at, path, id, grant));
  }

  /** The way through a relay that stands in the connection, though it may be sick, stays until the new one takes its place. */
  private goThrough(now: Instant, path: ConnectionId, id: RelayId, grant: RelayGrant): void {
    const entry = this.entries.get(path);
    const found = this.context.relays.find(id);
    if (entry === undefined) return;
    if (found === null) {
      entry.throughAgain = (at) => this.goThrough(at, path, id, grant);
      return;
    }
    if (entry.relayed !== null && !entry.connection.uses(entry.relayed.socket)) this.stopRelayed(now, entry);
    const { place, at: relay } = found;
    const again = (at: Instant): void => {
      this.context.agenda.at(at + PEER_LIMITS.brokenRestMs, (later) => this.goThrough(later, path, id, grant));
    };
    const relayed: Relayed = new Relayed(this.context, {
      ...{ relay, grant },
      bound: (at, socket) => {
        const way = { kind: 'relay', socket, remote: relay, via: place.name } as const;
        // Told again when the other side has come, and after it was lost.
        if (!entry.connection.askNow(at, socket)) entry.connection.add(at, way, null);
      },
      lost: (at, socket) => entry.connection.unbound(at, socket),
      failed: again,
    });
    entry.relayed = relayed;
    entry.throughAgain = again;
    this.relayed.set(relayed.socket, relayed);
  }

  /** The master has told which relays there are: whoever waits for one that was not known yet goes through it. */
  relaysNamed(now: Instant): void {
    for (const { relayed, throughAgain } of [...this.entries.values()]) if (relayed === null) throughAgain?.(now);
  }

  /** A tunnel has broken: the connection stays, and gets another one. False: it was none of ours. */
  broken(now: Instant, socket: SocketId): boolean {
    const relayed = this.relayed.get(socket);
    const entry = [...this.entries.values()].find((one) => one.relayed === relayed);
    if (relayed === undefined || entry === undefined) return false;
    this.relayed.delete(socket);
    relayed.broken(now);
    entry.throughAgain?.(now);
    return true;
  }

  /** What a relay says itself. */
  relaySays(now: Instant, socket: SocketId, from: Endpoint, bytes: Uint8Array): void {
    this.relayed.get(socket)?.datagram(now, from, bytes);
  }

  /** Given up before it was up: nobody hears of it. */
  discard(now: Instant, path: ConnectionId): void {
    const entry = this.entries.get(path);
    if (entry?.phase !== 'coming') return;
    enter(entry, 'discarded');
    entry.connection.leave(now, 'left');
  }

  private forget(now: Instant, entry: Entry): void {
    this.entries.delete(entry.id);
    this.stopRelayed(now, entry);
  }

  private stopRelayed(now: Instant, entry: Entry): void {
    const { relayed } = entry;
    if (relayed === null) return;
    entry.relayed = null;
    entry.connection.drop(now, relayed.socket);
    this.relayed.delete(relayed.socket);
    relayed.stop(now);
  }

  /** Is there a path to rely on? */
  works(path: ConnectionId): boolean {
    return this.entries.get(path)?.connection.silent === false;
  }

  /** Does a relay stand by, or carry it? */
  isRelayed(path: ConnectionId): boolean {
    return (
      this.entries.get(path)?.connection.paths.some(({ kind, state }) => kind === 'relay' && state === 'ready') ?? false
    );
  }

  /** A datagram that starts like one of a connection. */
  datagram(now: Instant, socket: SocketId, from: Endpoint, bytes: Uint8Array): void {
    const route = this.routes.of(bytes);
    if (route === null) return;
    const source = this.relayed.size === 0 ? from : (this.relayed.get(socket)?.sourceOf(from) ?? from);
    this.entries.get(route.path)?.connection.datagram(now, socket, source, route.n, bytes);
  }

  send(now: Instant, path: ConnectionId, bytes: Uint8Array, channel: number): void {
    this.entries.get(path)?.connection.send(now, bytes, channel);
  }

  sayGame(now: Instant, path: ConnectionId, service: number, state: GameState): void {
    this.entries.get(path)?.connection.sayGame(now, service, state);
  }

  /** Of a connection that is not up: its streams have been reset, or there were none. */
  stream(now: Instant, path: ConnectionId, command: StreamCommand): void {
    const entry = this.entries.get(path);
    if (entry?.phase === 'told') entry.streams.obey(now, command);
    else if (command.do === 'stream-open')
      this.context.out.event({ ev: 'stream-reset', path, stream: command.stream, why: 'lost' });
  }

  leave(now: Instant, path: ConnectionId, reason: LeaveReason): void {
    this.entries.get(path)?.connection.leave(now, reason);
  }

  /**
   * The application takes the socket of a direct path: the other side is told, nothing of ours is sent on it any more. Not where several
   * paths share it.
   */
  release(now: Instant, path: ConnectionId): void {
    const { connection } = this.entries.get(path) ?? {};
    const ways = connection?.paths.filter((way) => this.isReleasable(way)) ?? [];
    const way = ways.find((one) => one === connection?.current) ?? ways[0];
    if (way === undefined) return;
    this.releasing.add(way.socket);
    this.leave(now, path, 'released');
  }

  private isReleasable({ kind, state, socket }: Path): boolean {
    return kind !== 'relay' && state === 'ready' && !this.context.isShared(socket);
  }

  /** Tells what a connection that is up has come to; the same is told of one that ends. */
  stats(path: ConnectionId): void {
    const entry = this.entries.get(path);
    if (entry?.phase === 'told') this.tellStats(entry);
  }

  private tellStats({ id, connection }: Entry): void {
    const { current, paths, tally } = connection;
    const { sent, received } = tally;
    const views = paths.map((way): PathView => {
      const { kind, state, socket, remote, via, rttMs, jitterMs, loss } = way;
      const releasable = this.isReleasable(way);
      return {
        ...{ kind, state, socket, remote, via, rttMs, jitterMs, loss, releasable },
        ...{ datagramBytes: way.mtu.bytes, carries: way === current },
      };
    });
    this.context.out.event({ ev: 'stats', path: id, sent, received, lost: tally.lost(paths), paths: views });
  }

  /** The addresses of this computer have changed. */
  nudge(now: Instant): void {
    for (const { connection } of this.entries.values()) connection.nudge(now);
    for (const relayed of this.relayed.values()) relayed.network(now);
  }

  leaveAll(now: Instant, reason: LeaveReason): void {
    for (const id of [...this.entries.keys()]) this.leave(now, id, reason);
  }

  private free(now: Instant, socket: SocketId): void {
    const relayed = this.relayed.get(socket);
    if (relayed !== undefined && ![...this.entries.values()].some((one) => one.relayed === relayed)) {
      // Another one has taken its place.
      this.relayed.delete(socket);
      relayed.stop(now);
      return;
    }
    if (this.releasing.delete(socket)) this.context.out.release(socket);
    else if (!this.context.isShared(socket) && !this.relayed.has(socket)) this.context.close(socket);
  }

  private handle(now: Instant, entry: Entry, event: ConnectionEvent): void {
    const { out, log } = this.context;
    const { id: path, owner } = entry;
    const { join } = entry.made;
    switch (event.ev) {
      case 'up':
        this.up(now, entry, event.path);
        break;
      case 'switched':
        this.switched(now, entry, event.path, event.from);
        entry.streams.switched(now, event.path.rttMs, event.from.state === 'sick' || event.from.state === 'gone');
        break;
      case 'too-large':
        out.event({ ...event, path });
        break;
      case 'rtt':
        this.tellWay(entry);
        out.event({ ...event, path });
        break;
      case 'upload':
        if (entry.phase === 'told') out.event({ ...event, path });
        break;
      case 'game':
        // Only a host has a game that friends wait for.
        if (join !== null && entry.phase === 'told') out.event({ ...event, path, join });
        break;
      case 'silent':
        log(join, event.silent ? 'path-silent' : 'path-answers-again', { path });
        if (!event.silent) entry.streams.revived(now);
        break;
      case 'relay-quiet':
        this.relayed.get(event.socket)?.check(now);
        break;
      case 'wanting':
      case 'content':
        owner.connectionWanting(now, path, event.ev === 'wanting');
        break;
      case 'over':
        if (!this.entries.has(path)) return;
        this.forget(now, entry);
        entry.streams.close(now);
        if (entry.phase === 'told') {
          this.tellStats(entry);
          out.event({ ev: 'path-lost', path, reason: event.reason, punchingAgain: owner.punchesAgain(event.reason) });
        }
        if (entry.phase !== 'discarded') owner.connectionOver(now, path, event.reason);
    }
  }

  private up(now: Instant, entry: Entry, first: Path): void {
    const { id: path, owner, made, cost } = entry;
    if (!owner.connectionUp(now, path)) {
      enter(entry, 'discarded');
      entry.connection.leave(now, 'full');
      return;
    }
    enter(entry, 'told');
    entry.toldWay = first;
    const { join, friend, instance, keys, since, services } = made;
    this.context.out.event({
      ...{ ev: 'path', path, join, friend, instance, ...this.shown(first), ...cost },
      ...{ elapsedMs: now - since, words: keys.words, services },
    });
  }

  private switched(now: Instant, entry: Entry, path: Path, from: Path): void {
    const { id, made } = entry;
    const { address, port } = path.remote;
    if (path.kind === from.kind) this.context.log(made.join, 'path-moved', { path: id, address, port });
    else this.context.log(made.join, 'path-switched', { path: id, from: from.kind, to: path.kind });
    // A relay that stood by may be out of reach like the way before it: whoever plays is told of what works, and not of what is tried.
    if (path.kind !== 'relay' || path.heardAt >= now) this.tellWay(entry);
  }

  /** Of the way that data takes now, where the application knows of another one. */
  private tellWay(entry: Entry): void {
    const { id, made, connection, toldWay } = entry;
    const { current } = connection;
    if (toldWay === null || current === null || current === toldWay) return;
    entry.toldWay = current;
    this.context.out.event({ ev: 'path-changed', path: id, join: made.join, ...this.shown(current) });
  }

  private shown(path: Path) {
    const { kind, socket, remote, rttMs, via } = path;
    const payloadBytesMax = CONNECTION_LIMITS.partedBytesMax;
    return { kind, socket, local: this.context.local(socket), remote, rttMs, payloadBytesMax, via };
  }
}

function enter(entry: Entry, phase: Phase): void {
  assert(phase in CARRIED_PHASES[entry.phase], `a carried connection goes from ${entry.phase} to ${phase}`);
  entry.phase = phase;
}
