/**
 * "The port is a linear function of the time" (5 of 72 carriers, Wang 2011): mappings made at one instant differ only by how many
 * there were, and the first ports of all instants lie on a line. Regression by the median of all slopes (Theil-Sen).
 */
import type { MappingMade } from './observation.ts';

const SIMULTANEOUS_MS = 3;
const INSTANTS_MIN = 4;
/** Below one port in five seconds a clock cannot be told from a standstill. */
const RATE_MIN = 0.2;
const RATE_MAX = 100_000;
const RATE_TYPICAL_MAX = 2_000;
const JITTER_MS = 1;
const PORTS = 64_512;
const OUTLIER = 0.01;

export interface ClockFit {
  readonly log: number;
  readonly portsPerSecond: number;
}

interface InstantPort {
  readonly at: number;
  readonly port: number;
  readonly count: number;
}

export function fitClock(mappings: readonly MappingMade[]): ClockFit | null {
  const instants = instantsOf(mappings);
  const samples = instants.reduce((sum, { count }) => sum + count, 0);
  if (instants.length < INSTANTS_MIN) return null;
  const slopes = instants.flatMap((left, i) =>
    instants.slice(i + 1).map((right) => ((right.port - left.port) * 1000) / (right.at - left.at)),
  );
  const portsPerSecond = median(slopes);
  if (Math.abs(portsPerSecond) < RATE_MIN || Math.abs(portsPerSecond) > RATE_MAX) return null;
  const origin = instants[0]!.at;
  const offsets = instants.map(({ at, port }) => port - (portsPerSecond * (at - origin)) / 1000);
  const middle = median(offsets);
  // Rounding, and a packet's own delay on its way to the NAT.
  const tolerance = 1 + Math.abs(portsPerSecond) * (JITTER_MS / 1000);
  const logHit = Math.log((1 - OUTLIER) / (2 * tolerance + 1));
  const logMiss = Math.log(OUTLIER / PORTS);
  const seconds = (instants.at(-1)!.at - origin) / 1000;
  // So many rates can be told apart in the time we looked.
  const rates = Math.max(2, (RATE_TYPICAL_MAX * seconds) / tolerance);
  let log = -Math.log(PORTS) - Math.log(rates);
  for (const offset of offsets) log += Math.abs(offset - middle) <= tolerance ? logHit : logMiss;
  // The others of one instant come right after the first (the NAT takes the next free port).
  log -= (samples - instants.length) * Math.log(2);
  return { log, portsPerSecond };
}

/** Lowest port of each instant, where those of one instant are next to each other. */
function instantsOf(mappings: readonly MappingMade[]): InstantPort[] {
  const instants: InstantPort[] = [];
  const usable = mappings.filter(({ repeated, port }) => !repeated && port !== null);
  for (let i = 0; i < usable.length; ) {
    let end = i + 1;
    while (end < usable.length && usable[end]!.at - usable[i]!.at <= SIMULTANEOUS_MS) end++;
    const ports = usable.slice(i, end).map(({ port }) => port!);
    const low = Math.min(...ports);
    for (const port of ports) if (port - low > 2 * ports.length) return [];
    instants.push({ at: usable[i]!.at, port: low, count: ports.length });
    i = end;
  }
  return instants;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}
