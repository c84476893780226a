/**
 * One handshake with one address of the master: HELLO until ACCEPT, with RETRY's cookie where the master asks for it.
 *
 *     0 ms HELLO · 250 ms HELLO · 750 ms HELLO that insists on a RETRY · 1250 ms the same · 2000 ms over
 *
 * The insisting HELLO tells a dead master from one with another key: RETRY needs no key, and a master that cannot open a
 * HELLO whose cookie is good says so.
 */
import type { Endpoint } from '../address.ts';
import { type Instant, NEVER, type SocketId } from '../contract.ts';
import type { FailureCode } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import type { CryptoSuite, KeyPair } from '../secure/crypto.ts';
import { type NoiseInitiator, type NoiseKeys, noiseInitiate } from '../secure/noise.ts';
import {
  type Accept,
  CONTROL_PROLOGUE,
  helloPayload,
  PROTOCOL_VERSION,
  readAccept,
  readAcceptPayload,
  readRetry,
  writeHello,
} from './wire.ts';

export interface Accepted {
  readonly accept: Accept;
  readonly keys: NoiseKeys;
}

export class LinkHandshake {
  readonly socket: SocketId;
  readonly door: Endpoint;
  /** What is known of the cause, should no ACCEPT come. */
  failure: FailureCode = 'MASTER_UNREACHABLE';
  nextAt: Instant;
  private readonly initiator: NoiseInitiator;
  private cookie: Uint8Array | null = null;
  private sent = 0;
  private readonly startedAt: Instant;

  private constructor(now: Instant, socket: SocketId, door: Endpoint, initiator: NoiseInitiator) {
    this.startedAt = now;
    this.nextAt = now;
    this.socket = socket;
    this.door = door;
    this.initiator = initiator;
  }

  /** Null where the pinned key is not a usable key at all. */
  static start(
    now: Instant,
    at: { readonly socket: SocketId; readonly door: Endpoint },
    keys: {
      readonly suite: CryptoSuite;
      readonly own: KeyPair;
      readonly masterKey: Uint8Array;
      readonly time: number;
    },
  ): LinkHandshake | null {
    const initiator = noiseInitiate(keys.suite, {
      prologue: CONTROL_PROLOGUE,
      own: keys.own,
      remoteStatic: keys.masterKey,
      payload: helloPayload(keys.time),
    });
    return initiator === null ? null : new LinkHandshake(now, at.socket, at.door, initiator);
  }

  /** The HELLO that is due now, or null. */
  due(now: Instant): Uint8Array | null {
    if (now < this.nextAt) return null;
    const insists = this.cookie === null && this.sent >= LIMITS.helloInsistFrom;
    this.sent++;
    const next = LIMITS.helloRepeatAtMs[this.sent];
    this.nextAt = next === undefined ? NEVER : this.startedAt + next;
    return writeHello(this.initiator.message1, this.cookie, insists);
  }

  /** Takes an ACCEPT; null where the datagram is something else, foreign or forged. A RETRY makes the next HELLO due at once. */
  take(now: Instant, bytes: Uint8Array): Accepted | null {
    const retry = readRetry(this.initiator.message1, bytes);
    if (retry !== null) {
      if (retry.version !== PROTOCOL_VERSION) this.failure = 'VERSION';
      else if (retry.keyUnknown) this.failure = 'MASTER_KEY_MISMATCH';
      else if (this.cookie === null) {
        this.cookie = retry.cookie;
        this.nextAt = now;
      }
      return null;
    }
    const message2 = readAccept(this.initiator.message1, bytes);
    const finished = message2 && this.initiator.finish(message2);
    const accept = finished && readAcceptPayload(finished.payload);
    return accept ? { accept, keys: finished.keys } : null;
  }
}
