/**
 * Participants by the ten thousand for the benchmarks of the masterserver: real handshakes, sealed sessions and datagrams over
 * one batched socket, each from an address of its own in 127.0.0.0/8 and in a /24 of its own as far as those last, so that the
 * limits per address stay out of the way. No state machine: what is lost is sent again by the loops here.
 */

import { type KeyPair, WIRE } from '../src/core/index.ts';
import {
  type Accept,
  CHALLENGE_BYTES,
  CONTROL_PROLOGUE,
  concat,
  FRAME,
  helloPayload,
  type NoiseInitiator,
  noiseInitiate,
  type Push,
  probeKey,
  RESUME_PROLOGUE,
  Reader,
  type Request,
  type Response,
  type Resumption,
  readAccept,
  readAcceptPayload,
  readControlHeader,
  readPush,
  readResponse,
  readRetry,
  resumeInitiate,
  resumePayload,
  resumptionOf,
  SecureSession,
  type TransportKeys,
  writeChallengeFrame,
  writeControlHeader,
  writeHello,
  writePushAckFrame,
  writeRequestFrame,
} from '../src/core/testing.ts';
import { nodeCrypto } from '../src/node/index.ts';
import { UdpBatch } from './udp-batch.ts';

export interface Target {
  readonly address: number;
  readonly port: number;
  readonly key: Uint8Array;
}

interface Ticket {
  readonly ticket: Uint8Array;
  readonly resumption: Resumption;
}

/** A participant with a confirmed session. */
export interface Guest {
  readonly index: number;
  readonly address: number;
  readonly keys: KeyPair;
  readonly session: SecureSession;
  readonly accept: Accept;
  readonly probeKey: Uint8Array;
  /** What the guest comes back with after a restart of the master. */
  readonly ticket: Ticket;
  stamp: number;
  /** When it last said something to the master. */
  spokeAt: number;
  nextId: number;
  code: string;
}

const GUEST_NETS = 60_000;

export function guestAddress(index: number): number {
  const net = index % GUEST_NETS;
  return 127 * 2 ** 24 + (1 + Math.floor(net / 250)) * 2 ** 16 + (net % 250) * 256 + 1 + Math.floor(index / GUEST_NETS);
}

function guestIndex(address: number): number {
  const net = ((address >> 16) & 255) * 250 - 250 + ((address >> 8) & 255);
  return net + ((address & 255) - 1) * GUEST_NETS;
}

interface Knocking {
  readonly index: number;
  readonly keys: KeyPair;
  readonly initiator: NoiseInitiator<TransportKeys>;
  /** Comes back by the ticket of a session that is gone. */
  readonly before: Guest | null;
  cookie: Uint8Array | null;
  sentAt: number;
  guest: Guest | null;
  guestAt: number;
}

/** A session that was answered and not used for so long is forgotten by the master: knock anew. */
const KNOCK_AGAIN_MS = 3_000;
const KNOCKS_WAITING = 64;
const KNOCKS_READY = 64;

function resume(ticket: Ticket): NoiseInitiator<TransportKeys> {
  const random = nodeCrypto.randomBytes(32);
  const payload = resumePayload(Date.now());
  return resumeInitiate(nodeCrypto, { prologue: RESUME_PROLOGUE, random, payload, ...ticket });
}

export class Crowd {
  readonly guests: Guest[] = [];
  readonly byIndex = new Map<number, Guest>();
  readonly batch: UdpBatch;
  readonly target: Target;
  private queued = 0;

  constructor(target: Target, batch = new UdpBatch({ local: { address: 0, port: 0 } })) {
    this.target = target;
    this.batch = batch;
  }

  queue(bytes: Uint8Array, port: number, from: number): void {
    this.batch.set(this.queued, bytes, { address: this.target.address, port }, from);
    this.queued += 1;
    if (this.queued === this.batch.size) this.flush();
  }

  flush(): void {
    this.batch.send(this.queued);
    this.queued = 0;
  }

  private knock(index: number, before: Guest | null): Knocking {
    const keys = before?.keys ?? nodeCrypto.keyPair();
    const initiator = before === null ? this.hello(keys) : resume(before.ticket);
    return { index, keys, initiator, before, cookie: null, sentAt: 0, guest: null, guestAt: 0 };
  }

  private hello(keys: KeyPair): NoiseInitiator {
    const payload = helloPayload(Date.now());
    const input = { prologue: CONTROL_PROLOGUE, own: keys, remoteStatic: this.target.key, payload };
    const initiator = noiseInitiate(nodeCrypto, input);
    if (initiator === null) throw new Error('the key of the master is unusable');
    return initiator;
  }

