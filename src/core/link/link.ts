/**
 * A participant's session with the master. It makes itself (rounds of handshakes with rests between them), notices within
 * 2.25 s of a question that the master is gone, and begins again by itself: nobody has to do anything when a master restarts.
 * It owns one socket (one per address family and way while it tries); requests may go out from any other socket of the participant,
 * unless the session goes through a tunnel because no UDP gets through: then everything does.
 */

import { type Endpoint, familyOf, NOWHERE, sameEndpoint } from '../address.ts';
import { type Instant, NEVER, type Output, type SocketId, type SocketOutcome } from '../contract.ts';
import { assert, type FailureCode } from '../errors.ts';
import { outputs } from '../machine.ts';
import { smoothedRtt } from '../round-trip.ts';
import { sameRealm } from '../scope.ts';
import type { MappingSource } from '../sources/source.ts';
import { WIRE } from '../wire/first-byte.ts';
import type { Response } from '../wire/messages.ts';
import type { RelayPlace } from '../wire/relay.ts';
import { type Accepted, LinkHandshake, TicketPurse } from './handshake.ts';
import type { LinkCommand, LinkConfig, LinkEvent, LinkMachine, MasterWay } from './interface.ts';
import { Legs } from './legs.ts';
import { LINK_LIMITS } from './limits.ts';
import { Presence } from './presence.ts';
import { LinkRequests, type OpenRequest } from './requests.ts';
import { Round } from './round.ts';
import { LinkSession } from './session.ts';
import { WayBack } from './way-back.ts';

/** A session, from its keys on. */
interface Linked {
  readonly session: LinkSession;
  heardAt: Instant;
  /** The oldest question after the newest sign of life; `NEVER` where none is open. */
  askedAt: Instant;
  /** Over TLS. */
  readonly wayBack: WayBack | null;
}

type Phase =
  | { readonly in: 'idle' | 'stopped' }
  | { readonly in: 'greeting'; readonly round: Round }
  | { readonly in: 'resting'; readonly until: Instant }
  /** The keys are there, but the master has not answered anything sealed with them. */
  | { readonly in: 'confirming'; readonly linked: Linked }
  | { readonly in: 'up'; readonly linked: Linked };

/** Which phase may follow which, and when. @drawn in docs/states.md */
export const LINK_PHASES = {
  idle: { greeting: 'the parent starts it', stopped: 'the end, before it has begun' },
  greeting: {
    confirming: 'an ACCEPT has come that only the master can have made',
    resting: '2 s are over for the last of its ways, the master has another key or version, or no socket opens',
    greeting: 'this computer has changed its network',
    stopped: 'the end',
  },
  resting: {
    greeting: 'the rest is over, or this computer has changed its network',
    stopped: 'the end',
  },
  confirming: {
    up: 'the first sealed answer has come',
    resting: 'nothing has come for 2.25 s, or the tunnel has broken',
    greeting: 'this computer has changed its network',
    stopped: 'the end',
  },
  up: {
    greeting:
      'a question stays without answer for 2.25 s, the tunnel has broken or is no longer needed, this computer has changed its network, or the keys have served their time',
    stopped: 'the end',
  },
  stopped: {},
} as const satisfies Record<Phase['in'], Partial<Record<Phase['in'], string>>>;

export class Link implements LinkMachine {
  private config: LinkConfig;
  private readonly out = outputs<LinkEvent>();
  private readonly requests: LinkRequests;
  private readonly legs: Legs;
  private readonly presence = new Presence();
  private phase: Phase = { in: 'idle' };
  private failedRounds = 0;
  /** Told to the parent; `connecting` is told only once, at the start. */
  private told: FailureCode | 'nothing' | 'up' = 'nothing';
  private readonly purse: TicketPurse;
  /** When the session gives way to one with a Diffie-Hellman: it was resumed, or has been seen at two addresses. */
  private agreeAt: Instant = NEVER;
  /** Something is under way that needs this very session. */
  private staysUntil: Instant = 0;
  private rttMs = 0;
  private observed: Endpoint | null = null;
  private wayTaken: MasterWay | null = null;
  private named: readonly RelayPlace[] = [];
  /** Addresses that the master has told of itself: where its link names one family only, it is found by the other as well. */
  private learnt: readonly string[] = [];

