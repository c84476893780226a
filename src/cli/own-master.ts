/**
 * A small masterserver in the program of whoever hosts: one UDP port, no page, where strangers get in: at a public address of this computer,
 * or by a port that the router has opened. Its relay is behind the same port, so a friend whose network lets nothing else through reaches
 * the game by it, and nothing of that leaves this computer.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { OwnMasterFault, RunningOwnMaster, StartOwnMaster } from '../app/index.ts';
import { type Endpoint, endpointKey, familyOf, formatMasterLink, parseMasterLink, scopeOf } from '../core/index.ts';
import { defaultGateway, keepUpnpMapping, localAddresses, SallyportError, sourceTowards } from '../node/index.ts';
import { CLI_LIMITS } from './limits.ts';

const PORT = 8430;

function isPublic(address: string): boolean {
  return scopeOf(address) === 'public';
}

interface WayIn {
  readonly way: RunningOwnMaster['way'];
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

async function findWayIn(port: number, onWay: (open: boolean) => void): Promise<WayIn | OwnMasterFault> {
  const address = localAddresses().find((one) => familyOf(one) === 4 && isPublic(one));
  if (address !== undefined) return { way: 'public', address, port, outside: { address, port }, close: async () => {} };
  return mappedWay(port, onWay);
}

/** By a port that the router opens and names with a public address: behind a carrier's NAT it names another, and nobody gets in. */
async function mappedWay(port: number, onWay: (open: boolean) => void): Promise<WayIn | OwnMasterFault> {
  const gateway = await defaultGateway();
  const address = gateway === null ? null : sourceTowards(gateway);
  if (gateway === null || address === null) return 'no-way-in';
  const abort = new AbortController();
  const { signal } = abort;
  let kept = Promise.resolve();
  const outside = await new Promise<Endpoint | null>((resolve) => {
    let first: Endpoint | null = null;
    kept = keepTrying(
      { localAddress: address, gateway, signal, againMs: CLI_LIMITS.ownMasterLookMs },
      port,
      (external) => {
        first ??= external;
        resolve(external);
        onWay(external !== null && first !== null && endpointKey(external) === endpointKey(first));
      },
    );
  });
  const close = async (): Promise<void> => {
    abort.abort();
    await kept;
  };
  if (outside !== null && isPublic(outside.address)) return { way: 'mapped', address, port, outside, close };
  await close();
  return outside === null ? 'no-way-in' : 'carrier';
}

/**
 * A router that has started again has forgotten the port: it is asked once more, for as long as the masterserver runs. One that has got another
 * address outside says so when it is asked the next time.
 */
async function keepTrying(
  options: Parameters<typeof keepUpnpMapping>[1],
  port: number,
  onState: (external: Endpoint | null) => void,
): Promise<void> {
  while (!options.signal.aborted) {
    await keepUpnpMapping(port, options, (_works, external) => onState(external)).catch(() => onState(null));
    await sleep(CLI_LIMITS.ownMasterAgainMs, undefined, { signal: options.signal }).catch(() => {});
  }
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
