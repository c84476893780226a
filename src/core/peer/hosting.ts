/**
 * A host: on the master's list, and at its own door. Who may come in is decided here, by the host alone: version, ban, password,
 * places, a person's word. Until then nobody learns the host's address (SECURITY.md row 17). Repeated offers of one session are
 * recognised (S17). That hard pairs are punched one after another (S18) is the business of the traversals' shared `Device`.
 */
import { equalBytes, toHex } from '../bytes.ts';
import type { Instant } from '../contract.ts';
import type { FailureCode } from '../errors.ts';
import type { NatProfile } from '../nat/profile.ts';
import { type Placed, Shares } from '../rate/shares.ts';
import { randomU32 } from '../secure/crypto.ts';
import type { Push } from '../wire/messages.ts';
import type { Alarm, PeerContext } from './context.ts';
import { DOOR } from './door-limits.ts';
import { Guesses } from './guesses.ts';
import { friendOf, openAsHost, passwordProof } from './handshake.ts';
import type { FriendId, PathId, PeerCommand, PeerEvent } from './interface.ts';
import { PEER_LIMITS } from './limits.ts';
import type { PathEnd, PathOwner, Paths } from './paths.ts';
import { Registration, type RegistrationEvent } from './registration.ts';
import type { Session, SessionEvent } from './session.ts';
import { type Offer, Visit } from './visit.ts';

export type HostCommand = PeerCommand & { readonly do: 'host' };
type Found = SessionEvent & { readonly ev: 'path' };
type FriendState = (PeerEvent & { readonly ev: 'peer' })['state'];

/** Let in, on the way to a path. */
interface Visiting extends Placed {
  readonly visit: Visit;
  idle: Alarm;
  /** The master's test join has its proof: whatever is pushed, it is over in a moment. */
  proven: boolean;
}

/** Waits for a person's word. */
interface Asking extends Placed {
  /** The newest. */
  readonly offer: Offer;
  readonly idle: Alarm;
  /** As it was told; null before that. */
  state: 'asking' | 'waiting' | null;
  /** The word has come when the knock was over: it is let in with its next one, and asks no more. */
  admitted: boolean;
}

/** Connected. */
interface Inside {
  readonly visit: Visit;
  readonly path: PathId;
}

export class Hosting implements PathOwner {
  private readonly context: PeerContext;
  private readonly paths: Paths;
  private readonly registration: Registration;
  private command: HostCommand;
  /** Players as the application counts them; null: the paths are counted. */
  private players: number | null = null;
  private code = '';
  private readonly visiting = new Map<FriendId, Visiting>();
  private readonly inside = new Map<FriendId, Inside>();
  private readonly asking = new Map<FriendId, Asking>();
  private readonly admitted = new Set<FriendId>();
  private readonly banned: Set<FriendId>;
  /** Who has been here before. */
  private readonly known: Set<FriendId>;
  private readonly visitShares: Shares<Visiting>;
  private readonly askShares: Shares<Asking>;
  private readonly guesses: Guesses;
  private guessesTold: Alarm | null = null;
  /** Sessions seen, oldest first, so that a repeated offer is not a second visit. */
  private readonly seen = new Set<string>();

  constructor(
    context: PeerContext,
    paths: Paths,
    command: HostCommand,
    friends: { readonly banned: Set<FriendId>; readonly known: Set<FriendId> },
  ) {
    this.context = context;
    this.paths = paths;
    this.command = command;
    this.banned = friends.banned;
    this.known = friends.known;
    const { crypto } = context.config;
    const secret = crypto.randomBytes(16);
    const rules = { max: PEER_LIMITS.guestsMax, caps: DOOR.guestCaps, secret, draw: () => randomU32(crypto) };
    this.visitShares = new Shares({
      ...{ ...rules, name: 'visits', addressOf: ({ visit }) => addressOf(visit.offer.push) },
      ...{ proven: ({ visit }) => visit.offer.known, since: ({ visit }) => visit.offer.at },
    });
    this.askShares = new Shares({
      ...{ ...rules, name: 'askers', addressOf: ({ offer }) => addressOf(offer.push) },
      ...{ proven: ({ offer }) => offer.known, since: ({ offer }) => offer.at },
    });
    this.guesses = new Guesses(secret);
    this.registration = new Registration(context, this.announced(), (event) => this.registered(event));
  }

