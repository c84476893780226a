import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  codeFault,
  fromBase64Url,
  LIMITS,
  maskAddress,
  maskText,
  parseJoinTarget,
  parseMasterLink,
  showCode,
  toBase64Url,
} from '../../src/core/index.ts';
import { namingMask } from '../../src/core/testing.ts';

const KEY = 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8';
const key = fromBase64Url(KEY) as Uint8Array;

const master = `sallyport://198.51.100.7:8430/#${KEY}`;

test('a code may be typed in any case, with dashes and spaces, and is shown 5-5', () => {
  for (const text of ['K7TQ9RBWXM', 'k7tq9-rbwxm', ' k7tq9 rbwxm ', 'K-7-T-Q-9-R-B-W-X-M']) {
    expect(parseJoinTarget(text)).toEqual({ code: 'K7TQ9RBWXM', hostKey: null, master: null, page: null });
  }
  expect(showCode('K7TQ9RBWXM')).toBe('K7TQ9-RBWXM');
});

test('every form of a join link is understood', () => {
  const whole = { code: 'K7TQ9RBWXM', hostKey: key, master: null, page: null };
  const page = 'https://ms.example.org';
  expect(parseJoinTarget(`sallyport://join/K7TQ9RBWXM#${KEY}`)).toEqual(whole);
  expect(parseJoinTarget(`sallyport://198.51.100.7:8430/j/K7TQ9RBWXM#${KEY}.${KEY}`)).toEqual({ ...whole, master });
  expect(parseJoinTarget(`sallyport://198.51.100.7:8430/j/K7TQ9RBWXM#${KEY}`)).toEqual({
    ...whole,
    hostKey: null,
    master,
  });
  expect(parseJoinTarget(`https://ms.example.org/j/K7TQ9-RBWXM#${KEY}`)).toEqual({ ...whole, page });
  expect(parseJoinTarget('https://ms.example.org/j/k7tq9-rbwxm')).toEqual({ ...whole, hostKey: null, page });
});

