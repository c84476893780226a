/**
 * The control ports: opens what is sealed, judges where it comes from, seals what goes out, repeats pushes.
 *
 * Where from (SECURITY.md rows 2, 8): an address counts only after something that the master sent there has come back. The
 * first sealed packet proves the address of the HELLO, because it needs the ACCEPT that went there. Anything from another
 * address is answered with nothing but an 8-byte challenge, never larger than what came; pushes keep going to the old place
 * until the challenge is answered from the new one.
 *
 * Whoever was at an address may have left it, and go on asking for what is pushed there. So a push goes out once on trust and is
 * repeated once; more only after its receiver was heard. Where nobody has been heard for 10 s it is not even sent: a challenge of
 * 42 bytes asks whether anybody is there, a few times, and what waits follows its answer.
 */
import { type Endpoint, familyOf, sameEndpoint } from '../address.ts';
import { Reader } from '../bytes.ts';
import type { Instant, SocketId } from '../contract.ts';
import { LIMITS } from '../limits.ts';
import { allowAt } from '../rate/pace.ts';
import type { CryptoSuite } from '../secure/crypto.ts';
import {
  CHALLENGE_BYTES,
  CONTROL_HEADER_BYTES,
  cidNumber,
  FRAME,
  readControlHeader,
  readRequestFrame,
  writeChallengeFrame,
  writeControlHeader,
  writePushFrame,
  writeResponseFrame,
} from '../wire/datagrams.ts';
import type { Push, Request, Response } from '../wire/messages.ts';
import type { Counters } from './counters.ts';
import { MASTER_LIMITS } from './limits.ts';
import type { MasterSession, PendingPush, ProvenAddress } from './session.ts';
import type { Sessions } from './sessions.ts';
import { Wheel } from './wheel.ts';

/** Header, frame byte, token, tag: no datagram smaller than this is answered with a challenge. */
const CHALLENGE_DATAGRAM_BYTES = CONTROL_HEADER_BYTES + 1 + CHALLENGE_BYTES + 16;

export interface ControlParts {
  readonly suite: CryptoSuite;
  readonly sessions: Sessions;
  readonly counters: Counters;
  transmit(socket: SocketId, to: Endpoint, bytes: Uint8Array): void;
  /** The control socket with the same port at an address of this family; itself where it is of this family. */
  twin(socket: SocketId, family: 4 | 6): SocketId;
  /** What a request does, and what is answered. */
  handle(now: Instant, session: MasterSession, from: Endpoint, request: Request, id: number): Response;
  confirmed(now: Instant, session: MasterSession): void;
}

interface Repeat {
  readonly session: MasterSession;
  readonly push: PendingPush;
}

export class Control {
  private readonly parts: ControlParts;
  private readonly repeats = new Wheel<Repeat>(50, 64);

  constructor(parts: ControlParts) {
    this.parts = parts;
  }

  receive(now: Instant, socket: SocketId, from: Endpoint, bytes: Uint8Array): void {
    const { sessions, counters } = this.parts;
    const control = readControlHeader(bytes);
    if (control === null) {
      counters.drop('control-malformed');
      return;
    }
    const session = sessions.find(cidNumber(control.cid));
    // A participant with both families has one session; its other family comes in at the twin of the session's socket.
    if (session === null || this.parts.twin(session.socket, familyOf(from.address)) !== socket) {
      counters.drop('control-unknown');
      return;
    }
    const plaintext = session.open(control.sequence, control.header, control.sealed);
    if (plaintext === null) {
      counters.drop('control-forged');
      return;
    }
    counters.controls++;
    if (!isAwaited(session, plaintext) && this.overLimit(now, session)) {
      counters.limit('control');
      return;
    }
    if (session.path === null && from.address === session.from.address) this.confirm(now, session, from);
    this.frame(now, session, from, new Reader(plaintext), bytes.length);
  }

  /** Queues a push and sends it; false where the session has too many under way, or none at all any more. */
  push(now: Instant, session: MasterSession, message: Push): boolean {
    const push = session.over || session.path === null ? null : session.queuePush(message);
    if (push === null) {
      this.parts.counters.limit('pushes');
      return false;
    }
    this.repeats.add(now, { session, push }, this.sendPush(now, session, push));
    return true;
  }

  /** Repeats what was not acknowledged. */
  advance(now: Instant): void {
    this.repeats.advance(now, (repeat) => {
      const { session, push } = repeat;
      if (session.over || session.pushes?.get(push.id) !== push) return null;
      if (now < push.dueAt) return push.dueAt;
      if (push.tries < LIMITS.requestTriesMax) return this.sendPush(now, session, push);
      session.pushDone(push.id);
      this.parts.counters.drop('push-unanswered');
      return null;
    });
  }

  next(): Instant {
    return this.repeats.next();
  }

  private frame(now: Instant, session: MasterSession, from: Endpoint, reader: Reader, size: number): void {
    const { counters } = this.parts;
    const frame = reader.u8();
    if (frame === FRAME.challengeAnswer) {
      this.challengeAnswered(now, session, from, reader);
      return;
    }
    const proof = session.proofOf(from.address);
    if (frame === FRAME.pushAck) {
      const [id, stamp] = [reader.u16(), reader.u32()];
      if (!reader.ok || proof === null) {
        counters.drop('control-frame');
        return;
      }
      session.heardAt = Math.floor(now);
      session.pushDone(id);
      this.heard(now, session, proof, stamp);
      return;
    }
    const request = frame === FRAME.request ? readRequestFrame(reader) : null;
    if (request === null) {
      counters.drop('control-frame');
      return;
    }
    if (proof !== null) this.heard(now, session, proof, request.stamp);
    if (proof === null || now - proof.provenAt > MASTER_LIMITS.proofMsMax || isSilent(now, proof)) {
      counters.drop('control-unproven');
      this.challenge(now, session, from, !request.via, size);
      return;
    }
    session.heardAt = Math.floor(now);
    const strays = !request.via && session.path !== null && !sameEndpoint(session.path, from);
    if (strays) this.challenge(now, session, from, true, size);
    const response = this.parts.handle(now, session, from, request.message, request.id);
    if (session.over) return;
    const stamp = session.stampFor(now, this.parts.suite, proof);
    this.send(session, from, writeResponseFrame(request.id, stamp, response));
  }

