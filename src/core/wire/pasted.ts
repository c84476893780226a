/**
 * What people paste, as it comes out of chats, mails and office programs: full-width letters, typographic dashes and quotes, marks
 * that nobody sees, brackets and full stops around it, a sentence before it. Reading a code or a link begins here.
 */
import { LIMITS } from '../limits.ts';
import { CODE_SYMBOLS, normalizeCode } from '../model/code.ts';
import type { FailureReason } from '../model/progress.ts';
import { cleanText } from './text.ts';

/** Format characters and variation selectors: zero-width spaces and joiners, marks of direction, soft hyphens, byte order marks. */
const INVISIBLE = /[\p{Cf}\p{Variation_Selector}]/gu;
const DASHES = /[\p{Pd}\u2212]/gu;
/** What stands around something quoted, in a sentence or in Markdown. */
const AROUND = /^[\s"'\p{Pi}\p{Pf}\u201a\u201e`´<>()[\]{}*_~|.,;:!?]$/u;
const BETWEEN_WORDS = /[^\p{L}\p{N}-]+/u;
const LINK = /^(?:sallyport|https?):\/\/./i;

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

/** The links in a plain text, in their order, each without the punctuation around it. */
export function linksIn(plain: string): readonly string[] {
  return plain
    .split(/\s/)
    .map((word) => trimmed(word.slice(Math.max(0, word.search(/(?:sallyport|https?):\/\//i)))))
    .filter((word) => LINK.test(word));
}

/** The one code in a plain text; null where there is none, or where there are several different ones. */
export function codeIn(plain: string): string | null {
  const whole = normalizeCode(plain);
  if (whole !== null) return whole;
  const words = plain.split(BETWEEN_WORDS);
  const codes = new Set(
    words.flatMap((word, i) => {
      const code = normalizeCode(word) ?? normalizeCode(`${word}${words[i + 1] ?? ''}`);
      return code === null ? [] : [code];
    }),
  );
  const [only = null] = codes;
  return codes.size === 1 ? only : null;
}

/** What is wrong with a text that `codeIn` finds no code in. */
export function codeFault(text: string): FailureReason & { readonly because: 'code-malformed' } {
  const symbols = [...plainText(text).toUpperCase().replace(/[\s-]/g, '')];
  const foreign = symbols.find((symbol) => !CODE_SYMBOLS.includes(symbol)) ?? '';
  return { because: 'code-malformed', symbols: symbols.length, foreign: cleanText(foreign, 1) };
}
