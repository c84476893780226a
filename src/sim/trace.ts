/** What happened to every packet, as data: the ground of all checkers, and of the JSON and pcap files people look at. */
import type { Endpoint } from '../core/index.ts';
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

function show(endpoint: Endpoint): string {
  return endpoint.address.includes(':')
    ? `[${endpoint.address}]:${endpoint.port}`
    : `${endpoint.address}:${endpoint.port}`;
}

/** One JSON object a line. */
export function traceJson(records: readonly TraceRecord[]): string {
  return records.map((record) => `${JSON.stringify(jsonOf(record))}\n`).join('');
}

function jsonOf({ at, what, where, packet, why }: TraceRecord): Record<string, unknown> {
  return {
    at,
    what,
    where,
    ...(why === null ? {} : { why }),
    id: packet.id,
    from: show(packet.from),
    to: show(packet.to),
    ttl: packet.ttl,
    bytes: packet.bytes.length,
    ...(packet.icmp === null
      ? {}
      : { icmp: packet.icmp.kind, about: `${show(packet.icmp.from)}>${show(packet.icmp.to)}` }),
  };
}

/** One line for people. */
export function traceLine({ at, what, where, packet, why }: TraceRecord): string {
  const kind = packet.icmp === null ? `${packet.bytes.length} B` : `icmp ${packet.icmp.kind}`;
  const reason = why === null ? '' : ` (${why})`;
  return `${at.toFixed(3).padStart(11)} ms  ${what.padEnd(10)} ${where.padEnd(18)} ${show(packet.from)} > ${show(packet.to)} ttl ${packet.ttl} ${kind}${reason}`;
}
