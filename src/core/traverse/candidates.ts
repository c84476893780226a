/** Which addresses of the peer may be tried, from which of our sockets. */
import { familyOf } from '../address.ts';
import type { SocketId } from '../contract.ts';
import type { Candidate, TraversalConfig } from './interface.ts';

/** RFC 1918, RFC 3927, RFC 6598 (carrier), and for IPv6 unique local and link local. */
export function isPrivate(address: string): boolean {
  if (address.includes(':')) return /^f[cde]/i.test(address);
  const [a = 0, b = 0] = address.split('.').map(Number);
  return (
    a === 10 ||
    (a === 172 && b >= 16 && b < 32) ||
    (a === 192 && b === 168) ||
    (a === 169 && b === 254) ||
    (a === 100 && b >= 64 && b < 128)
  );
}

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
