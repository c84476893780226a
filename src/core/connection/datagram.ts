/**
 * The datagrams of a connection. Big-endian; sizes are UDP payloads.
 *
 *     type 0xd8 | label 8 | sequence 8, masked | ciphertext | tag 16          associated data: the first 17 bytes
 *     plaintext: kind 1 | body
 *
 *     data 0    body: lane 1 (service 4 bits, program 4 bits) | what the application sent
 *     ask 1     body: token 8 | zeros; answered at once by `answer` with the same token
 *     answer 2  body: token 8 | datagrams heard over this path 4 | clock of whoever answers 4, in tenths of a millisecond, which wraps
 *     leave 3   body: reason 1
 *     part 4    body: a piece of a datagram that is larger than the path carries (`parts.ts`)
 *     deaf 5    body: number of a label 4: over the path on which your datagrams have it nothing comes in
 *     stream 6  body: frames of the streams (`streams/frames.ts`)
 *     game 7    body: service 1 | state 1 | count 4: whether the game of the host answers (`game.ts`)
 *
 * Bit 7 of the kind marks a copy: the same content was sent under the sequence just before, over another path. Label and mask
 * belong to the path (`secure/ratchet.ts`).
 */
import { Reader } from '../bytes.ts';
import { unmaskSequence } from '../secure/ratchet.ts';

export const LABEL_AT = 1;
export const SEQUENCE_AT = LABEL_AT + 8;
export const HEADER_BYTES = SEQUENCE_AT + 8;
export const TAG_BYTES = 16;
/** Header, kind, lane and tag: what a datagram of the application costs. */
export const DATAGRAM_OVERHEAD_BYTES = HEADER_BYTES + 2 + TAG_BYTES;
export const DATAGRAM_BYTES_MIN = HEADER_BYTES + 1 + TAG_BYTES;
export const TOKEN_BYTES = 8;
export const COPY = 0x80;

export const DATAGRAM_KIND = { data: 0, ask: 1, answer: 2, leave: 3, part: 4, deaf: 5, stream: 6, game: 7 } as const;

export const LEAVE_CODE = { left: 0, kicked: 1, released: 2, replaced: 3, full: 4 } as const;
export type LeaveReason = keyof typeof LEAVE_CODE;
export const LEAVE_REASONS = Object.keys(LEAVE_CODE) as readonly LeaveReason[];

/** One byte: which service of the host (0 to 15), and which program of the friend (0 to 15). */
export function laneOf(service: number, program: number): number {
  return (service << 4) | program;
}

export function serviceOf(lane: number): number {
  return lane >> 4;
}

export function programOf(lane: number): number {
  return lane & 15;
}

/** The 8 bytes that name the path of a datagram, wherever in it they stand, as a key for tables. Missing bytes count as zero. */
export function eightBytes(bytes: Uint8Array, at = LABEL_AT): string {
  const pair = (n: number): number => ((bytes[at + n] as number) << 8) | (bytes[at + n + 1] as number);
  return String.fromCharCode(pair(0), pair(2), pair(4), pair(6));
}

/** The same of a name as two integers of 32 bits, without a string made for each datagram. */
export function highOf(bytes: Uint8Array): number {
  return intAt(bytes, LABEL_AT);
}
export function lowOf(bytes: Uint8Array): number {
  return intAt(bytes, LABEL_AT + 4);
}
function intAt(bytes: Uint8Array, at: number): number {
  const [a, b, c, d] = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]] as [number, number, number, number];
  return (a << 24) | (b << 16) | (c << 8) | d;
}

/** Null where no sender has such a sequence. */
export function sequenceOf(datagram: Uint8Array, mask: Uint8Array): number | null {
  return unmaskSequence(mask, datagram, SEQUENCE_AT);
}

/** What an answer says; null where it is cut. */
export function readAnswer(
  body: Uint8Array,
): { readonly token: Uint8Array; readonly heard: number; readonly clock: number } | null {
  const reader = new Reader(body);
  const token = reader.take(TOKEN_BYTES);
  const heard = reader.u32();
  const clock = reader.u32();
  return reader.ok ? { token, heard, clock } : null;
}
