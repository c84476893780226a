/** What users have of the two families of addresses: shares as data, and users with one of the four kinds. */
import { type AccessKind, type Share, type SimUser, share } from './population.ts';
import type { SimRandom } from './random.ts';

/** `four`: IPv4 alone. `both`. `nat64`: IPv6, and IPv4 through a NAT64. `six`: IPv6 alone. */
export const FAMILIES = ['four', 'both', 'nat64', 'six'] as const;
export type Families = (typeof FAMILIES)[number];

/**
 * Users who have IPv6, beside IPv4 or alone, in percent (docs/reference/nat-model.md §3): worldwide 42 % by APNIC's ads, 50 % by Google's
 * users in April 2026; networks of mobile carriers lie above the mean of their countries. Drawn beside the class, though users behind
 * carriers' NATs have it more often than others: so the gain that comes out is the least there is.
 */
export const IPV6_SHARES: Readonly<Record<AccessKind, Share>> = {
  home: share(40, 30, 55),
  mobile: share(60, 45, 80),
};

/**
 * Of them those without an IPv4 address of their own, as a program sees it (the same page): a telephone with 464XLAT shows it one. `six`
 * have no NAT64 either, so that IPv4 is out of reach.
 */
export const IPV6_ONLY_SHARES: Readonly<Record<'nat64' | 'six', Readonly<Record<AccessKind, Share>>>> = {
  nat64: { home: share(1.5, 0.3, 4), mobile: share(5, 1, 12) },
  six: { home: share(0.3, 0, 1), mobile: share(0.3, 0, 1) },
};

export function familiesOf({ ipv4 = true, ipv6 = false, nat64 = false }: SimUser): Families {
  if (!ipv4) return 'six';
  return nat64 ? 'nat64' : ipv6 ? 'both' : 'four';
}

/** The same user with these families. */
export function withFamilies(user: SimUser, families: Families): SimUser {
  return { ...user, ipv6: families !== 'four', ipv4: families !== 'six', nat64: families === 'nat64' };
}

/** The same user, with the families that are drawn by the shares of its network. */
export function withIpv6(user: SimUser, random: SimRandom): SimUser {
  const { access } = user;
  const x = 100 * random.float();
  const [six, nat64] = [IPV6_ONLY_SHARES.six[access].central, IPV6_ONLY_SHARES.nat64[access].central];
  if (x < six) return withFamilies(user, 'six');
  if (x < six + nat64) return withFamilies(user, 'nat64');
  return withFamilies(user, x < IPV6_SHARES[access].central ? 'both' : 'four');
}