  /** `purse`: of all links to the nodes of a fleet, where a ticket of one counts at the others. */
  constructor(config: LinkConfig, purse = new TicketPurse()) {
    this.config = config;
    this.purse = purse;
    this.legs = new Legs(config.sockets, this.out);
    this.requests = new LinkRequests(config.random.int(0, 0xffff));
  }

  get socket(): SocketId {
    return this.legs.main;
  }

  get addresses(): readonly string[] {
    const { addresses } = this.config.master;
    return [...addresses, ...this.learnt.filter((address) => !addresses.includes(address))];
  }

  get relays(): readonly RelayPlace[] {
    return this.named;
  }

  get way(): MasterWay | null {
    return this.wayTaken;
  }

  get sources(): readonly MappingSource[] {
    return this.phase.in === 'up' ? this.phase.linked.session.sources : [];
  }

  handleCommand(now: Instant, command: LinkCommand): void {
    switch (command.do) {
      case 'start':
        if (this.phase.in !== 'idle') return;
        this.out.event({ ev: 'state', state: 'connecting', failure: null, rttMs: null });
        this.beginRound(now);
        return;
      case 'request':
        if (this.requests.full) this.fail(command.ref, 'BUSY', LINK_LIMITS.busyRestMs);
        else this.requests.add(now, command.ref, command.request, command.socket, command.family ?? null);
        this.presence.asked(now, command.request);
        break;
      case 'cancel':
        this.requests.cancel(command.ref);
        break;
      case 'nudge':
        this.move(now);
        break;
      case 'addresses':
        this.config = { ...this.config, master: { ...this.config.master, addresses: command.addresses } };
        break;
      case 'hold':
        this.presence.hold(command.lifeMs);
        break;
      case 'stay':
        this.staysUntil = now + LINK_LIMITS.linkStayMs;
        break;
      case 'close':
        this.close();
    }
    this.work(now);
  }

  handleSocket(now: Instant, socket: SocketId, outcome: SocketOutcome): void {
    const { linked } = this;
    const known = this.legs.outcome(socket, outcome.ok);
    if (!known && linked?.wayBack?.outcome(now, socket, outcome.ok) !== true) return;
    if (known && !outcome.ok && linked !== null && socket === this.legs.main) this.lose(now, 'MASTER_UNREACHABLE');
    this.work(now);
  }

  handleTimeout(now: Instant): void {
    this.work(now);
  }

  /** Also for datagrams of other sockets of the participant, where they begin with `WIRE.control`. */
  handleDatagram(now: Instant, socket: SocketId, from: Endpoint, bytes: Uint8Array): void {
    if (bytes[0] === WIRE.control) this.handleControl(now, socket, from, bytes);
    else if (this.linked?.wayBack?.answered(socket, bytes)) this.move(now);
    else if (bytes[0] === WIRE.accept || bytes[0] === WIRE.retry) this.handleHandshake(now, socket, bytes);
    this.work(now);
  }

  poll(): Output<LinkEvent> {
    return this.out.next(this.deadline());
  }

  private enter(phase: Phase): void {
    const from = this.phase.in;
    assert(phase.in in LINK_PHASES[from], `a link goes from ${from} to ${phase.in}`);
    const goes = 'linked' in phase;
    if (!goes) this.linked?.wayBack?.stop();
    this.phase = phase;
    if (phase.in !== from) this.out.event({ ev: 'log', what: 'link', data: { from, to: phase.in } });
  }

  private get running(): boolean {
    return this.phase.in !== 'idle' && this.phase.in !== 'stopped';
  }

