/** The bans of a master as its relay needs them: the relay knows keys by their hash only. */
import type { Endpoint, RelayedKeys } from '../core/index.ts';
import { fromHex, relayHash, toHex } from '../core/index.ts';
import { nodeCrypto } from '../node/index.ts';
import { parseCidr } from './moderation.ts';
import type { BanRow } from './store.ts';

/** What is posted to the thread of the relay. */
export type RelayRule = { readonly expiresAt: number | null } & (
  | { readonly kind: 'key'; readonly hash: string }
  | { readonly kind: 'cidr'; readonly pattern: string }
);

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';
/** 60 bits: what a host id (5 bits a symbol) and a hash of 8 bytes (4 bits a digit) have in common at full digits. */
const DIGITS = 15;
const SYMBOLS = 12;

/** Names mean nothing to a relay, and what is only not announced may be relayed. */
export function relayRules(bans: readonly BanRow[]): RelayRule[] {
  return bans.flatMap(({ kind, pattern, scope, expiresAt }): RelayRule[] => {
    if (scope !== 'ban' || kind === 'name') return [];
    if (kind === 'cidr') return [{ kind, pattern, expiresAt }];
    const hash = pattern.length === 64 ? hashOfKey(pattern) : hashOfHostId(pattern);
    return hash === null ? [] : [{ kind, hash, expiresAt }];
  });
}

/** Is nobody of the pair kept out? */
export function admitsBy(rules: readonly RelayRule[], wallClock: () => number) {
  const hits = rules.map((rule) => {
    if (rule.kind === 'key')
      return ({ client, host }: RelayedKeys) => [client, host].some((one) => one.startsWith(rule.hash));
    const inside = parseCidr(rule.pattern);
    return (_who: RelayedKeys, { address }: Endpoint) => inside?.(address) ?? false;
  });
  return (who: RelayedKeys, from: Endpoint): boolean => {
    const now = wallClock();
    return !rules.some(({ expiresAt }, i) => (expiresAt === null || expiresAt > now) && hits[i]?.(who, from));
  };
}

function hashOfKey(hex: string): string | null {
  const key = fromHex(hex);
  return key && toHex(relayHash(nodeCrypto, key)).slice(0, DIGITS);
}

function hashOfHostId(hostId: string): string | null {
  let bits = 0n;
  for (const symbol of hostId.slice(0, SYMBOLS)) bits = bits * 32n + BigInt(BASE32.indexOf(symbol));
  return bits < 0n ? null : bits.toString(16).padStart(DIGITS, '0');
}
