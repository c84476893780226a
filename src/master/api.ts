/**
 * The HTTP interface of the masterserver as zod schemas: the server validates with them, `/api/v1/openapi.json` is generated
 * from them, and the web app imports the types (types only). No address of a player is in any of them (SECURITY.md row 17);
 * `address` exists only for servers that the operator has configured as official and public.
 */
import { z } from 'zod';

export const API = {
  servers: '/api/v1/servers',
  events: '/api/v1/events',
  master: '/api/v1/master',
  openapi: '/api/v1/openapi.json',
  admin: '/api/v1/admin',
} as const;

const natTypes = [
  'public',
  'port-preserving-cone',
  'cone',
  'address-sensitive',
  'port-sensitive',
  'blocked',
  'unknown',
] as const;
export const natTypeSchema = z.enum(natTypes).meta({ id: 'NatType' });
export const verdictSchema = z.enum(['open', 'moderate', 'strict']).meta({ id: 'Verdict' });
const instant = z.int().describe('Unix time in milliseconds');
const hostId = z.string().max(64);

export const serverSchema = z
  .object({
    hostId: hostId.describe('Identity of the host: base32 of the hash of its key'),
    code: z.string().describe('Join code, 10 symbols; empty for an official server without an agent'),
    name: z.string(),
    game: z.string(),
    map: z.string(),
    mode: z.string(),
    version: z.string(),
    players: z.int().describe('As the host says; never ranks one server above another by itself'),
    playersMax: z.int().describe('0 = the host does not say'),
    passwordNeeded: z.boolean(),
    natType: natTypeSchema,
    verdict: verdictSchema,
    natDelta: z.int().nullable().describe('Signed step per new mapping, 0 for a cone, null when unpredictable'),
    section: z.enum(['local', 'official', 'community']).describe('local: shares your public address'),
    pingEstimateMs: z
      .int()
      .nullable()
      .describe('Round trip host to master, plus the `rtt` of the request; null = not measured'),
    verifiedAt: instant.nullable().describe('When the master itself last joined this host; null = not proven'),
    firstSeenAt: instant,
    lastSeenAt: instant,
    returning: z.boolean().describe('Known from before a restart of the master, not heard of since'),
    address: z.string().nullable().describe('Official public servers only: join it directly, without traversal'),
  })
  .meta({ id: 'Server' });
export type Server = z.infer<typeof serverSchema>;

export const sortKeys = ['best', 'ping', 'name', 'players', 'map', 'game', 'network', 'up'] as const;
export type SortKey = (typeof sortKeys)[number];

const flag = z.stringbool();
export const serversQuerySchema = z.object({
  game: z.string().max(64).optional().describe('Exactly this game'),
  q: z.string().max(64).optional().describe('Text in name, game, map or mode; case does not matter'),
  section: z.enum(['official', 'community']).optional(),
  verified: flag.optional().describe('Only servers the master itself could join'),
  notFull: flag.optional(),
  withPlayers: flag.optional(),
  pingMax: z.coerce.number().int().min(1).max(10_000).optional(),
  sort: z.enum(sortKeys).default('best'),
  descending: flag.default(false),
  limit: z.coerce.number().int().min(1).max(500).default(100),
  after: z.string().max(512).optional().describe('`next` of the page before'),
  rtt: z.coerce.number().min(0).max(10_000).optional().describe('Your own round trip to the master in milliseconds'),
});
export type ServersQuery = z.infer<typeof serversQuerySchema>;

export const serversPageSchema = z
  .object({
    generation: z.int().describe('Counts up with every change of the list'),
    whole: z
      .boolean()
      .describe(
        'False while a node of a fleet can not hear the others: servers registered at those alone may be missing',
      ),
    at: instant,
    total: z.int().describe('How many match the query, over all pages'),
    sections: z.object({ local: z.int(), official: z.int(), community: z.int() }).describe('The same by section'),
    games: z
      .array(z.object({ game: z.string(), servers: z.int() }))
      .describe('The most frequent games of the whole list'),
    servers: z.array(serverSchema),
    next: z.string().nullable().describe('Give it as `after`; null = this is the last page'),
  })
  .meta({ id: 'ServersPage' });
export type ServersPage = z.infer<typeof serversPageSchema>;

/** `event: change` of `/api/v1/events`; `event: reset` (too many changes to tell) carries only the generation. */
export const listChangeSchema = z
  .object({ generation: z.int(), changed: z.array(serverSchema), gone: z.array(hostId) })
  .meta({ id: 'ListChange' });
export type ListChange = z.infer<typeof listChangeSchema>;

export const downloadSchema = z
  .object({
    name: z.string(),
    path: z.string().describe('Of this server'),
    bytes: z.int(),
    system: z.enum(['linux', 'macos', 'windows']).nullable().describe('By its name; null = no program, or not told'),
    machine: z.enum(['x64', 'arm64']).nullable(),
  })
  .meta({ id: 'Download' });
export type Download = z.infer<typeof downloadSchema>;

export const masterInfoSchema = z
  .object({
    link: z.string().describe('For --master'),
    version: z.string(),
    contact: z.string().nullable().describe('How to reach whoever runs it; where to report abuse'),
    page: z.string().describe('Where people reach these pages, `https://ms.example.org`; empty = it does not know'),
    downloads: z
      .object({
        files: z.array(downloadSchema),
        at: z.string().nullable().describe('An address elsewhere'),
      })
      .describe('Where visitors get the program, as the operator says'),
  })
  .meta({ id: 'MasterInfo' });
