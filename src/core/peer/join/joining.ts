/**
 * One join: resolve, knock at the host's door, traverse, hold the path; when the path dies, all of it again with the same host, and
 * where it is to wait also when the host has said goodbye. It gives up only for a reason that a person has to act on, at the time-out, or
 * on abort (docs/seed.md S22). Its phases are in `join-phase.ts`.
 */

import { equalBytes } from '../../bytes.ts';
import type { Instant } from '../../contract.ts';
import { assert, type FailureCode, RETRYABLE } from '../../errors.ts';
import { normalizeCode } from '../../model/code.ts';
import type { ListEntry } from '../../model/listing.ts';
import type { LogData } from '../../model/log.ts';
import type { PathKind } from '../../model/pair.ts';
import type { FailureReason, StageReason } from '../../model/progress.ts';
import type { Push, Response } from '../../wire/messages.ts';
import { codeFault } from '../../wire/pasted.ts';
import { cleanText } from '../../wire/text.ts';
import type { Alarm, PeerContext } from '../base/context.ts';
import type { ConnectionId, JoinId, JoinStage, PeerCommand } from '../base/interface.ts';
import { PEER_LIMITS } from '../base/limits.ts';
import { NO_RELAY } from '../base/relay-choice.ts';
import { lookBeside } from '../carry/beside.ts';
import type { ConnectionEnd, ConnectionOwner, Connections } from '../carry/connections.ts';
import { friendOf, NO_CONNECTION } from '../keys/handshake.ts';
import { isOutdated, type Whereabouts } from '../reach/candidates.ts';
import { type Meeting, meetingOf } from '../reach/families.ts';
import { reportEnd, Session, type SessionConfig, type SessionEvent } from '../reach/session.ts';
import { type Attempt, type Established, JOIN_PHASES, type JoinPhase } from './join-phase.ts';
import { doorstepOf, type HostAnswer, Knock, type KnockResult } from './knock.ts';
import { Search } from './search.ts';

export type JoinCommand = PeerCommand & { readonly do: 'join' };
type Found = SessionEvent & { readonly ev: 'path' };

export class Join implements ConnectionOwner {
  readonly id: JoinId;
  private readonly context: PeerContext;
  private readonly connections: Connections;
  private readonly command: JoinCommand;
  private readonly onOver: () => void;
  private phase: JoinPhase;
  private standing: Established | null = null;
  /**
   * From the command, or from the loss of a path, to the next path. `since`: the clock that is shown counts from here (docs/seed.md S22). `again`: a
   * path was up before, so what may pass is waited for. `welcomed`: the host has let us in.
   */
  private run: { readonly since: Instant; again: boolean; welcomed: boolean };
  private deadline: Alarm | null = null;
  private readonly search: Search;
  /** Knocks in which it was not known whether both have IPv6. */
  private unsettled = 0;
  private hostKey: Uint8Array | null;
  /** Until then a host that the master does not know may still be on its way back to a restarted master. */
  private hostReturnsUntil: Instant | null = null;
  /** A link brings the key beside the code: whether they belong together is known by the time that the master answers. */
  private linkCheck: Alarm | null = null;

  constructor(context: PeerContext, connections: Connections, now: Instant, command: JoinCommand, onOver: () => void) {
    this.context = context;
    this.connections = connections;
    this.command = command;
    this.onOver = onOver;
    this.id = command.join;
    this.hostKey = command.code === null ? command.hostKey : null;
    this.run = { since: now, again: false, welcomed: false };
    this.setDeadline(now);
    this.search = new Search(context.agenda, {
      over: (at) => this.searchOver(at),
      again: (at) => this.punchAgain(at),
    });
    const late = context.agenda.at(now + PEER_LIMITS.linkWaitMs, (at) =>
      this.unreachable(at, context.atDoor() ? 'MASTER_PORTS_SHUT' : 'MASTER_UNREACHABLE'),
    );
    this.phase = { in: 'linking', late };
    this.stage('resolving');
  }

