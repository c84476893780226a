/**
 * One session between two participants, either side: from the end-to-end keys to a path or the end. Owns the traversal, seals
 * and opens its steps (numbered by the sealing sequence, so that a repeated step is recognised, S17), pays its credits, and
 * watches the master while a burst runs.
 */

import { familyOf } from '../address.ts';
import { EMPTY, toHex } from '../bytes.ts';
import type { Instant, SocketId } from '../contract.ts';
import { LINK_LIMITS } from '../link/limits.ts';
import type { Candidate, Permit, Role } from '../model/pair.ts';
import type { NatProfile } from '../nat/profile.ts';
import { allowAt } from '../rate/pace.ts';
import { StunSource } from '../sources/stun-source.ts';
import { LEAD_LIMITS } from '../traverse/lead/limits.ts';
import type { Device } from '../traverse/pay/budget.ts';
import type { Traversal, TraversalEvent } from '../traverse/run/interface.ts';
import { traversal } from '../traverse/traversal.ts';
import type { Push, Request, Response, SessionId } from '../wire/messages.ts';
import type { Alarm, PeerContext } from './context.ts';
import type { EndToEnd } from './handshake.ts';
import { PEER_LIMITS } from './limits.ts';

export interface SessionConfig {
  readonly role: Role;
  readonly sid: SessionId;
  readonly keys: EndToEnd;
  /** The socket whose address the master has told the other side; the session owns it from here. */
  readonly socket: SocketId;
  readonly own: { readonly profile: NatProfile; readonly candidates: readonly Candidate[] };
  readonly peer: { readonly profile: NatProfile; readonly candidates: readonly Candidate[] };
  readonly relayRttMs: number;
  readonly permit: Permit;
  /** At the host's one slot for hard pairs it goes before those who wait: it has been here before. */
  readonly first?: boolean;
}

export type SessionEvent =
  | Exclude<TraversalEvent, { readonly ev: 'step' | 'pay' | 'burst' | 'stale' }>
  /** The master has forgotten the session, or can't be reached: only a new one can go on. */
  | { readonly ev: 'broken'; readonly why: string };

export class Session {
  readonly sid: SessionId;
  readonly config: SessionConfig;
  readonly traversal: Traversal;
  private readonly context: PeerContext;
  private readonly onEvent: (now: Instant, event: SessionEvent) => void;
  private readonly requests = new Set<Alarm>();
  private echo: Alarm | null = null;
  private alive: Alarm | null = null;
  private credits = 0;
  /** Credits to be bought, when as many as at first may be, and the rest before any more is. */
  private creditsWanted = 0;
  private creditsFullAt: Instant = 0;
  /** The punching socket: its address is the one that has to pay. */
  private payer: SocketId;
  /** When our IPv6 address has last paid. */
  private ipv6PaidAt: Instant;
  private creditsRest: Alarm | null = null;
  private steps = 0;
  /** Steps that the master had no room for, and the rest before they are sent again. */
  private refused: Request[] = [];
  private stepsRest: Alarm | null = null;
  private over = false;
  private speaks = true;

  constructor(
    context: PeerContext,
    now: Instant,
    config: SessionConfig,
    onEvent: (now: Instant, event: SessionEvent) => void,
  ) {
    this.context = context;
    this.config = config;
    this.sid = config.sid;
    this.onEvent = onEvent;
    this.payer = config.socket;
    this.ipv6PaidAt = now;
    const [stun] = context.config.stun;
    this.traversal = traversal(now, {
      ...config,
      punchKey: config.keys.punchKey,
      family: context.config.family,
      sources: context.link.sources,
      master: context.masterAddress(),
      redirecting: stun === undefined ? null : new StunSource(stun, context.config.crypto),
      sockets: context.sockets,
      requests: context.requests,
      random: context.config.random,
      crypto: context.config.crypto,
      device: config.first === true ? goingFirst(context.device) : context.device,
    });
    context.sessions.set(this.name, this);
    context.nest.add(this.traversal, (at, event) => this.traversed(at, event));
    context.nest.assign(config.socket, this.traversal);
    context.nest.command(now, this.traversal, { do: 'start' });
    if (config.role === 'client') this.stayKnown(now);
  }

