/**
 * A small masterserver in the program of whoever hosts: one UDP port, no page, where strangers get in: at a public address of this computer,
 * by a port that the router has opened, or through a pinhole in its firewall of IPv6. Its relay is behind the same port, so a friend whose
 * network lets nothing else through reaches the game by it, and nothing of that leaves this computer.
 */
import { join } from 'node:path';
import type { OwnMasterFault, OwnMasterWay, RunningOwnMaster, StartOwnMaster } from '../app/index.ts';
import { type Endpoint, endpointKey, familyOf, formatMasterLink, parseMasterLink, scopeOf } from '../core/index.ts';
import { keepOpenPort, lastingAddresses6, localAddresses, routerOf, SallyportError } from '../node/index.ts';
import { CLI_LIMITS } from './limits.ts';

const PORT = 8430;

function isPublic(address: string): boolean {
  return scopeOf(address) === 'public';
}

interface WayIn {
  readonly way: OwnMasterWay;
  /** Of this computer, to listen on. */
  readonly address: string;
  readonly port: number;
  /** Where it is reached from outside. */
  readonly outside: Endpoint;
  close(): Promise<void>;
}

export const startOwnMaster: StartOwnMaster = async (stateDir, onWay) => {
  let fault: OwnMasterFault = 'no-way-in';
  for (let port = PORT; port < PORT + CLI_LIMITS.ownMasterPorts; port++) {
    const way = await findWayIn(port, onWay);
    if (typeof way === 'string') return way;
    try {
      return await startAt(way, join(stateDir, 'own-master'));
    } catch (error) {
      await way.close();
      if (!(error instanceof SallyportError) || error.code !== 'PORT_TAKEN') return 'failed';
      fault = 'port-taken';
    }
  }
  return fault;
};

/** IPv4 first: there are friends without IPv6. */
async function findWayIn(port: number, onWay: (open: boolean) => void): Promise<WayIn | OwnMasterFault> {
  const address = localAddresses().find((one) => familyOf(one) === 4 && isPublic(one));
  if (address !== undefined) return { way: 'public', address, port, outside: { address, port }, close: async () => {} };
  const mapped = await openedWay('mapped', port, null, onWay);
  const own = lastingAddresses6().find(isPublic);
  if (typeof mapped !== 'string' || own === undefined) return mapped;
  const pinhole = await openedWay('pinhole', port, own, onWay);
  return typeof pinhole === 'string' ? mapped : pinhole;
}

/**
 * By a port that the router opens. One that names no public address stands behind a carrier's NAT, and nobody gets in. A router that has started
 * again has forgotten the port: it is asked once more, for as long as the masterserver runs.
 */
async function openedWay(
  way: 'mapped' | 'pinhole',
  port: number,
  own: string | null,
  onWay: (open: boolean) => void,
): Promise<WayIn | OwnMasterFault> {
  const router = await routerOf(way === 'mapped' ? 4 : 6, own);
  if (router === null) return 'no-way-in';
  let first: string | null = null;
  let tell = (_external: Endpoint | null): void => {};
  const claimed = new Promise<Endpoint | null>((resolve) => {
    tell = resolve;
  });
  const open = await keepOpenPort({ ...router, port }, (external) => {
    const text = external === null ? null : endpointKey(external);
    first ??= text;
    tell(external);
    onWay(text !== null && text === first);
  });
  const outside = await claimed;
  const { close } = open;
  if (outside !== null && isPublic(outside.address)) return { way, address: router.address, port, outside, close };
  await close();
  return outside === null ? 'no-way-in' : 'carrier';
}

async function startAt({ way, address, port, outside, close }: WayIn, stateDir: string): Promise<RunningOwnMaster> {
  const { startMaster } = await import('../master/index.ts');
  const master = await startMaster({
    ...{ listen: [address], port, onePort: true, http: null, metrics: null, relay: { quotas: [] } },
    ...{ stateDir, testJoins: null, logLevel: 'silent' },
  });
  const link = parseMasterLink(master.link);
  if ('problem' in link) throw new SallyportError('INTERNAL');
  return {
    way,
    local: master.link,
    link: formatMasterLink({ ...link, host: outside.address, port: outside.port }),
    async close() {
      await master.drain();
      await close();
    },
  };
}
