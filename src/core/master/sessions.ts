/**
 * The master's sessions. A handshake that was answered waits in a table of fixed size (`pending`) until its first sealed
 * packet proves the address it was made for; only then is there a session, and only an address that has proven itself is
 * ever told anything larger than what came from it, is listed, or is named in a permit.
 */
import { type Endpoint, sameEndpoint } from '../address.ts';
import { equalBytes, Writer } from '../bytes.ts';
import { type Instant, NEVER, type SocketId } from '../contract.ts';
import { type Placed, Shares, type TableState } from '../rate/shares.ts';
import { Table, textHash } from '../rate/table.ts';
import { type CryptoSuite, randomU32 } from '../secure/crypto.ts';
import type { TransportKeys } from '../secure/noise.ts';
import { SecureSession, sessionSlab } from '../secure/session.ts';
import type { Slab } from '../secure/slab.ts';
import { CHALLENGE_BYTES, CID_BYTES, cidNumber, probeKey } from '../wire/datagrams.ts';
import { WIRE_LIMITS } from '../wire/limits.ts';
import type { Push } from '../wire/messages.ts';
import { MASTER_LIMITS } from './limits.ts';
import { Wheel } from './wheel.ts';

/** An address at which the participant has shown that it receives; a list, because nearly everybody has just one. */
export interface Proof {
  readonly address: string;
  next: Proof | null;
  provenAt: Instant;
  /** Given with everything sent there; comes back with everything sent from there. */
  stamp: number;
  stampAt: Instant;
  previousStamp: number;
  previousStampAt: Instant;
  /** When something has last come from there with one of these stamps: nobody else could have sent it. */
  heardAt: Instant;
  /** What has been pushed there since; null where that is nothing. */
  unheard: Unheard | null;
}

export interface Unheard {
  /** Pushes sent for the first time, and repetitions of them. */
  pushes: number;
  repeats: number;
  challenges: number;
}

export interface Challenge {
  readonly endpoint: Endpoint;
  readonly token: Uint8Array;
  /** The answer moves the session's own path there; otherwise it only proves the address. */
  readonly moves: boolean;
}

export interface PendingPush {
  readonly id: number;
  readonly message: Push;
  tries: number;
  /** When it is looked at again. */
  dueAt: Instant;
  /** How often it was sent. */
  sent: number;
}

const NO_CHALLENGES: readonly Challenge[] = [];
/** Long before every instant, and a small integer. */
const NEVER_GIVEN = -(2 ** 30);

interface SessionParts {
  readonly cid: Uint8Array;
  readonly key: Uint8Array;
  readonly keys: TransportKeys;
  /** The control socket that it is given. */
  readonly socket: SocketId;
  /** Where HELLO came from. */
  readonly from: Endpoint;
}

/**
 * There may be a hundred thousand of these, so what is seldom needed is computed, empty lists are shared, and times are whole
 * milliseconds: V8 keeps a fraction in an object of its own.
 */
export class Session extends SecureSession implements Placed {
  place = -1;
  /** The CID in two small integers. */
  private readonly cidHigh: number;
  private readonly cidLow: number;
  /** The participant's static key, as a map key. */
  readonly keyText: string;
  readonly socket: SocketId;
  /** Where HELLO came from: the one address that the first sealed packet can prove. */
  readonly from: Endpoint;
  /** Where pushes go; null until the session is confirmed. */
  path: Endpoint | null = null;
  challenges = NO_CHALLENGES;
  /** Until it is confirmed: when its HELLO was answered. */
  heardAt: Instant;
  rttMs: number | null = null;
  /** Cell rate algorithm of control messages and of probes (limiter.ts). */
  controlFullAt: Instant = 0;
  probeFullAt: Instant = 0;
  overLimit = 0;
  pushes: Map<number, PendingPush> | null = null;
  /** Id of the newest word of the host of this session, and when it came. */
  private hostingId = 0;
  private hostingAt: Instant = NEVER_GIVEN;
  /** The newest first. */
  private proofs: Proof | null = null;
  private nextPushId = 0;

  constructor(now: Instant, suite: CryptoSuite, slab: Slab, parts: SessionParts) {
    super(suite, parts.keys, slab);
    this.keyText = keyText(parts.key);
    const number = cidNumber(parts.cid);
    this.cidHigh = Math.floor(number / 0x1_0000_0000);
    this.cidLow = number | 0;
    this.socket = parts.socket;
    this.from = parts.from;
    this.heardAt = Math.floor(now);
  }

