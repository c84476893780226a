/**
 * Who is asked to prove that a port is open, in which order. A master has many ports and one address or two, and what one of its ports cannot
 * tell the next can't either: so each address has its turn before the second port of any. Servers of others come after a master on the
 * Internet, which has told within its turns unless its probe ports are shut, and before one in our own network, which sees us from inside.
 */
import { familyOf } from '../address.ts';
import { isLocalAddress } from '../scope.ts';
import type { MappingSource } from '../sources/source.ts';
import { PORTMAP_LIMITS } from './limits.ts';

/** Tries that a master on the Internet has before anybody else is asked. */
const MASTERS_FIRST = 2;

/** `master`: its probe ports, of either family. Best first, no more than `PORTMAP_LIMITS.proversMax`. */
export function proversOf(
  family: 4 | 6,
  master: readonly MappingSource[],
  stun: readonly MappingSource[],
): readonly MappingSource[] {
  const able = (sources: readonly MappingSource[]) =>
    sources.filter(({ target, requestTo }) => requestTo !== undefined && familyOf(target.address) === family);
  const masters = able(master);
  const isInside = ({ target }: MappingSource) => isLocalAddress(target.address);
  const outside = inTurn(masters.filter((source) => !isInside(source)));
  const inside = inTurn(masters.filter(isInside));
  const servers = inTurn(able(stun));
  return [
    ...outside.slice(0, MASTERS_FIRST),
    ...servers,
    ...inside.slice(0, MASTERS_FIRST),
    ...outside.slice(MASTERS_FIRST),
  ].slice(0, PORTMAP_LIMITS.proversMax);
}

/** The first of each address, then the second of each, ... */
function inTurn(sources: readonly MappingSource[]): readonly MappingSource[] {
  const seen = new Map<string, number>();
  const ranked = sources.map((source) => {
    const rank = seen.get(source.target.address) ?? 0;
    seen.set(source.target.address, rank + 1);
    return { source, rank };
  });
  return ranked.toSorted((left, right) => left.rank - right.rank).map(({ source }) => source);
}
