/**
 * What outlives the process, in one SQLite file: codes, bans, traversal statistics, the list as it was, held names, the audit
 * log. Write-ahead log with one write per acknowledged fact: `kill -9` loses nothing that was told to anybody. A full disk or a
 * broken file never stops the introductions: the trouble is said once, shown in the admin page, and memory goes on.
 */
import { closeSync, openSync } from 'node:fs';
import Database from 'libsql';
import type { TableState } from '../core/index.ts';
import { SERVER_LIMITS } from './limits.ts';
import { type Migration, migrate } from './store-schema.ts';

export interface CodeRow {
  readonly code: string;
  readonly hostKey: Uint8Array;
}

export interface BanRow {
  readonly id: number;
  readonly kind: 'key' | 'cidr' | 'name';
  readonly pattern: string;
  /** What is shown instead of a pattern that would give a player's address away. */
  readonly label: string;
  readonly scope: 'ban' | 'unannounced';
  readonly reason: string;
  readonly createdAt: number;
  readonly expiresAt: number | null;
}

export interface TraversalRow {
  readonly clientNat: string;
  readonly hostNat: string;
  readonly family: number;
  readonly path: string;
  readonly result: 'path' | 'aborted';
  readonly count: number;
  readonly elapsedMs: number;
  readonly attempts: number;
}

export interface HistoryPoint {
  readonly at: number;
  readonly hosts: number;
  readonly joins: number;
  readonly paths: number;
  readonly failures: number;
}

export interface AuditRow {
  readonly id: number;
  readonly at: number;
  readonly act: string;
  readonly detail: string;
}

export interface HeldName {
  readonly skeleton: string;
  /** Hex. */
  readonly hostKey: string;
  readonly seenAt: number;
  /** Whose share of all names it takes. */
  readonly network: string;
}

export interface SnapshotRow {
  readonly hostId: string;
  readonly json: string;
}

/** A fact could not be written down; the message is for the operator. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
}

export interface Store {
  /** What is wrong with the store now, in words for the operator; null = nothing. */
  problem(): string | null;
  codes(): CodeRow[];
  saveCode(now: number, code: CodeRow): void;
  bans(): BanRow[];
  /** Throws `StoreError` where the ban could not be written down. */
  addBan(ban: Omit<BanRow, 'id'>): number;
  removeBan(id: number): boolean;
  audit(at: number, act: string, detail: string): void;
  auditEntries(limit: number): AuditRow[];
  recordTraversal(hour: number, row: Omit<TraversalRow, 'count'>): void;
  traversals(sinceHour: number): TraversalRow[];
  recordPoint(point: HistoryPoint): void;
  history(since: number): HistoryPoint[];
  /** Brings the written list up to date by its differences. */
  saveSnapshot(at: number, changed: readonly SnapshotRow[], gone: readonly string[]): void;
  snapshot(): { readonly at: number; readonly rows: SnapshotRow[] };
  nameHolder(skeleton: string): { readonly hostKey: string; readonly seenAt: number } | null;
  holdName(name: HeldName): void;
  /** How many names are held, of how many that may be. */
  names(): TableState;
  forgetCode(code: string): void;
  /** What was told of whom by webhook since then, the oldest first. */
  told(since: number): { readonly subject: string; readonly at: number }[];
  saveTold(subject: string, at: number): void;
  setting(name: string): string | null;
  setSetting(name: string, value: string): void;
  prune(now: number): void;
  close(): void;
}

export interface StoreOptions {
  /** `:memory:` for none. */
  readonly file: string;
  readonly onProblem: (problem: string) => void;
  readonly migrations?: readonly Migration[];
  /** The file grows to so many pages of 4 kB at most; beyond it the disk counts as full. */
  readonly pagesMax?: number;
}

/** libsql gives blobs as `ArrayBuffer` from `all` and as `Buffer` from `get`. */
interface CodeCells {
  readonly code: string;
  readonly hostKey: ArrayBuffer | Uint8Array;
}

