/** Whose datagrams begin with a label: looked up for each of them, so by numbers, and nothing is made for it. */
import { highOf, lowOf } from '../../connection/datagram.ts';
import type { ConnectionId } from '../base/interface.ts';

interface Route {
  readonly path: ConnectionId;
  /** The label's number. */
  readonly n: number;
  /** Its last 32 bits. */
  readonly low: number;
}

export class Routes {
  /** By the first 32 bits of the label. Two of a hundred friends' thousand labels share them once in ten thousand evenings. */
  private readonly table = new Map<number, readonly Route[]>();

  /** `label`: as `eightBytes` has it. Labels are 64 bits of a hash: one that is taken stays with whoever had it. */
  listen(label: string, path: ConnectionId, n: number): void {
    const [high, low] = [intOf(label, 0), intOf(label, 2)];
    const beside = this.table.get(high) ?? [];
    if (!beside.some((one) => one.low === low)) this.table.set(high, [...beside, { path, n, low }]);
  }

  deaf(label: string, path: ConnectionId): void {
    const [high, low] = [intOf(label, 0), intOf(label, 2)];
    const left = (this.table.get(high) ?? []).filter((one) => one.low !== low || one.path !== path);
    if (left.length === 0) this.table.delete(high);
    else this.table.set(high, left);
  }

  /** Of a datagram that is long enough to have a label. */
  of(datagram: Uint8Array): Route | null {
    const beside = this.table.get(highOf(datagram));
    if (beside === undefined) return null;
    const low = lowOf(datagram);
    for (const route of beside) if (route.low === low) return route;
    return null;
  }
}

function intOf(label: string, at: number): number {
  return (label.charCodeAt(at) << 16) | label.charCodeAt(at + 1);
}
