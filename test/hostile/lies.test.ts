/** A sample of `npm run hostile -- --all`: another one with SALLYPORT_SEED. */
import { describe, expect, test } from 'vitest';
import { casesOf, fieldsOf, someCases, tell } from './choose.ts';
import { LIARS, type Liar, NETS, type Nets } from './lies.ts';

const SEED = Number(process.env.SALLYPORT_SEED ?? 1);
const EACH = 40;

/** Frame, flags and number of the messages that the fields are of. */
const messages = (liar: Liar, nets: Nets) =>
  new Set(fieldsOf(liar, nets).flatMap(({ name }) => /type ([\d.]+)/.exec(name)?.[1] ?? []));

test('the fields to lie about are those that the codecs write, of every kind of message there is', () => {
  for (const nets of NETS) {
    for (const liar of LIARS) {
      expect(fieldsOf(liar, nets).length).toBeGreaterThan(100);
      // What is written byte by byte, too.
      const bytewise = liar === 'master' ? ['answer to a probe byte 16 to 19'] : ['probe byte 4', 'path byte 0'];
      const names = fieldsOf(liar, nets).map(({ name }) => name);
      for (const name of bytewise) expect(names).toContain(name);
      // A codec that nobody finds any more would be one field for all that it writes.
      for (const { key, name } of fieldsOf(liar, nets)) expect(key, name).toMatch(/src\/core\/|byte/);
      const hello = { master: 'acceptPayload', host: 'writeHostHello', friend: 'writeClientHello' }[liar];
      expect(names.filter((name) => name.includes(hello)).length, hello).toBeGreaterThan(5);
      expect(messages(liar, nets).size, liar).toBeGreaterThan(7);
    }
  }
  // Only networks that are hard to bring together have the two say steps to each other, and pay.
  expect(messages('friend', 'hard').size).toBeGreaterThan(messages('friend', 'easy').size);
  expect(fieldsOf('friend', 'hard').length).toBeGreaterThan(fieldsOf('friend', 'easy').length + 20);
});

for (const liar of LIARS) {
  describe(`a ${liar} that lies about one field of its messages`, () => {
    test('reads nothing, aims at nobody, ends and fills nothing, and afterwards an honest join works', () => {
      const cases = someCases(SEED, EACH).filter((one) => one.liar === liar);
      const lies = cases.map(tell);
      // Some fields are written only where something goes wrong.
      expect(lies.filter((count) => count > 0).length).toBeGreaterThan(0.7 * EACH);
    });
  });
}

/** Lies that did harm once. */
test('a participant tries its own NAT at no address that a master names instead of its own', () => {
  const cases = casesOf('master', 'easy', 'answer to a probe byte 16 to 19', 1);
  expect(cases.length).toBeGreaterThan(12);
  expect(cases.map(tell).every((count) => count > 0)).toBe(true);
});
