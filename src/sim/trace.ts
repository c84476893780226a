/** What happened to every packet, as data: the ground of all checkers, and of the JSON and pcap files people look at. */
import { endpointKey } from '../core/index.ts';
import type { Packet } from './packet.ts';

export type TraceKind = 'sent' | 'translated' | 'delivered' | 'dropped';

export interface TraceRecord {
  readonly at: number;
  readonly what: TraceKind;
  /** Host, box, router or line. */
  readonly where: string;
  /** The packet as it is there; after translation where `what` is `translated`. */
  readonly packet: Packet;
  /** Reason of a drop, else null. */
  readonly why: string | null;
}

/** A line of a JSON trace file. */
export interface TraceObject {
  readonly at: number;
  readonly what: TraceKind;
  readonly where: string;
  /** Reason of a drop. */
  readonly why?: string;
  readonly id: number;
  readonly from: string;
  readonly to: string;
  readonly ttl: number;
  readonly bytes: number;
  /** Kind of an ICMP error, and the packet it is about. */
  readonly icmp?: string;
  readonly about?: string;
}

/** One JSON object a line. */
export function traceJson(records: readonly TraceRecord[]): string {
  return records.map((record) => `${JSON.stringify(traceObject(record))}\n`).join('');
}

export function traceObject({ at, what, where, packet, why }: TraceRecord): TraceObject {
  return {
    at,
    what,
    where,
    ...(why === null ? {} : { why }),
    id: packet.id,
    from: endpointKey(packet.from),
    to: endpointKey(packet.to),
    ttl: packet.ttl,
    bytes: packet.bytes.length,
    ...(packet.icmp === null
      ? {}
      : { icmp: packet.icmp.kind, about: `${endpointKey(packet.icmp.from)}>${endpointKey(packet.icmp.to)}` }),
  };
}

/** One line for people. */
export function traceLine({ at, what, where, packet, why }: TraceRecord): string {
  const kind = packet.icmp === null ? `${packet.bytes.length} B` : `icmp ${packet.icmp.kind}`;
  const reason = why === null ? '' : ` (${why})`;
  return `${at.toFixed(3).padStart(11)} ms  ${what.padEnd(10)} ${where.padEnd(18)} ${endpointKey(packet.from)} > ${endpointKey(packet.to)} ttl ${packet.ttl} ${kind}${reason}`;
}
