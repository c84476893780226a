import { fork } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createStore, type RecordFile } from '../../src/master/index.ts';
import { sealRow, sumOf } from '../../src/master/record-rows.ts';
import { openRecordFile, openSqlite, openStore, SERVER_LIMITS } from '../../src/master/testing.ts';

/** Thousands of fsyncs: in memory where there is such a folder. */
const FAST = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

let folder = '';
let problems: string[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(FAST, 'sallyport-store-'));
  problems = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const file = (): string => join(folder, 'state.db');
const onProblem = (problem: string): void => void problems.push(problem);
const open = () => openStore({ file: file(), onProblem });
/** Opened after another start of the computer. */
const openRebooted = () =>
  createStore({
    ...{ wallClock: Date.now, clock: Date.now, onProblem },
    file: openRecordFile({ file: file(), boot: 'other' }),
  });
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

/** The files as a process that is killed just now would leave them. */
function kill(): void {
  const killed = mkdtempSync(join(FAST, 'sallyport-killed-'));
  for (const name of readdirSync(folder)) copyFileSync(join(folder, name), join(killed, name));
  rmSync(folder, { recursive: true });
  folder = killed;
}

test('codes, bans, statistics, names, settings and the list come back after a restart', () => {
  const first = open();
  first.saveCode(1, { code: 'K7TQ9RBWXM', hostKey: key(7) });
  const id = first.addBan(ban);
  first.recordTraversal(100, traversal);
  first.recordTraversal(100, traversal);
  first.holdName({ skeleton: 'ana', hostKey: 'ff', seenAt: 5, network: '203.0.113' });
  first.setSetting('admin', 'x');
  first.saveSnapshot(9, [{ hostId: 'a', json: '{}' }], []);
  first.saveSnapshot(10, [{ hostId: 'b', json: '{"x":1}' }], ['a']);
  first.audit(3, 'ban', 'spam*');
  first.recordPoint({ at: 300, hosts: 1, joins: 2, paths: 3, failures: 4 });
  first.saveTold('a', 7);
  first.close();
  const second = open();
  expect(second.codes().map(({ code, hostKey }) => [code, [...hostKey]])).toEqual([['K7TQ9RBWXM', [...key(7)]]]);
  expect(second.bans()).toEqual([{ ...ban, id }]);
  expect(second.traversals(100)).toEqual([{ ...traversal, count: 2, elapsedMs: 400, attempts: 2 }]);
  expect(second.traversals(101)).toEqual([]);
  expect(second.nameHolder('ana')).toMatchObject({ hostKey: 'ff', seenAt: 5, since: 5 });
  expect(second.setting('admin')).toBe('x');
  expect(second.snapshot()).toEqual({ at: 10, rows: [{ hostId: 'b', json: '{"x":1}' }] });
  expect(second.auditEntries(5)).toMatchObject([{ at: 3, act: 'ban', detail: 'spam*' }]);
  expect(second.history(0)).toEqual([{ at: 300, hosts: 1, joins: 2, paths: 3, failures: 4 }]);
  expect(second.told(6)).toEqual([{ subject: 'a', at: 7 }]);
  second.removeBan(id);
  second.close();
  expect(open().bans()).toEqual([]);
  expect(problems).toEqual([]);
});

