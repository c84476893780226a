/**
 * Which host a join code led to the first time (like ssh's known_hosts): a bare code trusts the master once, then the host's
 * key is pinned per master and another key stops the join with HOST_KEY_CHANGED. A damaged file is said and kept, never silently
 * begun anew: who could empty it unnoticed could put another host behind a known code.
 */
import { constants, copyFileSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { LIMITS } from '../core/index.ts';
import { writeDocument } from './state.ts';

/** `masterKey/CODE` to the host's key, both base64url; oldest first. */
type Hosts = ReadonlyMap<string, string>;

interface Document {
  readonly v: 1;
  /** CRC-32 of the hosts as JSON: what somebody else changed shows. */
  readonly sum: number;
  readonly hosts: Readonly<Record<string, string>>;
}

export interface HostPins {
  get(masterKey: Uint8Array, code: string): Uint8Array | null;
  /** Never fails: a full disk must not stop a join that has already worked. */
  set(masterKey: Uint8Array, code: string, hostKey: Uint8Array): void;
}

/** `onProblem` is told what is wrong with the file, in words for the person; the same once. Node prints it where none is given. */
export function hostPins(
  stateDir: string,
  onProblem: (problem: string) => void = (problem) => process.emitWarning(problem),
): HostPins {
  const path = join(stateDir, 'known-hosts.json');
  const said = new Set<string>();
  const say = (problem: string): void => {
    if (!said.has(problem)) onProblem(problem);
    said.add(problem);
  };
  const nameOf = (masterKey: Uint8Array, code: string): string =>
    `${Buffer.from(masterKey).toString('base64url')}/${code}`;

  /** Not writable: it can't be read, or is damaged on a disk that takes no copy; what is there is worth more than one pin. */
  function load(): { readonly hosts: Hosts; readonly writable: boolean } {
    const text = readText(path, say);
    if (text === null) return { hosts: new Map(), writable: false };
    const { hosts, damage } = parse(text);
    if (damage === null) return { hosts, writable: true };
    const kept = keepCopy(path);
    const rest = `${hosts.size} of its hosts could be read, others are trusted anew at the next join`;
    const where = kept === null ? 'No copy could be kept, so nothing is written to it.' : `It is kept as ${kept}.`;
    say(`The pinned hosts in ${path} are damaged (${damage}): ${rest}. ${where}`);
    if (kept !== null) write(hosts);
    return { hosts, writable: kept !== null };
  }

  function write(hosts: Hosts): void {
    try {
      writeDocument(path, documentOf(hosts));
    } catch (error) {
      say(
        `The pinned hosts in ${path} can't be written: ${(error as Error).message}. Each join asks the master again.`,
      );
    }
  }

  return {
    get(masterKey, code) {
      const text = load().hosts.get(nameOf(masterKey, code));
      return text === undefined ? null : new Uint8Array(Buffer.from(text, 'base64url'));
    },
    set(masterKey, code, hostKey) {
      const { hosts, writable } = load();
      if (!writable) return;
      const name = nameOf(masterKey, code);
      const others = [...hosts].filter(([key]) => key !== name).slice(-(LIMITS.pinnedHostsMax - 1));
      write(new Map([...others, [name, Buffer.from(hostKey).toString('base64url')]]));
    },
  };
}

/** Empty where there is none yet. */
function readText(path: string, say: (problem: string) => void): string | null {
  try {
    if (statSync(path).size > LIMITS.stateFileBytesMax) throw new Error('it is too large');
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    say(
      `The pinned hosts in ${path} can't be read: ${(error as Error).message}. Codes are trusted anew until that is mended.`,
    );
    return null;
  }
}

const NAME = /^[\w-]{43}\/[^"\\]+$/;
const KEY = /^[\w-]{43}$/;

function parse(text: string): { readonly hosts: Hosts; readonly damage: string | null } {
  if (text === '') return { hosts: new Map(), damage: null };
  try {
    const { v, sum, hosts } = JSON.parse(text) as Document;
    if (v === 1 && typeof hosts === 'object' && hosts !== null) {
      const sound = Object.entries(hosts).filter(([name, key]) => NAME.test(name) && KEY.test(key));
      const changed = sum !== sumOf(hosts) ? 'something else than sallyport has changed it' : null;
      return { hosts: new Map(sound), damage: changed };
    }
  } catch {
    // One line a host, so those that are whole can be told.
  }
  const lines = [...text.matchAll(/"([\w-]{43}\/[^"\\\n]+)": "([\w-]{43})"/g)];
  return { hosts: new Map(lines.map(([, name = '', key = '']) => [name, key])), damage: 'it is not whole' };
}

function documentOf(map: Hosts): Document {
  const hosts = Object.fromEntries(map);
  return { v: 1, sum: sumOf(hosts), hosts };
}

function sumOf(hosts: Document['hosts']): number {
  return crc32(JSON.stringify(hosts));
}

function keepCopy(path: string): string | null {
  const kept = `${path}.damaged-${new Date().toISOString().slice(0, 23).replaceAll(':', '')}`;
  try {
    copyFileSync(path, kept, constants.COPYFILE_EXCL);
    return kept;
  } catch {
    return null;
  }
}
