/**
 * `npm run mutants:find`: looks for tests that notice another value of the limits in `limits-unreached.json`. The tests run once and tell which limits
 * each reads (`limit-watch.ts`); then, pass by pass, each test runs with one of its limits changed. What fails is proposed as lines for
 * `limits.json`, which `npm run mutants:limits` then tries one by one. `-- --tests unit,property,sim` says which tests, `--each 12` how many are
 * tried for a limit, `--read FILE` takes what an earlier run has read.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Watch, Watched } from './limit-watch.ts';
import { type LimitChange, readUnreached } from './limits.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '');
const PASS_MS_MAX = 120_000;
const READING_MS_MAX = 3_600_000;
/** A test that takes longer is no use for trying. */
const TEST_MS_MAX = 8_000;
const FACTORS = [16, 1 / 16];

const { values: flags } = parseArgs({
  options: {
    tests: { type: 'string', default: 'unit,property' },
    each: { type: 'string', default: '12' },
    only: { type: 'string', default: '' },
    read: { type: 'string' },
  },
});
const folder = mkdtempSync(join(tmpdir(), 'sallyport-limits-'));
const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** What the watch has written down; a run that takes too long is ended, and what it has written counts. */
async function watched(
  watch: Watch,
  files: readonly string[],
  names: readonly string[],
  msMax: number,
): Promise<readonly Watched[]> {
  const pattern = names.length === 0 ? [] : ['-t', `^(?:${names.map(escaped).join('|')})$`];
  const args = ['run', ...files, ...pattern, '--maxWorkers=2', '--testTimeout=30000'];
  const env = { ...process.env, SALLYPORT_LIMITS: JSON.stringify(watch), FUZZ: process.env.FUZZ ?? '300' };
  const child = spawn(process.execPath, [`${ROOT}/node_modules/vitest/vitest.mjs`, ...args], {
    ...{ cwd: ROOT, env, stdio: 'ignore', detached: true },
  });
  // With the workers, of which one may be in an endless loop.
  const end = (): void => {
    try {
      process.kill(-(child.pid as number), 'SIGKILL');
    } catch {}
  };
  const timer = setTimeout(end, msMax);
  await new Promise((resolve) => child.once('close', resolve));
  clearTimeout(timer);
  end();
  return existsSync(watch.file) ? linesOf(watch.file) : [];
}

function linesOf(file: string): readonly Watched[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.filter((line) => line.endsWith('}')).map((line) => JSON.parse(line) as Watched);
}

interface Trial {
  readonly change: LimitChange;
  readonly test: string;
}

const fileOf = (test: string): string => test.split(' ', 1)[0] as string;
const titleOf = (test: string): string => test.slice(fileOf(test).length + 1);

/** Tests that read few limits first, and quick ones; at most a third of them from one file. */
function trialsOf(limit: string, reads: readonly Watched[], each: number): readonly Trial[] {
  const readers = reads.filter(({ limits, ms }) => limits?.includes(limit) && (ms ?? 0) <= TEST_MS_MAX);
  const cost = ({ ms = 0, limits = [] }: Watched): number => ms + 20 * limits.length;
  const perFile = new Map<string, number>();
  const chosen = [...readers]
    .sort((a, b) => cost(a) - cost(b))
    .filter(({ test }) => {
      const count = perFile.get(fileOf(test)) ?? 0;
      perFile.set(fileOf(test), count + 1);
      return count < each / 3;
    });
  return chosen.slice(0, each).flatMap(({ test }) => FACTORS.map((factor) => ({ test, change: { limit, factor } })));
}

async function main(): Promise<number> {
  const kinds = flags.tests.split(',');
  const reads =
    flags.read !== undefined
      ? linesOf(flags.read)
      : await watched(
          { file: join(folder, 'reads') },
          kinds.map((kind) => `test/${kind}`),
          [],
          READING_MS_MAX,
        );
  const limits = readUnreached(ROOT).filter((limit) => limit.includes(flags.only));
  const queues = new Map(limits.map((limit) => [limit, [...trialsOf(limit, reads, Number(flags.each))]]));
  console.log(
    `${reads.length} tests; no test reads ${limits.filter((limit) => queues.get(limit)?.length === 0).join(' ')}`,
  );
  const found = new Map<string, Trial>();
  for (let pass = 1; [...queues.values()].some((queue) => queue.length > 0); pass++) {
    const trials = new Map<string, Trial>();
    for (const queue of queues.values()) {
      const at = queue.findIndex(({ test }) => !trials.has(test));
      const [trial] = at < 0 ? [] : queue.splice(at, 1);
      if (trial !== undefined) trials.set(trial.test, trial);
    }
    const changes = Object.fromEntries([...trials].map(([test, { change }]) => [test, change]));
    const files = [...new Set([...trials.keys()].map((test) => `test/${fileOf(test)}.test.ts`))];
    const names = [...trials.keys()].map(titleOf);
    const lines = await watched({ file: join(folder, `pass-${pass}`), changes }, files, names, PASS_MS_MAX);
    const begun = new Set(lines.filter(({ what }) => what === 'begun').map(({ test }) => test));
    for (const { what, test } of lines) {
      const trial = trials.get(test);
      if (what !== 'failed' || trial === undefined || found.has(trial.change.limit)) continue;
      found.set(trial.change.limit, trial);
      queues.set(trial.change.limit, []);
    }
    // Not come to, because the pass was ended: once more.
    for (const trial of trials.values())
      if (!begun.has(trial.test) && begun.size > 0) queues.get(trial.change.limit)?.push(trial);
    const rows = [...found.values()].map(({ test, change }) => ({
      ...change,
      test: fileOf(test),
      title: titleOf(test),
    }));
    writeFileSync(join(folder, 'found.json'), `${JSON.stringify(rows, null, 2)}\n`);
    console.log(
      `pass ${pass}: ${trials.size} trials, ${begun.size} begun, ${found.size} of ${limits.length} found: ${folder}/found.json`,
    );
  }
  return 0;
}

process.exitCode = await main();
