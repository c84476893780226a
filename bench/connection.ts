/**
 * What a game feels of a connection: how soon it is there for any two people, and what happens to it later. The real client, host and
 * master machines in virtual time. `npm run bench:connection -- --n 60 --worlds 10000 --seed 1 --only VPN`
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { isMainThread, workerData } from 'node:worker_threads';
import { meetAnybody } from './connection-population.ts';
import { HAPPENINGS, runHappening, runSwitch, type Sample, SWITCHES, type Switched } from './connection-rows.ts';
import { runPool, serve } from './pool.ts';
import { quantile } from './stats.ts';

type Job =
  | { readonly row: number; readonly n: number }
  | { readonly world: number }
  | { readonly change: number; readonly n: number };
interface Task {
  readonly seed: string;
  /** In the population. */
  readonly ipv6: boolean;
}

type Happened = Sample & { readonly row: number };
type Met = ReturnType<typeof meetAnybody>;
type Result = Happened | Met | Switched;

/** Asked of any two people: all have data, and so soon. */
const DATA_MEDIAN_MS = 350;
const DATA_P99_MS = 2_000;
/** Between the two ways of every switch: the relay, and IPv6 that has become slower, are 20 ms off the straight one, each way. */
const RTT_DIFFERENCE_MS = 40;

if (isMainThread) await main();
else {
  const { seed, ipv6 } = workerData as Task;
  serve((job: Job): Result => {
    if ('change' in job) return runSwitch(job.change, `${seed}-switch-${job.change}-${job.n}`);
    if ('world' in job) return meetAnybody(seed, job.world, { relay: true, tls: true, ipv6 });
    return { row: job.row, ...runHappening(HAPPENINGS[job.row]!, `${seed}-${job.row}-${job.n}`) };
  });
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      n: { type: 'string', default: '60' },
      worlds: { type: 'string', default: '1000' },
      switches: { type: 'string', default: '200' },
      seed: { type: 'string', default: '1' },
      only: { type: 'string', default: '' },
      ipv6: { type: 'boolean', default: false },
      workers: { type: 'string', default: String(Math.min(2, availableParallelism())) },
    },
  });
  const rows = HAPPENINGS.flatMap(({ name }, row) => (name.includes(values.only) ? [row] : []));
  const changes = SWITCHES.flatMap(({ name }, change) => (name.includes(values.only) ? [change] : []));
  const numbers = (count: string, all = true): number[] => (all ? [...Array(Number(count)).keys()] : []);
  const jobs: Job[] = [
    ...numbers(values.n).flatMap((n) => rows.map((row) => ({ row, n }))),
    ...numbers(values.switches).flatMap((n) => changes.map((change) => ({ change, n }))),
    ...numbers(values.worlds, values.only === '').map((world) => ({ world })),
  ];
  const task: Task = { seed: values.seed, ipv6: values.ipv6 };
  const results = await runPool<Job, Result>(jobs, {
    ...{ script: new URL(import.meta.url), workers: Number(values.workers), task },
    onProgress(done) {
      if (process.stderr.isTTY) process.stderr.write(`\r${done} of ${jobs.length} worlds `);
    },
  });
  const happened = results.filter((result) => 'gapMs' in result);
  const meetings = results.filter((result) => 'pair' in result);
  const switches = results.filter((result) => 'switched' in result);
  const lines = [
    ...(meetings.length > 0 ? meetingLines(meetings) : []),
    ...(switches.length > 0 ? switchLines(changes, switches) : []),
    ...(happened.length > 0 ? happeningLines(rows, happened) : []),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  process.exitCode = lines.some((one) => one.endsWith(' no')) ? 1 : 0;
}

