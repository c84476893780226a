/**
 * `npm run mutants -- FOLDER`: mutation testing of one folder by StrykerJS, with the tests of test/unit and test/property that
 * import something from it; `--tests secure,path` takes those whose names begin so instead, of test/sim as well, which is quicker where
 * everything uses the folder. `--break PERCENT` fails below a score. `--lines N` takes whole functions by lot, drawn by `--seed`, until they have
 * N lines: a sample of a room in minutes. `--since REVISION` takes only functions that have changed since, 30 lines of them where `--lines` says nothing
 * else, and beside the tests of the folder those that have changed with them: the gate for a change (`npm run mutants:changed`).
 * The tool is installed on first use into a folder of its own (decisions/0016): `npm ci` stays as light as it is.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { simRandom } from '../../src/sim/index.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '');
const TOOL = `${ROOT}/.mutants`;
const VERSION = '9.6.1';
/** Exit code, told apart from 1: too few were noticed. */
const NO_VERDICT = 3;
/** Of what has changed: some sixty faults. */
const CHANGED_LINES = 30;
const PACKAGES = ['core', 'vitest-runner'].map((name) => `@stryker-mutator/${name}@${VERSION}`);

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    since: { type: 'string' },
    break: { type: 'string', default: '0' },
    concurrency: { type: 'string', default: '2' },
    tests: { type: 'string' },
    lines: { type: 'string' },
    seed: { type: 'string', default: '1' },
  },
});

/** The exit code, and what it has printed where that is asked for. */
async function run(command: string, args: readonly string[], quiet = false, env = {}): Promise<[number, string]> {
  const stdio = ['ignore', quiet ? 'pipe' : 'inherit', 'inherit'] as const;
  const child = spawn(command, args, { cwd: ROOT, stdio: [...stdio], env: { ...process.env, ...env } });
  let text = '';
  child.stdout?.on('data', (chunk) => {
    text += chunk;
  });
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => resolve(status ?? 1));
  });
  return [code, text];
}

async function install(): Promise<void> {
  if (existsSync(`${TOOL}/node_modules/@stryker-mutator/vitest-runner`)) return;
  console.log(`installing StrykerJS ${VERSION} into .mutants`);
  mkdirSync(TOOL, { recursive: true });
  writeFileSync(`${TOOL}/package.json`, '{ "private": true }\n');
  // It uses the vitest of the repository, which lies in a folder above its own.
  const how = ['--prefix', TOOL, '--legacy-peer-deps', '--no-package-lock'];
  const [code] = await run('npm', ['install', ...how, ...PACKAGES]);
  if (code !== 0) throw new Error('StrykerJS could not be installed.');
}

function sourcesIn(folder: string): readonly string[] {
  if (statSync(`${ROOT}/${folder}`).isFile()) return [folder];
  const names = readdirSync(`${ROOT}/${folder}`, { recursive: true, encoding: 'utf8' });
  return names.filter((name) => /\.ts$/.test(name) && !name.endsWith('index.ts')).map((name) => `${folder}/${name}`);
}

