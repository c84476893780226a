/**
 * Ends a run with one line of counts, after saying which tests were skipped; their names carry the reason. A run that is told to
 * end before its time says which tests it was waiting for: each of them has failed.
 */
import type { Reporter, TestCase, TestModule, Vitest } from 'vitest/node';

type State = ReturnType<TestCase['result']>['state'];

const where = (test: TestCase): string => `${test.module.relativeModuleId} > ${test.fullName}`;

function printCounts(passed: number, failed: number, skipped: number): void {
  process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`);
}

// biome-ignore lint/style/noDefaultExport: vitest loads a reporter by its default export.
export default class CountsReporter implements Reporter {
  readonly #running = new Set<TestCase>();
  readonly #ended: Record<State, number> = { passed: 0, failed: 0, skipped: 0, pending: 0 };

  /** What was asked for by name (`-t`): the others were not skipped, they were not meant. */
  #asked: RegExp | undefined;

  onInit(vitest: Vitest): void {
    this.#asked = vitest.config.testNamePattern;
    process.once('SIGTERM', () => this.#giveUp());
  }

  onTestCaseReady(test: TestCase): void {
    this.#running.add(test);
  }

  onTestCaseResult(test: TestCase): void {
    this.#running.delete(test);
    const { state, errors } = test.result();
    if (!this.#isMeant(test)) return;
    this.#ended[state] += 1;
    // At once, because a run that is stopped comes to no summary.
    if (state === 'failed') process.stdout.write(`FAILED ${where(test)}: ${errors?.[0]?.message}\n`);
    if (test.diagnostic()?.flaky) process.stdout.write(`FLAKY ${where(test)}: ${errors?.[0]?.message}\n`);
  }

  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    const all = modules.flatMap((module) => [...module.children.allTests()]);
    const tests = all.filter((test) => this.#isMeant(test));
    const stateOf = (...states: readonly State[]): TestCase[] =>
      tests.filter((test) => states.includes(test.result().state));
    const skipped = stateOf('skipped', 'pending');
    // A file that does not load, a hook that fails and an error outside any test fail the run as well.
    const groups = modules.flatMap((module) => [module, ...module.children.allSuites()]);
    const broken = groups.filter((group) => group.errors().length > 0).length;
    const flaky = tests.filter((test) => test.diagnostic()?.flaky);
    for (const test of flaky) process.stdout.write(`FLAKY, passed when run once more: ${where(test)}\n`);
    for (const test of skipped) process.stdout.write(`SKIPPED ${test.fullName}\n`);
    const failed = stateOf('failed').length + broken + unhandled.length;
    printCounts(stateOf('passed').length, failed, skipped.length);
  }

  #isMeant({ fullName }: TestCase): boolean {
    return this.#asked === undefined || this.#asked.test(fullName.replaceAll(' > ', ' '));
  }

  #giveUp(): void {
    for (const test of this.#running) process.stdout.write(`STOPPED ${where(test)}\n`);
    printCounts(this.#ended.passed, this.#ended.failed + Math.max(1, this.#running.size), this.#ended.skipped);
    process.exit(143);
  }
}
