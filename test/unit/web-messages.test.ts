/** The catalogue as a contract: every language has every key with the same placeholders, and every key is used. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { en, type MessageKey, PAGE_LANGUAGES } from '../../src/languages/index.ts';
import { FAILURES } from '../../src/node/index.ts';

const WEB = fileURLToPath(new URL('../../src/web', import.meta.url));
const de = PAGE_LANGUAGES.de.texts;
const keys = Object.keys(en) as MessageKey[];

function placeholders(text: string): readonly string[] {
  return [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => String(name)).sort();
}

test('both languages have the same keys, none empty, with the same placeholders', () => {
  expect(Object.keys(de).sort()).toEqual([...keys].sort());
  for (const key of keys) {
    expect(de[key].trim(), key).not.toBe('');
    expect(placeholders(de[key]), key).toEqual(placeholders(en[key]));
  }
});

test('every failure has a sentence', () => {
  for (const code of Object.keys(FAILURES)) expect(keys).toContain(`failure.${code}`);
});

test('every key is asked for somewhere, by its name or by a name put together from its beginning', () => {
  const sources = readdirSync(WEB, { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.tsx?$/.test(file) && !file.startsWith('messages'))
    .map((file) => readFileSync(join(WEB, file), 'utf8'))
    .join('\n');
  const begun = [...sources.matchAll(/`([\w.]+\.)\$\{/g)].map(([, beginning]) => String(beginning));
  const unused = keys.filter((key) => !sources.includes(`'${key}'`) && !begun.some((text) => key.startsWith(text)));
  expect(unused).toEqual([]);
});
