/**
 * How well the detector knows NATs, against a simulated internet whose NATs are known: `npm run bench:detection -- --n 500 --keep`.
 * For every class of the population and every behaviour of the simulator: is the mapping right, the allocator (kind, step exact,
 * block exact, range within 5 %), the stated confidence, the stated set for the next port? How long, how many packets and mappings?
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { CASES } from './detection-cases.ts';
import { type Outcome, runCase } from './detection-job.ts';
import { printReliability, printShort, printTable, summarise } from './detection-report.ts';
import type { DetectionSetting } from './detection-world.ts';

/** Users handed to a worker at a time: a second or less. */
const BATCH = 50;
/** Only right answers that are surer than this are left out of the list of `--verbose`. */
const SURE = 0.98;

interface Task {
  readonly seed: string;
  readonly servers: DetectionSetting['servers'];
  readonly verbose: boolean;
}

/** The users from `from` to `to`, without it, of one case. */
interface Job {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

interface JobResult {
  readonly job: Job;
  readonly outcomes: readonly Outcome[];
}

if (isMainThread) await main();
else work(workerData as Task);

function work(task: Task): void {
  parentPort?.on('message', (job: Job) => parentPort?.postMessage({ job, outcomes: runJob(job, task) }));
  parentPort?.postMessage(null);
}

function runJob({ name, from, to }: Job, { seed, servers, verbose }: Task): Outcome[] {
  const one = CASES.find((candidate) => candidate.name === name)!;
  return Array.from({ length: to - from }, (_, k) => {
    const i = from + k;
    const own = `${seed} ${name} ${i}`;
    const outcome = runCase(one.user(own, i), own, servers);
    const right = outcome.mapping && outcome.allocator && outcome.refinedMapping && outcome.refinedAllocator;
    if (verbose && !(right && outcome.confidence > SURE))
      console.error(`${right ? 'right' : 'wrong'} ${own}: ${outcome.said}`);
    return outcome;
  });
}

async function runAll(jobs: readonly Job[], task: Task, workers: number): Promise<JobResult[]> {
  const results: JobResult[] = [];
  let next = 0;
  const runWorker = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const worker = new Worker(new URL(import.meta.url), { workerData: task });
      worker.on('error', reject);
      worker.on('message', (result: JobResult | null) => {
        if (result !== null) results.push(result);
        const job = jobs[next++];
        if (job !== undefined) worker.postMessage(job);
        else worker.terminate().then(() => resolve(), reject);
      });
    });
  await Promise.all(Array.from({ length: workers }, runWorker));
  return results;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      n: { type: 'string', default: '20' },
      seed: { type: 'string', default: '1' },
      /** Parts of names, with | between them; `=NAME` for a whole one. */
      only: { type: 'string', default: '' },
      servers: { type: 'string', default: 'master-two-addresses' },
      workers: { type: 'string', default: String(Math.min(2, availableParallelism())) },
      /** Names the cases that went wrong, and those that were not said to be sure. */
      verbose: { type: 'boolean', default: false },
      /** Keeps the table in `bench/results`, named after the commit. */
      keep: { type: 'boolean', default: false },
    },
  });
  const n = Number(values.n);
  // Asked for at the start: when the results are written, an hour later, another commit may be checked out.
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  const servers = values.servers as DetectionSetting['servers'];
  const parts = values.only.split('|');
  const cases = CASES.filter(({ name }) =>
    parts.some((part) => (part[0] === '=' ? name === part.slice(1) : name.includes(part))),
  );
  const batches = Array.from({ length: Math.ceil(n / BATCH) }, (_, k) => ({
    from: k * BATCH,
    to: Math.min(n, (k + 1) * BATCH),
  }));
  const jobs = cases.flatMap(({ name }) => batches.map((batch) => ({ name, ...batch })));
  const began = performance.now();
  const results = await runAll(jobs, { seed: values.seed, servers, verbose: values.verbose }, Number(values.workers));
  const outcomes = cases.map(({ name, share }) => ({
    name,
    list: results
      .filter(({ job }) => job.name === name)
      .flatMap(({ job, outcomes: some }) => some.map((one, k) => ({ ...one, share: share(job.from + k) }))),
  }));
  const rows = outcomes.map(({ name, list }) => summarise(name, list));
  const all = outcomes.flatMap(({ list }) => list);
  const lines = [...printTable(rows), '', ...printReliability(all), ...printShort(rows, all)];
  console.log([...lines, `${((performance.now() - began) / 1000).toFixed(0)} s`].join('\n'));
  if (!values.keep) return;
  mkdirSync('bench/results', { recursive: true });
  writeFileSync(
    `bench/results/detection-${servers}-${commit}.txt`,
    `commit ${commit}, seed ${values.seed}, n = ${n} a case, 2 % loss, ${servers}\n\n${lines.join('\n')}\n`,
  );
}
