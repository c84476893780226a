/**
 * One detection, from the first packet to the last. Bursts of fresh sockets, a few packets each, at uneven distances: what leaves
 * at once shows the allocator's step bare, what leaves later shows how busy the others are. Beside the bursts two sockets
 * test the filter; when the profile is final, the same sockets and a few more measure poisoning, hairpin and hops.
 */

import type { Endpoint } from '../address.ts';
import { endpointKey, familyOf } from '../address.ts';
import { type Instant, NEVER, type SocketId, type SocketIds, type SocketOutcome } from '../contract.ts';
import { assert } from '../errors.ts';
import type { Outputs } from '../machine.ts';
import type { LogData } from '../model/log.ts';
import type { MappingKnowledge } from '../nat/infer.ts';
import { believeMapping, withoutLiars } from '../nat/mapping.ts';
import { addressesOf, type Observation } from '../nat/observation.ts';
import type { Filtering, Tested } from '../nat/profile.ts';
import type { Random } from '../random.ts';
import type { CryptoSuite } from '../secure/crypto.ts';
import { Asker, type Question, type RequestNumbers } from '../sources/asker.ts';
import type { MappingSource } from '../sources/source.ts';
import { Allowance } from './allowance.ts';
import { FilterTest } from './filter.ts';
import { DETECT_LIMITS } from './limits.ts';
import { Refinement } from './refine.ts';
import { planSocket } from './sampling.ts';

/**
 * When each fresh socket asks its two sources, counted from the start: twelve instants, uneven, tell a clock-driven allocator
 * from one that foreign traffic drives, and leave a block of ports with a chance of 2^-11 to look half as large.
 */
const BURSTS_MS = [0, 20, 50, 70, 105, 125, 160, 185, 220, 250, 280, 320] as const;
/**
 * Where new ports follow each other, the rest takes its time, and asks once as soon as it is sure what a mapping depends on: a slow
 * clock shows only while we do not outrun it (50 ports/s against 75 mappings/s of ours), and the others' rate is known the
 * better the longer we look.
 */
const MAPPING_SURE = 0.99;
const SPARSE_FROM = 6;
const SPARSE_MS = [...BURSTS_MS.slice(0, SPARSE_FROM), 190, 275, 375, 490, 615, 750];
/** Two more sockets where less than this share of the questions was answered. */
const ENOUGH_ANSWERED = 0.5;
const EXTRA_SOCKETS = 2;
/** Silence after which the way out is tried again; the last try has 350 ms for its answer. */
const NOTHING_HEARD_MS = [450, 850, 1_250] as const;
/** Where nobody at all has answered. The report of `check` stands within 2 s of its first line, and the rest of it takes up to 0.3 s. */
const GIVEN_UP_MS = 1_600;
/** A port that moves is looked at again, this long after the profile is final: the longer the view, the better the rate. */
const LOOKOUTS_MS = [200, 450, 750, 1_100, 1_500, 1_950, 2_400] as const;
/** So much later at most: in step with a clock-driven allocator, all samples would see the same rounding. */
const DITHER_MS = 8;
/** The last of the two seconds belongs to the driver and to whoever waits for us. */
const RUN_MS_MAX = DETECT_LIMITS.detectMsMax - 100;

export interface RunConfig {
  readonly random: Random;
  readonly crypto: Pick<CryptoSuite, 'randomBytes'>;
  readonly sockets: SocketIds;
  readonly family: 4 | 6;
  readonly infer: (observations: readonly Observation[]) => MappingKnowledge;
  readonly out: Pick<Outputs<never>, 'open' | 'close' | 'transmit'>;
  readonly requests: RequestNumbers;
  log(what: string, data: LogData): void;
}

export interface RunFindings {
  readonly filtering: Filtering;
  /** Not only other ports of an address that was spoken to. */
  readonly addressTested: boolean;
  readonly hairpin: Tested;
  readonly poisonable: Tested;
  readonly natHops: number | null;
  /** Whoever was asked has said nothing. */
  readonly silent: boolean;
}

type Phase =
  | { readonly in: 'sampling' }
  | { readonly in: 'filtering' }
  /** `lookouts`: when a port that moves is looked at again, soonest first. */
  | { readonly in: 'refining'; readonly refinement: Refinement | null; readonly lookouts: Instant[] }
  /** What the refinement has found stays. */
  | { readonly in: 'over'; readonly refinement: Refinement | null };

