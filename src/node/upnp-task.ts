/** UPnP is HTTP and multicast, so the machine asks its driver: this task opens the port, keeps it open and closes it again. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { Endpoint } from '../core/index.ts';
import { keepUpnpMapping, type UpnpOptions } from './upnp.ts';

export interface UpnpTask {
  map(port: number): void;
  unmap(): void;
  /** Resolves when the router has been asked to forget everything, or has not answered in time. */
  close(): Promise<void>;
}

/** `gateway`: of the router now; null where there is none. `onState`: what UPnP has come to. */
export function upnpTask(
  gateway: () => string | null,
  onState: (works: boolean, external: Endpoint | null) => void,
  options: Pick<UpnpOptions, 'leaseSeconds'> = {},
): UpnpTask {
  let running: { readonly abort: AbortController; readonly over: Promise<void> } | null = null;

  async function keep(port: number, signal: AbortSignal): Promise<void> {
    const router = gateway();
    const localAddress = router === null ? null : await addressTowards(router);
    if (router === null || localAddress === null) onState(false, null);
    else if (!signal.aborted)
      await keepUpnpMapping(port, { ...options, localAddress, gateway: router, signal }, onState);
  }

  const unmap = (): void => running?.abort.abort();
  return {
    map(port) {
      unmap();
      const abort = new AbortController();
      // UPnP is a bonus: whatever goes wrong with it, the direct ways remain.
      // What was made before is removed first: the router might remove the new mapping of the same port instead.
      const before = running?.over ?? Promise.resolve();
      const over = before.then(() => keep(port, abort.signal)).catch(() => onState(false, null));
      running = { abort, over };
    },
    unmap,
    async close() {
      unmap();
      await running?.over;
    },
  };
}

/** Which of our addresses the router sees: that of a socket connected to it. No packet is sent. */
async function addressTowards(router: string): Promise<string | null> {
  const socket = createSocket('udp4');
  try {
    socket.connect(9, router);
    await once(socket, 'connect');
    return socket.address().address;
  } catch {
    return null;
  } finally {
    socket.close();
  }
}
