/**
 * "+d for every new mapping of anybody behind the NAT": how likely is a sequence of mappings under that rule, which d, and how
 * busy are the others? The gap between two of our mappings is d x (1 + ours that got no answer + N), N the others' mappings in
 * between, counted by a Poisson or negative binomial distribution whose rate is fitted on a grid. One outlier costs a
 * fixed price and nothing else, so the step is the greatest common divisor of the gaps made robust.
 */
import { type CountLaw, countLaw, logAdd, logSum } from './distribution.ts';
import type { MappingMade } from './observation.ts';
import { inOrder, jointOrApart, OUTLIER, PORTS } from './order.ts';

/** What is sent at once still reaches the NAT one after the other. */
const JITTER_MS = 0.3;
/** Longer silence says nothing about the next port: half a turn through the range at 100 mappings/s. */
const GAP_MS_MAX = 5_000;
/** Most packets are lost beyond the NAT, or kept out by its filter on the way back. */
const UNANSWERED_MADE = 0.9;
/** Background mappings per second behind one NAT: from a silent home to a carrier's busiest box (nat-model 3, S3). */
const RATES = [0.1, 0.5, 1, 2, 3.5, 5, 7, 10, 14, 20, 28, 40, 56, 80, 110, 160, 220, 320, 450, 640, 900, 1300, 1900];
/**
 * Variance over mean, and what is believed of each behind few people and behind many: Poisson, measured on a campus (1.06-1.57),
 * assumed for carriers (1.2-3; nat-model 1.3, 3).
 */
const DISPERSIONS = [
  { dispersion: 1, few: 0.6, many: 0.25 },
  { dispersion: 1.5, few: 0.25, many: 0.2 },
  { dispersion: 2.2, few: 0.1, many: 0.25 },
  { dispersion: 3.2, few: 0.05, many: 0.3 },
] as const;
/** From this rate on a NAT serves many people. */
const MANY_PER_SECOND = 50;
/** Believed of the rate: half of the sequential NATs serve few people. */
const QUIET_PER_SECOND = 8;
/** Most sequential NATs step by one (all of nat-model's S1 and S3); of S2, half of them all, 20 % by two and 10 % by -1 or something else. */
const STEP_PRIOR: ReadonlyMap<number, number> = new Map([
  [1, 0.82],
  [2, 0.1],
  [-1, 0.03],
  [-2, 0.01],
]);
const OTHER_STEP_PRIOR = 0.04 / 128;
const STEP_MAX = 64;
/** Share of NATs that keep the parity (nat-model 3, modifiers). */
export const PARITY_PRIOR = 0.05;
/** A gap with more is an outlier: nobody is that busy within `GAP_MS_MAX`. */
const OTHERS_MAX = 8_000;
/** Steps looked for where parity is kept. */
const PARITY_SIZES = [1, 2, 3, 4] as const;

/** How many pairs of ports a mapping of somebody else takes where parity is kept: its step, and half of the time one port more. */
export function pairsAMapping(step: number): number {
  return (Math.abs(step) + 0.5) / 2;
}

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

/**
 * Ports handed out by one counter, or by one counter for each external address: whichever explains more. Null where nothing comes
 * near `floor`, the ln likelihood of another rule: what is far below it is not computed.
 */
export function fitSequence(mappings: readonly MappingMade[], floor: number): SequenceFit | null {
  return jointOrApart(
    mappings,
    (some) => fitCounter(some, floor),
    (left, right) => left.step === right.step,
  );
}

function fitCounter(mappings: readonly MappingMade[], floor: number): SequenceFit | null {
  const fits: SequenceFit[] = [];
  const laws = lawsOfGrid();
  const add = (gaps: readonly Gap[], size: number, prior: number, adapted: Partial<SequenceFit>, share = 1) => {
    if (prior + bestCase(gaps, size) <= floor - NEGLIGIBLE) return;
    const fit = fitStep(gaps, size, laws);
    const rate = { perSecond: fit.perSecond / share, error: fit.error / share };
    fits.push({ ...fit, ...rate, ...adapted, log: prior + fit.log });
  };
  for (const sign of [1, -1] as const) {
    const { gaps, order } = gapsOf(mappings, sign);
    if (gaps.length < 2) return null;
    const priorOf = (step: number) => order + Math.log((STEP_PRIOR.get(step) ?? OTHER_STEP_PRIOR) / PORTS);
    for (const size of candidateSizes(gaps)) add(gaps, size, priorOf(sign * size), { step: sign * size });
    for (const size of keepsParity(mappings) ? PARITY_SIZES : []) {
      // In pairs beyond the next port of the right kind; each of the others moves the counter by half a port more than its step.
      const pairs = gaps.map((gap) => ({ ...gap, ports: 1 + Math.floor((gap.ports - size) / 2) }));
      const prior = priorOf(sign * size) + Math.log(PARITY_PRIOR);
      add(pairs, 1, prior, { step: sign * size }, pairsAMapping(size));
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
function bestCase(gaps: readonly Gap[], size: number): number {
  return LOG_OUTLIER * gaps.filter((gap) => !mayObey(gap, size)).length;
}

function mayObey({ ports, seconds, unseen }: Gap, step: number): boolean {
  const mappings = ports / step;
  return Number.isInteger(mappings) && mappings >= 1 && mappings - 1 - unseen <= othersMax(RATES.at(-1)!, seconds);
}

/** So far above the mean that every rule gives less than a millionth of an outlier's chance: not worth the logarithms. */
function othersMax(perSecond: number, seconds: number): number {
  return 10 * perSecond * seconds + 200;
}

/** Without the prior, and with the size for a step. */
function fitStep(gaps: readonly Gap[], size: number, laws: Laws): SequenceFit {
  const logs = CELLS.map(({ belief }) => belief);
  for (const gap of gaps) addGap(logs, gap, size, laws);
  const marginal = logSum(logs);
  const dispersion = CELLS.reduce((sum, cell, i) => sum + Math.exp(logs[i]! - marginal) * cell.dispersion, 0);
  return { log: marginal, step: size, ...rateOf(gaps, size, dispersion) };
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

/** Adds ln of the chance of one gap to every cell. */
function addGap(logs: number[], gap: Gap, step: number, laws: Laws): void {
  const mappings = gap.ports / step;
  if (!Number.isInteger(mappings) || mappings < 1) {
    for (let i = 0; i < logs.length; i++) logs[i]! += LOG_OUTLIER;
    return;
  }
  const inGap = laws(gap.seconds);
  const others = mappings - 1 - gap.unseen;
  for (let i = 0; i < logs.length; i++) {
    const hopeless = others > othersMax(CELLS[i]!.perSecond, gap.seconds);
    logs[i]! += hopeless ? LOG_OUTLIER : logAdd(LOG_RULED + logMade(mappings - 1, gap.unseen, inGap[i]!), LOG_OUTLIER);
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
