/**
 * Tunnels of participants whose network lets no UDP through: WebSockets at `/tunnel` of the master's HTTPS server, where what they
 * carry meets the same machine as datagrams do, from the caller's address and a port that no socket has.
 *
 * It is no proxy: bytes that come in go to the master's machine or to its relay, and out comes what these send to a
 * tunnel. No place that a tunnel names is ever looked at, because it can name none.
 */
import { randomBytes, randomInt } from 'node:crypto';
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { addressKeys, type Endpoint, NOWHERE, Pace, type Placed, Shares, type TableState } from '../core/index.ts';
import {
  monotonicNow,
  type OpenTunnel,
  TUNNEL_PATH,
  TUNNEL_PROTOCOL,
  TUNNEL_SOCKET,
  TunnelEnd,
  type TunnelSocketHandlers,
} from '../node/index.ts';
import type { Callers } from './callers.ts';
import { SERVER_LIMITS } from './limits.ts';
import type { RelayWays } from './relay-ways.ts';

interface Tunnel extends Placed {
  readonly end: TunnelEnd;
  /** The caller's address, and a port by which the machine names this tunnel. */
  readonly from: Endpoint;
  readonly since: number;
  heardAt: number;
  /** Has the master ever had something to say to it? */
  answered: boolean;
}

export interface Tunnels {
  /** From here on tunnels end at this server. */
  attach(server: Server): void;
  /** Of the driver of the machine. */
  readonly open: OpenTunnel;
  readonly size: number;
  tables(): readonly TableState[];
  close(): void;
}

export function createTunnels(callers: Callers, relayWays: RelayWays): Tunnels {
  return new TunnelHall(callers, relayWays);
}

class TunnelHall implements Tunnels {
  readonly open: OpenTunnel;
  private readonly callers: Callers;
  private readonly secret = randomBytes(16);
  private readonly pace = new Pace(SERVER_LIMITS.tunnelRates);
  private readonly server = new WebSocketServer({
    ...TUNNEL_SOCKET,
    ...{ noServer: true, clientTracking: false, handleProtocols: () => TUNNEL_PROTOCOL },
  });
  private readonly byPort = new Map<number, Tunnel>();
  private readonly shares: Shares<Tunnel>;
  private readonly timer: NodeJS.Timeout;
  private readonly toRelay: (from: Endpoint, bytes: Uint8Array) => boolean;
  private lastPort = 0;
  private machine: TunnelSocketHandlers | null = null;

  constructor(callers: Callers, relayWays: RelayWays) {
    this.callers = callers;
    this.toRelay = relayWays.add((to, bytes) => this.send(to, bytes));
    this.shares = new Shares({
      ...{ name: 'tunnels', max: SERVER_LIMITS.tunnelsMax, caps: SERVER_LIMITS.tunnelCaps, secret: this.secret },
      draw: () => randomInt(2 ** 32),
      addressOf: ({ from }) => from.address,
      proven: ({ answered }) => answered,
      since: ({ since }) => since,
    });
    this.timer = setInterval(() => this.sweep(monotonicNow()), SERVER_LIMITS.tunnelSweepMs);
    this.timer.unref();
    this.open = (_request, handlers) => this.opened(handlers);
  }

  get size(): number {
    return this.shares.size;
  }

  tables(): readonly TableState[] {
    return [this.shares.state()];
  }

  attach(server: Server): void {
    server.on('upgrade', (request, socket, head) => this.upgrade(request, socket, head));
  }

  close(): void {
    clearInterval(this.timer);
    for (const tunnel of [...this.byPort.values()]) this.drop(tunnel);
  }

  private opened(handlers: TunnelSocketHandlers) {
    this.machine = handlers;
    handlers.onOutcome({ ok: true, local: NOWHERE });
    return {
      local: NOWHERE,
      queued: 0,
      send: (to: Endpoint, bytes: Uint8Array) => this.send(to, bytes),
      close: () => {
        this.machine = null;
      },
      release() {
        throw new Error('tunnels can not be handed to anybody');
      },
    };
  }

