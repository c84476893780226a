/** The side plans of each method: numbers of a plan and fresh samples in, data for the executor out. */

import type { Endpoint } from '../../address.ts';
import { PORT_HIGH, PORT_LOW } from '../../address.ts';
import { PLAN_LIMITS } from './limits.ts';
import type { RandomNature, StepNature } from './nature.ts';
import { type Plan, spreadOf } from './plan.ts';
import { type PortRun, type PortSpec, wrapped } from './ports.ts';
import type { SidePlan } from './side-plan.ts';
import { EXPIRY_MARGIN_MS, type Sample } from './side-plan.ts';

/** The few columns are refreshed inside the shortest life that was measured on a carrier's NAT, 10 s (docs/reference/nat-model.md §1.2). */
const REFRESH_MS = 9_000;
/** Ports between two samples that are probed at most: beyond it the two were not neighbours (a wrapped range, a lost order). */
const GAP_PORTS_MAX = 64;
const WINDOW_PROBES_MAX = 250;
/** A longer window is repeated once only: the burst of the class is 300. */
const WINDOW_REPEATED_MAX = 60;
const CROSS_REPEATED_MAX = 40;
/** After a burst, for the last probes to be answered and a pause of the budget to pass. */
const BIRTHDAY_TAIL_MS = 800;

const fixedPort = (endpoint: Endpoint) =>
  ({ addresses: [endpoint.address], ports: { kind: 'fixed', port: endpoint.port } }) as const;

/**
 * New mappings towards a known endpoint, each between two samples of the own NAT: sample, probe, sample, probe, ... sample, all
 * at once. What strangers behind the NAT take in those few milliseconds is next to nothing, whatever the age of other samples:
 * the ports of the probes lie between those of the samples.
 */
export function sandwich(mappings: number, target: Endpoint, ttl: number | null, viaMasterRttMs: number): SidePlan {
  // The probes of the other side must be there first: the samples have to come in, go to it and be used.
  const gaps = [1.5 * viaMasterRttMs + 200, 150, 250, 400];
  return {
    class: 'prediction',
    from: 'fresh',
    sockets: mappings,
    tuples: mappings,
    ...fixedPort(target),
    portEvery: mappings,
    ratePerSecond: PLAN_LIMITS.predictionPerSecond,
    passes: [{ afterMs: 0, ttl }, ...gaps.map((afterMs) => ({ afterMs, ttl: null }))],
    again: { mode: 'none', everyMs: 0 },
    sampleEvery: 1,
    durationMs: 3_000,
  };
}

/** One sample of the own NAT and nothing else. */
export function takeSample(address: string): SidePlan {
  return {
    class: 'prediction',
    from: 'fresh',
    sockets: 1,
    tuples: 0,
    addresses: [address],
    ports: { kind: 'fixed', port: 1 },
    portEvery: 1,
    ratePerSecond: PLAN_LIMITS.predictionPerSecond,
    passes: [{ afterMs: 0, ttl: null }],
    again: { mode: 'none', everyMs: 0 },
    sampleEvery: 1,
    durationMs: 1_500,
  };
}

/**
 * New ports between each two samples with one probe between them. Nothing where a clock moves the ports, or a mapping gets one of several
 * addresses: there they say nothing.
 */
export function slotsBetween(nature: StepNature, samples: readonly Sample[]): readonly number[] {
  if (nature.timed || nature.pool > 1) return [];
  const sorted = [...samples].sort((left, right) => left.before - right.before);
  return sorted.slice(1).flatMap((right, n) => {
    const left = sorted[n]!;
    const slots = (right.observed.port - left.observed.port) / nature.step - 1;
    return right.before - left.before !== 1 || slots < 0 || slots > GAP_PORTS_MAX ? [] : [slots];
  });
}

