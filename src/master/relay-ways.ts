/**
 * Datagrams of the relay that come by other ways than its own port: through tunnels, and at a port where the master does everything.
 * They pass through the main thread to that of the relay and back; each way is a number below 0 there.
 */
import { type Endpoint, WIRE } from '../core/index.ts';
import type { OpenUdpSocket } from '../node/index.ts';
import type { RelayThread } from './relay-thread.ts';

type Send = (to: Endpoint, bytes: Uint8Array) => void;

export class RelayWays {
  private readonly sends = new Map<number, Send>();
  private relay: RelayThread | null = null;

  /** From here on there is a relay; before that its datagrams are dropped. */
  serve(relay: RelayThread): void {
    this.relay = relay;
  }

  /** What the relay sends by one of these ways. */
  readonly sent = (via: number, to: Endpoint, bytes: Uint8Array): void => this.sends.get(via)?.(to, bytes);

  /** One more way, whose datagrams go out by `send`. The answer takes what is the relay's; false where a datagram is not. */
  add(send: Send): (from: Endpoint, bytes: Uint8Array) => boolean {
    const via = -1 - this.sends.size;
    this.sends.set(via, send);
    return (from, bytes) => {
      if (bytes[0] !== WIRE.path && bytes[0] !== WIRE.relay) return false;
      // A copy: between threads the whole buffer would go along of which these bytes are a part.
      this.relay?.receive(via, from, bytes.slice());
      return true;
    };
  }

  /** Sockets at these ports take the relay's datagrams too. */
  beside(open: OpenUdpSocket, ports: readonly (number | undefined)[]): OpenUdpSocket {
    return (request, handlers) => {
      if (!ports.includes(request.port)) return open(request, handlers);
      const take = this.add((to, bytes) => opened.socket?.send(to, bytes, undefined));
      const opened = open(request, {
        ...handlers,
        onDatagram: (from, bytes) => {
          if (!take(from, bytes)) handlers.onDatagram(from, bytes);
        },
      });
      return opened;
    };
  }
}
