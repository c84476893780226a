/**
 * Joins under way: who wants to whom, what was seen of both, what each has paid, which steps and credits have been passed on.
 * Everything here is idempotent by session id, because requests are repeated; the handshakes and steps are opaque.
 */

import { type Endpoint, sameEndpoint } from '../address.ts';
import { equalBytes } from '../bytes.ts';
import type { Instant } from '../contract.ts';
import type { FailureCode } from '../errors.ts';
import type { Permit } from '../model/pair.ts';
import { allowAt } from '../rate/pace.ts';
import { type Placed, Shares, type TableState } from '../rate/shares.ts';
import { ReplayWindow } from '../secure/session.ts';
import { WIRE_LIMITS } from '../wire/limits.ts';
import type { Push, Request, SessionId } from '../wire/messages.ts';
import type { RelayGrant } from '../wire/relay.ts';
import type { Grants } from './grants.ts';
import { MASTER_LIMITS } from './limits.ts';
import { Budgets, type Paid, Permits } from './permits.ts';
import type { HostEntry } from './registry.ts';
import { keyText, type MasterSession } from './session.ts';
import { Wheel } from './wheel.ts';

/** One end of a join. */
interface End {
  session: MasterSession;
  /** Punching sockets as seen, newest first. */
  observed: Endpoint[];
  /** What this end may send at each address of the other. */
  readonly budgets: Budgets;
  readonly steps: ReplayWindow;
  readonly credits: ReplayWindow;
  stepFullAt: Instant;
  /** The other end learns no address of this one. */
  hidden: boolean;
}

export interface JoinUnderWay extends Placed {
  readonly begunAt: Instant;
  /** Where its client was when it began: whose share it takes. */
  readonly address: string;
  readonly sid: SessionId;
  readonly hostId: string;
  readonly client: End;
  readonly host: End;
  readonly handshake: Uint8Array;
  answer: Uint8Array | null;
  touchedAt: Instant;
  over: boolean;
}

/** A push and the session it goes to. */
export interface PushTo {
  readonly to: MasterSession;
  readonly push: Push;
}

/** What to do with a request: whom to tell, or why not. */
export type Outcome =
  | { readonly ok: true; readonly pushes: readonly PushTo[] }
  | { readonly ok: false; readonly failure: FailureCode; readonly retryAfterMs: number };

const NOTHING: Outcome = { ok: true, pushes: [] };
const no = (failure: FailureCode, retryAfterMs = 0): Outcome => ({ ok: false, failure, retryAfterMs });

export class Joins {
  private readonly permits = new Permits();
  private readonly bySid = new Map<string, JoinUnderWay>();
  /** By the key of the host. */
  private readonly byHost = new Map<string, Set<JoinUnderWay>>();
  private readonly expiry = new Wheel<JoinUnderWay>(1_000, 128);
  private readonly shares: Shares<JoinUnderWay>;

  private readonly grants: Grants;

  /** `secret`: 16 bytes for the hashes of addresses; `draw`: 32 random bits. */
  constructor(grants: Grants, secret: Uint8Array, draw: () => number) {
    this.grants = grants;
    this.shares = new Shares({
      ...{ name: 'joins', max: MASTER_LIMITS.joinsMax, caps: MASTER_LIMITS.joinCaps, secret, draw },
      addressOf: ({ address }) => address,
      proven: ({ answer }) => answer !== null,
      since: ({ begunAt }) => begunAt,
    });
  }

  tables(): readonly TableState[] {
    return [this.shares.state()];
  }

  /** So many nodes share what an address bears: each has its part of it. */
  share(nodes: number): void {
    this.permits.nodes = Math.max(1, nodes);
  }

  get size(): number {
    return this.bySid.size;
  }

  find(sid: SessionId): JoinUnderWay | null {
    return this.bySid.get(keyText(sid)) ?? null;
  }

