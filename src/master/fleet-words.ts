/** What the nodes of a fleet say to each other, and an operator to them: each word sealed (`backplane.ts`), and checked here. */
import { z } from 'zod';
import { banFactSchema } from './fleet-bans.ts';
import { memberSchema } from './fleet-members.ts';
import { heldNameSchema } from './fleet-names.ts';
import { SERVER_LIMITS } from './limits.ts';

/** All of a fleet hear it; a subject for each node would tell nobody more. */
export const FLEET_SUBJECT = 'sallyport.fleet';

const hereSchema = z.object({
  say: z.literal('here'),
  name: z.string(),
  instance: z.string(),
  members: z.array(memberSchema).max(SERVER_LIMITS.membersMax),
  bans: z.string(),
  names: z.string(),
  /** How many words of its hosts it has said: who has heard fewer asks. */
  hostWords: z.int().min(0),
  version: z.string().max(64),
  hosts: z.number(),
  sessions: z.number(),
  draining: z.boolean(),
});
export type NodeSeen = z.infer<typeof hereSchema>;

const hostsSchema = z.object({
  say: z.literal('hosts'),
  name: z.string(),
  instance: z.string(),
  /** It says all that has changed behind the first number, up to and with the second. */
  base: z.int().min(0),
  seq: z.int().min(1),
  /** Of these buckets, from the first up to before the second, it names every host: whoever is not named is not there. Null: a change. */
  range: z.tuple([z.int().min(0), z.int().max(SERVER_LIMITS.fleetHostBuckets)]).nullable(),
  /** The identity of a host and its entry, read one by one: one that a newer version writes otherwise costs no more than itself. */
  changed: z.array(z.tuple([z.string().max(64), z.unknown()])),
  gone: z.array(z.string().max(64)),
});
export type HostsWord = z.infer<typeof hostsSchema>;

export const wordSchema = z.discriminatedUnion('say', [
  hereSchema,
  hostsSchema,
  /** To one node as it runs now, by one that has heard its words up to this number. */
  z.object({ say: z.literal('hosts-ask'), instance: z.string(), after: z.int().min(0) }),
  z.object({ say: z.literal('who') }),
  z.object({ say: z.literal('bans'), facts: z.array(banFactSchema).max(SERVER_LIMITS.banFactsAtOnce) }),
  z.object({ say: z.literal('names'), names: z.array(heldNameSchema).max(SERVER_LIMITS.banFactsAtOnce) }),
  /** To one node as it runs now, by one that holds other names. */
  z.object({ say: z.literal('name-sums'), instance: z.string(), sums: z.string() }),
  z.object({ say: z.literal('members'), members: z.array(memberSchema).max(SERVER_LIMITS.membersMax) }),
  /** What the operator's channels have been told of, so that whoever is first for a host after us does not tell it again. */
  z.object({
    say: z.literal('told'),
    keys: z.array(z.string().max(SERVER_LIMITS.toldBytesMax)).max(SERVER_LIMITS.toldAtOnce),
  }),
  /** To one node, as it runs now: a repetition after its next start is for nobody. */
  z.object({ say: z.literal('drain'), instance: z.string() }),
]);
export type FleetWord = z.infer<typeof wordSchema>;
