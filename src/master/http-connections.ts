/**
 * Connections to the HTTP server, as many as there are file descriptors for and shared among those who ask: three addresses
 * that open as many as they can must not keep a fourth from the list. Who is pushed out had no request under way, if its address
 * has one like that.
 */
import { randomBytes, randomInt } from 'node:crypto';
import type { RequestListener, Server } from 'node:http';
import type { Socket } from 'node:net';
import { type Placed, Shares, type TableState } from '../core/index.ts';
import { type Callers, plainAddress } from './callers.ts';
import { SERVER_LIMITS } from './limits.ts';

interface HttpConnection extends Placed {
  readonly socket: Socket;
  readonly address: string;
  readonly since: number;
  /** Requests that are not answered yet, live streams among them. */
  requests: number;
}

export interface HttpConnections {
  /** From here on its connections are shared and its slow ones closed. */
  guard(server: Server): void;
  tables(): readonly TableState[];
}

export function createHttpConnections(callers: Callers): HttpConnections {
  const shares = new Shares<HttpConnection>({
    name: 'http-connections',
    max: SERVER_LIMITS.httpConnectionsMax,
    caps: SERVER_LIMITS.httpConnectionCaps,
    secret: randomBytes(16),
    draw: () => randomInt(2 ** 32),
    addressOf: ({ address }) => address,
    proven: ({ requests }) => requests > 0,
    since: ({ since }) => since,
  });
  /** By the other end: with TLS a request knows another object than the one that was accepted. */
  const byPeer = new Map<string, HttpConnection>();

  function accepted(socket: Socket): void {
    const address = plainAddress(socket.remoteAddress ?? '');
    // Gone already; or a proxy, which stands for many.
    if (address === '' || callers.isProxy(address)) return;
    const crowded = shares.crowdedOut(address);
    if (crowded !== null) {
      shares.remove(crowded);
      crowded.socket.destroy();
    }
    const connection = { socket, address, since: performance.now(), requests: 0, place: -1 };
    const peer = peerOf(socket);
    shares.add(connection);
    byPeer.set(peer, connection);
    socket.once('close', () => {
      shares.remove(connection);
      if (byPeer.get(peer) === connection) byPeer.delete(peer);
    });
  }

  return {
    guard(server) {
      server.headersTimeout = SERVER_LIMITS.httpHeadersMs;
      server.requestTimeout = SERVER_LIMITS.httpRequestMs;
      // Also who reads its answer too slowly: live streams are written to more often than that.
      server.timeout = SERVER_LIMITS.httpIdleMs;
      server.on('connection', accepted);
      // A tunnel is a request that never ends; it has shares of its own beside these.
      server.on('upgrade', ({ socket }) => {
        const connection = byPeer.get(peerOf(socket));
        if (connection !== undefined) connection.requests += 1;
      });
      server.on('request', ({ socket }, response) => {
        const connection = byPeer.get(peerOf(socket));
        if (connection === undefined) return;
        connection.requests += 1;
        response.once('close', () => {
          connection.requests -= 1;
        });
      });
    },
    tables: () => [shares.state()],
  };
}

/**
 * A request that comes before the one before it is answered ends its connection: no browser and no proxy sends one (RFC 9112 §9.3.2 lets
 * them), and 70 kB of them would open 1,400 downloads at once, each with a file and a buffer that wait for the reader of the first.
 */
export function oneAtATime(listener: RequestListener): RequestListener {
  const asked = new WeakSet<Socket>();
  return (request, response) => {
    const { socket } = request;
    if (asked.has(socket)) {
      socket.destroy();
      return;
    }
    asked.add(socket);
    response.once('close', () => asked.delete(socket));
    listener(request, response);
  };
}

function peerOf({ remoteAddress, remotePort, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localPort}`;
}