function codeRow({ code, hostKey }: CodeCells): CodeRow {
  return { code, hostKey: new Uint8Array(hostKey) };
}

type Value = string | number | Uint8Array | null;
interface Statement {
  run(...values: readonly Value[]): { readonly changes: number; readonly lastInsertRowid: number };
  get(...values: readonly Value[]): unknown;
  all(...values: readonly Value[]): unknown[];
}

const CODES = 'select code, host_key as hostKey from codes';
const SAVE_CODE = 'insert or replace into codes values (?, ?, ?)';
const BANS = `select id, kind, pattern, label, scope, reason, created_at as createdAt, expires_at as expiresAt
  from bans order by id`;
const ADD_BAN = `insert into bans (kind, pattern, label, scope, reason, created_at, expires_at)
  values (?, ?, ?, ?, ?, ?, ?)`;
const AUDIT = 'select id, at, act, detail from audit order by id desc limit ?';
const ADD_AUDIT = 'insert into audit (at, act, detail) values (?, ?, ?)';
const TRAVERSALS = `select client_nat as clientNat, host_nat as hostNat, family, path, result, sum(count) as count,
  sum(elapsed_ms) as elapsedMs, sum(attempts) as attempts from traversals where hour >= ?
  group by client_nat, host_nat, family, path, result`;
const ADD_TRAVERSAL = `insert into traversals values (?, ?, ?, ?, ?, ?, 1, ?, ?)
  on conflict do update set count = count + 1, elapsed_ms = elapsed_ms + excluded.elapsed_ms,
  attempts = attempts + excluded.attempts`;
const POINTS = 'select at, hosts, joins, paths, failures from points where at >= ? order by at';
const ADD_POINT = 'insert or replace into points values (?, ?, ?, ?, ?)';
const NAME = 'select host_key as hostKey, seen_at as seenAt from names where skeleton = ?';
const HOLD_NAME = 'insert or replace into names (skeleton, host_key, seen_at, network) values (?, ?, ?, ?)';
const DROP_NAMES_OF_KEY = `delete from names where host_key = ? and skeleton in
  (select skeleton from names where host_key = ? order by seen_at desc, skeleton = ? desc limit -1 offset ?)`;
/** A provider's IPv6 (/32) is as large as sixteen IPv4 networks (/24), as in `core/rate/shares.ts`. */
const LARGEST_NETWORK = `select network, count(*) as n from names group by network
  order by count(*) / (case when network like '6:%' then 16.0 else 1.0 end) desc limit 1`;
const DROP_NAMES_OF_NETWORK = `delete from names where skeleton in
  (select skeleton from names where network = ? order by seen_at limit ?)`;

