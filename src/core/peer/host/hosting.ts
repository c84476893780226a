/**
 * A host: on the master's list, and at its own door. The door (`door.ts`) decides who may come in; here its word is carried out: each
 * friend's program is a visit that goes through the phases of `VISIT_PHASES`. Until it is let in nobody learns the host's address
 * (SECURITY.md row 17). Repeated offers of one session are recognised. That hard pairs are punched one after another is
 * the business of the traversals' shared `Device`.
 */
import { equalBytes, toHex } from '../../bytes.ts';
import type { Instant } from '../../contract.ts';
import type { FailureCode } from '../../errors.ts';
import type { NatProfile } from '../../nat/profile.ts';
import { Shares } from '../../rate/shares.ts';
import { randomU32 } from '../../secure/crypto.ts';
import type { Push } from '../../wire/messages.ts';
import type { Alarm, PeerContext } from '../base/context.ts';
import type { Ban, ConnectionId, FriendId, PeerCommand, PeerEvent } from '../base/interface.ts';
import { PEER_LIMITS } from '../base/limits.ts';
import type { RelayMode } from '../base/relay-choice.ts';
import { modeOfBoth, NO_RELAY, type RelayId } from '../base/relay-choice.ts';
import { lookBeside } from '../carry/beside.ts';
import type { ConnectionEnd, ConnectionOwner, Connections } from '../carry/connections.ts';
import type { EndToEnd } from '../keys/handshake.ts';
import { isOutdated, usableCandidates, type Whereabouts } from '../reach/candidates.ts';
import { meetingOf } from '../reach/families.ts';
import { reportEnd, type SessionEvent } from '../reach/session.ts';
import { addressesOf, addressOf, Door, isFull, type Memory, type Offer, type VisitorId } from './door.ts';
import { DOOR_LIMITS } from './limits.ts';
import type { RegistrationEvent } from './registration.ts';
import { Registrations } from './registrations.ts';
import { lineOf, Visit } from './visit.ts';
import { type Answer, Welcome } from './welcome.ts';

export type HostCommand = PeerCommand & { readonly do: 'host' };
type Found = SessionEvent & { readonly ev: 'path' };
type FriendState = (PeerEvent & { readonly ev: 'peer' })['state'];

export class Hosting implements ConnectionOwner {
  private readonly context: PeerContext;
  private readonly connections: Connections;
  private readonly registrations: Registrations;
  private readonly door: Door;
  private readonly memory: Memory;
  private command: HostCommand;
  /** Players as the application counts them; null: the paths are counted. */
  private players: number | null = null;
  private code = '';
  private page = '';
  /** At the door, one for each program of a friend; those that ask in the order of their first knock. */
  private readonly visits = new Map<VisitorId, Visit>();
  /** Connected. One that comes anew has a visit at the door as well: the path is only given up when the new one is proven. */
  private readonly inside = new Map<VisitorId, Visit>();
  private readonly comers: Shares<Visit>;
  private readonly askers: Shares<Visit>;
  private guessesTold: Alarm | null = null;
  /** Sessions seen, oldest first, so that a repeated offer is not a second visit. */
  private readonly seen = new Set<string>();

  constructor(context: PeerContext, connections: Connections, command: HostCommand, memory: Memory) {
    this.context = context;
    this.connections = connections;
    this.command = command;
    this.memory = memory;
    const { crypto, identity, master } = context.config;
    const secret = crypto.randomBytes(16);
    this.door = new Door({ crypto, identity, masterKey: master.key, memory, secret });
    const shares = (name: string): Shares<Visit> =>
      new Shares({
        ...{ name, max: PEER_LIMITS.guestsMax, caps: DOOR_LIMITS.guestCaps, secret, draw: () => randomU32(crypto) },
        ...{ addressOf: ({ offer }) => addressOf(offer.push), proven: ({ offer }) => offer.known },
        since: ({ offer }) => offer.at,
      });
    this.comers = shares('visits');
    this.askers = shares('askers');
    this.registrations = new Registrations(context, this.announced(), (event) => this.registered(event));
  }

