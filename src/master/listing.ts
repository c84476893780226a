/**
 * What the masterserver shows: every registered host, put in order. Changes are gathered and become visible together, at
 * most once a second (`commit`), so the work depends on the clock and not on how often hosts speak.
 */
import type { HostRecord, NatType } from '../core/index.ts';
import type { ServersQuery, SortKey } from './api.ts';
import { MASTER_LIMITS } from './limits.ts';
import { type Compare, compareBy, type OrderFields } from './order.ts';
import { firstAfter, mergeChanges, sortInSlices } from './sorted.ts';

/** One entry, replaced as a whole by every change. Flat, because there may be 100 000 of them. */
export interface ListItem extends OrderFields {
  readonly host: HostRecord;
  readonly verifiedAt: number | null;
  readonly listed: boolean;
  /** Public by its own wish, held back by the operator. */
  readonly hidden: boolean;
  /** Known from before a restart only. */
  readonly returning: boolean;
  readonly address: string | null;
  /** Lower-case text that `q` is looked up in. */
  readonly text: string;
}

export interface ListCommit {
  readonly generation: number;
  readonly changed: readonly ListItem[];
  readonly gone: readonly string[];
}

export interface ItemInput {
  readonly host: HostRecord;
  readonly firstSeenAt: number;
  readonly verifiedAt: number | null;
  readonly official: boolean;
  readonly hidden: boolean;
  readonly returning: boolean;
  readonly address: string | null;
}

export function listItem(input: ItemInput): ListItem {
  const { host, hidden } = input;
  const { name, game, map, mode, playersMax } = host.announcement;
  const natType: NatType = host.natType;
  return {
    ...input,
    hostId: host.hostId,
    name,
    game,
    map,
    mode,
    players: host.players,
    playersMax,
    natType,
    rttMs: host.rttMs,
    listed: host.announcement.public && !hidden,
    text: `${name}\n${game}\n${map}\n${mode}`.toLowerCase(),
  };
}

interface View {
  readonly compare: Compare;
  items: readonly ListItem[];
  usedAt: number;
}

export interface Listing {
  put(item: ListItem): void;
  remove(hostId: string): void;
  get(hostId: string): ListItem | undefined;
  byCode(code: string): ListItem | undefined;
  all(): IterableIterator<ListItem>;
  readonly size: number;
  readonly generation: number;
  counts(): { readonly official: number; readonly community: number };
  games(): readonly { readonly game: string; readonly servers: number }[];
  /** Makes the gathered changes visible; null where there are none. */
  commit(now: number): ListCommit | null;
  /** All listed entries in the wished order, ready at once for `best` and after a sliced sort for the others. */
  view(now: number, sort: SortKey, descending: boolean): Promise<readonly ListItem[]>;
}

const GAMES_TOLD_MAX = 50;

function viewKey(sort: SortKey, descending: boolean): string {
  return `${sort}${descending ? '-' : '+'}`;
}

export function createListing(): Listing {
  const items = new Map<string, ListItem>();
  const codes = new Map<string, string>();
  /** What each host looked like at the last commit: undefined = was not listed. */
  const before = new Map<string, ListItem | undefined>();
  const best: View = { compare: compareBy('best', false), items: [], usedAt: Number.POSITIVE_INFINITY };
  /** By `viewKey`: one for each of the columns, up and down, that somebody looked at lately. */
  const views = new Map<string, View>([[viewKey('best', false), best]]);
  const building = new Map<string, Promise<View>>();
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
      if (now - view.usedAt > MASTER_LIMITS.viewIdleMs) views.delete(key);
      else view.items = mergeChanges(view.items, removed, changed, view.compare);
    }
    generation += 1;
    return { generation, changed, gone };
  }

  /** Sorts the visible entries in slices, then carries over what was committed meanwhile. */
  async function build(now: number, sort: SortKey, descending: boolean): Promise<View> {
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
      if (old !== undefined && old.host.code !== item.host.code) codes.delete(old.host.code);
      items.set(item.hostId, item);
      if (item.host.code !== '') codes.set(item.host.code, item.hostId);
    },
    remove(hostId) {
      const old = items.get(hostId);
      if (old === undefined) return;
      note(hostId);
      items.delete(hostId);
      codes.delete(old.host.code);
    },
    get: (hostId) => items.get(hostId),
    byCode: (code) => items.get(codes.get(code) ?? ''),
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
    view,
  };
}

export function matches(item: ListItem, query: ServersQuery): boolean {
  if (query.section !== undefined && (query.section === 'official') !== item.official) return false;
  if (query.game !== undefined && item.game !== query.game) return false;
  if (query.verified === true && item.verifiedAt === null) return false;
  if (query.notFull === true && item.playersMax > 0 && item.players >= item.playersMax) return false;
  if (query.withPlayers === true && item.players === 0) return false;
  if (query.pingMax !== undefined && (item.rttMs === null || item.rttMs + (query.rtt ?? 0) > query.pingMax))
    return false;
  return query.q === undefined || item.text.includes(query.q.toLowerCase());
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
export function cursorOf(item: OrderFields): string {
  const { official, hostId, name, game, map, mode, players, playersMax, natType, rttMs, firstSeenAt } = item;
  const place = [Number(official), hostId, name, game, map, mode, players, playersMax, natType, rttMs, firstSeenAt];
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
  const [official, hostId, name, game, map, mode, players, playersMax, natType, rttMs, firstSeenAt] = place;
  const texts = [hostId, name, game, map, mode, natType];
  const numbers = [players, playersMax, firstSeenAt, rttMs ?? 0];
  if (texts.some((value) => typeof value !== 'string') || numbers.some((value) => typeof value !== 'number'))
    return null;
  return { official: official === 1, hostId, name, game, map, mode, players, playersMax, natType, rttMs, firstSeenAt };
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
