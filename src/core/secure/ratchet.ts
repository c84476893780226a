/**
 * The keys of a connection between two participants, which lasts for days and goes several ways at once.
 *
 * One sequence space a direction. Its upper bits are the key phase: sequence = phase * 2^32 + number in the phase. The sender begins
 * the next phase after an hour or 2^30 datagrams by jumping to the next multiple of 2^32, and forgets the former key; the key of a
 * phase is HKDF of the one before. The receiver takes the current phase, the one before it (datagrams that were under way) and the
 * next, which it enters with the first authentic datagram of it. So both go at their own pace, and nothing is negotiated.
 *
 * A datagram shows neither who it belongs to nor its sequence: it begins with a *label*, HKDF of the direction's first key and a
 * number, and each path and each move of an address takes a fresh number (RFC 9000 section 9.5). The sequence is masked by 8 bytes
 * that belong to the label, so that two ways of one connection have nothing in common.
 */
import { utf8Encode, Writer } from '../bytes.ts';
import type { Instant } from '../contract.ts';
import { assert } from '../errors.ts';
import type { AeadKey, CryptoSuite, MacKey } from './crypto.ts';
import { deriveKey } from './hkdf.ts';
import { SECURE_LIMITS } from './limits.ts';
import { NOISE_TAG_BYTES, noiseNonce, type TransportKeys, writeNonce } from './noise.ts';
import { ReplayWindow } from './session.ts';

/** Sequences of one key phase. */
const PHASE_SEQUENCES = 2 ** 32;
const PHASE = utf8Encode('phase');
const LABELS = utf8Encode('labels');
const LABEL = utf8Encode('label');
/** The one block of RFC 5869 section 2.3 that is needed. */
const FIRST_BLOCK = Uint8Array.of(1);

const LABEL_BYTES = 8;
const SEQUENCE_BYTES = 8;

/** How one way of one direction is recognised. */
export interface Label {
  /** 8 bytes that begin the datagram, after its type. */
  readonly label: Uint8Array;
  /** 8 bytes that the sequence is masked with. */
  readonly mask: Uint8Array;
}

/** Writes the sequence as it travels at `at`: big-endian, XOR the mask. */
export function maskSequence(mask: Uint8Array, sequence: number, target: Uint8Array, at = 0): void {
  assert(Number.isSafeInteger(sequence) && sequence >= 0, 'a sequence is a safe non-negative integer');
  let low = sequence | 0;
  let high = Math.floor(sequence / 0x1_0000_0000);
  for (let i = SEQUENCE_BYTES - 1; i >= 4; i--, low >>>= 8) target[at + i] = low ^ (mask[i] as number);
  for (let i = 3; i >= 0; i--, high >>>= 8) target[at + i] = high ^ (mask[i] as number);
}

/** Reads it at `at`; null where the bytes are too few, or what comes out does not fit 53 bits: no sender has such a sequence. */
export function unmaskSequence(mask: Uint8Array, masked: Uint8Array, at = 0): number | null {
  if (masked.length < at + SEQUENCE_BYTES) return null;
  let high = 0;
  let low = 0;
  for (let i = 0; i < 4; i++) {
    high = (high << 8) | ((masked[at + i] as number) ^ (mask[i] as number));
    low = (low << 8) | ((masked[at + 4 + i] as number) ^ (mask[4 + i] as number));
  }
  return high >>> 0 >= 0x20_0000 ? null : (high >>> 0) * 0x1_0000_0000 + (low >>> 0);
}

/** A key phase of the receiving direction. */
interface Phase {
  readonly number: number;
  readonly bytes: Uint8Array;
  readonly key: AeadKey;
  /** Datagrams that were opened. */
  readonly opened: ReplayWindow;
  /** Contents that were taken: a content may come in two datagrams. */
  readonly taken: ReplayWindow;
}

export class ConnectionKeys {
  private readonly suite: CryptoSuite;
  private readonly sendLabels: MacKey;
  private readonly receiveLabels: MacKey;
  private sendBytes: Uint8Array;
  private sendKey: AeadKey;
  private sendPhaseSince: Instant;
  private nextSequence = 0;
  /** Of the datagram that is being sealed or opened. */
  private readonly nonce = noiseNonce(0);
  private previous: Phase | null = null;
  private current: Phase;
  /** The phase after `current`, once somebody has claimed to be there. */
  private following: Phase | null = null;

