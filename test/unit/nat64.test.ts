import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addressText, desynthesize, nat64Prefixes, synthesize } from '../../src/core/index.ts';

/** `64:ff9b::/96`. */
function nat64Text({ bytes, bits }: ReturnType<typeof nat64Prefixes>[number]): string {
  return `${addressText(bytes)}/${bits}`;
}

/** RFC 6052 section 2.4, table 2: 192.0.2.33 in each length of 2001:db8::/32 and the like. */
const TABLE = [
  ['2001:db8::/32', '2001:db8:c000:221::'],
  ['2001:db8:100::/40', '2001:db8:1c0:2:21::'],
  ['2001:db8:122::/48', '2001:db8:122:c000:2:2100::'],
  ['2001:db8:122:300::/56', '2001:db8:122:3c0:0:221::'],
  ['2001:db8:122:344::/64', '2001:db8:122:344:c0:2:2100:0'],
  ['2001:db8:122:344::/96', '2001:db8:122:344::c000:221'],
  ['64:ff9b::/96', '64:ff9b::c000:221'],
] as const;

/** What a DNS64 with this prefix answers for ipv4only.arpa: the example's address with the known ones in its place. */
function recordsOf(text: string): readonly string[] {
  const [address = '', bits] = text.split('/');
  const groups = (tail: string): string => `${address.replace(/::$/, '')}${tail}`;
  switch (bits) {
    case '32':
      return [groups(':c000:aa::'), groups(':c000:ab::')];
    case '40':
      return ['2001:db8:1c0:0:aa::', '2001:db8:1c0:0:ab::'];
    case '48':
      return [groups(':c000:0:aa00::'), groups(':c000:0:ab00::')];
    case '56':
      return ['2001:db8:122:3c0:0:aa::', '2001:db8:122:3c0:0:ab::'];
    case '64':
      return [groups(':c0:0:aa00:0'), groups(':c0:0:ab00:0')];
    default:
      return [`${address}c000:aa`, `${address}c000:ab`];
  }
}

test.each(TABLE)('the prefix %s is found by its records, and makes the address of RFC 6052 of it', (text, made) => {
  const [prefix, ...more] = nat64Prefixes(recordsOf(text));
  expect(more).toEqual([]);
  expect(prefix === undefined ? null : nat64Text(prefix)).toBe(text);
  expect(synthesize(prefix!, '192.0.2.33')).toBe(made);
  expect(desynthesize(prefix!, made)).toBe('192.0.2.33');
});

test('what goes in through any prefix comes out again, and nothing else does', () => {
  const octet = fc.integer({ min: 1, max: 223 }).filter((one) => one !== 127);
  fc.assert(
    fc.property(fc.constantFrom(...TABLE), fc.tuple(octet, octet, octet, octet), ([text], octets) => {
      const [prefix] = nat64Prefixes(recordsOf(text));
      const address = octets.join('.');
      const made = synthesize(prefix!, address);
      if (made !== null) expect(desynthesize(prefix!, made)).toBe(address);
      expect(desynthesize(prefix!, '2001:db9::1')).toBeNull();
      expect(desynthesize(prefix!, address)).toBeNull();
    }),
  );
});

test('a record that has the address at two places is read where nothing stands behind it', () => {
  expect(nat64Prefixes(['2001:db8:122:c000:0:aa00:c000:aa']).map(nat64Text)).toEqual(['2001:db8:122:c000:0:aa00::/96']);
  expect(nat64Prefixes(['2001:db8:c000:aa::']).map(nat64Text)).toEqual(['2001:db8::/32']);
});

test('several prefixes are told in the order of the records, and records that hold no such address tell nothing', () => {
  const records = ['64:ff9b::c000:aa', '2001:db8:1::c000:aa', '64:ff9b::c000:ab', '2001:db8::1', '192.0.0.170', 'x'];
  expect(nat64Prefixes(records).map(nat64Text)).toEqual(['64:ff9b::/96', '2001:db8:1::/96']);
});

test('of a hostile answer with thousands of prefixes a few are kept', () => {
  const records = Array.from({ length: 5_000 }, (_, n) => `2001:db8:${n.toString(16)}::c000:aa`);
  expect(nat64Prefixes(records).map(nat64Text)).toEqual(
    [0, 1, 2, 3].map((n) => nat64Text(nat64Prefixes([records[n]!])[0]!)),
  );
});

test('a prefix that leads to this computer, to a neighbour or to a group is none', () => {
  for (const record of ['::ffff:192.0.0.170', '::c000:aa', 'fe80::c000:aa', 'ff02::c000:aa', '::c000:ab'])
    expect(nat64Prefixes([record])).toEqual([]);
  expect(nat64Prefixes(['fd00:64::c000:aa']).map(nat64Text)).toEqual(['fd00:64::/96']);
});

test('only what a NAT64 may translate is given to it', () => {
  const [known, own] = nat64Prefixes(['64:ff9b::c000:aa', 'fd00:64::c000:aa']);
  for (const address of ['127.0.0.1', '224.0.0.1', '255.255.255.255', '0.0.0.0', '169.254.1.1', '::1', 'host'])
    expect([synthesize(known!, address), synthesize(own!, address)]).toEqual([null, null]);
  // RFC 6052 section 3.1: the prefix for all stands for public addresses alone.
  expect(synthesize(known!, '192.168.1.5')).toBeNull();
  expect(synthesize(own!, '192.168.1.5')).toBe('fd00:64::c0a8:105');
  expect(synthesize(known!, '203.0.113.9')).toBe('64:ff9b::cb00:7109');
});
