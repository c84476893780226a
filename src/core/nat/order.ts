/**
 * In which order did the NAT make the mappings? By the time of their questions; of those asked at once nobody knows, so they are
 * put in the order of their ports, and the fits pay for the choice. Boxes side by side count each for itself.
 */
import type { MappingMade } from './observation.ts';
import { PORTS_ALL } from './region.ts';

export const PORTS = PORTS_ALL.high - PORTS_ALL.low + 1;
/** Mappings asked for within so little time may have reached the NAT in any order. */
const SIMULTANEOUS_MS = 3;

/** A port so much lower than the one before means that the count has begun anew at the other end. */
const TURN = 48_000;

/** So far from both of its neighbours a port belongs to neither. */
const STRAY = 500;
/** Share of mappings that obey no rule, at any port: a clash, a sample that was made twice. */
export const OUTLIER = 0.01;

/** A mapping whose port is known. */
export interface Tick {
  readonly at: number;
  /** Counted in the direction of the rule, on beyond the end of the range: negative where ports fall. */
  readonly port: number;
  readonly address: string;
  /** Our own questions since the tick before that nobody answered: the NAT may have made a mapping for each. */
  readonly unseen: number;
}

export interface Ticks {
  readonly ticks: readonly Tick[];
  /** ln of the chance of this order among all that the times leave open, and of the mappings left out. */
  readonly log: number;
}

/** `sign`: of the rule's step. What was asked twice is left out: which of the packets made the mapping is not known. */
export function inOrder(mappings: readonly MappingMade[], sign: 1 | -1): Ticks {
  const usable = mappings.filter(({ repeated }) => !repeated);
  const ticks: Tick[] = [];
  let orders = 0;
  let unseen = 0;
  const unit = smallestGap(usable, sign);
  for (let i = 0; i < usable.length; ) {
    let end = i + 1;
    while (end < usable.length && usable[end]!.at - usable[i]!.at <= SIMULTANEOUS_MS) end++;
    const burst = usable.slice(i, end);
    const before = ticks.at(-1)?.port ?? Number.NEGATIVE_INFINITY;
    const seen = burst
      .flatMap(({ port, address }) =>
        port === null ? [] : { port: onwards(sign * port, before), address: address ?? '' },
      )
      .sort((left, right) => left.port - right.port);
    let silent = burst.length - seen.length;
    for (const [k, { port, address }] of seen.entries()) {
      // The unanswered ones of the burst where ports are left out, the rest behind it.
      const last = ticks.at(-1);
      const spare = last === undefined ? 0 : Math.max(0, Math.floor((port - last.port) / unit) - 1 - unseen);
      const skipped = Math.min(silent, spare);
      silent -= skipped;
      orders += Math.log(k + 1);
      ticks.push({ at: usable[i]!.at, port, address, unseen: unseen + skipped });
      unseen = 0;
    }
    unseen += silent;
    i = end;
  }
  const kept = withoutStrays(ticks);
  return { ticks: kept, log: (ticks.length - kept.length) * Math.log(OUTLIER / PORTS) - orders };
}

/** Without the ports that are far off between two neighbours. */
function withoutStrays(ticks: readonly Tick[]): readonly Tick[] {
  const kept: Tick[] = [];
  let unseen = 0;
  for (const [i, tick] of ticks.entries()) {
    const there = tick.port - (kept.at(-1) ?? tick).port;
    const back = tick.port - (ticks[i + 1] ?? tick).port;
    if (Math.min(Math.abs(there), Math.abs(back)) > STRAY && there > 0 === back > 0) unseen += tick.unseen + 1;
    else {
      kept.push({ ...tick, unseen: tick.unseen + unseen });
      unseen = 0;
    }
  }
  return kept;
}

/** The port, as many turns on as it takes to come after `before`. */
function onwards(port: number, before: number): number {
  return port + PORTS * Math.max(0, Math.ceil((before - TURN - port) / PORTS));
}

function smallestGap(mappings: readonly MappingMade[], sign: 1 | -1): number {
  const ports = mappings.flatMap(({ port }) => (port === null ? [] : sign * port)).sort((left, right) => left - right);
  const gaps = ports.slice(1).map((port, i) => port - ports[i]!);
  return Math.min(...gaps.filter((gap) => gap > 0), Number.MAX_SAFE_INTEGER);
}

/** One rule for all mappings, or one for each external address where those are `alike` and explain more. */
export function jointOrApart<Fit extends { readonly log: number }>(
  mappings: readonly MappingMade[],
  fitOf: (mappings: readonly MappingMade[]) => Fit | null,
  alike: (left: Fit, right: Fit) => boolean,
): Fit | null {
  const joint = fitOf(mappings);
  const addresses = new Set(mappings.flatMap(({ address }) => address ?? []));
  if (addresses.size < 2) return joint;
  const apart = [...addresses].map((one) => {
    const own = mappings.filter(({ address }) => address === one);
    return { count: own.length, fit: fitOf(own) };
  });
  // The one with the most mappings to explain has the lowest likelihood, and tells most.
  const fullest = apart.reduce<Fit | null>(
    (best, { fit: one }) => (one !== null && one.log < (best?.log ?? 0) ? one : best),
    null,
  );
  if (fullest === null || apart.some(({ fit: one }) => one !== null && !alike(one, fullest))) return joint;
  // Too few for a fit: any port would do.
  const log = apart.reduce((sum, { count, fit: one }) => sum + (one?.log ?? -count * Math.log(PORTS)), 0);
  return joint !== null && joint.log >= log ? joint : { ...fullest, log };
}
