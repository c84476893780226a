import { createHash, createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { StunSource } from '../../src/core/index.ts';
import { encodeStun, integrityMatches, parseStun, STUN_LIMITS, type StunMessage } from '../../src/core/testing.ts';

const vectors = JSON.parse(readFileSync(new URL('../vectors/rfc5769.json', import.meta.url), 'utf8'));
const bytesOf = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'));
const hmacWith = (key: Uint8Array | string) => (bytes: Uint8Array) =>
  Uint8Array.from(createHmac('sha1', key).update(bytes).digest());
const shortTerm = hmacWith(vectors.shortTermPassword);

function parsed(bytes: Uint8Array): StunMessage {
  const message = parseStun(bytes);
  if ('reject' in message) throw new Error(message.reject);
  return message;
}

/** Attributes as they stand, each a type and a value, behind a head that counts them; `fingerprintAt`: which of them is made right. */
function withAttributes(
  attributes: readonly (readonly [type: number, value: Uint8Array])[],
  fingerprintAt = -1,
): Buffer {
  const head = Buffer.alloc(20);
  head.writeUInt16BE(1, 0);
  head.writeUInt32BE(0x2112a442, 4);
  const parts = attributes.map(([type, value]) => {
    const part = Buffer.alloc(4 + value.length);
    part.writeUInt16BE(type, 0);
    part.writeUInt16BE(value.length, 2);
    part.set(value, 4);
    return part;
  });
  const bytes = Buffer.concat([head, ...parts]);
  bytes.writeUInt16BE(bytes.length - 20, 2);
  if (fingerprintAt < 0) return bytes;
  const at = 20 + parts.slice(0, fingerprintAt).reduce((sum, { length }) => sum + length, 0);
  bytes.writeUInt32BE((crc32(bytes.subarray(0, at)) ^ 0x5354554e) >>> 0, at + 4);
  return bytes;
}

const [FINGERPRINT, SOFTWARE] = [0x8028, 0x8022];

test('a fingerprint counts at the end alone: what stands behind it is protected by nothing', () => {
  const [software, fingerprint] = [
    [SOFTWARE, Buffer.from('abcd')],
    [FINGERPRINT, new Uint8Array(4)],
  ] as const;
  expect(parsed(withAttributes([software, fingerprint], 1))).toMatchObject({ software: 'abcd', fingerprint: true });
  expect(parseStun(withAttributes([fingerprint, software], 0))).toEqual({ reject: 'fingerprint' });
  expect(parseStun(withAttributes([software, fingerprint]))).toEqual({ reject: 'fingerprint' });
});

test('so many attributes are read, and a message of more is none', () => {
  const many = (count: number) => withAttributes(Array.from({ length: count }, () => [SOFTWARE, Buffer.from('abcd')]));
  expect(parsed(many(STUN_LIMITS.stunAttributesMax)).software).toBe('abcd');
  expect(parseStun(many(STUN_LIMITS.stunAttributesMax + 1))).toEqual({ reject: 'attribute' });
});

describe('RFC 5769', () => {
  test('2.1: the sample request has its software, integrity and fingerprint', () => {
    const bytes = bytesOf(vectors.request);
    const message = parsed(bytes);
    expect(message).toMatchObject({ class: 'request', method: 1, software: 'STUN test client', fingerprint: true });
    expect(Buffer.from(message.transaction).toString('hex')).toBe('b7e7a701bc34d686fa87dfae');
    expect(Buffer.from(message.username!).toString()).toBe('evtj:h6vY');
    expect(integrityMatches(bytes, message, shortTerm)).toBe(true);
    expect(integrityMatches(bytes, message, hmacWith('wrong'))).toBe(false);
  });

  test.each([
    ['2.2', 'responseV4', '192.0.2.1'],
    ['2.3', 'responseV6', '2001:db8:1234:5678:11:2233:4455:6677'],
  ])('%s: the sample response observed port 32853', (_section, name, address) => {
    const bytes = bytesOf(vectors[name]);
    const message = parsed(bytes);
    expect(message).toMatchObject({ class: 'success', software: 'test vector', xorMapped: { address, port: 32853 } });
    expect(integrityMatches(bytes, message, shortTerm)).toBe(true);
  });

  test('2.4: long-term credentials', () => {
    const bytes = bytesOf(vectors.requestLongTerm);
    const { username, realm, password } = vectors.longTerm;
    const key = createHash('md5')
      .update(Buffer.concat([Buffer.from(username, 'hex'), Buffer.from(`:${realm}:${password}`)]))
      .digest();
    const message = parsed(bytes);
    expect(message.unknownRequired).toEqual([]);
    expect(integrityMatches(bytes, message, hmacWith(key))).toBe(true);
  });
});

const port = fc.integer({ min: 0, max: 65535 });
const endpoint = fc.record({ address: fc.oneof(fc.ipV4(), fc.constant('2001:db8::9')), port });
const bytes12 = fc.uint8Array({ minLength: 12, maxLength: 12 });

test('what is encoded parses to the same', () => {
  const draft = fc.record(
    {
      class: fc.constantFrom('request', 'indication', 'success', 'error'),
      transaction: bytes12,
      mapped: endpoint,
      xorMapped: endpoint,
      responseOrigin: endpoint,
      otherAddress: endpoint,
      changeRequest: fc.record({ address: fc.boolean(), port: fc.boolean() }),
      responsePort: port,
      paddingBytes: fc.integer({ min: 0, max: 1000 }),
      software: fc.constantFrom('', 'sallyport', 'x'.repeat(50)),
      error: fc.record({ code: fc.integer({ min: 300, max: 699 }), reason: fc.constant('Unknown Attribute') }),
    },
    { requiredKeys: ['class', 'transaction'] },
  );
  fc.assert(
    fc.property(draft, fc.boolean(), fc.boolean(), (fields, fingerprint, signed) => {
      const bytes = encodeStun({ ...fields, fingerprint, ...(signed ? { integrity: shortTerm } : {}) } as never);
      const message = parsed(bytes);
      expect(message).toMatchObject({ ...fields, fingerprint });
      expect(integrityMatches(bytes, message, shortTerm)).toBe(signed);
    }),
  );
});

test('no input makes the parser throw, and one flipped bit never passes a fingerprint', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void parseStun(bytes)));
  const good = encodeStun({
    class: 'success',
    transaction: new Uint8Array(12),
    xorMapped: { address: '192.0.2.9', port: 9 },
    fingerprint: true,
  });
  for (let bit = 0; bit < good.length * 8; bit++) {
    const bad = good.slice();
    bad[bit >> 3]! ^= 1 << (bit & 7);
    const result = parseStun(bad);
    // A flip in the type of FINGERPRINT makes it another attribute: then there is none.
    if (!('reject' in result)) expect(result.fingerprint).toBe(false);
  }
});

