/**
 * What may be sent to an address of the peer, whoever has named it: the master in a permit, the peer in a candidate or an order, a
 * server in an answer (SECURITY.md rows 2, 3, 15; scopes in `scope.ts`).
 *
 * A local address says nothing about which network it is in: in the friend's house the host's 192.168.1.10 is a printer. So it is
 * tried only for a reason, as a candidate of a LAN, with a handful of packets. The reasons: the master sees both sides at one
 * address, so they are behind one NAT; or we have the master itself at a local address, so it sees the peer in that very network.
 */

import type { Party, Permit } from '../../model/pair.ts';
import { isLocal, scopeOf } from '../../scope.ts';

/** `paid`: as much as the address has paid for. `few`: what a session may send to local addresses in all. */
export type Reach = 'paid' | 'few' | 'never';

/** How far an address that the master has named may be probed, by somebody who has the master at `master`. */
export function reachOf(address: string, master: string | null): Reach {
  const scope = scopeOf(address);
  if (scope === 'public') return 'paid';
  const own = master === null ? 'public' : scopeOf(master);
  // This very computer, and everything that listens on it: only where the master is on it too.
  if (scope === 'loopback') return own === 'loopback' ? 'few' : 'never';
  return isLocal(scope) && (isLocal(own) || own === 'loopback') ? 'few' : 'never';
}

/** Local addresses that the peer claims, as far as there is reason to believe that they are in our network. */
export function lanAddresses({
  own,
  permit,
  peer,
  master,
  unseen = [],
}: {
  readonly own: Party;
  readonly peer: Party;
  readonly permit: Permit;
  readonly master: string | null;
  readonly unseen?: readonly string[];
}): readonly string[] {
  const mine = new Set([
    ...own.profile.external,
    ...own.candidates.filter((one) => one.kind === 'reflexive').map((one) => one.endpoint.address),
  ]);
  // A master on the Internet that sees both at one local address sees what has rewritten them.
  const named = permit.addresses
    .map(({ address }) => address)
    .filter((address) => reachOf(address, master) !== 'never');
  if (![...named, ...unseen].some((address) => mine.has(address))) return [];
  const scopes = new Set(own.candidates.map(({ endpoint }) => scopeOf(endpoint.address)));
  return peer.candidates.flatMap(({ kind, endpoint: { address } }) => {
    const scope = scopeOf(address);
    // Link-local is no farther than the cable, so whoever is there has such an address as well.
    const near = isLocal(scope) && (scope !== 'link-local' || scopes.has(scope));
    return kind === 'lan' && near ? [address] : [];
  });
}
