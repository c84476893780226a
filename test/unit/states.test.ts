/** docs/states.md, and the tables of phases it is drawn from. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type PhaseTable, phaseTables, statesPage } from '../../bench/states.ts';

const tables = await phaseTables();

test('docs/states.md shows the phases of each machine, and when they change: `npm run states` writes it', () => {
  expect(tables.map(({ name }) => name)).toEqual(expect.arrayContaining(['DETECTOR', 'RUN', 'MAPPER']));
  expect(readFileSync('docs/states.md', 'utf8')).toBe(statesPage(tables));
});

test.each(tables)('each phase of $name can be reached from its first', ({ phases }: PhaseTable) => {
  const names = Object.keys(phases);
  const reached = new Set(names.slice(0, 1));
  for (const name of reached) for (const next of Object.keys(phases[name] ?? {})) reached.add(next);
  expect([...reached].sort()).toEqual(names.sort());
});