  private get linked(): Linked | null {
    return this.phase.in === 'confirming' || this.phase.in === 'up' ? this.phase.linked : null;
  }

  private deadline(): Instant {
    const { phase } = this;
    switch (phase.in) {
      case 'idle':
      case 'stopped':
        return NEVER;
      case 'greeting':
        return Math.min(this.requests.next('none'), phase.round.next());
      case 'resting':
        return Math.min(this.requests.next('none'), phase.until);
      default: {
        const { askedAt, wayBack } = phase.linked;
        const requests = Math.min(this.requests.next(phase.in === 'up' ? 'all' : 'own'), wayBack?.next() ?? NEVER);
        return Math.min(requests, askedAt + LINK_LIMITS.linkDeadMs, this.echoDueAt(phase.linked), this.agreeAt);
      }
    }
  }

  get atDoor(): boolean {
    return this.phase.in === 'confirming' && this.phase.linked.session.way === 'udp';
  }

  /** Everything whose time has come. Each step leaves a state in which its own deadline lies in the future. */
  private work(now: Instant): void {
    if (!this.running) return;
    for (const { ref } of this.requests.expired(now)) if (ref !== null) this.fail(ref, 'MASTER_UNREACHABLE', 0);
    if (this.phase.in === 'resting' && this.phase.until <= now) this.beginRound(now);
    if (this.phase.in === 'greeting') this.workRound(now, this.phase.round);
    const { linked } = this;
    if (linked === null) return;
    if (linked.askedAt + LINK_LIMITS.linkDeadMs <= now) {
      this.lose(now, this.atDoor ? 'MASTER_PORTS_SHUT' : 'MASTER_UNREACHABLE');
      return;
    }
    if (linked.session.spent || this.agreeAt <= now) {
      this.purse.take(now);
      this.beginRound(now);
      return;
    }
    if (this.echoDueAt(linked) <= now) this.ask(now);
    linked.wayBack?.work(now);
    this.send(now, linked);
  }

  /** Show that we are there; and ask when some other question stays without answer. */
  private echoDueAt({ session, heardAt, askedAt }: Linked): Instant {
    if (this.requests.echoing) return NEVER;
    if (askedAt !== NEVER) return askedAt + LINK_LIMITS.linkEchoRepeatMs;
    return this.presence.echoAt(heardAt, session.pingMs);
  }

  private ask(now: Instant): void {
    if (!this.requests.echoing) this.requests.add(now, null, { type: 'echo' }, null);
  }

  /**
   * This computer is on another network, or may be. What was seen on the old one is not shown on the new one (as RFC 9000 §9.5 has
   * it): another socket, another session, hence other keys and another CID. The old session stays at the master until it expires.
   */
  private move(now: Instant): void {
    if (!this.running) return;
    this.legs.closeAll();
    this.beginRound(now);
  }

  // ── rounds of handshakes ──────────────────────────────────────────────────────────────────────────────────────────

  private beginRound(now: Instant): void {
    if (this.failedRounds > 0 && this.failedRounds % LINK_LIMITS.linkRoundsPerSocketMax === 0) this.legs.closeAll();
    // A tunnel that has failed is made anew; and UDP comes first in every round.
    this.legs.closeTunnel();
    this.enter({
      in: 'greeting',
      round: new Round(now, { ...this.config.master, addresses: this.addresses }, this.legs),
    });
  }

  private workRound(now: Instant, round: Round): void {
    const { crypto: suite, identity: own, master, wallClock, random } = this.config;
    const keys = { suite, own, masterKey: master.key, purse: this.purse, random };
    const begun = round.begin(now, (at) => LinkHandshake.start(now, at, { ...keys, time: wallClock() }));
    // A key that is no point of the curve can be nobody's.
    if (!begun) {
      this.endRound(now, 'MASTER_KEY_MISMATCH');
      return;
    }
    for (const handshake of round.handshakes) {
      const hello = handshake.due(now);
      if (hello !== null) this.out.transmit(handshake.socket, handshake.door, hello);
    }
    const failure = round.failure(now);
    if (failure !== null) this.endRound(now, failure);
  }

