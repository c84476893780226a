/** The server list: fetched, kept when a fetch fails, filtered and sorted. Shapes as the master's `GET /api/v1/servers`. */

import { computed, signal } from '@preact/signals';
import type { ListEntry } from '../core/model/listing.ts';
import type { ListChange, Server, ServersPage, SortKey } from '../master/api.ts';
import { openStream } from './events.ts';
import { gameName } from './games.ts';
import { command, isLocal, local, settings } from './local.ts';

export interface Filters {
  readonly text: string;
  readonly game: string;
  readonly onlyVerified: boolean;
  readonly notFull: boolean;
  readonly withPeople: boolean;
  readonly pingMaxMs: number | null;
}

export const NO_FILTERS: Filters = {
  text: '',
  game: '',
  onlyVerified: false,
  notFull: false,
  withPeople: false,
  pingMaxMs: null,
};

export const rows = signal<readonly Server[]>([]);
export const fetchedAt = signal<number | null>(null);
export const fetchError = signal<string | null>(null);
export const loading = signal(false);
/** The list is that of one node of a fleet alone. */
export const partial = signal(false);
/** The row whose details are shown, by its host. */
export const openRow = signal<string | null>(null);
export const filters = signal<Filters>(NO_FILTERS);
export const sort = signal<{ readonly key: SortKey; readonly descending: boolean }>({ key: 'best', descending: false });

/** Parts of the state document by themselves: what hangs on them is not made anew when another part changes. */
const servers = computed(() => local.value?.servers ?? []);
const lan = computed(() => local.value?.lan ?? []);
/** The codes of the favourites. */
export const favourites = computed<ReadonlySet<string>>(
  () => new Set((settings.value?.favourites ?? []).map(({ code }) => code)),
);
/** As a text, because an equal text is no news: a join changes several times a second, its ping hardly ever. */
const pathText = computed(() => {
  const joins = local.value?.joins ?? [];
  const up = joins.flatMap(({ phase, path, target }) => (phase === 'connected' && path ? [{ target, path }] : []));
  // A target is a code, or a link with the code in it.
  return JSON.stringify(
    up.map(({ target, path }) => ({ target: target.toUpperCase().replaceAll('-', ''), rttMs: path.rttMs })),
  );
});
const paths = computed(
  () => JSON.parse(pathText.value) as readonly { readonly target: string; readonly rttMs: number }[],
);

const FETCH_TIMEOUT_MS = 5000;
const PAGE_ROWS = 500;
const ROWS_MAX = 5000;

/** The list's generation that the rows are of. */
let listGeneration = 0;
/** What was told while a fetch was on its way, which may have been answered before. */
let toldMeanwhile: ListChange[] = [];
let generationMeanwhile = 0;

/** Fetches every page; on a failure the last good list stays. */
async function fetchList(): Promise<void> {
  loading.value = true;
  try {
    const all: Server[] = [];
    let generation: number | null = null;
    let after: string | null = null;
    let whole = true;
    do {
      const query = new URLSearchParams({ limit: String(PAGE_ROWS) });
      if (after !== null) query.set('after', after);
      const response: Response = await fetch(`/api/v1/servers?${query}`, {
        signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
      });
      if (!response.ok) throw new Error(`HTTP ${response.status}`);
      const page = (await response.json()) as ServersPage;
      all.push(...page.servers);
      generation ??= page.generation;
      whole = page.whole;
      after = page.next;
    } while (after !== null && all.length < ROWS_MAX);
    rows.value = all;
    partial.value = !whole;
    listGeneration = generation;
    fetchedAt.value = Date.now();
    fetchError.value = null;
  } catch (error) {
    fetchError.value = error instanceof Error ? error.message : String(error);
  } finally {
    loading.value = false;
    const told = toldMeanwhile;
    const generation = generationMeanwhile;
    toldMeanwhile = [];
    generationMeanwhile = 0;
    if (fetchError.value === null && generation > listGeneration) void fetchList();
    else for (const change of told) applyChange(change);
  }
}

