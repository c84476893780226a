/**
 * ChaCha20-Poly1305 in two ways that give the same bytes. node:crypto makes a cipher object for each message, which costs more than the
 * message (6 to 10 us); libsodium as WebAssembly has one call (1 to 3.6 us) and needs no native part. decisions/0041 has the figures.
 * The second is loaded once a process is to carry data or to serve; without WebAssembly (`node --jitless`) the first one stays.
 */
import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto';

export interface Aead {
  seal(key: Uint8Array, nonce: Uint8Array, associated: Uint8Array, plaintext: Uint8Array): Uint8Array;
  open(key: Uint8Array, nonce: Uint8Array, associated: Uint8Array, sealed: Uint8Array): Uint8Array | null;
}

const CIPHER = 'chacha20-poly1305';
const TAG = { authTagLength: 16 } as const;
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
/** A header, or the hash of a handshake. */
const ASSOCIATED_BYTES_MAX = 256;
/** More than UDP carries. */
const MESSAGE_BYTES_MAX = 65_536;

/** From Node 24 on a raw key costs 14 us, and to make an object of it for one message 1.8 us more than to have one. */
const RAW_KEYS = Number.parseInt(process.versions.node, 10) < 24;
const cipherKey = (key: Uint8Array): Uint8Array | KeyObject => (RAW_KEYS ? key : createSecretKey(key));

export const nodeAead: Aead = {
  seal(key, nonce, associated, plaintext) {
    const cipher = createCipheriv(CIPHER, cipherKey(key), nonce, TAG);
    cipher.setAAD(associated, { plaintextLength: plaintext.length });
    const sealed = new Uint8Array(plaintext.length + TAG.authTagLength);
    sealed.set(cipher.update(plaintext));
    cipher.final();
    sealed.set(cipher.getAuthTag(), plaintext.length);
    return sealed;
  },
  open(key, nonce, associated, sealed) {
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
    // No Buffer, whose `slice` does not copy.
    return new Uint8Array(plaintext.buffer, plaintext.byteOffset, plaintext.length);
  },
};

/** Works in place in one piece of the module's memory, which never grows after that: no view of it becomes stale. */
export async function wasmAead(): Promise<Aead> {
  const { default: load } = await import('libsodium');
  const sodium = await load();
  const keyAt = sodium._malloc(KEY_BYTES);
  const nonceAt = sodium._malloc(NONCE_BYTES);
  const associatedAt = sodium._malloc(ASSOCIATED_BYTES_MAX);
  const at = sodium._malloc(MESSAGE_BYTES_MAX + TAG.authTagLength);
  const heap = sodium.HEAPU8;
  const fits = (associated: Uint8Array, message: Uint8Array): boolean =>
    associated.length <= ASSOCIATED_BYTES_MAX && message.length <= MESSAGE_BYTES_MAX;
  const lay = (key: Uint8Array, nonce: Uint8Array, associated: Uint8Array, message: Uint8Array): void => {
    heap.set(key, keyAt);
    heap.set(nonce, nonceAt);
    heap.set(associated, associatedAt);
    heap.set(message, at);
  };
  return {
    seal(key, nonce, associated, plaintext) {
      if (!fits(associated, plaintext)) return nodeAead.seal(key, nonce, associated, plaintext);
      const { length } = plaintext;
      lay(key, nonce, associated, plaintext);
      const { length: beside } = associated;
      sodium._crypto_aead_chacha20poly1305_ietf_encrypt(
        at,
        0,
        at,
        length,
        0,
        associatedAt,
        beside,
        0,
        0,
        nonceAt,
        keyAt,
      );
      return heap.slice(at, at + length + TAG.authTagLength);
    },
    open(key, nonce, associated, sealed) {
      if (!fits(associated, sealed)) return nodeAead.open(key, nonce, associated, sealed);
      const { length } = sealed;
      if (length < TAG.authTagLength) return null;
      lay(key, nonce, associated, sealed);
      const { length: beside } = associated;
      const wrong = sodium._crypto_aead_chacha20poly1305_ietf_decrypt(
        ...([at, 0, 0, at, length, 0, associatedAt, beside, 0, nonceAt, keyAt] as const),
      );
      return wrong === 0 ? heap.slice(at, at + length - TAG.authTagLength) : null;
    },
  };
}
