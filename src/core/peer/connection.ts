/**
 * What two participants have in common once they are through: the keys of one handshake, with one sequence and one replay window a
 * direction, and the paths between them. Datagrams go over the `current` path; a connection without one is over.
 *
 * `ask` is the consent check (RFC 7675: every 5 s, a path dies 30 s after the last answer), the measure of the round trip, the
 * keepalive (5 s is below every mapping life-time seen) and, sent to an address that has just turned up, the challenge that must be
 * answered *from there* before that becomes a path of its own and takes the other's place (SECURITY.md row 8).
 */
import { type Endpoint, sameEndpoint } from '../address.ts';
import { equalBytes, passingBytes, Writer } from '../bytes.ts';
import { type Instant, NEVER, type SocketId } from '../contract.ts';
import { assert } from '../errors.ts';
import type { PathKind } from '../model/pair.ts';
import type { Random } from '../random.ts';
import type { CryptoSuite } from '../secure/crypto.ts';
import type { SecureSession } from '../secure/session.ts';
import { WIRE } from '../wire/first-byte.ts';
import type { Agenda, Alarm } from './agenda.ts';
import { PEER_LIMITS } from './limits.ts';
import {
  DATAGRAM_KIND as KIND,
  LEAVE_CODE,
  LEAVE_REASONS,
  type LeaveReason,
  PATH_HEADER_BYTES,
  PATH_OVERHEAD_BYTES,
  PATH_PHASES,
  PATH_SEQUENCE_AT,
  type Path,
  type PathState,
  payloadBytesMax,
  sequenceOf,
} from './path.ts';

const TOKEN_BYTES = 8;

/** Where a connection puts what it sends and tells. */
export interface ConnectionPort {
  transmit(socket: SocketId, to: Endpoint, bytes: Uint8Array): void;
  message(bytes: Uint8Array, channel: number): void;
  event(now: Instant, event: ConnectionEvent): void;
  /** No path of the connection needs the socket any more. */
  free(socket: SocketId): void;
}

export type ConnectionEvent =
  | { readonly ev: 'too-large'; readonly bytes: number; readonly payloadBytesMax: number }
  | { readonly ev: 'over'; readonly reason: 'consent' | LeaveReason }
  | { readonly ev: 'rtt'; readonly rttMs: number }
  /** Nothing has come back for some seconds. `false`: it has recovered. */
  | { readonly ev: 'silent'; readonly silent: boolean }
  | { readonly ev: 'moved'; readonly remote: Endpoint };

export interface ConnectionConfig {
  readonly crypto: Pick<CryptoSuite, 'randomBytes'>;
  readonly random: Random;
  readonly agenda: Agenda;
  readonly session: SecureSession;
  /** 8 bytes. */
  readonly sid: Uint8Array;
  /** The path that was proven by the traversal. */
  readonly proven: {
    readonly kind: PathKind;
    readonly socket: SocketId;
    readonly remote: Endpoint;
    readonly rttMs: number;
  };
}

export class Connection {
  /** What is sent goes this way. Gone where the connection is over. */
  current: Path;
  private readonly config: ConnectionConfig;
  private readonly port: ConnectionPort;
  private paths: readonly Path[];
  /** The highest sequence that has come in. */
  private newest = -1;
  private alarm: Alarm | null = null;
  /** Header and plaintext of the datagram that is being sealed: the same bytes for all of them. */
  private readonly header: Writer;
  private readonly plaintext = new Uint8Array(PEER_LIMITS.pathMtuBytes);

  constructor(now: Instant, config: ConnectionConfig, port: ConnectionPort) {
    this.config = config;
    this.port = port;
    this.header = new Writer(PATH_HEADER_BYTES).u8(WIRE.path).raw(config.sid).u64(0);
    const { kind, socket, remote, rttMs } = config.proven;
    const first = pathOf(now, 'ready', { kind, socket, remote }, rttMs);
    this.current = first;
    this.paths = [first];
    this.rest(now, first);
  }

  get over(): boolean {
    return this.current.state === 'gone';
  }

  datagram(now: Instant, socket: SocketId, from: Endpoint, bytes: Uint8Array): void {
    const path = this.cameOver(socket, from);
    if (path === null || bytes.length < PATH_OVERHEAD_BYTES) return;
    const sequence = sequenceOf(bytes);
    if (sequence === null) return;
    const header = bytes.subarray(0, PATH_HEADER_BYTES);
    const plaintext = this.config.session.open(sequence, header, bytes.subarray(PATH_HEADER_BYTES));
    if (plaintext === null || plaintext.length === 0) return;
    // Only the newest datagram can tell of a move: an older one from elsewhere was merely late (RFC 9000 section 9.3).
    if (sequence > this.newest && !sameEndpoint(from, path.remote)) this.question(now, path, from);
    this.newest = Math.max(this.newest, sequence);
    path.heardAt = now;
    this.take(now, path, from, plaintext[0] as number, plaintext.subarray(1));
  }

