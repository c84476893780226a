/**
 * Two profiles and what this session has learnt make a plan: a pure function, enumerated in `test/unit/traverse-plan.test.ts`
 * and printed in docs/plans.md. Which hypothesis of the pair is tried next follows from Bayes' rule: the one with the greatest
 * chance of a path, given its weight and how often it has failed already.
 */

import type { Role } from '../../model/pair.ts';
import { countOdds, countQuantile, strangersIn } from '../../nat/distribution.ts';
import type { NatProfile } from '../../nat/profile.ts';
import { PLAN_LIMITS } from './limits.ts';
import {
  hypothesesOf,
  type Nature,
  type NatureHypothesis,
  natureText,
  type RandomNature,
  type StepNature,
} from './nature.ts';
import { birthdayCount, birthdayOdds } from './odds.ts';

export type Method =
  /** Probe the known address from both sides. */
  | 'known'
  /** The hard side opens a few mappings between samples of its own NAT, the easy side probes the ports between. */
  | 'window'
  /** Many mappings against many probes over the range. */
  | 'birthday'
  /** Both step: each aims many mappings at one port that the other is about to get. */
  | 'cross'
  /** One side steps, the other draws at random: a row of columns that are held, against mappings replaced for ever. */
  | 'row'
  /** Both draw at random: each aims at one port of the other, mappings replaced for ever. */
  | 'lattice'
  /** UDP does not pass. */
  | 'none';

export interface Plan {
  readonly method: Method;
  readonly client: Nature;
  readonly host: Nature;
  /** The side whose mapping must be met; null where both or neither. */
  readonly hard: Role | null;
  /** An ADM side that is first made known, by a mapping between two samples. */
  readonly settle: Role | null;
  /** Mappings that the hard side opens, or each side in a cross. */
  readonly mappings: number;
  /** Probes of the other side. */
  readonly probes: number;
  /** Chance of a path: of a plan for two hypotheses if they hold, of the chosen plan all in all. */
  readonly expected: number;
  readonly packets: Readonly<Record<Role, number>>;
  readonly durationMs: number;
  /** Least time from one attempt to the next by the same method; grows with each (`PLAN_LIMITS.hardRestGrowth`). */
  readonly restMs: number;
  /** Names the pair of hypotheses in the failures. */
  readonly key: string;
}

export interface SideLimits {
  readonly quota: number | null;
  readonly lifetimeMs: number | null;
}

export interface PlanLimits {
  readonly client: SideLimits;
  readonly host: SideLimits;
  /** From a sample at one side to the burst that uses it, in ms. */
  readonly sampleAgeMs: number;
}

/** How often each pair of hypotheses has been tried in vain. */
export type FailureCounts = ReadonlyMap<string, number>;

/** Odds that a plan of a few packets to a known address works where the profile is right: loss and poison are what is left. */
const KNOWN_ODDS = 0.98;
const WINDOW_ODDS = 0.97;
const BIRTHDAY_ODDS = 0.995;
/** A cross whose spread is right: what clocks, jitter and a stranger in the very burst leave. */
const CROSS_ODDS = 0.95;
/** Mappings that a stepping side makes between its samples: one that meets is enough, the others are for strangers in the gaps. */
const MAPPINGS_IN_WINDOW = 4;
/** Mappings for each public address of a pool: one of them is nearly sure to lie on the one that may be probed. */
const PER_ADDRESS = 4;
const CROSS_ROUNDS = 6;
/** Where a mapping gets one of several addresses, one cross in so many can meet at all. */
const CROSS_ROUNDS_MAX = 16;
/** With the samples before and after, a burst of one instant (`PLAN_LIMITS.predictionAtOnce`). */
const CROSS_WIDTH_MAX = 58;
/** However sure a plan is of itself, a failure may have been bad luck on the line: it is tried again before wilder guesses. */
const TRUST_MAX = 0.85;
/** A rate without a stated error counts as watched for so long. */
const SURE_SECONDS = 1;
const ROLLING_MS = 300_000;
/** A reading of the networks that is unlikely itself gets no longer than one life of a mapping: the likelier ones come again. */
const GUESS_MS = 40_000;
const GUESS_SHARE = 0.5;