  link(now: Instant, node: string, up: boolean): void {
    this.registrations.link(now, node, up);
  }

  leave(now: Instant, node: string): void {
    this.registrations.leave(now, node);
  }

  profile(now: Instant, profile: NatProfile): void {
    this.registrations.profiled(now, profile);
  }

  announce(now: Instant, command: PeerCommand & { readonly do: 'announce' }): void {
    this.command = { ...this.command, announcement: command.announcement };
    this.players = command.players;
    this.registrations.announce(now, this.announced());
  }

  /** True where the push was for this hosting. */
  push(now: Instant, push: Push, node: string): boolean {
    if (push.type === 'replaced') this.registrations.replaced(now, node);
    if (push.type === 'offer') {
      this.offered(now, push);
      return true;
    }
    if (!('sid' in push)) return false;
    const ours = ({ offer }: Visit): boolean => equalBytes(offer.push.sid, push.sid);
    const inside = [...this.inside.values()].find(ours);
    // Connected on our side already: the client may still need an answer.
    if (inside?.phase.in === 'inside') inside.phase.welcome.push(now, push);
    const visit = [...this.visits.values()].find(ours);
    if (visit === undefined) return inside !== undefined;
    if (visit.asks) {
      if (push.type === 'over') this.gone(now, visit);
      return false;
    }
    // After the proof of the master's test join it is over in a moment, whatever is pushed.
    if (visit.phase.in === 'punching') visit.waitFor(this.idle(now, visit));
    // The client may have its proof before we have ours.
    if (push.type === 'over' && push.outcome !== 'path') this.gone(now, visit);
    else if ('welcome' in visit.phase) visit.phase.welcome.push(now, push);
    return true;
  }

  /** A person's word about a friend, for all its programs that ask. */
  admit(now: Instant, friend: FriendId, admit: boolean): void {
    if (admit) this.door.admit(friend);
    for (const visit of [...this.visits.values()]) {
      if (visit.offer.friend !== friend || !visit.asks) continue;
      if (!admit) this.refuse(now, visit, 'REFUSED');
      else if (now - visit.offer.at < PEER_LIMITS.knockMs) this.letIn(now, visit);
      // An offer that has waited long belongs to a knock that is over: the next one, seconds away, is let in at once.
      else if (visit.phase.in !== 'admitted') visit.enter(now, { in: 'admitted' });
    }
    this.nextQuestion(now);
  }

  kick(now: Instant, friend: FriendId): void {
    this.door.forget(friend);
    this.sendAway(now, 'REFUSED', ({ offer }) => offer.friend === friend);
  }

  /** With `network`, everybody who comes from where the friend is now: those who are here go, too. */
  ban(now: Instant, friend: FriendId, network: boolean): void {
    const visits = [...this.visits.values(), ...this.inside.values()].filter(({ offer }) => offer.friend === friend);
    const addresses = network ? visits.flatMap(({ offer }) => addressesOf(offer.push)) : [];
    const networks = this.memory.bans.networksOf(addresses).map((of): Ban => ({ by: 'network', network: of }));
    const name = visits[0]?.offer.handshake.hello.name ?? '';
    this.door.forget(friend);
    for (const ban of [{ by: 'friend', friend } as const, ...networks]) {
      this.memory.bans.add(ban);
      this.context.out.event({ ev: 'banned', ban, name });
    }
    this.sendAway(now, 'BANNED', ({ offer }) => this.door.isBanned(offer));
  }

  unban(ban: Ban): void {
    this.memory.bans.lift(ban);
  }

  private sendAway(now: Instant, failure: FailureCode, meant: (visit: Visit) => boolean): void {
    for (const visit of [...this.visits.values()].filter(meant)) this.refuse(now, visit, failure);
    for (const { phase } of [...this.inside.values()].filter(meant))
      if (phase.in === 'inside') this.connections.leave(now, phase.path, 'kicked');
    this.nextQuestion(now);
  }

