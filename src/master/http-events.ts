/** Live changes of the list as server-sent events. A reader that falls behind is cut off: it comes back and reads the page. */
import type { Hono } from 'hono';
import { API, type ListChange } from './api.ts';
import type { Directory } from './directory.ts';
import { callerAddress, problem } from './http-common.ts';
import { limitKeys } from './limiter.ts';
import { MASTER_LIMITS } from './limits.ts';
import type { ListCommit } from './listing.ts';

export interface EventStreams {
  tell(commit: ListCommit): void;
  close(): void;
  readonly size: number;
}

interface Stream {
  readonly caller: string;
  readonly who: string;
  readonly controller: ReadableStreamDefaultController<Uint8Array>;
}

const encoder = new TextEncoder();

export function addEventRoutes(app: Hono, directory: Directory): EventStreams {
  const streams = new Set<Stream>();
  const perWho = new Map<string, number>();

  function drop(stream: Stream): void {
    if (!streams.delete(stream)) return;
    const left = (perWho.get(stream.who) ?? 1) - 1;
    if (left === 0) perWho.delete(stream.who);
    else perWho.set(stream.who, left);
    try {
      stream.controller.close();
    } catch {
      // The reader has cancelled: the stream is closed already.
    }
  }

  function push(stream: Stream, bytes: Uint8Array): void {
    if ((stream.controller.desiredSize ?? 0) <= 0) drop(stream);
    else stream.controller.enqueue(bytes);
  }

  app.get(API.events, (c) => {
    const caller = callerAddress(c);
    const who = limitKeys(caller).own;
    const open = perWho.get(who) ?? 0;
    if (streams.size >= MASTER_LIMITS.eventStreamsMax || open >= MASTER_LIMITS.eventStreamsPerAddressMax)
      return problem(503, 'Busy', 'Too many live streams are open.', { headers: { 'retry-after': '30' } });
    let stream: Stream | null = null;
    const body = new ReadableStream<Uint8Array>(
      {
        start(controller) {
          stream = { caller, who, controller };
          streams.add(stream);
          perWho.set(who, open + 1);
          controller.enqueue(frame('hello', { generation: directory.listing.generation }));
        },
        cancel() {
          if (stream !== null) drop(stream);
        },
      },
      new ByteLengthQueuingStrategy({ highWaterMark: MASTER_LIMITS.eventBacklogBytesMax }),
    );
    // `no-transform` and the nginx header: a proxy that gathers or compresses would hold the events back.
    const headers = {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
    };
    return new Response(body, { headers });
  });

  const pulse = setInterval(() => {
    const ping = encoder.encode(': ping\n\n');
    for (const stream of [...streams]) push(stream, ping);
  }, MASTER_LIMITS.eventPingMs);
  pulse.unref();

  return {
    tell(commit) {
      if (streams.size === 0) return;
      const many = commit.changed.length + commit.gone.length > MASTER_LIMITS.eventChangesMax;
      const told = many
        ? frame('reset', { generation: commit.generation })
        : frame('change', changeFor(directory, commit, null));
      for (const stream of [...streams]) {
        const personal = !many && directory.local(stream.caller).length > 0;
        push(stream, personal ? frame('change', changeFor(directory, commit, stream.caller)) : told);
      }
    },
    close() {
      clearInterval(pulse);
      for (const stream of [...streams]) drop(stream);
    },
    get size() {
      return streams.size;
    },
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
