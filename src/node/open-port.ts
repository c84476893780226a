/**
 * One UDP port that the home router keeps open to everybody, by whatever it speaks: PCP, NAT-PMP or UPnP; of IPv6 a pinhole in its firewall.
 * The machine is the one of games (core/portmap). Here nobody can be asked to prove what the router claims, so its word is passed on as it is,
 * and it is asked every few seconds whether it still holds: one that has started again has forgotten, and is asked anew.
 */
import {
  createPortMapper,
  type Endpoint,
  endpointKey,
  type MapCommand,
  type MapEvent,
  requestNumbers,
  socketIds,
} from '../core/index.ts';
import { nodeCrypto } from './crypto.ts';
import { drive } from './drive.ts';
import { defaultGateway, defaultGateway6 } from './gateway.ts';
import { NODE_LIMITS } from './limits.ts';
import { sourceTowards } from './network.ts';
import { upnpTask } from './upnp-task.ts';

/** Where the port is to be open. */
export interface PortPlace {
  readonly port: number;
  /** Of this computer. */
  readonly address: string;
  readonly family: 4 | 6;
  readonly gateway: string;
}

export interface OpenPort {
  /** Resolves when the router has been asked to close the port. */
  close(): Promise<void>;
}

/** The router of this family, and our address that it knows; null where there is none. `own`: of IPv6, the address that is to be reached. */
export async function routerOf(family: 4 | 6, own: string | null): Promise<Omit<PortPlace, 'port'> | null> {
  const gateway = await (family === 4 ? defaultGateway() : defaultGateway6());
  const address = own ?? (gateway === null ? null : sourceTowards(gateway));
  return gateway === null || address === null ? null : { address, family, gateway };
}

/**
 * Opens the port and keeps it open. `onState` hears what the router claims now, and null where it opens nothing: the first time after all that it
 * may speak was tried.
 */
export async function keepOpenPort(place: PortPlace, onState: (external: Endpoint | null) => void): Promise<OpenPort> {
  const { port, address, family, gateway } = place;
  const gateway4 = family === 4 ? gateway : await defaultGateway();
  const { openPortLeaseSeconds: leaseSeconds, openPortTriesMs, openPortLookMs: lookMs } = NODE_LIMITS;
  const sockets = socketIds();
  const driver = drive<MapCommand, MapEvent>(
    createPortMapper({
      ...{ crypto: nodeCrypto, sockets, requests: requestNumbers(), family },
      lifetimeSeconds: leaseSeconds,
    }),
    { onEvent: (event) => heard(event), onFault: () => tell(null) },
  );
  const upnp = upnpTask(
    () => ({ gateway: gateway4, gateway6: family === 6 ? gateway : null }),
    ({ works, external }) => driver.command({ do: 'upnp', works, external }),
    { leaseSeconds, lookMs },
  );
  let told: string | null = null;
  const tell = (external: Endpoint | null): void => {
    const text = external === null ? '' : endpointKey(external);
    if (text === told) return;
    told = text;
    onState(external);
  };
  function heard(event: MapEvent): void {
    if (event.ev === 'upnp') upnp.wish(event);
    if (event.ev !== 'port-mapping') return;
    const { upnp: byUpnp, natPmp, pcp } = event.report;
    const refused = [byUpnp, natPmp, pcp].every((tested) => tested === 'no');
    // Before it has answered, that there is no claim says nothing.
    if (event.claimed !== null || told !== null || refused) tell(event.claimed);
  }
  driver.command({ do: 'network', network: { addresses: [address], gateway } });
  // Whose socket it is matters only to a proof.
  driver.command({ do: 'map', socket: sockets.next(), port });
  const tried = setTimeout(() => {
    if (told === null) tell(null);
  }, openPortTriesMs);
  return {
    async close() {
      clearTimeout(tried);
      driver.command({ do: 'stop' });
      await upnp.close();
      driver.dispose();
    },
  };
}
