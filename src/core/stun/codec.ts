/**
 * STUN messages (RFC 8489) with the NAT-behaviour attributes of RFC 5780.
 *
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |0 0|     message type          |  length without the header    |
 * |                  magic cookie 0x2112A442                      |
 * |                 transaction id (96 bits)                      |
 * |  attributes: type 16, length 16, value padded to 4 bytes ...  |
 *
 * What is not well-formed is dropped silently (§6.3), so parsing never throws.
 */
import { addressBytes, addressText, type Endpoint } from '../address.ts';
import { concat } from '../bytes.ts';
import { assert } from '../errors.ts';
import { crc32 } from './crc32.ts';
import { STUN_LIMITS } from './limits.ts';

const STUN_HEADER_BYTES = 20;
const STUN_MAGIC = 0x2112a442;
const FINGERPRINT_XOR = 0x5354554e;
export const STUN_BINDING = 1;

export type StunClass = 'request' | 'indication' | 'success' | 'error';
const CLASSES: readonly StunClass[] = ['request', 'indication', 'success', 'error'];

export interface ChangeRequest {
  readonly address: boolean;
  readonly port: boolean;
}

export interface StunError {
  readonly code: number;
  readonly reason: string;
}

/** The attributes we know, all optional on the wire. */
export interface StunAttributes {
  readonly mapped?: Endpoint;
  readonly xorMapped?: Endpoint;
  readonly responseOrigin?: Endpoint;
  readonly otherAddress?: Endpoint;
  readonly changeRequest?: ChangeRequest;
  readonly responsePort?: number;
  /** Length of the PADDING value. */
  readonly paddingBytes?: number;
  readonly username?: Uint8Array;
  readonly software?: string;
  readonly error?: StunError;
}

export interface StunMessage extends StunAttributes {
  readonly class: StunClass;
  readonly method: number;
  /** 12 bytes; 16 where the magic cookie is missing (RFC 3489, see `classic`). */
  readonly transaction: Uint8Array;
  /** RFC 3489: no magic cookie. Only read where the caller allows it. */
  readonly classic: boolean;
  /** True where FINGERPRINT is there (and right; a wrong one is a reject). */
  readonly fingerprint: boolean;
  /** Offset of MESSAGE-INTEGRITY; check it with `integrityMatches`. */
  readonly integrityAt: number | null;
  /** Comprehension-required attributes (type < 0x8000) that we do not know. */
  readonly unknownRequired: readonly number[];
}

export interface StunReject {
  readonly reject: 'short' | 'oversize' | 'not-stun' | 'length' | 'attribute' | 'fingerprint';
}

/** HMAC over the concatenation; SHA-1 for MESSAGE-INTEGRITY (§14.5), injected because core brings no hash. */
export type Hmac = (bytes: Uint8Array) => Uint8Array;

const TYPE = {
  mapped: 0x0001,
  changeRequest: 0x0003,
  /** RFC 3489 SOURCE-ADDRESS and CHANGED-ADDRESS, for classic clients. */
  classicSource: 0x0004,
  classicChanged: 0x0005,
  username: 0x0006,
  integrity: 0x0008,
  error: 0x0009,
  unknownAttributes: 0x000a,
  integritySha256: 0x001c,
  realm: 0x0014,
  nonce: 0x0015,
  xorMapped: 0x0020,
  padding: 0x0026,
  responsePort: 0x0027,
  software: 0x8022,
  fingerprint: 0x8028,
  responseOrigin: 0x802b,
  otherAddress: 0x802c,
} as const;

/** Known well enough to be skipped without being "unknown": credentials and ICE's own (RFC 8445 §16.1). */
const SKIPPED: ReadonlySet<number> = new Set([
  TYPE.classicSource,
  TYPE.classicChanged,
  TYPE.unknownAttributes,
  TYPE.integritySha256,
  TYPE.realm,
  TYPE.nonce,
  0x0024,
  0x0025,
]);

