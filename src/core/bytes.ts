/**
 * Bytes without a platform: core has no Buffer, no TextEncoder. Everything that comes from the network is read through
 * `Reader`, which never throws and never reads past the end: once something is missing, `ok` is false for good and every
 * further value is zero, so that a parser checks once at its end. Big-endian throughout.
 */
import { assert } from './errors.ts';

export class Reader {
  readonly bytes: Uint8Array;
  /** False as soon as anything was missing or malformed. */
  ok = true;
  offset = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get left(): number {
    return this.bytes.length - this.offset;
  }

  /** Marks what was read so far as malformed. */
  fail(): void {
    this.ok = false;
    this.offset = this.bytes.length;
  }

  u8(): number {
    if (this.left < 1) return this.missing();
    return this.bytes[this.offset++] as number;
  }

  u16(): number {
    if (this.left < 2) return this.missing();
    const at = this.offset;
    this.offset += 2;
    return ((this.bytes[at] as number) << 8) | (this.bytes[at + 1] as number);
  }

  u32(): number {
    return this.u16() * 0x10000 + this.u16();
  }

  /** 64 bits as a number; what does not fit 53 bits is malformed. */
  u64(): number {
    const high = this.u32();
    const low = this.u32();
    if (high >= 0x200000) return this.missing();
    return high * 0x1_0000_0000 + low;
  }

  i16(): number {
    const value = this.u16();
    return value < 0x8000 ? value : value - 0x10000;
  }

  /** A view, not a copy. */
  take(length: number): Uint8Array {
    if (this.left < length) {
      this.missing();
      return EMPTY;
    }
    const at = this.offset;
    this.offset += length;
    return this.bytes.subarray(at, at + length);
  }

  /** Everything left. */
  rest(): Uint8Array {
    return this.take(this.left);
  }

  /** Length byte, then as many bytes. */
  blob8(): Uint8Array {
    return this.take(this.u8());
  }

  blob16(): Uint8Array {
    return this.take(this.u16());
  }

  /** Length byte, then UTF-8; anything that is not well-formed UTF-8 is malformed. */
  text8(): string {
    const text = utf8Decode(this.blob8());
    if (text !== null) return text;
    this.fail();
    return '';
  }

  private missing(): number {
    this.fail();
    return 0;
  }
}

/** Writes into a buffer of fixed capacity; running over it is our own mistake, so it is asserted. */
export class Writer {
  readonly buffer: Uint8Array;
  length = 0;

  /** Into a buffer of its own, or into one that is used again and again: then copy what is `done`. */
  constructor(target: number | Uint8Array) {
    this.buffer = typeof target === 'number' ? new Uint8Array(target) : target;
  }

  u8(value: number): this {
    this.reserve(1);
    this.buffer[this.length++] = value;
    return this;
  }

  u16(value: number): this {
    this.reserve(2);
    this.buffer[this.length++] = value >>> 8;
    this.buffer[this.length++] = value;
    return this;
  }

  u32(value: number): this {
    return this.u16((value >>> 16) & 0xffff).u16(value & 0xffff);
  }

  u64(value: number): this {
    assert(Number.isSafeInteger(value) && value >= 0, 'a 64-bit field holds a safe non-negative integer');
    return this.u32(Math.floor(value / 0x1_0000_0000)).u32(value % 0x1_0000_0000);
  }

  i16(value: number): this {
    return this.u16(value & 0xffff);
  }

  raw(bytes: Uint8Array): this {
    this.reserve(bytes.length);
    this.buffer.set(bytes, this.length);
    this.length += bytes.length;
    return this;
  }

  blob8(bytes: Uint8Array): this {
    assert(bytes.length <= 0xff, 'blob8 holds at most 255 bytes');
    return this.u8(bytes.length).raw(bytes);
  }

  blob16(bytes: Uint8Array): this {
    assert(bytes.length <= 0xffff, 'blob16 holds at most 65535 bytes');
    return this.u16(bytes.length).raw(bytes);
  }

  /** Cut to `bytesMax` at a character boundary. */
  text8(text: string, bytesMax = 255): this {
    const most = Math.min(bytesMax, 255);
    return isAscii(text) ? this.ascii8(text, Math.min(text.length, most)) : this.blob8(utf8Encode(text, most));
  }

  /** As `text8` does it, for what needs no encoding. */
  private ascii8(text: string, length: number): this {
    this.u8(length).reserve(length);
    for (let i = 0; i < length; i++) this.buffer[this.length++] = text.charCodeAt(i);
    return this;
  }

  /** Zeros up to `length` bytes in all. */
  padTo(length: number): this {
    assert(this.length <= length && length <= this.buffer.length, 'padding fits the buffer');
    this.buffer.fill(0, this.length, length);
    this.length = length;
    return this;
  }

  /** A view of what was written. */
  done(): Uint8Array {
    return this.buffer.subarray(0, this.length);
  }

  private reserve(length: number): void {
    assert(this.length + length <= this.buffer.length, 'a message fits its buffer');
  }
}

