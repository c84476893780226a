/**
 * What one side knows of its own NAT. This one type is what the detector produces, the planner plans with, `check` prints,
 * the heartbeat and the join carry and the web shows. Unknown is always said ('unknown', 'untested', null); a field is
 * never left out to mean something.
 */
import type { Endpoint } from '../address.ts';

export type Mapping = 'eim' | 'adm' | 'apdm' | 'unknown';
export type Filtering = 'eif' | 'adf' | 'apdf' | 'unknown';
/** The words of the original notes (docs/seed.md S1). */
export type NatType =
  | 'public'
  | 'port-preserving-cone'
  | 'cone'
  | 'address-sensitive'
  | 'port-sensitive'
  | 'blocked'
  | 'unknown';
/** The words of consoles. */
export type Verdict = 'open' | 'moderate' | 'strict';
export type Tested = 'yes' | 'no' | 'untested';

/**
 * One rule by which a NAT may pick the external port of its next mapping.
 * `preserve`: local port + `step` (the offset, mostly 0). `step`: last port + `step` per new mapping of anybody behind the NAT.
 * `time`: linear in time, `step` ports per second. `range`: uniform in [low, high] learnt from samples. `block`: uniform in an
 * aligned power-of-two block [low, high]. `random`: uniform in 1024-65535. `unknown`: too few samples.
 */
export type AllocatorKind = 'preserve' | 'step' | 'time' | 'range' | 'block' | 'random' | 'unknown';

export interface Allocator {
  readonly kind: AllocatorKind;
  /** Posterior weight of this hypothesis in the mixture, 0..1. */
  readonly weight: number;
  readonly step: number | null;
  readonly low: number | null;
  readonly high: number | null;
  /** Mappings per second made by others behind the same NAT. */
  readonly backgroundPerSecond: number | null;
  /** Variance over mean of the background count; 1 = Poisson. Under `time`: variance of a port around the clock's, rounding apart. */
  readonly backgroundDispersion: number | null;
  /** Standard error of `backgroundPerSecond`, under `time` of `step`: a short detection knows it only so well. */
  readonly backgroundError: number | null;
  /** 'kept': the external port has the parity of the local one. */
  readonly parity: 'kept' | 'none' | 'unknown';
}

/**
 * A VPN on the computer of a participant. `all`: what it sends to the Internet goes through it, so that what is measured, and what others meet, is
 * the VPN's network. `some`: there is one, for other purposes as it seems.
 */
export type Vpn = 'none' | 'some' | 'all';

/**
 * What has become of what the router says that it has opened. `none`: it says so of nothing. `untried`: nobody could send through it from
 * outside so far. `shut`: somebody who can has sent, and nothing came in. `open`: it came in.
 */
export type PortClaimState = 'none' | 'untried' | 'shut' | 'open';

export interface PortMappingReport {
  readonly upnp: Tested;
  readonly natPmp: Tested;
  readonly pcp: Tested;
  readonly claim: PortClaimState;
  /** Proven from outside; null where there is none. */
  readonly external: { readonly address: string; readonly port: number } | null;
}

/** One line of "my network details" (docs/seed.md S30): asked there from this local port, seen as that; null = no answer. */
export interface ProbeResult {
  readonly destination: Endpoint;
  readonly localPort: number;
  readonly seenAs: Endpoint | null;
}

export interface NatProfile {
  readonly v: 1;
  readonly mapping: Mapping;
  readonly filtering: Filtering;
  readonly type: NatType;
  /** The heaviest hypothesis. */
  readonly allocator: Allocator;
  /** The whole mixture, heaviest first, `allocator` included; weights sum to 1. */
  readonly mixture: readonly Allocator[];
  /** External IP addresses seen, most recent first. */
  readonly external: readonly string[];
  readonly pooling: 'paired' | 'arbitrary' | 'unknown';
  /** The seed's "delta": signed step per new mapping, 0 for a cone, null when unpredictable. */
  readonly delta: number | null;
  /** External port of the newest sample, with its age when the profile was made. */
  readonly lastPort: number | null;
  readonly lastPortAgeMs: number | null;
  /** docs/seed.md S19/S30: what the next mapping will most likely get. */
  readonly predictedNextPort: number | null;
  readonly hairpin: Tested;
  /** Does an early packet from outside spoil the mapping (docs/reference/nat-model.md §2.2)? */
  readonly poisonable: Tested;
  /** Hops up to and including the outermost own NAT; null = not measured. */
  readonly natHops: number | null;
  /** Layers of translation, 0 = none; null = unknown. */
  readonly layers: number | null;
  /** How long an idle mapping was seen to live; null = not measured. */
  readonly idleLifetimeMs: number | null;
  /**
   * Mappings the NAT gives one subscriber at most, as a port block tells it; null = none is known. It is never measured: at its end
   * nobody in the own network could open anything.
   */
  readonly quota: number | null;
  /**
   * Ports that the own line has of an address it shares (MAP-E), as the bits tell that all ports seen have in common; null = it does not look
   * so. For whoever reads it: peers are not told, and no plan reckons with it, for such a NAT uses a port again towards each destination.
   */
  readonly portSet: number | null;
  readonly portMapping: PortMappingReport;
  readonly ipv6: Tested;
  /** `all`: this is the profile of the VPN's network. */
  readonly vpn: Vpn;
  readonly verdict: Verdict;
  /** Probability that mapping and allocator are right, step or size of block included, 0..1. */
  readonly confidence: number;
  readonly samples: number;
  /** Destination IP addresses the samples went to. With one, ADM cannot be told from EIM. */
  readonly addressesAsked: number;
  readonly ageMs: number;
}

export const UNKNOWN_ALLOCATOR: Allocator = {
  kind: 'unknown',
  weight: 1,
  step: null,
  low: null,
  high: null,
  backgroundPerSecond: null,
  backgroundDispersion: null,
  backgroundError: null,
  parity: 'unknown',
};

/**
 * Reads the own profile as its owner, the detector, knows it at this moment, ages included. Keep this and ask anew, rather than a copy:
 * the filter, the life of mappings and an open port are found out while the copy is held.
 */
export type OwnProfile = () => NatProfile;

/** Before the first answer. */
export const UNKNOWN_PROFILE: NatProfile = {
  v: 1,
  mapping: 'unknown',
  filtering: 'unknown',
  type: 'unknown',
  allocator: UNKNOWN_ALLOCATOR,
  mixture: [UNKNOWN_ALLOCATOR],
  external: [],
  pooling: 'unknown',
  delta: null,
  lastPort: null,
  lastPortAgeMs: null,
  predictedNextPort: null,
  hairpin: 'untested',
  poisonable: 'untested',
  natHops: null,
  layers: null,
  idleLifetimeMs: null,
  quota: null,
  portSet: null,
  portMapping: { upnp: 'untested', natPmp: 'untested', pcp: 'untested', claim: 'none', external: null },
  ipv6: 'untested',
  vpn: 'none',
  verdict: 'strict',
  confidence: 0,
  samples: 0,
  addressesAsked: 0,
  ageMs: 0,
};