function meetingLines(meetings: readonly Met[]): string[] {
  const all = meetings.map(({ dataMs }) => dataMs);
  const none = meetings.filter(({ dataMs }) => dataMs === Number.POSITIVE_INFINITY);
  const direct = meetings.flatMap(({ directMs }) => (directMs === Number.POSITIVE_INFINITY ? [] : [directMs]));
  const share = (count: number): string => `${((100 * count) / meetings.length).toFixed(2)} %`;
  const at = (list: readonly number[], q: number): number => quantile(list, q) ?? Number.POSITIVE_INFINITY;
  const [median, p99] = [at(all, 0.5), at(all, 0.99)];
  const told = (what: string, asked: string, measured: string, met = ''): string =>
    `${what.padEnd(42)} ${asked.padEnd(18)} ${measured.padEnd(49)} ${met}`.trimEnd();
  return [
    told(`any two people, ${meetings.length} worlds`, 'asked', 'measured', 'met'),
    told('have data', 'all', share(meetings.length - none.length), none.length === 0 ? 'yes' : 'no'),
    told('first data, median', seconds(DATA_MEDIAN_MS), seconds(median), median <= DATA_MEDIAN_MS ? 'yes' : 'no'),
    told('first data, p99', seconds(DATA_P99_MS), seconds(p99), p99 <= DATA_P99_MS ? 'yes' : 'no'),
    told('direct within 90 s', '', share(direct.length)),
    told('relayed', '', share(meetings.length - none.length - direct.length)),
    told('none', '', share(none.length)),
    told('direct, median and p95', '', `${seconds(at(direct, 0.5))}, ${seconds(at(direct, 0.95))}`),
    ...none.slice(0, 5).map(({ pair }) => `  without: ${pair}`),
    '',
  ];
}

function switchLines(changes: readonly number[], switches: readonly Switched[]): string[] {
  const head = line('while its way changes', 'asked', 'switched', 'lost', 'twice', 'late', 'met');
  return [
    head,
    ...changes.map((change) =>
      switchLine(
        change,
        switches.filter(({ row }) => row === change),
      ),
    ),
    '',
  ];
}

function switchLine(change: number, switches: readonly Switched[]): string {
  const of = (value: (one: Switched) => number): number => Math.max(...switches.map(value));
  const switched = switches.filter((one) => one.switched).length;
  const [lost, twice, late] = [of((one) => one.lost), of((one) => one.twice), of((one) => one.lateMs)];
  const met = switched === switches.length && lost === 0 && twice === 0 && late <= RTT_DIFFERENCE_MS;
  return line(
    ...([SWITCHES[change]!.name, `0, 0, ${RTT_DIFFERENCE_MS} ms`, `${switched}/${switches.length}`] as const),
    ...([String(lost), String(twice), `${late.toFixed(1)} ms`, met ? 'yes' : 'no'] as const),
  );
}

function happeningLines(rows: readonly number[], happened: readonly Happened[]): string[] {
  const head = line('while a game goes on', 'asked p95, worst', 'median', 'p95', 'worst', 'lost', 'twice', 'met');
  return [head, ...rows.map((row) => happeningLine(row, happened))];
}

function happeningLine(row: number, happened: readonly Happened[]): string {
  const samples = happened.filter((one) => one.row === row);
  const { name, p95Ms, worstMs } = HAPPENINGS[row]!;
  const gaps = samples.map(({ gapMs }) => gapMs);
  const [median, p95, worst] = [0.5, 0.95, 1].map((q) => quantile(gaps, q) ?? Number.POSITIVE_INFINITY) as number[];
  const met = p95! <= p95Ms && worst! <= worstMs;
  const most = (of: (sample: Sample) => number): string => String(Math.max(0, ...samples.map(of)));
  return line(
    ...([name, `${seconds(p95Ms)}, ${seconds(worstMs)}`, seconds(median!), seconds(p95!), seconds(worst!)] as const),
    ...([most((one) => one.lost), most((one) => one.twice), met ? 'yes' : 'no'] as const),
  );
}

function seconds(ms: number): string {
  return Number.isFinite(ms) ? `${(ms / 1_000).toFixed(2)} s` : 'never';
}

function line(name: string, asked: string, ...cells: readonly string[]): string {
  const [met, ...others] = [...cells].reverse();
  const middle = others.reverse().map((cell) => cell.padEnd(9));
  return [name.padEnd(42), asked.padEnd(18), ...middle, met].join(' ');
}
