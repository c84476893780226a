/**
 * What a plan gains from but need not wait for, measured after the profile is final: does an early packet from outside spoil a
 * mapping (docs/reference/nat-model.md §2.2), how far away is the outermost own NAT (it decides the low TTL), does hairpinning work.
 * All three need one mapping for all destinations: behind a symmetric NAT they stay untested.
 */
import { type Endpoint, sameEndpoint } from '../address.ts';
import { equalBytes } from '../bytes.ts';
import { type Instant, NEVER, type SocketId } from '../contract.ts';
import { assert } from '../errors.ts';
import type { Mapping, NatType, Tested } from '../nat/profile.ts';
import { sameRealm } from '../scope.ts';
import type { CryptoSuite } from '../secure/crypto.ts';
import type { Asker, Question } from '../sources/asker.ts';
import type { MappingSource } from '../sources/source.ts';
import { StunSource } from '../sources/stun-source.ts';
import type { Allowance } from './allowance.ts';
import type { FilterProbe, FilterTest } from './filter.ts';
import { DETECT_LIMITS } from './limits.ts';

const REPEAT_AFTER_MS = 60;
/** From us to us, recognised by its contents. */
const HAIRPIN_BYTES = 20;

export interface RefineConfig {
  readonly mapping: Mapping;
  readonly type: NatType;
  readonly sources: readonly MappingSource[];
  readonly crypto: Pick<CryptoSuite, 'randomBytes'>;
  readonly open: () => SocketId;
  readonly bound: (socket: SocketId) => boolean;
  readonly allowance: Allowance;
}

interface HopProbe {
  readonly socket: SocketId;
  readonly ttl: number;
  opener: Question | null;
  question: Question | null;
}

type Phase =
  /** Until `at`. */
  { readonly in: 'asking'; readonly at: Instant } | { readonly in: 'asking-again' | 'done' };

/** Which phase may follow which, and when. @drawn in docs/states.md */
export const REFINEMENT_PHASES = {
  asking: { 'asking-again': '60 ms are over' },
  'asking-again': { done: 'two round trips and 150 ms are over since its begin' },
  done: {},
} as const satisfies Record<Phase['in'], Partial<Record<Phase['in'], string>>>;

export class Refinement {
  hairpin: Tested = 'untested';
  poisonable: Tested = 'untested';
  natHops: number | null = null;
  private readonly asker: Asker;
  private readonly config: RefineConfig;
  private readonly filtered: FilterProbe | null;
  /** The spoilt mapping, if it is, and one of the same socket that is certainly not. */
  private poison: Question | null = null;
  private control: Question | null = null;
  private echo: Uint8Array | null = null;
  private hops: HopProbe[] = [];
  private phase: Phase;
  private readonly endAt: Instant;

  /** Null where there is nothing to be gained. */
  static of(now: Instant, asker: Asker, filter: FilterTest, config: RefineConfig): Refinement | null {
    return config.mapping === 'eim' ? new Refinement(now, asker, filter, config) : null;
  }

  private constructor(now: Instant, asker: Asker, filter: FilterTest, config: RefineConfig) {
    this.asker = asker;
    this.config = config;
    // A test whose answer the NAT kept out has just sent it an unsolicited packet: the beginning of the two tests below.
    this.filtered =
      filter.probes.find(({ question }) => question.observed === null && answererOf(question) !== null) ?? null;
    this.phase = { in: 'asking', at: now + REPEAT_AFTER_MS };
    this.endAt = now + 150 + 2 * (asker.rttMs() ?? 200);
    this.askPoison(now);
    this.askHairpin();
    if (this.filtered !== null && config.type !== 'public') {
      this.hops = Array.from({ length: DETECT_LIMITS.hopsMax }, (_, i) => ({
        socket: config.open(),
        ttl: i + 1,
        opener: null,
        question: null,
      }));
    }
  }

  /** Questions that show a mapping like any other sample. */
  samples(): readonly Question[] {
    return this.hops.flatMap(({ question }) => question ?? []);
  }

  get done(): boolean {
    return this.phase.in === 'done';
  }

  nextAt(): Instant {
    if (this.phase.in === 'asking') return this.phase.at;
    return this.done ? NEVER : this.endAt;
  }

  /** True where the datagram is our own, come back through the NAT. */
  hear(bytes: Uint8Array): boolean {
    const { echo } = this;
    if (echo === null || !equalBytes(bytes, echo)) return false;
    this.hairpin = 'yes';
    return true;
  }

