/**
 * Which nodes of a fleet a host is at: rendezvous hashing (HRW, Thaler and Ravishankar 1998). Each node has a score for each code, and
 * the highest score comes first. Whoever has the list finds the same order without asking anybody, and a node that comes or goes
 * changes the order of the codes that it is first for, and of no other.
 */
import { utf8Encode } from '../bytes.ts';
import { sipHash32 } from '../secure/siphash.ts';

/** Public: the hash has to be the same everywhere. Who chooses a key for its place in the order gains a node, and nothing by it. */
const KEY = utf8Encode('sallyport nodes1');

/** All `names`, the primary of the code first, then its standby, then who comes after them. */
export function orderOf(code: string, names: readonly string[]): string[] {
  const scored = names.map((name) => ({ name, score: sipHash32(KEY, utf8Encode(`${name} ${code}`)) }));
  scored.sort((left, right) => right.score - left.score || (left.name < right.name ? -1 : 1));
  return scored.map(({ name }) => name);
}
