/** Deadlines of very many things: a wheel of slots, so that adding, moving and expiring cost the same for ten and for a million. */
import { type Instant, NEVER } from '../contract.ts';

export class Wheel<Item> {
  private readonly slotMs: number;
  private readonly slots: Item[][];
  /** Number of the next slot to be looked at, counted from time 0. */
  private cursor = -1;
  private count = 0;
  /** The first slot from the cursor on that holds something; null = to be looked for. Asked for after every datagram. */
  private soonest: number | null = null;

  /** `slotMs * slots` is the longest wait; a later deadline is looked at early and put back. */
  constructor(slotMs: number, slots: number) {
    this.slotMs = slotMs;
    this.slots = Array.from({ length: slots }, () => []);
  }

  add(now: Instant, item: Item, at: Instant): void {
    if (this.count === 0 || this.cursor < 0) this.cursor = Math.floor(now / this.slotMs);
    const wished = Math.max(Math.ceil(at / this.slotMs), this.cursor + 1);
    const number = Math.min(wished, this.cursor + this.slots.length - 1);
    this.slot(number).push(item);
    if (this.count++ === 0 || (this.soonest !== null && number < this.soonest)) this.soonest = number;
  }

  /**
   * Hands out every item whose slot has come. `look` answers its new deadline (it has moved), or null: it is done with. An item
   * that was dropped elsewhere is simply answered with null when it comes up.
   */
  advance(now: Instant, look: (item: Item) => Instant | null): void {
    const last = Math.floor(now / this.slotMs);
    if (this.soonest !== null && this.soonest <= last) this.soonest = null;
    // After a long sleep one turn of the wheel sees everything.
    if (last - this.cursor > this.slots.length) this.cursor = last - this.slots.length;
    while (this.cursor < last && this.count > 0) {
      this.cursor++;
      const items = this.slots[this.cursor % this.slots.length] as Item[];
      if (items.length === 0) continue;
      this.slots[this.cursor % this.slots.length] = [];
      this.count -= items.length;
      for (const item of items) {
        const at = look(item);
        if (at !== null) this.add(now, item, at);
      }
    }
    this.cursor = Math.max(this.cursor, last);
  }

  next(): Instant {
    if (this.count === 0) return NEVER;
    for (let ahead = 1; this.soonest === null && ahead <= this.slots.length; ahead++) {
      if (this.slot(this.cursor + ahead).length > 0) this.soonest = this.cursor + ahead;
    }
    return this.soonest === null ? NEVER : this.soonest * this.slotMs;
  }

  private slot(number: number): Item[] {
    return this.slots[number % this.slots.length] as Item[];
  }
}
