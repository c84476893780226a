/**
 * Where a participant may be reached, and what of the other side's claims may be tried. The addresses of a LAN travel only end
 * to end, and are tried only when both sides sit behind the same public address (security.md row 17).
 */
import { type Endpoint, endpointKey, familyOf } from '../address.ts';
import { LIMITS } from '../limits.ts';
import type { NatProfile } from '../nat/profile.ts';
import type { Candidate, Permit } from '../traverse/interface.ts';
import type { LocalNetwork } from './interface.ts';

/** RFC 1918, 3927 and 6598: an IPv4 address that only means something near its owner. */
export function isPrivate(address: string): boolean {
  if (familyOf(address) === 6) return /^(f[cd]|fe[89ab])/i.test(address);
  const [first = 0, second = 0] = address.split('.').map(Number);
  return (
    first === 10 ||
    first === 127 ||
    (first === 172 && second >= 16 && second < 32) ||
    (first === 192 && second === 168) ||
    (first === 169 && second === 254) ||
    (first === 100 && second >= 64 && second < 128)
  );
}

/** Candidates of a socket bound at `port`; `lan` false leaves out the private addresses. */
export function ownCandidates(
  network: LocalNetwork,
  profile: NatProfile,
  port: number,
  lan: boolean,
): readonly Candidate[] {
  const candidates: Candidate[] = [];
  for (const address of network.addresses) {
    if (familyOf(address) !== 4) continue;
    if (!isPrivate(address)) candidates.push({ kind: 'public', endpoint: { address, port } });
    else if (lan) candidates.push({ kind: 'lan', endpoint: { address, port } });
  }
  const mapped = profile.portMapping.external;
  if (mapped !== null) candidates.push({ kind: 'mapped', endpoint: mapped });
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
