import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  codeOf,
  formatHostLink,
  formatMasterLink,
  hostIdOf,
  normalizeCode,
  parseHostLink,
  parseMasterLink,
} from '../../src/core/index.ts';
import { nodeCrypto } from '../../src/node/crypto.ts';
import { bytes } from './rendezvous-arbitraries.ts';

const KEY = 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8';

describe('links', () => {
  test('a link comes back as it was written, for IPv4, IPv6 and names', () => {
    const host = fc.constantFrom('198.51.100.7', '2001:db8::7', 'master.example.org');
    fc.assert(
      fc.property(
        host,
        fc.integer({ min: 1, max: 65535 }),
        bytes(32),
        fc.option(bytes(32), { nil: null }),
        (h, port, key, hostKey) => {
          const master = { host: h, port, key };
          expect(parseMasterLink(formatMasterLink(master))).toEqual(master);
          const link = { master, code: 'K7TQ9RBW', hostKey };
          expect(parseHostLink(formatHostLink(link))).toEqual(link);
        },
      ),
    );
  });

  test('reads what people make of a link: blanks, case, a missing port, an IPv6 literal', () => {
    expect(parseMasterLink(`  SALLYPORT://Master.Example.org/#${KEY}\n`)).toMatchObject({
      host: 'master.example.org',
      port: 8430,
    });
    expect(parseMasterLink(`sallyport://[2001:DB8:0::7]:9/#${KEY}`)).toMatchObject({ host: '2001:db8::7', port: 9 });
    expect(parseHostLink(`sallyport://10.0.0.1/j/k7tq-9rbw#${KEY}`)).toMatchObject({ code: 'K7TQ9RBW', hostKey: null });
  });

  test.each([
    ['http://198.51.100.7/', 'begin with sallyport://'],
    ['sallyport://198.51.100.7:8430/', 'no key after "#"'],
    ['sallyport://198.51.100.7:8430/#', 'no key after "#"'],
    [`sallyport://198.51.100.7:8430/#${KEY.slice(1)}`, 'incomplete or mistyped key'],
    [`sallyport://198.51.100.7:8430/#${KEY}x`, 'incomplete or mistyped key'],
    [`sallyport://198.51.100.7:0/#${KEY}`, 'port 0'],
    [`sallyport://198.51.100.7:70000/#${KEY}`, 'port 70000'],
    [`sallyport://300.1.1.1/#${KEY}`, 'malformed address "300.1.1.1"'],
    [`sallyport://[zz::1]/#${KEY}`, 'malformed address'],
    [`sallyport://2001:db8::1/#${KEY}`, 'not in [brackets]'],
    [`sallyport:///#${KEY}`, 'no address'],
    [`sallyport://a.example/j/K7TQ9RBW#${KEY}`, 'link to a host'],
    [`sallyport://a.example/#${KEY}.${KEY}`, 'two keys'],
  ])('%s is refused with a reason', (link, reason) => {
    const parsed = parseMasterLink(link);
    expect('problem' in parsed && parsed.problem).toContain(reason);
  });

  test('a host link needs a well-formed code', () => {
    for (const path of ['', '/', '/j/', '/j/K7TQ9RB', '/j/K7TQ9RBA', '/x/K7TQ9RBW']) {
      expect(parseHostLink(`sallyport://a.example${path}#${KEY}`), path).toHaveProperty('problem');
    }
  });
});

test('a code depends on the key and the attempt only, and has none of the symbols people mistake', () => {
  const key = nodeCrypto.keyPair(new Uint8Array(32).fill(7)).publicKey;
  const code = codeOf(nodeCrypto, key, 0);
  expect(code).toMatch(/^[6789BCDFGHJKLMNPQRTW]{8}$/);
  expect(codeOf(nodeCrypto, key, 0)).toBe(code);
  expect(codeOf(nodeCrypto, key, 1)).not.toBe(code);
  expect(normalizeCode(` ${code.slice(0, 4).toLowerCase()}-${code.slice(4)} `)).toBe(code);
  for (const bad of ['', 'K7TQ9RB', 'K7TQ9RBWW', 'K7TQ9RBA', 'K7TQ9RB0', 'K7TQ_9RBW'])
    expect(normalizeCode(bad), bad).toBeNull();
  expect(hostIdOf(nodeCrypto, key)).toMatch(/^[a-z2-7]{26}$/);
});