  /** Ends everything that belongs to the hosting. */
  close(now: Instant): void {
    for (const visit of [...this.visits.values()]) this.refuse(now, visit, 'HOST_OFFLINE');
    for (const { phase } of [...this.inside.values()])
      if (phase.in === 'inside') this.connections.leave(now, phase.path, 'left');
    this.guessesTold?.cancel();
    this.registrations.goodbye(now);
  }

  punchesAgain(): boolean {
    return false;
  }

  connectionOver(now: Instant, path: ConnectionId, end: ConnectionEnd): void {
    for (const [visitor, visit] of this.inside) {
      if (visit.phase.in !== 'inside' || visit.phase.path !== path) continue;
      this.inside.delete(visitor);
      visit.enter(now, { in: 'over' });
      // Replaced: the same program is about to be told as connected again, and was never away.
      if (end === 'replaced') continue;
      this.peer(visit.offer, 'left', path);
      this.countPlayers(now);
    }
  }

  /** It is the client that knocks; where it is our address that has changed, its question has to find us. */
  connectionWanting(now: Instant, _path: ConnectionId, wanting: boolean): void {
    if (wanting) this.context.stay(now);
  }

  private announced() {
    return { announcement: this.command.announcement, players: this.players ?? this.inside.size };
  }

  private countPlayers(now: Instant): void {
    if (this.players === null) this.registrations.announce(now, this.announced());
  }

  private registered(event: RegistrationEvent): void {
    const { out, config } = this.context;
    if (event.ev === 'failed') {
      // Told anew where friends find us again.
      if (event.failure === 'HOST_REPLACED') this.code = '';
      out.event({ ev: 'hosting-failed', failure: event.failure });
    } else if (event.code !== this.code || event.page !== this.page) {
      const { code, hostId, page } = event;
      this.code = code;
      this.page = page;
      out.event({ ev: 'hosting', code, hostKey: config.identity.publicKey, hostId, page });
    }
  }

  private offered(now: Instant, push: Push & { readonly type: 'offer' }): void {
    if (!this.isNew(toHex(push.sid))) return;
    const offer = this.door.read(now, push);
    if (typeof offer === 'string') {
      this.context.log(null, 'offer-not-readable', { version: offer === 'VERSION' });
      this.answerNo(now, push, offer);
      return;
    }
    const { password, ask, announcement } = this.command;
    const guests = [...this.inside.values()].map((visit) => visit.offer);
    const guesses = this.door.wrongGuesses;
    const verdict = this.door.judge(now, offer, { password, ask, playersMax: announcement.playersMax }, guests);
    if (this.door.wrongGuesses > guesses) this.tellGuesses(now);
    if (verdict.say === 'no') this.turnAway(now, offer, verdict.failure, verdict.retryAfterMs);
    else if (this.cannotRelay(offer)) this.turnAway(now, offer, 'RELAY_MODE');
    else if (this.cannotMeet(offer)) this.turnAway(now, offer, 'NO_COMMON_FAMILY');
    else this.received(now, offer, verdict.say === 'ask');
  }

  /** It asks no more; whoever is told to be patient knocks again and keeps its place. */
  private turnAway(now: Instant, offer: Offer, failure: FailureCode, retryAfterMs?: number): void {
    const before = this.visits.get(offer.visitor);
    if (before?.asks && failure !== 'BUSY') this.leaves(now, before);
    this.sayNo(now, offer, failure, retryAfterMs);
    this.nextQuestion(now);
  }

  private received(now: Instant, offer: Offer, asks: boolean): void {
    const before = this.visits.get(offer.visitor);
    // One that asks knocks again every few seconds, and is still the same.
    if (before?.asks) this.knockedAgain(now, before, offer);
    else this.peer(offer, 'knocking');
    // One that was let in has begun anew.
    if (before?.comes) this.leaves(now, before);
    const visit = before?.asks ? before : new Visit(offer);
    if (asks) this.askFor(now, visit);
    else this.letIn(now, visit);
  }

