/**
 * Records of one size in large blocks. A typed array of its own costs 240 bytes before it holds anything; a master with a
 * hundred thousand sessions can't afford several for each. Whoever takes a record gives it back: nothing else frees it.
 */
import { assert } from '../errors.ts';

export class Slab {
  private readonly recordBytes: number;
  private readonly recordsPerBlock: number;
  private readonly bytes: Uint8Array[] = [];
  private readonly words: Uint32Array[] = [];
  private readonly free: number[] = [];
  private made = 0;

  constructor(recordBytes: number, recordsPerBlock: number) {
    assert(recordBytes % 4 === 0, 'records hold whole words');
    this.recordBytes = recordBytes;
    this.recordsPerBlock = recordsPerBlock;
  }

  /** A record of zeros. */
  take(): number {
    const known = this.free.pop();
    if (known !== undefined) {
      this.bytesOf(known, 0, this.recordBytes).fill(0);
      return known;
    }
    if (this.made === this.bytes.length * this.recordsPerBlock) {
      const block = new ArrayBuffer(this.recordBytes * this.recordsPerBlock);
      this.bytes.push(new Uint8Array(block));
      this.words.push(new Uint32Array(block));
    }
    return this.made++;
  }

  give(record: number): void {
    this.free.push(record);
  }

  /** A view of a part of the record; not to be kept. */
  bytesOf(record: number, from: number, length: number): Uint8Array {
    const at = (record % this.recordsPerBlock) * this.recordBytes + from;
    return (this.bytes[Math.floor(record / this.recordsPerBlock)] as Uint8Array).subarray(at, at + length);
  }

  /** The block that the record is in, as words, and where its word `from` stands in it. */
  wordsOf(record: number): Uint32Array {
    return this.words[Math.floor(record / this.recordsPerBlock)] as Uint32Array;
  }
  wordAt(record: number, from: number): number {
    return ((record % this.recordsPerBlock) * this.recordBytes) / 4 + from;
  }
}
