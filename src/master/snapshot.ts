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
  v: z.literal(1),
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
  firstSeenAt: z.int(),
  verifiedAt: z.int().nullable(),
});

export function entryOf({ hostId, host, firstSeenAt, verifiedAt }: ListItem): SnapshotRow {
  const entry: z.infer<typeof entrySchema> = {
    v: 1,
    key: toHex(host.hostKey),
    code: host.code,
    ...host.announcement,
    players: host.players,
    natType: host.natType,
    verdict: host.verdict,
    delta: host.delta,
    rttMs: host.rttMs,
    address: host.observed.address,
    port: host.observed.port,
    firstSeenAt,
    verifiedAt,
  };
  return { hostId, json: JSON.stringify(entry) };
}

export function readEntry(row: SnapshotRow): {
  readonly host: HostRecord;
  readonly firstSeenAt: number;
  readonly verifiedAt: number | null;
} | null {
  let json: unknown;
  try {
    json = JSON.parse(row.json);
  } catch {
    return null;
  }
  const read = entrySchema.safeParse(json);
  const hostKey = read.success ? fromHex(read.data.key) : null;
  if (!read.success || hostKey === null) return null;
  const { code, players, natType, verdict, delta, rttMs, address, port, firstSeenAt, verifiedAt } = read.data;
  const { name, game, public: isPublic, playersMax, map, mode, version, passwordNeeded } = read.data;
  const announcement = { name, game, public: isPublic, playersMax, map, mode, version, passwordNeeded };
  const observed = { address, port };
  const host = {
    hostId: row.hostId,
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
  };
  return { host, firstSeenAt, verifiedAt };
}
