import { expect, test } from 'vitest';
import { Bench } from '../loopback/processes.ts';
import { describeUnless, labMissing } from '../support.ts';

describeUnless(labMissing(), '`sallyport lab`', () => {
  test('fails with what the command in it said, and its exit code', async () => {
    const bench = new Bench();
    try {
      const run = bench.sallyport(['lab', '--pair', 'X,P3', '--json']);
      expect(await run.exit).toBe(3);
      expect(run.lines.at(-1)).toMatchObject({ ev: 'error', code: 'MASTER_UNREACHABLE' });
    } finally {
      await bench.close();
    }
  });

  test('ends by SIGINT in the middle of a join that would go on', async () => {
    const bench = new Bench();
    try {
      const run = bench.sallyport(['lab', '--pair', 'S4,S4', '--json']);
      await expect.poll(() => run.lines.some(({ side }) => side === 'client')).toBe(true);
      run.kill('SIGINT');
      expect(await run.exit).toBe(130);
      expect(run.lines.some(({ ev }) => ev === 'error' || ev === 'result')).toBe(false);
    } finally {
      await bench.close();
    }
  });
});
