/**
 * Noise_IK_25519_ChaChaPoly_SHA256 (Noise Protocol Framework, revision 34).
 *
 *     <- s
 *     ...
 *     -> e, es, s, ss     message 1: 32 + 48 + payload + 16 bytes
 *     <- e, ee, se        message 2: 32 + payload + 16 bytes
 *
 * Used twice: participant to master (control session), and client to host through the master (end to end). The initiator
 * knows the responder's static key beforehand; the responder learns and may judge the initiator's. The prologue binds
 * version and roles, so that nothing can be downgraded or confused (SECURITY.md row 27).
 */
import { concat, EMPTY, utf8Encode } from '../bytes.ts';
import type { AeadKey, CryptoSuite, KeyPair } from './crypto.ts';
import { noiseHkdf } from './hkdf.ts';
import { isPublicKey } from './keys.ts';

const NOISE_KEY_BYTES = 32;
const NONCE_BYTES = 12;
export const NOISE_TAG_BYTES = 16;
/** What message 1 adds to its payload: e, sealed s, tag. */
export const NOISE_MESSAGE_1_OVERHEAD = 32 + 48 + 16;
/** What message 2 adds to its payload: e, tag. */
const NOISE_MESSAGE_2_OVERHEAD = 32 + 16;

const PROTOCOL_NAME = utf8Encode('Noise_IK_25519_ChaChaPoly_SHA256');

/** One key per direction. */
export interface TransportKeys {
  readonly send: Uint8Array;
  readonly receive: Uint8Array;
}

/** What a finished handshake leaves: the keys and the hash that names this very handshake. */
export interface NoiseKeys extends TransportKeys {
  readonly hash: Uint8Array;
}

export interface NoiseInitiator<Keys extends TransportKeys = NoiseKeys> {
  readonly message1: Uint8Array;
  /** Null where message 2 is not authentic; the state is then unchanged and another message may be tried. */
  finish(message2: Uint8Array): { readonly payload: Uint8Array; readonly keys: Keys } | null;
}

export interface NoiseResponder<Keys extends TransportKeys = NoiseKeys> {
  readonly remoteStatic: Uint8Array;
  readonly payload: Uint8Array;
  /** The payload may be made from the keys. */
  respond(
    payload: (keys: TransportKeys) => Uint8Array,
    ephemeral?: KeyPair,
  ): { readonly message2: Uint8Array; readonly keys: Keys } | null;
}

export interface InitiatorInput {
  readonly prologue: Uint8Array;
  readonly own: KeyPair;
  readonly remoteStatic: Uint8Array;
  readonly payload: Uint8Array;
  /** Given by tests only; fresh otherwise. */
  readonly ephemeral?: KeyPair;
}

/** Null where the remote static key is not a usable X25519 key. */
export function noiseInitiate(suite: CryptoSuite, input: InitiatorInput): NoiseInitiator | null {
  if (!isPublicKey(input.remoteStatic)) return null;
  const ephemeral = input.ephemeral ?? suite.keyPair();
  const es = suite.agree(ephemeral.privateKey, input.remoteStatic);
  const ss = suite.agree(input.own.privateKey, input.remoteStatic);
  if (es === null || ss === null) return null;
  const state = new Symmetric(suite, input.prologue, input.remoteStatic);
  state.mixHash(ephemeral.publicKey);
  state.mixKey(es);
  const sealedStatic = state.sealAndHash(input.own.publicKey);
  state.mixKey(ss);
  const message1 = concat(ephemeral.publicKey, sealedStatic, state.sealAndHash(input.payload));
  return { message1, finish: (message2) => finish(suite, state.copy(), ephemeral, input.own, message2) };
}

function finish(
  suite: CryptoSuite,
  state: Symmetric,
  ephemeral: KeyPair,
  own: KeyPair,
  message2: Uint8Array,
): { payload: Uint8Array; keys: NoiseKeys } | null {
  if (message2.length < NOISE_MESSAGE_2_OVERHEAD) return null;
  const remoteEphemeral = message2.subarray(0, NOISE_KEY_BYTES);
  if (!isPublicKey(remoteEphemeral)) return null;
  const ee = suite.agree(ephemeral.privateKey, remoteEphemeral);
  const se = suite.agree(own.privateKey, remoteEphemeral);
  if (ee === null || se === null) return null;
  state.mixHash(remoteEphemeral);
  state.mixKey(ee);
  state.mixKey(se);
  const payload = state.openAndHash(message2.subarray(NOISE_KEY_BYTES));
  if (payload === null) return null;
  const [send, receive] = state.split();
  return { payload, keys: { send, receive, hash: state.hash } };
}

