/** Do two participants have a family of addresses in common? Where they have none, only a relay that has both brings them together. */
import { familyOf } from '../../address.ts';
import type { Party } from '../../model/pair.ts';

/** `unsettled`: one has IPv6 and the other perhaps: it has an address, but the master has not answered there yet. */
export type Meeting = 'common' | 'none' | 'unsettled';

/** `own` as the other side was told, with our own sockets' family. */
export function meetingOf(own: Party & { readonly family: 4 | 6 }, peer: Party): Meeting {
  const theirs = familiesOf(peer);
  // Through a tunnel nobody has seen any address: they may have both.
  if (theirs.length === 0) return 'common';
  const ours = [own.family, ...familiesOf(own)];
  if (ours.some((family) => theirs.includes(family))) return 'common';
  return (ours.includes(6) ? peer : own).profile.ipv6 === 'untested' ? 'unsettled' : 'none';
}

/** Those at which it was seen, or says that it can be reached. */
function familiesOf({ profile, candidates }: Party): readonly (4 | 6)[] {
  const known = [...candidates.map(({ endpoint }) => endpoint.address), ...profile.external].map(familyOf);
  return profile.ipv6 === 'yes' ? [...known, 6] : known;
}
