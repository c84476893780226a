/** What an application may say of relays: the type of core, checked for callers that have no types. */
import type { RelayMode } from '../core/index.ts';
import { usage } from '../node/failure.ts';

const MODES: readonly unknown[] = ['never', 'allow', 'only'] satisfies readonly RelayMode[];

/** Throws USAGE. A word that nobody knows must not become a path that shows an address. */
export function checkRelayMode(mode: RelayMode | undefined): void {
  if (mode !== undefined && !MODES.includes(mode)) throw usage("relay is 'never', 'allow' or 'only'.");
}
