/**
 * What both sides of a traversal have in common: the sockets, the proof, the purse, the salvos that are running and the sources
 * that tell a socket its mapping. The client's and the host's machines are built on it.
 */

import { type Endpoint, familyOf } from '../../address.ts';
import type { Instant, SocketId, SocketOutcome } from '../../contract.ts';
import type { Outputs } from '../../machine.ts';
import type { PathKind } from '../../model/pair.ts';
import { Asker, type Send } from '../../sources/asker.ts';
import type { LifetimeWatch } from '../../sources/lifetime.ts';
import { canaries, watchedMs } from '../learn/canary.ts';
import { questions } from '../learn/questions.ts';
import type { Range } from '../learn/range.ts';
import { type Purpose, type PurseConfig, purse } from '../pay/budget.ts';
import { lanAddresses, reachOf } from '../pay/reach.ts';
import { PLAN_LIMITS } from '../plan/limits.ts';
import { type Life, lifetimeOf, quotaOf, replacedAfter } from '../plan/nature.ts';
import type { ProbeClass, SidePlan } from '../plan/side-plan.ts';
import { probeCodec } from '../prove/probe.ts';
import { type Proof, prover } from '../prove/prover.ts';
import type { TraversalCommand, TraversalConfig, TraversalEvent } from './interface.ts';
import { RUN_LIMITS } from './limits.ts';
import { type Salvo, salvo } from './salvo.ts';

/** How often the purse is looked at while credits are on their way. */
const UNPAID_POLL_MS = 20;
/** A new punching socket asks so often, a different source each time, before its endpoint counts as unknown. */
const RESTUN_GAP_MS = 150;
const RESTUN_TRIES = 6;
/** Of four addresses, as of MODIFIERS.pooledAddresses, nine sockets in ten get the one asked for within so many. */
const RESTUN_DRAWS = 8;
/**
 * A socket on which the peer was heard stays open so long after, whatever becomes of its plan: a proof may be under way, and a
 * client that has its own already would be left with half a path. The client repeats its nomination more often for 7 s.
 */
const PROOF_MS = 2_000;
/** The few that watch how long mappings live don't wait for places: as long as they have said nothing, none may come free. */
const WATCHED: Life = { quota: null, lifetimeMs: PLAN_LIMITS.mappingLifetimeMs };

export interface Engine {
  /** Starts a plan; it runs until its time is over, `stopSalvos` or the path. */
  launch(now: Instant, plan: SidePlan, startAt: Instant, from?: SocketId): Salvo;
  stopSalvos(): void;
  /** Sockets that running plans hold, and how many of these run. */
  held(): { readonly sockets: number; readonly plans: number };
  /** A new punching socket: opens it, asks a source for its endpoint, and closes the old one. */
  renew(now: Instant): void;
  /** Endpoint of the punching socket as the peer must address it; null while it is being asked for or unknown. */
  endpoint(): Endpoint | null;
  renewing(): boolean;
  /** The endpoint under which the peer reaches us was predicted, not observed (ADM). */
  assume(endpoint: Endpoint): void;
  command(now: Instant, command: TraversalCommand): boolean;
  datagram(now: Instant, socket: SocketId, from: Endpoint, bytes: Uint8Array): void;
  socket(now: Instant, socket: SocketId, outcome: SocketOutcome): void;
  run(now: Instant): void;
  next(): Instant;
  proof(): Proof | null;
  pathKind(proof: Proof): PathKind;
  heard(): number;
  sent(): number;
  /** So many packets are going out that the line could suffer. */
  bursting(): boolean;
  /** Since when a probe has been waiting for credits; null where none waits. Asking puts the question off. */
  starving(now: Instant): boolean;
  /** Addresses of the peer that the permits name now. */
  addresses(): readonly string[];
  /** The punching socket: its address is the one that the peer probes. */
  known(): SocketId;
  /** Ends everything; keeps the socket of the path. */
  finish(): void;
}

interface Restun {
  readonly socket: SocketId;
  ready: boolean;
  tries: number;
  at: Instant;
  /** So many sockets before it got an address that the peer may not probe. */
  readonly draws: number;
}

