/**
 * End to end, client to host, with a key the master does not have: Noise IK whose two messages travel inside JOIN and ANSWER.
 *
 *     JOIN    version 1 | Noise message 1 { client hello }          prologue: "sallyport", version, roles, sid 16
 *     ANSWER  Noise message 2 { host hello }
 *
 *     client hello   flags 1 | instance 8 | connection 8 | name text8 | [password proof 32] | master rtt ms 2 | candidates | profile |
 *                    relays (count 1 | { id 4 | rtt ms 2 } ...)
 *     host hello     flags 1 | held ms 4 | candidates | profile | relay id 4 | services
 *     candidates     count 1 | { kind 1 | length 1 | address 4 or 16 | port 2 } ...
 *     services       count 1 | { port 2 | protocols 1: bit 0 UDP, bit 1 TCP } ...          at most 16, each port once
 *
 * `connection` names one that the two have already (zeros: none): where the host has it, too, it says that it goes on, and what this
 * handshake leads to is one more path of it. Otherwise the keys of this handshake begin a new one.
 *
 * What follows the handshake is keyed from both transport keys: K_sig seals the steps, K_punch authenticates the probes, K_path
 * seals what the connection carries. (Not from the handshake hash alone: every input of that hash is public.)
 */

import { concat, Reader, toHex, utf8Encode, Writer } from '../../bytes.ts';
import { LIMITS } from '../../limits.ts';
import { CANDIDATE_KINDS, type Candidate, type Role } from '../../model/pair.ts';
import { isPort, protocolBits, protocolsOf, type Service } from '../../model/service.ts';
import type { NatProfile } from '../../nat/profile.ts';
import type { CryptoSuite, KeyPair } from '../../secure/crypto.ts';
import { deriveKey } from '../../secure/hkdf.ts';
import {
  NOISE_MESSAGE_1_OVERHEAD,
  type NoiseKeys,
  noiseInitiate,
  noiseRespond,
  type TransportKeys,
} from '../../secure/noise.ts';
import { SecureSession } from '../../secure/session.ts';
import { readEndpoint, writeEndpoint } from '../../wire/fields.ts';
import { WIRE_LIMITS } from '../../wire/limits.ts';
import { HANDSHAKE_BYTES_MAX, type SessionId } from '../../wire/messages.ts';
import { readProfile, writeProfile } from '../../wire/profile-wire.ts';
import { readMany, readWord, writeMany, writeWord } from '../../wire/struct.ts';
import type { FriendId } from '../base/interface.ts';
import { PEER_LIMITS } from '../base/limits.ts';
import { RELAY_MODES, type RelayDistance, type RelayId, type RelayMode } from '../base/relay-choice.ts';
import { wordsOf } from './words.ts';

const END_TO_END_VERSION = 1;
const FLAG_PASSWORD = 1;
/** Two bits: `RELAY_MODES`. */
const MODE_SHIFT = 1;
const FLAG_GOES_ON = 1;
const INSTANCE_BYTES = 8;
const CONNECTION_BYTES = 8;
/** Of a client that has no connection with the host. */
export const NO_CONNECTION = new Uint8Array(CONNECTION_BYTES);
/** Either hello fits the smaller of the two messages. */
const HELLO_BYTES_MAX = HANDSHAKE_BYTES_MAX - 1 - NOISE_MESSAGE_1_OVERHEAD;

export interface ClientHello {
  /**
   * 8 bytes, other ones with every start of the client's program, kept over its reconnects: two programs that share a key (two players at
   * one computer, a copied state folder) are one friend, but not one connection.
   */
  readonly instance: Uint8Array;
  /** The connection that is to have one more path, or `NO_CONNECTION`. */
  readonly connection: Uint8Array;
  readonly name: string;
  readonly passwordProof: Uint8Array | null;
  /** Round trip between the client and the master: with its own, the host knows how long a step takes. */
  readonly masterRttMs: number;
  readonly candidates: readonly Candidate[];
  readonly profile: NatProfile;
  readonly mode: RelayMode;
  /** How far the client is from the relays of the master. */
  readonly relays: readonly RelayDistance[];
}

interface HostHello {
  readonly mode: RelayMode;
  /** Through which relay both sides go meanwhile; `NO_RELAY` where neither does. */
  readonly relay: RelayId;
  /** The client's connection is known, and goes on. */
  readonly goesOn: boolean;
  /** How long the host let the offer wait (a person was asked): not part of the round trip. */
  readonly heldMs: number;
  readonly candidates: readonly Candidate[];
  readonly profile: NatProfile;
  /** What friends may reach there, by number; none where the application speaks for itself. */
  readonly services: readonly Service[];
}

