/**
 * The record file of the masterserver on the simulator's disk. It stands where SQLite stands and promises what SQLite with a
 * write-ahead log promises, by the same means: a commit is a frame with a checksum at the end of the log, a checkpoint syncs the
 * log, writes its pages into the main file, syncs that and empties the log.
 */
import { crc32 } from 'node:zlib';
import type { FileContent, RecordFile, RecordRow } from '../src/master/index.ts';
import { type SimDisk, SimDiskError } from '../src/sim/index.ts';

/** A page holds one row here, and four sectors, so that it can be torn. */
const PAGE_BYTES = 2048;
const MARK_BYTES = 2048;
const [MAIN, LOG, MARK, REBUILT] = ['main', 'log', 'mark', 'rebuilt'] as const;

type Pages = Map<number, string>;
type Frame = readonly (readonly [page: number, text: string])[];

export class SimRecordFile implements RecordFile {
  readonly boot: string;
  readonly name = 'sim';
  readonly #disk: SimDisk;
  /** Committed, by page; empty text = a free page. */
  #pages: Pages = new Map();
  /** Pages that the main file does not have yet. */
  readonly #logged = new Set<number>();
  #pageOf = new Map<number, number>();
  #logBytes = 0;
  #generation = 1;

  constructor(disk: SimDisk) {
    this.#disk = disk;
    this.boot = String(disk.boots);
  }

  read(): FileContent {
    const { pages, damaged, present } = this.#mainPages(MAIN);
    const { sound, behind } = this.#frames();
    for (const frame of sound) for (const [page, text] of frame) pages.set(page, text);
    const strict = rowsOf(pages);
    const more = behind.flatMap((frame) => rowsOf(new Map(frame)));
    const rebuilt = this.#mainPages(REBUILT);
    const mark = this.#disk.read(MARK) ?? new Uint8Array(0);
    const healed = [...damaged].filter((page) => !sound.some((frame) => frame.some(([logged]) => logged === page)));
    const alone = (this.#disk.read(MAIN)?.length ?? 0) === 0 && sound.length + behind.length > 0;
    const damages = [
      ...(alone ? ['there is only its log'] : []),
      ...(healed.length === 0 ? [] : [`${healed.length} pages`]),
      ...(behind.length === 0 ? [] : ['its log']),
    ];
    return {
      present: present || sound.length + behind.length > 0 || rebuilt.present,
      views: [strict, [...strict, ...more], rowsOf(rebuilt.pages)],
      damage: damages.length === 0 ? null : damages.join(', '),
      marks: [mark.subarray(0, MARK_BYTES), mark.subarray(MARK_BYTES)].map((slot) => decode(slot)),
    };
  }

  open(): string | null {
    const { pages, damaged } = this.#mainPages(MAIN);
    const { sound, behind } = this.#frames();
    this.#pages = pages;
    this.#logged.clear();
    for (const frame of sound) {
      for (const [page, text] of frame) {
        this.#pages.set(page, text);
        this.#logged.add(page);
        damaged.delete(page);
      }
    }
    if (damaged.size > 0 || behind.length > 0) return 'pages';
    this.#index();
    // As SQLite does, whose first page is there before the log is.
    if (!this.#pages.has(0)) {
      this.#disk.write(MAIN, 0, new Uint8Array(PAGE_BYTES));
      this.#disk.sync(MAIN);
    }
    this.checkpoint();
    return null;
  }

  commit(rows: readonly RecordRow[], gone: readonly number[]): void {
    const next = new Map(this.#pageOf);
    const frame: [number, string][] = [];
    for (const number of gone) {
      const page = next.get(number);
      if (page === undefined) continue;
      next.delete(number);
      frame.push([page, '']);
    }
    const free = freePages(next);
    for (const row of rows) {
      const page = next.get(row.number) ?? free();
      next.set(row.number, page);
      frame.push([page, JSON.stringify(row)]);
    }
    const line = frameLine(this.#generation, frame);
    this.#disk.write(LOG, this.#logBytes, line);
    this.#logBytes += line.length;
    for (const [page, text] of frame) {
      this.#pages.set(page, text);
      this.#logged.add(page);
    }
    this.#pageOf = next;
  }

  checkpoint(): void {
    const disk = this.#disk;
    disk.sync(LOG);
    for (const page of this.#logged) disk.write(MAIN, page * PAGE_BYTES, pageBytes(this.#pages.get(page) ?? ''));
    disk.sync(MAIN);
    disk.truncate(LOG, 0);
    this.#logged.clear();
    this.#logBytes = 0;
    this.#generation++;
  }

  writeMark(slot: number, text: string, durable: boolean): void {
    this.#disk.write(MARK, slot * MARK_BYTES, padded(text, MARK_BYTES));
    if (durable) this.#disk.sync(MARK);
  }

  replace(rows: readonly RecordRow[], why: 'damaged' | 'replaced'): string | null {
    const disk = this.#disk;
    disk.remove(REBUILT);
    for (const [page, row] of rows.entries()) disk.write(REBUILT, page * PAGE_BYTES, pageBytes(JSON.stringify(row)));
    disk.sync(REBUILT);
    const aside = `${why}-${disk.names().length}-${disk.boots}`;
    const present = disk.read(MAIN) !== null;
    disk.rename(LOG, `${aside}-log`);
    disk.rename(MAIN, aside);
    disk.rename(REBUILT, MAIN);
    this.#logBytes = 0;
    return present ? aside : null;
  }

  explain(error: unknown): string {
    return error instanceof SimDiskError
      ? `disk: ${error.code}`
      : `fault: ${error instanceof Error ? error.stack : error}`;
  }

  isDamage(): boolean {
    return false;
  }

  close(): void {}

  #index(): void {
    this.#pageOf.clear();
    for (const [page, text] of this.#pages) {
      const row = text === '' ? null : parseRow(text);
      if (row !== null) this.#pageOf.set(row.number, page);
    }
  }

  #mainPages(name: string) {
    const bytes = this.#disk.read(name);
    const pages: Pages = new Map();
    const damaged = new Set<number>();
    for (let page = 0; bytes !== null && page * PAGE_BYTES < bytes.length; page++) {
      const text = decode(bytes.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES));
      pages.set(page, text);
      if (text !== '' && parseRow(text) === null) damaged.add(page);
    }
    return { pages, damaged, present: bytes !== null };
  }

  /** Frames up to the first break, and those that can be read behind it. */
  #frames(): { readonly sound: readonly Frame[]; readonly behind: readonly Frame[] } {
    const bytes = this.#disk.read(LOG) ?? new Uint8Array(0);
    const lines = Buffer.from(bytes).toString('latin1').split('\n');
    const sound: Frame[] = [];
    const behind: Frame[] = [];
    let broken = false;
    let generation = 0;
    this.#logBytes = 0;
    for (const line of lines) {
      if (line === '') continue;
      const read = parseFrame(line);
      if (read !== null && generation === 0) generation = read[0];
      broken ||= read === null || read[0] !== generation;
      if (read !== null && read[0] === generation) (broken ? behind : sound).push(read[1]);
      if (!broken) this.#logBytes += line.length + 1;
    }
    this.#generation = generation + 1;
    return { sound, behind };
  }
}