  /** As probes name it. */
  private get name(): string {
    return toHex(this.sid.subarray(0, 8));
  }

  /** A push of the master that names this session. */
  push(now: Instant, push: Push): void {
    if (this.over) return;
    const { nest } = this.context;
    if (push.type === 'step') {
      const bytes = this.config.keys.signal.open(push.n, this.sid, push.sealed);
      if (bytes !== null && bytes.length > 0) nest.command(now, this.traversal, { do: 'step', bytes });
    } else if (push.type === 'credited') {
      nest.command(now, this.traversal, { do: 'permit', permit: push.permit });
    }
  }

  profile(now: Instant, profile: NatProfile): void {
    if (!this.over) this.context.nest.command(now, this.traversal, { do: 'profile', profile });
  }

  /** Ends the traversal, which tells how far it came, and all its sockets; a path that was taken out of it stays. */
  stop(now: Instant): void {
    if (this.over) return;
    this.over = true;
    this.quiet();
    this.context.sessions.delete(this.name);
    this.context.nest.command(now, this.traversal, { do: 'abort' });
    this.context.nest.pump(now);
    this.context.nest.remove(this.traversal);
  }

  /** The path is up: no more steps or credits, but late probes are still answered until `stop`. */
  quiet(): void {
    this.speaks = false;
    for (const request of this.requests) request.cancel();
    this.requests.clear();
    this.echo?.cancel();
    this.echo = null;
    this.alive?.cancel();
    this.alive = null;
    this.creditsRest?.cancel();
    this.creditsRest = null;
    this.creditsWanted = 0;
    this.stepsRest?.cancel();
    this.stepsRest = null;
    this.refused = [];
  }

  private traversed(now: Instant, event: TraversalEvent): void {
    if (this.over && event.ev !== 'attempt-over' && event.ev !== 'log') return;
    switch (event.ev) {
      case 'step':
        this.step(now, event.bytes);
        break;
      case 'pay':
        this.payer = event.socket;
        this.want(event.credits);
        this.buy(now);
        break;
      case 'stale':
        this.onEvent(now, { ev: 'broken', why: event.why });
        break;
      case 'burst':
        this.echo?.cancel();
        this.echo = null;
        if (event.on) this.watch(now);
        break;
      default:
        this.onEvent(now, event);
    }
  }

  private step(now: Instant, bytes: Uint8Array): void {
    const waiting = this.requests.size + this.refused.length;
    if (++this.steps > PEER_LIMITS.stepsPerSessionMax || waiting >= PEER_LIMITS.sessionRequestsMax)
      this.onEvent(now, { ev: 'broken', why: 'too many steps' });
    else this.sendStep(now, bytes);
  }

  private sendStep(now: Instant, bytes: Uint8Array): void {
    const { signal } = this.config.keys;
    const n = signal.sequence;
    this.send(now, { type: 'step', sid: this.sid, n, sealed: signal.seal(this.sid, bytes) });
    if (this.config.role === 'client') this.stayKnown(now);
  }

  /** The master forgets a session in which nothing moves; the rests of hard pairs are longer. An empty step says nothing. */
  private stayKnown(now: Instant): void {
    this.alive?.cancel();
    this.alive = this.context.agenda.at(now + PEER_LIMITS.sessionAliveMs, (at) => this.sendStep(at, EMPTY));
  }

  /** The master has us under a new session: it must hear of us in this join, or it sends the steps for us to the old one. */
  here(now: Instant): void {
    if (this.speaks && !this.over) this.sendStep(now, EMPTY);
  }

  private send(now: Instant, request: Request, socket: SocketId | null = null): void {
    const onResponse = (at: Instant, response: Response): void => {
      this.requests.delete(pending);
      if (response.type === 'failed') this.failed(at, request, response);
    };
    const { context } = this;
    const pending: Alarm =
      socket === null
        ? context.request(now, request, null, onResponse)
        : context.request(now, request, socket, onResponse, context.config.family);
    this.requests.add(pending);
  }

