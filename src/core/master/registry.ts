/**
 * Who hosts: records by key, join codes, the public list. A code is derived from its key by each host itself and claimed; that costs
 * a tenth of a second, so it is believed here until a second key claims the same. Then the code of the first is derived outside this
 * machine: a liar loses it, an honest owner keeps it for good.
 */

import { addressText, type Endpoint, sameEndpoint } from '../address.ts';
import { utf8Encode } from '../bytes.ts';
import type { Instant } from '../contract.ts';
import type { FailureCode } from '../errors.ts';
import { hostIdOf } from '../model/code.ts';
import type { HostAnnouncement, ListEntry } from '../model/listing.ts';
import type { NatProfile, NatType, Verdict } from '../nat/profile.ts';
import { type Placed, Shares, type TableState } from '../rate/shares.ts';
import { Table, textHash } from '../rate/table.ts';
import { type CryptoSuite, randomU32 } from '../secure/crypto.ts';
import type { HostRecord, ListViewer } from './interface.ts';
import { MASTER_LIMITS } from './limits.ts';
import { keyBytes, keyText, type MasterSession } from './session.ts';

/**
 * A record as the registry keeps it: one shape, the key as text that the session has anyway, whole numbers where a fraction
 * would cost an object of its own.
 */
class Record implements HostRecord {
  readonly keyText: string;
  readonly hostId: string;
  readonly code: string;
  readonly announcement: HostAnnouncement;
  readonly players: number;
  readonly natType: NatType;
  readonly verdict: Verdict;
  readonly delta: number | null;
  readonly observed: Endpoint;
  readonly rttMs: number | null;
  readonly since: Instant;
  readonly generation: number;

  constructor(keyText: string, known: Omit<HostRecord, 'hostKey'>) {
    this.keyText = keyText;
    this.hostId = known.hostId;
    this.code = known.code;
    this.announcement = known.announcement;
    this.players = known.players;
    this.natType = known.natType;
    this.verdict = known.verdict;
    this.delta = known.delta;
    this.observed = known.observed;
    this.rttMs = known.rttMs === null ? null : Math.round(known.rttMs);
    this.since = Math.round(known.since);
    this.generation = known.generation;
  }

  get hostKey(): Uint8Array {
    return keyBytes(this.keyText);
  }
}

/** What a host says of itself, but for its name: one copy for all that say the same. */
type Common = Omit<HostAnnouncement, 'name'>;

class KeptAnnouncement implements HostAnnouncement {
  readonly name: string;
  private readonly common: Common;

  constructor(name: string, common: Common) {
    this.name = name;
    this.common = common;
  }

  get game(): string {
    return this.common.game;
  }
  get map(): string {
    return this.common.map;
  }
  get mode(): string {
    return this.common.mode;
  }
  get version(): string {
    return this.common.version;
  }
  get public(): boolean {
    return this.common.public;
  }
  get playersMax(): number {
    return this.common.playersMax;
  }
  get passwordNeeded(): boolean {
    return this.common.passwordNeeded;
  }
}

export interface HostEntry extends Placed {
  record: Record;
  session: MasterSession;
  /** Address under which it is counted for quotas. */
  readonly address: string;
}

/** Of a host that was there in an earlier run. */
const BEFORE: Instant = 0;

/** Whose a code is: the record of a host that is there, or what is kept of one that is not. */
interface CodeOwner {
  readonly code: string;
  readonly keyText: string;
}

/** The code of a host that is away. */
interface Away extends Placed, CodeOwner {
  /** Whose share it takes: where it hosted. */
  readonly address: string;
  readonly since: Instant;
}

/** What became of a register or heartbeat. */
export type Registered =
  | {
      readonly entry: HostEntry;
      readonly change: 'new' | 'changed' | 'none';
      readonly newCode: string | null;
      /** The host that had to go for it: its address had as many as it may. */
      readonly crowdedOut: HostEntry | null;
    }
  | { readonly failure: FailureCode };

/** Whose a code is that a key claims. */
export type CodeClaim = 'own' | 'free' | 'taken' | 'contested';

