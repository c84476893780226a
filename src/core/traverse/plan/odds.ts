/** The mathematics of docs/reference/nat-model.md §4.1: how likely, and how many packets. */

/** P that K different probes hit at least one of M different ports out of R. */
export function birthdayOdds(range: number, mappings: number, probes: number): number {
  if (mappings + probes > range) return 1;
  let miss = 1;
  const few = Math.min(mappings, probes);
  const many = Math.max(mappings, probes);
  for (let n = 0; n < few; n++) miss *= (range - many - n) / (range - n);
  return 1 - miss;
}

/** Packets a side of the balanced birthday: sqrt(R ln(1/(1-P))) (docs/reference/nat-model.md §4.1). */
export function birthdayCount(range: number, odds: number): number {
  return Math.ceil(Math.sqrt(range * Math.log(1 / (1 - odds))));
}