export function plansFor(client: NatProfile, host: NatProfile, failures: FailureCounts, limits: PlanLimits): Plan {
  const clients = hypothesesOf(client);
  const hosts = hypothesesOf(host);
  let best: Plan | null = null;
  let bestBelief = 0;
  let evidence = 0;
  for (const left of clients) {
    for (const right of hosts) {
      const plan = planFor(left.nature, right.nature, limits);
      const belief = beliefIn(left, right, plan, failures);
      evidence += belief;
      if (best !== null && belief * plan.expected <= bestBelief * best.expected) continue;
      best = plan;
      bestBelief = belief;
    }
  }
  // What is told is the chance with all doubt in it: that the hypotheses hold, and that the plan works where they do.
  const share = evidence === 0 ? 0 : bestBelief / evidence;
  const plan = share < GUESS_SHARE ? guess(best!) : best!;
  return { ...plan, expected: share * plan.expected };
}

/** That two firewalls, or what else stands before IPv6, let pass what was asked for from both sides. */
const IPV6_ODDS = 0.95;

/**
 * For two that meet by the family of neither's punching socket: what the openers do is all there is to do. Nothing translates there, so
 * after some failures something in between must keep UDP out.
 */
export function planBeside(failures: FailureCounts): Plan {
  const base = { client: EASY, host: EASY, key: 'other family', settle: null } as const;
  const plan = atKnownAddress(base, EASY, EASY);
  const left = IPV6_ODDS * (1 - TRUST_MAX) ** (failures.get(base.key) ?? 0);
  return { ...plan, expected: (plan.expected * left) / (left + 1 - IPV6_ODDS) };
}

/** The first part of a plan that lasts. */
function guess(plan: Plan): Plan {
  const part = GUESS_MS / plan.durationMs;
  if (part >= 1) return plan;
  const packets = { client: Math.ceil(part * plan.packets.client), host: Math.ceil(part * plan.packets.host) };
  return { ...plan, durationMs: GUESS_MS, expected: 1 - (1 - plan.expected) ** part, packets };
}

/** How likely this pair of hypotheses is after what has failed, up to a factor. */
function beliefIn(left: NatureHypothesis, right: NatureHypothesis, plan: Plan, failures: FailureCounts): number {
  const failed = (1 - Math.min(plan.expected, TRUST_MAX)) ** (failures.get(plan.key) ?? 0);
  return left.weight * right.weight * failed;
}

export function planFor(client: Nature, host: Nature, limits: PlanLimits): Plan {
  const base = { client, host, key: `${natureText(client)} / ${natureText(host)}`, settle: null } as const;
  if (client.kind === 'blocked' || host.kind === 'blocked') return nothing(base);
  if (client.kind === 'open' || host.kind === 'open' || (client.kind === 'easy' && host.kind === 'easy')) {
    return atKnownAddress(base, client, host);
  }
  const settled = settle(client, host);
  if (settled !== null) {
    const [left, right] = settled === 'client' ? [EASY, host] : [client, EASY];
    return { ...planFor(left, right, limits), ...base, settle: settled };
  }
  if (client.kind === 'easy') return againstKnown({ ...base, hard: 'host' }, host, limits.host);
  if (host.kind === 'easy') return againstKnown({ ...base, hard: 'client' }, client, limits.client);
  return bothHard(base, client, host, limits);
}

const EASY: Nature = { kind: 'easy' };

/** A hard side with several public addresses sends from several sockets: the other lets in only the one that it has sent to. */
function atKnownAddress(base: Base, client: Nature, host: Nature): Plan {
  const hard = poolOf(client) > 1 ? 'client' : poolOf(host) > 1 ? 'host' : null;
  const mappings = hard === null ? 1 : PER_ADDRESS * Math.max(poolOf(client), poolOf(host));
  return {
    ...base,
    method: 'known',
    hard,
    mappings,
    probes: 1,
    expected: KNOWN_ODDS,
    packets: { client: 8, host: 8 },
    durationMs: 1_500,
    restMs: 0,
  };
}

function poolOf(nature: Nature): number {
  return nature.kind === 'random' || nature.kind === 'step' ? nature.pool : 1;
}

type Base = Pick<Plan, 'client' | 'host' | 'key' | 'settle'>;
type Hard = StepNature | RandomNature;

