/** One participant, one key: of the many encodings that X25519 takes for the same secret, one is a key here. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  formatMasterLink,
  isInSubgroup,
  isPublicKey,
  parseJoinTarget,
  parseMasterLink,
  toBase64Url,
} from '../../src/core/index.ts';
import { noiseInitiate, noiseRespond, Reader, readRequest, Writer, writeRequest } from '../../src/core/testing.ts';
import { deriveCode, nodeCrypto } from '../../src/node/index.ts';

const P = 2n ** 255n - 19n;
const A = 486662n;
const mod = (value: bigint): bigint => ((value % P) + P) % P;
function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (let [b, e] = [mod(base), exponent]; e > 0n; e >>= 1n, b = (b * b) % P) if (e & 1n) result = (result * b) % P;
  return result;
}
const inverse = (value: bigint): bigint => power(value, P - 2n);
const bytesOf = (value: bigint): Uint8Array =>
  Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 255n));
const numberOf = (bytes: Uint8Array): bigint => bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);

interface Point {
  readonly u: bigint;
  readonly v: bigint;
}
function rootOf(square: bigint): bigint | null {
  const root = power(square, (P + 3n) / 8n);
  for (const candidate of [root, mod(root * power(2n, (P - 1n) / 4n))])
    if (mod(candidate * candidate) === mod(square)) return candidate;
  return null;
}
/** A point with this u, RFC 7748 section 4.1: v^2 = u^3 + 486662 u^2 + u. Null where it lies on the twist. */
function lift(u: bigint): Point | null {
  const v = rootOf(mod(u ** 3n + A * u * u + u));
  return v === null ? null : { u, v };
}
/** The sum of two points that are neither equal nor opposite. */
function add(left: Point, right: Point): Point {
  const slope = mod((right.v - left.v) * inverse(mod(right.u - left.u)));
  const u = mod(slope * slope - A - left.u - right.u);
  return { u, v: mod(slope * (left.u - u) - left.v) };
}
const LOW_ORDER_8 = [
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
];
const fromHexText = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));

/** All points of order 2, 4 and 8 of the curve, which X25519 can not tell a key without one of them from. */
function torsion(): Point[] {
  const two: Point = { u: 0n, v: 0n };
  const fours = [1n, P - 1n].flatMap((u) => lift(u) ?? []);
  const eights = LOW_ORDER_8.flatMap((hex) => lift(numberOf(fromHexText(hex))) ?? []);
  return [
    two,
    ...[...fours, ...eights].flatMap(({ u, v }) => [
      { u, v },
      { u, v: mod(-v) },
    ]),
  ];
}

const secret = fc.uint8Array({ minLength: 32, maxLength: 32 });

describe('the eight encodings of one key', () => {
  const points = torsion();

  test('X25519 itself agrees with each of them on the same secret, as on those above p and with the highest bit', () => {
    expect(points).toHaveLength(7);
    const raw = (key: Uint8Array): boolean => isPublicKey(key);
    const own = nodeCrypto.keyPair(new Uint8Array(32).fill(9));
    const host = nodeCrypto.keyPair(new Uint8Array(32).fill(8));
    const agreed = nodeCrypto.agree(own.privateKey, host.publicKey);
    const point = lift(numberOf(host.publicKey)) as Point;
    const others = points.map((low) => bytesOf(add(point, low).u));
    expect(new Set(others.map(toBase64Url)).size).toBe(7);
    for (const other of others) {
      expect(raw(other)).toBe(true);
      expect(nodeCrypto.agree(own.privateKey, other)).toEqual(agreed);
    }
  });

  test('one of them has a code, the other seven belong to no secret', async () => {
    await fc.assert(
      fc.asyncProperty(secret, async (bytes) => {
        const { publicKey } = nodeCrypto.keyPair(bytes);
        expect(isInSubgroup(publicKey)).toBe(true);
        const point = lift(numberOf(publicKey)) as Point;
        for (const low of points) {
          const other = bytesOf(add(point, low).u);
          expect(isInSubgroup(other)).toBe(false);
          expect(await deriveCode(other)).toBeNull();
        }
      }),
      { numRuns: 20 },
    );
  });
});