  /** `keys` are 32 bytes a direction, used for nothing else. */
  constructor(suite: CryptoSuite, keys: TransportKeys, now: Instant) {
    this.suite = suite;
    this.sendLabels = suite.macKey(deriveKey(suite, keys.send, LABELS));
    this.receiveLabels = suite.macKey(deriveKey(suite, keys.receive, LABELS));
    this.sendBytes = keys.send;
    this.sendKey = suite.aeadKey(keys.send);
    this.sendPhaseSince = now;
    this.current = phaseOf(suite, 0, keys.receive);
  }

  /**
   * The sequence that `seal` uses next. A datagram that repeats the content of the one just before takes this one and not `next`,
   * so that no phase begins between the two.
   */
  get sequence(): number {
    return this.nextSequence;
  }

  /** The same, for a datagram with a content of its own: begins the next key phase where that is due. */
  next(now: Instant): number {
    const sent = this.nextSequence % PHASE_SEQUENCES;
    // A phase is as old as its first datagram: the other side must hear of each before the next may begin.
    if (sent === 0) this.sendPhaseSince = now;
    if (now - this.sendPhaseSince >= SECURE_LIMITS.phaseMs || sent >= SECURE_LIMITS.phaseDatagramsMax) {
      this.sendBytes = deriveKey(this.suite, this.sendBytes, PHASE);
      this.sendKey = this.suite.aeadKey(this.sendBytes);
      this.nextSequence += PHASE_SEQUENCES - sent;
      this.sendPhaseSince = now;
    }
    return this.nextSequence;
  }

  /** Seals in place (`CryptoSuite.sealPacket`) under `sequence`, which the first `head` bytes carry masked. */
  seal(packet: Uint8Array, head: number, length: number): void {
    const sequence = this.nextSequence++;
    assert(this.nextSequence % PHASE_SEQUENCES !== 0, 'a key phase ends by `next` long before its numbers do');
    this.suite.sealPacket(this.sendKey, writeNonce(this.nonce, sequence), packet, head, length);
  }

  /**
   * The plaintext behind the first `head` bytes. Null where the datagram was opened before, is too old, of a far phase, or not
   * authentic; nothing has changed then.
   */
  open(sequence: number, packet: Uint8Array, head: number): Uint8Array | null {
    if (packet.length < head + NOISE_TAG_BYTES) return null;
    const number = phaseNumber(sequence);
    const isNext = number === this.current.number + 1;
    const phase = isNext ? this.nextPhase() : this.phase(number);
    if (phase === null || !phase.opened.check(sequence)) return null;
    const plaintext = this.suite.openPacket(phase.key, writeNonce(this.nonce, sequence), packet, head);
    if (plaintext === null) return null;
    phase.opened.mark(sequence);
    if (isNext) {
      this.previous = this.current;
      this.current = phase;
      this.following = null;
    }
    return plaintext;
  }

  /**
   * True once for each content, which is named by the sequence of the first datagram that carried it: that of an ordinary datagram
   * itself, one less for a copy. Asked after `open`. The slower of two datagrams with one content is authentic, and says that its
   * way is alive, but its content has been taken.
   */
  take(content: number): boolean {
    const taken = this.phase(phaseNumber(content))?.taken;
    if (taken === undefined || !taken.check(content)) return false;
    taken.mark(content);
    return true;
  }

  /** What our datagrams begin with on way number `n`, an integer below 2^32. */
  sendLabel(n: number): Label {
    return this.label(this.sendLabels, n);
  }

  /** What the other side's datagrams begin with on way number `n`. */
  receiveLabel(n: number): Label {
    return this.label(this.receiveLabels, n);
  }

  /** RFC 5869 section 2.3, with the direction's own key for labels. */
  private label(key: MacKey, n: number): Label {
    const block = this.suite.hmac(key, LABEL, new Writer(4).u32(n).done(), FIRST_BLOCK);
    return { label: block.slice(0, LABEL_BYTES), mask: block.slice(LABEL_BYTES, LABEL_BYTES + SEQUENCE_BYTES) };
  }

  private phase(number: number): Phase | null {
    if (number === this.current.number) return this.current;
    return number === this.previous?.number ? this.previous : null;
  }

  /** Derived once, however many claim to be there. */
  private nextPhase(): Phase {
    const { number, bytes } = this.current;
    this.following ??= phaseOf(this.suite, number + 1, deriveKey(this.suite, bytes, PHASE));
    return this.following;
  }
}

function phaseNumber(sequence: number): number {
  return Math.floor(sequence / PHASE_SEQUENCES);
}

function phaseOf(suite: CryptoSuite, number: number, bytes: Uint8Array): Phase {
  const window = (): ReplayWindow => new ReplayWindow(SECURE_LIMITS.connectionWindow);
  return { number, bytes, key: suite.aeadKey(bytes), opened: window(), taken: window() };
}
