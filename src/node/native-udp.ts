/**
 * UDP sockets of the optional package udx-native, for a master with very many guests: it takes many datagrams with one system
 * call (`recvmmsg`), where node:dgram needs a call and 64 KiB for each (decisions/0011).
 */
import type UDX from 'udx-native';
import { SallyportError, usage } from './failure.ts';
import { NODE_LIMITS } from './limits.ts';
import { type OpenUdpSocket, outcomeCode } from './socket.ts';

/** How to open sockets by it; USAGE where it is not installed. */
export async function nativeUdp(): Promise<OpenUdpSocket> {
  let Native: typeof UDX;
  try {
    Native = (await import('udx-native')).default;
  } catch (error) {
    throw usage('--native-udp needs a package that is not installed: npm install udx-native.', error);
  }
  const udx = new Native();
  return (request, handlers) => {
    const socket = udx.createSocket({ ipv6Only: request.family === 6 });
    try {
      socket.bind(request.port, request.address ?? (request.family === 4 ? '0.0.0.0' : '::'));
    } catch (error) {
      void socket.close();
      return { outcome: { ok: false, code: outcomeCode((error as NodeJS.ErrnoException).code ?? '') }, socket: null };
    }
    // It asks for megabytes: a queue so long makes every answer late when too much comes in (docs/reference/security.md §3).
    socket.setRecvBufferSize(NODE_LIMITS.nativeReceiveBytes);
    const bound = socket.address();
    const local = { address: bound.host, port: bound.port };
    socket.on('message', (bytes, from) =>
      handlers.onDatagram(
        { address: from.host, port: from.port },
        new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength),
      ),
    );
    return {
      outcome: { ok: true, local },
      socket: {
        local,
        // What does not fit is dropped.
        queued: 0,
        send: (to, bytes, ttl) => socket.trySend(bytes, to.port, to.address, ttl ?? 0),
        close() {
          socket.removeAllListeners();
          void socket.close();
        },
        release() {
          throw new SallyportError('INTERNAL', { detail: 'a socket of udx-native is no socket of node:dgram' });
        },
      },
    };
  };
}