  private isNew(sid: string): boolean {
    if (this.seen.has(sid)) return false;
    this.seen.add(sid);
    if (this.seen.size > PEER_LIMITS.sessionsRememberedMax) this.seen.delete(this.seen.values().next().value as string);
    return true;
  }

  private tellGuesses(now: Instant): void {
    if (this.guessesTold !== null) return;
    const count = this.door.wrongGuesses;
    this.context.out.event({ ev: 'wrong-passwords', count });
    this.guessesTold = this.context.agenda.at(now + DOOR_LIMITS.guessesToldMs, (at) => {
      this.guessesTold = null;
      if (this.door.wrongGuesses > count) this.tellGuesses(at);
    });
  }

  /** A program that is there keeps its place in the line. */
  private knockedAgain(now: Instant, visit: Visit, offer: Offer): void {
    this.askers.remove(visit);
    visit.offer = offer;
    this.askers.add(visit);
    // One that lives knocks again long before; the master may have forgotten to say that it is gone.
    visit.waitFor(this.idle(now, visit));
  }

  private askFor(now: Instant, visit: Visit): void {
    if (visit.phase.in === 'knocking') {
      this.makeRoom(now, this.askers, visit);
      this.visits.set(visit.offer.visitor, visit);
      this.askers.add(visit);
      visit.enter(now, { in: 'waiting' }, this.idle(now, visit));
      this.nextQuestion(now, visit, true);
    } else this.nextQuestion(now, visit);
  }

  /** There is one question at a time. Each friend is told when that changes for it; `knocked` in any case. */
  private nextQuestion(now: Instant, knocked: Visit | null = null, first = false): void {
    let ahead = 0;
    for (const visit of lineOf(this.visits.values())) {
      const { sid } = visit.offer.push;
      const turn = ahead === 0 && visit.phase.in === 'waiting';
      if (turn || visit === knocked) this.context.request(now, { type: 'hold', sid, ahead }, null, () => {});
      if (turn) visit.enter(now, { in: 'asking' });
      if (turn || (first && visit === knocked)) this.peer(visit.offer, turn ? 'asking' : 'waiting');
      ahead += 1;
    }
  }

  private letIn(now: Instant, visit: Visit): void {
    const { offer } = visit;
    this.askers.remove(visit);
    this.visits.delete(offer.visitor);
    if (!offer.test) this.makeRoom(now, this.comers, visit);
    const welcome = new Welcome(this.context, offer, {
      goesOn: (of) => this.goesOn(of),
      begin: (at, of, keys) => this.begin(at, of, keys),
      relayFor: (of, before) => this.relayFor(of, before),
      goThrough: (at, path, relay, grant) => this.connections.relay(at, path, relay, grant),
      mode: this.mode,
      // What can be reached here is no business of the masterserver that tries the way.
      services: offer.test ? [] : (this.command.services ?? []),
      happened: (at, event) => this.visited(at, visit, event),
    });
    this.visits.set(offer.visitor, visit);
    if (!offer.test) this.comers.add(visit);
    visit.enter(now, { in: 'punching', welcome }, this.idle(now, visit));
  }

  /** Whoever has to go is really there where it knocks again. */
  private makeRoom(now: Instant, table: Shares<Visit>, { offer }: Visit): void {
    const crowded = table.crowdedOut(addressOf(offer.push));
    if (crowded === null) return;
    this.leaves(now, crowded);
    this.sayNo(now, crowded.offer, 'BUSY');
    this.peer(crowded.offer, 'left');
  }

  private visited(now: Instant, visit: Visit, event: SessionEvent): void {
    const { friend } = visit.offer;
    switch (event.ev) {
      case 'path':
        this.connected(now, visit, event);
        break;
      case 'broken':
        this.context.log(null, 'visit-broken', { friend, why: event.why });
        // No descriptor or no port is left for it: whoever was inside already tries again by itself.
        if (event.why === 'socket-limit' || event.why === 'socket-in-use')
          this.refuse(now, visit, this.inside.has(visit.offer.visitor) ? 'BUSY' : 'FULL');
        else this.gone(now, visit);
        break;
      case 'log':
        this.context.out.event({ ...event, join: null });
        break;
      case 'waiting':
        this.peer(visit.offer, 'queued');
        break;
      default:
        this.context.log(null, `visit-${event.ev}`, { friend });
    }
  }

