/**
 * A path: one way between two participants, as data, and what travels on it. Its keys are those of the connection that owns it.
 *
 *     type 0xd8 | sid 8 | sequence 8 | ciphertext | tag 16          associated data: the first 17 bytes
 *     plaintext: kind 1 | body
 *
 *     data 0        body: what the application sent
 *     ask 1         body: token 8; answered at once by `answer` with the same token
 *     answer 2      body: token 8
 *     leave 3       body: reason 1
 *     channel 16+n  body: data of channel n, 1 to 15: further programs of one friend that share the connection
 */
import { type Endpoint, familyOf } from '../address.ts';
import { Reader } from '../bytes.ts';
import type { Instant, SocketId } from '../contract.ts';
import type { PathKind } from '../model/pair.ts';
import { PEER_LIMITS } from './limits.ts';

export const PATH_HEADER_BYTES = 1 + 8 + 8;
/** Header, kind and tag. */
export const PATH_OVERHEAD_BYTES = PATH_HEADER_BYTES + 1 + 16;
const SID_AT = 1;
export const PATH_SEQUENCE_AT = SID_AT + 8;
/** UDP and IP headers: RFC 768, RFC 791 without options, RFC 8200. */
const IP_UDP_BYTES = { 4: 28, 6: 48 } as const;

export const DATAGRAM_KIND = { data: 0, ask: 1, answer: 2, leave: 3, channel: 16 } as const;

export const LEAVE_CODE = { left: 0, kicked: 1, released: 2, replaced: 3, full: 4 } as const;
export type LeaveReason = keyof typeof LEAVE_CODE;
export const LEAVE_REASONS = Object.keys(LEAVE_CODE) as readonly LeaveReason[];

/**
 * The largest payload that fits one Ethernet frame unfragmented: 1438 bytes over IPv4, 1418 over IPv6. Games stay below
 * (Source 1260, Teeworlds 1400); on a narrower link the kernel fragments, which is slow but loses nothing. What is larger
 * than this would be fragmented everywhere, so it is reported instead.
 */
export function payloadBytesMax(remote: Endpoint): number {
  return PEER_LIMITS.pathMtuBytes - IP_UDP_BYTES[familyOf(remote.address)] - PATH_OVERHEAD_BYTES;
}

/** The 8 bytes at `at` that name a session in probes and datagrams, as a key for tables. Bytes that are missing count as zero. */
export function sessionName(bytes: Uint8Array, at = 0): string {
  const pair = (n: number): number => ((bytes[at + n] as number) << 8) | (bytes[at + n + 1] as number);
  return String.fromCharCode(pair(0), pair(2), pair(4), pair(6));
}

/** The session that a datagram of a path names. */
export function sessionOf(datagram: Uint8Array): string {
  return sessionName(datagram, SID_AT);
}

/** Null where it does not fit 53 bits. */
export function sequenceOf(datagram: Uint8Array): number | null {
  const reader = new Reader(datagram);
  reader.offset = PATH_SEQUENCE_AT;
  const sequence = reader.u64();
  return reader.ok ? sequence : null;
}

export type PathState = 'proving' | 'ready' | 'sick' | 'gone';

/** Which state may follow which, and when. */
export const PATH_PHASES = {
  proving: {
    ready: 'a question to its address was answered from there',
    gone: 'three questions to its address have no answer, or its connection is over',
  },
  ready: {
    sick: 'nothing has come in over it for some seconds, though it was asked',
    gone: 'it has been replaced, or its connection is over',
  },
  sick: {
    ready: 'a question was answered',
    gone: 'nothing was answered for 30 s, it has been replaced, or its connection is over',
  },
  gone: {},
} as const satisfies Record<PathState, Partial<Record<PathState, string>>>;

/** A question that waits for its answer. */
export interface Asked {
  readonly token: Uint8Array;
  readonly at: Instant;
}

export interface Path {
  readonly kind: PathKind;
  readonly socket: SocketId;
  /** Never another one: where the other side has moved, that is another path. */
  readonly remote: Endpoint;
  readonly payloadBytesMax: number;
  state: PathState;
  /** When it came into this state. */
  since: Instant;
  rttMs: number;
  /** When anything authentic came in over it last. */
  heardAt: Instant;
  /** All questions and answers there have been: what is missing was lost, one way or the other. */
  questions: number;
  answers: number;
  /** The last questions: a late answer counts as well. */
  asked: readonly Asked[];
  /** Questions in a row without an answer. */
  tries: number;
  /** When the next question is due. */
  askAt: Instant;
  /** When consent is over. */
  expiresAt: Instant;
}