function freePages(taken: ReadonlyMap<number, number>): () => number {
  const used = new Set(taken.values());
  let next = 0;
  return () => {
    while (used.has(next)) next++;
    used.add(next);
    return next;
  };
}

/** A log that is begun anew has another generation, so that what is left of the one before is not taken for its own. */
function frameLine(generation: number, frame: Frame): Uint8Array {
  const text = Buffer.from(JSON.stringify([generation, frame])).toString('base64');
  return Buffer.from(`${crc32(text)} ${text}\n`, 'latin1');
}

function parseFrame(line: string): readonly [generation: number, frame: Frame] | null {
  const [sum, text = ''] = line.split(' ');
  return Number(sum) === crc32(text) ? JSON.parse(Buffer.from(text, 'base64').toString()) : null;
}

function rowsOf(pages: Pages): RecordRow[] {
  return [...pages.values()].flatMap((text) => parseRow(text) ?? []);
}

function parseRow(text: string): RecordRow | null {
  try {
    const row = JSON.parse(text) as RecordRow;
    const whole = typeof row.number === 'number' && typeof row.body === 'string' && typeof row.key === 'string';
    return whole && typeof row.kind === 'string' ? row : null;
  } catch {
    return null;
  }
}

function pageBytes(text: string): Uint8Array {
  return padded(text, PAGE_BYTES);
}

function padded(text: string, bytes: number): Uint8Array {
  const buffer = Buffer.alloc(bytes);
  if (buffer.write(text) < Buffer.byteLength(text)) throw new Error(`${text.length} bytes do not fit`);
  return buffer;
}

function decode(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString('utf8');
}
