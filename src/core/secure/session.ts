/**
 * A transport session after a handshake: datagrams arrive late, twice or never, so the 64-bit sequence travels in clear
 * (inside the associated data) and a window keeps replays out, of 256 for a session (docs/reference/security.md §3.1; the ring bitmap of RFC 6479).
 */
import type { CryptoSuite } from './crypto.ts';
import { SECURE_LIMITS } from './limits.ts';
import { NOISE_TAG_BYTES, noiseNonce, type TransportKeys } from './noise.ts';

const WORD_BITS = 32;
const WORD_RANGE = 2 ** WORD_BITS;

/** One word more than a window of so many sequences, because the word that is being filled is only partly valid. */
function ringWords(size: number): number {
  return size / WORD_BITS + 1;
}

/** How many words a window of so many sequences fills: the ring, and the highest sequence seen plus one in two words. */
function windowWords(size: number): number {
  return ringWords(size) + 2;
}

/** Words of a window of the size that sessions have. */
export const WINDOW_WORDS = windowWords(SECURE_LIMITS.replayWindow);

/** Which sequences were seen. `check` before the tag is verified, `mark` after. All its state is in the words. */
export class ReplayWindow {
  private readonly size: number;
  private readonly ring: number;
  private readonly words: Uint32Array;
  /** Where the window begins in `words`, which it may share with others. */
  private readonly at: number;

  /** `size`: how many sequences behind the highest are still taken, a multiple of 32. */
  constructor(
    size: number = SECURE_LIMITS.replayWindow,
    words: Uint32Array = new Uint32Array(windowWords(size)),
    at = 0,
  ) {
    this.size = size;
    this.ring = ringWords(size);
    this.words = words;
    this.at = at;
  }

  check(sequence: number): boolean {
    const { highest } = this;
    if (sequence > highest) return true;
    if (sequence + this.size <= highest) return false;
    const word = Math.floor(sequence / WORD_BITS);
    return ((this.words[this.at + (word % this.ring)] as number) & (1 << (sequence % WORD_BITS))) === 0;
  }

  mark(sequence: number): void {
    const { words, at, ring, highest } = this;
    const word = Math.floor(sequence / WORD_BITS);
    if (sequence > highest) {
      const last = Math.floor(highest / WORD_BITS);
      const steps = Math.min(word - last, ring);
      for (let i = 0; i < steps; i++) words[at + ((word - i) % ring)] = 0;
      words[at + ring] = (sequence + 1) % WORD_RANGE;
      words[at + ring + 1] = Math.floor((sequence + 1) / WORD_RANGE);
    }
    const slot = at + (word % ring);
    words[slot] = (words[slot] as number) | (1 << (sequence % WORD_BITS));
  }

  /** -1 before the first. */
  private get highest(): number {
    const at = this.at + this.ring;
    return (this.words[at + 1] as number) * WORD_RANGE + (this.words[at] as number) - 1;
  }
}

/**
 * Seals and opens with what it is given: two keys and a window, which may be fields or views made anew on each read (a master keeps
 * those of a hundred thousand sessions in blocks).
 */
export abstract class SealingSession {
  protected readonly suite: CryptoSuite;
  private nextSequence = 0;

  constructor(suite: CryptoSuite) {
    this.suite = suite;
  }

  protected abstract get sendKey(): Uint8Array;
  protected abstract get receiveKey(): Uint8Array;
  protected abstract get window(): ReplayWindow;

  /** The sequence that the next `seal` uses; the header that carries it is part of the associated data. */
  get sequence(): number {
    return this.nextSequence;
  }

  /** True once so much was sent that a new handshake is due (2^32, docs/reference/security.md §3.1). */
  get spent(): boolean {
    return this.nextSequence >= SECURE_LIMITS.sessionSequenceMax;
  }

  /** Ciphertext and tag under the sequence that `sequence` named before the call. */
  seal(associated: Uint8Array, plaintext: Uint8Array): Uint8Array {
    const key = this.suite.aeadKey(this.sendKey);
    return this.suite.seal(key, noiseNonce(this.nextSequence++), associated, plaintext);
  }

  /** Null where the sequence was seen, is too old or too high, or the tag does not match; nothing has changed then. */
  open(sequence: number, associated: Uint8Array, sealed: Uint8Array): Uint8Array | null {
    if (sealed.length < NOISE_TAG_BYTES || sequence >= SECURE_LIMITS.sessionSequenceMax) return null;
    const { window } = this;
    if (!window.check(sequence)) return null;
    const key = this.suite.aeadKey(this.receiveKey);
    const plaintext = this.suite.open(key, noiseNonce(sequence), associated, sealed);
    if (plaintext !== null) window.mark(sequence);
    return plaintext;
  }
}

/** A session that holds its keys itself: every participant's. */
export class SecureSession extends SealingSession {
  protected readonly sendKey: Uint8Array;
  protected readonly receiveKey: Uint8Array;
  protected readonly window = new ReplayWindow();

  constructor(suite: CryptoSuite, keys: TransportKeys) {
    super(suite);
    this.sendKey = keys.send;
    this.receiveKey = keys.receive;
  }
}
