/**
 * One join: resolve, knock at the host's door, traverse, hold the path; when the path dies, all of it again with the same host.
 * It gives up only for a reason that a person has to act on, at the time-out, or on abort (S22).
 *
 *     waiting (for the master, for our profile) -> resolving -> knocking -> punching -> connected
 *                                                                  ^ new sid, new socket  |
 *                                                                  +----------------------+
 */

import { equalBytes } from '../bytes.ts';
import type { Instant } from '../contract.ts';
import { FAILURES, type FailureCode } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { normalizeCode } from '../model/code.ts';
import type { ListEntry } from '../model/listing.ts';
import type { PathKind } from '../model/pair.ts';
import type { Push, Response } from '../wire/messages.ts';
import { cleanText, saidByMaster } from '../wire/text.ts';
import type { Alarm, PeerContext } from './context.ts';
import { friendOf } from './handshake.ts';
import type { JoinId, JoinStage, PathId, PeerCommand } from './interface.ts';
import { Knock, type KnockResult } from './knock.ts';
import { PEER_LIMITS } from './limits.ts';
import type { PathEnd, PathOwner, Paths } from './paths.ts';
import { Session, type SessionConfig, type SessionEvent } from './session.ts';

export type JoinCommand = PeerCommand & { readonly do: 'join' };
type Found = SessionEvent & { readonly ev: 'path' };

/** A proven path, with the session that found it: its traversal still answers late probes. */
interface Established {
  readonly path: PathId;
  readonly session: Session;
}

export class Join implements PathOwner {
  readonly id: JoinId;
  private readonly context: PeerContext;
  private readonly paths: Paths;
  private readonly command: JoinCommand;
  private readonly onOver: () => void;
  /** The master has to be there by then, at first. */
  private readonly linkWait: Alarm;
  /** Of the run under way. */
  private deadlineAlarm: Alarm | null = null;
  private hostKey: Uint8Array | null;
  /** When this run began: the command, or the loss of the path. The clock shown counts from here (S22). */
  private since: Instant;
  private linkUp = false;
  /** Until then a host that the master does not know may still be on its way back to a restarted master. */
  private hostReturnsUntil: Instant = Number.NEGATIVE_INFINITY;
  private profiled = false;
  private begun = false;
  private over = false;
  /** The host has let us in, in this run. */
  private welcomed = false;
  /** A path was up before: what may pass is waited for. */
  private persistent = false;
  private resolving: Alarm | null = null;
  /** Does the code belong to the key? */
  private checking: Alarm | null = null;
  private checkingLink: Alarm | null = null;
  private retry: Alarm | null = null;
  private knock: Knock | null = null;
  private knockQuiet: Alarm | null = null;
  /** How many the host answers before us, as it has said; null where it has not. */
  private ahead: number | null = null;
  /** Of the attempt under way. */
  private session: Session | null = null;
  private established: Established | null = null;
  private attempt: number | null = null;
  /** In the session under way, as far as its attempts are over. */
  private packetsSent = 0;
  private method = '';

  constructor(context: PeerContext, paths: Paths, now: Instant, command: JoinCommand, onOver: () => void) {
    this.context = context;
    this.paths = paths;
    this.command = command;
    this.onOver = onOver;
    this.id = command.join;
    this.hostKey = command.code === null ? command.hostKey : null;
    this.since = now;
    this.deadline(now);
    const late = (at: Instant): void => {
      if (!this.linkUp && !this.begun) this.unreachable(at, 'MASTER_UNREACHABLE');
    };
    this.linkWait = context.agenda.at(now + PEER_LIMITS.linkWaitMs, late);
    this.stage('resolving', 'Looking for the host.');
  }

  link(now: Instant, up: boolean, failure: FailureCode | null): void {
    this.linkUp = up;
    if (this.begun) this.hostReturnsUntil = now + PEER_LIMITS.hostReturnMs;
    if (failure !== null && !this.begun) this.unreachable(now, failure);
    this.begin(now);
  }

  /** Our own profile is known as far as it will be for now. */
  ready(now: Instant): void {
    this.profiled = true;
    if (this.hostKey !== null && this.begun && !this.attempting && this.established === null) this.ask(now);
  }

