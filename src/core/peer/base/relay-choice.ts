/** Which relay a pair takes, if any: what either side wishes, how far each is from the relays of the master, and what the other may know. */
import { Reader, utf8Encode } from '../../bytes.ts';
import type { Party } from '../../model/pair.ts';
import type { CryptoSuite } from '../../secure/crypto.ts';
import type { RelayPlace } from '../../wire/relay.ts';

/** May a connection go through a relay, must it, or may it not? */
export const RELAY_MODES = ['allow', 'never', 'only'] as const;
export type RelayMode = (typeof RELAY_MODES)[number];

/** How the two ends name a relay to each other: the first 4 bytes of SHA-256 of its name. Never 0, which stands for none. */
export type RelayId = number;
export const NO_RELAY: RelayId = 0;

/** How far a participant is from a relay. */
export interface RelayDistance {
  readonly relay: RelayId;
  /** Round trip. */
  readonly rttMs: number;
}

/** As the two ends call it. */
export function relayIdOf(crypto: Pick<CryptoSuite, 'sha256'>, { name }: RelayPlace): RelayId {
  return new Reader(crypto.sha256(utf8Encode(name))).u32() || 1;
}

/**
 * Of the relays that both have a way to, the one with the least sum of round trips; one that is not measured comes after all others.
 * Whoever names none has mostly just not heard of them, as a friend who has come this moment: then the one that is nearest to us.
 */
export function nearestRelay(own: readonly RelayDistance[], peer: readonly RelayDistance[]): RelayId {
  let best = NO_RELAY;
  let least = Number.POSITIVE_INFINITY;
  for (const { relay, rttMs } of own) {
    const there = peer.length === 0 ? { rttMs: 0 } : peer.find((other) => other.relay === relay);
    // It names all that it has a way to; one that has IPv6 alone has none to a relay of IPv4.
    if (there === undefined) continue;
    const sum = rttMs + there.rttMs;
    if (sum < least) {
      least = sum;
      best = relay;
    }
  }
  return best;
}

/** The stricter of two wishes; null where they exclude each other. */
export function modeOfBoth(own: RelayMode, peer: RelayMode): RelayMode | null {
  if (own === 'allow' || own === peer) return peer;
  return peer === 'allow' ? own : null;
}

/** What the other side may know of this one: where it comes through a relay only no address, and no port that a router has opened. */
export function shownOf(mode: RelayMode, own: Party): Party {
  if (mode !== 'only') return own;
  const { profile } = own;
  const portMapping = { ...profile.portMapping, external: null };
  return { profile: { ...profile, external: [], portMapping }, candidates: [] };
}
