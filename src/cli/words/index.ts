/**
 * What the command says, in the language of whoever sits there. A sentence stands in English where it is said; `src/languages` has every
 * one of them in the other languages. JSON lines hold codes and numbers, in no language.
 */
import { fill, type Places } from '../../core/model/fill.ts';
import { CATALOGUES, type Catalogue, type Sentence } from '../../languages/index.ts';
import type { SallyportError } from '../../node/failure.ts';
import { SHELL_NEXT, SHELL_WHAT } from './shell-next.ts';

export type { Sentence };

export const LANGUAGES: readonly string[] = ['en', ...Object.keys(CATALOGUES)];

let catalogue: Catalogue | null = null;

/** For everything that is said from now on. */
export function speak(language: string): void {
  catalogue = CATALOGUES[language] ?? null;
  shapes = null;
}

/** What the person has asked for, else what the system speaks (setlocale(3): the first of the three that is set counts). */
export function languageOf(wished: string | undefined, env: NodeJS.ProcessEnv): string {
  const system = env.LC_ALL || env.LC_MESSAGES || env.LANG || '';
  const language = (wished ?? system).split(/[_.@]/, 1)[0]?.toLowerCase() ?? '';
  return LANGUAGES.includes(language) ? language : 'en';
}

/** Whether the terminal takes only ASCII: a locale is set, and it names no UTF-8. */
export function isAsciiOnly(env: NodeJS.ProcessEnv): boolean {
  const system = env.LC_ALL || env.LC_CTYPE || env.LANG || '';
  return system !== '' && !/utf-?8/i.test(system);
}

/** The sentence in the language of the person, with `{name}` replaced. */
export function t(sentence: Sentence, values: Places = {}): string {
  return fill(catalogue?.[sentence] ?? sentence, values);
}

/** For sentences that stand in tables: as they are where the catalogue has none. */
export function tMaybe(sentence: string, values: Places = {}): string {
  return t(sentence as Sentence, values);
}

/** A sentence of the catalogue with places in it, as others fill them in. */
interface SentenceShape {
  /** What stands between the places, in order: one more than there are names. */
  readonly parts: readonly string[];
  readonly names: readonly string[];
  readonly text: string;
}

let shapes: readonly SentenceShape[] | null = null;

/**
 * What the library or the masterserver has said in English, who know of no person: a sentence, several of them, or counts like `3 bans, 1 join
 * code`. As it is where no catalogue has it.
 */
export function told(text: string): string {
  if (catalogue === null || text === '') return text;
  const one = toldWhole(text);
  if (one !== null) return one;
  const counts = text.split(/, (?=\d)/).map(toldCount);
  if (counts.every((count) => count !== null)) return counts.join(', ');
  const sentences = text.split(/(?<=[.!?]) (?=[A-Z])/);
  return sentences.map((sentence) => toldWhole(sentence) ?? sentence).join(' ');
}

function toldCount(text: string): string | null {
  const at = text.indexOf(' ') + 1;
  const noun = (catalogue as Readonly<Record<string, string>>)[text.slice(at)];
  return noun === undefined || !/^\d+ $/.test(text.slice(0, at)) ? null : text.slice(0, at) + noun;
}

/** Null where the catalogue does not have it as it stands. */
function toldWhole(text: string): string | null {
  if (catalogue === null) return null;
  const whole = (catalogue as Readonly<Record<string, string>>)[text];
  if (whole !== undefined) return whole;
  shapes ??= shapesOf(catalogue);
  for (const { parts, names, text: other } of shapes) {
    const found = placesIn(text, parts);
    if (found !== null) return fill(other, Object.fromEntries(names.map((name, n) => [name, told(found[n] ?? '')])));
  }
  return null;
}

/** What fills the places between `parts`; null where the text is none of that shape. Once through the text, which strangers may have written. */
function placesIn(text: string, parts: readonly string[]): readonly string[] | null {
  const [first = '', ...further] = parts;
  const last = further.pop() ?? '';
  if (!text.startsWith(first) || !text.endsWith(last)) return null;
  const end = text.length - last.length;
  const places: string[] = [];
  let from = first.length;
  for (const part of further) {
    const to = text.indexOf(part, from + 1);
    if (to < 0) return null;
    places.push(text.slice(from, to));
    from = to + part.length;
  }
  return from < end ? [...places, text.slice(from, end)] : null;
}

/** What has fewer letters of its own would be found in sentences that it has nothing to do with. */
const SHAPE_LETTERS_MIN = 8;

/** Those that say most themselves first: two may fit one text. */
function shapesOf(sentences: Catalogue): readonly SentenceShape[] {
  const letters = ([english]: readonly [string, string]): number => english.replace(/\{\w+\}/g, '').length;
  return Object.entries(sentences)
    .filter((pair) => /\{\w+\}/.test(pair[0]) && letters(pair) >= SHAPE_LETTERS_MIN)
    .sort((left, right) => letters(right) - letters(left))
    .map(shapeOf);
}

function shapeOf([english, text]: readonly [string, string]): SentenceShape {
  const names = [...english.matchAll(/\{(\w+)\}/g)].map(([, name]) => name as string);
  return { parts: english.split(/\{\w+\}/), names, text };
}

/** A failure for a person at a shell: what happened and why in truth, and what to do, with the flags that do it. */
export function failureWords(
  error: SallyportError,
  command?: string,
): { readonly message: string; readonly hint: string } {
  const { code, why, next, detail } = error;
  const what = tMaybe(SHELL_WHAT[code] ?? error.what);
  const advice =
    code === 'USAGE' && command !== undefined
      ? t('See "sallyport help {command}".', { command })
      : tMaybe(SHELL_NEXT[code] ?? next);
  return {
    message: detail === '' ? what : `${what} ${told(detail)}`,
    hint: detail === '' ? `${tMaybe(why)} ${advice}` : advice,
  };
}
