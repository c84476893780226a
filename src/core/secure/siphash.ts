/**
 * SipHash-2-4 with 128 bits of output (Aumasson and Bernstein 2012, and the 128-bit variant of their reference code): a keyed
 * hash for short inputs that needs no native call. It authenticates mapping probes, where a native HMAC would cost three
 * times as much (docs/reference/security.md §3.4), and picks limiter buckets so that nobody outside can aim at one.
 */

/** v0..v3, high and low words. One computation at a time; nothing is kept between two. */
const v = new Int32Array(8);

/** 16 bytes of MAC over `data`; `key` has 16 bytes. */
export function sipHash128(key: Uint8Array, data: Uint8Array): Uint8Array {
  const mac = new Uint8Array(16);
  sipHash128Into(mac, 0, key, data, data.length);
  return mac;
}

/** The same over the first `length` bytes of `data`, written to `out` from `at` on. */
export function sipHash128Into(out: Uint8Array, at: number, key: Uint8Array, data: Uint8Array, length: number): void {
  start(key);
  v[3] = (v[3] as number) ^ 0xee;
  absorb(data, length);
  v[5] = (v[5] as number) ^ 0xee;
  rounds(4);
  output(out, at);
  v[3] = (v[3] as number) ^ 0xdd;
  rounds(4);
  output(out, at + 8);
}

/** 32 bits, for buckets: the same function, folded. */
export function sipHash32(key: Uint8Array, data: Uint8Array): number {
  start(key);
  absorb(data, data.length);
  v[5] = (v[5] as number) ^ 0xff;
  rounds(4);
  return ((v[1] as number) ^ (v[3] as number) ^ (v[5] as number) ^ (v[7] as number)) >>> 0;
}

function start(key: Uint8Array): void {
  const [k0, k1] = [word(key, 0), word(key, 4)];
  const [k2, k3] = [word(key, 8), word(key, 12)];
  v[0] = 0x736f6d65 ^ k1;
  v[1] = 0x70736575 ^ k0;
  v[2] = 0x646f7261 ^ k3;
  v[3] = 0x6e646f6d ^ k2;
  v[4] = 0x6c796765 ^ k1;
  v[5] = 0x6e657261 ^ k0;
  v[6] = 0x74656462 ^ k3;
  v[7] = 0x79746573 ^ k2;
}

function absorb(data: Uint8Array, length: number): void {
  const whole = length & ~7;
  for (let at = 0; at < whole; at += 8) block(word(data, at), word(data, at + 4));
  let low = 0;
  let high = (length & 0xff) << 24;
  for (let i = whole; i < length; i++) {
    const byte = data[i] as number;
    if (i - whole < 4) low |= byte << (8 * (i - whole));
    else high |= byte << (8 * (i - whole - 4));
  }
  block(low, high);
}

function block(low: number, high: number): void {
  v[6] = (v[6] as number) ^ high;
  v[7] = (v[7] as number) ^ low;
  rounds(2);
  v[0] = (v[0] as number) ^ high;
  v[1] = (v[1] as number) ^ low;
}

/** Little-endian 32-bit word. */
function word(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  );
}

function output(mac: Uint8Array, at: number): void {
  const low = (v[1] as number) ^ (v[3] as number) ^ (v[5] as number) ^ (v[7] as number);
  const high = (v[0] as number) ^ (v[2] as number) ^ (v[4] as number) ^ (v[6] as number);
  for (let i = 0; i < 4; i++) {
    mac[at + i] = low >>> (8 * i);
    mac[at + 4 + i] = high >>> (8 * i);
  }
}

function rounds(count: number): void {
  let [h0, l0, h1, l1] = [v[0] as number, v[1] as number, v[2] as number, v[3] as number];
  let [h2, l2, h3, l3] = [v[4] as number, v[5] as number, v[6] as number, v[7] as number];
  let t = 0;
  for (let i = 0; i < count; i++) {
    // v0 += v1; v1 <<<= 13; v1 ^= v0; v0 <<<= 32
    t = (l0 >>> 0) + (l1 >>> 0);
    h0 = (h0 + h1 + (t > 0xffffffff ? 1 : 0)) | 0;
    l0 = t | 0;
    t = (h1 << 13) | (l1 >>> 19);
    l1 = ((l1 << 13) | (h1 >>> 19)) ^ l0;
    h1 = t ^ h0;
    t = h0;
    h0 = l0;
    l0 = t;
    // v2 += v3; v3 <<<= 16; v3 ^= v2
    t = (l2 >>> 0) + (l3 >>> 0);
    h2 = (h2 + h3 + (t > 0xffffffff ? 1 : 0)) | 0;
    l2 = t | 0;
    t = (h3 << 16) | (l3 >>> 16);
    l3 = ((l3 << 16) | (h3 >>> 16)) ^ l2;
    h3 = t ^ h2;
    // v0 += v3; v3 <<<= 21; v3 ^= v0
    t = (l0 >>> 0) + (l3 >>> 0);
    h0 = (h0 + h3 + (t > 0xffffffff ? 1 : 0)) | 0;
    l0 = t | 0;
    t = (h3 << 21) | (l3 >>> 11);
    l3 = ((l3 << 21) | (h3 >>> 11)) ^ l0;
    h3 = t ^ h0;
    // v2 += v1; v1 <<<= 17; v1 ^= v2; v2 <<<= 32
    t = (l2 >>> 0) + (l1 >>> 0);
    h2 = (h2 + h1 + (t > 0xffffffff ? 1 : 0)) | 0;
    l2 = t | 0;
    t = (h1 << 17) | (l1 >>> 15);
    l1 = ((l1 << 17) | (h1 >>> 15)) ^ l2;
    h1 = t ^ h2;
    t = h2;
    h2 = l2;
    l2 = t;
  }
  v[0] = h0;
  v[1] = l0;
  v[2] = h1;
  v[3] = l1;
  v[4] = h2;
  v[5] = l2;
  v[6] = h3;
  v[7] = l3;
}