export type MasterInfo = z.infer<typeof masterInfoSchema>;

/** RFC 9457. */
export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    errors: z.array(z.object({ field: z.string(), message: z.string() })).optional(),
  })
  .meta({ id: 'Problem' });
export type Problem = z.infer<typeof problemSchema>;

export const pairSchema = z
  .object({
    clientNat: natTypeSchema,
    hostNat: natTypeSchema,
    paths: z.int(),
    failures: z.int(),
    meanMs: z.number().nullable().describe('Mean time to a path'),
    meanAttempts: z.number().nullable(),
  })
  .meta({ id: 'NatPair' });
export type PairRow = z.infer<typeof pairSchema>;

export const overviewSchema = z
  .object({
    at: instant,
    upSince: instant,
    version: z.string(),
    draining: z.boolean(),
    hosts: z.object({ listed: z.int(), unlisted: z.int(), hidden: z.int(), official: z.int(), returning: z.int() }),
    sessions: z.int(),
    joinsPerMinute: z.number(),
    success: z.object({ paths: z.int(), failures: z.int(), medianMs: z.number().nullable() }),
    pairs: z.array(pairSchema).describe('7 x 7 at most; pairs without a traversal are left out'),
    store: z.object({ ok: z.boolean(), problem: z.string().nullable() }),
    webhooks: z.object({ queued: z.int(), delivered: z.int(), failed: z.int() }),
    eventLoopLagMs: z.number(),
    sourcesRewritten: z
      .object({ addresses: z.array(z.string()), since: instant })
      .nullable()
      .describe(
        'All participants come from these few local addresses: what stands in front hides where they are; null = not so',
      ),
    probePortsShut: z
      .array(z.object({ address: z.string(), since: instant }))
      .describe('Addresses of the master whose 16 probe ports let no question of several participants from outside in'),
    relay: z
      .object({
        pairs: z.int(),
        whole: z.int().describe('Pairs with both ends'),
        forwarded: z.int().describe('Datagrams since the start'),
        forwardedBytes: z.int(),
        dropped: z.int(),
        refused: z.int(),
      })
      .nullable()
      .describe('The relay of this master; null = it has none of its own'),
  })
  .meta({ id: 'Overview' });
export type Overview = z.infer<typeof overviewSchema>;

export const historyQuerySchema = z.object({ hours: z.coerce.number().int().min(1).max(720).default(24) });
export const historySchema = z
  .object({
    stepMs: z.int(),
    points: z.array(z.object({ at: instant, hosts: z.int(), joins: z.int(), paths: z.int(), failures: z.int() })),
  })
  .meta({ id: 'History' });
export type History = z.infer<typeof historySchema>;

export const adminHostSchema = serverSchema
  .extend({
    listed: z.boolean().describe('Shown in the public list'),
    hidden: z.boolean().describe('Public by its own wish, held back by a "not announced" rule'),
    origin: z.string().describe('Keyed pseudonym of its address, the same for the same address until the key changes'),
    hostKey: z.string().describe('Public key, hex'),
  })
  .meta({ id: 'AdminHost' });
export type AdminHost = z.infer<typeof adminHostSchema>;

export const adminHostsQuerySchema = z.object({
  q: z.string().max(64).optional().describe('Text in name, game, code, id or origin'),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});
export const adminHostsSchema = z
  .object({ total: z.int(), hosts: z.array(adminHostSchema) })
  .meta({ id: 'AdminHosts' });
export type AdminHosts = z.infer<typeof adminHostsSchema>;

const banScope = z
  .enum(['ban', 'unannounced'])
  .describe('ban: no announce, no list, no join. unannounced: may host by code, but is not listed or notified');
export const banInputSchema = z
  .object({
    kind: z.enum(['key', 'cidr', 'name', 'host-address']).describe('host-address: the address of the host `pattern`'),
    pattern: z.string().min(1).max(128).describe('Key or host id; CIDR; name with * and ?; host id'),
    scope: banScope.default('ban'),
    reason: z.string().max(200).default(''),
    expiresAt: instant.nullable().default(null),
  })
  .meta({ id: 'BanInput' });
export type BanInput = z.infer<typeof banInputSchema>;
export const banSchema = z
  .object({
    id: z.int(),
    kind: z.enum(['key', 'cidr', 'name']),
    pattern: z.string().describe('A CIDR that was taken from a host is shown as its pseudonym'),
    scope: banScope,
    reason: z.string(),
    createdAt: instant,
    expiresAt: instant.nullable(),
  })
  .meta({ id: 'Ban' });
export type AdminBan = z.infer<typeof banSchema>;

const auditEntrySchema = z
  .object({ id: z.int(), at: instant, act: z.string(), detail: z.string() })
  .meta({ id: 'AuditEntry' });

export const bansSchema = z.object({ bans: z.array(banSchema) }).meta({ id: 'Bans' });
export type AdminBans = z.infer<typeof bansSchema>;
export const auditSchema = z.object({ entries: z.array(auditEntrySchema) }).meta({ id: 'Audit' });
export type Audit = z.infer<typeof auditSchema>;
