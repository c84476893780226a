/** From single worlds to cells and mixes. */
import {
  type AccessKind,
  mixTheory,
  pairTheory,
  SHARES,
  SIM_CLASSES,
  type SimClassId,
  withIpv6Theory,
} from '../src/sim/index.ts';
import { quantile, type Weighted, weightedMedian, wilson } from './stats.ts';
import { byFamilies, type FamiliesRow } from './success-families.ts';
import type { JobResult } from './success-job.ts';

export interface Cell {
  readonly worlds: number;
  readonly success: number;
  /** 95 % bounds of `success`. */
  readonly low: number;
  readonly high: number;
  readonly plain: number;
  readonly theory: { readonly plain: number; readonly full: number };
  readonly medianMs: number | null;
  readonly p95Ms: number | null;
  readonly packetsMedian: number | null;
  readonly packetsP95: number | null;
  readonly attemptsP95: number | null;
  readonly mappingsPeak: number;
}

/** Share of successes, X (UDP blocked) left out in `udp` and counted as failing in `all`. */
export interface Mix {
  readonly udp: number;
  readonly all: number;
  readonly udpLow: number;
  readonly udpHigh: number;
  /** Of `udp` as well: data goes by the relay at the end of the run, or not at all. */
  readonly relayed: number;
  readonly none: number;
  /** Medians of those who have it, in ms. */
  readonly dataMedianMs: number | null;
  readonly directMedianMs: number | null;
  readonly plain: { readonly udp: number; readonly all: number };
  readonly theory: {
    readonly plain: { readonly udp: number; readonly all: number };
    readonly full: { readonly udp: number; readonly all: number };
  };
}

export interface Summary {
  readonly mixes: Readonly<Record<string, Mix>>;
  readonly cells: Readonly<Record<string, Cell>>;
  /** Empty unless some of the population had IPv6. */
  readonly families: Readonly<Record<string, FamiliesRow>>;
  readonly faults: readonly string[];
}

export const UDP_CLASSES: readonly SimClassId[] = SIM_CLASSES.filter((id) => id !== 'X');

const MIXES: readonly { readonly name: string; readonly left: AccessKind; readonly right: AccessKind }[] = [
  { name: 'home-home', left: 'home', right: 'home' },
  { name: 'home-mobile', left: 'home', right: 'mobile' },
  { name: 'mobile-mobile', left: 'mobile', right: 'mobile' },
];

/** `ipv6`: some of the population had it. */
export function summarize(results: readonly JobResult[], ipv6 = false): Summary {
  const byCell = new Map<string, JobResult[]>();
  for (const result of results) {
    const key = `${result.job.left}-${result.job.right}`;
    const list = byCell.get(key);
    if (list === undefined) byCell.set(key, [result]);
    else list.push(result);
  }
  const ordered = [...byCell].sort(([, left], [, right]) => rank(left) - rank(right));
  const cells = Object.fromEntries(ordered.map(([key, list]) => [key, cellOf(list)]));
  const complete = UDP_CLASSES.every((left, i) =>
    UDP_CLASSES.slice(i).every((right) => byCell.has(`${left}-${right}`)),
  );
  const mixes = complete ? Object.fromEntries(MIXES.map((mix) => [mix.name, mixOf(mix, byCell, ipv6)])) : {};
  const faults = results.map((result) => result.fault).filter((fault) => fault !== null);
  return { mixes, cells, families: ipv6 ? byFamilies(results) : {}, faults };
}

/** Row by row, as the matrix is read. */
function rank(list: readonly JobResult[]): number {
  const { left, right } = (list[0] as JobResult).job;
  return SIM_CLASSES.indexOf(left) * SIM_CLASSES.length + SIM_CLASSES.indexOf(right);
}

