/**
 * "+d for every new mapping of anybody behind the NAT": how likely is a sequence of mappings under that rule, which d, and how
 * busy are the others? The gap between two of our mappings is d x (1 + ours that got no answer + N), N the others' mappings in
 * between, counted by a Poisson or negative binomial distribution whose rate is fitted on a grid. One outlier costs a
 * fixed price and nothing else, so the step is the greatest common divisor of the gaps made robust.
 */
import { type CountLaw, countLaw, logAdd, logSum, normalised } from './distribution.ts';
import type { MappingMade } from './observation.ts';
import { inOrder, jointOrApart, OUTLIER, PORTS } from './order.ts';

/** What is sent at once still reaches the NAT one after the other. */
const JITTER_MS = 0.3;
/** Longer silence says nothing about the next port: half a turn through the range at 100 mappings/s. */
const GAP_MS_MAX = 5_000;
/** Most packets are lost beyond the NAT, or kept out by its filter on the way back. */
const UNANSWERED_MADE = 0.9;
/** Background mappings per second behind one NAT: from a silent home to a carrier's busiest box (docs/reference/nat-model.md §3). */
const RATES = [0.1, 0.5, 1, 2, 3.5, 5, 7, 10, 14, 20, 28, 40, 56, 80, 110, 160, 220, 320, 450, 640, 900, 1300, 1900];
/**
 * Variance over mean, and what is believed of each behind few people and behind many: Poisson, measured on a campus (1.06-1.57),
 * assumed for carriers (1.2-3; docs/reference/nat-model.md §1.3, §3).
 */
const DISPERSIONS = [
  { dispersion: 1, few: 0.6, many: 0.25 },
  { dispersion: 1.5, few: 0.25, many: 0.2 },
  { dispersion: 2.2, few: 0.1, many: 0.25 },
  { dispersion: 3.2, few: 0.05, many: 0.3 },
] as const;
/** From this rate on a NAT serves many people: between a campus at night (48/s), whose counts were measured, and a carrier. */
const MANY_PER_SECOND = 100;
/** Believed of the rate: half of the sequential NATs serve few people. */
const QUIET_PER_SECOND = 8;
/**
 * Most sequential NATs step by one: all of the classes S1 and S3 of docs/reference/nat-model.md §3. Of S2, which is half of them, 20 %
 * step by two and 10 % by -1 or something else.
 */
const STEP_PRIOR: ReadonlyMap<number, number> = new Map([
  [1, 0.82],
  [2, 0.1],
  [-1, 0.03],
  [-2, 0.01],
]);
const OTHER_STEP_PRIOR = 0.04 / 128;
const STEP_MAX = 64;
/** Share of NATs that keep the parity (docs/reference/nat-model.md §3, modifiers). */
export const PARITY_PRIOR = 0.05;
/** A gap with more is an outlier: nobody is that busy within `GAP_MS_MAX`. */
const OTHERS_MAX = 8_000;
/** Steps that a mixture may hold. */
const STEPS_KEPT = 2;
/** Steps looked for where parity is kept. */
const PARITY_SIZES = [1, 2, 3, 4] as const;

/**
 * So many mappings, the last one ours, lie so many ports further. Where parity is kept the last of them may have gone one port
 * further for it, so there are two answers, of which one or both are whole numbers.
 */
function mappingsIn(ports: number, size: number, parity: boolean): readonly number[] {
  const ways = parity ? [ports / size, (ports - 1) / size] : [ports / size];
  return ways.filter((mappings) => Number.isInteger(mappings) && mappings >= 1);
}

interface StepFit {
  /** ln of the marginal likelihood, all unknowns summed out. */
  readonly log: number;
  readonly step: number;
  readonly perSecond: number;
  readonly dispersion: number;
  /** Standard error of `perSecond`. */
  readonly error: number;
}

export interface SequenceFit {
  /** ln of the likelihood of all steps together. */
  readonly log: number;
  /** The likeliest step, and the next one with its share where the ports leave it open. */
  readonly steps: readonly (StepFit & { readonly share: number })[];
}

interface StepRule {
  /** Of the step, without its sign. */
  readonly size: number;
  /** The NAT goes on to the next port of the local one's parity. */
  readonly parity: boolean;
}

interface Gap {
  readonly ports: number;
  readonly seconds: number;
  /** Our own questions in between that nobody answered. */
  readonly unseen: number;
}

/**
 * Ports handed out by one counter, or by one counter for each external address: whichever explains more. Null where nothing comes
 * near `floor`, the ln likelihood of another rule: what is far below it is not computed.
 */
export function fitSequence(mappings: readonly MappingMade[], floor: number): SequenceFit | null {
  return jointOrApart(
    mappings,
    (some) => fitCounter(some, floor),
    (left, right) => left.steps[0]!.step === right.steps[0]!.step,
  );
}

