/**
 * Shares of a table that strangers can fill. A full table never turns a newcomer away: the largest holder gives up its oldest
 * unproven entry. A holder is an address within its network, within its provider (`Levels`), so who has a /48 or a /24 holds
 * what that network holds, with however many addresses it comes; and each of them has a maximum of its own.
 *
 * Which holder is the largest is not kept in order but found by lot: of a few entries drawn at random, the one whose holders are
 * largest. A table of 16,384 that is full because few hold most of it is full of them, so the chance that none is drawn is that
 * of not hitting their part in 24 draws: 1 in 16 million where they hold half of it. That costs 20 bytes an entry, as there may
 * be 250,000.
 */
import { RATE_LIMITS } from './limits.ts';
import { type AddressKeys, addressKeys, type Levels, levelsOf } from './pace.ts';
import { Table } from './table.ts';

/** What is kept in a table with shares: it knows its own place, so that it is found again without a search. */
export interface Placed {
  /** -1 outside. Only `Shares` writes it. */
  place: number;
}

export interface ShareRules<Item> {
  readonly name: string;
  readonly max: number;
  /** The most that one address, network and provider may hold. */
  readonly caps: Levels<number> | ((address: string) => Levels<number>);
  /** Secret bytes (16): nobody outside knows who shares a count with whom. */
  readonly secret: Uint8Array;
  /** 32 random bits. */
  readonly draw: () => number;
  readonly addressOf: (item: Item) => string;
  /** What has shown to be more than a knock goes only where its holder has nothing else. */
  readonly proven: (item: Item) => boolean;
  /** Since when it is there: of one holder the oldest goes. Left out: one drawn by lot, so that who has most loses most. */
  readonly since?: (item: Item) => number;
}

/** What a table says of itself: every table that strangers can fill is in the list of the machine that keeps it. */
export interface TableState {
  readonly name: string;
  readonly size: number;
  readonly max: number;
  /** What one IPv4 address may hold. */
  readonly perAddress: number;
  /** How many have made room. */
  readonly evicted: number;
}

/** A provider (/32) is as large as so many networks (/48) before it counts as larger than one of them. */
const PROVIDER_WEIGHT = 16;
const LEVELS = ['narrow', 'wide', 'widest'] as const;

export class Shares<Item extends Placed> {
  private readonly rules: ShareRules<Item>;
  private readonly items: Item[] = [];
  /** The hashed holders of each item, in its place. */
  private keys: Levels<Uint32Array> = columns(16);
  private readonly counts: Levels<Table<number, number>> = { narrow: tally(), wide: tally(), widest: tally() };
  private evicted = 0;

  constructor(rules: ShareRules<Item>) {
    this.rules = rules;
  }

  get size(): number {
    return this.items.length;
  }

  state(): TableState {
    const { name, max } = this.rules;
    return { name, size: this.size, max, perAddress: this.capsOf('203.0.113.9').narrow, evicted: this.evicted };
  }

  /** Who has to go before one more of this address comes in; null where there is room. It is the caller who removes it. */
  crowdedOut(address: string): Item | null {
    const keys = addressKeys(this.rules.secret, address);
    const caps = this.capsOf(address);
    const full = levelsOf(keys).find((level) => (this.counts[level].get(keys[level]) ?? 0) >= caps[level]);
    if (full === undefined && this.items.length < this.rules.max) return null;
    const found = this.worst(full === undefined ? this.drawn() : this.members(full, keys[full]));
    if (found !== null) this.evicted++;
    return found;
  }

  /** Would somebody have to go? */
  crowded(address: string): boolean {
    const keys = addressKeys(this.rules.secret, address);
    const caps = this.capsOf(address);
    if (this.items.length >= this.rules.max) return true;
    return levelsOf(keys).some((level) => (this.counts[level].get(keys[level]) ?? 0) >= caps[level]);
  }