export function parseStun(bytes: Uint8Array, options: { readonly classic?: boolean } = {}): StunMessage | StunReject {
  if (bytes.length < STUN_HEADER_BYTES) return { reject: 'short' };
  if (bytes.length > STUN_LIMITS.stunBytesMax) return { reject: 'oversize' };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const type = view.getUint16(0);
  const classic = view.getUint32(4) !== STUN_MAGIC;
  if (type >= 0x4000 || (classic && options.classic !== true)) return { reject: 'not-stun' };
  const length = view.getUint16(2);
  if (length % 4 !== 0 || STUN_HEADER_BYTES + length !== bytes.length) return { reject: 'length' };
  const header = {
    class: CLASSES[((type >> 7) & 2) | ((type >> 4) & 1)]!,
    method: (type & 0x000f) | ((type >> 1) & 0x0070) | ((type >> 2) & 0x0f80),
    transaction: bytes.slice(classic ? 4 : 8, STUN_HEADER_BYTES),
    classic,
  };
  return parseAttributes(bytes, view, header);
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Header = Pick<StunMessage, 'class' | 'method' | 'transaction' | 'classic'>;

function parseAttributes(bytes: Uint8Array, view: DataView, header: Header): StunMessage | StunReject {
  const unknownRequired: number[] = [];
  const message: Mutable<StunMessage> = { ...header, fingerprint: false, integrityAt: null, unknownRequired };
  let offset = STUN_HEADER_BYTES;
  for (let count = 0; offset < bytes.length; count++) {
    if (count >= STUN_LIMITS.stunAttributesMax || offset + 4 > bytes.length) return { reject: 'attribute' };
    const type = view.getUint16(offset);
    const length = view.getUint16(offset + 2);
    const next = offset + 4 + ((length + 3) & ~3);
    if (next > bytes.length) return { reject: 'attribute' };
    const value = bytes.subarray(offset + 4, offset + 4 + length);
    if (type === TYPE.fingerprint) {
      // §14.7: always last, over everything before it.
      const right =
        next === bytes.length && length === 4 && view.getUint32(offset + 4) === fingerprintOf(bytes, offset);
      if (!right) return { reject: 'fingerprint' };
      message.fingerprint = true;
    } else if (type === TYPE.integrity && message.integrityAt === null) {
      if (length !== 20) return { reject: 'attribute' };
      message.integrityAt = offset;
    } else if (message.integrityAt === null && !readAttribute(message, type, value, unknownRequired)) {
      // §14.5: what follows MESSAGE-INTEGRITY is not protected and is ignored.
      return { reject: 'attribute' };
    }
    offset = next;
  }
  return message;
}

/** False where a known attribute is malformed. The first of a kind counts (§14). */
function readAttribute(message: Mutable<StunMessage>, type: number, value: Uint8Array, unknown: number[]): boolean {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  switch (type) {
    case TYPE.mapped:
      return readAddress(value, null, (endpoint) => (message.mapped ??= endpoint));
    case TYPE.xorMapped:
      return readAddress(value, message.transaction, (endpoint) => (message.xorMapped ??= endpoint));
    case TYPE.responseOrigin:
      return readAddress(value, null, (endpoint) => (message.responseOrigin ??= endpoint));
    case TYPE.otherAddress:
    case TYPE.classicChanged:
      return readAddress(value, null, (endpoint) => (message.otherAddress ??= endpoint));
    case TYPE.changeRequest: {
      if (value.length !== 4) return false;
      const flags = view.getUint32(0);
      message.changeRequest ??= { address: (flags & 4) !== 0, port: (flags & 2) !== 0 };
      return true;
    }
    case TYPE.responsePort:
      if (value.length < 2) return false;
      message.responsePort ??= view.getUint16(0);
      return true;
    case TYPE.padding:
      message.paddingBytes ??= value.length;
      return true;
    case TYPE.username:
      message.username ??= value.slice();
      return true;
    case TYPE.software:
      message.software ??= asciiText(value);
      return true;
    case TYPE.error:
      if (value.length < 4 || (value[2]! & 7) < 3 || (value[2]! & 7) > 6 || value[3]! > 99) return false;
      message.error ??= { code: (value[2]! & 7) * 100 + value[3]!, reason: asciiText(value.subarray(4)) };
      return true;
    default:
      if (type < 0x8000 && !SKIPPED.has(type)) unknown.push(type);
      return true;
  }
}

/** MAPPED-ADDRESS (§14.1); with the transaction id, XOR-MAPPED-ADDRESS (§14.2). */
function readAddress(value: Uint8Array, xor: Uint8Array | null, take: (endpoint: Endpoint) => void): boolean {
  const family = value[1];
  if (!((family === 1 && value.length === 8) || (family === 2 && value.length === 20))) return false;
  const key = xor === null ? null : xorKey(xor);
  const plain = value.slice(2);
  if (key !== null) for (let i = 0; i < plain.length; i++) plain[i]! ^= i < 2 ? key[i]! : key[i - 2]!;
  const address = addressText(plain.subarray(2));
  if (address === null) return false;
  take({ address, port: (plain[0]! << 8) | plain[1]! });
  return true;
}

const MAGIC_BYTES = Uint8Array.of(0x21, 0x12, 0xa4, 0x42);

function xorKey(transaction: Uint8Array): Uint8Array {
  const key = new Uint8Array(16);
  key.set(MAGIC_BYTES);
  key.set(transaction.subarray(transaction.length - 12), 4);
  return key;
}

/** Never more than `STUN_LIMITS.stunTextBytesMax`, and printable ASCII only: it ends in logs. */
function asciiText(bytes: Uint8Array): string {
  return String.fromCharCode(
    ...bytes.subarray(0, STUN_LIMITS.stunTextBytesMax).map((byte) => (byte >= 32 && byte < 127 ? byte : 63)),
  );
}

export interface StunDraft extends StunAttributes {
  readonly class: StunClass;
  readonly method?: number;
  /** 12 bytes, or the 16 of a classic (RFC 3489) request that is being answered. */
  readonly transaction: Uint8Array;
  /** For a 420 answer. */
  readonly unknownAttributes?: readonly number[];
  /** Adds MESSAGE-INTEGRITY. */
  readonly integrity?: Hmac;
  readonly fingerprint?: boolean;
}

export function encodeStun(draft: StunDraft): Uint8Array {
  const classic = draft.transaction.length === 16;
  assert(classic || draft.transaction.length === 12, 'a STUN transaction id has 12 bytes');
  const parts = attributeParts(draft, classic);
  const method = draft.method ?? STUN_BINDING;
  const classBits = CLASSES.indexOf(draft.class);
  const type =
    (method & 0x0f) |
    ((method & 0x70) << 1) |
    ((method & 0xf80) << 2) |
    ((classBits & 1) << 4) |
    ((classBits & 2) << 7);
  const header = new Uint8Array(STUN_HEADER_BYTES);
  const view = new DataView(header.buffer);
  view.setUint16(0, type);
  view.setUint32(4, STUN_MAGIC);
  header.set(draft.transaction, classic ? 4 : 8);
  let message = concat(header, ...parts);
  if (draft.integrity !== undefined) {
    setLength(message, 24);
    message = concat(message, attribute(TYPE.integrity, draft.integrity(message)));
  }
  if (draft.fingerprint === true) {
    setLength(message, 8);
    const sum = new Uint8Array(4);
    new DataView(sum.buffer).setUint32(0, fingerprintOf(message, message.length));
    message = concat(message, attribute(TYPE.fingerprint, sum));
  }
  setLength(message, 0);
  assert(message.length <= STUN_LIMITS.stunBytesMax, 'a STUN message of ours is not oversize');
  return message;
}

function attributeParts(draft: StunDraft, classic: boolean): Uint8Array[] {
  const parts: Uint8Array[] = [];
  const add = (type: number, value: Uint8Array | undefined) => value && parts.push(attribute(type, value));
  const plain = (endpoint: Endpoint | undefined) => endpoint && addressValue(endpoint, null);
  add(TYPE.software, draft.software === undefined ? undefined : asciiBytes(draft.software));
  add(TYPE.username, draft.username);
  add(TYPE.error, draft.error && errorValue(draft.error));
  add(TYPE.unknownAttributes, draft.unknownAttributes && words(draft.unknownAttributes));
  add(TYPE.mapped, plain(draft.mapped));
  add(TYPE.xorMapped, draft.xorMapped && addressValue(draft.xorMapped, draft.transaction));
  add(classic ? TYPE.classicSource : TYPE.responseOrigin, plain(draft.responseOrigin));
  add(classic ? TYPE.classicChanged : TYPE.otherAddress, plain(draft.otherAddress));
  const change = draft.changeRequest;
  add(TYPE.changeRequest, change && Uint8Array.of(0, 0, 0, (change.address ? 4 : 0) | (change.port ? 2 : 0)));
  // RFC 5780 §7.5: the port, then two reserved bytes.
  add(TYPE.responsePort, draft.responsePort === undefined ? undefined : words([draft.responsePort, 0]));
  add(TYPE.padding, draft.paddingBytes === undefined ? undefined : new Uint8Array(draft.paddingBytes));
  return parts;
}

function attribute(type: number, value: Uint8Array): Uint8Array {
  const out = new Uint8Array(4 + ((value.length + 3) & ~3));
  writeWord(out, 0, type);
  writeWord(out, 2, value.length);
  out.set(value, 4);
  return out;
}

function addressValue(endpoint: Endpoint, xor: Uint8Array | null): Uint8Array {
  const address = addressBytes(endpoint.address);
  assert(address !== null, 'an endpoint has an IP address');
  const plain = concat(words([endpoint.port]), address);
  if (xor !== null) {
    const key = xorKey(xor);
    for (let i = 0; i < plain.length; i++) plain[i]! ^= i < 2 ? key[i]! : key[i - 2]!;
  }
  return concat(Uint8Array.of(0, address.length === 4 ? 1 : 2), plain);
}

function errorValue(error: StunError): Uint8Array {
  return concat(Uint8Array.of(0, 0, Math.floor(error.code / 100), error.code % 100), asciiBytes(error.reason));
}

/** Is the MESSAGE-INTEGRITY of `message` (parsed from `bytes`) that of `hmac`? False where there is none. */
export function integrityMatches(bytes: Uint8Array, message: StunMessage, hmac: Hmac): boolean {
  if (message.integrityAt === null) return false;
  // §14.5: the length field counts as if the message ended with this attribute.
  const covered = bytes.slice(0, message.integrityAt);
  setLength(covered, 24);
  const expected = hmac(covered);
  let difference = expected.length ^ 20;
  for (let i = 0; i < 20; i++) difference |= expected[i]! ^ bytes[message.integrityAt + 4 + i]!;
  return difference === 0;
}

function fingerprintOf(bytes: Uint8Array, end: number): number {
  return (crc32(bytes.subarray(0, end)) ^ FINGERPRINT_XOR) >>> 0;
}

/** Writes the length field as if `following` more bytes of attributes came after. */
function setLength(message: Uint8Array, following: number): void {
  writeWord(message, 2, message.length - STUN_HEADER_BYTES + following);
}

function words(values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(2 * values.length);
  for (const [i, value] of values.entries()) writeWord(bytes, 2 * i, value);
  return bytes;
}

function writeWord(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 8;
  bytes[at + 1] = value;
}

function asciiBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0) & 0x7f);
}
