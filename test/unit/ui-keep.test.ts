import fc from 'fast-check';
import { expect, test } from 'vitest';
import { keepNewest } from '../../src/app/keep.ts';

test('what goes on is kept whatever else there is, and of what is over the newest, all in their order', () => {
  const items = fc.array(fc.boolean(), { maxLength: 60 }).map((over) => over.map((isOver, n) => ({ n, isOver })));
  fc.assert(
    fc.property(items, fc.nat(20), (all, max) => {
      const kept = keepNewest(all, ({ isOver }) => isOver, max);
      expect(kept.filter(({ isOver }) => !isOver)).toEqual(all.filter(({ isOver }) => !isOver));
      const over = all.filter(({ isOver }) => isOver);
      expect(kept.filter(({ isOver }) => isOver)).toEqual(over.slice(Math.max(0, over.length - max)));
      expect(kept.map(({ n }) => n)).toEqual(kept.map(({ n }) => n).toSorted((left, right) => left - right));
    }),
  );
});
