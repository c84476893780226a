/** The public list of a master without a masterserver around it: the public hosts of its events, in the order of their coming. */
import {
  type HostRecord,
  type ListEntry,
  type ListPage,
  type ListQuery,
  type MasterEvent,
  plainEntry,
} from '../src/core/index.ts';

export function plainList(events: readonly MasterEvent[], { after, game, viewer, fits }: ListQuery): ListPage {
  const hosts = new Map<string, HostRecord>();
  for (const event of events) {
    if (event.ev === 'host') hosts.set(event.host.hostId, event.host);
    if (event.ev === 'host-gone') hosts.delete(event.host.hostId);
  }
  const all = [...hosts.values()].filter(
    ({ announcement }) => announcement.public && [announcement.game, ''].includes(game),
  );
  const entries: ListEntry[] = [];
  for (const host of all.slice(after)) {
    const entry = plainEntry(host, viewer);
    if (!fits(entry)) break;
    entries.push(entry);
  }
  const next = after + entries.length;
  return { entries, next: next < all.length ? next : null };
}