  /**
   * Handshakes `count` participants and sends each its first request; returns when all are answered. HELLOs are made while the
   * master works, because making one takes us as long as answering it takes the master. `returning`: those of a session before,
   * who come back by their tickets.
   */
  enter(
    first: number,
    count: number,
    request: (index: number, key: Uint8Array) => Request,
    returning?: readonly Guest[],
  ): void {
    const waiting = new Map<number, Knocking>();
    const ready: Knocking[] = [];
    let made = 0;
    let checkedAt = performance.now();
    const send = (knock: Knocking): void => {
      knock.sentAt = performance.now();
      const { guest } = knock;
      const from = guestAddress(knock.index);
      if (guest === null)
        this.queue(
          writeHello(knock.initiator.message1, knock.cookie, false, knock.before !== null),
          this.target.port,
          from,
        );
      else this.queue(this.seal(guest, request(knock.index, knock.keys.publicKey)), guest.accept.controlPort, from);
    };
    while (made < count || ready.length > 0 || waiting.size > 0) {
      if (made < count && ready.length < KNOCKS_READY) {
        ready.push(this.knock(first + made, returning?.[made] ?? null));
        made += 1;
      }
      while (waiting.size < KNOCKS_WAITING && ready.length > 0) {
        const knock = ready.shift() as Knocking;
        waiting.set(knock.index, knock);
        send(knock);
      }
      this.flush();
      const received = this.batch.receive(made < count && ready.length < KNOCKS_READY);
      for (let i = 0; i < received; i += 1) {
        const knock = waiting.get(guestIndex(this.batch.receivedAt(i)));
        if (knock === undefined) continue;
        const progress = this.progress(knock, this.batch.received(i));
        if (progress === 'done') waiting.delete(knock.index);
        else if (progress === 'send') send(knock);
      }
      if (performance.now() - checkedAt < 50) continue;
      checkedAt = performance.now();
      for (const knock of waiting.values()) {
        if (checkedAt - knock.sentAt < 250) continue;
        if (knock.guest !== null && checkedAt - knock.guestAt > KNOCK_AGAIN_MS)
          Object.assign(knock, this.knock(knock.index, knock.before));
        send(knock);
      }
    }
  }

  private progress(knock: Knocking, bytes: Uint8Array): 'done' | 'send' | 'nothing' {
    if (bytes[0] === WIRE.control) {
      const opened = knock.guest === null ? null : this.open(knock.guest, bytes);
      if (opened?.response === undefined || knock.guest === null) return 'nothing';
      if (opened.response.type === 'failed') throw new Error(`refused: ${opened.response.failure}`);
      if (opened.response.type === 'registered') knock.guest.code = opened.response.code;
      this.guests.push(knock.guest);
      this.byIndex.set(knock.index, knock.guest);
      return 'done';
    }
    if (knock.guest !== null) return 'nothing';
    const { message1 } = knock.initiator;
    const retry = readRetry(message1, bytes);
    if (retry !== null) {
      knock.cookie = retry.cookie.slice();
      return 'send';
    }
    const message2 = readAccept(message1, bytes);
    const finished = message2 === null ? null : knock.initiator.finish(message2);
    const accept = finished === null ? null : readAcceptPayload(finished.payload);
    if (finished === null || accept === null) return 'nothing';
    const { keys } = finished;
    const ticket = knock.before?.ticket ?? {
      ticket: accept.ticket ?? new Uint8Array(0),
      resumption: resumptionOf(nodeCrypto, keys.send, keys.receive),
    };
    knock.guest = {
      ...{ index: knock.index, address: guestAddress(knock.index), keys: knock.keys, accept, ticket },
      session: new SecureSession(nodeCrypto, keys),
      probeKey: probeKey(nodeCrypto, keys.send, keys.receive),
      ...{ stamp: 0, spokeAt: 0, nextId: 1, code: '' },
    };
    knock.guestAt = performance.now();
    return 'send';
  }

  /** Everybody is to come back: their sessions are gone with the master. */
  forget(): readonly Guest[] {
    this.byIndex.clear();
    return this.guests.splice(0);
  }

  seal(guest: Guest, message: Request): Uint8Array {
    const id = guest.nextId;
    guest.nextId = (id + 1) & 0xffff;
    guest.spokeAt = performance.now();
    return this.sealed(guest, writeRequestFrame({ id, via: false, stamp: guest.stamp, message }));
  }

  sealed(guest: Guest, plaintext: Uint8Array): Uint8Array {
    const header = writeControlHeader(guest.accept.cid, guest.session.sequence);
    return concat(header, guest.session.seal(header, plaintext));
  }

  acknowledge(guest: Guest, id: number): void {
    const bytes = this.sealed(guest, writePushAckFrame(id, guest.stamp));
    this.queue(bytes, guest.accept.controlPort, guest.address);
  }

  guestAt(i: number): Guest | undefined {
    return this.byIndex.get(guestIndex(this.batch.receivedAt(i)));
  }

  open(
    guest: Guest,
    bytes: Uint8Array,
  ): { readonly id: number; readonly response?: Response; readonly push?: Push } | null {
    const control = readControlHeader(bytes);
    const plaintext = control && guest.session.open(control.sequence, control.header.slice(), control.sealed.slice());
    if (!plaintext) return null;
    const reader = new Reader(plaintext);
    if (plaintext[0] === FRAME.challenge) {
      // Our address was proven too long ago: show that we receive there, as a participant does.
      const answer = writeChallengeFrame(FRAME.challengeAnswer, plaintext.slice(1, 1 + CHALLENGE_BYTES));
      this.queue(this.sealed(guest, answer), guest.accept.controlPort, guest.address);
      return null;
    }
    const [frame, id, stamp] = [reader.u8(), reader.u16(), reader.u32()];
    guest.stamp = stamp;
    if (frame === FRAME.response) {
      const response = readResponse(reader);
      return response === null ? null : { id, response };
    }
    const push = frame === FRAME.push ? readPush(reader) : null;
    return push === null ? null : { id, push };
  }
}
