/** Rows in memory: whatever text is put in is read back in less room, and what somebody else keeps is not kept twice. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openStore, packText, Rows, unpackText } from '../../src/master/testing.ts';

const hex = fc.stringMatching(/^[0-9a-f]{0,1200}$/);
const digits = fc.stringMatching(/^[0-9]{0,40}$/);
const any = fc.string({ unit: 'grapheme', maxLength: 60 });

test('every text is read back as it was', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(hex, digits, any, fc.constantFrom('\u00ff', '\u00fe', '"', '')), { maxLength: 8 }),
      (parts) => {
        const text = parts.join('');
        expect(unpackText(packText(text))).toBe(text);
      },
    ),
    { numRuns: 300 },
  );
});

test('the row of a held name takes two thirds of its text', () => {
  const body = JSON.stringify(['0f'.repeat(32), 1_700_000_000_000, '203.0.113', 1_700_000_000_123]);
  expect(packText(body).length).toBeLessThan(0.62 * body.length);
});

test('bodies that are let go of leave their room, and the rows stay as they were', () => {
  const rows = new Rows();
  const row = (n: number) => ({
    number: n + 1,
    at: 1_700_000_000_000.5 + n,
    sum: n,
    tag: n,
    body: `body ${'x'.repeat(200)} ${n}`,
  });
  for (let n = 0; n < 2_000; n++) rows.put(`key ${n}`, row(n));
  const before = rows.bytes;
  rows.letGo((key) => key.endsWith('7'));
  expect(rows.bytes).toBeLessThan(before / 2);
  expect(rows.size).toBe(2_000);
  for (let n = 0; n < 2_000; n++)
    expect(rows.get(`key ${n}`)).toEqual({ ...row(n), body: n % 10 === 7 ? row(n).body : null });
});

test('codes whose keys the machine keeps are answered, forgotten, and there after the next start', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lent-'));
  const open = () => openStore({ file: join(folder, 'state.db'), onProblem: (problem) => expect.unreachable(problem) });
  const codes = Array.from({ length: 3 }, (_, n) => ({ code: `CODE${n}`, hostKey: new Uint8Array(32).fill(n) }));
  const first = open();
  first.saveCode(1, codes[0]!);
  first.lendCodes((code) => codes.find((one) => one.code === code)?.hostKey ?? null);
  first.saveCode(2, codes[1]!);
  first.saveCode(3, codes[2]!);
  expect(first.codes()).toEqual(codes);
  first.forgetCode('CODE1');
  first.close();
  const second = open();
  expect(second.codes()).toEqual([codes[0], codes[2]]);
  second.close();
  rmSync(folder, { recursive: true });
});
