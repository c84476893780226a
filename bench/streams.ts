/**
 * Streams in simulated worlds: `npm run bench:streams`. Transfers that must be exact to the byte, and long ones over one line with a game
 * beside it. `-- --transfers N`, `--seed S`, `--seconds N`, `--workers N`.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { isMainThread, workerData } from 'node:worker_threads';
import { runPool, serve } from './pool.ts';
import { type LineResult, lineRow, ROWS } from './streams-rows.ts';
import { runTransfer, type Transferred } from './streams-transfers.ts';

type Job = { readonly transfer: number } | { readonly row: number };
interface Task {
  readonly seed: string;
  readonly seconds: number;
}
type Result = Transferred | (LineResult & { readonly row: number });

if (isMainThread) await main();
else {
  const { seed, seconds } = workerData as Task;
  serve((job: Job): Result => {
    if ('transfer' in job) return runTransfer(`${seed}-${job.transfer}`);
    return { row: job.row, ...lineRow({ ...ROWS[job.row]!, seconds }, seed) };
  });
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      transfers: { type: 'string', default: '10000' },
      seconds: { type: 'string', default: '60' },
      seed: { type: 'string', default: '1' },
      workers: { type: 'string', default: String(Math.min(2, availableParallelism())) },
    },
  });
  const numbers = (count: number): number[] => [...Array(count).keys()];
  const jobs: Job[] = [
    ...numbers(ROWS.length).map((row) => ({ row })),
    ...numbers(Number(values.transfers)).map((transfer) => ({ transfer })),
  ];
  const task: Task = { seed: values.seed, seconds: Number(values.seconds) };
  const results = await runPool<Job, Result>(jobs, {
    ...{ script: new URL(import.meta.url), workers: Number(values.workers), task },
    onProgress(done) {
      if (process.stderr.isTTY) process.stderr.write(`\r${done} of ${jobs.length} worlds `);
    },
  });
  const rows = results.filter((result) => 'row' in result);
  const transfers = results.filter((result) => 'wrong' in result);
  const lines = [...rowLines(rows), '', ...transferLines(transfers)];
  process.stdout.write(`${lines.join('\n')}\n`);
  process.exitCode = lines.some((line) => line.endsWith(' no')) ? 1 : 0;
}

function rowLines(rows: readonly (LineResult & { readonly row: number })[]): string[] {
  const told = (name: string, ...cells: readonly string[]): string =>
    [name.padEnd(48), ...cells.map((cell) => cell.padEnd(12))].join(' ').trimEnd();
  const head = told('a line, a stream, a game beside it', 'Mbit/s', 'game p50', 'game p99', 'worst', 'asked', 'met');
  const lines = rows.map(({ row, megabits, gameP50Ms, gameP99Ms, gameMaxMs }) => {
    const { name, megabitsMin, gameP99MsMax } = ROWS[row]!;
    const ms = (value: number): string => `${value.toFixed(1)} ms`;
    const met = megabits >= megabitsMin && gameP99Ms <= gameP99MsMax ? 'yes' : 'no';
    const asked = `${megabitsMin}, ${gameP99MsMax} ms`;
    return told(name, megabits.toFixed(2), ms(gameP50Ms), ms(gameP99Ms), ms(gameMaxMs), asked, met);
  });
  return [head, ...lines];
}

function transferLines(transfers: readonly Transferred[]): string[] {
  const sum = (of: (one: Transferred) => number): number => transfers.reduce((all, one) => all + of(one), 0);
  const wrong = transfers.filter((one) => one.wrong !== null);
  return [
    `${transfers.length} transfers: ${sum((one) => one.streams)} streams, ${(sum((one) => one.bytes) / 1e9).toFixed(2)} GB,`,
    `  ${sum((one) => one.resets)} broken off, ${sum((one) => one.switches)} switches of path, the longest ${(Math.max(0, ...transfers.map((one) => one.elapsedMs)) / 1_000).toFixed(1)} s`,
    `exact to the byte: ${transfers.length - wrong.length} of ${transfers.length}, all asked ${wrong.length === 0 ? 'yes' : 'no'}`,
    ...wrong.slice(0, 5).map((one) => `  ${one.seed}: ${one.wrong}`),
  ];
}
