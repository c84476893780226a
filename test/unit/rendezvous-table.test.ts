import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Table, textHash } from '../../src/core/rate/table.ts';

interface Item {
  readonly key: number;
  readonly value: number;
}

test('a table is a Map, however many keys share a hash and whatever is taken out', () => {
  const step = fc.record({ key: fc.nat({ max: 60 }), value: fc.nat(), remove: fc.boolean() });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 64 }), fc.array(step, { maxLength: 300 }), (hashes, steps) => {
      const map = new Map<number, Item>();
      const table = new Table<number, Item>(
        // Close together and at the end of the range, so that runs grow long and wrap around.
        (key) => 2 ** 32 - 1 - (key % hashes),
        (item, key) => item.key === key,
      );
      for (const { key, value, remove } of steps) {
        if (remove) expect(table.delete(key)).toBe(map.delete(key));
        else {
          table.set(key, { key, value });
          map.set(key, { key, value });
        }
        expect(table.size).toBe(map.size);
      }
      for (let key = 0; key <= 60; key++) expect(table.get(key)).toEqual(map.get(key));
      expect([...table.values()].sort((left, right) => left.key - right.key)).toEqual(
        [...map.values()].sort((left, right) => left.key - right.key),
      );
    }),
  );
});

test('texts spread over the slots, otherwise with every secret', () => {
  const texts = Array.from({ length: 4096 }, (_, i) => `203.0.${i >> 8}.${i & 255}`);
  const slots = (secret: number): Set<number> => new Set(texts.map((text) => textHash(secret, text) & 4095));
  // 1 - 1/e of the slots are hit by chance; a hash that clusters hits far fewer.
  for (const secret of [0, 1, 0xffffffff]) expect(slots(secret).size).toBeGreaterThan(4096 * 0.6);
  const moved = texts.filter((text) => (textHash(1, text) & 4095) !== (textHash(2, text) & 4095));
  expect(moved.length).toBeGreaterThan(4000);
});
