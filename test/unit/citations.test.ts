/**
 * What comments and pages refer to is in this repository: documents and their sections, decisions, rows of the threat table, files
 * and folders. A stranger has nothing else to look it up in.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const FOLDERS = ['src', 'lab', 'bench', 'test', 'docs', 'decisions', 'examples'];
const OURS = 'test/unit/citations.test.ts';

const inFolders = FOLDERS.flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true }).flatMap((entry) =>
    entry.isFile() ? [`${join(entry.parentPath, entry.name).slice(ROOT.length)}`] : [],
  ),
);
const atRoot = readdirSync(ROOT).filter((name) => name.endsWith('.md'));
const files = [...inFolders, ...atRoot].filter((path) => path !== OURS && !path.startsWith('bench/results/'));
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const texts = files
  .filter((path) => /\.(?:tsx?|mjs|json|md|html|css)$/.test(path))
  .map((path) => ({ path, text: read(path) }));
const pages = texts.filter(({ path }) => path.endsWith('.md'));
const names = new Set(files.map((path) => basename(path)));

/** Sections of a page by the number in their heading: `## 3. Protocol`, `### 3.1 Handshake`, `### 4A. Host`. */
const sectionsOf = (page: string): string[] =>
  [...read(page).matchAll(/^#{2,4} (\d+(?:\.\d+)?[A-Z]?)\b/gm)].map(([, section]) => section as string);

const exists = (path: string): boolean => existsSync(join(ROOT, path));

/** Every match of the expression in the texts that `fault` finds wrong, with its file and line. */
function faults(
  among: readonly { readonly path: string; readonly text: string }[],
  pattern: RegExp,
  fault: (match: RegExpMatchArray, path: string) => boolean,
): string[] {
  return among.flatMap(({ path, text }) =>
    [...text.matchAll(pattern)]
      .filter((match) => fault(match, path))
      .map((match) => `${path}:${text.slice(0, match.index).split('\n').length}: ${match[0]}`),
  );
}

/** `§3`, and what may follow it: `§3.1, §3.3`, `§3.1-§3.3`. */
const CITED = /docs\/reference\/([a-z-]+\.md)((?:[\s*/]*(?:, |-)?§\d[\d.]*[A-Z]?)*)/g;

describe('what is cited is here:', () => {
  test('there is something to look at', () => {
    const cited = texts.flatMap(({ text }) => [...text.matchAll(CITED)]);
    expect(cited.filter(([, , sections]) => sections !== '').length).toBeGreaterThan(80);
    expect(sectionsOf('docs/reference/nat-model.md')).toContain('4.1');
  });

  test('a page of docs/reference, and the section of it', () => {
    const check = ([, page, sections]: RegExpMatchArray): boolean => {
      if (!exists(`docs/reference/${page}`)) return true;
      const has = sectionsOf(`docs/reference/${page}`);
      return [...(sections ?? '').matchAll(/§(\d+(?:\.\d+)?[A-Z]?)/g)].some(([, section]) => !has.includes(section!));
    };
    expect(faults(texts, CITED, check)).toEqual([]);
  });

  test('reference pages are cited in one form', () => {
    const loose =
      /(?<![\w/(.[-])(?:nat-model(?:\.md)?|security\.md|product\.md|design(?:\.md)?),? (?:sections? |rows? |§|#)?\d/g;
    expect(faults(texts, loose, () => true)).toEqual([]);
  });

  test('a page, by whatever name', () => {
    // Pages of others are named with their repository: `probe-lab/network-measurements`, not with a file.
    const page = /(?<![\w/.-])(?:[\w.-]+\/)*[\w-]+\.md\b/g;
    const check = ([name]: RegExpMatchArray, path: string): boolean =>
      ![name, join(dirname(path), name), join('docs', name)].some((place) => exists(normalize(place)));
    expect(faults(texts, page, check)).toEqual([]);
  });

  test('a decision', () => {
    const numbers = readdirSync(join(ROOT, 'decisions')).map((name) => Number.parseInt(name, 10));
    const check = ([, number]: RegExpMatchArray): boolean => !numbers.includes(Number(number));
    expect(faults(texts, /\b[Dd]ecisions?[ /](\d{1,4})\b/g, check)).toEqual([]);
  });

  test('a demand of the notes by its page, because S1 to S6 are classes of networks as well', () => {
    const sources = texts.filter(({ path }) => path.startsWith('src/'));
    const inCore = sources.filter(({ path }) => path.startsWith('src/core/'));
    const said = (match: RegExpMatchArray): boolean => {
      const before = match.input!.slice(match.input!.lastIndexOf('\n', match.index) + 1, match.index);
      return /docs\/seed\.md (?:S\d+(?:, |\/))*$/.test(before);
    };
    const isClass = (match: RegExpMatchArray): boolean =>
      /class|nat-model\.md/.test(match.input!.slice(match.input!.lastIndexOf('\n', match.index), match.index));
    expect(faults(sources, /\bS(?:[7-9]|[12]\d|3[01])\b/g, (match) => !said(match))).toEqual([]);
    expect(faults(inCore, /\bS[1-6]\b/g, (match) => !said(match) && !isClass(match))).toEqual([]);
    const demands = [...read('docs/seed.md').matchAll(/^\| (S\d+) /gm)].map(([, demand]) => demand);
    const cited = sources.flatMap(({ text }) =>
      [...text.matchAll(/docs\/seed\.md (S\d+)/g)].map(([, demand]) => demand),
    );
    expect(cited.filter((demand) => !demands.includes(demand))).toEqual([]);
    expect(cited.length).toBeGreaterThan(20);
  });

  test('a row of the threat table', () => {
    const rows = new Set(
      [...read('SECURITY.md').matchAll(/^\| [^|]*\(([\d, ]+)\) \|/gm)].flatMap(([, all]) => all!.split(', ')),
    );
    const check = ([, all]: RegExpMatchArray): boolean => all!.split(/, | and /).some((row) => !rows.has(row));
    expect(faults(texts, /SECURITY\.md,? rows? (\d+(?:(?:, | and )\d+)*)/g, check)).toEqual([]);
  });

  test('every file that a page names', () => {
    const bases = ['', 'src', 'src/core', 'src/master', 'src/sim', 'test'];
    const file = /(?<![\w/.*-])((?:[\w.-]+\/)*[\w-]+(?:\.(?:test|config|base))?\.(?:tsx?|mjs))\b/g;
    const check = ([, name]: RegExpMatchArray, path: string): boolean => {
      if (!name!.includes('/')) return !names.has(name!) && !exists(name!);
      return ![dirname(path), ...bases].some((base) => exists(normalize(join(base, name!))));
    };
    expect(faults(pages, file, check)).toEqual([]);
  });

  test('every folder, and every test, that a page names', () => {
    const place = /`((?:src|lab|bench|test|docs|decisions|examples)\/[\w/-]+)`/g;
    const here = (name: string): boolean =>
      [name, `${name}.test.ts`, `test/${name}.test.ts`].some(exists) || /^decisions\/\d{4}$/.test(name);
    expect(faults(pages, place, ([, name]) => !here(name!))).toEqual([]);
    const claim = /`((?:unit|property|sim|loopback|ui)\/[\w-]+)`/g;
    expect(faults(pages, claim, ([, name]) => !exists(`test/${name}.test.ts`))).toEqual([]);
  });

  test('every layer and every room has its line in the architecture', () => {
    const folders = inFolders.filter((path) => /^src\/.*\.tsx?$/.test(path)).map((path) => dirname(path));
    const rooms = new Set(folders.filter((path) => /^src\/(?:core\/.*|[^/]+)$/.test(path)));
    const architecture = read('docs/architecture.md');
    expect(
      [...rooms].filter((room) => room !== 'src/core/traverse' && !architecture.includes(`| \`${room}\` |`)),
    ).toEqual([]);
  });
});