const encodings = secret.map((bytes) => {
  const { publicKey } = nodeCrypto.keyPair(bytes);
  return { publicKey, high: publicKey.with(31, (publicKey[31] as number) | 0x80) };
});
/** Every value from p to 2^255 - 1, with and without the highest bit; and the points of low order. */
const NOT_CANONICAL = Array.from({ length: 19 }, (_, i) =>
  [P + BigInt(i), P + BigInt(i) + 2n ** 255n].map(bytesOf),
).flat();
const LOW_ORDER = [0n, 1n, P - 1n].map(bytesOf).concat(LOW_ORDER_8.map(fromHexText));

test('a public key of any secret is one; none is above p, has the highest bit, has a low order or another length', () => {
  fc.assert(
    fc.property(encodings, ({ publicKey, high }) => {
      expect([isPublicKey(publicKey), isPublicKey(high)]).toEqual([true, false]);
      expect(isPublicKey(publicKey.subarray(1))).toBe(false);
    }),
  );
  for (const bad of [...NOT_CANONICAL, ...LOW_ORDER]) expect(isPublicKey(bad)).toBe(false);
  for (const good of [2n, P - 2n, 2n ** 254n]) expect(isPublicKey(bytesOf(good))).toBe(true);
});

test('what is no key is none anywhere: in links, messages, agreements and handshakes', () => {
  const own = nodeCrypto.keyPair(new Uint8Array(32).fill(1));
  const other = nodeCrypto.keyPair(new Uint8Array(32).fill(2));
  const high = other.publicKey.with(31, (other.publicKey[31] as number) | 0x80);
  const prologue = new Uint8Array(0);
  for (const bad of [high, ...NOT_CANONICAL, ...LOW_ORDER]) {
    const text = toBase64Url(bad);
    const master = { host: '198.51.100.7', port: 8430, key: bad };
    expect(parseMasterLink(formatMasterLink(master))).toHaveProperty('problem');
    expect(parseJoinTarget(`sallyport://join/K7TQ9RBWXM#${text}`)).toBeNull();
    expect(parseJoinTarget(`https://ms.example.org/j/K7TQ9RBWXM#${text}`)).toBeNull();
    expect(parseJoinTarget(`sallyport://a.example/j/K7TQ9RBWXM#${toBase64Url(own.publicKey)}.${text}`)).toBeNull();
    const writer = new Writer(200);
    writeRequest(writer, {
      type: 'join',
      hidden: false,
      sid: new Uint8Array(16),
      hostKey: bad,
      handshake: new Uint8Array(0),
    });
    expect(readRequest(new Reader(writer.done()))).toBeNull();
    expect(nodeCrypto.agree(own.privateKey, bad)).toBeNull();
    expect(noiseInitiate(nodeCrypto, { prologue, own, remoteStatic: bad, payload: prologue })).toBeNull();
    // As the static key of whoever knocks, whose secret fits it, and as the ephemeral one of either message.
    const liar = { ...other, publicKey: bad };
    const honest = noiseInitiate(nodeCrypto, { prologue, own: other, remoteStatic: own.publicKey, payload: prologue });
    if (honest === null) return expect.unreachable();
    expect(noiseRespond(nodeCrypto, { prologue, own }, honest.message1)).not.toBeNull();
    const ephemeral = noiseInitiate(nodeCrypto, {
      prologue,
      own: other,
      remoteStatic: own.publicKey,
      payload: prologue,
      ephemeral: liar,
    });
    expect(noiseRespond(nodeCrypto, { prologue, own }, ephemeral?.message1 as Uint8Array)).toBeNull();
    const asStatic = noiseInitiate(nodeCrypto, { prologue, own: liar, remoteStatic: own.publicKey, payload: prologue });
    expect(noiseRespond(nodeCrypto, { prologue, own }, asStatic?.message1 as Uint8Array)).toBeNull();
    const answer = noiseRespond(nodeCrypto, { prologue, own }, honest.message1)?.respond(() => prologue, liar);
    if (answer != null) expect(honest.finish(answer.message2)).toBeNull();
  }
});
