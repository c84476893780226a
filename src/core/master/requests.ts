/** What each request of a proven participant does, and what it is answered. */

import type { Endpoint } from '../address.ts';
import { equalBytes, utf8Encode } from '../bytes.ts';
import type { Instant } from '../contract.ts';
import type { FailureCode } from '../errors.ts';
import { normalizeCode } from '../model/code.ts';
import type { HostAnnouncement, ListEntry } from '../model/listing.ts';
import type { RefusalWhy } from '../model/progress.ts';
import { addressKeys, Limiter, Pace } from '../rate/pace.ts';
import type { CryptoSuite } from '../secure/crypto.ts';
import { sipHash32 } from '../secure/siphash.ts';
import { entryBytes } from '../wire/entry-wire.ts';
import { WIRE_LIMITS } from '../wire/limits.ts';
import type { Push, Request, Response } from '../wire/messages.ts';
import type { NodeList } from '../wire/nodes.ts';
import { Contests } from './contests.ts';
import type { Counters } from './counters.ts';
import { Displaced } from './displaced.ts';
import type { Grants } from './grants.ts';
import type { GoneReason, ListViewer, MasterEvent, MasterPolicy } from './interface.ts';
import type { Joins, Outcome } from './joins.ts';
import { MASTER_LIMITS } from './limits.ts';
import { type HostEntry, plainEntry, type Registry } from './registry.ts';
import type { MasterSession } from './session.ts';

export interface RequestParts {
  readonly suite: CryptoSuite;
  readonly registry: Registry;
  readonly joins: Joins;
  readonly grants: Grants;
  readonly counters: Counters;
  readonly policy: MasterPolicy;
  readonly page: () => string;
  /** 16 bytes for the hashes of addresses. */
  readonly secret: Uint8Array;
  /** The master's own public key: what it does itself, as a test, counts in no statistics. */
  readonly own: Uint8Array;
  push(now: Instant, session: MasterSession, message: Push): boolean;
  event(event: MasterEvent): void;
}

type Of<Type extends Request['type']> = Extract<Request, { readonly type: Type }>;

function failed(failure: FailureCode, retryAfterMs = 0, why: RefusalWhy = 'none'): Response {
  return { type: 'failed', failure, why, retryAfterMs };
}

export class Requests {
  private readonly parts: RequestParts;
  private readonly secret: Uint8Array;
  /** Of the fleet that this master is a node of. */
  nodes: NodeList | null = null;
  /** Hosts of an earlier run may still come back until then. */
  hostsReturnUntil: Instant = 0;
  private readonly wrongCodes = new Pace(MASTER_LIMITS.wrongCodeRates);
  private readonly newCodes = new Pace(MASTER_LIMITS.newCodeRates);
  private readonly hostRoom = new Pace(MASTER_LIMITS.hostRoomRates);
  readonly contests: Contests;
  private readonly lists = new Limiter(MASTER_LIMITS.listRate);
  private readonly displaced = new Displaced();
  private readonly joinsOfClient = new Limiter(MASTER_LIMITS.joinPerClientRate);
  private readonly joins = new Pace(MASTER_LIMITS.joinRates);
  private readonly hostJoins = new Pace(MASTER_LIMITS.hostJoinRates);
  private readonly fresh = new Pace(MASTER_LIMITS.grantRates);
  private readonly hostJoinFresh = new Limiter(MASTER_LIMITS.hostJoinFresh);
  private readonly hostJoinsFresh = new Limiter(MASTER_LIMITS.hostJoinRateFresh);
  private readonly hostJoinsOthers = new Limiter(MASTER_LIMITS.hostJoinRateOthers);

  constructor(parts: RequestParts) {
    this.parts = parts;
    this.secret = parts.secret;
    const { registry, counters, event } = parts;
    this.contests = new Contests({ registry, counters, event, lost: (now, host) => this.gone(now, host, 'evicted') });
  }

  /** How long this address has to wait before it may try another code, over whatever way; 0 = not at all. */
  codeWaitMs(now: Instant, address: string): number {
    return this.wrongCodes.waitMs(now, addressKeys(this.secret, address));
  }

  /** It has tried one that there is not. */
  wrongCode(now: Instant, address: string): void {
    const keys = addressKeys(this.secret, address);
    // What an address may try in all it may try at each node in part.
    for (let n = 0; n < Math.max(1, this.nodes?.nodes.length ?? 1); n++) this.wrongCodes.take(now, keys);
  }