  private confirm(now: Instant, session: MasterSession, from: Endpoint): void {
    this.parts.sessions.confirm(now, session, from);
    this.parts.confirmed(now, session);
  }

  private challenge(now: Instant, session: MasterSession, to: Endpoint, moves: boolean, size: number): void {
    if (size < CHALLENGE_DATAGRAM_BYTES) return;
    this.parts.counters.challenges++;
    const { token } = session.challenge(to, moves, this.parts.suite);
    session.heardAt = session.path === null ? session.heardAt : Math.floor(now);
    this.send(session, to, writeChallengeFrame(FRAME.challenge, token));
  }

  private challengeAnswered(now: Instant, session: MasterSession, from: Endpoint, reader: Reader): void {
    const challenge = session.answered(from, reader.take(CHALLENGE_BYTES));
    if (challenge === null) {
      this.parts.counters.drop('control-frame');
      return;
    }
    if (session.path === null) this.confirm(now, session, from);
    session.prove(now, from.address);
    session.heardAt = Math.floor(now);
    if (challenge.moves) session.path = from;
    this.resume(now, session, from.address);
  }

  /** Something has come from there, and what waited for that goes out at once. */
  private heard(now: Instant, session: MasterSession, proof: ProvenAddress, stamp: number): void {
    session.stamped(now, proof, stamp);
    if (proof.unheard === null) this.resume(now, session, proof.address);
  }

  private resume(now: Instant, session: MasterSession, address: string): void {
    if (session.path?.address !== address) return;
    for (const push of session.pushes?.values() ?? []) {
      // Held back, or lost; one that has just been sent for the first time may still be on its way.
      if (push.tries > push.sent) push.dueAt = this.sendPush(now, session, push);
    }
  }

  /** Sends it as far as that is allowed, and answers when to look at it again. */
  private sendPush(now: Instant, session: MasterSession, push: PendingPush): Instant {
    const pause = LIMITS.requestRepeatMs[Math.min(push.tries, LIMITS.requestRepeatMs.length - 1)] as number;
    push.tries++;
    push.dueAt = now + pause;
    const { path } = session;
    const proof = path && session.proofOf(path.address);
    if (path === null || !proof) return push.dueAt;
    if (this.mayPush(now, session, proof, push)) {
      push.sent++;
      const stamp = session.stampFor(now, this.parts.suite, proof);
      this.send(session, path, writePushFrame(push.id, stamp, push.message));
    } else this.askWhetherThere(now, session, path, proof);
    return push.dueAt;
  }

  private mayPush(now: Instant, session: MasterSession, proof: ProvenAddress, push: PendingPush): boolean {
    if (isSilent(now, proof) || now - proof.provenAt > MASTER_LIMITS.proofMsMax) return false;
    const unheard = session.unheard(now, this.parts.suite, proof);
    if (push.sent === 0) return unheard.pushes++ < MASTER_LIMITS.pushesMax;
    return unheard.repeats++ < MASTER_LIMITS.pushRepeatsUnheardMax;
  }

  private askWhetherThere(now: Instant, session: MasterSession, path: Endpoint, proof: ProvenAddress): void {
    if (session.unheard(now, this.parts.suite, proof).challenges++ >= MASTER_LIMITS.challengesUnheardMax) return;
    this.parts.counters.challenges++;
    const { token } = session.challenge(path, false, this.parts.suite);
    this.send(session, path, writeChallengeFrame(FRAME.challenge, token));
  }

  private send(session: MasterSession, to: Endpoint, plaintext: Uint8Array): void {
    if (session.over) return;
    const header = writeControlHeader(session.cid, session.sequence);
    const sealed = session.seal(header, plaintext);
    const datagram = new Uint8Array(header.length + sealed.length);
    datagram.set(header);
    datagram.set(sealed, header.length);
    this.parts.transmit(this.parts.twin(session.socket, familyOf(to.address)), to, datagram);
  }

  /** 50/s, burst 100, per session; ten times that for long ends it (docs/reference/security.md §3.4). */
  private overLimit(now: Instant, session: MasterSession): boolean {
    const next = allowAt(session.controlFullAt, Math.floor(now), MASTER_LIMITS.controlRate);
    if (next !== null) {
      session.controlFullAt = next;
      session.overLimit = Math.max(0, session.overLimit - 1);
      return false;
    }
    session.overLimit++;
    if (session.overLimit > MASTER_LIMITS.controlOverMax) this.parts.sessions.close(session);
    return true;
  }
}

/**
 * The acknowledgement of a push that waits for it: as many as we have sent ourselves, so they count for nothing. A host that is asked for
 * joins as fast as it may be (30/s) acknowledges and answers each of them, which is more than a session may say.
 */
function isAwaited(session: MasterSession, plaintext: Uint8Array): boolean {
  if (plaintext[0] !== FRAME.pushAck || plaintext.length < 3) return false;
  return session.pushes?.has(new Reader(plaintext.subarray(1)).u16()) === true;
}

function isSilent(now: Instant, proof: ProvenAddress): boolean {
  return now - proof.heardAt > MASTER_LIMITS.pushSilentMs;
}
