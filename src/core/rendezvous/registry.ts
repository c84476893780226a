/**
 * Who hosts: records by key, join codes, the public list. A code belongs to a key for good; it is derived from the key, so it
 * is the same again after any restart, and the few that collide are told apart by a counter that is remembered.
 */
import type { Endpoint } from '../address.ts';
import { codeOf, hostIdOf } from '../code.ts';
import type { Instant } from '../contract.ts';
import type { FailureCode } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import type { NatProfile } from '../nat/profile.ts';
import type { HostAnnouncement, ListEntry } from '../peer/interface.ts';
import type { CryptoSuite } from '../secure/crypto.ts';
import type { HostRecord } from './interface.ts';
import { addressPrefixes, Tally } from './limiter.ts';
import { keyText, type Session } from './sessions.ts';

export interface HostEntry {
  record: HostRecord;
  session: Session;
  /** Address under which it is counted for quotas. */
  readonly address: string;
  /** Place in the public list, -1 = not listed. */
  listed: number;
}

/** What became of a register or heartbeat. */
export type Registered =
  | { readonly entry: HostEntry; readonly change: 'new' | 'changed' | 'none'; readonly newCode: string | null }
  | { readonly failure: FailureCode };

interface Beat {
  readonly announcement: HostAnnouncement;
  readonly players: number;
  /** Null leaves what is known. */
  readonly profile: NatProfile | null;
}

export class Registry {
  private readonly suite: CryptoSuite;
  private readonly byKey = new Map<string, HostEntry>();
  private readonly byId = new Map<string, HostEntry>();
  private readonly keyOfCode = new Map<string, Uint8Array>();
  private readonly codeOfKey = new Map<string, string>();
  private readonly perAddress = new Tally();
  private readonly publicHosts: HostEntry[] = [];

  constructor(suite: CryptoSuite) {
    this.suite = suite;
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

  findById(hostId: string): HostEntry | null {
    return this.byId.get(hostId) ?? null;
  }

  /** The key that a code belongs to, whether its host is there or not. */
  keyOf(code: string): Uint8Array | null {
    return this.keyOfCode.get(code) ?? null;
  }

  /** From the store: what earlier runs gave out. */
  remember(code: string, hostKey: Uint8Array): void {
    if (this.keyOfCode.has(code) || this.codeOfKey.has(keyText(hostKey))) return;
    this.keyOfCode.set(code, hostKey);
    this.codeOfKey.set(keyText(hostKey), code);
  }

  register(now: Instant, session: Session, observed: Endpoint, beat: Beat): Registered {
    const known = this.byKey.get(session.keyText);
    if (known !== undefined) {
      known.session = session;
      return { entry: known, change: this.update(known, observed, beat), newCode: null };
    }
    if (this.full(observed.address)) return { failure: 'BUSY' };
    const { code, fresh } = this.assignCode(session);
    const record: HostRecord = {
      ...{ hostId: hostIdOf(this.suite, session.key), hostKey: session.key, code, observed, since: now },
      ...{ announcement: beat.announcement, players: beat.players, rttMs: session.rttMs },
      ...{ natType: beat.profile?.type ?? 'unknown', verdict: beat.profile?.verdict ?? 'strict' },
      delta: beat.profile?.delta ?? null,
    };
    const entry: HostEntry = { record, session, address: observed.address, listed: -1 };
    this.byKey.set(session.keyText, entry);
    this.byId.set(record.hostId, entry);
    this.count(entry, 1);
    this.list(entry);
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
    const { announcement, players } = beat;
    entry.record = { ...old, announcement, players, natType, verdict, delta, observed, rttMs: entry.session.rttMs };
    this.list(entry);
    return 'changed';
  }

  remove(entry: HostEntry): void {
    this.byKey.delete(keyText(entry.record.hostKey));
    this.byId.delete(entry.record.hostId);
    this.count(entry, -1);
    this.unlist(entry);
  }

  /** One page of the public list from place `after` on; looks at a bounded number of hosts. */
  page(
    after: number,
    wanted: (entry: HostEntry) => boolean,
    fits: (entry: HostEntry) => boolean,
  ): { entries: HostEntry[]; next: number | null } {
    const entries: HostEntry[] = [];
    const end = Math.min(this.publicHosts.length, after + LIMITS.listScanMax);
    let at = after;
    for (; at < end && entries.length < LIMITS.listPageMax; at++) {
      const entry = this.publicHosts[at];
      if (entry === undefined || !wanted(entry)) continue;
      if (!fits(entry)) break;
      entries.push(entry);
    }
    return { entries, next: at < this.publicHosts.length ? at : null };
  }

  private full(address: string): boolean {
    const [narrow, wide] = addressPrefixes(address);
    const quota = address.includes(':') ? LIMITS.hostsPerIpv6 : LIMITS.hostsPerIpv4;
    return this.perAddress.of(narrow) >= quota.narrow || this.perAddress.of(wide) >= quota.wide;
  }

  private count(entry: HostEntry, by: 1 | -1): void {
    for (const prefix of addressPrefixes(entry.address)) this.perAddress.add(prefix, by);
  }

  private assignCode(session: Session): { code: string; fresh: boolean } {
    const remembered = this.codeOfKey.get(session.keyText);
    if (remembered !== undefined) return { code: remembered, fresh: false };
    let attempt = 0;
    let code = codeOf(this.suite, session.key, attempt);
    // Each round fails with the odds of one code in 2.56e10 per host known, so the bound is never reached.
    while (this.keyOfCode.has(code) && attempt < LIMITS.codeAttemptsMax) {
      attempt++;
      code = codeOf(this.suite, session.key, attempt);
    }
    this.remember(code, session.key);
    return { code, fresh: true };
  }

  private list(entry: HostEntry): void {
    const wanted = entry.record.announcement.public;
    if (wanted && entry.listed < 0) entry.listed = this.publicHosts.push(entry) - 1;
    if (!wanted) this.unlist(entry);
  }

  /** The last of the list takes the place, so nothing is moved but one. */
  private unlist(entry: HostEntry): void {
    if (entry.listed < 0) return;
    const last = this.publicHosts.pop();
    if (last !== undefined && last !== entry) {
      this.publicHosts[entry.listed] = last;
      last.listed = entry.listed;
    }
    entry.listed = -1;
  }
}

export function listEntry(entry: HostEntry, rttMs: number | null): ListEntry {
  const { record } = entry;
  const { name, game, map, mode, version, playersMax, passwordNeeded } = record.announcement;
  // Through the master is a bound for the direct path: good enough to order a list by, and it tells nobody's address.
  const pingEstimateMs = record.rttMs === null || rttMs === null ? null : Math.round(record.rttMs + rttMs);
  return {
    ...{ hostId: record.hostId, code: record.code, name, game, map, mode, version, playersMax, passwordNeeded },
    ...{ players: record.players, natType: record.natType, verdict: record.verdict, pingEstimateMs },
  };
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
