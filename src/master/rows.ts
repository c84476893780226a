/**
 * The rows of one kind in memory (`records.ts`), packed: as objects and strings the name, the code and the entry of the list of a
 * host take 1.8 kB, packed a sixth of it. A row is a stretch of bytes in a block; what is deleted or grown leaves a hole, and a
 * block that is half holes is emptied, so there is at most as much waste as content.
 */
import { randomBytes } from 'node:crypto';
import { assert, Table, textHash } from '../core/index.ts';
import { packText, unpackText } from './row-text.ts';

export interface Row {
  /** Runs over all kinds; rows are told in this order. */
  readonly number: number;
  readonly at: number;
  readonly sum: number;
  /** Null where it was let go. */
  readonly body: string | null;
  /** 32 bits by which its owner finds it without reading bodies. */
  readonly tag: number;
}

export type FoundRows = Pick<Row, 'at'> & { readonly key: string };

/** A row: sum 4, number 6, at 8, tag 4, bytes of the key 2 and of the body 4, then both. */
const SUM_AT = 0;
const NUMBER_AT = 4;
const NUMBER_BYTES = 6;
const TIME_AT = 10;
const TAG_AT = 18;
const KEY_BYTES_AT = 22;
const BODY_BYTES_AT = 24;
const HEAD_BYTES = 28;
/** No key is nearly as long; what is written down does not depend on it. */
const KEY_BYTES_MAX = 0xffff;
const LET_GO = 0xffff_ffff;
/** Rows begin at multiples of this: 31 bits, which V8 keeps without an object, reach 8 GB. */
const UNIT = 4;
const BLOCK_UNITS = 16_384;

interface Block {
  readonly bytes: Buffer;
  /** Its first unit, counted over all blocks. */
  readonly first: number;
  used: number;
  live: number;
}

export class Rows {
  /** Where each row is, in units over all blocks. */
  readonly #index: Table<string, number>;
  /** By their first unit / `BLOCK_UNITS`; a larger one stands at the first of its numbers. */
  readonly #blocks: (Block | undefined)[] = [];
  #current: Block | null = null;
  /** Blocks that may have become half holes. */
  readonly #thin: Block[] = [];

  readonly #secret = randomBytes(4).readInt32LE();

  constructor() {
    this.#index = new Table(
      (key) => textHash(this.#secret, key),
      (place, key) => this.#keyOf(place) === key,
    );
  }

  get size(): number {
    return this.#index.size;
  }