export const EMPTY: Uint8Array = new Uint8Array(0);

const SHEET_BYTES = 65_536;
let sheet: Uint8Array = EMPTY;
let sheetUsed = 0;

/**
 * Zeroed bytes for a datagram that is sent and forgotten, cut from a sheet and never given twice. Whoever has an ArrayBuffer of
 * its own made for each of a hundred thousand answers a second pays a tenth of the answer for it (decisions/0011).
 */
export function passingBytes(length: number): Uint8Array {
  if (sheetUsed + length > sheet.length) {
    sheet = new Uint8Array(Math.max(SHEET_BYTES, length));
    sheetUsed = 0;
  }
  sheetUsed += length;
  return sheet.subarray(sheetUsed - length, sheetUsed);
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Time depends on the length only, never on where the first difference is. */
export function equalBytes(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false;
  let difference = 0;
  for (let i = 0; i < left.length; i++) difference |= (left[i] as number) ^ (right[i] as number);
  return difference === 0;
}

const HEX = '0123456789abcdef';

export function toHex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += HEX.charAt(byte >> 4) + HEX.charAt(byte & 15);
  return text;
}

/** Null where the text is not an even number of hexadecimal digits. */
export function fromHex(text: string): Uint8Array | null {
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(text)) return null;
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

/** RFC 4648 base 32, lower case, no padding. */
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';
/** RFC 4648 base 64 for URLs, no padding. */
const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

export function toBase32(bytes: Uint8Array, symbolsMax?: number): string {
  return toDigits(bytes, BASE32, 5, symbolsMax);
}

export function toBase64Url(bytes: Uint8Array): string {
  return toDigits(bytes, BASE64URL, 6);
}

/** Null where a symbol is foreign or the unused last bits are not zero (so that one key has one text). */
export function fromBase64Url(text: string): Uint8Array | null {
  const bytes = new Uint8Array(Math.floor((text.length * 6) / 8));
  let bits = 0;
  let count = 0;
  let at = 0;
  for (const symbol of text) {
    const digit = BASE64URL.indexOf(symbol);
    if (digit < 0) return null;
    bits = ((bits << 6) | digit) & 0xffff;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes[at++] = bits >> count;
  }
  return count < 6 && (bits & ((1 << count) - 1)) === 0 ? bytes : null;
}

/** Made from character codes: a text put together piece by piece stays in pieces in memory, a hundred bytes for a host id. */
function toDigits(bytes: Uint8Array, digits: string, width: number, symbolsMax = Number.POSITIVE_INFINITY): string {
  const codes: number[] = [];
  let bits = 0;
  let count = 0;
  for (const byte of bytes) {
    bits = ((bits << 8) | byte) & 0xffff;
    count += 8;
    while (count >= width) {
      count -= width;
      codes.push(digits.charCodeAt((bits >> count) & ((1 << width) - 1)));
    }
  }
  if (count > 0) codes.push(digits.charCodeAt((bits << (width - count)) & ((1 << width) - 1)));
  return String.fromCharCode(...codes.slice(0, symbolsMax));
}

/** Lone surrogates become U+FFFD, as TextEncoder does it. Cut to `bytesMax` at a character boundary. */
export function utf8Encode(text: string, bytesMax = Number.POSITIVE_INFINITY): Uint8Array {
  const out: number[] = [];
  for (const character of text) {
    let point = character.codePointAt(0) as number;
    if (point >= 0xd800 && point <= 0xdfff) point = 0xfffd;
    const size = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    if (out.length + size > bytesMax) break;
    if (size === 1) out.push(point);
    else if (size === 2) out.push(0xc0 | (point >> 6), continuation(point));
    else if (size === 3) out.push(0xe0 | (point >> 12), continuation(point >> 6), continuation(point));
    else out.push(0xf0 | (point >> 18), continuation(point >> 12), continuation(point >> 6), continuation(point));
  }
  return Uint8Array.from(out);
}

function continuation(bits: number): number {
  return 0x80 | (bits & 0x3f);
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >= 0x80) return false;
  return true;
}

/** Null where the bytes are not well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates, at most U+10FFFF). */
export function utf8Decode(bytes: Uint8Array): string | null {
  let text = '';
  for (let i = 0; i < bytes.length; ) {
    const first = bytes[i] as number;
    if (first < 0x80) {
      text += String.fromCharCode(first);
      i++;
      continue;
    }
    const size = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
    if (size === 0 || i + size > bytes.length) return null;
    let point = first & (0xff >> (size + 1));
    for (let k = 1; k < size; k++) {
      const next = bytes[i + k] as number;
      if ((next & 0xc0) !== 0x80) return null;
      point = (point << 6) | (next & 0x3f);
    }
    if (size === 3 && (point < 0x800 || (point >= 0xd800 && point <= 0xdfff))) return null;
    if (size === 4 && (point < 0x10000 || point > 0x10ffff)) return null;
    text += String.fromCodePoint(point);
    i += size;
  }
  return text;
}