  /** The session with the master has come or gone. */
  link(now: Instant, failure: FailureCode | null): void {
    if (this.context.linkUp() && this.phase.in === 'knocking') this.phase.knock.linked(now);
    if (this.phase.in !== 'linking') this.hostReturnsUntil = now + PEER_LIMITS.hostReturnMs;
    else if (failure !== null) this.unreachable(now, failure);
    else if (this.context.linkUp()) {
      const { code, hostKey } = this.command;
      if (code !== null && hostKey !== null)
        this.linkCheck = this.context.deriveCode(hostKey, (at, derived) => void this.belongs(at, derived));
      this.ask(now);
    }
  }

  /** Our own profile is known as far as it will be for now. */
  ready(now: Instant): void {
    if (this.phase.in === 'profiling') this.ask(now);
  }

  /** True where the push was for this join. */
  push(now: Instant, push: Push): boolean {
    const { phase } = this;
    if (phase.in === 'knocking') {
      if (push.type === 'held' && equalBytes(phase.knock.sid, push.sid)) {
        this.held(phase, push.ahead);
        return true;
      }
      if (phase.knock.push(now, push)) return true;
    }
    if (push.type === 'held' || !('sid' in push)) return false;
    const attempt = phase.in === 'punching' ? phase.attempt : null;
    const session = [attempt?.session, this.standing?.session].find((one) => one && equalBytes(one.sid, push.sid));
    if (!session) return false;
    const present = attempt !== null && session === attempt.session;
    if (push.type === 'refused') this.sentAway(now, present ? attempt : null, push);
    else if (push.type !== 'over') session.push(now, push);
    else if (present) this.again(now, `master-${push.outcome}`, 0);
    return true;
  }

  /** Let in at first, then sent away: kicked, maybe before the host had its own proof. `attempt`: null where the path stands. */
  private sentAway(now: Instant, attempt: Attempt | null, push: Push & { readonly type: 'refused' }): void {
    if (attempt !== null) {
      attempt.dismissed = true;
      this.failed(now, push.failure, push.retryAfterMs, null);
    } else if (this.standing !== null) this.connections.leave(now, this.standing.path, 'kicked');
  }

  /** A join that has its path ends like any path that is left; one without is told to have failed. */
  abort(now: Instant): void {
    if (this.standing !== null) this.end(now);
    else this.fail(now, 'ABORTED', null);
  }

  punchesAgain(end: ConnectionEnd): boolean {
    return end === 'consent' || this.waitsAfter(end) || (end === 'replaced' && this.attempting);
  }

  /** The host has ended, or had no place left for us when it was back: who has been inside waits for it where that is wished. */
  private waitsAfter(end: ConnectionEnd): boolean {
    return (this.command.wait ?? false) !== false && (end === 'left' || end === 'full');
  }

  /** The first path of the connection that an attempt leads to: it takes the place of the one that stood before. */
  connectionUp(now: Instant, path: ConnectionId): boolean {
    const { phase } = this;
    if (phase.in !== 'punching' && phase.in !== 'relaying') return false;
    const id = phase.in === 'relaying' ? phase.id : phase.attempt.session.config.keys.connectionId;
    this.deadline?.cancel();
    if (this.standing !== null) this.connections.leave(now, this.standing.path, 'replaced');
    this.standing = { path, id, session: null };
    this.run.again = true;
    this.stage('connected');
    if (phase.in === 'relaying') this.enter(now, { in: 'connected' });
    else this.search.begin(now);
    return true;
  }

  /** The search for a direct path has taken long enough, while a relay carries the data. */
  private searchOver(now: Instant): void {
    if (!this.attempting || this.standing === null || !this.connections.works(this.standing.path)) return;
    if (this.phase.in === 'punching') this.report(now, this.phase.attempt, 'relay');
    this.enter(now, { in: 'connected' });
  }

  connectionOver(now: Instant, path: ConnectionId, end: ConnectionEnd): void {
    if (path !== this.standing?.path) {
      // The host has let go of it before it had a path.
      this.again(now, end, PEER_LIMITS.brokenRestMs);
      return;
    }
    this.standing.session?.stop(now);
    this.standing = null;
    if (this.waitsAfter(end)) {
      this.setDeadline(now);
      this.waitForHost(now, end === 'full' ? 'FULL' : 'HOST_OFFLINE');
    } else if (end === 'consent') {
      this.setDeadline(now);
      this.punchAgain(now);
      // Replaced by the attempt that goes on just now; without one, somebody with our key has come from elsewhere.
    } else if (!this.punchesAgain(end)) this.end(now);
  }