/** Which phase may follow which, and when. @drawn in docs/states.md */
export const RUN_PHASES = {
  sampling: {
    filtering: 'every socket has asked, and its answer has come or is no longer awaited',
    refining: 'the time is over before every socket has asked',
    over: 'another network, another run or the end',
  },
  filtering: {
    refining: 'the filter is tested, cannot be, or the time is over: the profile is final',
    over: 'another network, another run or the end',
  },
  refining: { over: 'hops, poisoning and hairpin are measured, and a port that moves was looked at for long enough' },
  over: {},
} as const satisfies Record<Phase['in'], Partial<Record<Phase['in'], string>>>;

export class Run {
  private phase: Phase = { in: 'sampling' };
  private readonly startedAt: Instant;
  private readonly config: RunConfig;
  private readonly asker: Asker;
  private readonly allowance: Allowance;
  private readonly filter: FilterTest;
  private sources: readonly MappingSource[];
  /** Sockets that have not asked yet, in the order they were opened. */
  private readonly fresh: SocketId[] = [];
  private readonly ports = new Map<SocketId, number>();
  private readonly opened: SocketId[] = [];
  private readonly samples: Question[] = [];
  private bursts = 0;
  private sparse = false;
  /** Tries after nothing was heard; all of them, where two more sockets have asked instead. */
  private extra = 0;
  /** Of each burst. */
  private readonly dithers: readonly number[];
  /** What is known has changed so that others should hear of it. */
  private news = false;

  constructor(now: Instant, sources: readonly MappingSource[], config: RunConfig) {
    this.startedAt = now;
    this.sources = sources;
    this.config = config;
    this.allowance = new Allowance(config.out.transmit);
    this.asker = new Asker(this.allowance.send, config.requests);
    this.dithers = BURSTS_MS.map((afterMs) => (afterMs === 0 ? 0 : DITHER_MS * config.random.float()));
    for (let i = 0; i < BURSTS_MS.length + EXTRA_SOCKETS; i++) this.fresh.push(this.open());
    this.filter = new FilterTest(this.asker, [this.open(), this.open()]);
  }

  /** The profile waits for nothing more of this run. */
  get final(): boolean {
    return this.phase.in === 'refining' || this.phase.in === 'over';
  }

  /** Nothing more to do at all. */
  get over(): boolean {
    return this.phase.in === 'over';
  }

  handleSocket(now: Instant, socket: SocketId, outcome: SocketOutcome): void {
    if (outcome.ok) this.ports.set(socket, outcome.local.port);
    // Fewer sockets than wished for (a limit of the system): fewer samples, no stand-still.
    else if (this.fresh.includes(socket)) this.fresh.splice(this.fresh.indexOf(socket), 1);
    this.advance(now);
  }

  handleDatagram(now: Instant, socket: SocketId, from: Endpoint, bytes: Uint8Array): void {
    if (this.refinement?.hear(bytes) === true) {
      this.advance(now);
      return;
    }
    const question = this.asker.receive(now, socket, from, bytes);
    if (question === null) return;
    this.learnRelatives(question.source);
    this.config.log('answer', {
      source: endpointKey(question.source.target),
      port: question.observed!.port,
      ms: Math.round(now - question.sentLastAt),
    });
    this.advance(now);
  }

  /** Somebody more to ask: the master has been reached while we were asking STUN servers. */
  offer(sources: readonly MappingSource[]): void {
    const known = new Set(this.sources.map(({ target }) => endpointKey(target)));
    const news = sources.filter(({ target }) => !known.has(endpointKey(target)));
    // First, so that those who have been asked all along make room for them.
    if (news.length > 0 && this.phase.in === 'sampling') this.sources = [...news, ...this.sources];
  }

  handleTimeout(now: Instant): void {
    this.advance(now);
  }

  nextAt(): Instant {
    const { phase } = this;
    if (phase.in === 'over') return NEVER;
    if (phase.in === 'refining') {
      const next = Math.min(phase.refinement?.nextAt() ?? NEVER, phase.lookouts[0] ?? NEVER);
      return next === NEVER ? this.patience() : next;
    }
    const times = [this.startedAt + RUN_MS_MAX, this.filter.nextAt()];
    const silence = NOTHING_HEARD_MS[this.extra];
    if (this.ready()) times.push(this.burstDue());
    if (phase.in === 'sampling' && this.allAsked() && this.answered() > 0) times.push(this.patience());
    if (phase.in === 'sampling' && this.answered() === 0) times.push(this.startedAt + (silence ?? GIVEN_UP_MS));
    return Math.min(...times);
  }

  /** Once after each change that others should hear of. */
  takeNews(): boolean {
    const { news } = this;
    this.news = false;
    return news;
  }

