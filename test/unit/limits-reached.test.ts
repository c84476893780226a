/** Every limit of every room is reached by a test, which is found here by name (`test/mutants/limits.ts` says how), or is still on a list that only shrinks. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { limitsOf, readReached, readUnreached } from '../mutants/limits.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
/** What was on the list when it was made, less what has been reached since: whoever reaches one lowers it. */
const UNREACHED_MAX = 337;
/** Their comparisons of limits with each other reach nothing. */
const COMPARISONS = ['limit-relations.test.ts', 'limits-reached.test.ts'];

const limits = limitsOf(ROOT);
const reached = readReached(ROOT);
const unreached = readUnreached(ROOT);
const texts = readdirSync(`${ROOT}/test`, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts') && !COMPARISONS.some((name) => path.endsWith(name)))
  .map((path) => readFileSync(`${ROOT}/test/${path}`, 'utf8'));
const named = new Set(texts.flatMap(namesIn));

/** `PAY_LIMITS.answersReserved`, and what is taken out of it: `const { answersReserved: reserved } = PAY_LIMITS;`. */
function namesIn(text: string): readonly string[] {
  const whole = [...text.matchAll(/\b(?:\w+_)?LIMITS\.\w+/g)].map(([name]) => name);
  const taken = [...text.matchAll(/\{([\w\s,:]*)\}\s*=\s*((?:\w+_)?LIMITS)\b(?!\.)/g)];
  return [
    ...whole,
    ...taken.flatMap(([, names, object]) =>
      [...names!.matchAll(/(?:^|,)\s*(\w+)/g)].map(([, name]) => `${object}.${name}`),
    ),
  ];
}

describe('limits', () => {
  test('are found, in every room that has some', () => {
    expect(limits.size).toBeGreaterThan(500);
    expect(new Set(limits.values()).size).toBeGreaterThan(20);
  });

  test('each is named by a test, or makes one fail by another value, or is on the list', () => {
    const known = new Set([...named, ...reached.map(({ limit }) => limit), ...unreached]);
    expect([...limits.keys()].filter((limit) => !known.has(limit))).toEqual([]);
  });

  test('the list has only what there is and no test reaches, and never more than it had', () => {
    const found = new Set([...named, ...reached.map(({ limit }) => limit)]);
    expect(unreached.filter((limit) => !limits.has(limit) || found.has(limit))).toEqual([]);
    expect(unreached.length).toBe(UNREACHED_MAX);
  });

  test('the tests that notice another value are there, under their names', () => {
    const missing = reached.filter(
      ({ limit, test: file, title }) =>
        !limits.has(limit) || !readFileSync(`${ROOT}/test/${file}.test.ts`, 'utf8').includes(title),
    );
    expect(missing).toEqual([]);
  });
});
