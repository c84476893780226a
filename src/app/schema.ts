/**
 * The local interface `/v1` as schemas: commands are checked by them before anything acts, and the OpenAPI document is made of them
 * (`openapi.ts`). The types stand in `local-api.ts`, which the page shares; the compiler holds both together.
 */
import { z } from 'zod';
import type { LanServer, PathInfo } from '../agent/index.ts';
import type { ListEntry, NatProfile } from '../core/index.ts';
import { LIMITS } from '../core/limits.ts';
import { PATH_KINDS } from '../core/model/pair.ts';
import { parseServices } from '../core/model/service.ts';
import { APP_LIMITS } from './limits.ts';
import type {
  BanView,
  FriendFigures,
  FriendView,
  HostingView,
  JoinFigures,
  LocalAnswer,
  LocalCommand,
  LocalError,
  LocalJoin,
  LocalSettings,
  LocalState,
} from './local-api.ts';

/** Sixteen of the longest. */
const services = z
  .string()
  .trim()
  .max(1024)
  .refine((text) => !('problem' in parseServices(text)));
const port = z.int().min(0).max(65_535);
/** Like `stun.example.org:3478`. */
const hostPort = z.string().regex(/^(\[[0-9a-fA-F:]+\]|[\w.-]+):\d{1,5}$/);
const relay = z.enum(['allow', 'never', 'only']);
const friend = z.string().max(64).describe('`friend` of a row of `hosting.friends`');

const settings = z.object({
  master: z.string().max(LIMITS.pastedCharactersMax),
  stun: z.array(hostPort).max(32),
  localPort: port,
  playersMax: z.int().min(1).max(64),
  language: z.string().max(8),
  streamerMode: z.boolean(),
  hostName: z.string().max(48),
  hostGame: z.string().max(32),
  hostPortCustom: z.boolean(),
  hostServices: services,
  playerName: z.string().max(32),
  announceOnLan: z.boolean(),
  relay,
  ownMaster: z.boolean().describe('a masterserver in this program, started with it'),
  linksAsked: z.boolean().describe('the person has been asked whether this program is to open links'),
  favourites: z.array(z.object({ code: z.string().max(16), name: z.string().max(64) })).max(200),
  recent: z
    .array(
      z.object({
        ...{ code: z.string().max(16), name: z.string().max(64), at: z.number() },
        link: z.string().max(512).optional().describe('what was pasted, where it names the masterserver'),
      }),
    )
    .max(20),
}) satisfies z.ZodType<LocalSettings>;

export const settingsSchema = settings.partial();

const ban = z
  .discriminatedUnion('by', [
    z.object({ by: z.literal('friend'), friend: z.string().max(64) }),
    z.object({ by: z.literal('network'), network: z.string().max(64) }),
  ])
  .describe('one friend, by its key, or everybody from where it was');

type CommandName = LocalCommand['do'];
type Fields<Name extends CommandName> = Omit<Extract<LocalCommand, { readonly do: Name }>, 'do'>;