  /** A first JOIN is offered to the host; a repeated one only refreshes what is seen of the client. */
  join(
    now: Instant,
    session: MasterSession,
    from: Endpoint,
    request: Extract<Request, { type: 'join' }>,
    host: HostEntry,
  ): Outcome {
    const known = this.find(request.sid);
    if (known !== null) return this.rejoin(now, known, session, from, request);
    if (!host.session.hasRoom) return no('BUSY', 1_000);
    const crowded = this.shares.crowdedOut(from.address);
    const join: JoinUnderWay = {
      ...{ begunAt: now, address: from.address, place: -1 },
      ...{ sid: request.sid, hostId: host.record.hostId, handshake: request.handshake, answer: null },
      ...{ client: end(session, from), host: end(host.session, null), touchedAt: now, over: false },
    };
    join.client.hidden = request.hidden;
    const room = crowded === null ? [] : this.over(now, crowded);
    this.bySid.set(keyText(request.sid), join);
    const beside = this.byHost.get(host.session.keyText);
    if (beside === undefined) this.byHost.set(host.session.keyText, new Set([join]));
    else beside.add(join);
    this.shares.add(join);
    this.expiry.add(now, join, now + MASTER_LIMITS.joinIdleMs);
    const paid = this.pay(now, join.host, join.client, from.address);
    if (!paid.ok) return no('BUSY', paid.retryAfterMs);
    return { ok: true, pushes: [...room, this.offer(now, join)] };
  }

  /** The same client again: it has lost an answer, its session, or has come from another socket. */
  private rejoin(
    now: Instant,
    join: JoinUnderWay,
    session: MasterSession,
    from: Endpoint,
    request: Extract<Request, { type: 'join' }>,
  ): Outcome {
    if (!equalBytes(join.client.session.key, session.key)) return no('REFUSED');
    if (!equalBytes(join.handshake, request.handshake)) return no('REFUSED');
    const moved = join.client.session !== session;
    join.client.session = session;
    join.touchedAt = now;
    see(join.client, from);
    const paid = this.payAnew(now, join.host, join.client, join.sid, from.address);
    // Pushes of a lost session are gone with it, so the answer is told again.
    return { ok: true, pushes: moved && join.answer !== null ? [...paid, this.answered(now, join)] : paid };
  }

  /** JOIN or ANSWER has come once more, from another address than before: these bytes are that address's own. */
  private payAnew(now: Instant, sender: End, payer: End, sid: SessionId, address: string): readonly PushTo[] {
    if (payer.session.tunnel || sender.budgets.get(address) !== null || !sender.session.hasRoom) return [];
    return this.pay(now, sender, payer, address).ok ? [credited(now, sender, payer, sid)] : [];
  }

  answer(now: Instant, session: MasterSession, from: Endpoint, request: Extract<Request, { type: 'answer' }>): Outcome {
    const join = this.find(request.sid);
    const ends = join && endsOf(join, session);
    if (join === null || ends?.own !== join.host) return no('ABORTED');
    join.touchedAt = now;
    see(join.host, from);
    if (join.answer !== null)
      return { ok: true, pushes: this.payAnew(now, join.client, join.host, join.sid, from.address) };
    if (!join.client.session.hasRoom) return no('BUSY', 1_000);
    join.answer = request.handshake;
    join.host.hidden = request.hidden;
    const paid = this.pay(now, join.client, join.host, from.address);
    if (!paid.ok) return no('BUSY', paid.retryAfterMs);
    return { ok: true, pushes: [this.answered(now, join)] };
  }

  /**
   * The host has another session now: its program was started anew, or it has come to another network. What it was asked there and has
   * not answered is asked here. A knock that is older has been given up.
   */
  handOver(now: Instant, session: MasterSession): readonly PushTo[] {
    const pushes: PushTo[] = [];
    for (const join of this.byHost.get(session.keyText) ?? []) {
      if (join.host.session === session) continue;
      join.host.session = session;
      if (join.answer === null && now - join.touchedAt < MASTER_LIMITS.handOverMs) pushes.push(this.offer(now, join));
    }
    return pushes;
  }

