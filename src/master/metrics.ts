/**
 * Prometheus text exposition (format 0.0.4) of what the masterserver counts, under the names of docs/reference/product.md §5: one
 * prefix, base units, `_total` for counters, few label values. Label values never come from strangers.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';

type Labels = Readonly<Record<string, string | number>>;

interface Family {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  lines(): readonly string[];
}

export interface Counter {
  add(labels: Labels, by?: number): void;
}
export interface Histogram {
  observe(labels: Labels, value: number): void;
}
export interface Metrics {
  counter(name: string, help: string): Counter;
  histogram(name: string, help: string, bounds: readonly number[]): Histogram;
  /** A value that is looked up when somebody scrapes. */
  gauge(name: string, help: string, read: () => readonly Measured[] | number): void;
  /** Like `gauge`, for counters that somebody else keeps. */
  external(name: string, help: string, read: () => readonly Measured[] | number): void;
  text(): string;
}
export interface Measured {
  readonly labels: Labels;
  readonly value: number;
}

export function createMetrics(): Metrics {
  const families: Family[] = [];

  function read(name: string, help: string, type: Family['type'], values: () => readonly Measured[] | number): void {
    const lines = (): string[] => {
      const found = values();
      const samples = typeof found === 'number' ? [{ labels: {}, value: found }] : found;
      return samples.map(({ labels, value }) => `${name}${labelText(labels)} ${numberText(value)}`);
    };
    families.push({ name, help, type, lines });
  }

  return {
    counter(name, help) {
      const values = new Map<string, number>();
      families.push({ name, help, type: 'counter', lines: () => [...values].map(([key, n]) => `${name}${key} ${n}`) });
      return {
        add(labels, by = 1) {
          const key = labelText(labels);
          values.set(key, (values.get(key) ?? 0) + by);
        },
      };
    },
    histogram(name, help, bounds) {
      const series = new Map<string, { readonly labels: Labels; readonly counts: number[]; sum: number }>();
      families.push({
        name,
        help,
        type: 'histogram',
        lines: () => [...series.values()].flatMap((one) => histogramLines(name, bounds, one)),
      });
      return {
        observe(labels, value) {
          const key = labelText(labels);
          let one = series.get(key);
          if (one === undefined) {
            one = { labels, counts: new Array<number>(bounds.length + 1).fill(0), sum: 0 };
            series.set(key, one);
          }
          const found = bounds.findIndex((bound) => value <= bound);
          const i = found === -1 ? bounds.length : found;
          one.counts[i] = (one.counts[i] ?? 0) + 1;
          one.sum += value;
        },
      };
    },
    gauge: (name, help, values) => read(name, help, 'gauge', values),
    external: (name, help, values) => read(name, help, 'counter', values),
    text: () =>
      `${families
        .map(({ name, help, type, lines }) =>
          [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines()].join('\n'),
        )
        .join('\n')}\n`,
  };
}

function histogramLines(
  name: string,
  bounds: readonly number[],
  one: { readonly labels: Labels; readonly counts: readonly number[]; readonly sum: number },
): string[] {
  let total = 0;
  const lines = one.counts.map((count, i) => {
    total += count;
    return `${name}_bucket${labelText({ ...one.labels, le: bounds[i] ?? '+Inf' })} ${total}`;
  });
  return [
    ...lines,
    `${name}_sum${labelText(one.labels)} ${numberText(one.sum)}`,
    `${name}_count${labelText(one.labels)} ${total}`,
  ];
}

function labelText(labels: Labels): string {
  const parts = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(String(value))}"`);
  return parts.length === 0 ? '' : `{${parts.join(',')}}`;
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
}

function numberText(value: number): string {
  return Number.isFinite(value) ? String(value) : value > 0 ? '+Inf' : 'NaN';
}

export function watchEventLoop(): { lagSeconds(): number; stop(): void } {
  const histogram = monitorEventLoopDelay({ resolution: 20 });
  histogram.enable();
  return {
    // The 99th percentile since the start of the process or of the last scrape; the timer's own 20 ms are not lag.
    lagSeconds() {
      const lag = Math.max(0, histogram.percentile(99) / 1e9 - 0.02);
      histogram.reset();
      return Number.isFinite(lag) ? lag : 0;
    },
    stop: () => void histogram.disable(),
  };
}