  /** A path that does not answer is punched again at once, not only when its consent ends half a minute later. */
  connectionWanting(now: Instant, path: ConnectionId, wanting: boolean): void {
    if (path !== this.standing?.path) return;
    if (wanting) this.punchAgain(now);
    else if (this.attempting) this.enter(now, { in: 'connected' });
  }

  /** The network of this computer has changed: what leads to its old address may lead nowhere. */
  network(now: Instant): void {
    if (this.standing !== null) this.punchAgain(now);
  }

  /** What the host was told of us does not lead to where we are now: it is told anew, and what is under way is given up. */
  moved(now: Instant, where: Whereabouts): void {
    const { phase } = this;
    if (phase.in === 'knocking' && phase.knock.told !== null && isOutdated(phase.knock.told, where))
      this.ask(now, phase.ahead);
    if (phase.in !== 'punching') return;
    const { own, peer } = phase.attempt.session.config;
    if (isOutdated(own.candidates, where, peer)) this.again(now, 'moved', 0);
  }

  private punchAgain(now: Instant): void {
    if (this.attempting) return;
    this.run = { since: now, again: true, welcomed: false };
    if (this.standing !== null) this.search.begin(now);
    this.context.stay(now);
    this.ask(now);
  }

  /** The host has said itself that it goes: nothing is asked at once, and what was under way with it is over. */
  private waitForHost(now: Instant, failure: FailureCode): void {
    this.search.stop();
    this.run = { since: now, again: true, welcomed: false };
    this.context.stay(now);
    this.stage('waiting', { because: 'failure', failure });
    if (this.phase.in !== 'resting') this.rest(now, this.patience(now));
  }

  /** So long before who waits asks again: an eighth of what it has waited, give or take a fifth, so that friends don't ask in step. */
  private patience(now: Instant): number {
    const { retryRestMs, waitRestMsMax } = PEER_LIMITS;
    const ms = Math.min(Math.max((now - this.run.since) / 8, retryRestMs), waitRestMsMax);
    return ms * (0.8 + 0.4 * this.context.config.random.float());
  }

  /** Is a new path looked for, for one that stood before? */
  private get attempting(): boolean {
    return ['knocking', 'punching', 'relaying', 'resting'].includes(this.phase.in);
  }

  private setDeadline(now: Instant): void {
    const { timeoutMs } = this.command;
    this.deadline?.cancel();
    if (timeoutMs <= 0) return;
    this.deadline = this.context.agenda.at(now + timeoutMs, (at) => this.fail(at, 'GAVE_UP', this.silence()));
  }

  /** Who has not answered; nothing where it was the NATs that did not meet. */
  private silence(): FailureReason | null {
    if (this.run.welcomed) return null;
    if (!this.context.linkUp()) return { because: 'master-silent' };
    const asked = this.phase.in === 'knocking' && this.phase.ahead !== null;
    return { because: asked ? 'host-undecided' : 'host-silent' };
  }

  private unreachable(now: Instant, failure: FailureCode): void {
    const blocked = failure === 'MASTER_UNREACHABLE' && this.context.profile().type === 'blocked';
    this.fail(now, blocked ? 'UDP_BLOCKED' : failure, null);
  }

  private resolve(now: Instant): void {
    const code = normalizeCode(this.command.code ?? '');
    if (code === null) {
      this.fail(now, 'CODE_MALFORMED', codeFault(this.command.code ?? ''));
      return;
    }
    const request = { type: 'resolve', code } as const;
    const onResponse = (at: Instant, response: Response): void => this.resolved(at, response);
    const asked = this.context.request(now, request, null, onResponse, { at: { code } });
    this.enter(now, { in: 'resolving', request: asked });
  }

