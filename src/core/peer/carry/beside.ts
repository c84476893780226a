/**
 * IPv6 beside a path that was found over IPv4: the master's word that it may be probed comes a moment later than that for IPv4, so where
 * the NATs are easy IPv4 has won by then. It is tried all the same, as one more path of the connection, which takes the better one.
 */
import type { Instant } from '../../contract.ts';
import type { PeerContext } from '../base/context.ts';
import type { ConnectionId } from '../base/interface.ts';
import { PEER_LIMITS } from '../base/limits.ts';
import type { Session } from '../reach/session.ts';
import type { Connections, Found } from './connections.ts';

/** Both sides do it, each when its path is proven: so both firewalls are opened from inside within a round trip of each other. */
export function lookBeside(
  now: Instant,
  context: PeerContext,
  connections: Connections,
  { session, path, found }: { readonly session: Session; readonly path: ConnectionId; readonly found: Found },
): void {
  // Nothing is better than the local network.
  if (found.kind === 'ipv6' || found.kind === 'lan') return;
  let tried = false;
  for (const afterMs of PEER_LIMITS.besideAtMs) {
    context.agenda.at(now + afterMs, (at) => {
      const way = tried ? null : session.beside();
      tried ||= way !== null;
      if (way !== null) connections.addBeside(at, path, way);
    });
  }
}
