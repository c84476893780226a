/** The catalogue of the command as a contract: everything that a person reads is in it, with its places, and nothing else is. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseSync } from 'vite';
import { afterEach, describe, expect, test } from 'vitest';
import {
  BUILT_IN,
  COMMANDS,
  commandHelp,
  failureWords,
  helpText,
  isAsciiOnly,
  LANGUAGES,
  languageOf,
  nearestWord,
  SHELL_NEXT,
  SHELL_WHAT,
  speak,
  t,
  told,
} from '../../src/cli/testing.ts';
import { CATALOGUES, type Catalogue } from '../../src/languages/index.ts';
import { FAILURES, SallyportError, usage } from '../../src/node/index.ts';
import { nodesOf, type SyntaxNode } from './syntax.ts';

const SRC = fileURLToPath(new URL('../../src', import.meta.url));
const sentences: Readonly<Record<string, string>> = CATALOGUES.de as Catalogue;

function sourcesOf(
  folder: string,
): readonly { readonly path: string; readonly text: string; readonly program: SyntaxNode }[] {
  return readdirSync(join(SRC, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !/words\/[a-z]{2}\.ts$/.test(file))
    .map((file) => {
      const text = readFileSync(join(SRC, folder, file), 'utf8');
      return { path: `${folder}/${file}`, text, program: parseSync(file, text).program as unknown as SyntaxNode };
    });
}

const command = sourcesOf('cli');
const placesIn = (text: string): readonly string[] =>
  [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => String(name)).sort();
const calleeOf = ({ callee }: SyntaxNode): string => {
  const { name, property } = callee as { readonly name?: string; readonly property?: { readonly name?: string } };
  return name ?? property?.name ?? '';
};

afterEach(() => speak('en'));

test('each sentence has its German one, with the same places', () => {
  for (const [english, german] of Object.entries(sentences)) {
    expect(german.trim(), english).not.toBe('');
    expect([...new Set(placesIn(german))], english).toEqual([...new Set(placesIn(english))]);
  }
});

test('what tables hold is in the catalogue: help, failures, and what is told at a shell', () => {
  const help = Object.values({ ...COMMANDS, ...BUILT_IN }).flatMap(({ summary, flags, examples }) => [
    summary,
    ...Object.values(flags).map(({ about }) => about),
    ...examples.flatMap((example) => example.split(/ {3,}/)[1] ?? []),
  ]);
  const failures = Object.entries(FAILURES).flatMap(([code, { what, why, next }]) => [
    SHELL_WHAT[code as keyof typeof FAILURES] ?? what,
    why,
    SHELL_NEXT[code as keyof typeof FAILURES] ?? next,
  ]);
  const missing = [...help, ...failures].filter((text) => !Object.hasOwn(sentences, text));
  expect(missing).toEqual([]);
});

test('a person reads nothing that did not go through the catalogue', () => {
  const PEOPLE = new Set(['fact', 'say', 'page', 'status', 'lines', 'usage']);
  const raw = command.flatMap(({ path, text, program }) =>
    [...nodesOf(program)]
      .filter((node) => node.type === 'CallExpression' && PEOPLE.has(calleeOf(node)))
      // The head of a fact is a sentence by its type.
      .map((call) => (call.arguments as readonly SyntaxNode[]).slice(calleeOf(call) === 'fact' ? 2 : 0))
      .flatMap((values) => rawTextsIn(values, text).map((found) => `${path}: ${found}`)),
  );
  expect(raw).toEqual([]);
});

/** Names of flags and commands are the same in every language. */
const UNTRANSLATED = /sallyport|systemctl|--[a-z]/;

