/**
 * What README and docs say was measured is found in a kept result. A paragraph that speaks of measuring names its results by path, and
 * every figure with a unit or decimals in it, and in the table below it, stands in one of them: as it is, in the next unit (0.34 s as
 * 340 ms), or as a share (99.5 % as 0.995).
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
const SPEAKS_OF_MEASURING = /\bmeasured\b(?! by)|\bit said\b|\btook\b/i;
/** With a unit, or with decimals. */
const FIGURE =
  /(?<![\w.,/§-])(?:(\d[\d,]*(?:\.\d+)?)(?:(?: to| and| or|,) (\d[\d,]*(?:\.\d+)?))?\s?(?:ms|µs|s|%|MB|kB|Mbit\/s|k\/s|minutes)(?![\w/])|(\d+\.\d+)(?![\d.]))/g;

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

const claims: Claim[] = PAGES.flatMap((page) =>
  blocksOf(page)
    .filter((text) => figuresOf(text).length > 0)
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

test.each(claims)('$page: $text', ({ text, results }) => {
  expect(results, 'names the kept result that says so').not.toEqual([]);
  const kept = results.map((name) => readFileSync(`bench/results/${name}`, 'utf8')).join('\n');
  const missing = figuresOf(text).filter((figure) => !stands(figure, kept));
  expect(missing, `stand in ${results.join(', ')}`).toEqual([]);
});
