/**
 * Noise IK a second time: slow, straight from the specification's token table, on @noble instead of node:crypto, sharing no
 * code with src. Kept only to be compared with.
 */
import { chacha20poly1305 } from '@noble/ciphers/chacha.js';
import { x25519 } from '@noble/curves/ed25519.js';
import { extract } from '@noble/hashes/hkdf.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';

const join = (...parts: Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));

class Reference {
  h = new TextEncoder().encode('Noise_IK_25519_ChaChaPoly_SHA256');
  ck = this.h;
  k = new Uint8Array(0);
  n = 0n;
  mixHash(data: Uint8Array) {
    this.h = sha256(join(this.h, data));
  }
  hkdf(input: Uint8Array): [Uint8Array, Uint8Array] {
    const prk = extract(sha256, input, this.ck);
    const one = hmac(sha256, prk, Uint8Array.of(1));
    return [one, hmac(sha256, prk, join(one, Uint8Array.of(2)))];
  }
  mixKey(input: Uint8Array) {
    const [ck, k] = this.hkdf(input);
    this.ck = Uint8Array.from(ck);
    this.k = Uint8Array.from(k);
    this.n = 0n;
  }
  seal(plaintext: Uint8Array) {
    const nonce = new Uint8Array(12);
    new DataView(nonce.buffer).setBigUint64(4, this.n++, true);
    const sealed = chacha20poly1305(this.k, nonce, this.h).encrypt(plaintext);
    this.mixHash(sealed);
    return sealed;
  }
}

export interface ReferenceInput {
  readonly prologue: Uint8Array;
  readonly initiatorStatic: Uint8Array;
  readonly initiatorEphemeral: Uint8Array;
  readonly responderStatic: Uint8Array;
  readonly responderEphemeral: Uint8Array;
  readonly payload1: Uint8Array;
  readonly payload2: Uint8Array;
}

/** Both messages, both keys and the hash, from all four secrets at once. */
export function referenceHandshake(input: ReferenceInput) {
  const [is, ie] = [input.initiatorStatic, input.initiatorEphemeral];
  const [rs, re] = [input.responderStatic, input.responderEphemeral];
  const pub = (secret: Uint8Array) => x25519.getPublicKey(secret);
  const state = new Reference();
  state.mixHash(input.prologue);
  state.mixHash(pub(rs));
  state.mixHash(pub(ie));
  state.mixKey(x25519.getSharedSecret(ie, pub(rs)));
  const sealedStatic = state.seal(pub(is));
  state.mixKey(x25519.getSharedSecret(is, pub(rs)));
  const message1 = join(pub(ie), sealedStatic, state.seal(input.payload1));
  state.mixHash(pub(re));
  state.mixKey(x25519.getSharedSecret(re, pub(ie)));
  state.mixKey(x25519.getSharedSecret(re, pub(is)));
  const message2 = join(pub(re), state.seal(input.payload2));
  const [toResponder, toInitiator] = state.hkdf(new Uint8Array(0));
  return { message1, message2, toResponder, toInitiator, hash: state.h };
}
