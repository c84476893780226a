/** HKDF with SHA-256 (RFC 5869), in the two shapes we need: Noise's chaining and one named key out of a secret. */
import { EMPTY } from '../bytes.ts';
import type { CryptoSuite } from './crypto.ts';

const ONE = Uint8Array.of(1);
const TWO = Uint8Array.of(2);

/** Noise specification 4.3: two outputs of 32 bytes from the chaining key and the input. */
export function noiseHkdf(suite: CryptoSuite, chainingKey: Uint8Array, input: Uint8Array): [Uint8Array, Uint8Array] {
  const temporary = suite.macKey(suite.hmac(suite.macKey(chainingKey), input));
  const first = suite.hmac(temporary, ONE);
  return [first, suite.hmac(temporary, first, TWO)];
}

/** 32 bytes for one purpose, named by `label`; RFC 5869 with one block of output. */
export function deriveKey(
  suite: CryptoSuite,
  secret: Uint8Array,
  label: Uint8Array,
  salt: Uint8Array = EMPTY,
): Uint8Array {
  const extracted = suite.hmac(suite.macKey(salt.length === 0 ? new Uint8Array(32) : salt), secret);
  return suite.hmac(suite.macKey(extracted), label, ONE);
}
