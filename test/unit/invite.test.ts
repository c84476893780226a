import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  formatInvite,
  formatMasterLink,
  fromBase64Url,
  isPublicKey,
  type MasterLink,
  pageOrigin,
  parseJoinTarget,
  toBase64Url,
} from '../../src/core/index.ts';

const KEY = 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8';
const HOST_KEY = 'EBESExQVFhcYGRobHB0eHwABAgMEBQYHCAkKCwwNDg8';
const key = fromBase64Url(KEY) as Uint8Array;
const hostKey = fromBase64Url(HOST_KEY) as Uint8Array;
const code = 'K7TQ9RBWXM';
const PAGE = 'https://ms.example.org';

const named: MasterLink = { host: 'ms.example.org', port: 8430, key };

test('an invitation is one address that a browser opens, and says everything a sallyport link says', () => {
  const invite = formatInvite({ master: named, code, hostKey }, PAGE);
  expect(invite).toBe(`${PAGE}/j/${code}#${KEY}.${HOST_KEY}`);
  expect(parseJoinTarget(invite)).toEqual({ code, hostKey, master: formatMasterLink(named), page: PAGE });
});

test('only what differs from the place of the page is written', () => {
  const master = { ...named, host: '198.51.100.7', port: 9000, udp: 443, tls: { host: 'ms.example.org', port: 443 } };
  expect(formatInvite({ master, code, hostKey }, PAGE)).toBe(
    `${PAGE}/j/${code}#${KEY}.${HOST_KEY}&at=198.51.100.7:9000&udp=443&tls`,
  );
  const elsewhere = { ...named, tls: { host: 'proxy.example.org', port: 8443 } };
  expect(formatInvite({ master: elsewhere, code, hostKey }, PAGE)).toContain('&tls=proxy.example.org:8443');
});

test('a master without a page has sallyport links, and so has whoever is told a page that is none', () => {
  for (const page of ['', 'javascript:alert(1)', 'https://ms.example.org/evil', 'https://a@b', 'https://', 'ftp://x'])
    expect(formatInvite({ master: named, code, hostKey }, page)).toMatch(/^sallyport:\/\/ms\.example\.org:8430\/j\//);
});

test('whatever master and page: what is written is read back', () => {
  const port = fc.integer({ min: 1, max: 65_535 });
  const host = fc.constantFrom('ms.example.org', '198.51.100.7', '2001:db8::7', 'localhost');
  const place = fc.record({ host, port });
  const anyKey = fc
    .uint8Array({ minLength: 32, maxLength: 32 })
    .filter((bytes) => isPublicKey(bytes) && isPublicKey(fromBase64Url(toBase64Url(bytes)) ?? bytes));
  const page = fc
    .tuple(
      fc.constantFrom('https', 'http'),
      fc.constantFrom('ms.example.org', '[2001:db8::7]:8443', '198.51.100.7:8420'),
    )
    .map(([scheme, at]) => `${scheme}://${at}`);
  const options = fc.record({ udp: port, tls: place }, { requiredKeys: [] });
  fc.assert(
    fc.property(place, options, anyKey, anyKey, page, ({ host, port }, ways, master, guest, web) => {
      const link = { host, port, key: master, ...ways };
      const invite = formatInvite({ master: link, code, hostKey: guest }, web);
      const target = parseJoinTarget(`Come and play: ${invite} tonight`);
      expect(target).toEqual({ code, hostKey: guest, master: formatMasterLink(link), page: web });
    }),
  );
});

describe('what chats make of it:', () => {
  const invite = formatInvite({ master: named, code, hostKey }, PAGE);
  const whole = { code, hostKey, master: formatMasterLink(named), page: PAGE };
  test.each([
    ['a message around it', `Ana invites you!\n${invite}\nSee you at 8.`],
    ['angle brackets', `<${invite}>`],
    ['Markdown', `[join](${invite})`],
    ['a parameter that follows the click', invite.replace('#', '?utm_source=chat&fbclid=x#')],
    ['an upper-case scheme', invite.replace('https', 'HTTPS')],
    ['the other link beside it', `${invite} or ${formatInvite({ master: named, code, hostKey }, '')}`],
  ])('%s', (_, text) => expect(parseJoinTarget(text)).toEqual(whole));

  test.each([
    ['cut within the second key', invite.slice(0, -3)],
    ['cut within the first', invite.slice(0, invite.indexOf('.', 40) - 3)],
    ['three keys', `${invite}.${KEY}`],
    ['another path before it', invite.replace('/j/', '/x/j/')],
    ['a user before the name', invite.replace('ms.', 'user@ms.')],
    ['an address that is none', `${invite}&at=1.2.3`],
    ['a port that is none', `${invite}&udp=0`],
  ])('%s: refused, never half used', (_, text) => expect(parseJoinTarget(text)).toBeNull());
});

test('a page has one spelling', () => {
  expect(pageOrigin('HTTPS://MS.Example.org:443')).toBe(PAGE);
  expect(pageOrigin('http://[2001:DB8:0::7]:80')).toBe('http://[2001:db8::7]');
  expect(pageOrigin('https://ms.example.org/')).toBe('');
});
