/**
 * Worlds of the population whose every packet is checked, and worlds in which something goes wrong, in virtual time:
 * `npm run bench:checked -- --worlds 100000 --faults 10000 --first 0 --workers 2 --minutes 40`. A line for each that breaks a rule,
 * with the command that repeats it; exit code 1 then.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { isMainThread } from 'node:worker_threads';
import { type CheckedWorld, checkedWorld, faultWorld } from './checked-job.ts';
import { runPool, serve } from './pool.ts';

interface Job {
  readonly kind: 'worlds' | 'faults';
  readonly n: number;
}

interface JobResult extends CheckedWorld {
  readonly job: Job;
}

const RUN: Readonly<Record<Job['kind'], (n: number) => CheckedWorld>> = {
  worlds: (n) => checkedWorld(n),
  faults: (n) => faultWorld(n),
};
const TELL_EVERY = 1_000;

if (isMainThread) await main();
else serve((job: Job): JobResult => ({ job, ...RUN[job.kind](job.n) }));

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      worlds: { type: 'string', default: '1000' },
      faults: { type: 'string', default: '0' },
      first: { type: 'string', default: '0' },
      workers: { type: 'string', default: String(Math.min(2, availableParallelism())) },
      minutes: { type: 'string' },
    },
  });
  const first = Number(values.first);
  const jobsOf = (kind: Job['kind']): Job[] =>
    Array.from({ length: Number(values[kind]) }, (_, n) => ({ kind, n: first + n }));
  const jobs = [...jobsOf('worlds'), ...jobsOf('faults')];
  const began = performance.now();
  const results = await runPool<Job, JobResult>(jobs, {
    ...{ script: new URL(import.meta.url), workers: Number(values.workers) },
    ...(values.minutes === undefined ? {} : { forMs: 60_000 * Number(values.minutes) }),
    onProgress(done, batch) {
      for (const { job, what, found } of batch) if (found !== null) process.stdout.write(line(job, what, found));
      if (done % TELL_EVERY === 0) process.stderr.write(`${done} of ${jobs.length} worlds\n`);
    },
  });
  const seconds = (performance.now() - began) / 1000;
  for (const kind of ['worlds', 'faults'] as const) process.stdout.write(summary(kind, results));
  process.stdout.write(`${results.length} in ${seconds.toFixed(0)} s\n`);
  process.exitCode = results.some(({ found }) => found !== null) ? 1 : 0;
}

function line({ kind, n }: Job, what: string, found: string): string {
  const other = kind === 'worlds' ? '' : '--worlds 0 ';
  return `BROKEN ${what}: ${found}; npm run bench:checked -- ${other}--${kind} 1 --first ${n}\n`;
}

function summary(kind: Job['kind'], results: readonly JobResult[]): string {
  const mine = results.filter(({ job }) => job.kind === kind);
  if (mine.length === 0) return '';
  const broken = mine.filter(({ found }) => found !== null).length;
  return `${kind}: ${mine.length} run, ${mine.filter(({ connected }) => connected).length} with a path, ${broken} broke a rule\n`;
}