/** The bodies of the commands, by name. */
export const COMMANDS = {
  host: z
    .object({
      services: services.describe('as of the command: `30000`, `64738/udp+tcp`, `2456-2457`, `192.168.1.50:30000`'),
      name: z.string().trim().min(1).max(48).default('game').describe('what friends see'),
      game: z.string().max(32).default(''),
      playersMax: z.int().min(1).max(64).default(LIMITS.playersMaxDefault),
      public: z.boolean().default(false).describe('in the list of the masterserver'),
      password: z.string().max(128).default('').describe('empty: none'),
      ask: z.boolean().default(false).describe('each friend waits for `admit`'),
    })
    .describe(
      'Begins to host a game of this computer; the answer has `code` and `link`. `hosting` shows them too, and who comes.',
    ),
  unhost: z.object({}).describe('Ends hosting; friends are told. A program that only hosts ends with it.'),
  admit: z.object({ friend, admit: z.boolean() }).describe('Answers for a friend that asks.'),
  kick: z.object({ friend }).describe('Ends the connections of a friend; it may come again.'),
  ban: z
    .object({ friend, network: z.boolean().describe('everybody from where the friend is now, too') })
    .describe('Ends the connections of a friend and keeps it out, over restarts.'),
  unban: z.object({ ban }).describe('Lifts a ban of `hosting.bans`.'),
  join: z
    .object({
      target: z
        .string()
        .trim()
        .min(1)
        .max(LIMITS.pastedCharactersMax)
        .describe('a join code, a link, or a message with one of them in it'),
      password: z.string().max(128).default('').describe('empty: none'),
      localPort: port.default(0).describe("where the game connects to; 0: the host's own number, or any free one"),
      newKey: z.boolean().optional().describe('a person has asked the host: take another key than the one known'),
      name: z.string().max(32).optional().describe('how the host sees this player'),
      waitMs: z
        .int()
        .min(0)
        .max(APP_LIMITS.joinWaitMsMax)
        .optional()
        .describe('the answer waits so long for a path, or for what keeps it from coming (default 0)'),
    })
    .describe(
      'Joins a host; `joins` shows how far it is, the answer says which it is. With `waitMs` it has `phase`, `local` and `kind`, or is the failure.',
    ),
  abort: z
    .object({ join: z.int() })
    .describe('Ends a join or leaves the host. A program that only joins ends with it.'),
  forget: z.object({ join: z.int() }).describe('Removes a join from the document.'),
  check: z.object({}).describe('Measures the own network anew; the answer has the `profile`.'),
  'map-port': z.object({}).describe('Asks the router once more to open a port.'),
  links: z
    .object({ on: z.boolean() })
    .describe(
      'Opens `sallyport://` links of this user with this program from now on, or no more; `opensLinks` says what has come of it.',
    ),
  'own-master': z
    .object({ on: z.boolean() })
    .describe(
      'Starts a masterserver in this program where strangers get in, or ends it; `ownMaster` says what has come of it.',
    ),
  list: z.object({}).describe('Fetches the public servers; the answer has them, and `servers` shows them.'),
  stats: z
    .object({})
    .describe('Answers the joins and friends in short, each with its figures: what a game looks at every second.'),
  paths: z.object({}).describe('Answers all ways of each connection, the one that carries the data among them.'),
  settings: z.object({ settings: settingsSchema }).describe('Changes settings, those that are given.'),
  quit: z.object({}).describe('Ends the program as Ctrl+C does.'),
} as const satisfies { readonly [Name in CommandName]: z.ZodType<Fields<Name>> };

const path = z.object({
  kind: z.enum(PATH_KINDS),
  via: z.string().nullable().describe('the name of the relay that carries the data'),
});
const nullablePath = { kind: path.shape.kind.nullable(), via: path.shape.via };
const failureCode = z.string().describe('a code of docs/library.md, "Failures"');
const timestamp = z.number().describe('milliseconds since 1970');

const service = z.object({ port: z.int(), protocols: z.enum(['udp', 'tcp', 'udp+tcp']) });

const friendView = z.object({
  friend: z.string().describe('who it is: the beginning of the hash of its key for this host'),
  instance: z.string().describe('which of its programs'),
  name: z.string(),
  fingerprint: z.string(),
  knownAs: z.string().nullable(),
  state: z.enum(['asking', 'waiting', 'knocking', 'queued', 'connected', 'left', 'refused']),
  ...nullablePath,
  rttMs: z.number().nullable(),
  loss: z.number().nullable().describe('share of our datagrams that it did not hear, over the last seconds'),
  seenAs: z.string().nullable().describe('the address by which the game sees it'),
  seat: z.string().nullable().describe('the same with the port of its first program'),
  connectedAt: timestamp.nullable(),
  words: z.string().nullable().describe('four words to compare by voice'),
}) satisfies z.ZodType<FriendView>;

const banView = z.object({
  ban,
  name: z.string(),
  fingerprint: z.string().nullable(),
  at: timestamp,
}) satisfies z.ZodType<BanView>;