export function engine(created: Instant, config: TraversalConfig, out: Outputs<TraversalEvent>): Engine {
  const { device, random } = config;
  const lan = lanAddresses(config);
  const money = purse(created, config.permit, termsOf(config, lan));
  // An endpoint-independent NAT spends one mapping on all that one socket does.
  const quota = config.own.profile.mapping === 'eim' ? null : quotaOf(config.own.profile);
  /** Answers would go to another address than that of the witness. */
  const pooled = config.own.profile.pooling === 'arbitrary';
  /** How long mappings live; and those of a birthday, which are many at one time, where that can't be watched. */
  const lifetimeMs = lifetimeOf(config.own.profile);
  let birthdayMs = lifetimeMs;
  let watch: LifetimeWatch | null = null;
  /** What the salvos have last been told. */
  let toldMs = lifetimeMs;
  const salvos = new Set<Salvo>();
  const owned = new Set<SocketId>([config.socket]);
  /** When the peer was last heard on a socket; and those that nothing uses any more, but for a proof that may be under way. */
  const heardAt = new Map<SocketId, Instant>();
  const unused = new Set<SocketId>();
  const shared = new Set(config.own.candidates.flatMap((one) => (one.socket === undefined ? [] : [one.socket])));
  let known = config.socket;
  let knownAt = reflexiveOf(config);
  const joinedAt = knownAt?.address ?? null;
  let restun: Restun | null = null;
  let sent = 0;
  let finished = false;
  let unpaidSince: Instant | null = null;
  /** Of the turn under way. */
  let clock = created;

  const transmit: Send = (socket, to, bytes) => {
    if (owned.has(socket)) out.transmit(socket, to, bytes);
  };
  const book = questions(config.sources, random, new Asker(transmit, config.requests));
  const proofs = prover({
    role: config.role,
    codec: probeCodec(config.role, config.sid, config.punchKey, config.crypto),
    firstSeq: random.int(0, 0x7fffffff),
    allows: (now, address) => money.allows(now, address),
    transmit(now, socket, to, bytes, ttl) {
      // Answers and probes back go to whoever proved to be the peer; the plan's own probes are paid for in `shoot`.
      // A socket may have gone while something still wanted to use it.
      if (!owned.has(socket) && !shared.has(socket)) return;
      if (!paying) {
        // Paid for like the rest: whoever may spoof the peer's source would else have us send without end.
        if (money.spend(now, to.address, 'answer') !== 'paid') {
          unpaidSince ??= now;
          return;
        }
        device.budget.count(now);
      }
      sent++;
      out.transmit(socket, to, bytes, ttl ?? undefined);
    },
  });
  let paying = false;

  function lifeOf(kind: ProbeClass): Life {
    const assumedMs = kind === 'birthday' ? birthdayMs : lifetimeMs;
    const knownMs = watch === null ? assumedMs : watchedMs(watch, assumedMs);
    // What is left of a birthday is not to keep the few mappings of the others waiting for longer than that.
    return { quota, lifetimeMs: kind === 'birthday' ? knownMs : Math.min(knownMs, lifetimeMs) };
  }

  function shoot(now: Instant, plan: SidePlan, socket: SocketId, to: Endpoint, ttl: number | null): Instant | null {
    const kind = plan.class;
    const purpose: Purpose = kind === 'easy' && plan.ports.kind === 'fixed' ? 'known' : 'plan';
    const mapping = `${socket}>${to.address}:${to.port}`;
    const when = device.budget.when(now, kind, mapping, lifeOf(kind));
    if (when > now) return when;
    const paid = money.spend(now, to.address, purpose);
    if (paid === 'forbidden') return null;
    if (paid === 'awaited') return now + UNPAID_POLL_MS;
    if (paid === 'unpaid') {
      if (unpaidSince === null) unpaidSince = now;
      return now + UNPAID_POLL_MS;
    }
    unpaidSince = null;
    device.budget.take(now, kind, mapping);
    paying = true;
    proofs.probe(now, socket, to, ttl);
    paying = false;
    return null;
  }

  /** Takes a packet to a server out of the budget: null, or the instant from which it may go. */
  function sampling(now: Instant, asker: ProbeClass | 'watch', socket: SocketId): Instant | null {
    const [kind, life] = asker === 'watch' ? (['birthday', WATCHED] as const) : [asker, lifeOf(asker)];
    const when = device.budget.when(now, kind, `sample>${socket}`, life);
    if (when > now) return when;
    device.budget.take(now, kind, `sample>${socket}`);
    return null;
  }

  const range: Range = {
    open() {
      const socket = config.sockets.next();
      owned.add(socket);
      out.open(socket, 4);
      return socket;
    },
    close(socket) {
      if (!heardAt.has(socket)) shut(socket);
      else if (unused.add(socket).size > RUN_LIMITS.proofSocketsMax) shut(unused.values().next().value!);
    },
    lifetimeMs: () => lifeOf('birthday').lifetimeMs,
    shoot,
    ask(now, kind, socket) {
      const when = sampling(now, kind, socket);
      if (when === null) book.ask(now, socket, true);
      return when;
    },
  };

  function shut(socket: SocketId): void {
    unused.delete(socket);
    heardAt.delete(socket);
    if (owned.delete(socket)) out.close(socket);
  }

  const proofEndsAt = (socket: SocketId): Instant => (heardAt.get(socket) ?? 0) + PROOF_MS;

  function answered(now: Instant, socket: SocketId, from: Endpoint, bytes: Uint8Array): void {
    if (watch?.datagram(now, socket, from, bytes)) {
      learnLifetime(now);
      return;
    }
    const observed = book.answer(now, socket, from, bytes);
    if (observed === null) return;
    if (restun?.socket === socket) adopt(now, observed);
    else for (const running of salvos) if (running.answered(now, socket, observed)) return;
  }

  /** Where a life turns out shorter, whoever waits for the end of one may go on. */
  function learnLifetime(now: Instant): void {
    const known = lifeOf('birthday').lifetimeMs;
    if (known === toldMs) return;
    toldMs = known;
    for (const running of salvos) running.run(now);
  }

  /**
   * So many mappings that it matters how long they live: that is watched where a new mapping has another port. Not for the sake
   * of one burst where a quota has few places.
   */
  function watchLives(lasting: boolean): void {
    const { allocator } = config.own.profile;
    if (lasting) birthdayMs = Math.max(birthdayMs, replacedAfter(config.own.profile));
    if (allocator.kind === 'preserve' || (quota !== null && !lasting)) return;
    watch ??= canaries({
      source: (pooled ? null : config.redirecting)?.requestTo === undefined ? null : config.redirecting,
      plainSource: book.nextSource,
      asker: new Asker(transmit, config.requests),
      open: range.open,
      close: range.close,
      room: (at, socket) => sampling(at, 'watch', socket),
    });
  }

  function restart(now: Instant, draws: number): void {
    if (restun !== null) range.close(restun.socket);
    restun = { socket: range.open(), ready: false, tries: 0, at: now, draws };
  }

  /** Of a pool of addresses the peer may probe only what the master has seen: another socket may get that one. */
  function adopt(now: Instant, observed: Endpoint): void {
    if (restun === null) return;
    const elsewhere = pooled && joinedAt !== null && observed.address !== joinedAt;
    if (elsewhere && restun.draws + 1 < RESTUN_DRAWS) {
      restart(now, restun.draws + 1);
      return;
    }
    if (known !== restun.socket) range.close(known);
    known = restun.socket;
    knownAt = observed;
    restun = null;
  }

  function runRestun(now: Instant): void {
    if (restun === null || !restun.ready || now < restun.at) return;
    if (restun.tries++ >= RESTUN_TRIES) {
      range.close(restun.socket);
      restun = null;
      return;
    }
    restun.at = now + RESTUN_GAP_MS;
    book.ask(now, restun.socket, false);
  }

  const held = (): number => [...salvos].reduce((sum, running) => sum + running.held(), 0);
  device.held.add(held);

  function stopSalvos(): void {
    const keep = proofs.proof()?.socket ?? null;
    for (const running of salvos) running.stop(keep);
    salvos.clear();
    unpaidSince = null;
  }

  return {
    launch(now, plan, startAt, from) {
      const running = salvo(range, plan, startAt, from ?? known);
      salvos.add(running);
      if (plan.class === 'birthday' && plan.from === 'fresh') watchLives(plan.again.mode === 'replace');
      running.run(now);
      return running;
    },
    stopSalvos,
    held: () => ({ sockets: held(), plans: salvos.size }),
    renew(now) {
      restart(now, 0);
      knownAt = null;
    },
    endpoint: () => knownAt,
    renewing: () => restun !== null,
    assume: (endpoint) => {
      knownAt = endpoint;
    },
    command(now, command) {
      if (command.do === 'permit') money.permit(now, command.permit);
      else if (command.do === 'pause') device.budget.pause(now + command.ms);
      else return false;
      return true;
    },
    datagram(now, socket, from, bytes) {
      if (proofs.datagram(now, socket, from, bytes)) heardAt.set(socket, now);
      else if (!finished) answered(now, socket, from, bytes);
    },
    socket(now, socket, outcome) {
      if (!outcome.ok) owned.delete(socket);
      watch?.socket(now, socket, outcome.ok);
      if (restun?.socket === socket) {
        restun.ready = outcome.ok;
        if (!outcome.ok) restun = null;
      } else for (const running of salvos) running.socket(now, socket, outcome.ok);
    },
    run(now) {
      clock = now;
      proofs.timeout(now);
      if (finished) return;
      runRestun(now);
      if (watch !== null && now >= watch.next()) {
        watch.run(now);
        learnLifetime(now);
      }
      for (const running of salvos) {
        if (running.next() <= now) running.run(now);
        if (!running.over()) continue;
        running.stop(proofs.proof()?.socket ?? null);
        salvos.delete(running);
      }
      for (const socket of unused) if (now >= proofEndsAt(socket)) shut(socket);
    },
    next() {
      let next = proofs.next();
      if (finished) return next;
      if (watch !== null) next = Math.min(next, watch.next());
      if (restun?.ready) next = Math.min(next, restun.at);
      for (const running of salvos) next = Math.min(next, running.next());
      for (const socket of unused) next = Math.min(next, proofEndsAt(socket));
      return next;
    },
    proof: () => proofs.proof(),
    pathKind: (proof) => kindOf(config, proof, lan),
    heard: () => proofs.heard(),
    sent: () => sent,
    bursting: () => !finished && [...salvos].some(({ plan, over }) => plan.tuples >= RUN_LIMITS.burstTuples && !over()),
    starving(now) {
      if (unpaidSince === null || now - unpaidSince < RUN_LIMITS.unpaidMs) return false;
      unpaidSince = now;
      return true;
    },
    addresses: () => money.addresses(clock),
    known: () => known,
    finish() {
      stopSalvos();
      watch?.stop();
      const keep = proofs.proof()?.socket ?? null;
      for (const socket of [...owned]) if (socket !== keep) shut(socket);
      restun = null;
      device.held.delete(held);
      finished = true;
    },
  };
}

