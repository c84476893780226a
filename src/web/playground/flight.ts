/**
 * A run of the simulator, or a trace file of one, as something to watch: which packet flew when between which of the five
 * places in the picture (friend, friend's NAT, internet, host's NAT, host), and how it ended.
 */
import type { TraceObject } from '../../sim/index.ts';

export interface Flight {
  readonly id: number;
  readonly side: 'client' | 'host' | 'server';
  /** Places by number, 0 = the friend, 4 = the host, with the time at each. */
  readonly stops: readonly { readonly at: number; readonly place: number }[];
  readonly ended: 'delivered' | 'dropped' | 'flying';
  readonly why: string;
  readonly label: string;
}

const PLACES: readonly (readonly [RegExp, number])[] = [
  [/^client$/, 0],
  [/^client\./, 1],
  [/^host\./, 3],
  [/^host$/, 4],
];

function placeOf(where: string): number {
  return PLACES.find(([pattern]) => pattern.test(where))?.[1] ?? 2;
}

/** Reads a trace written by `sallyport sim --trace`; null where the file is something else. */
export function parseTrace(text: string): readonly TraceObject[] | null {
  const lines: TraceObject[] = [];
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    try {
      const value = JSON.parse(line) as Partial<TraceObject>;
      if (typeof value.at !== 'number' || typeof value.where !== 'string' || typeof value.id !== 'number') return null;
      lines.push(value as TraceObject);
    } catch {
      return null;
    }
  }
  return lines.length === 0 ? null : lines;
}

/** Packets between the two sides only, unless `servers`: the talk with the master would hide what matters. */
export function flightsOf(lines: readonly TraceObject[], servers: boolean): readonly Flight[] {
  const byPacket = new Map<number, TraceObject[]>();
  for (const line of lines) {
    const known = byPacket.get(line.id);
    if (known === undefined) byPacket.set(line.id, [line]);
    else known.push(line);
  }
  const flights = [...byPacket.values()].map(flightOf);
  return servers ? flights : flights.filter((flight) => flight.side !== 'server');
}

function flightOf(lines: readonly TraceObject[]): Flight {
  const first = lines[0] as TraceObject;
  const last = lines.at(-1) as TraceObject;
  const touchesServer = lines.some(({ where }) => placeOf(where) === 2 && /^(master|stun)/.test(where));
  const side = touchesServer ? 'server' : placeOf(first.where) < 2 ? 'client' : 'host';
  return {
    id: first.id,
    side,
    stops: lines.map(({ at, where }) => ({ at, place: placeOf(where) })),
    ended: last.what === 'delivered' ? 'delivered' : last.what === 'dropped' ? 'dropped' : 'flying',
    why: last.why ?? '',
    label: `${first.from} → ${first.to}, ${first.bytes} B, TTL ${first.ttl}`,
  };
}

/** So long a packet that does not get through is seen where it ended, this far in front of it. */
const SEEN_LOST_MS = 60;
const IN_FRONT = 0.28;

/** Where a flight is at `now`: a place between 0 and 4, or null before it starts and after it has ended. */
export function positionAt(flight: Flight, now: number): number | null {
  const { stops } = flight;
  const next = stops.findIndex((stop) => stop.at > now);
  const last = stops.at(-1);
  if (next === -1 && flight.ended === 'dropped' && last !== undefined && now - last.at < SEEN_LOST_MS)
    return last.place + (flight.side === 'host' ? IN_FRONT : -IN_FRONT);
  if (next <= 0) return null;
  const from = stops[next - 1];
  const to = stops[next];
  if (from === undefined || to === undefined) return null;
  return from.place + ((to.place - from.place) * (now - from.at)) / (to.at - from.at);
}

/** Has one of these reached the other end by `now`? */
function arrived(flight: Flight, now: number): boolean {
  const last = flight.stops.at(-1);
  const goal = flight.side === 'client' ? 4 : 0;
  return flight.ended === 'delivered' && last !== undefined && last.place === goal && last.at <= now;
}

/** How a wall stands at `now`: something has come in by it, something has gone out by it, or nothing has. */
export function gateAt(flights: readonly Flight[], wall: 'client' | 'host', now: number): 'open' | 'ajar' | 'shut' {
  const inside = wall === 'client' ? 'client' : 'host';
  if (flights.some((flight) => flight.side !== inside && flight.side !== 'server' && arrived(flight, now)))
    return 'open';
  const beyond = (place: number): boolean => (wall === 'client' ? place > 1 : place < 3);
  const out = flights.some(
    ({ side, stops }) => side === inside && stops.some(({ at, place }) => at <= now && beyond(place)),
  );
  return out ? 'ajar' : 'shut';
}

/** How far the first packet that arrives is on its way at the moment that is worth seeing. */
const MOMENT_SHARE = 0.7;

/**
 * When there is most to see: the first packet of the two that gets through is on its way. Where none does, most are in the air, or
 * run into a wall. `from`: nothing before counts.
 */
export function momentOf(flights: readonly Flight[], from: number): number {
  const between = flights.filter(({ side, stops }) => side !== 'server' && (stops[0]?.at ?? 0) >= from);
  const through = between
    .filter((flight) => arrived(flight, Number.POSITIVE_INFINITY))
    .sort((left, right) => (left.stops.at(-1)?.at ?? 0) - (right.stops.at(-1)?.at ?? 0))[0];
  if (through !== undefined) {
    const start = through.stops[0]?.at ?? from;
    return start + ((through.stops.at(-1)?.at ?? start) - start) * MOMENT_SHARE;
  }
  let best = from;
  let most = 0;
  for (const { stops } of between) {
    const at = stops.at(-1)?.at ?? from;
    const flying = between.filter((flight) => positionAt(flight, at) !== null).length;
    if (flying > most) [best, most] = [at, flying];
  }
  return best;
}
