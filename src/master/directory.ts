/**
 * Between the machine and everybody who looks: turns what the machine tells about hosts into entries of the list, adds what
 * only the masterserver knows (official, held back, verified, first seen), and remembers the list over a restart.
 */
import { randomBytes } from 'node:crypto';
import {
  type HostRecord,
  type ListPage,
  type ListQuery,
  type ListViewer,
  Table,
  textHash,
  toHex,
} from '../core/index.ts';
import type { AdminHost, Server } from './api.ts';
import { SERVER_LIMITS } from './limits.ts';
import { createListing, isOlder, type ListCommit, ListItem, type Listing } from './listing.ts';
import type { Pseudonyms } from './log.ts';
import type { Moderation } from './moderation.ts';
import type { OfficialServer } from './official.ts';
import { type ListedHost, readRow, rowOf } from './snapshot.ts';
import type { SnapshotRow, Store } from './store.ts';

export interface DirectoryOptions {
  readonly store: Store;
  readonly moderation: Moderation;
  readonly pseudonyms: Pseudonyms;
  readonly wallClock: () => number;
  readonly onCommit: (commit: ListCommit) => void;
  /** For how long a registered host has been silent; null where the machine does not know it. */
  readonly silentMs?: (hostKey: Uint8Array) => number | null;
  /** Of a node of a fleet alone. */
  readonly others?: OtherNodes;
  /** A host that is registered here has its code in common with one that is registered elsewhere, which was seen earlier or not. */
  readonly onRival?: (own: ListItem, rival: ListItem, older: boolean) => void;
}

/** What the other nodes of a fleet tell of hosts, and who tells them. */
export interface OtherNodes {
  /** What counts of this host among what other nodes tell, and for how long the one that tells it was silent. */
  of(hostId: string): (ListedHost & { readonly silentMs: number }) | null;
  /** Another node tells of this host, so what it says counts where both have it. */
  tellOf(hostId: string): boolean;
  /** An entry here has changed. */
  onChange(hostId: string): void;
  /** False while the list may lack hosts of other nodes. */
  readonly whole: boolean;
}

const ALONE: OtherNodes = { of: () => null, tellOf: () => false, onChange: () => {}, whole: true };

/** `address`: who shares it with a host is on its network, or behind the same carrier's NAT. Null = nobody in particular. */
export type Viewer = Omit<ListViewer, 'address'> & { readonly address: string | null };

export interface Directory {
  readonly listing: Listing;
  host(host: HostRecord): void;
  gone(host: HostRecord): void;
  verified(hostId: string, at: number | null): void;
  official(servers: readonly OfficialServer[]): void;
  /** After a change of the rules: who is held back from now on, who may show up again. */
  review(): void;
  /** Other nodes tell something else of this host than before. */
  elsewhere(hostId: string): void;
  /** False while the list may lack hosts of other nodes of the fleet. */
  readonly whole: boolean;
  /** Those that are this node's to test: no other tells of them. */
  ours(): Iterable<ListItem>;
  /** Listed hosts that share the viewer's address. */
  local(address: string | null): readonly ListItem[];
  server(item: ListItem, viewer: Viewer): Server;
  /** A page of the list for a session with the master: first the viewer's neighbours, then the order of the web page. */
  page(query: ListQuery): ListPage;
  adminHost(item: ListItem): AdminHost;
  counts(): {
    listed: number;
    unlisted: number;
    hidden: number;
    official: number;
    returning: number;
    elsewhere: number;
  };
  /** Makes the gathered changes visible; false where there are none. */
  commit(): boolean;
  /** Forgets entries of the run before that did not return in time. */
  expire(): void;
  /** Writes down what has changed since, at most so many entries; false where nothing is left. */
  save(rowsMax: number): boolean;
  load(): void;
}