test('cleaning takes what has ended, what is too old and what is too much, and leaves the rest', () => {
  const store = openStore({ file: ':memory:', onProblem });
  const now = 400 * 24 * 3_600_000;
  const day = 24 * 3_600_000;
  store.addBan({ ...ban, pattern: 'over', expiresAt: now });
  store.addBan({ ...ban, pattern: 'holds', expiresAt: now + 1 });
  store.addBan({ ...ban, pattern: 'for ever' });
  store.holdName({ skeleton: 'old', hostKey: 'aa', seenAt: now - 7 * day - 1, network: '203.0.113' });
  store.holdName({ skeleton: 'new', hostKey: 'bb', seenAt: now - 7 * day, network: '203.0.113' });
  store.saveTold('old', now - day - 1);
  store.saveTold('new', now - day);
  store.recordTraversal(now / 3_600_000 - 2_161, { ...traversal, clientNat: 'old' });
  store.recordTraversal(now / 3_600_000 - 2_160, traversal);
  for (const at of [now - 90 * day - 1, now - 90 * day])
    store.recordPoint({ at, hosts: 1, joins: 1, paths: 1, failures: 1 });
  for (let i = 0; i < 10_003; i += 1) store.audit(i, 'act', `${i}`);
  store.prune(now);
  expect(store.bans().map(({ pattern }) => pattern)).toEqual(['holds', 'for ever']);
  expect([store.nameHolder('old'), store.nameHolder('new')?.hostKey]).toEqual([null, 'bb']);
  expect(store.told(0).map(({ subject }) => subject)).toEqual(['new']);
  expect(store.traversals(0).map(({ clientNat }) => clientNat)).toEqual(['cone']);
  expect(store.history(0)).toHaveLength(1);
  const audit = store.auditEntries(20_000);
  expect([audit.length, audit[0]?.detail, audit.at(-1)?.detail]).toEqual([10_000, '10002', '3']);
  store.close();
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
    for (const suffix of ['', '-wal', '-shm', '-mark']) rmSync(`${file()}${suffix}`, { force: true });
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
  }
  expect(problems).toEqual([]);
});

test('a file that is no store is set aside, said, and another is begun', () => {
  const text = 'not a database, but the only copy of something '.repeat(200);
  writeFileSync(file(), text);
  const store = open();
  expect(problems.join('\n')).toMatch(/does not begin as an SQLite file.*nobody can tell what is missing/);
  store.addBan(ban);
  expect(store.unwritten()).toBeNull();
  store.close();
  const aside = readdirSync(folder).find((name) => name.includes('.damaged-')) ?? '';
  expect(readFileSync(join(folder, aside), 'utf8')).toBe(text);
  problems = [];
  expect(open().bans()).toHaveLength(1);
  expect(problems).toEqual([]);
});

test('what is missing is said with what and since when: the log is gone, and bans, keys and the admin are not in it', () => {
  const first = open();
  for (let i = 0; i < 50; i += 1) first.addBan({ ...ban, pattern: `p${i}` });
  first.setSetting('admin-token-hash', 'abc');
  for (let i = 0; i < 20; i += 1) first.recordTraversal(i, traversal);
  kill();
  rmSync(join(folder, 'state.db-wal'));
  const second = open();
  expect(second.bans()).toHaveLength(50);
  expect(second.setting('admin-token-hash')).toBe('abc');
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatch(
    /written from \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ to .*Z is missing: 20 sums of traversals\./,
  );
  expect(second.problem()).toMatch(/20 sums of traversals/);
  expect(second.auditEntries(1)).toMatchObject([{ act: 'store', detail: expect.stringContaining('20 sums') }]);
  second.close();
  // Said once, and kept in the audit log.
  problems = [];
  const third = open();
  expect(problems).toEqual([]);
  expect(third.auditEntries(1)).toMatchObject([{ act: 'store' }]);
  third.close();
});

test('a new name and a code are in the main file after a second at the latest, however many come at once', () => {
  let now = 1_000_000;
  const record = openRecordFile({ file: file() });
  const store = createStore({ file: record, wallClock: () => now, clock: () => now, onProblem });
  const hold = (skeleton: string) =>
    store.holdName({ skeleton, hostKey: `key of ${skeleton}`, seenAt: now, network: '203.0.113' });
  hold('first');
  for (let i = 0; i < 30; i += 1) hold(`n${i}`);
  now += 1_000;
  store.tick();
  kill();
  rmSync(join(folder, 'state.db-wal'));
  const second = open();
  expect(second.nameHolder('n29')).not.toBeNull();
  expect(problems).toEqual([]);
});