  advance(now: Instant): void {
    if (this.done) return;
    for (const hop of this.hops) if (hop.question === null && this.config.bound(hop.socket)) this.askHop(now, hop);
    if (this.phase.in === 'asking' && now >= this.phase.at) this.repeatAll(now);
    if (now >= this.endAt) this.conclude();
  }

  private askPoison(now: Instant): void {
    const answerer = this.filtered === null ? null : answererOf(this.filtered.question);
    if (this.filtered === null || answerer === null) return;
    this.poison = this.asker.ask(now, this.filtered.socket, this.sourceAt(answerer));
    this.control = this.asker.ask(now, this.filtered.socket, this.filtered.question.source);
  }

  /**
   * Two of our sockets send to each other's external address, each opening its filter for the other. What a server takes for our
   * address is only its word: one on the Internet that names a machine of our network, or all of them, is not believed.
   */
  private askHairpin(): void {
    if (this.config.type === 'public') return;
    const known = this.asker.questions.filter(
      ({ observed, answerFrom, source }) =>
        observed !== null && answerFrom === 'same' && sameRealm(source.target.address, observed.address),
    );
    const one = known[0];
    const two = known.find(({ socket }) => socket !== one?.socket);
    if (one === undefined || two === undefined) return;
    if (this.echo === null) {
      this.echo = this.config.crypto.randomBytes(HAIRPIN_BYTES);
      // The first byte of none of the protocols around here.
      this.echo[0] = 0xff;
    }
    for (const [from, to] of [
      [one.socket, two.observed!],
      [two.socket, one.observed!],
    ] as const) {
      this.config.allowance.send(from, to, this.echo);
    }
  }

  /** A packet with a short life towards the answerer opens the filter only if it gets through all own NATs. */
  private askHop(now: Instant, hop: HopProbe): void {
    const { source, answerFrom } = this.filtered!.question;
    const answerer = answererOf(this.filtered!.question)!;
    const target = this.sourceAt(answerer);
    if (!this.config.allowance.maySend(hop.socket, target.target)) return;
    hop.opener = this.asker.ask(now, hop.socket, target, 'same', hop.ttl);
    if (!this.config.allowance.maySend(hop.socket, source.target)) return;
    hop.question = this.asker.ask(now, hop.socket, source, answerFrom);
  }

  private repeatAll(now: Instant): void {
    this.enter({ in: 'asking-again' });
    if (this.hairpin !== 'yes') this.askHairpin();
    for (const question of [this.poison, this.control]) this.repeat(now, question);
    for (const { opener, question, ttl } of this.hops) {
      if (question?.observed !== null) continue;
      this.repeat(now, opener, ttl);
      this.repeat(now, question);
    }
  }

  private repeat(now: Instant, question: Question | null, ttl?: number): void {
    if (question === null || question.observed !== null) return;
    if (this.config.allowance.mayRepeat) this.asker.repeat(now, question, ttl);
  }

  private conclude(): void {
    this.enter({ in: 'done' });
    // Only the silence of both rounds is a no.
    if (this.echo !== null && this.hairpin === 'untested') this.hairpin = 'no';
    const opened = this.hops.filter(({ question }) => question !== null && question.observed !== null);
    // TTL k dies at hop k: what got through the NAT at hop n had at least n + 1.
    if (opened.length > 0) this.natHops = Math.min(...opened.map(({ ttl }) => ttl)) - 1;
    this.poisonable = this.poisonResult();
  }

  private enter(phase: Phase): void {
    assert(phase.in in REFINEMENT_PHASES[this.phase.in], `a refinement goes from ${this.phase.in} to ${phase.in}`);
    this.phase = phase;
  }

  /** Spoilt: the mapping towards the unsolicited sender is another one than towards the rest. */
  private poisonResult(): Tested {
    const spoilt = this.poison?.observed ?? null;
    const control = this.control?.observed ?? null;
    if (spoilt === null || control === null) return 'untested';
    return sameEndpoint(control, spoilt) ? 'no' : 'yes';
  }

  private sourceAt(endpoint: Endpoint): MappingSource {
    const known = this.config.sources.find(({ target }) => sameEndpoint(target, endpoint));
    return known ?? new StunSource(endpoint, this.config.crypto);
  }
}

function answererOf(question: Question): Endpoint | null {
  return question.source.answererOf?.(question.answerFrom) ?? null;
}