function fitCounter(mappings: readonly MappingMade[], floor: number): SequenceFit | null {
  const fits: StepFit[] = [];
  const laws = lawsOfGrid();
  const parity = keepsParity(mappings);
  for (const sign of [1, -1] as const) {
    const { gaps, order } = gapsOf(mappings, sign);
    if (gaps.length < 2) return null;
    const add = (rule: StepRule, belief: number) => {
      const step = sign * rule.size;
      const prior = order + Math.log(((STEP_PRIOR.get(step) ?? OTHER_STEP_PRIOR) * belief) / PORTS);
      if (prior + bestCase(gaps, rule) <= floor - NEGLIGIBLE) return;
      const { log, ...rate } = fitStep(gaps, rule, laws);
      fits.push({ ...rate, step, log: prior + log });
    };
    for (const size of candidateSizes(gaps)) add({ size, parity: false }, 1);
    for (const size of parity ? PARITY_SIZES : []) add({ size, parity: true }, PARITY_PRIOR);
  }
  const steps = [...new Set(fits.map(({ step }) => step))].map((step) =>
    likeliest(fits.filter((fit) => fit.step === step)),
  );
  if (steps.length === 0) return null;
  const log = logSum(steps.map((fit) => fit.log));
  const likely = steps.toSorted((left, right) => right.log - left.log).slice(0, STEPS_KEPT);
  return { log, steps: likely.map((fit) => ({ ...fit, share: Math.exp(fit.log - log) })) };
}

/** Of one step, with parity or without: the better fit, with the likelihood of both. */
function likeliest(fits: readonly StepFit[]): StepFit {
  const best = fits.reduce((one, other) => (other.log > one.log ? other : one));
  return { ...best, log: logSum(fits.map(({ log }) => log)) };
}

/** RFC 4787 REQ-4: an even local port gets an even external one; the counter skips ports of the wrong kind. */
function keepsParity(mappings: readonly MappingMade[]): boolean {
  const seen = mappings.filter(({ port }) => port !== null);
  return seen.length >= 8 && seen.every(({ port, localPort }) => port! % 2 === localPort % 2);
}

/** The distances of neighbours, counted in the direction of the step. */
function gapsOf(mappings: readonly MappingMade[], sign: 1 | -1): { gaps: Gap[]; order: number } {
  const { ticks, log: order } = inOrder(mappings, sign);
  const gaps = ticks.slice(1).flatMap((tick, i) => {
    const last = ticks[i]!;
    if (tick.at - last.at > GAP_MS_MAX) return [];
    const seconds = Math.max(JITTER_MS, tick.at - last.at) / 1000;
    return { ports: tick.port - last.port, seconds, unseen: tick.unseen };
  });
  return { gaps, order };
}

/** Every small step that divides at least half of the gaps, and the robust greatest common divisor. */
function candidateSizes(gaps: readonly Gap[]): number[] {
  const candidates: number[] = [];
  for (let size = 1; size <= STEP_MAX; size++) {
    const divides = gaps.filter(({ ports }) => ports > 0 && ports % size === 0).length;
    if (2 * divides >= gaps.length) candidates.push(size);
  }
  return candidates;
}

/** One rate and dispersion of the grid, with ln of what is believed of both beforehand. */
interface Cell {
  readonly perSecond: number;
  readonly dispersion: number;
  readonly belief: number;
}

const CELLS: readonly Cell[] = RATES.flatMap((perSecond) =>
  DISPERSIONS.map(({ dispersion, few, many }) => ({
    perSecond,
    dispersion,
    belief: Math.log(perSecond < MANY_PER_SECOND ? few : many) + logBeliefIn(perSecond),
  })),
);

/** The others' mappings within so many seconds: one law for each cell of the grid. Gaps of one length share them. */
type Laws = (seconds: number) => readonly CountLaw[];

function lawsOfGrid(): Laws {
  const known = new Map<number, readonly CountLaw[]>();
  return (seconds) => {
    const laws =
      known.get(seconds) ?? CELLS.map(({ perSecond, dispersion }) => countLaw(perSecond * seconds, dispersion));
    known.set(seconds, laws);
    return laws;
  };
}

const LOG_OUTLIER = Math.log(OUTLIER / PORTS);
const LOG_RULED = Math.log(1 - OUTLIER);
/** e^-40 of the whole changes no digit of a double. */
const NEGLIGIBLE = 40;

/** More than ln of the likelihood can be: every gap that may obey the rule does so for certain. */
function bestCase(gaps: readonly Gap[], rule: StepRule): number {
  return LOG_OUTLIER * gaps.filter((gap) => !mayObey(gap, rule)).length;
}

function mayObey({ ports, seconds, unseen }: Gap, { size, parity }: StepRule): boolean {
  const ways = mappingsIn(ports, size, parity);
  return ways.some((mappings) => mappings - 1 - unseen <= othersMax(RATES.at(-1)!, seconds));
}

