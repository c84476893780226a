/**
 * What the masterserver shows: every registered host, put in order. Changes are gathered and become visible together, at
 * most once a second (`commit`), so the work depends on the clock and not on how often hosts speak.
 */
import { randomBytes } from 'node:crypto';
import { type HostRecord, type NatType, Table, textHash } from '../core/index.ts';
import type { ServersQuery, SortKey } from './api.ts';
import { SERVER_LIMITS } from './limits.ts';
import { type Compare, compareBy, type OrderFields } from './order.ts';
import { firstAfter, mergeChanges, sortInSlices } from './sorted.ts';

/** What the masterserver knows of a host beside the machine's record. */
export interface ItemInput {
  readonly host: HostRecord;
  readonly firstSeenAt: number;
  readonly verifiedAt: number | null;
  readonly official: boolean;
  /** Public by its own wish, held back by the operator. */
  readonly hidden: boolean;
  /** Known from before a restart only. */
  readonly returning: boolean;
  /** One of more public hosts at one address than a household has. */
  readonly crowded: boolean;
  readonly address: string | null;
  /** Registered at other nodes of the fleet alone. */
  readonly elsewhere: boolean;
}

const OFFICIAL = 1;
const HIDDEN = 2;
const RETURNING = 4;
const CROWDED = 8;
const ELSEWHERE = 16;

/**
 * One entry, replaced as a whole by every change. It holds next to nothing of its own, because there may be 100 000: what the
 * order and the search look at is read from the record, which the machine holds anyway.
 */
export class ListItem implements OrderFields {
  readonly host: HostRecord;
  readonly verifiedAt: number | null;
  readonly address: string | null;
  /** A number of milliseconds is an object of its own to V8. */
  private readonly firstSeenSeconds: number;
  private readonly flags: number;

  constructor(input: ItemInput) {
    this.host = input.host;
    this.firstSeenSeconds = Math.floor(input.firstSeenAt / 1_000);
    this.verifiedAt = input.verifiedAt;
    this.address = input.address;
    this.flags =
      (input.official ? OFFICIAL : 0) |
      (input.hidden ? HIDDEN : 0) |
      (input.returning ? RETURNING : 0) |
      (input.crowded ? CROWDED : 0) |
      (input.elsewhere ? ELSEWHERE : 0);
  }

  get hostId(): string {
    return this.host.hostId;
  }
  get firstSeenAt(): number {
    return 1_000 * this.firstSeenSeconds;
  }
  get name(): string {
    return this.host.announcement.name;
  }
  get game(): string {
    return this.host.announcement.game;
  }
  get map(): string {
    return this.host.announcement.map;
  }
  get mode(): string {
    return this.host.announcement.mode;
  }
  get players(): number {
    return this.host.players;
  }
  get playersMax(): number {
    return this.host.announcement.playersMax;
  }
  get natType(): NatType {
    return this.host.natType;
  }
  get rttMs(): number | null {
    return this.host.rttMs;
  }
  get official(): boolean {
    return (this.flags & OFFICIAL) !== 0;
  }
  get hidden(): boolean {
    return (this.flags & HIDDEN) !== 0;
  }
  get returning(): boolean {
    return (this.flags & RETURNING) !== 0;
  }
  get crowded(): boolean {
    return (this.flags & CROWDED) !== 0;
  }
  get elsewhere(): boolean {
    return (this.flags & ELSEWHERE) !== 0;
  }
  get verified(): boolean {
    return this.verifiedAt !== null;
  }
  get listed(): boolean {
    return this.host.announcement.public && !this.hidden;
  }
}

/** Of two that have one code in truth the older keeps it, the same at every node. */
export function isOlder(left: ListItem, right: ListItem): boolean {
  return (
    left.firstSeenAt - right.firstSeenAt < 0 || (left.firstSeenAt === right.firstSeenAt && left.hostId < right.hostId)
  );
}

/** Does `wanted` stand in one of the texts, in capitals or not? What many hosts have in common is looked at once. */
export function textFilter(wanted: string): (item: ListItem) => boolean {
  const small = wanted.toLowerCase();
  const has = (text: string): boolean => text.toLowerCase().includes(small);
  const seen = new Map<string, boolean>();
  const shared = (text: string): boolean => {
    const known = seen.get(text);
    if (known !== undefined) return known;
    const found = has(text);
    if (seen.size < SERVER_LIMITS.searchedTextsMax) seen.set(text, found);
    return found;
  };
  return ({ host: { announcement } }) =>
    has(announcement.name) || shared(announcement.game) || shared(announcement.map) || shared(announcement.mode);
}

export interface ListCommit {
  readonly generation: number;
  readonly changed: readonly ListItem[];
  readonly gone: readonly string[];
}

interface SortedView {
  readonly compare: Compare;
  items: readonly ListItem[];
  usedAt: number;
}

