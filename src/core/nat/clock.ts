/**
 * "The port is a linear function of the time" (5 of 72 carriers, Wang 2011): a mapping gets the first free port at or beyond the
 * clock's. Where our own mappings run ahead of a slow clock, they get one port after the other, like under a step of one; only
 * a pause gives such a clock away. Every line through two mappings is tried; the likeliest wins, so that outliers do not bend it.
 */
import { logAdd } from './distribution.ts';
import type { MappingMade } from './observation.ts';
import { inOrder, jointOrApart, OUTLIER, PORTS, type Tick } from './order.ts';
import { PARITY_PRIOR } from './sequence.ts';

const MAPPINGS_MIN = 5;
/** Below one port in five seconds a clock cannot be told from a standstill. */
const RATE_MIN = 0.2;
const RATE_MAX = 100_000;
const RATE_TYPICAL_MAX = 1_000;
/** e^-40 of the whole changes no digit of a double. */
const NEGLIGIBLE = 40;
/** Rounding to a whole port, in ports. */
const ROUNDING = 0.6;
/** A packet's own delay on its way to the NAT, and what is believed of each: the own network, a cable, a busy one, a bad radio link. */
const JITTERS: readonly Jitter[] = [
  { jitterMs: 0.1, belief: 0.3 },
  { jitterMs: 0.5, belief: 0.35 },
  { jitterMs: 1.5, belief: 0.3 },
  { jitterMs: 5, belief: 0.05 },
];
/** Round trips that tell how unsteady the whole way is. */
const ROUND_TRIPS_MIN = 5;
/** Two boxes of one make, side by side. */
const RATES_ALIKE = 0.1;
/** So many mean distances from the line a port may be: Laplace's law lets one in 150 be further off. */
const CLEAR = 5;
/** None of the clocks measured ran backwards (Wang 2011). */
const BACKWARDS = 0.05;

interface Jitter {
  readonly jitterMs: number;
  readonly belief: number;
}

export interface ClockFit {
  readonly log: number;
  readonly portsPerSecond: number;
  /** Standard error of `portsPerSecond`. */
  readonly error: number;
  /** Mean distance of the ports from the line, rounding apart. */
  readonly spread: number;
}

/**
 * `parity`: the NAT skips to the next port of the local one's parity. Null where nothing comes near `floor`, the ln likelihood of
 * another rule: what is far below it is not computed.
 */
export function fitClock(mappings: readonly MappingMade[], parity: boolean, floor: number): ClockFit | null {
  const alike = (left: ClockFit, right: ClockFit) =>
    Math.abs(left.portsPerSecond - right.portsPerSecond) <= RATES_ALIKE * Math.abs(left.portsPerSecond);
  return jointOrApart(mappings, (some) => fitOneClock(some, parity, floor), alike);
}

function fitOneClock(mappings: readonly MappingMade[], parity: boolean, floor: number): ClockFit | null {
  let best: ClockFit | null = null;
  const jitters = believableJitters(mappings);
  for (const sign of [1, -1] as const) {
    const { ticks, log: order } = inOrder(mappings, sign);
    if (ticks.length < MAPPINGS_MIN) return null;
    const direction = sign === 1 ? 1 - BACKWARDS : BACKWARDS;
    const prior = Math.log(direction * (parity ? PARITY_PRIOR : 1)) - Math.log(PORTS) + order;
    const seconds = Math.max(0.05, (ticks.at(-1)!.at - ticks[0]!.at) / 1000);
    const shelved = onShelves(ticks, parity ? 2 : 1);
    for (const [i, left] of ticks.entries()) {
      for (const right of ticks.slice(i + 1)) {
        const perMs = (right.port - left.port) / (right.at - left.at);
        if (!(perMs * 1000 >= RATE_MIN && perMs * 1000 <= RATE_MAX)) continue;
        // What loses against the best line so far is not computed either: there are two rates at least to tell apart.
        const wanted = Math.max(floor, best === null ? floor : best.log + Math.LN2);
        const { log, jitterMs } = fitLine(shelved, jitters, left, perMs, wanted - NEGLIGIBLE - prior);
        const spread = perMs * jitterMs;
        const scale = ROUNDING + spread;
        // So many rates can be told apart in the time we looked.
        const rates = Math.max(2, (RATE_TYPICAL_MAX * seconds) / scale);
        const whole = prior + log - Math.log(rates);
        if (best !== null && whole <= best.log) continue;
        const { slope, error } = straightened(shelved, left, perMs, spread);
        best = { log: whole, portsPerSecond: sign * slope * 1000, error: error * 1000, spread };
      }
    }
  }
  return best;
}

/** A port is taken on one external address only; where parity is kept, even and odd ones are taken apart. */
interface Shelved {
  readonly ticks: readonly (Tick & { readonly shelf: number })[];
  readonly stride: 1 | 2;
}

