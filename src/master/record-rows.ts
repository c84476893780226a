/** What the record layer writes, as data: rows, seals and marks, and the file that takes them. */
import { crc32 } from 'node:zlib';

export const STORE_VERSION = 1;

/** `number` runs over all kinds and never comes again; `at` is wall-clock time in ms; `sum` is `sumOf` the rest. */
export interface RecordRow {
  readonly number: number;
  readonly at: number;
  readonly kind: string;
  readonly key: string;
  readonly body: string;
  readonly sum: number;
}

/** What the rows of one kind come to. `writes` counts every change there ever was, the end of a row too. */
export interface KindSeal {
  readonly count: number;
  readonly digest: number;
  readonly writes: number;
}

export interface Seal {
  readonly v: number;
  /** Of the last change that it knows of. */
  readonly number: number;
  readonly at: number;
  readonly kinds: Readonly<Record<string, KindSeal>>;
}

export interface Mark {
  /** Which writing of the mark it is: two seals may be equal, as before and after the store was closed. */
  readonly turn: number;
  readonly seal: Seal;
  /** Which start of the computer it was written in; empty where that is not known. */
  readonly boot: string;
  /** Somebody had the store open then. */
  readonly open: boolean;
}

export interface FileContent {
  /** There is something of it, whatever that is. */
  readonly present: boolean;
  /**
   * Rows as read, unchecked, in one or several readings of the same file: first what the database itself would read, then what
   * else can be found in its bytes.
   */
  readonly views: readonly (readonly RecordRow[])[];
  /** What is wrong with the shape of the file, or null. */
  readonly damage: string | null;
  /** The mark's copies, unchecked. */
  readonly marks: readonly string[];
}

/** Where rows are kept: SQLite in `record-file.ts`, a simulated disk in the tests. Every method may throw what the disk says. */
export interface RecordFile {
  /** Changes with each start of the computer: what a process wrote before it was killed is safe while this stays. */
  readonly boot: string;
  /** For people. */
  readonly name: string;
  /** Changes nothing, so it works on a full or read-only disk. */
  read(): FileContent;
  /** Makes ready for writing; a string says that the file is damaged and must be replaced first. */
  open(): string | null;
  /** All or nothing, and safe from the death of the process when it returns. Rows replace those of the same number. */
  commit(rows: readonly RecordRow[], gone: readonly number[]): void;
  /** Brings everything committed to the disk and into the main file: safe from the death of the computer and of the log. */
  checkpoint(): void;
  /** There is room for two copies, written in turn, so that one is whole while the other is being written. */
  writeMark(slot: number, text: string, durable: boolean): void;
  /**
   * Sets the file aside, its name and why in the new name, and writes another with these rows. Answers under what name the old
   * one is kept, or null where there was none.
   */
  replace(rows: readonly RecordRow[], why: 'damaged' | 'replaced'): string | null;
  /** What went wrong and what to do, for the operator. */
  explain(error: unknown): string;
  /** The file is broken, not just the disk full or the folder somebody else's. */
  isDamage(error: unknown): boolean;
  close(): void;
}

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