  private resolved(now: Instant, response: Response): void {
    const tried = response.type === 'failed' && response.why === 'codes-tried';
    if (response.type === 'failed')
      this.failed(now, response.failure, response.retryAfterMs, tried ? { because: 'codes-tried' } : null);
    if (response.type !== 'resolved') return;
    const { hostKey, entry } = response;
    if (this.command.hostKey !== null && !equalBytes(this.command.hostKey, hostKey)) {
      this.fail(now, 'HOST_KEY_CHANGED', null);
      return;
    }
    const derivation = this.context.deriveCode(hostKey, (at, code) => this.checked(at, hostKey, entry, code));
    this.enter(now, { in: 'checking', derivation });
  }

  /** Nothing is sent to the host before this: a code is derived from its key, so a master that lies has 21^10 keys to try. */
  private checked(now: Instant, hostKey: Uint8Array, entry: ListEntry, code: string | null): void {
    if (!this.belongs(now, code)) return;
    const known = this.command.known?.get(entry.name);
    if (known !== undefined && !equalBytes(known, hostKey)) {
      const name = cleanText(entry.name, PEER_LIMITS.nameShownMax);
      this.fail(now, 'HOST_KEY_CHANGED', { because: 'other-key-for-name', name });
      return;
    }
    this.hostKey = hostKey;
    this.context.out.event({ ev: 'found', join: this.id, hostKey, entry });
    this.stage('found');
    this.ask(now);
  }

  /** `code`: what the key gives. False where it is not the one that was asked for, and the join is over. */
  private belongs(now: Instant, code: string | null): boolean {
    if (code !== null && code === normalizeCode(this.command.code ?? '')) return true;
    const given = this.command.hostKey !== null;
    this.fail(now, 'HOST_KEY_CHANGED', { because: given ? 'link-contradicts-itself' : 'host-of-another-code' });
    return false;
  }

  private ask(now: Instant, ahead: number | null = null): void {
    if (this.hostKey === null) {
      this.resolve(now);
      return;
    }
    if (!this.context.ready()) {
      this.stage('networks');
      this.enter(now, { in: 'profiling' });
      return;
    }
    if (ahead === null) this.stage('asking');
    const door = doorstepOf(this.context.config, this.command, this.hostKey, this.standing?.id ?? NO_CONNECTION);
    const knock = new Knock(this.context, now, door, (at, result) => this.answered(at, result));
    const quiet = this.context.agenda.at(now + PEER_LIMITS.knockQuietMs, () => this.quiet());
    this.enter(now, { in: 'knocking', knock, quiet, ahead });
  }

  /** Somebody who waits is told for whom; what has been asked stays asked. */
  private quiet(): void {
    if (this.phase.in !== 'knocking') return;
    this.phase.ahead = null;
    this.stage('waiting', { because: this.context.linkUp() ? 'host-silent' : 'master-silent' });
  }

  /** The host lives, and a person there is asked about us or about others first. */
  private held(knocking: JoinPhase & { readonly in: 'knocking' }, ahead: number): void {
    knocking.quiet.cancel();
    if (knocking.ahead === ahead) return;
    knocking.ahead = ahead;
    if (ahead === 0) this.stage('asked');
    else this.stage('queued', { because: 'host-asked-about-others', ahead });
  }

  private answered(now: Instant, result: KnockResult): void {
    switch (result.kind) {
      case 'welcome':
        this.welcomed(now, result.session, result.answer);
        break;
      case 'refused':
        this.failed(now, result.failure, result.retryAfterMs, result.detail);
        break;
      case 'silence':
        this.log('no-answer', {});
        this.ask(now, this.phase.in === 'knocking' ? this.phase.ahead : null);
    }
  }

  private welcomed(now: Instant, config: SessionConfig, answer: HostAnswer): void {
    if (this.hostKey === null) return;
    this.run.welcomed = true;
    const meeting = meetingOf({ ...config.own, family: this.context.family() }, config.peer);
    if (meeting !== 'common' && this.apart(now, meeting, config, answer)) return;
    const relayedOnly = answer.relayedOnly || meeting !== 'common';
    const sides = { own: config.own.profile, peer: config.peer.profile };
    this.context.out.event({ ev: 'networks', join: this.id, ...sides, relayedOnly });
    this.stage('punching');
    const friend = friendOf(this.context.config.crypto, this.hostKey);
    const { services } = answer;
    const made = { keys: config.keys, join: this.id, friend, instance: '', since: this.run.since, services };
    const path = answer.goesOn && this.standing !== null ? this.standing.path : this.connections.open(now, made, this);
    this.connections.relay(now, path, answer.relay, answer.grant);
    if (relayedOnly) this.goRelayed(now, path, config);
    else this.traverse(now, path, config);
  }

