/**
 * A profile as a planner sees it: a few hypotheses of how the NAT can be met, with weights. The mixture of allocators gives
 * the weights, and so does the doubt whether the mapping was recognised at all: a NAT that was taken for endpoint-independent
 * and never meets turns into a symmetric one by Bayes' rule, without a rule of its own.
 */

import { PORT_HIGH, PORT_LOW } from '../../address.ts';
import { lifetimeBelow } from '../../detect/lifetime.ts';
import type { NatView } from '../../model/progress.ts';
import type { Allocator, NatProfile } from '../../nat/profile.ts';
import { blockQuota } from '../../nat/verdict.ts';
import { PLAN_LIMITS } from './limits.ts';

/** Each new mapping gets a port near the last one. */
export interface StepNature {
  readonly kind: 'step';
  /** One mapping serves all ports of an address. */
  readonly adm: boolean;
  /** The clock moves the port along, not the mappings; `background` is its rate. */
  readonly timed: boolean;
  readonly step: number;
  /** Mappings of others per second, and variance over mean of their number. */
  readonly background: number;
  readonly dispersion: number;
  /** Standard error of `background`. */
  readonly doubt: number;
  /** Public addresses that a mapping may get, besides its port. */
  readonly pool: number;
}

/** Each new mapping gets any port of the range. */
export interface RandomNature {
  readonly kind: 'random';
  readonly adm: boolean;
  readonly low: number;
  readonly high: number;
  /** Public addresses that a mapping may get, besides its port. */
  readonly pool: number;
}

export type Nature =
  /** Reached at its known endpoint by anybody who sends there (public, EIF), or once it has sent to that address (ADF). */
  | { readonly kind: 'open' }
  /** EIM: the endpoint is known, but it must have sent to the very endpoint of the peer. */
  | { readonly kind: 'easy' }
  | StepNature
  | RandomNature
  | { readonly kind: 'blocked' };

/** What is known of the mappings of the own NAT. */
export interface Life {
  readonly quota: number | null;
  readonly lifetimeMs: number;
}

export interface NatureHypothesis {
  readonly weight: number;
  readonly nature: Nature;
}

/** Below this a hypothesis is not worth an attempt of its own before the heavier ones have failed often. */
const WEIGHT_MIN = 0.002;
/** A profile with no confidence given is wrong about one time in fifty. */
const CONFIDENCE_MAX = 0.98;
/** Where the rate of others was not measured: a home line with a little traffic (docs/reference/nat-model.md §3, S2). */
const BACKGROUND_DEFAULT = 5;

export function hypothesesOf(profile: NatProfile): readonly NatureHypothesis[] {
  if (profile.type === 'blocked') return [{ weight: 1, nature: { kind: 'blocked' } }];
  const known = profile.mapping !== 'unknown';
  const easyWeight = easyWeightOf(profile, known);
  const all: NatureHypothesis[] = [{ weight: easyWeight, nature: easyNature(profile) }];
  const hard = hardAllocators(profile);
  const total = hard.reduce((sum, allocator) => sum + allocator.weight, 0);
  for (const allocator of hard) {
    all.push({
      weight: ((1 - easyWeight) * allocator.weight) / total,
      nature: natureOf(allocator, profile.mapping === 'adm', poolOf(profile)),
    });
  }
  return all.filter(({ weight }) => weight >= WEIGHT_MIN).sort((left, right) => right.weight - left.weight);
}

function easyWeightOf(profile: NatProfile, known: boolean): number {
  const confidence = Math.min(CONFIDENCE_MAX, Math.max(0.5, profile.confidence));
  if (profile.type === 'public' || profile.mapping === 'eim') return confidence;
  return known ? 1 - confidence : 0.5;
}

function easyNature(profile: NatProfile): Nature {
  if (profile.type === 'public' || profile.filtering === 'eif' || profile.filtering === 'adf') return { kind: 'open' };
  return { kind: 'easy' };
}