function onShelves(ticks: readonly Tick[], stride: 1 | 2): Shelved {
  const shelves = new Map<string, number>();
  const shelved = ticks.map((tick) => {
    const name = `${tick.address} ${tick.port % stride}`;
    const shelf = shelves.get(name) ?? shelves.size;
    shelves.set(name, shelf);
    return { ...tick, shelf };
  });
  return { ticks: shelved, stride };
}

/**
 * The way to the NAT is part of the way to the server: where the round trips agree to a millisecond, no packet was five late at
 * the NAT. Unsteadier ways than those seen are believed as far as the round trips allow, by Laplace's law.
 */
function believableJitters(mappings: readonly MappingMade[]): readonly Jitter[] {
  const trips = mappings.flatMap(({ roundTripMs }) => roundTripMs ?? []).sort((left, right) => left - right);
  if (trips.length < ROUND_TRIPS_MIN) return JITTERS;
  const median = trips[trips.length >> 1]!;
  const seen = Math.max(0.05, trips.reduce((sum, trip) => sum + Math.abs(trip - median), 0) / trips.length);
  return JITTERS.map(({ jitterMs, belief }) => {
    const ratio = Math.min(1, seen / jitterMs);
    return { jitterMs, belief: belief * Math.exp(trips.length * (Math.log(ratio) + 1 - ratio)) };
  });
}

/** How well the line through `start` explains all mappings: ln of the likelihood under all jitters, and the likeliest of these. */
function fitLine(
  shelved: Shelved,
  jitters: readonly Jitter[],
  start: Tick,
  perMs: number,
  floor: number,
): { log: number; jitterMs: number } {
  let best = { log: Number.NEGATIVE_INFINITY, jitterMs: 0 };
  let whole = Number.NEGATIVE_INFINITY;
  for (const { jitterMs, belief } of jitters) {
    const scale = ROUNDING + perMs * jitterMs;
    const log = Math.log(belief) + logUnder(shelved, start, perMs, scale, floor);
    if (log > best.log) best = { log, jitterMs };
    whole = logAdd(whole, log);
  }
  return { log: whole, jitterMs: best.jitterMs };
}

/**
 * The slope by least squares, and its standard error, both in ports/ms, over the ports near the line that the clock alone chose: one
 * right behind a port of ours was pushed there.
 */
function straightened(
  { ticks, stride }: Shelved,
  start: Tick,
  perMs: number,
  spread: number,
): { slope: number; error: number } {
  const free: number[] = [];
  const clear = ticks.filter((tick) => {
    const pushed = tick.port === free[tick.shelf];
    free[tick.shelf] = tick.port + stride;
    return !pushed && Math.abs(tick.port - start.port - perMs * (tick.at - start.at)) <= CLEAR * (ROUNDING + spread);
  });
  const mean = (of: (tick: Tick) => number) => clear.reduce((sum, tick) => sum + of(tick), 0) / clear.length;
  const at = mean((tick) => tick.at);
  const square = clear.reduce((sum, tick) => sum + (tick.at - at) ** 2, 0);
  if (clear.length < 3 || square === 0) return { slope: perMs, error: perMs * RATES_ALIKE };
  const slope = clear.reduce((sum, tick) => sum + (tick.at - at) * (tick.port - start.port), 0) / square;
  // Rounded to whole ports: uniform within one.
  return { slope, error: Math.sqrt((1 / 12 + 2 * spread ** 2) / square) };
}

/** ln of the chance of all ports, given line and jitter; -Infinity once it is below `floor`. */
function logUnder({ ticks, stride }: Shelved, start: Tick, perMs: number, scale: number, floor: number): number {
  const free: number[] = [];
  let log = 0;
  for (const tick of ticks) {
    const clock = start.port + perMs * (tick.at - start.at);
    const chance = chanceOf(tick, clock, free[tick.shelf] ?? null, scale, stride);
    log += Math.log((1 - OUTLIER) * chance + OUTLIER / PORTS);
    if (log < floor) return Number.NEGATIVE_INFINITY;
    free[tick.shelf] = tick.port + stride;
  }
  return log;
}

/**
 * Chance of the tick's port where the clock stands at `clock`, give or take `scale`: at the first free port with all of the
 * chance that the clock is not beyond it, else by the distance. Unanswered questions of ours may have taken ports before.
 */
function chanceOf({ port, unseen }: Tick, clock: number, free: number | null, scale: number, stride: number): number {
  const off = (port - clock) / scale;
  const density = (Math.exp(-Math.abs(off)) / (2 * scale)) * stride;
  if (free === null || port > free + unseen * stride) return density;
  if (port < free) return 0;
  const reached = off >= 0 ? 1 - Math.exp(-off) / 2 : Math.exp(off) / 2;
  return Math.max(density, reached / (unseen + 1));
}
