/**
 * Tunnels through HTTPS, as TCP makes them of the same lines: each message arrives, in order, and late where a packet was lost. What
 * boxes on the way do with UDP makes no difference to them; their lines do. It takes three round trips to open one (TCP, TLS 1.3, the
 * upgrade of HTTP).
 */
import type { Endpoint, SocketId, SocketOutcome, Transmit } from '../core/index.ts';
import { assert, NOWHERE } from '../core/index.ts';
import type { Gateway } from './gateway.ts';
import type { Host } from './host.ts';
import type { OneWayLink } from './link.ts';
import { IP_UDP_HEADER_BYTES } from './packet.ts';

/** A machine's end of tunnels: one tunnel of a participant, all of a master. */
interface SimTunnel {
  send(to: Endpoint, bytes: Uint8Array): void;
  close(): void;
}

interface SimTunnelHandlers {
  outcome(outcome: SocketOutcome): void;
  datagram(from: Endpoint, bytes: Uint8Array): void;
}

/** What a host's machine opens its tunnels by. */
export interface SimTunnels {
  open(host: Host, handlers: SimTunnelHandlers): SimTunnel;
}

interface TunnelUser {
  outcome(socket: SocketId, outcome: SocketOutcome): void;
  datagram(socket: SocketId, from: Endpoint, bytes: Uint8Array): void;
  /** In a turn of its own. */
  later(run: () => void): void;
}

/** Those of the sockets of one machine that are tunnels. */
export class TunnelSockets {
  readonly #host: Host;
  readonly #tunnels: SimTunnels | null;
  readonly #user: TunnelUser;
  readonly #open = new Map<SocketId, SimTunnel>();

  constructor(host: Host, tunnels: SimTunnels | null, user: TunnelUser) {
    this.#host = host;
    this.#tunnels = tunnels;
    this.#user = user;
  }

  has(socket: SocketId): boolean {
    return this.#open.has(socket);
  }

  open(socket: SocketId): void {
    if (this.#tunnels === null) {
      this.#user.later(() => this.#user.outcome(socket, { ok: false, code: 'unsupported' }));
      return;
    }
    const tunnel = this.#tunnels.open(this.#host, {
      outcome: (outcome) => {
        if (!this.#open.has(socket)) return;
        if (!outcome.ok) this.#open.delete(socket);
        this.#user.outcome(socket, outcome);
      },
      datagram: (from, bytes) => this.#user.datagram(socket, from, bytes),
    });
    this.#open.set(socket, tunnel);
  }

  /** False where it is none. */
  send({ socket, to, bytes }: Transmit): boolean {
    this.#open.get(socket)?.send(to, bytes);
    return this.#open.has(socket);
  }

  /** False where it is none. */
  close(socket: SocketId): boolean {
    this.#open.get(socket)?.close();
    return this.#open.delete(socket);
  }

  closeAll(): void {
    for (const tunnel of this.#open.values()) tunnel.close();
    this.#open.clear();
  }
}

interface HallContext {
  readonly now: number;
  readonly gateways: readonly Gateway[];
  after(delayMs: number, run: () => void): void;
}

/** TLS and WebSocket, for each message. */
const MESSAGE_BYTES = 29 + 8;
/** What a segment carries, on a line of 1,280 bytes as well, and IP and TCP with a time stamp around it. */
const SEGMENT_BYTES = 1_220;
const SEGMENT_HEADER_BYTES = IP_UDP_HEADER_BYTES + 12 + 12;
/** Linux waits 200 ms at least before it sends a segment again, and twice as long each further time. */
const RETRANSMIT_MS = 200;
const TRIES_MAX = 8;
const OPEN_CROSSINGS = 6;

interface OpenTunnel {
  readonly from: Endpoint;
  readonly handlers: SimTunnelHandlers;
  readonly up: Pipe;
  readonly down: Pipe;
  over: boolean;
}

/** Where the tunnels of a master end: its own machine, and that of its relay if it has one. */
export class SimTunnelHall {
  readonly #context: HallContext;
  readonly #server: Host;
  readonly #machines: { readonly takes: (bytes: Uint8Array) => boolean; readonly handlers: SimTunnelHandlers }[] = [];
  readonly #tunnels = new Map<number, OpenTunnel>();
  #lastPort = 0;

  constructor(context: HallContext, server: Host) {
    this.#context = context;
    this.#server = server;
  }

