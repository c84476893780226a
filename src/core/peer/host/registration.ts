/**
 * What the master knows of a host: registered whenever the session with the master is new, then a heartbeat each 18 s, and at
 * once when the announcement, the players or the profile change. The host derives its code itself: a master that calls it by another
 * one would lead its friends to whoever that code belongs to, so it is left at once and for good.
 */

import type { Instant } from '../../contract.ts';
import { assert, type FailureCode } from '../../errors.ts';
import type { HostAnnouncement } from '../../model/listing.ts';
import type { NatProfile } from '../../nat/profile.ts';
import type { Response } from '../../wire/messages.ts';
import type { Alarm, PeerContext } from '../base/context.ts';
import { PEER_LIMITS } from '../base/limits.ts';

export interface Announced {
  readonly announcement: HostAnnouncement;
  readonly players: number;
}

export type RegistrationEvent =
  | { readonly ev: 'registered'; readonly code: string; readonly hostId: string; readonly page: string }
  | { readonly ev: 'failed'; readonly failure: FailureCode };

type Phase = 'away' | 'unlisted' | 'listed' | 'replaced' | 'over';

/** Which phase may follow which, and when. @drawn in docs/states.md */
export const REGISTRATION_PHASES = {
  away: { unlisted: 'the session with the master is up', over: 'the hosting ends' },
  unlisted: {
    listed: 'the master has answered the registration',
    unlisted: 'the session is another one, which knows nothing of us',
    away: 'the session is lost',
    replaced: 'somebody hosts with our key at this node of a fleet, and began later',
    over: 'the hosting ends, or the master calls us by a code that is not ours',
  },
  listed: {
    listed: 'registered anew in the same session',
    unlisted: 'the session is another one, or the master has forgotten or refused us',
    replaced: 'somebody hosts with our key, and came later',
    away: 'the session is lost',
    over: 'the hosting ends, or the master calls us by a code that is not ours',
  },
  replaced: {
    unlisted: 'the other one is gone: the master knows nobody of our key',
    over: 'the hosting ends',
  },
  over: {},
} as const satisfies Record<Phase, Partial<Record<Phase, string>>>;

export class Registration {
  private readonly context: PeerContext;
  private readonly node: string;
  private readonly generation: number;
  private readonly onEvent: (now: Instant, event: RegistrationEvent) => void;
  private announced: Announced;
  private profile: NatProfile;
  private phase: Phase = 'away';
  private dirty = { announcement: false, profile: false };
  private pending: Alarm | null = null;
  private timer: Alarm | null = null;
  private sentAt: Instant = 0;
  /** Derived from our key; null until it is. */
  private code: string | null = null;
  private deriving: Alarm | null = null;

  /** `node`: which of the fleet's; '' is the master of the link. `generation`: of this hosting, the same at all nodes. */
  constructor(
    context: PeerContext,
    node: string,
    generation: number,
    announced: Announced,
    onEvent: (now: Instant, event: RegistrationEvent) => void,
  ) {
    this.context = context;
    this.node = node;
    this.generation = generation;
    this.announced = announced;
    this.onEvent = onEvent;
    this.profile = context.profile();
  }

  link(now: Instant, up: boolean): void {
    if (this.phase === 'over') return;
    this.forget();
    // Who was replaced doesn't take the place back, whatever becomes of its session: it asks whether the other is still there.
    if (this.phase === 'replaced') {
      if (up) this.beat(now);
    } else if (up) {
      this.enter('unlisted');
      this.register(now);
    } else if (this.phase !== 'away') this.enter('away');
  }

  announce(now: Instant, announced: Announced): void {
    this.dirty.announcement = true;
    this.announced = announced;
    this.changed(now);
  }

  profiled(now: Instant, profile: NatProfile): void {
    this.dirty.profile = true;
    this.profile = profile;
    this.changed(now);
  }

  /** Takes us off the list, also where the answer to what put us there is not in; nobody waits for the answer. */
  goodbye(now: Instant): void {
    if (this.phase === 'over') return;
    this.forget();
    if (this.phase !== 'away')
      this.context.request(now, { type: 'goodbye' }, null, () => {}, { at: { node: this.node } });
    this.enter('over');
    this.deriving?.cancel();
  }

  /** The master says so; what it does not get through is told by its answer to the next heartbeat. */
  replaced(now: Instant): void {
    if (this.phase !== 'listed') return;
    this.forget();
    this.displaced(now);
  }

