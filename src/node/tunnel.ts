/**
 * The tunnel of a participant: to the HTTPS server of its master and nowhere else, for networks that let no UDP through. Whose
 * certificate that server shows makes no difference: what goes through is sealed, and only the master whose key is pinned can open it
 * (decisions/0035).
 */
import { WebSocket } from 'ws';
import { type Endpoint, NOWHERE, type SocketOpen, type SocketOutcome, type TlsPlace } from '../core/index.ts';
import { NODE_LIMITS } from './limits.ts';
import type { UdpSocket, UdpSocketHandlers } from './socket.ts';
import { TUNNEL_PATH, TUNNEL_PROTOCOL, TUNNEL_SOCKET, TunnelEnd } from './tunnel-end.ts';

export interface TunnelSocketHandlers extends UdpSocketHandlers {
  /** Once it is open, or why it is not; and when it has broken. */
  onOutcome(outcome: SocketOutcome): void;
}

export type OpenTunnel = (request: SocketOpen, handlers: TunnelSocketHandlers) => UdpSocket;

/** How to open tunnels to this place; what comes out of one is said to be from `master`. */
export function tunnelTo({ host, port }: TlsPlace, master: Endpoint): OpenTunnel {
  const url = `wss://${host.includes(':') ? `[${host}]` : host}:${port}${TUNNEL_PATH}`;
  return (_request, { onDatagram, onError, onOutcome }) => {
    const socket = new WebSocket(url, TUNNEL_PROTOCOL, {
      ...TUNNEL_SOCKET,
      rejectUnauthorized: false,
      followRedirects: false,
      handshakeTimeout: NODE_LIMITS.tunnelOpenMs,
    });
    let open = false;
    socket.on('open', () => {
      open = true;
      onOutcome({ ok: true, local: NOWHERE });
    });
    socket.on('error', (error: NodeJS.ErrnoException) => onError?.(error.code ?? 'TUNNEL'));
    const end = new TunnelEnd(socket, {
      onDatagram: (bytes) => onDatagram(master, bytes),
      onClosed: () => onOutcome({ ok: false, code: open ? 'closed' : 'unsupported' }),
    });
    return {
      local: NOWHERE,
      // What does not fit is dropped.
      queued: 0,
      send(_to, bytes) {
        const before = end.dropped;
        end.send(bytes);
        if (end.dropped > before) onError?.('CONGESTED');
      },
      close: () => end.close(),
      release() {
        throw new Error('a tunnel can not be handed to a game');
      },
    };
  };
}
