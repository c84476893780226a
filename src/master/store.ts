/**
 * What outlives the process: codes, bans, traversal statistics, the list as it was, held names, the audit log, keys. All of it
 * is in memory, and every change is a row of the record layer (`records.ts`), which writes it down: at once, so that `kill -9`
 * loses nothing that was told to anybody. A full disk or a broken file never stops the introductions: the trouble is said, what
 * could not be written is written later, and what is missing after a damage is said with what and since when.
 */
import { type TableState, toBase64Url } from '../core/index.ts';
import { createHeldNames, type HeldName, type HeldNames, type NameWatcher, type TakenName } from './held-names.ts';
import { SERVER_LIMITS } from './limits.ts';
import { openRecordFile } from './record-file.ts';
import type { RecordFile } from './record-rows.ts';
import { bodyOf, openRecords, type Records, rowsOf, type Urgency } from './records.ts';

export interface CodeRow {
  readonly code: string;
  readonly hostKey: Uint8Array;
}

export interface BanRow {
  readonly id: number;
  readonly kind: 'key' | 'cidr' | 'name';
  readonly pattern: string;
  /** What is shown instead of a pattern that would give a player's address away. */
  readonly label: string;
  readonly scope: 'ban' | 'unannounced';
  readonly reason: string;
  readonly createdAt: number;
  readonly expiresAt: number | null;
}

export interface TraversalRow {
  readonly clientNat: string;
  readonly hostNat: string;
  readonly family: number;
  readonly path: string;
  readonly result: 'path' | 'aborted';
  readonly count: number;
  readonly elapsedMs: number;
  readonly attempts: number;
}

export interface HistoryPoint {
  readonly at: number;
  readonly hosts: number;
  readonly joins: number;
  readonly paths: number;
  readonly failures: number;
}

export interface AuditRow {
  readonly id: number;
  readonly at: number;
  readonly act: string;
  readonly detail: string;
}

export interface SnapshotRow {
  readonly hostId: string;
  readonly json: string;
}

export interface Store {
  /** What is wrong with the store now, or was lost before this run, in words for the operator; null = nothing. */
  problem(): string | null;
  /** Why the newest facts are only in memory, or null: everything told is written down. */
  unwritten(): string | null;
  codes(): CodeRow[];
  saveCode(now: number, code: CodeRow): void;
  forgetCode(code: string): void;
  /** From here on the machine keeps whose they are: `keyOf` answers it, or null. */
  lendCodes(keyOf: (code: string) => Uint8Array | null): void;
  bans(): BanRow[];
  addBan(ban: Omit<BanRow, 'id'>): number;
  removeBan(id: number): void;
  audit(at: number, act: string, detail: string): void;
  /** The newest first. */
  auditEntries(limit: number): AuditRow[];
  recordTraversal(hour: number, row: Omit<TraversalRow, 'count'>): void;
  traversals(sinceHour: number): TraversalRow[];
  recordPoint(point: HistoryPoint): void;
  history(since: number): HistoryPoint[];
  /** Brings the written list up to date by its differences. */
  saveSnapshot(at: number, changed: readonly SnapshotRow[], gone: readonly string[]): void;
  snapshot(): { readonly at: number; readonly rows: SnapshotRow[] };
  /** From here on the list keeps its entries itself: `entry` answers the text of one, or null. */
  lendSnapshot(entry: (hostId: string) => string | null): void;
  nameHolder(skeleton: string): HeldName | null;
  heldNames(): IterableIterator<HeldName>;
  watchNames(changed: NameWatcher): void;
  holdName(name: TakenName): void;
  /** How many names are held, of how many that may be. */
  names(): TableState;
  /** What was told of whom by webhook since then, the oldest first. */
  told(since: number): { readonly subject: string; readonly at: number }[];
  saveTold(subject: string, at: number): void;
  setting(name: string): string | null;
  setSetting(name: string, value: string): void;
  /** Several changes as one commit: all or none is written. */
  batch(work: () => void): void;
  prune(now: number): void;
  /** Once a second: what could not be written is tried again, what is due goes to the disk. */
  tick(): void;
  close(): void;
}

