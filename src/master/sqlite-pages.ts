/**
 * Reads the rows of a store straight from the bytes of an SQLite file and its write-ahead log (sqlite.org/fileformat2.html),
 * without SQLite. That works on a read-only disk, where SQLite can't open a log; it changes nothing, so evidence stays; and it
 * finds every sound page of a file that SQLite refuses as a whole. That rows belong together is proven by seal and sums, not here.
 */
import { SERVER_LIMITS } from './limits.ts';
import type { RecordRow } from './record-rows.ts';

export const PAGE_BYTES = 4096;
const WAL_HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
const LEAF = 0x0d;
const MAGIC = Buffer.from('SQLite format 3\0');

export interface PagesRead {
  /** As SQLite would see the file; then, where its log is broken, also with all that stands behind the break. */
  readonly views: readonly (readonly RecordRow[])[];
  readonly damage: string | null;
}

type Pages = Map<number, Buffer>;

interface Frame {
  readonly page: number;
  readonly bytes: Buffer;
  /** The last of a transaction. */
  readonly commit: boolean;
}

export function readPages(main: Buffer, wal: Buffer): PagesRead {
  const { frames, sound } = readFrames(wal);
  const strict = pagesOf(main);
  for (const { page, bytes } of frames.slice(0, sound)) strict.set(page, bytes);
  const lost = frames.slice(sound);
  const damages = [
    ...(main.length === 0 || main.subarray(0, MAGIC.length).equals(MAGIC)
      ? []
      : ['it does not begin as an SQLite file']),
    ...(main.length % PAGE_BYTES === 0 ? [] : ['it ends in the middle of a page']),
    ...(lost.length === 0 ? [] : [`its write-ahead log is broken ${lost.length} pages before its end`]),
  ];
  const damage = damages.length === 0 ? null : damages.join(', ');
  const view = rowsOf(strict);
  if (lost.length === 0) return { views: [view], damage };
  // A page behind the break may be torn, so the older one below it counts as well; the newest of two rows wins.
  const behind = new Map(strict);
  const more: RecordRow[] = [];
  for (const { page, bytes } of lost) {
    behind.set(page, bytes);
    more.push(...rowsOfPage(bytes, behind));
  }
  return { views: [view, [...view, ...more]], damage };
}

function pagesOf(main: Buffer): Pages {
  const pages: Pages = new Map();
  for (let at = 0; at < main.length; at += PAGE_BYTES)
    pages.set(at / PAGE_BYTES + 1, main.subarray(at, at + PAGE_BYTES));
  return pages;
}

/** The frames of the newest generation up to its last commit, and how many of them SQLite would take. */
function readFrames(wal: Buffer): { readonly frames: readonly Frame[]; readonly sound: number } {
  const frames: Frame[] = [];
  if (wal.length < WAL_HEADER_BYTES + FRAME_HEADER_BYTES) return { frames, sound: 0 };
  const big = (wal.readUInt32BE(0) & 1) === 1;
  let sum = checksum(wal.subarray(0, 24), big, [0, 0]);
  let unbroken = sum[0] === wal.readUInt32BE(24) && sum[1] === wal.readUInt32BE(28);
  // Older generations have other salts. Where the header is broken, the first frame knows them as well.
  const salts = wal.subarray(...(unbroken ? [16, 24] : [WAL_HEADER_BYTES + 8, WAL_HEADER_BYTES + 16]));
  let sound = 0;
  let committed = 0;
  for (let at = WAL_HEADER_BYTES; at + FRAME_HEADER_BYTES + PAGE_BYTES <= wal.length; ) {
    const header = wal.subarray(at, at + FRAME_HEADER_BYTES);
    const bytes = wal.subarray(at + FRAME_HEADER_BYTES, at + FRAME_HEADER_BYTES + PAGE_BYTES);
    at += FRAME_HEADER_BYTES + PAGE_BYTES;
    const ours = header.subarray(8, 16).equals(salts);
    if (unbroken) {
      sum = checksum(bytes, big, checksum(header.subarray(0, 8), big, sum));
      unbroken = ours && sum[0] === header.readUInt32BE(16) && sum[1] === header.readUInt32BE(20);
    }
    if (!ours) continue;
    const commit = header.readUInt32BE(4) !== 0;
    frames.push({ page: header.readUInt32BE(0), bytes, commit });
    if (commit) committed = frames.length;
    if (commit && unbroken) sound = frames.length;
  }
  return { frames: frames.slice(0, committed), sound };
}

