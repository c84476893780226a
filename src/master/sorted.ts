/**
 * Arrays kept in order under change without ever sorting all of it at once: the first sort of 100 000 entries is cut into
 * slices, so that the UDP ports of the same thread are served in between, and each change is merged in one pass.
 */
import { setImmediate } from 'node:timers/promises';
import { SERVER_LIMITS } from './limits.ts';

type CompareItems<T> = (left: T, right: T) => number;

/** `sorted` without `removed`, with `added` (any order) merged in. O(n + k log k). */
export function mergeChanges<T>(
  sorted: readonly T[],
  removed: ReadonlySet<T>,
  added: readonly T[],
  compare: CompareItems<T>,
): T[] {
  const incoming = [...added].sort(compare);
  const out: T[] = [];
  let next = 0;
  for (const item of sorted) {
    if (removed.has(item)) continue;
    for (; next < incoming.length && compare(incoming[next] as T, item) < 0; next += 1) out.push(incoming[next] as T);
    out.push(item);
  }
  for (; next < incoming.length; next += 1) out.push(incoming[next] as T);
  return out;
}

/** Index of the first item that comes after `place`. */
export function firstAfter<T, P>(sorted: readonly T[], place: P, compare: (item: T, place: P) => number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compare(sorted[middle] as T, place) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Merge sort that gives way to the event loop after every slice of work. */
export async function sortInSlices<T>(items: readonly T[], compare: CompareItems<T>): Promise<T[]> {
  const slice = SERVER_LIMITS.sortSliceItems;
  let runs: T[][] = [];
  for (let start = 0; start < items.length; start += slice) {
    runs.push(items.slice(start, start + slice).sort(compare));
    await setImmediate();
  }
  while (runs.length > 1) {
    const merged: T[][] = [];
    for (let i = 0; i < runs.length; i += 2) {
      const left = runs[i] as T[];
      const right = runs[i + 1];
      merged.push(right === undefined ? left : mergeRuns(left, right, compare));
      await setImmediate();
    }
    runs = merged;
  }
  return runs[0] ?? [];
}

/** `filter` that gives way to the event loop likewise. */
export async function filterInSlices<T>(items: readonly T[], fits: (item: T) => boolean): Promise<T[]> {
  const slice = SERVER_LIMITS.filterSliceItems;
  const found: T[] = [];
  for (let start = 0; start < items.length; start += slice) {
    if (start > 0) await setImmediate();
    for (let i = start; i < Math.min(start + slice, items.length); i += 1)
      if (fits(items[i] as T)) found.push(items[i] as T);
  }
  return found;
}

function mergeRuns<T>(left: readonly T[], right: readonly T[], compare: CompareItems<T>): T[] {
  const out: T[] = [];
  let i = 0;
  let j = 0;
  while (i < left.length && j < right.length) {
    const takeRight = compare(right[j] as T, left[i] as T) < 0;
    out.push((takeRight ? right[j++] : left[i++]) as T);
  }
  for (; i < left.length; i += 1) out.push(left[i] as T);
  for (; j < right.length; j += 1) out.push(right[j] as T);
  return out;
}
