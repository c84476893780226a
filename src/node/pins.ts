/**
 * The hosts that were reached before (like ssh's known_hosts): which key each had, by its code and by its name, per master. Another
 * key under one of them stops the join with HOST_KEY_CHANGED. Written only after a host has shown that the key is its own.
 */
import { join } from 'node:path';
import { fromBase64Url, isPublicKey, toBase64Url } from '../core/index.ts';
import { NODE_LIMITS } from './limits.ts';
import { readDocument, writeDocument } from './state.ts';

interface Pins {
  readonly v: 1;
  /** `masterKey/CODE` to the host's key, both base64url; oldest first. */
  readonly hosts: Readonly<Record<string, unknown>>;
  /** `masterKey/NAME` likewise, of those that have a name. */
  readonly names: Readonly<Record<string, unknown>>;
}

export interface PinnedHost {
  readonly code: string;
  /** As the master tells it; empty where it has none. */
  readonly name: string;
  readonly hostKey: Uint8Array;
}

export interface HostPins {
  get(masterKey: Uint8Array, code: string): Uint8Array | null;
  /** All that are remembered of this master. */
  all(masterKey: Uint8Array): readonly { readonly code: string; readonly hostKey: Uint8Array }[];
  /** The code under which this key is pinned; null where it is not. */
  codeOf(masterKey: Uint8Array, hostKey: Uint8Array): string | null;
  /** Keys by name, of all hosts of this master. */
  names(masterKey: Uint8Array): ReadonlyMap<string, Uint8Array>;
  /** Never fails: a full disk must not stop a join that has already worked. */
  set(masterKey: Uint8Array, host: PinnedHost): void;
}

export function hostPins(stateDir: string): HostPins {
  const path = join(stateDir, 'known-hosts.json');
  const read = (): Pins => {
    const document = readDocument(path) as Partial<Pins> | null;
    const table = (of: unknown): Pins['hosts'] =>
      document?.v === 1 && typeof of === 'object' && of !== null ? (of as Pins['hosts']) : {};
    return { v: 1, hosts: table(document?.hosts), names: table(document?.names) };
  };
  return {
    get: (masterKey, code) => keyOf(read().hosts[`${toBase64Url(masterKey)}/${code}`]),
    all(masterKey) {
      const here = `${toBase64Url(masterKey)}/`;
      return Object.entries(read().hosts).flatMap(([name, text]) => {
        const hostKey = name.startsWith(here) ? keyOf(text) : null;
        return hostKey === null ? [] : [{ code: name.slice(here.length), hostKey }];
      });
    },
    codeOf(masterKey, hostKey) {
      const here = `${toBase64Url(masterKey)}/`;
      const text = toBase64Url(hostKey);
      const pin = Object.entries(read().hosts).find(([name, key]) => key === text && name.startsWith(here));
      return pin === undefined ? null : pin[0].slice(here.length);
    },
    names(masterKey) {
      const here = `${toBase64Url(masterKey)}/`;
      const known = Object.entries(read().names).flatMap(([name, text]) => {
        const key = keyOf(text);
        return name.startsWith(here) && key !== null ? [[name.slice(here.length), key] as const] : [];
      });
      return new Map(known);
    },
    set(masterKey, { code, name, hostKey }) {
      const { hosts, names } = read();
      const here = toBase64Url(masterKey);
      const key = toBase64Url(hostKey);
      try {
        writeDocument(path, {
          v: 1,
          hosts: withNewest(hosts, `${here}/${code}`, key),
          names: name === '' ? names : withNewest(names, `${here}/${name}`, key),
        });
      } catch {
        // The file could not be written: the host is not remembered, and the next join takes the key that the master tells, as a first one does.
      }
    },
  };
}

function withNewest(table: Pins['hosts'], name: string, key: string): Pins['hosts'] {
  const others = Object.entries(table).filter(([other]) => other !== name);
  return Object.fromEntries([...others.slice(-(NODE_LIMITS.pinnedHostsMax - 1)), [name, key]]);
}

/** Reads a key of the file. What is no valid public key is passed over, as if it were not there. */
function keyOf(text: unknown): Uint8Array | null {
  const key = typeof text === 'string' ? fromBase64Url(text) : null;
  return key !== null && isPublicKey(key) ? key : null;
}
