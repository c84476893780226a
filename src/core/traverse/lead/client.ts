/**
 * The client's side: it leads. Each attempt is a linear script (the generators in `scripts.ts`) that runs here step by step;
 * between attempts it learns, rests, and says what it changes. It goes on for ever, until the path is up or it is aborted.
 */

import { familyOf } from '../../address.ts';
import { type Instant, NEVER } from '../../contract.ts';
import type { Outputs } from '../../machine.ts';
import type { Candidate } from '../../model/pair.ts';
import type { NextAttempt } from '../../model/progress.ts';
import type { NatProfile } from '../../nat/profile.ts';
import { adviceFor, changeBetween, oddsNextMinute } from '../plan/advice.ts';
import { PLAN_LIMITS } from '../plan/limits.ts';
import { knownLife, natView, quotaOf } from '../plan/nature.ts';
import { type Method, type Plan, plansFor } from '../plan/plan.ts';
import type { Engine } from '../run/engine.ts';
import type { StaleReason, TraversalConfig, TraversalEvent } from '../run/interface.ts';
import { type Commander, commander } from './commander.ts';
import type { Strategy } from './host.ts';
import { LEAD_LIMITS } from './limits.ts';
import { openers } from './openers.ts';
import { type Script, scriptFor, type Wait } from './scripts.ts';

/** After so long without a path the user is told what pair this is and what would help (issue 5). */
const HARD_AFTER_MS = 15_000;
/** Rest after an attempt of few packets, or one that could not be made: a little more each time. */
const REST_MS = 100;
const REST_MAX_MS = 3_000;
/** The host answers every order; so many attempts without a word are no accident of the line. */
const UNHEARD_MAX = 3;
/** Without UDP there is nothing to try; the network may change. */
const BLOCKED_REST_MS = 5_000;
/** From a sample at one side to the burst that uses it, beyond the relay's trips: the answer of the source. */
const SAMPLE_RTT_MS = 60;

