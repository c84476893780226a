/** Real masters on a real small disk that is full, or read-only: a tmpfs in a mount namespace of its own, which needs root. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Bench, MAIN, portBase, type Run } from './processes.ts';

const NAMESPACES = spawnSync('unshare', ['--mount', 'true']).status === 0;
if (!NAMESPACES) console.warn('SKIPPED master-disk: no mount namespaces here (root on Linux has them).');

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(() => bench.close());

interface Disk {
  /** The folder as seen from outside of the namespace, and inside. */
  readonly outside: string;
  readonly folder: string;
  run(args: readonly string[]): Run;
  mount(options: string): void;
  fill(): void;
  free(): void;
  close(): void;
}

/** A disk of 1 MB that a process holds as long as it lives; `run` starts the command where the disk is. */
async function smallDisk(): Promise<Disk> {
  const folder = bench.folder();
  const holder = spawn(
    'unshare',
    ['--mount', 'sh', '-c', `mount -t tmpfs -o size=1m,mode=700 tmpfs ${folder} && echo up && exec sleep 600`],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  await once(holder.stdout, 'data');
  const outside = `/proc/${holder.pid}/root${folder}`;
  const enter = [`--mount=/proc/${holder.pid}/ns/mnt`, '--'];
  const ballast = join(outside, 'ballast');
  return {
    ...{ outside, folder },
    run: (args) => bench.program('nsenter', [...enter, process.execPath, MAIN, ...args, '--state-dir', folder]),
    mount(options) {
      expect(spawnSync('nsenter', [...enter, 'mount', '-o', `remount,${options}`, folder]).status).toBe(0);
    },
    fill() {
      for (const bytes of [65_536, 4_096]) {
        const block = Buffer.alloc(bytes);
        try {
          for (;;) writeFileSync(ballast, block, { flag: 'a' });
        } catch (error) {
          expect(error).toMatchObject({ code: 'ENOSPC' });
        }
      }
    },
    free: () => rmSync(ballast, { force: true }),
    close: () => void holder.kill('SIGKILL'),
  };
}

const masterArgs = (port: number): string[] => [
  ...['master', '--listen', '127.0.0.1', '--port', String(port), '--http', '127.0.0.1:0'],
  ...['--metrics-listen', 'off', '--json'],
];

async function admin(run: Run, token: string, path: string, body?: object): Promise<{ status: number; json: unknown }> {
  const { http } = await run.line('ready');
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const init = body === undefined ? { headers } : { headers, method: 'POST', body: JSON.stringify(body) };
  const answer = await fetch(`${http}/api/v1/admin/${path}`, init);
  return { status: answer.status, json: await answer.json() };
}

const ban = (pattern: string) => ({ kind: 'name', pattern, scope: 'ban', reason: 'test', expiresAt: null });
const factsOf = (run: Run): string => JSON.stringify(run.lines.filter(({ ev }) => ev === 'fact'));

describe.skipIf(!NAMESPACES)('a master on a disk', () => {
  test('that is full starts again, serves, says so, and writes what it was told when there is room', async () => {
    const disk = await smallDisk();
    try {
      const port = portBase();
      const first = disk.run(masterArgs(port));
      await first.line('ready');
      const token = readFileSync(join(disk.outside, 'admin.once'), 'utf8').trim();
      expect((await admin(first, token, 'bans', ban('first'))).status).toBe(201);
      first.kill('SIGKILL');
      await first.exit;
      disk.fill();

      const second = disk.run(masterArgs(port));
      await second.line('ready');
      expect(factsOf(second)).toMatch(/the disk is full\. Free some space/);
      expect(JSON.stringify((await admin(second, token, 'bans')).json)).toContain('"first"');
      const refused = await admin(second, token, 'bans', ban('second'));
      expect(refused).toMatchObject({ status: 507, json: { detail: expect.stringContaining('the disk is full') } });
      expect(JSON.stringify((await admin(second, token, 'bans')).json)).toContain('"second"');
      disk.free();
      await expect
        .poll(async () => (await admin(second, token, 'overview')).json, { timeout: 20_000, interval: 500 })
        .toMatchObject({ store: { ok: true } });
      second.kill('SIGKILL');
      await second.exit;

      const third = disk.run(masterArgs(port));
      const bans = JSON.stringify((await admin(third, token, 'bans')).json);
      expect(bans).toContain('"first"');
      expect(bans).toContain('"second"');
      expect(factsOf(third)).not.toContain('store-problem');
    } finally {
      disk.close();
    }
  });

  test('that is read-only starts again, serves and says so; nothing that was told before is missing', async () => {
    const disk = await smallDisk();
    try {
      const port = portBase();
      const first = disk.run(masterArgs(port));
      const { master } = await first.line('ready');
      const token = readFileSync(join(disk.outside, 'admin.once'), 'utf8').trim();
      expect((await admin(first, token, 'bans', ban('first'))).status).toBe(201);
      first.kill('SIGKILL');
      await first.exit;
      disk.mount('ro');

      const second = disk.run(masterArgs(port));
      expect((await second.line('ready')).master).toBe(master);
      expect(factsOf(second)).toMatch(/the disk is read-only\. Mount it for writing/);
      expect(factsOf(second)).toMatch(/"unlocked"/);
      expect(JSON.stringify((await admin(second, token, 'bans')).json)).toContain('"first"');
      disk.mount('rw');
      await expect
        .poll(async () => (await admin(second, token, 'overview')).json, { timeout: 20_000, interval: 500 })
        .toMatchObject({ store: { ok: true } });
      await expect.poll(() => existsSync(join(disk.outside, 'master.lock')), { timeout: 20_000 }).toBe(true);
    } finally {
      disk.close();
    }
  });

  test('that is full at the very first start can hold no key: exit 10, in words that fit', async () => {
    const disk = await smallDisk();
    try {
      disk.fill();
      const run = disk.run(masterArgs(portBase()));
      expect(await run.exit).toBe(10);
      expect(await run.line('error')).toMatchObject({
        code: 'STATE_FOLDER',
        message: expect.stringMatching(/no space/),
      });
    } finally {
      disk.close();
    }
  });
});

describe('the store between two runs', () => {
  test('is checked and copied while the master runs, mended and put back when it does not', async () => {
    const folder = bench.folder();
    const port = portBase();
    const store = (...words: string[]): Run => bench.sallyport(['master', ...words, '--state-dir', folder, '--json']);
    expect(await store('check').exit).toBe(10);
    const first = bench.sallyport([...masterArgs(port), '--state-dir', folder]);
    const { master } = await first.line('ready');
    const token = readFileSync(join(folder, 'admin.once'), 'utf8').trim();
    for (let i = 0; i < 20; i += 1) await admin(first, token, 'bans', { ...ban(`p${i}`), reason: 'r'.repeat(150) });

    const backup = join(folder, 'backup');
    expect(await store('check').exit).toBe(0);
    expect(await store('backup', backup).exit).toBe(0);
    expect(statSync(backup).mode & 0o777).toBe(0o600);
    const again = store('backup', backup);
    expect(await again.exit).toBe(2);
    for (const act of [['repair'], ['restore', backup], ['token']]) {
      const run = store(...act);
      expect(await run.exit, act[0]).toBe(7);
      expect(await run.line('error')).toMatchObject({ code: 'ALREADY_RUNNING' });
    }
    first.kill('SIGTERM');
    await first.exit;

    const file = join(folder, 'master.db');
    const whole = readFileSync(file);
    writeFileSync(file, Buffer.from(whole).fill(0, 4_096, 12_288));
    const broken = store('check');
    expect(await broken.exit).toBe(10);
    expect(await broken.line('error')).toMatchObject({
      code: 'STORE_DAMAGED',
      message: expect.stringMatching(/of 20 bans/),
    });
    const repair = store('repair');
    expect(await repair.exit).toBe(0);
    expect(JSON.stringify(await repair.line('repair'))).toMatch(/kept as .*damaged-/);
    expect(await store('check').exit).toBe(0);

    for (const name of ['master.db', 'master.db-mark', 'master.key']) rmSync(join(folder, name));
    expect(await store('restore', backup).exit).toBe(0);
    expect(statSync(join(folder, 'master.key')).mode & 0o777).toBe(0o600);
    const second = bench.sallyport([...masterArgs(port), '--state-dir', folder]);
    expect((await second.line('ready')).master).toBe(master);
    expect(factsOf(second)).not.toContain('store-problem');
    expect((JSON.stringify((await admin(second, token, 'bans')).json).match(/"p\d+"/g) ?? []).length).toBe(20);
    second.kill('SIGTERM');
    await second.exit;

    expect(await store('token').exit).toBe(0);
    const third = bench.sallyport([...masterArgs(port), '--state-dir', folder]);
    await third.line('ready');
    const renewed = readFileSync(join(folder, 'admin.once'), 'utf8').trim();
    expect((await admin(third, token, 'bans')).status).toBe(401);
    expect((await admin(third, renewed, 'bans')).status).toBe(200);
    // A copy that is not whole is refused, and changes nothing.
    writeFileSync(backup, readFileSync(backup).subarray(0, 6_000));
    third.kill('SIGTERM');
    await third.exit;
    const before = readFileSync(file);
    const refused = store('restore', backup);
    expect(await refused.exit).toBe(10);
    expect(readFileSync(file)).toEqual(before);
  });
});
