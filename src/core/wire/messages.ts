/**
 * The control messages inside the sealed session between a participant and the master, each stated once: its number, its fields
 * in the order of their bytes, what it is answered by. The types, the bytes and the tables in docs/protocol.md come from here.
 * Requests carry a 16-bit id, are idempotent and repeated at 250/500/1000 ms (8 tries) with that id (docs/reference/security.md §3.2).
 *
 * A message is a type byte, then its fields. Bytes after the last known field are ignored (padding, and what later versions
 * append); a number we do not know is malformed to us, so the datagram is dropped.
 */

import type { Reader, Writer } from '../bytes.ts';
import { PATH_KINDS, type PathKind } from '../model/pair.ts';
import { REFUSALS } from '../model/progress.ts';
import { entry } from './entry-wire.ts';
import { announcement, code, codeTold, endpoint, failure, key, page, permit, sid } from './fields.ts';
import { WIRE_LIMITS } from './limits.ts';
import { nodeList } from './nodes.ts';
import { natType, profile } from './profile-wire.ts';
import { RELAY_TOKEN_BYTES, relayGrant, relayPlace } from './relay.ts';
import {
  appended,
  blob,
  bytes,
  constant,
  type Field,
  type Fields,
  many,
  nested,
  optional,
  refine,
  type StructOf,
  struct,
  text,
  u8,
  u16,
  u32,
  word,
} from './struct.ts';

/** The most that the opaque `handshake` of a join or an answer may be: what fits a datagram beside everything else. */
export const HANDSHAKE_BYTES_MAX = 880;

/** 16 bytes, chosen by the client at random, unique for ever; the first 8 name the session in punch probes. */
export type SessionId = Uint8Array;

interface Message {
  /** Its type byte. */
  readonly number: number;
  readonly fields: Fields;
}
type Messages = Readonly<Record<string, Message>>;
type MessageOf<Table extends Messages> = {
  [Type in keyof Table & string]: { readonly type: Type } & StructOf<Table[Type]['fields']>;
}[keyof Table & string];

const pathOrNone: Field<PathKind | null> = refine(
  word(['none', ...PATH_KINDS]),
  (path: PathKind | null) => path ?? 'none',
  (told) => (told === 'none' ? null : told),
);
const family: Field<4 | 6> = refine(
  u8,
  (value: 4 | 6) => value,
  (told) => (told === 6 ? 6 : 4),
);
/** Sealed end to end; `n` counts up per direction and removes repetitions. */
const step = { sid, n: u32, sealed: blob(WIRE_LIMITS.stepBytesMax) };
/** The order that a failure is told in. */
const refusal = { sid, retryAfterMs: u32, failure };
/** `ahead` others (0 to 255) are answered before this one. */
const hold = { sid, ahead: u8 };
/** Who comes through a relay only: the other side is told neither its address nor anything by which it could be probed. */
const hidden: Field<boolean> = refine(
  u8,
  (value: boolean) => (value ? 1 : 0),
  (told) => told !== 0,
);
/** Noise IK of the two participants, opaque to the master. */
const handshake = blob(HANDSHAKE_BYTES_MAX);
/** `relay`: the grant for a pair of this session at a relay; none from a master without relays. */
const relayed = {
  ...{ sid, observed: many(endpoint, WIRE_LIMITS.observedMax, 'endpoints'), permit, handshake },
  relay: optional(relayGrant),
};

export const RESPONSES = {
  /**
   * `observed`: where the request came from. `nodes`: the serial of the list of nodes; 0 where the master is no fleet, as before there
   * were any. It comes with the answer to each echo and each heartbeat, so that nobody has to ask whether the list has changed.
   */
  ok: { number: 1, fields: { observed: endpoint, nodes: appended(u32, 0) } },
  registered: { number: 2, fields: { code: codeTold, hostId: text(32), observed: endpoint, page } },
  resolved: { number: 3, fields: { hostKey: key, entry } },
  /** `next`: where to go on; empty at the end. */
  entries: { number: 4, fields: { next: text(64), entries: many(entry, WIRE_LIMITS.listPageMax, 'entries') } },
  failed: { number: 5, fields: { failure, why: word(REFUSALS), retryAfterMs: u32 } },
  granted: { number: 6, fields: { relay: relayGrant } },
  relays: { number: 7, fields: { relays: many(relayPlace, WIRE_LIMITS.relaysMax, 'relays') } },
  nodes: { number: 8, fields: nodeList },
} as const satisfies Messages;

interface RequestMessage extends Message {
  /** What the master answers where it does not fail. */
  readonly answer: Exclude<keyof typeof RESPONSES, 'failed'>;
  /** It buys the other side probes towards the address that it comes from, so it is padded to the largest datagram. */
  readonly pays?: true;
}

