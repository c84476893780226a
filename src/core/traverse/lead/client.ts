/**
 * The client's side: it leads. Each attempt is a linear script (the generators in `scripts.ts`) that runs here step by step;
 * between attempts it learns, rests, and says what it changes. It goes on for ever, until the path is up or it is aborted.
 */

import { familyOf } from '../../address.ts';
import { type Instant, NEVER } from '../../contract.ts';
import { assert } from '../../errors.ts';
import type { Candidate } from '../../model/pair.ts';
import type { NextAttempt } from '../../model/progress.ts';
import type { NatProfile } from '../../nat/profile.ts';
import { adviceFor, changeBetween, oddsNextMinute } from '../plan/advice.ts';
import { PLAN_LIMITS } from '../plan/limits.ts';
import { knownLife, natView, quotaOf } from '../plan/nature.ts';
import { type Method, type Plan, planBeside, plansFor } from '../plan/plan.ts';
import type { StaleReason } from '../run/interface.ts';
import { besideScript, meetBeside, openersBeside } from './beside.ts';
import { Commander } from './commander.ts';
import { Depth } from './depth.ts';
import { LEAD_LIMITS } from './limits.ts';
import { openers } from './openers.ts';
import { type Pause, type Script, scriptFor } from './scripts.ts';
import type { Step } from './step.ts';
import { Lead, type Means, type Strategy } from './strategy.ts';

/** After so long without a path the user is told what pair this is and what would help. */
const HARD_AFTER_MS = 15_000;
/** Rest after an attempt of few packets, or one that could not be made: a little more each time. */
const REST_MS = 100;
const REST_MAX_MS = 3_000;
/** Without UDP there is nothing to try; the network may change. */
const BLOCKED_REST_MS = 5_000;
/** From a sample at one side to the burst that uses it, beyond the trips through the master: the answer of the source. */
const SAMPLE_RTT_MS = 60;

interface Attempting {
  readonly in: 'attempting';
  readonly plan: Plan;
  readonly script: Script;
  readonly begunAt: Instant;
  /** Packets of all attempts before it. */
  readonly sentBefore: number;
  wait: Pause;
  /** How many the host connects before us, as it has said in this attempt. */
  queued: number | null;
}

type Phase =
  | { readonly in: 'new' }
  | Attempting
  | {
      readonly in: 'resting';
      readonly last: Plan;
      readonly next: Plan;
      readonly until: Instant;
      readonly sentBefore: number;
    }
  /** `last` is null where nothing was ever tried. */
  | { readonly in: 'over'; readonly last: Plan | null };

/** Which phase may follow which, and when. */
export const CLIENT_PHASES = {
  new: {
    attempting: 'the start: the openers of both sides have left',
    over: 'aborted before the start',
  },
  attempting: {
    resting: 'the script has come to its end without a path',
    over: 'the path is up, or the join is aborted',
  },
  resting: {
    attempting: 'the method of the next attempt has rested, and the budget has room for it',
    over: 'the path is up, or the join is aborted',
  },
  over: {},
} as const satisfies Record<Phase['in'], Partial<Record<Phase['in'], string>>>;

export class ClientStrategy extends Lead implements Strategy {
  private readonly commander: Commander;
  private phase: Phase = { in: 'new' };
  private attempt = 0;
  private startedAt: Instant = 0;
  /** When the user is told that this pair is a hard one; once. */
  private hardAt: Instant = NEVER;
  /** How often each pair of hypotheses has been tried in vain. */
  private readonly failed = new Map<string, number>();
  /** Methods of many packets: how often each was used, and from when it may be again. */
  private readonly rests = new Map<Method, { readonly times: number; readonly until: Instant }>();
  private readonly depths = { client: new Depth(), host: new Depth() };
  /** Attempts in a row in which the host was asked and has said nothing. */
  private unheard = 0;

  constructor(means: Means) {
    super(means);
    this.commander = new Commander(means);
  }

  get attempts(): number {
    return this.attempt;
  }

  get method(): Method {
    return this.last?.method ?? 'known';
  }

  start(now: Instant): void {
    this.startedAt = now;
    this.hardAt = now + HARD_AFTER_MS;
    openers(now, this.config, this.executor);
    this.begin(now, this.choose());
  }

  step(now: Instant, step: Step): void {
    if (this.phase.in === 'attempting') this.phase.queued = step.queued ?? this.phase.queued;
    this.commander.answer(now, step);
  }

