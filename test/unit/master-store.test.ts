import { fork } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { SERVER_LIMITS } from '../../src/master/limits.ts';
import { openStore, StoreError } from '../../src/master/store.ts';

let folder = '';
let problems: string[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-store-'));
  problems = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const file = (): string => join(folder, 'state.db');
const open = () => openStore({ file: file(), onProblem: (problem) => problems.push(problem) });
const key = (n: number): Uint8Array => new Uint8Array(32).fill(n);
const ban = {
  kind: 'name',
  pattern: 'spam*',
  label: '',
  scope: 'ban',
  reason: 'spam',
  createdAt: 1,
  expiresAt: null,
} as const;
const traversal = {
  clientNat: 'cone',
  hostNat: 'public',
  family: 4,
  path: 'direct',
  result: 'path',
  elapsedMs: 200,
  attempts: 1,
} as const;

test('codes, bans, statistics, names, settings and the list come back after a restart', () => {
  const first = open();
  first.saveCode(1, { code: 'K7TQ9RBWHM', hostKey: key(7) });
  const id = first.addBan(ban);
  first.recordTraversal(100, traversal);
  first.recordTraversal(100, traversal);
  first.holdName({ skeleton: 'ana', hostKey: 'ff', seenAt: 5, network: '203.0.113' });
  first.setSetting('admin', 'x');
  first.saveSnapshot(9, [{ hostId: 'a', json: '{}' }], []);
  first.saveSnapshot(10, [{ hostId: 'b', json: '{"x":1}' }], ['a']);
  first.audit(3, 'ban', 'spam*');
  first.recordPoint({ at: 300, hosts: 1, joins: 2, paths: 3, failures: 4 });
  first.close();
  const second = open();
  expect(second.codes().map(({ code, hostKey }) => [code, [...hostKey]])).toEqual([['K7TQ9RBWHM', [...key(7)]]]);
  expect(second.bans()).toMatchObject([{ ...ban, id }]);
  expect(second.traversals(100)).toMatchObject([{ ...traversal, count: 2, elapsedMs: 400, attempts: 2 }]);
  expect(second.traversals(101)).toEqual([]);
  expect(second.nameHolder('ana')).toMatchObject({ hostKey: 'ff', seenAt: 5 });
  expect(second.setting('admin')).toBe('x');
  expect(second.snapshot().at).toBe(10);
  expect(second.snapshot().rows).toMatchObject([{ hostId: 'b', json: '{"x":1}' }]);
  expect(second.auditEntries(5)).toMatchObject([{ act: 'ban', detail: 'spam*' }]);
  expect(second.history(0)).toMatchObject([{ at: 300, hosts: 1 }]);
  second.close();
  expect(problems).toEqual([]);
});

test('kill -9 loses nothing that was acknowledged', async () => {
  const script = join(folder, 'writer.mjs');
  const module = new URL('../../dist/src/master/store.js', import.meta.url).href;
  writeFileSync(
    script,
    `import { openStore } from '${module}';
     const store = openStore({ file: ${JSON.stringify(file())}, onProblem: console.error });
     for (let i = 0; ; i += 1) {
       const code = 'C' + i;
       store.saveCode(i, { code, hostKey: new Uint8Array(32) });
       if (i % 10 === 0) store.addBan({ kind: 'name', pattern: code, label: '', scope: 'ban', reason: '', createdAt: 0, expiresAt: null });
       process.send(i);
       if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
     }`,
  );
  for (let round = 0; round < 3; round += 1) {
    rmSync(file(), { force: true });
    const child = fork(script, { stdio: 'ignore', execArgv: [] });
    let acknowledged = -1;
    await new Promise<void>((resolve) => {
      child.on('message', (n) => {
        acknowledged = Number(n);
        if (acknowledged > 300 + 97 * round) child.kill('SIGKILL');
      });
      child.on('exit', () => resolve());
    });
    expect(acknowledged).toBeGreaterThan(300);
    const store = open();
    const codes = new Set(store.codes().map(({ code }) => code));
    const bans = new Set(store.bans().map(({ pattern }) => pattern));
    for (let i = 0; i <= acknowledged; i += 1) expect(codes.has(`C${i}`), `code ${i} of ${acknowledged}`).toBe(true);
    for (let i = 0; i <= acknowledged; i += 10) expect(bans.has(`C${i}`)).toBe(true);
    store.close();
    rmSync(`${file()}-wal`, { force: true });
    rmSync(`${file()}-shm`, { force: true });
  }
  expect(problems).toEqual([]);
});

test('a broken file is left alone, said clearly, and memory takes over', () => {
  writeFileSync(file(), 'not a database, but the only copy of something '.repeat(200));
  const before = join(folder, 'copy');
  copyFileSync(file(), before);
  const store = open();
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatch(/state\.db is damaged .* Move it away/);
  expect(store.problem()).toBe(problems[0]);
  store.saveCode(1, { code: 'A', hostKey: key(1) });
  expect(store.codes()).toHaveLength(1);
  store.addBan(ban);
  expect(store.bans()).toHaveLength(1);
  expect(store.problem()).toBe(problems[0]);
  store.close();
});

test('a file cut short on the disk is noticed', () => {
  const first = open();
  for (let i = 0; i < 2000; i += 1) first.saveCode(i, { code: `C${i}`, hostKey: key(i % 256) });
  first.close();
  truncateSync(file(), 40_000);
  const store = open();
  expect(problems[0]).toMatch(/runs on without it/);
  store.close();
});

test('a full disk is said once, refuses what must be written, and is forgotten when there is room again', () => {
  const small = open();
  small.close();
  // SQLite's own limit of pages gives the very error of a full disk.
  const full = openStore({ file: file(), onProblem: (problem) => problems.push(problem), pagesMax: 24 });
  let codes = 0;
  while (full.problem() === null && codes < 10_000) full.saveCode(1, { code: `C${codes++}`, hostKey: key(1) });
  expect(full.problem()).toMatch(/the disk is full\. Free some space/);
  expect(() => {
    for (let i = 0; i < 1000; i += 1) full.addBan({ ...ban, reason: 'x'.repeat(200) });
  }).toThrow(StoreError);
  expect(problems.length).toBeLessThanOrEqual(2);
  full.close();
  const again = open();
  again.addBan(ban);
  expect(again.problem()).toBeNull();
  again.close();
});

test('an old file is migrated step by step, a failed step changes nothing, a file from the future is refused', () => {
  const migrations = ['create table one (a integer)', 'create table two (a integer); insert into two values (1)'];
  openStore({ file: file(), onProblem: () => {}, migrations: migrations.slice(0, 1) }).close();
  const broken = [migrations[0] ?? '', 'create table two (a integer); create table one (a integer)'];
  openStore({ file: file(), onProblem: (problem) => problems.push(problem), migrations: broken }).close();
  expect(problems[0]).toMatch(/already exists/);
  openStore({ file: file(), onProblem: () => expect.unreachable(), migrations }).close();
  const db = new Database(file());
  expect(db.prepare('select a from two').get()).toMatchObject({ a: 1 });
  db.close();
  openStore({
    file: file(),
    onProblem: (problem) => problems.push(problem),
    migrations: migrations.slice(0, 1),
  }).close();
  expect(problems[1]).toMatch(/newer version of sallyport/);
});

test('the cleaning takes bans that have ended and the oldest of the audit, and nothing else', () => {
  const store = open();
  const { auditEntriesMax, statisticsHoursMax, webhookDedupeMs, nameHeldMs } = SERVER_LIMITS;
  const now = 1_800_000_000_000;
  const hour = Math.floor(now / 3_600_000);
  const kept = [null, now + 1].map((expiresAt) => store.addBan({ ...ban, expiresAt }));
  for (const expiresAt of [now, now - 1, 1]) store.addBan({ ...ban, expiresAt });
  for (let n = 0; n < auditEntriesMax + 7; n += 1) store.audit(n, 'act', `${n}`);
  for (const old of [hour, hour - statisticsHoursMax, hour - statisticsHoursMax - 1])
    store.recordTraversal(old, traversal);
  const point = { hosts: 1, joins: 1, paths: 1, failures: 1 };
  const pointMs = statisticsHoursMax * 3_600_000;
  for (const at of [now, now - pointMs, now - pointMs - 1]) store.recordPoint({ at, ...point });
  for (const [n, age] of [0, webhookDedupeMs, webhookDedupeMs + 1].entries()) store.saveTold(`${n}`, now - age);
  for (const [n, age] of [0, nameHeldMs, nameHeldMs + 1].entries())
    store.holdName({ skeleton: `${n}`, hostKey: `f${n}`, seenAt: now - age, network: '' });
  store.prune(now);
  expect(store.bans().map(({ id }) => id)).toEqual(kept);
  const audit = store.auditEntries(2 * auditEntriesMax).map(({ detail }) => Number(detail));
  expect([audit.length, audit[0], audit.at(-1)]).toEqual([auditEntriesMax, auditEntriesMax + 6, 7]);
  expect(store.traversals(0)).toMatchObject([{ count: 2 }]);
  expect(store.history(0).map(({ at }) => at)).toEqual([now - pointMs, now]);
  expect(store.told(0).map(({ subject }) => subject)).toEqual(['1', '0']);
  expect(['0', '1', '2'].map((name) => store.nameHolder(name) !== null)).toEqual([true, true, false]);
  store.close();
});