  get cid(): Uint8Array {
    return new Writer(CID_BYTES)
      .u16(0)
      .u16(this.cidHigh)
      .u32(this.cidLow >>> 0)
      .done();
  }

  /** The CID as a number. */
  get number(): number {
    return this.cidHigh * 0x1_0000_0000 + (this.cidLow >>> 0);
  }

  /** The participant's static key. */
  get key(): Uint8Array {
    return keyBytes(this.keyText);
  }

  /** Made when it is first asked for, because few probe. A view, not to be kept. */
  get probeKey(): Uint8Array {
    const key = this.ownerBytes;
    if (((key[0] as number) | (key[1] as number) | (key[2] as number) | (key[3] as number)) === 0)
      key.set(probeKey(this.suite, this.receiveKey, this.sendKey));
    return key;
  }

  /**
   * Has this word of a host (REGISTER, HEARTBEAT, GOODBYE) been overtaken by a newer one? A repetition may come after what was said
   * later. Ids count up, so that of two the one less than half way round ahead is newer (RFC 1982).
   */
  overtaken(now: Instant, id: number): boolean {
    const behind = (this.hostingId - id) & 0xffff;
    if (now - this.hostingAt < MASTER_LIMITS.hostingOrderMs && behind > 0 && behind < 0x8000) return true;
    this.hostingId = id;
    this.hostingAt = Math.floor(now);
    return false;
  }

  proofOf(address: string): Proof | null {
    let proof = this.proofs;
    while (proof !== null && proof.address !== address) proof = proof.next;
    return proof;
  }

  /** Addresses proven so recently that others may be permitted to probe them. */
  provenAddresses(now: Instant): string[] {
    const addresses: string[] = [];
    for (let proof = this.proofs; proof !== null; proof = proof.next)
      if (now - proof.provenAt <= MASTER_LIMITS.proofMsMax) addresses.push(proof.address);
    return addresses;
  }

  /** Takes the address as proven now; the one proven longest ago makes room. */
  prove(now: Instant, address: string): Proof {
    const provenAt = Math.floor(now);
    const known = this.proofOf(address);
    if (known !== null) {
      known.provenAt = provenAt;
      known.heardAt = provenAt;
      known.unheard = null;
      return known;
    }
    const others: Proof[] = [];
    for (let proof = this.proofs; proof !== null; proof = proof.next) others.push(proof);
    others.sort((left, right) => right.provenAt - left.provenAt);
    const never = NEVER_GIVEN;
    const stamps = { stamp: 0, stampAt: never, previousStamp: 0, previousStampAt: never };
    const fresh: Proof = { address, provenAt, ...stamps, heardAt: provenAt, unheard: null, next: null };
    this.proofs = [fresh, ...others.slice(0, WIRE_LIMITS.permitAddressesMax - 1)].reduceRight<Proof | null>(
      (next, proof) => Object.assign(proof, { next }),
      null,
    );
    return fresh;
  }

  /** The stamp to send to this address; a fresh one every 10 s. */
  stampFor(now: Instant, suite: CryptoSuite, proof: Proof): number {
    if (now - proof.stampAt >= MASTER_LIMITS.stampMs) this.freshStamp(now, suite, proof);
    return proof.stamp;
  }

  private freshStamp(now: Instant, suite: CryptoSuite, proof: Proof): void {
    proof.previousStamp = proof.stamp;
    proof.previousStampAt = proof.stampAt;
    // 0 is what a participant says that has no stamp yet.
    proof.stamp = randomU32(suite) >>> 1 || 1;
    proof.stampAt = Math.floor(now);
  }

  /**
   * What is pushed to this address from now on without a word from there. With the first goes a fresh stamp, and only that one coming
   * back ends it: whoever has left the address knows the stamps of before, and could send them in its name.
   */
  unheard(now: Instant, suite: CryptoSuite, proof: Proof): Unheard {
    if (proof.unheard === null) {
      this.freshStamp(now, suite, proof);
      proof.unheard = { pushes: 0, repeats: 0, challenges: 0 };
    }
    return proof.unheard;
  }

