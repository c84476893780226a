/**
 * A pinhole in the IPv6 firewall in front of this computer (RFC 6092 section 3.4): a socket that the router is asked to let everybody
 * reach, by PCP or UPnP. Proven from outside as a port mapping is, it is where friends come in without both sides having to send at once.
 */
import { type Endpoint, familyOf } from '../../address.ts';
import type { Instant, Machine, SocketId } from '../../contract.ts';
import type { Candidate } from '../../model/pair.ts';
import type { MapCommand, MapEvent } from '../../portmap/interface.ts';
import { createPortMapper } from '../../portmap/mapper.ts';
import { scopeOf } from '../../scope.ts';
import type { MappingSource } from '../../sources/source.ts';
import type { PeerContext } from '../base/context.ts';

export class Pinhole {
  private readonly context: PeerContext;
  private readonly mapper: Machine<MapCommand, MapEvent>;
  private front: SocketId = 0;
  private proven: Endpoint | null = null;
  /** For which address which router was asked. */
  private asked = '';

  constructor(context: PeerContext) {
    this.context = context;
    const { crypto } = context.config;
    this.mapper = createPortMapper({ crypto, sockets: context.sockets, requests: context.requests, family: 6 });
    context.nest.add(this.mapper, (_now, event) => this.heard(event));
  }

  /** 0 where there is none. */
  get socket(): SocketId {
    return this.front;
  }

  /** Where everybody can reach us; null unless a packet has come in through it from outside. */
  get candidate(): Candidate | null {
    return this.proven === null ? null : { kind: 'ipv6', endpoint: this.proven, socket: this.front };
  }

  /** The network may be another, or the master has told at which address it sees us: `seen`, those of IPv6 first in line. */
  look(now: Instant, seen: readonly (string | null)[]): void {
    const { addresses, gateway6 = null } = this.context.network();
    const own = addresses.filter((one) => familyOf(one) === 6 && scopeOf(one) === 'public');
    const address = seen.find((one) => one !== null && own.includes(one)) ?? own[0] ?? null;
    const asked = `${address} ${gateway6}`;
    const possible = address !== null && gateway6 !== null;
    if (asked === this.asked || (!possible && this.front === 0)) return;
    this.asked = asked;
    this.tell(now, { do: 'network', network: { addresses: address === null ? [] : [address], gateway: gateway6 } });
    if (this.front === 0) this.open();
  }

  /** Who may prove it. */
  sources(now: Instant, sources: readonly MappingSource[]): void {
    this.tell(now, { do: 'sources', sources });
  }

  tell(now: Instant, command: MapCommand): void {
    this.context.nest.command(now, this.mapper, command);
  }

  close(): void {
    this.context.nest.remove(this.mapper);
  }

  private open(): void {
    const { context } = this;
    this.front = context.open(6, (now, outcome) => {
      if (!outcome.ok) {
        this.front = 0;
        this.asked = '';
        return;
      }
      context.nest.assign(this.front, this.mapper);
      this.tell(now, { do: 'map', socket: this.front, port: outcome.local.port });
    });
  }

  private heard(event: MapEvent): void {
    if (event.ev === 'port-mapping') this.proven = event.report.external;
    else if (event.ev === 'upnp') this.context.out.event(event);
    else this.context.log(null, 'ipv6-pinhole', event.data);
  }
}
