/**
 * A hash table for very many entries: 12 bytes a slot, where a Map takes 28 to 56 bytes an entry. Open addressing with linear
 * probing; what is removed leaves no mark, because those behind it move up (Knuth, TAOCP 3, 6.4, algorithm R).
 */
import { assert } from '../errors.ts';

const SLOTS_MIN = 16;
/** Of the slots; above it a search grows long. */
const LOAD_MAX = 0.8;

export class Table<Key, Item> {
  private readonly hashOf: (key: Key) => number;
  private readonly fits: (item: Item, key: Key) => boolean;
  private hashes = new Uint32Array(SLOTS_MIN);
  private items: (Item | undefined)[] = new Array(SLOTS_MIN).fill(undefined);
  private count = 0;

  /** `hashOf` gives 32 bits; `fits` tells whether an item is the one with this key. */
  constructor(hashOf: (key: Key) => number, fits: (item: Item, key: Key) => boolean) {
    this.hashOf = hashOf;
    this.fits = fits;
  }

  get size(): number {
    return this.count;
  }

  get(key: Key): Item | undefined {
    return this.items[this.slotOf(key, this.hashOf(key))];
  }

  /** Adds the item, or puts it in the place of the one that has the key. */
  set(key: Key, item: Item): void {
    const hash = this.hashOf(key) >>> 0;
    const slot = this.slotOf(key, hash);
    if (this.items[slot] === undefined) {
      this.count++;
      this.hashes[slot] = hash;
    }
    this.items[slot] = item;
    if (this.count > this.items.length * LOAD_MAX) this.grow();
  }

  delete(key: Key): boolean {
    const slot = this.slotOf(key, this.hashOf(key));
    if (this.items[slot] === undefined) return false;
    this.count--;
    this.vacate(slot);
    return true;
  }

  /** Those whose keys have this hash: one, and rarely another. */
  withHash(hash: number): readonly Item[] {
    const { items, hashes } = this;
    const [mask, wanted] = [items.length - 1, hash >>> 0];
    const found: Item[] = [];
    for (let slot = wanted & mask; items[slot] !== undefined; slot = (slot + 1) & mask)
      if (hashes[slot] === wanted) found.push(items[slot] as Item);
    return found;
  }

  *values(): IterableIterator<Item> {
    for (const item of this.items) if (item !== undefined) yield item;
  }

  /** Puts another item of the same key in the place of each. */
  replaceEach(other: (item: Item) => Item): void {
    const { items } = this;
    for (let slot = 0; slot < items.length; slot++) {
      const item = items[slot];
      if (item !== undefined) items[slot] = other(item);
    }
  }

  /** The item's slot, or the free one where it would go. */
  private slotOf(key: Key, hash: number): number {
    const { items, hashes } = this;
    const mask = items.length - 1;
    const wanted = hash >>> 0;
    for (let slot = wanted & mask; ; slot = (slot + 1) & mask) {
      const item = items[slot];
      if (item === undefined || (hashes[slot] === wanted && this.fits(item, key))) return slot;
    }
  }

  private vacate(free: number): void {
    const { items, hashes } = this;
    const mask = items.length - 1;
    let hole = free;
    for (let slot = (hole + 1) & mask; items[slot] !== undefined; slot = (slot + 1) & mask) {
      const home = (hashes[slot] as number) & mask;
      // May it stand further ahead? Not before its home.
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
      items[hole] = items[slot];
      hashes[hole] = hashes[slot] as number;
      hole = slot;
    }
    items[hole] = undefined;
  }

  private grow(): void {
    const [items, hashes] = [this.items, this.hashes];
    const size = items.length * 2;
    assert(size <= 2 ** 28, 'a table has room');
    this.items = new Array(size).fill(undefined);
    this.hashes = new Uint32Array(size);
    for (let old = 0; old < items.length; old++) {
      if (items[old] === undefined) continue;
      let slot = (hashes[old] as number) & (size - 1);
      while (this.items[slot] !== undefined) slot = (slot + 1) & (size - 1);
      this.items[slot] = items[old];
      this.hashes[slot] = hashes[old] as number;
    }
  }
}

/** 32 bits of a text: FNV-1a from a secret start, so that nobody outside knows who shares a slot with whom, and a last mixing. */
export function textHash(secret: number, text: string): number {
  let hash = (0x811c9dc5 ^ secret) | 0;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