/** Reads message 1. Null where it is not authentic for this static key and prologue. */
export function noiseRespond(
  suite: CryptoSuite,
  input: { readonly prologue: Uint8Array; readonly own: KeyPair },
  message1: Uint8Array,
): NoiseResponder | null {
  if (message1.length < NOISE_MESSAGE_1_OVERHEAD) return null;
  const remoteEphemeral = message1.slice(0, NOISE_KEY_BYTES);
  if (!isPublicKey(remoteEphemeral)) return null;
  const es = suite.agree(input.own.privateKey, remoteEphemeral);
  if (es === null) return null;
  const state = new Symmetric(suite, input.prologue, input.own.publicKey);
  state.mixHash(remoteEphemeral);
  state.mixKey(es);
  const remoteStatic = state.openAndHash(message1.subarray(32, 80));
  if (remoteStatic === null || !isPublicKey(remoteStatic)) return null;
  const ss = suite.agree(input.own.privateKey, remoteStatic);
  if (ss === null) return null;
  state.mixKey(ss);
  const payload = state.openAndHash(message1.subarray(80));
  if (payload === null) return null;
  return {
    remoteStatic,
    payload,
    respond: (answer, fixed) => respond(suite, state.copy(), { remoteEphemeral, remoteStatic }, answer, fixed),
  };
}

function respond(
  suite: CryptoSuite,
  state: Symmetric,
  remote: { readonly remoteEphemeral: Uint8Array; readonly remoteStatic: Uint8Array },
  payload: (keys: TransportKeys) => Uint8Array,
  fixed: KeyPair | undefined,
): { message2: Uint8Array; keys: NoiseKeys } | null {
  const ephemeral = fixed ?? suite.keyPair();
  const ee = suite.agree(ephemeral.privateKey, remote.remoteEphemeral);
  const se = suite.agree(ephemeral.privateKey, remote.remoteStatic);
  if (ee === null || se === null) return null;
  state.mixHash(ephemeral.publicKey);
  state.mixKey(ee);
  state.mixKey(se);
  const [receive, send] = state.split();
  const message2 = concat(ephemeral.publicKey, state.sealAndHash(payload({ send, receive })));
  return { message2, keys: { send, receive, hash: state.hash } };
}

/** Noise 5.2, SymmetricState and CipherState in one; every key seals at most one message before the next mixKey. */
class Symmetric {
  readonly suite: CryptoSuite;
  hash: Uint8Array;
  private chainingKey: Uint8Array;
  private key: AeadKey | null = null;
  private nonce = 0;

  constructor(suite: CryptoSuite, prologue: Uint8Array, responderStatic: Uint8Array) {
    this.suite = suite;
    // The name is exactly 32 bytes, so it is the first hash itself (Noise 5.2).
    this.hash = PROTOCOL_NAME;
    this.chainingKey = PROTOCOL_NAME;
    this.mixHash(prologue);
    this.mixHash(responderStatic);
  }

  copy(): Symmetric {
    return Object.assign(Object.create(Symmetric.prototype) as Symmetric, this);
  }

  mixHash(data: Uint8Array): void {
    this.hash = this.suite.sha256(this.hash, data);
  }

  mixKey(input: Uint8Array): void {
    const [chainingKey, key] = noiseHkdf(this.suite, this.chainingKey, input);
    this.chainingKey = chainingKey;
    this.key = this.suite.aeadKey(key);
    this.nonce = 0;
  }

  sealAndHash(plaintext: Uint8Array): Uint8Array {
    const sealed = this.suite.seal(this.key as AeadKey, noiseNonce(this.nonce++), this.hash, plaintext);
    this.mixHash(sealed);
    return sealed;
  }

  openAndHash(sealed: Uint8Array): Uint8Array | null {
    const plaintext = this.suite.open(this.key as AeadKey, noiseNonce(this.nonce++), this.hash, sealed);
    this.mixHash(sealed);
    return plaintext;
  }

  /** Initiator-to-responder key, then the other. */
  split(): [Uint8Array, Uint8Array] {
    return noiseHkdf(this.suite, this.chainingKey, EMPTY);
  }
}

/** Noise 12.3: 32 zero bits, then the counter in 64 bits little-endian. */
export function noiseNonce(counter: number): Uint8Array {
  return writeNonce(new Uint8Array(NONCE_BYTES), counter);
}

/** The same into 12 bytes that are used again and again; only their last 8 are written. */
export function writeNonce(nonce: Uint8Array, counter: number): Uint8Array {
  let low = counter | 0;
  let high = Math.floor(counter / 0x1_0000_0000);
  for (let i = 4; i < 8; i++, low >>>= 8) nonce[i] = low;
  for (let i = 8; i < 12; i++, high >>>= 8) nonce[i] = high;
  return nonce;
}