function nothing(base: Base): Plan {
  const packets = { client: 0, host: 0 };
  return {
    ...base,
    method: 'none',
    hard: null,
    mappings: 0,
    probes: 0,
    expected: 0,
    packets,
    durationMs: 5_000,
    restMs: 0,
  };
}

/** An ADM side with a predictable allocator has one port for all ports of the peer: known after one probe between two samples. */
function settle(client: Nature, host: Nature): Role | null {
  if (client.kind === 'step' && client.adm && host.kind !== 'easy') return 'client';
  if (host.kind === 'step' && host.adm && client.kind !== 'easy') return 'host';
  return null;
}

function packetsBy(hard: Role, mappings: number, probes: number): Readonly<Record<Role, number>> {
  return hard === 'client' ? { client: mappings, host: probes } : { client: probes, host: mappings };
}

function againstKnown(base: Base & { readonly hard: Role }, hard: Nature, limits: SideLimits): Plan {
  if (hard.kind === 'step') {
    const mappings = hard.pool > 1 ? PER_ADDRESS * hard.pool : MAPPINGS_IN_WINDOW;
    const probes = mappings + mappings * countQuantile(hard.background * 0.002, hard.dispersion, 0.99);
    const packets = packetsBy(base.hard, 2 * mappings + 1, probes);
    return {
      ...base,
      method: 'window',
      mappings,
      probes,
      expected: WINDOW_ODDS,
      packets,
      durationMs: 1_500,
      restMs: 0,
    };
  }
  if (hard.kind !== 'random') return nothing(base);
  const size = sizeOf(hard);
  const balanced = birthdayCount(size, BIRTHDAY_ODDS);
  const mappings = Math.min(balanced, mappingsMax(limits));
  const wanted = mappings < balanced ? Math.ceil((size * Math.log(1 / (1 - BIRTHDAY_ODDS))) / mappings) : balanced;
  const probes = Math.min(wanted, size, PLAN_LIMITS.birthdayBurst);
  const expected = birthdayOdds(size, mappings, probes);
  const packets = packetsBy(base.hard, mappings, probes);
  const durationMs = 2 * (1_500 + (Math.max(mappings, probes) * 1000) / PLAN_LIMITS.birthdayPerSecond);
  return {
    ...base,
    method: 'birthday',
    mappings,
    probes,
    expected,
    packets,
    durationMs,
    restMs: PLAN_LIMITS.manyPortsRestMs,
  };
}

/** Places where a mapping may turn up. */
function sizeOf({ low, high, pool }: RandomNature): number {
  return (high - low + 1) * pool;
}

/** Live mappings that a birthday may take on this side. */
function mappingsMax({ quota }: SideLimits): number {
  return quota === null
    ? PLAN_LIMITS.birthdayMappings
    : Math.max(8, Math.min(PLAN_LIMITS.birthdayMappings, Math.floor(quota / 2)));
}

/** The same where mappings are replaced for ever: those that find out how long one lives need places too. */
function rollingMax(limits: SideLimits): number {
  return mappingsMax(limits) - PLAN_LIMITS.canariesMax;
}

function bothHard(base: Base, client: Nature, host: Nature, limits: PlanLimits): Plan {
  const left = client as Hard;
  const right = host as Hard;
  if (left.kind === 'step' && right.kind === 'step') return crossing(base, left, right, limits);
  if (left.kind === 'random' && right.kind === 'random') return lattice(base, left, right, limits);
  return row(base, left, right, limits);
}

/**
 * A stepping NAT, known a little better: `count` strangers were seen in `ms`. What was known before counts as an observation of
 * the length that its standard error is worth.
 */
export function watched(nature: StepNature, count: number, ms: number): StepNature {
  const seconds = ms / 1000;
  const variance = Math.max(nature.background, 1) * nature.dispersion;
  const before = nature.doubt > 0 ? variance / nature.doubt ** 2 : SURE_SECONDS;
  const background = (nature.background * before + Math.max(0, count)) / (before + seconds);
  const doubt = Math.sqrt((Math.max(background, 1) * nature.dispersion) / (before + seconds));
  return { ...nature, background, doubt };
}

/**
 * Mappings from the least to the most that strangers may have made since the sample. Wider than what goes at one instant it
 * is cut to the likeliest part: several narrow crosses with nobody between are worth more than one wide one with strangers in it.
 */
