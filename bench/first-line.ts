/**
 * How long after its start does each command say something? The first bytes of either stream, less what Node takes for a script of one line,
 * measured in turn with it; medians of `--rounds` (15). A machine with anything else to do tells nothing: run it on an idle one.
 *
 *     npm run bench:first-line > bench/results/first-line.txt
 *     npm run bench:first-line -- --program dist/executables/sallyport-0.1.0-linux-x64 > bench/results/first-line-executable.txt
 *
 * Of an executable the whole time counts, as its Node is inside.
 */
import { spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { quantile } from './stats.ts';

/** docs/reference/product.md §4. */
const LIMIT_MS = 300;
/** From a double-click to a sign of life, with the start of Node and of everything inside. */
const EXECUTABLE_LIMIT_MS = 400;
const MAIN = fileURLToPath(new URL('../command/cli/main.js', import.meta.url));
const { values } = parseArgs({ options: { rounds: { type: 'string', default: '15' }, program: { type: 'string' } } });
const rounds = Number(values.rounds);
const folder = mkdtempSync(join(tmpdir(), 'sallyport-first-line-'));
const key = generateKeyPairSync('x25519').publicKey.export({ format: 'jwk' }).x as string;
// Nobody answers there: what counts is said before anybody is asked.
const master = ['--master', `sallyport://127.0.0.1:9/#${key}`, '--state-dir', folder];
const off = ['--http', 'off', '--metrics-listen', 'off', '--state-dir', join(folder, 'master')];

const COMMANDS: readonly (readonly string[])[] = [
  ['help'],
  ['version'],
  ['host', '30000', ...master],
  ['join', 'K7TQ9-RBWXM', ...master],
  ['check', ...master],
  ['list', ...master],
  ['ctl', 'status', '--state-dir', folder],
  ['ui', '--no-open', '--state-dir', folder],
  ['sim', '--pair', 'P3,P3'],
  ['master', '--listen', '127.0.0.1', '--port', '28430', ...off],
];

/** Milliseconds until the first bytes of either stream. */
function firstBytes(program: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const beganAt = performance.now();
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let afterMs: number | null = null;
    const onBytes = (): void => {
      afterMs ??= performance.now() - beganAt;
      child.kill('SIGKILL');
    };
    child.stdout.once('data', onBytes);
    child.stderr.once('data', onBytes);
    child.once('close', () =>
      afterMs === null ? reject(new Error(`${args.join(' ')} said nothing`)) : resolve(afterMs),
    );
  });
}

function median(times: readonly number[]): number {
  return quantile(times, 0.5) ?? 0;
}

try {
  const given = values.program === undefined ? '' : ` --program ${values.program}`;
  console.log(`# npm run bench:first-line -- --rounds ${rounds}${given}`);
  const limit =
    values.program === undefined ? `limit ${LIMIT_MS} without Node` : `limit ${EXECUTABLE_LIMIT_MS} in all (whole)`;
  console.log(`# Node ${process.versions.node}, load ${loadavg()[0]?.toFixed(2)} at the start; ms, medians; ${limit}`);
  let late = 0;
  for (const command of COMMANDS) {
    const node: number[] = [];
    const ours: number[] = [];
    for (let round = 0; round < rounds; round++) {
      node.push(await firstBytes(process.execPath, ['-e', 'console.log(1)']));
      ours.push(
        values.program === undefined
          ? await firstBytes(process.execPath, [MAIN, ...command])
          : await firstBytes(values.program, command),
      );
    }
    const [bare, whole] = [median(node), median(ours)];
    if (values.program === undefined ? whole - bare > LIMIT_MS : whole > EXECUTABLE_LIMIT_MS) late += 1;
    const columns = [
      command[0]?.padEnd(8),
      `node ${bare.toFixed(0)}`,
      `whole ${whole.toFixed(0)}`,
      `own ${(whole - bare).toFixed(0)}`,
    ];
    console.log(columns.join('  '));
  }
  process.exitCode = late === 0 ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