const hosting = z.object({
  state: z.enum(['starting', 'open', 'replaced', 'failed']),
  failure: failureCode.nullable() as z.ZodType<HostingView['failure']>,
  name: z.string(),
  services: z.array(service.extend({ address: z.string() })).describe('what friends reach, by number'),
  code: z.string(),
  link: z.string(),
  invite: z
    .string()
    .describe('to be sent to a friend: an address of the web page of the masterserver, or `link` where it has none'),
  silentPorts: z.array(z.int()).describe('ports whose game does not answer'),
  uploadFull: z.boolean().describe('the game sends more than this line takes, so the largest updates are left out'),
  addressesShared: z.boolean().describe('the game sees friends as ports, not as addresses of their own'),
  copied: z.boolean(),
  friends: z.array(friendView),
  bans: z.array(banView),
  wrongPasswords: z.number(),
}) satisfies z.ZodType<HostingView>;

/** What is looked at by the page and by nobody else is described no further. */
const opaque = <Value>(about: string): z.ZodType<Value> => z.custom<Value>().describe(about);

const join = z.object({
  id: z.int(),
  target: z.string(),
  newKey: z.boolean(),
  ended: z.enum(['left', 'kicked']).nullable(),
  startedAt: timestamp,
  portTaken: z.number().nullable(),
  seatsFull: z.boolean(),
  local: z.string().describe('where the game connects to; empty before there is one'),
  services: z
    .array(service.extend({ local: z.string() }))
    .describe('all that the host lets us reach, and where it is on this computer'),
  phase: z.enum(['resolving', 'networks', 'punching', 'connected', 'stopped', 'failed']),
  stage: opaque<LocalJoin['stage']>('as in the line `stage` of docs/command.md'),
  why: opaque<LocalJoin['why']>('why it waits; null where it does not'),
  hostName: z.string(),
  found: z.boolean(),
  failure: failureCode.nullable() as z.ZodType<LocalJoin['failure']>,
  detail: opaque<LocalJoin['detail']>('the true cause of the failure, where there is more to it than its code'),
  endedAtMs: z.number().nullable(),
  own: opaque<LocalJoin['own']>('the own network'),
  peer: opaque<LocalJoin['peer']>('the network of the host'),
  attempts: opaque<LocalJoin['attempts']>('the attempts so far'),
  log: opaque<LocalJoin['log']>('the structured log'),
  packetsSent: z.number(),
  hard: opaque<LocalJoin['hard']>('the pair has proved to be a hard one: the chance, and what would help'),
  relayedOnly: z.boolean(),
  notDirect: opaque<LocalJoin['notDirect']>('why it goes through a relay; null where it does not'),
  hostLeft: z.boolean().describe('the host has ended and is waited for'),
  silent: z.boolean().describe('little or nothing comes from the host, on any way: it may have gone'),
  gamesQuiet: z
    .array(z.object({ service: z.int(), state: z.enum(['absent', 'silent']) }))
    .describe("services whose game does not answer, as the host's program says"),
  path: path
    .extend({
      remote: z.object({ address: z.string(), port: z.number() }),
      rttMs: z.number(),
      elapsedMs: z.number(),
      payloadBytesMax: z.number(),
      words: z.string(),
    })
    .nullable(),
}) satisfies z.ZodType<LocalJoin>;

export const stateSchema = z.object({
  v: z.literal(1),
  n: z.int().describe('counts the changes; the answer to a command names the one that shows what it did'),
  version: z.string(),
  program: z.enum(['app', 'sidecar', 'host', 'join']),
  name: z.string(),
  pid: z.int(),
  master: z.object({
    link: z.string(),
    state: z.enum(['none', 'connecting', 'up', 'lost']),
    failure: failureCode.nullable() as z.ZodType<LocalState['master']['failure']>,
    rttMs: z.number().nullable(),
  }),
  servers: z.array(opaque<ListEntry>('as in `sallyport list --json`')),
  serversAt: timestamp.nullable(),
  serversFailure: failureCode.nullable() as z.ZodType<LocalState['serversFailure']>,
  profile: opaque<NatProfile | null>('the own network, as in `sallyport check --json`'),
  unmeasured: z
    .enum(['probe-ports', 'rewritten', 'from-inside', 'nobody-answers', 'not-now'])
    .nullable()
    .describe(
      "why the profile tells nothing (the masterserver's probe ports are silent, something rewrites where it sees us, only somebody in our own network has answered, or nobody), or nothing new; null: it was measured",
    ),
  profileAt: timestamp.nullable(),
  checking: z.boolean(),
  payloadBytesMax: z.number(),
  probes: z.array(z.object({ destination: z.string(), seenAs: z.string().nullable() })),
  hosting: hosting.nullable(),
  opensLinks: z
    .boolean()
    .nullable()
    .describe('does this program open `sallyport://` links? null: it can not see to that'),
  ownMaster: z
    .object({
      state: z.enum(['off', 'starting', 'on', 'shut', 'impossible']),
      because: z.enum(['no-way-in', 'carrier', 'port-taken', 'failed']).nullable(),
      way: z.enum(['public', 'mapped', 'pinhole']).nullable(),
      link: z.string(),
    })
    .nullable()
    .describe('a masterserver in this program; null where it can have none'),
  joins: z.array(join),
  lan: z.array(opaque<LanServer>('a server of the local network')),
  settings: settings.nullable(),
}) satisfies z.ZodType<LocalState>;

