/** What a host does for one offer that it has let in: a fresh socket, ANSWER sent from it, then the traversal on the host's side. */
import { toHex } from '../../bytes.ts';
import type { Instant, SocketId, SocketOutcome } from '../../contract.ts';
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
import { Session, type SessionEvent } from '../reach/session.ts';
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

export class Welcome {
  readonly offer: Offer;
  session: Session | null = null;
  /** The connection that is to have the path; null before the answer, and where there will be none. */
  path: ConnectionId | null = null;
  /** As its two ends call the connection that begins with the answer. */
  connection = '';
  /** The path is one more of a connection that is there. */
  goesOn = false;
  private readonly context: PeerContext;
  private readonly keeper: Doorkeeper;
  private readonly socket: SocketId;
  private request: Alarm | null = null;
  private over = false;

  constructor(context: PeerContext, offer: Offer, keeper: Doorkeeper) {
    this.context = context;
    this.offer = offer;
    this.keeper = keeper;
    this.socket = context.open(context.family(), (at, outcome) => this.bound(at, outcome));
  }

  /** A push of the master that names this session. A step says that the client has our answer: its socket may be closed now. */
  push(now: Instant, push: Push): void {
    if (push.type === 'step') this.request?.cancel();
    this.session?.push(now, push);
  }

  stop(now: Instant): void {
    if (this.over) return;
    this.over = true;
    this.request?.cancel();
    if (this.session === null) this.context.close(this.socket);
    else this.session.stop(now);
  }

  private bound(now: Instant, outcome: SocketOutcome): void {
    if (this.over) return;
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
    this.goesOn = before !== null;
    this.path = before ?? this.keeper.begin(now, this.offer, answer.keys);
    if (this.path !== null) this.keeper.goThrough(now, this.path, relay, push.relay);
    this.connection = toHex(answer.keys.connectionId);
    const request = { type: 'answer', sid: push.sid, hidden, handshake: answer.message } as const;
    const answered = (later: Instant, response: Response): void => this.answered(later, response);
    this.request = context.request(now, request, this.socket, answered, context.otherFamily());
    const { hello } = handshake;
    const candidates = usableCandidates(push.observed, hello.candidates, push.permit, profile.external, standing);
    // Where they meet by a relay alone nothing is probed.
    const apart = meetingOf({ ...own, family: bound.family }, { profile: hello.profile, candidates }) !== 'common';
    if (apart || modeOfBoth(this.keeper.mode, hello.mode) === 'only') return;
    context.payIpv6(now, { type: 'credit', sid: push.sid, n: 0 });
    this.session = new Session(
      context,
      now,
      {
        first: this.offer.known,
        ...{ role: 'host', sid: push.sid, keys: answer.keys, socket: this.socket, own, permit: push.permit, unseen },
        peer: { profile: hello.profile, candidates },
        viaMasterRttMs: Math.max(1, hello.masterRttMs + (context.masterRttMs() ?? 0)),
      },
      (at, event) => {
        if (event.ev === 'path') this.request?.cancel();
        this.keeper.happened(at, event);
      },
    );
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