export interface StoreOptions {
  /** `:memory:` for none. */
  readonly file: string;
  readonly onProblem: (problem: string) => void;
  /** There was a store before, so that its absence is a loss. */
  readonly expected?: boolean;
  /** The file grows to so many pages of 4 kB at most; beyond it the disk counts as full. */
  readonly pagesMax?: number;
}

/** A store on this computer; it keeps itself going until it is closed. */
export function openStore({ file, pagesMax, ...options }: StoreOptions): Store {
  const store = createStore({
    file: openRecordFile({ file, ...(pagesMax === undefined ? {} : { pagesMax }) }),
    wallClock: Date.now,
    clock: () => performance.now(),
    ...options,
  });
  const timer = setInterval(store.tick, SERVER_LIMITS.storeSoonMs);
  timer.unref();
  const close = (): void => {
    clearInterval(timer);
    store.close();
  };
  return { ...store, close };
}

export interface StoreParts {
  readonly file: RecordFile;
  readonly wallClock: () => number;
  /** Milliseconds, to see how long the disk takes. */
  readonly clock: () => number;
  readonly onProblem: (problem: string) => void;
  readonly expected?: boolean;
}

export function createStore({ wallClock, ...options }: StoreParts): Store {
  const records = openRecords(options);
  const { verdict } = records;
  const names = createHeldNames(records);

  function put(kind: string, key: string, body: unknown, urgency: Urgency): void {
    records.put(wallClock(), kind, key, JSON.stringify(body), urgency);
  }
  function audit(at: number, act: string, detail: string): void {
    put('audit', String(records.next), { at, act, detail }, 'soon');
  }

  // The admin page shows it for this run, the audit log from now on.
  if (verdict.lost !== null) audit(wallClock(), 'store', verdict.lost);
  else records.tick(wallClock());

  return {
    problem: records.problem,
    unwritten: records.unwritten,
    codes: () => rowsOf<string>(records, 'code').map(({ key, body }) => ({ code: key, hostKey: fromBase64(body) })),
    saveCode: (_now, { code, hostKey }) => put('code', code, toBase64Url(hostKey), 'soon'),
    forgetCode: (code) => records.remove(wallClock(), 'code', code, 'later'),
    lendCodes(keyOf) {
      const bodyOfKey = (key: Uint8Array | null): string | null => key && JSON.stringify(toBase64Url(key));
      records.lend('code', (code) => bodyOfKey(keyOf(code)));
    },
    bans() {
      const bans = rowsOf<Omit<BanRow, 'id'>>(records, 'ban').map(({ key, body }) => ({ ...body, id: Number(key) }));
      return bans.sort((left, right) => left.id - right.id);
    },
    addBan(ban) {
      const id = records.next;
      put('ban', String(id), ban, 'at-once');
      return id;
    },
    removeBan: (id) => records.remove(wallClock(), 'ban', String(id), 'at-once'),
    audit,
    auditEntries(limit) {
      const entries = rowsOf<Omit<AuditRow, 'id'>>(records, 'audit').slice(-limit).reverse();
      return entries.map(({ key, body }) => ({ id: Number(key), ...body }));
    },
    recordTraversal(hour, row) {
      const [key, sums] = traversalWith(records, hour, row);
      put('traversal', key, sums, 'later');
    },
    traversals: (sinceHour) => sumTraversals(records, sinceHour),
    recordPoint: ({ at, ...counts }) => put('point', String(at), counts, 'later'),
    history(since) {
      const points = rowsOf<Omit<HistoryPoint, 'at'>>(records, 'point', (key) => Number(key) >= since);
      return points.map(({ key, body }) => ({ at: Number(key), ...body })).sort((left, right) => left.at - right.at);
    },
    ...snapshotIn(records, wallClock),
    nameHolder: names.holder,
    heldNames: names.all,
    watchNames: names.watch,
    holdName: (name) => names.hold(wallClock(), name),
    names: names.state,
    told(since) {
      const told = rowsOf<number>(records, 'told').filter(({ body }) => body > since);
      return told.map(({ key, body }) => ({ subject: key, at: body })).sort((left, right) => left.at - right.at);
    },
    saveTold: (subject, at) => put('told', subject, at, 'later'),
    setting: (name) => bodyOf<string>(records, 'setting', name),
    setSetting: (name, value) => put('setting', name, value, 'at-once'),
    batch: records.batch.bind(records),
    prune: (now) => records.batch(() => pruneAll(records, names, now)),
    tick: () => records.tick(wallClock()),
    close: () => records.close(wallClock()),
  };
}

