/**
 * What takes too long for `npm test`: `npm run full -- [SUITE…]`. What a suite prints as rows of a table, its skipped and failed tests and
 * its counts are kept in bench/results/full-SUITE-COMMIT.txt, with the command that repeats it.
 */
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** What is asked of vitest, and how often a test that repeats itself does. */
const SUITES = {
  games: { argv: ['--project', 'full', 'test/full/game'], runs: 20 },
  dist: { argv: ['--project', 'full', 'test/full/executables.test.ts'], runs: 20 },
  long: { argv: ['--project', 'full', 'test/lab'], runs: 1 },
  relayed: { argv: ['test/lab/relayed.test.ts'], runs: 20 },
  killed: { argv: ['test/lab/killed-host.test.ts'], runs: 20 },
};

const wanted = process.argv.slice(2);
const names = wanted.length === 0 ? Object.keys(SUITES) : wanted;
const unknown = names.filter((name) => !Object.hasOwn(SUITES, name));
if (unknown.length > 0) {
  process.stderr.write(`There is no suite ${unknown.join(', ')}: ${Object.keys(SUITES).join(', ')}.\n`);
  process.exit(2);
}

const git = (...argv) => execFileSync('git', argv, { encoding: 'utf8' }).trim();
const changed = git('status', '--porcelain', '--', 'src', 'lab', 'test') === '' ? '' : ' with changes not committed';
const commit = git('rev-parse', '--short', 'HEAD');
const keeps = /^(?:\||SKIPPED |FAILED |FLAKY |\d+ passed, )/;

async function run(name) {
  const { argv, runs } = SUITES[name];
  const lab = process.env.LAB_RUNS ?? String(runs);
  const child = spawn(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...argv], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, LAB_RUNS: lab, NO_COLOR: '1' },
  });
  const kept = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    process.stdout.write(`${line}\n`);
    if (keeps.test(line)) kept.push(line);
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  const head = [
    `LAB_RUNS=${lab} npm run full -- ${name}`,
    `commit ${commit}${changed}, ${new Date().toISOString().slice(0, 10)}, Node ${process.version}, ${readFileSync('/proc/version', 'utf8').split(' ')[2]}`,
  ];
  const file = `bench/results/full-${name}-${commit}.txt`;
  writeFileSync(file, `${[...head, '', ...kept].join('\n')}\n`);
  if (kept.length === 0) rmSync(file);
  return code === 0;
}

const failed = [];
for (const name of names) if (!(await run(name))) failed.push(name);
if (failed.length > 0) {
  process.stderr.write(`Failed: ${failed.join(', ')}.\n`);
  process.exit(1);
}
