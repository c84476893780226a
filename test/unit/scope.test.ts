/** How far an address reaches, in every way that it can be written. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addressBytes, addressText, isLoopback, isPrivate, StunSource } from '../../src/core/index.ts';
import {
  type Accept,
  encodeStun,
  isLocal,
  probeSources,
  reachOf,
  type Scope,
  sameRealm,
  scopeOf,
} from '../../src/core/testing.ts';

const TABLE: readonly (readonly [string, Scope])[] = [
  // IPv4, at the edges of each range.
  ['0.0.0.0', 'reserved'],
  ['0.255.255.255', 'reserved'],
  ['1.0.0.0', 'public'],
  ['9.255.255.255', 'public'],
  ['10.0.0.0', 'private'],
  ['10.255.255.255', 'private'],
  ['100.63.255.255', 'public'],
  ['100.64.0.0', 'shared'],
  ['100.127.255.255', 'shared'],
  ['100.128.0.0', 'public'],
  ['127.0.0.1', 'loopback'],
  ['127.255.255.254', 'loopback'],
  ['169.254.169.254', 'link-local'],
  ['172.15.255.255', 'public'],
  ['172.16.0.1', 'private'],
  ['172.31.255.255', 'private'],
  ['172.32.0.0', 'public'],
  ['192.0.0.8', 'reserved'],
  ['192.0.0.171', 'reserved'],
  ['192.0.1.0', 'public'],
  ['192.88.99.1', 'reserved'],
  ['192.168.1.10', 'private'],
  ['192.169.0.0', 'public'],
  ['223.255.255.255', 'public'],
  ['224.0.0.1', 'multicast'],
  ['239.255.255.250', 'multicast'],
  ['240.0.0.1', 'reserved'],
  ['255.255.255.254', 'reserved'],
  ['255.255.255.255', 'broadcast'],
  // What a laboratory uses as its Internet.
  ['192.0.2.1', 'public'],
  ['198.51.100.7', 'public'],
  ['203.0.113.9', 'public'],
  ['198.18.0.9', 'public'],
  ['2001:db8::7', 'public'],
  ['3fff::1', 'public'],
  // IPv6.
  ['::', 'reserved'],
  ['::1', 'loopback'],
  ['0:0:0:0:0:0:0:1', 'loopback'],
  ['100::1', 'reserved'],
  ['2606:4700::1111', 'public'],
  ['2001:2::1', 'public'],
  ['2001:1::1', 'reserved'],
  ['2001:20::1', 'reserved'],
  ['4000::1', 'reserved'],
  ['5f00::1', 'reserved'],
  ['fc00::1', 'private'],
  ['fdff:ffff::1', 'private'],
  ['fe80::1', 'link-local'],
  ['fe80::1%eth0', 'link-local'],
  ['febf::1', 'link-local'],
  ['fec0::1', 'private'],
  ['ff02::1', 'multicast'],
  ['FF05::C', 'multicast'],
  // IPv4 in IPv6: mapped, compatible, translated.
  ['::ffff:127.0.0.1', 'loopback'],
  ['::ffff:7f00:1', 'loopback'],
  ['0:0:0:0:0:FFFF:7F00:0001', 'loopback'],
  ['::ffff:192.168.1.10', 'private'],
  ['::ffff:239.255.255.250', 'multicast'],
  ['::ffff:0.0.0.0', 'reserved'],
  ['::ffff:255.255.255.255', 'broadcast'],
  ['::ffff:203.0.113.9', 'public'],
  ['::127.0.0.1', 'loopback'],
  ['::10.0.0.1', 'private'],
  ['::2', 'reserved'],
  ['::ffff:0:127.0.0.1', 'loopback'],
  // NAT64, 6to4, Teredo: another computer unwraps these.
  ['64:ff9b::203.0.113.9', 'public'],
  ['64:ff9b::127.0.0.1', 'reserved'],
  ['64:ff9b::c0a8:10a', 'reserved'],
  ['64:ff9b:1::203.0.113.9', 'reserved'],
  ['2002:cb00:7109::1', 'public'],
  ['2002:7f00:1::1', 'reserved'],
  ['2002:c0a8:10a::1', 'reserved'],
  ['2002:efff:fffa::1', 'reserved'],
  ['2001:0:4136:e378:8000:63bf:34ff:8ef6', 'public'],
  ['2001:0:4136:e378:8000:63bf:80ff:fffe', 'reserved'],
  // No address at all.
  ['', 'reserved'],
  ['localhost', 'reserved'],
  ['127.1', 'reserved'],
  ['0x7f000001', 'reserved'],
  ['2130706433', 'reserved'],
  ['0177.0.0.1', 'reserved'],
  ['127.0.0.1%lo', 'reserved'],
  ['::1%lo', 'reserved'],
  ['2606:4700::1111%eth0', 'reserved'],
  ['[::1]', 'reserved'],
];

describe('scopes', () => {
  test(`${TABLE.length} addresses, each as it may be written`, () => {
    expect(TABLE.length).toBeGreaterThanOrEqual(60);
    expect(TABLE.map(([address]) => [address, scopeOf(address)])).toEqual(TABLE);
  });

  const bytes4 = fc.uint8Array({ minLength: 4, maxLength: 4 });
  const bytes16 = fc.uint8Array({ minLength: 16, maxLength: 16 });
  const text = (bytes: Uint8Array): string => addressText(bytes) as string;
  const wrapped = (prefix: string, at: number, inner: Uint8Array, mix = 0): string => {
    const bytes = addressBytes(prefix) as Uint8Array;
    bytes.set(
      inner.map((byte) => byte ^ mix),
      at,
    );
    return text(bytes);
  };

  test('every IPv4 address keeps its scope in each IPv6 form that the own system unwraps, and none but public leaves by a gateway', () => {
    fc.assert(
      fc.property(bytes4, (inner) => {
        const scope = scopeOf(text(inner));
        for (const prefix of ['::ffff:0:0', '::ffff:0:0:0'])
          expect([prefix, scopeOf(wrapped(prefix, 12, inner))]).toEqual([prefix, scope]);
        const gateways = [
          wrapped('64:ff9b::', 12, inner),
          wrapped('2002::1', 2, inner),
          wrapped('2001::', 12, inner, 0xff),
        ];
        for (const address of gateways) {
          expect([address, scopeOf(address)]).toEqual([address, scope === 'public' ? 'public' : 'reserved']);
        }
      }),
    );
  });

  test('no text throws; case and zeros change nothing; what was private or loopback before is so still', () => {
    fc.assert(fc.property(fc.string(), (value) => void scopeOf(value)));
    fc.assert(
      fc.property(fc.oneof(bytes4, bytes16), (value) => {
        const address = text(value);
        const scope = scopeOf(address);
        expect(scopeOf(address.toUpperCase())).toBe(scope);
        if (isLoopback(address)) expect(scope).toBe('loopback');
        if (isPrivate(address)) expect(isLocal(scope)).toBe(true);
      }),
    );
  });

  test('a server on the Internet sends nobody into a network, one inside may', () => {
    expect(sameRealm('198.51.100.7', '203.0.113.9')).toBe(true);
    for (const inside of ['127.0.0.1', '192.168.1.1', '100.64.0.1', '239.255.255.250', '::1', '0.0.0.0'])
      expect(sameRealm('198.51.100.7', inside), inside).toBe(false);
    expect(sameRealm('192.168.1.1', '10.0.0.1')).toBe(true);
    expect(sameRealm('192.168.1.1', '127.0.0.1')).toBe(false);
    expect(sameRealm('127.0.0.1', '127.0.0.2')).toBe(true);
  });
});

describe('servers that name more addresses of theirs', () => {
  const INSIDE = ['127.0.0.1', '192.168.1.1', '169.254.169.254', '239.255.255.250', '0.0.0.0', '255.255.255.255'];

  test('a master on the Internet is asked at its public addresses only, whatever its ACCEPT says', () => {
    const accept: Accept = {
      ...{ cid: new Uint8Array(8), pingMs: 2_000, observed: { address: '203.0.113.9', port: 1 }, controlPort: 8431 },
      ...{ firstProbePort: 53, probePorts: 2, otherAddresses: [...INSIDE, '198.51.100.8'], ticket: null },
    };
    const asked = (master: string): Set<string> =>
      new Set(probeSources(master, accept, new Uint8Array(16)).map(({ target }) => target.address));
    expect(asked('198.51.100.7')).toEqual(new Set(['198.51.100.7', '198.51.100.8']));
    expect(asked('127.0.0.2')).toEqual(new Set(['127.0.0.2', '127.0.0.1']));
  });

  test.each(INSIDE)('a public STUN server that calls %s its other address has none', (address) => {
    const target = { address: '198.51.100.9', port: 3478 };
    const answered = (other: string): number => {
      const source = new StunSource(target, { randomBytes: (count) => new Uint8Array(count).fill(1) });
      source.request(0, 1, 'same');
      const fields = { xorMapped: { address: '203.0.113.9', port: 7 }, otherAddress: { address: other, port: 3479 } };
      const bytes = encodeStun({
        class: 'success',
        transaction: new Uint8Array(12).fill(1),
        ...fields,
        fingerprint: true,
      });
      expect(source.answer(target, bytes)).not.toBeNull();
      return source.relatives().length;
    };
    expect(answered('198.51.100.10')).toBe(3);
    expect(answered(address)).toBe(0);
  });
});

describe('what a permit can reach', () => {
  const masters = [null, '198.51.100.7', '192.168.1.1', '100.64.0.1', '127.0.0.1', '::1'];

  test('multicast, broadcast, reserved: never, wherever the master is; loopback only beside the master', () => {
    for (const [address, scope] of TABLE)
      for (const master of masters) {
        const reach = reachOf(address, master);
        const onLoopback = master !== null && scopeOf(master) === 'loopback';
        if (['multicast', 'broadcast', 'reserved'].includes(scope)) expect(reach, address).toBe('never');
        if (scope === 'loopback') expect(reach, `${address} ${master}`).toBe(onLoopback ? 'few' : 'never');
        if (scope === 'public') expect(reach, address).toBe('paid');
        const inside = master !== null && scopeOf(master) !== 'public';
        if (isLocal(scope)) expect(reach, `${address} ${master}`).toBe(inside ? 'few' : 'never');
      }
  });
});
