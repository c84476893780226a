/**
 * ChaCha20-Poly1305 in two ways that give the same bytes. node:crypto makes a cipher object for each message, which costs more than the
 * message (6 to 10 us); libsodium as WebAssembly has one call (1 to 3.6 us) and needs no native part. decisions/0041 has the figures.
 * The second is loaded once a process is to carry data or to serve; without WebAssembly (`node --jitless`) the first one stays.
 */
import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto';

/** The calls of `CryptoSuite`, with keys as bytes. */
export interface Aead {
  seal(key: Uint8Array, nonce: Uint8Array, associated: Uint8Array, plaintext: Uint8Array): Uint8Array;
  open(key: Uint8Array, nonce: Uint8Array, associated: Uint8Array, sealed: Uint8Array): Uint8Array | null;
  sealPacket(key: Uint8Array, nonce: Uint8Array, packet: Uint8Array, head: number, length: number): void;
  openPacket(key: Uint8Array, nonce: Uint8Array, packet: Uint8Array, head: number): Uint8Array | null;
}

const CIPHER = 'chacha20-poly1305';
const TAG = { authTagLength: 16 } as const;
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = TAG.authTagLength;
/** More than UDP carries, with header and tag. */
const ROOM_BYTES = 66_000;

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
  sealPacket(key, nonce, packet, head, length) {
    packet.set(nodeAead.seal(key, nonce, packet.subarray(0, head), packet.subarray(head, head + length)), head);
  },
  openPacket: (key, nonce, packet, head) => nodeAead.open(key, nonce, packet.subarray(0, head), packet.subarray(head)),
};

/** Works in place in one piece of the module's memory, which never grows after that: no view of it becomes stale. */
export async function wasmAead(): Promise<Aead> {
  const { default: load } = await import('libsodium');
  const sodium = await load();
  const keyAt = sodium._malloc(KEY_BYTES);
  const nonceAt = sodium._malloc(NONCE_BYTES);
  /** What is beside the message, then the message. */
  const at = sodium._malloc(ROOM_BYTES);
  const heap = sodium.HEAPU8;
  const seal = (head: number, length: number): void => {
    const from = at + head;
    sodium._crypto_aead_chacha20poly1305_ietf_encrypt(from, 0, from, length, 0, at, head, 0, 0, nonceAt, keyAt);
  };
  const opens = (head: number, length: number): boolean => {
    const from = at + head;
    return (
      sodium._crypto_aead_chacha20poly1305_ietf_decrypt(from, 0, 0, from, length, 0, at, head, 0, nonceAt, keyAt) === 0
    );
  };
  const fits = (bytes: number): boolean => bytes + TAG_BYTES <= ROOM_BYTES;
  const lay = (key: Uint8Array, nonce: Uint8Array): void => {
    heap.set(key, keyAt);
    heap.set(nonce, nonceAt);
  };
  return {
    seal(key, nonce, associated, plaintext) {
      const head = associated.length;
      const { length } = plaintext;
      if (!fits(head + length)) return nodeAead.seal(key, nonce, associated, plaintext);
      lay(key, nonce);
      heap.set(associated, at);
      heap.set(plaintext, at + head);
      seal(head, length);
      return heap.slice(at + head, at + head + length + TAG_BYTES);
    },
    open(key, nonce, associated, sealed) {
      const head = associated.length;
      const { length } = sealed;
      if (!fits(head + length)) return nodeAead.open(key, nonce, associated, sealed);
      if (length < TAG_BYTES) return null;
      lay(key, nonce);
      heap.set(associated, at);
      heap.set(sealed, at + head);
      return opens(head, length) ? heap.slice(at + head, at + head + length - TAG_BYTES) : null;
    },
    sealPacket(key, nonce, packet, head, length) {
      if (!fits(packet.length)) {
        nodeAead.sealPacket(key, nonce, packet, head, length);
        return;
      }
      lay(key, nonce);
      heap.set(packet, at);
      seal(head, length);
      packet.set(heap.subarray(at + head, at + head + length + TAG_BYTES), head);
    },
    openPacket(key, nonce, packet, head) {
      const { length } = packet;
      if (!fits(length)) return nodeAead.openPacket(key, nonce, packet, head);
      if (length < head + TAG_BYTES) return null;
      lay(key, nonce);
      heap.set(packet, at);
      return opens(head, length - head) ? heap.slice(at + head, at + length - TAG_BYTES) : null;
    },
  };
}