/**
 * Live changes are applied to the list at hand. It is fetched anew where it has missed one: before the stream was open, while
 * it was cut, or because there were too many to tell.
 */
export function followList(): void {
  let cut = false;
  void fetchList();
  openStream(
    `/api/v1/events`,
    () => ({}),
    (name, data) => {
      const told = JSON.parse(data) as ListChange;
      if (name === 'change') applyChange(told);
      else fetchUnless(told.generation);
    },
    (up) => {
      if (up && cut && !loading.value) void fetchList();
      cut = !up;
    },
  );
}

/** Those of the list, those that only the local network tells of, and favourites of which nobody tells just now. */
const localRows = computed<readonly Server[]>(() => {
  const listed = servers.value.map(localRow);
  const near = lan.value.map(({ code, name, game }) => silentRow(`lan-${code}`, code, name, game));
  const kept = (settings.value?.favourites ?? []).map(({ code, name }) => silentRow(`kept-${code}`, code, name, ''));
  const seen = new Set<string>();
  return [...listed, ...near, ...kept].filter(({ code }) => code === '' || (!seen.has(code) && seen.add(code)));
});

/** Is this a server that somebody tells of, and not only a favourite of old? */
export function isListed(row: Server): boolean {
  return !row.hostId.startsWith('kept-');
}

/** The local page gets the list from its own process, which has it from the session with the master. */
export function takeLocalList(): void {
  const state = local.value;
  if (state === null) return;
  rows.value = localRows.value;
  fetchedAt.value = state.serversAt;
  fetchError.value = state.serversFailure;
}

/** A server of which no more is known: joined by its code like any other. */
function silentRow(hostId: string, code: string, name: string, game: string): Server {
  return localRow({
    ...{ hostId, code, name, game, map: '', mode: '', version: '', players: 0, playersMax: 0, passwordNeeded: false },
    ...{ natType: 'unknown', verdict: 'open', natDelta: null, section: 'community', pingEstimateMs: null },
    ...{ verifiedAt: null, firstSeenAt: 0, lastSeenAt: 0, returning: false, address: null },
  });
}

/** Who is heard on the local network is there, whatever the master knows of the two addresses. */
function localRow(entry: ListEntry): Server {
  const isNear = entry.code !== '' && lan.value.some(({ code }) => code === entry.code);
  return isNear ? { ...entry, section: 'local' } : entry;
}

export function reloadList(): void {
  if (isLocal.value) void command({ do: 'list' });
  else void fetchList();
}

/** The list is at this generation: fetches it unless the rows are of that one. */
function fetchUnless(generation: number): void {
  if (loading.value) generationMeanwhile = generation;
  else if (generation !== listGeneration) void fetchList();
}

function applyChange(change: ListChange): void {
  if (loading.value) {
    toldMeanwhile.push(change);
    return;
  }
  if (change.generation <= listGeneration) return;
  if (change.generation > listGeneration + 1) {
    fetchUnless(change.generation);
    return;
  }
  listGeneration = change.generation;
  const byHost = new Map(rows.value.map((row) => [row.hostId, row]));
  for (const hostId of change.gone) byHost.delete(hostId);
  for (const row of change.changed) {
    // Of a list longer than what is shown, most changes are among the rest.
    if (byHost.has(row.hostId) || byHost.size < ROWS_MAX) byHost.set(row.hostId, row);
  }
  rows.value = [...byHost.values()];
  fetchedAt.value = Date.now();
}

const NAT_EASE: Readonly<Record<string, number>> = { open: 0, moderate: 1, strict: 2 };
const SECTION_ORDER: Readonly<Record<Server['section'], number>> = { local: 0, official: 1, community: 2 };

