/** The little statistics that benchmarks print. */

export interface Proportion {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** Wilson's interval; 1.96 = 95 %. */
export function wilson(successes: number, trials: number, z = 1.96): Proportion {
  if (trials === 0) return { value: 0, low: 0, high: 1 };
  const p = successes / trials;
  const z2 = z * z;
  const middle = (p + z2 / (2 * trials)) / (1 + z2 / trials);
  const half = (z / (1 + z2 / trials)) * Math.sqrt((p * (1 - p)) / trials + z2 / (4 * trials * trials));
  return { value: p, low: Math.max(0, middle - half), high: Math.min(1, middle + half) };
}

/** The value below which a share `q` of the list lies; null of an empty list. */
export function quantile(values: readonly number[], q: number): number | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? null;
}

export interface Weighted {
  readonly value: number;
  readonly weight: number;
}

/** The value at which half of the weight is reached; null of an empty list. */
export function weightedMedian(values: readonly Weighted[]): number | null {
  const sorted = [...values].sort((a, b) => a.value - b.value);
  let left = values.reduce((sum, { weight }) => sum + weight, 0) / 2;
  for (const { value, weight } of sorted) {
    left -= weight;
    if (left <= 0) return value;
  }
  return sorted.at(-1)?.value ?? null;
}
