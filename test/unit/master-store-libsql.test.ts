/**
 * The claims of master-store.test.ts once more with libsql, where this Node has SQLite of its own and they ran with that; and that
 * the two read each other's files, because an operator may change Node.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { libsql, nodeSqlite, type OpenSqlite, openRecordFile } from '../../src/master/testing.ts';

const own = nodeSqlite();
const other = libsql();

vi.mock('../../src/master/sqlite.ts', async (original) => {
  const real = await original<{ readonly libsql: typeof libsql; readonly openSqlite: OpenSqlite }>();
  return { ...real, openSqlite: real.libsql() ?? real.openSqlite };
});

test('the package is here for Nodes without SQLite of their own', () => {
  expect(other).not.toBeNull();
});

test('each of the two bindings reads what the other has written, and says which error it was', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-bindings-'));
  try {
    const file = join(folder, 'master.db');
    const rows = [1, 2].map((number) => ({ number, at: number, kind: 'ban', key: 'k', body: '{"ä":1}', sum: 7 }));
    for (const [n, sqlite] of [own, other, own].filter((one) => one !== null).entries()) {
      const records = openRecordFile({ file, sqlite });
      expect(records.open()).toBeNull();
      records.commit([{ ...rows[0]!, number: n + 1 }], []);
      records.checkpoint();
      expect(records.read().views[0]?.length).toBe(n + 1);
      records.close();
      const full = openRecordFile({ file, sqlite, pagesMax: 2 });
      expect(full.open()).toBeNull();
      const large = { ...rows[0]!, number: 100, body: 'x'.repeat(50_000) };
      expect(() => full.commit([large], [])).toThrow(expect.objectContaining({ code: 'SQLITE_FULL' }));
      full.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

if (own !== null) await import('./master-store.test.ts');