  /** What was wanted and refused long ago is of no use to the attempt of today: one purchase is kept, not their sum. */
  private want(credits: number): void {
    this.creditsWanted = Math.min(this.creditsWanted + credits, LEAD_LIMITS.creditsAtOnce);
  }

  /** It is our line that they take, and the other side that asks: so many at once, and a few each second. */
  private buy(now: Instant): void {
    for (; this.creditsWanted > 0 && this.creditsRest === null; this.creditsWanted--) {
      const fullAt = allowAt(this.creditsFullAt, now, PEER_LIMITS.creditRate);
      if (fullAt === null) {
        this.restCredits(now, 1000 / PEER_LIMITS.creditRate.perSecond);
        return;
      }
      this.creditsFullAt = fullAt;
      this.send(now, { type: 'credit', sid: this.sid, n: ++this.credits }, this.creditSocket());
      if (now - this.ipv6PaidAt < LEAD_LIMITS.permitRenewMs) continue;
      this.ipv6PaidAt = now;
      this.context.payIpv6(now, { type: 'credit', sid: this.sid, n: ++this.credits });
    }
  }

  /**
   * Whose bytes a credit is made of, that address it buys for. The session's own socket mostly has the address that the peer probes;
   * not where the NAT draws one for each socket, nor where we have the master over the other family.
   */
  private creditSocket(): SocketId | null {
    const master = this.context.masterAddress();
    const same = master === null || familyOf(master) === this.context.config.family;
    return same && this.config.own.profile.pooling !== 'arbitrary' ? null : this.payer;
  }

  private restCredits(now: Instant, restMs: number): void {
    this.creditsRest ??= this.context.agenda.at(now + restMs, (at) => {
      this.creditsRest = null;
      this.buy(at);
    });
  }

  private restSteps(now: Instant, restMs: number): void {
    this.stepsRest ??= this.context.agenda.at(now + restMs, (at) => {
      this.stepsRest = null;
      for (const step of this.refused.splice(0)) this.send(at, step);
    });
  }

  private failed(now: Instant, request: Request, response: Response & { readonly type: 'failed' }): void {
    const restMs = Math.max(response.retryAfterMs, LINK_LIMITS.busyRestMs);
    if (response.failure === 'BUSY' && request.type === 'credit') {
      // All credits rest, for as long as the master says of one.
      this.want(1);
      this.restCredits(now, restMs);
    } else if (response.failure === 'BUSY') {
      this.refused.push(request);
      this.restSteps(now, restMs);
      // A credit that is not taken is no harm; a lost step is, because the twin waits for it. Not so at the host: the client, whose
      // join it is, may have its path and have said so to the master a moment before our own proof is in.
    } else if (request.type === 'step' && this.config.role === 'client')
      this.onEvent(now, { ev: 'broken', why: response.failure });
  }

  /** SECURITY.md row 16: an echo to the master twice a second; where it suffers, the burst rests for 5 s. */
  private watch(now: Instant): void {
    const sentAt = now;
    const { echoSlowMs, echoSlowMsMax, echoSlowFactor } = PEER_LIMITS;
    const slowMs = Math.min(echoSlowMsMax, Math.max(echoSlowMs, echoSlowFactor * this.config.relayRttMs));
    const late = this.context.agenda.at(now + slowMs, (at) => {
      answer.cancel();
      this.context.nest.command(at, this.traversal, { do: 'pause', ms: PEER_LIMITS.burstPauseMs });
      this.echo = this.context.agenda.at(at + PEER_LIMITS.burstPauseMs, (later) => this.watch(later));
    });
    const answer = this.context.request(now, { type: 'echo' }, null, (at) => {
      late.cancel();
      this.echo = this.context.agenda.at(Math.max(at, sentAt + PEER_LIMITS.echoEveryMs), (later) => this.watch(later));
    });
    this.echo = {
      cancel: () => {
        late.cancel();
        answer.cancel();
      },
    };
  }
}

function goingFirst(device: Device): Device {
  const { slot } = device;
  return { ...device, slot: { ...slot, request: (now, session) => slot.request(now, session, true) } };
}
