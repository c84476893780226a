import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openStore, readTicketKeys, saveTicketKeys } from '../../src/master/testing.ts';

test('the keys of tickets survive the process, in a file that is its owner’s alone; what is not keys is none', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-tickets-'));
  try {
    const file = join(folder, 'master.db');
    const open = () => openStore({ file, onProblem: (problem) => expect.unreachable(problem) });
    const keys = [2, 1].map((epoch) => ({ epoch, key: new Uint8Array(32).fill(epoch) }));
    const first = open();
    expect(readTicketKeys(first)).toEqual([]);
    saveTicketKeys(first, [{ epoch: 0, key: new Uint8Array(32) }]);
    saveTicketKeys(first, keys);
    first.close();
    expect(statSync(file).mode & 0o077).toBe(0);
    const second = open();
    expect(readTicketKeys(second)).toEqual(keys);
    for (const broken of ['{', '[1]', '[{"epoch":1,"key":"00"}]']) {
      second.setSetting('ticket-keys', broken);
      expect(readTicketKeys(second)).toEqual([]);
    }
    second.close();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
