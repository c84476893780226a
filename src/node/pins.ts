/**
 * The hosts that were reached before (like ssh's known_hosts): which key each had, by its code and by its name, per master. Another
 * key under one of them stops the join with HOST_KEY_CHANGED. Written only after a host has shown that the key is its own. A damaged
 * file is said and kept, never silently begun anew: who could empty it unnoticed could put another host behind a known code.
 */
import { constants, copyFileSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { fromBase64Url, isPublicKey, toBase64Url } from '../core/index.ts';
import { NODE_LIMITS } from './limits.ts';
import { writeDocument } from './state.ts';

/** Of hosts `masterKey/CODE` to the host's key, of names `masterKey=NAME`; keys in base64url, oldest first. */
type PinTable = ReadonlyMap<string, string>;

interface Tables {
  readonly hosts: PinTable;
  /** Of those that have a name. Written with another sign, so that a pin tells by itself which table it is of. */
  readonly names: PinTable;
}

interface Document {
  readonly v: 1;
  /** CRC-32 of both tables as JSON: what somebody else changed shows. */
  readonly sum: number;
  readonly hosts: Readonly<Record<string, unknown>>;
  readonly names: Readonly<Record<string, unknown>>;
}

const SIGNS = { hosts: '/', names: '=' } as const;
/** 32 bytes in base64url. */
const KEY_CHARACTERS = 43;

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

  /** Not writable: it can't be read, or is damaged on a disk that takes no copy; what is there is worth more than one pin. */
  function load(): Tables & { readonly writable: boolean } {
    const text = readText(path, say);
    if (text === null) return { ...tablesOf([]), writable: false };
    const { tables, damage } = parse(text);
    if (damage === null) return { ...tables, writable: true };
    const kept = keepCopy(path);
    const rest = `${tables.hosts.size} codes and ${tables.names.size} names could be read, others are trusted anew at the next join`;
    const where = kept === null ? 'No copy could be kept, so nothing is written to it.' : `It is kept as ${kept}.`;
    say(`The pinned hosts in ${path} are damaged (${damage}): ${rest}. ${where}`);
    if (kept !== null) write(tables);
    return { ...tables, writable: kept !== null };
  }

  function write(tables: Tables): void {
    try {
      writeDocument(path, documentOf(tables));
    } catch (error) {
      say(
        `The pinned hosts in ${path} can't be written: ${(error as Error).message}. Each join asks the master again.`,
      );
    }
  }

  return {
    get: (masterKey, code) => keyOf(load().hosts.get(`${toBase64Url(masterKey)}/${code}`)),
    all: (masterKey) => ofMaster(load(), 'hosts', masterKey).map(([code, hostKey]) => ({ code, hostKey })),
    codeOf(masterKey, hostKey) {
      const text = toBase64Url(hostKey);
      const pin = ofMaster(load(), 'hosts', masterKey).find(([, key]) => toBase64Url(key) === text);
      return pin?.[0] ?? null;
    },
    names: (masterKey) => new Map(ofMaster(load(), 'names', masterKey)),
    set(masterKey, { code, name, hostKey }) {
      const { hosts, names, writable } = load();
      if (!writable) return;
      const here = toBase64Url(masterKey);
      const key = toBase64Url(hostKey);
      write({
        hosts: withNewest(hosts, `${here}/${code}`, key),
        names: name === '' ? names : withNewest(names, `${here}=${name}`, key),
      });
    },
  };
}

function withNewest(table: PinTable, entry: string, key: string): PinTable {
  const others = [...table].filter(([other]) => other !== entry);
  return new Map([...others.slice(-(NODE_LIMITS.pinnedHostsMax - 1)), [entry, key]]);
}

function ofMaster(tables: Tables, table: keyof Tables, masterKey: Uint8Array): readonly [string, Uint8Array][] {
  const here = `${toBase64Url(masterKey)}${SIGNS[table]}`;
  return [...tables[table]].flatMap(([entry, text]) => {
    const key = entry.startsWith(here) ? keyOf(text) : null;
    return key === null ? [] : [[entry.slice(here.length), key] as [string, Uint8Array]];
  });
}

/** Reads a key of the file. What is no valid public key is passed over, as if it were not there. */
function keyOf(text: unknown): Uint8Array | null {
  const key = typeof text === 'string' && text.length === KEY_CHARACTERS ? fromBase64Url(text) : null;
  return key !== null && isPublicKey(key) ? key : null;
}

/** Empty where there is none yet. */
function readText(path: string, say: (problem: string) => void): string | null {
  try {
    if (statSync(path).size > NODE_LIMITS.stateFileBytesMax) throw new Error('it is too large');
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    say(
      `The pinned hosts in ${path} can't be read: ${(error as Error).message}. Codes are trusted anew until that is mended.`,
    );
    return null;
  }
}

/** With the quotes of JSON; a quote within a name is behind a backslash, so nobody's name is taken for a pin. */
const PIN = /(?<!\\)"[\w-]{43}[/=](?:[^"\\\n]|\\.)+": "[\w-]{43}"/g;

function parse(text: string): { readonly tables: Tables; readonly damage: string | null } {
  if (text === '') return { tables: tablesOf([]), damage: null };
  const { v, sum, hosts, names } = (parsed(text) ?? {}) as Partial<Document>;
  if (v === 1 && isObject(hosts) && isObject(names)) {
    const changed = sum !== sumOf(hosts, names) ? 'something else than sallyport has changed it' : null;
    return { tables: tablesOf([...Object.entries(hosts), ...Object.entries(names)]), damage: changed };
  }
  // A pin tells by itself where it begins and ends, so those that are whole can be told.
  const pins = [...text.matchAll(PIN)].flatMap(([pin]) => Object.entries(parsed(`{${pin}}`) ?? {}));
  return { tables: tablesOf(pins), damage: 'it is not whole' };
}

function parsed(text: string): object | null {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

/** Those of the pins that are ones, each in its table. */
function tablesOf(pins: readonly (readonly [string, unknown])[]): Tables {
  const sound = pins.flatMap(([entry, text]) => (keyOf(text) === null ? [] : [[entry, text as string] as const]));
  const signed = (sign: string): PinTable => new Map(sound.filter(([entry]) => entry[KEY_CHARACTERS] === sign));
  return { hosts: signed(SIGNS.hosts), names: signed(SIGNS.names) };
}

function documentOf({ hosts, names }: Tables): Document {
  const document = { hosts: Object.fromEntries(hosts), names: Object.fromEntries(names) };
  return { v: 1, sum: sumOf(document.hosts, document.names), ...document };
}

function sumOf(hosts: Document['hosts'], names: Document['names']): number {
  return crc32(JSON.stringify([hosts, names]));
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
