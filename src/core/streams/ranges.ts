/** Sets of whole numbers as runs, each from its first number to the one behind its last. */
interface Run {
  readonly start: number;
  readonly end: number;
}

export class Ranges {
  /** In order, with a gap between any two. */
  runs: Run[] = [];

  get empty(): boolean {
    return this.runs.length === 0;
  }

  add(start: number, end: number): void {
    if (start >= end) return;
    const { runs } = this;
    const last = runs.at(-1);
    // What comes in order only lengthens the last run.
    if (last === undefined || start > last.end) {
      runs.push({ start, end });
      return;
    }
    if (start >= last.start) {
      runs[runs.length - 1] = { start: last.start, end: Math.max(last.end, end) };
      return;
    }
    const first = this.indexOf(start);
    let after = first;
    let [low, high] = [start, end];
    for (let run = runs[after]; run !== undefined && run.start <= end; run = runs[++after]) {
      low = Math.min(low, run.start);
      high = Math.max(high, run.end);
    }
    runs.splice(first, after - first, { start: low, end: high });
  }

  remove(start: number, end: number): void {
    if (start >= end || this.empty) return;
    const first = this.indexOf(start);
    let after = first;
    const kept: Run[] = [];
    for (let run = this.runs[after]; run !== undefined && run.start < end; run = this.runs[++after]) {
      if (run.start < start) kept.push({ start: run.start, end: start });
      if (run.end > end) kept.push({ start: end, end: run.end });
    }
    this.runs.splice(first, after - first, ...kept);
  }

  has(n: number): boolean {
    const run = this.runs[this.indexOf(n)];
    return run !== undefined && run.start <= n && n < run.end;
  }

  /** The parts of a run that are in none of ours. */
  without(start: number, end: number): Run[] {
    const gaps: Run[] = [];
    let at = start;
    for (let n = this.indexOf(start); n < this.runs.length && at < end; n++) {
      const run = this.runs[n] as Run;
      if (run.start >= end) break;
      if (run.start > at) gaps.push({ start: at, end: run.start });
      at = Math.max(at, run.end);
    }
    if (at < end) gaps.push({ start: at, end });
    return gaps;
  }

  /** Of the first run that ends at `n` or behind it. */
  private indexOf(n: number): number {
    let low = 0;
    let high = this.runs.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.runs[middle] as Run).end < n) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