test('too short, too long and foreign datagrams are told apart', () => {
  expect(parseStun(new Uint8Array(0))).toEqual({ reject: 'short' });
  expect(parseStun(new Uint8Array(STUN_LIMITS.stunBytesMax + 1))).toEqual({ reject: 'oversize' });
  expect(parseStun(new Uint8Array(20))).toEqual({ reject: 'not-stun' });
});

describe('a STUN server as a source', () => {
  const target = { address: '192.0.2.1', port: 3478 };
  const other = { address: '192.0.2.2', port: 3479 };
  const observed = { address: '203.0.113.9', port: 41822 };
  let counter = 0;
  const crypto = { randomBytes: (length: number) => new Uint8Array(length).fill(++counter) };
  const answerTo = (request: Uint8Array, fields = {}) =>
    encodeStun({ class: 'success', transaction: request.slice(8, 20), xorMapped: observed, ...fields });

  test('takes the answer of the asked server only', () => {
    const source = new StunSource(target, crypto);
    const answer = answerTo(source.request(0, 7, 'same'));
    expect(source.answer({ ...target, port: 3479 }, answer)).toBeNull();
    expect(source.answer({ ...target, address: '192.0.2.2' }, answer)).toBeNull();
    expect(source.answer(target, answer)).toEqual({ request: 7, observed });
  });

  test('repeats a request with the same transaction id', () => {
    const source = new StunSource(target, crypto);
    expect(source.request(9, 1, 'same')).toEqual(source.request(0, 1, 'same'));
  });

  test('can test filtering once the server has named its other address, and then wants the answer from there', () => {
    const source = new StunSource(target, crypto);
    expect(source.answersFrom).toEqual(['same']);
    source.answer(target, answerTo(source.request(0, 1, 'same'), { otherAddress: other }));
    expect(source.answersFrom).toEqual(['same', 'other-port', 'other-address']);
    const answer = answerTo(source.request(0, 2, 'other-address'));
    expect(source.answer(target, answer)).toBeNull();
    expect(source.answer(other, answer)).toEqual({ request: 2, observed });
    const portAnswer = answerTo(source.request(0, 3, 'other-port'));
    expect(source.answer({ address: target.address, port: other.port }, portAnswer)).toEqual({ request: 3, observed });
  });

  test('10^5 forged answers from the asked address are all refused', () => {
    const source = new StunSource(target, { randomBytes: () => new Uint8Array(12).fill(0xa5) });
    source.request(0, 1, 'same');
    for (let i = 0; i < 100_000; i++) {
      const transaction = new Uint8Array(12).fill(0xa5);
      new DataView(transaction.buffer).setUint32(i % 9, i);
      const forged = encodeStun({ class: 'success', transaction, xorMapped: observed });
      if (source.answer(target, forged) !== null) throw new Error(`taken: ${i}`);
    }
  });
});