/** Texts with words in them that no call of the catalogue is around. */
function rawTextsIn(values: readonly SyntaxNode[], source: string): readonly string[] {
  const found: string[] = [];
  const look = (value: unknown): void => {
    if (Array.isArray(value)) {
      for (const item of value) look(item);
      return;
    }
    if (value === null || typeof value !== 'object') return;
    const node = value as SyntaxNode;
    if (node.type === 'CallExpression') {
      const said = { t: Infinity, tMaybe: Infinity, told: Infinity, line: 1 }[calleeOf(node)] ?? 0;
      look((node.arguments as readonly SyntaxNode[]).slice(said));
      return;
    }
    if (node.type === 'ArrowFunctionExpression' || node.type === 'MemberExpression') return;
    const { value: text } = node as { readonly value?: unknown };
    const written =
      node.type === 'TemplateElement'
        ? (text as { readonly cooked: string }).cooked
        : node.type === 'Literal'
          ? text
          : '';
    if (typeof written === 'string' && /[a-z]{2,} [a-z]{2,}/i.test(written) && !UNTRANSLATED.test(written)) {
      found.push(source.slice(node.start, node.end));
      return;
    }
    for (const child of Object.values(node)) look(child);
  };
  look(values.filter(({ type }) => type !== undefined));
  return found;
}

/** What the layers below say of options and files: in English, as they know of no person. */
const LAYERS_BELOW = ['agent', 'node', 'master'];
/** Said to programs alone. */
const FOR_DEVELOPERS =
  /This agent|askGame needs|host\(\) takes|relay is|Streams are opened|is no socket of node|master is missing|linkMaster: |of this computer7/;

test('what the layers below say of options is found in the catalogue, whatever stands in its places', async () => {
  const texts = LAYERS_BELOW.flatMap(sourcesOf).flatMap(({ program }) =>
    [...nodesOf(program)]
      .filter((node) => node.type === 'CallExpression' && calleeOf(node) === 'usage')
      .flatMap((node) => {
        const [first] = node.arguments as readonly SyntaxNode[];
        if (first?.type === 'Literal') return [String(first.value)];
        if (first?.type !== 'TemplateLiteral') return [];
        const quasis = first.quasis as readonly { readonly value: { readonly cooked: string } }[];
        return [quasis.map(({ value }) => value.cooked).join('7')];
      }),
  );
  expect(texts.length).toBeGreaterThan(30);
  speak('de');
  const english = texts.filter((text) => !FOR_DEVELOPERS.test(text) && told(text) === text);
  expect(english).toEqual([]);
});

/** What the judge of a store and its mender say, beside what changes with the time of the newest row. */
const OF_A_STORE = ['records-judge.ts', 'records.ts', 'store-care.ts'].map((file) => `master/${file}`);
const WITH_TIMES = /what was written7 may be missing|the file just written is damaged|^7: 7\.$/;

test('what is told of the store of a masterserver is found in the catalogue, also several sentences and counts', async () => {
  const said = sourcesOf('master')
    .filter(({ path }) => OF_A_STORE.includes(path))
    .flatMap(({ program }) => [...nodesOf(program)])
    .flatMap((node): readonly string[] => {
      if (node.type === 'Literal' && typeof node.value === 'string') return [node.value];
      if (node.type !== 'TemplateLiteral') return [];
      const quasis = node.quasis as readonly { readonly value: { readonly cooked: string } }[];
      return [quasis.map(({ value }) => value.cooked).join('7')];
    })
    .filter((text) => /[a-z]{2,} [a-z]{2,}.*\.$/.test(text) && !WITH_TIMES.test(text));
  expect(said.length).toBeGreaterThan(12);
  speak('de');
  expect(said.filter((text) => told(text) === text)).toEqual([]);
  const at = '2026-11-29T08:00:00Z';
  const since = ['', ` after ${at}`];
  const ends = ['.', ', though no ban, token or key.'];
  const written = since.flatMap((when) => [
    ...['damaged', 'missing'].map((state) => `Its mark is ${state}: what was written${when} may be missing.`),
    ...ends.map((end) => `The computer stopped without warning: what was written${when} may be missing${end}`),
  ]);
  expect(written.filter((text) => told(text) === text)).toEqual([]);
  const stopped = `The computer stopped without warning: what was written after ${at} may be missing`;
  expect(told(`The store master.db: Its mark is damaged: what was written after ${at} may be missing.`)).toBe(
    `Der Speicher master.db: Seine Marke ist beschädigt: Was nach ${at} geschrieben wurde, fehlt vielleicht.`,
  );
  expect(told(`3 of 9 bans can't be read. ${stopped}, though no ban, token or key.`)).toMatch(
    /^Von 9 Stück sind 3 nicht lesbar: Sperren\. Der Rechner .* kein Schlüssel\.$/,
  );
  expect(told(`${stopped}.`)).toContain('Der Rechner');
  expect(told("3 bans, 1 join code, 2 settings (admin's token, ticket keys)")).toBe(
    '3 Sperren, 1 Beitrittscode, 2 Einstellungen (Token, Schlüssel der Tickets)',
  );
});

