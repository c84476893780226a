import fc from 'fast-check';
import { expect, test } from 'vitest';
import { equalBytes, fromBase64Url, fromHex, toBase32, toBase64Url, toHex, utf8Encode } from '../../src/core/index.ts';
import { concat, Reader, utf8Decode, Writer } from '../../src/core/testing.ts';

const bytes = fc.uint8Array({ maxLength: 64 });

test('UTF-8 equals the platform both ways, malformed input included', () => {
  const strict = (input: Uint8Array) => {
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(input);
    } catch {
      return null;
    }
  };
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), bytes, (text, raw) => {
      expect(toHex(utf8Encode(text))).toBe(Buffer.from(text, 'utf8').toString('hex'));
      expect(utf8Decode(raw)).toBe(strict(raw));
      expect(utf8Decode(utf8Encode(text))).toBe(strict(Buffer.from(text)));
    }),
    { numRuns: 2000 },
  );
  for (const bad of ['c080', 'eda080', 'f4908080', 'e282', 'f8888080', '80']) {
    expect(utf8Decode(fromHex(bad) ?? new Uint8Array(0)), bad).toBeNull();
  }
});

test('text is cut at a character, never inside one', () => {
  expect(utf8Decode(utf8Encode('aä€😀', 6))).toBe('aä€');
  expect(new Reader(new Writer(20).text8('ääää', 5).done()).text8()).toBe('ää');
});

test('hex, base 32 and base 64 for URLs equal the platform and reject what is foreign', () => {
  fc.assert(
    fc.property(bytes, (raw) => {
      expect(toHex(raw)).toBe(Buffer.from(raw).toString('hex'));
      expect(fromHex(toHex(raw))).toEqual(raw);
      expect(toBase64Url(raw)).toBe(Buffer.from(raw).toString('base64url'));
      expect(fromBase64Url(toBase64Url(raw))).toEqual(raw);
    }),
  );
  // RFC 4648 section 10, without padding.
  expect(toBase32(utf8Encode('foobar'))).toBe('mzxw6ytboi');
  expect(toBase32(utf8Encode('fooba'))).toBe('mzxw6ytb');
  expect(toBase32(utf8Encode('f'))).toBe('my');
  for (const bad of ['a', 'ab$d', 'AB', 'A']) expect(fromBase64Url(bad), bad).toBeNull();
  expect(fromHex('abc')).toBeNull();
  expect(fromHex('zz')).toBeNull();
});

test('a reader never reads past the end, never throws, and stays failed', () => {
  const reads = fc.array(fc.constantFrom('u8', 'u16', 'u32', 'u64', 'i16', 'blob8', 'blob16', 'text8', 'rest'));
  fc.assert(
    fc.property(bytes, reads, (raw, calls) => {
      const reader = new Reader(raw);
      for (const call of calls) {
        const failed = !reader.ok;
        const value = reader[call as 'u8']() as unknown;
        if (failed) expect(value === 0 || value === '' || (value as Uint8Array).length === 0).toBe(true);
        expect(reader.offset).toBeLessThanOrEqual(raw.length);
      }
    }),
  );
});

test('what a writer wrote a reader reads', () => {
  const wrote = new Writer(64)
    .u8(7)
    .u16(65535)
    .u32(4294967295)
    .u64(2 ** 53 - 1)
    .i16(-2)
    .blob8(Uint8Array.of(1))
    .text8('ä');
  const reader = new Reader(wrote.done());
  expect([reader.u8(), reader.u16(), reader.u32(), reader.u64(), reader.i16()]).toEqual([
    7,
    65535,
    4294967295,
    2 ** 53 - 1,
    -2,
  ]);
  expect([reader.blob8(), reader.text8(), reader.ok, reader.left]).toEqual([Uint8Array.of(1), 'ä', true, 0]);
  expect(() => new Writer(1).u16(1)).toThrow('fits its buffer');
});

test('bytes compare and join by content', () => {
  const joined = concat(Uint8Array.of(1), new Uint8Array(0), Uint8Array.of(2, 3));
  expect(equalBytes(joined, Uint8Array.of(1, 2, 3))).toBe(true);
  expect(equalBytes(joined, Uint8Array.of(1, 2, 4))).toBe(false);
  expect(equalBytes(joined, Uint8Array.of(1, 2))).toBe(false);
});
