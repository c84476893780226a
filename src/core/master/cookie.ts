/**
 * The stateless cookie of RETRY: who gives it back has received at the address it was made for, and nothing was kept
 * meanwhile. 24 bytes: time stamp 4 ‖ HMAC-SHA256-128(key, "rt" ‖ address ‖ port ‖ e ‖ time stamp) ‖ zeros 4.
 *
 * The nodes of a fleet make the keys from its secret, by the time of day: whatever stands before them may send the second HELLO to another.
 */
import { addressBytes, type Endpoint } from '../address.ts';
import { concat, EMPTY, equalBytes, Reader, utf8Encode, Writer } from '../bytes.ts';
import type { Instant } from '../contract.ts';
import { EpochKeys, type FleetSecrets } from '../fleet/epochs.ts';
import type { CryptoSuite, MacKey } from '../secure/crypto.ts';
import { COOKIE_BYTES } from '../wire/datagrams.ts';
import { MASTER_LIMITS } from './limits.ts';

const LABEL = utf8Encode('rt');
const TAG_BYTES = 16;

export class Cookies {
  private readonly suite: CryptoSuite;
  private epoch = -1;
  /** The key that new ones are made with, and what else counts. */
  private current: MacKey;
  private others: readonly MacKey[];
  private readonly shared: { readonly keys: EpochKeys; readonly wallClock: () => number } | null;

  constructor(suite: CryptoSuite, fleet: { readonly secrets: FleetSecrets; readonly wallClock: () => number } | null) {
    this.suite = suite;
    this.shared =
      fleet === null ? null : { keys: new EpochKeys(suite, fleet.secrets, 'cookie'), wallClock: fleet.wallClock };
    this.current = this.freshKey();
    this.others = [];
  }

  make(now: Instant, from: Endpoint, ephemeral: Uint8Array): Uint8Array {
    const at = this.shared?.wallClock() ?? now;
    this.rotate(at);
    const stamp = new Writer(4).u32(Math.floor(at / 1000)).done();
    return concat(stamp, this.tag(this.current, from, ephemeral, stamp), new Uint8Array(COOKIE_BYTES - 4 - TAG_BYTES));
  }

  valid(now: Instant, from: Endpoint, ephemeral: Uint8Array, cookie: Uint8Array): boolean {
    const at = this.shared?.wallClock() ?? now;
    this.rotate(at);
    const stamp = cookie.subarray(0, 4);
    const madeAt = new Reader(stamp).u32() * 1000;
    // A node whose clock is ahead of ours by a little has made it a moment from now.
    const latest = this.shared === null ? at : at + MASTER_LIMITS.cookieMs;
    if (madeAt > latest || at - madeAt > MASTER_LIMITS.cookieMs + 1000) return false;
    const tag = cookie.subarray(4, 4 + TAG_BYTES);
    const counts = (key: MacKey): boolean => equalBytes(tag, this.tag(key, from, ephemeral, stamp));
    return counts(this.current) || this.others.some(counts);
  }

  private tag(key: MacKey, from: Endpoint, ephemeral: Uint8Array, stamp: Uint8Array): Uint8Array {
    const port = Uint8Array.of(from.port >> 8, from.port & 0xff);
    const address = addressBytes(from.address) ?? EMPTY;
    return this.suite.hmac(key, concat(LABEL, address, port, ephemeral, stamp)).subarray(0, TAG_BYTES);
  }

  private rotate(at: number): void {
    const epoch = Math.floor(at / MASTER_LIMITS.cookieKeyMs);
    if (epoch === this.epoch) return;
    this.epoch = epoch;
    if (this.shared === null) {
      this.others = [this.current];
      this.current = this.freshKey();
      return;
    }
    const { keys } = this.shared;
    const [current, ...others] = [...keys.of(epoch), ...keys.of(epoch - 1), ...keys.of(epoch + 1)].map((key) =>
      this.suite.macKey(key),
    );
    this.current = current ?? this.current;
    this.others = others;
  }

  private freshKey(): MacKey {
    return this.suite.macKey(this.suite.randomBytes(32));
  }
}
