/** What a completed handshake gives a link: sealing towards the master, opening what comes from it, once each. */
import { type Endpoint, familyOf } from '../address.ts';
import { equalBytes, Reader } from '../bytes.ts';
import type { SocketId } from '../contract.ts';
import { sameRealm } from '../scope.ts';
import type { CryptoSuite } from '../secure/crypto.ts';
import { SecureSession } from '../secure/session.ts';
import type { MappingSource } from '../sources/source.ts';
import {
  CHALLENGE_BYTES,
  FRAME,
  probeKey,
  readControlHeader,
  writeChallengeFrame,
  writeControlHeader,
  writePushAckFrame,
  writeRequestFrame,
} from '../wire/datagrams.ts';
import { type Push, type Request, type Response, readPush, readResponse } from '../wire/messages.ts';
import type { Accepted } from './handshake.ts';
import type { MasterWay } from './interface.ts';
import { LINK_LIMITS } from './limits.ts';
import { probeSources } from './sources.ts';

export type FromMaster =
  | { readonly frame: 'response'; readonly id: number; readonly message: Response }
  /** `repeated`: acknowledge it again, but it has been told already. */
  | { readonly frame: 'push'; readonly id: number; readonly message: Push; readonly repeated: boolean }
  | { readonly frame: 'challenge'; readonly token: Uint8Array };

export class LinkSession {
  readonly control: Endpoint;
  readonly way: MasterWay;
  readonly pingMs: number;
  readonly sources: readonly MappingSource[];
  /** Of the master, as it says itself; all in the realm of the one that we have it at. */
  readonly addresses: readonly string[];
  private readonly cid: Uint8Array;
  private readonly secure: SecureSession;
  private readonly stamps = new Map<SocketId, number>();
  private readonly pushes = new Set<number>();
  /** Our address as the master saw it first; of this session's control port, for another may have another. */
  private seenAt: string | null = null;

  constructor(suite: CryptoSuite, master: string, { accept, keys }: Accepted, way: MasterWay) {
    this.way = way;
    this.cid = accept.cid;
    // However often a master wants to be asked.
    this.pingMs = Math.max(LINK_LIMITS.linkEchoRepeatMs, accept.pingMs);
    this.control = { address: master, port: accept.controlPort };
    this.secure = new SecureSession(suite, keys);
    this.addresses = [master, ...accept.otherAddresses.filter((other) => sameRealm(master, other))];
    const key = probeKey(suite, keys.send, keys.receive);
    // The session goes over whichever family was answered first; mappings are asked for in both.
    const other = this.addresses.find((address) => familyOf(address) !== familyOf(master));
    this.sources = [master, ...(other === undefined ? [] : [other])].flatMap((one) => probeSources(one, accept, key));
  }

  get spent(): boolean {
    return this.secure.spent;
  }

  /** Over TLS: everything goes through the one tunnel, and what the master sees of us there is not where UDP reaches us. */
  get tunnel(): boolean {
    return this.way === 'tls';
  }

  /** Does the master see us at another address than before in this session? */
  seenElsewhere(address: string): boolean {
    this.seenAt ??= address;
    return this.seenAt !== address;
  }

  request(id: number, message: Request, socket: SocketId, own: SocketId): Uint8Array {
    return this.seal(writeRequestFrame({ id, via: socket !== own, stamp: this.stampOf(socket), message }));
  }

  pushAck(id: number, socket: SocketId): Uint8Array {
    return this.seal(writePushAckFrame(id, this.stampOf(socket)));
  }

  challengeAnswer(token: Uint8Array): Uint8Array {
    return this.seal(writeChallengeFrame(FRAME.challengeAnswer, token));
  }

  /** Null where it is not authentic, was seen before, or is malformed. */
  open(socket: SocketId, bytes: Uint8Array): FromMaster | null {
    const control = readControlHeader(bytes);
    if (control === null || !equalBytes(control.cid, this.cid)) return null;
    const plaintext = this.secure.open(control.sequence, control.header, control.sealed);
    if (plaintext === null) return null;
    const reader = new Reader(plaintext);
    const frame = reader.u8();
    if (frame === FRAME.challenge) {
      const token = reader.take(CHALLENGE_BYTES);
      return reader.ok ? { frame: 'challenge', token } : null;
    }
    if (frame !== FRAME.response && frame !== FRAME.push) return null;
    const [id, stamp] = [reader.u16(), reader.u32()];
    if (frame === FRAME.response) {
      const message = readResponse(reader);
      if (message !== null) this.keepStamp(socket, stamp);
      return message && { frame: 'response', id, message };
    }
    const message = readPush(reader);
    if (message === null) return null;
    this.keepStamp(socket, stamp);
    return { frame: 'push', id, message, repeated: this.seen(id) };
  }

  private seal(plaintext: Uint8Array): Uint8Array {
    const header = writeControlHeader(this.cid, this.secure.sequence);
    const sealed = this.secure.seal(header, plaintext);
    const datagram = new Uint8Array(header.length + sealed.length);
    datagram.set(header);
    datagram.set(sealed, header.length);
    return datagram;
  }

  private stampOf(socket: SocketId): number {
    return this.stamps.get(socket) ?? 0;
  }

  private keepStamp(socket: SocketId, stamp: number): void {
    this.stamps.delete(socket);
    this.stamps.set(socket, stamp);
    if (this.stamps.size > LINK_LIMITS.linkStampsMax) this.stamps.delete(first(this.stamps.keys()));
  }

  private seen(id: number): boolean {
    if (this.pushes.has(id)) return true;
    this.pushes.add(id);
    if (this.pushes.size > LINK_LIMITS.linkPushesRememberedMax) this.pushes.delete(first(this.pushes));
    return false;
  }
}

/** The oldest entry; the collection is not empty. */
function first(items: Iterable<number>): number {
  for (const item of items) return item;
  return 0;
}
