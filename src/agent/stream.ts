/**
 * Streams of a path as Node has them: a `Duplex` each, which may be half closed, and ends with an error where a TCP connection would.
 * Whoever does not read holds the other side's writer up, and whoever writes faster than the other side reads is held up.
 */
import { Duplex } from 'node:stream';
import { STREAM_LIMITS, type StreamCode, type StreamCommand, type StreamEvent, type StreamId } from '../core/index.ts';

/** The `code` of the error with which a stream ends, as Node names them for sockets. */
const ERRNO: Readonly<Record<StreamCode, string>> = {
  reset: 'ECONNRESET',
  refused: 'ECONNREFUSED',
  timeout: 'ETIMEDOUT',
  limit: 'EMFILE',
  lost: 'ENETRESET',
};

/** What is told of one stream. */
export type StreamNews = Exclude<StreamEvent, { readonly ev: 'streams-failed' }>;

export class PathStream extends Duplex {
  /** The number of the service that it leads to. */
  readonly service: number;
  readonly #name: StreamId;
  readonly #command: (command: StreamCommand) => void;
  readonly #onOver: () => void;
  /** Come, and not asked for yet. */
  #waiting: Uint8Array[] = [];
  #wanted = false;
  #soon: NodeJS.Immediate | null = null;
  #ended = false;
  /** Written, and not known to be with the other side. */
  #outstanding = 0;
  /** Goes on when the other side has taken more. */
  #held: { readonly bytes: Uint8Array; readonly done: () => void } | null = null;
  /** The other side knows that it is over. */
  #over = false;
  #why: StreamCode = 'reset';

  constructor(service: number, name: StreamId, command: (command: StreamCommand) => void, onOver: () => void) {
    super({ allowHalfOpen: true });
    this.service = service;
    this.#name = name;
    this.#command = command;
    this.#onOver = onOver;
  }

  /** Breaks it off, and says this to the other side; `destroy` says `reset`. */
  breakOff(why: StreamCode): void {
    this.#why = why;
    this.destroy();
  }

  /** From here on the path's side: what the machine has told. */
  told(news: StreamNews): void {
    switch (news.ev) {
      case 'stream-data':
        this.#waiting.push(news.bytes);
        this.#serveSoon();
        break;
      case 'stream-ended':
        this.#ended = true;
        this.#serveSoon();
        break;
      case 'stream-taken':
        this.#outstanding -= news.bytes;
        this.#resume();
        break;
      case 'stream-reset':
        this.#over = true;
        // What came before it is not lost by it, as far as the reader takes it.
        this.#serve();
        this.destroy(failureOf(news.why));
        break;
      case 'stream-closed':
        this.#over = true;
    }
  }

  override _read(): void {
    this.#wanted = true;
    this.#serve();
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: () => void): void {
    this.#held = { bytes: chunk, done };
    this.#resume();
  }

  override _final(done: () => void): void {
    this.#command({ do: 'stream-end', stream: this.#name });
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const finished = this.writableFinished && this.readableEnded;
    if (!this.#over && !finished) this.#command({ do: 'stream-reset', stream: this.#name, why: this.#why });
    this.#waiting = [];
    this.#held = null;
    this.#onOver();
    done(error);
  }

  /** Once for all that comes in one turn of the event loop: a reader that writes it on does so by one call of the system. */
  #serveSoon(): void {
    this.#soon ??= setImmediate(() => {
      this.#soon = null;
      this.#serve();
    });
  }

  #serve(): void {
    if (this.#wanted && this.#waiting.length > 0) {
      const bytes = this.#waiting.length === 1 ? this.#waiting[0] : Buffer.concat(this.#waiting);
      this.#waiting = [];
      this.#wanted = this.push(bytes);
      this.#command({ do: 'stream-consumed', stream: this.#name, bytes: bytes?.length ?? 0 });
    }
    if (!this.#ended || this.#waiting.length > 0) return;
    this.#ended = false;
    this.push(null);
  }

  /** A large chunk goes in pieces: the other side takes a window at a time. */
  #resume(): void {
    while (this.#held !== null) {
      const { bytes, done } = this.#held;
      const room = STREAM_LIMITS.sendBytesMax - STREAM_LIMITS.takenBytes - this.#outstanding;
      if (room <= 0) return;
      const piece = bytes.subarray(0, room);
      this.#held = piece.length < bytes.length ? { bytes: bytes.subarray(room), done } : null;
      this.#outstanding += piece.length;
      this.#command({ do: 'stream-write', stream: this.#name, bytes: piece });
      if (this.#held === null) done();
    }
  }
}

function failureOf(why: StreamCode): Error {
  const text = { reset: 'was broken off', refused: 'was refused', timeout: 'timed out' } as const;
  const told =
    why === 'limit'
      ? 'is one too many on this path; close others first'
      : why === 'lost'
        ? 'ended with its path; open it again when the path is back'
        : `${text[why]} by the other side`;
  return Object.assign(new Error(`the stream ${told}`), { code: ERRNO[why] });
}
