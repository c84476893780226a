/**
 * A fresh machine: `sallyport master` without a flag, then `sallyport host --public` on it. How long from the start of the second
 * process until the page's list shows the host? `npm run bench:first`, with `-- --runs 5`, and `--program FILE` for the executable that
 * people install (`npm run dist`) in place of the command of this checkout.
 * Needs the default ports; state in a folder of its own, loopback and this computer's own address only.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { quantile } from './stats.ts';

const { values: flags } = parseArgs({
  options: { runs: { type: 'string', default: '5' }, program: { type: 'string' } },
});
const MAIN = fileURLToPath(new URL('../command/cli/main.js', import.meta.url));
const COMMAND = flags.program === undefined ? [process.execPath, MAIN] : [flags.program];
const ASKED_MS = 1_000;
const GIVEN_UP_MS = 20_000;

function sallyport(args: readonly string[], stateHome: string): ChildProcess {
  const env = { ...process.env, XDG_STATE_HOME: stateHome };
  const [program = '', ...words] = [...COMMAND, ...args, '--json', '--quiet'];
  return spawn(program, words, { env, stdio: ['ignore', 'pipe', 'inherit'] });
}

async function end(child: ChildProcess): Promise<void> {
  child.kill();
  await once(child, 'exit');
}

/** Milliseconds from the start of the host's process to its row in the list. */
async function listedAfter(http: string, host: () => ChildProcess): Promise<number> {
  const start = performance.now();
  const child = host();
  try {
    while (performance.now() - start < GIVEN_UP_MS) {
      const page = (await (await fetch(new URL('/api/v1/servers', http))).json()) as { readonly total: number };
      if (page.total === 1) return performance.now() - start;
      await sleep(5);
    }
    throw new Error(`not on the list after ${GIVEN_UP_MS} ms`);
  } finally {
    await end(child);
  }
}

interface Ready {
  readonly ev: string;
  readonly master: string;
  readonly http: string;
}

async function readyLine(child: ChildProcess): Promise<Ready> {
  for await (const text of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
    const line = JSON.parse(text) as Ready;
    if (line.ev === 'ready') return line;
  }
  throw new Error('the master ended before it was ready');
}

async function run(): Promise<number> {
  const stateHome = mkdtempSync(join(tmpdir(), 'sallyport-bench-'));
  const game = createSocket('udp4').bind(0, '127.0.0.1');
  await once(game, 'listening');
  const master = sallyport(['master'], stateHome);
  try {
    const ready = await readyLine(master);
    const words = ['host', String(game.address().port), '--public', '--master', ready.master, '--no-clipboard'];
    return await listedAfter(ready.http, () => sallyport(words, stateHome));
  } finally {
    await end(master);
    game.close();
    rmSync(stateHome, { recursive: true, force: true });
  }
}

const times: number[] = [];
for (let n = 0; n < Number(flags.runs); n += 1) times.push(await run());
const [median, worst] = [quantile(times, 0.5) ?? Number.NaN, Math.max(...times)];
console.log(`load ${(loadavg()[0] ?? 0).toFixed(1)}, ${times.length} runs: first host listed after`);
console.log(`median ${median.toFixed(0)} ms, worst ${worst.toFixed(0)} ms (asked: ${ASKED_MS})`);
