/**
 * The stateless cookie of RETRY: who gives it back has received at the address it was made for, and nothing was kept
 * meanwhile. 24 bytes: time stamp 4 ‖ HMAC-SHA256-128(key, "rt" ‖ address ‖ port ‖ e ‖ time stamp) ‖ zeros 4.
 */
import { addressBytes, type Endpoint } from '../address.ts';
import { concat, EMPTY, equalBytes, Reader, utf8Encode, Writer } from '../bytes.ts';
import type { Instant } from '../contract.ts';
import type { CryptoSuite, MacKey } from '../secure/crypto.ts';
import { COOKIE_BYTES } from '../wire/datagrams.ts';
import { MASTER_LIMITS } from './limits.ts';

const LABEL = utf8Encode('rt');
const TAG_BYTES = 16;

export class Cookies {
  private readonly suite: CryptoSuite;
  private epoch = -1;
  private current: MacKey;
  private previous: MacKey;

  constructor(suite: CryptoSuite) {
    this.suite = suite;
    this.current = this.freshKey();
    this.previous = this.freshKey();
  }

  make(now: Instant, from: Endpoint, ephemeral: Uint8Array): Uint8Array {
    this.rotate(now);
    const stamp = new Writer(4).u32(Math.floor(now / 1000)).done();
    return concat(stamp, this.tag(this.current, from, ephemeral, stamp), new Uint8Array(COOKIE_BYTES - 4 - TAG_BYTES));
  }

  valid(now: Instant, from: Endpoint, ephemeral: Uint8Array, cookie: Uint8Array): boolean {
    this.rotate(now);
    const stamp = cookie.subarray(0, 4);
    const madeAt = new Reader(stamp).u32() * 1000;
    if (madeAt > now || now - madeAt > MASTER_LIMITS.cookieMs + 1000) return false;
    const tag = cookie.subarray(4, 4 + TAG_BYTES);
    return (
      equalBytes(tag, this.tag(this.current, from, ephemeral, stamp)) ||
      equalBytes(tag, this.tag(this.previous, from, ephemeral, stamp))
    );
  }

  private tag(key: MacKey, from: Endpoint, ephemeral: Uint8Array, stamp: Uint8Array): Uint8Array {
    const port = Uint8Array.of(from.port >> 8, from.port & 0xff);
    const address = addressBytes(from.address) ?? EMPTY;
    return this.suite.hmac(key, concat(LABEL, address, port, ephemeral, stamp)).subarray(0, TAG_BYTES);
  }

  private rotate(now: Instant): void {
    const epoch = Math.floor(now / MASTER_LIMITS.cookieKeyMs);
    if (epoch === this.epoch) return;
    this.previous = this.current;
    this.current = this.freshKey();
    this.epoch = epoch;
  }

  private freshKey(): MacKey {
    return this.suite.macKey(this.suite.randomBytes(32));
  }
}