export function clientStrategy(config: TraversalConfig, side: Engine, out: Outputs<TraversalEvent>): Strategy {
  const failed = new Map<string, number>();
  const boss: Commander = commander(config, side, out);
  let profile: NatProfile = config.own.profile;
  let startedAt: Instant = NEVER;
  let script: Script | null = null;
  let wait: Wait = { until: NEVER };
  let plan: Plan | null = null;
  let attempt = 0;
  let begunAt: Instant = 0;
  let sentBefore = 0;
  let hardAt: Instant = NEVER;
  let unheard = 0;
  /** How many the host connects before us, as it has said in this attempt. */
  let queued: number | null = null;
  let upcoming: { readonly plan: Plan; readonly at: Instant } | null = null;
  /** Methods of many packets: how often each was used, and from when it may be again. */
  const resting = new Map<Method, { readonly times: number; readonly until: Instant }>();
  let ended = false;

  function choose(): Plan {
    const limits = {
      client: { quota: quotaOf(profile), lifetimeMs: profile.idleLifetimeMs },
      host: { quota: quotaOf(config.peer.profile), lifetimeMs: config.peer.profile.idleLifetimeMs },
      sampleAgeMs: config.relayRttMs + SAMPLE_RTT_MS,
    };
    return plansFor(profile, config.peer.profile, failed, limits);
  }

  /** Why this join can lead to nothing any more; null where it can. */
  function whyStale(): StaleReason | null {
    if (unheard >= UNHEARD_MAX) return 'host-silent';
    const theirs = seenOf(config.peer.candidates);
    const permitted = side.addresses();
    if (theirs.length > 0 && permitted.length > 0 && !theirs.some((address) => permitted.includes(address)))
      return config.peer.profile.pooling === 'arbitrary' ? null : 'host-moved';
    const ours = seenOf(config.own.candidates);
    const { external } = profile;
    if (ours.length > 0 && external.length > 0 && !ours.some((address) => external.includes(address)))
      return profile.pooling === 'arbitrary' ? null : 'we-moved';
    return null;
  }

  /** When the next attempt may begin: its method has rested, or what many packets before have left of the budget suffices. */
  function restUntil(now: Instant, { method, restMs, packets }: Plan): Instant {
    if (method === 'none') return now + BLOCKED_REST_MS;
    const soon = now + Math.min(REST_MAX_MS, REST_MS * attempt);
    if (restMs > 0) return Math.max(soon, resting.get(method)?.until ?? soon);
    const kind = method === 'known' ? 'easy' : 'prediction';
    return Math.max(soon, config.device.budget.room(now, kind, packets.client, knownLife(profile)));
  }

  function begin(now: Instant, next: Plan): void {
    plan = next;
    attempt++;
    begunAt = now;
    sentBefore = side.sent();
    upcoming = null;
    queued = null;
    const packets = plan.packets.client;
    out.event({ ev: 'attempt', n: attempt, plan: { method: plan.method, expected: plan.expected, packets } });
    boss.begin(now, attempt);
    log('plan', {
      method: plan.method,
      pair: plan.key,
      settle: plan.settle,
      expected: round(plan.expected),
      packetsClient: plan.packets.client,
      packetsHost: plan.packets.host,
      mappings: plan.mappings,
    });
    script = scriptFor(plan, { attempt, config, boss, side });
    resume(now);
  }

  function resume(now: Instant): void {
    if (script === null) return;
    const step = script.next(now);
    if (step.done) over(now, step.value);
    else wait = step.value;
  }

  function over(now: Instant, tried: boolean): void {
    script = null;
    wait = { until: NEVER };
    const last = plan!;
    unheard = boss.unanswered() ? unheard + 1 : 0;
    const stale = whyStale();
    if (stale !== null) out.event({ ev: 'stale', why: stale });
    boss.stop();
    if (tried) failed.set(last.key, (failed.get(last.key) ?? 0) + 1);
    rest(now, last, tried);
    const following = choose();
    upcoming = { plan: following, at: restUntil(now, following) };
    const putOff = tried ? null : whyPutOff(now);
    const result = putOff === null ? 'timeout' : 'put-off';
    const untried = { because: 'unanswered', method: following.method } as const;
    const next = putOff ?? (tried ? changeBetween(last, following) : untried);
    const restMs = upcoming.at - now;
    const packetsSent = side.sent() - sentBefore;
    const planned = { planned: last.packets.client, expected: round(last.expected) };
    log('over', {
      result,
      packets: packetsSent,
      ...planned,
      heard: side.heard(),
      next: following.method,
      because: next.because,
      restMs,
    });
    out.event({ ev: 'attempt-over', n: attempt, result, packetsSent, next });
    sentBefore += packetsSent;
    if (restMs >= 1_000) out.event({ ev: 'waiting', why: next });
  }

  /**
   * Rests count from the start of the attempt: what matters to the networks is how often there is one. Where the host has refused,
   * it has not: but every asking anew opens our own ports again, so it is when the host has said, or a little later.
   */
  function rest(now: Instant, { method, restMs }: Plan, tried: boolean): void {
    if (restMs === 0) return;
    const times = resting.get(method)?.times ?? 0;
    if (!tried) {
      resting.set(method, { times, until: Math.max(now + LEAD_LIMITS.manyPortsEarlyMs, boss.allowedAt()) });
      return;
    }
    const until = begunAt + Math.min(LEAD_LIMITS.manyPortsRestMsMax, restMs * PLAN_LIMITS.hardRestGrowth ** times);
    resting.set(method, { times: times + 1, until });
  }

  /** Why the host has not carried out this attempt; null where it has said nothing of it. */
  function whyPutOff(now: Instant): NextAttempt | null {
    if (queued !== null) return { because: 'host-connects-others', ahead: queued };
    const seconds = Math.ceil((boss.allowedAt() - now) / 1000);
    return seconds > 0 ? { because: 'host-rests', seconds } : null;
  }

  function tellHard(now: Instant): void {
    hardAt = NEVER;
    const current = upcoming?.plan ?? plan!;
    const pair = { own: natView(current.client), peer: natView(current.host) };
    const likely = round(oddsNextMinute(current));
    out.event({ ev: 'hard', pair, likely, advice: adviceFor(current, { ...config.own, profile }, config.peer) });
    log('hard', { pair: current.key, likely, sinceMs: Math.round(now - startedAt) });
  }

  function log(what: string, data: Readonly<Record<string, string | number | boolean | null>>): void {
    out.event({ ev: 'log', attempt, what, data });
  }

  return {
    start(now) {
      startedAt = now;
      hardAt = now + HARD_AFTER_MS;
      openers(now, config, side);
      begin(now, choose());
    },
    step(now, step) {
      queued = step.queued ?? queued;
      boss.answer(now, step);
    },
    profile: (next) => {
      profile = next;
    },
    run(now) {
      if (ended || startedAt === NEVER) return;
      boss.run(now);
      for (let turns = 0; script !== null && turns < 64 && (now >= wait.until || wait.ready?.() === true); turns++)
        resume(now);
      if (upcoming !== null && now >= upcoming.at) begin(now, upcoming.plan);
      if (now >= hardAt) tellHard(now);
    },
    next: () => (ended ? NEVER : Math.min(wait.until, upcoming?.at ?? NEVER, hardAt, boss.next())),
    end(_now, result) {
      ended = true;
      // In a rest the last attempt has been told already; a path may still come of it.
      if (plan === null || (result === 'aborted' && script === null)) return;
      const packetsSent = side.sent() - sentBefore;
      out.event({ ev: 'attempt-over', n: attempt, result, packetsSent, next: null });
      log('over', { result, packets: packetsSent, planned: plan.packets.client, expected: round(plan.expected) });
    },
    get attempts() {
      return attempt;
    },
    get method() {
      return plan?.method ?? 'known';
    },
  };
}

/** Public IPv4 addresses at which a side was seen when it joined. */
function seenOf(candidates: readonly Candidate[]): readonly string[] {
  return candidates.flatMap(({ kind, endpoint }) =>
    (kind === 'reflexive' || kind === 'public') && familyOf(endpoint.address) === 4 ? [endpoint.address] : [],
  );
}

function round(odds: number): number {
  return Math.round(odds * 1000) / 1000;
}
