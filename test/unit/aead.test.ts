import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fromHex, toHex, utf8Encode } from '../../src/core/index.ts';
import { nodeAead, wasmAead } from '../../src/node/testing.ts';

const wasm = await wasmAead();
const hex = (text: string): Uint8Array => fromHex(text.replaceAll(' ', '')) ?? new Uint8Array(0);

test('both ways seal the example of RFC 8439 section 2.8.2 as it stands there', () => {
  const key = Uint8Array.from({ length: 32 }, (_, i) => 0x80 + i);
  const nonce = hex('07000000 40 41 42 43 44 45 46 47');
  const associated = hex('50515253c0c1c2c3c4c5c6c7');
  const text = utf8Encode(
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
  );
  for (const aead of [nodeAead, wasm]) {
    const sealed = toHex(aead.seal(key, nonce, associated, text));
    expect(sealed.slice(0, 32)).toBe('d31a8d34648e60db7b86afbc53ef7ec2');
    expect(sealed.slice(-32)).toBe('1ae10b594f09e26a7e902ecbd0600691');
  }
});

test('what one seals the other opens, whatever its size, and neither opens what was changed', () => {
  const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
  const size = fc.oneof(fc.nat(100), fc.nat(1500), fc.constantFrom(65_507, 65_520, 65_536, 65_537, 70_000));
  fc.assert(
    fc.property(
      bytes(32),
      bytes(12),
      fc.uint8Array({ maxLength: 300 }),
      size,
      fc.nat(),
      (key, nonce, beside, n, at) => {
        const text = Uint8Array.from({ length: n }, (_, i) => i * 7 + at);
        const [left, right] = [nodeAead.seal(key, nonce, beside, text), wasm.seal(key, nonce, beside, text)];
        expect(Buffer.compare(left, right)).toBe(0);
        expect(Buffer.compare(wasm.open(key, nonce, beside, left) as Uint8Array, text)).toBe(0);
        expect(Buffer.compare(nodeAead.open(key, nonce, beside, left) as Uint8Array, text)).toBe(0);
        right[at % right.length] = (right[at % right.length] as number) ^ (1 << (at % 8));
        expect(wasm.open(key, nonce, beside, right)).toBeNull();
        expect(nodeAead.open(key, nonce, beside, right)).toBeNull();
        expect(wasm.open(key, nonce, beside, left.subarray(0, at % 16))).toBeNull();
        for (const [one, other] of [
          [nodeAead, wasm],
          [wasm, nodeAead],
        ] as const) {
          const packet = Uint8Array.from([...beside, ...text, ...new Uint8Array(16)]);
          one.sealPacket(key, nonce, packet, beside.length, n);
          expect(Buffer.compare(packet.subarray(beside.length), left)).toBe(0);
          expect(Buffer.compare(other.openPacket(key, nonce, packet, beside.length) as Uint8Array, text)).toBe(0);
          packet[at % packet.length] = (packet[at % packet.length] as number) ^ (1 << (at % 8));
          const forged = packet.slice();
          expect(other.openPacket(key, nonce, packet, beside.length)).toBeNull();
          expect(Buffer.compare(packet, forged), 'a packet that is opened stays as it is').toBe(0);
        }
      },
    ),
    { numRuns: 300 },
  );
});

test('a result is not written over by the next one', () => {
  const [key, nonce] = [new Uint8Array(32), new Uint8Array(12)];
  const first = wasm.seal(key, nonce, key, Uint8Array.of(1, 2, 3));
  const before = toHex(first);
  const opened = wasm.open(key, nonce, key, first) as Uint8Array;
  wasm.seal(key, nonce, key, new Uint8Array(100).fill(9));
  expect(toHex(first)).toBe(before);
  expect([...opened]).toEqual([1, 2, 3]);
});