/** Allocators that make sense for a symmetric NAT; one that keeps ports tells nothing, so the plain cases stand in. */
function hardAllocators(profile: NatProfile): readonly Allocator[] {
  const hard = profile.mixture.filter(({ kind, weight }) => kind !== 'preserve' && kind !== 'unknown' && weight > 0.01);
  if (hard.length > 0) return hard;
  const plain = {
    low: null,
    high: null,
    backgroundPerSecond: null,
    backgroundError: null,
    backgroundDispersion: null,
    parity: 'unknown',
  } as const;
  return [
    { ...plain, kind: 'random', weight: 0.5, step: null },
    { ...plain, kind: 'step', weight: 0.5, step: 1 },
  ];
}

function poolOf({ pooling, external }: NatProfile): number {
  return pooling === 'arbitrary' ? Math.max(1, external.length) : 1;
}

/** Ports that a NAT gives one subscriber at most: what the profile says, or what its rule does. */
export function quotaOf({ quota, allocator }: NatProfile): number | null {
  const own = blockQuota(allocator);
  return quota === null || own === null ? (quota ?? own) : Math.min(quota, own);
}

/** How long a mapping is taken to live. Where each costs a place of a quota, rather too long than too short. */
export function lifetimeOf(profile: NatProfile): number {
  return (
    profile.idleLifetimeMs ?? (quotaOf(profile) === null ? PLAN_LIMITS.mappingLifetimeMs : PLAN_LIMITS.quotaLifetimeMs)
  );
}

/** The same for the budget. */
export function knownLife(profile: NatProfile): Life {
  return { quota: quotaOf(profile), lifetimeMs: lifetimeOf(profile) };
}

/**
 * How long mappings that are replaced for ever are taken to live where it can't be watched: rather too long than too short, so
 * that new ones and old ones together stay below the caps.
 */
export function replacedAfter({ idleLifetimeMs }: NatProfile): number {
  return idleLifetimeMs === null ? PLAN_LIMITS.quotaLifetimeMs : lifetimeBelow(idleLifetimeMs);
}

function natureOf(allocator: Allocator, adm: boolean, pool: number): Nature {
  if (allocator.kind === 'step' || allocator.kind === 'time' || allocator.kind === 'preserve') {
    const timed = allocator.kind === 'time';
    const perSecond = timed ? Math.abs(allocator.step ?? 1) : allocator.backgroundPerSecond;
    return {
      kind: 'step',
      adm,
      timed,
      step: timed ? Math.sign(allocator.step ?? 1) || 1 : allocator.step || 1,
      background: perSecond ?? BACKGROUND_DEFAULT,
      dispersion: timed ? 1 : Math.max(1, allocator.backgroundDispersion ?? 1),
      doubt: allocator.backgroundError ?? 0,
      pool,
    };
  }
  return { kind: 'random', adm, low: allocator.low ?? PORT_LOW, high: allocator.high ?? PORT_HIGH, pool };
}

/** What others meet there, as it is told. `natureText` names the same for the history and the log. */
export function natView(nature: Nature): NatView {
  switch (nature.kind) {
    case 'step': {
      const { kind, timed, step, background } = nature;
      return { kind, timed, step, perSecond: Math.round(background) };
    }
    case 'random': {
      const { kind, low, high, pool } = nature;
      return { kind, low, high, addresses: pool };
    }
    default:
      return nature;
  }
}

/** Names a nature in the history and the log. */
export function natureText(nature: Nature): string {
  switch (nature.kind) {
    case 'step':
      return `${nature.adm ? 'ADM' : 'APDM'} ${nature.timed ? 'time' : 'step'} ${nature.step}, ${Math.round(nature.background)}/s`;
    case 'random':
      return `${nature.adm ? 'ADM' : 'APDM'} random ${nature.low}-${nature.high}${nature.pool > 1 ? ` on ${nature.pool} addresses` : ''}`;
    default:
      return nature.kind;
  }
}
