/**
 * Where a participant may be reached, and what of the other side's claims may be tried. The addresses of a LAN travel only end
 * to end, and are tried only when both sides sit behind the same public address (SECURITY.md row 17).
 */

import { type Endpoint, endpointKey, familyOf, isPrivate } from '../../address.ts';
import type { SocketId } from '../../contract.ts';
import type { Candidate, Party, Permit } from '../../model/pair.ts';
import { isLocalAddress, scopeOf } from '../../scope.ts';
import type { PeerContext } from '../base/context.ts';
import { PEER_LIMITS } from '../base/limits.ts';

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
  return [...candidates, ...witnessed(context, bound)].slice(0, PEER_LIMITS.candidatesMax);
}

/**
 * Where the outside sees a fresh socket, as a STUN server has told of others: for a master that sees us from inside only, in our own network
 * or behind something that rewrites addresses. Only a NAT that keeps ports says so beforehand.
 */
function witnessed(context: PeerContext, { family, port }: Bound): readonly Candidate[] {
  const seen = context.seenAt();
  const { allocator, external } = context.profile();
  const address = external.find((one) => familyOf(one) === family && scopeOf(one) === 'public');
  const blind = seen !== null && isLocalAddress(seen);
  if (!blind || address === undefined || allocator.kind !== 'preserve') return [];
  const outside = port + (allocator.step ?? 0);
  return outside < 1 || outside > 65_535 ? [] : [{ kind: 'public', endpoint: { address, port: outside } }];
}

/** Where we are to be found now: by which addresses of IPv6; `opened`: through a port that was shut until now. */
export interface Whereabouts {
  readonly addresses: readonly string[];
  readonly opened: boolean;
}

/**
 * Does the other side know nothing of where we are to be found now? Then it tries a way that leads nowhere, or a hard one beside an open
 * door. `peer`: where it is known; to one without IPv6 no address of ours leads.
 */
export function isOutdated(
  told: readonly Candidate[],
  { addresses, opened }: Whereabouts,
  peer: Party | null = null,
): boolean {
  // Whoever was told of the same port before has found it shut.
  if (opened) return true;
  const isSix = ({ kind }: Candidate): boolean => kind === 'ipv6';
  if (peer !== null && peer.profile.ipv6 === 'no' && !peer.candidates.some(isSix)) return false;
  return addresses.length > 0 && !told.some((one) => isSix(one) && addresses.includes(one.endpoint.address));
}

/** How the two stand to their master: what of the other side it can't see from where it stands. */
export interface Standing {
  /** Where we have the master, and where it sees us. */
  readonly master: string | null;
  readonly seenAt: string | null;
}

/**
 * Addresses that the other side claims and the master can't see, because it has the other side at a local address: it stands in that very
 * network, then the way there is the way to the master itself; or it sees everybody at a local address, us too, because something rewrites
 * them. They get the few packets of a local address (SECURITY.md row 17).
 */
export function unseenAddresses(
  observed: readonly Endpoint[],
  claimed: readonly Candidate[],
  { master, seenAt }: Standing,
): readonly string[] {
  if (observed.length === 0 || !observed.every(({ address }) => isLocalAddress(address))) return [];
  const beside = master !== null && scopeOf(master) === 'public' ? [master] : [];
  const blind = seenAt !== null && isLocalAddress(seenAt);
  const told = claimed
    .filter(({ kind }) => kind === 'public' || kind === 'mapped')
    .map(({ endpoint }) => endpoint.address);
  const all = blind ? told.filter((address) => scopeOf(address) === 'public') : beside;
  return [...new Set(all)].slice(0, PEER_LIMITS.unseenMax);
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
  standing: Standing,
): readonly Candidate[] {
  const unseen = unseenAddresses(observed, claimed, standing);
  const together = [...observed.map(({ address }) => address), ...unseen].some((one) => ownAddresses.includes(one));
  const usable = claimed.filter(({ kind, endpoint }) =>
    kind === 'lan'
      ? together && isPrivate(endpoint.address)
      : kind === 'ipv6'
        ? scopeOf(endpoint.address) === 'public'
        : unseen.includes(endpoint.address) || permit.addresses.some(({ address }) => address === endpoint.address),
  );
  // Most routers keep the port that the master has seen from inside.
  const besides = unseen.filter((address) => address === standing.master);
  const outside = besides.flatMap((address) => observed.map(({ port }) => ({ address, port })));
  const reflexive = [...outside, ...observed].map((endpoint): Candidate => ({ kind: 'reflexive', endpoint }));
  const seen = new Set<string>();
  return [...reflexive, ...usable.filter(({ kind }) => kind !== 'reflexive')].filter(({ endpoint }) => {
    const key = endpointKey(endpoint);
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}
