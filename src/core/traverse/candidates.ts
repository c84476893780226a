/** Which addresses of the peer may be tried, from which of our sockets. */
import { familyOf, isPrivate } from '../address.ts';
import type { SocketId } from '../contract.ts';
import type { Candidate, TraversalConfig } from './interface.ts';

/**
 * Private addresses are not proven to anybody, so they are tried only where the master saw both sides behind one address: then
 * they can lie nowhere but in our own network (or in a carrier's, which a handful of packets does not hurt).
 */
export function lanAddresses({ own, permit, peer }: TraversalConfig): readonly string[] {
  const mine = new Set([
    ...own.profile.external,
    ...own.candidates.filter((one) => one.kind === 'reflexive').map((one) => one.endpoint.address),
  ]);
  if (!permit.addresses.some((address) => mine.has(address))) return [];
  return peer.candidates
    .filter(({ kind, endpoint }) => kind === 'lan' && isPrivate(endpoint.address))
    .map(({ endpoint }) => endpoint.address);
}

/** The socket from which a candidate of the peer is tried; null where we have none of its family. */
export function socketFor(config: TraversalConfig, candidate: Candidate): SocketId | null {
  const family = familyOf(candidate.endpoint.address);
  if (family === config.family) return config.socket;
  return config.own.candidates.find((own) => familyOf(own.endpoint.address) === family)?.socket ?? null;
}