function cellOf(list: readonly JobResult[]): Cell {
  const met = list.filter((result) => result.connected);
  const { left, right } = (list[0] as JobResult).job;
  const theory = pairTheory(left, right);
  const share = wilson(met.length, list.length);
  const of = (value: (result: JobResult) => number, q: number): number | null => quantile(met.map(value), q);
  return {
    worlds: list.length,
    success: share.value,
    low: share.low,
    high: share.high,
    plain: list.filter((result) => result.plain).length / list.length,
    theory: { plain: theory.plain, full: theory.full },
    medianMs: of((result) => result.elapsedMs, 0.5),
    p95Ms: of((result) => result.elapsedMs, 0.95),
    packetsMedian: of((result) => result.packets, 0.5),
    packetsP95: of((result) => result.packets, 0.95),
    attemptsP95: of((result) => result.attempts, 0.95),
    mappingsPeak: Math.max(0, ...list.map((result) => result.mappingsPeak)),
  };
}

/** The worlds of a pair of classes on these networks, whichever way round the cell has them. */
function worldsOf(
  byCell: ReadonlyMap<string, readonly JobResult[]>,
  left: SimClassId,
  right: SimClassId,
  networks: { readonly left: AccessKind; readonly right: AccessKind },
): JobResult[] {
  const straight = (byCell.get(`${left}-${right}`) ?? []).filter(
    (result) => result.leftAccess === networks.left && result.rightAccess === networks.right,
  );
  if (left === right) return straight;
  const turned = (byCell.get(`${right}-${left}`) ?? []).filter(
    (result) => result.leftAccess === networks.right && result.rightAccess === networks.left,
  );
  return [...straight, ...turned];
}

/** Weighted by the shares of the classes; the bound is that of a stratified sample. */
function mixOf(
  networks: { readonly left: AccessKind; readonly right: AccessKind },
  byCell: ReadonlyMap<string, readonly JobResult[]>,
  ipv6: boolean,
): Mix {
  const data: Weighted[] = [];
  const direct: Weighted[] = [];
  let weights = 0;
  let success = 0;
  let plain = 0;
  let variance = 0;
  for (const left of UDP_CLASSES) {
    for (const right of UDP_CLASSES) {
      const worlds = worldsOf(byCell, left, right, networks);
      if (worlds.length === 0) continue;
      const weight = SHARES[left][networks.left].central * SHARES[right][networks.right].central;
      const met = worlds.filter((result) => result.connected).length;
      // A cell without failures is not known to be free of them: Laplace's rule keeps its variance above zero.
      const smooth = (met + 1) / (worlds.length + 2);
      weights += weight;
      success += (weight * met) / worlds.length;
      for (const { connected, elapsedMs, dataMs } of worlds) {
        if (dataMs < Number.POSITIVE_INFINITY) data.push({ value: dataMs, weight: weight / worlds.length });
        if (connected) direct.push({ value: elapsedMs, weight: weight / worlds.length });
      }
      plain += (weight * worlds.filter((result) => result.plain).length) / worlds.length;
      variance += (weight * weight * smooth * (1 - smooth)) / worlds.length;
    }
  }
  const passes = (side: AccessKind): number => 1 - SHARES.X[side].central / totalShare(side);
  const bothPass = passes(networks.left) * passes(networks.right);
  const udp = success / weights;
  const half = (1.96 * Math.sqrt(variance)) / weights;
  const theory = {
    udp: mixTheory(networks.left, networks.right, false),
    all: mixTheory(networks.left, networks.right, true),
  };
  const passed = (theoretical: number): number =>
    ipv6 ? withIpv6Theory(theoretical, networks.left, networks.right) : theoretical;
  const spoken = data.reduce((sum, { weight }) => sum + weight, 0) / weights;
  return {
    udp,
    relayed: Math.max(0, spoken - udp),
    none: Math.max(0, 1 - Math.max(spoken, udp)),
    dataMedianMs: weightedMedian(data),
    directMedianMs: weightedMedian(direct),
    all: udp * bothPass,
    udpLow: Math.max(0, udp - half),
    udpHigh: Math.min(1, udp + half),
    plain: { udp: plain / weights, all: (plain / weights) * bothPass },
    theory: {
      plain: { udp: theory.udp.plain, all: theory.all.plain },
      full: { udp: passed(theory.udp.full), all: passed(theory.udp.full) * bothPass },
    },
  };
}

function totalShare(side: AccessKind): number {
  return SIM_CLASSES.reduce((sum, id) => sum + SHARES[id][side].central, 0);
}