  findings(): RunFindings {
    return {
      filtering: this.filter.result(),
      addressTested: this.filter.probes.some(({ answerFrom }) => answerFrom === 'other-address'),
      hairpin: this.refinement?.hairpin ?? 'untested',
      poisonable: this.refinement?.poisonable ?? 'untested',
      natHops: this.refinement?.natHops ?? null,
      silent: this.final && this.answered() === 0 && this.allowance.packets >= 8,
    };
  }

  observations(): Observation[] {
    const beside = [...this.filter.probes.map(({ question }) => question), ...(this.refinement?.samples() ?? [])];
    return [...this.samples, ...beside].map((question) => ({
      socket: question.socket,
      localPort: this.ports.get(question.socket) ?? 0,
      target: question.source.target,
      trusted: question.source.kind === 'master',
      sentAt: question.sentAt,
      // A filter test is repeated for want of an answer that the NAT may keep out: its first packet made the mapping.
      repeated: question.answerFrom === 'same' && question.packets > 1,
      observed: question.observed,
      roundTripMs:
        question.packets === 1 && question.answeredAt !== null ? question.answeredAt - question.sentAt : null,
    }));
  }

  close(): void {
    for (const socket of this.opened) this.config.out.close(socket);
    this.opened.length = 0;
    this.enter({ in: 'over', refinement: this.refinement });
  }

  private enter(phase: Phase): void {
    assert(phase.in in RUN_PHASES[this.phase.in], `a run goes from ${this.phase.in} to ${phase.in}`);
    this.phase = phase;
  }

  private get refinement(): Refinement | null {
    return 'refinement' in this.phase ? this.phase.refinement : null;
  }

  /** Everything that is due; each step may make the next one due. */
  private advance(now: Instant): void {
    const late = now >= this.startedAt + RUN_MS_MAX;
    if (this.phase.in === 'sampling') this.sample(now);
    if (this.phase.in === 'sampling' || this.phase.in === 'filtering') {
      this.filter.advance(now, this.sources, (socket) => this.ports.has(socket));
      if (this.phase.in === 'sampling' && this.isSampled(now)) {
        this.enter({ in: 'filtering' });
        this.news ||= !this.filter.done;
      }
      const filtered = this.filter.done || this.filter.probes.length === 0 || late;
      if (filtered && (this.phase.in === 'filtering' || (late && !this.allAsked()))) this.finish(now);
    }
    if (this.phase.in === 'refining') this.refine(now, this.phase.refinement, this.phase.lookouts);
  }

  /** What is measured after the profile is final, to its end. */
  private refine(now: Instant, refinement: Refinement | null, lookouts: Instant[]): void {
    refinement?.advance(now);
    if (now >= (lookouts[0] ?? NEVER)) {
      lookouts.shift();
      this.burst(now, this.fresh.slice(0, 1));
    }
    if (lookouts.length > 0 || !this.isAnswered(now) || refinement?.done === false) return;
    this.close();
    this.news = true;
  }

  private sample(now: Instant): void {
    if (this.ready() && now >= this.burstDue() && !this.sparse && this.bursts >= SPARSE_FROM) {
      this.sparse = this.countsMappings();
    }
    if (this.ready() && now >= this.burstDue()) {
      this.bursts++;
      this.burst(now, this.oddAndEven() ?? this.fresh.slice(0, 1));
    } else if (this.answered() === 0 && now >= this.startedAt + (NOTHING_HEARD_MS[this.extra] ?? NEVER)) {
      this.extra++;
      for (const question of this.samples.slice(0, 4)) if (this.allowance.mayRepeat) this.asker.repeat(now, question);
    } else if (this.bursts === BURSTS_MS.length && this.extra === 0 && now >= this.patience() && this.isThin()) {
      this.extra = NOTHING_HEARD_MS.length;
      this.burst(now, this.fresh.slice(0, EXTRA_SOCKETS));
    }
  }

  private burstDue(): Instant {
    const afterMs = (this.sparse ? SPARSE_MS : BURSTS_MS)[this.bursts];
    return afterMs === undefined ? NEVER : this.startedAt + afterMs + this.dithers[this.bursts]!;
  }

  /** No burst is left, or no socket for one. */
  private allAsked(): boolean {
    return this.bursts === BURSTS_MS.length || this.fresh.length === 0;
  }

  private ready(): boolean {
    return this.fresh[0] !== undefined && this.ports.has(this.fresh[0]);
  }