  link(now: Instant, up: boolean): void {
    this.registration.link(now, up);
  }

  profile(now: Instant, profile: NatProfile): void {
    this.registration.profiled(now, profile);
    for (const { visit } of this.visiting.values()) visit.session?.profile(now, profile);
  }

  announce(now: Instant, command: PeerCommand & { readonly do: 'announce' }): void {
    this.command = { ...this.command, announcement: command.announcement };
    this.players = command.players;
    this.registration.announce(now, this.announced());
  }

  /** True where the push was for this hosting. */
  push(now: Instant, push: Push): boolean {
    if (push.type === 'offer') {
      this.offered(now, push);
      return true;
    }
    if (!('sid' in push)) return false;
    const of = ({ visit }: { readonly visit: Visit }): boolean => equalBytes(visit.offer.push.sid, push.sid);
    const visiting = [...this.visiting.values()].find(of);
    if (visiting === undefined) {
      const asking = [...this.asking.values()].find(({ offer }) => equalBytes(offer.push.sid, push.sid));
      if (push.type === 'over' && asking !== undefined) this.stopAsking(now, asking.offer);
      // Connected on our side already: the client may still need an answer.
      const inside = [...this.inside.values()].find(of);
      inside?.visit.push(now, push);
      return inside !== undefined;
    }
    const { visit } = visiting;
    if (!visiting.proven) {
      visiting.idle.cancel();
      visiting.idle = this.idle(now, visit);
    }
    // The client may have its proof before we have ours.
    if (push.type === 'over' && push.outcome !== 'path') this.dismiss(now, visit, 'left');
    else visit.push(now, push);
    return true;
  }

  admit(now: Instant, friend: FriendId, admit: boolean): void {
    if (admit) this.remember(friend);
    const asking = this.asking.get(friend);
    if (asking === undefined) return;
    const { offer } = asking;
    // An offer that has waited long belongs to a knock that is over: the next one, seconds away, is let in at once.
    if (admit && now - offer.at >= PEER_LIMITS.knockMs) asking.admitted = true;
    else {
      this.answered(friend);
      if (admit) this.letIn(now, offer);
      else this.refuse(now, offer, 'REFUSED');
    }
    this.nextQuestion(now);
  }

  /** The latest friends: the one longest away is a stranger again. */
  private know(friend: FriendId): void {
    this.known.delete(friend);
    this.known.add(friend);
    if (this.known.size > DOOR.knownMax) this.known.delete(this.known.values().next().value as FriendId);
  }

  private remember(friend: FriendId): void {
    this.admitted.delete(friend);
    this.admitted.add(friend);
    if (this.admitted.size > PEER_LIMITS.admittedMax)
      this.admitted.delete(this.admitted.values().next().value as FriendId);
  }

  kick(now: Instant, friend: FriendId, ban: boolean): void {
    this.admitted.delete(friend);
    this.known.delete(friend);
    if (ban && this.banned.size < PEER_LIMITS.bannedMax) this.banned.add(friend);
    const failure = ban ? 'BANNED' : 'REFUSED';
    const offer = this.answered(friend);
    if (offer !== null) this.refuse(now, offer, failure);
    this.nextQuestion(now);
    const visiting = this.visiting.get(friend);
    if (visiting !== undefined) {
      this.refuse(now, visiting.visit.offer, failure);
      this.drop(now, visiting.visit);
    }
    const inside = this.inside.get(friend);
    if (inside !== undefined) this.paths.leave(now, inside.path, 'kicked');
  }

  /** Ends everything that belongs to the hosting. */
  close(now: Instant): void {
    for (const { offer } of [...this.asking.values()]) {
      this.answered(offer.friend);
      this.refuse(now, offer, 'HOST_OFFLINE');
    }
    for (const { visit } of [...this.visiting.values()]) {
      this.refuse(now, visit.offer, 'HOST_OFFLINE');
      this.drop(now, visit);
    }
    for (const { path } of [...this.inside.values()]) this.paths.leave(now, path, 'left');
    this.guessesTold?.cancel();
    this.registration.goodbye(now);
  }

