/**
 * Are the targets of traversal met? One table: asked, measured, met. All with the real client, host and master machines in
 * virtual time, detection included. `npm run bench:targets -- --n 300 --mixes 40 --seed 1`
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { isMainThread, workerData } from 'node:worker_threads';
import { nodeCrypto } from '../src/node/index.ts';
import { runPair } from '../src/sim/index.ts';
import { runPool, serve } from './pool.ts';
import { quantile, wilson } from './stats.ts';
import { type Job as MixJob, type JobResult as MixResult, runJob } from './success-job.ts';
import { summarize, UDP_CLASSES } from './success-summary.ts';
import { type Asked, CONDITIONS, ROWS, usersOf } from './targets-rows.ts';

type Job = MixJob | { readonly row: number; readonly condition: number; readonly n: number };
interface RowResult {
  readonly row: number;
  readonly condition: number;
  /** Infinity where both sides have no path in time. */
  readonly ms: number;
  /** Of the side that sent more. */
  readonly packets: number;
}
type Result = MixResult | RowResult;

/**
 * Three birthday rounds (`bench:success`); twenty lives of a mapping, of 35 s, the median of carriers, or 65 s, the longest round of
 * docs/reference/nat-model.md §4.5.
 */
const ROUND_MS = 90_000;
const ROUNDS_MS = 700_000;
const LONG_ROUNDS_MS = 1_300_000;
const MIXES: readonly { readonly name: string; readonly once: number; readonly later: number }[] = [
  { name: 'home-home', once: 0.99, later: 0.993 },
  { name: 'home-mobile', once: 0.97, later: 0.98 },
  { name: 'mobile-mobile', once: 0.88, later: 0.92 },
];

if (isMainThread) await main();
else
  serve(
    (job: Job): Result =>
      'row' in job ? runRow(job, workerData as string) : runJob(job, workerData as string, LONG_ROUNDS_MS),
  );

function runRow({ row, condition, n }: Extract<Job, { row: number }>, seed: string): RowResult {
  const [wanted, under] = [ROWS[row]!, CONDITIONS[condition]!];
  const { connected, elapsedMs, packets } = runPair({
    ...{ clientClass: 'P3', hostClass: 'P3', users: usersOf(wanted, under, n), crypto: nodeCrypto },
    ...{ seed: `${seed}-${row}-${condition}-${n}`, limitMs: wanted.limitMs, masterDelayMs: under.masterDelayMs },
  });
  return {
    row,
    condition,
    ms: connected ? elapsedMs : Number.POSITIVE_INFINITY,
    packets: Math.max(packets.client, packets.host),
  };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      n: { type: 'string', default: '300' },
      mixes: { type: 'string', default: '40' },
      seed: { type: 'string', default: '1' },
      workers: { type: 'string', default: String(Math.min(2, availableParallelism())) },
    },
  });
  const jobs = [...rowJobs(Number(values.n)), ...mixJobs(Number(values.mixes))];
  const results = await runPool<Job, Result>(jobs, {
    ...{ script: new URL(import.meta.url), workers: Number(values.workers), task: values.seed },
    onProgress(done) {
      if (process.stderr.isTTY) process.stderr.write(`\r${done} of ${jobs.length} worlds `);
    },
  });
  const rows = results.filter((result) => 'row' in result);
  const mixes = results.filter((result) => 'job' in result);
  const lines = [...rowLines(rows), ...(mixes.length > 0 ? mixLines(mixes) : [])];
  const head = line('target', 'condition', 'asked', 'measured [95 % bounds]', 'met');
  process.stdout.write(`${[head, ...lines].join('\n')}\n`);
  process.exitCode = lines.some((one) => one.endsWith('no')) ? 1 : 0;
}

function rowJobs(worlds: number): Job[] {
  return Array.from({ length: worlds }, (_, n) =>
    ROWS.flatMap((_row, row) => CONDITIONS.map((_under, condition) => ({ row, condition, n }))),
  ).flat();
}

