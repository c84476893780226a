/**
 * "+d for every new mapping of anybody behind the NAT": how likely is a sequence of mappings under that rule, which d, and how
 * busy are the others? The gap between two of our mappings is d x (1 + ours that got no answer + N), N the others' mappings in
 * between, counted by a Poisson or negative binomial distribution whose rate is fitted on a grid. One outlier costs a
 * fixed price and nothing else, so the step is the greatest common divisor of the gaps made robust.
 */
import { logAdd, logCount, logSum } from './distribution.ts';
import type { MappingMade } from './observation.ts';

/** Mappings made within so little time may have reached the NAT in any order. */
const SIMULTANEOUS_MS = 3;
/** What is sent at once still reaches the NAT one after the other. */
const JITTER_MS = 0.3;
/** Longer silence says nothing about the next port: half a turn through the range at 100 mappings/s. */
const GAP_MS_MAX = 5_000;
/** A gap that obeys no rule: a clash, a wrap-around of the range, a sample that was made twice. */
const OUTLIER = 0.01;
/** Most packets are lost beyond the NAT, or kept out by its filter on the way back. */
const UNANSWERED_MADE = 0.9;
const PORTS = 64_512;
/** Background mappings per second behind one NAT: from a silent home to a carrier's busiest box (nat-model 3, S3). */
const RATES = [0.1, 0.5, 1, 2, 3.5, 5, 7, 10, 14, 20, 28, 40, 56, 80, 110, 160, 220, 320, 450, 640, 900, 1300, 1900];
/** Variance over mean: Poisson, measured on a campus (1.06-1.57), assumed for carriers (nat-model 1.3, 3). */
const DISPERSIONS = [
  [1, 0.4],
  [1.5, 0.25],
  [2.2, 0.2],
  [3.2, 0.15],
] as const;
/** Believed of the rate: half of the sequential NATs serve few people. */
const QUIET_PER_SECOND = 8;
/** Most sequential NATs step by one; 10 % by -1 or something else (nat-model 3, S2). */
const STEP_PRIOR: ReadonlyMap<number, number> = new Map([
  [1, 0.7],
  [2, 0.15],
  [-1, 0.05],
  [-2, 0.02],
]);
const OTHER_STEP_PRIOR = 0.08 / 128;
const STEP_MAX = 64;
/** Share of NATs that keep the parity (nat-model 3, modifiers). */
const PARITY_PRIOR = 0.05;
/** A gap with more is an outlier: nobody is that busy within `GAP_MS_MAX`. */
const OTHERS_MAX = 8_000;
/** How many pairs of ports a mapping of somebody else takes under parity. */
export const PAIRS_A_MAPPING = 0.75;

export interface SequenceFit {
  /** ln of the marginal likelihood, all unknowns summed out. */
  readonly log: number;
  readonly step: number;
  readonly perSecond: number;
  readonly dispersion: number;
  /** Standard error of `perSecond`. */
  readonly error: number;
}

interface Gap {
  readonly ports: number;
  readonly seconds: number;
  /** Our own questions in between that nobody answered. */
  readonly unseen: number;
}

/** Ports handed out by one counter, or by one counter for each external address: whichever explains more. */
export function fitSequence(mappings: readonly MappingMade[]): SequenceFit | null {
  const joint = fitCounter(mappings);
  const addresses = new Set(mappings.flatMap(({ address }) => address ?? []));
  if (addresses.size < 2) return joint;
  const apart = [...addresses].map((address) => fitCounter(mappings.filter((mapping) => mapping.address === address)));
  const strongest = apart.reduce((best, fit) => (fit !== null && fit.log < (best?.log ?? 0) ? fit : best), null);
  if (strongest === null || apart.some((fit) => fit === null || fit.step !== strongest.step)) return joint;
  const log = apart.reduce((sum, fit) => sum + fit!.log, 0);
  return joint !== null && joint.log >= log ? joint : { ...strongest, log };
}

function fitCounter(mappings: readonly MappingMade[]): SequenceFit | null {
  const fits: SequenceFit[] = [];
  for (const sign of [1, -1] as const) {
    const { gaps, orders } = gapsOf(mappings, sign);
    if (gaps.length < 2) return null;
    for (const step of candidateSteps(gaps, sign)) fits.push(fitStep(gaps, step, orders));
    if (keepsParity(mappings)) {
      const even = gaps.map((gap) => ({ ...gap, ports: Math.ceil((sign * gap.ports) / 2) }));
      const fit = fitStep(even, 1, orders);
      // In steps of a pair: each of the others moves the counter by one and a half ports, three quarters of a pair.
      fits.push({ ...fit, step: sign, log: fit.log + Math.log(PARITY_PRIOR), ...scaled(fit, 1 / PAIRS_A_MAPPING) });
    }
  }
  const best = fits.toSorted((left, right) => right.log - left.log)[0];
  return best === undefined ? null : { ...best, log: logSum(fits.map(({ log }) => log)) };
}

/** RFC 4787 REQ-4: an even local port gets an even external one; the counter skips ports of the wrong kind. */
function keepsParity(mappings: readonly MappingMade[]): boolean {
  const seen = mappings.filter(({ port }) => port !== null);
  return seen.length >= 8 && seen.every(({ port, localPort }) => port! % 2 === localPort % 2);
}

function scaled(fit: SequenceFit, by: number): Pick<SequenceFit, 'perSecond' | 'error'> {
  return { perSecond: fit.perSecond * by, error: fit.error * by };
}

