/**
 * Every knob of a simulated NAT, in one place, in the words of RFC 4787. Presets of real gear are in `presets.ts`, how often
 * each occurs in `../population.ts`. What an `allocation` does is in `allocation.ts`, everything else in `box.ts`.
 */
import type { Allocation } from './allocation.ts';

/** RFC 4787 section 4.1 and 5: what besides the internal endpoint a mapping or a filter depends on. */
export type Dependence = 'endpoint-independent' | 'address' | 'address-and-port';

export interface NatBehaviour {
  /** EIM, ADM or APDM; `none` = no translation, a stateful firewall as in front of IPv6 hosts. */
  readonly mapping: Dependence | 'none';
  /** EIF, ADF or APDF. */
  readonly filtering: Dependence;
  /** How the external port of a new mapping is chosen. */
  readonly allocation: Allocation;
  /** RFC 4787 REQ-3: may one external port serve several mappings, as long as every 5-tuple is unique (Linux)? */
  readonly overloading?: boolean;
  /** RFC 4787 REQ-4: external ports keep the parity of the internal port. */
  readonly parity?: boolean;

  /** How many public addresses the box has. */
  readonly addresses?: number;
  /** RFC 4787 REQ-2: one subscriber keeps one address (`paired`), or each mapping draws its own. */
  readonly pooling?: 'paired' | 'arbitrary';
  /** New mappings made by everybody else behind the box; moves sequential allocators along. */
  readonly background?: Background;

  readonly timeouts?: Partial<Timeouts>;

  /** Size of the session table; a full one refuses new sessions. */
  readonly sessionsMax?: number;
  /** Quota of mappings of one internal address. */
  readonly subscriberMappingsMax?: number;
  /** What a full quota or port block does to the next mapping: no mapping, or the subscriber's oldest one goes. */
  readonly whenFull?: 'refuse' | 'evict';
  /** New mappings per second and subscriber beyond which packets are dropped (bucket of one second). */
  readonly newMappingsPerSecondMax?: number;

  /** RFC 4787 REQ-9; `internal-source` delivers with the untranslated source address. */
  readonly hairpin?: 'none' | 'external-source' | 'internal-source';
  /**
   * A packet to the outside of the box that belongs to no mapping: dropped; rejected by an ICMP error, leaving no state; or
   * accepted by the box itself, which leaves a confirmed entry that takes the 5-tuple away for `unrepliedMs`, renewed by
   * every repetition ("poisoning", Linux with INPUT ACCEPT).
   */
  readonly unsolicited?: 'drop' | 'reject' | 'accept';
  /** Does a packet whose TTL ends here draw an ICMP time-exceeded? */
  readonly timeExceeded?: boolean;
  /** Does an ICMP error from outside end the mapping it is about (RFC 4787 REQ-10b says it must not)? */
  readonly icmpEndsMapping?: boolean;
  /** Several boxes side by side, chosen by (source port + destination port) mod boxes (3 of 72 carriers, Wang 2011). */
  readonly balancedBoxes?: number;
  /** UDP does not pass at all (population class X). */
  readonly udpBlocked?: boolean;
}

export interface Background {
  readonly perSecond: number;
  /** Variance over mean of the count; 1 = Poisson, above = negative binomial. Default 1. */
  readonly dispersion?: number;
}

export interface Timeouts {
  /** Life of a session that has seen no answer. */
  readonly unrepliedMs: number;
  /** Life of a session once answered. */
  readonly establishedMs: number;
  /** An answered session keeps the short life until it is this old (Linux: 2 s). */
  readonly establishedAfterMs: number;
  /** Which packets renew a session (RFC 4787 REQ-6: outbound must, inbound may). */
  readonly refreshedBy: 'outbound' | 'both';
}

/** `NatBehaviour` with every default filled in. */
export type FullBehaviour = Required<Omit<NatBehaviour, 'timeouts'>> & { readonly timeouts: Timeouts };

const UNLIMITED = Number.POSITIVE_INFINITY;

export function withDefaults(behaviour: NatBehaviour): FullBehaviour {
  return {
    overloading: false,
    parity: false,
    addresses: 1,
    pooling: 'paired',
    background: { perSecond: 0 },
    sessionsMax: 65_536,
    subscriberMappingsMax: UNLIMITED,
    whenFull: 'refuse',
    newMappingsPerSecondMax: UNLIMITED,
    hairpin: 'none',
    unsolicited: 'drop',
    timeExceeded: true,
    icmpEndsMapping: false,
    balancedBoxes: 1,
    udpBlocked: false,
    ...behaviour,
    timeouts: {
      unrepliedMs: 30_000,
      establishedMs: 120_000,
      establishedAfterMs: 0,
      refreshedBy: 'both',
      ...behaviour.timeouts,
    },
  };
}