  send(now: Instant, bytes: Uint8Array, channel: number): void {
    const path = this.current;
    if (this.over) return;
    const limit = path.payloadBytesMax;
    if (bytes.length > limit) {
      this.port.event(now, { ev: 'too-large', bytes: bytes.length, payloadBytesMax: limit });
    } else if (this.config.session.spent) {
      // After 2^32 datagrams the key is spent; a new session brings a new one.
      this.stop(now, 'consent');
      return;
    } else this.transmit(path, path.remote, channel === 0 ? KIND.data : KIND.channel + channel, bytes);
    // Games talk both ways all the time: who speaks and hears nothing asks at once, not only when the next check is due.
    if (path.tries === 0 && now - path.heardAt > PEER_LIMITS.pathQuietMs) this.check(now, path);
  }

  /** Tells the other side and stops. */
  leave(now: Instant, reason: LeaveReason): void {
    if (this.over) return;
    const body = Uint8Array.of(LEAVE_CODE[reason]);
    for (let n = 0; n < PEER_LIMITS.leaveCopies; n++)
      this.transmit(this.current, this.current.remote, KIND.leave, body);
    this.stop(now, reason);
  }

  /** The network of this computer has changed: lets the other side see our new address at once. */
  nudge(now: Instant): void {
    for (const path of this.paths) {
      if (path.state === 'proving') continue;
      path.tries = Math.min(path.tries, PEER_LIMITS.consentTriesMax - 1);
      this.check(now, path);
    }
  }

  /** The path that a datagram came over. From an address of none: the one whose other end may have moved there. */
  private cameOver(socket: SocketId, from: Endpoint): Path | null {
    let near: Path | null = null;
    for (const path of this.paths) {
      if (path.socket !== socket || path.state === 'proving') continue;
      if (sameEndpoint(path.remote, from)) return path;
      near ??= path;
    }
    return near;
  }

  private take(now: Instant, { socket }: Path, from: Endpoint, kind: number, body: Uint8Array): void {
    if (kind === KIND.data) this.port.message(body, 0);
    else if (kind > KIND.channel && kind < KIND.channel + PEER_LIMITS.pathChannelsMax)
      this.port.message(body, kind - KIND.channel);
    else if (kind === KIND.leave) this.stop(now, LEAVE_REASONS[body[0] ?? 0] ?? 'left');
    else if (body.length < TOKEN_BYTES) return;
    else if (kind === KIND.ask) this.transmit({ socket }, from, KIND.answer, body.subarray(0, TOKEN_BYTES));
    else if (kind === KIND.answer) this.answered(now, socket, from, body.subarray(0, TOKEN_BYTES));
  }

  private transmit({ socket }: Pick<Path, 'socket'>, to: Endpoint, kind: number, body: Uint8Array): void {
    const { session } = this.config;
    const { header, plaintext } = this;
    header.length = PATH_SEQUENCE_AT;
    header.u64(session.sequence);
    plaintext[0] = kind;
    plaintext.set(body, 1);
    const sealed = session.seal(header.buffer, plaintext.subarray(0, 1 + body.length));
    const bytes = passingBytes(PATH_HEADER_BYTES + sealed.length);
    bytes.set(header.buffer);
    bytes.set(sealed, PATH_HEADER_BYTES);
    this.port.transmit(socket, to, bytes);
  }

  private ask(now: Instant, path: Path): void {
    const token = this.config.crypto.randomBytes(TOKEN_BYTES);
    this.repeat(path, token);
    path.asked = [...path.asked, { token, at: now }].slice(-PEER_LIMITS.consentTriesMax);
  }

  private repeat(path: Path, token: Uint8Array): void {
    path.tries++;
    path.questions++;
    this.transmit(path, path.remote, KIND.ask, token);
  }

  private check(now: Instant, path: Path): void {
    if (path.tries < PEER_LIMITS.consentTriesMax) {
      this.ask(now, path);
      this.askAt(path, now + PEER_LIMITS.consentRepeatMs);
      return;
    }
    path.tries = 0;
    const triedMs = PEER_LIMITS.consentRepeatMs * PEER_LIMITS.consentTriesMax;
    this.askAt(path, now + this.jittered(PEER_LIMITS.consentEveryMs) - triedMs);
    // Answers may be lost among much else that arrives: then only the end of consent counts.
    if (path.state === 'ready' && now - path.heardAt > PEER_LIMITS.pathQuietMs) this.enter(now, path, 'sick');
  }