export interface Listing {
  put(item: ListItem): void;
  remove(hostId: string): void;
  get(hostId: string): ListItem | undefined;
  /** Where several have it, the one that was seen first. */
  byCode(code: string): ListItem | undefined;
  /** Where several have this code, all of them. */
  rivals(code: string): readonly ListItem[];
  all(): IterableIterator<ListItem>;
  readonly size: number;
  readonly generation: number;
  counts(): { readonly official: number; readonly community: number };
  games(): readonly { readonly game: string; readonly servers: number }[];
  /** Makes the gathered changes visible; null where there are none. */
  commit(now: number): ListCommit | null;
  /** All listed entries in the order `best`. */
  best(): readonly ListItem[];
  /** All listed entries in the wished order, ready at once for `best` and after a sliced sort for the others. */
  view(now: number, sort: SortKey, descending: boolean): Promise<readonly ListItem[]>;
}

const GAMES_TOLD_MAX = 50;

function viewKey(sort: SortKey, descending: boolean): string {
  return `${sort}${descending ? '-' : '+'}`;
}

export function createListing(): Listing {
  const secret = randomBytes(4).readInt32LE();
  const hashOf = (text: string): number => textHash(secret, text);
  // Half of what a Map takes.
  const items = new Table<string, ListItem>(hashOf, (item, hostId) => item.hostId === hostId);
  const codes = new Table<string, ListItem>(hashOf, (item, code) => item.host.code === code);
  /** Hosts of each code that more than one says is its own, until the masterserver knows whose it is. */
  const rivals = new Map<string, Set<string>>();
  /** What each host looked like at the last commit: undefined = was not listed. */
  const before = new Map<string, ListItem | undefined>();
  const best: SortedView = { compare: compareBy('best', false), items: [], usedAt: Number.POSITIVE_INFINITY };
  /** By `viewKey`: one for each of the columns, up and down, that somebody looked at lately. */
  const views = new Map<string, SortedView>([[viewKey('best', false), best]]);
  const building = new Map<string, Promise<SortedView>>();
  const games = new Map<string, number>();
  let generation = 1;
  let official = 0;
  let visible = 0;

  function note(hostId: string): void {
    if (before.has(hostId)) return;
    const old = items.get(hostId);
    before.set(hostId, old?.listed ? old : undefined);
  }

  function count(item: ListItem, step: 1 | -1): void {
    visible += step;
    if (item.official) official += step;
    const servers = (games.get(item.game) ?? 0) + step;
    if (servers === 0) games.delete(item.game);
    else games.set(item.game, servers);
  }

  function enterCode(item: ListItem): void {
    const { code } = item.host;
    const held = codes.get(code);
    if (held !== undefined && held.hostId !== item.hostId)
      rivals.set(code, (rivals.get(code) ?? new Set([held.hostId])).add(item.hostId));
    if (held === undefined || held.hostId === item.hostId || isOlder(item, held)) codes.set(code, item);
  }

  function leaveCode({ hostId, host: { code } }: ListItem): void {
    const others = rivals.get(code);
    others?.delete(hostId);
    if (others !== undefined && others.size < 2) rivals.delete(code);
    if (codes.get(code)?.hostId !== hostId) return;
    codes.delete(code);
    for (const other of others ?? []) {
      const item = items.get(other);
      const held = codes.get(code);
      if (item !== undefined && (held === undefined || isOlder(item, held))) codes.set(code, item);
    }
  }

  function commit(now: number): ListCommit | null {
    if (before.size === 0) return null;
    const removed = new Set<ListItem>();
    const changed: ListItem[] = [];
    const gone: string[] = [];
    for (const [hostId, old] of before) {
      const item = items.get(hostId);
      if (old !== undefined) {
        removed.add(old);
        count(old, -1);
      }
      if (item?.listed) {
        changed.push(item);
        count(item, 1);
      } else if (old !== undefined) gone.push(hostId);
    }
    before.clear();
    if (changed.length === 0 && gone.length === 0) return null;
    for (const [key, view] of views) {
      if (now - view.usedAt > SERVER_LIMITS.viewIdleMs) views.delete(key);
      else view.items = mergeChanges(view.items, removed, changed, view.compare);
    }
    generation += 1;
    return { generation, changed, gone };
  }

  /** Sorts the visible entries in slices, then carries over what was committed meanwhile. */
  async function build(now: number, sort: SortKey, descending: boolean): Promise<SortedView> {
    const compare = compareBy(sort, descending);
    const source = best.items;
    const sorted = await sortInSlices(source, compare);
    const current = best.items;
    if (current === source) return { compare, items: sorted, usedAt: now };
    const old = new Set(source);
    const fresh = new Set(current);
    const removed = new Set(source.filter((item) => !fresh.has(item)));
    const added = current.filter((item) => !old.has(item));
    return { compare, items: mergeChanges(sorted, removed, added, compare), usedAt: now };
  }

  async function view(now: number, sort: SortKey, descending: boolean): Promise<readonly ListItem[]> {
    const key = viewKey(sort, descending);
    const ready = views.get(key);
    if (ready !== undefined) {
      ready.usedAt = Math.max(ready.usedAt, now);
      return ready.items;
    }
    let pending = building.get(key);
    if (pending === undefined) {
      pending = build(now, sort, descending).then((built) => {
        views.set(key, built);
        return built;
      });
      building.set(key, pending);
      void pending.finally(() => building.delete(key));
    }
    return (await pending).items;
  }

  return {
    put(item) {
      note(item.hostId);
      const old = items.get(item.hostId);
      if (old !== undefined && old.host.code !== item.host.code) leaveCode(old);
      items.set(item.hostId, item);
      if (item.host.code !== '') enterCode(item);
    },
    remove(hostId) {
      const old = items.get(hostId);
      if (old === undefined) return;
      note(hostId);
      items.delete(hostId);
      leaveCode(old);
    },
    get: (hostId) => items.get(hostId),
    byCode: (code) => codes.get(code),
    rivals: (code) => [...(rivals.get(code) ?? [])].flatMap((hostId) => items.get(hostId) ?? []),
    all: () => items.values(),
    get size() {
      return items.size;
    },
    get generation() {
      return generation;
    },
    counts: () => ({ official, community: visible - official }),
    games: () =>
      [...games]
        .sort((left, right) => right[1] - left[1])
        .slice(0, GAMES_TOLD_MAX)
        .map(([game, servers]) => ({ game, servers })),
    commit,
    best: () => best.items,
    view,
  };
}

