/**
 * The door of a host: who may come in, who is asked about, who is refused, and with what words. It decides and remembers what it
 * decides by; it opens nothing, sends nothing and tells nobody.
 */
import { equalBytes, toHex } from '../../bytes.ts';
import type { Instant } from '../../contract.ts';
import type { FailureCode } from '../../errors.ts';
import type { CryptoSuite, KeyPair } from '../../secure/crypto.ts';
import type { Push } from '../../wire/messages.ts';
import type { FriendId, GuestMemory } from '../base/interface.ts';
import { PEER_LIMITS } from '../base/limits.ts';
import { friendOf, type HostHandshake, openAsHost, passwordProof } from '../keys/handshake.ts';
import { Bans } from './bans.ts';
import { Guesses } from './guesses.ts';
import { DOOR_LIMITS } from './limits.ts';

/** One program of one friend: what a newer connection replaces, and nothing else. */
export type VisitorId = string;

/** A knock that the host could read. */
export interface Offer {
  readonly push: Push & { readonly type: 'offer' };
  readonly handshake: HostHandshake;
  readonly friend: FriendId;
  /** `ClientHello.instance`, hex. */
  readonly instance: string;
  readonly visitor: VisitorId;
  readonly at: Instant;
  /** It has been here before. */
  readonly known: boolean;
  /** The master's own test join. */
  readonly test: boolean;
}

/** How the host wants it just now. */
export interface DoorRules {
  readonly password: string | null;
  readonly ask: boolean;
  readonly playersMax: number;
}

export type Verdict =
  | { readonly say: 'in' }
  | { readonly say: 'ask' }
  | { readonly say: 'no'; readonly failure: FailureCode; readonly retryAfterMs?: number };

const IN: Verdict = { say: 'in' };

/** What outlives one hosting. */
export class Memory {
  readonly bans: Bans;
  readonly known: Set<FriendId>;

  constructor(crypto: CryptoSuite, { secret, bans, known }: GuestMemory) {
    this.bans = new Bans(crypto, secret ?? null, bans);
    this.known = new Set(known.slice(-DOOR_LIMITS.knownMax));
  }
}

export interface DoorParts {
  readonly crypto: CryptoSuite;
  readonly identity: KeyPair;
  /** The master's key: it tests whether a host can be joined. */
  readonly masterKey: Uint8Array;
  readonly memory: Memory;
  /** 16 bytes, for the counts of guesses. */
  readonly secret: Uint8Array;
}

export class Door {
  private readonly parts: DoorParts;
  private readonly guesses: Guesses;
  /** Let in by a person's word. */
  private readonly admitted = new Set<FriendId>();

  constructor(parts: DoorParts) {
    this.parts = parts;
    this.guesses = new Guesses(parts.secret);
  }

  get wrongGuesses(): number {
    return this.guesses.total;
  }

  /** What the knock says; or why it can't be read. */
  read(now: Instant, push: Offer['push']): Offer | 'VERSION' | 'REFUSED' {
    const { crypto, identity, masterKey, memory } = this.parts;
    const handshake = openAsHost(crypto, identity, push.sid, push.handshake);
    if (handshake === 'version') return 'VERSION';
    if (handshake === null) return 'REFUSED';
    const friend = friendOf(crypto, handshake.clientKey);
    const instance = toHex(handshake.hello.instance);
    const known = memory.known.has(friend) || this.admitted.has(friend);
    const test = equalBytes(handshake.clientKey, masterKey);
    return { ...{ push, handshake, friend, instance, known, test, at: now }, visitor: `${friend} ${instance}` };
  }

  /**
   * `inside`: who has a path. A knock takes no place, and neither does a visit until it has its path: whoever only knocks keeps nobody
   * out. The master's own test join, proven by its key, needs no password and nobody's word, as it gets no path: only the proof that one
   * would come up.
   */
  judge(now: Instant, offer: Offer, rules: DoorRules, inside: readonly Offer[]): Verdict {
    if (offer.test) return IN;
    if (this.isBanned(offer)) return { say: 'no', failure: 'BANNED' };
    const wrong = this.passwordJudged(now, offer, rules.password);
    if (wrong !== null) return wrong;
    if (isFull(offer, rules.playersMax, inside)) return { say: 'no', failure: 'FULL' };
    return rules.ask && !this.admitted.has(offer.friend) ? { say: 'ask' } : IN;
  }

  isBanned({ friend, push, test }: Offer): boolean {
    return !test && this.parts.memory.bans.hold(friend, addressesOf(push));
  }

  /** A person's word: it is asked about no more. The one let in longest ago is. */
  admit(friend: FriendId): void {
    remember(this.admitted, friend, PEER_LIMITS.admittedMax);
  }

  /** It has a path. The friend longest away is a stranger again. */
  know(friend: FriendId): void {
    remember(this.parts.memory.known, friend, DOOR_LIMITS.knownMax);
  }

  forget(friend: FriendId): void {
    this.admitted.delete(friend);
    this.parts.memory.known.delete(friend);
  }

  private passwordJudged(now: Instant, offer: Offer, password: string | null): Verdict | null {
    if (password === null) return null;
    // No guess at all: it has not been asked for one yet.
    if (offer.handshake.hello.passwordProof === null) return { say: 'no', failure: 'PASSWORD' };
    const caller = { address: addressOf(offer.push), friend: offer.friend, known: offer.known };
    const waitMs = this.guesses.take(now, caller);
    if (waitMs > 0) return { say: 'no', failure: 'BUSY', retryAfterMs: Math.ceil(waitMs) };
    if (this.passwordFits(offer, password)) return null;
    this.guesses.wrong(now, caller);
    return { say: 'no', failure: 'PASSWORD' };
  }

  private passwordFits({ push, handshake }: Offer, password: string): boolean {
    const { crypto, identity } = this.parts;
    const parties = { sid: push.sid, hostKey: identity.publicKey, clientKey: handshake.clientKey };
    const given = handshake.hello.passwordProof;
    return given !== null && equalBytes(given, passwordProof(crypto, password, parties));
  }
}

/** No place is left, or this friend has as many programs here as one may have; the program that it is already takes no further one. */
export function isFull({ friend, visitor }: Offer, playersMax: number, inside: readonly Offer[]): boolean {
  const others = inside.filter((other) => other.visitor !== visitor);
  const own = others.filter((other) => other.friend === friend);
  return others.length >= Math.min(playersMax, PEER_LIMITS.guestsMax) || own.length >= DOOR_LIMITS.instancesMax;
}

/** Where the master has seen the client. */
export function addressesOf(push: Offer['push']): readonly string[] {
  return push.observed.map(({ address }) => address);
}

/** Whose share of the door it takes. */
export function addressOf(push: Offer['push']): string {
  return push.observed[0]?.address ?? '';
}

function remember(friends: Set<FriendId>, friend: FriendId, max: number): void {
  friends.delete(friend);
  friends.add(friend);
  if (friends.size > max) friends.delete(friends.values().next().value as FriendId);
}
