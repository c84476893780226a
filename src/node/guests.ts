/**
 * What a host remembers of its friends over restarts, one file (mode 0600) beside its key: whom it keeps out, and by which loopback
 * address its game knows each, so that a ban or a favourite inside the game goes on to mean the same person.
 */
import {
  type Ban,
  type FriendId,
  fromBase64Url,
  NETWORK_SECRET_BYTES,
  PEER_LIMITS,
  toBase64Url,
} from '../core/index.ts';
import { nodeCrypto } from './crypto.ts';
import { NODE_LIMITS } from './limits.ts';
import { readRecord, writeDocument } from './state.ts';

export interface KeptBan {
  readonly ban: Ban;
  /** As the friend called itself then. */
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

export interface GuestBook {
  /** The key of the hashes of networks. */
  readonly secret: Uint8Array;
  /** The newest last. */
  readonly bans: readonly KeptBan[];
  /** Loopback address by friend; who has been away longest first. */
  readonly addresses: ReadonlyMap<FriendId, string>;
  /** In place of one of the same friend or network. False where it could not be written: it holds until the program ends. */
  addBan(ban: KeptBan): boolean;
  liftBan(ban: Ban): boolean;
  keepAddress(friend: FriendId, address: string): boolean;
}

/** `path` null: for as long as the program runs. Throws USAGE where the file is there and is no such book: bans must not vanish. */
export function guestBook(path: string | null): GuestBook {
  return new GuestFile(path);
}

class GuestFile implements GuestBook {
  readonly secret: Uint8Array;
  bans: readonly KeptBan[];
  readonly addresses: Map<FriendId, string>;
  readonly #path: string | null;

  constructor(path: string | null) {
    this.#path = path;
    const read = path === null ? null : readRecord(path, parseBook);
    this.secret = read?.secret ?? nodeCrypto.randomBytes(NETWORK_SECRET_BYTES);
    this.bans = read?.bans ?? [];
    this.addresses = new Map(read?.addresses ?? []);
  }

  addBan(kept: KeptBan): boolean {
    const others = this.bans.filter(({ ban }) => !isSame(ban, kept.ban));
    this.bans = [...others.slice(-(PEER_LIMITS.bannedMax - 1)), kept];
    return this.#write();
  }

  liftBan(lifted: Ban): boolean {
    this.bans = this.bans.filter(({ ban }) => !isSame(ban, lifted));
    return this.#write();
  }

  keepAddress(friend: FriendId, address: string): boolean {
    const isNew = this.addresses.get(friend) !== address;
    this.addresses.delete(friend);
    this.addresses.set(friend, address);
    for (const longestAway of this.addresses.keys()) {
      if (this.addresses.size <= NODE_LIMITS.friendAddressesMax) break;
      this.addresses.delete(longestAway);
    }
    return !isNew || this.#write();
  }

  #write(): boolean {
    if (this.#path === null) return true;
    const bans = this.bans.map(({ ban, name, at }) => ({ ...ban, name, at }));
    try {
      writeDocument(this.#path, {
        ...{ v: 1, secret: toBase64Url(this.secret), bans, addresses: Object.fromEntries(this.addresses) },
      });
      return true;
    } catch {
      return false;
    }
  }
}

function isSame(left: Ban, right: Ban): boolean {
  if (left.by === 'friend') return right.by === 'friend' && left.friend === right.friend;
  return right.by === 'network' && left.network === right.network;
}

type Read = Pick<GuestBook, 'secret' | 'bans'> & { readonly addresses: readonly (readonly [FriendId, string])[] };

/** Null for what is no such book, or one that somebody has damaged: a ban left out would let somebody in. */
function parseBook(document: unknown): Read | null {
  const { v, secret: text, bans, addresses } = (document ?? {}) as Readonly<Record<string, unknown>>;
  const secret = typeof text === 'string' ? fromBase64Url(text) : null;
  if (v !== 1 || secret?.length !== NETWORK_SECRET_BYTES || !Array.isArray(bans)) return null;
  const kept = bans.map(parseBan);
  if (kept.includes(null) || typeof addresses !== 'object' || addresses === null) return null;
  const entries = Object.entries(addresses).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  return { secret, bans: kept.filter((ban) => ban !== null), addresses: entries };
}

function parseBan(item: unknown): KeptBan | null {
  const { by, friend, network, name, at } = (item ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof name !== 'string' || typeof at !== 'number') return null;
  if (by === 'friend' && typeof friend === 'string') return { ban: { by, friend }, name, at };
  if (by === 'network' && typeof network === 'string') return { ban: { by, network }, name, at };
  return null;
}