function mixJobs(worlds: number): Job[] {
  const cells = UDP_CLASSES.flatMap((left, i) => UDP_CLASSES.slice(i).map((right) => ({ left, right })));
  return Array.from({ length: worlds }, (_, n) => cells.map((cell) => ({ ...cell, n }))).flat();
}

function rowLines(results: readonly RowResult[]): string[] {
  const of = (row: number, condition: number) =>
    results.filter((result) => result.row === row && result.condition === condition);
  return ROWS.flatMap(({ name, asked }, row) =>
    CONDITIONS.flatMap((under, condition) =>
      // Targets for times and packets are for lines of 20 ms, the first condition: on longer lines everything takes longer by their length.
      asked
        .filter(({ kind }) => condition === 0 || kind === 'share' || kind === 'like')
        .map((one) => {
          const like =
            one.kind === 'like'
              ? of(
                  ROWS.findIndex((other) => other.name === one.row),
                  condition,
                )
              : [];
          return line(name, under.name, ...judged(one, of(row, condition), like, under.worse));
        }),
    ),
  );
}

/** What was asked, what was measured, and whether it is met. */
function judged(
  asked: Asked,
  worlds: readonly RowResult[],
  like: readonly RowResult[],
  worse: number,
): [string, string, string] {
  const times = worlds.map(({ ms }) => ms);
  switch (asked.kind) {
    case 'median': {
      const ms = quantile(times, 0.5) ?? Number.POSITIVE_INFINITY;
      return [`median <= ${asked.ms / 1000} s`, `${(ms / 1000).toFixed(2)} s`, ms <= asked.ms ? 'yes' : 'no'];
    }
    case 'packets': {
      const count =
        quantile(
          worlds.map(({ packets }) => packets),
          asked.quantile,
        ) ?? Number.POSITIVE_INFINITY;
      return [`p${100 * asked.quantile} <= ${asked.most} packets`, String(count), count <= asked.most ? 'yes' : 'no'];
    }
    default: {
      const up = (list: readonly RowResult[]) => list.filter(({ ms }) => ms <= asked.ms).length;
      const least = asked.kind === 'share' ? asked.least - worse : up(like) / like.length - 0.01;
      return judgedShare(least, wilson(up(worlds), worlds.length), ` in ${asked.ms / 1000} s`);
    }
  }
}

/** Where the bounds lie on both sides of what is asked there are too few worlds to tell. */
function judgedShare(
  least: number,
  { value, low, high }: { readonly value: number; readonly low: number; readonly high: number },
  when: string,
): [string, string, string] {
  const met = value >= least ? 'yes' : high < least ? 'no' : 'too few to tell';
  const percent = (share: number) => (100 * share).toFixed(1);
  return [`>= ${percent(least)} %${when}`, `${percent(value)} % [${percent(low)}, ${percent(high)}]`, met];
}

function mixLines(results: readonly MixResult[]): string[] {
  const within = (ms: number) =>
    summarize(results.map((one) => ({ ...one, connected: one.connected && one.elapsedMs <= ms }))).mixes;
  const marks = [
    { mixes: within(ROUND_MS), asked: 'once', ms: ROUND_MS },
    { mixes: within(ROUNDS_MS), asked: 'later', ms: ROUNDS_MS },
    { mixes: within(LONG_ROUNDS_MS), asked: 'later', ms: LONG_ROUNDS_MS },
  ] as const;
  return MIXES.flatMap((mix) =>
    marks.map(({ mixes, asked, ms }) => {
      const { udp, udpLow, udpHigh } = mixes[mix.name]!;
      return line(
        mix.name,
        'population',
        ...judgedShare(mix[asked], { value: udp, low: udpLow, high: udpHigh }, ` in ${ms / 1000} s`),
      );
    }),
  );
}

function line(name: string, condition: string, asked: string, measured: string, met: string): string {
  return [name.padEnd(26), condition.padEnd(16), asked.padEnd(20), measured.padEnd(24), met].join(' ');
}
