/**
 * The record file of a real masterserver: one SQLite database with a write-ahead log, and beside it the mark. SQLite writes;
 * reading is `sqlite-pages.ts`. Needs of SQLite only what any binding has: text to execute and statements to run.
 */
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  writeSync,
} from 'node:fs';
import { uptime } from 'node:os';
import { dirname } from 'node:path';
import type { FileContent, RecordFile, RecordRow } from './record-rows.ts';
import { type OpenSqlite, openSqlite, type SqliteDatabase, type SqliteStatement } from './sqlite.ts';
import { PAGE_BYTES, readPages } from './sqlite-pages.ts';

/**
 * A table without any index, so that there is one structure to break; its key is the running number, so that new rows stand at
 * the end. Deleted content is overwritten with zeros: what the page reader finds is what there is.
 */
const SETUP = `pragma page_size = ${PAGE_BYTES}; pragma journal_mode = wal; pragma synchronous = normal;
  pragma busy_timeout = 2000; pragma secure_delete = on`;
const TABLE = `create table if not exists records (number integer primary key, at integer not null, kind text not null,
  key text not null, body text not null, sum integer not null) strict`;
const PUT = 'insert or replace into records values (?, ?, ?, ?, ?, ?)';
const DELETE = 'delete from records where number = ?';

/** Kinds and their sums are some 800 bytes. */
const MARK_SLOT_BYTES = 2048;

export interface RecordFileOptions {
  readonly file: string;
  /** The file grows to so many pages at most; beyond it the disk counts as full. */
  readonly pagesMax?: number;
  /** Another start of the computer, for tests. */
  readonly boot?: string;
  /** One of the two bindings, for tests (default: the one that this Node has). */
  readonly sqlite?: OpenSqlite;
}

interface OpenDatabase {
  readonly db: SqliteDatabase;
  readonly put: SqliteStatement;
  readonly remove: SqliteStatement;
  /** Prepared, because a commit is what every name and code costs. */
  readonly begin: SqliteStatement;
  readonly end: SqliteStatement;
}

export function openRecordFile(options: RecordFileOptions): RecordFile {
  return options.file === ':memory:' ? memoryFile() : new SqliteFile(options);
}

class SqliteFile implements RecordFile {
  readonly boot: string;
  readonly name: string;
  readonly #pagesMax: number | undefined;
  readonly #sqlite: OpenSqlite;
  #connection: OpenDatabase | null = null;
  #markFd: number | null = null;

  constructor({ file, pagesMax, boot, sqlite = openSqlite }: RecordFileOptions) {
    this.name = file;
    this.#sqlite = sqlite;
    this.#pagesMax = pagesMax;
    this.boot = boot ?? bootOf();
  }

