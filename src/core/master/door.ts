/**
 * The door: HELLO in, ACCEPT or RETRY out, nothing else ever. Order (docs/reference/security.md §3): length and type, version, allowance of the
 * address, cookie, and only then the Diffie-Hellman, which costs a hundred times as much as everything before it, or the ticket
 * that spares it. An answer is never larger than the HELLO, and without a cookie nothing is kept but one place in a table of
 * fixed size.
 */
import type { Endpoint } from '../address.ts';
import type { Instant, SocketId } from '../contract.ts';
import type { FleetSecrets } from '../fleet/epochs.ts';
import { type AddressKeys, addressKeys, allowAt, Limiter, Pace } from '../rate/pace.ts';
import type { CryptoSuite, KeyPair } from '../secure/crypto.ts';
import { noiseRespond } from '../secure/noise.ts';
import {
  acceptPayload,
  CONTROL_PROLOGUE,
  type Hello,
  helloEphemeral,
  PROTOCOL_VERSION,
  type Retry,
  readHello,
  readHelloTime,
  writeAccept,
  writeRetry,
} from '../wire/datagrams.ts';
import { Cookies } from './cookie.ts';
import type { Counters } from './counters.ts';
import { MASTER_LIMITS } from './limits.ts';
import type { Sessions } from './sessions.ts';
import type { Tickets } from './tickets.ts';

/** What an address of the master says of its ports. */
export interface Reception {
  readonly control: readonly { readonly socket: SocketId; readonly port: number }[];
  readonly firstProbePort: number;
  readonly probePorts: number;
  readonly otherAddresses: readonly string[];
  /** Over TLS: what is seen there of a participant says nothing of where UDP reaches it. */
  readonly tunnel?: boolean;
}

export class MasterDoor {
  private readonly suite: CryptoSuite;
  private readonly own: KeyPair;
  private readonly sessions: Sessions;
  private readonly tickets: Tickets;
  private readonly counters: Counters;
  private readonly wallClock: () => number;
  private readonly cookies: Cookies;
  private readonly secret: Uint8Array;
  private readonly hellos = new Pace(MASTER_LIMITS.helloRates);
  private readonly retries = new Limiter(MASTER_LIMITS.retryRate);
  private readonly handshakes = new Pace(MASTER_LIMITS.handshakeRates);
  /** Handshakes without a cookie, all together: above the rate everybody is asked for one. */
  private freeFullAt: Instant = 0;

  constructor(parts: {
    readonly suite: CryptoSuite;
    readonly own: KeyPair;
    readonly sessions: Sessions;
    readonly tickets: Tickets;
    readonly counters: Counters;
    readonly wallClock: () => number;
    /** 16 bytes for the hashes of addresses. */
    readonly secret: Uint8Array;
    /** Of the fleet, where the master is a node of one. */
    readonly secrets?: FleetSecrets;
  }) {
    this.suite = parts.suite;
    this.wallClock = parts.wallClock;
    this.own = parts.own;
    this.sessions = parts.sessions;
    this.tickets = parts.tickets;
    this.counters = parts.counters;
    const { secrets, wallClock } = parts;
    this.cookies = new Cookies(parts.suite, secrets === undefined ? null : { secrets, wallClock });
    this.secret = parts.secret;
  }

  /** The one answer to a datagram at the door, or null: silence. */
  answer(now: Instant, from: Endpoint, bytes: Uint8Array, reception: Reception): Uint8Array | null {
    const hello = readHello(bytes);
    if (hello === null) {
      this.counters.drop('door-malformed');
      return null;
    }
    const keys = addressKeys(this.secret, from.address);
    if (hello.version !== PROTOCOL_VERSION) return this.retry(now, from, hello, keys);
    if (hello.cookie !== null) return this.withCookie(now, from, hello, hello.cookie, keys, reception);
    const free = !hello.insists && this.hellos.take(now, keys) === 0;
    if (!free || !this.calm(now, hello.resumes)) return this.retry(now, from, hello, keys);
    return this.accept(now, from, hello, reception);
  }

