/** UPnP is HTTP and multicast, so the machine asks its driver: this task opens the port, keeps it open and closes it again. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Endpoint, endpointKey, familyOf } from '../core/index.ts';
import { sourceTowards } from './network.ts';
import { mapByUpnp, type UpnpMapping, type UpnpOptions } from './upnp.ts';
import { openPinholeByUpnp } from './upnp-pinhole.ts';

/** Of Node: longer ones fire at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** A port to open or to close. `address`: of IPv6, where the firewall is to let in what is for it. */
export interface UpnpWish {
  readonly op: 'map' | 'unmap';
  readonly port: number;
  readonly address?: string;
}

/** What UPnP has come to. */
export interface UpnpState {
  readonly family: 4 | 6;
  readonly works: boolean;
  readonly external: Endpoint | null;
}

export interface UpnpTask {
  wish(wish: UpnpWish): void;
  /** Closes all that is open. */
  unmap(): void;
  /** Resolves when the router has been asked to forget everything, or has not answered in time. */
  close(): Promise<void>;
}

/** Of the router now; null where there is none. */
export interface Gateways {
  readonly gateway: string | null;
  readonly gateway6: string | null;
}

interface Running {
  readonly abort: AbortController;
  readonly over: Promise<void>;
}

/** `lookMs`: how often the router is asked whether it still has what it opened, where nobody else can tell; absent: only when half of the lease is over. */
export interface UpnpTaskOptions extends Pick<UpnpOptions, 'leaseSeconds'> {
  readonly lookMs?: number;
}

/** One port of each family at most. */
export function upnpTask(
  gateways: () => Gateways,
  onState: (state: UpnpState) => void,
  { lookMs, ...options }: UpnpTaskOptions = {},
): UpnpTask {
  const running = new Map<4 | 6, Running>();

  async function keep(port: number, own: string | null, signal: AbortSignal): Promise<void> {
    const family = own === null ? 4 : 6;
    const { gateway, gateway6 } = gateways();
    const localAddress = gateway === null ? null : sourceTowards(gateway);
    const router = gateway === null || localAddress === null ? null : { localAddress, gateway };
    const onChange = (works: boolean, external: Endpoint | null): void => onState({ family, works, external });
    if (signal.aborted) return;
    if (own === null && router !== null)
      await keepUpnpMapping(() => mapByUpnp(port, { ...options, ...router, signal }), signal, onChange, lookMs);
    else if (own !== null && gateway6 !== null)
      await keepUpnpMapping(
        () => openPinholeByUpnp(port, { own, gateway: gateway6 }, { ...options, router, signal }),
        signal,
        onChange,
        lookMs,
      );
    else onChange(false, null);
  }

  function map(port: number, own: string | null): void {
    const family = own === null ? 4 : 6;
    const last = running.get(family);
    last?.abort.abort();
    const abort = new AbortController();
    // UPnP is a bonus: whatever goes wrong with it, the direct ways remain.
    // What was made before is removed first: the router might remove the new mapping of the same port instead.
    const before = last?.over ?? Promise.resolve();
    const over = before
      .then(() => keep(port, own, abort.signal))
      .catch(() => onState({ family, works: false, external: null }));
    running.set(family, { abort, over });
  }

  const unmap = (): void => {
    for (const { abort } of running.values()) abort.abort();
  };
  return {
    wish({ op, port, address = null }) {
      if (op === 'map') map(port, address);
      else running.get(address === null ? 4 : familyOf(address))?.abort.abort();
    },
    unmap,
    async close() {
      unmap();
      await Promise.all([...running.values()].map(({ over }) => over));
    },
  };
}

/** A router that is busy misses one question; one that misses two has started again, perhaps at another port, and is looked for anew. */
const SILENT_LOOKS_MAX = 2;

/**
 * Opens a port by UPnP and keeps it open until the signal fires, then closes it: a mapping of IPv4, or a pinhole in the firewall of IPv6.
 * `onState` hears every change of what the router claims.
 */
export async function keepUpnpMapping(
  open: () => Promise<UpnpMapping | null>,
  signal: AbortSignal,
  onState: (works: boolean, external: Endpoint | null) => void,
  lookMs: number = TIMER_MS_MAX,
): Promise<void> {
  const mapping = await open();
  if (!signal.aborted) onState(mapping !== null, mapping?.external ?? null);
  if (mapping === null) return;
  let external: Endpoint | null = mapping.external;
  const halfMs = mapping.leaseSeconds === null ? TIMER_MS_MAX : (mapping.leaseSeconds * 1000) / 2;
  let [waitedMs, silent] = [0, 0];
  while (external !== null && !signal.aborted) {
    const waitMs = Math.min(lookMs, halfMs - waitedMs);
    await sleep(waitMs, undefined, { signal, ref: false }).catch(() => {});
    if (signal.aborted) break;
    waitedMs += waitMs;
    const before: Endpoint = external;
    const seen = waitedMs < halfMs ? await mapping.look() : 'gone';
    silent = seen === 'silent' ? silent + 1 : 0;
    if (seen === 'gone') [external, waitedMs] = [await mapping.renew(), 0];
    else if (seen !== 'silent') external = seen;
    else if (silent >= SILENT_LOOKS_MAX) external = null;
    if (signal.aborted) break;
    if (external === null || endpointKey(external) !== endpointKey(before)) onState(true, external);
  }
  await mapping.remove();
}
