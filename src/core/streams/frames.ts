/**
 * What the datagrams of streams hold: frames, numbered and laid out as in RFC 9000 section 19, integers as in its section 16.
 *
 *     packet: number i | frame ...
 *
 *     ping 0x01
 *     ack 0x02           largest i | delay i | clock 4 | ranges i | first range i | { gap i | range i } ...
 *     reset 0x04         stream i | code i | final size i
 *     stop 0x05          stream i | code i
 *     stream 0x08–0x0f   stream i | offset i if 0x04 | length i if 0x02 | bytes; 0x01: they are the last
 *     max data 0x10      bytes i
 *     max stream 0x11    stream i | bytes i
 *     max streams 0x12   streams i
 *     close 0x1c         error i
 *
 * Delay and clock count tenths of a millisecond: how long the acknowledgement has waited, and the receiver's clock when the largest
 * came in. Of the clock only differences mean anything. Streams are numbered from 0 in the order in which they are opened; the first
 * byte of a stream from its opener is the number of the service.
 */

import type { Reader, Writer } from '../bytes.ts';
import { CLOCK_PER_MS } from './clock.ts';
import { STREAM_LIMITS } from './limits.ts';

export const FRAME = {
  ping: 0x01,
  ack: 0x02,
  reset: 0x04,
  stop: 0x05,
  stream: 0x08,
  maxData: 0x10,
  maxStreamData: 0x11,
  maxStreams: 0x12,
  close: 0x1c,
} as const;
const FIN = 0x01;
const LENGTH = 0x02;
const OFFSET = 0x04;

export interface AckFrame {
  readonly frame: 'ack';
  readonly delayMs: number;
  /** Of the receiver, in tenths of a millisecond; wraps. */
  readonly clock: number;
  /** Both ends included, the highest first. */
  readonly ranges: readonly { readonly from: number; readonly to: number }[];
}

export type Frame =
  | { readonly frame: 'ping' }
  | AckFrame
  | { readonly frame: 'reset'; readonly stream: number; readonly code: number; readonly size: number }
  | { readonly frame: 'stop'; readonly stream: number; readonly code: number }
  | {
      readonly frame: 'stream';
      readonly stream: number;
      readonly offset: number;
      readonly bytes: Uint8Array;
      readonly fin: boolean;
    }
  | { readonly frame: 'max-data'; readonly bytes: number }
  | { readonly frame: 'max-stream-data'; readonly stream: number; readonly bytes: number }
  | { readonly frame: 'max-streams'; readonly streams: number }
  | { readonly frame: 'close'; readonly error: number };

/** Two bits say how many bytes; what does not fit 53 bits is malformed. */
export function readVarint(reader: Reader): number {
  const first = reader.u8();
  const length = 1 << (first >> 6);
  let value = first & 0x3f;
  for (let n = 1; n < length; n++) value = value * 256 + reader.u8();
  if (value <= Number.MAX_SAFE_INTEGER) return value;
  reader.fail();
  return 0;
}

function varintBytes(value: number): number {
  if (value < 0x40) return 1;
  if (value < 0x4000) return 2;
  return value < 0x4000_0000 ? 4 : 8;
}

export function writeVarint(writer: Writer, value: number): Writer {
  if (value < 0x40) return writer.u8(value);
  if (value < 0x4000) return writer.u16(0x4000 | value);
  if (value < 0x4000_0000) return writer.u16(0x8000 | (value >>> 16)).u16(value & 0xffff);
  const high = Math.floor(value / 0x1_0000_0000);
  return writer
    .u16(0xc000 | (high >>> 16))
    .u16(high & 0xffff)
    .u32(value % 0x1_0000_0000);
}

/** What a stream frame costs beside its bytes, with a length that it may not need. */
export function streamHeaderBytes(stream: number, offset: number, length: number): number {
  return 1 + varintBytes(stream) + (offset === 0 ? 0 : varintBytes(offset)) + varintBytes(length);
}