  /** The connection that a friend's program says it has with us, if it has. */
  private goesOn({ visitor, handshake }: Offer): ConnectionId | null {
    const inside = this.inside.get(visitor);
    if (inside?.phase.in !== 'inside') return null;
    return inside.phase.connection === toHex(handshake.hello.connection) ? inside.phase.path : null;
  }

  private get mode(): RelayMode {
    return this.command.relay ?? 'allow';
  }

  private relayFor({ push, test, handshake }: Offer, before: ConnectionId | null): RelayId {
    const stands = before !== null && this.connections.isRelayed(before);
    return test || stands || push.relay === null ? NO_RELAY : this.context.relays.choose(this.mode, handshake.hello);
  }

  /** Do both sides' wishes exclude each other, or want what there is not? */
  private cannotRelay(offer: Offer): boolean {
    const mode = modeOfBoth(this.mode, offer.handshake.hello.mode);
    return mode === null || (mode === 'only' && this.goesOn(offer) === null && this.relayFor(offer, null) === NO_RELAY);
  }

  /** No family in common, and no relay that has both. */
  private cannotMeet(offer: Offer): boolean {
    const { push, handshake } = offer;
    const { profile, candidates: claimed } = handshake.hello;
    const own = { profile: this.context.profile(), candidates: this.context.shared(), family: this.context.family() };
    const candidates = usableCandidates(push.observed, claimed, push.permit, own.profile.external, {
      master: this.context.masterAddress(),
      seenAt: this.context.seenAt(),
    });
    const apart = meetingOf(own, { profile, candidates }) === 'none';
    return apart && this.goesOn(offer) === null && this.relayFor(offer, null) === NO_RELAY;
  }

  /** The master's test join gets no more than the proof of a path. */
  private begin(now: Instant, { test, friend, instance, at }: Offer, keys: EndToEnd): ConnectionId | null {
    return test
      ? null
      : this.connections.open(now, { keys, join: null, friend, instance, since: at, services: [] }, this);
  }

  private connected(now: Instant, visit: Visit, found: Found): void {
    const { offer, phase } = visit;
    const welcome = 'welcome' in phase ? phase.welcome : null;
    const answer = welcome?.answer ?? null;
    if (welcome === null || answer === null || answer.session === null) return;
    const { session, path, goesOn } = answer;
    session.quiet();
    if (offer.test) {
      // Its late probes are still answered for a moment: it may not have its proof yet.
      const over = this.context.agenda.at(now + PEER_LIMITS.testJoinHoldMs, (at) => this.gone(at, visit));
      visit.enter(now, { in: 'tested', welcome }, over);
    } else if (path !== null) {
      if (goesOn && phase.in === 'punching') this.takesOver(now, visit, path);
      this.connections.add(now, path, found);
      lookBeside(now, this.context, this.connections, { session, path, found });
    }
  }

  /** A connection goes on by the visit that has brought its newest path. */
  private takesOver(now: Instant, visit: Visit, path: ConnectionId): void {
    const { visitor } = visit.offer;
    const before = this.inside.get(visitor);
    if (before?.phase.in !== 'inside' || visit.phase.in !== 'punching') return;
    const { welcome } = visit.phase;
    const { connection } = before.phase;
    this.visits.delete(visitor);
    this.comers.remove(visit);
    before.enter(now, { in: 'over' });
    visit.enter(now, { in: 'inside', welcome, path, connection });
    this.inside.set(visitor, visit);
  }