/** Gaps in the order of time; what was made at once is put in the order of the ports (`orders`: ln of how many orders it had). */
function gapsOf(mappings: readonly MappingMade[], sign: 1 | -1): { gaps: Gap[]; orders: number } {
  const usable = mappings.filter(({ repeated }) => !repeated);
  const sorted: MappingMade[] = [];
  let orders = 0;
  for (let i = 0; i < usable.length; ) {
    let end = i + 1;
    while (end < usable.length && usable[end]!.at - usable[i]!.at <= SIMULTANEOUS_MS) end++;
    const burst = usable.slice(i, end);
    const seen = burst.filter(({ port }) => port !== null).toSorted((l, r) => sign * (l.port! - r.port!));
    sorted.push(...seen, ...burst.filter(({ port }) => port === null));
    for (let k = 2; k <= seen.length; k++) orders += Math.log(k);
    i = end;
  }
  const gaps: Gap[] = [];
  let last: MappingMade | null = null;
  let unseen = 0;
  for (const mapping of sorted) {
    if (mapping.port === null) {
      unseen++;
      continue;
    }
    if (last !== null && mapping.at - last.at <= GAP_MS_MAX) {
      const seconds = Math.max(JITTER_MS, mapping.at - last.at) / 1000;
      gaps.push({ ports: mapping.port - last.port!, seconds, unseen });
    }
    last = mapping;
    unseen = 0;
  }
  return { gaps, orders };
}

/** Every small step of this sign that divides at least half of the gaps, and the robust greatest common divisor. */
function candidateSteps(gaps: readonly Gap[], sign: 1 | -1): number[] {
  const candidates: number[] = [];
  for (let size = 1; size <= STEP_MAX; size++) {
    const divides = gaps.filter(({ ports }) => ports !== 0 && Math.sign(ports) === sign && ports % size === 0).length;
    if (2 * divides >= gaps.length) candidates.push(sign * size);
  }
  return candidates;
}

function fitStep(gaps: readonly Gap[], step: number, orders: number): SequenceFit {
  const prior = Math.log(STEP_PRIOR.get(step) ?? OTHER_STEP_PRIOR);
  const cells: { perSecond: number; dispersion: number; log: number }[] = [];
  for (const perSecond of RATES) {
    for (const [dispersion, belief] of DISPERSIONS) {
      let log = Math.log(belief) + logBeliefIn(perSecond);
      for (const gap of gaps) log += logGap(gap, step, perSecond, dispersion);
      cells.push({ perSecond, dispersion, log });
    }
  }
  const marginal = logSum(cells.map(({ log }) => log));
  const weight = cells.map(({ log }) => Math.exp(log - marginal));
  const mean = (of: (cell: (typeof cells)[number]) => number) =>
    cells.reduce((sum, cell, i) => sum + weight[i]! * of(cell), 0);
  return {
    log: prior + marginal - orders - Math.log(PORTS),
    step,
    ...rateOf(
      gaps,
      step,
      mean((cell) => cell.dispersion),
    ),
  };
}

/** Too short a view to have seen nothing: about one third of a mapping in a twentieth of a second is believed beforehand. */
const PRIOR_COUNT = 0.3;
const PRIOR_SECONDS = 0.05;

/** The rate by counting, with the error that a count of that size and dispersion has. */
function rateOf(
  gaps: readonly Gap[],
  step: number,
  dispersion: number,
): Pick<SequenceFit, 'perSecond' | 'dispersion' | 'error'> {
  let count = PRIOR_COUNT;
  let seconds = PRIOR_SECONDS;
  for (const gap of gaps) {
    const others = gap.ports / step - 1 - gap.unseen * UNANSWERED_MADE;
    if (others < -1 || !Number.isInteger(gap.ports / step) || others > OTHERS_MAX) continue;
    count += Math.max(0, others);
    seconds += gap.seconds;
  }
  return { perSecond: count / seconds, dispersion, error: Math.sqrt(dispersion * count) / seconds };
}

function logBeliefIn(perSecond: number): number {
  const quiet = RATES.filter((rate) => rate <= QUIET_PER_SECOND).length;
  return Math.log(0.5 / (perSecond <= QUIET_PER_SECOND ? quiet : RATES.length - quiet));
}

function logGap(gap: Gap, step: number, perSecond: number, dispersion: number): number {
  const mappings = gap.ports / step;
  const outlier = Math.log(OUTLIER / PORTS);
  if (!Number.isInteger(mappings) || mappings < 1) return outlier;
  const mean = perSecond * gap.seconds;
  // So far above the mean that every rule gives less than a millionth of an outlier's chance: not worth the logarithms.
  if (mappings - 1 - gap.unseen > 10 * mean + 200) return outlier;
  let ruled = Math.log(1 - OUTLIER);
  if (gap.unseen === 0) ruled += logCount(mappings - 1, mean, dispersion);
  else {
    let made = Number.NEGATIVE_INFINITY;
    let ways = gap.unseen * Math.log(1 - UNANSWERED_MADE);
    for (let own = 0; own <= gap.unseen; own++) {
      made = logAdd(made, ways + logCount(mappings - 1 - own, mean, dispersion));
      ways += Math.log(((gap.unseen - own) / (own + 1)) * (UNANSWERED_MADE / (1 - UNANSWERED_MADE)));
    }
    ruled += made;
  }
  return logAdd(ruled, outlier);
}