  read(): FileContent {
    const main = readOrNone(this.name);
    const log = readOrNone(`${this.name}-wal`) ?? Buffer.alloc(0);
    const read = readPages(main ?? Buffer.alloc(0), log);
    // Left by a replacement that was interrupted: what was saved then counts as a reading, too.
    const rebuilt = readOrNone(this.#rebuilt);
    const views = [...read.views, ...(rebuilt === null ? [] : readPages(rebuilt, Buffer.alloc(0)).views)];
    const text = readOrNone(this.#markFile) ?? Buffer.alloc(0);
    const slots = [text.subarray(0, MARK_SLOT_BYTES), text.subarray(MARK_SLOT_BYTES)];
    const marks = slots.map((slot) => slot.subarray(0, slot.findLastIndex(isWritten) + 1).toString('utf8'));
    const damage = (main?.length ?? 0) === 0 && log.length > 0 ? 'there is only its write-ahead log' : read.damage;
    return { present: main !== null || log.length > 0 || rebuilt !== null, views, damage, marks };
  }

  open(): string | null {
    // It holds addresses of hosts, so it is the owner's alone from the first byte; SQLite gives its other files the same mode.
    closeSync(openSync(this.name, 'a', 0o600));
    try {
      const db = this.#sqlite(this.name);
      try {
        db.exec(SETUP);
        const check = db.prepare('pragma quick_check(1)').get() as { readonly quick_check: string };
        if (check.quick_check !== 'ok') return closed(db, check.quick_check);
        db.exec(TABLE);
        if (this.#pagesMax !== undefined) db.exec(`pragma max_page_count = ${this.#pagesMax}`);
        this.#connection = {
          ...{ db, put: db.prepare(PUT), remove: db.prepare(DELETE) },
          ...{ begin: db.prepare('begin immediate'), end: db.prepare('commit') },
        };
        return null;
      } catch (error) {
        db.close();
        throw error;
      }
    } catch (error) {
      if (this.isDamage(error)) return (error as Error).message;
      throw error;
    }
  }

  commit(rows: readonly RecordRow[], gone: readonly number[]): void {
    const { db, put, remove, begin, end } = this.#open();
    begin.run();
    try {
      for (const number of gone) remove.run(number);
      for (const row of rows) put.run(row.number, row.at, row.kind, row.key, row.body, row.sum);
      end.run();
    } catch (error) {
      if (db.inTransaction) db.exec('rollback');
      throw error;
    }
  }

  checkpoint(): void {
    const done = this.#open().db.prepare('pragma wal_checkpoint(truncate)').get() as { readonly busy: number };
    if (done.busy !== 0) throw new Error('another program has it open');
  }

  writeMark(slot: number, text: string, durable: boolean): void {
    const bytes = Buffer.alloc(MARK_SLOT_BYTES, ' ');
    if (bytes.write(text) < Buffer.byteLength(text)) throw new Error('the mark is longer than its slot');
    this.#markFd ??= openSync(this.#markFile, existsSync(this.#markFile) ? 'r+' : 'w+', 0o600);
    writeSync(this.#markFd, bytes, 0, MARK_SLOT_BYTES, slot * MARK_SLOT_BYTES);
    if (durable) fsyncSync(this.#markFd);
  }

  replace(rows: readonly RecordRow[], why: 'damaged' | 'replaced'): string | null {
    this.close();
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${this.#rebuilt}${suffix}`, { force: true });
    writeDatabase(this.#rebuilt, rows, this.#sqlite);
    const present = existsSync(this.name);
    const stamp = new Date().toISOString().slice(0, 19).replaceAll(':', '');
    const aside = present ? freeName(`${this.name}.${why}-${stamp}`) : null;
    // A log left beside the new file would be played into it, so it goes first; the rebuilt file is there until all is done.
    if (aside !== null) linkOrCopy(this.name, aside);
    if (existsSync(`${this.name}-wal`))
      renameSync(`${this.name}-wal`, `${aside ?? freeName(`${this.name}.${why}-${stamp}`)}-wal`);
    rmSync(`${this.name}-shm`, { force: true });
    renameSync(this.#rebuilt, this.name);
    syncFolder(this.name);
    return aside;
  }

  explain(error: unknown): string {
    const code = codeOf(error);
    const message = error instanceof Error ? error.message : String(error);
    const until = 'until then new facts are only in memory.';
    if (this.isDamage(error))
      return `The store ${this.name} is damaged (${message}); it is set aside and written anew.`;
    // SQLite names the cause only sometimes: a log that finds no room is an "I/O error" to it.
    if (/^(SQLITE_FULL|ENOSPC|EDQUOT)/.test(code) || (code.startsWith('SQLITE_') && isFull(dirname(this.name))))
      return `The store ${this.name} can't be written: the disk is full. Free some space; ${until}`;
    const denied = deniedBy(dirname(this.name)) ?? deniedBy(this.name);
    if (code === 'EROFS' || denied === 'EROFS')
      return `The store ${this.name} can't be written: the disk is read-only. Mount it for writing; ${until}`;
    if (/^(SQLITE_(READONLY|CANTOPEN|PERM)|EACCES|EPERM)/.test(code) || denied !== null)
      return `The store ${this.name} can't be used: ${message}. Check who owns the file and its folder; ${until}`;
    return `The store ${this.name} can't be used: ${message}. Mend that; ${until}`;
  }

  isDamage(error: unknown): boolean {
    return /^SQLITE_(NOTADB|CORRUPT)/.test(codeOf(error));
  }

  close(): void {
    this.#connection?.db.close();
    this.#connection = null;
    if (this.#markFd !== null) closeSync(this.#markFd);
    this.#markFd = null;
  }

  get #markFile(): string {
    return `${this.name}-mark`;
  }

  get #rebuilt(): string {
    return `${this.name}.rebuilt`;
  }

  #open(): OpenDatabase {
    if (this.#connection === null) throw new Error('it is not open');
    return this.#connection;
  }
}

/** A whole database in one file without a log, on the disk when this returns. */
export function writeDatabase(file: string, rows: readonly RecordRow[], sqlite: OpenSqlite = openSqlite): void {
  closeSync(openSync(file, 'wx', 0o600));
  const db = sqlite(file);
  try {
    db.exec(
      `pragma page_size = ${PAGE_BYTES}; pragma journal_mode = memory; pragma synchronous = full; ${TABLE}; begin`,
    );
    const put = db.prepare(PUT);
    for (const row of rows) put.run(row.number, row.at, row.kind, row.key, row.body, row.sum);
    db.exec('commit');
  } catch (error) {
    db.close();
    rmSync(file, { force: true });
    throw error;
  }
  db.close();
}

/** Nothing is written down and nothing lost: for tests, and for a master without a state folder. */
function memoryFile(): RecordFile {
  return {
    ...{ boot: '', name: ':memory:' },
    read: () => ({ present: false, views: [], damage: null, marks: [] }),
    open: () => null,
    commit() {},
    checkpoint() {},
    writeMark() {},
    replace: () => null,
    explain: String,
    isDamage: () => false,
    close() {},
  };
}

function closed(db: SqliteDatabase, damage: string): string {
  db.close();
  return damage;
}

/** Slots are filled up with spaces, and with zeros where only the second has been written. */
function isWritten(byte: number): boolean {
  return byte !== 0x20 && byte !== 0;
}

function readOrNone(file: string): Buffer | null {
  try {
    return readFileSync(file);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

function isFull(folder: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize < 64 * 1024;
  } catch {
    return false;
  }
}

/** The error code of what may not be written, or null. */
function deniedBy(path: string): string | null {
  try {
    accessSync(path, constants.W_OK);
    return null;
  } catch (error) {
    return codeOf(error) === 'ENOENT' ? null : codeOf(error);
  }
}

function freeName(name: string): string {
  for (let n = 1; ; n += 1) {
    const free = n === 1 ? name : `${name}-${n}`;
    if (!existsSync(free)) return free;
  }
}

/** Not every file system has links; then the old file is moved, and for a moment there is none. */
function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    renameSync(from, to);
  }
}

function syncFolder(file: string): void {
  if (process.platform === 'win32') return;
  const fd = openSync(dirname(file), 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Linux names each start. Elsewhere it is the minute of it, and a process that was killed may look like a power cut. */
function bootOf(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return String(Math.round(Date.now() / 60_000 - uptime() / 60));
  }
}