describe('a language', () => {
  test('is the one asked for, else that of the system, else English', () => {
    expect(LANGUAGES).toEqual(['en', 'de']);
    expect(languageOf(undefined, { LANG: 'de_DE.UTF-8' })).toBe('de');
    expect(languageOf(undefined, { LC_ALL: 'en_GB', LANG: 'de_DE.UTF-8' })).toBe('en');
    expect(languageOf(undefined, { LC_MESSAGES: 'de_AT', LANG: 'fr_FR' })).toBe('de');
    expect(languageOf(undefined, { LANG: 'fr_FR.UTF-8' })).toBe('en');
    expect(languageOf('de', { LANG: 'C' })).toBe('de');
    expect(languageOf(undefined, {})).toBe('en');
  });

  test('fills its places, and has failures with the true cause and the flag that helps', async () => {
    const failure = usage('--relay-at takes NAME,REGION,ADDRESS:PORT, like far,eu,198.51.100.9:8455, not "x".');
    expect(failureWords(failure, 'master').message).toContain('The command line is not right. --relay-at takes');
    expect(failureWords(failure, 'master').hint).toBe('See "sallyport help master".');
    expect(failureWords(new SallyportError('PASSWORD')).hint).toContain('--password-file');
    speak('de');
    expect(t('seen by the game as {address}', { address: '127.77.0.2' })).toBe('das Spiel sieht 127.77.0.2');
    expect(failureWords(failure, 'master').message).toContain('Die Befehlszeile stimmt nicht. --relay-at nimmt');
    expect(failureWords(failure, 'master').message).toContain('nicht „x“');
    expect(helpText()).toContain('Freunde an Spielserver lassen');
    expect(commandHelp('host', COMMANDS.host as never)).toContain('der Name, den Freunde sehen');
  });

  test('is written in ASCII where the terminal takes nothing else', () => {
    for (const env of [{ LC_ALL: 'C' }, { LANG: 'POSIX' }, { LC_CTYPE: 'de_DE', LANG: 'de_DE.UTF-8' }])
      expect(isAsciiOnly(env)).toBe(true);
    for (const env of [{}, { LANG: 'C.UTF-8' }, { LANG: 'de_DE.utf8' }, { LC_ALL: '', LANG: 'en_US.UTF-8' }])
      expect(isAsciiOnly(env)).toBe(false);
  });
});

test('failures speak to developers in the library: no flag of a shell, no command', () => {
  const texts = Object.values(FAILURES).flatMap(({ what, why, next }) => [what, why, next]);
  expect(texts.filter((text) => /--|sallyport [a-z]+"|command line/.test(text))).toEqual([]);
});

test.each([
  ['hots', 'host'],
  ['jion', 'join'],
  ['chek', 'check'],
  ['lsit', 'list'],
  ['mastr', 'master'],
  ['frobnicate', null],
])('"%s" is taken for %s', (typed, meant) => {
  expect(nearestWord(typed, Object.keys(COMMANDS))).toBe(meant);
});
