import type { Vpn } from '../nat/profile.ts';

/** What the driver knows of this computer's network; told at start and on every change. */
export interface LocalNetwork {
  /** Addresses of the interfaces, no loopback; of IPv6 those that others may be told. */
  readonly addresses: readonly string[];
  readonly gateway: string | null;
  /** The router's address of IPv6, with a zone (`%eth0`) where it is link-local. */
  readonly gateway6?: string | null;
  /** Families by which there is a way out, IPv4 also where it leads through a NAT64. Absent: the driver does not know. */
  readonly families?: readonly (4 | 6)[];
  /** By which addresses the system sends, to the Internet by either family and to the masterserver: a VPN may change these and nothing else. */
  readonly sources?: readonly string[];
  /** The address that sockets of IPv4 are bound to, where that is not left to the system. */
  readonly via?: string | null;
  /** Absent: the driver does not know of one. */
  readonly vpn?: Vpn;
}

/** The family that this participant is reached by; `wished`, unless there is a way out only by the other one. */
export function familyOn(network: LocalNetwork | null, wished: 4 | 6): 4 | 6 {
  const [only, more] = network?.families ?? [];
  return only === undefined || more !== undefined ? wished : only;
}

export function sameNetwork(left: LocalNetwork, right: LocalNetwork): boolean {
  const addresses = (network: LocalNetwork) => [...network.addresses].sort().join(' ');
  const rest = ({ families, sources, via }: LocalNetwork) => `${families?.join()} ${sources?.join()} ${via ?? ''}`;
  return left.gateway === right.gateway && addresses(left) === addresses(right) && rest(left) === rest(right);
}
