/**
 * What a relay and the two ends of a pair say to each other: first byte 0xd9, a type byte, then fields of a fixed length. What the
 * relay forwards is not here: sealed datagrams of the two (first byte 0xd8), as they are, nothing added.
 *
 *     an end                                   relay
 *        │ ASK 26                                │
 *        ├──────────────────────────────────────►│  nothing kept
 *        │                             COOKIE 26 │  the round trip to this relay is measured by the way
 *        │◄──────────────────────────────────────┤
 *        │ BIND 100: cookie, token, proof        │
 *        ├──────────────────────────────────────►│  this endpoint is this end of the pair
 *        │                 BOUND 27 │ REFUSED 11 │
 *        │◄──────────────────────────────────────┤
 *        │ KEEP 27 with the cookie, every 20 s   │
 *        ├──────────────────────────────────────►│  answered like BIND, with a fresh cookie
 *
 * No answer is larger than what it answers (SECURITY.md row 1). A cookie shows that its bearer receives at the address it was made
 * for, within the last two minutes; a token, which the master has made, that a pair may be; the proof, that it is this end of it.
 */
import { concat, equalBytes, Reader, utf8Encode, Writer } from '../bytes.ts';
import type { CryptoSuite, MacKey } from '../secure/crypto.ts';
import { deriveKey } from '../secure/hkdf.ts';
import { address } from './fields.ts';
import { WIRE } from './first-byte.ts';
import { WIRE_LIMITS } from './limits.ts';
import type { SessionId } from './messages.ts';
import {
  bytes,
  type Field,
  type Fields,
  flags,
  many,
  type StructOf,
  struct,
  text,
  u8,
  u16,
  u32,
  type ValueOf,
  word,
  zeros,
} from './struct.ts';

const MAC_BYTES = 16;
const HASH_BYTES = 8;
const PAIR_BYTES = 16;
const TOKEN_VERSION = 1;

export const RELAY_RANDOM_BYTES = 8;
export const RELAY_COOKIE_BYTES = 16;

/** What a token says; a MAC of the master follows it. */
const TOKEN = struct({
  version: u8,
  side: word(['client', 'host']),
  /** Seconds since 1970: after that it begins no pair. */
  expiresAt: u32,
  pair: bytes(PAIR_BYTES),
  /** First 8 bytes of SHA-256 of the keys by which the master knows them. */
  client: bytes(HASH_BYTES),
  host: bytes(HASH_BYTES),
});
export const RELAY_TOKEN_BYTES = TOKEN.bytesMax + MAC_BYTES;
const END_SECRET_BYTES = 16;

const random = bytes(RELAY_RANDOM_BYTES);

/** Why an end is not bound. */
export const RELAY_REFUSALS = [
  /** What a later version says. */
  'unknown',
  /** It is too old, or was made for another endpoint: ask for another. */
  'cookie',
  /** Not made with the secret of this relay, or not for the one who shows it. */
  'token',
  /** The relay knows no such pair (any more), and the token is too old to begin one: the master gives another. */
  'expired',
  /** What somebody of this pair may have of this relay today is used up. */
  'quota',
  'full',
  'banned',
] as const;
export type RelayRefusal = (typeof RELAY_REFUSALS)[number];

export const RELAY_MESSAGES = {
  ask: { number: 1, fields: { random, padding: zeros(RELAY_COOKIE_BYTES) } },
  cookie: { number: 2, fields: { random, cookie: bytes(RELAY_COOKIE_BYTES) } },
  /** `turn` grows with each BIND of an end that is no repetition: an older one moves nothing. */
  bind: {
    number: 3,
    fields: {
      ...{ random, cookie: bytes(RELAY_COOKIE_BYTES), turn: u32 },
      ...{ token: bytes(RELAY_TOKEN_BYTES), proof: bytes(MAC_BYTES) },
    },
  },
  /** `random` is that of BIND or KEEP; zeros where the relay says by itself that the other end has come. The next KEEP has the cookie. */
  bound: { number: 4, fields: { random, flags: flags('other'), cookie: bytes(RELAY_COOKIE_BYTES) } },
  refused: { number: 5, fields: { random, why: word(RELAY_REFUSALS) } },
  /** Only with a cookie that is valid does it keep the end bound: that shows that it still receives where it is bound. */
  keep: { number: 6, fields: { random, cookie: bytes(RELAY_COOKIE_BYTES), padding: zeros(1) } },
} as const satisfies Readonly<Record<string, { readonly number: number; readonly fields: Fields }>>;

