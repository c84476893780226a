/**
 * Who may announce, list and join. Bans live in memory, ready to be asked for every datagram that matters, and in the store;
 * a change works from the next question on. Names belong to the key that was listed under them first.
 */
import { randomBytes } from 'node:crypto';
import { BlockList, isIP, isIPv6 } from 'node:net';
import {
  addressKeys,
  addressPrefixes,
  cleanText,
  type FailureCode,
  type HostAnnouncement,
  type HostRecord,
  hostIdOf,
  type MasterPolicy,
  nameSkeleton,
  Pace,
  type TableState,
  toHex,
} from '../core/index.ts';
import { nodeCrypto } from '../node/index.ts';
import type { BanInput } from './api.ts';
import { SERVER_LIMITS } from './limits.ts';
import type { BanRow, Store } from './store.ts';

export interface ReservedName {
  readonly name: string;
  /** Public key, hex; null = nobody may use the name. */
  readonly key: string | null;
}

export interface Moderation extends Pick<MasterPolicy, 'announce' | 'admit'> {
  /** May this public host be shown in the list? */
  shows(host: HostRecord): boolean;
  bans(): readonly BanRow[];
  /** Puts a ban in force and writes it down; `Store.unwritten` tells where only the first worked. */
  ban(now: number, ban: Omit<BanInput, 'kind'> & { readonly kind: BanRow['kind']; readonly label: string }): BanRow;
  unban(id: number): BanRow | null;
  /** Is this host banned by now? Asked for everybody after a change. */
  banned(host: HostRecord): boolean;
  reserve(names: readonly ReservedName[]): void;
  expire(now: number): number;
  /** The names that are held, of which there is an end. */
  tables(): readonly TableState[];
}

interface Rule {
  readonly row: BanRow;
  readonly hits: (who: Who) => boolean;
}
interface Who {
  readonly key: string;
  readonly hostId: string;
  readonly address: string;
  readonly name: string | null;
}

export function createModeration(store: Store, wallClock: () => number): Moderation {
  let rules: Rule[] = store.bans().map((row) => ({ row, hits: matcher(row) }));
  let reserved = new Map<string, string | null>();
  const newNames = new Pace(SERVER_LIMITS.newNameRates);
  const secret = randomBytes(16);

  const find = (scope: BanRow['scope'], who: Who): Rule | undefined => ruleFor(rules, wallClock(), scope, who);

  /** The name as it may be shown: an honest first holder keeps it, a second key gets a mark, a reserved name is refused. */
  function nameFor(name: string, hostKey: string, address: string, isPublic: boolean): string | null {
    const plain = name === '' ? 'Unnamed' : name;
    const skeleton = nameSkeleton(plain);
    if (skeleton === '') return plain;
    const owner = reserved.get(skeleton);
    if (owner !== undefined) return owner === hostKey ? plain : null;
    if (!isPublic || name === '') return plain;
    const now = wallClock();
    const holder = store.nameHolder(skeleton);
    const free = holder === null || now - holder.seenAt > SERVER_LIMITS.nameHeldMs;
    if (!free && holder.hostKey !== hostKey) return marked(plain, hostKey);
    // Neither held nor left for another to take: shown with its mark until an address that makes up many names has paused.
    const fresh = holder?.hostKey !== hostKey;
    if (fresh && newNames.take(now, addressKeys(secret, address)) > 0) return marked(plain, hostKey);
    // Written down at most once an hour per name: the term is a week.
    if (free || now - holder.seenAt > 3_600_000)
      store.holdName({ skeleton, hostKey, seenAt: now, network: networkOf(address) });
    return plain;
  }

  function add(row: BanRow): BanRow {
    rules = [...rules, { row, hits: matcher(row) }];
    return row;
  }

  return {
    announce(hostKey, from, announcement) {
      const key = toHex(hostKey);
      const clean = cleanAnnouncement(announcement);
      const who = (): Who => ({
        ...{ key, address: from.address, name: clean.name },
        hostId: hostIdOf(nodeCrypto, hostKey),
      });
      if (rules.length > 0 && find('ban', who()) !== undefined) return 'BANNED';
      const name = nameFor(clean.name, key, from.address, clean.public);
      return name === null ? 'REFUSED' : { ...clean, name };
    },
    admit(_act, key, from): FailureCode | null {
      if (rules.length === 0) return null;
      const who = { key: toHex(key), hostId: hostIdOf(nodeCrypto, key), address: from.address, name: null };
      return find('ban', who) === undefined ? null : 'BANNED';
    },
    shows: (host) => rules.length === 0 || find('unannounced', identityOf(host)) === undefined,
    bans: () => rules.map(({ row }) => row),
    ban(now, { kind, pattern, label, scope, reason, expiresAt }) {
      const ban = { kind, pattern, label, scope, reason, expiresAt, createdAt: now };
      return add({ ...ban, id: store.addBan(ban) });
    },
    unban(id) {
      const found = rules.find(({ row }) => row.id === id);
      if (found === undefined) return null;
      store.removeBan(id);
      rules = rules.filter((rule) => rule !== found);
      return found.row;
    },
    banned: (host) => rules.length > 0 && find('ban', identityOf(host)) !== undefined,
    reserve(names) {
      reserved = new Map(names.map(({ name, key }) => [nameSkeleton(name), key]));
    },
    expire(now) {
      const before = rules.length;
      rules = rules.filter(({ row }) => row.expiresAt === null || row.expiresAt > now);
      return before - rules.length;
    },
    tables: () => [store.names()],
  };
}

