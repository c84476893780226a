/**
 * What the store needs of SQLite, from whoever has it: Node's own `node:sqlite`, or on older Nodes the package libsql. Both speak
 * to the same library; what differs is how they name its errors, so here they all have the names of SQLite (`SQLITE_FULL`).
 */
import { createRequire } from 'node:module';
import type * as NodeSqlite from 'node:sqlite';
import { SallyportError } from '../node/index.ts';

export interface SqliteStatement {
  run(...values: readonly (number | string)[]): unknown;
  get(): unknown;
}

export interface SqliteDatabase {
  readonly inTransaction: boolean;
  exec(sql: string): unknown;
  prepare(sql: string): SqliteStatement;
  close(): unknown;
}

export type OpenSqlite = (file: string) => SqliteDatabase;

/** Result codes of https://sqlite.org/rescode.html that somebody can do something about; the others stay `SQLITE_ERROR`. */
const RESULT_NAMES: Readonly<Record<number, string>> = {
  3: 'SQLITE_PERM',
  5: 'SQLITE_BUSY',
  6: 'SQLITE_LOCKED',
  7: 'SQLITE_NOMEM',
  8: 'SQLITE_READONLY',
  10: 'SQLITE_IOERR',
  11: 'SQLITE_CORRUPT',
  13: 'SQLITE_FULL',
  14: 'SQLITE_CANTOPEN',
  26: 'SQLITE_NOTADB',
};

/** Node's own, or null where this Node has none that tells whether a transaction is open (before 22.16). */
export function nodeSqlite(): OpenSqlite | null {
  const module = quietly(() => process.getBuiltinModule?.('node:sqlite') as typeof NodeSqlite | undefined);
  if (module === undefined || !tellsTransactions(module)) return null;
  return (file) => {
    const db = named(() => new module.DatabaseSync(file));
    return {
      get inTransaction() {
        return db.isTransaction;
      },
      exec: (sql) => named(() => db.exec(sql)),
      close: () => db.close(),
      prepare(sql) {
        const statement = named(() => db.prepare(sql));
        return {
          run: (...values) => named(() => statement.run(...values)),
          get: () => named(() => statement.get()),
        };
      },
    };
  };
}

function tellsTransactions(module: typeof NodeSqlite): boolean {
  const probe = new module.DatabaseSync(':memory:');
  const tells = probe.isTransaction === false;
  probe.close();
  return tells;
}

/** The package, or null where it is not installed. */
export function libsql(): OpenSqlite | null {
  try {
    const Database = createRequire(import.meta.url)('libsql') as new (file: string) => SqliteDatabase;
    return (file) => named(() => new Database(file));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return null;
    throw error;
  }
}

let chosen: OpenSqlite | null = null;

export function openSqlite(file: string): SqliteDatabase {
  chosen ??= nodeSqlite() ?? libsql();
  if (chosen === null) {
    const detail = `Node ${process.versions.node} has no SQLite of its own that the store can use: run it with Node 22.16 or newer, or npm install libsql.`;
    throw new SallyportError('INTERNAL', { detail });
  }
  return chosen(file);
}

function named<Value>(act: () => Value): Value {
  try {
    return act();
  } catch (error) {
    const { errcode = atEnd(error) } = error as { readonly errcode?: number };
    // The upper bits say which kind of it, as SQLITE_IOERR_WRITE is one of SQLITE_IOERR.
    if (errcode !== undefined) (error as NodeJS.ErrnoException).code = RESULT_NAMES[errcode & 0xff] ?? 'SQLITE_ERROR';
    throw error;
  }
}

/** libsql gives no code where a file cannot be opened: the number stands at the end of what it says. */
function atEnd(error: unknown): number | undefined {
  const { code, message } = error as NodeJS.ErrnoException;
  const number = code ? null : /: (\d{1,5})"?\)?$/.exec(message);
  return number === null ? undefined : Number(number[1]);
}

/** Up to Node 24 loading it prints that it is experimental, which the operator of a masterserver can do nothing with. */
function quietly<Value>(load: () => Value): Value {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return load();
  } finally {
    process.emitWarning = emitWarning;
  }
}