  /** No family in common. True where that is the end of it for now: nothing but a relay would help, and none does. */
  private apart(now: Instant, meeting: Meeting, { socket }: SessionConfig, answer: HostAnswer): boolean {
    if (answer.relayedOnly || (answer.relay !== NO_RELAY && answer.grant !== null)) return false;
    this.context.close(socket);
    if (meeting === 'unsettled' && ++this.unsettled < PEER_LIMITS.familyKnocksMax)
      this.rest(now, PEER_LIMITS.retryRestMs);
    else this.failed(now, 'NO_COMMON_FAMILY', 0, null);
    return true;
  }

  private goRelayed(now: Instant, path: ConnectionId, { socket, keys }: SessionConfig): void {
    this.context.close(socket);
    const late = this.context.agenda.at(now + PEER_LIMITS.relayedMs, (at) => this.again(at, 'relay-silent', 0));
    this.enter(now, { in: 'relaying', path, id: keys.connectionId, late });
  }

  private traverse(now: Instant, path: ConnectionId, config: SessionConfig): void {
    const session = new Session(this.context, now, config, (at, event) => this.traversed(at, attempt, event));
    const attempt: Attempt = { session, path, n: null, method: '', packetsSent: 0, dismissed: false };
    this.enter(now, { in: 'punching', attempt });
  }

  private traversed(now: Instant, attempt: Attempt, event: SessionEvent): void {
    const { out } = this.context;
    const join = this.id;
    switch (event.ev) {
      case 'attempt':
        attempt.n = event.n;
        attempt.method = event.plan.method;
        out.event({ ...event, join, sinceMs: now - this.run.since });
        break;
      case 'attempt-over':
        attempt.packetsSent += event.packetsSent;
        out.event({ ...event, join });
        break;
      case 'waiting':
        this.stage('waiting', event.why);
        break;
      case 'hard':
        out.event({ ev: 'hard', join, pair: event.pair, likely: event.likely, advice: event.advice });
        break;
      case 'log':
        out.event({ ...event, join });
        break;
      case 'broken':
        if (this.isPresent(attempt)) this.again(now, event.why, PEER_LIMITS.brokenRestMs);
        break;
      case 'path':
        this.connected(now, attempt, event);
    }
  }

  private isPresent(attempt: Attempt): boolean {
    return this.phase.in === 'punching' && this.phase.attempt === attempt;
  }

  private connected(now: Instant, attempt: Attempt, found: Found): void {
    if (!this.isPresent(attempt)) return;
    const { session } = attempt;
    session.quiet();
    reportEnd(now, this.context, session, { ...found, path: found.kind, since: this.run.since });
    lookBeside(now, this.context, this.connections, { session, path: attempt.path, found });
    if (attempt.path !== this.standing?.path) {
      this.connections.add(now, attempt.path, found);
      this.settle(now, session);
      return;
    }
    this.stage('connected');
    this.settle(now, session);
    this.connections.add(now, attempt.path, found);
  }

  /** The session has found what was looked for; the one before it need not answer late probes any more. */
  private settle(now: Instant, session: Session): void {
    if (this.standing === null) return;
    this.standing.session?.stop(now);
    this.standing.session = session;
    this.search.stop();
    this.enter(now, { in: 'connected' });
  }

