/** What to tell a person whose pair of networks does not meet (docs/reference/product.md §4B). Attempts go on meanwhile. */
import { isPrivate } from '../../address.ts';
import type { Side } from '../../model/pair.ts';
import type { NatProfile } from '../../nat/profile.ts';
import { natureWords } from './nature.ts';
import type { Plan } from './plan.ts';

const MINUTE_MS = 60_000;

/** Chance of a path within the next minute by this plan, 0..1: of one that lasts longer, its share. Further attempts come on top. */
export function oddsNextMinute({ expected, durationMs }: Plan): number {
  return 1 - (1 - expected) ** Math.min(1, MINUTE_MS / durationMs);
}

/** What would help, best first, and on which side: `own` is the reader's. */
export function adviceFor(plan: Plan, own: Side, peer: Side): string {
  const [here, there] = [plan.client.kind === 'blocked', plan.host.kind === 'blocked'];
  if (here || there) {
    const where = here && there ? 'on either side' : here ? 'on your side' : "on the host's side";
    return `UDP does not pass ${where}: try another network there, a phone hotspot shows the difference.`;
  }
  const help = [portAdvice(own.profile, peer.profile), ipv6Advice(own, peer)].filter((one) => one !== null);
  return `What helps, best first: ${help.join('; ')}. Attempts go on meanwhile.`;
}

/** What the next attempt changes, and why, for a person. */
export function changeText(last: Plan, next: Plan): string {
  const taken = readingText(last, next);
  if (next.method !== last.method) return `${next.method}: ${last.method} did not meet${taken}`;
  if (taken !== '') return `${next.method} again${taken}`;
  return `${next.method} again from new source ports and with another TTL`;
}

/** The networks that are read in another way than before. */
function readingText(last: Plan, next: Plan): string {
  const sides = [
    { whose: 'your network', before: natureWords(last.client), now: natureWords(next.client) },
    { whose: "the host's network", before: natureWords(last.host), now: natureWords(next.host) },
  ].filter(({ before, now }) => before !== now);
  return sides.map(({ whose, now }, n) => `${n === 0 ? ', now taking' : ' and'} ${whose} for ${now}`).join('');
}

function portAdvice(own: NatProfile, peer: NatProfile): string {
  const [here, there] = [behindOneRouter(own), behindOneRouter(peer)];
  if (!here && !there) return 'ask either provider for a public IPv4 address';
  const where = here && there ? 'on either router' : here ? 'on your router' : "on the host's router";
  return `turn on UPnP or forward one UDP port ${where}`;
}

/** Behind a second one, maybe the provider's, a port of the first leads nowhere. */
function behindOneRouter({ layers, external }: NatProfile): boolean {
  return (layers === null || layers <= 1) && !external.some(isPrivate);
}

/** Null where both have it: it was tried. */
function ipv6Advice(...sides: readonly [own: Side, peer: Side]): string | null {
  const [here, there] = sides.map(({ candidates }) => candidates.some(({ kind }) => kind === 'ipv6'));
  if (here && there) return null;
  if (here) return 'use IPv6: you have it, the host does not';
  return there ? 'use IPv6: the host has it, you do not' : 'use IPv6 on both sides';
}
