import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openStore } from '../../src/master/testing.ts';

/** More than a list ever has, and more than a function takes arguments. */
const ENTRIES = 150_000;

test('a list of 150,000 hosts is read back by the next start', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-large-'));
  const problems: string[] = [];
  const open = () => openStore({ file: join(folder, 'state.db'), onProblem: (problem) => void problems.push(problem) });
  try {
    const first = open();
    const rows = Array.from({ length: ENTRIES }, (_, n) => ({ hostId: `host${n}`, json: `{"n":${n}}` }));
    first.saveSnapshot(1, rows, []);
    first.close();
    const second = open();
    expect(second.snapshot().rows.length).toBe(ENTRIES);
    second.close();
    expect(problems).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
