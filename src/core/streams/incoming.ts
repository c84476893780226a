/** The receiving part of a stream (RFC 9000 section 3.2): puts in order what comes, and says how much more may come. */
import type { StreamsError } from './interface.ts';
import { STREAM_LIMITS } from './limits.ts';

const { streamWindowBytes, connectionWindowBytes, windowUpdateShare, piecesMax } = STREAM_LIMITS;

/** What all streams of a connection have received, which its window bounds. */
export class SharedWindow {
  /** The highest offsets of all streams, in sum. */
  private received = 0;
  private consumed = 0;
  /** What the other side has been told that it may send in all. */
  max: number = connectionWindowBytes;
  /** Has it to be told of a new one? */
  due = false;
  /** Pieces that wait for one before them. */
  pieces = 0;

  /** False where that is more than was allowed. */
  receive(bytes: number): boolean {
    if (this.received + bytes > this.max) return false;
    this.received += bytes;
    return true;
  }

  consume(bytes: number): void {
    this.consumed += bytes;
    const max = this.consumed + connectionWindowBytes;
    if (max - this.max < connectionWindowBytes * windowUpdateShare) return;
    this.max = max;
    this.due = true;
  }
}

interface Piece {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** `full`: too many pieces wait; the datagram counts as lost. */
export type Taken = 'taken' | 'full' | StreamsError;

export class Incoming {
  /** All was handed over up to its end, or nothing more will be. */
  over = false;
  /** What the other side has been told that it may send. */
  max: number = streamWindowBytes;
  /** Has it to be told of a new one? */
  due = false;
  private readonly shared: SharedWindow;
  /** Handed over in order. */
  private deliveredTo = 0;
  private consumed = 0;
  private highest = 0;
  /** Known once its last byte is. */
  private size: number | null = null;
  /** In order of offset, without overlap, all beyond `deliveredTo`. */
  private pieces: Piece[] = [];

  constructor(shared: SharedWindow) {
    this.shared = shared;
  }

  /** `deliver` gets views of `bytes`, and the end where it is reached. */
  take(offset: number, bytes: Uint8Array, fin: boolean, deliver: (bytes: Uint8Array) => void): Taken {
    const end = offset + bytes.length;
    const error = this.grow(end, fin);
    if (error !== null) return error;
    if (this.over) return 'taken';
    if (offset > this.deliveredTo) return this.keep(offset, bytes);
    if (end > this.deliveredTo) {
      const fresh = bytes.subarray(this.deliveredTo - offset);
      this.deliveredTo = end;
      deliver(fresh);
      this.deliverKept(deliver);
    }
    this.over = this.deliveredTo === this.size;
    return 'taken';
  }

  /** The other side gives up its direction. What had not been handed over is not handed over any more. */
  reset(size: number): StreamsError | null {
    const error = this.grow(size, true);
    if (error === null) this.stop();
    return error;
  }

  /** Nothing more is handed over. */
  stop(): void {
    this.over = true;
    this.shared.pieces -= this.pieces.length;
    this.pieces = [];
    this.consume(this.highest - this.consumed);
  }

  /** Is it known how much the other side has sent in all? Before that a stream is not forgotten: the window counts it. */
  get settled(): boolean {
    return this.over && this.size !== null;
  }

  /** The application has taken so much. */
  consume(bytes: number): void {
    const taken = Math.min(bytes, this.highest - this.consumed);
    this.consumed += taken;
    this.shared.consume(taken);
    const max = this.consumed + streamWindowBytes;
    if (this.over || this.size !== null || max - this.max < streamWindowBytes * windowUpdateShare) return;
    this.max = max;
    this.due = true;
  }

  private grow(end: number, fin: boolean): StreamsError | null {
    if (this.size !== null && (end > this.size || (fin && end !== this.size))) return 'finalSize';
    if (fin && end < this.highest) return 'finalSize';
    if (end > this.max) return 'flowControl';
    if (end > this.highest) {
      if (!this.shared.receive(end - this.highest)) return 'flowControl';
      // What comes for a stream that nobody reads any more is consumed as it comes.
      const unread = this.over ? end - this.highest : 0;
      this.highest = end;
      if (unread > 0) this.consume(unread);
    }
    if (fin) this.size = end;
    return null;
  }

  private keep(offset: number, bytes: Uint8Array): Taken {
    const { pieces } = this;
    const end = offset + bytes.length;
    let at = offset;
    let n = pieces.length;
    while (n > 0 && endOf(pieces[n - 1] as Piece) > at) n--;
    while (at < end) {
      const next = pieces[n];
      const until = Math.min(end, next?.offset ?? end);
      if (until > at) {
        if (this.shared.pieces >= piecesMax) return 'full';
        // A copy: what came in is a view of a buffer that may serve again.
        pieces.splice(n++, 0, { offset: at, bytes: bytes.slice(at - offset, until - offset) });
        this.shared.pieces++;
      }
      at = next === undefined ? end : Math.max(until, endOf(next));
      n++;
    }
    return 'taken';
  }

  private deliverKept(deliver: (bytes: Uint8Array) => void): void {
    let n = 0;
    for (let piece = this.pieces[0]; piece !== undefined && piece.offset <= this.deliveredTo; piece = this.pieces[n]) {
      n++;
      if (endOf(piece) <= this.deliveredTo) continue;
      const fresh = piece.bytes.subarray(this.deliveredTo - piece.offset);
      this.deliveredTo = endOf(piece);
      deliver(fresh);
    }
    if (n > 0) this.pieces.splice(0, n);
    this.shared.pieces -= n;
  }
}

function endOf({ offset, bytes }: Piece): number {
  return offset + bytes.length;
}
