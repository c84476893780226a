/** The command as a person meets it: in a terminal, where keys are read and both streams are one screen. */
import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CLI_LIMITS } from '../../src/cli/testing.ts';
import { Bench, portBase } from './processes.ts';

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(() => bench.close());

const missing = spawnSync('script', ['--version']).status !== 0;
if (missing && process.env.CI === 'true') throw new Error('script (util-linux) is missing');

describe.skipIf(missing)('in a terminal', () => {
  test('the link of the app is on the screen', async () => {
    const ui = bench.atTerminal(['ui', '--no-open']);
    await expect.poll(() => ui.stdout()).toMatch(/http:\/\/127\.0\.0\.1:\d+\/#t=\S+/);
    ui.child.stdin?.write('\u0003');
    expect(await ui.exit).toBe(130);
  });

  test('Q leaves a path with 0 and says so; before there is one it is an abort', async () => {
    const address = ['--listen', '127.0.0.1', '--port', String(portBase())];
    const off = ['--http', 'off', '--metrics-listen', 'off', '--state-dir', bench.folder(), '--json'];
    const link = String((await bench.sallyport(['master', ...address, ...off]).line('ready')).master);
    const port = await bench.game();
    const host = bench.sallyport(['host', String(port), '--master', link, '--json', '--ask']);
    const code = String((await host.line('ready')).code);
    const asking = () => host.lines.filter((line) => line.state === 'asking').length;

    const early = bench.atTerminal(['join', code, '--master', link]);
    await expect.poll(asking).toBe(1);
    early.child.stdin?.write('q');
    expect(await early.exit).toBe(6);
    expect(early.stdout()).toContain('(ABORTED)');

    const late = bench.atTerminal(['join', code, '--master', link]);
    await expect.poll(asking).toBe(2);
    // The question before has only just gone.
    await sleep(CLI_LIMITS.questionReadMs);
    host.child.stdin?.write('y\n');
    await expect.poll(() => late.stdout()).toContain('Keep this window open');
    late.child.stdin?.write('q');
    expect(await late.exit).toBe(0);
    expect(late.stdout()).toContain('Leaving: the host is told.');
    expect(late.stdout()).not.toContain('✗');
    await expect.poll(() => host.lines.at(-1)).toMatchObject({ ev: 'peer', state: 'left' });
  });
});
