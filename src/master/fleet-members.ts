/**
 * The nodes of a fleet as each of them knows them. Every node writes its own row and numbers its changes; of two rows of one name the one with
 * the larger number holds, so it makes no difference in which order they come, how often, or by whom. The serial of the list is the
 * sum of those numbers: it grows with every change, and nodes that know the same say the same.
 */
import { z } from 'zod';
import { addressBytes, type NodeList, WIRE_LIMITS } from '../core/index.ts';
import { NODE_NAME } from './fleet-options.ts';
import { SERVER_LIMITS } from './limits.ts';

export const memberSchema = z.object({
  name: z.string().regex(NODE_NAME),
  region: z.string().max(WIRE_LIMITS.relayNameBytesMax),
  addresses: z
    .array(z.string().refine((address) => addressBytes(address) !== null))
    .min(1)
    .max(WIRE_LIMITS.masterAddressesMax),
  port: z.int().min(1).max(65_535),
  furtherPort: z.int().min(0).max(65_535),
  /** Counts the changes of this row. */
  version: z.int().min(1).max(0xff_ffff),
  /** It has been taken out of the fleet, and hosts no longer go there. */
  out: z.boolean(),
});
export type Member = z.infer<typeof memberSchema>;
export type MemberPlace = Omit<Member, 'version' | 'out'>;

export class Members {
  private readonly rows = new Map<string, Member>();

  constructor(kept: readonly Member[]) {
    for (const row of kept) this.take(row);
  }

  /** Puts our own row in, as it is now: numbered anew where it says anything else than before. */
  enter(place: MemberPlace): void {
    const known = this.rows.get(place.name);
    const row = { ...place, version: known?.version ?? 1, out: false };
    if (known === undefined || JSON.stringify(known) === JSON.stringify(row)) this.rows.set(place.name, row);
    else this.rows.set(place.name, { ...row, version: known.version + 1 });
  }

  /** Takes the node out of the list; null where there is none of this name in it. */
  remove(called: string): Member | null {
    const known = this.rows.get(called);
    if (known === undefined || known.out) return null;
    const row = { ...known, version: known.version + 1, out: true };
    this.rows.set(called, row);
    return row;
  }

  /** False where nothing of it is news. */
  merge(rows: readonly Member[]): boolean {
    let news = false;
    for (const row of rows) news = this.take(row) || news;
    return news;
  }

  all(): readonly Member[] {
    return [...this.rows.values()];
  }

  list(self: string): NodeList {
    const rows = this.all();
    const nodes = rows
      .filter(({ out }) => !out)
      .sort((left, right) => (left.name < right.name ? -1 : 1))
      .slice(0, WIRE_LIMITS.nodesMax)
      .map(({ name: called, region, addresses, port, furtherPort }) => ({
        name: called,
        region,
        addresses,
        port,
        furtherPort,
      }));
    const serial = rows.reduce((sum, { version }) => sum + version, 0);
    return { self, serial, expiresInMs: SERVER_LIMITS.nodeListMs, nodes };
  }

  private take(row: Member): boolean {
    const known = this.rows.get(row.name);
    if (known === undefined ? this.rows.size >= SERVER_LIMITS.membersMax : known.version > row.version) return false;
    const same = known?.version === row.version;
    // Two nodes that were given one name: all see the same of them, whichever they heard last.
    if (same && JSON.stringify(known) >= JSON.stringify(row)) return false;
    this.rows.set(row.name, row);
    return true;
  }
}
