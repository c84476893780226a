/** A sample of `npm run hostile -- --all`: another one with SALLYPORT_SEED. */
import { describe, expect, test } from 'vitest';
import { casesOf, fieldsOf, someCases, tell } from './choose.ts';
import { LIARS, NETS } from './lies.ts';

const SEED = Number(process.env.SALLYPORT_SEED ?? 1);
const EACH = 40;

test('the fields to lie about are those that the codecs write', () => {
  for (const nets of NETS) {
    const names = Object.fromEntries(
      LIARS.map((liar) => [liar, fieldsOf(liar, nets).map(({ name }) => name)] as const),
    );
    expect(names.master?.filter((name) => name.includes('writePush')).length).toBeGreaterThan(15);
    expect(names.master?.some((name) => name.includes('acceptPayload'))).toBe(true);
    expect(names.master?.filter((name) => name.startsWith('answer to a probe')).length).toBeGreaterThan(30);
    expect(names.host?.filter((name) => name.includes('writeHostHello')).length).toBeGreaterThan(20);
    expect(names.friend?.filter((name) => name.includes('writeClientHello')).length).toBeGreaterThan(20);
    for (const liar of ['host', 'friend'] as const)
      for (const what of ['writeRequest', 'probe byte 4', 'path byte 0', 'writeHello'])
        expect(
          names[liar]?.some((name) => name.startsWith(what)),
          `${liar}: ${what}`,
        ).toBe(true);
  }
  // Only networks that are hard to bring together have the two say steps to each other.
  expect(fieldsOf('friend', 'hard').filter(({ name }) => name.startsWith('encodeStep')).length).toBeGreaterThan(10);
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
  expect(cases.map(tell).every((count) => count > 0)).toBe(true);
});
