/**
 * Who hosts: records by key, join codes, the public list. A code is derived from its key by each host itself and claimed; that costs
 * a tenth of a second, so it is believed here until a second key claims the same. Then the code of the first is derived outside this
 * machine: a liar loses it, an honest owner keeps it for good.
 */
import { type Endpoint, sameEndpoint } from '../address.ts';
import { hostIdOf } from '../code.ts';
import type { Instant } from '../contract.ts';
import type { FailureCode } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import type { NatProfile, NatType, Verdict } from '../nat/profile.ts';
import type { HostAnnouncement, ListEntry } from '../peer/interface.ts';
import { type CryptoSuite, randomU32 } from '../secure/crypto.ts';
import type { HostRecord, ListViewer } from './interface.ts';
import { addressPrefixes, Tally } from './limiter.ts';
import { keyBytes, keyText, type Session } from './sessions.ts';
import { Table, textHash } from './table.ts';

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
  }

  get hostKey(): Uint8Array {
    return keyBytes(this.keyText);
  }
}

export interface HostEntry {
  record: Record;
  session: Session;
  /** Address under which it is counted for quotas. */
  readonly address: string;
}

/** What became of a register or heartbeat. */
export type Registered =
  | { readonly entry: HostEntry; readonly change: 'new' | 'changed' | 'none'; readonly newCode: string | null }
  | { readonly failure: FailureCode };

/** Whose a code is that a key claims. */
export type Claim = 'own' | 'free' | 'taken' | 'contested';

interface Beat {
  readonly announcement: HostAnnouncement;
  readonly players: number;
  /** Null leaves what is known. */
  readonly profile: NatProfile | null;
}

export class Registry {
  private readonly suite: CryptoSuite;
  /** By key text. */
  private readonly byKey: Table<string, HostEntry>;
  /** Key texts; of everybody who ever claimed a code. */
  private readonly keyOfCode = new Map<string, string>();
  /** Codes that were contested and derived: they are their owner's for good. */
  private readonly derived = new Set<string>();
  /** One copy of what many hosts have in common: game, map, mode, version. */
  private readonly texts = new Map<string, string>();
  private readonly perAddress: Tally;

  constructor(suite: CryptoSuite) {
    this.suite = suite;
    const secret = randomU32(suite);
    this.perAddress = new Tally(secret);
    this.byKey = new Table(
      (key) => textHash(secret, key),
      ({ record }, key) => record.keyText === key,
    );
  }

  get size(): number {
    return this.byKey.size;
  }

  find(hostKey: Uint8Array): HostEntry | null {
    return this.byKey.get(keyText(hostKey)) ?? null;
  }

  /** What the participant of this session hosts. */
  of(session: Session): HostEntry | null {
    return this.byKey.get(session.keyText) ?? null;
  }

  /** The key that a code belongs to, whether its host is there or not. */
  keyOf(code: string): Uint8Array | null {
    const key = this.keyOfCode.get(code);
    return key === undefined ? null : keyBytes(key);
  }

  claim(hostKey: Uint8Array, code: string): Claim {
    const owner = this.keyOfCode.get(code);
    if (owner === undefined) return 'free';
    if (owner === keyText(hostKey)) return 'own';
    return this.derived.has(code) ? 'taken' : 'contested';
  }

  /** What the derivation of a contested code's owner has come to. A host that has lied is returned, to be told as gone. */
  settle(code: string, owner: Uint8Array, derived: string | null): HostEntry | null {
    if (this.keyOfCode.get(code) !== keyText(owner)) return null;
    if (derived === code) {
      this.derived.add(code);
      return null;
    }
    this.keyOfCode.delete(code);
    const liar = this.find(owner);
    return liar?.record.code === code ? liar : null;
  }

  /** From the store: what earlier runs were told. */
  remember(code: string, hostKey: Uint8Array): void {
    if (!this.keyOfCode.has(code)) this.keyOfCode.set(code, keyText(hostKey));
  }

  register(now: Instant, session: Session, observed: Endpoint, code: string, beat: Beat): Registered {
    const known = this.byKey.get(session.keyText);
    if (known !== undefined) {
      // One key has one code, so a host that says another now has lied at least once.
      if (known.record.code !== code) return { failure: 'REFUSED' };
      known.session = session;
      return { entry: known, change: this.update(known, observed, beat), newCode: null };
    }
    if (this.full(observed.address)) return { failure: 'BUSY' };
    const fresh = !this.keyOfCode.has(code);
    this.keyOfCode.set(code, session.keyText);
    // One literal: put together from parts, V8 makes it as a dictionary.
    const record = new Record(session.keyText, {
      hostId: hostIdOf(this.suite, session.key),
      code,
      observed: shared(session, observed),
      since: now,
      announcement: this.interned(beat.announcement),
      players: beat.players,
      rttMs: session.rttMs,
      natType: beat.profile?.type ?? 'unknown',
      verdict: beat.profile?.verdict ?? 'strict',
      delta: beat.profile?.delta ?? null,
    });
    const entry: HostEntry = { record, session, address: record.observed.address };
    this.byKey.set(session.keyText, entry);
    this.count(entry, 1);
    return { entry, change: 'new', newCode: fresh ? code : null };
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
      players: beat.players,
      rttMs: entry.session.rttMs,
      announcement: this.interned(beat.announcement),
      observed: shared(entry.session, observed),
    });
    return 'changed';
  }

  remove(entry: HostEntry): void {
    this.byKey.delete(entry.record.keyText);
    this.count(entry, -1);
  }

  private full(address: string): boolean {
    const [narrow, wide] = addressPrefixes(address);
    const quota = address.includes(':') ? LIMITS.hostsPerIpv6 : LIMITS.hostsPerIpv4;
    return this.perAddress.of(narrow) >= quota.narrow || this.perAddress.of(wide) >= quota.wide;
  }

  private count(entry: HostEntry, by: 1 | -1): void {
    for (const prefix of addressPrefixes(entry.address)) this.perAddress.add(prefix, by);
  }

  private interned(announcement: HostAnnouncement): HostAnnouncement {
    const { name, public: isPublic, playersMax, passwordNeeded } = announcement;
    const [game, map] = [this.text(announcement.game), this.text(announcement.map)];
    const [mode, version] = [this.text(announcement.mode), this.text(announcement.version)];
    return { name, game, public: isPublic, playersMax, map, mode, version, passwordNeeded };
  }

  private text(text: string): string {
    const known = this.texts.get(text);
    if (known !== undefined) return known;
    if (this.texts.size < LIMITS.sharedTextsMax) this.texts.set(text, text);
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
function shared(session: Session, observed: Endpoint): Endpoint {
  return session.path !== null && sameEndpoint(session.path, observed) ? session.path : observed;
}

function sameAnnouncement(left: HostAnnouncement, right: HostAnnouncement): boolean {
  return (
    left === right ||
    (left.name === right.name &&
      left.game === right.game &&
      left.map === right.map &&
      left.mode === right.mode &&
      left.version === right.version &&
      left.public === right.public &&
      left.playersMax === right.playersMax &&
      left.passwordNeeded === right.passwordNeeded)
  );
}
