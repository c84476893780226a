/** What this computer knows of its own network, and when that changes. */
import { readFileSync } from 'node:fs';
import { networkInterfaces, platform } from 'node:os';
import { NODE_LIMITS } from './limits.ts';

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
 * The ways to the internet, as text that changes with them: Linux's IPv4 default routes. Elsewhere asking takes a program of its own,
 * and a way that changes without an address is noticed by what no longer comes.
 */
function defaultRoutes(): string {
  if (platform() !== 'linux') return '';
  try {
    const routes = readFileSync('/proc/net/route', 'utf8')
      .split('\n')
      .map((line) => line.split('\t'));
    // Interface, gateway, metric.
    return routes.flatMap((row) => (row[1] === '00000000' ? [row[0], row[2], row[6]] : [])).join();
  } catch {
    return '';
  }
}

/** What is compared. */
export interface NetworkNow {
  readonly addresses: readonly string[];
  readonly routes: string;
}

const networkNow = (): NetworkNow => ({ addresses: localAddresses(), routes: defaultRoutes() });

/**
 * Calls back when the addresses or the default route have changed, or when the computer has slept (the wall clock has run on, our timer
 * has not): either way every mapping may be gone.
 */
export function watchNetwork(
  onChange: (addresses: readonly string[]) => void,
  everyMs: number,
  look: () => NetworkNow = networkNow,
): NetworkWatch {
  const text = ({ addresses, routes }: NetworkNow): string => `${addresses.join()} ${routes}`;
  let last = text(look());
  let lastWallMs = Date.now();
  const timer = setInterval(() => {
    const now = look();
    const wallMs = Date.now();
    const slept = wallMs - lastWallMs > everyMs + NODE_LIMITS.sleptMs;
    lastWallMs = wallMs;
    if (text(now) === last && !slept) return;
    last = text(now);
    onChange(now.addresses);
  }, everyMs);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}