  private changed(now: Instant): void {
    if (this.phase === 'listed') this.beatAt(Math.max(now, this.sentAt + PEER_LIMITS.heartbeatGapMs));
  }

  private register(now: Instant): void {
    const { announcement, players } = this.announced;
    if (this.code === null) {
      this.derive();
      return;
    }
    const { code, profile, generation } = this;
    this.send(now, { type: 'register', code, announcement, players, profile, generation });
  }

  private derive(): void {
    this.deriving ??= this.context.deriveCode(this.context.config.identity.publicKey, (now, code) => {
      assert(code !== null, 'an own key has a code');
      this.code = code;
      if (this.phase !== 'away') this.register(now);
    });
  }

  private beat(now: Instant): void {
    const { players } = this.announced;
    const announcement = this.dirty.announcement ? this.announced.announcement : null;
    const profile = this.dirty.profile ? this.profile : null;
    this.send(now, { type: 'heartbeat', announcement, players, profile });
  }

  private send(now: Instant, request: Parameters<PeerContext['request']>[1]): void {
    this.forget();
    this.sentAt = now;
    this.dirty = { announcement: false, profile: false };
    const onResponse = (at: Instant, response: Response): void => {
      this.pending = null;
      if (response.type === 'failed' && response.failure === 'HOST_REPLACED') this.displaced(at);
      else this.answered(at, response);
    };
    this.pending = this.context.request(now, request, null, onResponse, { at: { node: this.node } });
  }

  private answered(now: Instant, response: Response): void {
    if (response.type === 'failed') {
      this.failed(now, response.failure, response.retryAfterMs);
      return;
    }
    if (response.type === 'registered' && response.code === '') {
      this.onEvent(now, { ev: 'failed', failure: 'CODE_MISMATCH' });
      return;
    }
    if (response.type === 'registered') {
      if (response.code !== this.code) {
        this.goodbye(now);
        this.onEvent(now, { ev: 'failed', failure: 'CODE_MISMATCH' });
        return;
      }
      this.enter('listed');
      this.onEvent(now, { ev: 'registered', code: response.code, hostId: response.hostId, page: response.page });
    }
    const dirty = this.dirty.announcement || this.dirty.profile;
    // So that hosts do not fall into step (docs/reference/security.md §3.2).
    const spread = 1 + PEER_LIMITS.heartbeatSpread * (2 * this.context.config.random.float() - 1);
    this.beatAt(dirty ? now + PEER_LIMITS.heartbeatGapMs : now + PEER_LIMITS.heartbeatMs * spread);
  }

  /** Forgotten by the master, or refused: register anew where that may help. An unreachable master is the link's business. */
  private failed(now: Instant, failure: FailureCode, retryAfterMs: number): void {
    this.unlist();
    if (failure === 'HOST_OFFLINE' || failure === 'BUSY') {
      this.timer = this.context.agenda.at(now + Math.max(retryAfterMs, PEER_LIMITS.retryRestMs), (at) =>
        this.register(at),
      );
    } else if (failure !== 'MASTER_UNREACHABLE') this.onEvent(now, { ev: 'failed', failure });
    else if (this.phase !== 'away')
      this.timer = this.context.agenda.at(now + PEER_LIMITS.retryRestMs, (at) => this.register(at));
  }

  /** Told once. Further beats are refused until the other is gone; then the master knows nobody, and we register anew. */
  private displaced(now: Instant): void {
    if (this.phase === 'listed' || this.phase === 'unlisted') {
      this.enter('replaced');
      this.onEvent(now, { ev: 'failed', failure: 'HOST_REPLACED' });
    }
    this.beatAt(now + PEER_LIMITS.heartbeatMs);
  }

  private unlist(): void {
    if (this.phase === 'listed' || this.phase === 'replaced') this.enter('unlisted');
  }

  private enter(phase: Phase): void {
    const from = this.phase;
    assert(phase in REGISTRATION_PHASES[from], `a registration goes from ${from} to ${phase}`);
    this.phase = phase;
    if (phase !== from) this.context.log(null, 'registration', { from, to: phase });
  }

  private beatAt(at: Instant): void {
    // A request that is under way brings its own next beat.
    if (this.pending !== null) return;
    this.timer?.cancel();
    this.timer = this.context.agenda.at(at, (now) => this.beat(now));
  }

  private forget(): void {
    this.pending?.cancel();
    this.pending = null;
    this.timer?.cancel();
    this.timer = null;
  }
}
