/**
 * No text from outside keeps this computer busy: every regular expression of the source, found by parsing it, takes a number of steps
 * in proportion to the length of its text, on the worst 64 kB that can be made for it. Counted in steps of a backtracking matcher
 * (`regexp-steps.ts`), because seconds differ from machine to machine. All of them, not only those that read foreign text today:
 * then nobody has to know which.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { type Profiler, Session } from 'node:inspector';
import fc from 'fast-check';
import { parseSync } from 'vite';
import { afterAll, describe, expect, test } from 'vitest';
import { Expression } from './regexp-steps.ts';
import { nodesOf, type SyntaxNode } from './syntax.ts';

const SOURCES = new URL('../../src/', import.meta.url);
const TEXT_BYTES = 65_536;
/** So many for each character: bounded repetitions such as `{0,61}` need a hundred; what grows with the text needs thousands. */
const STEPS_PER_CHARACTER_MAX = 300;
/** Texts are chosen at these lengths. */
const SHORT = 64;
const LONGER = 2_048;
const TRIED = 12;

const sources = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })
  .filter((path) => /\.tsx?$/.test(path))
  .map((path) => ({
    path,
    nodes: [...nodesOf(parseSync(path, readFileSync(new URL(path, SOURCES), 'utf8')).program)],
  }));

const literals = sources.flatMap(({ path, nodes }) =>
  nodes.flatMap(({ regex }) => {
    if (regex === undefined || regex === null) return [];
    const { pattern, flags } = regex as { readonly pattern: string; readonly flags: string };
    return [{ name: `${path}: /${pattern}/${flags}`, expression: new RegExp(pattern, flags) }];
  }),
);

/** The most steps for one character that were found: chosen among short texts, then among longer ones, then at full length. */
function worst(expression: RegExp): number {
  const counting = new Expression(expression);
  const steps = (text: string): number => counting.run(text, STEPS_PER_CHARACTER_MAX * text.length).steps / text.length;
  const most = (texts: readonly ((length: number) => string)[], length: number, count: number) =>
    texts
      .map((text) => ({ text, steps: steps(text(length)) }))
      .sort((left, right) => right.steps - left.steps)
      .slice(0, count)
      .map(({ text }) => text);
  const [worstText] = most(most([...counting.texts()], SHORT, TRIED), LONGER, 1);
  return worstText === undefined ? 0 : steps(worstText(TEXT_BYTES));
}

describe('every regular expression of the source', () => {
  test('is a literal, so that this test sees it', () => {
    expect(literals.length).toBeGreaterThan(50);
    const made = sources.flatMap(({ path, nodes }) =>
      nodes
        .filter(({ callee }) => (callee as SyntaxNode | undefined)?.name === 'RegExp')
        .map(({ start }) => `${path}:${start}`),
    );
    expect(made).toEqual([]);
  });

  test('takes steps in proportion to its worst text', () => {
    const slow = literals.filter(({ expression }) => worst(expression) >= STEPS_PER_CHARACTER_MAX);
    expect(slow.map(({ name }) => name)).toEqual([]);
  }, 300_000);
});

describe('the count', () => {
  test.each([
    /<service>([\s\S]*?)<\/service>/g,
    /^\s*gateway:\s*(\d+\.\d+\.\d+\.\d+)\s*$/m,
    /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+|\n/g,
    /^(a+)+$/,
    /\s+$/,
    /(\w+\s?)*;/,
    /x*x*y/,
  ])('sees %s', (expression) => {
    expect(worst(expression)).toBeGreaterThanOrEqual(STEPS_PER_CHARACTER_MAX);
  });

  test('is that of a matcher that finds what V8 finds', () => {
    const extra = [/(a|ab)(c|bcd)*?(d*)/, /(?:a*)*b/, /\bx{2,3}?y?/m, /(?<![a-c])b(?!c)|(?=c)/];
    for (const expression of [...literals.map((one) => one.expression), ...extra]) {
      const counting = new Expression(expression);
      const parts = [...new Set([...counting.texts()].map((text) => text(3)))];
      const global = new RegExp(expression.source, `${expression.flags.replace('g', '')}g`);
      const text = fc.array(fc.constantFrom(...parts), { maxLength: 4 }).map((chosen) => chosen.join(''));
      fc.assert(
        fc.property(text, (input) => {
          const found = [...input.matchAll(global)].map((match) => [match.index, match[0].length]);
          expect(counting.run(input).found).toEqual(found);
        }),
        { numRuns: 20 },
      );
    }
  });
});

/**
 * What is written by hand is counted by V8 itself: how often each block of our files is entered. Built-in functions are not, but those
 * that the parsers use (`indexOf`, `split`, `slice`) walk a text once.
 */
