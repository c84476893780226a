import { defineConfig } from 'vitest/config';

/** What StrykerJS runs: the tests that `npm run mutants` has chosen, one after the other. */
export default defineConfig({
  test: {
    include: JSON.parse(process.env.SALLYPORT_TESTS ?? '[]') as string[],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