type Messages = typeof RELAY_MESSAGES;
export type RelayMessage = {
  [Type in keyof Messages]: { readonly type: Type } & StructOf<Messages[Type]['fields']>;
}[keyof Messages];
type Of<Type extends keyof Messages> = Extract<RelayMessage, { readonly type: Type }>;

const HEADER_BYTES = 2;
const BODIES = Object.entries(RELAY_MESSAGES).map(([type, { number, fields }]) => ({
  type,
  number,
  body: struct(fields as Fields) as Field<unknown>,
}));
const BY_NUMBER = BODIES.reduce<((typeof BODIES)[number] | undefined)[]>((table, one) => {
  table[one.number] = one;
  return table;
}, []);

export function relayMessageBytes(type: keyof Messages): number {
  return HEADER_BYTES + bodyOf(type).bytesMax;
}

function bodyOf(type: keyof Messages): Field<unknown> {
  return (BY_NUMBER[RELAY_MESSAGES[type].number] as (typeof BODIES)[number]).body;
}

export function writeRelay(message: RelayMessage): Uint8Array {
  const writer = new Writer(relayMessageBytes(message.type)).u8(WIRE.relay).u8(RELAY_MESSAGES[message.type].number);
  bodyOf(message.type).write(writer, message);
  return writer.done();
}

/** Null where it is none of these, or not of its length: later versions append nothing, they have other types. */
export function readRelay(datagram: Uint8Array): RelayMessage | null {
  if (datagram[0] !== WIRE.relay) return null;
  const one = BY_NUMBER[datagram[1] as number];
  if (one === undefined || datagram.length !== HEADER_BYTES + one.body.bytesMax) return null;
  const reader = new Reader(datagram.subarray(HEADER_BYTES));
  const read = one.body.read(reader) as object;
  return reader.ok ? ({ type: one.type, ...read } as RelayMessage) : null;
}

/** A relay as its master names it. */
export const relayPlace = struct({
  name: text(WIRE_LIMITS.relayNameBytesMax),
  region: text(WIRE_LIMITS.relayNameBytesMax),
  /** One or two of each family at most; an end takes one of the family of its socket. None: where it reaches the master. */
  addresses: many(address, WIRE_LIMITS.masterAddressesMax, 'addresses'),
  port: u16,
});
export type RelayPlace = ValueOf<typeof relayPlace>;

/** What the master gives one end of a pair: the token to show, and the secret by which it proves that it is this end. */
export const relayGrant = {
  ...struct({ token: bytes(RELAY_TOKEN_BYTES), secret: bytes(END_SECRET_BYTES) }),
  layout: 'grant',
};
export type RelayGrant = ValueOf<typeof relayGrant>;

export interface RelayToken {
  readonly side: 'client' | 'host';
  /** Seconds since 1970. */
  readonly expiresAt: number;
  readonly pair: Uint8Array;
  readonly client: Uint8Array;
  readonly host: Uint8Array;
}

/** What comes of the secret that a master and its relays share, bound to the key of that master. */
export interface RelayKeys {
  readonly token: MacKey;
  readonly end: MacKey;
}

export function relayKeys(suite: CryptoSuite, secret: Uint8Array, masterKey: Uint8Array): RelayKeys {
  const key = (label: string): MacKey => suite.macKey(deriveKey(suite, secret, utf8Encode(label), masterKey));
  return { token: key('sallyport relay token'), end: key('sallyport relay end') };
}

