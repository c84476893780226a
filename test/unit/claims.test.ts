/**
 * What README and docs say was measured is found in a kept result. A paragraph that speaks of measuring names its results by path, and
 * every figure with a unit or decimals in it, and in the table below it, stands in one of them: as it is, in the next unit (0.34 s as
 * 340 ms), or as a share (99.5 % as 0.995). So does each "60 of 78", and a number alone in a cell. The figures of one row of a table stand
 * together in one line there, so that another row's don't pass for them.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

/** Written by tests, from what they have just seen. */
const GENERATED = ['diagnosis.md'];
const PAGES = [
  'README.md',
  ...readdirSync('docs').flatMap((name) => (name.endsWith('.md') && !GENERATED.includes(name) ? [`docs/${name}`] : [])),
];
const RESULT = /bench\/results\/([\w.-]+\.(?:txt|json))/g;
const SPEAKS_OF_MEASURING = /\bmeasured\b(?! by)|\bit (?:said|printed)\b|\btook\b|\bin a second run\b|\d of \d+ runs/i;
/** With a unit, or with decimals. */
const FIGURE =
  /(?<![\w.,/§-])(?:(\d[\d,]*(?:\.\d+)?)(?:(?: to| and| or|,) (\d[\d,]*(?:\.\d+)?))?\s?(?:ms|µs|s|%|MB|kB|Mbit\/s|k\/s|minutes)(?![\w/])|(\d+\.\d+)(?![\d.]))/g;

/** `60 of 78`: how many of how many. */
const COUNT = /(?<![\w.,-])(\d[\d,]*) of (\d[\d,]*)(?![\w.]*\w)/g;
/** A number alone in a cell of a table. */
const CELL = /(?<=\|\s*)\d[\d,]*(?=\s*\|)/g;

/** A larger part of a result holds so many numbers that some fit anything. */
const JSON_UNIT_CHARACTERS = 1_000;

interface Claim {
  readonly page: string;
  readonly text: string;
  readonly results: readonly string[];
}

/** Paragraphs, list items and tables; a table belongs to the paragraph before it. */
function blocksOf(page: string): string[] {
  const text = readFileSync(page, 'utf8').replace(/```[\s\S]*?```/g, '');
  return text
    .split(/\n\s*\n(?!\|)|\n(?=\s*[*-] |#)/)
    .map((block) => block.trim())
    .filter((block) => block !== '');
}

/** Without code, whose numbers are arguments, and addresses of links. */
const prose = (text: string) => text.replace(/`[^`]*`/g, '').replace(/\]\([^)]*\)/g, ']');

function figuresOf(text: string): string[] {
  return [...prose(text).matchAll(FIGURE)].flatMap(([, ...found]) =>
    found.flatMap((one) => (one === undefined ? [] : [one.replaceAll(',', '')])),
  );
}

const withoutCommas = (number: string) => number.replaceAll(',', '');

function cellsOf(text: string): string[] {
  return (prose(text).match(CELL) ?? []).map(withoutCommas);
}

function countsOf(text: string): [string, string][] {
  return [...prose(text).matchAll(COUNT)].map(([, count, all]) => [withoutCommas(count!), withoutCommas(all!)]);
}

/** In the words of a result: `60 of 78`, `60/78`, or a line or two with both numbers. */
function counted([count, all]: [string, string], result: string): boolean {
  const numbers = (line: string): readonly string[] =>
    line.replaceAll(/(?<=\d),(?=\d{3})/g, '').match(/\d+(?:\.\d+)?/g) ?? [];
  return result.split('\n').some((line) => numbers(line).includes(count) && numbers(result).includes(all));
}

const claims: Claim[] = PAGES.flatMap((page) =>
  blocksOf(page)
    .filter((text) => figuresOf(text).length + countsOf(text).length > 0)
    .filter((text) => text.match(RESULT) !== null || SPEAKS_OF_MEASURING.test(prose(text)))
    .map((text) => ({ page, text, results: [...text.matchAll(RESULT)].map(([, name]) => name as string) })),
);

/** A figure as it may stand in a result: rounded like it, in its unit or a thousandth or a thousand of it. */
function stands(figure: string, result: string): boolean {
  const decimals = figure.split('.')[1]?.length ?? 0;
  return [...result.replaceAll(/(?<=\d),(?=\d{3})/g, '').matchAll(/\d+(?:\.\d+)?/g)].some(([number]) =>
    [1, 1000, 0.001, 100].some(
      (scale) => (Number(number) * scale).toFixed(decimals) === Number(figure).toFixed(decimals),
    ),
  );
}

/** What belongs together in a result: a line of a text, an object of a JSON with what is in it. */
function unitsOf(name: string): string[] {
  const text = readFileSync(`bench/results/${name}`, 'utf8');
  if (!name.endsWith('.json')) return text.split('\n');
  const objectsIn = (value: unknown): unknown[] =>
    typeof value === 'object' && value !== null ? [value, ...Object.values(value).flatMap(objectsIn)] : [];
  const units = objectsIn(JSON.parse(text)).map((one) => JSON.stringify(one));
  return units.filter((unit) => unit.length < JSON_UNIT_CHARACTERS);
}

/** Rows of a table whose figures don't stand together in one line of a result. What a column is compared with comes from elsewhere. */
function strayRows(text: string, results: readonly string[]): string[] {
  const units = results.flatMap(unitsOf);
  const rows = text.split('\n').filter((line) => line.startsWith('|') && !line.includes('.test.ts`'));
  return rows.filter((row) => {
    const figures = [...figuresOf(row), ...cellsOf(row), ...countsOf(row).flat()];
    return figures.length > 1 && !units.some((unit) => figures.every((figure) => stands(figure, unit)));
  });
}

test.each(claims)('$page: $text', ({ text, results }) => {
  expect(results, 'names the kept result that says so').not.toEqual([]);
  const kept = results.map((name) => readFileSync(`bench/results/${name}`, 'utf8')).join('\n');
  const missing = [
    ...[...figuresOf(text), ...cellsOf(text)].filter((figure) => !stands(figure, kept)),
    ...countsOf(text).flatMap((count) => (counted(count, kept) ? [] : [count.join(' of ')])),
  ];
  expect(missing, `stand in ${results.join(', ')}`).toEqual([]);
  expect(strayRows(text, results), `are rows of ${results.join(', ')}`).toEqual([]);
});