  /** True where the push was for this join. */
  push(now: Instant, push: Push): boolean {
    if (push.type === 'held') {
      const ours = this.knock !== null && equalBytes(this.knock.sid, push.sid);
      if (ours) this.held(push.ahead);
      return ours;
    }
    if (this.knock?.push(now, push)) return true;
    if (!('sid' in push)) return false;
    const session = [this.session, this.established?.session].find((one) => one && equalBytes(one.sid, push.sid));
    if (!session) return false;
    if (push.type === 'refused') this.sentAway(now, session, push);
    else if (push.type !== 'over') session.push(now, push);
    else if (session === this.session) this.again(now, `the master says: ${push.outcome}`, 0);
    return true;
  }

  /** Let in at first, then sent away: kicked, maybe before the host had its own proof. */
  private sentAway(now: Instant, session: Session, push: Push & { readonly type: 'refused' }): void {
    if (session !== this.session) {
      if (this.established !== null) this.paths.leave(now, this.established.path, 'kicked');
      return;
    }
    this.dropAttempt(now);
    this.failed(now, push.failure, push.retryAfterMs, '');
  }

  /** A join that has its path ends like any path that is left; one without is told to have failed. */
  abort(now: Instant): void {
    if (this.established !== null) this.end(now);
    else this.fail(now, 'ABORTED', '');
  }

  /** The program ends: quietly, and at once. */
  close(now: Instant): void {
    this.end(now);
  }

  punchesAgain(end: PathEnd): boolean {
    return end === 'consent' || (end === 'replaced' && this.attempting);
  }

  pathOver(now: Instant, _path: PathId, end: PathEnd): void {
    this.established?.session.stop(now);
    this.established = null;
    if (end === 'consent') {
      this.deadline(now);
      this.punchAgain(now);
      // Replaced by the attempt that goes on just now; without one, somebody with our key has come from elsewhere.
    } else if (!this.punchesAgain(end)) this.end(now);
  }

  /** A path that falls silent is punched again at once, not only when its consent ends 20 s later. */
  pathSilent(now: Instant, _path: PathId, silent: boolean): void {
    if (silent) this.punchAgain(now);
    else this.dropAttempt(now);
  }

  private punchAgain(now: Instant): void {
    if (this.attempting) return;
    this.persistent = true;
    this.welcomed = false;
    this.since = now;
    this.ask(now);
  }

  private get attempting(): boolean {
    return this.knock !== null || this.session !== null || this.retry !== null;
  }

  private deadline(now: Instant): void {
    const { timeoutMs } = this.command;
    this.deadlineAlarm?.cancel();
    if (timeoutMs <= 0) return;
    this.deadlineAlarm = this.context.agenda.at(now + timeoutMs, (at) => this.fail(at, 'GAVE_UP', this.silence()));
  }

  /** Who has not answered; nothing where it was the NATs that did not meet. */
  private silence(): string {
    if (this.welcomed) return '';
    if (this.ahead !== null && this.linkUp) return 'Whoever runs the host has not said yes or no.';
    return this.linkUp ? 'The host has not answered: is it still there?' : 'The masterserver does not answer.';
  }

  private unreachable(now: Instant, failure: FailureCode): void {
    const blocked = failure === 'MASTER_UNREACHABLE' && this.context.profile().type === 'blocked';
    this.fail(now, blocked ? 'UDP_BLOCKED' : failure, '');
  }

  private begin(now: Instant): void {
    if (this.begun || this.over || !this.linkUp) return;
    this.begun = true;
    this.checkLink();
    this.ask(now);
  }

  /** A link brings the key beside the code: whether they belong together is known by the time that the master answers. */
  private checkLink(): void {
    const { code, hostKey } = this.command;
    if (code === null || hostKey === null) return;
    this.checkingLink = this.context.deriveCode(hostKey, (now, derived) => void this.belongs(now, derived));
  }

  private resolve(now: Instant): void {
    const code = normalizeCode(this.command.code ?? '');
    if (code === null) {
      this.fail(now, 'CODE_UNKNOWN', `A code has ${LIMITS.codeSymbols} symbols.`);
      return;
    }
    const request = { type: 'resolve', code } as const;
    this.resolving = this.context.request(now, request, null, (at, response) => this.resolved(at, response));
  }

