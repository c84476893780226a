/** How the app gets into the browser: by a file of its owner, with nothing on a command line that others may read. */
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Bench } from './processes.ts';

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(() => bench.close());

/** The command lines of all processes that there are, as any user of this computer reads them. */
function commandLines(): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return [readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')];
      } catch {
        return [];
      }
    });
}

test('the token of the app stands on no command line, and in a file for its owner alone', async () => {
  const [folder, state] = [bench.folder(), bench.folder()];
  const tools = join(folder, 'bin');
  mkdirSync(tools);
  // A browser that is slow to come up, so that there is time to look at it.
  const tool = join(tools, 'xdg-open');
  writeFileSync(
    tool,
    `#!/bin/sh\nprintf '%s' "$1" > ${folder}/opened.part\nmv ${folder}/opened.part ${folder}/opened\nsleep 20\n`,
  );
  chmodSync(tool, 0o755);
  const run = bench.sallyport(['ui', '--json', '--state-dir', state], { PATH: `${tools}:${process.env.PATH}` });
  const link = String((await run.line('ready')).link);
  const token = /#t=([\w-]{20,})$/.exec(link)?.[1] ?? expect.unreachable('the link has a token');
  await expect.poll(() => existsSync(join(folder, 'opened'))).toBe(true);
  const opened = readFileSync(join(folder, 'opened'), 'utf8');
  const lines = commandLines();
  expect(lines.filter((line) => line.includes(opened)).length).toBeGreaterThan(0);
  expect(lines.filter((line) => line.includes(token))).toEqual([]);
  const path = fileURLToPath(opened);
  expect(path.startsWith(state)).toBe(true);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readFileSync(path, 'utf8')).toContain(`content="0; url=${link}"`);
  run.kill('SIGINT');
  expect(await run.exit).toBe(130);
  expect(existsSync(path)).toBe(false);
});