  /** Of all its blocks. */
  get bytes(): number {
    return [...new Set(this.#blocks)].reduce((sum, block) => sum + (block?.bytes.length ?? 0), 0);
  }

  get(key: string): Row | null {
    const place = this.#index.get(key);
    return place === undefined ? null : this.#read(place);
  }

  /** 32 bits, signed: V8 keeps them without an object. */
  hashOf(key: string): number {
    return textHash(this.#secret, key) | 0;
  }

  /** One, and rarely another. */
  keysWith(hash: number): readonly string[] {
    return this.#index.withHash(hash).map((place) => this.#keyOf(place));
  }

  put(key: string, row: Row): void {
    const known = this.#index.get(key);
    this.#index.set(key, this.#write(key, row));
    if (known !== undefined) this.#leave(known);
    this.#clean();
  }

  delete(key: string): void {
    const place = this.#index.get(key);
    if (place === undefined) return;
    this.#index.delete(key);
    this.#leave(place);
    this.#clean();
  }

  tag(key: string, tag: number): void {
    const place = this.#index.get(key);
    if (place === undefined) return;
    const [{ bytes }, at] = this.#where(place);
    bytes.writeUInt32LE(tag, at + TAG_AT);
  }

  /** Lets the bodies of all others go: packs what is left anew, which at a start takes a tenth of putting each row again. */
  letGo(isKept: (key: string) => boolean): void {
    const before = new Set(this.#blocks);
    this.#current = null;
    this.#index.replaceEach((place) => {
      const [block, at] = this.#where(place);
      const kept = isKept(this.#keyOf(place));
      const headUnits = Math.ceil((HEAD_BYTES + block.bytes.readUInt16LE(at + KEY_BYTES_AT)) / UNIT);
      const units = kept ? this.#unitsAt(block, at) : headUnits;
      const moved = this.#take(units);
      const [target, to] = this.#where(moved);
      block.bytes.copy(target.bytes, to, at, at + units * UNIT);
      if (!kept) target.bytes.writeUInt32LE(LET_GO, to + BODY_BYTES_AT);
      return moved;
    });
    for (let number = 0; number < this.#blocks.length; number++)
      if (before.has(this.#blocks[number])) this.#blocks[number] = undefined;
  }

  /** In the order of their numbers. */
  all(): readonly (Row & { readonly key: string })[] {
    const rows = [...this.#index.values()].map((place) => ({ key: this.#keyOf(place), ...this.#read(place) }));
    return rows.sort((left, right) => left.number - right.number);
  }

  /** Those whose time and tag are wanted. Reads no body, so 200,000 rows take some milliseconds. */
  find(isWanted: (at: number, tag: number) => boolean): readonly FoundRows[] {
    const found: FoundRows[] = [];
    for (const place of this.#index.values()) {
      const [{ bytes }, from] = this.#where(place);
      const at = bytes.readDoubleLE(from + TIME_AT);
      if (isWanted(at, bytes.readUInt32LE(from + TAG_AT))) found.push({ key: this.#keyOf(place), at });
    }
    return found;
  }

  #read(place: number): Row {
    return { ...this.#headOf(place), body: this.#bodyOf(place) };
  }

  #headOf(place: number): Omit<Row, 'body'> {
    const [{ bytes }, at] = this.#where(place);
    return {
      number: bytes.readUIntLE(at + NUMBER_AT, NUMBER_BYTES),
      at: bytes.readDoubleLE(at + TIME_AT),
      sum: bytes.readUInt32LE(at + SUM_AT),
      tag: bytes.readUInt32LE(at + TAG_AT),
    };
  }

  #bodyOf(place: number): string | null {
    const [{ bytes }, at] = this.#where(place);
    const bodyBytes = bytes.readUInt32LE(at + BODY_BYTES_AT);
    const bodyAt = at + HEAD_BYTES + bytes.readUInt16LE(at + KEY_BYTES_AT);
    return bodyBytes === LET_GO ? null : unpackText(bytes.subarray(bodyAt, bodyAt + bodyBytes));
  }

  #keyOf(place: number): string {
    const [{ bytes }, at] = this.#where(place);
    return bytes.toString('utf8', at + HEAD_BYTES, at + HEAD_BYTES + bytes.readUInt16LE(at + KEY_BYTES_AT));
  }

  /** Where it is from here on. */
  #write(key: string, { number, at: time, sum, body, tag }: Row): number {
    const keyBytes = Buffer.byteLength(key);
    assert(keyBytes <= KEY_BYTES_MAX, 'a key is short');
    const packed = packText(body ?? '');
    const place = this.#take(Math.ceil((HEAD_BYTES + keyBytes + packed.length) / UNIT));
    const [{ bytes }, at] = this.#where(place);
    bytes.writeUInt32LE(sum, at + SUM_AT);
    bytes.writeUIntLE(number, at + NUMBER_AT, NUMBER_BYTES);
    bytes.writeDoubleLE(time, at + TIME_AT);
    bytes.writeUInt32LE(tag, at + TAG_AT);
    bytes.writeUInt16LE(keyBytes, at + KEY_BYTES_AT);
    bytes.writeUInt32LE(body === null ? LET_GO : packed.length, at + BODY_BYTES_AT);
    bytes.write(key, at + HEAD_BYTES);
    packed.copy(bytes, at + HEAD_BYTES + keyBytes);
    return place;
  }

  #where(place: number): [block: Block, at: number] {
    const block = this.#blocks[Math.floor(place / BLOCK_UNITS)] as Block;
    return [block, (place - block.first) * UNIT];
  }

  /** Room for a row. */
  #take(units: number): number {
    const last = this.#current;
    const fits = last !== null && (last.used + units) * UNIT <= last.bytes.length;
    const block = fits ? last : this.#fresh(units);
    if (!fits && last !== null) this.#thin.push(last);
    this.#current = block;
    const place = block.first + block.used;
    block.used += units;
    block.live += units;
    return place;
  }

  /** A row larger than a block has one of its own, which begins in one number and reaches over the next: nothing begins there. */
  #fresh(units: number): Block {
    const numbers = Math.max(1, Math.ceil(units / BLOCK_UNITS));
    let number = 0;
    for (let free = 0; free < numbers; number++) free = this.#blocks[number] === undefined ? free + 1 : 0;
    number -= numbers;
    const bytes = Buffer.alloc(Math.max(BLOCK_UNITS, units) * UNIT);
    const block = { bytes, first: number * BLOCK_UNITS, used: 0, live: 0 };
    for (let n = 0; n < numbers; n++) this.#blocks[number + n] = block;
    return block;
  }

  #leave(place: number): void {
    const [block, at] = this.#where(place);
    block.live -= this.#unitsAt(block, at);
    this.#thin.push(block);
  }

  #unitsAt({ bytes }: Block, at: number): number {
    const bodyBytes = bytes.readUInt32LE(at + BODY_BYTES_AT);
    const content = bytes.readUInt16LE(at + KEY_BYTES_AT) + (bodyBytes === LET_GO ? 0 : bodyBytes);
    return Math.ceil((HEAD_BYTES + content) / UNIT);
  }

  /** Empties blocks that are half holes: what is still in them moves to the newest. */
  #clean(): void {
    for (let block = this.#thin.pop(); block !== undefined; block = this.#thin.pop())
      if (block !== this.#current && 2 * block.live <= block.used && this.#blocks[block.first / BLOCK_UNITS] === block)
        this.#empty(block);
  }

  #empty(block: Block): void {
    for (let at = 0; at < block.used * UNIT; ) {
      const units = this.#unitsAt(block, at);
      const place = block.first + at / UNIT;
      const key = this.#keyOf(place);
      if (this.#index.get(key) === place) {
        const moved = this.#take(units);
        const [target, to] = this.#where(moved);
        block.bytes.copy(target.bytes, to, at, at + units * UNIT);
        this.#index.set(key, moved);
      }
      at += units * UNIT;
    }
    for (let number = block.first / BLOCK_UNITS; this.#blocks[number] === block; number++)
      this.#blocks[number] = undefined;
  }
}
