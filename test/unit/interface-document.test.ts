/** `docs/openapi.json` is what `/v1/openapi.json` serves, and `docs/interface.md` has a row for all of it. `UPDATE_DOCS=1` writes both anew. */
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { COMMANDS, openApiDocument, PROBLEMS } from '../../src/app/testing.ts';

const file = (name: string): URL => new URL(`../../${name}`, import.meta.url);
const { version } = JSON.parse(readFileSync(file('package.json'), 'utf8')) as { readonly version: string };
const document = openApiDocument(version) as {
  readonly paths: Record<string, Record<string, { readonly summary: string }>>;
};
const [BEGIN, END] = ['<!-- tables -->\n', '<!-- end of tables -->'];

function tables(): string {
  const requests = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { summary }]) => `| \`${method.toUpperCase()} ${path}\` | ${summary} |`),
  );
  const problems = Object.entries(PROBLEMS).map(
    ([code, { status, what, why, next }]) => `| \`${code}\` | ${status} | ${what} | ${why} | ${next} |`,
  );
  return [
    ...['| request | |', '|---|---|', ...requests, ''],
    ...['| code | HTTP | what | why | what next |', '|---|---|---|---|---|', ...problems, ''],
  ].join('\n');
}

test('the documents are those of the code', () => {
  const json = `${JSON.stringify(document, null, 2)}\n`;
  const text = readFileSync(file('docs/interface.md'), 'utf8');
  const [before = '', rest = ''] = text.split(BEGIN);
  const [, after = ''] = rest.split(END);
  const page = `${before}${BEGIN}${tables()}${END}${after}`;
  if (process.env.UPDATE_DOCS === '1') {
    writeFileSync(file('docs/openapi.json'), json);
    writeFileSync(file('docs/interface.md'), page);
  }
  expect(JSON.parse(readFileSync(file('docs/openapi.json'), 'utf8'))).toEqual(JSON.parse(json));
  expect(readFileSync(file('docs/interface.md'), 'utf8')).toBe(page);
});

test('every command is described, and takes nothing without a bound', () => {
  for (const [name, schema] of Object.entries(COMMANDS)) {
    expect([name, schema.description]).toEqual([name, expect.stringMatching(/\.$/)]);
    expect(document.paths[`/v1/${name}`]?.post?.summary).toBe(schema.description);
  }
  const unbounded: string[] = [];
  const look = (value: unknown, at: string): void => {
    if (typeof value !== 'object' || value === null) return;
    const { type, maxLength, maxItems, pattern } = value as Record<string, unknown>;
    if (
      type === 'string' &&
      maxLength === undefined &&
      pattern === undefined &&
      !('enum' in value) &&
      !('const' in value)
    )
      unbounded.push(at);
    if (type === 'array' && maxItems === undefined) unbounded.push(at);
    for (const [key, inner] of Object.entries(value)) look(inner, `${at}.${key}`);
  };
  for (const [path, { post }] of Object.entries(document.paths))
    look((post as { readonly requestBody?: unknown } | undefined)?.requestBody, path);
  expect(unbounded).toEqual([]);
});