test('a store that vanished, one without its mark, and one after a power cut are said', () => {
  open().close();
  const store = open();
  store.addBan(ban);
  kill();
  rmSync(file());
  rmSync(`${file()}-wal`, { force: true });
  open().close();
  expect(problems.join()).toMatch(/1 of 1 bans can't be read/);
  problems = [];
  openStore({ file: join(folder, 'other.db'), onProblem, expected: true }).close();
  expect(problems.join()).toMatch(/other.db: It is not there, though it was/);
  problems = [];
  rmSync(`${file()}-mark`);
  open().close();
  expect(problems.join()).toMatch(/mark is missing: what was written after .* may be missing/);
  problems = [];
  openRebooted().close();
  expect(problems).toEqual([]);
  const again = open();
  again.recordTraversal(1, traversal);
  kill();
  openRebooted().close();
  expect(problems.join()).toMatch(/stopped without warning: .* may be missing, though no ban/);
});

test('a full disk is said once; what it did not take is written when there is room again', () => {
  open().close();
  let now = 1_000_000;
  // SQLite's own limit of pages gives the very error of a full disk.
  const record = openRecordFile({ file: file(), pagesMax: 24 });
  const full = createStore({ file: record, wallClock: () => now, clock: () => now, onProblem });
  let bans = 0;
  while (full.unwritten() === null && bans < 10_000) {
    full.addBan({ ...ban, pattern: `p${bans}`, reason: 'x'.repeat(200) });
    bans += 1;
  }
  expect(full.unwritten()).toMatch(/the disk is full\. Free some space/);
  for (let i = 0; i < 50; i += 1) full.saveCode(now, { code: `C${i}`, hostKey: key(i) });
  expect(problems).toHaveLength(1);
  expect(full.bans()).toHaveLength(bans);
  // Somebody makes room.
  const [some] = full.bans();
  for (const { id } of full.bans().slice(1, 30)) full.removeBan(id);
  now += 5_000;
  full.tick();
  expect(full.unwritten()).toBeNull();
  expect(full.problem()).toBeNull();
  kill();
  const again = open();
  expect(again.bans()).toHaveLength(bans - 29);
  expect(again.bans()[0]).toEqual(some);
  expect(again.codes()).toHaveLength(50);
  expect(problems).toHaveLength(1);
});

test('a file of a newer version is refused and not touched', () => {
  const first = open();
  first.addBan(ban);
  first.close();
  const db = openSqlite(file());
  const row = sealRow({ v: 2, number: 99, at: 1, kinds: {} });
  db.prepare("update records set number = 0, at = ?, body = ?, sum = ? where kind = 'seal'").run(
    row.at,
    row.body,
    row.sum,
  );
  db.close();
  const before = readFileSync(file());
  const store = open();
  expect(problems.join()).toMatch(/newer version of sallyport/);
  store.addBan(ban);
  expect(store.unwritten()).toMatch(/newer version/);
  store.close();
  expect(readFileSync(file())).toEqual(before);
});

test('a file that breaks under way is set aside and written anew from memory', () => {
  let now = 1_000_000;
  let broken = false;
  const real = openRecordFile({ file: file() });
  const record: RecordFile = {
    ...{ boot: real.boot, name: real.name },
    ...{ read: () => real.read(), open: () => real.open(), checkpoint: () => real.checkpoint() },
    commit(rows, gone) {
      if (broken) throw Object.assign(new Error('database disk image is malformed'), { code: 'SQLITE_CORRUPT' });
      real.commit(rows, gone);
    },
    writeMark: (slot, text, durable) => real.writeMark(slot, text, durable),
    replace(rows, why) {
      broken = false;
      return real.replace(rows, why);
    },
    ...{
      explain: (error) => real.explain(error),
      isDamage: (error) => real.isDamage(error),
      close: () => real.close(),
    },
  };
  const running = createStore({ file: record, wallClock: () => now, clock: () => now, onProblem });
  running.addBan(ban);
  running.saveSnapshot(now, [{ hostId: 'a', json: '{"v":1}' }], []);
  // The list has its entries itself from here on: one is newer by the time of the damage, one is gone, one not written yet.
  running.lendSnapshot((hostId) => ({ a: '{"v":1,"newer":true}', c: '{"v":3}' })[hostId] ?? null);
  running.saveSnapshot(now, [{ hostId: 'b', json: '{"v":2}' }], []);
  broken = true;
  running.addBan(ban);
  running.saveSnapshot(now, [{ hostId: 'c', json: '{"v":3}' }], []);
  expect(running.unwritten()).toMatch(/is damaged/);
  now += 5_000;
  running.tick();
  expect(problems.join('\n')).toMatch(/is damaged .*\n.*kept as/);
  expect(running.unwritten()).toBeNull();
  kill();
  const again = open();
  expect(again.bans()).toHaveLength(2);
  expect(again.snapshot().rows).toEqual([
    { hostId: 'a', json: '{"v":1,"newer":true}' },
    { hostId: 'c', json: '{"v":3}' },
  ]);
  expect(problems).toHaveLength(2);
});

test('all its files are their owner’s alone, those set aside as well', () => {
  const store = open();
  for (let i = 0; i < 200; i += 1) store.addBan({ ...ban, pattern: `p${i}`, reason: 'x'.repeat(300) });
  kill();
  truncateSync(file(), 30_000);
  open().close();
  const names = readdirSync(folder);
  expect(names.some((name) => name.includes('damaged'))).toBe(true);
  for (const name of names) expect(statSync(join(folder, name)).mode & 0o077, name).toBe(0);
  expect(existsSync(`${file()}.rebuilt`)).toBe(false);
});

test('the sum of a row covers each of its columns', () => {
  const row = { number: 1, at: 2, kind: 'ban', key: 'k', body: 'b' };
  const changed = [
    { number: 2 },
    { at: 3 },
    { kind: 'bans' },
    { key: 'l' },
    { body: 'c' },
    { kind: 'ban\nk', key: '' },
  ];
  expect(new Set([row, ...changed.map((one) => ({ ...row, ...one }))].map(sumOf)).size).toBe(changed.length + 1);
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

test('a key holds two names, the newest, over a restart too; a code that is forgotten stays so', () => {
  const first = open();
  const hold = (skeleton: string, seenAt: number, store = first) =>
    store.holdName({ skeleton, hostKey: 'aa', seenAt, network: '203.0.113' });
  hold('one', 1);
  hold('two', 2);
  hold('one', 3);
  hold('three', 4);
  expect(['one', 'two', 'three'].map((name) => first.nameHolder(name)?.seenAt)).toEqual([3, undefined, 4]);
  expect(first.names()).toMatchObject({ name: 'names', size: 2, evicted: 0 });
  // Another key takes a name over: it counts for that one from then on.
  first.holdName({ skeleton: 'one', hostKey: 'bb', seenAt: 5, network: '198.51.100' });
  hold('four', 6);
  first.saveCode(1, { code: 'K7TQ9RBWXM', hostKey: key(7) });
  first.saveCode(1, { code: 'W7TQ9RBWXM', hostKey: key(8) });
  first.forgetCode('K7TQ9RBWXM');
  kill();
  const second = open();
  expect(second.codes().map(({ code }) => code)).toEqual(['W7TQ9RBWXM']);
  expect(second.names().size).toBe(3);
  hold('five', 7, second);
  expect(['one', 'three', 'four', 'five'].map((name) => second.nameHolder(name)?.hostKey)).toEqual([
    'bb',
    undefined,
    'aa',
    'aa',
  ]);
  second.close();
  expect(problems).toEqual([]);
});

test('beyond so many names the largest network loses its oldest; a provider is as large as sixteen networks', () => {
  const store = openStore({ file: ':memory:', onProblem });
  const { namesMax, namesDroppedAtOnce } = SERVER_LIMITS;
  let made = 0;
  const fill = (network: string, count: number): void => {
    // Seen last in the other order than written.
    for (let n = 0; n < count; n += 1)
      store.holdName({ skeleton: `${network} ${n}`, hostKey: `key ${made++}`, seenAt: count - n, network });
  };
  const held = (network: string, count: number): readonly number[] =>
    Array.from({ length: count }, (_, n) => n).filter((n) => store.nameHolder(`${network} ${n}`) !== null);
  fill('4:203.0.113', 20_000);
  fill('6:2001.db8', namesMax - 20_100);
  fill('4:198.51.100', 100);
  expect(store.names()).toMatchObject({ size: namesMax, evicted: 0 });
  fill('4:192.0.2', 1);
  expect(store.names()).toMatchObject({ size: namesMax + 1 - namesDroppedAtOnce, evicted: namesDroppedAtOnce });
  // 180,000 of a provider count like 11,244 of a network.
  expect(held('6:2001.db8', namesMax)).toHaveLength(namesMax - 20_100);
  const left = held('4:203.0.113', 20_000);
  expect([left.length, left[0], left.at(-1)]).toEqual([18_000, 0, 17_999]);
  expect([held('4:198.51.100', 100).length, held('4:192.0.2', 1).length]).toEqual([100, 1]);
  store.close();
});
