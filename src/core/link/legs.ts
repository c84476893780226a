/** The sockets of a link: one for each address family of its master, and the tunnel. */
import type { SocketId, SocketIds } from '../contract.ts';
import type { Outputs } from '../machine.ts';

export type LegKind = 4 | 6 | 'tls';

interface Leg {
  readonly kind: LegKind;
  socket: SocketId;
  state: 'opening' | 'open' | 'failed';
}

export class Legs {
  /** The one that the session goes over, or the first that was opened; 0: none is open. */
  main: SocketId = 0;
  private readonly sockets: SocketIds;
  private readonly out: Pick<Outputs<never>, 'open' | 'openTunnel' | 'close'>;
  private legs: Leg[] = [];

  constructor(sockets: SocketIds, out: Pick<Outputs<never>, 'open' | 'openTunnel' | 'close'>) {
    this.sockets = sockets;
    this.out = out;
  }

  /** Nothing where one of this kind is open already, or about to be. */
  open(kind: LegKind): void {
    const leg = this.of(kind);
    if (leg !== null && leg.state !== 'failed') return;
    const socket = this.sockets.next();
    if (this.main === 0 || this.main === leg?.socket) this.main = socket;
    if (leg === null) this.legs.push({ kind, socket, state: 'opening' });
    else Object.assign(leg, { socket, state: 'opening' });
    if (kind === 'tls') this.out.openTunnel(socket);
    else this.out.open(socket, kind);
  }

  /** False where it is none of ours. */
  outcome(socket: SocketId, ok: boolean): boolean {
    const leg = this.legs.find((other) => other.socket === socket);
    if (leg !== undefined) leg.state = ok ? 'open' : 'failed';
    return leg !== undefined;
  }

  /** All but one. */
  closeAll(keep?: SocketId): void {
    for (const leg of this.legs) if (leg.socket !== keep) this.end(leg);
    this.legs = this.legs.filter((leg) => leg.socket === keep);
    this.main = keep ?? 0;
  }

  closeTunnel(): void {
    const leg = this.of('tls');
    if (leg === null) return;
    this.end(leg);
    this.legs = this.legs.filter((other) => other !== leg);
    if (this.main === leg.socket) this.main = this.legs[0]?.socket ?? 0;
  }

  /** Its socket where it is open, else its state; null where it was never opened. */
  state(kind: LegKind): SocketId | 'opening' | 'failed' | null {
    const leg = this.of(kind);
    return leg === null ? null : leg.state === 'open' ? leg.socket : leg.state;
  }

  get allFailed(): boolean {
    return this.legs.every((leg) => leg.state === 'failed');
  }

  private of(kind: LegKind): Leg | null {
    return this.legs.find((leg) => leg.kind === kind) ?? null;
  }

  private end(leg: Leg): void {
    if (leg.state !== 'failed') this.out.close(leg.socket);
  }
}
