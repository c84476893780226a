/** Every test that SECURITY.md names is there, under that name. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const ROOT = new URL('../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, ROOT), 'utf8');

const named = [...read('SECURITY.md').matchAll(/`([a-z]+\/[a-z0-9-]+)`: "([^"]+)"/g)].map(([, file, name]) => ({
  file,
  name,
}));

test('the table of threats names tests', () => {
  expect(named.length).toBeGreaterThan(40);
});

test.each(named)('$file has "$name"', ({ file, name }) => {
  const titles = read(`test/${file}.test.ts`).matchAll(/(?:\b(?:test|it)|\))\(\s*(['"`])([\s\S]*?)\1,/g);
  expect([...titles].filter(([, , title]) => title?.includes(name ?? ''))).toHaveLength(1);
});
