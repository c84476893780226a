/**
 * Official servers (docs/seed.md S26): a folder of JSON files, the same on the master and on every official server. `traversal: "off"` is
 * for hosts with a public address: they are listed with it and joined directly. An error names file, line and field.
 */
import { createHash } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { readdirSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { z } from 'zod';
import { fromHex, type HostRecord, hostIdOf, isServerAddress, toBase32, WIRE_LIMITS } from '../core/index.ts';
import { nodeCrypto } from '../node/index.ts';
import { parseLocated } from './json-lines.ts';
import { SERVER_LIMITS } from './limits.ts';
import { cleanAnnouncement, type ReservedName } from './moderation.ts';

const hexKey = z.string().regex(/^[0-9a-f]{64}$/i, 'is not a public key (64 hexadecimal digits)');
const address = z
  .string()
  .max(WIRE_LIMITS.entryAddressBytesMax)
  .refine(isServerAddress, 'is not HOST:PORT (an IPv6 address in brackets)')
  .refine((text) => portOf(text) >= 1 && portOf(text) <= 65_535, 'has a port outside 1-65535');

const officialServerSchema = z
  .strictObject({
    name: z.string().min(1).max(SERVER_LIMITS.nameCharacters),
    game: z.string().max(SERVER_LIMITS.gameCharacters).default(''),
    address: address.optional(),
    key: hexKey.optional(),
    traversal: z.enum(['on', 'off']).default('off'),
    map: z.string().max(SERVER_LIMITS.mapCharacters).default(''),
    mode: z.string().max(SERVER_LIMITS.modeCharacters).default(''),
    version: z.string().max(SERVER_LIMITS.versionCharacters).default(''),
    playersMax: z.int().min(0).max(65_535).default(0),
  })
  .refine((server) => server.traversal === 'on' || server.address !== undefined, {
    path: ['address'],
    message: 'is needed where traversal is off: players join it directly',
  })
  .refine((server) => server.traversal === 'off' || server.key !== undefined, {
    path: ['key'],
    message: 'is needed where traversal is on: only the key tells the server from an imitation',
  });

const officialFileSchema = z.strictObject({
  servers: z.array(officialServerSchema).max(SERVER_LIMITS.officialServersMax).default([]),
  reservedNames: z
    .array(z.strictObject({ name: z.string().min(1).max(SERVER_LIMITS.nameCharacters), key: hexKey.optional() }))
    .max(SERVER_LIMITS.officialServersMax)
    .default([]),
});

export interface OfficialServer {
  readonly traversal: 'on' | 'off';
  readonly address: string | null;
  /** What the list shows while no agent of this server is registered. */
  readonly record: HostRecord;
}

export interface OfficialFolder {
  readonly servers: readonly OfficialServer[];
  readonly reservedNames: readonly ReservedName[];
  /** `official.json:12: servers.3.address is not HOST:PORT`; nothing of a faulty file is used. */
  readonly errors: readonly string[];
}

export function readOfficialFolder(folder: string): OfficialFolder {
  const servers: OfficialServer[] = [];
  const reservedNames: ReservedName[] = [];
  const errors: string[] = [];
  let names: string[];
  try {
    names = readdirSync(folder)
      .filter((name) => name.endsWith('.json'))
      .sort();
  } catch (error) {
    return { servers, reservedNames, errors: [`${folder}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`] };
  }
  for (const name of names) {
    const file = readOfficialFile(join(folder, name), name);
    servers.push(...file.servers);
    reservedNames.push(...file.reservedNames);
    errors.push(...file.errors);
  }
  return { servers: servers.slice(0, SERVER_LIMITS.officialServersMax), reservedNames, errors };
}

function readOfficialFile(path: string, name: string): OfficialFolder {
  const nothing = { servers: [], reservedNames: [] };
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    return { ...nothing, errors: [`${name}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`] };
  }
  const located = parseLocated(text);
  if ('message' in located) return { ...nothing, errors: [`${name}:${located.line}: ${located.message}`] };
  const read = officialFileSchema.safeParse(located.value);
  if (!read.success) {
    const errors = read.error.issues.map((issue) => {
      const path = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part));
      const unknown = issue.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
      const place = unknown === undefined ? path : [...path, unknown];
      const fault = unknown === undefined ? issue.message : 'is not a known field';
      return `${name}:${located.lineOf(place)}: ${place.join('.') || '(file)'} ${fault}`;
    });
    return { ...nothing, errors };
  }
  const servers = read.data.servers.map(officialServer);
  const own = read.data.servers.flatMap(({ name, key }) => [{ name, key: key?.toLowerCase() ?? null }]);
  const reserved = read.data.reservedNames.map(({ name, key }) => ({ name, key: key?.toLowerCase() ?? null }));
  return { servers, reservedNames: [...own, ...reserved], errors: [] };
}

function officialServer(server: z.infer<typeof officialServerSchema>): OfficialServer {
  const hostKey = server.key === undefined ? null : fromHex(server.key);
  const { name, game, map, mode, version, playersMax } = server;
  const announcement = cleanAnnouncement({
    ...{ name, game, map, mode, version, playersMax },
    public: true,
    passwordNeeded: false,
  });
  return {
    traversal: server.traversal,
    address: server.address ?? null,
    record: {
      hostId: hostKey === null ? `official-${nameDigest(`${name}\n${server.address}`)}` : hostIdOf(nodeCrypto, hostKey),
      hostKey: hostKey ?? new Uint8Array(32),
      code: '',
      announcement,
      players: 0,
      natType: 'public',
      verdict: 'open',
      delta: 0,
      observed: { address: '', port: 0 },
      rttMs: null,
      since: 0,
      generation: 0,
    },
  };
}

function nameDigest(text: string): string {
  return toBase32(createHash('sha256').update(text).digest()).slice(0, 17);
}

function portOf(text: string): number {
  return Number(text.slice(text.lastIndexOf(':') + 1));
}

/** Names become addresses (looked up again every hour); one that can't be resolved keeps its name. */
export async function resolveOfficial(servers: readonly OfficialServer[]): Promise<readonly OfficialServer[]> {
  return Promise.all(
    servers.map(async (server) => {
      const text = server.address;
      if (text === null) return server;
      const host = text.slice(0, text.lastIndexOf(':')).replace(/^\[|\]$/g, '');
      if (isIP(host) !== 0) return server;
      try {
        const found = await lookup(host);
        const shown = found.family === 6 ? `[${found.address}]` : found.address;
        return { ...server, address: `${shown}:${portOf(text)}` };
      } catch {
        return server;
      }
    }),
  );
}
