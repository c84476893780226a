import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { limitPlugins } from './test/mutants/limits.ts';
import { mutantPlugins } from './test/mutants/mutant.ts';

const ROOT = fileURLToPath(new URL('.', import.meta.url)).replace(/\/$/, '');

/**
 * Two minutes and more each, of kinds that others stand for in `npm test`: `lab/portmap` and `lab/detection` of mappings and their proofs,
 * `ui/first-run` and `lab/invite` of a first evening.
 */
const LONG = ['own-master', 'pinhole', 'probe-ports', 'router-restart', 'self-test'].map(
  (name) => `test/lab/${name}.test.ts`,
);

/** They say how long a game stands still on kernels, so nothing may run beside them: last, one after the other. */
const ALONE = ['outlives', 'black-hole'].map((name) => `test/lab/${name}.test.ts`);

const CI_RETRY = process.env.CI === 'true' ? 1 : 0;

export default defineConfig({
  plugins: [...mutantPlugins(ROOT), ...limitPlugins(ROOT)],
  test: {
    ...(process.env.SALLYPORT_LIMITS === undefined ? {} : { setupFiles: ['test/mutants/limit-watch.ts'] }),
    // Limits of patience, not claims: a slow machine may take long, and only a test that fails waits for them.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 15_000 } },
    pool: 'forks',
    // The longest files mostly wait for real time, so two more than there are cores; few where many cores are counted that
    // a container may not use.
    maxWorkers: Math.min(availableParallelism() + 2, 4),
    // The last line of a run is always "N passed, N failed, N skipped".
    reporters: ['default', './test/reporter.ts'],
    projects: [
      // What only computes: it fails at once, everywhere. Nothing of it changes what modules share, so files have the modules of the
      // one before, whose loading took a third of the time.
      {
        extends: true,
        test: { name: 'pure', include: ['test/{unit,property,sim,hostile}/**/*.test.ts'], isolate: false },
      },
      // Real kernels, clocks and browsers. In CI one that fails runs once more, and one that passes then is named aloud as
      // FLAKY by the reporter, to be mended: what disturbed it was the machine or a race, and both are worth a look.
      {
        extends: true,
        test: {
          name: 'real',
          include: ['test/{lab,loopback,ui}/**/*.test.ts'],
          exclude: [...LONG, ...ALONE],
          retry: CI_RETRY,
        },
      },
      {
        extends: true,
        test: { name: 'alone', include: ALONE, retry: CI_RETRY, fileParallelism: false, sequence: { groupOrder: 1 } },
      },
      // What takes long, or packages of some hundred megabytes: `npm run full`, not `npm test`.
      { extends: true, test: { name: 'full', include: ['test/full/**/*.test.ts', ...LONG], fileParallelism: false } },
    ],
  },
});
