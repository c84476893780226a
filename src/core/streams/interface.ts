/** What the streams of a connection need, what they tell, and what ends them. */
import type { Agenda } from '../agenda.ts';
import type { Instant } from '../contract.ts';

/** Numbers of streams: from 0, in the order in which the friend's side opens them. */
export type StreamId = number;

/** Why a stream was reset, as both sides say it. Codes of no name are taken for `reset`. */
export const STREAM_CODE = {
  /** A program has broken it off: TCP's RST. */
  reset: 0,
  /** Nobody listens there, or the service takes no streams. */
  refused: 1,
  /** The host's game did not answer in time. */
  timeout: 2,
  /** There are too many at once. */
  limit: 3,
  /** The connection is over, or another one has taken its place. Never on the wire. */
  lost: 4,
} as const;
export type StreamCode = keyof typeof STREAM_CODE;
export const STREAM_CODES = Object.keys(STREAM_CODE) as readonly StreamCode[];

export type StreamCommand =
  /** `stream`: a name that the application has not used on this connection before. At the friend's side only. */
  | { readonly do: 'stream-open'; readonly stream: StreamId; readonly service: number }
  /** The bytes are the stream's from here on. */
  | { readonly do: 'stream-write'; readonly stream: StreamId; readonly bytes: Uint8Array }
  /** Nothing more is written; what the other side writes still comes. */
  | { readonly do: 'stream-end'; readonly stream: StreamId }
  /** Breaks both directions off. */
  | { readonly do: 'stream-reset'; readonly stream: StreamId; readonly why: StreamCode }
  /** The application has room for so many bytes more. */
  | { readonly do: 'stream-consumed'; readonly stream: StreamId; readonly bytes: number };

export type StreamEvent =
  /** At the host: a friend has opened it. */
  | { readonly ev: 'stream-opened'; readonly stream: StreamId; readonly service: number }
  /** In order, each byte once. The bytes are the application's, which says with `consumed` when it has room for as many more. */
  | { readonly ev: 'stream-data'; readonly stream: StreamId; readonly bytes: Uint8Array }
  /** The other side has ended its direction. */
  | { readonly ev: 'stream-ended'; readonly stream: StreamId }
  /** Both directions are over at once; nothing more comes of it, and nothing goes. */
  | { readonly ev: 'stream-reset'; readonly stream: StreamId; readonly why: StreamCode }
  /** The other side has taken so many more of the bytes that were written. What it has not may be 1.25 MiB (`sendBytesMax`). */
  | { readonly ev: 'stream-taken'; readonly stream: StreamId; readonly bytes: number }
  /** Both directions have ended in order, and the other side has all. */
  | { readonly ev: 'stream-closed'; readonly stream: StreamId }
  /** The other side has broken the rules, or says that we have: all streams are reset, and there will be none any more. */
  | { readonly ev: 'streams-failed'; readonly error: StreamsError; readonly by: 'us' | 'other' };

/** RFC 9000 section 20.1. */
export const STREAMS_ERROR = {
  internal: 0x01,
  flowControl: 0x03,
  streamLimit: 0x04,
  streamState: 0x05,
  finalSize: 0x06,
  frameEncoding: 0x07,
  protocolViolation: 0x0a,
} as const;
export type StreamsError = keyof typeof STREAMS_ERROR;

export interface StreamsConfig {
  readonly agenda: Agenda;
  /** The friend's side opens streams, the host's takes them. */
  readonly opens: boolean;
  /** May the other side open a stream to this service? */
  readonly takes: (service: number) => boolean;
}

export interface StreamsPort {
  /** What the body of a datagram may have now, in bytes; 0 while there is no path. */
  room(now: Instant): number;
  /** The body is read before this returns, and written over afterwards. */
  transmit(now: Instant, body: Uint8Array): void;
  event(now: Instant, event: StreamEvent): void;
}