describe('every parser of foreign text', () => {
  const session = new Session();
  session.connect();
  session.post('Profiler.enable');
  session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  afterAll(() => session.disconnect());

  function blocks(run: () => void): number {
    const taken = (): Profiler.ScriptCoverage[] => {
      let result: Profiler.ScriptCoverage[] = [];
      session.post('Profiler.takePreciseCoverage', (_error, answer) => {
        result = answer.result;
      });
      return result;
    };
    taken();
    run();
    const ours = taken().filter(({ url }) => url.includes('/src/'));
    const ranges = ours.flatMap(({ functions }) => functions.flatMap((one) => one.ranges));
    return ranges.reduce((sum, { count }) => sum + count, 0);
  }

  const repeated = (text: string) => (length: number) => text.repeat(Math.ceil(length / text.length));
  const location = new URL('http://192.168.1.1/');
  const KEY = `CQ${'A'.repeat(41)}`;

  test('each parser takes steps in proportion to the text', async () => {
    // Loaded only now, because V8 counts in what is compiled from here on.
    const upnp = await import('../../src/node/upnp.ts?counted' as '../../src/node/upnp.ts');
    const gateway = await import('../../src/node/gateway.ts?counted' as '../../src/node/gateway.ts');
    const core = await import('../../src/core/index.ts?counted' as '../../src/core/index.ts');
    const json = await import('../../src/master/json-lines.ts?counted' as '../../src/master/json-lines.ts');
    const lan = await import('../../src/agent/lan.ts?counted' as '../../src/agent/lan.ts');
    const parsers: Readonly<Record<string, (text: string) => unknown>> = {
      'the description of a router': (text) => upnp.serviceOf(text, location),
      'the fault of a router': (text) => upnp.soapErrorOf(text),
      'the answer to a search': (text) => upnp.locationOf(`HTTP/1.1 200 OK\r\n${text}`, '192.168.1.1'),
      'the routes of Linux': (text) => gateway.parseProcRoute(text),
      'the routes of ip': (text) => gateway.parseIpRoute(text),
      'the routes of a BSD': (text) => gateway.parseRouteGet(text),
      'the routes of Windows': (text) => gateway.parseRoutePrint(text),
      'an announcement in the LAN': (text) => lan.parseAnnouncement(`sallyport-lan 1 ${text}`, { address: '10.0.0.1' }),
      'a link to a master': (text) => core.parseMasterLink(`sallyport://${text}`),
      'the key of a link': (text) => core.parseMasterLink(`sallyport://host/#${text}`),
      'a link to a host': (text) => core.parseHostLink(`sallyport://host/j/${text}#${KEY}`),
      'a code': (text) => core.normalizeCode(text),
      'an address': (text) => core.addressBytes(text),
      'a name': (text) => core.cleanText(text, 64),
      'a text to mask': (text) => core.maskText(text),
      'a base64url': (text) => core.fromBase64Url(text),
      'a list of official servers': (text) => json.parseLocated(text),
    };
    const pieces = [
      '<',
      '>',
      '<a',
      '<a>',
      '</a>',
      '<service>',
      '<service><serviceType>',
      '<!--',
      '<![CDATA[',
      '&',
      '&amp;',
    ];
    pieces.push(
      '"',
      "<a b='",
      ' ',
      '\n',
      '\r\n',
      'location:',
      'a',
      '0',
      '1.',
      ':',
      '::',
      '/',
      '#',
      '[',
      ']',
      '.',
      '[[',
      '{"a":',
      '\\"',
    );
    pieces.push(
      'eth0 00000000 0101A8C0 0003 0 0 0 00000000\n',
      '0.0.0.0 0.0.0.0 10.0.0.1 x 1\n',
      'default via ',
      'gateway: ',
    );
    pieces.push('10.0.0.1 ', '2001:db8::1 ', '\u0301', 'é', '-', 'A', '\ud83d\ude00', '<errorCode>');
    for (const [what, parse] of Object.entries(parsers)) {
      for (const piece of pieces) {
        const text = repeated(piece);
        const [short, long] = [8_192, TEXT_BYTES].map((length) => blocks(() => parse(text(length)))) as [
          number,
          number,
        ];
        expect(long, `${what} of ${JSON.stringify(piece)}`).toBeLessThan(12 * short + 2_000);
      }
    }
    const xml = repeated('<a>x</a>');
    expect(blocks(() => upnp.serviceOf(xml(TEXT_BYTES), location))).toBeGreaterThan(TEXT_BYTES / 8);
  }, 300_000);
});
