/** The table of proven paths of a peer: makes them out of what a session found, and tells the application what becomes of them. */

import type { Endpoint } from '../address.ts';
import { toHex } from '../bytes.ts';
import type { Instant, SocketId } from '../contract.ts';
import type { PathKind } from '../model/pair.ts';
import type { SecureSession } from '../secure/session.ts';
import type { PeerContext } from './context.ts';
import type { FriendId, JoinId, PathId } from './interface.ts';
import { PEER_LIMITS } from './limits.ts';
import { type LeaveReason, PathMachine, type PathMachineEvent, payloadBytesMax } from './path.ts';

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
  readonly socket: SocketId;
  readonly from: Endpoint;
  readonly bytes: Uint8Array;
}

interface Entry {
  readonly id: PathId;
  readonly machine: PathMachine;
  readonly found: NewPath;
  readonly owner: PathOwner;
}

export class Paths {
  private readonly context: PeerContext;
  private readonly entries = new Map<PathId, Entry>();
  private nextId: PathId = 1;
  private early: readonly Early[] = [];

  constructor(context: PeerContext) {
    this.context = context;
  }

  get size(): number {
    return this.entries.size;
  }

  add(now: Instant, found: NewPath, owner: PathOwner): PathId {
    const { config, nest, out } = this.context;
    const { session, sid, socket, remote, rttMs } = found;
    const machine = new PathMachine({
      crypto: config.crypto,
      random: config.random,
      session,
      sid: sid.subarray(0, 8),
      socket,
      remote,
      rttMs,
    });
    const entry: Entry = { id: this.nextId++, machine, found, owner };
    this.entries.set(entry.id, entry);
    nest.add(machine, (at, event) => this.handle(at, entry, event));
    if (!this.context.isShared(socket)) nest.assign(socket, machine);
    nest.command(now, machine, { do: 'start' });
    const { join, friend, instance, kind, local, elapsedMs, attempts, packetsSent, words } = found;
    out.event({
      ...{
        ev: 'path',
        path: entry.id,
        join,
        friend,
        instance,
        kind,
        socket,
        local,
        remote,
        rttMs,
        elapsedMs,
        attempts,
        packetsSent,
        words,
      },
      payloadBytesMax: payloadBytesMax(remote),
    });
    this.replay(now, found);
    return entry.id;
  }

  /** Tells the other side no on a path that has just been proven; the application never hears of it. */
  turnAway(now: Instant, { session, sid, socket, remote, rttMs }: NewPath, reason: LeaveReason): void {
    const { config, nest } = this.context;
    const { crypto, random } = config;
    const machine = new PathMachine({ crypto, random, session, sid: sid.subarray(0, 8), socket, remote, rttMs });
    nest.add(machine, () => {});
    if (!this.context.isShared(socket)) nest.assign(socket, machine);
    nest.command(now, machine, { do: 'start' });
    nest.command(now, machine, { do: 'leave', reason });
    nest.pump(now);
    nest.remove(machine);
  }

  /** Of a datagram that starts like one of a path: true where it was for one of ours. */
  datagram(now: Instant, socket: SocketId, from: Endpoint, bytes: Uint8Array): boolean {
    for (const { machine, found } of this.entries.values()) {
      if (found.socket !== socket || !startsWithSid(bytes, found.sid)) continue;
      this.context.nest.datagramTo(now, machine, socket, from, bytes);
      return true;
    }
    // The first data of a join often overtakes the last proof. Only with the id of a session that runs, and only so many.
    if (this.context.sessions.has(toHex(bytes.subarray(1, 9)))) {
      this.early = [...this.early, { socket, from, bytes }].slice(-PEER_LIMITS.pathEarlyMax);
    }
    return false;
  }

  /** After the `path` event, so that nobody hears data of a path not yet told. */
  private replay(now: Instant, { socket, sid }: NewPath): void {
    const { early } = this;
    this.early = early.filter((one) => !startsWithSid(one.bytes, sid));
    for (const one of early) {
      if (one.socket === socket && startsWithSid(one.bytes, sid)) this.datagram(now, socket, one.from, one.bytes);
    }
  }

  send(now: Instant, path: PathId, bytes: Uint8Array, channel: number): void {
    const entry = this.entries.get(path);
    if (entry !== undefined) this.context.nest.command(now, entry.machine, { do: 'send', bytes, channel });
  }

  leave(now: Instant, path: PathId, reason: LeaveReason): void {
    const entry = this.entries.get(path);
    if (entry !== undefined) this.context.nest.command(now, entry.machine, { do: 'leave', reason });
    this.context.nest.pump(now);
  }

  /**
   * The application takes the socket: the other side is told, nothing of ours is sent on it any more. Not where several paths
   * share it.
   */
  release(now: Instant, path: PathId): void {
    const entry = this.entries.get(path);
    if (entry === undefined || this.context.isShared(entry.found.socket)) return;
    this.context.nest.assign(entry.found.socket, null);
    this.leave(now, path, 'released');
    this.context.out.release(entry.found.socket);
  }

  /** The addresses of this computer have changed. */
  nudge(now: Instant): void {
    for (const { machine } of this.entries.values()) this.context.nest.command(now, machine, { do: 'nudge' });
  }

  leaveAll(now: Instant, reason: LeaveReason): void {
    for (const id of [...this.entries.keys()]) this.leave(now, id, reason);
  }

  private handle(now: Instant, entry: Entry, event: PathMachineEvent): void {
    const { out, log } = this.context;
    const path = entry.id;
    const { join } = entry.found;
    switch (event.ev) {
      case 'message':
        out.event({ ...event, path });
        break;
      case 'too-large':
        out.event({ ...event, path });
        break;
      case 'silent':
        log(join, event.silent ? 'path-silent' : 'path-answers-again', { path });
        entry.owner.pathSilent(now, path, event.silent);
        break;
      case 'moved':
        log(join, 'path-moved', { path, address: event.remote.address, port: event.remote.port });
        break;
      case 'over':
        this.over(now, entry, event.reason);
        break;
      case 'rtt':
        out.event({ ev: 'rtt', path, rttMs: event.rttMs });
    }
  }

  private over(now: Instant, entry: Entry, end: PathEnd): void {
    const { nest, out } = this.context;
    this.entries.delete(entry.id);
    nest.pump(now);
    nest.remove(entry.machine);
    out.event({ ev: 'path-lost', path: entry.id, reason: end, punchingAgain: entry.owner.punchesAgain(end) });
    entry.owner.pathOver(now, entry.id, end);
  }
}

function startsWithSid(bytes: Uint8Array, sid: Uint8Array): boolean {
  for (let n = 0; n < 8; n++) if (bytes[1 + n] !== sid[n]) return false;
  return true;
}
