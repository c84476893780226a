import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { linkText } from '../../src/agent/index.ts';
import {
  CODE_DERIVATION,
  formatHostLink,
  formatMasterLink,
  hostIdOf,
  normalizeCode,
  parseHostLink,
  parseMasterLink,
} from '../../src/core/index.ts';
import { deriveCode, nodeCrypto } from '../../src/node/index.ts';
import { publicKey } from './rendezvous-arbitraries.ts';

const KEY = 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8';

describe('links', () => {
  test('a link comes back as it was written, for IPv4, IPv6 and names', () => {
    const host = fc.constantFrom('198.51.100.7', '2001:db8::7', 'master.example.org');
    fc.assert(
      fc.property(
        host,
        fc.integer({ min: 1, max: 65535 }),
        publicKey,
        fc.option(publicKey, { nil: null }),
        fc.record(
          {
            udp: fc.integer({ min: 1, max: 65535 }),
            tls: fc.record({ host, port: fc.constantFrom(443, 1, 8443, 65535) }),
          },
          { requiredKeys: [] },
        ),
        (h, port, key, hostKey, ways) => {
          const master = { host: h, port, key, ...ways };
          expect(parseMasterLink(formatMasterLink(master))).toEqual(master);
          const link = { master, code: 'K7TQ9RBWXM', hostKey };
          expect(parseHostLink(formatHostLink(link))).toEqual(link);
        },
      ),
    );
  });

  test('names further ways after "?": another UDP port, and HTTPS at 443 where no port is written', () => {
    const of = (query: string) => parseMasterLink(`sallyport://198.51.100.7/${query}#${KEY}`);
    const plain = { host: '198.51.100.7', port: 8430 };
    expect(of('?udp=443&tls=Ms.Example.org')).toMatchObject({
      ...plain,
      ...{ udp: 443, tls: { host: 'ms.example.org', port: 443 } },
    });
    expect(of('?tls=[2001:DB8::7]:8443')).toMatchObject({ tls: { host: '2001:db8::7', port: 8443 } });
    // What a later version writes there, or says twice, takes nothing away.
    expect(of('?new=1&udp=53&udp=x&tls=a.example&tls=b.example&')).toMatchObject({
      ...{ udp: 53, tls: { host: 'a.example', port: 443 } },
    });
    expect(of('?')).toEqual(of(''));
    const host = parseHostLink(`sallyport://a.example/j/K7TQ9RBWXM?udp=443#${KEY}.${KEY}`);
    expect(host).toMatchObject({ code: 'K7TQ9RBWXM', master: { udp: 443 } });
  });

  test('reads what people make of a link: blanks, case, a missing port, an IPv6 literal', () => {
    expect(parseMasterLink(`  SALLYPORT://Master.Example.org/#${KEY}\n`)).toMatchObject({
      host: 'master.example.org',
      port: 8430,
    });
    expect(parseMasterLink(`sallyport://[2001:DB8:0::7]:9/#${KEY}`)).toMatchObject({ host: '2001:db8::7', port: 9 });
    expect(parseHostLink(`sallyport://10.0.0.1/j/k7tq9-rbwxm#${KEY}`)).toMatchObject({
      code: 'K7TQ9RBWXM',
      hostKey: null,
    });
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
    [`sallyport://a.example/?udp=0#${KEY}`, '"udp=0" after "?"'],
    [`sallyport://a.example/?udp=70000#${KEY}`, '"udp=70000" after "?"'],
    [`sallyport://a.example/?udp=#${KEY}`, '"udp=" after "?"'],
    [`sallyport://a.example/?tls=#${KEY}`, '"tls=" after "?"'],
    [`sallyport://a.example/?tls=https://a.example#${KEY}`, 'after "?"'],
    [`sallyport://a.example/?tls=a.example/x#${KEY}`, 'after "?"'],
    [`sallyport://a.example/?tls=user@a.example#${KEY}`, 'after "?"'],
    [`sallyport://a.example/?tls=a.example:0#${KEY}`, 'after "?"'],
    [`sallyport://a.example/j/K7TQ9RBWXM#${KEY}`, 'link to a host'],
    [`sallyport://a.example/#${KEY}.${KEY}`, 'more keys'],
  ])('%s is refused with a reason', (link, reason) => {
    const parsed = parseMasterLink(link);
    expect('problem' in parsed && linkText(parsed)).toContain(reason);
  });

  test('a host link needs a well-formed code', () => {
    for (const path of ['', '/', '/j/', '/j/K7TQ9RBWH', '/j/K7TQ9RBWHA', '/x/K7TQ9RBWXM']) {
      expect(parseHostLink(`sallyport://a.example${path}#${KEY}`), path).toHaveProperty('problem');
    }
  });
});

test('a code comes from the key alone, takes a derivation to make, and has none of the symbols people mistake', async () => {
  const key = nodeCrypto.keyPair(new Uint8Array(32).fill(7)).publicKey;
  const code = (await deriveCode(key)) as string;
  expect(code).toBe('7C8HPLWHD8');
  expect(code).toMatch(/^[6789BCDFGHJKLMNPQRTWX]{10}$/);
  expect(await deriveCode(key)).toBe(code);
  expect(await deriveCode(nodeCrypto.keyPair(new Uint8Array(32).fill(8)).publicKey)).not.toBe(code);
  // 32 MiB, so that whoever grinds for a code pays for memory (decisions/0016).
  expect(128 * CODE_DERIVATION.N * CODE_DERIVATION.r).toBeGreaterThanOrEqual(32 * 2 ** 20);
  expect(normalizeCode(` ${code.slice(0, 5).toLowerCase()}-${code.slice(5)} `)).toBe(code);
  for (const bad of ['', 'K7TQ9RBWH', 'K7TQ9RBX', 'K7TQ9RBWXMM', 'K7TQ9RBWHA', 'K7TQ9RBWH0', 'K7TQ9_RBWXM'])
    expect(normalizeCode(bad), bad).toBeNull();
  expect(hostIdOf(nodeCrypto, key)).toMatch(/^[a-z2-7]{26}$/);
});