  /** A stamp that comes back proves that it was received, some time after it was given. */
  stamped(now: Instant, proof: Proof, stamp: number): void {
    if (stamp === 0 || (stamp !== proof.stamp && stamp !== proof.previousStamp)) return;
    proof.provenAt = Math.max(proof.provenAt, stamp === proof.stamp ? proof.stampAt : proof.previousStampAt);
    proof.heardAt = Math.floor(now);
    if (stamp === proof.stamp) proof.unheard = null;
  }

  /** One question per address, however often it turns up. */
  challenge(endpoint: Endpoint, moves: boolean, suite: CryptoSuite): Challenge {
    const asked = this.challenges.find((open) => open.moves === moves && sameEndpoint(open.endpoint, endpoint));
    if (asked !== undefined) return asked;
    const challenge = { endpoint, moves, token: suite.randomBytes(CHALLENGE_BYTES) };
    this.challenges = [challenge, ...this.challenges].slice(0, MASTER_LIMITS.challengesMax);
    return challenge;
  }

  /** The challenge that this answers, no longer open. */
  answered(from: Endpoint, token: Uint8Array): Challenge | null {
    const found = this.challenges.find(
      (challenge) => sameEndpoint(challenge.endpoint, from) && equalBytes(challenge.token, token),
    );
    if (found === undefined) return null;
    const open = this.challenges.filter((challenge) => challenge !== found);
    this.challenges = open.length === 0 ? NO_CHALLENGES : open;
    return found;
  }

  /** Can one more push be told? */
  get hasRoom(): boolean {
    return (this.pushes?.size ?? 0) < MASTER_LIMITS.pushesMax;
  }

  /** Null where too many are under way. */
  queuePush(message: Push): PendingPush | null {
    this.pushes ??= new Map();
    if (this.pushes.size >= MASTER_LIMITS.pushesMax) return null;
    const push = { id: this.nextPushId, message, tries: 0, dueAt: 0, sent: 0 };
    this.nextPushId = (this.nextPushId + 1) & 0xffff;
    this.pushes.set(push.id, push);
    return push;
  }

  pushDone(id: number): void {
    this.pushes?.delete(id);
    if (this.pushes?.size === 0) this.pushes = null;
  }
}

/** Keys and ids as map keys. */
export function keyText(key: Uint8Array): string {
  return String.fromCharCode(...key);
}

export function keyBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

interface Pending extends Placed {
  readonly session: Session;
  /** It has shown a cookie, so it has received at its address. */
  readonly proven: boolean;
  readonly ephemeral: Uint8Array;
  readonly accept: Uint8Array;
  readonly helloTime: number;
}

export class Sessions {
  private readonly suite: CryptoSuite;
  private readonly expiryMs: number;
  /** By CID, which is random and ours. */
  private readonly confirmed = new Table<number, Session>(
    (number) => number,
    (session, number) => session.number === number,
  );
  /** Oldest first. */
  private readonly pending = new Map<number, Pending>();
  private readonly pendingByHello = new Map<string, number>();
  private readonly shares: Shares<Session>;
  private readonly pendingShares: Shares<Pending>;
  /** Newest HELLO time of the static keys that share a place; who meets a stranger's time has to show a cookie, no more. */
  private readonly helloTimes = new Float64Array(MASTER_LIMITS.helloTimesMax).fill(-1);
  private readonly secret: number;
  private readonly expiry = new Wheel<Session>(1_000, 256);
  private readonly slab = sessionSlab();

  private readonly onClosed: (session: Session) => void;

  /** `spared` sessions make room for a newcomer only where there is no other. `secret`: 16 bytes. */
  constructor(
    suite: CryptoSuite,
    expiryMs: number,
    onClosed: (session: Session) => void = () => {},
    spared: (session: Session) => boolean = () => false,
    secret: Uint8Array = suite.randomBytes(16),
  ) {
    this.onClosed = onClosed;
    this.suite = suite;
    this.expiryMs = expiryMs;
    this.secret = randomU32(suite);
    const draw = (): number => randomU32(suite);
    // By lot, not by age: nobody can keep a place by being busy, and who has most of them loses most.
    this.shares = new Shares({
      ...{
        name: 'sessions',
        max: MASTER_LIMITS.sessionsMax,
        caps: MASTER_LIMITS.sessionCaps,
        secret,
        draw,
        proven: spared,
      },
      addressOf: (session) => session.from.address,
    });
    this.pendingShares = new Shares({
      ...{ name: 'pending', max: MASTER_LIMITS.pendingMax, caps: MASTER_LIMITS.pendingCaps, secret, draw },
      addressOf: ({ session }) => session.from.address,
      proven: ({ proven }) => proven,
      since: ({ session }) => session.heardAt,
    });
  }

