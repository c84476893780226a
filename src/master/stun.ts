/**
 * STUN on a port of the master's own, for clients of other makes: off unless asked for (SECURITY.md row 21). What is answered
 * is decided by `core/stun/server.ts`; here are the sockets and the limits. With two addresses there is a second port, the next
 * one, and the server is one of RFC 5780.
 */
import { randomBytes } from 'node:crypto';
import { addressKeys, answerStun, type Endpoint, endpointKey, familyOf, Limiter, Pace } from '../core/index.ts';
import { monotonicNow, openUdpSocket, SallyportError, type UdpSocket } from '../node/index.ts';
import { SERVER_LIMITS } from './limits.ts';

export interface StunService {
  readonly endpoints: readonly Endpoint[];
  close(): void;
}

export function startStun(addresses: readonly string[], port: number): StunService {
  const ports = addresses.length > 1 ? [port, port + 1] : [port];
  const server = { addresses, ports, behaviour: 'paid' } as const;
  const allow = limits();
  const sockets = new Map<string, UdpSocket>();
  const endpoints = addresses.flatMap((address) => ports.map((at) => ({ address, port: at })));
  const close = (): void => {
    for (const socket of sockets.values()) socket.close();
  };
  for (const local of endpoints) {
    const { outcome, socket } = openUdpSocket(
      { kind: 'socket', op: 'open', socket: sockets.size, family: familyOf(local.address), ...local },
      {
        onDatagram(from, bytes) {
          if (!allow(from.address)) return;
          const reply = answerStun(server, local, from, bytes);
          if (reply !== null) sockets.get(endpointKey(reply.from))?.send(reply.to, reply.bytes, undefined);
        },
        // An answer that cannot leave is a lost one; the client asks again.
        onError() {},
      },
    );
    if (socket === null) {
      close();
      const why = outcome.ok ? 'no socket' : outcome.code;
      throw new SallyportError('PORT_TAKEN', { detail: `--stun-port: ${endpointKey(local)} can't be bound (${why}).` });
    }
    sockets.set(endpointKey(local), socket);
  }
  return { endpoints, close };
}

function limits(): (address: string) => boolean {
  const secret = randomBytes(16);
  const each = new Pace(SERVER_LIMITS.stunRates);
  const total = new Limiter(SERVER_LIMITS.stunTotal);
  return (address) => {
    const now = monotonicNow();
    return each.take(now, addressKeys(secret, address)) === 0 && total.take(now, 0) === 0;
  };
}