export function spreadOf(nature: StepNature, ageMs: number): { readonly least: number; readonly most: number } {
  const { mean, dispersion } = strangersIn(nature, ageMs);
  const least = countQuantile(mean, dispersion, 0.003);
  const most = countQuantile(mean, dispersion, 0.997);
  const excess = most - least - CROSS_WIDTH_MAX;
  if (excess <= 0) return { least, most };
  return { least: least + Math.floor(excess / 2), most: most - Math.ceil(excess / 2) };
}

/** P that the true offset lies in the spread: 1 but for a small tail where it was not cut. */
function coveredBy(nature: StepNature, ageMs: number): number {
  const { mean, dispersion } = strangersIn(nature, ageMs);
  const { least, most } = spreadOf(nature, ageMs);
  return countOdds(mean, dispersion, least, most);
}

/** Crosses in one attempt. */
export function roundsOf(left: StepNature, right: StepNature): number {
  return Math.min(CROSS_ROUNDS_MAX, CROSS_ROUNDS * left.pool * right.pool);
}

function crossing(base: Base, left: StepNature, right: StepNature, limits: PlanLimits): Plan {
  const once =
    (CROSS_ODDS * coveredBy(left, limits.sampleAgeMs) * coveredBy(right, limits.sampleAgeMs)) /
    (left.pool * right.pool);
  const rounds = roundsOf(left, right);
  const spreads = [left, right].map((side) => {
    const { least, most } = spreadOf(side, limits.sampleAgeMs);
    return most - least + 3;
  });
  const [clientCount = 0, hostCount = 0] = spreads;
  return {
    ...base,
    method: 'cross',
    hard: null,
    mappings: Math.max(clientCount, hostCount),
    probes: 0,
    expected: 1 - (1 - once) ** rounds,
    packets: { client: clientCount, host: hostCount },
    durationMs: rounds * 500,
    restMs: 0,
  };
}

/** A few columns are held for ever, and each mapping of the random side that lands on the one row is a path. */
function row(base: Base, left: Hard, right: Hard, limits: PlanLimits): Plan {
  const hard = left.kind === 'random' ? 'client' : 'host';
  const draw = (left.kind === 'random' ? left : right) as RandomNature;
  const size = sizeOf(draw);
  const mappings = Math.min(rollingMax(limits[hard]), Math.max(1, size - 1));
  const step = (left.kind === 'random' ? right : left) as StepNature;
  const columns = step.pool > 1 ? PER_ADDRESS * step.pool : MAPPINGS_IN_WINDOW;
  const rounds = ROLLING_MS / (limits[hard].lifetimeMs ?? PLAN_LIMITS.mappingLifetimeMs);
  const first = mappings / size / step.pool;
  const expected = 1 - (1 - first) * Math.exp((-mappings * (rounds - 1)) / (size - mappings) / step.pool);
  const packets = packetsBy(hard, Math.round(mappings * rounds), columns);
  return {
    ...base,
    method: 'row',
    hard,
    mappings,
    probes: columns,
    expected,
    packets,
    durationMs: ROLLING_MS,
    restMs: PLAN_LIMITS.manyPortsRestMs,
  };
}

function lattice(base: Base, left: RandomNature, right: RandomNature, limits: PlanLimits): Plan {
  const sizes = [left, right].map(sizeOf);
  const counts = [rollingMax(limits.client), rollingMax(limits.host)].map((most, n) =>
    Math.min(most, Math.max(1, sizes[n]! - 1)),
  );
  const shares = counts.map((count, n) => count / sizes[n]!);
  const lifetimeMs =
    Math.max(limits.client.lifetimeMs ?? 0, limits.host.lifetimeMs ?? 0) || PLAN_LIMITS.mappingLifetimeMs;
  const rounds = (2 * ROLLING_MS) / lifetimeMs;
  const expected = 1 - (1 - shares[0]! * shares[1]!) ** rounds;
  const packets = { client: Math.round(counts[0]! * rounds), host: Math.round(counts[1]! * rounds) };
  const mappings = counts[0]!;
  return {
    ...base,
    method: 'lattice',
    hard: null,
    mappings,
    probes: counts[1]!,
    expected,
    packets,
    durationMs: ROLLING_MS,
    restMs: PLAN_LIMITS.manyPortsRestMs,
  };
}
