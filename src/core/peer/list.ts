/** The public list, page after page, as quickly as the master gives them. */
import type { Instant } from '../contract.ts';
import type { ListEntry } from '../model/listing.ts';
import type { PeerContext } from './base/context.ts';
import { PEER_LIMITS } from './base/limits.ts';

/** Told by one `list` event with this id: all there is, or what had come when it failed or took too long. */
export function fetchList(now: Instant, context: PeerContext, id: number): void {
  const until = now + PEER_LIMITS.listMs;
  /** By host: one that moves down between two pages comes only once. */
  const entries = new Map<string, ListEntry>();
  const fetchPage = (from: Instant, after: string): void => {
    context.request(from, { type: 'list', after, game: '' }, null, (at, response) => {
      if (response.type === 'failed' && response.failure === 'BUSY' && at + response.retryAfterMs < until) {
        context.agenda.at(at + response.retryAfterMs, (later) => fetchPage(later, after));
        return;
      }
      if (response.type === 'entries') for (const entry of response.entries) entries.set(entry.hostId, entry);
      const next = response.type === 'entries' ? response.next : '';
      if (next !== '' && entries.size < PEER_LIMITS.listEntriesMax && at < until) fetchPage(at, next);
      else {
        const failure = response.type === 'failed' ? response.failure : null;
        context.out.event({ ev: 'list', id, entries: [...entries.values()], failure });
      }
    });
  };
  fetchPage(now, '');
}
