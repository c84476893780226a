/**
 * Text that strangers send and others will see: in a terminal, a web page, a webhook. What cannot be read as plain text goes
 * (SECURITY.md row 19): C0/C1 controls (terminal escapes, CWE-150), bidirectional controls, invisible and unassigned
 * characters. What remains is inert in a text node; `<` and `&` are legal in a name.
 */
import { WIRE_LIMITS } from './limits.ts';

/** Letters, marks, numbers, punctuation, symbols and the plain space: everything else is dropped. */
const ALLOWED = /[\p{L}\p{M}\p{N}\p{P}\p{S} ]/u;
/** Allowed by category, yet invisible or blank: Hangul fillers, the blank Braille pattern, the combining grapheme joiner. */
const INVISIBLE = new Set([0x115f, 0x1160, 0x3164, 0xffa0, 0x2800, 0x034f, 0x17b4, 0x17b5]);
const MARK = /\p{M}/u;

/** The text as plain characters, at most `charactersMax` code points, single spaces, no blanks at the ends. */
export function cleanText(text: string, charactersMax: number): string {
  let out = '';
  let count = 0;
  let marks = 0;
  // Normalising can lengthen a string, so the input is cut first: hostile length must not cost.
  for (const character of text.slice(0, charactersMax * 4).normalize('NFC')) {
    const plain = /\s/u.test(character) ? ' ' : character;
    if (!ALLOWED.test(plain) || INVISIBLE.has(plain.codePointAt(0) ?? 0)) continue;
    if (plain === ' ' && (out === '' || out.endsWith(' '))) continue;
    marks = MARK.test(plain) ? marks + 1 : 0;
    if (marks > WIRE_LIMITS.marksInARowMax || (marks > 0 && out === '')) continue;
    if (count === charactersMax) break;
    out += plain;
    count += 1;
  }
  return out.trimEnd();
}

/** Two names that a person would take for the same have the same skeleton: compatibility forms, case, spaces, signs. */
export function nameSkeleton(name: string): string {
  const plain = name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]/gu, '');
  return [...plain].map((character) => LOOKALIKES.get(character) ?? character).join('');
}

/** The look-alikes of Latin letters that turn up in imitated names (a small part of Unicode TR 39's confusables). */
const LOOKALIKES = new Map([
  ...pairs('аɑα', 'a'),
  ...pairs('еє', 'e'),
  ...pairs('оο0', 'o'),
  ...pairs('рρ', 'p'),
  ...pairs('сϲ', 'c'),
  ...pairs('хχ', 'x'),
  ...pairs('уγ', 'y'),
  ...pairs('іιl1ı', 'i'),
  ...pairs('ѕ5', 's'),
  ...pairs('ԁ', 'd'),
  ...pairs('һ', 'h'),
  ...pairs('ј', 'j'),
  ...pairs('к', 'k'),
  ...pairs('м', 'm'),
  ...pairs('т', 't'),
  ...pairs('вß', 'b'),
  ...pairs('ν', 'v'),
]);

function pairs(from: string, to: string): [string, string][] {
  return [...from].map((character) => [character, to]);
}
