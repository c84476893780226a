/** The command as a person meets it: in a terminal, where keys are read and both streams are one screen. */
import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SettingsFile } from '../../src/app/index.ts';
import { CLI_LIMITS } from '../../src/cli/testing.ts';
import { playerName } from '../../src/node/index.ts';
import { Bench, portBase } from './processes.ts';

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(() => bench.close());

/** A host that asks about everybody; `asking`: how often it has. */
async function askingHost() {
  const address = ['--listen', '127.0.0.1', '--port', String(portBase())];
  const off = ['--http', 'off', '--metrics-listen', 'off', '--state-dir', bench.folder(), '--json'];
  const link = String((await bench.sallyport(['master', ...address, ...off]).line('ready')).master);
  const port = await bench.game();
  const host = bench.sallyport(['host', String(port), '--master', link, '--json', '--ask']);
  const code = String((await host.line('ready')).code);
  const asking = () => host.lines.filter((line) => line.state === 'asking').length;
  return { link, host, code, asking };
}

const missing = spawnSync('script', ['--version']).status !== 0;
if (missing && process.env.CI === 'true') throw new Error('script (util-linux) is missing');

describe.skipIf(missing)('in a terminal', () => {
  test('the link of the app is on the screen', async () => {
    const ui = bench.atTerminal(['ui', '--no-open']);
    await expect.poll(() => ui.stdout()).toMatch(/http:\/\/127\.0\.0\.1:\d+\/#t=\S+/);
    ui.child.stdin?.write('\u0003');
    expect(await ui.exit).toBe(130);
  });

  test('a person is asked for a name once, and has it at every host and in the app', async () => {
    const { link, host, code, asking } = await askingHost();
    const home = bench.folder();
    const asks = 'Hosts see you without a name';
    const join = () => bench.atTerminal(['join', code, '--master', link, '--state-dir', home]);
    const first = join();
    await expect.poll(() => first.stdout()).toContain(asks);
    first.child.stdin?.write('n');
    await expect.poll(() => first.stdout()).toContain('Your name:');
    // Keys of the command are letters of a name here.
    for (const typed of ['Anq', '\u007f', 'a\r']) first.child.stdin?.write(typed);
    await expect.poll(() => first.stdout()).toContain('Ana: hosts see it');
    first.child.stdin?.write('q');
    await first.exit;
    const before = asking();
    const second = join();
    await expect.poll(asking).toBeGreaterThan(before);
    expect(host.lines.findLast((line) => line.state === 'asking')).toMatchObject({ name: 'Ana' });
    second.child.stdin?.write('q');
    await second.exit;
    expect(second.stdout()).not.toContain(asks);
    expect(new SettingsFile(home).values.playerName).toBe('Ana');
    new SettingsFile(home).change({ playerName: 'Bo' });
    expect(playerName(home).get()).toBe('Bo');
  });

  test('Q leaves a path with 0 and says so; before there is one it is an abort', async () => {
    const { link, host, code, asking } = await askingHost();
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