/** The ports that lie between neighbouring samples, shortest gaps first: there the guess is best. */
export function windowRuns(nature: StepNature, samples: readonly Sample[], mappings: number): readonly PortRun[] {
  const step = nature.step;
  const sorted = [...samples].sort((left, right) => left.before - right.before);
  const runs: PortRun[] = [];
  for (let n = 1; n < sorted.length; n++) {
    const left = sorted[n - 1]!;
    const right = sorted[n]!;
    const slots = (right.observed.port - left.observed.port) / step - 1;
    if (slots < 1 || slots > GAP_PORTS_MAX) continue;
    runs.push({ start: left.observed.port + step, step, count: Math.ceil(slots) });
  }
  if (runs.length === 0) return fallbackRuns(nature, sorted, mappings);
  return runs.sort((left, right) => left.count - right.count);
}

/** No two neighbours came back: look ahead of the samples that did. */
function fallbackRuns(nature: StepNature, samples: readonly Sample[], mappings: number): readonly PortRun[] {
  return samples.slice(0, 4).map(({ observed }) => ({
    start: observed.port + nature.step,
    step: nature.step,
    count: 2 * mappings + 4,
  }));
}

export function windowProbes(
  nature: StepNature,
  samples: readonly Sample[],
  mappings: number,
  pool: readonly string[],
): SidePlan | null {
  if (samples.length === 0) return null;
  const runs = windowRuns(nature, samples, mappings);
  const addresses = [...new Set([...samples.map((sample) => sample.observed.address), ...pool])].slice(0, 4);
  const ports = runs.reduce((sum, run) => sum + run.count, 0);
  const tuples = Math.min(WINDOW_PROBES_MAX, ports * addresses.length);
  if (tuples === 0) return null;
  return {
    class: 'prediction',
    from: 'punching',
    sockets: 1,
    tuples,
    addresses,
    ports: { kind: 'runs', runs },
    portEvery: addresses.length,
    ratePerSecond: PLAN_LIMITS.predictionPerSecond,
    passes: (tuples > WINDOW_REPEATED_MAX ? [0, 150] : [0, 100, 150, 300]).map((afterMs) => ({ afterMs, ttl: null })),
    again: { mode: 'none', everyMs: 0 },
    sampleEvery: 0,
    durationMs: 1_500,
  };
}

/**
 * So many mappings towards the easy side's endpoint. After openers that died on the way the same tuples go once more, when the
 * other side has sent its probes.
 */
export function birthdayHard(plan: Plan, target: Endpoint, ttl: number | null): SidePlan {
  const burstMs = (Math.max(plan.mappings, plan.probes) * 1000) / PLAN_LIMITS.birthdayPerSecond;
  const repeat = ttl === null ? [] : [{ afterMs: burstMs, ttl: null }];
  return {
    class: 'birthday',
    from: 'fresh',
    sockets: plan.mappings,
    tuples: plan.mappings,
    ...fixedPort(target),
    portEvery: plan.mappings,
    ratePerSecond: PLAN_LIMITS.birthdayPerSecond,
    passes: [{ afterMs: 0, ttl }, ...repeat],
    again: { mode: 'none', everyMs: 0 },
    sampleEvery: 0,
    durationMs: burstMs * (1 + repeat.length) + BIRTHDAY_TAIL_MS,
  };
}

/** Ports of the range, none twice, in an order of its own. */
export function birthdayProbes(plan: Plan, nature: RandomNature, addresses: readonly string[], seed: number): SidePlan {
  return {
    class: 'birthday',
    from: 'punching',
    sockets: 1,
    tuples: plan.probes,
    addresses,
    ports: { kind: 'shuffle', low: nature.low, high: nature.high, seed },
    portEvery: addresses.length,
    ratePerSecond: PLAN_LIMITS.birthdayPerSecond,
    passes: [{ afterMs: 0, ttl: null }],
    again: { mode: 'none', everyMs: 0 },
    sampleEvery: 0,
    durationMs: (plan.probes * 1000) / PLAN_LIMITS.birthdayPerSecond + BIRTHDAY_TAIL_MS,
  };
}