  run(now: Instant): void {
    if (this.phase.in === 'new' || this.phase.in === 'over') return;
    this.commander.run(now);
    for (let steps = 0; steps < LEAD_LIMITS.scriptStepsMax && this.goesOn(now); steps++) this.resume(now);
    if (this.phase.in === 'resting' && now >= this.phase.until) this.begin(now, this.phase.next);
    if (now >= this.hardAt) this.tellHard(now);
  }

  next(): Instant {
    const { phase } = this;
    if (phase.in === 'over') return NEVER;
    const next = Math.min(this.hardAt, this.commander.next());
    if (phase.in === 'attempting') return Math.min(next, phase.wait.until);
    return phase.in === 'resting' ? Math.min(next, phase.until) : next;
  }

  end(_now: Instant, result: 'path' | 'aborted'): void {
    const { phase, last } = this;
    this.enter({ in: 'over', last });
    if (phase.in !== 'attempting' && phase.in !== 'resting') return;
    // In a rest the last attempt has been told already; a path may still come of it.
    if (result === 'aborted' && phase.in === 'resting') return;
    const packetsSent = this.executor.sent() - phase.sentBefore;
    this.out.event({ ev: 'attempt-over', n: this.attempt, result, packetsSent, next: null });
    this.log('over', { result, packets: packetsSent, planned: last!.packets.client, expected: round(last!.expected) });
  }

  /** The plan of the attempt under way, or of the one before the rest. */
  private get last(): Plan | null {
    const { phase } = this;
    if (phase.in === 'attempting') return phase.plan;
    return phase.in === 'new' ? null : phase.last;
  }

  private get own(): NatProfile {
    return this.config.own.profile();
  }

  private choose(): Plan {
    const { config, own } = this;
    if (meetBeside(config)) return planBeside(this.failed);
    const limits = {
      client: { quota: quotaOf(own), lifetimeMs: own.idleLifetimeMs },
      host: { quota: quotaOf(config.peer.profile), lifetimeMs: config.peer.profile.idleLifetimeMs },
      sampleAgeMs: config.viaMasterRttMs + SAMPLE_RTT_MS,
    };
    return plansFor(own, config.peer.profile, this.failed, limits);
  }

  private begin(now: Instant, plan: Plan): void {
    this.attempt++;
    const { attempt, config, commander, executor } = this;
    const packets = plan.packets.client;
    this.out.event({ ev: 'attempt', n: attempt, plan: { method: plan.method, expected: plan.expected, packets } });
    const context = { attempt, config, commander, executor, depths: this.depths };
    const script = meetBeside(config) ? besideScript(plan, context) : scriptFor(plan, context);
    const wait = { until: now };
    this.enter({ in: 'attempting', plan, script, begunAt: now, sentBefore: executor.sent(), wait, queued: null });
    commander.begin(now, attempt);
    if (attempt > 1) openersBeside(now, config, executor);
    this.log('plan', {
      method: plan.method,
      pair: plan.key,
      settle: plan.settle,
      expected: round(plan.expected),
      packetsClient: plan.packets.client,
      packetsHost: plan.packets.host,
      mappings: plan.mappings,
    });
    this.resume(now);
  }

  private goesOn(now: Instant): boolean {
    return this.phase.in === 'attempting' && (now >= this.phase.wait.until || this.phase.wait.ready?.() === true);
  }

  private resume(now: Instant): void {
    const { phase } = this;
    if (phase.in !== 'attempting') return;
    const step = phase.script.next(now);
    if (step.done) this.over(now, phase, step.value);
    else phase.wait = step.value;
  }

  /** `tried`: the method was carried out, so that its failure says something about the networks. */
  private over(now: Instant, last: Attempting, tried: boolean): void {
    const { plan } = last;
    this.unheard = this.commander.unanswered() ? this.unheard + 1 : 0;
    const stale = this.whyStale();
    if (stale !== null) this.out.event({ ev: 'stale', why: stale });
    this.commander.stop();
    if (tried) this.failed.set(plan.key, (this.failed.get(plan.key) ?? 0) + 1);
    this.rest(now, last, tried);
    const following = this.choose();
    const until = this.restUntil(now, following);
    const packetsSent = this.executor.sent() - last.sentBefore;
    this.enter({ in: 'resting', last: plan, next: following, until, sentBefore: last.sentBefore + packetsSent });
    const putOff = tried ? null : this.whyPutOff(now, last.queued);
    const result = putOff === null ? 'timeout' : 'put-off';
    const untried = { because: 'unanswered', method: following.method } as const;
    const next = putOff ?? (tried ? changeBetween(plan, following) : untried);
    const restMs = until - now;
    const planned = { planned: plan.packets.client, expected: round(plan.expected) };
    const upcoming = { next: following.method, because: next.because, restMs };
    this.log('over', { result, packets: packetsSent, ...planned, heard: this.executor.heard(), ...upcoming });
    this.out.event({ ev: 'attempt-over', n: this.attempt, result, packetsSent, next });
    if (restMs >= 1_000) this.out.event({ ev: 'waiting', why: next });
  }

