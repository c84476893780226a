/**
 * Where one public address serves many lines, each may have a set of its ports to itself (MAP-E, RFC 7597 §5.1; lightweight 4over6): the
 * bits in the middle of a port are the line's own, those above and below go through all values. It shows in the ports seen, without
 * running into the end of the set: at it nobody in the own network could open anything.
 */
import type { Observation } from './observation.ts';
import type { Allocator } from './profile.ts';

const PORT_BITS = 16;
/** By chance three bits are the same in ten ports once in 10^8 networks, wherever they lie. */
const OWN_BITS_MIN = 3;
const PORTS_MIN = 10;
/** Two blocks of ports have bits in common as well; of a set the bits above its own go through many values. */
const ABOVE_MIN = 6;

/** How many ports the line has, as the ports drawn by this rule tell; null where they tell of no set. */
export function portSetOf({ kind }: Allocator, observations: readonly Pick<Observation, 'observed'>[]): number | null {
  const ports = [...new Set(observations.flatMap(({ observed }) => (observed === null ? [] : [observed.port])))];
  if ((kind !== 'random' && kind !== 'range') || ports.length < PORTS_MIN) return null;
  const changing = ports.reduce((bits, port) => bits | (port ^ (ports[0] as number)), 0);
  const { length, from } = longestRun(changing);
  const above = PORT_BITS - from - length;
  if (length < OWN_BITS_MIN || new Set(ports.map((port) => port >> (from + length))).size < ABOVE_MIN) return null;
  // The lowest of the ranges belongs to the system ports and is left out.
  return (2 ** above - 1) * 2 ** from;
}

/** Of bits that never change, below one that does. */
function longestRun(changing: number): { readonly length: number; readonly from: number } {
  let best = { length: 0, from: 0 };
  let length = 0;
  let below = true;
  for (let bit = PORT_BITS - 1; bit >= 0; bit--) {
    const changes = ((changing >> bit) & 1) === 1;
    if (changes) below = false;
    length = changes || below ? 0 : length + 1;
    if (length > best.length) best = { length, from: bit };
  }
  return best;
}