export function openStore(options: StoreOptions): Store {
  const { db, trouble } = openOrMemory(options);
  let current: string | null = trouble;
  const statements = new Map<string, Statement>();
  /** Counted when first asked for. */
  let heldNames: number | null = null;
  let evicted = 0;

  function sql(text: string): Statement {
    let statement = statements.get(text);
    if (statement === undefined) {
      statement = db.prepare(text) as unknown as Statement;
      statements.set(text, statement);
    }
    return statement;
  }

  /** Runs a write; a failure becomes the store's problem, told once, and `StoreError` for those who must know. */
  function write<T>(what: string, work: () => T): T {
    try {
      const result = work();
      current = trouble;
      return result;
    } catch (error) {
      const problem = explain(what, options.file, error);
      if (current !== problem) options.onProblem(problem);
      current = problem;
      throw new StoreError(problem);
    }
  }

  /** For what the master can do without: it has it in memory, and a restart would only forget it. */
  function tryWrite(what: string, work: () => void): void {
    try {
      write(what, work);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
    }
  }

  /** A file that breaks under way must not stop the introductions: what can't be read is as good as never written. */
  function read<T>(what: string, fallback: T, work: () => unknown): T {
    try {
      return work() as T;
    } catch (error) {
      const problem = explain(what, options.file, error, 'read');
      if (current !== problem) options.onProblem(problem);
      current = problem;
      return fallback;
    }
  }

  function settingOf(name: string): string | null {
    const row = read<{ value: string } | undefined>('a setting', undefined, () =>
      sql('select value from settings where name = ?').get(name),
    );
    return row?.value ?? null;
  }

  return {
    problem: () => current,
    codes: () => read<CodeCells[]>('the codes', [], () => sql(CODES).all()).map(codeRow),
    saveCode: (now, code) => tryWrite('a join code', () => sql(SAVE_CODE).run(code.code, code.hostKey, now)),
    bans: () => read('the bans', [], () => sql(BANS).all()),
    addBan: ({ kind, pattern, label, scope, reason, createdAt, expiresAt }) =>
      write('a ban', () => sql(ADD_BAN).run(kind, pattern, label, scope, reason, createdAt, expiresAt).lastInsertRowid),
    removeBan: (id) => write('the end of a ban', () => sql('delete from bans where id = ?').run(id).changes > 0),
    audit: (at, act, detail) => tryWrite('an audit entry', () => sql(ADD_AUDIT).run(at, act, detail)),
    auditEntries: (limit) => read('the audit log', [], () => sql(AUDIT).all(limit)),
    recordTraversal: (hour, row) =>
      tryWrite('a traversal', () =>
        sql(ADD_TRAVERSAL).run(
          hour,
          row.clientNat,
          row.hostNat,
          row.family,
          row.path,
          row.result,
          row.elapsedMs,
          row.attempts,
        ),
      ),
    traversals: (sinceHour) => read('the statistics', [], () => sql(TRAVERSALS).all(sinceHour)),
    recordPoint: ({ at, hosts, joins, paths, failures }) =>
      tryWrite('the history', () => sql(ADD_POINT).run(at, hosts, joins, paths, failures)),
    history: (since) => read('the history', [], () => sql(POINTS).all(since)),
    saveSnapshot: (at, changed, gone) => tryWrite('the list', () => updateSnapshot(at, changed, gone)),
    snapshot: () => ({
      at: Number(settingOf('snapshot-at') ?? 0),
      rows: read('the list', [], () => sql('select host_id as hostId, json from snapshot').all()),
    }),
    nameHolder: (skeleton) =>
      read<{ hostKey: string; seenAt: number } | undefined>('a name', undefined, () => sql(NAME).get(skeleton)) ?? null,
    holdName: (name) => tryWrite('a name', () => holdName(name)),
    names: () => {
      const { namesMax, newNameRates } = SERVER_LIMITS;
      return { name: 'names', size: countNames(), max: namesMax, perAddress: newNameRates.narrow.burst, evicted };
    },
    forgetCode: (code) => tryWrite('a join code', () => sql('delete from codes where code = ?').run(code)),
    told: (since) =>
      read('what was told', [], () => sql('select subject, at from told where at > ? order by at').all(since)),
    saveTold: (subject, at) =>
      tryWrite('what was told', () => sql('insert or replace into told values (?, ?)').run(subject, at)),
    setting: settingOf,
    setSetting: (name, value) =>
      write('a setting', () => void sql('insert or replace into settings values (?, ?)').run(name, value)),
    prune: (now) => {
      heldNames = null;
      tryWrite('the cleaning', () => pruneAll(sql, now));
    },
    close: () => db.close(),
  };

  function countNames(): number {
    heldNames ??= read<{ n: number }>('the names', { n: 0 }, () => sql('select count(*) as n from names').get()).n;
    return heldNames;
  }

  /** The share of one key is two names; where all are too many, the network that holds most loses its oldest. */
  function holdName({ skeleton, hostKey, seenAt, network }: HeldName): void {
    const { namesMax, namesDroppedAtOnce, namesPerKeyMax } = SERVER_LIMITS;
    const before = countNames();
    const known = sql(NAME).get(skeleton) !== undefined;
    sql(HOLD_NAME).run(skeleton, hostKey, seenAt, network);
    const dropped = sql(DROP_NAMES_OF_KEY).run(hostKey, hostKey, skeleton, namesPerKeyMax).changes;
    heldNames = before + Number(!known) - dropped;
    if (heldNames <= namesMax) return;
    const largest = sql(LARGEST_NETWORK).get() as { readonly network: string; readonly n: number };
    const some = Math.min(namesDroppedAtOnce, Math.ceil(largest.n / 2));
    const made = sql(DROP_NAMES_OF_NETWORK).run(largest.network, some).changes;
    heldNames -= made;
    evicted += made;
  }

  function updateSnapshot(at: number, changed: readonly SnapshotRow[], gone: readonly string[]): void {
    db.exec('begin');
    try {
      const remove = sql('delete from snapshot where host_id = ?');
      for (const hostId of gone) remove.run(hostId);
      const insert = sql('insert or replace into snapshot values (?, ?)');
      for (const entry of changed) insert.run(entry.hostId, entry.json);
      sql('insert or replace into settings values (?, ?)').run('snapshot-at', String(at));
      db.exec('commit');
    } catch (error) {
      if (db.inTransaction) db.exec('rollback');
      throw error;
    }
  }
}