  add(item: Item): void {
    const place = this.items.length;
    if (place === this.keys.narrow.length) this.keys = columns(2 * place, this.keys);
    const keys = addressKeys(this.rules.secret, this.rules.addressOf(item));
    for (const level of LEVELS) this.keys[level][place] = keys[level];
    for (const level of levelsOf(keys)) this.count(level, keys[level], 1);
    item.place = place;
    this.items.push(item);
  }

  /** Whoever is not in it is left alone. */
  remove(item: Item): void {
    const { place } = item;
    if (this.items[place] !== item) return;
    const last = this.items.pop() as Item;
    const { narrow, wide, widest } = this.keys;
    const keys = {
      narrow: narrow[place] as number,
      wide: wide[place] as number,
      widest: widest[place] as number,
    };
    for (const level of levelsOf(keys)) this.count(level, keys[level], -1);
    for (const level of LEVELS) this.keys[level][place] = this.keys[level][this.items.length] as number;
    if (last !== item) {
      this.items[place] = last;
      last.place = place;
    }
    item.place = -1;
  }

  private capsOf(address: string): Levels<number> {
    const { caps } = this.rules;
    return typeof caps === 'function' ? caps(address) : caps;
  }

  private count(level: keyof AddressKeys, key: number, by: 1 | -1): void {
    const counts = this.counts[level];
    const count = (counts.get(key) ?? 0) + by;
    if (count > 0) counts.set(key, count);
    else counts.delete(key);
  }

  private drawn(): number[] {
    return Array.from({ length: RATE_LIMITS.shareDraws }, () => this.rules.draw() % this.items.length);
  }

  /** Places of one holder, from a random one on. */
  private members(level: keyof AddressKeys, key: number): number[] {
    const column = this.keys[level];
    const size = this.items.length;
    const first = this.rules.draw() % size;
    const found: number[] = [];
    for (let place = first; place < size && found.length < RATE_LIMITS.membersSeenMax; place++)
      if (column[place] === key) found.push(place);
    for (let place = 0; place < first && found.length < RATE_LIMITS.membersSeenMax; place++)
      if (column[place] === key) found.push(place);
    return found;
  }

  /** Whose holders are the largest, from the widest down; of one holder what is unproven before what is proven, and the oldest. */
  private worst(places: readonly number[]): Item | null {
    let worst: Item | null = null;
    let place = 0;
    for (const next of places) {
      const item = this.items[next] as Item;
      if (worst !== null && (this.larger(next, place) || this.settled(worst, item)) <= 0) continue;
      worst = item;
      place = next;
    }
    return worst;
  }

  /** Above 0 where the holders of the left place are larger than those of the right one. */
  private larger(left: number, right: number): number {
    const top = this.top(left) - this.top(right);
    return (
      top ||
      this.held('wide', left) - this.held('wide', right) ||
      this.held('narrow', left) - this.held('narrow', right)
    );
  }

  private top(place: number): number {
    return Math.max(this.held('wide', place), this.held('widest', place) / PROVIDER_WEIGHT);
  }

  private held(level: keyof AddressKeys, place: number): number {
    return this.counts[level].get(this.keys[level][place] as number) ?? 0;
  }

  /** Above 0 where the left one has more of a right to stay. */
  private settled(left: Item, right: Item): number {
    const { proven, since } = this.rules;
    const proofs = Number(proven(left)) - Number(proven(right));
    return proofs || (since === undefined ? 0 : since(left) - since(right));
  }
}

function tally(): Table<number, number> {
  return new Table(
    (key) => key,
    () => true,
  );
}

function columns(size: number, old: Levels<Uint32Array> | null = null): Levels<Uint32Array> {
  const column = (level: keyof AddressKeys): Uint32Array => {
    const fresh = new Uint32Array(size);
    if (old !== null) fresh.set(old[level]);
    return fresh;
  };
  return { narrow: column('narrow'), wide: column('wide'), widest: column('widest') };
}
