import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cleanText, nameSkeleton, WIRE_LIMITS } from '../../src/core/index.ts';
import { HOSTILE_NAMES } from '../vectors/hostile-names.ts';

/** What a terminal or a page could take for anything but text: controls, format characters, surrogates, private use, unassigned. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/u;

test('500 hostile names come out as short printable text', () => {
  expect(HOSTILE_NAMES.length).toBeGreaterThanOrEqual(500);
  for (const name of HOSTILE_NAMES) {
    const clean = cleanText(name, 48);
    expect(UNPRINTABLE.test(clean), JSON.stringify(name)).toBe(false);
    expect([...clean].length).toBeLessThanOrEqual(48);
    expect(/\p{M}{4}/u.test(clean)).toBe(false);
  }
});

test('cleaning is idempotent and keeps honest names of many scripts', () => {
  for (const name of [
    "Ana's world",
    'Łódź – 5 v 5',
    'Καλημέρα',
    '東京サーバー',
    'سيرفر اللعبة',
    'नमस्ते',
    'คนไทย',
    '🎮 Arena 24/7',
    'C++ & <fun>',
  ]) {
    expect(cleanText(name, 48)).toBe(name.normalize('NFC'));
  }
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
      const once = cleanText(text, 48);
      expect(cleanText(once, 48)).toBe(once);
      expect(UNPRINTABLE.test(once)).toBe(false);
    }),
  );
});

test('marks that would paint over the neighbouring rows are left out', () => {
  const marks = '\u0323'.repeat(40);
  expect(cleanText(`q${marks}`, 60).normalize('NFD')).toHaveLength(1 + WIRE_LIMITS.marksInARowMax);
});

test('names that look alike have one skeleton', () => {
  const official = nameSkeleton('Official Arena');
  for (const imitation of [
    '0fficial  Arena',
    'OFFICIAL-ARENA',
    'Оffіcіаl Аrеnа',
    'Ｏｆｆｉｃｉａｌ Arena',
    'Officiаl.Arena',
  ]) {
    expect(nameSkeleton(imitation), imitation).toBe(official);
  }
  expect(nameSkeleton('Official Area')).not.toBe(official);
});