function openOrMemory(options: StoreOptions): { readonly db: Database.Database; readonly trouble: string | null } {
  try {
    const db = openFile(options.file, options.migrations);
    if (options.pagesMax !== undefined) db.exec(`pragma max_page_count = ${options.pagesMax}`);
    return { db, trouble: null };
  } catch (error) {
    const trouble = `${explain('anything', options.file, error)} The master runs on without it and remembers nothing over a restart.`;
    options.onProblem(trouble);
    return { db: openFile(':memory:', undefined), trouble };
  }
}

function openFile(file: string, migrations: readonly Migration[] | undefined): Database.Database {
  // It holds addresses of hosts, so it is the owner's alone from the first byte; SQLite gives its other files the same mode.
  if (file !== ':memory:') closeSync(openSync(file, 'a', 0o600));
  const db = new Database(file);
  try {
    // NORMAL: a write survives the death of the process at once and the death of the machine from the next checkpoint on.
    db.exec('pragma journal_mode = wal; pragma synchronous = normal; pragma busy_timeout = 2000');
    const check = db.prepare('pragma quick_check(1)').get() as { readonly quick_check: string };
    if (check.quick_check !== 'ok') throw new Error(check.quick_check);
    migrate(db, migrations);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function explain(what: string, file: string, error: unknown, act = 'write'): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const message = error instanceof Error ? error.message : String(error);
  if (code === 'SQLITE_FULL') return `Could not write ${what} to ${file}: the disk is full. Free some space.`;
  if (code === 'SQLITE_NOTADB' || code === 'SQLITE_CORRUPT')
    return `The store ${file} is damaged (${message}). Move it away or put a backup in its place, then restart.`;
  if (code === 'SQLITE_READONLY' || code === 'SQLITE_CANTOPEN')
    return `Could not ${act} ${what}, ${file}: ${message}. Check who owns the file and its folder.`;
  return `Could not ${act} ${what}, ${file}: ${message}.`;
}

function pruneAll(sql: (text: string) => Statement, now: number): void {
  const { statisticsHoursMax, auditEntriesMax, nameHeldMs, webhookDedupeMs } = SERVER_LIMITS;
  sql('delete from bans where expires_at is not null and expires_at <= ?').run(now);
  sql('delete from traversals where hour < ?').run(Math.floor(now / 3_600_000) - statisticsHoursMax);
  sql('delete from points where at < ?').run(now - statisticsHoursMax * 3_600_000);
  sql('delete from audit where id <= (select coalesce(max(id), 0) from audit) - ?').run(auditEntriesMax);
  sql('delete from told where at < ?').run(now - webhookDedupeMs);
  sql('delete from names where seen_at < ?').run(now - nameHeldMs);
}
