/**
 * The cryptography that core needs, injected so that core has no I/O and the simulator and the browser can bring their own.
 * `src/node` implements it on node:crypto. All calls are synchronous. Keys are opaque handles that the implementation caches,
 * because importing a raw key per packet costs more than the operation (docs/reference/security.md §3.4).
 */
import { Reader } from '../bytes.ts';

export interface PrivateKey {
  readonly opaque: 'private';
}
export interface MacKey {
  readonly opaque: 'mac';
}
export interface AeadKey {
  readonly opaque: 'aead';
}

export interface KeyPair {
  /** X25519 public key, 32 bytes. */
  readonly publicKey: Uint8Array;
  readonly privateKey: PrivateKey;
}

export interface CryptoSuite {
  /** Cryptographically strong in the wild, seeded in the simulator. */
  randomBytes(length: number): Uint8Array;
  /** X25519 key pair; from a 32-byte secret where one is given. */
  keyPair(secret?: Uint8Array): KeyPair;
  /** X25519; 32 bytes, or null where the key is none (`isPublicKey`) or the result is all zero. */
  agree(privateKey: PrivateKey, publicKey: Uint8Array): Uint8Array | null;
  /** SHA-256 of the concatenation, 32 bytes. */
  sha256(...parts: readonly Uint8Array[]): Uint8Array;
  macKey(bytes: Uint8Array): MacKey;
  /** HMAC-SHA256 of the concatenation, 32 bytes. */
  hmac(key: MacKey, ...parts: readonly Uint8Array[]): Uint8Array;
  /** ChaCha20-Poly1305 key from 32 bytes, which must stay as they are while the key is used. */
  aeadKey(bytes: Uint8Array): AeadKey;
  /** Ciphertext followed by the 16-byte tag. `nonce` is 12 bytes. */
  seal(key: AeadKey, nonce: Uint8Array, associated: Uint8Array, plaintext: Uint8Array): Uint8Array;
  /** Plaintext, or null where the tag does not match. */
  open(key: AeadKey, nonce: Uint8Array, associated: Uint8Array, sealed: Uint8Array): Uint8Array | null;
  /**
   * Seals in place: `head` bytes that stay as they are and are the associated data, then `length` bytes of plaintext, and behind them
   * room for the tag. What carries thousands of datagrams a second makes no views and copies for each.
   */
  sealPacket(key: AeadKey, nonce: Uint8Array, packet: Uint8Array, head: number, length: number): void;
  /** The plaintext of such a packet; null where the tag does not match. The packet stays as it is. */
  openPacket(key: AeadKey, nonce: Uint8Array, packet: Uint8Array, head: number): Uint8Array | null;
}

/** An unpredictable integer from 0 to 2^32 - 1. */
export function randomU32(suite: CryptoSuite): number {
  return new Reader(suite.randomBytes(4)).u32();
}
