/**
 * Hand-made mutants: each takes one defence out of the program, and one named test must fail for it. `threats.json` holds those of
 * the table in SECURITY.md, `defences.json` others. They are applied while Vite reads the file, so no file is changed.
 */
import { readFileSync } from 'node:fs';

export interface Mutant {
  /** What is taken away, in words. */
  readonly what: string;
  /** The first words of its row in SECURITY.md; none in `defences.json`. */
  readonly threat?: string;
  readonly file: string;
  /** Stands in the file once. */
  readonly find: string;
  readonly replace: string;
  /** Below `test/`, without `.test.ts`. */
  readonly test: string;
  /** A part of the test's title. */
  readonly title: string;
}

export function readMutants(root: string): readonly Mutant[] {
  const read = (name: string): readonly Mutant[] => JSON.parse(readFileSync(`${root}/test/mutants/${name}`, 'utf8'));
  return [...read('threats.json'), ...read('defences.json')];
}

/** The text with the defence taken out. Throws where the snippet is not there exactly once. */
export function applyMutant({ file, find, replace, what }: Mutant, text: string): string {
  const parts = text.split(find);
  if (parts.length === 2) return parts.join(replace);
  const times = parts.length === 1 ? 'no longer' : `${parts.length - 1} times`;
  throw new Error(`"${what}": ${file} has ${times} \`${find}\`. Make it fit the code as it stands.`);
}

/** For Vite's `plugins`: the mutant that the environment names, or nothing. */
export function mutantPlugins(root: string, json = process.env.SALLYPORT_MUTANT) {
  if (json === undefined) return [];
  const mutant = JSON.parse(json) as Mutant;
  const transform = (text: string, id: string): string | null =>
    id.split('?')[0] === `${root}/${mutant.file}` ? applyMutant(mutant, text) : null;
  return [{ name: 'sallyport-mutant', enforce: 'pre' as const, transform }];
}
