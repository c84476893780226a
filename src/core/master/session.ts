/** One session of the master with one participant: where it is, what it has proven, what is pushed to it. */
import { type Endpoint, sameEndpoint } from '../address.ts';
import { equalBytes, Writer } from '../bytes.ts';
import type { Instant, SocketId } from '../contract.ts';
import { assert } from '../errors.ts';
import type { Placed } from '../rate/shares.ts';
import { type CryptoSuite, randomU32 } from '../secure/crypto.ts';
import { SECURE_LIMITS } from '../secure/limits.ts';
import type { TransportKeys } from '../secure/noise.ts';
import { ReplayWindow, SealingSession, WINDOW_WORDS } from '../secure/session.ts';
import { CHALLENGE_BYTES, CID_BYTES, cidNumber, probeKey } from '../wire/datagrams.ts';
import { WIRE_LIMITS } from '../wire/limits.ts';
import type { Push } from '../wire/messages.ts';
import { MASTER_LIMITS } from './limits.ts';
import { Slab } from './slab.ts';

/** A session's record in a slab: both keys, the key of its probes, the window, two ids of 16 bits, and how often it was over its limit. */
const KEY_BYTES = 32;
const PROBE_KEY_AT = 2 * KEY_BYTES;
const PROBE_KEY_BYTES = 16;
const WINDOW_AT = PROBE_KEY_AT + PROBE_KEY_BYTES;
const IDS_AT = WINDOW_AT + 4 * WINDOW_WORDS;
const OVER_AT = IDS_AT + 4;
const SESSION_RECORD_BYTES = OVER_AT + 4;
/** What a session is from the start. */
const [TUNNEL, NEWCOMER] = [1, 2];
const RELEASED = -1;

/** Where the sessions keep what takes many bytes. */
export function sessionSlab(): Slab {
  return new Slab(SESSION_RECORD_BYTES, 512);
}

/** Long before every instant, and a small integer. */
const NEVER_GIVEN = -(2 ** 30);

/** An address at which the participant has shown that it receives; a list, because nearly everybody has just one. */
export class ProvenAddress {
  readonly address: string;
  next: ProvenAddress | null = null;
  provenAt: Instant;
  /** Given with everything sent there; comes back with everything sent from there. */
  stamp = 0;
  stampAt: Instant = NEVER_GIVEN;
  previousStamp = 0;
  previousStampAt: Instant = NEVER_GIVEN;
  /** When something has last come from there with one of these stamps: nobody else could have sent it. */
  heardAt: Instant;
  /** What has been pushed there since; null where that is nothing. */
  unheard: Unheard | null = null;

  constructor(address: string, provenAt: Instant) {
    this.address = address;
    this.provenAt = provenAt;
    this.heardAt = provenAt;
  }
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
export interface SessionParts {
  readonly cid: Uint8Array;
  readonly key: Uint8Array;
  readonly keys: TransportKeys;
  /** The control socket that it is given. */
  readonly socket: SocketId;
  /** Where HELLO came from. */
  readonly from: Endpoint;
  /** Over TLS. */
  readonly tunnel?: boolean;
  /** By a Diffie-Hellman, and by a key that no session had before, as far as is remembered. */
  readonly newcomer?: boolean;
}

/**
 * There may be a hundred thousand of these, so what is seldom needed is computed, empty lists are shared, and times are whole
 * milliseconds: V8 keeps a fraction in an object of its own.
 */
export class MasterSession extends SealingSession implements Placed {
  private readonly slab: Slab;
  private record: number;
  place = -1;
  /** The CID in two small integers. */
  private readonly cidHigh: number;
  private readonly cidLow: number;
  /** The participant's static key, as a map key. */
  readonly keyText: string;
  readonly socket: SocketId;
  private readonly flags: number;
  /** Where HELLO came from: the one address that the first sealed packet can prove. */
  readonly from: Endpoint;
  /** Where pushes go; null until the session is confirmed. */
  path: Endpoint | null = null;
  challenges = NO_CHALLENGES;
  /** Until it is confirmed: when its HELLO was answered. */
  heardAt: Instant;
  rttMs: number | null = null;
  /** Cell rate algorithm of control messages and of probes (rate/pace.ts). */
  controlFullAt: Instant = 0;
  probeFullAt: Instant = 0;
  pushes: Map<number, PendingPush> | null = null;
  /** When the newest word of the host of this session came. */
  private hostingAt: Instant = NEVER_GIVEN;
  /** The newest first. */
  private proofs: ProvenAddress | null = null;

  constructor(now: Instant, suite: CryptoSuite, slab: Slab, parts: SessionParts) {
    super(suite);
    this.slab = slab;
    this.record = slab.take();
    this.sendKey.set(parts.keys.send);
    this.receiveKey.set(parts.keys.receive);
    this.keyText = keyText(parts.key);
    const number = cidNumber(parts.cid);
    this.cidHigh = Math.floor(number / 0x1_0000_0000);
    this.cidLow = number | 0;
    this.socket = parts.socket;
    this.flags = (parts.tunnel === true ? TUNNEL : 0) | (parts.newcomer === true ? NEWCOMER : 0);
    this.from = parts.from;
    this.heardAt = Math.floor(now);
  }