  refuse(now: Instant, session: MasterSession, request: Extract<Request, { type: 'refuse' }>): Outcome {
    const join = this.find(request.sid);
    const ends = join && endsOf(join, session);
    if (join === null || ends?.own !== join.host) return NOTHING;
    this.remove(now, join);
    const { sid, failure, retryAfterMs } = request;
    return { ok: true, pushes: [{ to: join.client.session, push: { type: 'refused', sid, failure, retryAfterMs } }] };
  }

  /** A host's word while a person is asked; as many as steps, because friends come and go before this one. */
  hold(now: Instant, session: MasterSession, request: Extract<Request, { type: 'hold' }>): Outcome {
    const join = this.find(request.sid);
    const ends = join && endsOf(join, session);
    if (join === null || ends?.own !== join.host || join.answer !== null) return NOTHING;
    join.touchedAt = now;
    const next = allowAt(ends.own.stepFullAt, now, MASTER_LIMITS.stepRate);
    if (next === null || !ends.other.session.hasRoom) return no('BUSY', 1_000);
    ends.own.stepFullAt = next;
    const { sid, ahead } = request;
    return { ok: true, pushes: [{ to: ends.other.session, push: { type: 'held', sid, ahead } }] };
  }

  step(now: Instant, session: MasterSession, request: Extract<Request, { type: 'step' }>): Outcome {
    const join = this.find(request.sid);
    const ends = join && endsOf(join, session);
    if (join === null || !ends) return no('ABORTED');
    join.touchedAt = now;
    if (!ends.own.steps.check(request.n)) return NOTHING;
    const next = allowAt(ends.own.stepFullAt, now, MASTER_LIMITS.stepRate);
    if (next === null || !ends.other.session.hasRoom) return no('BUSY', 1_000);
    ends.own.stepFullAt = next;
    ends.own.steps.mark(request.n);
    const { sid, n, sealed } = request;
    return { ok: true, pushes: [{ to: ends.other.session, push: { type: 'step', sid, n, sealed } }] };
  }

  /** Padded bytes from the address that will be hit: they buy the other end probes towards it. */
  credit(now: Instant, session: MasterSession, from: Endpoint, request: Extract<Request, { type: 'credit' }>): Outcome {
    const join = this.find(request.sid);
    const ends = join && endsOf(join, session);
    if (join === null || !ends) return no('ABORTED');
    join.touchedAt = now;
    // Over TLS nothing is bought: no probe could be sent where these bytes come from.
    if (session.tunnel) return NOTHING;
    if (!ends.own.credits.check(request.n)) return NOTHING;
    if (!ends.other.session.hasRoom) return no('BUSY', 1_000);
    const paid = this.pay(now, ends.other, ends.own, from.address);
    if (!paid.ok) return no('BUSY', paid.retryAfterMs);
    ends.own.credits.mark(request.n);
    return { ok: true, pushes: [credited(now, ends.other, ends.own, request.sid)] };
  }

  /** The other end is told once; a repeated `done` finds nothing any more. */
  done(
    now: Instant,
    session: MasterSession,
    sid: SessionId,
    outcome: 'path' | 'aborted',
  ): { join: JoinUnderWay; push: PushTo } | null {
    const join = this.find(sid);
    const ends = join && endsOf(join, session);
    if (join === null || !ends) return null;
    this.remove(now, join);
    return { join, push: { to: ends.other.session, push: { type: 'over', sid, outcome } } };
  }

  expire(now: Instant, gone: (join: JoinUnderWay, pushes: readonly PushTo[]) => void): void {
    this.expiry.advance(now, (join) => {
      if (join.over) return null;
      const at = join.touchedAt + MASTER_LIMITS.joinIdleMs;
      if (at > now) return at;
      gone(join, this.over(now, join));
      return null;
    });
  }