  private endRound(now: Instant, failure: FailureCode): void {
    this.failedRounds++;
    this.lose(now, failure);
  }

  /** Tells the parent once per cause, then rests before the next round. The first round after a loss comes at once. */
  private lose(now: Instant, failure: FailureCode): void {
    if (this.told !== failure) {
      this.told = failure;
      this.out.event({ ev: 'state', state: 'lost', failure, rttMs: null });
    }
    if (this.phase.in === 'up') this.beginRound(now);
    else this.enter({ in: 'resting', until: now + this.rest() });
  }

  private rest(): number {
    const doubled = LINK_LIMITS.linkRestMs * 2 ** Math.min(this.failedRounds, 10);
    const jitter = 1 + LINK_LIMITS.linkRestJitter * (2 * this.config.random.float() - 1);
    return Math.min(doubled, LINK_LIMITS.linkRestMsMax) * jitter;
  }

  private handleHandshake(now: Instant, socket: SocketId, bytes: Uint8Array): void {
    if (this.phase.in !== 'greeting') return;
    const { round } = this.phase;
    for (const handshake of round.handshakes) {
      const accepted = handshake.socket === socket ? handshake.take(now, bytes) : null;
      if (handshake.heard) round.heard(handshake);
      if (accepted === null) continue;
      this.confirm(now, handshake, accepted);
      return;
    }
  }

  /** The keys are there: the first sealed packet proves our address to the master, its answer makes the session up. */
  private confirm(now: Instant, handshake: LinkHandshake, accepted: Accepted): void {
    this.legs.closeAll(handshake.socket);
    const session = new LinkSession(this.config.crypto, handshake.door.address, accepted, handshake.way);
    this.learnt = session.addresses;
    const wayBack = session.tunnel ? new WayBack(now, this.config, this.out) : null;
    this.enter({ in: 'confirming', linked: { session, heardAt: now, askedAt: NEVER, wayBack } });
    this.purse.put(now, this.config.crypto, accepted);
    // Those who came back together after a restart must not do it all at one time.
    const share = 0.5 + 0.5 * this.config.random.float();
    this.agreeAt = accepted.resumed ? Math.min(this.agreeAt, now + LINK_LIMITS.resumedMsMax * share) : NEVER;
    this.presence.begin(now);
    this.requests.restart(now);
    this.ask(now);
  }

  /** Sends what is due. Until the session is confirmed only our own echo: it is what confirms it. */
  private send(now: Instant, linked: Linked): void {
    const { session } = linked;
    const { main } = this.legs;
    for (const open of this.requests.due(now, this.rttMs, this.phase.in === 'up')) {
      const socket = session.tunnel ? main : (open.socket ?? main);
      // What asks for the other family wants to be seen there.
      const to = session.tunnel && open.family !== null ? null : this.controlOf(session, open.family);
      if (to === null) continue;
      this.out.transmit(socket, to, session.request(open.id, open.request, socket, main));
      if (linked.askedAt === NEVER) linked.askedAt = now;
    }
  }

  /** The master has the same ports at all addresses that it has told, before those of its name, which may be old; null: none of the family. */
  private controlOf({ control, addresses }: LinkSession, family: 4 | 6 | null): Endpoint | null {
    if (family === null || familyOf(control.address) === family) return control;
    const address = [...addresses, ...this.addresses].find((other) => familyOf(other) === family);
    return address === undefined ? null : { address, port: control.port };
  }