function termsOf({ master, peer }: TraversalConfig, lan: readonly string[]): PurseConfig {
  return {
    reach: remembered((address) => reachOf(address, master)),
    lan,
    awaited: peer.candidates.filter(({ kind }) => kind === 'ipv6').map(({ endpoint }) => endpoint.address),
  };
}

/** One answer for each text: addresses are few, and asked about with every packet. */
function remembered<Answer>(ask: (text: string) => Answer): (text: string) => Answer {
  const known = new Map<string, Answer>();
  return (text) => {
    const before = known.get(text);
    if (before !== undefined) return before;
    const answer = ask(text);
    if (known.size < RUN_LIMITS.scopesRememberedMax) known.set(text, answer);
    return answer;
  };
}

/** Where the punching socket was seen when it carried JOIN or ANSWER. */
function reflexiveOf({ own }: TraversalConfig): Endpoint | null {
  return own.candidates.find((one) => one.kind === 'reflexive' && one.socket === undefined)?.endpoint ?? null;
}

function kindOf(config: TraversalConfig, proof: Proof, lan: readonly string[]): PathKind {
  if (familyOf(proof.remote.address) === 6) return 'ipv6';
  if (lan.includes(proof.remote.address)) return 'lan';
  const mapped = config.peer.candidates.some(
    ({ kind, endpoint }) =>
      kind === 'mapped' && endpoint.port === proof.remote.port && endpoint.address === proof.remote.address,
  );
  return mapped ? 'mapped' : 'direct';
}
