/**
 * A host: on the master's list, and at its own door. Who may come in is decided here, by the host alone: version, ban, password,
 * places, a person's word. Until then nobody learns the host's address (security.md row 17). Repeated offers of one session are
 * recognised (S17). That hard pairs are punched one after another (S18) is the business of the traversals' shared `Device`.
 */
import { equalBytes, toHex } from '../bytes.ts';
import type { Instant } from '../contract.ts';
import type { FailureCode } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import type { NatProfile } from '../nat/profile.ts';
import type { Push } from '../rendezvous/messages.ts';
import type { Alarm, PeerContext } from './context.ts';
import { friendOf, openAsHost, passwordProof } from './handshake.ts';
import type { FriendId, PathId, PeerCommand, PeerEvent } from './interface.ts';
import type { PathEnd, PathOwner, Paths } from './paths.ts';
import { Registration, type RegistrationEvent } from './registration.ts';
import type { Session, SessionEvent } from './session.ts';
import { type Offer, Visit } from './visit.ts';

export type HostCommand = PeerCommand & { readonly do: 'host' };
type Found = SessionEvent & { readonly ev: 'path' };
type FriendState = (PeerEvent & { readonly ev: 'peer' })['state'];

/** Let in, on the way to a path. */
interface Visiting {
  readonly visit: Visit;
  idle: Alarm;
  /** The master's test join has its proof: whatever is pushed, it is over in a moment. */
  proven: boolean;
}

/** Waits for a person's word. */
interface Asking {
  /** The newest. */
  readonly offer: Offer;
  readonly idle: Alarm;
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
  /** Sessions seen, oldest first, so that a repeated offer is not a second visit. */
  private readonly seen = new Set<string>();

  constructor(context: PeerContext, paths: Paths, command: HostCommand, banned: Set<FriendId>) {
    this.context = context;
    this.paths = paths;
    this.command = command;
    this.banned = banned;
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
      if (push.type === 'over' && asking !== undefined) this.stopAsking(asking.offer);
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
    const offer = this.asking.get(friend)?.offer;
    // An offer that has waited long belongs to a knock that is over: the next one, seconds away, is let in at once.
    if (offer === undefined || (admit && now - offer.at >= LIMITS.knockMs)) return;
    this.answered(friend);
    if (admit) this.letIn(now, offer);
    else this.refuse(now, offer, 'REFUSED');
  }

  private remember(friend: FriendId): void {
    this.admitted.delete(friend);
    this.admitted.add(friend);
    if (this.admitted.size > LIMITS.admittedMax) this.admitted.delete(this.admitted.values().next().value as FriendId);
  }

  kick(now: Instant, friend: FriendId, ban: boolean): void {
    this.admitted.delete(friend);
    if (ban && this.banned.size < LIMITS.bannedMax) this.banned.add(friend);
    const failure = ban ? 'BANNED' : 'REFUSED';
    const offer = this.answered(friend);
    if (offer !== null) this.refuse(now, offer, failure);
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
    const offer: Offer = { push, handshake, friend: friendOf(crypto, handshake.clientKey), at: now };
    const failure = this.judge(offer);
    if (failure !== null) {
      this.refuse(now, offer, failure);
      return;
    }
    this.peer(offer, 'knocking');
    const asks = this.command.ask && !this.admitted.has(offer.friend) && !this.isMaster(offer);
    if (asks) this.askFor(now, offer);
    else this.letIn(now, offer);
  }

  private isNew(sid: string): boolean {
    if (this.seen.has(sid)) return false;
    this.seen.add(sid);
    if (this.seen.size > LIMITS.sessionsRememberedMax) this.seen.delete(this.seen.values().next().value as string);
    return true;
  }

