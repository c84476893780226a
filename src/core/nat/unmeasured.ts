/** Why a profile tells nothing, or nothing new: silence has many causes, and this network is only one of them. */
import { isLocalAddress } from '../scope.ts';
import type { NatProfile, ProbeResult } from './profile.ts';

/**
 * `probe-ports`: the master answers, its probe ports do not. `rewritten`: the master is on the Internet and sees us at a local address, so
 * something before it rewrites where packets come from. `from-inside`: whoever has answered stands in our own network. `nobody-answers`:
 * neither the master nor anybody else, and nothing shows that it is this network. `not-now`: what is known is from before, because the
 * master does not answer now.
 */
export type Unmeasured = 'probe-ports' | 'rewritten' | 'from-inside' | 'nobody-answers' | 'not-now';

/**
 * Null: it was measured, UDP that is blocked included. `masterWay`: how the master answers; null where it does not. `probes`: of the last
 * detection.
 */
export function unmeasured(
  profile: NatProfile,
  masterWay: string | null,
  probes: readonly ProbeResult[],
): Unmeasured | null {
  if (profile.type === 'blocked') return null;
  if (profile.samples > 0) {
    const inside = profile.type === 'unknown' && profile.external.every((address) => isLocalAddress(address));
    return masterWay === null ? 'not-now' : inside ? 'from-inside' : null;
  }
  const rewritten = probes.some(({ seenAs }) => seenAs !== null && isLocalAddress(seenAs.address));
  if (rewritten) return 'rewritten';
  return masterWay === null || masterWay === 'tls' ? 'nobody-answers' : 'probe-ports';
}

/** Servers of which no probe was answered though others were: each with the ports that were asked. */
export function silentServers(
  probes: readonly ProbeResult[],
): readonly { readonly address: string; readonly ports: readonly number[] }[] {
  const asked = new Map<string, { readonly ports: Set<number>; answered: boolean }>();
  for (const { destination, seenAs } of probes) {
    const one = asked.get(destination.address) ?? { ports: new Set<number>(), answered: false };
    one.ports.add(destination.port);
    one.answered ||= seenAs !== null;
    asked.set(destination.address, one);
  }
  const all = [...asked].map(([address, { ports, answered }]) => ({ address, ports: [...ports], answered }));
  if (!all.some(({ answered }) => answered)) return [];
  return all
    .filter(({ answered }) => !answered)
    .map(({ address, ports }) => ({ address, ports: ports.toSorted((left, right) => left - right) }));
}