/** One probe from the punching socket between two samples. */
export function settleProbe(target: Endpoint): SidePlan {
  return { ...sandwich(1, target, null, 0), from: 'punching', passes: [{ afterMs: 0, ttl: null }], durationMs: 1_500 };
}

export interface Aim {
  /** The port that this side is about to get, for the other to aim at, and the address that it got last. */
  readonly port: number;
  readonly address: string;
  /** So many mappings reach it for sure. */
  readonly count: number;
}

/** Strangers between the sample that opened a burst, or one before it, and the one that closed it: what is not our own. */
export function strangersBetween(nature: StepNature, from: Sample, to: Sample, own: number): number {
  const ports = wrapped((to.observed.port - from.observed.port) * Math.sign(nature.step), 0, PORT_HIGH - PORT_LOW);
  return ports / Math.abs(nature.step) - own;
}

/** The sample from which the next burst is reckoned: the last, or where the clock moves the port and not we, the first. */
export function basis(nature: StepNature, samples: readonly Sample[]): Sample | null {
  const sign = nature.timed ? -1 : 1;
  return samples.reduce<Sample | null>(
    (best, one) => (best === null || sign * one.before > sign * best.before ? one : best),
    null,
  );
}

/**
 * The newest sample, and as many ports further as strangers may have taken until the burst begins. Where the clock moves the
 * port, our own burst does not: there the sample before it is the right one.
 */
export function aimAt(nature: StepNature, samples: readonly Sample[], ageMs: number): Aim | null {
  const newest = basis(nature, samples);
  if (newest === null) return null;
  const { least, most } = spreadOf(nature, ageMs);
  // One further for the sample that goes before the burst.
  const port = wrapped(newest.observed.port + nature.step * (most + 2), PORT_LOW, PORT_HIGH);
  return {
    port,
    address: newest.observed.address,
    count: Math.min(PLAN_LIMITS.predictionMappings, most - least + 3),
  };
}

export function crossSalvo(count: number, target: Endpoint): SidePlan {
  return {
    class: 'prediction',
    from: 'fresh',
    sockets: count,
    tuples: count,
    ...fixedPort(target),
    portEvery: count,
    ratePerSecond: PLAN_LIMITS.predictionPerSecond,
    // The repetition is for losses; where it would eat the budget of the next round, that is worth more.
    passes:
      count > CROSS_REPEATED_MAX
        ? [{ afterMs: 0, ttl: null }]
        : [
            { afterMs: 0, ttl: null },
            { afterMs: 150, ttl: null },
          ],
    again: { mode: 'none', everyMs: 0 },
    sampleEvery: count,
    durationMs: 1_200,
  };
}

/** A few mappings towards one port, each between two samples; then kept. */
export function rowColumns(columns: number, target: Endpoint, durationMs: number): SidePlan {
  return {
    ...sandwich(columns, target, null, 0),
    passes: [{ afterMs: 0, ttl: null }],
    again: { mode: 'refresh', everyMs: REFRESH_MS },
    durationMs,
  };
}

/**
 * As many mappings as the quota allows, each replaced when it has expired: a new one draws from the few ports left, as long as
 * the others are still alive.
 */
export function rollingSalvo(
  mappings: number,
  addresses: readonly string[],
  ports: PortSpec,
  portEvery: number,
  ratePerSecond: number,
  lifetimeMs: number,
  durationMs: number,
): SidePlan {
  return {
    class: 'birthday',
    from: 'fresh',
    sockets: mappings,
    tuples: mappings,
    addresses,
    ports,
    portEvery,
    ratePerSecond,
    passes: [{ afterMs: 0, ttl: null }],
    again: { mode: 'replace', everyMs: lifetimeMs + EXPIRY_MARGIN_MS },
    sampleEvery: 0,
    durationMs,
  };
}
