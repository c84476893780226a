/** A relay behind sockets of its own, by the contract of all participants: for the simulator and for tests. What is real calls `Relay` itself. */
import type { Endpoint } from '../address.ts';
import { familyOf } from '../address.ts';
import { type Instant, type Machine, type Output, type SocketId, type SocketOutcome, socketIds } from '../contract.ts';
import { outputs } from '../machine.ts';
import type { RelayConfig } from './interface.ts';
import { Relay } from './relay.ts';

export interface RelayMachineConfig extends Omit<RelayConfig, 'transmit'> {
  readonly addresses: readonly string[];
  readonly port: number;
  /** Its master's tunnels end here too. */
  readonly tunnel?: boolean;
}

export type RelayCommand = { readonly do: 'start' | 'close' };
export type RelayEvent = { readonly ev: 'listening' } | { readonly ev: 'bind-failed'; readonly code: string };

export class RelayMachine implements Machine<RelayCommand, RelayEvent> {
  readonly relay: Relay;
  private readonly config: RelayMachineConfig;
  private readonly out = outputs<RelayEvent>();
  private readonly ids = socketIds();
  private readonly sockets = new Set<SocketId>();
  private opening = 0;

  constructor(config: RelayMachineConfig) {
    this.config = config;
    this.relay = new Relay({ ...config, transmit: (via, to, bytes) => this.out.transmit(via, to, bytes) });
  }

  handleCommand(_now: Instant, command: RelayCommand): void {
    if (command.do === 'start') {
      for (const address of this.config.addresses) {
        const socket = this.ids.next();
        this.sockets.add(socket);
        this.opening++;
        this.out.open(socket, familyOf(address), this.config.port, address);
      }
      if (this.config.tunnel) {
        const socket = this.ids.next();
        this.sockets.add(socket);
        this.opening++;
        this.out.openTunnel(socket);
      }
      return;
    }
    for (const socket of this.sockets) this.out.close(socket);
    this.sockets.clear();
  }

  handleSocket(_now: Instant, socket: SocketId, outcome: SocketOutcome): void {
    this.opening--;
    if (!outcome.ok) {
      this.sockets.delete(socket);
      this.out.event({ ev: 'bind-failed', code: outcome.code });
    } else if (this.opening === 0) this.out.event({ ev: 'listening' });
  }

  handleDatagram(now: Instant, socket: SocketId, from: Endpoint, bytes: Uint8Array): void {
    this.relay.receive(now, socket, from, bytes);
  }

  handleTimeout(now: Instant): void {
    this.relay.sweep(now);
  }

  poll(): Output<RelayEvent> {
    return this.out.next(this.relay.next());
  }
}
