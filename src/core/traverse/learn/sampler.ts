/** Samples of the own NAT just before a punch: the master's probe ports are asked in turn for the mappings of fresh sockets. */
import type { Endpoint } from '../../address.ts';
import type { Instant, SocketId } from '../../contract.ts';
import type { Random } from '../../random.ts';
import type { Asker } from '../../sources/asker.ts';
import type { MappingSource } from '../../sources/source.ts';

export class Sampler {
  private readonly sources: readonly MappingSource[];
  private readonly asker: Asker;
  private turn: number;

  constructor(sources: readonly MappingSource[], random: Random, asker: Asker) {
    this.sources = sources;
    this.asker = asker;
    // Nothing uses this number. It is drawn so that a seed still replays the world that it did when requests began with it.
    random.int(1, 30_000);
    this.turn = sources.length > 0 ? random.int(0, sources.length - 1) : 0;
  }

  /** Asks the next source for the mapping of the socket. */
  ask(now: Instant, socket: SocketId): void {
    const source = this.nextSource();
    if (source !== null) this.asker.ask(now, socket, source);
  }

  /** The same source as before, where the socket has asked one: a NAT that maps by destination is to give it no second port. */
  askSame(now: Instant, socket: SocketId): void {
    const before = this.asker.last(socket);
    if (before === null) this.ask(now, socket);
    else if (before.observed === null) this.asker.repeat(now, before);
    else this.asker.ask(now, socket, before.source);
  }

  /** The mapping of the socket, where the datagram answers a question that was asked from it. */
  answer(now: Instant, socket: SocketId, from: Endpoint, bytes: Uint8Array): Endpoint | null {
    return this.asker.receive(now, socket, from, bytes)?.observed ?? null;
  }

  /** The next source in turn; null where there is none. */
  nextSource(): MappingSource | null {
    if (this.sources.length === 0) return null;
    this.turn = (this.turn + 1) % this.sources.length;
    return this.sources[this.turn]!;
  }
}
