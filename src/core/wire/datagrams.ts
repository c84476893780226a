/**
 * The datagrams between a participant and the master. Big-endian; sizes are UDP payloads.
 *
 *     HELLO   512  d1 | version | flags | 0 | cookie 24 | Noise message 1 (484: e 32, s 48, payload 388 + 16)
 *                  flags: 1 = cookie present, 2 = answer with RETRY even if you cannot open this,
 *                         4 = not Noise but a resumption: random 32, ticket 136, payload 300 + 16
 *                  payload: time 8 (ms since 1970) | zeros
 *     RETRY    64  d2 | version | flags | 0 | first 8 of e | cookie 24 | observed endpoint xor e | wait, ms 2 | zeros
 *                  flags: 1 = the cookie was good, but I have another key than the one you meant, 2 = your ticket is not good
 *                  wait: not 0 = the cookie was good, but your address has had its share; the next HELLO not before that
 *     ACCEPT ≤320  d3 | version | 0 | 0 | first 8 of e | Noise message 2 or its like (e 32, payload + 16)
 *                  payload: cid 8 | ping every, ms 4 | observed endpoint | control port 2 | first probe port 2 |
 *                           probe ports 1 | other addresses of this family (count 1, each length 1 + bytes) |
 *                           ticket (length 1: 136, or 0 after a resumption)
 *     CONTROL      d4 | cid 8 | sequence 8 | ciphertext | tag 16         associated data: these first 17 bytes
 *                  plaintext: frame 1 | …, see below
 *     PROBE    48  d5 | answer from 1 | to port 2 (0 = where it comes from) | cid 8 | request 4 | zeros 16 | MAC 16
 *     ANSWER   48  d6 | answer from 1 | family 1 | 0 | request 4 | port 2 | zeros 6 | address 16 | MAC 16
 *                  MAC: SipHash-2-4-128 over the first 32 bytes, key = HKDF(k1 ‖ k2, "probe")[0..16]
 *
 * No answer is larger than what it answers, until the address is validated (SECURITY.md rows 1, 21).
 */
import { addressBytes, addressText, type Endpoint, familyOf } from '../address.ts';
import { concat, EMPTY, equalBytes, passingBytes, Reader, utf8Encode, Writer } from '../bytes.ts';
import type { CryptoSuite } from '../secure/crypto.ts';
import { deriveKey } from '../secure/hkdf.ts';
import { NOISE_MESSAGE_1_OVERHEAD, NOISE_TAG_BYTES } from '../secure/noise.ts';
import { RESUME_RANDOM_BYTES } from '../secure/resume.ts';
import { sipHash128, sipHash128Into } from '../secure/siphash.ts';
import type { AnswerFrom } from '../sources/source.ts';
import { address, endpoint } from './fields.ts';
import { WIRE } from './first-byte.ts';
import { WIRE_LIMITS } from './limits.ts';
import {
  type Push,
  pays,
  type Request,
  type Response,
  readRequest,
  writePush,
  writeRequest,
  writeResponse,
} from './messages.ts';
import { bytes, type Field, many, refine, struct, u8, u16, u32 } from './struct.ts';

export const PROTOCOL_VERSION = 1;
/** Binds version and roles into the handshake: nothing else can be led to accept it (SECURITY.md row 27). */
export const CONTROL_PROLOGUE = utf8Encode(`sallyport participant-to-master ${PROTOCOL_VERSION}`);
export const RESUME_PROLOGUE = utf8Encode(`sallyport participant-to-master resumed ${PROTOCOL_VERSION}`);
export const COOKIE_BYTES = 24;
export const TICKET_BYTES = 136;
export const CID_BYTES = 8;
export const CONTROL_HEADER_BYTES = 1 + CID_BYTES + 8;
const HELLO_HEADER_BYTES = 4 + COOKIE_BYTES;
const HELLO_PAYLOAD_BYTES = WIRE_LIMITS.helloBytes - HELLO_HEADER_BYTES - NOISE_MESSAGE_1_OVERHEAD;
const RESUME_PAYLOAD_BYTES =
  WIRE_LIMITS.helloBytes - HELLO_HEADER_BYTES - RESUME_RANDOM_BYTES - TICKET_BYTES - NOISE_TAG_BYTES;
const ECHO_BYTES = 8;
const FLAG_COOKIE = 1;
const FLAG_INSIST = 2;
const FLAG_RESUME = 4;
const REFUSED = { key: 1, ticket: 2 } as const;