function ruleFor(rules: readonly Rule[], now: number, scope: BanRow['scope'], who: Who): Rule | undefined {
  return rules.find(
    ({ row, hits }) => row.scope === scope && (row.expiresAt === null || row.expiresAt > now) && hits(who),
  );
}

/** The key is spelt out only where a rule asks for it: a new rule is tried on every host. */
function identityOf(host: HostRecord): Who {
  const { hostId, observed, announcement } = host;
  return {
    ...{ hostId, address: observed.address, name: announcement.name },
    get key() {
      return toHex(host.hostKey);
    },
  };
}

export function cleanAnnouncement(announcement: HostAnnouncement): HostAnnouncement {
  const { name, game, map, mode, version } = announcement;
  return {
    ...announcement,
    name: cleanText(name, SERVER_LIMITS.nameCharacters),
    game: cleanText(game, SERVER_LIMITS.gameCharacters),
    map: cleanText(map, SERVER_LIMITS.mapCharacters),
    mode: cleanText(mode, SERVER_LIMITS.modeCharacters),
    version: cleanText(version, SERVER_LIMITS.versionCharacters),
  };
}

/** Whose share of the held names it is: the IPv4 /24, or the IPv6 /32, because whoever wants has a /48 for each name. */
function networkOf(address: string): string {
  const [, wide] = addressPrefixes(address);
  return wide.startsWith('6:') ? wide.split('.').slice(0, 4).join('.') : wide;
}

/** A clone of a held name is told apart by its key, in the name itself so that every list shows it. */
function marked(name: string, hostKey: string): string {
  const mark = ` #${hostKey.slice(0, 4)}`;
  return `${[...name].slice(0, SERVER_LIMITS.nameCharacters - mark.length).join('')}${mark}`;
}

function matcher(row: BanRow): Rule['hits'] {
  if (row.kind === 'key') return ({ key, hostId }) => key === row.pattern || hostId === row.pattern;
  if (row.kind === 'name') {
    const fits = nameMatcher(row.pattern);
    return ({ name }) => name !== null && fits(name);
  }
  const subnet = parseCidr(row.pattern);
  return ({ address }) => subnet?.(address) ?? false;
}

/** `*` any text, `?` one character; matches the whole name, also as its skeleton, so look-alikes don't slip through. */
function nameMatcher(pattern: string): (name: string) => boolean {
  const fits = glob(pattern.toLowerCase());
  const plain = skeletonPattern(pattern);
  const fitsSkeleton = /[^*?]/.test(plain) ? glob(plain) : () => false;
  return (name) => fits(name.toLowerCase()) || fitsSkeleton(nameSkeleton(name));
}

function skeletonPattern(pattern: string): string {
  return pattern
    .split(/([*?])/)
    .map((part) => (part === '*' || part === '?' ? part : nameSkeleton(part)))
    .join('');
}

/** No regular expression: a pattern must not cost more than its length times the name's. */
function glob(pattern: string): (text: string) => boolean {
  return (text) => {
    let p = 0;
    let star = -1;
    let mark = 0;
    let t = 0;
    while (t < text.length) {
      if (p < pattern.length && (pattern[p] === '?' || pattern[p] === text[t]) && pattern[p] !== '*') {
        p += 1;
        t += 1;
      } else if (pattern[p] === '*') {
        star = p;
        p += 1;
        mark = t;
      } else if (star >= 0) {
        p = star + 1;
        mark += 1;
        t = mark;
      } else return false;
    }
    while (pattern[p] === '*') p += 1;
    return p === pattern.length;
  };
}

/** A test for membership, or null where the text is no address or CIDR. */
export function parseCidr(text: string): ((address: string) => boolean) | null {
  const [address = '', length, rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest !== undefined) return null;
  const bits = length === undefined ? (family === 4 ? 32 : 128) : Number(length);
  if (length !== undefined && !/^\d{1,3}$/.test(length)) return null;
  if (bits > (family === 4 ? 32 : 128)) return null;
  const list = new BlockList();
  list.addSubnet(address, bits, family === 4 ? 'ipv4' : 'ipv6');
  return (other) => list.check(other, isIPv6(other) ? 'ipv6' : 'ipv4');
}
