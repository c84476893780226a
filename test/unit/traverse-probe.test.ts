import fc from 'fast-check';
import { expect, test } from 'vitest';
import { WIRE_LIMITS } from '../../src/core/index.ts';
import { probeCodec } from '../../src/core/testing.ts';
import { nodeCrypto } from '../../src/node/index.ts';

const KEY = new Uint8Array(32).fill(3);
const SID = Uint8Array.from([9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
const client = probeCodec('client', SID, KEY, nodeCrypto);
const host = probeCodec('host', SID, KEY, nodeCrypto);
const probe = fc.record({ reply: fc.boolean(), nominate: fc.boolean(), seq: fc.integer({ min: 0, max: 0xffff_ffff }) });

test('what one side says the other reads, in 32 bytes', () => {
  fc.assert(
    fc.property(probe, (said) => {
      const bytes = client.encode(said);
      expect(bytes.length).toBe(WIRE_LIMITS.punchBytes);
      expect(host.decode(bytes)).toEqual(said);
    }),
  );
});

test('a probe that is reflected at its sender is not valid', () => {
  fc.assert(
    fc.property(probe, (said) => {
      expect(client.decode(client.encode(said))).toBeNull();
      expect(host.decode(host.encode(said))).toBeNull();
    }),
  );
});

test('one changed bit, another session, another key: not valid', () => {
  fc.assert(
    fc.property(probe, fc.integer({ min: 0, max: 255 }), (said, bit) => {
      const bytes = client.encode(said);
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      expect(host.decode(bytes)).toBeNull();
    }),
  );
  const bytes = client.encode({ reply: false, nominate: false, seq: 1 });
  expect(probeCodec('host', new Uint8Array(8), KEY, nodeCrypto).decode(bytes)).toBeNull();
  expect(probeCodec('host', SID, new Uint8Array(32), nodeCrypto).decode(bytes)).toBeNull();
});

test('anything else is not valid and never throws', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      expect(host.decode(bytes)).toBeNull();
    }),
  );
});
