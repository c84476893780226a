/**
 * All that people read, in their languages. A language is one file here, with the sentences of the command and of the pages, and a line in
 * each of the two lists below.
 */
import { command as commandDe, pages as pagesDe } from './de.ts';
import { en } from './en.ts';

export { en, type MessageKey } from './en.ts';

/** A sentence of the command; it stands in English where it is said. */
export type Sentence = keyof typeof commandDe;
export type Catalogue = Readonly<Record<Sentence, string>>;

/** Of the command, beside English. */
export const CATALOGUES: Readonly<Record<string, Catalogue>> = {
  de: commandDe,
};

/** Of the pages, with the direction they are read in. */
export const PAGE_LANGUAGES = {
  en: { name: 'English', dir: 'ltr', texts: en },
  de: { name: 'Deutsch', dir: 'ltr', texts: pagesDe },
} as const;