describe('what people paste:', () => {
  const code = { code: 'K7TQ9RBWXM', hostKey: null, master: null, page: null };
  const HOST = `sallyport://198.51.100.7:8430/j/K7TQ9RBWXM#${KEY}.${KEY}`;

  test.each([
    ['typographic dashes', 'K7TQ9\u2013RBWXM'],
    ['a minus sign', 'K7TQ9\u2212RBWXM'],
    ['a hyphen that does not break', 'K7TQ9\u2011RBWXM'],
    ['full-width letters', 'Ｋ７ＴＱ９－ＲＢＷＸＭ'],
    ['a zero-width space', 'K7TQ9\u200b-RBWXM\u200b'],
    ['marks of direction', '\u202aK7TQ9-RBWXM\u202c\u200f'],
    ['a byte order mark and a soft hyphen', '\ufeffK7TQ9\u00adRBWXM'],
    ['typographic quotes', '\u201eK7TQ9-RBWXM\u201c'],
    ['guillemets', '\u00abK7TQ9-RBWXM\u00bb'],
    ['angle brackets', '<K7TQ9-RBWXM>'],
    ['Markdown', '**`K7TQ9-RBWXM`**'],
    ['a full stop', 'K7TQ9-RBWXM.'],
    ['a word before it', 'Code: K7TQ9-RBWXM'],
    ['a sentence around it', 'Hi! My code is k7tq9-rbwxm, see you at 8.'],
    ['a sentence around it, with a space in it', 'join me (K7TQ9 RBWXM) now'],
    ['a space that does not break', 'K7TQ9\u00a0RBWXM'],
    ['the code twice', 'K7TQ9-RBWXM or K7TQ9RBWXM'],
    ['lines', 'sallyport\r\n\r\nK7TQ9-RBWXM\r\n'],
    ['a line that ends in it', 'K7TQ9-\nRBWXM'],
    ['the marks of a quoted mail, and a line that ends in it', 'On Friday Ana wrote:\n> come in: K7TQ9-\n> RBWXM\n'],
    ['Cyrillic letters that look alike', 'К7ТQ9-RВWХМ'],
    ['small Cyrillic letters', 'к7тq9-rвwхм'],
    ['Greek letters that look alike', 'Κ7ΤQ9-RΒWΧΜ'],
    ['Arabic figures, from right to left', '\u202bK٧TQ٩-RBWXM\u202c'],
    ['Persian figures', 'K۷TQ۹-RBWXM'],
    ['emoji beside it', '🎮K7TQ9-RBWXM🎮'],
    ['figures of emoji', 'K7\ufe0f\u20e3TQ9\ufe0f\u20e3-RBWXM'],
    ['a space between any two symbols, in a sentence', 'Code: K 7 T Q 9 - R B W X M, at eight'],
    ['a dash of its own between its halves, in a sentence', 'my code: K7TQ9 - RBWXM'],
    ['a form’s encoding', 'code%3A+K7TQ9%2DRBWXM'],
    ['another’s link beside it', 'Voice is https://discord.gg/abcdef, code K7TQ9-RBWXM'],
  ])('a code with %s', (_, text) => expect(parseJoinTarget(text)).toEqual(code));

  test.each([
    ['angle brackets', `<${HOST}>`],
    ['a full stop', `${HOST}.`],
    ['brackets and a sentence', `Join my game (${HOST}), please.`],
    ['a line before it', `Ana's world\n${HOST}\n`],
    ['Markdown', `[join](${HOST})`],
    ['quotes', `\u201c${HOST}\u201d`],
    ['a zero-width space at its end', `${HOST}\u200b`],
    ['an upper-case scheme', HOST.replace('sallyport', 'Sallyport')],
    ['another link before it', `https://example.org/ and ${HOST}`],
    ['itself as its words in Markdown', `[${HOST}](${HOST})`],
    ['the form that a chat gives it', `<${HOST}|${HOST}>`],
    ['HTML', `<a href="${HOST}">Join</a>`],
    ['emoji behind it', `${HOST}🎮`],
    ['words behind it without a space', `快来${HOST}一起玩`],
    ['every sign encoded', encodeURIComponent(HOST)],
    ['its last sign encoded', HOST.replace('#', '%23')],
    ['a page before it that counts clicks', `https://out.example/?url=${encodeURIComponent(HOST)}&data=05%7C01`],
    [
      'two such pages before it',
      `https://a.example/?u=${encodeURIComponent(`https://b.example/?u=${encodeURIComponent(HOST)}&c=1`)}`,
    ],
    ['a mail’s line that ends in it', `Come in:\n${HOST.slice(0, 76)}\n${HOST.slice(76)}\nSee you`],
    ['a quoted mail’s lines', `> ${HOST.slice(0, 40)}\r\n> ${HOST.slice(40, 80)}\r\n> ${HOST.slice(80)}\r\n> Ana`],
    ['a line that ends at the dot', HOST.replace('.AAE', '.\nAAE')],
    ['a line that ends before the keys', HOST.replace('#', '\n#')],
  ])('a link with %s', (_, text) => expect(parseJoinTarget(text)).toEqual({ ...code, hostKey: key, master }));

  test('a link is read out of so many lines and pages, and of no more', () => {
    const lines = (count: number): string => {
      const size = Math.ceil(HOST.length / count);
      return Array.from({ length: count }, (_, i) => HOST.slice(i * size, (i + 1) * size)).join('\n');
    };
    const within = (pages: number): string =>
      pages === 0 ? HOST : `https://out.example/?url=${encodeURIComponent(within(pages - 1))}`;
    const { pastedLineEndsMax, pastedEncodedMax } = LIMITS;
    for (const text of [lines(pastedLineEndsMax + 1), within(pastedEncodedMax)])
      expect(parseJoinTarget(text)).toEqual({ ...code, hostKey: key, master });
    for (const text of [lines(pastedLineEndsMax + 2), within(pastedEncodedMax + 1)])
      expect(parseJoinTarget(text)).toBeNull();
  });

  test('keys that begin and end with what is punctuation elsewhere stay whole', () => {
    const odd = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(toBase64Url);
    fc.assert(
      fc.property(odd, (hostKey) => {
        const target = parseJoinTarget(`sallyport://join/K7TQ9RBWXM#${hostKey}`);
        if (target !== null) expect(target.hostKey).toEqual(fromBase64Url(hostKey));
      }),
    );
    expect(parseJoinTarget(`sallyport://join/K7TQ9RBWXM#${'_'.repeat(42)}w`)).toBeNull();
  });

  test('two different codes are none, because nobody knows which is meant', () => {
    expect(parseJoinTarget('K7TQ9-RBWXM or K7TQ9-RBWXN?')).toBeNull();
    expect(parseJoinTarget('Code: K 7 T Q 9 R B W X M D')).toBeNull();
  });

  test('the link of a master likewise', () => {
    for (const text of [
      ...[`<${master}>`, `\u201e${master}\u201c`, `My server: ${master}.`, `${master}\u200b`],
      ...[encodeURIComponent(master), `[${master}](${master})`, `${master.slice(0, 50)}\n${master.slice(50)}`],
    ])
      expect(parseMasterLink(text)).toMatchObject({ host: '198.51.100.7', port: 8430, key });
  });

  test('what is no code is told from one that nobody has, and why', () => {
    expect(codeFault('K7TQ9-RBWX')).toEqual({ because: 'code-malformed', symbols: 9, foreign: '' });
    expect(codeFault('K7TQ9-RBWX0')).toEqual({ because: 'code-malformed', symbols: 10, foreign: '0' });
    expect(codeFault('К7ТQ9-RВWХЖ')).toEqual({ because: 'code-malformed', symbols: 10, foreign: 'Ж' });
    expect(codeFault('')).toEqual({ because: 'code-malformed', symbols: 0, foreign: '' });
  });
});