/** What both ends share once the handshake is done. */
export interface EndToEnd {
  /** Seals steps. */
  readonly signal: SecureSession;
  /** For the connection, where this handshake begins one. */
  readonly connection: TransportKeys;
  /** How the two ends call that connection: 8 bytes that nobody else knows. */
  readonly connectionId: Uint8Array;
  readonly punchKey: Uint8Array;
  /** For two people to compare: see `words.ts`. */
  readonly words: string;
}

export interface ClientHandshake {
  readonly message: Uint8Array;
  /** Null where the answer is not that of the host we asked for. */
  finish(answer: Uint8Array): { readonly hello: HostHello; readonly keys: EndToEnd } | null;
}

export interface HostHandshake {
  readonly clientKey: Uint8Array;
  readonly hello: ClientHello;
  answer(hello: HostHello): { readonly message: Uint8Array; readonly keys: EndToEnd } | null;
}

/** First 8 bytes of SHA-256 of the static key, hex. */
export function friendOf(crypto: CryptoSuite, key: Uint8Array): FriendId {
  return toHex(crypto.sha256(key).subarray(0, 8));
}

/**
 * The key by which one device knocks at one host, always the same: the host knows its friend again, and what two hosts have been shown
 * has nothing in common. `device`: 32 secret bytes. X25519 clamps the secret itself (RFC 7748 §5).
 */
export function friendKey(crypto: CryptoSuite, device: Uint8Array, hostKey: Uint8Array): KeyPair {
  return crypto.keyPair(deriveKey(crypto, device, utf8Encode('sallyport friend'), hostKey));
}

/** What one key shows of the program that uses it (`start`: bytes of this start of it): two keys of one program show no likeness. */
export function instanceOf(crypto: CryptoSuite, start: Uint8Array, key: KeyPair): Uint8Array {
  return crypto.sha256(utf8Encode('sallyport instance'), start, key.publicKey).slice(0, INSTANCE_BYTES);
}

/**
 * Proof of a password for one join to one host by one client: worthless at another host, for another client or a second time
 * (SECURITY.md row 13), because the sid is taken once and all three are authenticated by the handshake around it.
 */
export function passwordProof(
  crypto: CryptoSuite,
  password: string,
  join: { readonly sid: SessionId; readonly hostKey: Uint8Array; readonly clientKey: Uint8Array },
): Uint8Array {
  const key = crypto.macKey(crypto.sha256(utf8Encode('sallyport password'), utf8Encode(password)));
  return crypto.hmac(key, join.sid, join.hostKey, join.clientKey);
}

export function openAsClient(
  crypto: CryptoSuite,
  own: KeyPair,
  join: { readonly sid: SessionId; readonly hostKey: Uint8Array; readonly hello: ClientHello },
): ClientHandshake | null {
  const initiator = noiseInitiate(crypto, {
    prologue: prologue(join.sid),
    own,
    remoteStatic: join.hostKey,
    payload: writeClientHello(join.hello),
  });
  if (initiator === null) return null;
  return {
    message: concat(Uint8Array.of(END_TO_END_VERSION), initiator.message1),
    finish(answer) {
      const done = initiator.finish(answer);
      const hello = done === null ? null : readHostHello(done.payload);
      return done === null || hello === null ? null : { hello, keys: endToEnd(crypto, done.keys, 'client') };
    },
  };
}

/** `version`: it is another version's; null: not authentic for our key, this sid and this direction, or malformed. */
export function openAsHost(
  crypto: CryptoSuite,
  own: KeyPair,
  sid: SessionId,
  message: Uint8Array,
): HostHandshake | 'version' | null {
  if (message[0] !== END_TO_END_VERSION) return 'version';
  const responder = noiseRespond(crypto, { prologue: prologue(sid), own }, message.subarray(1));
  const hello = responder === null ? null : readClientHello(responder.payload);
  if (responder === null || hello === null) return null;
  return {
    clientKey: responder.remoteStatic.slice(),
    hello,
    answer(reply) {
      const done = responder.respond(() => writeHostHello(reply));
      return done === null ? null : { message: done.message2, keys: endToEnd(crypto, done.keys, 'host') };
    },
  };
}

function prologue(sid: SessionId): Uint8Array {
  return concat(utf8Encode('sallyport end-to-end client host'), Uint8Array.of(END_TO_END_VERSION), sid);
}

