/** The nouns of two participants on their way to each other. */
import type { Endpoint } from '../address.ts';
import type { SocketId } from '../contract.ts';
import type { NatProfile } from '../nat/profile.ts';

export type Role = 'client' | 'host';

/** The order is the wire's: a new one comes last. */
export const CANDIDATE_KINDS = ['reflexive', 'lan', 'mapped', 'ipv6', 'public'] as const;

export interface Candidate {
  readonly kind: (typeof CANDIDATE_KINDS)[number];
  readonly endpoint: Endpoint;
  /** Of our own candidates: the socket it leads to, where that is not `TraversalConfig.socket`. */
  readonly socket?: SocketId;
}

/**
 * What the master permits (docs/reference/security.md §3.2, §3.3): only these addresses may be probed, each with what it has paid for itself, only so
 * long. One that comes late or twice changes nothing.
 */
export interface Permit {
  readonly addresses: readonly PermittedAddress[];
}

/** One address that the peer has proven to the master. */
export interface PermittedAddress {
  readonly address: string;
  /** In all, since the session began; each credit from this very address raises it. */
  readonly probesMax: number;
  readonly probesPerSecondMax: number;
  /** At most 65,535. */
  readonly expiresInMs: number;
}

export interface PlanSummary {
  readonly method: string;
  /** Probability of success stated before the attempt runs. */
  readonly expected: number;
  readonly packets: number;
}

/** The order is the wire's: a new one comes last. */
export const PATH_KINDS = ['direct', 'lan', 'mapped', 'ipv6', 'relay'] as const;
export type PathKind = (typeof PATH_KINDS)[number];

/** One side as a planner sees it. */
export interface Party {
  readonly profile: NatProfile;
  readonly candidates: readonly Candidate[];
}
