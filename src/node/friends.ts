/**
 * Who was here before: the friends that a host has been connected with, by the hash of their key, so that whoever is asked about one
 * is told whether it is known or new. The name is what it called itself then; it proves nothing, the key does.
 */
import { join } from 'node:path';
import type { FriendId } from '../core/index.ts';
import { NODE_LIMITS } from './limits.ts';
import { readDocument, writeDocument } from './state.ts';

export interface KnownFriends {
  /** The name under which this friend was here the last time; null where it never was. */
  nameOf(friend: FriendId): string | null;
  /** The one seen last stands last. */
  all(): readonly FriendId[];
  /** Never fails: a full disk must not end a game. */
  add(friend: FriendId, name: string): void;
}

/** `stateDir` null: for as long as the program runs. */
export function knownFriends(stateDir: string | null): KnownFriends {
  const path = stateDir === null ? null : join(stateDir, 'known-friends.json');
  let here: ReadonlyMap<string, string> = new Map();
  const read = (): ReadonlyMap<string, string> => {
    if (path === null) return here;
    const document = readDocument(path) as { readonly v?: unknown; readonly friends?: unknown } | null;
    const friends = document?.v === 1 && typeof document.friends === 'object' ? (document.friends ?? {}) : {};
    return new Map(Object.entries(friends).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
  };
  return {
    nameOf: (friend) => read().get(friend) ?? null,
    all: () => [...read().keys()],
    add(friend, name) {
      // The newest stands last, so that the one longest away is forgotten first.
      const others = [...read()].filter(([other]) => other !== friend).slice(-(NODE_LIMITS.knownFriendsMax - 1));
      here = new Map([...others, [friend, name]]);
      try {
        if (path !== null) writeDocument(path, { v: 1, friends: Object.fromEntries(here) });
      } catch {
        // The file could not be written: the next time this friend counts as new, and the person is asked about it as about any other.
      }
    },
  };
}