  /** Ends a join that nobody has ended; both sides are told, and whoever still wants it joins anew. */
  private over(now: Instant, join: JoinUnderWay): readonly PushTo[] {
    this.remove(now, join);
    const push: Push = { type: 'over', sid: join.sid, outcome: 'expired' };
    return [
      { to: join.client.session, push },
      { to: join.host.session, push },
    ];
  }

  next(): Instant {
    return this.expiry.next();
  }

  private remove(now: Instant, join: JoinUnderWay): void {
    join.over = true;
    this.bySid.delete(keyText(join.sid));
    const host = join.host.session.keyText;
    const beside = this.byHost.get(host);
    beside?.delete(join);
    if (beside?.size === 0) this.byHost.delete(host);
    this.shares.remove(join);
    join.client.budgets.end(now, this.permits);
    join.host.budgets.end(now, this.permits);
  }

  private pay(now: Instant, sender: End, payer: End, address: string): Paid {
    return payer.session.tunnel ? { ok: true } : sender.budgets.pay(now, this.permits, sender.session.keyText, address);
  }

  private offer(now: Instant, join: JoinUnderWay): PushTo {
    const { sid, client, host, handshake } = join;
    const permit = permitFor(now, host, client);
    const relay = this.grant(join, 'host');
    return { to: host.session, push: { type: 'offer', sid, ...shown(client, permit), handshake, relay } };
  }

  private grant({ sid, client, host }: JoinUnderWay, side: 'client' | 'host'): RelayGrant | null {
    return this.grants.mint({ sid, clientKey: client.session.key, hostKey: host.session.key }, side);
  }

  private answered(now: Instant, join: JoinUnderWay): PushTo {
    const { sid, client, host, answer } = join;
    const permit = permitFor(now, client, host);
    const relay = this.grant(join, 'client');
    const handshake = answer ?? new Uint8Array(0);
    return { to: client.session, push: { type: 'answered', sid, ...shown(host, permit), handshake, relay } };
  }
}

function end(session: MasterSession, from: Endpoint | null): End {
  return {
    ...{ session, observed: from === null || session.tunnel ? [] : [from], budgets: new Budgets(), stepFullAt: 0 },
    hidden: false,
    ...{ steps: new ReplayWindow(), credits: new ReplayWindow() },
  };
}

/** What the other side is told of this end; nothing where it comes through a relay only. */
function shown({ hidden, observed }: End, permit: Permit): { observed: readonly Endpoint[]; permit: Permit } {
  return hidden ? { observed: [], permit: { addresses: [] } } : { observed, permit };
}

function see(one: End, from: Endpoint): void {
  if (one.session.tunnel) return;
  const others = one.observed.filter((endpoint) => !sameEndpoint(endpoint, from));
  one.observed = [from, ...others].slice(0, WIRE_LIMITS.observedMax);
}

/**
 * Which end a session is. A participant that was handshaken anew is still the same one, its key says so; but one computer may
 * be both ends with one key, so the very session counts first.
 */
function endsOf(join: JoinUnderWay, session: MasterSession): { own: End; other: End } | null {
  const { client, host } = join;
  if (client.session === session) return { own: client, other: host };
  if (host.session === session) return { own: host, other: client };
  const own = [client, host].find((one) => one.session.over && one.session.keyText === session.keyText);
  const known = own ?? [client, host].find((one) => one.session.keyText === session.keyText);
  if (known === undefined) return null;
  known.session = session;
  return { own: known, other: known === client ? host : client };
}

/** Only addresses that the target has proven within the last 30 s, each with what it has paid itself, whatever anybody claims (row 2). */
function permitFor(now: Instant, sender: End, target: End): Permit {
  return sender.budgets.permit(now, target.session.provenAddresses(now));
}

function credited(now: Instant, sender: End, payer: End, sid: SessionId): PushTo {
  const { permit } = shown(payer, permitFor(now, sender, payer));
  return { to: sender.session, push: { type: 'credited', sid, permit } };
}