  private resolved(now: Instant, response: Response): void {
    this.resolving = null;
    if (response.type === 'failed')
      this.failed(now, response.failure, response.retryAfterMs, saidByMaster(response.detail));
    if (response.type !== 'resolved') return;
    const { hostKey, entry } = response;
    if (this.command.hostKey !== null && !equalBytes(this.command.hostKey, hostKey)) {
      this.fail(now, 'HOST_KEY_CHANGED', '');
      return;
    }
    this.checking = this.context.deriveCode(hostKey, (at, code) => this.checked(at, hostKey, entry, code));
  }

  /** Nothing is sent to the host before this: a code is derived from its key, so a master that lies has 20^10 keys to try. */
  private checked(now: Instant, hostKey: Uint8Array, entry: ListEntry, code: string | null): void {
    this.checking = null;
    if (!this.belongs(now, code)) return;
    const known = this.command.known?.get(entry.name);
    if (known !== undefined && !equalBytes(known, hostKey)) {
      const name = cleanText(entry.name, PEER_LIMITS.nameShownMax);
      this.fail(now, 'HOST_KEY_CHANGED', `You have joined "${name}" here before, and it had another key.`);
      return;
    }
    this.hostKey = hostKey;
    this.context.out.event({ ev: 'found', join: this.id, hostKey, entry });
    this.stage('found', `Found ${entry.name}.`);
    this.ask(now);
  }

  /** `code`: what the key gives. False where it is not the one that was asked for, and the join is over. */
  private belongs(now: Instant, code: string | null): boolean {
    if (code !== null && code === normalizeCode(this.command.code ?? '')) return true;
    const given = this.command.hostKey !== null;
    const detail = given
      ? 'The code and the key in the link do not belong together.'
      : 'The masterserver names a host that this code does not belong to.';
    this.fail(now, 'HOST_KEY_CHANGED', detail);
    return false;
  }

  private ask(now: Instant): void {
    if (this.hostKey === null) {
      this.resolve(now);
      return;
    }
    if (!this.profiled) {
      this.stage('networks', 'Looking at your own network.');
      return;
    }
    const { password, name } = this.command;
    if (this.ahead === null) this.stage('asking', 'Asking the host.');
    const door = { hostKey: this.hostKey, password, name };
    this.knock = new Knock(this.context, now, door, (at, result) => this.answered(at, result));
    this.knockQuiet?.cancel();
    this.knockQuiet = this.context.agenda.at(now + PEER_LIMITS.knockQuietMs, () => this.quiet());
  }

  /** Somebody who waits is told for whom; what has been asked stays asked. */
  private quiet(): void {
    if (this.knock === null) return;
    this.ahead = null;
    const text = this.linkUp
      ? 'No answer from the host yet: maybe it has gone.'
      : 'The masterserver does not answer just now.';
    this.stage('waiting', `${text} Trying on.`);
  }

  /** The host lives, and a person there is asked about us or about others first. */
  private held(ahead: number): void {
    this.knockQuiet?.cancel();
    if (this.ahead === ahead) return;
    this.ahead = ahead;
    if (ahead === 0) this.stage('asked', 'The host is asked whether you may come in.');
    else this.stage('queued', `The host is asked about ${ahead === 1 ? 'one other' : `${ahead} others`} before you.`);
  }

  private answered(now: Instant, result: KnockResult): void {
    this.knock = null;
    if (result.kind !== 'silence') this.ahead = null;
    switch (result.kind) {
      case 'welcome':
        this.traverse(now, result.session);
        break;
      case 'refused':
        this.failed(now, result.failure, result.retryAfterMs, result.detail);
        break;
      case 'silence':
        this.log('no-answer', {});
        this.ask(now);
    }
  }

  private traverse(now: Instant, session: SessionConfig): void {
    this.welcomed = true;
    this.context.out.event({ ev: 'networks', join: this.id, own: session.own.profile, peer: session.peer.profile });
    this.stage('punching', 'Opening the path.');
    this.attempt = null;
    this.packetsSent = 0;
    const attempt = new Session(this.context, now, session, (at, event) => this.traversed(at, attempt, event));
    this.session = attempt;
  }

