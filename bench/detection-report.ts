/** What the detection benchmark prints: a row for each case, the reliability of what was said, and what falls short. */
import type { Outcome } from './detection-job.ts';
import { quantile, wilson } from './stats.ts';

/** An outcome with the share of users it stands for; 0 for what is no class of the population. */
export type Weighed = Outcome & { readonly share: number };

interface Row {
  readonly name: string;
  readonly n: number;
  readonly mapping: number;
  readonly allocator: number;
  readonly refined: number;
  readonly msMedian: number;
  readonly msMax: number;
  readonly packetsMax: number;
  readonly mappingsMax: number;
  readonly windows: WindowRow | null;
}

interface WindowRow {
  readonly hit: number;
  /** 95 % bounds of `hit`. */
  readonly low: number;
  readonly high: number;
  /** What the sets said they hold: more than asked where a port more or less makes the difference. */
  readonly claimed: number;
  /** Mean number of ports. */
  readonly size: number;
}

export function summarise(name: string, outcomes: readonly Outcome[]): Row {
  const n = outcomes.length;
  const share = (of: (outcome: Outcome) => boolean) => outcomes.filter(of).length / n;
  const times = outcomes.map(({ ms }) => ms).sort((left, right) => left - right);
  return {
    name,
    n,
    mapping: share(({ mapping }) => mapping),
    allocator: share(({ allocator }) => allocator),
    refined: share(({ refinedAllocator }) => refinedAllocator),
    msMedian: times[n >> 1]!,
    msMax: times.at(-1)!,
    packetsMax: Math.max(...outcomes.map(({ packets }) => packets)),
    mappingsMax: Math.max(...outcomes.map(({ mappingsPeak }) => mappingsPeak)),
    windows: windowRow(outcomes),
  };
}

function windowRow(outcomes: readonly Outcome[]): WindowRow | null {
  const windows = outcomes.flatMap(({ window }) => window ?? []);
  // Where fewer than a tenth were taken for a rule with a window, these were mistakes, and say nothing about windows.
  if (windows.length < outcomes.length / 10) return null;
  const hits = windows.filter(({ hit }) => hit).length;
  const { low, high } = wilson(hits, windows.length);
  const mean = (of: (window: (typeof windows)[number]) => number) =>
    windows.reduce((sum, one) => sum + of(one), 0) / windows.length;
  return {
    hit: hits / windows.length,
    low,
    high,
    claimed: mean(({ claimed }) => claimed),
    size: mean(({ size }) => size),
  };
}

const percent = (value: number) => (100 * value).toFixed(1);

export function printTable(rows: readonly Row[]): string[] {
  const head = [
    'case                          n  mapping  allocator  refined  ms median  ms max  packets  mappings',
    '  next port within its set: claimed    hit [95 % bounds]    ports',
  ].join('');
  const body = rows.map((row) =>
    [
      row.name.padEnd(27),
      String(row.n).padStart(4),
      percent(row.mapping).padStart(8),
      percent(row.allocator).padStart(10),
      percent(row.refined).padStart(8),
      row.msMedian.toFixed(0).padStart(10),
      row.msMax.toFixed(0).padStart(7),
      String(row.packetsMax).padStart(8),
      String(row.mappingsMax).padStart(9),
      row.windows === null ? '' : printWindows(row.windows),
    ]
      .join(' ')
      .trimEnd(),
  );
  return [head, ...body];
}

function printWindows({ hit, low, high, claimed, size }: WindowRow): string {
  const bounds = `[${percent(low)},${percent(high)}]`;
  return `${percent(claimed).padStart(34)} ${percent(hit).padStart(6)} ${bounds.padEnd(13)} ${size.toFixed(1).padStart(8)}`;
}

interface Said {
  readonly confidence: number;
  readonly right: boolean;
  readonly weight: number;
}

const BINS = [0, 0.5, 0.6, 0.7, 0.8, 0.85, 0.95, 0.98, 1] as const;

/** Of those said to be so sure, how many are right? Each case alike, and as often as it is met in the population. */
export function printReliability(outcomes: readonly Weighed[]): string[] {
  const both = (name: string, cases: readonly Said[]) => [
    ...printBins(`${name}, cases alike `, cases),
    '',
    ...printBins(`${name}, population  `, shared(cases, outcomes)),
    '',
  ];
  return [
    ...both(
      'final',
      outcomes.map((one) => ({ confidence: one.confidence, right: one.mapping && one.allocator, weight: 1 })),
    ),
    ...both(
      'refined',
      outcomes.map((one) => ({
        confidence: one.refinedConfidence,
        right: one.refinedMapping && one.refinedAllocator,
        weight: 1,
      })),
    ),
  ];
}

function shared(cases: readonly Said[], outcomes: readonly Weighed[]): Said[] {
  return cases.map((one, i) => ({ ...one, weight: outcomes[i]!.share })).filter(({ weight }) => weight > 0);
}

function printBins(name: string, cases: readonly Said[]): string[] {
  return BINS.slice(1).flatMap((high, i) => {
    const inside = cases.filter(({ confidence }) => confidence >= BINS[i]! && confidence < high);
    if (inside.length === 0) return [];
    const sum = (of: (one: Said) => number) => inside.reduce((total, one) => total + of(one), 0);
    const weight = sum((one) => one.weight);
    // Kish's effective size: so many outcomes of equal weight would have the variance of these weighted ones.
    const alike = weight ** 2 / sum((one) => one.weight ** 2);
    const right = sum((one) => (one.right ? one.weight : 0)) / weight;
    const said = sum((one) => one.weight * one.confidence) / weight;
    const { low: from, high: to } = wilson(right * alike, alike);
    const bounds = `[${percent(from)},${percent(to)}]`;
    return [
      `${name} said ${percent(said).padStart(5)} %  right ${percent(right).padStart(5)} % ${bounds.padEnd(13)} n ${inside.length}`,
    ];
  });
}

/** What is asked for, in every row; each line names one that falls short. */
const ASKED = {
  mapping: 0.995,
  allocator: 0.98,
  msMedian: 1_000,
  msMax: 2_000,
  packetsMax: 64,
  mappingsMax: 32,
  windowsOff: 0.05,
} as const;

export function printShort(rows: readonly Row[], outcomes: readonly Outcome[]): string[] {
  const median = quantile(
    outcomes.map(({ ms }) => ms),
    0.5,
  );
  const short = rows.flatMap((row) => {
    const { windows } = row;
    const off = windows === null ? 0 : windows.hit - windows.claimed;
    const what = [
      row.mapping < ASKED.mapping && `mapping right ${percent(row.mapping)} %`,
      row.allocator < ASKED.allocator && `allocator right ${percent(row.allocator)} %`,
      row.refined < ASKED.allocator && `refined allocator right ${percent(row.refined)} %`,
      row.msMax > ASKED.msMax && `${row.msMax.toFixed(0)} ms at most`,
      row.packetsMax > ASKED.packetsMax && `${row.packetsMax} packets`,
      row.mappingsMax > ASKED.mappingsMax && `${row.mappingsMax} mappings at once`,
      !(Math.abs(off) <= ASKED.windowsOff) && `sets hit ${percent(off)} points beside what they claim`,
    ].filter((text) => text !== false);
    return what.length === 0 ? [] : [`${row.name}: ${what.join(', ')}`];
  });
  if (median !== null && median > ASKED.msMedian) short.push(`all: ${median.toFixed(0)} ms in the median`);
  return [short.length === 0 ? 'every row as asked' : 'short of what is asked:', ...short];
}
