/**
 * The stateless cookie of an endpoint: who gives it back has received there within the last two minutes, and nothing was kept
 * meanwhile. SipHash under a key of this start (no native call: whoever floods the relay makes it pay for this and nothing else).
 */
import { addressBytes, type Endpoint } from '../address.ts';
import { EMPTY, equalBytes } from '../bytes.ts';
import type { Instant } from '../contract.ts';
import type { CryptoSuite } from '../secure/crypto.ts';
import { sipHash128Into } from '../secure/siphash.ts';
import { RELAY_COOKIE_BYTES } from '../wire/relay.ts';
import { RELAY_LIMITS } from './limits.ts';

export class EndpointCookies {
  private readonly key: Uint8Array;
  /** Epoch 4, port 2, length of the address 1, address 16. */
  private readonly input = new Uint8Array(23);
  private readonly expected = new Uint8Array(RELAY_COOKIE_BYTES);

  constructor(suite: CryptoSuite) {
    this.key = suite.randomBytes(16);
  }

  make(now: Instant, from: Endpoint): Uint8Array {
    const cookie = new Uint8Array(RELAY_COOKIE_BYTES);
    this.into(cookie, epochOf(now), from);
    return cookie;
  }

  valid(now: Instant, from: Endpoint, cookie: Uint8Array): boolean {
    const epoch = epochOf(now);
    return this.is(cookie, epoch, from) || this.is(cookie, epoch - 1, from);
  }

  private is(cookie: Uint8Array, epoch: number, from: Endpoint): boolean {
    this.into(this.expected, epoch, from);
    return equalBytes(this.expected, cookie);
  }

  private into(cookie: Uint8Array, epoch: number, { address, port }: Endpoint): void {
    const { input } = this;
    const bytes = addressBytes(address) ?? EMPTY;
    for (let i = 0; i < 4; i++) input[i] = epoch >>> (24 - 8 * i);
    input[4] = port >>> 8;
    input[5] = port;
    input[6] = bytes.length;
    input.fill(0, 7);
    input.set(bytes, 7);
    sipHash128Into(cookie, 0, this.key, input, input.length);
  }
}

function epochOf(now: Instant): number {
  return Math.floor(now / RELAY_LIMITS.cookieEpochMs);
}