/** The functions of a text and the methods of its classes, as first and last line. By Biome's form each ends at its own indent. */
function functionsIn(text: string): readonly (readonly [number, number])[] {
  const lines = text.split('\n');
  const found: (readonly [number, number])[] = [];
  let inClass = false;
  lines.forEach((line, at) => {
    if (/^\S/.test(line)) inClass = /^(?:export )?(?:abstract )?class /.test(line);
    const indent = inClass ? '  ' : '';
    if (!line.startsWith(indent) || !/^[^\s/*}].*\(.*[({]$/.test(line.slice(indent.length))) return;
    const end = lines.findIndex((last, n) => n > at && last.startsWith(`${indent}}`));
    if (end >= 0) found.push([at + 1, end + 1]);
  });
  return found;
}

/** Lines of a file that are not as they were, as first and last of each piece. */
async function changedIn(file: string, since: string): Promise<readonly (readonly [number, number])[]> {
  const [, text] = await run('git', ['diff', '--unified=0', since, '--', file], true);
  return [...text.matchAll(/^@@ -\S+ \+(\d+)(?:,(\d+))? @@/gm)].map(([, from, count = '1']) => {
    const first = Number(from);
    return [first, first + Math.max(1, Number(count)) - 1] as const;
  });
}

/** Functions drawn by lot until they have so many lines, as StrykerJS names ranges. */
async function drawn(sources: readonly string[], lines: number, seed: number): Promise<readonly string[]> {
  const random = simRandom(seed);
  const all: { readonly file: string; readonly from: number; readonly to: number }[] = [];
  for (const file of sources) {
    const changed = flags.since === undefined ? [[0, Number.POSITIVE_INFINITY]] : await changedIn(file, flags.since);
    for (const [from, to] of functionsIn(readFileSync(`${ROOT}/${file}`, 'utf8')))
      if (changed.some(([first = 0, last = 0]) => first <= to && last >= from)) all.push({ file, from, to });
  }
  const chosen: string[] = [];
  for (let left = lines; left > 0 && all.length > 0; ) {
    const one = random.pick(all);
    all.splice(all.indexOf(one), 1);
    chosen.push(`${one.file}:${one.from}-${one.to}`);
    left -= one.to - one.from + 1;
  }
  return chosen;
}

/** Tests that import one of the files, or one of the values that they export. */
function testsOf(sources: readonly string[]): readonly string[] {
  const values = sources.flatMap((file) => {
    const text = readFileSync(`${ROOT}/${file}`, 'utf8');
    return [...text.matchAll(/^export (?:async )?(?:function|class|const) (\w+)/gm)].map(([, name]) => name!);
  });
  const paths = sources.map((file) => `../../${file}`);
  const words = new RegExp(`\\b(?:${values.join('|')})\\b`);
  const kinds = flags.tests === undefined ? ['unit', 'property'] : ['unit', 'property', 'sim'];
  return kinds.flatMap((kind) =>
    readdirSync(`${ROOT}/test/${kind}`).flatMap((name) => {
      // Tests of documents read what is not copied for the tool.
      if (!name.endsWith('.test.ts') || name.endsWith('-document.test.ts')) return [];
      if (flags.tests !== undefined)
        return flags.tests.split(',').some((prefix) => name.startsWith(prefix)) ? [`test/${kind}/${name}`] : [];
      const text = readFileSync(`${ROOT}/test/${kind}/${name}`, 'utf8');
      const imports = [...text.matchAll(/^import (?!type)[\s\S]*?from '([^']+)';/gm)];
      const related = imports.some(
        ([all, from]) => paths.includes(from!) || (from!.includes('/src/') && values.length > 0 && words.test(all)),
      );
      return related ? [`test/${kind}/${name}`] : [];
    }),
  );
}

/** Who changes a function brings a test of it, wherever that stands. */
async function testsChanged(): Promise<readonly string[]> {
  if (flags.since === undefined) return [];
  const kinds = ['unit', 'property', 'sim'].map((kind) => `test/${kind}`);
  const [, text] = await run('git', ['diff', '--name-only', flags.since, '--', ...kinds], true);
  const names = text.split('\n').filter((name) => name.endsWith('.test.ts') && !name.endsWith('-document.test.ts'));
  // Those that read documents and results import nothing of the program.
  return names.filter(
    (name) => existsSync(`${ROOT}/${name}`) && /\/src\//.test(readFileSync(`${ROOT}/${name}`, 'utf8')),
  );
}

interface Report {
  readonly files: Record<string, { readonly mutants: readonly { readonly status: string }[] }>;
}

function score(report: Report): { readonly line: string; readonly percent: number } {
  const all = Object.values(report.files).flatMap(({ mutants }) => mutants.map(({ status }) => status));
  const count = (...statuses: readonly string[]) => all.filter((status) => statuses.includes(status)).length;
  const [killed, lived, unseen] = [count('Killed', 'Timeout'), count('Survived'), count('NoCoverage')];
  const percent = (100 * killed) / Math.max(1, killed + lived + unseen);
  return { percent, line: `${killed} killed, ${lived} survived, ${unseen} not reached: ${percent.toFixed(1)} %` };
}

async function main(): Promise<number> {
  const folder = positionals[0]?.replace(/\/$/, '');
  if (folder === undefined || !existsSync(`${ROOT}/${folder}`)) {
    console.error('Say which folder, for example: npm run mutants -- src/core/secure');
    return 2;
  }
  let sources = sourcesIn(folder);
  if (flags.since !== undefined) {
    const [, changed] = await run('git', ['diff', '--name-only', flags.since, '--', folder], true);
    sources = sources.filter((file) => changed.split('\n').includes(file) && existsSync(`${ROOT}/${file}`));
  }
  const lines = flags.lines ?? (flags.since === undefined ? undefined : CHANGED_LINES);
  const mutate = lines === undefined ? sources : await drawn(sources, Number(lines), Number(flags.seed));
  const ofFolder = testsOf([...new Set(mutate.map((part) => part.replace(/:\d+-\d+$/, '')))]);
  const tests = [...new Set([...ofFolder, ...(await testsChanged())])];
  if (mutate.length === 0) {
    console.log(`nothing has changed in ${folder}`);
    return 0;
  }
  if (mutate !== sources) console.log(`drawn:\n  ${mutate.join('\n  ')}`);
  console.log(`${sources.length} files, tests:\n  ${tests.join('\n  ')}`);
  await install();
  const config = {
    ...{ testRunner: 'vitest', plugins: ['@stryker-mutator/vitest-runner'], mutate },
    ...{ coverageAnalysis: 'perTest', ignoreStatic: true, concurrency: Number(flags.concurrency) },
    ...{ timeoutMS: 10_000, timeoutFactor: 2, dryRunTimeoutMinutes: 10, tempDirName: '.mutants/tmp' },
    // TypeScript 7 has no interface for programs; a file that is not there keeps the tool from asking for it.
    ...{
      tsconfigFile: 'no-such.json',
      checkers: [],
      ignorePatterns: ['.mutants', 'dist', 'bench/results', 'docs/screens'],
    },
    ...{ reporters: ['clear-text', 'json'], jsonReporter: { fileName: '.mutants/report.json' } },
    ...{ clearTextReporter: { reportTests: false, allowColor: false, logTests: false } },
    vitest: { configFile: 'test/mutants/stryker.config.ts', related: false },
  };
  writeFileSync(`${TOOL}/stryker.json`, JSON.stringify(config, null, 2));
  const env = { SALLYPORT_TESTS: JSON.stringify(tests), FUZZ: process.env.FUZZ ?? '2000' };
  const began = performance.now();
  const bin = `${TOOL}/node_modules/@stryker-mutator/core/bin/stryker.js`;
  const [code] = await run(process.execPath, [bin, 'run', '.mutants/stryker.json'], false, env);
  // A test that fails in the tool's copy without any fault says nothing of the tests.
  if (code !== 0) {
    console.log('no verdict: the tool did not come to its end');
    return NO_VERDICT;
  }
  const { line, percent } = score(JSON.parse(readFileSync(`${TOOL}/report.json`, 'utf8')));
  console.log(`${folder}: ${line}, ${((performance.now() - began) / 60_000).toFixed(1)} min`);
  return percent >= Number(flags.break) ? 0 : 1;
}

process.exitCode = await main();