export interface Hello {
  readonly version: number;
  /** Wants a RETRY in any case: that is how a participant tells a wrong key from a dead master. */
  readonly insists: boolean;
  /** Message 1 is that of a resumption. */
  readonly resumes: boolean;
  readonly cookie: Uint8Array | null;
  readonly message1: Uint8Array;
}

export function helloPayload(time: number, length = HELLO_PAYLOAD_BYTES): Uint8Array {
  return new Writer(length)
    .u64(Math.max(0, Math.floor(time)))
    .padTo(length)
    .done();
}

export function resumePayload(time: number): Uint8Array {
  return helloPayload(time, RESUME_PAYLOAD_BYTES);
}

export function readHelloTime(payload: Uint8Array): number {
  return new Reader(payload).u64();
}

export function writeHello(
  message1: Uint8Array,
  cookie: Uint8Array | null,
  insists: boolean,
  resumes = false,
): Uint8Array {
  const flags = (cookie === null ? 0 : FLAG_COOKIE) | (insists ? FLAG_INSIST : 0) | (resumes ? FLAG_RESUME : 0);
  const writer = new Writer(WIRE_LIMITS.helloBytes).u8(WIRE.hello).u8(PROTOCOL_VERSION).u8(flags).u8(0);
  return writer
    .raw(cookie ?? new Uint8Array(COOKIE_BYTES))
    .raw(message1)
    .done();
}

export function readHello(bytes: Uint8Array): Hello | null {
  if (bytes.length !== WIRE_LIMITS.helloBytes || bytes[0] !== WIRE.hello) return null;
  const flags = bytes[2] as number;
  if (flags > (FLAG_COOKIE | FLAG_INSIST | FLAG_RESUME) || bytes[3] !== 0) return null;
  return {
    version: bytes[1] as number,
    insists: (flags & FLAG_INSIST) !== 0,
    resumes: (flags & FLAG_RESUME) !== 0,
    cookie: (flags & FLAG_COOKIE) === 0 ? null : bytes.subarray(4, HELLO_HEADER_BYTES),
    message1: bytes.subarray(HELLO_HEADER_BYTES),
  };
}

/** The ephemeral key of message 1, or the random of a resumption: names this very HELLO. */
export function helloEphemeral(message1: Uint8Array): Uint8Array {
  return message1.subarray(0, 32);
}

export function writeRetry(
  message1: Uint8Array,
  cookie: Uint8Array,
  observed: Endpoint,
  refused: Retry['refused'] = null,
  waitMs = 0,
): Uint8Array {
  const writer = new Writer(WIRE_LIMITS.retryBytes)
    .u8(WIRE.retry)
    .u8(PROTOCOL_VERSION)
    .u8(refused === null ? 0 : REFUSED[refused])
    .u8(0);
  writer.raw(message1.subarray(0, ECHO_BYTES)).raw(cookie);
  return writer
    .raw(xor(packEndpoint(observed), helloEphemeral(message1)))
    .u16(Math.min(0xffff, Math.ceil(waitMs)))
    .padTo(WIRE_LIMITS.retryBytes)
    .done();
}

export interface Retry {
  readonly version: number;
  /** Why message 1 can't be opened: the master has another static key, or the ticket is not good (any more). */
  readonly refused: 'key' | 'ticket' | null;
  readonly cookie: Uint8Array;
  readonly observed: Endpoint | null;
  /** The address has had its share of handshakes: how long until there is another; else 0. */
  readonly waitMs: number;
}

/** Null where it does not answer the HELLO with this message 1. */
export function readRetry(message1: Uint8Array, bytes: Uint8Array): Retry | null {
  if (bytes.length !== WIRE_LIMITS.retryBytes || bytes[0] !== WIRE.retry) return null;
  if (!equalBytes(bytes.subarray(4, 12), message1.subarray(0, ECHO_BYTES))) return null;
  const observed = unpackEndpoint(xor(bytes.subarray(36, 36 + PACKED_ENDPOINT_BYTES), helloEphemeral(message1)));
  const flags = bytes[2] as number;
  const refused = (flags & REFUSED.key) !== 0 ? 'key' : (flags & REFUSED.ticket) !== 0 ? 'ticket' : null;
  const waitMs = new Reader(bytes.subarray(36 + PACKED_ENDPOINT_BYTES)).u16();
  return { version: bytes[1] as number, refused, cookie: bytes.slice(12, 12 + COOKIE_BYTES), observed, waitMs };
}