  /**
   * Where the NAT keeps the parity: two sockets at one instant, so that nobody's mapping comes between them and the step shows bare.
   * Null where no socket is to spare for it.
   */
  private oddAndEven(): readonly SocketId[] | null {
    if (!this.sparse || this.fresh.length <= BURSTS_MS.length - this.bursts + 1) return null;
    if (this.config.infer(this.observations()).allocator.parity !== 'kept') return null;
    const ofParity = (parity: number) => this.fresh.find((socket) => (this.ports.get(socket) ?? 0.5) % 2 === parity);
    const [even, odd] = [ofParity(0), ofParity(1)];
    return even === undefined || odd === undefined ? null : [even, odd];
  }

  private burst(now: Instant, sockets: readonly SocketId[]): void {
    for (const socket of sockets) {
      this.fresh.splice(this.fresh.indexOf(socket), 1);
      if (!this.ports.has(socket)) continue;
      const plan = planSocket(now, this.sources, this.asker, this.config.random);
      for (const source of this.knowsEnough() ? plan.slice(0, 1) : plan) {
        if (this.allowance.maySend(socket, source.target)) this.samples.push(this.asker.ask(now, socket, source));
      }
    }
  }

  /** One question a socket will do: it is sure what a mapping depends on, and another would cost a mapping or tell nothing. */
  private knowsEnough(): boolean {
    if (this.bursts < SPARSE_FROM) return false;
    const { mapping, probability, compared } = believeMapping(this.observations());
    const comparable = addressesOf(this.sources).size >= 2;
    if (mapping === 'eim' && comparable && !compared) return false;
    return probability >= MAPPING_SURE && (this.sparse || mapping === 'eim');
  }

  /** Until when the latest burst's answers are awaited. */
  private patience(): Instant {
    const last = this.samples.at(-1);
    return (last?.sentLastAt ?? this.startedAt) + Math.max(120, 1.5 * (this.asker.rttMs() ?? 250) + 20);
  }

  /** Every socket has asked and was answered, or for long enough; where nobody was, the whole time is waited. */
  private isSampled(now: Instant): boolean {
    const silent = this.samples.length > 0 && this.answered() === 0 && now < this.startedAt + GIVEN_UP_MS;
    return this.allAsked() && !silent && this.isAnswered(now);
  }

  private isAnswered(now: Instant): boolean {
    return this.samples.every(({ observed }) => observed !== null) || now >= this.patience();
  }

  /** Every question may move the port of the next one. The fit is dear, so it is not made where the mapping settles it. */
  private countsMappings(): boolean {
    const observations = this.observations();
    if (believeMapping(withoutLiars(observations)).mapping === 'eim') return false;
    const { kind } = this.config.infer(observations).allocator;
    return kind === 'step' || kind === 'time';
  }

  private isThin(): boolean {
    return this.answered() < ENOUGH_ANSWERED * this.samples.length && this.answered() > 0;
  }

  private answered(): number {
    return this.samples.filter(({ observed }) => observed !== null).length;
  }

  private finish(now: Instant): void {
    this.filter.conclude();
    const { mapping, type, allocator } = this.config.infer(this.observations());
    const { sources, asker, allowance } = this;
    const refinement = Refinement.of(now, asker, this.filter, {
      ...{ mapping, type, sources, allowance, crypto: this.config.crypto },
      open: () => this.open(),
      bound: (socket) => this.ports.has(socket),
    });
    const moves = allocator.kind === 'step' || allocator.kind === 'time';
    const after = moves ? LOOKOUTS_MS : [];
    const lookouts = after.map((afterMs) => now + afterMs + DITHER_MS * this.config.random.float());
    for (let i = this.fresh.length; i < lookouts.length; i++) this.fresh.push(this.open());
    this.enter({ in: 'refining', refinement, lookouts });
    this.news = true;
    this.config.log('detection-finished', {
      ms: Math.round(now - this.startedAt),
      packets: allowance.packets,
      answered: this.answered(),
      rttMs: asker.rttMs(),
    });
  }

  private learnRelatives(source: MappingSource): void {
    const known = new Set(this.sources.map(({ target }) => endpointKey(target)));
    const addresses = addressesOf(this.sources).size;
    // Two ports of one address are needed to tell ADM from APDM, two addresses to tell EIM; more of them would tell nothing more.
    if (addresses >= 2 && this.sources.length > addresses) return;
    const news = (source.relatives?.() ?? []).filter(
      ({ target }) => !known.has(endpointKey(target)) && familyOf(target.address) === this.config.family,
    );
    if (news.length > 0) this.sources = [...this.sources, ...news];
  }

  private open(): SocketId {
    const socket = this.config.sockets.next();
    this.opened.push(socket);
    this.config.out.open(socket, this.config.family);
    return socket;
  }
}