/** By this the relay tells friends and hosts apart, and knows whom the master has banned. */
export function relayHash(suite: CryptoSuite, key: Uint8Array): Uint8Array {
  return suite.sha256(key).slice(0, HASH_BYTES);
}

/**
 * A grant for one end. The pair is named by the session and both keys, so nobody comes into the pair of two others, whatever
 * session id it makes up.
 */
export function mintGrant(
  suite: CryptoSuite,
  keys: RelayKeys,
  pair: { readonly sid: SessionId; readonly clientKey: Uint8Array; readonly hostKey: Uint8Array },
  end: { readonly side: 'client' | 'host'; readonly expiresAt: number },
): RelayGrant {
  const token = {
    ...end,
    pair: suite.sha256(pair.sid, pair.clientKey, pair.hostKey).slice(0, PAIR_BYTES),
    client: relayHash(suite, pair.clientKey),
    host: relayHash(suite, pair.hostKey),
  };
  return { token: writeToken(suite, keys, token), secret: endSecret(suite, keys, token) };
}

/** Its bytes, under the MAC of the master. */
export function writeToken(suite: CryptoSuite, keys: RelayKeys, token: RelayToken): Uint8Array {
  const writer = new Writer(RELAY_TOKEN_BYTES);
  TOKEN.write(writer, { version: TOKEN_VERSION, ...token });
  const mac = suite.hmac(keys.token, writer.done()).subarray(0, MAC_BYTES);
  return writer.raw(mac).done();
}

/** Null where the master of these keys has not made it. */
export function readToken(suite: CryptoSuite, keys: RelayKeys, token: Uint8Array): RelayToken | null {
  const at = RELAY_TOKEN_BYTES - MAC_BYTES;
  const mac = suite.hmac(keys.token, token.subarray(0, at)).subarray(0, MAC_BYTES);
  if (!equalBytes(mac, token.subarray(at))) return null;
  const reader = new Reader(token.subarray(0, at));
  const read = TOKEN.read(reader);
  return reader.ok && read.version === TOKEN_VERSION ? read : null;
}

/** The relay derives again what the master has given. */
export function endSecret(
  suite: CryptoSuite,
  keys: RelayKeys,
  end: { readonly pair: Uint8Array; readonly side: 'client' | 'host' },
): Uint8Array {
  return suite.hmac(keys.end, end.pair, utf8Encode(end.side)).slice(0, END_SECRET_BYTES);
}

/** `grant` proves itself: the whole datagram before the proof is under its secret. */
export function writeBind(suite: CryptoSuite, grant: RelayGrant, bind: Omit<Of<'bind'>, 'type' | 'token' | 'proof'>) {
  const unproven = writeRelay({ type: 'bind', ...bind, token: grant.token, proof: new Uint8Array(MAC_BYTES) });
  const body = unproven.subarray(0, unproven.length - MAC_BYTES);
  return concat(body, proofOf(suite, grant.secret, body));
}

export function bindProven(suite: CryptoSuite, secret: Uint8Array, datagram: Uint8Array): boolean {
  const at = datagram.length - MAC_BYTES;
  return equalBytes(proofOf(suite, secret, datagram.subarray(0, at)), datagram.subarray(at));
}

function proofOf(suite: CryptoSuite, secret: Uint8Array, body: Uint8Array): Uint8Array {
  return suite.hmac(suite.macKey(secret), body).subarray(0, MAC_BYTES);
}

/** A sealed datagram that a relay forwards: of a connection, and no larger than what leaves an Ethernet in one piece. */
export function isRelayed(datagram: Uint8Array): boolean {
  return (
    datagram[0] === WIRE.path &&
    datagram.length >= WIRE_LIMITS.relayedBytesMin &&
    datagram.length <= WIRE_LIMITS.relayedBytesMax
  );
}