export interface Accept {
  readonly cid: Uint8Array;
  /** How often the participant is to show that it is there. */
  readonly pingMs: number;
  readonly observed: Endpoint;
  readonly controlPort: number;
  readonly firstProbePort: number;
  readonly probePorts: number;
  /** Further addresses of the master in the same family, with the same ports. */
  readonly otherAddresses: readonly string[];
  /** For the next time; null from a master that gives none. */
  readonly ticket: Uint8Array | null;
}

const TICKET: Field<Uint8Array | null> = {
  ...{ kind: 'blob', layout: `(length 1: ${TICKET_BYTES}, or 0)`, bytesMax: 1 + TICKET_BYTES },
  write: (writer, ticket) => void writer.blob8(ticket ?? EMPTY),
  read(reader) {
    const ticket = reader.blob8();
    return ticket.length === TICKET_BYTES ? ticket.slice() : null;
  },
};

/** The payload. */
export const ACCEPT: Field<Accept> = refine(
  struct({
    cid: bytes(CID_BYTES),
    pingMs: u32,
    observed: endpoint,
    controlPort: u16,
    firstProbePort: u16,
    probePorts: u8,
    otherAddresses: many(address, WIRE_LIMITS.masterAddressesMax, 'addresses'),
    ticket: TICKET,
  }),
  (accept: Accept) => accept,
  (accept, reader) => {
    if (!portsThereAre(accept)) reader.fail();
    return accept;
  },
);

export function acceptPayload(accept: Accept): Uint8Array {
  const writer = new Writer(WIRE_LIMITS.acceptBytesMax);
  ACCEPT.write(writer, accept);
  return writer.done();
}

export function readAcceptPayload(payload: Uint8Array): Accept | null {
  const reader = new Reader(payload);
  const accept = ACCEPT.read(reader);
  return reader.ok ? accept : null;
}

/** An answer `other-port` comes from half the ports further on, so their number is even, or there is no other (link/sources.ts). */
function portsThereAre({ controlPort, firstProbePort, probePorts }: Accept): boolean {
  if (controlPort === 0 || firstProbePort === 0 || firstProbePort + probePorts > 0x10000) return false;
  return probePorts === 1 || probePorts % 2 === 0;
}

export function writeAccept(message1: Uint8Array, message2: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(WIRE.accept, PROTOCOL_VERSION, 0, 0), message1.subarray(0, ECHO_BYTES), message2);
}

/** Message 2, or null where it does not answer the HELLO with this message 1. */
export function readAccept(message1: Uint8Array, bytes: Uint8Array): Uint8Array | null {
  if (bytes.length > WIRE_LIMITS.acceptBytesMax || bytes.length < 4 + ECHO_BYTES || bytes[0] !== WIRE.accept)
    return null;
  if (bytes[1] !== PROTOCOL_VERSION) return null;
  return equalBytes(bytes.subarray(4, 12), message1.subarray(0, ECHO_BYTES)) ? bytes.subarray(12) : null;
}

export function writeControlHeader(cid: Uint8Array, sequence: number): Uint8Array {
  return new Writer(CONTROL_HEADER_BYTES).u8(WIRE.control).raw(cid).u64(sequence).done();
}

export interface ControlHeader {
  readonly cid: Uint8Array;
  readonly sequence: number;
  readonly header: Uint8Array;
  readonly sealed: Uint8Array;
}

export function readControlHeader(bytes: Uint8Array): ControlHeader | null {
  if (bytes.length < CONTROL_HEADER_BYTES + NOISE_TAG_BYTES + 1 || bytes.length > WIRE_LIMITS.controlBytesMax)
    return null;
  if (bytes[0] !== WIRE.control) return null;
  const reader = new Reader(bytes.subarray(1 + CID_BYTES, CONTROL_HEADER_BYTES));
  const sequence = reader.u64();
  if (!reader.ok) return null;
  return {
    cid: bytes.subarray(1, 1 + CID_BYTES),
    sequence,
    header: bytes.subarray(0, CONTROL_HEADER_BYTES),
    sealed: bytes.subarray(CONTROL_HEADER_BYTES),
  };
}

