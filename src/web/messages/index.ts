import { signal } from '@preact/signals';
import { fill, type Places } from '../../core/model/fill.ts';
import { de } from './de.ts';
import { en, type MessageKey } from './en.ts';

export type { MessageKey };

/** Languages with a complete catalogue and the direction they are read in; a new one is one file and one line here. */
export const LANGUAGES = {
  en: { name: 'English', dir: 'ltr', texts: en },
  de: { name: 'Deutsch', dir: 'ltr', texts: de },
} as const;
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
