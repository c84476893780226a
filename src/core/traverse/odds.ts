/** The mathematics of nat-model section 4: how likely, and how many packets. */

/** No count of strangers that matters is larger. */
const COUNT_MAX = 2_000;

/** P that K different probes hit at least one of M different ports out of R. */
export function birthdayOdds(range: number, mappings: number, probes: number): number {
  if (mappings + probes > range) return 1;
  let miss = 1;
  const few = Math.min(mappings, probes);
  const many = Math.max(mappings, probes);
  for (let n = 0; n < few; n++) miss *= (range - many - n) / (range - n);
  return 1 - miss;
}

/** Packets a side of the balanced birthday: sqrt(R ln(1/(1-P))) (nat-model 4.1). */
export function birthdayCount(range: number, odds: number): number {
  return Math.ceil(Math.sqrt(range * Math.log(1 / (1 - odds))));
}

/** Smallest n with P(count <= n) >= p, for the number of strangers' mappings: Poisson, or negative binomial (nat-model 4.2). */
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

/** Count and probability, from 0 upwards: Poisson, or negative binomial above a dispersion of 1. */
function* masses(mean: number, dispersion: number): Generator<readonly [number, number]> {
  const poisson = dispersion <= 1.0001;
  const size = poisson ? 0 : mean / (dispersion - 1);
  let mass = poisson ? Math.exp(-mean) : dispersion ** -size;
  for (let n = 0; n < COUNT_MAX; n++) {
    yield [n, mass];
    mass *= poisson ? mean / (n + 1) : ((size + n) / (n + 1)) * (1 - 1 / dispersion);
  }
}

/** Acklam's short form: good to 3 digits between 0.001 and 0.999, which is all that a window needs. */
function normalQuantile(p: number): number {
  const tail = Math.min(p, 1 - p);
  const t = Math.sqrt(-2 * Math.log(Math.max(1e-9, tail)));
  const z = t - (2.30753 + 0.27061 * t) / (1 + 0.99229 * t + 0.04481 * t * t);
  return p < 0.5 ? -z : z;
}

/** P(low <= count <= high) for the same distributions; the normal curve where the mean is large. */
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