  private handleControl(now: Instant, socket: SocketId, from: Endpoint, bytes: Uint8Array): void {
    const { linked } = this;
    const told = linked?.session.open(socket, bytes) ?? null;
    if (linked === null || told === null) return;
    const { session } = linked;
    linked.heardAt = now;
    linked.askedAt = NEVER;
    const to = this.controlOf(session, familyOf(from.address)) ?? session.control;
    if (told.frame === 'challenge') {
      this.out.transmit(socket, to, session.challengeAnswer(told.token));
      // What was asked from there was not heard before this.
      this.requests.again(now, socket === this.legs.main ? null : socket);
    } else if (told.frame === 'push') {
      this.out.transmit(socket, to, session.pushAck(told.id, socket));
      this.presence.pushed(now, told.message);
      if (!told.repeated) this.out.event({ ev: 'push', push: told.message });
    } else {
      const open = this.requests.settle(told.id, told.message);
      if (open !== null) this.settle(now, linked, open, told.message);
    }
  }

  private settle(now: Instant, linked: Linked, open: OpenRequest, told: Response): void {
    const { tunnel, way } = linked.session;
    const response = tunnel && 'observed' in told ? { ...told, observed: NOWHERE } : told;
    const rttMs = now - open.sentAt;
    if (open.tries === 1) this.rttMs = this.rttMs === 0 ? rttMs : smoothedRtt(this.rttMs, rttMs);
    if (this.phase.in === 'confirming') {
      this.enter({ in: 'up', linked });
      this.failedRounds = 0;
      this.told = 'up';
      this.wayTaken = way;
      this.out.event({ ev: 'state', state: 'up', failure: null, rttMs, way });
      this.requests.add(now, null, { type: 'relays' }, null);
    }
    const own = !tunnel && (open.socket === null || open.socket === this.legs.main);
    if ('observed' in response && own) this.see(response.observed);
    if (response.type === 'ok') this.out.event({ ev: 'serial', serial: response.nodes });
    if (open.ref !== null) this.out.event({ ev: 'response', ref: open.ref, response });
    else if (response.type === 'relays') this.name(reachable(response.relays, linked.session, this.addresses));
    // Nobody has told us that this is another network, but the master sees another address.
    if (!('observed' in response) || !own || !linked.session.seenElsewhere(response.observed.address)) return;
    if (now >= this.staysUntil) this.move(now);
    else this.agreeAt = Math.min(this.agreeAt, this.staysUntil);
  }

  private name(relays: readonly RelayPlace[]): void {
    if (JSON.stringify(relays) === JSON.stringify(this.named)) return;
    this.named = relays;
    this.out.event({ ev: 'relays', relays });
  }

  private see(observed: Endpoint): void {
    if (this.observed !== null && sameEndpoint(this.observed, observed)) return;
    this.observed = observed;
    this.out.event({ ev: 'observed', observed });
  }

  private fail(ref: number, failure: FailureCode, retryAfterMs: number): void {
    this.out.event({ ev: 'response', ref, response: { type: 'failed', failure, why: 'none', retryAfterMs } });
  }

  private close(): void {
    if (this.phase.in === 'stopped') return;
    this.enter({ in: 'stopped' });
    this.legs.closeAll();
  }
}

/**
 * The master's own relay names no address: it is where we reach the master, which may be another place for each of us (behind a router
 * at home, in a container). Where only its further port was answered, that of the relay will not be: the further port does everything.
 * A master on the Internet has no relay inside our network, whatever it says.
 */
function reachable(
  relays: readonly RelayPlace[],
  { control, way }: LinkSession,
  ofMaster: readonly string[],
): readonly RelayPlace[] {
  const { address: master } = control;
  const here = [master, ...ofMaster.filter((address) => address !== master)];
  return relays
    .map((relay) => ({
      ...relay,
      addresses: relay.addresses.length === 0 ? here : relay.addresses.filter((address) => sameRealm(master, address)),
      port: way === 'further' && relay.addresses.length === 0 ? control.port : relay.port,
    }))
    .filter(({ addresses, port }) => addresses.length > 0 && port > 0);
}