interface Beat {
  readonly announcement: HostAnnouncement;
  readonly players: number;
  /** Null leaves what is known. */
  readonly profile: NatProfile | null;
  readonly generation: number;
}

export class Registry {
  private readonly suite: CryptoSuite;
  /** By key text. */
  private readonly byKey: Table<string, HostEntry>;
  /** By code; of everybody who ever claimed one. */
  private readonly owners: Table<string, CodeOwner>;
  /** Codes that were contested and derived: they are their owner's for good. */
  private readonly derived = new Set<string>();
  /** One copy of what many hosts have in common: games, maps, modes, versions, and all of it together. */
  private readonly texts = new Map<string, string>();
  private commons: Table<Common, Common>;
  private readonly textSecret: number;
  private readonly shares: Shares<HostEntry>;
  /** Codes of hosts that are away, by code: the ones that may be forgotten. */
  private readonly away = new Map<string, Away>();
  private readonly awayShares: Shares<Away>;
  /** Codes forgotten, and not yet told. */
  private readonly lost: string[] = [];

  /** `proven`: is this host known to be one that can be joined? `secret`: 16 bytes for the hashes of addresses. */
  constructor(suite: CryptoSuite, secret: Uint8Array, proven: (host: HostRecord) => boolean) {
    this.suite = suite;
    const keySecret = randomU32(suite);
    const draw = (): number => randomU32(suite);
    this.shares = new Shares({
      ...{ name: 'hosts', max: MASTER_LIMITS.sessionsMax, secret, draw },
      caps: (address) => (address.includes(':') ? MASTER_LIMITS.hostCapsIpv6 : MASTER_LIMITS.hostCapsIpv4),
      addressOf: ({ address }) => address,
      proven: ({ record }) => proven(record),
      since: ({ record }) => record.since,
    });
    this.awayShares = new Shares({
      ...{ name: 'away-codes', max: MASTER_LIMITS.awayCodesMax, secret, draw },
      caps: MASTER_LIMITS.awayCodeCaps,
      addressOf: ({ address }) => address,
      proven: () => false,
      since: ({ since }) => since,
    });
    this.byKey = new Table(
      (key) => textHash(keySecret, key),
      ({ record }, key) => record.keyText === key,
    );
    this.owners = new Table(
      (code) => textHash(keySecret, code),
      (owner, code) => owner.code === code,
    );
    this.textSecret = keySecret;
    this.commons = commonsOf(keySecret);
  }

  tables(): readonly TableState[] {
    return [this.shares.state(), this.awayShares.state()];
  }

  get size(): number {
    return this.byKey.size;
  }

  find(hostKey: Uint8Array): HostEntry | null {
    return this.byKey.get(keyText(hostKey)) ?? null;
  }

  /** What the participant of this session hosts. */
  of(session: MasterSession): HostEntry | null {
    return this.byKey.get(session.keyText) ?? null;
  }

  /** The key that a code belongs to, whether its host is there or not. */
  keyOf(code: string): Uint8Array | null {
    const owner = this.owners.get(code);
    return owner === undefined ? null : keyBytes(owner.keyText);
  }

  claim(hostKey: Uint8Array, code: string): CodeClaim {
    const owner = this.owners.get(code)?.keyText;
    if (owner === undefined) return 'free';
    if (owner === keyText(hostKey)) return 'own';
    return this.derived.has(code) ? 'taken' : 'contested';
  }

  /** What the derivation of a contested code's owner has come to. A host that has lied is returned, to be told as gone. */
  settle(code: string, owner: Uint8Array, derived: string | null): HostEntry | null {
    if (this.owners.get(code)?.keyText !== keyText(owner)) return null;
    if (derived === code) {
      this.derived.add(code);
      return null;
    }
    this.forget(code);
    const liar = this.find(owner);
    return liar?.record.code === code ? liar : null;
  }

  /** Is it known that this code is its owner's? */
  isDerived(code: string): boolean {
    return this.derived.has(code);
  }

