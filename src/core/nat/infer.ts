/**
 * Observation -> hypothesis: from what a detection has seen to what the profile says. Pure; the same observations always give
 * the same belief. `detect/detector.ts` adds what needs more than mappings (filtering, hops, lifetime, hairpin).
 */
import type { Instant } from '../contract.ts';
import { isLocalAddress } from '../scope.ts';
import { fitAllocators } from './allocator.ts';
import { tempered } from './distribution.ts';
import { believeMapping, type MappingBelief, withoutLiars } from './mapping.ts';
import { type MappingMade, mappingsMade, type Observation, sameObservation, seenFromOutside } from './observation.ts';
import type { Allocator, NatProfile, NatType } from './profile.ts';

/** However clear the samples are, one case in so many is a NAT that no rule here describes. */
const DOUBT = 0.005;
/**
 * With one destination address an ADM NAT looks like an EIM one. Of those whose ports move so many are ADM: class S1 beside P5 and half
 * of P1 (the classes of docs/reference/nat-model.md §3), 5 % at home, 11 % of mobile phones. No ADM NAT is known to keep the
 * local port; one in a hundred may.
 */
const ADM_AMONG_SEEMING_EIM = { preserving: 0.01, moving: 0.08 } as const;
/** One external address seen so often: others would have shown. */
const POOLING_SAMPLES_MIN = 4;

export type MappingKnowledge = Pick<
  NatProfile,
  | 'mapping'
  | 'type'
  | 'allocator'
  | 'mixture'
  | 'external'
  | 'pooling'
  | 'delta'
  | 'lastPort'
  | 'predictedNextPort'
  | 'confidence'
  | 'samples'
  | 'addressesAsked'
> & {
  /** When the mapping with `lastPort` was made. */
  readonly lastPortAt: Instant | null;
};

/** `localAddresses`: of this computer's interfaces; an external address among them means no NAT. */
export function inferMapping(
  observations: readonly Observation[],
  localAddresses: readonly string[],
): MappingKnowledge {
  const believable = withoutLiars(seenFromOutside(observations));
  const belief = believeMapping(believable);
  const made = mappingsMade(believable, belief.mapping, belief.boxes);
  const mixture = fitAllocators(made);
  const allocator = mixture[0]!;
  const seen = made.filter(({ port }) => port !== null);
  const last = seen.at(-1) ?? null;
  return {
    mapping: belief.mapping,
    type: typeOf(belief, allocator, seen, localAddresses),
    allocator,
    mixture,
    external: [...new Set(seen.toReversed().map(({ address }) => address!))],
    pooling: poolingOf(seen),
    delta: deltaOf(belief, allocator),
    lastPort: last?.port ?? null,
    lastPortAt: last?.at ?? null,
    predictedNextPort: nextPort(allocator, last, made),
    confidence: confidenceIn(belief, mixture),
    samples: seen.length,
    addressesAsked: belief.addressesAsked,
  };
}

/** `inferMapping` for one who asks again and again: the fit, which is dear, is made anew only where something else was seen. */
export function rememberingInference(): typeof inferMapping {
  let seen: readonly Observation[] = [];
  let local: readonly string[] = [];
  let known: MappingKnowledge | null = null;
  return (observations, localAddresses) => {
    if (known !== null && sameList(local, localAddresses, Object.is) && sameList(seen, observations, sameObservation)) {
      return known;
    }
    seen = observations;
    local = localAddresses;
    known = inferMapping(observations, localAddresses);
    return known;
  };
}

function sameList<Item>(
  left: readonly Item[],
  right: readonly Item[],
  same: (left: Item, right: Item) => boolean,
): boolean {
  return left.length === right.length && left.every((item, i) => same(item, right[i]!));
}

function typeOf(
  belief: MappingBelief,
  allocator: Allocator,
  seen: readonly MappingMade[],
  localAddresses: readonly string[],
): NatType {
  if (seen.length === 0) return 'unknown';
  const untranslated = seen.filter(
    ({ address, port, localPort }) => localAddresses.includes(address!) && port === localPort,
  );
  // From within a network nobody can tell how it looks from outside.
  const inside = seen.every(({ address }) => isLocalAddress(address!));
  if (untranslated.length === seen.length) return inside ? 'unknown' : 'public';
  switch (belief.mapping) {
    case 'eim':
      return allocator.kind === 'preserve' && allocator.step === 0 ? 'port-preserving-cone' : 'cone';
    case 'adm':
      return 'address-sensitive';
    case 'apdm':
      return 'port-sensitive';
    case 'unknown':
      return 'unknown';
  }
}

function poolingOf(seen: readonly MappingMade[]): NatProfile['pooling'] {
  if (new Set(seen.map(({ address }) => address)).size > 1) return 'arbitrary';
  return seen.length >= POOLING_SAMPLES_MIN ? 'paired' : 'unknown';
}

/** The seed's delta: 0 for a cone, the step of a sequential symmetric NAT, null where there is none. */
function deltaOf(belief: MappingBelief, allocator: Allocator): number | null {
  if (belief.mapping === 'eim') return 0;
  return allocator.kind === 'step' ? allocator.step : null;
}

/** Beyond those of our own mappings that no answer has told yet. */
function nextPort(allocator: Allocator, last: MappingMade | null, made: readonly MappingMade[]): number | null {
  if (last === null) return null;
  const untold = made.filter(({ at, port }) => port === null && at > last.at).length;
  if (allocator.kind !== 'step') return allocator.kind === 'time' ? last.port : null;
  const next = last.port! + (allocator.step ?? 0) * (1 + untold);
  // At the end of its range it goes on where nobody has seen it begin.
  return next >= 1 && next <= 65_535 ? next : null;
}

/** That mapping and allocator are both right, the allocator's step or size of block included. */
function confidenceIn(belief: MappingBelief, mixture: readonly Allocator[]): number {
  if (belief.mapping === 'unknown') return 0;
  const { kind } = mixture[0]!;
  const allocator = mixture.reduce((sum, other) => sum + (sameRule(mixture[0]!, other) ? other.weight : 0), 0);
  const adm = kind === 'preserve' ? ADM_AMONG_SEEMING_EIM.preserving : ADM_AMONG_SEEMING_EIM.moving;
  const vantage = belief.mapping === 'eim' && !belief.compared ? 1 - adm : 1;
  return kind === 'unknown' ? 0 : tempered(belief.probability * allocator * vantage, DOUBT);
}

function sameRule(left: Allocator, right: Allocator): boolean {
  if (left.kind !== right.kind) return false;
  if (left.kind === 'step' || left.kind === 'preserve') return left.step === right.step;
  return left.kind !== 'block' || left.high! - left.low! === right.high! - right.low!;
}
