/**
 * One session between two participants, either side: from the end-to-end keys to a path or the end. Owns the traversal, seals
 * and opens its steps (numbered by the sealing sequence, so that a repeated step is recognised, docs/seed.md S17), pays its credits, and
 * watches the master while a burst runs. Its phases are in `SESSION_PHASES`.
 */

import { type Endpoint, familyOf } from '../../address.ts';
import type { Alarm } from '../../agenda.ts';
import { EMPTY, toHex } from '../../bytes.ts';
import { eightBytes } from '../../connection/datagram.ts';
import type { Instant, SocketId } from '../../contract.ts';
import { assert } from '../../errors.ts';
import { LINK_LIMITS } from '../../link/limits.ts';
import type { Party, PathKind, Permit, Role } from '../../model/pair.ts';
import { proversOf } from '../../portmap/provers.ts';
import { StunSource } from '../../sources/stun-source.ts';
import type { Device } from '../../traverse/pay/budget.ts';
import type { Traversal, TraversalEvent } from '../../traverse/run/interface.ts';
import { traversal } from '../../traverse/traversal.ts';
import type { Push, Request, Response, SessionId } from '../../wire/messages.ts';
import type { NamedSession, PeerContext } from '../base/context.ts';
import { PEER_LIMITS } from '../base/limits.ts';
import type { EndToEnd } from '../keys/handshake.ts';
import { Credits } from './credits.ts';
import { watchMaster } from './master-watch.ts';

export interface SessionConfig {
  readonly role: Role;
  readonly sid: SessionId;
  readonly keys: EndToEnd;
  /** The socket whose address the master has told the other side; the session owns it from here. */
  readonly socket: SocketId;
  /** As the other side was told. */
  readonly own: Party;
  readonly peer: Party;
  readonly viaMasterRttMs: number;
  readonly permit: Permit;
  /** Addresses of the peer that the master can't see (`unseenAddresses`). */
  readonly unseen: readonly string[];
  /** At the host's one slot for hard pairs it goes before those who wait: it has been here before. */
  readonly first?: boolean;
}

export type SessionEvent =
  | Exclude<TraversalEvent, { readonly ev: 'step' | 'pay' | 'burst' | 'stale' }>
  /** The master has forgotten the session, or can't be reached: only a new one can go on. */
  | { readonly ev: 'broken'; readonly why: string };

type Phase = 'punching' | 'quiet' | 'over';

/** Which phase may follow which, and when. @drawn in docs/states.md */
export const SESSION_PHASES = {
  punching: {
    quiet: 'a path is proven: no more steps or credits, but late probes are still answered',
    over: 'it is given up, or another one has taken its place',
  },
  quiet: { over: 'its path has ended' },
  over: {},
} as const satisfies Record<Phase, Partial<Record<Phase, string>>>;