  /** What may pass is waited for when the master or the host asks for patience, when there was a path before, or where that is wished. */
  private failed(now: Instant, failure: FailureCode, retryAfterMs: number, detail: FailureReason | null): void {
    // The master has just begun, as we have seen or as it says.
    const seen = this.hostReturnsUntil !== null && now < this.hostReturnsUntil;
    const returning = failure === 'HOST_OFFLINE' && (seen || retryAfterMs > 0);
    const wished = failure === 'HOST_OFFLINE' && this.command.wait === 'from-start';
    if (failure === 'BUSY' || returning || wished || (this.run.again && RETRYABLE[failure])) {
      this.stage('waiting', { because: 'failure', failure });
      this.rest(now, Math.max(retryAfterMs, failure === 'BUSY' ? PEER_LIMITS.retryRestMs : this.patience(now)));
      // No further path can be had: the one that works is kept.
    } else if (ofThisNetwork(failure) && this.standing !== null && this.connections.works(this.standing.path))
      this.enter(now, { in: 'connected' });
    else this.fail(now, failure, detail);
  }

  private again(now: Instant, why: string, restMs: number): void {
    this.log('again', { why });
    if (restMs > 0) this.rest(now, restMs);
    else this.ask(now);
  }

  private rest(now: Instant, restMs: number): void {
    this.enter(now, { in: 'resting', again: this.context.agenda.at(now + restMs, (at) => this.ask(at)) });
  }

  private report(now: Instant, { session, method, n, packetsSent }: Attempt, path: PathKind | null): void {
    reportEnd(now, this.context, session, { path, method, attempts: n ?? 0, packetsSent, since: this.run.since });
  }

  private fail(now: Instant, failure: FailureCode, detail: FailureReason | null): void {
    if (this.over) return;
    this.end(now);
    this.context.out.event({ ev: 'join-failed', join: this.id, failure, detail });
  }

  /** Quietly, and at once: the program ends. */
  end(now: Instant): void {
    // Comes back to here by `connectionOver`, which has ended it then.
    if (this.standing !== null) this.connections.leave(now, this.standing.path, 'left');
    if (this.over) return;
    const { phase } = this;
    this.enter(now, { in: 'over' });
    if (phase.in === 'punching' && !phase.attempt.dismissed) this.report(now, phase.attempt, null);
    this.deadline?.cancel();
    this.linkCheck?.cancel();
    this.search.stop();
    this.onOver();
  }

  private get over(): boolean {
    return this.phase.in === 'over';
  }

  private enter(now: Instant, phase: JoinPhase): void {
    const before = this.phase;
    assert(phase.in in JOIN_PHASES[before.in], `a join goes from ${before.in} to ${phase.in}`);
    this.phase = phase;
    this.log('join', { from: before.in, to: phase.in });
    this.letGo(now, before);
  }

  /** What belonged to a phase ends with it; a path that stands, and the session that found it, are not touched. */
  private letGo(now: Instant, phase: JoinPhase): void {
    switch (phase.in) {
      case 'linking':
        phase.late.cancel();
        break;
      case 'resolving':
        phase.request.cancel();
        break;
      case 'checking':
        phase.derivation.cancel();
        break;
      case 'knocking':
        phase.quiet.cancel();
        phase.knock.abort(now);
        break;
      case 'resting':
        phase.again.cancel();
        break;
      case 'relaying':
        phase.late.cancel();
        if (phase.path !== this.standing?.path) this.connections.discard(now, phase.path);
        break;
      case 'punching':
        if (phase.attempt.session !== this.standing?.session) phase.attempt.session.stop(now);
        if (phase.attempt.path !== this.standing?.path) this.connections.discard(now, phase.attempt.path);
    }
  }

  /** Whoever plays is not told how a better path is looked for. */
  private stage(stage: JoinStage, why: StageReason | null = null): void {
    if (stage !== 'connected' && this.standing !== null && this.connections.works(this.standing.path)) return;
    this.context.out.event({ ev: 'stage', join: this.id, stage, why });
  }

  private log(what: string, data: LogData): void {
    const attempt = this.phase.in === 'punching' ? this.phase.attempt.n : null;
    this.context.out.event({ ev: 'log', join: this.id, attempt, what, data });
  }
}

/** Does it say something of this computer's network, and nothing of the host's will? */
function ofThisNetwork(failure: FailureCode): boolean {
  return failure === 'NO_COMMON_FAMILY' || failure === 'INTERNAL';
}
