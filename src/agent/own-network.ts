/** What an agent knows of this computer's network, and tells its machine: addresses, router, and the families of its ways out. */
import type { PeerCommand } from '../core/index.ts';
import {
  Nat64,
  type NetworkNow,
  type NetworkWatch,
  networkNow,
  type OpenUdpSocket,
  openDataSocket,
  watchNetwork,
} from '../node/index.ts';
import type { AgentNetwork } from './interface.ts';
import { AGENT_LIMITS } from './limits.ts';

export interface OwnNetworkParts {
  /** Instead of this computer's. */
  readonly network?: AgentNetwork;
  /** Already looked for; absent: it is, where the masterserver does not answer. */
  readonly nat64?: Nat64;
  /** Of the router at the start. */
  readonly gateway: string | null;
  readonly findGateway: () => Promise<string | null>;
  /** Of the masterserver, whose way may be another than that of all else. */
  readonly towards: () => readonly string[];
  readonly tell: (command: PeerCommand) => void;
}

export class OwnNetwork {
  gateway: string | null;
  readonly nat64: Nat64;
  readonly #parts: OwnNetworkParts;
  readonly #watch: NetworkWatch;
  /** As it was looked at last. */
  #now: NetworkNow;
  #stopped = false;

  constructor(parts: OwnNetworkParts) {
    this.#parts = parts;
    this.gateway = parts.gateway;
    this.nat64 = parts.nat64 ?? new Nat64();
    const { network } = parts;
    const look = (): NetworkNow =>
      network === undefined
        ? networkNow(parts.towards())
        : { addresses: network.addresses(), routes: '', families: [] };
    this.#now = look();
    this.#watch = watchNetwork((now) => void this.#changed(now), AGENT_LIMITS.networkWatchMs, look);
  }

  get openSocket(): OpenUdpSocket {
    return this.#parts.network?.openSocket ?? this.nat64.through(openDataSocket);
  }

  /** To a machine that has not heard of it. */
  tell(): void {
    const { addresses, families: native } = this.#now;
    const families = this.nat64.families(native);
    this.#parts.tell({ do: 'network', network: { addresses, gateway: this.gateway, families } });
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
  }

  stop(): void {
    this.#stopped = true;
    this.#watch.stop();
  }

  /** Told when all is known of it; where it has changed once more meanwhile, the newer look is told. */
  async #changed(now: NetworkNow): Promise<void> {
    this.#now = now;
    const [gateway] = await Promise.all([this.#parts.findGateway(), this.nat64.look(now.families)]);
    if (this.#now !== now || this.#stopped) return;
    this.gateway = gateway;
    this.tell();
  }
}