test('a link that is not whole is refused, never half used', () => {
  for (const text of [
    '',
    'K7TQ9RBWH',
    'K7TQ9RBWHA',
    'https://ms.example.org/',
    `sallyport://join/K7TQ9RBWH#${KEY}`,
    'sallyport://join/K7TQ9RBWXM#short',
    `sallyport://198.51.100.7:8430/j/K7TQ9RBWXM#${KEY}.short`,
    `sallyport://198.51.100.7:8430/j/K7TQ9RBWXM#${KEY}.${KEY}.${KEY}`,
    `ftp://ms.example.org/j/K7TQ9RBWXM#${KEY}`,
    `https://ms.example.org/ j/K7TQ9RBWXM#${KEY}`,
    `https://ms.example.org/j/K7TQ9RBWXM#${KEY}.${KEY.slice(0, 30)}\nSee you, ${KEY}`,
    `sallyport://198.51.100.7:8430/j/K7TQ9RBWXM#${KEY}.short K7TQ9-RBWXM`,
  ])
    expect(parseJoinTarget(text), text).toBeNull();
});

test('addresses are masked, loopback and everything else stays', () => {
  expect(maskAddress('203.0.113.9')).toBe('203.0.113.*');
  expect(maskAddress('2001:db8:1:2::3')).toBe('2001:db8:1:*');
  expect(maskAddress('not an address')).toBe('not an address');
  expect(maskText('from 203.0.113.9:41822 and [2001:db8::7]:8430 to 127.0.0.1:30000, at 14:02:11, version 1.2.3')).toBe(
    'from 203.0.113.*:41822 and [2001:db8:0:*]:8430 to 127.0.0.1:30000, at 14:02:11, version 1.2.3',
  );
  expect(maskText('::ffff:203.0.113.9 and fe80::1 and ::1')).not.toContain('113.9');
  expect(maskText('127.77.0.2 ::1')).toBe('127.77.0.2 ::1');
});

test('no address survives masking, wherever it stands in a text', () => {
  const byte = fc.integer({ min: 1, max: 255 });
  const ipv4 = fc.tuple(fc.integer({ min: 128, max: 223 }), byte, byte, byte).map((bytes) => bytes.join('.'));
  const ipv6 = fc
    .array(fc.integer({ min: 1, max: 0xffff }), { minLength: 8, maxLength: 8 })
    .map((groups) => groups.map((group) => group.toString(16)).join(':'));
  const before = fc.constantFrom(' ', '"', '(', '[', ',', ' → ', '=', '<', '\n', '. ');
  const after = fc.constantFrom('', ' ', '"', ')', ']:80', ',', ' → ', '>', '\n', '. ', '/24');
  fc.assert(
    fc.property(before, fc.oneof(ipv4, ipv6), after, (left, address, right) => {
      expect(maskText(`seen${left}${address}${right}`)).not.toContain(address);
    }),
  );
});

test('a mask that names: the same address has the same name in every text, loopback and what is no address stay', () => {
  const mask = namingMask();
  expect(maskText('203.0.113.9:1 and [2001:db8::7]:2, then 203.0.113.9:3', mask)).toBe(
    'peer-B:1 and [peer-A]:2, then peer-B:3',
  );
  expect(maskText('127.0.0.1:30000 at 14:02:11, 1.2.3', mask)).toBe('127.0.0.1:30000 at 14:02:11, 1.2.3');
});
