/** How joins go: by pair of NATs (kept in the store, by hour), over time (5-minute points), and just now (in memory). */
import type { MasterEvent } from '../core/index.ts';
import { type History, type PairRow, pairSchema } from './api.ts';
import { SERVER_LIMITS } from './limits.ts';
import type { Store, TraversalRow } from './store.ts';

export type Report = Extract<MasterEvent, { readonly ev: 'report' }>;

const HOUR_MS = 3_600_000;
const POINT_MS = 300_000;
const SECONDS = 60;
/** The median is of the last so many paths: enough to be steady, few enough to follow a change. */
const RECENT_PATHS = 512;

export interface Statistics {
  join(): void;
  report(report: Report): void;
  joinsPerMinute(): number;
  medianMs(): number | null;
  totals(): { readonly paths: number; readonly failures: number };
  pairs(): PairRow[];
  history(hours: number): History;
  /** Writes the current point down; called every few seconds and at the end. */
  flush(hosts: number): void;
}

export function createStatistics(store: Store, wallClock: () => number): Statistics {
  /** Joins in each of the last 60 seconds. */
  const joins = new Uint32Array(SECONDS);
  let second = 0;
  let recent: number[] = [];
  let point = startPoint(store, wallClock());

  function roll(now: number): void {
    const at = Math.floor(now / POINT_MS) * POINT_MS;
    if (at === point.at) return;
    store.recordPoint(point);
    point = { at, hosts: 0, joins: 0, paths: 0, failures: 0 };
  }

  function turn(now: number): void {
    const next = Math.floor(now / 1000);
    for (let at = Math.max(second + 1, next - SECONDS + 1); at <= next; at += 1) joins[at % SECONDS] = 0;
    second = next;
  }

  return {
    join() {
      const now = wallClock();
      roll(now);
      point.joins += 1;
      turn(now);
      joins[second % SECONDS] = (joins[second % SECONDS] ?? 0) + 1;
    },
    report(report) {
      if (!hasTried(report)) return;
      const now = wallClock();
      roll(now);
      const { clientNat, hostNat, family, attempts } = report;
      const elapsedMs = Math.round(report.elapsedMs);
      if (report.outcome === 'path') {
        point.paths += 1;
        recent = [...recent, elapsedMs].slice(-RECENT_PATHS);
      } else point.failures += 1;
      store.recordTraversal(Math.floor(now / HOUR_MS), {
        ...{ clientNat, hostNat, family, attempts, elapsedMs },
        path: report.path ?? 'none',
        result: report.outcome,
      });
    },
    joinsPerMinute() {
      turn(wallClock());
      return joins.reduce((sum, count) => sum + count, 0);
    },
    medianMs() {
      const sorted = [...recent].sort((left, right) => left - right);
      return sorted[Math.floor(sorted.length / 2)] ?? null;
    },
    totals() {
      const rows = store.traversals(0);
      const sum = (result: string): number =>
        rows.filter((row) => row.result === result).reduce((n, { count }) => n + count, 0);
      return { paths: sum('path'), failures: sum('aborted') };
    },
    pairs: () => pairsOf(store.traversals(0)),
    history(hours) {
      const now = wallClock();
      const stepMs = hours <= 48 ? POINT_MS : HOUR_MS;
      const since = now - hours * HOUR_MS;
      const kept = store.history(since).filter(({ at }) => at !== point.at);
      return { stepMs, points: gathered([...kept, point], stepMs) };
    },
    flush(hosts) {
      roll(wallClock());
      point.hosts = Math.max(point.hosts, hosts);
      store.recordPoint(point);
    },
  };
}

/**
 * A path counts, however it came about; that there is none only where it was tried: probes were sent, for as long as it takes until a
 * person is told that the pair is a hard one. Whoever was refused at the door, or has changed their mind before, says nothing of two networks.
 */
export function hasTried({ outcome, attempts, packetsSent, elapsedMs }: Report): boolean {
  return outcome === 'path' || (attempts > 0 && packetsSent > 0 && elapsedMs >= SERVER_LIMITS.triedMsMin);
}

type Points = History['points'];

/** One point for each step: the most hosts there were, and the sums of everything else. */
function gathered(points: Points, stepMs: number): Points {
  const sums = new Map<number, Points[number]>();
  for (const one of points) {
    const at = Math.floor(one.at / stepMs) * stepMs;
    const base = sums.get(at) ?? { at, hosts: 0, joins: 0, paths: 0, failures: 0 };
    sums.set(at, {
      at,
      hosts: Math.max(base.hosts, one.hosts),
      joins: base.joins + one.joins,
      paths: base.paths + one.paths,
      failures: base.failures + one.failures,
    });
  }
  return [...sums.values()].sort((left, right) => left.at - right.at);
}

/** After a restart the point goes on where the store left it. */
function startPoint(store: Store, now: number) {
  const at = Math.floor(now / POINT_MS) * POINT_MS;
  const kept = store.history(at).find((point) => point.at === at);
  return {
    at,
    hosts: kept?.hosts ?? 0,
    joins: kept?.joins ?? 0,
    paths: kept?.paths ?? 0,
    failures: kept?.failures ?? 0,
  };
}

function pairsOf(rows: readonly TraversalRow[]): PairRow[] {
  const sums = new Map<
    string,
    { row: TraversalRow; paths: number; failures: number; elapsedMs: number; attempts: number }
  >();
  for (const row of rows) {
    const key = `${row.clientNat}/${row.hostNat}`;
    const sum = sums.get(key) ?? { row, paths: 0, failures: 0, elapsedMs: 0, attempts: 0 };
    if (row.result === 'path') {
      sum.paths += row.count;
      sum.elapsedMs += row.elapsedMs;
      sum.attempts += row.attempts;
    } else sum.failures += row.count;
    sums.set(key, sum);
  }
  return [...sums.values()].flatMap(({ row, paths, failures, elapsedMs, attempts }) => {
    const meanMs = paths === 0 ? null : elapsedMs / paths;
    const meanAttempts = paths === 0 ? null : attempts / paths;
    const pair = { clientNat: row.clientNat, hostNat: row.hostNat, paths, failures, meanMs, meanAttempts };
    const read = pairSchema.safeParse(pair);
    return read.success ? [read.data] : [];
  });
}
