/** How hosts see the person at this computer: asked once, and kept for the command and the app alike. */
import { join } from 'node:path';
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