/** A ping, and whether it was measured or is only an estimate (decisions/0004). */
export interface Ping {
  /** Null: not known. */
  readonly ms: number | null;
  readonly from: 'lan' | 'join' | 'measuring' | 'estimate';
}

/** Measured where this program speaks with the host anyway: on the local network, and over a path that is up. */
export function pingOf(row: Server): Ping {
  const near = row.code === '' ? undefined : lan.value.find(({ code }) => code === row.code);
  if (near !== undefined && near.pingMs !== null) return { ms: near.pingMs, from: 'lan' };
  const joined = row.code === '' ? undefined : paths.value.find(({ target }) => target.includes(row.code));
  if (joined !== undefined) return { ms: joined.rttMs, from: 'join' };
  if (near !== undefined && !near.pingGivenUp) return { ms: null, from: 'measuring' };
  return { ms: row.pingEstimateMs, from: 'estimate' };
}

function pingOrder(row: Server): number {
  return pingOf(row).ms ?? Number.MAX_SAFE_INTEGER;
}

/** The original's `order_category`: with people by ease of the NAT, then empty ones, full ones last. */
function category(row: Server): number {
  if (row.playersMax > 0 && row.players >= row.playersMax) return 10;
  return (row.players > 0 ? 0 : 5) + (NAT_EASE[row.verdict] ?? 3);
}

const COMPARE: Readonly<Record<SortKey, (left: Server, right: Server) => number>> = {
  best: (left, right) => category(left) - category(right),
  ping: (left, right) => pingOrder(left) - pingOrder(right),
  name: (left, right) => left.name.localeCompare(right.name),
  players: (left, right) => right.players - left.players,
  map: (left, right) => `${left.map}/${left.mode}`.localeCompare(`${right.map}/${right.mode}`),
  game: (left, right) => left.game.localeCompare(right.game),
  network: (left, right) => (NAT_EASE[left.verdict] ?? 3) - (NAT_EASE[right.verdict] ?? 3),
  up: (left, right) => left.firstSeenAt - right.firstSeenAt,
};

function matches(row: Server, wanted: Filters): boolean {
  const text = wanted.text.trim().toLowerCase();
  if (
    text !== '' &&
    !`${row.name} ${row.game} ${gameName(row.game)} ${row.map} ${row.mode}`.toLowerCase().includes(text)
  )
    return false;
  if (wanted.game !== '' && row.game !== wanted.game) return false;
  if (wanted.onlyVerified && row.verifiedAt === null) return false;
  if (wanted.notFull && row.playersMax > 0 && row.players >= row.playersMax) return false;
  if (wanted.withPeople && row.players === 0) return false;
  return wanted.pingMaxMs === null || pingOrder(row) <= wanted.pingMaxMs;
}

export const games = computed(() =>
  [...new Set(rows.value.map((row) => row.game).filter((game) => game !== ''))].sort(),
);

/** Sections first, then the chosen order, ties by ping, then the newest. */
export const shown = computed(() => {
  const { key, descending } = sort.value;
  const direction = descending ? -1 : 1;
  return rows.value
    .filter((row) => matches(row, filters.value))
    .sort(
      (left, right) =>
        SECTION_ORDER[left.section] - SECTION_ORDER[right.section] ||
        direction * COMPARE[key](left, right) ||
        pingOrder(left) - pingOrder(right) ||
        right.firstSeenAt - left.firstSeenAt,
    );
});

export type Section = 'favourite' | Server['section'];
const SECTIONS: readonly Section[] = ['favourite', 'local', 'official', 'community'];

/** What is shown, as it stands on the screen: favourites first, sections without a row left out. */
export const sections = computed(() => {
  const of = (row: Server): Section => (row.code !== '' && favourites.value.has(row.code) ? 'favourite' : row.section);
  return SECTIONS.map((section) => ({ section, rows: shown.value.filter((row) => of(row) === section) })).filter(
    (part) => part.rows.length > 0,
  );
});