/** The log's own running checksum, over pairs of 32-bit words. */
function checksum(bytes: Buffer, big: boolean, [first, second]: readonly [number, number]): [number, number] {
  let s0 = first;
  let s1 = second;
  for (let at = 0; at + 8 <= bytes.length; at += 8) {
    s0 = (s0 + (big ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at)) + s1) >>> 0;
    s1 = (s1 + (big ? bytes.readUInt32BE(at + 4) : bytes.readUInt32LE(at + 4)) + s0) >>> 0;
  }
  return [s0, s1];
}

function rowsOf(pages: Pages): RecordRow[] {
  const rows: RecordRow[] = [];
  // Page 1 has the header and the schema, never rows of ours.
  for (const [number, page] of pages) if (number > 1) rows.push(...rowsOfPage(page, pages));
  return rows;
}

function rowsOfPage(page: Buffer, pages: Pages): RecordRow[] {
  if (page.length < 8 || page[0] !== LEAF) return [];
  const count = page.readUInt16BE(3);
  const rows: RecordRow[] = [];
  for (let cell = 0; cell < count && 10 + 2 * cell <= page.length; cell += 1) {
    try {
      const row = rowAt(page, page.readUInt16BE(8 + 2 * cell), pages);
      if (row !== null) rows.push(row);
    } catch (error) {
      // A cell that points outside of its page; what it held is missed by the seal.
      if (!(error instanceof RangeError)) throw error;
    }
  }
  return rows;
}

function rowAt(page: Buffer, at: number, pages: Pages): RecordRow | null {
  const [bytes, afterBytes] = varint(page, at);
  const [number, afterNumber] = varint(page, afterBytes);
  const payload = payloadOf(page, afterNumber, bytes, pages);
  return payload === null ? null : decode(number, payload);
}

/** A cell's content, gathered from overflow pages where it is long. */
function payloadOf(page: Buffer, at: number, bytes: number, pages: Pages): Buffer | null {
  if (bytes > SERVER_LIMITS.storeRowBytesMax) return null;
  if (bytes <= PAGE_BYTES - 35) return page.subarray(at, at + bytes);
  const least = Math.floor(((PAGE_BYTES - 12) * 32) / 255) - 23;
  const fitting = least + ((bytes - least) % (PAGE_BYTES - 4));
  const local = fitting <= PAGE_BYTES - 35 ? fitting : least;
  const parts = [page.subarray(at, at + local)];
  let next = page.readUInt32BE(at + local);
  for (let left = bytes - local; left > 0; left -= PAGE_BYTES - 4) {
    const overflow = pages.get(next);
    if (overflow === undefined || overflow.length < PAGE_BYTES) return null;
    parts.push(overflow.subarray(4, 4 + Math.min(left, PAGE_BYTES - 4)));
    next = overflow.readUInt32BE(0);
  }
  return Buffer.concat(parts);
}

/** The columns of `records` in their order; what has another shape is no row of ours. */
function decode(number: number, payload: Buffer): RecordRow | null {
  const [headerBytes, first] = varint(payload, 0);
  const values: (number | string | null)[] = [];
  let header = first;
  let body = headerBytes;
  while (header < headerBytes) {
    const [type, next] = varint(payload, header);
    header = next;
    const [value, bytes] = valueAt(payload, body, type);
    values.push(value);
    body += bytes;
  }
  const [, at, kind, key, text, sum] = values;
  if (values.length !== 6 || typeof at !== 'number' || typeof sum !== 'number') return null;
  if (typeof kind !== 'string' || typeof key !== 'string' || typeof text !== 'string') return null;
  return { number, at, kind, key, body: text, sum };
}

const INTEGER_BYTES = [0, 1, 2, 3, 4, 6, 8] as const;

function valueAt(payload: Buffer, at: number, type: number): readonly [number | string | null, number] {
  if (type === 0) return [null, 0];
  if (type === 8 || type === 9) return [type - 8, 0];
  const bytes = INTEGER_BYTES[type];
  if (bytes === 8) return [Number(payload.readBigInt64BE(at)), 8];
  if (bytes !== undefined) return [payload.readIntBE(at, bytes), bytes];
  if (type === 7) return [payload.readDoubleBE(at), 8];
  const length = (type - (type % 2 === 0 ? 12 : 13)) / 2;
  if (length < 0 || at + length > payload.length) throw new RangeError('a value longer than its row');
  return [payload.toString('utf8', at, at + length), length];
}

/** Big-endian, 7 bits a byte, the ninth byte whole; beyond 2^53 it is damage anyway. */
function varint(bytes: Buffer, start: number): readonly [number, number] {
  let value = 0;
  for (let i = 0; i < 8; i += 1) {
    const byte = bytes.readUInt8(start + i);
    value = value * 128 + (byte & 0x7f);
    if (byte < 0x80) return [value, start + i + 1];
  }
  return [value * 256 + bytes.readUInt8(start + 8), start + 9];
}
