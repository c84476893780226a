/** What is told of a pair of networks that does not meet: how likely a path is, what would help, what the next attempt changes. */
import { isPrivate } from '../../address.ts';
import type { Party } from '../../model/pair.ts';
import type { Help, NatView, NextAttempt } from '../../model/progress.ts';
import type { NatProfile, NatType } from '../../nat/profile.ts';
import { type Nature, natView } from './nature.ts';
import type { Plan } from './plan.ts';

const MINUTE_MS = 60_000;

/** Chance of a path within the next minute by this plan, 0..1: of one that lasts longer, its share. Further attempts come on top. */
export function oddsNextMinute({ expected, durationMs }: Plan): number {
  return 1 - (1 - expected) ** Math.min(1, MINUTE_MS / durationMs);
}

/** What would help, best first; `own` is the side of who joins. Never empty. */
export function adviceFor(plan: Plan, own: Party, peer: Party): readonly Help[] {
  const vpn = vpnHelp(own.profile, peer.profile);
  const [here, there] = [plan.client.kind === 'blocked', plan.host.kind === 'blocked'];
  if (here || there) return [...vpn, { help: 'other-network', side: here && there ? 'both' : here ? 'own' : 'peer' }];
  const between: readonly Help[] =
    meetsAtOnce(own.profile) && meetsAtOnce(peer.profile) ? [{ help: 'between', side: 'either' }] : [];
  return [...vpn, ...between, portHelp(own.profile, peer.profile), ...ipv6Help(own, peer)];
}

const EASY_TYPES: readonly NatType[] = ['public', 'port-preserving-cone', 'cone'];

/** Two of these meet within a second or two; where they have not it is neither of their routers. */
function meetsAtOnce({ type, poisonable }: NatProfile): boolean {
  return EASY_TYPES.includes(type) && poisonable !== 'yes';
}

const HARD_TYPES: readonly NatType[] = ['address-sensitive', 'port-sensitive', 'blocked'];

/**
 * A VPN's network that draws ports or lets no UDP through is not what the line behind it is. And two easy networks meet within a second: where
 * they have not, a VPN that is on beside may have the way between them.
 */
function vpnHelp(own: NatProfile, peer: NatProfile): readonly Help[] {
  const isHard = ({ type }: NatProfile): boolean => HARD_TYPES.includes(type);
  const bothEasy = meetsAtOnce(own) && meetsAtOnce(peer);
  const [here, there] = [own, peer].map(
    (side) => side.vpn !== 'none' && (bothEasy || (isHard(side) && side.vpn === 'all')),
  );
  if (!here && !there) return [];
  return [{ help: 'vpn-off', side: here && there ? 'either' : here ? 'own' : 'peer' }];
}

/** What the next attempt changes after one that did not meet. */
export function changeBetween(last: Plan, next: Plan): NextAttempt {
  return {
    because: 'not-met',
    method: next.method,
    last: last.method,
    own: changed(last.client, next.client),
    peer: changed(last.host, next.host),
  };
}

/** Null where the network is read as before: differences that are not told are none. */
function changed(before: Nature, now: Nature): NatView | null {
  const known: object = natView(before);
  const view = natView(now);
  const same = Object.entries(view).every(([field, value]) => known[field as keyof typeof known] === value);
  return same ? null : view;
}

function portHelp(own: NatProfile, peer: NatProfile): Help {
  const [here, there] = [behindOneRouter(own), behindOneRouter(peer)];
  if (!here && !there) return { help: 'public-address', side: 'either' };
  return { help: 'port-mapping', side: here && there ? 'either' : here ? 'own' : 'peer' };
}

/** Behind a second one, maybe the provider's, a port of the first leads nowhere; nor does one where all goes through a VPN. */
function behindOneRouter({ layers, external, vpn }: NatProfile): boolean {
  return vpn !== 'all' && (layers === null || layers <= 1) && !external.some(isPrivate);
}

/** Nothing where both have it: it was tried. */
function ipv6Help(...sides: readonly [own: Party, peer: Party]): readonly Help[] {
  const [here, there] = sides.map(({ candidates }) => candidates.some(({ kind }) => kind === 'ipv6'));
  if (here && there) return [];
  return [{ help: 'ipv6', side: here ? 'peer' : there ? 'own' : 'both' }];
}
