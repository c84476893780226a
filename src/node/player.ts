/** How hosts see the person at this computer: asked once, and kept for the command and the app alike. */
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { cleanText, PEER_LIMITS } from '../core/index.ts';
import { readDocument, writeDocument } from './state.ts';

export interface PlayerName {
  /** Null: nobody has been asked yet. Empty: the person wants none. */
  get(): string | null;
  /** Throws where it could not be written. */
  keep(name: string): void;
}

export function playerName(stateDir: string): PlayerName {
  const path = join(stateDir, 'player.json');
  return {
    get() {
      const document = readDocument(path) as { readonly v?: unknown; readonly name?: unknown } | null;
      return document?.v === 1 && typeof document.name === 'string' ? document.name : null;
    },
    keep: (name) => writeDocument(path, { v: 1, name }),
  };
}

/** Accounts of no person. */
const NOBODY = new Set(['root', 'admin', 'administrator', 'nobody', 'user', 'ubuntu', 'node']);

/** What the system calls the person at this computer; empty where that says nothing about anybody. */
export function systemName(): string {
  try {
    const name = cleanText(userInfo().username, PEER_LIMITS.nameShownMax).trim();
    return NOBODY.has(name.toLowerCase()) ? '' : name;
  } catch {
    // A user without an entry, as in containers.
    return '';
  }
}