  /** Two keys have this code in truth, and the rival of its owner was seen first. A host that has to go for it is returned. */
  cede(code: string, rival: Uint8Array): HostEntry | null {
    const owner = this.keyOf(code);
    if (owner === null || this.claim(rival, code) === 'own') return null;
    this.comeBack(code);
    this.owners.set(code, { code, keyText: keyText(rival) });
    this.derived.add(code);
    const loser = this.find(owner);
    return loser?.record.code === code ? loser : null;
  }

  /** From the store: what earlier runs were told. */
  remember(code: string, hostKey: Uint8Array): void {
    if (this.owners.get(code) !== undefined) return;
    // Of runs before it is not known where it hosted: each has a share of its own.
    const address = addressText(this.suite.sha256(utf8Encode(code)).subarray(0, 16)) ?? '';
    this.leave({ code, keyText: keyText(hostKey) }, address, BEFORE);
  }

  /** Was its host there in an earlier run, and has not been since? */
  isFromBefore(code: string): boolean {
    return this.away.get(code)?.since === BEFORE;
  }

  /** Codes forgotten since this was asked last, because the table of those whose host is away is full. */
  forgotten(): readonly string[] {
    return this.lost.splice(0);
  }

  /** The host of this code is away from now on. */
  private leave({ code, keyText }: CodeOwner, address: string, now: Instant): void {
    const crowded = this.awayShares.crowdedOut(address);
    if (crowded !== null) {
      this.forget(crowded.code);
      this.lost.push(crowded.code);
    }
    const away = { code, keyText, address, since: now, place: -1 };
    this.owners.set(code, away);
    this.away.set(code, away);
    this.awayShares.add(away);
  }

  /** It is nobody's from now on. */
  private forget(code: string): void {
    this.comeBack(code);
    this.owners.delete(code);
    this.derived.delete(code);
  }

  private comeBack(code: string): void {
    const away = this.away.get(code);
    if (away === undefined) return;
    this.away.delete(code);
    this.awayShares.remove(away);
  }

  /** Would one more host of this address push another out? */
  crowded(address: string): boolean {
    return this.shares.crowded(address);
  }

  register(now: Instant, session: MasterSession, observed: Endpoint, code: string, beat: Beat): Registered {
    const known = this.byKey.get(session.keyText);
    if (known !== undefined) {
      // One key has one code, so a host that says another now has lied at least once.
      if (known.record.code !== code) return { failure: 'REFUSED' };
      known.session = session;
      return { entry: known, change: this.update(known, observed, beat), newCode: null, crowdedOut: null };
    }
    const crowdedOut = this.shares.crowdedOut(observed.address);
    if (crowdedOut !== null) this.remove(now, crowdedOut);
    const fresh = this.owners.get(code) === undefined;
    // One literal: put together from parts, V8 makes it as a dictionary.
    const record = new Record(session.keyText, {
      hostId: hostIdOf(this.suite, session.key),
      code,
      observed: shared(session, observed),
      since: now,
      generation: beat.generation,
      announcement: this.interned(beat.announcement),
      players: beat.players,
      rttMs: session.rttMs,
      natType: beat.profile?.type ?? 'unknown',
      verdict: beat.profile?.verdict ?? 'strict',
      delta: beat.profile?.delta ?? null,
    });
    const entry: HostEntry = { record, session, address: record.observed.address, place: -1 };
    this.byKey.set(session.keyText, entry);
    this.shares.add(entry);
    this.comeBack(code);
    this.owners.set(code, record);
    return { entry, change: 'new', newCode: fresh ? code : null, crowdedOut };
  }