  handle(now: Instant, session: MasterSession, from: Endpoint, request: Request, id: number): Response {
    switch (request.type) {
      case 'echo':
        return this.ok(from);
      case 'register':
      case 'heartbeat':
      case 'goodbye':
        // Said before what is known already: it changes nothing, and is answered only so that it is not repeated.
        if (session.overtaken(now, id)) return this.ok(from);
        return this.hosting(now, session, from, request);
      case 'resolve':
        return this.resolve(now, session, from, request);
      case 'list':
        return this.list(now, session, from, request);
      case 'join':
        return this.join(now, session, from, request);
      case 'answer':
        return this.passOn(now, from, this.parts.joins.answer(now, session, from, request));
      case 'refuse':
        return this.passOn(now, from, this.parts.joins.refuse(now, session, request));
      case 'hold':
        return this.passOn(now, from, this.parts.joins.hold(now, session, request));
      case 'step':
        return this.passOn(now, from, this.parts.joins.step(now, session, request));
      case 'credit':
        return this.passOn(now, from, this.parts.joins.credit(now, session, from, request));
      case 'done':
        return this.done(now, session, from, request);
      case 'relay':
        return this.grant(now, session, from, request);
      case 'relays':
        return { type: 'relays', relays: this.parts.grants.relays };
      case 'nodes':
        return this.nodes === null ? failed('REFUSED', 0, 'no-fleet') : { type: 'nodes', ...this.nodes };
    }
  }

  private hosting(
    now: Instant,
    session: MasterSession,
    from: Endpoint,
    request: Of<'register' | 'heartbeat' | 'goodbye'>,
  ): Response {
    if (request.type === 'register') return this.register(now, session, from, request);
    if (request.type === 'heartbeat') return this.heartbeat(session, from, request);
    return this.goodbye(now, session, from);
  }

  private register(now: Instant, session: MasterSession, from: Endpoint, request: Of<'register'>): Response {
    const { registry, counters } = this.parts;
    const announcement = this.announced(session, from, request.announcement);
    if (typeof announcement === 'string') return failed(announcement);
    const { code, players, profile, generation } = request;
    const here = registry.of(session);
    if (here !== null && here.session !== session && this.isDisplaced(here, generation)) return failed('HOST_REPLACED');
    const refusal = this.codeRefusal(now, session, from, code);
    if (refusal !== null) return refusal;
    if (here === null && registry.crowded(from.address)) {
      const roomWaitMs = this.hostRoom.take(now, addressKeys(this.secret, from.address));
      counters.limit('hosts');
      if (roomWaitMs > 0) return failed('BUSY', Math.ceil(roomWaitMs), 'hosts-here');
    }
    const before = here?.session ?? session;
    // Another program of the same household, or of the same computer, has begun later.
    const earlier = here?.record.generation ?? generation;
    const another = earlier !== generation;
    const done = registry.register(now, session, from, code, { announcement, players, profile, generation });
    if ('failure' in done) return failed(done.failure, 0, 'other-code');
    const { entry, change, newCode, crowdedOut } = done;
    if (another) this.displaced.add(session.keyText, earlier);
    if (crowdedOut !== null) this.toldGone(crowdedOut, 'evicted');
    if (isElsewhere(before, session, another)) this.parts.push(now, before, { type: 'replaced' });
    if (newCode !== null) this.parts.event({ ev: 'code', code: newCode, hostKey: session.key });
    if (change !== 'none') this.parts.event({ ev: 'host', change, host: entry.record });
    for (const { to, push } of this.parts.joins.handOver(now, session)) this.parts.push(now, to, push);
    return {
      type: 'registered',
      code: entry.record.code,
      hostId: entry.record.hostId,
      observed: from,
      page: this.parts.page(),
    };
  }

  /** Alone a master has one order of who came; the nodes of a fleet have one by this number. */
  private isDisplaced({ record }: HostEntry, generation: number): boolean {
    if (this.nodes !== null) return record.generation > generation;
    return this.displaced.has(record.keyText, generation);
  }

  /** Null where the code is free or the host's own. */
  private codeRefusal(now: Instant, session: MasterSession, from: Endpoint, code: string): Response | null {
    const keys = addressKeys(this.secret, from.address);
    switch (this.parts.registry.claim(session.key, code)) {
      case 'own':
        return null;
      case 'taken':
        return failed('CODE_TAKEN');
      case 'free': {
        const waitMs = this.newCodes.take(now, keys);
        if (waitMs === 0) return null;
        this.parts.counters.limit('codes');
        return failed('BUSY', Math.ceil(waitMs), 'new-hosts');
      }
      case 'contested':
        this.contests.claimed(now, code, keys);
        return failed('BUSY', MASTER_LIMITS.contestRestMs, 'contested');
    }
  }