/** So far above the mean that every rule gives less than a millionth of an outlier's chance: not worth the logarithms. */
function othersMax(perSecond: number, seconds: number): number {
  return 10 * perSecond * seconds + 200;
}

/** Without the prior. */
function fitStep(gaps: readonly Gap[], rule: StepRule, laws: Laws): Omit<StepFit, 'step'> {
  const logs = CELLS.map(({ belief }) => belief);
  for (const gap of gaps) addGap(logs, gap, rule, laws);
  const marginal = logSum(logs);
  const dispersion = CELLS.reduce((sum, cell, i) => sum + Math.exp(logs[i]! - marginal) * cell.dispersion, 0);
  return { log: marginal, ...rateOf(gaps, rule, dispersion) };
}

/** Any rate is believed beforehand, as much as one mapping in a twentieth of a second would make one believe; */
const PRIOR_COUNT = 1;
const PRIOR_SECONDS = 0.05;
/** or none at all: nobody else is there, or awake. */
const SILENT = 0.15;
/** Rounds after which the ways to share ports between ours and the others' have settled. */
const SHARING_ROUNDS = 4;

type StrangerRate = Pick<StepFit, 'perSecond' | 'dispersion' | 'error'>;

/** The rate by counting, with the error that a count of that size and dispersion has. */
function rateOf(gaps: readonly Gap[], rule: StepRule, dispersion: number): StrangerRate {
  let rate = countedRate(gaps, rule, dispersion, QUIET_PER_SECOND);
  for (let i = 0; rule.parity && i < SHARING_ROUNDS; i++) rate = countedRate(gaps, rule, dispersion, rate.perSecond);
  return rate;
}

/** `perSecond`: as believed so far, where a gap may hold one mapping more or less. */
function countedRate(gaps: readonly Gap[], rule: StepRule, dispersion: number, perSecond: number): StrangerRate {
  let count = 0;
  let seconds = PRIOR_SECONDS;
  for (const gap of gaps) {
    const ways = mappingsIn(gap.ports, rule.size, rule.parity).map((way) => way - 1 - gap.unseen * UNANSWERED_MADE);
    if (ways.length === 0 || Math.min(...ways) > OTHERS_MAX) continue;
    const law = countLaw(perSecond * gap.seconds, dispersion);
    const chances = ways.length === 1 ? [1] : normalised(ways.map((others) => law(Math.max(0, Math.round(others)))));
    count += ways.reduce((sum, others, i) => sum + chances[i]! * Math.max(0, others), 0);
    seconds += gap.seconds;
  }
  // By Bayes' rule; whoever was seen once is there.
  const unseen = count < 0.5 ? SILENT / (SILENT + ((1 - SILENT) * PRIOR_SECONDS) / seconds) : 0;
  const believed = (1 - unseen) * (PRIOR_COUNT + count);
  const variance =
    (1 - unseen) * dispersion * (PRIOR_COUNT + count) + unseen * (1 - unseen) * (PRIOR_COUNT + count) ** 2;
  return { perSecond: believed / seconds, dispersion, error: Math.sqrt(variance) / seconds };
}

function logBeliefIn(perSecond: number): number {
  const quiet = RATES.filter((rate) => rate <= QUIET_PER_SECOND).length;
  return Math.log(0.5 / (perSecond <= QUIET_PER_SECOND ? quiet : RATES.length - quiet));
}

/** Adds ln of the chance of one gap to every cell. */
function addGap(logs: number[], gap: Gap, { size, parity }: StepRule, laws: Laws): void {
  const ways = mappingsIn(gap.ports, size, parity);
  if (ways.length === 0) {
    for (let i = 0; i < logs.length; i++) logs[i]! += LOG_OUTLIER;
    return;
  }
  const inGap = laws(gap.seconds);
  const others = Math.min(...ways) - 1 - gap.unseen;
  for (let i = 0; i < logs.length; i++) {
    if (others > othersMax(CELLS[i]!.perSecond, gap.seconds)) logs[i]! += LOG_OUTLIER;
    else {
      const made = ways.reduce(
        (sum, way) => logAdd(sum, logMade(way - 1, gap.unseen, inGap[i]!)),
        Number.NEGATIVE_INFINITY,
      );
      logs[i]! += logAdd(LOG_RULED + made, LOG_OUTLIER);
    }
  }
}

/** `between` mappings lie in a gap: so many of our own `unseen` ones as were made, the rest by the others. */
function logMade(between: number, unseen: number, others: CountLaw): number {
  if (unseen === 0) return others(between);
  let made = Number.NEGATIVE_INFINITY;
  let ways = unseen * Math.log(1 - UNANSWERED_MADE);
  for (let own = 0; own <= Math.min(unseen, between); own++) {
    made = logAdd(made, ways + others(between - own));
    ways += Math.log(((unseen - own) / (own + 1)) * (UNANSWERED_MADE / (1 - UNANSWERED_MADE)));
  }
  return made;
}
