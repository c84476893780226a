/** The sending part of a stream (RFC 9000 section 3.1): keeps what was written until the other side has it. */
import type { Writer } from '../bytes.ts';
import { assert } from '../errors.ts';
import { streamHeaderBytes, writeStreamHeader } from './frames.ts';
import { STREAM_LIMITS } from './limits.ts';
import { Ranges } from './ranges.ts';

const { sendBytesMax, takenBytes, blockBytes, streamWindowBytes } = STREAM_LIMITS;

interface Block {
  readonly offset: number;
  readonly bytes: Uint8Array;
  /** Used of `bytes`: a block that collects small writes has room behind it. */
  length: number;
}

/** What of a stream one frame has carried. */
export interface Carried {
  readonly offset: number;
  readonly length: number;
  readonly fin: boolean;
}

/** `ending`: its end is still to be said, or to be said again. */
type Phase = 'writing' | 'ending' | 'end-sent' | 'end-acked' | 'over';

/** Which phase may follow which, and when. @drawn in docs/states.md */
export const OUTGOING_PHASES = {
  writing: {
    ending: 'the application writes nothing more',
    over: 'it is given up',
  },
  ending: {
    'end-sent': 'a frame has carried its end',
    'end-acked': 'one that was taken for lost has come after all',
    over: 'it is given up',
  },
  'end-sent': {
    ending: 'the frame with its end is lost',
    'end-acked': 'the other side has its end',
    over: 'it is given up',
  },
  'end-acked': { over: 'the other side has all of it, or it is given up' },
  over: {},
} as const satisfies Record<Phase, Partial<Record<Phase, string>>>;

export class Outgoing {
  /** What the other side allows. */
  max: number = streamWindowBytes;
  /** First bytes not sent yet: what has been sent is below. */
  next = 0;
  private written = 0;
  private ackedTo = 0;
  private phase: Phase = 'writing';
  private told = 0;
  /** Acknowledged beyond `ackedTo`, and to be sent again. */
  private readonly acked = new Ranges();
  private readonly lost = new Ranges();
  /** In order, the first holds `ackedTo`. */
  private blocks: Block[] = [];

  /** Its end, and so all of it, is with the other side; or it was given up. */
  get over(): boolean {
    return this.phase === 'over';
  }

  /** Not yet with the other side. */
  get waitingBytes(): number {
    return this.written - this.ackedTo;
  }

  /** The bytes stay the stream's. */
  write(bytes: Uint8Array): void {
    if (bytes.length === 0 || this.over) return;
    assert(this.phase === 'writing', 'a stream that was ended is not written to');
    assert(this.waitingBytes + bytes.length <= sendBytesMax, 'a writer heeds what the other side has taken');
    this.append(bytes);
  }

  /** The application writes nothing more. */
  end(): void {
    if (this.phase === 'writing') this.enter('ending');
  }

  private append(bytes: Uint8Array): void {
    const last = this.blocks.at(-1);
    const small = bytes.length < blockBytes / 4;
    if (small && last !== undefined && last.bytes.length === blockBytes && last.length + bytes.length <= blockBytes) {
      last.bytes.set(bytes, last.length);
      last.length += bytes.length;
    } else if (small) {
      const block = { offset: this.written, bytes: new Uint8Array(blockBytes), length: bytes.length };
      block.bytes.set(bytes);
      this.blocks.push(block);
    } else this.blocks.push({ offset: this.written, bytes, length: bytes.length });
    this.written += bytes.length;
  }

  /** What the other side has taken since this was asked last; 0 while that is little. */
  taken(): number {
    const bytes = this.ackedTo - this.told;
    if (bytes < takenBytes) return 0;
    this.told = this.ackedTo;
    return bytes;
  }

  /** Is there something to send, with so much of the window of the connection left? */
  wants(windowBytes: number): boolean {
    if (this.over) return false;
    if (!this.lost.empty) return true;
    if (this.next < this.written) return this.next < this.max && windowBytes > 0;
    return this.phase === 'ending';
  }

  /** Writes one frame of at most `roomBytes`. Null where nothing fits or there is nothing. */
  fill(writer: Writer, stream: number, roomBytes: number, windowBytes: number): Carried | null {
    const [again] = this.lost.runs;
    const offset = again?.start ?? this.next;
    const fresh = Math.min(this.written - offset, this.max - offset, windowBytes);
    const most = again === undefined ? Math.max(0, fresh) : again.end - again.start;
    const length = Math.min(most, roomBytes - streamHeaderBytes(stream, offset, most));
    const isEnd = this.phase !== 'writing' && offset + length === this.written;
    const fin = isEnd && (again !== undefined || length > 0 || this.phase === 'ending');
    if (length < 0 || (length === 0 && !fin)) return null;
    writeStreamHeader(writer, stream, offset, length, fin);
    this.copy(writer, offset, length);
    if (again !== undefined) this.lost.remove(offset, offset + length);
    this.next = Math.max(this.next, offset + length);
    if (fin && this.phase === 'ending') this.enter('end-sent');
    return { offset, length, fin };
  }

  onAcked({ offset, length, fin }: Carried): void {
    if (this.over) return;
    // What was sent twice may be acknowledged twice.
    this.acked.add(Math.max(offset, this.ackedTo), offset + length);
    this.lost.remove(offset, offset + length);
    const [first] = this.acked.runs;
    if (first !== undefined && first.start <= this.ackedTo) {
      this.ackedTo = first.end;
      this.acked.runs.shift();
      this.drop();
    }
    if (fin && this.phase !== 'end-acked') this.enter('end-acked');
    if (this.phase === 'end-acked' && this.ackedTo === this.written) this.enter('over');
  }

  onLost({ offset, length, fin }: Carried): void {
    if (this.over) return;
    const from = Math.max(offset, this.ackedTo);
    for (const { start, end } of this.acked.without(from, offset + length)) this.lost.add(start, end);
    if (fin && this.phase === 'end-sent') this.enter('ending');
  }

  /** Nothing of it is sent any more. Gives its final size. */
  abandon(): number {
    if (this.phase !== 'over') this.enter('over');
    this.blocks = [];
    return this.next;
  }

  private enter(phase: Phase): void {
    assert(phase in OUTGOING_PHASES[this.phase], `the sending part of a stream goes from ${this.phase} to ${phase}`);
    this.phase = phase;
  }

  private copy(writer: Writer, offset: number, length: number): void {
    let at = offset;
    for (let n = this.blockOf(offset); at < offset + length; n++) {
      const block = this.blocks[n] as Block;
      const piece = block.bytes.subarray(at - block.offset, Math.min(block.length, offset + length - block.offset));
      writer.raw(piece);
      at += piece.length;
    }
  }

  private blockOf(offset: number): number {
    let low = 0;
    let high = this.blocks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.blocks[middle] as Block).offset <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  private drop(): void {
    let n = 0;
    for (const block of this.blocks) {
      if (block.offset + block.length > this.ackedTo) break;
      n++;
    }
    // A block that still collects goes with its last byte as well: what comes next begins a new one.
    if (n > 0) this.blocks.splice(0, n);
  }
}