  /** RFC 7675 section 5.1: 0.8 to 1.2 of the interval, so that checks do not fall into step. */
  private jittered(ms: number): number {
    return ms * (0.8 + 0.4 * this.config.random.float());
  }

  private answered(now: Instant, socket: SocketId, from: Endpoint, token: Uint8Array): void {
    const path = this.paths.find((one) => one.socket === socket && sameEndpoint(one.remote, from));
    const asked = path?.asked.find((one) => equalBytes(one.token, token));
    if (path === undefined || asked === undefined) return;
    path.answers++;
    path.rttMs = now - asked.at;
    path.asked = [];
    path.tries = 0;
    if (path.state === 'proving') this.moveTo(now, path);
    else if (path.state === 'sick') this.enter(now, path, 'ready');
    this.rest(now, path);
    this.port.event(now, { ev: 'rtt', rttMs: path.rttMs });
  }

  /** Consent is fresh: the next check is due in 5 s. */
  private rest(now: Instant, path: Path): void {
    path.expiresAt = now + PEER_LIMITS.consentExpireMs;
    this.askAt(path, now + this.jittered(PEER_LIMITS.consentEveryMs));
  }

  /** An authentic datagram came from elsewhere: ask there, one address at a time, and stay where we are meanwhile. */
  private question(now: Instant, { kind, socket, rttMs }: Path, remote: Endpoint): void {
    if (this.paths.some(({ state }) => state === 'proving')) return;
    const path = pathOf(now, 'proving', { kind, socket, remote }, rttMs);
    this.paths = [...this.paths, path];
    this.ask(now, path);
    this.askAt(path, now + PEER_LIMITS.pathChallengeRepeatMs);
  }

  private questionAgain(now: Instant, path: Path): void {
    const [asked] = path.asked;
    if (path.tries >= PEER_LIMITS.pathChallengeTriesMax || asked === undefined) this.enter(now, path, 'gone');
    else {
      this.repeat(path, asked.token);
      this.askAt(path, now + PEER_LIMITS.pathChallengeRepeatMs);
    }
  }

  /** The other side has answered from its new address: what led to the old one leads nowhere any more. */
  private moveTo(now: Instant, path: Path): void {
    const before = this.current;
    this.enter(now, path, 'ready');
    this.enter(now, before, 'gone');
    this.port.event(now, { ev: 'moved', remote: path.remote });
  }

  private enter(now: Instant, path: Path, state: PathState): void {
    assert(state in PATH_PHASES[path.state], `a path goes from ${path.state} to ${state}`);
    const wasSick = this.current.state === 'sick';
    path.state = state;
    path.since = now;
    if (state === 'gone') this.paths = this.paths.filter((one) => one !== path);
    const best = (wanted: PathState): Path | undefined => this.paths.find((one) => one.state === wanted);
    this.current = best('ready') ?? best('sick') ?? this.current;
    if (state === 'gone' && !this.paths.some(({ socket }) => socket === path.socket)) this.port.free(path.socket);
    const isSick = this.current.state === 'sick';
    if (wasSick !== isSick && !this.over) this.port.event(now, { ev: 'silent', silent: isSick });
  }

  private askAt(path: Path, at: Instant): void {
    path.askAt = at;
    this.wake();
  }

  private wake(): void {
    this.alarm?.cancel();
    const due = this.paths.map(({ askAt, expiresAt }) => Math.min(askAt, expiresAt));
    this.alarm = this.over ? null : this.config.agenda.at(Math.min(...due), (now) => this.due(now));
  }

  private due(now: Instant): void {
    for (const path of this.paths) {
      if (path.state === 'gone') continue;
      if (path.expiresAt <= now) this.expire(now, path);
      else if (path.askAt > now) continue;
      else if (path.state === 'proving') this.questionAgain(now, path);
      else this.check(now, path);
    }
    this.wake();
  }

  private expire(now: Instant, path: Path): void {
    const others = this.paths.some((one) => one !== path && one.state !== 'proving');
    if (others) this.enter(now, path, 'gone');
    else this.stop(now, 'consent');
  }

  private stop(now: Instant, reason: 'consent' | LeaveReason): void {
    if (this.over) return;
    this.alarm?.cancel();
    for (const path of this.paths) this.enter(now, path, 'gone');
    this.port.event(now, { ev: 'over', reason });
  }
}

function pathOf(now: Instant, state: PathState, where: Pick<Path, 'kind' | 'socket' | 'remote'>, rttMs: number): Path {
  return {
    ...{ ...where, payloadBytesMax: payloadBytesMax(where.remote), state, since: now, rttMs },
    ...{ heardAt: now, questions: 0, answers: 0, asked: [], tries: 0, askAt: NEVER, expiresAt: NEVER },
  };
}
