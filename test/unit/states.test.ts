/** docs/states.md, and the tables of phases it is drawn from. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type PhaseTable, phaseTables, statesPage } from '../../bench/states.ts';

const tables = await phaseTables();
const sources = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => ({ path, text: readFileSync(`src/${path}`, 'utf8') }));

test('docs/states.md shows the phases of each machine, and when they change: `npm run states` writes it', () => {
  expect(tables.map(({ name }) => name)).toEqual(expect.arrayContaining(['DETECTOR', 'RUN', 'MAPPER']));
  expect(readFileSync('docs/states.md', 'utf8')).toBe(statesPage(tables));
});

test.each(tables)(
  'each phase of $name can be reached from its first, and each change has a reason',
  ({ phases }: PhaseTable) => {
    const names = Object.keys(phases);
    for (const [next, when] of Object.values(phases).flatMap((all) => Object.entries(all))) {
      expect(names).toContain(next);
      expect(when.length).toBeGreaterThan(5);
    }
    const reached = new Set(names.slice(0, 1));
    for (const name of reached) for (const next of Object.keys(phases[name] ?? {})) reached.add(next);
    expect([...reached].sort()).toEqual(names.sort());
  },
);

test('each machine that has phases has a table of them, from which docs/states.md is drawn', () => {
  // A field of its own, or of a record of which a machine has many.
  const kept = /^ {2}(?:private (?:phase|state): |#phase: |phase: \w*Phase\b)/m;
  const without = sources.filter(({ text }) => kept.test(text) && !/\b[A-Z0-9_]+_PHASES\b/.test(text));
  expect(without.map(({ path }) => path)).toEqual([]);
});

test.each(tables)('one place changes the phase of $name, and asserts that the table has the change', ({ name }) => {
  const asserts = new RegExp(`assert\\([^;]*\\bin ${name}_PHASES\\[`, 'g');
  expect(sources.flatMap(({ text }) => text.match(asserts) ?? [])).toHaveLength(1);
});
