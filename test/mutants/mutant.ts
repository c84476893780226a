/**
 * Hand-made mutants: each takes one defence out of the program, and one named test must fail for it. `threats.json` holds those of
 * the table in SECURITY.md, `defences.json` others. They are applied while Vite reads the file, so no file is changed.
 */
import { readFileSync } from 'node:fs';

export interface Edit {
  readonly file: string;
  /** Stands in the file once. */
  readonly find: string;
  readonly replace: string;
}

export interface Mutant extends Edit {
  /** What is taken away, in words. */
  readonly what: string;
  /** The first words of its row in SECURITY.md; none in `defences.json`. */
  readonly threat?: string;
  /** Where a defence is doubled, both are taken away. */
  readonly also?: readonly Edit[];
  /** Below `test/`, without `.test.ts`. */
  readonly test: string;
  /** A part of the test's title. */
  readonly title: string;
}

export function readMutants(root: string): readonly Mutant[] {
  const read = (name: string): readonly Mutant[] => JSON.parse(readFileSync(`${root}/test/mutants/${name}`, 'utf8'));
  return [...read('threats.json'), ...read('defences.json')];
}

export function editsOf(mutant: Mutant): readonly Edit[] {
  return [mutant, ...(mutant.also ?? [])];
}

/** The text with the defence taken out. Throws where the snippet is not there exactly once. */
export function applyEdit({ file, find, replace }: Edit, text: string): string {
  const parts = text.split(find);
  if (parts.length === 2) return parts.join(replace);
  const times = parts.length === 1 ? 'no longer' : `${parts.length - 1} times`;
  throw new Error(`${file} has ${times} \`${find}\`: make the mutant fit the code as it stands.`);
}

/** For Vite's `plugins`: the mutant that the environment names, or nothing. */
export function mutantPlugins(root: string, json = process.env.SALLYPORT_MUTANT) {
  if (json === undefined) return [];
  const edits = editsOf(JSON.parse(json) as Mutant);
  const transform = (text: string, id: string): string | null => {
    const here = edits.filter(({ file }) => id.split('?')[0] === `${root}/${file}`);
    return here.length === 0 ? null : here.reduce((changed, edit) => applyEdit(edit, changed), text);
  };
  return [{ name: 'sallyport-mutant', enforce: 'pre' as const, transform }];
}
