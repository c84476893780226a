/**
 * A transport session after a handshake: datagrams arrive late, twice or never, so the 64-bit sequence travels in clear
 * (inside the associated data) and a window of 1,024 keeps replays out (security.md 3.1; the ring bitmap of RFC 6479).
 */
import { LIMITS } from '../limits.ts';
import type { AeadKey, CryptoSuite } from './crypto.ts';
import { NOISE_TAG_BYTES, type NoiseKeys, noiseNonce } from './noise.ts';

const WORD_BITS = 32;
/** One word more than the window, because the word that is being filled is only partly valid. */
const RING_WORDS = LIMITS.replayWindow / WORD_BITS + 1;

/** Which sequences were seen. `check` before the tag is verified, `mark` after. */
export class ReplayWindow {
  private readonly ring = new Uint32Array(RING_WORDS);
  private highest = -1;

  check(sequence: number): boolean {
    if (sequence > this.highest) return true;
    if (sequence + LIMITS.replayWindow <= this.highest) return false;
    const word = Math.floor(sequence / WORD_BITS);
    return ((this.ring[word % RING_WORDS] as number) & (1 << (sequence % WORD_BITS))) === 0;
  }

  mark(sequence: number): void {
    const word = Math.floor(sequence / WORD_BITS);
    if (sequence > this.highest) {
      const last = Math.floor(this.highest / WORD_BITS);
      const steps = Math.min(word - last, RING_WORDS);
      for (let i = 0; i < steps; i++) this.ring[(word - i) % RING_WORDS] = 0;
      this.highest = sequence;
    }
    const slot = word % RING_WORDS;
    this.ring[slot] = (this.ring[slot] as number) | (1 << (sequence % WORD_BITS));
  }
}

export class SecureSession {
  private readonly suite: CryptoSuite;
  private readonly sendKey: AeadKey;
  private readonly receiveKey: AeadKey;
  private readonly window = new ReplayWindow();
  private nextSequence = 0;

  constructor(suite: CryptoSuite, keys: NoiseKeys) {
    this.suite = suite;
    this.sendKey = suite.aeadKey(keys.send);
    this.receiveKey = suite.aeadKey(keys.receive);
  }

  /** The sequence that the next `seal` uses; the header that carries it is part of the associated data. */
  get sequence(): number {
    return this.nextSequence;
  }

  /** True once so much was sent that a new handshake is due (2^32, security.md 3.1). */
  get spent(): boolean {
    return this.nextSequence >= LIMITS.sessionSequenceMax;
  }

  /** Ciphertext and tag under the sequence that `sequence` named before the call. */
  seal(associated: Uint8Array, plaintext: Uint8Array): Uint8Array {
    return this.suite.seal(this.sendKey, noiseNonce(this.nextSequence++), associated, plaintext);
  }

  /** Null where the sequence was seen, is too old or too high, or the tag does not match; nothing has changed then. */
  open(sequence: number, associated: Uint8Array, sealed: Uint8Array): Uint8Array | null {
    if (sealed.length < NOISE_TAG_BYTES || sequence >= LIMITS.sessionSequenceMax) return null;
    if (!this.window.check(sequence)) return null;
    const plaintext = this.suite.open(this.receiveKey, noiseNonce(sequence), associated, sealed);
    if (plaintext !== null) this.window.mark(sequence);
    return plaintext;
  }
}