  /**
   * May somebody still be answered without a cookie? Takes one from the common allowance, where it would cost a Diffie-Hellman:
   * a ticket is opened as quickly as a cookie is made.
   */
  private calm(now: Instant, resumes: boolean): boolean {
    if (this.sessions.pendingCount > MASTER_LIMITS.pendingMax / 2) return false;
    if (resumes) return true;
    const next = allowAt(this.freeFullAt, now, MASTER_LIMITS.freeHandshakeRate);
    if (next !== null) this.freeFullAt = next;
    return next !== null;
  }

  private retry(
    now: Instant,
    from: Endpoint,
    hello: Hello,
    keys: AddressKeys,
    refused: Retry['refused'] = null,
    waitMs = 0,
  ): Uint8Array | null {
    if (this.retries.take(now, keys.narrow) > 0) {
      this.counters.drop('door-limited');
      this.counters.limit('hello');
      return null;
    }
    this.counters.challenges++;
    const cookie = this.cookies.make(now, from, helloEphemeral(hello.message1));
    return writeRetry(hello.message1, cookie, from, refused, waitMs);
  }

  private withCookie(
    now: Instant,
    from: Endpoint,
    hello: Hello,
    cookie: Uint8Array,
    keys: AddressKeys,
    reception: Reception,
  ): Uint8Array | null {
    if (!this.cookies.valid(now, from, helloEphemeral(hello.message1), cookie)) {
      this.counters.drop('cookie-bad');
      return null;
    }
    // A ticket costs no Diffie-Hellman, so there may be more of them: many people live behind one address.
    const pace = hello.resumes ? this.hellos : this.handshakes;
    const waitMs = pace.take(now, keys);
    if (waitMs > 0) {
      this.counters.limit('handshake');
      return this.retry(now, from, hello, keys, null, waitMs);
    }
    return this.accept(now, from, hello, reception);
  }

  /** ACCEPT, or silence. A HELLO that can't be opened is told so where its cookie was good, a ticket in any case. */
  private accept(now: Instant, from: Endpoint, hello: Hello, reception: Reception): Uint8Array | null {
    const ephemeral = helloEphemeral(hello.message1);
    const repeated = this.sessions.repeated(ephemeral);
    if (repeated !== null) return repeated;
    const retry = (refused: Retry['refused']): Uint8Array | null =>
      this.retry(now, from, hello, addressKeys(this.secret, from.address), refused);
    const resumed = hello.resumes ? this.tickets.respond(hello.message1) : null;
    const responder = hello.resumes
      ? resumed
      : noiseRespond(this.suite, { prologue: CONTROL_PROLOGUE, own: this.own }, hello.message1);
    if (responder === null) {
      this.counters.drop(hello.resumes ? 'ticket-refused' : 'handshake-forged');
      if (hello.resumes) return retry('ticket');
      return hello.cookie === null ? null : retry('key');
    }
    if (hello.resumes) this.counters.resumptions++;
    else this.counters.handshakes++;
    const key = responder.remoteStatic;
    // A HELLO no newer than the last of its key, or far from our own time, may be a replay (or a clock that is wrong): it has to
    // show that it is received. With a cookie it is as new as the cookie, whatever its clock says, but such a time is not kept:
    // one of next year would make all of this year's stale.
    const told = readHelloTime(responder.payload);
    const helloTime = Math.abs(told - this.wallClock()) <= MASTER_LIMITS.helloClockMsMax ? told : null;
    if (hello.cookie === null && (helloTime === null || this.sessions.stale(key, helloTime))) return retry(null);
    const cid = this.sessions.freshCid();
    const control = reception.control[(key[0] as number) % reception.control.length];
    if (control === undefined) return null;
    const { firstProbePort, probePorts, otherAddresses } = reception;
    const answer = responder.respond((keys) =>
      acceptPayload({
        ...{ cid, pingMs: MASTER_LIMITS.pingMs, observed: from, controlPort: control.port },
        ...{ firstProbePort, probePorts, otherAddresses },
        ticket: this.tickets.issue(key, keys, resumed?.agreedAt),
      }),
    );
    if (answer === null) return null;
    const accept = writeAccept(hello.message1, answer.message2);
    const parts = { cid, key, keys: answer.keys, socket: control.socket, from, tunnel: reception.tunnel === true };
    const newcomer = !hello.resumes && this.sessions.isNew(key);
    const proven = hello.cookie !== null;
    this.sessions.addPending(now, { ...parts, newcomer }, { ephemeral, accept, time: helloTime ?? -1, proven });
    return accept;
  }
}
