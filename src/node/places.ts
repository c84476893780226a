/**
 * Where on this computer each host was found: 127.0.0.1, or the loopback address of its own. What a game keeps as a favourite leads to
 * the same host the next time, in whatever order hosts are joined.
 */
import { join } from 'node:path';
import type { FriendId } from '../core/index.ts';
import { NODE_LIMITS } from './limits.ts';
import { readDocument, writeDocument } from './state.ts';

export interface LocalPlaces {
  /** Null where this host has none yet. */
  of(host: FriendId): string | null;
  /** Never fails: it is only drawn again the next time. */
  keep(host: FriendId, address: string): void;
}

/** `stateDir` null: nothing is kept. */
export function localPlaces(stateDir: string | null): LocalPlaces {
  const path = stateDir === null ? null : join(stateDir, 'places.json');
  const read = (): ReadonlyMap<string, string> => {
    const document = (path === null ? null : readDocument(path)) as { readonly v?: unknown; readonly hosts?: unknown };
    const hosts = document?.v === 1 && typeof document.hosts === 'object' ? (document.hosts ?? {}) : {};
    return new Map(Object.entries(hosts).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
  };
  return {
    of: (host) => read().get(host) ?? null,
    keep(host, address) {
      if (path === null) return;
      // The newest stands last, so that the one longest away is forgotten first.
      const others = [...read()].filter(([other]) => other !== host).slice(-(NODE_LIMITS.localPlacesMax - 1));
      try {
        writeDocument(path, { v: 1, hosts: Object.fromEntries([...others, [host, address]]) });
      } catch {
        // A full disk: see above.
      }
    },
  };
}