export function createDirectory(options: DirectoryOptions): Directory {
  const { store, moderation, pseudonyms, wallClock, others = ALONE } = options;
  const listing = createListing();
  const nearby = createNearby();
  let officials = new Map<string, OfficialServer>();
  let loadedAt = 0;
  /** When the list of the run before was written down last. */
  let writtenAt = 0;
  /** Hosts whose written entry is out of date. */
  const unsaved = new Set<string>();

  function put(
    host: HostRecord,
    change: Partial<Pick<ListItem, 'returning' | 'firstSeenAt' | 'verifiedAt' | 'elsewhere'>> = {},
  ): void {
    const old = listing.get(host.hostId);
    const official = officials.get(host.hostId);
    const elsewhere = change.elsewhere ?? (old?.host === host && old.elsewhere);
    if (old !== undefined && addressOf(old) !== host.observed.address) nearby.delete(old);
    const crowd = nearby.of(host.observed.address).filter(({ hostId }) => hostId !== host.hostId);
    const item = new ListItem({
      host,
      firstSeenAt: change.firstSeenAt ?? old?.firstSeenAt ?? wallClock(),
      verifiedAt: change.verifiedAt === undefined ? (old?.verifiedAt ?? null) : change.verifiedAt,
      official: official !== undefined,
      hidden: !moderation.shows(host),
      returning: change.returning ?? false,
      crowded: official === undefined && crowd.length >= SERVER_LIMITS.householdHostsMax,
      address: official?.traversal === 'off' ? official.address : null,
      elsewhere,
    });
    listing.put(item);
    nearby.put(item);
    // What others have they write down themselves.
    if (!elsewhere || old?.elsewhere === false) unsaved.add(host.hostId);
    others.onChange(host.hostId);
    for (const [own, rival] of pairsOf(listing.rivals(host.code))) options.onRival?.(own, rival, isOlder(rival, own));
    if (old === undefined && crowd.length === SERVER_LIMITS.householdHostsMax) recount(crowd);
  }

  /** The address has become crowded: that holds for those who were there before, too. */
  function recount(items: readonly ListItem[]): void {
    for (const item of items) put(item.host, { returning: item.returning });
  }

  function heardAt(item: ListItem): number {
    if (item.elsewhere) return wallClock() - (others.of(item.hostId)?.silentMs ?? 0);
    return item.returning ? writtenAt : wallClock() - (options.silentMs?.(item.host.hostKey) ?? 0);
  }

  function remove(item: ListItem): void {
    unsaved.add(item.hostId);
    nearby.delete(item);
    listing.remove(item.hostId);
    const left = nearby.of(addressOf(item));
    if (left.length === SERVER_LIMITS.householdHostsMax) recount(left);
    others.onChange(item.hostId);
  }

  function gone(host: HostRecord): void {
    const item = listing.get(host.hostId);
    if (item === undefined) return;
    const official = officials.get(host.hostId);
    remove(item);
    const known = others.of(host.hostId);
    if (known !== null) {
      put(known.host, { ...known, elsewhere: true });
      return;
    }
    // An official server stays in sight while its agent is away: it is joined by its address.
    if (official !== undefined && official.traversal === 'off') put(official.record, { firstSeenAt: item.firstSeenAt });
  }

  function elsewhere(hostId: string): void {
    const item = listing.get(hostId);
    const known = others.of(hostId);
    const isHere =
      item !== undefined && !item.elsewhere && !item.returning && officials.get(hostId)?.record !== item.host;
    if (!isHere && known === null && item?.elsewhere) gone(item.host);
    if (known === null) return;
    const { firstSeenAt, verifiedAt } = known;
    if (!isHere) put(known.host, { firstSeenAt, verifiedAt, elsewhere: true });
    else if (others.tellOf(hostId) && (item.firstSeenAt !== firstSeenAt || item.verifiedAt !== verifiedAt))
      put(item.host, { firstSeenAt, verifiedAt });
  }

  function local(address: string | null): readonly ListItem[] {
    return address === null ? [] : nearby.of(address).filter((item) => item.listed && !item.official);
  }

  function page({ after, game, viewer, fits }: ListQuery): ListPage {
    const near = local(viewer.address);
    const best = listing.best();
    const count = near.length + best.length;
    const end = Math.min(count, after + SERVER_LIMITS.listScanMax);
    const entries: Server[] = [];
    for (let at = after; at < end; at++) {
      const item = (at < near.length ? near[at] : best[at - near.length]) as ListItem;
      if ((game !== '' && item.game !== game) || (at >= near.length && near.includes(item))) continue;
      const entry = serverOf(item, viewer, heardAt(item));
      if (!fits(entry)) return { entries, next: at };
      entries.push(entry);
    }
    return { entries, next: end < count ? end : null };
  }

  return {
    listing,
    host: (host) => put(host),
    gone,
    verified(hostId, at) {
      const item = listing.get(hostId);
      if (item !== undefined && item.verifiedAt !== at) put(item.host, { verifiedAt: at });
    },
    official(servers) {
      const old = officials;
      officials = new Map(servers.map((server) => [server.record.hostId, server]));
      for (const [hostId, server] of officials) {
        const item = listing.get(hostId);
        if (item !== undefined && item.host !== old.get(hostId)?.record) put(item.host);
        else if (server.traversal === 'off') put(server.record);
      }
      for (const [hostId, server] of old) {
        const item = officials.has(hostId) ? undefined : listing.get(hostId);
        if (item === undefined) continue;
        if (item.host === server.record) remove(item);
        else put(item.host);
      }
    },
    review() {
      for (const item of [...listing.all()]) {
        const hidden = !moderation.shows(item.host);
        if (hidden !== item.hidden) put(item.host, { returning: item.returning });
      }
    },
    elsewhere,
    get whole() {
      return others.whole;
    },
    *ours() {
      for (const item of listing.all()) if (!item.elsewhere && !others.tellOf(item.hostId)) yield item;
    },
    local,
    server: (item, viewer) => serverOf(item, viewer, heardAt(item)),
    page,
    adminHost: (item) => ({
      ...serverOf(item, { address: null, rttMs: null }, heardAt(item)),
      listed: item.listed,
      hidden: item.hidden,
      origin: pseudonyms.of(item.host.observed.address),
      hostKey: toHex(item.host.hostKey),
    }),
    counts() {
      const counts = { listed: 0, unlisted: 0, hidden: 0, official: 0, returning: 0, elsewhere: 0 };
      for (const item of listing.all()) {
        if (item.elsewhere) counts.elsewhere += 1;
        else if (item.hidden) counts.hidden += 1;
        else if (item.listed) counts.listed += 1;
        else counts.unlisted += 1;
        if (item.official) counts.official += 1;
        if (item.returning) counts.returning += 1;
      }
      return counts;
    },
    commit() {
      const commit = listing.commit(wallClock());
      if (commit !== null) options.onCommit(commit);
      return commit !== null;
    },
    expire() {
      if (loadedAt === 0 || wallClock() - loadedAt < SERVER_LIMITS.hostExpiryMs) return;
      for (const item of [...listing.all()]) if (item.returning) gone(item.host);
      loadedAt = 0;
    },
    save(rowsMax) {
      const changed: SnapshotRow[] = [];
      const gone: string[] = [];
      for (const hostId of unsaved) {
        if (changed.length + gone.length >= rowsMax) break;
        unsaved.delete(hostId);
        const item = listing.get(hostId);
        if (item === undefined || item.elsewhere || officials.get(hostId)?.record === item.host) gone.push(hostId);
        else changed.push(rowOf(item));
      }
      store.saveSnapshot(wallClock(), changed, gone);
      return unsaved.size > 0;
    },
    load() {
      const { at, rows } = store.snapshot();
      // What was written down longer ago than a host may be silent is history, not a list.
      const old = wallClock() - at > SERVER_LIMITS.snapshotTrustMs;
      if (old) for (const row of rows) unsaved.add(row.hostId);
      else {
        loadedAt = wallClock();
        writtenAt = at;
      }
      for (const row of old ? [] : rows) {
        const entry = readRow(row);
        // What can't be read is taken off.
        if (entry === null) unsaved.add(row.hostId);
        if (entry === null || listing.get(row.hostId) !== undefined) continue;
        put(entry.host, { returning: true, firstSeenAt: entry.firstSeenAt, verifiedAt: entry.verifiedAt });
        unsaved.delete(row.hostId);
      }
      store.lendSnapshot((hostId) => {
        const item = listing.get(hostId);
        return item === undefined || item.elsewhere ? null : rowOf(item).json;
      });
    },
  };
}