  punchesAgain(): boolean {
    return false;
  }

  pathOver(now: Instant, path: PathId, end: PathEnd): void {
    for (const [friend, inside] of this.inside) {
      if (inside.path !== path) continue;
      this.inside.delete(friend);
      inside.visit.stop(now);
      // Replaced: the same friend is about to be told as connected again, and was never away.
      if (end === 'replaced') continue;
      this.peer(inside.visit.offer, 'left', path);
      this.countPlayers(now);
    }
  }

  pathSilent(): void {}

  private announced() {
    return { announcement: this.command.announcement, players: this.players ?? this.inside.size };
  }

  private countPlayers(now: Instant): void {
    if (this.players === null) this.registration.announce(now, this.announced());
  }

  private registered(event: RegistrationEvent): void {
    const { out, config } = this.context;
    if (event.ev === 'failed') out.event({ ev: 'hosting-failed', failure: event.failure });
    else if (event.code !== this.code) {
      this.code = event.code;
      out.event({ ev: 'hosting', code: event.code, hostKey: config.identity.publicKey, hostId: event.hostId });
    }
  }

  private offered(now: Instant, push: Push & { readonly type: 'offer' }): void {
    if (!this.isNew(toHex(push.sid))) return;
    const { crypto, identity } = this.context.config;
    const handshake = openAsHost(crypto, identity, push.sid, push.handshake);
    if (handshake === 'version' || handshake === null) {
      this.context.log(null, 'offer-not-readable', { version: handshake === 'version' });
      this.answerNo(now, push, handshake === null ? 'REFUSED' : 'VERSION');
      return;
    }
    const friend = friendOf(crypto, handshake.clientKey);
    const offer: Offer = { push, handshake, friend, at: now, known: this.isKnown(friend) };
    const failure = this.judge(now, offer);
    if (failure !== null) {
      // It asks no more; whoever is told to be patient knocks again and keeps its place.
      if (failure.failure !== 'BUSY') this.answered(offer.friend);
      this.refuse(now, offer, failure.failure, failure.retryAfterMs);
      this.nextQuestion(now);
      return;
    }
    // One that asks knocks again every few seconds, and is still the same.
    if (!this.asking.has(offer.friend)) this.peer(offer, 'knocking');
    const asks = this.command.ask && !this.admitted.has(offer.friend) && !this.isMaster(offer);
    if (asks) this.askFor(now, offer);
    else this.letIn(now, offer);
  }

  private isNew(sid: string): boolean {
    if (this.seen.has(sid)) return false;
    this.seen.add(sid);
    if (this.seen.size > PEER_LIMITS.sessionsRememberedMax) this.seen.delete(this.seen.values().next().value as string);
    return true;
  }

  /** A knock takes no place, and neither does a visit until it has its path: whoever only knocks keeps nobody out. */
  private judge(now: Instant, offer: Offer): { readonly failure: FailureCode; readonly retryAfterMs?: number } | null {
    if (this.banned.has(offer.friend)) return { failure: 'BANNED' };
    if (this.isMaster(offer)) return null;
    const wrong = this.passwordJudged(now, offer);
    if (wrong !== null) return wrong;
    return this.isFull(offer) ? { failure: 'FULL' } : null;
  }

  private isFull({ friend }: Offer): boolean {
    const others = this.inside.size - Number(this.inside.has(friend));
    return others >= Math.min(this.command.announcement.playersMax, PEER_LIMITS.guestsMax);
  }

  private isKnown(friend: FriendId): boolean {
    return this.known.has(friend) || this.admitted.has(friend);
  }

  private passwordJudged(
    now: Instant,
    offer: Offer,
  ): { readonly failure: FailureCode; readonly retryAfterMs?: number } | null {
    if (this.command.password === null) return null;
    // No guess at all: it has not been asked for one yet.
    if (offer.handshake.hello.passwordProof === null) return { failure: 'PASSWORD' };
    const caller = { address: addressOf(offer.push), friend: offer.friend, known: offer.known };
    const waitMs = this.guesses.take(now, caller);
    if (waitMs > 0) return { failure: 'BUSY', retryAfterMs: Math.ceil(waitMs) };
    if (this.passwordFits(offer)) return null;
    this.guesses.wrong(now, caller);
    this.tellGuesses(now);
    return { failure: 'PASSWORD' };
  }

