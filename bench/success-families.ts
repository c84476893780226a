/** Of a run with IPv6: how the pairs fare by what the two have of the families of addresses. */
import { FAMILIES, type Families, SHARES } from '../src/sim/index.ts';
import { type Weighted, weightedMedian } from './stats.ts';
import type { JobResult } from './success-job.ts';

/** Shares of those pairs that both pass UDP, weighted by the shares of their classes. */
export interface FamiliesRow {
  readonly worlds: number;
  readonly direct: number;
  /** The data goes by the relay at the end of the run, or not at all. */
  readonly relayed: number;
  readonly none: number;
  readonly directMedianMs: number | null;
}

/** By pairs such as `both-six`, in the order of `FAMILIES`; only those that are there. */
export function byFamilies(results: readonly JobResult[]): Readonly<Record<string, FamiliesRow>> {
  const groups = new Map<string, JobResult[]>();
  for (const [at, left] of FAMILIES.entries())
    for (const right of FAMILIES.slice(at)) groups.set(`${left}-${right}`, []);
  for (const result of results) groups.get(nameOf(result.families))?.push(result);
  return Object.fromEntries([...groups].flatMap(([name, list]) => (list.length === 0 ? [] : [[name, rowOf(list)]])));
}

function nameOf([left, right]: readonly [Families, Families]): string {
  return FAMILIES.indexOf(left) <= FAMILIES.indexOf(right) ? `${left}-${right}` : `${right}-${left}`;
}

function rowOf(list: readonly JobResult[]): FamiliesRow {
  const sums = { all: 0, direct: 0, relayed: 0 };
  const direct: Weighted[] = [];
  for (const { job, leftAccess, rightAccess, connected, elapsedMs, dataMs } of list) {
    const { left, right } = job;
    // A cell of two classes stands for both orders.
    const weight = SHARES[left][leftAccess].central * SHARES[right][rightAccess].central * (left === right ? 1 : 2);
    sums.all += weight;
    if (connected) {
      sums.direct += weight;
      direct.push({ value: elapsedMs, weight });
    } else if (dataMs < Number.POSITIVE_INFINITY) sums.relayed += weight;
  }
  const [met, relayed] = [sums.direct / sums.all, sums.relayed / sums.all];
  const none = Math.max(0, 1 - met - relayed);
  return { worlds: list.length, direct: met, relayed, none, directMedianMs: weightedMedian(direct) };
}