/** Each that is registered here with each that is elsewhere. */
function pairsOf(items: readonly ListItem[]): readonly (readonly [own: ListItem, rival: ListItem])[] {
  const own = items.filter(({ elsewhere, returning }) => !elsewhere && !returning);
  const rivals = items.filter(({ elsewhere }) => elsewhere);
  return own.flatMap((one) => rivals.map((rival) => [one, rival] as const));
}

function addressOf({ host }: ListItem): string {
  return host.observed.address;
}

/** Entries of the list by the address of their hosts, in half of what a Map takes. Nearly every address has one, so a list is made only for the second. */
function createNearby() {
  type Near = ListItem | readonly ListItem[];
  const all = (near: Near | undefined): readonly ListItem[] => (near instanceof ListItem ? [near] : (near ?? []));
  const secret = randomBytes(4).readInt32LE();
  const table = new Table<string, Near>(
    (address) => textHash(secret, address),
    (near, address) => addressOf(all(near)[0] as ListItem) === address,
  );
  const others = (item: ListItem): readonly ListItem[] =>
    all(table.get(addressOf(item))).filter(({ hostId }) => hostId !== item.hostId);
  const keep = (address: string, items: readonly ListItem[]): void => {
    if (items.length === 0) table.delete(address);
    else table.set(address, items.length === 1 ? (items[0] as ListItem) : items);
  };
  return {
    /** In the place of the one that the host had, if it was at this address. */
    put: (item: ListItem): void => keep(addressOf(item), [...others(item), item]),
    delete: (item: ListItem): void => keep(addressOf(item), others(item)),
    of: (address: string): readonly ListItem[] => all(table.get(address)),
  };
}

function serverOf(item: ListItem, viewer: Viewer, lastSeenAt: number): Server {
  const { host } = item;
  const { name, game, map, mode, version, playersMax, passwordNeeded } = host.announcement;
  const local = viewer.address !== null && host.observed.address === viewer.address && !item.official;
  return {
    hostId: item.hostId,
    code: host.code,
    name,
    game,
    map,
    mode,
    version,
    players: host.players,
    playersMax,
    passwordNeeded,
    natType: host.natType,
    verdict: host.verdict,
    natDelta: host.delta,
    section: item.official ? 'official' : local ? 'local' : 'community',
    // The way over the master: what both sides measured to it. The direct path is seldom longer (docs/reference/product.md §6 no. 13).
    pingEstimateMs: host.rttMs === null ? null : Math.round(host.rttMs + (viewer.rttMs ?? 0)),
    verifiedAt: item.verifiedAt,
    firstSeenAt: item.firstSeenAt,
    lastSeenAt,
    returning: item.returning,
    address: item.address,
  };
}
