/**
 * `CryptoSuite` on node:crypto. Keys are imported once and kept as KeyObjects: a raw key per call costs more than the
 * operation itself (security.md 3.4). Results are plain Uint8Arrays, because `slice` of a Buffer does not copy.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  diffieHellman,
  hash,
  type KeyObject,
  randomFillSync,
} from 'node:crypto';
import type { AeadKey, CryptoSuite, KeyPair, MacKey, PrivateKey } from '../core/index.ts';

/** RFC 8410: the fixed DER around a raw X25519 key. */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b656e04220420', 'hex');
const SPKI_PREFIX = Buffer.from('302a300506032b656e032100', 'hex');
const CIPHER = 'chacha20-poly1305';
const TAG = { authTagLength: 16 } as const;

const handle = <Key>(key: KeyObject): Key => key as unknown as Key;
const object = (key: PrivateKey | MacKey | AeadKey): KeyObject => key as unknown as KeyObject;
const plain = (buffer: Buffer): Uint8Array => new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);

export const nodeCrypto: CryptoSuite = {
  randomBytes: (length) => randomFillSync(new Uint8Array(length)),
  keyPair,
  agree,
  sha256,
  macKey: (bytes) => handle<MacKey>(createSecretKey(bytes)),
  hmac,
  aeadKey: (bytes) => handle<AeadKey>(createSecretKey(bytes)),
  seal,
  open,
};

function keyPair(secret?: Uint8Array): KeyPair {
  const raw = secret ?? randomFillSync(new Uint8Array(32));
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, raw]), format: 'der', type: 'pkcs8' });
  const der = createPublicKey(key).export({ format: 'der', type: 'spki' });
  return { publicKey: new Uint8Array(der.subarray(SPKI_PREFIX.length)), privateKey: handle<PrivateKey>(key) };
}

function agree(privateKey: PrivateKey, publicKey: Uint8Array): Uint8Array | null {
  if (publicKey.length !== 32) return null;
  try {
    const key = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, publicKey]), format: 'der', type: 'spki' });
    const secret = plain(diffieHellman({ privateKey: object(privateKey), publicKey: key }));
    return secret.some((byte) => byte !== 0) ? secret : null;
  } catch {
    // OpenSSL refuses low-order points by an exception; for us that is the answer "no key".
    return null;
  }
}

function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return plain(hash('sha256', parts[0] as Uint8Array, 'buffer'));
  const digest = createHash('sha256');
  for (const part of parts) digest.update(part);
  return plain(digest.digest());
}

function hmac(key: MacKey, ...parts: readonly Uint8Array[]): Uint8Array {
  const mac = createHmac('sha256', object(key));
  for (const part of parts) mac.update(part);
  return plain(mac.digest());
}

function seal(key: AeadKey, nonce: Uint8Array, associated: Uint8Array, plaintext: Uint8Array): Uint8Array {
  const cipher = createCipheriv(CIPHER, object(key), nonce, TAG);
  cipher.setAAD(associated, { plaintextLength: plaintext.length });
  const sealed = new Uint8Array(plaintext.length + TAG.authTagLength);
  sealed.set(cipher.update(plaintext));
  cipher.final();
  sealed.set(cipher.getAuthTag(), plaintext.length);
  return sealed;
}

function open(key: AeadKey, nonce: Uint8Array, associated: Uint8Array, sealed: Uint8Array): Uint8Array | null {
  const length = sealed.length - TAG.authTagLength;
  if (length < 0) return null;
  const decipher = createDecipheriv(CIPHER, object(key), nonce, TAG);
  decipher.setAAD(associated, { plaintextLength: length });
  decipher.setAuthTag(sealed.subarray(length));
  const plaintext = decipher.update(sealed.subarray(0, length));
  try {
    decipher.final();
  } catch {
    return null;
  }
  return plain(plaintext);
}
