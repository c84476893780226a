/** Ends a run with one line of counts, after saying which tests were skipped; their names carry the reason. */
import type { Reporter, TestModule } from 'vitest/node';

function isSkipped(test: { result(): { readonly state: string } }): boolean {
  const { state } = test.result();
  return state === 'skipped' || state === 'pending';
}

// biome-ignore lint/style/noDefaultExport: vitest loads a reporter by its default export.
export default class CountsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const skipped = tests.filter(isSkipped);
    const passed = tests.filter((test) => test.result().state === 'passed').length;
    const failedTests = tests.filter((test) => test.result().state === 'failed').length;
    // A file that does not load, a hook that fails and an error outside any test fail the run as well.
    const groups = modules.flatMap((module) => [module, ...module.children.allSuites()]);
    const broken = groups.filter((group) => group.errors().length > 0).length;
    for (const test of skipped) process.stdout.write(`SKIPPED ${test.fullName}\n`);
    const failed = failedTests + broken + unhandled.length;
    process.stdout.write(`${passed} passed, ${failed} failed, ${skipped.length} skipped\n`);
  }
}
