/** Why a profile tells nothing, or nothing new: silence has many causes, and this network is only one of them. */
import type { NatProfile } from './profile.ts';

/**
 * `probe-ports`: the master answers, its probe ports do not. `nobody-answers`: neither the master nor anybody else, and nothing shows that
 * it is this network. `not-now`: what is known is from before, because the master does not answer now.
 */
export type Unmeasured = 'probe-ports' | 'nobody-answers' | 'not-now';

/** Null: it was measured, UDP that is blocked included. `masterWay`: how the master answers; null where it does not. */
export function unmeasured(profile: NatProfile, masterWay: string | null): Unmeasured | null {
  if (profile.type === 'blocked') return null;
  if (profile.samples === 0) return masterWay === null || masterWay === 'tls' ? 'nobody-answers' : 'probe-ports';
  return masterWay === null ? 'not-now' : null;
}