/**
 * Frames inside CONTROL. `stamp` is a number that the master gives with everything it sends to one address and the
 * participant gives back with everything it sends from there: proof that it still receives at that address.
 *
 *     1 request    id 2 | flags 1 (1 = from a socket that is not the session's own) | stamp 4 | request
 *     2 response   id 2 | stamp 4 | response
 *     3 push       id 2 | stamp 4 | push
 *     4 push-ack   id 2 | stamp 4
 *     5 challenge          token 8     master to a new address of the session
 *     6 challenge answer   token 8     back, from that address
 */
export const FRAME = { request: 1, response: 2, push: 3, pushAck: 4, challenge: 5, challengeAnswer: 6 } as const;
export const CHALLENGE_BYTES = 8;
const PLAINTEXT_BYTES_MAX = WIRE_LIMITS.controlBytesMax - CONTROL_HEADER_BYTES - NOISE_TAG_BYTES;
const CONFIRM_PLAINTEXT_BYTES = WIRE_LIMITS.confirmBytesMin - CONTROL_HEADER_BYTES - NOISE_TAG_BYTES;

/** Frames are made here and copied out: a fresh 1200 bytes for each would be most of the master's garbage. */
const scratch = new Uint8Array(PLAINTEXT_BYTES_MAX);

export interface RequestFrame {
  readonly id: number;
  readonly via: boolean;
  readonly stamp: number;
  readonly message: Request;
}

/** Padded to the largest datagram where the message pays for something, and always large enough to confirm a session. */
export function writeRequestFrame(frame: RequestFrame): Uint8Array {
  const writer = new Writer(scratch)
    .u8(FRAME.request)
    .u16(frame.id)
    .u8(frame.via ? 1 : 0)
    .u32(frame.stamp);
  writeRequest(writer, frame.message);
  return writer
    .padTo(pays(frame.message) ? PLAINTEXT_BYTES_MAX : Math.max(writer.length, CONFIRM_PLAINTEXT_BYTES))
    .done()
    .slice();
}

/** `reader` stands after the frame byte. Null where malformed. */
export function readRequestFrame(reader: Reader): RequestFrame | null {
  const [id, flags, stamp] = [reader.u16(), reader.u8(), reader.u32()];
  const message = readRequest(reader);
  return message === null ? null : { id, via: (flags & 1) !== 0, stamp, message };
}

export function writeResponseFrame(id: number, stamp: number, message: Response): Uint8Array {
  const writer = new Writer(scratch).u8(FRAME.response).u16(id).u32(stamp);
  writeResponse(writer, message);
  return writer.done().slice();
}

export function writePushFrame(id: number, stamp: number, message: Push): Uint8Array {
  const writer = new Writer(scratch).u8(FRAME.push).u16(id).u32(stamp);
  writePush(writer, message);
  return writer.done().slice();
}

export function writePushAckFrame(id: number, stamp: number): Uint8Array {
  return new Writer(7).u8(FRAME.pushAck).u16(id).u32(stamp).done();
}

export function writeChallengeFrame(frame: 5 | 6, token: Uint8Array): Uint8Array {
  return new Writer(1 + CHALLENGE_BYTES).u8(frame).raw(token).done();
}

/** Mapping probes. */
const MAC_AT = 32;
const MAC_BYTES = 16;
const ANSWERS_FROM: readonly AnswerFrom[] = ['same', 'other-port', 'other-address'];

/**
 * From both transport keys of the session: the one towards the master first. (Not from the handshake hash, which anybody on
 * the path can compute.)
 */
export function probeKey(suite: CryptoSuite, toMaster: Uint8Array, toParticipant: Uint8Array): Uint8Array {
  return deriveKey(suite, concat(toMaster, toParticipant), utf8Encode('probe')).slice(0, 16);
}

/** `toPort`: the port of the asker's external address that is to get the answer; 0 = the one that has asked. */
export function writeProbe(
  key: Uint8Array,
  cid: Uint8Array,
  request: number,
  answerFrom: AnswerFrom,
  toPort = 0,
): Uint8Array {
  const writer = new Writer(WIRE_LIMITS.probeBytes).u8(WIRE.probe).u8(ANSWERS_FROM.indexOf(answerFrom));
  return withMac(key, writer.u16(toPort).raw(cid).u32(request));
}

export interface MappingProbe {
  /** The CID as a number. */
  readonly session: number;
  readonly answerFrom: AnswerFrom;
  /** 0: the port that has asked. */
  readonly toPort: number;
  readonly request: number;
}

