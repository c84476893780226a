/**
 * Which 32 bytes are an X25519 public key. RFC 7748 section 5 takes any: it masks the highest bit, reduces modulo p, and multiplies
 * whatever point comes out. So one secret has many encodings, and whoever compares or hashes keys as bytes takes one participant
 * for several. Here a key has one encoding, and everything else is refused wherever a key comes in.
 */

/** p = 2^255 - 19, the field of Curve25519 (RFC 7748 section 4.1). */
const P = (1n << 255n) - 19n;
/** The order of the subgroup that every honest public key lies in (RFC 7748 section 4.1). */
const SUBGROUP_ORDER = (1n << 252n) + 27742317777372353535851937790883648493n;
/** (A - 2) / 4 for A = 486662 (RFC 7748 section 5). */
const A24 = 121665n;

/** The points of order 1, 2, 4 and 8 of the curve and its twist, each in its one canonical encoding. */
const LOW_ORDER = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
].map((hex) => Uint8Array.from(hex.match(/../g) as string[], (byte) => Number.parseInt(byte, 16)));

/**
 * Canonical (less than p, highest bit clear) and not of low order: a few comparisons, so it is asked for every key of every
 * handshake, link, message and file.
 */
export function isPublicKey(bytes: Uint8Array): boolean {
  if (bytes.length !== 32 || !belowP(bytes)) return false;
  return !LOW_ORDER.some((point) => point.every((byte, i) => byte === bytes[i]));
}

function belowP(bytes: Uint8Array): boolean {
  const top = bytes[31] as number;
  if (top !== 0x7f) return top < 0x7f;
  for (let i = 30; i > 0; i--) if (bytes[i] !== 0xff) return true;
  return (bytes[0] as number) < 0xed;
}

/**
 * Does a secret exist whose public key this is? Added to a public key, each of the eight points of low order gives another one that
 * agrees on the same secrets, since X25519 multiplies by 8 first; only one of the eight has the order of the subgroup. Takes about
 * a millisecond (255 steps of the Montgomery ladder), so it is asked where a join code is derived, which takes a hundred.
 */
export function isInSubgroup(key: Uint8Array): boolean {
  if (!isPublicKey(key)) return false;
  let x1 = 0n;
  for (let i = 31; i >= 0; i--) x1 = (x1 << 8n) | BigInt(key[i] as number);
  // RFC 7748 section 5, without its masking of the scalar; the result is infinity, Z = 0, for points of this order alone.
  let [x2, z2, x3, z3] = [1n, 0n, x1, 1n];
  for (let bit = 252n; bit >= 0n; bit--) {
    const swap = ((SUBGROUP_ORDER >> bit) & 1n) === 1n;
    if (swap) [x2, z2, x3, z3] = [x3, z3, x2, z2];
    const [a, b, c, d] = [x2 + z2, x2 - z2, x3 + z3, x3 - z3];
    const [aa, bb, da, cb] = [(a * a) % P, (b * b) % P, (d * a) % P, (c * b) % P];
    const e = aa - bb;
    x3 = (da + cb) ** 2n % P;
    z3 = (x1 * ((da - cb) ** 2n % P)) % P;
    x2 = (aa * bb) % P;
    z2 = (e * ((aa + A24 * e) % P)) % P;
    if (swap) [x2, z2, x3, z3] = [x3, z3, x2, z2];
  }
  return z2 % P === 0n;
}
