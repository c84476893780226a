/**
 * Whom a host keeps out. A friend is kept out by its key, which is the same at every join (`handshake.ts`, `friendKey`); who draws a new
 * one may be kept out with everybody from its network, the IPv4 /24 or the IPv6 /48, of which only a keyed hash is remembered.
 */
import { toHex, utf8Encode } from '../../bytes.ts';
import { addressPrefixes } from '../../rate/pace.ts';
import type { CryptoSuite } from '../../secure/crypto.ts';
import type { Ban, FriendId, NetworkId } from '../base/interface.ts';
import { PEER_LIMITS } from '../base/limits.ts';

export const NETWORK_SECRET_BYTES = 16;
const HASH_BYTES = 16;

export class Bans {
  private readonly crypto: CryptoSuite;
  private secret: Uint8Array | null;
  private readonly kept = new Map<string, Ban>();

  /** `secret`: 16 bytes, kept with the bans of networks; null draws one where it is needed. */
  constructor(crypto: CryptoSuite, secret: Uint8Array | null, bans: readonly Ban[]) {
    this.crypto = crypto;
    this.secret = secret;
    for (const ban of bans) this.add(ban);
  }

  /** A person has said so, so none is refused: where there are too many, the oldest is lifted. */
  add(ban: Ban): void {
    this.kept.delete(nameOf(ban));
    this.kept.set(nameOf(ban), ban);
    if (this.kept.size > PEER_LIMITS.bannedMax) this.kept.delete(this.kept.keys().next().value as string);
  }

  lift(ban: Ban): void {
    this.kept.delete(nameOf(ban));
  }

  /** `addresses`: where the master has seen it. */
  hold(friend: FriendId, addresses: readonly string[]): boolean {
    if (this.kept.size === 0) return false;
    if (this.kept.has(nameOf({ by: 'friend', friend }))) return true;
    return this.networksOf(addresses).some((network) => this.kept.has(nameOf({ by: 'network', network })));
  }

  networksOf(addresses: readonly string[]): readonly NetworkId[] {
    return [...new Set(addresses.map((address) => this.networkOf(address)))];
  }

  private networkOf(address: string): NetworkId {
    this.secret ??= this.crypto.randomBytes(NETWORK_SECRET_BYTES);
    const [, wide] = addressPrefixes(address);
    const hash = this.crypto.hmac(this.crypto.macKey(this.secret), utf8Encode(`sallyport network ${wide}`));
    return toHex(hash.subarray(0, HASH_BYTES));
  }
}

function nameOf(ban: Ban): string {
  return ban.by === 'friend' ? `friend ${ban.friend}` : `network ${ban.network}`;
}
