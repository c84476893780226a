/**
 * Where a participant may be reached, and what of the other side's claims may be tried. The addresses of a LAN travel only end
 * to end, and are tried only when both sides sit behind the same public address (security.md row 17).
 */
import { type Endpoint, endpointKey, familyOf } from '../address.ts';
import { LIMITS } from '../limits.ts';
import { isPrivate } from '../traverse/candidates.ts';
import type { Candidate, Permit } from '../traverse/interface.ts';
import type { LocalNetwork } from './interface.ts';

/** Candidates of a socket bound at `port`, and the shared one that the router lets in; `lan` false leaves out private addresses. */
export function ownCandidates(
  network: LocalNetwork,
  mapped: Candidate | null,
  port: number,
  lan: boolean,
): readonly Candidate[] {
  const candidates: Candidate[] = [];
  for (const address of network.addresses) {
    if (familyOf(address) !== 4) continue;
    if (!isPrivate(address)) candidates.push({ kind: 'public', endpoint: { address, port } });
    else if (lan) candidates.push({ kind: 'lan', endpoint: { address, port } });
  }
  if (mapped !== null) candidates.unshift(mapped);
  return candidates.slice(0, LIMITS.candidatesMax);
}

/**
 * The other side's candidates that may be probed: what the master saw, and those claims whose address the permit names; LAN
 * addresses only behind the same public address.
 */
export function usableCandidates(
  observed: readonly Endpoint[],
  claimed: readonly Candidate[],
  permit: Permit,
  ownAddresses: readonly string[],
): readonly Candidate[] {
  const together = observed.some((endpoint) => ownAddresses.includes(endpoint.address));
  const usable = claimed.filter(({ kind, endpoint }) =>
    kind === 'lan' ? together && isPrivate(endpoint.address) : permit.addresses.includes(endpoint.address),
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
