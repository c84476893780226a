/** What an agent knows of this computer's network, and tells its machine: addresses, router, and the families of its ways out. */
import {
  type Endpoint,
  familyOf,
  isLoopback,
  type MasterAddress,
  type PeerCommand,
  type TlsPlace,
} from '../core/index.ts';
import {
  deviceOpener,
  type drive,
  Nat64,
  type NetworkNow,
  type NetworkWatch,
  networkNow,
  type OpenOnDevice,
  type OpenUdpSocket,
  openDataSocket,
  sourceTowards,
  tunnelTo,
  watchNetwork,
} from '../node/index.ts';
import type { AgentNetwork } from './interface.ts';
import { AGENT_LIMITS } from './limits.ts';
import { isAside, isSplit, measureWays, openBy, vpnOf, waysToMeasure, wayToUse } from './ways-out.ts';

export interface OwnNetworkParts {
  /** Instead of this computer's. */
  readonly network?: AgentNetwork;
  /** Already looked for; absent: it is, where the masterserver does not answer. */
  readonly nat64?: Nat64;
  /** Of the router at the start. */
  readonly gateway: string | null;
  readonly findGateway: () => Promise<string | null>;
  readonly gateway6?: string | null;
  readonly findGateway6?: () => Promise<string | null>;
  readonly master: MasterAddress;
  /** Of the masterserver, whose way may be another than that of all else. */
  readonly towards: () => readonly string[];
  readonly tell: (command: PeerCommand) => void;
}

export class OwnNetwork {
  gateway: string | null;
  gateway6: string | null;
  readonly nat64: Nat64;
  readonly #parts: OwnNetworkParts;
  readonly #watch: NetworkWatch;
  /** As it was looked at last. */
  #now: NetworkNow;
  /** The address that sockets are bound to; null: the system decides. */
  #via: string | null = null;
  #onDevice: OpenOnDevice | null = null;
  #again: NodeJS.Timeout | null = null;
  #stopped = false;

  constructor(parts: OwnNetworkParts) {
    this.#parts = parts;
    this.gateway = parts.gateway;
    this.gateway6 = parts.gateway6 ?? null;
    this.nat64 = parts.nat64 ?? new Nat64();
    const { network } = parts;
    const look = (): NetworkNow =>
      network === undefined
        ? networkNow(parts.towards())
        : { ...{ addresses: network.addresses(), routes: '', sources: [], families: [], ways: [], system: null } };
    this.#now = look();
    this.#watch = watchNetwork((now) => void this.#changed(now), AGENT_LIMITS.networkWatchMs, look);
    void this.#measure();
  }

  get openSocket(): OpenUdpSocket {
    const { network } = this.#parts;
    if (network !== undefined) return network.openSocket;
    const translated = this.nat64.through(openDataSocket);
    return (request, handlers) => {
      const way = this.#now.ways.find(({ address }) => address === this.#via);
      return (way === undefined ? translated : openBy(way, this.#onDevice))(request, handlers);
    };
  }

  /** How whatever is opened leaves this computer. `tls`: the masterserver's HTTPS server, by its name or address; null where it has none. */
  waysOut(
    tls: TlsPlace | null,
    masterNow: () => Endpoint,
  ): Pick<Parameters<typeof drive>[1], 'openSocket' | 'openTunnel'> {
    const { openSocket, nat64 } = this;
    if (tls === null) return { openSocket };
    const outside = (): TlsPlace => ({ ...tls, host: nat64.outside({ address: tls.host, port: tls.port }).address });
    return { openSocket, openTunnel: (...request) => tunnelTo(outside(), masterNow())(...request) };
  }

  /** To a machine that has not heard of it. */
  tell(): void {
    const via = this.#via;
    const families = this.nat64.families(this.#now.families);
    // Nobody is reached at another address than that which sockets are bound to.
    const addresses = this.#now.addresses.filter((one) => via === null || one === via || familyOf(one) === 6);
    const { gateway, gateway6 } = this;
    const { sources } = this.#now;
    const vpn = vpnOf(this.#now, via);
    this.#parts.tell({ do: 'network', network: { addresses, gateway, gateway6, families, sources, via, vpn } });
  }

  /**
   * The masterserver does not answer. On a network of IPv6 alone its NAT64 may not have been known yet, or it has several prefixes of which
   * one leads nowhere.
   */
  async findWay(): Promise<void> {
    const { prefix } = this.nat64;
    if (prefix !== null) this.nat64.next();
    else await this.nat64.look(this.#now.families);
    if (this.nat64.prefix !== prefix && !this.#stopped) this.tell();
    await this.#measure();
  }

  /** Does a VPN here have the way to one of these addresses, and not that to all else? */
  isAside(addresses: readonly string[]): boolean {
    if (this.#via !== null) return false;
    const { ways, sources } = this.#now;
    return addresses.some((address) => familyOf(address) === 4 && isAside(ways, sources, sourceTowards(address)));
  }

  stop(): void {
    this.#stopped = true;
    this.#watch.stop();
    if (this.#again !== null) clearTimeout(this.#again);
  }

  /** Told when all is known of it, and before that where it takes long; where it has changed once more meanwhile, the newer look is told. */
  async #changed(now: NetworkNow): Promise<void> {
    this.#now = now;
    const early = setTimeout(() => this.#tellOf(now), AGENT_LIMITS.networkToldMs);
    const [gateway, gateway6 = null] = await Promise.all([
      this.#parts.findGateway(),
      this.#parts.findGateway6?.(),
      this.nat64.look(now.families),
    ]);
    clearTimeout(early);
    if (this.#now !== now || this.#stopped) return;
    this.gateway = gateway;
    this.gateway6 = gateway6;
    this.#tellOf(now);
    await this.#measure();
  }

  #tellOf(now: NetworkNow): void {
    if (this.#now !== now || this.#stopped) return;
    if (!now.ways.some(({ address }) => address === this.#via)) this.#via = null;
    this.tell();
  }

  /** Where there are several ways out, now and again: one that was good may be bad by now. */
  async #measure(): Promise<void> {
    const now = this.#now;
    const master = { ...this.#parts.master, addresses: this.#parts.towards() };
    const ways = master.addresses.every(isLoopback) ? [] : waysToMeasure(now.ways, now.system, now.sources);
    if (ways.length > 0) this.#onDevice ??= await deviceOpener();
    const measured = ways.length === 0 ? [] : await measureWays(ways, master, this.#onDevice);
    const via = wayToUse(measured, this.#via, isSplit(now.ways, now.sources));
    if (this.#now !== now || this.#stopped) return;
    if (this.#again !== null) clearTimeout(this.#again);
    this.#again = ways.length === 0 ? null : setTimeout(() => void this.#measure(), AGENT_LIMITS.waysAgainMs).unref();
    if (via === this.#via) return;
    this.#via = via;
    this.tell();
  }
}
