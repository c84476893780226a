/**
 * `CryptoSuite` on node:crypto. Keys of X25519 and HMAC are imported once and kept as KeyObjects: a raw key per call costs more
 * than the operation itself (security.md 3.4). Cipher keys are not kept: a KeyObject takes 1.3 kB, twice for each of a master's
 * sessions. Up to Node 22 a raw one costs the same (4.4 us a message); from 24 on it costs 14 us, and making a KeyObject for
 * the one message only 1.8 us more than having it. Results are plain Uint8Arrays, because `slice` of a Buffer does not copy.
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
  generateKeyPairSync,
  hash,
  type KeyObject,
  randomFillSync,
} from 'node:crypto';
import type { AeadKey, CryptoSuite, KeyPair, MacKey, PrivateKey } from '../core/index.ts';

/**
 * RFC 8037. Raw keys go in and out as JWK, not as DER: OpenSSL 3 finds a decoder for DER anew each time, which costs ten times
 * as much (80 us against 8 us for a public key, 350 against 37 for a private one; half a handshake was spent there).
 */
const JWK = { kty: 'OKP', crv: 'X25519' } as const;
/** Node 20 wants a public part beside a secret one, but takes only the secret and derives the rest. */
const NO_PUBLIC_PART = base64(new Uint8Array(32));
/** RFC 8410 section 7: what stands before the 32 bytes of an X25519 secret in PKCS #8. */
const PKCS8_HEAD = Buffer.from('302e020100300506032b656e04220420', 'hex');
const CIPHER = 'chacha20-poly1305';
const TAG = { authTagLength: 16 } as const;

const handle = <Key>(key: KeyObject): Key => key as unknown as Key;
const RAW_CIPHER_KEYS = Number.parseInt(process.versions.node, 10) < 24;
const cipherKey = (key: AeadKey): Uint8Array | KeyObject => key as unknown as Uint8Array | KeyObject;
const object = (key: PrivateKey | MacKey): KeyObject => key as unknown as KeyObject;
const plain = (buffer: Buffer): Uint8Array => new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);

export const nodeCrypto: CryptoSuite = {
  randomBytes: (length) => randomFillSync(new Uint8Array(length)),
  keyPair,
  agree,
  sha256,
  macKey: (bytes) => handle<MacKey>(createSecretKey(bytes)),
  hmac,
  aeadKey: (bytes) => (RAW_CIPHER_KEYS ? bytes : createSecretKey(bytes)) as unknown as AeadKey,
  seal,
  open,
};

function keyPair(secret?: Uint8Array): KeyPair {
  const key = secret === undefined ? generateKeyPairSync('x25519').privateKey : privateKeyOf(secret);
  const { x = '' } = createPublicKey(key).export({ format: 'jwk' });
  return { publicKey: new Uint8Array(Buffer.from(x, 'base64url')), privateKey: handle<PrivateKey>(key) };
}

function privateKeyOf(secret: Uint8Array): KeyObject {
  try {
    return createPrivateKey({ key: { ...JWK, x: NO_PUBLIC_PART, d: base64(secret) }, format: 'jwk' });
  } catch {
    // Node 26 compares the two parts; it takes the secret alone only in the slower form.
    return createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, secret]), format: 'der', type: 'pkcs8' });
  }
}

function agree(privateKey: PrivateKey, publicKey: Uint8Array): Uint8Array | null {
  if (publicKey.length !== 32) return null;
  try {
    const key = createPublicKey({ key: { ...JWK, x: base64(publicKey) }, format: 'jwk' });
    const secret = plain(diffieHellman({ privateKey: object(privateKey), publicKey: key }));
    return secret.some((byte) => byte !== 0) ? secret : null;
  } catch {
    // OpenSSL refuses low-order points by an exception; for us that is the answer "no key".
    return null;
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url');
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
  const cipher = createCipheriv(CIPHER, cipherKey(key), nonce, TAG);
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
  const decipher = createDecipheriv(CIPHER, cipherKey(key), nonce, TAG);
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
