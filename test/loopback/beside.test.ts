/** Honest people beside attackers, in the build (`test/replay/`): virtual time, but the scripts run what was built. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const node = (...args: readonly string[]) => promisify(execFile)(process.execPath, [...args], { cwd: ROOT });

test('an honest join beside each attack takes at most twice as long as without', { timeout: 240_000 }, async () => {
  const { stdout } = await node('test/replay/beside.mjs', '.', '--seeds', '3');
  expect(stdout.split('\n').filter((line) => line.includes(' times'))).toHaveLength(8);
  expect(stdout).not.toContain('MORE THAN TWICE');
});

test('no attack of the audit that needs no process works on this build', { timeout: 240_000 }, async () => {
  const numbers = ['1', '2', '6', '7', '9', '10', '11', '13', '14', '18', '19'];
  const { stdout } = await node('test/replay/run.mjs', '.', ...numbers.flatMap((number) => ['--only', number]));
  expect(stdout.match(/ fails {2}/g)).toHaveLength(numbers.length);
  expect(stdout).toContain('0 attacks work');
});
