/**
 * One end of a tunnel: datagrams as binary messages of a WebSocket, each whole or not at all. TCP underneath would keep whatever a slow
 * reader leaves in the buffers of two systems and deliver it seconds late; so what is under way is counted, by pings that carry the
 * count and come back, and what would wait longer than 100 ms is dropped, as a line drops it.
 */
import type { RawData, WebSocket } from 'ws';
import { monotonicNow } from './clock.ts';
import { NODE_LIMITS } from './limits.ts';

export interface TunnelHandlers {
  onDatagram(bytes: Uint8Array): void;
  /** Once, whoever ends it; not after `close`. */
  onClosed(): void;
}

export class TunnelEnd {
  /** Of messages, dropped ones not included. */
  sent = 0;
  dropped = 0;
  private readonly socket: WebSocket;
  private readonly handlers: TunnelHandlers;
  private bytesSent = 0;
  private bytesThere = 0;
  /** The shortest time that a ping has taken; null before the first is back. */
  private rttMs: number | null = null;
  private ping: { readonly bytes: number; readonly at: number } | null = null;
  private over = false;

  constructor(socket: WebSocket, handlers: TunnelHandlers) {
    this.socket = socket;
    this.handlers = handlers;
    socket.on('message', (data, isBinary) => this.take(data, isBinary));
    socket.on('ping', (data) => this.answer(data));
    socket.on('pong', () => this.back());
    // What is wrong with it closes it, and that is told.
    socket.on('error', () => {});
    socket.on('close', () => this.ended());
  }

  send(bytes: Uint8Array): void {
    if (this.over || this.socket.readyState !== this.socket.OPEN) return;
    if (this.underWay() + bytes.length > this.room()) {
      this.dropped++;
      return;
    }
    this.sent++;
    this.bytesSent += bytes.length;
    // A copy: the machine may write over its bytes before the system has taken them.
    this.socket.send(Buffer.from(bytes), { binary: true });
    if (this.ping === null && this.underWay() >= NODE_LIMITS.tunnelPingBytes) this.ask();
  }

  /** Nothing is said to the other side, and nothing told any more. */
  close(): void {
    this.over = true;
    this.socket.terminate();
  }

  private underWay(): number {
    return this.bytesSent - this.bytesThere;
  }

  /** 100 ms of the rate that a pair has, and what is on the line anyway. */
  private room(): number {
    const lineMs = this.rttMs ?? NODE_LIMITS.tunnelRttMsDefault;
    return (NODE_LIMITS.tunnelBytesPerSecond * (NODE_LIMITS.tunnelQueueMs + lineMs)) / 1_000;
  }

  private ask(): void {
    this.ping = { bytes: this.bytesSent, at: monotonicNow() };
    this.socket.ping();
  }

  private back(): void {
    const { ping } = this;
    if (ping === null) return;
    this.ping = null;
    this.bytesThere = ping.bytes;
    const rttMs = monotonicNow() - ping.at;
    this.rttMs = Math.min(this.rttMs ?? NODE_LIMITS.tunnelRttMsMax, Math.max(1, rttMs));
    if (this.underWay() > 0) this.ask();
  }

  /** Answers are held back where the other side does not read them: they would pile up without end. */
  private answer(data: Buffer): void {
    if (this.over || this.socket.bufferedAmount > NODE_LIMITS.tunnelPongsBytesMax) return;
    this.socket.pong(data);
  }

  private take(data: RawData, isBinary: boolean): void {
    if (this.over) return;
    if (!isBinary || !(data instanceof Buffer)) {
      this.socket.close(UNSUPPORTED_DATA);
      return;
    }
    this.handlers.onDatagram(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }

  private ended(): void {
    if (this.over) return;
    this.over = true;
    this.handlers.onClosed();
  }
}

/** RFC 6455 §7.4.1: data of a kind that is not taken. */
const UNSUPPORTED_DATA = 1003;

/** What both ends of a WebSocket are made with: no compression of what is encrypted, and no message that is larger than a datagram. */
export const TUNNEL_SOCKET = {
  perMessageDeflate: false,
  maxPayload: NODE_LIMITS.tunnelMessageBytesMax,
  autoPong: false,
} as const;

export const TUNNEL_PATH = '/tunnel';
/** RFC 6455 §11.5: whoever does not name it has not meant us. */
export const TUNNEL_PROTOCOL = 'sallyport.1';
