/**
 * A datagram that is larger than its path carries goes in parts. What passes on loopback passes here: games that measure how large
 * a datagram may be (RakNet, QUIC), and servers that rely on the fragments of IP, find no limit but that of UDP.
 *
 *     part: message 2 | index 1 | count 1 | lane 1 | bytes
 *
 * All parts but the last have the same size, so a part says by its index where it belongs, and parts can't overlap. A message whose
 * parts disagree, or don't come within a second, is lost as a whole, as a fragmented datagram is. Parts arrive inside sealed
 * datagrams, each once: only the other side can send false ones, and only its own messages suffer.
 */
import { Reader, Writer } from '../bytes.ts';
import type { Instant } from '../contract.ts';
import { assert } from '../errors.ts';
import { CONNECTION_LIMITS } from './limits.ts';

const { partsMax, partBytesMin, partedBytesMax } = CONNECTION_LIMITS;
const PART_HEADER_BYTES = 2 + 1 + 1 + 1;
const MESSAGES = 0x1_0000;

/** A datagram of an application, whole. */
export interface Parted {
  /** Which service and program it belongs to (one byte). */
  readonly lane: number;
  readonly bytes: Uint8Array;
}

interface Part {
  readonly message: number;
  readonly index: number;
  readonly count: number;
  readonly lane: number;
  readonly bytes: Uint8Array;
}

/** A message of which some parts are here. */
interface Unfinished {
  readonly lane: number;
  readonly count: number;
  readonly expiresAt: Instant;
  readonly parts: Map<number, Uint8Array>;
  /** Of the parts that are here. */
  bytes: number;
}

/** Both directions of one connection. */
export class Parts {
  private nextMessage = 0;
  /** The oldest first. */
  private readonly unfinished = new Map<number, Unfinished>();
  private waiting = 0;

  /** Bytes that wait for others. */
  get waitingBytes(): number {
    return this.waiting;
  }

  /**
   * The bodies of the datagrams that carry `bytes`. `roomBytes` is what a body may have, on the narrowest path that is to carry
   * it. Null where 64 parts don't suffice. Meant for what no path carries whole, so for more than a part's least.
   */
  split(lane: number, bytes: Uint8Array, roomBytes: number): readonly Uint8Array[] | null {
    assert(bytes.length > partBytesMin, 'only what is too large goes in parts');
    const room = roomBytes - PART_HEADER_BYTES;
    const count = Math.max(2, Math.ceil(bytes.length / room));
    if (room < partBytesMin || count > partsMax || bytes.length > partedBytesMax) return null;
    const size = Math.max(partBytesMin, Math.ceil(bytes.length / count));
    const message = this.nextMessage;
    const bodies: Uint8Array[] = [];
    for (let index = 0; index < count; index++) {
      const piece = bytes.subarray(index * size, (index + 1) * size);
      const body = new Writer(PART_HEADER_BYTES + piece.length).u16(message).u8(index).u8(count).u8(lane).raw(piece);
      bodies.push(body.done());
    }
    this.nextMessage = (message + 1) % MESSAGES;
    return bodies;
  }

  /** The whole datagram, once its last part is here. */
  take(now: Instant, body: Uint8Array): Parted | null {
    this.expire(now);
    const part = readPart(body);
    if (part === null) return null;
    let entry = this.unfinished.get(part.message);
    if (entry !== undefined && (entry.count !== part.count || entry.lane !== part.lane)) {
      this.drop(part.message, entry);
      entry = undefined;
    }
    entry ??= this.begin(now, part);
    if (entry.parts.has(part.index)) return null;
    // A copy: what came in is a view of a buffer that may serve again.
    entry.parts.set(part.index, part.bytes.slice());
    entry.bytes += part.bytes.length;
    this.waiting += part.bytes.length;
    if (entry.parts.size === entry.count) {
      this.drop(part.message, entry);
      return joined(entry);
    }
    this.shed();
    return null;
  }

  /** Forgets what has waited for too long. Whoever does not call it keeps at most what the limits allow. */
  expire(now: Instant): void {
    for (const [message, entry] of this.unfinished) {
      if (entry.expiresAt > now) return;
      this.drop(message, entry);
    }
  }

  private begin(now: Instant, { message, lane, count }: Part): Unfinished {
    const expiresAt = now + CONNECTION_LIMITS.partsMs;
    const entry: Unfinished = { lane, count, expiresAt, parts: new Map(), bytes: 0 };
    this.unfinished.set(message, entry);
    return entry;
  }

  /** The oldest give way. */
  private shed(): void {
    for (const [message, entry] of this.unfinished) {
      const { partedMax, partedBytesSumMax } = CONNECTION_LIMITS;
      if (this.unfinished.size <= partedMax && this.waiting <= partedBytesSumMax) return;
      this.drop(message, entry);
    }
  }

  private drop(message: number, entry: Unfinished): void {
    this.unfinished.delete(message);
    this.waiting -= entry.bytes;
  }
}

/** Null where it is none. */
function readPart(body: Uint8Array): Part | null {
  const reader = new Reader(body);
  const part = {
    message: reader.u16(),
    index: reader.u8(),
    count: reader.u8(),
    lane: reader.u8(),
    bytes: reader.rest(),
  };
  const { index, count, bytes } = part;
  if (!reader.ok || count < 2 || count > partsMax || index >= count) return null;
  if (bytes.length < (index === count - 1 ? 1 : partBytesMin)) return null;
  return part;
}

/** Null where the parts don't fit each other. */
function joined({ lane, count, parts, bytes }: Unfinished): Parted | null {
  const size = parts.get(0)?.length ?? 0;
  if (bytes > partedBytesMax) return null;
  const whole = new Uint8Array(bytes);
  for (let index = 0; index < count; index++) {
    const part = parts.get(index);
    if (part === undefined || (index < count - 1 ? part.length !== size : part.length > size)) return null;
    whole.set(part, index * size);
  }
  return { lane, bytes: whole };
}