  /** A later one of this key is at another node. */
  replaced(now: Instant, hostKey: Uint8Array, generation: number): void {
    const entry = this.parts.registry.find(hostKey);
    if (entry === null || entry.record.generation >= generation) return;
    this.parts.push(now, entry.session, { type: 'replaced' });
    this.gone(now, entry, 'replaced');
  }

  private heartbeat(session: MasterSession, from: Endpoint, request: Of<'heartbeat'>): Response {
    const { registry, counters } = this.parts;
    const entry = registry.of(session);
    if (entry === null) return failed('HOST_OFFLINE', 0, 'not-registered');
    if (entry.session !== session) return failed('HOST_REPLACED');
    counters.heartbeats++;
    const wished = request.announcement ?? entry.record.announcement;
    const announcement = request.announcement === null ? wished : this.announced(session, from, request.announcement);
    if (typeof announcement === 'string') return failed(announcement);
    const { players, profile } = request;
    const { generation } = entry.record;
    const change = registry.update(entry, from, { announcement, players, profile, generation });
    if (change === 'changed') this.parts.event({ ev: 'host', change, host: entry.record });
    return this.ok(from);
  }

  private announced(session: MasterSession, from: Endpoint, wished: HostAnnouncement): HostAnnouncement | FailureCode {
    return this.parts.policy.announce(session.key, from, wished);
  }

  private goodbye(now: Instant, session: MasterSession, from: Endpoint): Response {
    const entry = this.parts.registry.of(session);
    if (entry?.session === session) this.gone(now, entry, 'goodbye');
    return this.ok(from);
  }

  gone(now: Instant, entry: HostEntry, reason: GoneReason): void {
    this.parts.registry.remove(now, entry);
    this.toldGone(entry, reason);
  }

  private toldGone(entry: HostEntry, reason: GoneReason): void {
    const { registry, event } = this.parts;
    this.displaced.forget(entry.record.keyText);
    event({ ev: 'host-gone', host: entry.record, reason });
    for (const code of registry.forgotten()) event({ ev: 'code-forgotten', code });
  }

  /** Wrong codes are rationed per address and network, so that codes cannot be tried out (20 at once, then one in 5 s). */
  private resolve(now: Instant, session: MasterSession, from: Endpoint, request: Of<'resolve'>): Response {
    const waitMs = this.codeWaitMs(now, from.address);
    if (waitMs > 0) {
      this.parts.counters.limit('resolve');
      return failed('BUSY', Math.ceil(waitMs), 'codes-tried');
    }
    const code = normalizeCode(request.code);
    const key = code === null ? null : this.parts.registry.keyOf(code);
    if (key === null) {
      this.wrongCode(now, from.address);
      return failed('CODE_UNKNOWN');
    }
    const entry = this.parts.registry.find(key);
    if (entry === null) return failed('HOST_OFFLINE', now < this.hostsReturnUntil ? this.returnMs(code) : 0);
    const { policy } = this.parts;
    const viewer = viewerOf(session, from);
    const told = policy.entry?.(entry.record, viewer) ?? plainEntry(entry.record, viewer);
    return { type: 'resolved', hostKey: key, entry: told };
  }

  /** Its host may not have noticed yet that this is another run of its master. */
  private returnMs(code: string | null): number {
    return code !== null && this.parts.registry.isFromBefore(code) ? MASTER_LIMITS.hostReturnAskMs : 0;
  }

  private list(now: Instant, session: MasterSession, from: Endpoint, request: Of<'list'>): Response {
    const { policy } = this.parts;
    const refusal = policy.admit('list', session.key, from);
    if (refusal !== null) return failed(refusal);
    if (this.lists.take(now, this.pairKey(session, from)) > 0) {
      this.parts.counters.limit('list');
      return failed('BUSY', 1000 / MASTER_LIMITS.listRate.perSecond);
    }
    let [room, left] = [WIRE_LIMITS.listPageMax, MASTER_LIMITS.listPageBytesMax];
    const fits = (entry: ListEntry): boolean => {
      room--;
      left -= entryBytes(entry);
      return room >= 0 && left >= 0;
    };
    const after = /^\d{1,9}$/.test(request.after) ? Number(request.after) : 0;
    const page = policy.list?.({ after, game: request.game, viewer: viewerOf(session, from), fits });
    return { type: 'entries', entries: page?.entries ?? [], next: String(page?.next ?? '') };
  }