  /** A new connection has its first path. False where the last place was taken meanwhile; the friend is told on both ways. */
  connectionUp(now: Instant, path: ConnectionId): boolean {
    const visit = [...this.visits.values()].find((one) => answerOf(one)?.path === path);
    if (visit?.phase.in !== 'punching') return false;
    const { offer, phase } = visit;
    const { welcome } = phase;
    const connection = welcome.answer?.connection ?? '';
    const { visitor, friend } = offer;
    this.visits.delete(visitor);
    this.comers.remove(visit);
    const guests = [...this.inside.values()].map((inside) => inside.offer);
    if (isFull(offer, this.command.announcement.playersMax, guests)) {
      this.sayNo(now, offer, 'FULL');
      visit.enter(now, { in: 'over' });
      return false;
    }
    const old = this.inside.get(visitor);
    if (old?.phase.in === 'inside') this.connections.leave(now, old.phase.path, 'replaced');
    visit.enter(now, { in: 'inside', welcome, path, connection });
    this.inside.set(visitor, visit);
    this.door.know(friend);
    this.peer(offer, 'connected', path);
    this.countPlayers(now);
    return true;
  }

  /** The client is the one that tries again: a visit nobody speaks for is over. */
  private idle(now: Instant, visit: Visit): Alarm {
    return this.context.agenda.at(now + PEER_LIMITS.visitIdleMs, (at) => this.gone(at, visit));
  }

  /** Friends on their way here were not told where we are now: they hear that it is over, and knock again at once. */
  moved(now: Instant, where: Whereabouts): void {
    for (const visit of this.visits.values()) {
      const { offer } = visit;
      const session = answerOf(visit)?.session ?? null;
      if (session === null || offer.test) continue;
      const { own, peer } = session.config;
      if (!isOutdated(own.candidates, where, peer)) continue;
      reportEnd(now, this.context, session, { path: null, method: '', attempts: 0, packetsSent: 0, since: offer.at });
    }
  }

  private gone(now: Instant, visit: Visit): void {
    if (!this.leaves(now, visit)) return;
    this.peer(visit.offer, 'left');
    this.nextQuestion(now);
  }

  private refuse(now: Instant, visit: Visit, failure: FailureCode): void {
    if (this.leaves(now, visit)) this.sayNo(now, visit.offer, failure);
  }

  /** Out of the door's tables, for good. False where it was not in them. */
  private leaves(now: Instant, visit: Visit): boolean {
    const { visitor } = visit.offer;
    if (this.visits.get(visitor) !== visit) return false;
    this.visits.delete(visitor);
    this.comers.remove(visit);
    this.askers.remove(visit);
    this.discard(now, visit);
    visit.enter(now, { in: 'over' });
    return true;
  }

  /** The connection that it was on its way to. */
  private discard(now: Instant, visit: Visit): void {
    const { path = null, goesOn = false } = answerOf(visit) ?? {};
    if (path !== null && !goesOn) this.connections.discard(now, path);
  }

  private sayNo(now: Instant, offer: Offer, failure: FailureCode, retryAfterMs?: number): void {
    if (failure !== 'BUSY') this.peer(offer, 'refused');
    this.context.log(null, 'refused', { friend: offer.friend, failure });
    this.answerNo(now, offer.push, failure, retryAfterMs);
  }

  private answerNo(
    now: Instant,
    push: Push & { readonly type: 'offer' },
    failure: FailureCode,
    retryAfterMs = failure === 'BUSY' ? PEER_LIMITS.retryRestMs : 0,
  ): void {
    this.context.request(now, { type: 'refuse', sid: push.sid, failure, retryAfterMs }, null, () => {});
  }

  private peer(offer: Offer, state: FriendState, path: ConnectionId | null = null): void {
    if (offer.test) return;
    const { friend, instance, handshake } = offer;
    this.context.out.event({ ev: 'peer', friend, instance, name: handshake.hello.name, state, path });
  }
}

/** What a friend that is on its way was let in to. */
function answerOf({ phase }: Visit): Answer | null {
  return phase.in === 'punching' ? phase.welcome.answer : null;
}
