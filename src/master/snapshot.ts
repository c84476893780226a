/**
 * One entry of the list as it is written down for the next start. Its own version number, because this text outlives the
 * program; what does not read back exactly is left out (the original misread its own dump).
 */
import { z } from 'zod';
import { fromHex, type HostRecord, toHex } from '../core/index.ts';
import { natTypeSchema, verdictSchema } from './api.ts';
import type { ListItem } from './listing.ts';
import type { SnapshotRow } from './store.ts';

const entrySchema = z.object({
  v: z.literal(2),
  key: z.string(),
  code: z.string(),
  name: z.string(),
  game: z.string(),
  public: z.boolean(),
  playersMax: z.int(),
  map: z.string(),
  mode: z.string(),
  version: z.string(),
  passwordNeeded: z.boolean(),
  players: z.int(),
  natType: natTypeSchema,
  verdict: verdictSchema,
  delta: z.int().nullable(),
  rttMs: z.number().nullable(),
  address: z.string(),
  port: z.int(),
  generation: z.int().min(0),
  firstSeenAt: z.int(),
  verifiedAt: z.int().nullable(),
});

export type ListedEntry = z.infer<typeof entrySchema>;

/** What is known of a host, as it is written down and as the nodes of a fleet tell each other. */
export function entryOf({ host, firstSeenAt, verifiedAt }: ListItem): ListedEntry {
  const { name, game, public: isPublic, playersMax, map, mode, version, passwordNeeded } = host.announcement;
  return {
    v: 2,
    key: toHex(host.hostKey),
    code: host.code,
    ...{ name, game, public: isPublic, playersMax, map, mode, version, passwordNeeded },
    players: host.players,
    natType: host.natType,
    verdict: host.verdict,
    delta: host.delta,
    rttMs: host.rttMs,
    address: host.observed.address,
    port: host.observed.port,
    generation: host.generation,
    firstSeenAt,
    verifiedAt,
  };
}

export function rowOf(item: ListItem): SnapshotRow {
  return { hostId: item.hostId, json: JSON.stringify(entryOf(item)) };
}

export interface ListedHost {
  readonly host: HostRecord;
  readonly firstSeenAt: number;
  readonly verifiedAt: number | null;
}

export function readRow(row: SnapshotRow): ListedHost | null {
  try {
    return readEntry(row.hostId, JSON.parse(row.json));
  } catch {
    return null;
  }
}

/** Null where it is not exactly what `entryOf` makes. */
export function readEntry(hostId: string, entry: unknown): ListedHost | null {
  const read = entrySchema.safeParse(entry);
  const hostKey = read.success ? fromHex(read.data.key) : null;
  if (!read.success || hostKey === null) return null;
  const { code, players, natType, verdict, delta, rttMs, address, port, generation, firstSeenAt, verifiedAt } =
    read.data;
  const { name, game, public: isPublic, playersMax, map, mode, version, passwordNeeded } = read.data;
  const announcement = { name, game, public: isPublic, playersMax, map, mode, version, passwordNeeded };
  const observed = { address, port };
  const host = {
    hostId,
    hostKey,
    code,
    announcement,
    players,
    natType,
    verdict,
    delta,
    observed,
    rttMs,
    since: 0,
    generation,
  };
  return { host, firstSeenAt, verifiedAt };
}