export const REQUESTS = {
  register: {
    number: 1,
    /**
     * `code`: what the host's key gives (`model/code.ts`), derived by the host, believed by the master until another claims it.
     * `generation`: of two programs that host with one key at different nodes of a fleet the larger one is the host.
     */
    fields: { code, players: u16, announcement: nested(announcement), profile: optional(profile), generation: u32 },
    answer: 'registered',
  },
  /** Null: unchanged. */
  heartbeat: {
    number: 2,
    fields: { players: u16, announcement: optional(announcement), profile: optional(profile) },
    answer: 'ok',
  },
  goodbye: { number: 3, fields: {}, answer: 'ok' },
  resolve: { number: 4, fields: { code: text(16) }, answer: 'resolved' },
  /**
   * Sent from the socket that will punch: its source address, seen by the master inside an authenticated datagram, is the
   * reflexive candidate (docs/seed.md S7). `handshake` is Noise IK message 1 for the host.
   */
  join: { number: 5, fields: { sid, hidden, hostKey: key, handshake }, answer: 'ok', pays: true },
  /** The host's answer to an offer, sent from its punching socket. */
  answer: { number: 6, fields: { sid, hidden, handshake }, answer: 'ok', pays: true },
  refuse: { number: 7, fields: refusal, answer: 'ok' },
  step: { number: 8, fields: step, answer: 'ok' },
  credit: { number: 9, fields: { sid, n: u32 }, answer: 'ok', pays: true },
  /** Statistics by pair of NATs (no addresses); `path` is null where none came up. */
  done: {
    number: 10,
    fields: {
      sid,
      outcome: word(['aborted', 'path']),
      path: pathOrNone,
      clientNat: natType,
      hostNat: natType,
      family,
      method: text(32),
      attempts: u32,
      elapsedMs: u32,
      packetsSent: u32,
    },
    answer: 'ok',
  },
  list: { number: 11, fields: { after: text(64), game: text(WIRE_LIMITS.announcedTextBytesMax) }, answer: 'entries' },
  echo: { number: 12, fields: {}, answer: 'ok' },
  /** Of a host, before it answers: a person is asked. */
  hold: { number: 13, fields: hold, answer: 'ok' },
  /** Whoever has a token that has become too old gets another for the same end of the same pair. */
  relay: { number: 14, fields: { token: bytes(RELAY_TOKEN_BYTES) }, answer: 'granted' },
  relays: { number: 15, fields: {}, answer: 'relays' },
  /** Asked only where `ok` has told of a list. */
  nodes: { number: 16, fields: {}, answer: 'nodes' },
} as const satisfies Readonly<Record<string, RequestMessage>>;

export const PUSHES = {
  offer: { number: 1, fields: relayed },
  answered: { number: 2, fields: relayed },
  refused: { number: 3, fields: refusal },
  step: { number: 4, fields: step },
  credited: { number: 5, fields: { sid, permit } },
  over: { number: 6, fields: { sid, outcome: word(['expired', 'path', 'aborted']) } },
  'going-away': { number: 7, fields: { afterMs: u32 } },
  /** What the host has said by `hold`. */
  held: { number: 8, fields: hold },
  /** To a host: another session hosts with your key now. */
  replaced: { number: 9, fields: {} },
} as const satisfies Messages;

/** Participant to master. Each is answered by the `Response` of the same id. */
export type Request = MessageOf<typeof REQUESTS>;
export type Response = MessageOf<typeof RESPONSES>;
/** Master to participant, unasked; repeated until acknowledged likewise. */
export type Push = MessageOf<typeof PUSHES>;

/** What answers this request where it does not fail. */
export function answerTo(request: Request): Response['type'] {
  return REQUESTS[request.type].answer;
}

export function pays(request: Request): boolean {
  const message: RequestMessage = REQUESTS[request.type];
  return message.pays === true;
}

interface Codec<Any> {
  write(writer: Writer, message: Any): void;
  /** Null where malformed. */
  read(reader: Reader): Any | null;
}

function codecOf<Table extends Messages>(table: Table): Codec<MessageOf<Table>> {
  const bodies: Record<string, Field<unknown>> = {};
  const byNumber: (Field<unknown> | undefined)[] = [];
  for (const [type, { number, fields }] of Object.entries(table)) {
    const body = struct({ type: constant(type), ...fields });
    bodies[type] = body;
    byNumber[number] = body;
  }
  return {
    write(writer, message) {
      writer.u8((table[message.type] as Message).number);
      (bodies[message.type] as Field<unknown>).write(writer, message);
    },
    read(reader) {
      const message = byNumber[reader.u8()]?.read(reader);
      return message !== undefined && reader.ok ? (message as MessageOf<Table>) : null;
    },
  };
}

export const { write: writeRequest, read: readRequest } = codecOf(REQUESTS);
export const { write: writeResponse, read: readResponse } = codecOf(RESPONSES);
export const { write: writePush, read: readPush } = codecOf(PUSHES);
