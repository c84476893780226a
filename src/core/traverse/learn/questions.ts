/** Who has been asked for the mapping of which socket: the master's probe ports and STUN servers in turn, one question at a time. */
import type { Endpoint } from '../../address.ts';
import type { Instant, SocketId } from '../../contract.ts';
import type { Random } from '../../random.ts';
import type { MappingSource } from '../../sources/source.ts';
import { LEARN_LIMITS } from './limits.ts';

export interface Questions {
  /**
   * Asks a source for the mapping of the socket. `again`: the same one as before, so that a NAT that maps by destination gives
   * no second port.
   */
  ask(now: Instant, socket: SocketId, again: boolean): void;
  /** The mapping of the socket, where the datagram answers a question that was asked from it. */
  answer(socket: SocketId, from: Endpoint, bytes: Uint8Array): Endpoint | null;
  forget(socket: SocketId): void;
}

export function questions(
  sources: readonly MappingSource[],
  random: Random,
  transmit: (socket: SocketId, to: Endpoint, bytes: Uint8Array) => void,
): Questions {
  const sockets = new Map<number, SocketId>();
  const asked = new Map<SocketId, MappingSource>();
  let number = random.int(1, 30_000);
  let turn = sources.length > 0 ? random.int(0, sources.length - 1) : 0;

  return {
    ask(now, socket, again) {
      if (sources.length === 0) return;
      const before = again ? asked.get(socket) : undefined;
      if (before === undefined) turn = (turn + 1) % sources.length;
      const source = before ?? sources[turn]!;
      asked.set(socket, source);
      number = (number + 1) & 0xffff;
      sockets.set(number, socket);
      if (sockets.size > LEARN_LIMITS.samplesOutstandingMax) sockets.delete(sockets.keys().next().value!);
      transmit(socket, source.target, source.request(now, number, 'same'));
    },
    answer(socket, from, bytes) {
      for (const source of sources) {
        const answer = source.answer(from, bytes);
        if (answer === null) continue;
        if (sockets.get(answer.request) !== socket) return null;
        sockets.delete(answer.request);
        return answer.observed;
      }
      return null;
    },
    forget: (socket) => void asked.delete(socket),
  };
}
