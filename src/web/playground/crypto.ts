/**
 * `CryptoSuite` for the playground, where the machines run inside a page and node:crypto does not exist (and WebCrypto is
 * asynchronous). Only the simulator uses it; nothing it makes leaves the page.
 */
import { chacha20poly1305 } from '@noble/ciphers/chacha.js';
import { x25519 } from '@noble/curves/ed25519.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import type { AeadKey, CryptoSuite, MacKey, PrivateKey } from '../../core/index.ts';

const handle = <Key>(bytes: Uint8Array): Key => bytes as unknown as Key;
const raw = (key: PrivateKey | MacKey | AeadKey): Uint8Array => key as unknown as Uint8Array;

function join(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** null where the point is of low order or the tag does not match: noble says both by an exception. */
function orNull(compute: () => Uint8Array): Uint8Array | null {
  try {
    return compute();
  } catch {
    return null;
  }
}

const seal: CryptoSuite['seal'] = (key, nonce, associated, plaintext) =>
  chacha20poly1305(raw(key), nonce, associated).encrypt(plaintext);
const open: CryptoSuite['open'] = (key, nonce, associated, sealed) =>
  orNull(() => chacha20poly1305(raw(key), nonce, associated).decrypt(sealed));

export const browserCrypto: CryptoSuite = {
  randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
  keyPair: (secret) => {
    const bytes = secret ?? crypto.getRandomValues(new Uint8Array(32));
    return { publicKey: x25519.getPublicKey(bytes), privateKey: handle<PrivateKey>(bytes) };
  },
  agree: (privateKey, publicKey) =>
    publicKey.length === 32 ? orNull(() => x25519.getSharedSecret(raw(privateKey), publicKey)) : null,
  sha256: (...parts) => sha256(join(parts)),
  macKey: (bytes) => handle<MacKey>(bytes),
  hmac: (key, ...parts) => hmac(sha256, raw(key), join(parts)),
  aeadKey: (bytes) => handle<AeadKey>(bytes),
  seal,
  open,
  sealPacket: (key, nonce, packet, head, length) =>
    packet.set(seal(key, nonce, packet.subarray(0, head), packet.subarray(head, head + length)), head),
  openPacket: (key, nonce, packet, head) => open(key, nonce, packet.subarray(0, head), packet.subarray(head)),
};