/** Which entries this asks for. */
export function matcherOf(query: ServersQuery): (item: ListItem) => boolean {
  const { section, game, verified, notFull, withPlayers, pingMax, rtt = 0, q = '' } = query;
  const hasText = q === '' ? () => true : textFilter(q);
  return (item) => {
    if (section !== undefined && (section === 'official') !== item.official) return false;
    if (game !== undefined && item.game !== game) return false;
    if (verified === true && item.verifiedAt === null) return false;
    if (notFull === true && item.playersMax > 0 && item.players >= item.playersMax) return false;
    if (withPlayers === true && item.players === 0) return false;
    if (pingMax !== undefined && (item.rttMs === null || item.rttMs + rtt > pingMax)) return false;
    return hasText(item);
  };
}

export function hasFilter(query: ServersQuery): boolean {
  return (
    query.section !== undefined ||
    query.game !== undefined ||
    query.verified === true ||
    query.notFull === true ||
    query.withPlayers === true ||
    query.pingMax !== undefined ||
    (query.q !== undefined && query.q !== '')
  );
}

/** A cursor is the place of the last entry in the order, so paging goes on even when that entry is gone. */
function cursorOf(item: OrderFields): string {
  const { hostId, name, game, map, mode, players, playersMax, natType, rttMs, firstSeenAt } = item;
  const flags = Number(item.official) + 2 * Number(item.verified) + 4 * Number(item.crowded);
  const place = [flags, hostId, name, game, map, mode, players, playersMax, natType, rttMs, firstSeenAt];
  return Buffer.from(JSON.stringify(place)).toString('base64url');
}

export function readCursor(cursor: string): OrderFields | null {
  let place: unknown;
  try {
    place = JSON.parse(Buffer.from(cursor, 'base64url').toString());
  } catch {
    return null;
  }
  if (!Array.isArray(place) || place.length !== 11) return null;
  const [flags, hostId, name, game, map, mode, players, playersMax, natType, rttMs, firstSeenAt] = place;
  const texts = [hostId, name, game, map, mode, natType];
  const numbers = [flags, players, playersMax, firstSeenAt, rttMs ?? 0];
  if (texts.some((value) => typeof value !== 'string') || numbers.some((value) => typeof value !== 'number'))
    return null;
  const [official, verified, crowded] = [(flags & 1) !== 0, (flags & 2) !== 0, (flags & 4) !== 0];
  return {
    ...{ official, verified, crowded, hostId, name, game, map, mode },
    ...{ players, playersMax, natType, rttMs, firstSeenAt },
  };
}

export function pageOf(
  items: readonly ListItem[],
  after: OrderFields | null,
  compare: Compare,
  limit: number,
): { readonly page: readonly ListItem[]; readonly next: string | null } {
  const start = after === null ? 0 : firstAfter(items, after, compare);
  const page = items.slice(start, start + limit);
  const last = page.at(-1);
  return { page, next: last !== undefined && start + limit < items.length ? cursorOf(last) : null };
}
