/** What this computer knows of its own network, and when that changes. */
import { networkInterfaces } from 'node:os';

/**
 * Addresses of the interfaces that a peer could reach: no loopback, and no IPv6 link-local ones, which mean nothing without
 * the name of the interface.
 */
export function localAddresses(): readonly string[] {
  return Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter((entry) => !entry.internal && !(entry.family === 'IPv6' && /^fe[89ab]/i.test(entry.address)))
    .map((entry) => entry.address)
    .sort();
}

export interface NetworkWatch {
  stop(): void;
}

/**
 * Calls back when the addresses have changed, or when the computer has slept (the wall clock has run on, our timer has not):
 * either way every mapping may be gone.
 */
export function watchNetwork(onChange: (addresses: readonly string[]) => void, everyMs: number): NetworkWatch {
  let last = localAddresses().join();
  let lastWallMs = Date.now();
  const timer = setInterval(() => {
    const addresses = localAddresses();
    const wallMs = Date.now();
    const slept = wallMs - lastWallMs > 3 * everyMs;
    lastWallMs = wallMs;
    if (addresses.join() === last && !slept) return;
    last = addresses.join();
    onChange(addresses);
  }, everyMs);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}
