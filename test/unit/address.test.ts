import { isIP } from 'node:net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addressBytes, addressText, isLoopback, isPrivate } from '../../src/core/index.ts';

test.each([
  ['::', '::'],
  ['::1', '::1'],
  ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ['::ffff:192.0.2.1', '::ffff:c000:201'],
  ['203.0.113.9', '203.0.113.9'],
])('%s is written %s (RFC 5952)', (text, canonical) => {
  expect(addressText(addressBytes(text)!)).toBe(canonical);
});

test.each([
  '',
  '1.2.3',
  '1.2.3.4.5',
  '01.2.3.4',
  '256.0.0.1',
  ':::',
  '1::2::3',
  '1:2:3:4:5:6:7',
  '::g',
  'fe80::1%eth0',
])('%j is no address', (text) => expect(addressBytes(text)).toBeNull());

test('any 4 or 16 bytes survive the round trip and what node:net calls an address is taken', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
  );
  fc.assert(fc.property(bytes, (value) => void expect(addressBytes(addressText(value)!)).toEqual(value)));
  const text = fc.oneof(fc.ipV4(), fc.ipV6(), fc.string());
  fc.assert(
    fc.property(text, (value) => {
      if (!value.includes('%')) expect(addressBytes(value) !== null).toBe(isIP(value) !== 0);
    }),
  );
});

test.each([
  ['RFC 1918', ['10.0.0.0', '10.255.255.255'], ['9.255.255.255', '11.0.0.0']],
  ['RFC 1918', ['172.16.0.0', '172.31.255.255'], ['172.15.255.255', '172.32.0.0']],
  ['RFC 1918', ['192.168.0.0', '192.168.255.255'], ['192.167.255.255', '192.169.0.0']],
  ['RFC 6598', ['100.64.0.0', '100.127.255.255'], ['100.63.255.255', '100.128.0.0']],
  ['RFC 3927', ['169.254.0.0', '169.254.255.255'], ['169.253.255.255', '169.255.0.0']],
  ['RFC 4193', ['fc00::', 'fdff:ffff::1'], ['fbff::1', 'fe00::1', 'fd::1']],
  ['RFC 4291', ['fe80::', 'febf:ffff::1', 'fec0::1'], ['fe7f::1', 'ff02::1', '2001:db8::1', '::ffff:192.0.2.1']],
])('%s: an address inside is private, the ones beside it are not', (_rfc, inside, beside) => {
  expect(inside.filter((address) => !isPrivate(address))).toEqual([]);
  expect(beside.filter(isPrivate)).toEqual([]);
});

test('loopback is no address of a LAN, and neither is what is no address', () => {
  for (const address of ['127.0.0.1', '127.255.255.255', '::1']) {
    expect([address, isPrivate(address), isLoopback(address)]).toEqual([address, false, true]);
  }
  for (const text of ['', 'nonsense', '10.0.0', 'fe80::1%eth0']) expect(isPrivate(text), text).toBe(false);
});
