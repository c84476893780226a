/**
 * "The port is a linear function of the time" (5 of 72 carriers, Wang 2011): mappings made at one instant differ only by how many
 * there were, and the first ports of all instants lie on a line. Every line through two instants is tried; the likeliest wins, so
 * that outliers do not bend it.
 */
import type { MappingMade } from './observation.ts';

const SIMULTANEOUS_MS = 3;
const INSTANTS_MIN = 4;
/** Below one port in five seconds a clock cannot be told from a standstill. */
const RATE_MIN = 0.2;
const RATE_MAX = 100_000;
const RATE_TYPICAL_MAX = 2_000;
const JITTER_MS = 0.5;
const PORTS = 64_512;
const OUTLIER = 0.01;
/** The next free port where our own mappings ran ahead of the clock: that explains a little too much to be worth 1. */
const PUSHED = 0.8;
/** None of the clocks measured ran backwards (Wang 2011). */
const BACKWARDS = 0.05;

export interface ClockFit {
  readonly log: number;
  readonly portsPerSecond: number;
}

interface InstantPort {
  readonly at: number;
  readonly port: number;
  /** Highest port of the instant. */
  readonly last: number;
  readonly count: number;
  /** Our own questions since the instant before that nobody answered. */
  readonly unseen: number;
}

/** `parity`: the NAT skips to the next port of the local one's parity. */
export function fitClock(mappings: readonly MappingMade[], parity: boolean): ClockFit | null {
  const instants = instantsOf(mappings);
  if (instants.length < INSTANTS_MIN) return null;
  let best: ClockFit | null = null;
  for (const [i, left] of instants.entries()) {
    for (const right of instants.slice(i + 1)) {
      const fit = fitLine(instants, left, right, parity ? 1 : 0);
      if (fit !== null && (best === null || fit.log > best.log)) best = fit;
    }
  }
  return best;
}

/** The line through two instants, and how well it explains all of them. */
function fitLine(
  instants: readonly InstantPort[],
  left: InstantPort,
  right: InstantPort,
  skip: number,
): ClockFit | null {
  const perMs = (right.port - left.port) / (right.at - left.at);
  const portsPerSecond = perMs * 1000;
  if (Math.abs(portsPerSecond) < RATE_MIN || Math.abs(portsPerSecond) > RATE_MAX) return null;
  // Rounding, and a packet's own delay on its way to the NAT.
  const tolerance = 1 + skip + Math.abs(portsPerSecond) * (JITTER_MS / 1000);
  const seconds = (instants.at(-1)!.at - instants[0]!.at) / 1000;
  // So many rates can be told apart in the time we looked.
  const rates = Math.max(2, (RATE_TYPICAL_MAX * seconds) / tolerance);
  const hit = Math.log((1 - OUTLIER) / (2 * tolerance));
  let log = Math.log(perMs < 0 ? BACKWARDS : 1 - BACKWARDS) - Math.log(PORTS) - Math.log(rates);
  let before: number | null = null;
  for (const { at, port, last, count, unseen } of instants) {
    const clock = left.port + perMs * (at - left.at);
    const next: number = before === null ? clock : before + Math.sign(perMs);
    const ahead = Math.sign(perMs) * (next - clock);
    if (ahead > tolerance) {
      // Our own mappings ran ahead of a slow clock: one gets the next free port, for certain.
      const skipped = Math.sign(perMs) * (port - next);
      log += Math.log(skipped >= 0 && skipped <= (1 + skip) * unseen + skip ? PUSHED : OUTLIER / PORTS);
    } else {
      const expected = ahead > 0 ? next : clock;
      log += Math.abs(port - expected) <= tolerance ? hit : Math.log(OUTLIER / PORTS);
    }
    // The others of one instant come right after the first.
    log -= (count - 1) * Math.LN2;
    before = last;
  }
  return { log, portsPerSecond };
}

/** Mappings of one instant together, where their ports are next to each other; none at all where they are not. */
function instantsOf(mappings: readonly MappingMade[]): InstantPort[] {
  const instants: InstantPort[] = [];
  const usable = mappings.filter(({ repeated }) => !repeated);
  let unseen = 0;
  for (let i = 0; i < usable.length; ) {
    let end = i + 1;
    while (end < usable.length && usable[end]!.at - usable[i]!.at <= SIMULTANEOUS_MS) end++;
    const burst = usable.slice(i, end);
    const ports = burst.flatMap(({ port }) => port ?? []);
    if (ports.length > 0) {
      const low = Math.min(...ports);
      const high = Math.max(...ports);
      if (high - low > 2 * burst.length) return [];
      instants.push({ at: usable[i]!.at, port: low, last: high, count: ports.length, unseen });
      unseen = 0;
    }
    unseen += burst.length - ports.length;
    i = end;
  }
  return instants;
}
