/** The few distributions that port models need, in natural logarithms. */

/** Lanczos' approximation of ln Γ(x), x > 0; good to 1e-10, far beyond what the models need. */
function logGamma(x: number): number {
  // Written out: the innermost loop of every fit.
  const sum =
    1.000000000190015 +
    76.18009172947146 / (x + 1) -
    86.50532032941678 / (x + 2) +
    24.01409824083091 / (x + 3) -
    1.231739572450155 / (x + 4) +
    1.208650973866179e-3 / (x + 5);
  return (x + 0.5) * Math.log(x + 5.5) - (x + 5.5) + Math.log((2.5066282746310007 * sum) / x);
}

/** ln n! of the counts that come up again and again. */
const LOG_FACTORIALS = Array.from({ length: 256 }, (_, n) => logGamma(n + 1));

function logFactorial(n: number): number {
  return LOG_FACTORIALS[n] ?? logGamma(n + 1);
}

/** ln P(N = count). */
export type CountLaw = (count: number) => number;

/**
 * How many there are, given mean and variance over mean: Poisson at 1, negative binomial above (it fits the background traffic of
 * real NATs better, docs/reference/nat-model.md §1.3). What does not depend on the count is computed once.
 */
export function countLaw(mean: number, dispersion: number): CountLaw {
  if (mean < 1e-9) return (count) => (count === 0 ? 0 : Number.NEGATIVE_INFINITY);
  if (dispersion <= 1.02) {
    const logMean = Math.log(mean);
    return (count) => (count < 0 ? Number.NEGATIVE_INFINITY : count * logMean - mean - logFactorial(count));
  }
  const shape = mean / (dispersion - 1);
  const logGammaShape = logGamma(shape);
  const none = shape * Math.log(dispersion);
  const each = Math.log1p(-1 / dispersion);
  return (count) => {
    if (count < 0) return Number.NEGATIVE_INFINITY;
    const choices = logGamma(count + shape) - logFactorial(count) - logGammaShape;
    return choices - none + count * each;
  };
}

/** No count of strangers that matters is larger. */
const COUNT_MAX = 2_000;

/**
 * Smallest n with P(count <= n) >= p, by the law of `countLaw`; the normal curve where the mean is large
 * (docs/reference/nat-model.md §4.2).
 */
export function countQuantile(mean: number, dispersion: number, p: number): number {
  if (mean <= 0) return 0;
  if (mean > 400) return Math.max(0, Math.ceil(mean + normalQuantile(p) * Math.sqrt(mean * dispersion)));
  let sum = 0;
  for (const [count, mass] of masses(mean, dispersion)) {
    sum += mass;
    if (sum >= p) return count;
  }
  return COUNT_MAX;
}

/** Count and probability, from 0 upwards. */
function* masses(mean: number, dispersion: number): Generator<readonly [number, number]> {
  const law = countLaw(mean, dispersion);
  for (let n = 0; n < COUNT_MAX; n++) yield [n, Math.exp(law(n))];
}

/** Acklam's short form: good to 3 digits between 0.001 and 0.999, which is all that a window needs. */
function normalQuantile(p: number): number {
  const tail = Math.min(p, 1 - p);
  const t = Math.sqrt(-2 * Math.log(Math.max(1e-9, tail)));
  const z = t - (2.30753 + 0.27061 * t) / (1 + 0.99229 * t + 0.04481 * t * t);
  return p < 0.5 ? -z : z;
}

/** P(low <= count <= high) by the same. */
export function countOdds(mean: number, dispersion: number, low: number, high: number): number {
  if (mean <= 0) return low <= 0 ? 1 : 0;
  const deviation = Math.sqrt(mean * dispersion);
  if (mean > 60) return normalOdds((high + 0.5 - mean) / deviation) - normalOdds((low - 0.5 - mean) / deviation);
  let sum = 0;
  for (const [count, mass] of masses(mean, dispersion)) {
    if (count > high) break;
    if (count >= low) sum += mass;
  }
  return sum;
}

/** Abramowitz and Stegun 7.1.26; error below 1e-7. */
function normalOdds(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  const t = 1 / (1 + 0.3275911 * x);
  const poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const tail = (poly * Math.exp(-x * x)) / 2;
  return z < 0 ? tail : 1 - tail;
}

/** ln(e^left + e^right). */
export function logAdd(left: number, right: number): number {
  const top = Math.max(left, right);
  const apart = Math.min(left, right) - top;
  // Below the last digit of a double.
  return apart > -37 ? top + Math.log1p(Math.exp(apart)) : top;
}

/** ln Σ exp. */
export function logSum(values: readonly number[]): number {
  let top = Number.NEGATIVE_INFINITY;
  for (const value of values) if (value > top) top = value;
  if (top === Number.NEGATIVE_INFINITY) return top;
  let sum = 0;
  for (const value of values) sum += Math.exp(value - top);
  return top + Math.log(sum);
}

/** Weights that sum to 1 from logarithms of any common scale. */
export function normalised(logs: readonly number[]): number[] {
  const total = logSum(logs);
  return logs.map((log) => Math.exp(log - total));
}

/** A probability as a whole: never quite 0 or 1, because no model of a NAT is ever quite right. */
export function tempered(probability: number, doubt: number): number {
  return Math.min(1 - doubt, Math.max(doubt, probability));
}

/** What is known of the mappings that others make behind the same NAT. */
interface Strangers {
  readonly background: number;
  readonly dispersion: number;
  readonly doubt: number;
}

/**
 * Their number in a time. The rate is known only with an error, so the count's variance is that of the rule plus (error x t)^2: the
 * dispersion that a window is built with grows with the age of the sample.
 */
export function strangersIn(
  { background, dispersion, doubt }: Strangers,
  ageMs: number,
): { readonly mean: number; readonly dispersion: number } {
  const seconds = ageMs / 1000;
  const mean = background * seconds;
  return { mean, dispersion: dispersion + (mean > 0 ? (doubt * seconds) ** 2 / mean : 0) };
}