  /**
   * Rests count from the start of the attempt: what matters to the networks is how often there is one. Where the host has refused,
   * it has not: but every asking anew opens our own ports again, so it is when the host has said, or a little later.
   */
  private rest(now: Instant, { plan: { method, restMs }, begunAt }: Attempting, tried: boolean): void {
    if (restMs === 0) return;
    const times = this.rests.get(method)?.times ?? 0;
    if (!tried) {
      const until = Math.max(now + LEAD_LIMITS.manyPortsEarlyMs, this.commander.allowedAt());
      this.rests.set(method, { times, until });
      return;
    }
    const until = begunAt + Math.min(LEAD_LIMITS.manyPortsRestMsMax, restMs * PLAN_LIMITS.hardRestGrowth ** times);
    this.rests.set(method, { times: times + 1, until });
  }

  /** When the next attempt may begin: its method has rested, or what many packets before have left of the budget suffices. */
  private restUntil(now: Instant, { method, restMs, packets }: Plan): Instant {
    if (method === 'none') return now + BLOCKED_REST_MS;
    const soon = now + Math.min(REST_MAX_MS, REST_MS * this.attempt);
    if (restMs > 0) return Math.max(soon, this.rests.get(method)?.until ?? soon);
    const kind = method === 'known' ? 'easy' : 'prediction';
    return Math.max(soon, this.config.device.budget.room(now, kind, packets.client, knownLife(this.own)));
  }

  /** Why this join can lead to nothing any more; null where it can. */
  private whyStale(): StaleReason | null {
    if (this.unheard >= LEAD_LIMITS.unheardMax) return 'host-silent';
    const { peer, own: seen } = this.config;
    const { own } = this;
    if (haveLeft(seenOf(peer.candidates), this.executor.addresses()))
      return peer.profile.pooling === 'arbitrary' ? null : 'host-moved';
    if (haveLeft(seenOf(seen.candidates), own.external)) return own.pooling === 'arbitrary' ? null : 'we-moved';
    return null;
  }

  /** Why the host has not carried out this attempt; null where it has said nothing of it. */
  private whyPutOff(now: Instant, queued: number | null): NextAttempt | null {
    if (queued !== null) return { because: 'host-connects-others', ahead: queued };
    const seconds = Math.ceil((this.commander.allowedAt() - now) / 1000);
    return seconds > 0 ? { because: 'host-rests', seconds } : null;
  }

  private tellHard(now: Instant): void {
    this.hardAt = NEVER;
    const current = this.phase.in === 'resting' ? this.phase.next : this.last!;
    const { config, own } = this;
    const pair = { own: natView(current.client), peer: natView(current.host) };
    const likely = round(oddsNextMinute(current));
    const advice = adviceFor(current, { ...config.own, profile: own }, config.peer);
    this.out.event({ ev: 'hard', pair, likely, advice });
    this.log('hard', { pair: current.key, likely, sinceMs: Math.round(now - this.startedAt) });
  }

  private enter(phase: Phase): void {
    const from = this.phase.in;
    assert(phase.in in CLIENT_PHASES[from], `a client goes from ${from} to ${phase.in}`);
    this.phase = phase;
    this.log('client', { from, to: phase.in });
  }
}

/** Public IPv4 addresses at which a side was seen when it joined. */
function seenOf(candidates: readonly Candidate[]): readonly string[] {
  return candidates.flatMap(({ kind, endpoint }) =>
    (kind === 'reflexive' || kind === 'public') && familyOf(endpoint.address) === 4 ? [endpoint.address] : [],
  );
}

/** Is none of the addresses of then among those of now? Where either are unknown, nobody can say. */
function haveLeft(then: readonly string[], now: readonly string[]): boolean {
  return then.length > 0 && now.length > 0 && !then.some((address) => now.includes(address));
}

function round(odds: number): number {
  return Math.round(odds * 1000) / 1000;
}