  private tellGuesses(now: Instant): void {
    if (this.guessesTold !== null) return;
    const count = this.guesses.total;
    this.context.out.event({ ev: 'wrong-passwords', count });
    this.guessesTold = this.context.agenda.at(now + DOOR.guessesToldMs, (at) => {
      this.guessesTold = null;
      if (this.guesses.total > count) this.tellGuesses(at);
    });
  }

  /**
   * The master's own test join ("verified joinable"): proven by its key, it needs no password and nobody's word, and gets no
   * path, only the proof that one would come up.
   */
  private isMaster({ handshake }: Offer): boolean {
    return equalBytes(handshake.clientKey, this.context.config.master.key);
  }

  private passwordFits({ push, handshake }: Offer): boolean {
    const { password } = this.command;
    if (password === null) return true;
    const { crypto, identity } = this.context.config;
    const parties = { sid: push.sid, hostKey: identity.publicKey, clientKey: handshake.clientKey };
    const given = handshake.hello.passwordProof;
    return given !== null && equalBytes(given, passwordProof(crypto, password, parties));
  }

  private askFor(now: Instant, offer: Offer): void {
    const { friend } = offer;
    const before = this.asking.get(friend);
    if (before === undefined) {
      const crowded = this.askShares.crowdedOut(addressOf(offer.push));
      if (crowded !== null) this.crowdedOut(now, crowded.offer);
    } else {
      before.idle.cancel();
      this.askShares.remove(before);
    }
    // One that lives knocks again long before; the master may have forgotten to say that it is gone.
    const idle = this.context.agenda.at(now + PEER_LIMITS.visitIdleMs, (at) => this.stopAsking(at, offer));
    // A key that is there keeps its place in the line.
    const asking = { offer, idle, state: before?.state ?? null, admitted: false, place: -1 };
    this.asking.set(friend, asking);
    this.askShares.add(asking);
    this.nextQuestion(now, friend);
  }

  /**
   * The one question is about whoever has waited longest, and stays until it is answered or its friend has gone. Each friend is told
   * when that changes for it; `knocked` in any case.
   */
  private nextQuestion(now: Instant, knocked: FriendId | null = null): void {
    let ahead = 0;
    for (const [friend, asking] of this.asking) {
      if (asking.admitted) continue;
      const state = ahead === 0 ? 'asking' : 'waiting';
      const { sid } = asking.offer.push;
      if (asking.state !== state || friend === knocked) {
        this.context.request(now, { type: 'hold', sid, ahead }, null, () => {});
      }
      if (asking.state !== state) this.peer(asking.offer, state);
      asking.state = state;
      ahead += 1;
    }
  }

  /** What the friend asked, which it no longer does; null where it did not. */
  private answered(friend: FriendId): Offer | null {
    const asking = this.asking.get(friend);
    asking?.idle.cancel();
    if (asking !== undefined) this.askShares.remove(asking);
    this.asking.delete(friend);
    return asking?.offer ?? null;
  }

  /** The friend does not wait any longer. */
  private stopAsking(now: Instant, offer: Offer): void {
    this.answered(offer.friend);
    this.peer(offer, 'left');
    this.nextQuestion(now);
  }

  private letIn(now: Instant, offer: Offer): void {
    const { friend } = offer;
    this.answered(friend);
    // The client has begun anew. A path that still stands is only given up when the new one is proven.
    const old = this.visiting.get(friend);
    if (old !== undefined) this.drop(now, old.visit);
    const crowded = this.isMaster(offer) ? null : this.visitShares.crowdedOut(addressOf(offer.push));
    if (crowded !== null) this.crowdedOut(now, crowded.visit.offer);
    const visit = new Visit(this.context, offer, (at, event) => this.visited(at, visit, event));
    const visiting = { visit, idle: this.idle(now, visit), proven: false, place: -1 };
    this.visiting.set(friend, visiting);
    if (!this.isMaster(offer)) this.visitShares.add(visiting);
  }

