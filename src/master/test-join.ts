/**
 * "Verified joinable": the master joins listed hosts itself, through its own front door and with its own key, by which hosts
 * know it (they then ask for no password and count nobody). It stands for a client on a public address: what it can't reach,
 * nobody can. One host at a time, those never tested first, then those tested longest ago.
 */
import { createPeer, type FailureCode, type KeyPair, type PeerConfig } from '../core/index.ts';
import { drive, localAddresses, nodeCrypto, systemRandom } from '../node/index.ts';
import { SERVER_LIMITS } from './limits.ts';
import type { ListItem } from './listing.ts';

export interface TesterOptions {
  readonly identity: KeyPair;
  readonly master: PeerConfig['master'];
  readonly family: 4 | 6;
  readonly hosts: () => Iterable<ListItem>;
  /** `null`: the test said nothing about the host (it was busy or full, or the master itself was in the way). */
  readonly onResult: (hostId: string, joinable: boolean | null) => void;
  readonly now: () => number;
  readonly timing?: { readonly intervalMs: number; readonly againMs: number; readonly timeoutMs: number };
}

export interface Tester {
  stop(): void;
}

/** Failures that are the host's own. Others (busy, full, master not reachable) prove nothing. */
const NOT_JOINABLE: readonly FailureCode[] = [
  'HOST_OFFLINE',
  'CODE_UNKNOWN',
  'HOST_KEY_CHANGED',
  'VERSION',
  'GAVE_UP',
  'REFUSED',
];

export function startTester(options: TesterOptions): Tester {
  const { intervalMs, againMs, timeoutMs } = options.timing ?? {
    intervalMs: SERVER_LIMITS.testJoinIntervalMs,
    againMs: SERVER_LIMITS.testJoinAgainMs,
    timeoutMs: SERVER_LIMITS.testJoinTimeoutMs,
  };
  /** When each host was tested last; those that are gone are forgotten when the next is chosen. */
  const testedAt = new Map<string, number>();
  let current: { readonly join: number; readonly hostId: string } | null = null;
  let joins = 0;
  let ready = false;

  const peer = createPeer({
    ...{ master: options.master, identity: options.identity, family: options.family },
    ...{ stun: [], crypto: nodeCrypto, random: systemRandom, wallClock: Date.now },
    // All nodes of a fleet have one key. Two of them may test one host at a time, and are two programs to it: neither takes the other's place.
    start: nodeCrypto.randomBytes(16),
  });
  const driver = drive(peer, {
    onEvent(event) {
      if (event.ev === 'ready') ready = true;
      else if (event.ev === 'path') {
        driver.command({ do: 'leave', path: event.path });
        finish(event.join, true);
      } else if (event.ev === 'join-failed') finish(event.join, NOT_JOINABLE.includes(event.failure) ? false : null);
    },
    onFault: () => clearInterval(timer),
  });

  function finish(join: number | null, joinable: boolean | null): void {
    if (current === null || current.join !== join) return;
    options.onResult(current.hostId, joinable);
    current = null;
  }

  /** The host whose turn it is. O(n) once in 2 s. */
  function choose(): ListItem | null {
    const now = options.now();
    let best: ListItem | null = null;
    let oldest = now - againMs;
    for (const item of options.hosts()) {
      if (!item.listed || item.returning || item.host.code === '') continue;
      const at = testedAt.get(item.hostId) ?? Number.NEGATIVE_INFINITY;
      if (at > oldest) continue;
      best = item;
      oldest = at;
      if (at === Number.NEGATIVE_INFINITY) break;
    }
    return best;
  }

  function next(): void {
    if (!ready || current !== null) return;
    const item = choose();
    if (item === null) return;
    if (testedAt.size > SERVER_LIMITS.testJoinsRemembered) testedAt.clear();
    testedAt.set(item.hostId, options.now());
    joins += 1;
    current = { join: joins, hostId: item.hostId };
    driver.command({
      ...{ do: 'join', join: joins, code: null, hostKey: item.host.hostKey },
      ...{ password: null, name: '', timeoutMs },
    });
  }

  driver.command({ do: 'network', network: { addresses: localAddresses(), gateway: null } });
  driver.command({ do: 'start' });
  const timer = setInterval(next, intervalMs);
  timer.unref();
  return {
    stop() {
      clearInterval(timer);
      driver.command({ do: 'close' });
      driver.dispose();
    },
  };
}
