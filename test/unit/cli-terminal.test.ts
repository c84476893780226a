import { expect, test } from 'vitest';
import { Repeated, Terminal, type TerminalOptions } from '../../src/cli/testing.ts';
import { SallyportError } from '../../src/node/index.ts';
import { HOSTILE_NAMES } from '../vectors/hostile-names.ts';

function terminal(options: Partial<TerminalOptions> = {}, tty = false, outTty = tty) {
  const text = { out: '', err: '' };
  const stream = (name: 'out' | 'err') =>
    ({
      isTTY: name === 'out' ? outTty : tty,
      columns: 80,
      write: (chunk: string) => {
        text[name] += chunk;
        return true;
      },
    }) as unknown as NodeJS.WriteStream;
  const made = new Terminal(
    { json: false, quiet: false, showIps: false, maskIps: false, color: false, ...options },
    { out: stream('out'), err: stream('err') },
  );
  return { terminal: made, text };
}

test('results go to stdout, words for people to stderr', () => {
  const { terminal: plain, text } = terminal();
  plain.fact('done', 'Game', 'is listening');
  plain.event('ready', { code: 'X' });
  plain.result('the link');
  expect(text).toEqual({ out: 'the link\n', err: '✓ Game        is listening\n' });
});

test('a person who reads both streams is not told the result twice, one who reads stdout only is told', () => {
  const both = terminal({}, true);
  both.terminal.result('the link');
  expect(both.text).toEqual({ out: '', err: '' });
  const one = terminal({}, false, true);
  one.terminal.result('the link');
  expect(one.text.out).toBe('the link\n');
});

test('with --json stdout holds one object a line, versioned and named, and nothing else', () => {
  const { terminal: json, text } = terminal({ json: true });
  json.result('not this');
  json.page('nor this');
  json.event('ready', { code: 'K7TQ9RBWXM' });
  json.failure(new SallyportError('CODE_UNKNOWN'));
  const lines = text.out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines).toMatchObject([
    { v: 1, ev: 'ready', code: 'K7TQ9RBWXM' },
    { v: 1, ev: 'error', code: 'CODE_UNKNOWN', retryable: false },
  ]);
  expect(text.out).toMatch(/^\{"v":1,"ev":"ready",/);
});

test('addresses are masked for people unless they ask, loopback is not', () => {
  const masked = terminal();
  masked.terminal.say('direct to 203.0.113.9:41822, play at 127.0.0.1:30000');
  expect(masked.text.err).toBe('direct to 203.0.113.*:41822, play at 127.0.0.1:30000\n');
  const shown = terminal({ showIps: true });
  shown.terminal.say('direct to 203.0.113.9:41822');
  expect(shown.text.err).toContain('203.0.113.9');
});

test('JSON lines are whole unless they are to be masked; links and what is public never are', () => {
  const link = 'sallyport://203.0.113.9:8430/#KEY';
  const lines = (maskIps: boolean) => {
    const { terminal: json, text } = terminal({ json: true, maskIps });
    json.event('ready', { link, profile: { external: ['198.51.100.7'], lastPort: 41_822 } });
    json.event('log', { attempt: 1, what: 'renewed', data: { address: '2001:db8:1:2::3', local: '127.0.0.1:30000' } });
    json.event('official', { address: '203.0.113.5:28960' }, 'whole');
    return text.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
  };
  expect(lines(false)).toMatchObject([
    { link, profile: { external: ['198.51.100.7'] } },
    { data: { address: '2001:db8:1:2::3' } },
    { address: '203.0.113.5:28960' },
  ]);
  expect(lines(true)).toMatchObject([
    { v: 1, ev: 'ready', link, profile: { external: ['198.51.100.*'], lastPort: 41_822 } },
    { attempt: 1, data: { address: '2001:db8:1:*', local: '127.0.0.1:30000' } },
    { address: '203.0.113.5:28960' },
  ]);
});

test('what is waited for is said when it changes, not each time it is asked', () => {
  const { terminal: plain, text } = terminal();
  const repeated = new Repeated(plain);
  for (const others of ['2 others', '2 others', 'one other'])
    repeated.say('Waiting', `The host connects ${others} first.`);
  repeated.told('Waiting', 'window again');
  repeated.say('Waiting', 'window again');
  expect(text.err.match(/Waiting.*/g)).toEqual([
    'Waiting     The host connects 2 others first.',
    'Waiting     The host connects one other first.',
  ]);
});

test('a failure says what, why and what to do, even with --quiet', () => {
  const { terminal: quiet, text } = terminal({ quiet: true });
  quiet.say('chatter');
  quiet.failure(new SallyportError('HOST_OFFLINE'));
  expect(text.err).toMatch(/^✗ The host is not online\. \(HOST_OFFLINE\)\n {2}The code is right.*\n$/);
});

test('where the true cause is known, the likely one is not told', () => {
  const { terminal: target, text } = terminal({});
  target.failure(new SallyportError('MASTER_UNREACHABLE', { detail: 'The name x.example has no address.' }));
  expect(text.err).toContain('The masterserver does not answer. The name x.example has no address.');
  expect(text.err).toContain('Check the --master link');
  expect(text.err).not.toContain('It may be down');
});

test('no control or reordering character of a name reaches a stream', () => {
  for (const name of HOSTILE_NAMES) {
    for (const json of [false, true]) {
      const { terminal: target, text } = terminal({ json, color: true });
      target.say(`${name} has joined`);
      target.fact('info', 'Name', name);
      target.status(name);
      target.event('peer', { name });
      target.result(name);
      target.page(name);
      target.failure(new SallyportError('REFUSED', { detail: name }));
      // Our own colours are the only escape sequences.
      const rest = (text.out + text.err).replace(/\p{Cc}\[(90|31|0)m(?=[·✗ ])/gu, '');
      expect(rest, JSON.stringify(name)).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    }
  }
});

test('a status line shows only to a person, is replaced, and gives way to lines', () => {
  const watched = terminal({}, true);
  watched.terminal.status('one');
  watched.terminal.say('line');
  watched.terminal.clearStatus();
  expect(watched.text.err).toBe('one\r\u001b[2Kline\none\r\u001b[2K');
  const piped = terminal();
  piped.terminal.status('one');
  expect(piped.text.err).toBe('');
});

test('links are shown whole: masking them would break what a person copies', () => {
  const { terminal: plain, text } = terminal();
  plain.say('  Link        sallyport://203.0.113.9:8430/j/CODE#KEY', 'whole');
  plain.fact('done', 'Page', 'http://203.0.113.9:8420', 'whole');
  expect(text.err).toContain('//203.0.113.9:8430/');
  expect(text.err).toContain('//203.0.113.9:8420');
});
