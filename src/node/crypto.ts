/**
 * `CryptoSuite` on node:crypto. KeyObjects are native memory that only a full garbage collection gives back (1.3 kB each), so
 * as few as possible are made: private keys are kept, the last few public ones are found again, and HMAC is two one-shot
 * hashes (5 us against 11 us for a KeyObject and a Hmac; a handshake has eighteen). Cipher keys are raw bytes: objects for each of
 * a master's sessions would be too many (`aead.ts`). Results are plain Uint8Arrays, because `slice` of a Buffer does not copy.
 */
import { createPrivateKey, createPublicKey, diffieHellman, hash, type KeyObject, randomFillSync } from 'node:crypto';
import {
  type AeadKey,
  type CryptoSuite,
  isPublicKey,
  type KeyPair,
  type MacKey,
  type PrivateKey,
} from '../core/index.ts';
import { type Aead, nodeAead, wasmAead } from './aead.ts';

/**
 * RFC 8037. Raw keys go in and out as JWK, not as DER: OpenSSL 3 finds a decoder for DER anew each time, which costs ten times
 * as much (80 us against 8 us for a public key, 350 against 37 for a private one; half a handshake was spent there).
 */
const JWK = { kty: 'OKP', crv: 'X25519' } as const;
/** Node 20 wants a public part beside a secret one, but takes only the secret and derives the rest. */
const NO_PUBLIC_PART = base64(new Uint8Array(32));
/** RFC 8410 section 7: what stands before the 32 bytes of an X25519 secret in PKCS #8. */
const PKCS8_HEAD = Buffer.from('302e020100300506032b656e04220420', 'hex');

const raw = (key: AeadKey): Uint8Array => key as unknown as Uint8Array;
const object = (key: PrivateKey): KeyObject => key as unknown as KeyObject;
const plain = (buffer: Buffer): Uint8Array => new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);

export const nodeCrypto: CryptoSuite = {
  randomBytes,
  keyPair,
  agree,
  sha256,
  macKey,
  hmac,
  aeadKey: (bytes) => bytes as unknown as AeadKey,
  seal: (key, nonce, associated, plaintext) => aead.seal(raw(key), nonce, associated, plaintext),
  open: (key, nonce, associated, sealed) => aead.open(raw(key), nonce, associated, sealed),
  sealPacket: (key, nonce, packet, head, length) => aead.sealPacket(raw(key), nonce, packet, head, length),
  openPacket: (key, nonce, packet, head) => aead.openPacket(raw(key), nonce, packet, head),
};

let aead: Aead = nodeAead;

/** Done before a process carries data or serves: from then on sealing costs a third. It works without, and where it fails. */
export async function quickenCrypto(): Promise<void> {
  if (aead !== nodeAead) return;
  try {
    aead = await wasmAead();
  } catch {
    // A Node without WebAssembly (`--jitless`): what node:crypto does is as good, only slower.
  }
}

/** Small pieces come out of a larger one, because a call costs 3 us whatever it fetches; what was given out is wiped. */
const randomPool = new Uint8Array(4096);
let randomAt = randomPool.length;

function randomBytes(length: number): Uint8Array {
  if (length > 64) return randomFillSync(new Uint8Array(length));
  if (randomAt + length > randomPool.length) {
    randomFillSync(randomPool);
    randomAt = 0;
  }
  const bytes = randomPool.slice(randomAt, randomAt + length);
  randomPool.fill(0, randomAt, randomAt + length);
  randomAt += length;
  return bytes;
}

/**
 * A fresh secret is 32 random bytes, imported. Never `generateKeyPair`: its job and the key share a mutex, which the export
 * holds; where a garbage collection falls into the export and finds the job, it waits for that mutex, for ever (seen with Node 20.20;
 * it froze a master once in some fifty thousand handshakes). Both take 47 us.
 */
function keyPair(secret: Uint8Array = randomBytes(32)): KeyPair {
  const privateKey = privateKeyOf(secret);
  const { x = '' } = createPublicKey(privateKey).export({ format: 'jwk' });
  return { publicKey: new Uint8Array(Buffer.from(x, 'base64url')), privateKey: privateKey as unknown as PrivateKey };
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
  if (!isPublicKey(publicKey)) return null;
  try {
    const secret = plain(diffieHellman({ privateKey: object(privateKey), publicKey: publicKeyOf(publicKey) }));
    return secret.some((byte) => byte !== 0) ? secret : null;
  } catch {
    // OpenSSL refuses low-order points by an exception; for us that is the answer "no key".
    return null;
  }
}

/** The public keys imported last: a handshake needs each of its two twice, and an import costs a quarter of the agreement. */
const imported = Array.from({ length: 4 }, () => ({ bytes: Buffer.alloc(0), key: null as KeyObject | null }));
let importedNext = 0;

function publicKeyOf(bytes: Uint8Array): KeyObject {
  for (const known of imported) if (known.key !== null && known.bytes.equals(bytes)) return known.key;
  const key = createPublicKey({ key: { ...JWK, x: base64(bytes) }, format: 'jwk' });
  imported[importedNext] = { bytes: Buffer.from(bytes), key };
  importedNext = (importedNext + 1) % imported.length;
  return key;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url');
}

/** What is hashed is put together here: one call for all parts costs a third of a call for each. */
let scratch = Buffer.alloc(2048);

function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  return hashed(parts[0] as Uint8Array, parts, 1);
}

/** SHA-256 of `first` and then the parts from `from` on. */
function hashed(first: Uint8Array, parts: readonly Uint8Array[], from: number): Uint8Array {
  if (parts.length === from) return plain(hash('sha256', first, 'buffer'));
  let length = first.length;
  for (let i = from; i < parts.length; i += 1) length += (parts[i] as Uint8Array).length;
  if (length > scratch.length) scratch = Buffer.alloc(2 * length);
  scratch.set(first);
  let at = first.length;
  for (let i = from; i < parts.length; i += 1) {
    scratch.set(parts[i] as Uint8Array, at);
    at += (parts[i] as Uint8Array).length;
  }
  return plain(hash('sha256', scratch.subarray(0, length), 'buffer'));
}

/** RFC 2104: the key, filled up to a block of the hash and masked, stands before what is hashed. */
interface Pads {
  readonly inner: Uint8Array;
  readonly outer: Uint8Array;
}
const BLOCK_BYTES = 64;

function macKey(bytes: Uint8Array): MacKey {
  const pads: Pads = { inner: new Uint8Array(BLOCK_BYTES).fill(0x36), outer: new Uint8Array(BLOCK_BYTES).fill(0x5c) };
  const key = bytes.length > BLOCK_BYTES ? sha256(bytes) : bytes;
  for (let i = 0; i < key.length; i += 1) {
    pads.inner[i] = 0x36 ^ (key[i] as number);
    pads.outer[i] = 0x5c ^ (key[i] as number);
  }
  return pads as unknown as MacKey;
}

function hmac(key: MacKey, ...parts: readonly Uint8Array[]): Uint8Array {
  const { inner, outer } = key as unknown as Pads;
  return hashed(outer, [hashed(inner, parts, 0)], 0);
}