  private judge(offer: Offer): FailureCode | null {
    if (this.banned.has(offer.friend)) return 'BANNED';
    if (this.isMaster(offer)) return null;
    if (!this.passwordFits(offer)) return 'PASSWORD';
    const others = new Set(this.inside.keys());
    for (const [friend, { visit }] of this.visiting) if (!this.isMaster(visit.offer)) others.add(friend);
    others.delete(offer.friend);
    if (others.size >= this.command.announcement.playersMax) return 'FULL';
    return others.size >= LIMITS.guestsMax || this.asking.size >= LIMITS.guestsMax ? 'BUSY' : null;
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
    const known = this.answered(offer.friend) !== null;
    // One that lives knocks again long before; the master may have forgotten to say that it is gone.
    const idle = this.context.agenda.at(now + LIMITS.visitIdleMs, () => this.stopAsking(offer));
    this.asking.set(offer.friend, { offer, idle });
    if (!known) this.peer(offer, 'asking');
  }

  /** What the friend asked, which it no longer does; null where it did not. */
  private answered(friend: FriendId): Offer | null {
    const asking = this.asking.get(friend);
    asking?.idle.cancel();
    this.asking.delete(friend);
    return asking?.offer ?? null;
  }

  /** The friend does not wait any longer. */
  private stopAsking(offer: Offer): void {
    this.answered(offer.friend);
    this.peer(offer, 'left');
  }

  private letIn(now: Instant, offer: Offer): void {
    const { friend } = offer;
    this.answered(friend);
    // The client has begun anew. A path that still stands is only given up when the new one is proven.
    const old = this.visiting.get(friend);
    if (old !== undefined) this.drop(now, old.visit);
    const visit = new Visit(this.context, offer, (at, event) => this.visited(at, visit, event));
    this.visiting.set(friend, { visit, idle: this.idle(now, visit), proven: false });
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
      visiting.idle = this.context.agenda.at(now + LIMITS.testJoinHoldMs, (at) => this.dismiss(at, visit, 'left'));
      return;
    }
    this.visiting.delete(friend);
    const old = this.inside.get(friend);
    if (old !== undefined) this.paths.leave(now, old.path, 'replaced');
    const { socket, remote, kind, rttMs, attempts, packetsSent } = found;
    const path = this.paths.add(
      now,
      {
        ...{ session: session.config.keys.path, sid: session.sid, socket, remote, kind, rttMs },
        ...{ local: this.context.local(socket), join: null, friend, attempts, packetsSent },
        elapsedMs: now - visit.offer.at,
        words: session.config.keys.words,
      },
      this,
    );
    this.inside.set(friend, { visit, path });
    this.peer(visit.offer, 'connected', path);
    this.countPlayers(now);
  }

  /** The client is the one that tries again: a visit nobody speaks for is over. */
  private idle(now: Instant, visit: Visit): Alarm {
    return this.context.agenda.at(now + LIMITS.visitIdleMs, (at) => this.dismiss(at, visit, 'left'));
  }

  private dismiss(now: Instant, visit: Visit, state: FriendState): void {
    if (!this.drop(now, visit)) return;
    this.peer(visit.offer, state);
  }

  private drop(now: Instant, visit: Visit): boolean {
    const visiting = this.visiting.get(visit.offer.friend);
    if (visiting?.visit !== visit) return false;
    this.visiting.delete(visit.offer.friend);
    visiting.idle.cancel();
    visit.stop(now);
    return true;
  }

  private refuse(now: Instant, offer: Offer, failure: FailureCode): void {
    if (failure !== 'BUSY') this.peer(offer, 'refused');
    this.context.log(null, 'refused', { friend: offer.friend, failure });
    this.answerNo(now, offer.push, failure);
  }

  private answerNo(now: Instant, push: Push & { readonly type: 'offer' }, failure: FailureCode): void {
    const retryAfterMs = failure === 'BUSY' ? LIMITS.retryRestMs : 0;
    this.context.request(now, { type: 'refuse', sid: push.sid, failure, retryAfterMs }, null, () => {});
  }

  private peer(offer: Offer, state: FriendState, path: PathId | null = null): void {
    if (this.isMaster(offer)) return;
    const { friend, handshake } = offer;
    this.context.out.event({ ev: 'peer', friend, name: handshake.hello.name, state, path });
  }
}
