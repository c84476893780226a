/** What a host does for one offer that it has let in: a fresh socket, ANSWER sent from it, then the traversal on the host's side. */
import { toHex } from '../../bytes.ts';
import type { Instant, SocketId, SocketOutcome } from '../../contract.ts';
import { assert } from '../../errors.ts';
import type { Service } from '../../model/service.ts';
import type { Push, Response } from '../../wire/messages.ts';
import type { RelayGrant } from '../../wire/relay.ts';
import type { Alarm, PeerContext } from '../base/context.ts';
import type { ConnectionId } from '../base/interface.ts';
import type { RelayMode } from '../base/relay-choice.ts';
import { modeOfBoth, type RelayId, shownOf } from '../base/relay-choice.ts';
import type { EndToEnd } from '../keys/handshake.ts';
import { ownCandidates, unseenAddresses, usableCandidates } from '../reach/candidates.ts';
import { meetingOf } from '../reach/families.ts';
import { Session, type SessionConfig, type SessionEvent } from '../reach/session.ts';
import type { Offer } from './door.ts';

/** What a host has to say to an offer that it lets in. */
export interface Doorkeeper {
  /** The connection that the friend names, where it is there; null: a new one begins. */
  goesOn(offer: Offer): ConnectionId | null;
  begin(now: Instant, offer: Offer, keys: EndToEnd): ConnectionId | null;
  /** The relay that the connection may go through; `NO_RELAY` where it has one, or there is none. */
  relayFor(offer: Offer, before: ConnectionId | null): RelayId;
  goThrough(now: Instant, path: ConnectionId, relay: RelayId, grant: RelayGrant | null): void;
  happened(now: Instant, event: SessionEvent): void;
  readonly mode: RelayMode;
  readonly services: readonly Service[];
}

/** What it was let in to. */
export interface Answer {
  /** The connection that is to have the path; null where there will be none. */
  readonly path: ConnectionId | null;
  /** As its two ends call the connection that begins with the answer. */
  readonly connection: string;
  /** The path is one more of a connection that is there. */
  readonly goesOn: boolean;
  /** Null where they meet by a relay alone. */
  readonly session: Session | null;
}

type Phase =
  /** Its socket is not open yet. */
  | { readonly in: 'opening' }
  /** `request`: ANSWER, until it is known to have come. */
  | { readonly in: 'answered'; readonly answer: Answer; readonly request: Alarm }
  | { readonly in: 'over' };

/** Which phase may follow which, and when. @drawn in docs/states.md */
export const WELCOME_PHASES = {
  opening: {
    answered: 'its socket is open: ANSWER goes out, and the way is looked for',
    over: 'its visit is',
  },
  answered: { over: 'its visit is' },
  over: {},
} as const satisfies Record<Phase['in'], Partial<Record<Phase['in'], string>>>;

export class Welcome {
  readonly offer: Offer;
  private readonly context: PeerContext;
  private readonly keeper: Doorkeeper;
  private readonly socket: SocketId;
  private phase: Phase = { in: 'opening' };

  constructor(context: PeerContext, offer: Offer, keeper: Doorkeeper) {
    this.context = context;
    this.offer = offer;
    this.keeper = keeper;
    this.socket = context.open(context.family(), (at, outcome) => this.bound(at, outcome));
  }

  /** Null before there is one, and once it is over. */
  get answer(): Answer | null {
    return this.phase.in === 'answered' ? this.phase.answer : null;
  }

  /** A push of the master that names this session. A step says that the client has our answer: its socket may be closed now. */
  push(now: Instant, push: Push): void {
    if (this.phase.in !== 'answered') return;
    if (push.type === 'step') this.phase.request.cancel();
    this.phase.answer.session?.push(now, push);
  }

  stop(now: Instant): void {
    const { phase } = this;
    if (phase.in === 'over') return;
    this.enter({ in: 'over' });
    if (phase.in === 'answered') phase.request.cancel();
    const session = phase.in === 'answered' ? phase.answer.session : null;
    if (session === null) this.context.close(this.socket);
    else session.stop(now);
  }

  private enter(phase: Phase): void {
    assert(phase.in in WELCOME_PHASES[this.phase.in], `a welcome goes from ${this.phase.in} to ${phase.in}`);
    this.phase = phase;
  }

  private bound(now: Instant, outcome: SocketOutcome): void {
    if (this.phase.in !== 'opening') return;
    if (!outcome.ok) {
      this.keeper.happened(now, { ev: 'broken', why: `socket-${outcome.code}` });
      return;
    }
    const { push, handshake, at } = this.offer;
    const { context } = this;
    const profile = context.profile();
    const standing = { master: context.masterAddress(), seenAt: context.seenAt() };
    const unseen = unseenAddresses(push.observed, handshake.hello.candidates, standing);
    const places = [...push.observed.map(({ address }) => address), ...unseen];
    const together = places.some((address) => profile.external.includes(address));
    const bound = { socket: this.socket, family: context.family(), port: outcome.local.port };
    const hidden = this.keeper.mode === 'only';
    const own = shownOf(this.keeper.mode, { profile, candidates: ownCandidates(context, bound, together) });
    const before = this.keeper.goesOn(this.offer);
    const relay = this.keeper.relayFor(this.offer, before);
    const heldMs = now - at;
    const { mode, services } = this.keeper;
    const answer = handshake.answer({ mode, relay, goesOn: before !== null, heldMs, services, ...own });
    if (answer === null) {
      this.keeper.happened(now, { ev: 'broken', why: 'client-key-unusable' });
      return;
    }
    const path = before ?? this.keeper.begin(now, this.offer, answer.keys);
    if (path !== null) this.keeper.goThrough(now, path, relay, push.relay);
    const sent = { type: 'answer', sid: push.sid, hidden, handshake: answer.message } as const;
    const answered = (later: Instant, response: Response): void => this.answered(later, response);
    const request = context.request(now, sent, this.socket, answered, context.otherFamily());
    const { hello } = handshake;
    const candidates = usableCandidates(push.observed, hello.candidates, push.permit, profile.external, standing);
    // Where they meet by a relay alone nothing is probed.
    const apart = meetingOf({ ...own, family: bound.family }, { profile: hello.profile, candidates }) !== 'common';
    const probes = !apart && modeOfBoth(this.keeper.mode, hello.mode) !== 'only';
    const session = probes
      ? this.punch(now, request, {
          ...{ role: 'host', sid: push.sid, keys: answer.keys, socket: this.socket, own, permit: push.permit, unseen },
          peer: { profile: hello.profile, candidates },
          viaMasterRttMs: Math.max(1, hello.masterRttMs + (context.masterRttMs() ?? 0)),
        })
      : null;
    const connection = toHex(answer.keys.connectionId);
    this.enter({ in: 'answered', answer: { path, connection, goesOn: before !== null, session }, request });
  }

  private punch(now: Instant, request: Alarm, config: SessionConfig): Session {
    this.context.payIpv6(now, { type: 'credit', sid: config.sid, n: 0 });
    return new Session(this.context, now, { ...config, first: this.offer.known }, (at, event) => {
      if (event.ev === 'path') request.cancel();
      this.keeper.happened(at, event);
    });
  }

  /**
   * Where the master's word on a first answer was lost, the client may have its path, and have said so to the master, before our
   * repeated answer came there: then the join is over, and our own proof is under way. Whether it was given up is told by a push.
   */
  private answered(now: Instant, response: Response): void {
    if (response.type === 'failed' && response.failure !== 'ABORTED')
      this.keeper.happened(now, { ev: 'broken', why: response.failure });
  }
}
