/**
 * Grants for pairs at a relay: to both ends of a join with its OFFER and ANSWERED, and a fresh one to whoever has an old token of its own.
 * Nothing is kept: a grant is derived from the secret that the master shares with its relays.
 */
import { equalBytes } from '../bytes.ts';
import type { CryptoSuite } from '../secure/crypto.ts';
import type { SessionId } from '../wire/messages.ts';
import {
  endSecret,
  mintGrant,
  type RelayGrant,
  type RelayKeys,
  type RelayPlace,
  readToken,
  relayHash,
  relayKeys,
  writeToken,
} from '../wire/relay.ts';
import { MASTER_LIMITS } from './limits.ts';

/** The relays of a master. Without any it gives no grants. */
export interface MasterRelays {
  /** 32 bytes, shared with them. */
  readonly secret: Uint8Array;
  readonly list: readonly RelayPlace[];
}

export class Grants {
  private readonly suite: CryptoSuite;
  private readonly keys: RelayKeys | null;
  private readonly wallClock: () => number;
  readonly relays: readonly RelayPlace[];

  constructor(parts: {
    readonly suite: CryptoSuite;
    /** The master's own key: a grant of another master with the same secret is none. */
    readonly own: Uint8Array;
    readonly wallClock: () => number;
    readonly relays: MasterRelays | undefined;
  }) {
    const { suite, own, wallClock, relays } = parts;
    this.suite = suite;
    this.wallClock = wallClock;
    this.relays = relays?.list ?? [];
    this.keys = relays === undefined || this.relays.length === 0 ? null : relayKeys(suite, relays.secret, own);
  }

  /** Null where there is no relay. */
  mint(
    pair: { readonly sid: SessionId; readonly clientKey: Uint8Array; readonly hostKey: Uint8Array },
    side: 'client' | 'host',
  ): RelayGrant | null {
    return this.keys && mintGrant(this.suite, this.keys, pair, { side, expiresAt: this.expiresAt() });
  }

  /** Null where the token is not ours, or not that of the one with this key. */
  renew(token: Uint8Array, key: Uint8Array): RelayGrant | null {
    const { suite, keys } = this;
    const told = keys && readToken(suite, keys, token);
    if (keys === null || told === null || !equalBytes(told[told.side], relayHash(suite, key))) return null;
    return {
      token: writeToken(suite, keys, { ...told, expiresAt: this.expiresAt() }),
      secret: endSecret(suite, keys, told),
    };
  }

  private expiresAt(): number {
    return Math.ceil((this.wallClock() + MASTER_LIMITS.relayTokenMs) / 1_000);
  }
}