  private join(now: Instant, session: MasterSession, from: Endpoint, request: Of<'join'>): Response {
    const { registry, joins, policy } = this.parts;
    const entry = registry.find(request.hostKey);
    const told = (failure: FailureCode, retryAfterMs = 0): Response => {
      if (!this.isOwn(session)) this.parts.event({ ev: 'join', hostId: entry?.record.hostId ?? null, result: failure });
      return failed(failure, retryAfterMs);
    };
    const refusal = policy.admit('join', session.key, from);
    if (refusal !== null) return told(refusal);
    // A repetition costs no allowance: it is the same join.
    const known = joins.find(request.sid) !== null;
    const limited = known ? null : this.joinLimit(now, session, from, request.hostKey);
    if (limited !== null) return told('BUSY', limited);
    if (entry === null) return told('HOST_OFFLINE');
    const outcome = joins.join(now, session, from, request, entry);
    if (!outcome.ok) return told(outcome.failure, outcome.retryAfterMs);
    if (!known && !this.isOwn(session))
      this.parts.event({ ev: 'join', hostId: entry.record.hostId, result: 'offered' });
    return this.passOn(now, from, outcome);
  }

  private joinLimit(now: Instant, session: MasterSession, from: Endpoint, hostKey: Uint8Array): number | null {
    const keys = addressKeys(this.secret, from.address);
    if (this.joinsOfClient.take(now, this.pairKey(session, from)) > 0 || this.joins.take(now, keys) > 0) {
      this.parts.counters.limit('join-client');
      return 2_000;
    }
    const host = sipHash32(this.secret, hostKey);
    const of = (key: number): number => (key ^ host) >>> 0;
    const fresh = this.hostJoinFresh.take(now, of(from.address.includes(':') ? keys.wide : keys.narrow)) === 0;
    const { narrow, wide, widest } = keys;
    const waitMs = this.hostJoins.take(now, { narrow: of(narrow), wide: of(wide), widest: of(widest) });
    const all = fresh ? this.hostJoinsFresh : this.hostJoinsOthers;
    const room = (): boolean => all.take(now, host) === 0 || (fresh && this.hostJoinsOthers.take(now, host) === 0);
    if (waitMs === 0 && room()) return null;
    this.parts.counters.limit('join-host');
    return Math.max(3_000, Math.ceil(waitMs));
  }

  private done(now: Instant, session: MasterSession, from: Endpoint, request: Of<'done'>): Response {
    const { type: _type, sid, ...report } = request;
    const done = this.parts.joins.done(now, session, sid, request.outcome);
    if (done !== null) {
      this.parts.push(now, done.push.to, done.push.push);
      if (!this.isOwn(session)) this.parts.event({ ev: 'report', ...report });
    }
    return this.ok(from);
  }

  /** Another grant for who has had one, and is still welcome. */
  private grant(now: Instant, session: MasterSession, from: Endpoint, { token }: Of<'relay'>): Response {
    const refusal = this.parts.policy.admit('relay', session.key, from);
    if (refusal !== null) return failed(refusal);
    const waitMs = this.fresh.take(now, addressKeys(this.secret, from.address));
    if (waitMs > 0) {
      this.parts.counters.limit('grant');
      return failed('BUSY', Math.ceil(waitMs));
    }
    const relay = this.parts.grants.renew(token, session.key);
    return relay === null ? failed('REFUSED', 0, 'foreign-token') : { type: 'granted', relay };
  }

  private ok(from: Endpoint): Response {
    return { type: 'ok', observed: from, nodes: this.nodes?.serial ?? 0 };
  }

  private isOwn(session: MasterSession): boolean {
    return equalBytes(session.key, this.parts.own);
  }

  private passOn(now: Instant, from: Endpoint, outcome: Outcome): Response {
    if (!outcome.ok) return failed(outcome.failure, outcome.retryAfterMs);
    for (const { to, push } of outcome.pushes) this.parts.push(now, to, push);
    return this.ok(from);
  }

  /** One participant at one address: a bad neighbour behind the same carrier NAT takes nothing away from others. */
  private pairKey(session: MasterSession, from: Endpoint): number {
    return sipHash32(this.secret, utf8Encode(`${from.address} ${session.keyText}`));
  }
}

function viewerOf(session: MasterSession, from: Endpoint): ListViewer {
  return { address: from.address, rttMs: session.rttMs };
}

/**
 * May it be another computer? A session of the very same one that has moved is told nothing: whoever watches its new network would see the
 * CID of the old one there. `another`: the hosting is another one, also behind the same address.
 */
function isElsewhere(before: MasterSession, session: MasterSession, another: boolean): boolean {
  const apart = another || before.path?.address !== session.path?.address;
  return before !== session && !before.over && apart;
}
