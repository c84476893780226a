import type { Agent, KnownHost } from '../agent/index.ts';
import { parseJoinTarget } from '../core/index.ts';
import type { LocalJoin, LocalSettings } from './local-api.ts';

/** Those joined before, and those whose link has been given, by the names under which they are remembered. */
export function knownHosts(
  settings: LocalSettings | null,
  joins: readonly LocalJoin[],
  agent: Agent | null,
): readonly KnownHost[] {
  const { favourites = [], recent = [] } = settings ?? {};
  const nameOf = (code: string): string => [...favourites, ...recent].find((kept) => kept.code === code)?.name ?? '';
  const linked = joins.flatMap(({ target }) => {
    const { code = '', hostKey = null } = parseJoinTarget(target) ?? {};
    return hostKey === null ? [] : [{ code, hostKey }];
  });
  return [...linked, ...(agent?.knownHosts() ?? [])].map((host) => ({ ...host, name: nameOf(host.code) }));
}
