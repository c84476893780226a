/**
 * Carries out the plans of one side, whichever it is: the sockets, the proof, the purse, the salvos that are running and the sources
 * that tell a socket its mapping. The strategies of the client and of the host are built on it.
 */

import { type Endpoint, familyOf, sameEndpoint } from '../../address.ts';
import type { Instant, SocketId, SocketOutcome } from '../../contract.ts';
import type { Outputs } from '../../machine.ts';
import type { LogData } from '../../model/log.ts';
import type { PathKind } from '../../model/pair.ts';
import { Asker, type Send } from '../../sources/asker.ts';
import { Sampler } from '../learn/sampler.ts';
import { Purse, type PurseConfig } from '../pay/purse.ts';
import { lanAddresses, reachOf } from '../pay/reach.ts';
import { PLAN_LIMITS } from '../plan/limits.ts';
import type { Life } from '../plan/nature.ts';
import type { ProbeClass, SidePlan } from '../plan/side-plan.ts';
import { probeCodec } from '../prove/probe.ts';
import { type Proof, Prover } from '../prove/prover.ts';
import type { TraversalCommand, TraversalConfig, TraversalEvent } from './interface.ts';
import { RUN_LIMITS } from './limits.ts';
import { MappingLives } from './lives.ts';
import { PunchingSocket } from './punching.ts';
import { Salvo, type SalvoContext } from './salvo.ts';
import { Sockets } from './sockets.ts';

/** How often the purse is looked at while credits are on their way. */
const UNPAID_POLL_MS = 20;
/** The few that watch how long mappings live don't wait for places: as long as they have said nothing, none may come free. */
const WATCHED: Life = { quota: null, lifetimeMs: PLAN_LIMITS.mappingLifetimeMs };

export class Executor implements SalvoContext {
  readonly punching: PunchingSocket;
  private readonly config: TraversalConfig;
  private readonly out: Outputs<TraversalEvent>;
  /** Local addresses that the peer claims and that may be in our network. */
  private readonly lan: readonly string[];
  private readonly sockets: Sockets;
  private readonly purse: Purse;
  private readonly prover: Prover;
  private readonly sampler: Sampler;
  private readonly lives: MappingLives;
  private readonly salvos = new Set<Salvo>();
  private sentCount = 0;
  /** Since when a probe has been waiting for credits; null where none waits. */
  private unpaidSince: Instant | null = null;
  private finished = false;
  /** Of the turn under way. */
  private clock: Instant;

  constructor(
    created: Instant,
    config: TraversalConfig,
    out: Outputs<TraversalEvent>,
    log: (what: string, data: LogData) => void,
  ) {
    const { random, requests } = config;
    this.config = config;
    this.out = out;
    this.clock = created;
    this.lan = lanAddresses({ ...config, own: { ...config.own, profile: config.own.profile() } });
    this.purse = new Purse(created, config.permit, termsOf(config, this.lan));
    this.sockets = new Sockets(config, out);
    const send: Send = (socket, to, bytes) => {
      if (this.sockets.owns(socket)) out.transmit(socket, to, bytes);
    };
    this.sampler = new Sampler(config.sources, random, new Asker(send, requests));
    this.lives = new MappingLives({
      profile: config.own.profile,
      redirecting: config.redirecting,
      plainSource: () => this.sampler.nextSource(),
      asker: new Asker(send, requests),
      open: () => this.open(),
      close: (socket) => this.giveBack(socket),
      room: (now, socket) => this.samplingFrom(now, 'birthday', WATCHED, socket),
    });
    this.punching = new PunchingSocket({
      ...{ config, log, sockets: this.sockets },
      ask: (now, socket) => this.sampler.ask(now, socket),
    });
    this.prover = new Prover({
      role: config.role,
      codec: probeCodec(config.role, config.sid, config.punchKey, config.crypto),
      firstSeq: random.int(0, 0x7fffffff),
      allows: (now, address) => this.purse.allows(now, address),
      transmit: (socket, to, bytes, ttl) => this.transmit(socket, to, bytes, ttl),
      answer: (now, socket, to, bytes) => this.answer(now, socket, to, bytes),
    });
    config.device.held.add(this.holding);
  }

