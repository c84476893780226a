import { isIP } from 'node:net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addressBytes, addressText } from '../../src/core/index.ts';

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