/** The list as it was. */
function snapshotIn(
  records: Records,
  wallClock: () => number,
): Pick<Store, 'saveSnapshot' | 'snapshot' | 'lendSnapshot'> {
  const kind = 'snapshot';
  let writtenAt = 0;
  return {
    saveSnapshot(at, changed, gone) {
      records.batch(() => {
        for (const hostId of gone) records.remove(wallClock(), kind, hostId, 'later');
        for (const { hostId, json } of changed) records.put(wallClock(), kind, hostId, json, 'later');
        records.put(wallClock(), kind, '', String(at), 'later');
        writtenAt = at;
      });
    },
    snapshot() {
      const rows = records.all(kind).filter(({ key }) => key !== '');
      writtenAt = bodyOf<number>(records, kind, '') ?? 0;
      return { at: writtenAt, rows: rows.map(({ key, body }) => ({ hostId: key, json: body })) };
    },
    lendSnapshot: (entry) => records.lend(kind, (hostId) => (hostId === '' ? String(writtenAt) : entry(hostId))),
  };
}

type TraversalSums = readonly [count: number, elapsedMs: number, attempts: number];
type TraversalKey = readonly [
  hour: number,
  clientNat: string,
  hostNat: string,
  family: number,
  path: string,
  result: TraversalRow['result'],
];

/** The sums of an hour with one traversal more, and their key. */
function traversalWith(
  records: Records,
  hour: number,
  { clientNat, hostNat, family, path, result, elapsedMs, attempts }: Parameters<Store['recordTraversal']>[1],
): readonly [key: string, sums: TraversalSums] {
  const key = JSON.stringify([hour, clientNat, hostNat, family, path, result]);
  const [count, elapsed, tries] = bodyOf<TraversalSums>(records, 'traversal', key) ?? [0, 0, 0];
  return [key, [count + 1, elapsed + elapsedMs, tries + attempts]];
}

function sumTraversals(records: Records, sinceHour: number): TraversalRow[] {
  const sums = new Map<string, TraversalRow>();
  for (const { key, body } of rowsOf<TraversalSums>(records, 'traversal')) {
    const [hour, clientNat, hostNat, family, path, result] = JSON.parse(key) as TraversalKey;
    if (hour < sinceHour) continue;
    const id = JSON.stringify([clientNat, hostNat, family, path, result]);
    const old = sums.get(id) ?? { clientNat, hostNat, family, path, result, count: 0, elapsedMs: 0, attempts: 0 };
    const [count, elapsedMs, attempts] = body;
    sums.set(id, {
      ...old,
      count: old.count + count,
      elapsedMs: old.elapsedMs + elapsedMs,
      attempts: old.attempts + attempts,
    });
  }
  return [...sums.values()];
}

function pruneAll(records: Records, names: HeldNames, now: number): void {
  const { statisticsHoursMax, auditEntriesMax, traversalRowsMax, webhookDedupeMs } = SERVER_LIMITS;
  function drop(kind: string, isOver: (body: never, key: string) => boolean): void {
    for (const { key, body } of rowsOf<never>(records, kind))
      if (isOver(body, key)) records.remove(now, kind, key, 'later');
  }
  function dropOldest(kind: string, rowsMax: number): void {
    const surplus = records.size(kind) - rowsMax;
    for (const { key } of surplus > 0 ? records.all(kind).slice(0, surplus) : [])
      records.remove(now, kind, key, 'later');
  }
  const hourMin = Math.floor(now / 3_600_000) - statisticsHoursMax;
  drop('ban', ({ expiresAt }: BanRow) => expiresAt !== null && expiresAt <= now);
  drop('traversal', (_, key) => (JSON.parse(key) as TraversalKey)[0] < hourMin);
  drop('point', (_, key) => Number(key) < now - statisticsHoursMax * 3_600_000);
  drop('told', (at: number) => at < now - webhookDedupeMs);
  names.prune(now);
  dropOldest('audit', auditEntriesMax);
  dropOldest('traversal', traversalRowsMax);
}

function fromBase64(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64url'));
}
