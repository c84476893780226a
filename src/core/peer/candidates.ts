/**
 * Where a participant may be reached, and what of the other side's claims may be tried. The addresses of a LAN travel only end
 * to end, and are tried only when both sides sit behind the same public address (SECURITY.md row 17).
 */

import { type Endpoint, endpointKey, familyOf, isPrivate } from '../address.ts';
import type { SocketId } from '../contract.ts';
import type { Candidate, Permit } from '../model/pair.ts';
import { scopeOf } from '../scope.ts';
import type { PeerContext } from './context.ts';
import { PEER_LIMITS } from './limits.ts';

/** The fresh socket of a join or an answer. */
export interface Bound {
  readonly socket: SocketId;
  readonly family: 4 | 6;
  readonly port: number;
}

/** Candidates of a fresh socket, and those of the shared sockets; `lan` false leaves out private addresses. */
export function ownCandidates(context: PeerContext, bound: Bound, lan: boolean): readonly Candidate[] {
  const candidates: Candidate[] = [...context.shared()];
  for (const address of context.network().addresses) {
    const endpoint = { address, port: bound.port };
    if (familyOf(address) !== bound.family) continue;
    if (bound.family === 6) {
      if (!isPrivate(address)) candidates.push({ kind: 'ipv6', endpoint, socket: bound.socket });
    } else if (!isPrivate(address)) candidates.push({ kind: 'public', endpoint });
    else if (lan) candidates.push({ kind: 'lan', endpoint });
  }
  return candidates.slice(0, PEER_LIMITS.candidatesMax);
}

/**
 * The other side's candidates that may be probed: what the master saw, and those claims whose address the permit names (a
 * renewed permit may name an IPv6 address that the first did not: the purse decides); LAN addresses only behind the same
 * public address.
 */
export function usableCandidates(
  observed: readonly Endpoint[],
  claimed: readonly Candidate[],
  permit: Permit,
  ownAddresses: readonly string[],
): readonly Candidate[] {
  const together = observed.some((endpoint) => ownAddresses.includes(endpoint.address));
  const usable = claimed.filter(({ kind, endpoint }) =>
    kind === 'lan'
      ? together && isPrivate(endpoint.address)
      : kind === 'ipv6'
        ? scopeOf(endpoint.address) === 'public'
        : permit.grants.some(({ address }) => address === endpoint.address),
  );
  const reflexive = observed.map((endpoint): Candidate => ({ kind: 'reflexive', endpoint }));
  const seen = new Set<string>();
  return [...reflexive, ...usable.filter(({ kind }) => kind !== 'reflexive')].filter(({ endpoint }) => {
    const key = endpointKey(endpoint);
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}
