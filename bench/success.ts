/**
 * How often two people meet: pairs of the population, the real client, host and master machines with detection included, in
 * virtual time. `npm run bench:success -- --n 200 --seed 1 --cells S6-P3,P3-P3 --limit 120 --ipv6 --left six --relay --json --keep`
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { isMainThread, workerData } from 'node:worker_threads';
import { FAMILIES, type Families, SIM_CLASSES, type SimClassId } from '../src/sim/index.ts';
import { heatMap } from './heatmap.ts';
import { runPool, serve } from './pool.ts';
import type { FamiliesRow } from './success-families.ts';
import { type Job, type JobOptions, type JobResult, runJob } from './success-job.ts';
import { type Cell, type Mix, type Summary, summarize, UDP_CLASSES } from './success-summary.ts';

/** Virtual seconds until a join counts as failed: three birthday rounds, begun at 0, 20 and 50 s, and what follows them. */
const ROUNDS_LIMIT_SECONDS = '90';

interface Task {
  readonly seed: string;
  readonly limitMs: number;
  readonly options: JobOptions;
}

if (isMainThread) await main();
else {
  const { seed, limitMs, options } = workerData as Task;
  serve((job: Job) => runJob(job, seed, limitMs, options));
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      n: { type: 'string', default: '200' },
      seed: { type: 'string', default: '1' },
      cells: { type: 'string' },
      limit: { type: 'string', default: ROUNDS_LIMIT_SECONDS },
      workers: { type: 'string', default: String(Math.min(2, availableParallelism())) },
      ipv6: { type: 'boolean', default: false },
      left: { type: 'string' },
      relay: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
    },
  });
  const cells = values.cells === undefined ? allCells() : values.cells.split(',').map(parseCell);
  const worlds = Number(values.n);
  // World by world through all cells, so that a cell's slow worlds are spread over the run.
  const jobs = Array.from({ length: worlds }, (_, n) => cells.map(([left, right]) => ({ left, right, n }))).flat();
  const began = performance.now();
  const { seed, ipv6, relay } = values;
  const left = values.left === undefined ? {} : { left: parseFamilies(values.left) };
  const task: Task = { seed, limitMs: 1000 * Number(values.limit), options: { ipv6, relay, ...left } };
  const results = await runPool<Job, JobResult>(jobs, {
    ...{ script: new URL(import.meta.url), workers: Number(values.workers), task },
    onProgress(done) {
      if (process.stderr.isTTY) process.stderr.write(`\r${done} of ${jobs.length} worlds `);
    },
  });
  const seconds = (performance.now() - began) / 1000;
  const summary = summarize(results, ipv6);
  const document = {
    commit: commit(),
    n: worlds,
    ...{ seed, ipv6, relay, ...left },
    limitSeconds: Number(values.limit),
    seconds,
    ...summary,
  };
  if (values.keep) keep(document, summary);
  if (values.json) process.stdout.write(`${JSON.stringify(document)}\n`);
  else process.stdout.write(report(summary, seconds));
  process.exitCode = summary.faults.length === 0 ? 0 : 1;
}

function allCells(): (readonly [SimClassId, SimClassId])[] {
  return UDP_CLASSES.flatMap((left, i) => UDP_CLASSES.slice(i).map((right) => [left, right] as const));
}

function parseCell(text: string): readonly [SimClassId, SimClassId] {
  const ids = text.split('-').map((part) => SIM_CLASSES.find((id) => id === part));
  const [a, b] = ids;
  if (a === undefined || b === undefined || ids.length !== 2) throw new Error(`no such pair of classes: ${text}`);
  return [a, b];
}

function parseFamilies(text: string): Families {
  const found = FAMILIES.find((one) => one === text);
  if (found === undefined) throw new Error(`no such families: ${text}; there are ${FAMILIES.join(', ')}`);
  return found;
}

function report(summary: Summary, seconds: number): string {
  const rows = Object.entries(summary.cells).map(([name, cell]) => cellLine(name, cell));
  const mixes = Object.entries(summary.mixes).map(([name, mix]) => mixLine(name, mix));
  const families = Object.entries(summary.families).map(([name, row]) => familiesLine(name, row));
  return [
    'pair       success [95 % bounds]    theory  plain   median     p95   packets (median, p95)  attempts  mappings',
    ...rows,
    ...(mixes.length > 0
      ? [
          '',
          'mix             direct, UDP [95 %]    theory  plain    all  theory  plain  relayed   none    data  direct',
          ...mixes,
        ]
      : []),
    ...(families.length > 0 ? ['', 'families         worlds  direct  relayed   none  direct in', ...families] : []),
    ...summary.faults.map((fault) => `FAULT ${fault}`),
    `${Object.values(summary.cells).reduce((sum, cell) => sum + cell.worlds, 0)} worlds in ${seconds.toFixed(1)} s`,
    '',
  ].join('\n');
}

function percent(value: number): string {
  return (100 * value).toFixed(1).padStart(5);
}

function seconds(value: number | null): string {
  return value === null ? '      -' : `${(value / 1000).toFixed(2).padStart(6)}s`;
}

function cellLine(name: string, cell: Cell): string {
  return [
    name.padEnd(9),
    `${percent(cell.success)} [${percent(cell.low)},${percent(cell.high)}]`,
    percent(cell.theory.full).padStart(10),
    percent(cell.plain).padStart(6),
    seconds(cell.medianMs).padStart(8),
    seconds(cell.p95Ms),
    String(cell.packetsMedian ?? '-').padStart(9),
    String(cell.packetsP95 ?? '-').padStart(6),
    String(cell.attemptsP95 ?? '-').padStart(13),
    String(cell.mappingsPeak).padStart(9),
  ].join(' ');
}

function mixLine(name: string, mix: Mix): string {
  return [
    name.padEnd(14),
    `${percent(mix.udp)} [${percent(mix.udpLow)},${percent(mix.udpHigh)}]`,
    percent(mix.theory.full.udp).padStart(8),
    percent(mix.plain.udp).padStart(6),
    percent(mix.all).padStart(6),
    percent(mix.theory.full.all).padStart(7),
    percent(mix.plain.all).padStart(6),
    percent(mix.relayed).padStart(8),
    percent(mix.none).padStart(6),
    seconds(mix.dataMedianMs),
    seconds(mix.directMedianMs),
  ].join(' ');
}

function familiesLine(name: string, row: FamiliesRow): string {
  const shares = [row.direct, row.relayed, row.none].map((value) => percent(value).padStart(7));
  return [name.padEnd(14), String(row.worlds).padStart(8), ...shares, seconds(row.directMedianMs).padStart(10)].join(
    ' ',
  );
}

function commit(): string {
  return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
}

/** Leaves the document and the picture under `bench/results`, named after the commit. */
function keep(document: { readonly commit: string }, summary: Summary): void {
  const folder = 'bench/results';
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}/success-${document.commit}.json`, `${JSON.stringify(document, null, 1)}\n`);
  const share = (row: string, column: string): number | null =>
    (summary.cells[`${row}-${column}`] ?? summary.cells[`${column}-${row}`])?.success ?? null;
  const title = `A direct path, by pair of classes (${document.commit})`;
  writeFileSync(`${folder}/success-${document.commit}.svg`, heatMap(title, UDP_CLASSES, share));
}