  private traversed(now: Instant, session: Session, event: SessionEvent): void {
    const { out } = this.context;
    const join = this.id;
    switch (event.ev) {
      case 'attempt':
        this.attempt = event.n;
        this.method = event.plan.method;
        out.event({ ...event, join, sinceMs: now - this.since });
        break;
      case 'attempt-over':
        this.packetsSent += event.packetsSent;
        out.event({ ...event, join });
        break;
      case 'waiting':
        this.stage('waiting', event.text);
        break;
      case 'hard':
        out.event({ ev: 'hard', join, pair: event.pair, likely: event.likely, advice: event.advice });
        break;
      case 'log':
        out.event({ ...event, join });
        break;
      case 'broken':
        this.again(now, event.why, PEER_LIMITS.brokenRestMs);
        break;
      case 'path':
        this.connected(now, session, event);
    }
  }

  private connected(now: Instant, session: Session, found: Found): void {
    if (session !== this.session || this.hostKey === null) return;
    this.deadlineAlarm?.cancel();
    session.quiet();
    const { kind, socket, remote, rttMs, attempts, packetsSent } = found;
    this.done(now, session, kind, attempts, packetsSent);
    if (this.established !== null) this.paths.leave(now, this.established.path, 'replaced');
    this.stage('connected', 'Connected.');
    const path = this.paths.add(
      now,
      {
        ...{ session: session.config.keys.path, sid: session.sid, socket, remote, kind, rttMs },
        ...{ local: this.context.local(socket), join: this.id, attempts, packetsSent, elapsedMs: now - this.since },
        words: session.config.keys.words,
        friend: friendOf(this.context.config.crypto, this.hostKey),
      },
      this,
    );
    this.established = { path, session };
    this.session = null;
  }

  /** Tells the master the end of the session, for its statistics; nobody waits for the answer. */
  private done(
    now: Instant,
    { sid, config }: Session,
    path: PathKind | null,
    attempts: number,
    packetsSent: number,
  ): void {
    this.context.request(
      now,
      {
        ...{ type: 'done', sid, outcome: path === null ? 'aborted' : 'path', path, attempts, packetsSent },
        ...{ clientNat: config.own.profile.type, hostNat: config.peer.profile.type },
        ...{ family: this.context.config.family, method: this.method, elapsedMs: now - this.since },
      },
      null,
      () => {},
    );
  }

  /** What may pass is waited for when the master or the host asks for patience, or when there was a path before. */
  private failed(now: Instant, failure: FailureCode, retryAfterMs: number, detail: string): void {
    const returning = failure === 'HOST_OFFLINE' && now < this.hostReturnsUntil;
    if (failure === 'BUSY' || returning || (this.persistent && FAILURES[failure].retryable)) {
      this.stage('waiting', FAILURES[failure].what);
      this.later(now, Math.max(retryAfterMs, PEER_LIMITS.retryRestMs));
    } else this.fail(now, failure, detail);
  }

  private again(now: Instant, why: string, restMs: number): void {
    this.log('again', { why });
    this.dropAttempt(now);
    if (restMs > 0) this.later(now, restMs);
    else this.ask(now);
  }

  private later(now: Instant, restMs: number): void {
    this.retry?.cancel();
    this.retry = this.context.agenda.at(now + restMs, (at) => {
      this.retry = null;
      this.ask(at);
    });
  }

  /** Ends what is under way for a new path; one that stands is not touched. */
  private dropAttempt(now: Instant): void {
    this.retry?.cancel();
    this.retry = null;
    this.knock?.abort(now);
    this.knock = null;
    this.ahead = null;
    this.session?.stop(now);
    this.session = null;
  }

  private fail(now: Instant, failure: FailureCode, detail: string): void {
    if (this.over) return;
    this.end(now);
    this.context.out.event({ ev: 'join-failed', join: this.id, failure, detail });
  }

  private end(now: Instant): void {
    if (this.over) return;
    this.over = true;
    if (this.established !== null) this.paths.leave(now, this.established.path, 'left');
    const { session } = this;
    this.dropAttempt(now);
    if (session !== null) this.done(now, session, null, this.attempt ?? 0, this.packetsSent);
    this.linkWait.cancel();
    this.deadlineAlarm?.cancel();
    this.knockQuiet?.cancel();
    this.resolving?.cancel();
    this.checking?.cancel();
    this.checkingLink?.cancel();
    this.onOver();
  }

  private stage(stage: JoinStage, text: string): void {
    this.context.out.event({ ev: 'stage', join: this.id, stage, text });
  }

  private log(what: string, data: Record<string, string | number | boolean | null>): void {
    this.context.out.event({ ev: 'log', join: this.id, attempt: this.attempt, what, data });
  }
}
