/**
 * A transport session after a handshake: datagrams arrive late, twice or never, so the 64-bit sequence travels in clear
 * (inside the associated data) and a window of 1,024 keeps replays out (security.md 3.1; the ring bitmap of RFC 6479).
 */
import { assert } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import type { CryptoSuite } from './crypto.ts';
import { NOISE_TAG_BYTES, type NoiseKeys, noiseNonce } from './noise.ts';
import { Slab } from './slab.ts';

const WORD_BITS = 32;
/** One word more than the window, because the word that is being filled is only partly valid. */
const RING_WORDS = LIMITS.replayWindow / WORD_BITS + 1;

/** Which sequences were seen. `check` before the tag is verified, `mark` after. */
export class ReplayWindow {
  private readonly ring: Uint32Array;
  /** Where the window begins in `ring`, which it may share with others. */
  private readonly at: number;
  private highest = -1;

  constructor(ring: Uint32Array = new Uint32Array(RING_WORDS), at = 0) {
    this.ring = ring;
    this.at = at;
  }

  check(sequence: number): boolean {
    if (sequence > this.highest) return true;
    if (sequence + LIMITS.replayWindow <= this.highest) return false;
    const word = Math.floor(sequence / WORD_BITS);
    return ((this.ring[this.at + (word % RING_WORDS)] as number) & (1 << (sequence % WORD_BITS))) === 0;
  }

  mark(sequence: number): void {
    const word = Math.floor(sequence / WORD_BITS);
    if (sequence > this.highest) {
      const last = Math.floor(this.highest / WORD_BITS);
      const steps = Math.min(word - last, RING_WORDS);
      for (let i = 0; i < steps; i++) this.ring[this.at + ((word - i) % RING_WORDS)] = 0;
      this.highest = sequence;
    }
    const slot = this.at + (word % RING_WORDS);
    this.ring[slot] = (this.ring[slot] as number) | (1 << (sequence % WORD_BITS));
  }
}

/** A session's record in a slab: both keys, the owner's bytes, the window. */
const KEY_BYTES = 32;
const OWNER_AT = 2 * KEY_BYTES;
const OWNER_BYTES = 16;
const WINDOW_AT = OWNER_AT + OWNER_BYTES;
const SESSION_RECORD_BYTES = WINDOW_AT + 4 * RING_WORDS;

/** Where many sessions keep what they hold; a session without one makes its own. */
export function sessionSlab(): Slab {
  return new Slab(SESSION_RECORD_BYTES, 512);
}

export class SecureSession {
  private readonly suite: CryptoSuite;
  private readonly slab: Slab;
  private readonly record: number;
  private readonly window: ReplayWindow;
  private nextSequence = 0;
  private released = false;

  constructor(suite: CryptoSuite, keys: NoiseKeys, slab = new Slab(SESSION_RECORD_BYTES, 1)) {
    this.suite = suite;
    this.slab = slab;
    this.record = slab.take();
    slab.bytesOf(this.record, 0, KEY_BYTES).set(keys.send);
    slab.bytesOf(this.record, KEY_BYTES, KEY_BYTES).set(keys.receive);
    this.window = new ReplayWindow(slab.wordsOf(this.record), slab.wordAt(this.record, WINDOW_AT / 4));
  }

  /** 16 bytes beside the keys for whoever owns the session; a view, not to be kept. */
  get ownerBytes(): Uint8Array {
    return this.slab.bytesOf(this.record, OWNER_AT, OWNER_BYTES);
  }

  /** Gives the record back: it is another session's from here, so nothing may be sealed or opened any more. */
  release(): void {
    if (!this.released) this.slab.give(this.record);
    this.released = true;
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
    assert(!this.released, 'a session that is over seals nothing');
    const key = this.suite.aeadKey(this.slab.bytesOf(this.record, 0, KEY_BYTES));
    return this.suite.seal(key, noiseNonce(this.nextSequence++), associated, plaintext);
  }

  /** Null where the sequence was seen, is too old or too high, or the tag does not match; nothing has changed then. */
  open(sequence: number, associated: Uint8Array, sealed: Uint8Array): Uint8Array | null {
    if (this.released || sealed.length < NOISE_TAG_BYTES || sequence >= LIMITS.sessionSequenceMax) return null;
    if (!this.window.check(sequence)) return null;
    const key = this.suite.aeadKey(this.slab.bytesOf(this.record, KEY_BYTES, KEY_BYTES));
    const plaintext = this.suite.open(key, noiseNonce(sequence), associated, sealed);
    if (plaintext !== null) this.window.mark(sequence);
    return plaintext;
  }
}
