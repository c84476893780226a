/** Commands of the local page, checked before anything acts on them. The page says what is wrong, beside the field. */
import { z } from 'zod';
import { parseServices } from '../core/index.ts';
import type { LocalCommand } from './local-api.ts';

/** Sixteen of the longest. */
const services = z
  .string()
  .trim()
  .max(1024)
  .refine((text) => !('problem' in parseServices(text)));
const port = z.int().min(0).max(65_535);
/** Like `stun.example.org:3478`. */
const hostPort = z.string().regex(/^(\[[0-9a-fA-F:]+\]|[\w.-]+):\d{1,5}$/);

export const settingsSchema = z
  .object({
    master: z.string().max(512),
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
    relay: z.enum(['allow', 'never', 'only']),
    favourites: z.array(z.object({ code: z.string().max(16), name: z.string().max(64) })).max(200),
    recent: z.array(z.object({ code: z.string().max(16), name: z.string().max(64), at: z.number() })).max(20),
  })
  .partial();

export const commandSchema = z.discriminatedUnion('do', [
  z.object({
    do: z.literal('host'),
    services,
    name: z.string().trim().min(1).max(48),
    game: z.string().max(32),
    playersMax: z.int().min(1).max(64),
    public: z.boolean(),
    password: z.string().max(128),
    ask: z.boolean(),
  }),
  z.object({ do: z.literal('unhost') }),
  z.object({ do: z.literal('admit'), friend: z.string().max(64), admit: z.boolean() }),
  z.object({ do: z.literal('kick'), friend: z.string().max(64) }),
  z.object({ do: z.literal('ban'), friend: z.string().max(64), network: z.boolean() }),
  z.object({
    do: z.literal('unban'),
    ban: z.discriminatedUnion('by', [
      z.object({ by: z.literal('friend'), friend: z.string().max(64) }),
      z.object({ by: z.literal('network'), network: z.string().max(64) }),
    ]),
  }),
  z.object({
    do: z.literal('join'),
    target: z.string().trim().min(1).max(512),
    password: z.string().max(128),
    localPort: port,
    newKey: z.boolean().optional(),
  }),
  z.object({ do: z.literal('abort'), join: z.int() }),
  z.object({ do: z.literal('forget'), join: z.int() }),
  z.object({ do: z.literal('check') }),
  z.object({ do: z.literal('map-port') }),
  z.object({ do: z.literal('list') }),
  z.object({ do: z.literal('settings'), settings: settingsSchema }),
  z.object({ do: z.literal('quit') }),
]) satisfies z.ZodType<LocalCommand>;