  /** A new record where anything has changed. */
  update(entry: HostEntry, observed: Endpoint, beat: Beat): 'changed' | 'none' {
    const old = entry.record;
    const { natType, verdict, delta } =
      beat.profile === null
        ? old
        : { natType: beat.profile.type, verdict: beat.profile.verdict, delta: beat.profile.delta };
    const same =
      old.players === beat.players &&
      old.generation === beat.generation &&
      old.natType === natType &&
      old.verdict === verdict &&
      old.delta === delta &&
      old.observed.address === observed.address &&
      old.observed.port === observed.port &&
      sameAnnouncement(old.announcement, beat.announcement);
    if (same) return 'none';
    const { hostId, code, since } = old;
    entry.record = new Record(entry.session.keyText, {
      hostId,
      code,
      since,
      natType,
      verdict,
      delta,
      generation: beat.generation,
      players: beat.players,
      rttMs: entry.session.rttMs,
      announcement: this.interned(beat.announcement),
      observed: shared(entry.session, observed),
    });
    // Or the record of before would be kept as well.
    if (this.owners.get(code) === old) this.owners.set(code, entry.record);
    return 'changed';
  }

  remove(now: Instant, entry: HostEntry): void {
    this.byKey.delete(entry.record.keyText);
    this.shares.remove(entry);
    // Not where it had lied about its code and lost it.
    if (this.owners.get(entry.record.code)?.keyText === entry.record.keyText)
      this.leave(entry.record, entry.address, now);
  }

  private interned(announcement: HostAnnouncement): HostAnnouncement {
    if (announcement instanceof KeptAnnouncement) return announcement;
    const { name, public: isPublic, playersMax, passwordNeeded } = announcement;
    const [game, map] = [this.text(announcement.game), this.text(announcement.map)];
    const [mode, version] = [this.text(announcement.mode), this.text(announcement.version)];
    const common = { game, public: isPublic, playersMax, map, mode, version, passwordNeeded };
    return new KeptAnnouncement(name, this.common(common));
  }

  private common(common: Common): Common {
    const known = this.commons.get(common);
    if (known !== undefined) return known;
    if (this.commons.size >= MASTER_LIMITS.sharedTextsMax) this.commons = commonsOf(this.textSecret);
    this.commons.set(common, common);
    return common;
  }

  private text(text: string): string {
    const known = this.texts.get(text);
    if (known !== undefined) return known;
    // Who makes texts up gets no more than that: what is in use is there again with its next host.
    if (this.texts.size >= MASTER_LIMITS.sharedTextsMax) this.texts.clear();
    this.texts.set(text, text);
    return text;
  }
}

/** What the record alone says; the masterserver around the machine knows more (`MasterPolicy.entry`). */
export function plainEntry(record: HostRecord, viewer: ListViewer): ListEntry {
  const { name, game, map, mode, version, playersMax, passwordNeeded } = record.announcement;
  // Through the master is a bound for the direct path: good enough to order a list by, and it tells nobody's address.
  const known = record.rttMs !== null && viewer.rttMs !== null;
  return {
    ...{ hostId: record.hostId, code: record.code, name, game, map, mode, version, playersMax, passwordNeeded },
    ...{ players: record.players, natType: record.natType, verdict: record.verdict, natDelta: record.delta },
    section: record.observed.address === viewer.address ? 'local' : 'community',
    pingEstimateMs: known ? Math.round((record.rttMs as number) + (viewer.rttMs as number)) : null,
    ...{ verifiedAt: null, firstSeenAt: 0, lastSeenAt: 0, returning: false, address: null },
  };
}

/** The session's own path where it is the same: one object less. */
function shared(session: MasterSession, observed: Endpoint): Endpoint {
  return session.path !== null && sameEndpoint(session.path, observed) ? session.path : observed;
}

function commonsOf(secret: number): Table<Common, Common> {
  const textOf = ({ game, map, mode, version }: Common): string => `${game}\n${map}\n${mode}\n${version}`;
  const commons = new Table<Common, Common>((common) => textHash(secret, textOf(common)), sameCommon);
  return commons;
}

function sameAnnouncement(left: HostAnnouncement, right: HostAnnouncement): boolean {
  return left === right || (left.name === right.name && sameCommon(left, right));
}

function sameCommon(left: Common, right: Common): boolean {
  return (
    left.game === right.game &&
    left.map === right.map &&
    left.mode === right.mode &&
    left.version === right.version &&
    left.public === right.public &&
    left.playersMax === right.playersMax &&
    left.passwordNeeded === right.passwordNeeded
  );
}
