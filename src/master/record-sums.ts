/** What makes a loss show (`records.ts`): sums of rows, their seal, the mark. */
import { crc32 } from 'node:zlib';
import type { Mark, RecordRow, Seal } from './records.ts';

export function sumOf(row: Omit<RecordRow, 'sum'>): number {
  return crc32(`${row.number}\n${row.at}\n${row.kind}\n${row.key}\n${row.body}`);
}

/** Sums of a kind add up to this; below 2^53, and the order does not matter. */
export const DIGEST_MODULUS = 2 ** 48;

export function sealRow(seal: Seal): RecordRow {
  const row = { number: 0, at: seal.at, kind: 'seal', key: '', body: JSON.stringify(seal) };
  return { ...row, sum: sumOf(row) };
}

export function markText(mark: Mark): string {
  const text = JSON.stringify(mark);
  return `${crc32(text).toString(16).padStart(8, '0')} ${text}`;
}