/** Everything but the MAC, which needs the session that the CID names. */
export function readProbe(bytes: Uint8Array): MappingProbe | null {
  if (bytes.length !== WIRE_LIMITS.probeBytes || bytes[0] !== WIRE.probe) return null;
  const answerFrom = ANSWERS_FROM[bytes[1] as number];
  if (answerFrom === undefined) return null;
  const toPort = ((bytes[2] as number) << 8) | (bytes[3] as number);
  // Below are services of systems; no NAT and no router is asked for such a port.
  if (toPort !== 0 && toPort < WIRE_LIMITS.probeToPortMin) return null;
  return { session: cidNumber(bytes, 4), answerFrom, toPort, request: word(bytes, 12) };
}

/** The 48 random bits of a CID; the first 16 name node and worker of a fleet and are 0 here. */
export function cidNumber(bytes: Uint8Array, at = 0): number {
  return (((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)) * 0x1_0000_0000 + word(bytes, at + 4);
}

function word(bytes: Uint8Array, at: number): number {
  const [a, b] = [bytes[at] as number, bytes[at + 1] as number];
  return ((a << 24) | (b << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)) >>> 0;
}

const mac = new Uint8Array(MAC_BYTES);

export function probeAuthentic(key: Uint8Array, bytes: Uint8Array): boolean {
  sipHash128Into(mac, 0, key, bytes, MAC_AT);
  let difference = 0;
  for (let i = 0; i < MAC_BYTES; i++) difference |= (mac[i] as number) ^ (bytes[MAC_AT + i] as number);
  return difference === 0;
}

/** The master's busiest answer, hence written in place and not through `Reader` and `Writer`, which make views. */
export function writeProbeAnswer(key: Uint8Array, probe: MappingProbe, observed: Endpoint): Uint8Array {
  const { request } = probe;
  const { address, port } = observed;
  const bytes = passingBytes(WIRE_LIMITS.probeBytes);
  bytes[0] = WIRE.probeAnswer;
  bytes[1] = ANSWERS_FROM.indexOf(probe.answerFrom);
  bytes[2] = familyOf(address);
  for (let i = 0; i < 4; i++) bytes[4 + i] = request >>> (24 - 8 * i);
  bytes[8] = port >>> 8;
  bytes[9] = port;
  bytes.set(addressBytes(address) ?? EMPTY, 16);
  sipHash128Into(bytes, MAC_AT, key, bytes, MAC_AT);
  return bytes;
}

export interface ProbeAnswer {
  readonly answerFrom: AnswerFrom;
  readonly request: number;
  readonly observed: Endpoint;
}

/** Null where it is not authentic. */
export function readProbeAnswer(key: Uint8Array, bytes: Uint8Array): ProbeAnswer | null {
  if (bytes.length !== WIRE_LIMITS.probeBytes || bytes[0] !== WIRE.probeAnswer || !probeAuthentic(key, bytes))
    return null;
  const reader = new Reader(bytes.subarray(4, 10));
  const [request, port] = [reader.u32(), reader.u16()];
  const answerFrom = ANSWERS_FROM[bytes[1] as number];
  const address = addressText(bytes.subarray(16, bytes[2] === 6 ? 32 : 20));
  if (answerFrom === undefined || address === null || port === 0) return null;
  return { answerFrom, request, observed: { address, port } };
}

function withMac(key: Uint8Array, writer: Writer): Uint8Array {
  const body = writer.padTo(MAC_AT).done();
  return writer.raw(sipHash128(key, body)).done();
}

const PACKED_ENDPOINT_BYTES = 19;

/** Fixed 19 bytes: family, port, address. */
function packEndpoint(endpoint: Endpoint): Uint8Array {
  const writer = new Writer(PACKED_ENDPOINT_BYTES).u8(familyOf(endpoint.address)).u16(endpoint.port);
  return writer
    .raw(addressBytes(endpoint.address) ?? EMPTY)
    .padTo(PACKED_ENDPOINT_BYTES)
    .done();
}

function unpackEndpoint(packed: Uint8Array): Endpoint | null {
  const reader = new Reader(packed);
  const [family, port] = [reader.u8(), reader.u16()];
  const address = family === 4 || family === 6 ? addressText(reader.take(family === 4 ? 4 : 16)) : null;
  return address === null ? null : { address, port };
}

function xor(bytes: Uint8Array, mask: Uint8Array): Uint8Array {
  return bytes.map((byte, i) => byte ^ (mask[i] ?? 0));
}
