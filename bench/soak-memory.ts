/** Memory and counts, as what a soak measures them by. */
import type { rowsOf } from './rows.ts';

/** Bytes that are in use once what nobody needs is gone; of Node with `--expose-gc`. */
export function heapBytes(): number {
  const collect = (globalThis as { gc?: () => void }).gc;
  if (collect === undefined) throw new Error('Memory is only known after a collection: run `npm run bench:soak`.');
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Growth for each of `n`, by least squares: a single collection more or less says nothing. */
export function slope(values: readonly number[]): number {
  const middle = (values.length - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const above = values.reduce((sum, value, n) => sum + (n - middle) * (value - mean), 0);
  const below = values.reduce((sum, _value, n) => sum + (n - middle) ** 2, 0);
  return below === 0 ? 0 : above / below;
}

/** A row of how many more there are now than at first. */
export function notMore(row: ReturnType<typeof rowsOf>['row'], what: string, grown: number, most = 0): void {
  row(what, grown, '', most === 0 ? 'none' : `at most ${most}`, grown <= most);
}
