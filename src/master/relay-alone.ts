/** `sallyport relay`: a relay on a machine of its own, with the secret of its master. It prints nothing; it returns facts. */
import { existsSync } from 'node:fs';
import { addressBytes, parseMasterLink, type RelayCounters, relayKeys } from '../core/index.ts';
import { nativeUdp, nodeCrypto, readOrCreateKey, usage } from '../node/index.ts';
import { measureRelay } from './measures.ts';
import { createMetrics } from './metrics.ts';
import { PORT, UDP_PORTS } from './options.ts';
import { readQuotas } from './relay-options.ts';
import { openRelaySockets } from './relay-sockets.ts';
import { portTaken, type RelayFigures } from './relay-thread.ts';
import { type Closers, startMetrics } from './serve-http.ts';

export interface AloneOptions {
  readonly listen: readonly string[];
  readonly port?: number;
  /** Whose tokens count. */
  readonly master: string;
  /** A copy of the master's `relay.secret`. */
  readonly secretFile: string;
  /** `NAME=VALUE`. */
  readonly quotas?: readonly string[];
  /** `ADDRESS:PORT`, or null for none. */
  readonly metrics?: string | null;
  readonly nativeUdp?: boolean;
}

interface RunningRelay {
  readonly port: number;
  readonly metrics: string | null;
  counters(): RelayCounters;
  close(): Promise<void>;
}

export async function startRelay(options: AloneOptions): Promise<RunningRelay> {
  const { listen, port = PORT + UDP_PORTS, secretFile } = options;
  const master = parseMasterLink(options.master);
  if ('problem' in master) throw usage(`--master takes the link that "sallyport master" prints (${master.problem}).`);
  const wrong = listen.find((address) => addressBytes(address) === null);
  if (listen.length === 0 || wrong !== undefined)
    throw usage(`--listen takes an IP address of this computer${wrong === undefined ? '' : `, not "${wrong}"`}.`);
  // A new secret would fit no token of the master.
  if (!existsSync(secretFile))
    throw usage(`--secret-file ${secretFile} is not there: copy relay.secret from the state folder of the master.`);
  const { secret } = readOrCreateKey(secretFile);
  const opened = openRelaySockets({
    ...{ addresses: listen, port, quotas: readQuotas(options.quotas ?? []), wallClock: Date.now },
    ...{ crypto: nodeCrypto, keys: relayKeys(nodeCrypto, secret, master.key) },
    ...(options.nativeUdp === true ? { openSocket: await nativeUdp() } : {}),
  });
  if (typeof opened === 'string') throw portTaken(opened);
  const { relay } = opened;
  const closers: Closers = [opened.close];
  const close = async (): Promise<void> => {
    for (const one of closers.reverse()) await one();
  };
  try {
    const registry = createMetrics();
    const figures = (): RelayFigures => ({
      ...{ kind: 'counters', counters: relay.counters(), tables: relay.tables(), congested: opened.congested },
    });
    measureRelay(registry, figures);
    const metrics = await startMetrics(options.metrics ?? null, { metrics: registry.text }, closers, () => {});
    return { port, metrics, counters: () => relay.counters(), close };
  } catch (error) {
    await close();
    throw error;
  }
}
