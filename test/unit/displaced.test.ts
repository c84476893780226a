import { expect, test } from 'vitest';
import { MASTER_LIMITS } from '../../src/core/index.ts';
import { Displaced } from '../../src/core/testing.ts';

test('which hostings were displaced is known until the host is gone, of so many and no more', () => {
  const displaced = new Displaced();
  for (let n = 0; n <= MASTER_LIMITS.displacedMax; n++) displaced.add('key', n);
  expect(displaced.has('key', 0)).toBe(false);
  expect(displaced.has('key', 1)).toBe(true);
  // Told once more, it is the newest of them.
  displaced.add('key', 1);
  displaced.add('key', 99);
  expect([displaced.has('key', 1), displaced.has('key', 2), displaced.has('key', 99)]).toEqual([true, false, true]);
  expect(displaced.has('other', 1)).toBe(false);
  displaced.forget('key');
  expect(displaced.has('key', 99)).toBe(false);
});