export class Session implements NamedSession {
  readonly sid: SessionId;
  readonly config: SessionConfig;
  readonly traversal: Traversal;
  private readonly context: PeerContext;
  private readonly onEvent: (now: Instant, event: SessionEvent) => void;
  private phase: Phase = 'punching';
  /** Of ours that the master has not answered. */
  private readonly requests = new Set<Alarm>();
  private readonly credits: Credits;
  /** Addresses of the peer that the master has ever said may be probed. */
  private readonly permitted = new Set<string>();
  private steps = 0;
  /** Steps that the master had no room for, and the rest before they are sent again. */
  private refused: Request[] = [];
  private stepsRest: Alarm | null = null;
  /** Until the next step that only says that we are here. */
  private alive: Alarm | null = null;
  /** While a burst runs. */
  private watch: Alarm | null = null;

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
    for (const { address } of config.permit.addresses) this.permitted.add(address);
    this.credits = new Credits(now, context, config, (at, credit, socket) => this.send(at, credit, socket));
    // The master's own probe ports do as well, so that the life of a mapping is known where no STUN server is.
    const stun = context.stun().map((target) => new StunSource(target, context.config.crypto));
    const [redirecting = null] = proversOf(context.family(), context.link.sources, stun);
    this.traversal = traversal(now, {
      ...config,
      own: { ...config.own, profile: context.profile },
      punchKey: config.keys.punchKey,
      family: context.family(),
      sources: context.link.sources.filter(({ target }) => familyOf(target.address) === context.family()),
      master: context.masterAddress(),
      redirecting,
      sockets: context.sockets,
      requests: context.requests,
      random: context.config.random,
      crypto: context.config.crypto,
      device: config.first === true ? goingFirst(context.device) : context.device,
    });
    // The id is drawn by the client: one that is taken stays with whoever had it.
    if (!context.sessions.has(this.name)) context.sessions.set(this.name, this);
    context.nest.add(this.traversal, (at, event) => this.traversed(at, event));
    context.nest.assign(config.socket, this.traversal);
    context.nest.command(now, this.traversal, { do: 'start' });
    if (config.role === 'client') this.stayKnown(now);
  }

  /** As probes name it. */
  private get name(): string {
    return eightBytes(this.sid, 0);
  }

  /** A push of the master that names this session. */
  push(now: Instant, push: Push): void {
    if (this.phase === 'over') return;
    const { nest } = this.context;
    if (push.type === 'step') {
      const bytes = this.config.keys.signal.open(push.n, this.sid, push.sealed);
      if (bytes !== null && bytes.length > 0) nest.command(now, this.traversal, { do: 'step', bytes });
    } else if (push.type === 'credited') {
      for (const { address } of push.permit.addresses)
        if (this.permitted.size < PEER_LIMITS.candidatesMax) this.permitted.add(address);
      nest.command(now, this.traversal, { do: 'permit', permit: push.permit });
    }
  }

  /** Ends the traversal, which tells how far it came, and all its sockets; a path that was taken out of it stays. */
  stop(now: Instant): void {
    if (this.phase === 'over') return;
    this.enter('over');
    const { nest, sessions } = this.context;
    if (sessions.get(this.name) === this) sessions.delete(this.name);
    nest.command(now, this.traversal, { do: 'abort' });
    nest.pump(now);
    nest.remove(this.traversal);
  }

  /** Over IPv6, which both have beside IPv4: where it leads, once it may be probed; null: not now. */
  beside(): { readonly socket: SocketId; readonly remote: Endpoint } | null {
    const { own, peer } = this.config;
    const socket = own.candidates.find(({ kind }) => kind === 'ipv6')?.socket;
    const there = peer.candidates.find(({ kind, endpoint }) => kind === 'ipv6' && this.permitted.has(endpoint.address));
    if (this.phase === 'over' || socket === undefined || there === undefined) return null;
    return { socket, remote: there.endpoint };
  }

  /** The path is up: no more steps or credits, but late probes are still answered until `stop`. */
  quiet(): void {
    this.enter('quiet');
  }

  private enter(phase: Phase): void {
    const before = this.phase;
    assert(phase in SESSION_PHASES[before], `a session goes from ${before} to ${phase}`);
    this.phase = phase;
    this.context.log(null, 'session', { session: toHex(this.sid.subarray(0, 8)), from: before, to: phase });
    if (before === 'punching') this.hush();
  }

  /** Nothing is said to the master any more. */
  private hush(): void {
    for (const request of this.requests) request.cancel();
    this.requests.clear();
    this.credits.stop();
    this.refused = [];
    for (const alarm of [this.stepsRest, this.alive, this.watch]) alarm?.cancel();
  }

  private traversed(now: Instant, event: TraversalEvent): void {
    switch (event.ev) {
      case 'attempt-over':
      case 'log':
        this.onEvent(now, event);
        break;
      case 'step':
        if (this.phase === 'punching') this.step(now, event.bytes);
        break;
      case 'pay':
        if (this.phase === 'punching') this.credits.buy(now, event.credits, event.socket);
        break;
      case 'burst':
        this.watch?.cancel();
        if (event.on && this.phase === 'punching') this.watch = this.watchMaster(now);
        break;
      case 'stale':
        if (this.phase === 'punching') this.onEvent(now, { ev: 'broken', why: event.why });
        break;
      default:
        if (this.phase !== 'over') this.onEvent(now, event);
    }
  }

  private step(now: Instant, bytes: Uint8Array): void {
    const waiting = this.requests.size + this.refused.length;
    if (++this.steps > PEER_LIMITS.stepsPerSessionMax || waiting >= PEER_LIMITS.sessionRequestsMax)
      this.onEvent(now, { ev: 'broken', why: 'too-many-steps' });
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
    if (this.phase === 'punching') this.sendStep(now, EMPTY);
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
        : context.request(now, request, socket, onResponse, { family: context.family() });
    this.requests.add(pending);
  }

  private restSteps(now: Instant, restMs: number): void {
    this.stepsRest ??= this.context.agenda.at(now + restMs, (at) => {
      this.stepsRest = null;
      for (const step of this.refused.splice(0)) this.send(at, step);
    });
  }

  private failed(now: Instant, request: Request, response: Response & { readonly type: 'failed' }): void {
    const restMs = Math.max(response.retryAfterMs, LINK_LIMITS.busyRestMs);
    if (response.failure === 'BUSY' && request.type === 'credit') this.credits.refused(now, restMs);
    else if (response.failure === 'BUSY') {
      this.refused.push(request);
      this.restSteps(now, restMs);
      // A credit that is not taken is no harm; a lost step is, because the twin waits for it. Not so at the host: the client, whose
      // join it is, may have its path and have said so to the master a moment before our own proof is in.
    } else if (request.type === 'step' && this.config.role === 'client')
      this.onEvent(now, { ev: 'broken', why: response.failure });
  }

  private watchMaster(now: Instant): Alarm {
    return watchMaster(now, this.context, this.config.viaMasterRttMs, (at) =>
      this.context.nest.command(at, this.traversal, { do: 'pause', ms: PEER_LIMITS.burstPauseMs }),
    );
  }
}

function goingFirst(device: Device): Device {
  const { slot } = device;
  return { ...device, slot: { ...slot, request: (now, session) => slot.request(now, session, true) } };
}

/** How a session came to its end, and how long whoever joins had waited. */
interface SessionEnd {
  readonly path: PathKind | null;
  readonly method: string;
  readonly attempts: number;
  readonly packetsSent: number;
  readonly since: Instant;
}

/** Tells the master the end of a client's session, for its statistics; nobody waits for the answer. */
export function reportEnd(now: Instant, context: PeerContext, { sid, config }: Session, end: SessionEnd): void {
  const { path, method, attempts, packetsSent, since } = end;
  context.request(
    now,
    {
      ...{ type: 'done', sid, outcome: path === null ? 'aborted' : 'path', path, attempts, packetsSent },
      ...{ clientNat: config.own.profile.type, hostNat: config.peer.profile.type },
      ...{ family: context.family(), method, elapsedMs: now - since },
    },
    null,
    () => {},
  );
}
