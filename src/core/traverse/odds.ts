/** The mathematics of nat-model section 4: how likely, and how many packets. */

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
  const poisson = dispersion <= 1.0001;
  const size = poisson ? 0 : mean / (dispersion - 1);
  let mass = poisson ? Math.exp(-mean) : dispersion ** -size;
  let sum = mass;
  let n = 0;
  while (sum < p && n < 2000) {
    n++;
    mass *= poisson ? mean / n : ((size + n - 1) / n) * (1 - 1 / dispersion);
    sum += mass;
  }
  return n;
}

/** Acklam's short form: good to 3 digits between 0.001 and 0.999, which is all that a window needs. */
function normalQuantile(p: number): number {
  const tail = Math.min(p, 1 - p);
  const t = Math.sqrt(-2 * Math.log(Math.max(1e-9, tail)));
  const z = t - (2.30753 + 0.27061 * t) / (1 + 0.99229 * t + 0.04481 * t * t);
  return p < 0.5 ? -z : z;
}

/** P of one crossing at a fixed destination (nat-model 4.3): nobody else takes either of the two ports aimed at. */
export function crossOdds(loadA: number, loadB: number): number {
  return 1 / ((1 + loadA) * (1 + loadB));
}

/** How long a birthday is given: the burst, the refresh that repairs what was lost, and some seconds more of probing. */
export function birthdayProbesDuration(probes: number): number {
  return (probes * 1000) / 400 + 15_000;
}
