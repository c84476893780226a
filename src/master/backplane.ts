/**
 * What the nodes of a fleet say to each other, over whatever carries it: told to all, sealed with the fleet's secret, so that whoever may
 * use the engine and does not have the secret can neither read, nor make, nor repeat under another subject what a node says.
 */
import { type CryptoSuite, concat, deriveKey, utf8Encode } from '../core/index.ts';

/** An engine that carries messages, or does not just now: nothing waits for it. */
export interface Backplane {
  readonly connected: boolean;
  publish(subject: string, bytes: Uint8Array): void;
  close(): Promise<void>;
}

/** What it calls: a message of a subject that was asked for, and that it is there or gone. */
export interface BackplaneListener {
  message(bytes: Uint8Array): void;
  connected(up: boolean, why: string): void;
}

const NONCE_BYTES = 12;

export class BackplaneSeal {
  private readonly suite: CryptoSuite;
  private readonly key: ReturnType<CryptoSuite['aeadKey']>;
  private readonly about: Uint8Array;

  /** `identity`: the fleet's public key, so that two fleets with one secret are still two. */
  constructor(suite: CryptoSuite, secret: Uint8Array, identity: Uint8Array) {
    this.suite = suite;
    this.key = suite.aeadKey(deriveKey(suite, secret, utf8Encode('sallyport fleet backplane')));
    this.about = concat(utf8Encode('sallyport backplane 1'), identity);
  }

  seal(message: unknown): Uint8Array {
    const nonce = this.suite.randomBytes(NONCE_BYTES);
    const sealed = this.suite.seal(this.key, nonce, this.about, utf8Encode(JSON.stringify(message)));
    return concat(nonce, sealed);
  }

  /** What was sealed, or null where it was not, or not by this fleet. */
  open(bytes: Uint8Array): unknown {
    if (bytes.length <= NONCE_BYTES) return null;
    const opened = this.suite.open(this.key, bytes.subarray(0, NONCE_BYTES), this.about, bytes.subarray(NONCE_BYTES));
    if (opened === null) return null;
    try {
      return JSON.parse(new TextDecoder().decode(opened)) as unknown;
    } catch {
      return null;
    }
  }
}