  /** Gives the record back: it is another session's from here, so nothing may be sealed or opened any more. */
  release(): void {
    if (!this.over) this.slab.give(this.record);
    this.record = RELEASED;
  }

  /** Over TLS: nobody may be told its address, nor permitted to probe it, because it says nothing of where UDP reaches it. */
  get tunnel(): boolean {
    return (this.flags & TUNNEL) !== 0;
  }

  get newcomer(): boolean {
    return (this.flags & NEWCOMER) !== 0;
  }

  get overLimit(): number {
    return this.word(OVER_AT);
  }
  set overLimit(times: number) {
    this.setWord(OVER_AT, times);
  }

  /** Id of the newest word of its host, and of the next push. */
  private get hostingId(): number {
    return this.word(IDS_AT) & 0xffff;
  }
  private set hostingId(id: number) {
    this.setWord(IDS_AT, (this.word(IDS_AT) & ~0xffff) | id);
  }
  private get nextPushId(): number {
    return this.word(IDS_AT) >>> 16;
  }
  private set nextPushId(id: number) {
    this.setWord(IDS_AT, (this.word(IDS_AT) & 0xffff) | (id << 16));
  }

  private word(at: number): number {
    return this.slab.wordsOf(this.record)[this.slab.wordAt(this.record, at / 4)] as number;
  }
  private setWord(at: number, value: number): void {
    this.slab.wordsOf(this.record)[this.slab.wordAt(this.record, at / 4)] = value;
  }

  /** Has it been released? */
  get over(): boolean {
    return this.record === RELEASED;
  }

  override seal(associated: Uint8Array, plaintext: Uint8Array): Uint8Array {
    assert(!this.over, 'a session that is over seals nothing');
    return super.seal(associated, plaintext);
  }

  override open(sequence: number, associated: Uint8Array, sealed: Uint8Array): Uint8Array | null {
    return this.over ? null : super.open(sequence, associated, sealed);
  }

  /** Views of the record, not to be kept. */
  protected get sendKey(): Uint8Array {
    return this.slab.bytesOf(this.record, 0, KEY_BYTES);
  }
  protected get receiveKey(): Uint8Array {
    return this.slab.bytesOf(this.record, KEY_BYTES, KEY_BYTES);
  }
  protected get window(): ReplayWindow {
    const at = this.slab.wordAt(this.record, WINDOW_AT / 4);
    return new ReplayWindow(SECURE_LIMITS.replayWindow, this.slab.wordsOf(this.record), at);
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
    assert(!this.over, 'a session that is over has no key');
    const key = this.slab.bytesOf(this.record, PROBE_KEY_AT, PROBE_KEY_BYTES);
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

  proofOf(address: string): ProvenAddress | null {
    let proof = this.proofs;
    while (proof !== null && proof.address !== address) proof = proof.next;
    return proof;
  }

  /** Addresses proven so recently that others may be permitted to probe them. */
  provenAddresses(now: Instant): string[] {
    const addresses: string[] = [];
    if (this.tunnel) return addresses;
    for (let proof = this.proofs; proof !== null; proof = proof.next)
      if (now - proof.provenAt <= MASTER_LIMITS.proofMsMax) addresses.push(proof.address);
    return addresses;
  }

  /** Takes the address as proven now; the one proven longest ago makes room. */
  prove(now: Instant, address: string): ProvenAddress {
    const provenAt = Math.floor(now);
    const known = this.proofOf(address);
    if (known !== null) {
      known.provenAt = provenAt;
      known.heardAt = provenAt;
      known.unheard = null;
      return known;
    }
    const others: ProvenAddress[] = [];
    for (let proof = this.proofs; proof !== null; proof = proof.next) others.push(proof);
    others.sort((left, right) => right.provenAt - left.provenAt);
    const fresh = new ProvenAddress(address, provenAt);
    this.proofs = [fresh, ...others.slice(0, WIRE_LIMITS.permitAddressesMax - 1)].reduceRight<ProvenAddress | null>(
      (next, proof) => Object.assign(proof, { next }),
      null,
    );
    return fresh;
  }

  /** The stamp to send to this address; a fresh one every 10 s. */
  stampFor(now: Instant, suite: CryptoSuite, proof: ProvenAddress): number {
    if (now - proof.stampAt >= MASTER_LIMITS.stampMs) this.freshStamp(now, suite, proof);
    return proof.stamp;
  }

  private freshStamp(now: Instant, suite: CryptoSuite, proof: ProvenAddress): void {
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
  unheard(now: Instant, suite: CryptoSuite, proof: ProvenAddress): Unheard {
    if (proof.unheard === null) {
      this.freshStamp(now, suite, proof);
      proof.unheard = { pushes: 0, repeats: 0, challenges: 0 };
    }
    return proof.unheard;
  }

  /** A stamp that comes back proves that it was received, some time after it was given. */
  stamped(now: Instant, proof: ProvenAddress, stamp: number): void {
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
