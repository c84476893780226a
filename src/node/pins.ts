/**
 * Which host a join code led to the first time (like ssh's known_hosts): a bare code trusts the master once, then the host's
 * key is pinned per master and another key stops the join with HOST_KEY_CHANGED.
 */
import { join } from 'node:path';
import { LIMITS } from '../core/index.ts';
import { readDocument, writeDocument } from './state.ts';

interface Pins {
  readonly v: 1;
  /** `masterKey/CODE` to the host's key, both base64url; oldest first. */
  readonly hosts: Readonly<Record<string, string>>;
}

export interface HostPins {
  get(masterKey: Uint8Array, code: string): Uint8Array | null;
  /** All that are remembered of this master. */
  all(masterKey: Uint8Array): readonly { readonly code: string; readonly hostKey: Uint8Array }[];
  /** Never fails: a full disk must not stop a join that has already worked. */
  set(masterKey: Uint8Array, code: string, hostKey: Uint8Array): void;
}

export function hostPins(stateDir: string): HostPins {
  const path = join(stateDir, 'known-hosts.json');
  const nameOf = (masterKey: Uint8Array, code: string): string =>
    `${Buffer.from(masterKey).toString('base64url')}/${code}`;
  const read = (): Pins => {
    const document = readDocument(path) as Partial<Pins> | null;
    const hosts = document?.v === 1 && typeof document.hosts === 'object' ? document.hosts : {};
    return { v: 1, hosts: hosts ?? {} };
  };
  const keyOf = (text: unknown): Uint8Array | null => {
    const key = typeof text === 'string' ? Buffer.from(text, 'base64url') : null;
    return key?.length === 32 ? new Uint8Array(key) : null;
  };
  return {
    get: (masterKey, code) => keyOf(read().hosts[nameOf(masterKey, code)]),
    all(masterKey) {
      const prefix = nameOf(masterKey, '');
      return Object.entries(read().hosts).flatMap(([name, text]) => {
        const hostKey = name.startsWith(prefix) ? keyOf(text) : null;
        return hostKey === null ? [] : [{ code: name.slice(prefix.length), hostKey }];
      });
    },
    set(masterKey, code, hostKey) {
      const name = nameOf(masterKey, code);
      const others = Object.entries(read().hosts).filter(([key]) => key !== name);
      const kept = others.slice(-(LIMITS.pinnedHostsMax - 1));
      try {
        writeDocument(path, {
          v: 1,
          hosts: Object.fromEntries([...kept, [name, Buffer.from(hostKey).toString('base64url')]]),
        });
      } catch {
        // Joining again will ask the master again.
      }
    },
  };
}