  /** For participants: the way in. */
  get entrance(): SimTunnels {
    return { open: (host, handlers) => this.#enter(host, handlers) };
  }

  /** For a machine that gets what `takes` says. When it ends, all tunnels do. */
  exit(takes: (bytes: Uint8Array) => boolean): SimTunnels {
    return {
      open: (_host, handlers) => {
        const machine = { takes, handlers };
        this.#machines.push(machine);
        this.#context.after(0, () => handlers.outcome({ ok: true, local: NOWHERE }));
        return {
          send: (to, bytes) => this.#send(to, bytes),
          close: () => {
            this.#machines.splice(this.#machines.indexOf(machine), 1);
            for (const tunnel of [...this.#tunnels.values()]) this.#end(tunnel);
          },
        };
      },
    };
  }

  #enter(host: Host, handlers: SimTunnelHandlers): SimTunnel {
    const { up, down, address } = this.#way(host);
    const tunnel: OpenTunnel = { from: { address, port: ++this.#lastPort }, handlers, up, down, over: false };
    assert(this.#lastPort < 65_536, 'a world has no more tunnels than ports');
    this.#tunnels.set(tunnel.from.port, tunnel);
    this.#shake(tunnel, OPEN_CROSSINGS);
    return {
      send: (_to, bytes) => {
        const copy = bytes.slice();
        up.pass(bytes.length, (arrived) => (arrived ? this.#deliver(tunnel, copy) : this.#end(tunnel)));
      },
      close: () => {
        tunnel.over = true;
        this.#tunnels.delete(tunnel.from.port);
      },
    };
  }

  /** Back and forth, until it is open. */
  #shake(tunnel: OpenTunnel, crossings: number): void {
    if (tunnel.over) return;
    const pipe = crossings % 2 === 0 ? tunnel.up : tunnel.down;
    if (crossings > 0) pipe.pass(0, (arrived) => (arrived ? this.#shake(tunnel, crossings - 1) : this.#end(tunnel)));
    else if (this.#machines.length === 0) this.#end(tunnel, 'unsupported');
    else tunnel.handlers.outcome({ ok: true, local: NOWHERE });
  }

  #deliver(tunnel: OpenTunnel, bytes: Uint8Array): void {
    if (tunnel.over) return;
    this.#machines.find(({ takes }) => takes(bytes))?.handlers.datagram(tunnel.from, bytes);
  }

  #send(to: Endpoint, bytes: Uint8Array): void {
    const tunnel = this.#tunnels.get(to.port);
    if (tunnel === undefined || tunnel.from.address !== to.address) return;
    const copy = bytes.slice();
    tunnel.down.pass(bytes.length, (arrived) => {
      if (!arrived) this.#end(tunnel);
      else if (!tunnel.over) tunnel.handlers.datagram(NOWHERE, copy);
    });
  }

  #end(tunnel: OpenTunnel, code: 'closed' | 'unsupported' = 'closed'): void {
    if (tunnel.over) return;
    tunnel.over = true;
    this.#tunnels.delete(tunnel.from.port);
    this.#context.after(0, () => tunnel.handlers.outcome({ ok: false, code }));
  }

  /** The lines between a host and the server, and the address under which its TCP comes out. */
  #way(host: Host): { readonly up: Pipe; readonly down: Pipe; readonly address: string } {
    const [own, far] = [host.lines[0], this.#server.lines[0]];
    assert(own !== undefined && far !== undefined, 'a host has a line');
    const lines = [own];
    let [realm, address] = [own.realm, host.address];
    for (let box = this.#boxOf(realm); box !== undefined; box = this.#boxOf(realm)) {
      lines.push(box.outer);
      realm = box.outer.realm;
      address = box.nat.addresses[0] ?? address;
    }
    const up = [...lines.map((line) => line.up), far.down];
    const down = [far.up, ...lines.toReversed().map((line) => line.down)];
    return { up: new Pipe(this.#context, up), down: new Pipe(this.#context, down), address };
  }

  #boxOf(realm: Gateway['inside']): Gateway | undefined {
    return this.#context.gateways.find(({ inside }) => inside === realm);
  }
}

/** One direction of a TCP connection. */
class Pipe {
  readonly #context: HallContext;
  readonly #lines: readonly OneWayLink[];
  #lastArrival = 0;

  constructor(context: HallContext, lines: readonly OneWayLink[]) {
    this.#context = context;
    this.#lines = lines;
  }

  /** `then` is told once: that it has arrived, or that the line is dead. */
  pass(bytes: number, then: (arrived: boolean) => void): void {
    const { now } = this.#context;
    for (let left = bytes + MESSAGE_BYTES; left > 0; left -= SEGMENT_BYTES) {
      const tookMs = this.#carry(now, Math.min(left, SEGMENT_BYTES) + SEGMENT_HEADER_BYTES);
      if (tookMs === null) {
        this.#context.after(RETRANSMIT_MS * (2 ** TRIES_MAX - 1), () => then(false));
        return;
      }
      // What comes behind a lost segment waits for it.
      this.#lastArrival = Math.max(this.#lastArrival, now + tookMs);
    }
    this.#context.after(this.#lastArrival - now, () => then(true));
  }

  /** One segment, again and again; null where the line is dead. */
  #carry(now: number, bytes: number): number | null {
    let waitedMs = 0;
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const tookMs = this.#cross(now + waitedMs, bytes);
      if (tookMs !== null) return waitedMs + tookMs;
      waitedMs += RETRANSMIT_MS * 2 ** tries;
    }
    return null;
  }

  /** Null where one of the lines loses it. */
  #cross(at: number, bytes: number): number | null {
    let tookMs = 0;
    for (const line of this.#lines) {
      const { lost, delays } = line.pass(at + tookMs, bytes);
      if (lost !== null) return null;
      tookMs += delays[0] ?? 0;
    }
    return tookMs;
  }
}
