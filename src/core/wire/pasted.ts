/**
 * What people paste, as it comes out of chats, mails and office programs: full-width letters, typographic dashes and quotes, marks
 * that nobody sees, brackets and full stops around it, a sentence before it, lines broken in the middle, links inside the links of those
 * who count clicks. Reading a code or a link begins here.
 */
import { LIMITS } from '../limits.ts';
import { CODE_SYMBOLS, normalizeCode } from '../model/code.ts';
import type { FailureReason } from '../model/progress.ts';
import { cleanText } from './text.ts';

/** Format characters, variation selectors and the frame of a key: zero-width spaces and joiners, marks of direction, soft hyphens, byte order marks. */
const INVISIBLE = /\p{Cf}|\p{Variation_Selector}|\u20e3/gu;
const DASHES = /[\p{Pd}\u2212]/gu;
/** What stands around something quoted, in a sentence or in Markdown. */
const AROUND = /^[\s"'\p{Pi}\p{Pf}\u201a\u201e`´<>()[\]{}*_~|.,;:!?]$/u;
const BETWEEN_WORDS = /[^\p{L}\p{N}-]+/u;
const SCHEME = /(?:sallyport|https?):\/\//gi;
/** As it stands in the address of another page, which may stand in another one's. */
const ENCODED = /(?:sallyport|https?)%3a%2f%2f[\w.~%+-]*/gi;
/** Our links are of ASCII; what chats put around them is not among these. */
const LINK = /^[a-z]+:\/\/[\w./?#[\]@!$&+,;:=%~-]+/i;
/** Part of a link of ours, which must not be used by half. */
const OURS = /sallyport:\/\/|(?:^|[\s/])j\//i;
/** The end of a line, and the marks before the next one in a mail that is quoted. */
const LINE_END = /^[ \t]*\r?\n[\s>|]*/;
/** What looks like the end of a sentence may be the dot between two keys. */
const ENDS_LATER = /[.#&?=]$/;
const BEGAN_EARLIER = /^[.#&?=]/;

/** Where Cyrillic and Greek keyboards have what looks like these, and where Arabic, Persian and Hindi ones have the figures. */
const LOOK_ALIKES: ReadonlyMap<string, string> = new Map(
  [
    ['ВСНЈКМРԚТԜХ', 'BCHJKMPQTWX'],
    ['ΒΗΚΜΝΡΤΧ', 'BHKMNPTX'],
    ['٦٧٨٩', '6789'],
    ['۶۷۸۹', '6789'],
    ['६७८९', '6789'],
  ].flatMap(([from = '', to = '']) => [...from].map((one, i) => [one, to.charAt(i)] as const)),
);

/** The same text as plain as it can be: NFKC, one kind of dash, nothing invisible, nothing around it. */
export function plainText(text: string): string {
  const plain = text.slice(0, LIMITS.pastedCharactersMax).normalize('NFKC');
  return trimmed(plain.replace(INVISIBLE, '').replace(DASHES, '-'));
}

/** An underscore may end a key. */
function trimmed(text: string): string {
  let [from, to] = [0, text.length];
  while (from < to && AROUND.test(text.charAt(from))) from++;
  while (to > from && text.charAt(to - 1) !== '_' && AROUND.test(text.charAt(to - 1))) to--;
  return text.slice(from, to);
}

/**
 * What may be meant as a link in a plain text, in their order, each without what is around it: where a line ends in the middle of one also
 * what the next lines make of it, and what is encoded as it was before.
 */
export function linksIn(plain: string): readonly string[] {
  const links: string[] = [];
  let texts: readonly string[] = [plain];
  for (let n = 0; n <= LIMITS.pastedEncodedMax && texts.length > 0; n++) {
    for (const text of texts) for (const { index } of text.matchAll(SCHEME)) links.push(...linksAt(text.slice(index)));
    texts = texts.flatMap((text) => [...text.matchAll(ENCODED)].map(([encoded]) => decoded(encoded)));
  }
  return [...new Set(links)];
}

function linksAt(text: string): readonly string[] {
  const links: string[] = [];
  let [rest, goesOn] = [text, false];
  for (let joined = 0; joined <= LIMITS.pastedLineEndsMax; joined++) {
    const [link = ''] = LINK.exec(rest) ?? [];
    links.push(trimmed(link));
    if (link.includes('%')) links.push(decoded(trimmed(link)));
    const [end] = LINE_END.exec(rest.slice(link.length)) ?? [];
    if (end === undefined) break;
    const next = rest.slice(link.length + end.length);
    if (joined === 0) goesOn = ENDS_LATER.test(link) || BEGAN_EARLIER.test(next);
    rest = link + next;
  }
  const [whole = '', ...longer] = links;
  return goesOn ? [...longer, whole] : links;
}

/** Of ASCII what is no control: what our links and codes are made of. */
function decoded(text: string): string {
  return text.replace(/%([2-7][0-9a-f])/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** The one code in a plain text; null where there is none, where there are several different ones, or part of a link of ours. */
export function codeIn(plain: string): string | null {
  if (OURS.test(plain)) return null;
  const ownWords = plain.split(/\s/).filter((word) => !word.includes('://'));
  const text = asTyped(decoded(ownWords.join(' ')));
  const whole = normalizeCode(text);
  if (whole !== null) return whole;
  const words = text.split(BETWEEN_WORDS).filter((word) => /[^-]/.test(word));
  const codes = new Set(words.flatMap((_, i) => codeFrom(words, i) ?? []));
  const [only = null] = codes;
  return codes.size === 1 ? only : null;
}

/** A word, or one with the next; or symbols that stand alone, as many as a code has and no more of them beside. */
function codeFrom(words: readonly string[], at: number): string | null {
  const [word = '', next = ''] = words.slice(at);
  const code = normalizeCode(word) ?? normalizeCode(word + next);
  if (code !== null || !isAlone(word) || isAlone(words[at - 1])) return code;
  const end = words.findIndex((one, i) => i > at && !isAlone(one));
  return normalizeCode(words.slice(at, end < 0 ? words.length : end).join(''));
}

/** `7`, or `7-` */
function isAlone(word = ''): boolean {
  return word.replaceAll('-', '').length === 1;
}

/** In capitals, and as if it had been typed on a Latin keyboard. */
function asTyped(text: string): string {
  return [...text.toUpperCase()].map((one) => LOOK_ALIKES.get(one) ?? one).join('');
}

/** What is wrong with a text that `codeIn` finds no code in. */
export function codeFault(text: string): FailureReason & { readonly because: 'code-malformed' } {
  const symbols = [...asTyped(plainText(text)).replace(/[\s-]/g, '')];
  const foreign = symbols.find((symbol) => !CODE_SYMBOLS.includes(symbol)) ?? '';
  return { because: 'code-malformed', symbols: symbols.length, foreign: cleanText(foreign, 1) };
}