const errorSchema = z.object({
  code: z.string().describe('of docs/library.md, "Failures", or of the table in docs/interface.md') as z.ZodType<
    LocalError['code']
  >,
  what: z.string(),
  why: z.string(),
  next: z.string(),
  hint: z.string().describe('the same as `next`'),
  retryable: z.boolean().describe('trying again may help without anything changed'),
  field: z.string().nullable().describe('the part of the body that is wrong'),
}) satisfies z.ZodType<LocalError>;

const figures = z.object({
  kind: path.shape.kind,
  via: path.shape.via,
  rttMs: z.number(),
  jitterMs: z.number(),
  sent: z.int().describe('datagrams of the game'),
  received: z.int(),
  lost: z.int().describe('of all that this side has sent: those that the other side did not hear'),
});

const joinFigures = z.object({
  join: z.int(),
  phase: join.shape.phase,
  local: join.shape.local,
  hostName: z.string(),
  failure: join.shape.failure,
  ended: join.shape.ended,
  figures: figures.nullable().describe('null while there is no path'),
}) satisfies z.ZodType<JoinFigures>;

const friendFigures = z.object({
  friend: friendView.shape.friend,
  instance: friendView.shape.instance,
  name: z.string(),
  seat: friendView.shape.seat,
  figures,
}) satisfies z.ZodType<FriendFigures>;

export const doneSchema = z.object({
  ok: z.literal(true),
  n: z.int().describe('the document shows it from this `n` on'),
  join: z.int().optional().describe('of `join`: which it is'),
  phase: join.shape.phase.optional().describe('of `join`, how far it is'),
  local: z.string().optional().describe('of `join`, where the game connects to; empty before there is a path'),
  kind: path.shape.kind.nullable().optional().describe('of `join`, which way it goes'),
  code: z.string().optional().describe('of `host`, what friends type'),
  link: z.string().optional().describe('of `host`, the same with the masterserver'),
  invite: z.string().optional().describe('of `host`, to be sent to a friend'),
  servers: stateSchema.shape.servers.optional().describe('of `list`'),
  profile: stateSchema.shape.profile.optional().describe('of `check`'),
  joins: z.array(joinFigures).optional().describe('of `stats`'),
  friends: z.array(friendFigures).optional().describe('of `stats`, those that are connected'),
  connections: z
    .array(
      z.object({
        join: z.int().nullable(),
        friend: z.string().nullable(),
        ways: z.array(opaque<PathInfo>('as `paths` of docs/library.md')),
      }),
    )
    .optional()
    .describe('of `paths`'),
}) satisfies z.ZodType<Extract<LocalAnswer, { readonly ok: true }>>;
export const refusedSchema = z.object({ ok: z.literal(false), error: errorSchema });

/** What a program writes down for those who may command it (`token-file.ts`). */
export const tokenFileSchema = z.object({
  v: z.literal(1),
  url: z.string().regex(/^http:\/\/127\.0\.0\.1:\d{1,5}$/),
  token: z.string().min(16).max(128),
  pid: z.int().positive(),
  program: stateSchema.shape.program,
  name: z.string().max(512).describe('of the host (`--as`); of a join the code'),
  startedAt: timestamp,
});
