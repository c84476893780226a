/** A relay behind real sockets: in a thread of a master (`relay-worker.ts`) or alone (`relay-alone.ts`). */
import { type Endpoint, familyOf, Relay, type RelayConfig } from '../core/index.ts';
import { monotonicNow, type OpenUdpSocket, openUdpSocket, type UdpSocket } from '../node/index.ts';
import { SERVER_LIMITS } from './limits.ts';

export interface RelaySockets {
  readonly relay: Relay;
  /** What the line has not taken in time. */
  readonly congested: number;
  /** Of a datagram that came another way; what goes back there is given to `elsewhere` with the same number (below 0). */
  receive(via: number, from: Endpoint, bytes: Uint8Array): void;
  close(): void;
}

export interface RelaySocketsOptions extends Omit<RelayConfig, 'transmit'> {
  readonly addresses: readonly string[];
  readonly port: number;
  readonly openSocket?: OpenUdpSocket;
  readonly elsewhere?: (via: number, to: Endpoint, bytes: Uint8Array) => void;
}

/** Where it can't be bound: why. */
export function openRelaySockets(options: RelaySocketsOptions): RelaySockets | string {
  const sockets: UdpSocket[] = [];
  let congested = 0;
  const relay = new Relay({
    ...options,
    transmit(via, to, bytes) {
      const socket = sockets[via];
      if (socket === undefined) options.elsewhere?.(via, to, bytes);
      else if (socket.queued < SERVER_LIMITS.relayQueueMax) socket.send(to, bytes, undefined);
      else congested++;
    },
  });
  const close = (): void => {
    clearInterval(timer);
    for (const socket of sockets) socket.close();
  };
  const timer = setInterval(() => relay.sweep(monotonicNow()), SERVER_LIMITS.relaySweepMs);
  const open = options.openSocket ?? openUdpSocket;
  for (const [via, address] of options.addresses.entries()) {
    const request = { kind: 'socket', op: 'open', socket: via, family: familyOf(address) } as const;
    const { outcome, socket } = open(
      { ...request, port: options.port, address },
      { onDatagram: (from, bytes) => relay.receive(monotonicNow(), via, from, bytes) },
    );
    if (!outcome.ok || socket === null) {
      close();
      return `UDP port ${options.port} on ${address}: ${outcome.ok ? 'unknown' : outcome.code}`;
    }
    sockets.push(socket);
  }
  return {
    relay,
    get congested() {
      return congested;
    },
    receive: (via, from, bytes) => relay.receive(monotonicNow(), via, from, bytes),
    close,
  };
}
