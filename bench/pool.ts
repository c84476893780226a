/** Jobs on worker threads: a benchmark runs its own file again in each of them, with `serve` instead of its main function. */
import { parentPort, Worker } from 'node:worker_threads';

/** Jobs handed to a worker at a time: few enough that the last one finishes soon after the others. */
const BATCH = 5;
/** A world lives for tens of milliseconds: with room for several of them most objects die before they are ever copied. */
const YOUNG_GENERATION_MB = 192;

/** In a worker: answers each batch of jobs with its results. */
export function serve<Job, Result>(run: (job: Job) => Result): void {
  parentPort?.on('message', (jobs: readonly Job[]) => {
    parentPort?.postMessage(jobs.map(run));
  });
  parentPort?.postMessage([]);
}

export interface PoolOptions<Result> {
  readonly script: URL;
  readonly workers: number;
  /** For `workerData` in each worker. */
  readonly task?: unknown;
  /** No job is begun later than that, in ms. */
  readonly forMs?: number;
  /** So many of the jobs are done, the last of them with these results. */
  onProgress?(done: number, batch: readonly Result[]): void;
}

/** The results in the order in which they came. */
export async function runPool<Job, Result>(jobs: readonly Job[], options: PoolOptions<Result>): Promise<Result[]> {
  const { script, workers, task, forMs = Number.POSITIVE_INFINITY, onProgress } = options;
  const results: Result[] = [];
  const until = performance.now() + forMs;
  let next = 0;
  const runWorker = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const resourceLimits = { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB };
      const worker = new Worker(script, { workerData: task, resourceLimits });
      worker.on('error', reject);
      worker.on('message', (batch: readonly Result[]) => {
        results.push(...batch);
        const more = performance.now() < until ? jobs.slice(next, next + BATCH) : [];
        next += more.length;
        onProgress?.(results.length, batch);
        if (more.length > 0) worker.postMessage(more);
        else worker.terminate().then(() => resolve(), reject);
      });
    });
  await Promise.all(Array.from({ length: workers }, runWorker));
  return results;
}
