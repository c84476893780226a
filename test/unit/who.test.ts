/** Whom the person at a host means by a name. */
import { expect, test } from 'vitest';
import { called } from '../../src/cli/testing.ts';

const friend = (name: string, key: string, knownAs: string | null = null) => ({ name, friend: key.repeat(8), knownAs });

test('a friend is meant by its name, by its key, and by the name it had before where nobody has that now', () => {
  const [ana, bob, cleo] = [friend('Ana', 'a1'), friend('Bob', 'b2', 'Lee'), friend('Cleo', 'c3', 'Ana')];
  expect(called('ana', [ana, bob])).toEqual([ana]);
  expect(called('B2-B2', [ana, bob])).toEqual([bob]);
  expect(called('lee', [ana, bob])).toEqual([bob]);
  expect(called('ana', [bob, cleo])).toEqual([cleo]);
  expect(called('ana', [ana, cleo]), 'whoever has the name now is not somebody else').toEqual([ana]);
  expect(called('nobody', [ana, bob, cleo])).toEqual([]);
});