  /** Starts a plan; it runs until its time is over, `stopSalvos` or the path. `from`: instead of the punching socket. */
  launch(now: Instant, plan: SidePlan, startAt: Instant, from: SocketId = this.punching.socket): Salvo {
    const salvo = new Salvo(this, plan, startAt, from);
    this.salvos.add(salvo);
    this.lives.begin(plan);
    salvo.run(now);
    return salvo;
  }

  stopSalvos(): void {
    const keep = this.proof()?.socket ?? null;
    for (const salvo of this.salvos) salvo.stop(keep);
    this.salvos.clear();
    this.unpaidSince = null;
  }

  /** Sockets that running plans hold, and how many of these run. */
  held(): { readonly sockets: number; readonly plans: number } {
    return { sockets: this.holding(), plans: this.salvos.size };
  }

  command(now: Instant, command: TraversalCommand): void {
    if (command.do === 'permit') this.purse.permit(now, command.permit);
    else if (command.do === 'pause') this.config.device.budget.pause(now + command.ms);
  }

  datagram(now: Instant, socket: SocketId, from: Endpoint, bytes: Uint8Array): void {
    if (this.prover.datagram(now, socket, from, bytes)) this.sockets.heard(now, socket);
    else if (!this.finished) this.answered(now, socket, from, bytes);
  }

  socket(now: Instant, socket: SocketId, outcome: SocketOutcome): void {
    if (!outcome.ok) this.sockets.failed(socket);
    this.lives.socket(now, socket, outcome.ok);
    if (this.punching.opened(now, socket, outcome.ok)) return;
    for (const salvo of this.salvos) salvo.socket(now, socket, outcome.ok);
  }

  run(now: Instant): void {
    this.clock = now;
    this.prover.timeout(now);
    if (this.finished) return;
    this.punching.run(now);
    if (now >= this.lives.next()) {
      this.lives.run(now);
      this.tellLives(now);
    }
    for (const salvo of this.salvos) {
      if (salvo.next() <= now) salvo.run(now);
      if (!salvo.over) continue;
      salvo.stop(this.proof()?.socket ?? null);
      this.salvos.delete(salvo);
    }
    this.sockets.run(now);
  }

  next(): Instant {
    let next = this.prover.next();
    if (this.finished) return next;
    next = Math.min(next, this.lives.next(), this.punching.next(), this.sockets.next());
    for (const salvo of this.salvos) next = Math.min(next, salvo.next());
    return next;
  }

  proof(): Proof | null {
    return this.prover.proof();
  }

  pathKind(proof: Proof): PathKind {
    return kindOf(this.config, proof, this.lan);
  }

  heard(): number {
    return this.prover.heard();
  }

  sent(): number {
    return this.sentCount;
  }

  /** So many packets are going out that the line could suffer. */
  bursting(): boolean {
    const isBurst = ({ plan, over }: Salvo): boolean => plan.tuples >= RUN_LIMITS.burstTuples && !over;
    return !this.finished && [...this.salvos].some(isBurst);
  }

  /** Has a probe been waiting for credits for too long? Asking puts the question off. */
  starving(now: Instant): boolean {
    if (this.unpaidSince === null || now - this.unpaidSince < RUN_LIMITS.unpaidMs) return false;
    this.unpaidSince = now;
    return true;
  }

  /** Addresses of the peer that the permits name now. */
  addresses(): readonly string[] {
    return this.purse.addresses(this.clock);
  }

  /** Those that permits have named, also where they have run out over a rest: a credit that is on its way renews them. */
  addressesNamed(): readonly string[] {
    return this.purse.named();
  }

  /** Ends everything; keeps the socket of the path. */
  finish(): void {
    this.stopSalvos();
    this.lives.stop();
    this.sockets.closeAllBut(this.proof()?.socket ?? null);
    this.config.device.held.delete(this.holding);
    this.finished = true;
  }

  open(): SocketId {
    return this.sockets.open();
  }

  giveBack(socket: SocketId): void {
    this.sockets.giveBack(socket);
  }

  lifetimeMs(): number {
    return this.lives.of('birthday').lifetimeMs;
  }

