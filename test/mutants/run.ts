/**
 * `npm run mutants:threats`, with `-- --only WORDS`: takes one defence after the other out of the program and sees that the test
 * named for it fails, and that all these tests pass with everything in place. Ends with 1 where a mutant lives or does not fit.
 * `npm run mutants:limits` does the same with limits that are given another value (`limits.json`).
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { readReached } from './limits.ts';
import { applyEdit, editsOf, type Mutant, readMutants } from './mutant.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '');
const RUN_MS_MAX = 120_000;
/**
 * Rows whose defence is only seen with kernels, browsers or processes, which run what was built before; that is taken out by a test of
 * its own beside the other (one socket for all); that lies in files which no program reads; or
 * that is about damage, where the test makes the damage itself.
 */
const NOT_HERE = [
  'A web page that talks to the local program',
  'The app, a host or a join commanded',
  'A flood on one port',
  'A page, or a message, whose link starts the app',
  'A package of others',
  "Bans, the admin's token or names gone",
  'Pinned hosts emptied by damage',
  'A full disk as an end',
];

const { values: flags } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    jobs: { type: 'string' },
    limits: { type: 'boolean', default: false },
  },
});
const jobs = Number(flags.jobs ?? Math.min(2, availableParallelism()));

/** One change of the program, and the test that has to notice it. */
interface Change {
  readonly what: string;
  /** Where it is; `--only` looks for its words here too. */
  readonly where: string;
  readonly test: string;
  readonly title: string;
  readonly env: Readonly<Record<string, string>>;
}

interface Row {
  readonly threat: string;
  readonly tests: readonly { readonly test: string; readonly title: string }[];
}

function rows(): readonly Row[] {
  const lines = readFileSync(`${ROOT}/SECURITY.md`, 'utf8').split('\n');
  return lines.flatMap((line) => {
    const [, threat, , tests] = line.split('|').map((cell) => cell.trim());
    const named = [...(tests ?? '').matchAll(/`([a-z]+\/[a-z0-9-]+)`: "([^"]+)"/g)];
    return named.length === 0
      ? []
      : [{ threat: threat!, tests: named.map(([, test, title]) => ({ test: test!, title: title! })) }];
  });
}

/** What does not fit, before anything is run. */
function faults(mutants: readonly Mutant[]): readonly string[] {
  const table = rows();
  const rowOf = (threat: string) => table.find((row) => row.threat.startsWith(threat));
  const found: string[] = [];
  for (const mutant of mutants) {
    for (const edit of editsOf(mutant)) {
      try {
        applyEdit(edit, readFileSync(`${ROOT}/${edit.file}`, 'utf8'));
      } catch (error) {
        found.push(`"${mutant.what}": ${(error as Error).message}`);
      }
    }
    if (mutant.threat === undefined) continue;
    const row = rowOf(mutant.threat);
    if (row === undefined) found.push(`"${mutant.what}": SECURITY.md has no row "${mutant.threat}".`);
    else if (!row.tests.some(({ test, title }) => test === mutant.test && title === mutant.title))
      found.push(`"${mutant.what}": the row "${row.threat}" does not name ${mutant.test}, "${mutant.title}".`);
  }
  for (const { threat } of table) {
    const covered = mutants.some((mutant) => mutant.threat !== undefined && threat.startsWith(mutant.threat));
    if (!covered && !NOT_HERE.some((prefix) => threat.startsWith(prefix)))
      found.push(`No mutant for the row "${threat}".`);
  }
  return found;
}

interface Ran {
  readonly passed: readonly string[];
  readonly failed: readonly string[];
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** Runs the named tests alone, with the change if there is one. Null: it took too long, or brought no result at all. */
async function run(
  tests: readonly { readonly test: string; readonly title: string }[],
  change: Change | null,
): Promise<Ran | null> {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-mutant-'));
  try {
    const file = join(folder, 'result.json');
    const files = [...new Set(tests.map(({ test }) => `test/${test}.test.ts`))];
    const pattern = tests.map(({ title }) => escaped(title)).join('|');
    const args = ['run', ...files, '-t', pattern, '--reporter=json', `--outputFile=${file}`];
    const env = { ...process.env, ...change?.env };
    const child = spawn(process.execPath, [`${ROOT}/node_modules/vitest/vitest.mjs`, ...args], {
      ...{ cwd: ROOT, env, stdio: 'ignore', timeout: change === null ? 4 * RUN_MS_MAX : RUN_MS_MAX },
    });
    await new Promise((resolve) => child.once('close', resolve));
    const result = JSON.parse(readFileSync(file, 'utf8')) as {
      testResults: { assertionResults: { fullName: string; status: string }[] }[];
    };
    const all = result.testResults.flatMap(({ assertionResults }) => assertionResults);
    const of = (status: string) => all.filter((one) => one.status === status).map(({ fullName }) => fullName);
    return { passed: of('passed'), failed: of('failed') };
  } catch {
    return null;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The test has failed for the change, as it ought to, or not. */
async function judge(change: Change): Promise<{ readonly killed: boolean; readonly text: string }> {
  const { what, where, test, title } = change;
  const ran = await run([change], change);
  // A test that does not end has noticed as well; said, because a busy machine may have been the reason.
  if (ran === null) return { killed: true, text: `killed ${what} (the test did not end)` };
  if (ran.failed.some((name) => name.includes(title))) return { killed: true, text: `killed ${what}` };
  const why = ran.passed.length === 0 ? 'has no such test' : 'passes without the defence';
  return { killed: false, text: `LIVES  ${test}, "${title}" ${why}: ${what} (${where})` };
}

function changes(): { readonly all: readonly Change[]; readonly misfits: readonly string[] } {
  if (flags.limits) {
    const all = readReached(ROOT).map(({ limit, factor, test, title }): Change => {
      const env = { SALLYPORT_LIMIT: JSON.stringify({ limit, factor }) };
      return { what: `${limit}, ${factor} times`, where: 'limits.json', test, title, env };
    });
    return { all, misfits: [] };
  }
  const mutants = readMutants(ROOT);
  const all = mutants.map((mutant): Change => {
    const { what, threat = '', file, test, title } = mutant;
    return { what, where: `${threat} ${file}`.trim(), test, title, env: { SALLYPORT_MUTANT: JSON.stringify(mutant) } };
  });
  return { all, misfits: faults(mutants) };
}

async function main(): Promise<number> {
  const { all, misfits } = changes();
  for (const fault of misfits) console.error(`MISFIT ${fault}`);
  const chosen = all.filter(({ what, where }) => `${where} ${what}`.includes(flags.only));
  const began = performance.now();
  const whole = await run(chosen, null);
  const broken = chosen.filter(({ title }) => whole?.passed.some((name) => name.includes(title)) !== true);
  for (const { test, title } of broken)
    console.error(`BROKEN ${test}, "${title}" does not pass with everything in place`);
  const queue = chosen.filter((change) => !broken.includes(change));
  let lived = 0;
  const worker = async (): Promise<void> => {
    for (let change = queue.shift(); change !== undefined; change = queue.shift()) {
      const { killed, text } = await judge(change);
      if (!killed) lived++;
      console.log(text);
    }
  };
  await Promise.all(Array.from({ length: jobs }, worker));
  const seconds = Math.round((performance.now() - began) / 1000);
  const killed = chosen.length - broken.length - lived;
  console.log(`${killed} killed, ${lived} alive, ${broken.length} broken, ${misfits.length} misfits, ${seconds} s`);
  return lived + broken.length + misfits.length === 0 ? 0 : 1;
}

process.exitCode = await main();