function endToEnd(crypto: CryptoSuite, keys: NoiseKeys, role: Role): EndToEnd {
  const both = role === 'client' ? concat(keys.send, keys.receive) : concat(keys.receive, keys.send);
  const pair = (label: string): TransportKeys => ({
    send: deriveKey(crypto, keys.send, utf8Encode(label)),
    receive: deriveKey(crypto, keys.receive, utf8Encode(label)),
  });
  return {
    signal: new SecureSession(crypto, pair('sig')),
    connection: pair('path'),
    connectionId: deriveKey(crypto, both, utf8Encode('connection')).slice(0, CONNECTION_BYTES),
    punchKey: deriveKey(crypto, both, utf8Encode('punch')),
    words: wordsOf(crypto, keys.hash),
  };
}

function writeClientHello(hello: ClientHello): Uint8Array {
  const writer = new Writer(HELLO_BYTES_MAX)
    .u8((hello.passwordProof === null ? 0 : FLAG_PASSWORD) | modeBits(hello.mode))
    .raw(hello.instance)
    .raw(hello.connection)
    .text8(hello.name, WIRE_LIMITS.announcedNameBytesMax);
  if (hello.passwordProof !== null) writer.raw(hello.passwordProof);
  writer.u16(Math.min(0xffff, Math.round(hello.masterRttMs)));
  writeCandidates(writer, hello.candidates);
  writeProfile(writer, hello.profile);
  writeMany(writer, hello.relays, WIRE_LIMITS.relaysMax, (into, { relay, rttMs }) => void into.u32(relay).u16(rttMs));
  return writer.done();
}

function modeBits(mode: RelayMode): number {
  return RELAY_MODES.indexOf(mode) << MODE_SHIFT;
}

/** What no version of ours says counts as the strictest. */
function readMode(flags: number): RelayMode {
  return RELAY_MODES[(flags >> MODE_SHIFT) & 3] ?? 'only';
}

function readClientHello(bytes: Uint8Array): ClientHello | null {
  const reader = new Reader(bytes);
  const flags = reader.u8();
  const instance = reader.take(INSTANCE_BYTES).slice();
  const connection = reader.take(CONNECTION_BYTES).slice();
  const name = reader.text8();
  const proof = (flags & FLAG_PASSWORD) === 0 ? null : reader.take(32).slice();
  const masterRttMs = reader.u16();
  const candidates = readCandidates(reader);
  const profile = readProfile(reader);
  const relays = readMany(reader, WIRE_LIMITS.relaysMax, (from) => ({ relay: from.u32(), rttMs: from.u16() }));
  const hello = { instance, connection, name, passwordProof: proof, masterRttMs, candidates, profile };
  return reader.ok ? { ...hello, mode: readMode(flags), relays } : null;
}

function writeHostHello(hello: HostHello): Uint8Array {
  const writer = new Writer(HELLO_BYTES_MAX)
    .u8((hello.goesOn ? FLAG_GOES_ON : 0) | modeBits(hello.mode))
    .u32(Math.round(hello.heldMs));
  writeCandidates(writer, hello.candidates);
  writeProfile(writer, hello.profile);
  writer.u32(hello.relay);
  writeMany(writer, hello.services, LIMITS.servicesMax, (into, { port, protocols }) => {
    into.u16(port).u8(protocolBits(protocols));
  });
  return writer.done();
}

function readHostHello(bytes: Uint8Array): HostHello | null {
  const reader = new Reader(bytes);
  const flags = reader.u8();
  const heldMs = reader.u32();
  const candidates = readCandidates(reader);
  const profile = readProfile(reader);
  const relay = reader.u32();
  const services = readServices(reader);
  const goesOn = (flags & FLAG_GOES_ON) !== 0;
  return reader.ok ? { mode: readMode(flags), relay, goesOn, heldMs, candidates, profile, services } : null;
}

/** A friend opens these ports on its own computer, so a list that no host of ours can have is no list. */
function readServices(reader: Reader): readonly Service[] {
  const services = readMany(reader, LIMITS.servicesMax, (from): Service => {
    const port = from.u16();
    const protocols = protocolsOf(from.u8());
    if (!isPort(port) || protocols === null) from.fail();
    return { port, protocols: protocols ?? 'udp' };
  });
  if (new Set(services.map(({ port }) => port)).size < services.length) reader.fail();
  return services;
}

function writeCandidates(writer: Writer, candidates: readonly Candidate[]): void {
  writeMany(writer, candidates, PEER_LIMITS.candidatesMax, (into, candidate) => {
    writeWord(into, CANDIDATE_KINDS, candidate.kind);
    writeEndpoint(into, candidate.endpoint);
  });
}

function readCandidates(reader: Reader): readonly Candidate[] {
  return readMany(reader, PEER_LIMITS.candidatesMax, (from) => ({
    kind: readWord(from, CANDIDATE_KINDS),
    endpoint: readEndpoint(from),
  }));
}
