/** What travels. Packets are never changed: a NAT or a router makes a new one, so a trace may keep references. */
import type { Endpoint } from '../core/index.ts';

export type IcmpKind = 'time-exceeded' | 'port-unreachable' | 'prohibited' | 'too-big';

/** The part of an ICMP error that matters here: what it is about, as seen by whoever sent the error. */
export interface IcmpError {
  readonly kind: IcmpKind;
  readonly from: Endpoint;
  readonly to: Endpoint;
}

export interface Packet {
  /** Number in the world, kept through translation and duplication: follows one datagram through a trace. */
  readonly id: number;
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly ttl: number;
  readonly bytes: Uint8Array;
  readonly icmp: IcmpError | null;
  /** Name of the host that truly sent it, for checkers; a forged source address does not change it. */
  readonly origin: string;
}

export const IP_UDP_HEADER_BYTES = 28;
export const TTL_DEFAULT = 64;

export function withTtl(packet: Packet, ttl: number): Packet {
  return {
    id: packet.id,
    from: packet.from,
    to: packet.to,
    ttl,
    bytes: packet.bytes,
    icmp: packet.icmp,
    origin: packet.origin,
  };
}

export function withFrom(packet: Packet, from: Endpoint): Packet {
  return {
    id: packet.id,
    from,
    to: packet.to,
    ttl: packet.ttl,
    bytes: packet.bytes,
    icmp: packet.icmp,
    origin: packet.origin,
  };
}

export function withTo(packet: Packet, to: Endpoint): Packet {
  return {
    id: packet.id,
    from: packet.from,
    to,
    ttl: packet.ttl,
    bytes: packet.bytes,
    icmp: packet.icmp,
    origin: packet.origin,
  };
}