  probe(now: Instant, plan: SidePlan, socket: SocketId, to: Endpoint, ttl: number | null): Instant | null {
    const { budget } = this.config.device;
    const mapping = familyOf(to.address) === 6 ? null : `${socket}>${to.address}:${to.port}`;
    const when = budget.when(now, plan.class, mapping, this.lives.of(plan.class));
    if (when > now) return when;
    const purpose = plan.class === 'easy' && plan.ports.kind === 'fixed' ? 'endpoint' : 'search';
    const paid = this.purse.spend(now, to.address, purpose);
    if (paid === 'forbidden') return null;
    if (paid === 'unpaid') this.unpaidSince ??= now;
    if (paid !== 'paid') return now + UNPAID_POLL_MS;
    this.unpaidSince = null;
    budget.take(now, plan.class, mapping);
    this.prover.probe(now, socket, to, ttl);
    return null;
  }

  sample(now: Instant, kind: ProbeClass, socket: SocketId): Instant | null {
    const when = this.samplingFrom(now, kind, this.lives.of(kind), socket);
    if (when === null) this.sampler.askSame(now, socket);
    return when;
  }

  private readonly holding = (): number => [...this.salvos].reduce((sum, salvo) => sum + salvo.held, 0);

  /** Takes a packet to a server out of the budget: null, or the instant from which it may go. */
  private samplingFrom(now: Instant, kind: ProbeClass, life: Life, socket: SocketId): Instant | null {
    const { budget } = this.config.device;
    const mapping = `sample>${socket}`;
    const when = budget.when(now, kind, mapping, life);
    if (when > now) return when;
    budget.take(now, kind, mapping);
    return null;
  }

  private transmit(socket: SocketId, to: Endpoint, bytes: Uint8Array, ttl: number | null): void {
    if (!this.sockets.mayProbeFrom(socket)) return;
    this.sentCount++;
    this.out.transmit(socket, to, bytes, ttl ?? undefined);
  }

  /**
   * To whoever proved to be the peer there. Paid for like the rest: whoever may spoof the peer's source would else have us send
   * without end.
   */
  private answer(now: Instant, socket: SocketId, to: Endpoint, bytes: Uint8Array): void {
    if (!this.sockets.mayProbeFrom(socket)) return;
    if (this.purse.spend(now, to.address, 'answer') !== 'paid') {
      this.unpaidSince ??= now;
      return;
    }
    this.config.device.budget.count(now);
    this.transmit(socket, to, bytes, null);
  }

  private answered(now: Instant, socket: SocketId, from: Endpoint, bytes: Uint8Array): void {
    if (this.lives.datagram(now, socket, from, bytes)) {
      this.tellLives(now);
      return;
    }
    const observed = this.sampler.answer(now, socket, from, bytes);
    if (observed === null || this.punching.answered(socket, observed)) return;
    for (const salvo of this.salvos) if (salvo.answered(now, socket, observed)) return;
  }

  /** Where a life turns out shorter, whoever waits for the end of one may go on. */
  private tellLives(now: Instant): void {
    if (this.lives.takeNews()) for (const salvo of this.salvos) salvo.run(now);
  }
}

function termsOf({ master, peer, unseen = [] }: TraversalConfig, lan: readonly string[]): PurseConfig {
  return {
    reach: remembered((address) => reachOf(address, master)),
    few: [...lan, ...unseen],
    awaited: peer.candidates.filter(({ kind }) => kind === 'ipv6').map(({ endpoint }) => endpoint.address),
  };
}

/** One answer for each text: addresses are few, and asked about with every packet. */
function remembered<Answer>(ask: (text: string) => Answer): (text: string) => Answer {
  const answers = new Map<string, Answer>();
  return (text) => {
    const before = answers.get(text);
    if (before !== undefined) return before;
    const answer = ask(text);
    if (answers.size < RUN_LIMITS.scopesRememberedMax) answers.set(text, answer);
    return answer;
  };
}

function kindOf(config: TraversalConfig, proof: Proof, lan: readonly string[]): PathKind {
  if (familyOf(proof.remote.address) === 6) return 'ipv6';
  if (lan.includes(proof.remote.address)) return 'lan';
  const mapped = config.peer.candidates.some(
    ({ kind, endpoint }) => kind === 'mapped' && sameEndpoint(endpoint, proof.remote),
  );
  return mapped ? 'mapped' : 'direct';
}
