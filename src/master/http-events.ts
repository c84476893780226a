/** Live changes of the list as server-sent events. A reader that falls behind is cut off: it comes back and reads the page. */
import { randomBytes, randomInt } from 'node:crypto';
import type { Hono } from 'hono';
import { type Placed, Shares, type TableState } from '../core/index.ts';
import { API, type ListChange } from './api.ts';
import type { Directory } from './directory.ts';
import { callerAddress } from './http-common.ts';
import { SERVER_LIMITS } from './limits.ts';
import type { ListCommit } from './listing.ts';

export interface EventStreams {
  tell(commit: ListCommit): void;
  /** Everybody is to fetch the page anew. */
  reset(): void;
  close(): void;
  readonly size: number;
  tables(): readonly TableState[];
}

interface EventStream extends Placed {
  readonly caller: string;
  readonly since: number;
  readonly controller: ReadableStreamDefaultController<Uint8Array>;
}

const encoder = new TextEncoder();

function sharesOfStreams(): Shares<EventStream> {
  return new Shares<EventStream>({
    name: 'event-streams',
    max: SERVER_LIMITS.eventStreamsMax,
    caps: SERVER_LIMITS.eventStreamCaps,
    secret: randomBytes(16),
    draw: () => randomInt(2 ** 32),
    addressOf: ({ caller }) => caller,
    proven: () => false,
    since: ({ since }) => since,
  });
}

export function addEventRoutes(app: Hono, directory: Directory): EventStreams {
  const streams = new Set<EventStream>();
  const shares = sharesOfStreams();

  function drop(stream: EventStream): void {
    if (!streams.delete(stream)) return;
    shares.remove(stream);
    try {
      stream.controller.close();
    } catch {
      // The reader has cancelled: the stream is closed already.
    }
  }

  function push(stream: EventStream, bytes: Uint8Array): void {
    if ((stream.controller.desiredSize ?? 0) <= 0) drop(stream);
    else stream.controller.enqueue(bytes);
  }

  app.get(API.events, (c) => {
    const caller = callerAddress(c);
    // A browser whose stream ends opens another after some seconds.
    const crowded = shares.crowdedOut(caller);
    if (crowded !== null) drop(crowded);
    let stream: EventStream | null = null;
    const body = new ReadableStream<Uint8Array>(
      {
        start(controller) {
          stream = { caller, since: performance.now(), controller, place: -1 };
          streams.add(stream);
          shares.add(stream);
          controller.enqueue(frame('hello', { generation: directory.listing.generation }));
        },
        cancel() {
          if (stream !== null) drop(stream);
        },
      },
      new ByteLengthQueuingStrategy({ highWaterMark: SERVER_LIMITS.eventBacklogBytesMax }),
    );
    // `no-transform` and the nginx header: a proxy that gathers or compresses would hold the events back.
    const headers = {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
    };
    return new Response(body, { headers });
  });

  const toAll = (bytes: Uint8Array): void => [...streams].forEach((stream) => void push(stream, bytes));
  const pulse = setInterval(() => toAll(encoder.encode(': ping\n\n')), SERVER_LIMITS.eventPingMs);
  pulse.unref();

  return {
    tell(commit) {
      if (streams.size === 0) return;
      const many = commit.changed.length + commit.gone.length > SERVER_LIMITS.eventChangesMax;
      const told = many
        ? frame('reset', { generation: commit.generation })
        : frame('change', changeFor(directory, commit, null));
      for (const stream of [...streams]) {
        const personal = !many && directory.local(stream.caller).length > 0;
        push(stream, personal ? frame('change', changeFor(directory, commit, stream.caller)) : told);
      }
    },
    reset: () => toAll(frame('reset', { generation: directory.listing.generation })),
    close() {
      clearInterval(pulse);
      for (const stream of [...streams]) drop(stream);
    },
    get size() {
      return streams.size;
    },
    tables: () => [shares.state()],
  };
}

function changeFor(directory: Directory, commit: ListCommit, address: string | null): ListChange {
  return {
    generation: commit.generation,
    changed: commit.changed.map((item) => directory.server(item, { address, rttMs: null })),
    gone: [...commit.gone],
  };
}

function frame(event: string, data: unknown): Uint8Array {
  return encoder.encode(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
}
