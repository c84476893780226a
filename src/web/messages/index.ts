import { signal } from '@preact/signals';
import { fill, type Places } from '../../core/model/fill.ts';
import { en, PAGE_LANGUAGES as LANGUAGES, type MessageKey } from '../../languages/index.ts';

export { LANGUAGES, type MessageKey };
export type Language = keyof typeof LANGUAGES;

export function isLanguage(text: string | null | undefined): text is Language {
  return typeof text === 'string' && Object.hasOwn(LANGUAGES, text);
}

export const language = signal<Language>('en');

/** The text for a key in the language of the page, with `{name}` replaced. Reading it in a component subscribes to the language. */
export function t(key: MessageKey, values: Places = {}): string {
  return fill(LANGUAGES[language.value].texts[key], values);
}

/** For keys put together from data: the text, or `fallback` where the catalogue has none. */
export function tMaybe(key: string, fallback: string): string {
  return key in en ? t(key as MessageKey) : fallback;
}
