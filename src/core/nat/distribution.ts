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
 * real NATs better, nat-model 1.3). What does not depend on the count is computed once.
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
