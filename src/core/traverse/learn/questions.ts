/** Samples of the own NAT just before a punch: the master's probe ports are asked in turn for the mappings of fresh sockets. */
import type { Endpoint } from '../../address.ts';
import type { Instant, SocketId } from '../../contract.ts';
import type { Random } from '../../random.ts';
import type { Asker } from '../../sources/asker.ts';
import type { MappingSource } from '../../sources/source.ts';

export interface Questions {
  /**
   * Asks a source for the mapping of the socket. `again`: the same one as before, so that a NAT that maps by destination gives
   * no second port.
   */
  ask(now: Instant, socket: SocketId, again: boolean): void;
  /** The mapping of the socket, where the datagram answers a question that was asked from it. */
  answer(now: Instant, socket: SocketId, from: Endpoint, bytes: Uint8Array): Endpoint | null;
  /** The next source in turn; null where there is none. */
  nextSource(): MappingSource | null;
}

export function questions(sources: readonly MappingSource[], random: Random, asker: Asker): Questions {
  // The first number of a request was drawn here once. The draw stays, so that a seed replays the world that it did.
  random.int(1, 30_000);
  let turn = sources.length > 0 ? random.int(0, sources.length - 1) : 0;

  function nextSource(): MappingSource | null {
    if (sources.length === 0) return null;
    turn = (turn + 1) % sources.length;
    return sources[turn]!;
  }

  return {
    ask(now, socket, again) {
      const before = again ? asker.last(socket) : null;
      if (before?.observed === null) asker.repeat(now, before);
      else {
        const source = before?.source ?? nextSource();
        if (source !== null) asker.ask(now, socket, source);
      }
    },
    answer: (now, socket, from, bytes) => asker.receive(now, socket, from, bytes)?.observed ?? null,
    nextSource,
  };
}
