/**
 * What one side does in one part of an attempt, as data: it goes through a step to the host, into the log and into the table
 * of plans, and `salvo.ts` runs it on either side. Tuple `i` is sent from socket `i mod sockets` to port `ports(⌊i/portEvery⌋)`:
 * one socket and many ports, many sockets and one port, and the sweeps between are all this one rule.
 */
import type { Endpoint } from '../../address.ts';
import type { PortSpec } from './ports.ts';
import { portAt } from './ports.ts';

/** How a budget sees it: which depth and which peak rate. */
export type ProbeClass = 'easy' | 'prediction' | 'birthday';

export interface Pass {
  /** Milliseconds after the start of the pass before. */
  readonly afterMs: number;
  /** Null = the system's own. */
  readonly ttl: number | null;
}

export interface SidePlan {
  readonly class: ProbeClass;
  /** `punching`: the socket whose mapping the peer knows. `fresh`: so many new ones, each a new mapping (docs/seed.md S5). */
  readonly from: 'punching' | 'fresh';
  readonly sockets: number;
  readonly tuples: number;
  /** IP addresses of the peer, taken in turn per tuple (pools of addresses). */
  readonly addresses: readonly string[];
  readonly ports: PortSpec;
  /** So many tuples in a row share a port. */
  readonly portEvery: number;
  readonly ratePerSecond: number;
  readonly passes: readonly Pass[];
  /**
   * After the passes, until the end: keep the mappings alive (`refresh`), or let each expire and make a new one from a new
   * socket (`replace`), each tuple so long after its last packet.
   */
  readonly again: { readonly mode: 'none' | 'refresh' | 'replace'; readonly everyMs: number };
  /** One fresh sample of the own NAT before the first tuple and after every so many; 0 = none. */
  readonly sampleEvery: number;
  readonly durationMs: number;
}

export interface Tuple {
  readonly socket: number;
  readonly address: string;
  readonly port: number;
}

export function tupleAt(side: SidePlan, n: number): Tuple {
  return {
    socket: n % side.sockets,
    address: side.addresses[n % side.addresses.length]!,
    port: portAt(side.ports, Math.floor(n / side.portEvery)),
  };
}

/** Packets of all passes; repetition after them comes on top. */
export function packetsOf(side: SidePlan): number {
  return side.tuples * side.passes.length;
}

/** Samples of the own NAT, each from a socket of its own. */
export function samplesOf({ tuples, sampleEvery }: SidePlan): number {
  return sampleEvery === 0 ? 0 : Math.ceil(tuples / sampleEvery) + 1;
}

/** Sockets that it holds at one time. */
export function socketsOf(side: SidePlan): number {
  return (side.from === 'fresh' ? side.sockets : 0) + samplesOf(side);
}

/**
 * A mapping is replaced so long after its life should be over. Not longer: the more of the others are still alive, the fewer
 * ports are left for the new one to draw from, and the likelier is the one that is aimed at.
 */
export const EXPIRY_MARGIN_MS = 20;

/** External endpoint of a sample, and how many tuples of the first pass were sent before it. */
export interface Sample {
  readonly before: number;
  readonly observed: Endpoint;
}