  tables(): readonly TableState[] {
    return [this.shares.state(), this.pendingShares.state()];
  }

  get size(): number {
    return this.confirmed.size;
  }

  get pendingCount(): number {
    return this.pending.size;
  }

  all(): IterableIterator<Session> {
    return this.confirmed.values();
  }

  freshCid(): Uint8Array {
    for (;;) {
      const cid = new Writer(CID_BYTES).u16(0).raw(this.suite.randomBytes(6)).done();
      const number = cidNumber(cid);
      if (this.find(number) === null) return cid;
    }
  }

  /** The ACCEPT that this very HELLO was already answered with. */
  repeated(ephemeral: Uint8Array): Uint8Array | null {
    const number = this.pendingByHello.get(keyText(ephemeral));
    return number === undefined ? null : (this.pending.get(number)?.accept ?? null);
  }

  /** Has this key already shown a HELLO as new as this one? */
  stale(key: Uint8Array, time: number): boolean {
    return time <= (this.helloTimes[this.helloPlace(keyText(key))] as number);
  }

  addPending(
    now: Instant,
    parts: SessionParts,
    hello: {
      readonly ephemeral: Uint8Array;
      readonly accept: Uint8Array;
      readonly time: number;
      /** The HELLO has shown a cookie. */
      readonly proven?: boolean;
    },
  ): void {
    for (const { session: old } of this.pending.values()) {
      if (now - old.heardAt <= MASTER_LIMITS.pendingMs) break;
      this.forget(old);
    }
    const crowded = this.pendingShares.crowdedOut(parts.from.address);
    if (crowded !== null) this.forget(crowded.session);
    const session = new Session(now, this.suite, this.slab, parts);
    const { number } = session;
    const { accept, time: helloTime, ephemeral, proven = false } = hello;
    const pending = { session, accept, helloTime, ephemeral, proven, place: -1 };
    this.pending.set(number, pending);
    this.pendingByHello.set(keyText(ephemeral), number);
    this.pendingShares.add(pending);
  }

  private forget(session: Session): void {
    this.dropPending(session.number);
    session.release();
  }

  private dropPending(number: number): void {
    const pending = this.pending.get(number);
    if (pending === undefined) return;
    this.pending.delete(number);
    this.pendingShares.remove(pending);
    const hello = keyText(pending.ephemeral);
    if (this.pendingByHello.get(hello) === number) this.pendingByHello.delete(hello);
  }

  find(number: number): Session | null {
    return this.confirmed.get(number) ?? this.pending.get(number)?.session ?? null;
  }

  /** The session's first sealed packet has come from the address of its HELLO. */
  confirm(now: Instant, session: Session, from: Endpoint): void {
    const { number } = session;
    this.noteHello(session.keyText, this.pending.get(number)?.helloTime ?? -1);
    this.dropPending(number);
    // Whose session makes room comes back as after a restart.
    const crowded = this.shares.crowdedOut(session.from.address);
    if (crowded !== null) this.close(crowded);
    this.shares.add(session);
    this.confirmed.set(number, session);
    session.path = sameEndpoint(from, session.from) ? session.from : from;
    session.rttMs = Math.max(0, Math.round(now - session.heardAt));
    session.prove(now, session.path.address);
    this.expiry.add(now, session, now + this.expiryMs);
  }

  private noteHello(keyText: string, time: number): void {
    const place = this.helloPlace(keyText);
    this.helloTimes[place] = Math.max(this.helloTimes[place] as number, time);
  }

  private helloPlace(keyText: string): number {
    return textHash(this.secret, keyText) % MASTER_LIMITS.helloTimesMax;
  }

  close(session: Session): void {
    if (session.over) return;
    session.pushes = null;
    if (this.confirmed.delete(session.number)) {
      this.shares.remove(session);
      this.onClosed(session);
    }
    session.release();
  }

  /** Closes the sessions unheard for too long. */
  expire(now: Instant): void {
    this.expiry.advance(now, (session) => {
      if (session.over) return null;
      if (now - session.heardAt < this.expiryMs) return session.heardAt + this.expiryMs;
      this.close(session);
      return null;
    });
  }

  next(): Instant {
    return this.confirmed.size === 0 ? NEVER : this.expiry.next();
  }
}
