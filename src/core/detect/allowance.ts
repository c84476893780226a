/** What one run may send: so many packets, and so many mappings that these may have made, because others share the NAT. */
import { type Endpoint, endpointKey } from '../address.ts';
import type { SocketId } from '../contract.ts';
import type { Send } from '../sources/asker.ts';
import { DETECT_LIMITS } from './limits.ts';

export class Allowance {
  packets = 0;
  /** Sends and counts. */
  readonly send: Send;
  /** A symmetric NAT makes a mapping for each. */
  private readonly ways = new Set<string>();

  constructor(transmit: Send) {
    this.send = (socket, to, bytes, ttl) => {
      this.packets++;
      this.ways.add(wayOf(socket, to));
      transmit(socket, to, bytes, ttl);
    };
  }

  /** One more packet that makes no mapping. */
  get mayRepeat(): boolean {
    return this.packets < DETECT_LIMITS.detectPacketsMax;
  }

  /** One more packet, and the mapping that it may make. */
  maySend(socket: SocketId, to: Endpoint): boolean {
    return this.mayRepeat && (this.ways.has(wayOf(socket, to)) || this.ways.size < DETECT_LIMITS.detectMappingsMax);
  }
}

function wayOf(socket: SocketId, to: Endpoint): string {
  return `${socket} ${endpointKey(to)}`;
}