  /** Makes room for others at the door; whoever is really there knocks again. */
  private crowdedOut(now: Instant, offer: Offer): void {
    const visit = this.visiting.get(offer.friend)?.visit;
    this.answered(offer.friend);
    this.refuse(now, offer, 'BUSY');
    if (visit?.offer === offer) this.drop(now, visit);
    this.peer(offer, 'left');
  }

  private visited(now: Instant, visit: Visit, event: SessionEvent): void {
    switch (event.ev) {
      case 'path':
        if (visit.session !== null) this.connected(now, visit, visit.session, event);
        break;
      case 'broken':
        this.context.log(null, 'visit-broken', { friend: visit.offer.friend, why: event.why });
        this.dismiss(now, visit, 'left');
        break;
      case 'log':
        this.context.out.event({ ...event, join: null });
        break;
      case 'waiting':
        this.peer(visit.offer, 'queued');
        break;
      default:
        this.context.log(null, `visit-${event.ev}`, { friend: visit.offer.friend });
    }
  }

  private connected(now: Instant, visit: Visit, session: Session, found: Found): void {
    const { friend } = visit.offer;
    const visiting = this.visiting.get(friend);
    if (visiting?.visit !== visit) return;
    visiting.idle.cancel();
    session.quiet();
    if (this.isMaster(visit.offer)) {
      // Its late probes are still answered for a moment: it may not have its proof yet.
      visiting.proven = true;
      visiting.idle = this.context.agenda.at(now + PEER_LIMITS.testJoinHoldMs, (at) => this.dismiss(at, visit, 'left'));
      return;
    }
    this.visiting.delete(friend);
    this.visitShares.remove(visiting);
    const { socket, remote, kind, rttMs, attempts, packetsSent } = found;
    const proven = {
      ...{ session: session.config.keys.path, sid: session.sid, socket, remote, kind, rttMs },
      ...{ local: this.context.local(socket), join: null, friend, attempts, packetsSent },
      elapsedMs: now - visit.offer.at,
      words: session.config.keys.words,
    };
    // Others had their paths sooner. The friend may have its own already, or still wait for it: it is told on both ways.
    if (this.isFull(visit.offer)) {
      this.refuse(now, visit.offer, 'FULL');
      this.paths.turnAway(now, proven, 'full');
      visit.stop(now);
      return;
    }
    const old = this.inside.get(friend);
    if (old !== undefined) this.paths.leave(now, old.path, 'replaced');
    const path = this.paths.add(now, proven, this);
    this.inside.set(friend, { visit, path });
    this.know(friend);
    this.peer(visit.offer, 'connected', path);
    this.countPlayers(now);
  }

  /** The client is the one that tries again: a visit nobody speaks for is over. */
  private idle(now: Instant, visit: Visit): Alarm {
    return this.context.agenda.at(now + PEER_LIMITS.visitIdleMs, (at) => this.dismiss(at, visit, 'left'));
  }

  private dismiss(now: Instant, visit: Visit, state: FriendState): void {
    if (!this.drop(now, visit)) return;
    this.peer(visit.offer, state);
  }

  private drop(now: Instant, visit: Visit): boolean {
    const visiting = this.visiting.get(visit.offer.friend);
    if (visiting?.visit !== visit) return false;
    this.visiting.delete(visit.offer.friend);
    this.visitShares.remove(visiting);
    visiting.idle.cancel();
    visit.stop(now);
    return true;
  }

  private refuse(now: Instant, offer: Offer, failure: FailureCode, retryAfterMs?: number): void {
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

  private peer(offer: Offer, state: FriendState, path: PathId | null = null): void {
    if (this.isMaster(offer)) return;
    const { friend, handshake } = offer;
    this.context.out.event({ ev: 'peer', friend, name: handshake.hello.name, state, path });
  }
}

/** Where the master has seen the client: whose share of the door it takes. */
function addressOf(push: Push & { readonly type: 'offer' }): string {
  return push.observed[0]?.address ?? '';
}