  private send(to: Endpoint, bytes: Uint8Array): void {
    const tunnel = this.byPort.get(to.port);
    if (tunnel === undefined || tunnel.from.address !== to.address) return;
    tunnel.answered = true;
    tunnel.end.send(bytes);
  }

  private upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // Whoever hangs up in the middle is no fault.
    socket.on('error', () => socket.destroy());
    const refusal = this.refusal(request);
    if (refusal !== null) {
      socket.end(`HTTP/1.1 ${refusal}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    const { remoteAddress } = request.socket;
    const address = this.callers.addressOf(remoteAddress, headerOf(request, 'x-forwarded-for'));
    const keys = addressKeys(this.secret, address);
    if (this.pace.take(monotonicNow(), keys) > 0) {
      socket.end('HTTP/1.1 429 Too Many Requests\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    this.server.handleUpgrade(request, socket, head, (made) => this.accept(made, address));
  }

  /** Null where there is no reason to turn the request away. */
  private refusal(request: IncomingMessage): string | null {
    if (request.url !== TUNNEL_PATH) return '404 Not Found';
    // Browsers name the page that asks; no page has business here (SECURITY.md: a web page in the user's browser).
    if (request.headers.origin !== undefined) return '403 Forbidden';
    const { socket } = request;
    const encrypted = 'encrypted' in socket && socket.encrypted === true;
    // In the clear from a proxy alone, which has taken TLS off before us.
    if (!encrypted && !this.callers.isProxy(socket.remoteAddress?.replace(/^::ffff:/, '') ?? ''))
      return '403 Forbidden';
    const protocols = headerOf(request, 'sec-websocket-protocol')?.split(',') ?? [];
    if (!protocols.some((one) => one.trim() === TUNNEL_PROTOCOL)) return '400 Bad Request';
    return this.machine === null ? '503 Service Unavailable' : null;
  }

  private accept(socket: WebSocket, address: string): void {
    const crowded = this.shares.crowdedOut(address);
    if (crowded !== null) this.drop(crowded);
    const now = monotonicNow();
    const from = { address, port: this.freePort() };
    const end = new TunnelEnd(socket, {
      onDatagram: (bytes) => this.receive(tunnel, bytes),
      onClosed: () => this.forget(tunnel),
    });
    const tunnel: Tunnel = { end, from, since: now, heardAt: now, answered: false, place: -1 };
    this.shares.add(tunnel);
    this.byPort.set(from.port, tunnel);
  }

  private receive(tunnel: Tunnel, bytes: Uint8Array): void {
    tunnel.heardAt = monotonicNow();
    if (!this.toRelay(tunnel.from, bytes)) this.machine?.onDatagram(tunnel.from, bytes);
  }

  /** Unique among all tunnels, so that two of one address are never one endpoint; not used again at once. */
  private freePort(): number {
    do this.lastPort = (this.lastPort % 65_535) + 1;
    while (this.byPort.has(this.lastPort));
    return this.lastPort;
  }

  /** Those that nobody speaks through, and those that the master has nothing to say to. */
  private sweep(now: number): void {
    for (const tunnel of [...this.byPort.values()]) {
      const idle = now - tunnel.heardAt > SERVER_LIMITS.tunnelIdleMs;
      const nothing = !tunnel.answered && now - tunnel.since > SERVER_LIMITS.tunnelSilentMs;
      if (idle || nothing) this.drop(tunnel);
    }
  }

  private drop(tunnel: Tunnel): void {
    this.forget(tunnel);
    tunnel.end.close();
  }

  private forget(tunnel: Tunnel): void {
    if (this.byPort.get(tunnel.from.port) !== tunnel) return;
    this.byPort.delete(tunnel.from.port);
    this.shares.remove(tunnel);
  }
}

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(',') : value;
}