/** The bytes themselves follow. */
export function writeStreamHeader(writer: Writer, stream: number, offset: number, length: number, fin: boolean): void {
  writer.u8(FRAME.stream | (offset === 0 ? 0 : OFFSET) | LENGTH | (fin ? FIN : 0));
  writeVarint(writer, stream);
  if (offset > 0) writeVarint(writer, offset);
  writeVarint(writer, length);
}

/** Writes as many ranges as `bytesMax` has room for. `ranges` as in `AckFrame`; there is one at least. */
export function writeAck(writer: Writer, { delayMs, clock, ranges }: AckFrame, bytesMax: number): void {
  const end = writer.length + bytesMax;
  const [first] = ranges as [AckFrame['ranges'][number]];
  const delay = Math.min(0x3fff, Math.max(0, Math.round(delayMs * CLOCK_PER_MS)));
  writer.u8(FRAME.ack);
  writeVarint(writeVarint(writer, first.to), delay).u32(clock);
  const pairs: number[] = [];
  let bytes = writer.length + 1 + varintBytes(first.to - first.from);
  for (let n = 1; n < Math.min(ranges.length, STREAM_LIMITS.ackRangesMax); n++) {
    const [above, range] = [ranges[n - 1], ranges[n]] as [typeof first, typeof first];
    const [gap, length] = [above.from - range.to - 2, range.to - range.from];
    bytes += varintBytes(gap) + varintBytes(length);
    if (bytes > end) break;
    pairs.push(gap, length);
  }
  writeVarint(writer, pairs.length / 2);
  writeVarint(writer, first.to - first.from);
  for (const value of pairs) writeVarint(writer, value);
}

/** The most that `writeAck` needs. */
export const ACK_BYTES_MAX = 1 + 8 + 2 + 4 + 1 + 8 + (STREAM_LIMITS.ackRangesMax - 1) * 16;

/** Null where the frame is malformed or of no kind that there is; the reader has failed then, or is at its end. */
export function readFrame(reader: Reader): Frame | null {
  const type = reader.u8();
  const frame = (type & ~7) === FRAME.stream ? readStream(reader, type) : readOther(reader, type);
  return reader.ok ? frame : null;
}

function readStream(reader: Reader, type: number): Frame {
  const stream = readVarint(reader);
  const offset = (type & OFFSET) === 0 ? 0 : readVarint(reader);
  const bytes = (type & LENGTH) === 0 ? reader.rest() : reader.take(readVarint(reader));
  if (offset + bytes.length > Number.MAX_SAFE_INTEGER) reader.fail();
  return { frame: 'stream', stream, offset, bytes, fin: (type & FIN) !== 0 };
}

function readOther(reader: Reader, type: number): Frame | null {
  switch (type) {
    case FRAME.ping:
      return { frame: 'ping' };
    case FRAME.ack:
      return readAck(reader);
    case FRAME.reset:
      return { frame: 'reset', stream: readVarint(reader), code: readVarint(reader), size: readVarint(reader) };
    case FRAME.stop:
      return { frame: 'stop', stream: readVarint(reader), code: readVarint(reader) };
    case FRAME.maxData:
      return { frame: 'max-data', bytes: readVarint(reader) };
    case FRAME.maxStreamData:
      return { frame: 'max-stream-data', stream: readVarint(reader), bytes: readVarint(reader) };
    case FRAME.maxStreams:
      return { frame: 'max-streams', streams: readVarint(reader) };
    case FRAME.close:
      return { frame: 'close', error: readVarint(reader) };
    default:
      reader.fail();
      return null;
  }
}

function readAck(reader: Reader): Frame | null {
  let to = readVarint(reader);
  const delayMs = readVarint(reader) / CLOCK_PER_MS;
  const clock = reader.u32();
  const count = readVarint(reader);
  let from = to - readVarint(reader);
  const ranges = [{ from, to }];
  // More than a sender of ours writes: the rest of the frame has to be read past all the same, and is no longer than the datagram.
  for (let n = 0; n < count && reader.ok && from >= 0; n++) {
    to = from - readVarint(reader) - 2;
    from = to - readVarint(reader);
    ranges.push({ from, to });
  }
  if (from >= 0) return { frame: 'ack', delayMs, clock, ranges };
  reader.fail();
  return null;
}
