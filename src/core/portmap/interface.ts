/** What a port mapper is told, what it tells, and what it needs. */
import type { Endpoint } from '../address.ts';
import type { SocketId, SocketIds } from '../contract.ts';
import type { LogData } from '../model/log.ts';
import type { LocalNetwork } from '../model/network.ts';
import type { PortMappingReport } from '../nat/profile.ts';
import type { CryptoSuite } from '../secure/crypto.ts';
import type { RequestNumbers } from '../sources/asker.ts';
import type { MappingSource } from '../sources/source.ts';

export type MapCommand =
  | { readonly do: 'network'; readonly network: LocalNetwork }
  /** Open this socket's port to everybody. The socket stays the caller's; `port` is its local one. */
  | { readonly do: 'map'; readonly socket: SocketId; readonly port: number }
  /** Who can be asked to prove it. A proof under way begins anew. */
  | { readonly do: 'sources'; readonly sources: readonly MappingSource[] }
  /** What UPnP has come to; `external` null where it was refused or removed. */
  | { readonly do: 'upnp'; readonly works: boolean; readonly external: Endpoint | null }
  /** Ask the router once more, as after mapping has been switched on in it. What is proven stays. */
  | { readonly do: 'again' }
  /** The line or the router may be another than it was: what is open is looked at now, and what was is asked for again. */
  | { readonly do: 'look' }
  | { readonly do: 'stop' };

export type MapEvent =
  /** `router`: its own external address, where it told one. `claimed`: what the router says it has opened, proven or not. */
  | {
      readonly ev: 'port-mapping';
      readonly report: PortMappingReport;
      readonly router: string | null;
      readonly claimed: Endpoint | null;
    }
  /** The driver is asked to try UPnP for this internal port, or to remove what it made. `address`: of IPv6, for a pinhole. */
  | { readonly ev: 'upnp'; readonly op: 'map' | 'unmap'; readonly port: number; readonly address?: string }
  | { readonly ev: 'log'; readonly what: string; readonly data: LogData };

export interface MapperConfig {
  readonly crypto: Pick<CryptoSuite, 'randomBytes'>;
  readonly sockets: SocketIds;
  readonly requests: RequestNumbers;
  /**
   * 4 unless said otherwise. 6: nothing is mapped, but the firewall of the router is to let packets in to the one address that the network
   * is told with, a pinhole; `gateway` is then the router's address of IPv6, with a zone where it is link-local.
   */
  readonly family?: 4 | 6;
  /** Asked for, in seconds; an hour unless a test says otherwise. */
  readonly lifetimeSeconds?: number;
}
