/**
 * The byte layout of requests, responses and pushes: a type byte, then the fields in the order they are written here. One
 * table per direction, so that encoder and decoder of a message stand side by side. Bytes after the last known field are
 * ignored (padding, and what later versions append). Drawn in docs/protocol.md.
 */

import { Reader, type Writer } from '../bytes.ts';
import type { PathKind } from '../model/pair.ts';
import { readEntries, readEntry, writeEntries, writeEntry } from './entry-wire.ts';
import {
  readAnnouncement,
  readCode,
  readCodeTold,
  readEndpoint,
  readFailure,
  readKey,
  readMany,
  readPermit,
  readWord,
  writeAnnouncement,
  writeEndpoint,
  writeFailure,
  writeMany,
  writeNested,
  writePermit,
  writeWord,
} from './fields.ts';
import { WIRE_LIMITS } from './limits.ts';
import { HANDSHAKE_BYTES_MAX, type Push, type Request, type Response } from './messages.ts';
import { NAT_TYPES, PROFILE_BYTES_MAX, readProfile, writeProfile } from './profile-wire.ts';

interface Codec<Message> {
  readonly number: number;
  write(writer: Writer, message: Message): void;
  read(reader: Reader): Message;
}
type Codecs<Message extends { readonly type: string }> = {
  readonly [Type in Message['type']]: Codec<Extract<Message, { readonly type: Type }>>;
};

const PATH_KINDS = ['none', 'direct', 'lan', 'mapped', 'ipv6', 'relay'] as const satisfies readonly (
  | PathKind
  | 'none'
)[];
const ANNOUNCEMENT_BYTES_MAX = 8 + WIRE_LIMITS.announcedNameBytesMax + 4 * (WIRE_LIMITS.announcedTextBytesMax + 1);

const readSid = (reader: Reader): Uint8Array => reader.take(WIRE_LIMITS.sessionIdBytes).slice();

function readHandshake(reader: Reader): Uint8Array {
  const handshake = reader.blob16();
  if (handshake.length > HANDSHAKE_BYTES_MAX) reader.fail();
  return handshake.slice();
}

function readStepBody(reader: Reader): Uint8Array {
  const sealed = reader.blob16();
  if (sealed.length > WIRE_LIMITS.stepBytesMax) reader.fail();
  return sealed.slice();
}

type Beat = Extract<Request, { type: 'register' | 'heartbeat' }>;

function writeBeat(writer: Writer, beat: Beat): void {
  writer.u16(beat.players);
  writeNested(writer, beat.announcement, ANNOUNCEMENT_BYTES_MAX, writeAnnouncement);
  writeNested(writer, beat.profile, PROFILE_BYTES_MAX, writeProfile);
}

function readBeat(reader: Reader) {
  const players = reader.u16();
  const announcement = readNested(reader, readAnnouncement);
  return { players, announcement, profile: readNested(reader, readProfile) };
}

function readNested<Value>(reader: Reader, read: (reader: Reader) => Value): Value | null {
  const bytes = reader.blob16();
  if (bytes.length === 0) return null;
  const inner = new Reader(bytes);
  const value = read(inner);
  if (!inner.ok) reader.fail();
  return value;
}

type Hold = Omit<Extract<Request, { type: 'hold' }>, 'type'>;

function writeHold(writer: Writer, { sid, ahead }: Hold): void {
  writer.raw(sid).u8(Math.min(ahead, 0xff));
}

const readHold = (reader: Reader): Hold => ({ sid: readSid(reader), ahead: reader.u8() });

const REQUESTS: Codecs<Request> = {
  register: {
    number: 1,
    write(writer, message) {
      writer.text8(message.code, 16);
      writeBeat(writer, message);
    },
    read: (reader) => {
      const code = readCode(reader);
      const { announcement, ...beat } = readBeat(reader);
      if (announcement === null) reader.fail();
      return { type: 'register', code, ...beat, announcement: announcement as NonNullable<typeof announcement> };
    },
  },
  heartbeat: { number: 2, write: writeBeat, read: (reader) => ({ type: 'heartbeat', ...readBeat(reader) }) },
  goodbye: { number: 3, write: () => {}, read: () => ({ type: 'goodbye' }) },
  resolve: {
    number: 4,
    write: (writer, message) => writer.text8(message.code, 16),
    read: (reader) => ({ type: 'resolve', code: reader.text8() }),
  },
  join: {
    number: 5,
    write: (writer, message) => writer.raw(message.sid).raw(message.hostKey).blob16(message.handshake),
    read: (reader) => ({
      ...{ type: 'join', sid: readSid(reader), hostKey: readKey(reader), handshake: readHandshake(reader) },
    }),
  },
  answer: {
    number: 6,
    write: (writer, message) => writer.raw(message.sid).blob16(message.handshake),
    read: (reader) => ({ type: 'answer', sid: readSid(reader), handshake: readHandshake(reader) }),
  },
  refuse: {
    number: 7,
    write(writer, message) {
      writer.raw(message.sid).u32(message.retryAfterMs);
      writeFailure(writer, message.failure);
    },
    read: (reader) => ({
      ...{ type: 'refuse', sid: readSid(reader), retryAfterMs: reader.u32(), failure: readFailure(reader) },
    }),
  },
  step: {
    number: 8,
    write: (writer, message) => writer.raw(message.sid).u32(message.n).blob16(message.sealed),
    read: (reader) => ({ type: 'step', sid: readSid(reader), n: reader.u32(), sealed: readStepBody(reader) }),
  },
  credit: {
    number: 9,
    write: (writer, message) => writer.raw(message.sid).u32(message.n),
    read: (reader) => ({ type: 'credit', sid: readSid(reader), n: reader.u32() }),
  },
  done: {
    number: 10,
    write(writer, message) {
      writer.raw(message.sid).u8(message.outcome === 'path' ? 1 : 0);
      writeWord(writer, PATH_KINDS, message.path ?? 'none');
      writeWord(writer, NAT_TYPES, message.clientNat);
      writeWord(writer, NAT_TYPES, message.hostNat);
      writer.u8(message.family);
      writer.text8(message.method, 32).u32(message.attempts).u32(message.elapsedMs).u32(message.packetsSent);
    },
    read(reader) {
      const sid = readSid(reader);
      const outcome = reader.u8() === 1 ? 'path' : 'aborted';
      const path = readWord(reader, PATH_KINDS);
      const [clientNat, hostNat] = [readWord(reader, NAT_TYPES), readWord(reader, NAT_TYPES)];
      const family = reader.u8() === 6 ? 6 : 4;
      const [method, attempts, elapsedMs, packetsSent] = [reader.text8(), reader.u32(), reader.u32(), reader.u32()];
      return {
        ...{ type: 'done', sid, outcome, path: path === 'none' ? null : path, clientNat, hostNat, family },
        ...{ method, attempts, elapsedMs, packetsSent },
      };
    },
  },
  list: {
    number: 11,
    write: (writer, message) => writer.text8(message.after, 64).text8(message.game, WIRE_LIMITS.announcedTextBytesMax),
    read: (reader) => ({ type: 'list', after: reader.text8(), game: reader.text8() }),
  },
  echo: { number: 12, write: () => {}, read: () => ({ type: 'echo' }) },
  hold: { number: 13, write: writeHold, read: (reader) => ({ type: 'hold', ...readHold(reader) }) },
};

const RESPONSES: Codecs<Response> = {
  ok: {
    number: 1,
    write: (writer, message) => writeEndpoint(writer, message.observed),
    read: (reader) => ({ type: 'ok', observed: readEndpoint(reader) }),
  },
  registered: {
    number: 2,
    write(writer, message) {
      writer.text8(message.code, 16).text8(message.hostId, 32);
      writeEndpoint(writer, message.observed);
    },
    read: (reader) => ({
      ...{ type: 'registered', code: readCodeTold(reader), hostId: reader.text8(), observed: readEndpoint(reader) },
    }),
  },
  resolved: {
    number: 3,
    write(writer, message) {
      writer.raw(message.hostKey);
      writeEntry(writer, message.entry);
    },
    read: (reader) => ({ type: 'resolved', hostKey: readKey(reader), entry: readEntry(reader) }),
  },
  entries: {
    number: 4,
    write(writer, message) {
      writer.text8(message.next, 64);
      writeEntries(writer, message.entries);
    },
    read: (reader) => ({ type: 'entries', next: reader.text8(), entries: readEntries(reader) }),
  },
  failed: {
    number: 5,
    write(writer, message) {
      writeFailure(writer, message.failure);
      writer.text8(message.detail, 128).u32(message.retryAfterMs);
    },
    read: (reader) => ({
      ...{ type: 'failed', failure: readFailure(reader), detail: reader.text8(), retryAfterMs: reader.u32() },
    }),
  },
};

type Relayed = Extract<Push, { type: 'answered' }>;

function writeRelayed(writer: Writer, message: Omit<Relayed, 'type'>): void {
  writer.raw(message.sid);
  writeMany(writer, message.observed, WIRE_LIMITS.observedMax, writeEndpoint);
  writePermit(writer, message.permit);
  writer.blob16(message.handshake);
}

function readRelayed(reader: Reader): Omit<Relayed, 'type'> {
  const sid = readSid(reader);
  const observed = readMany(reader, WIRE_LIMITS.observedMax, readEndpoint);
  return { sid, observed, permit: readPermit(reader), handshake: readHandshake(reader) };
}

const OUTCOMES = ['expired', 'path', 'aborted'] as const;

const PUSHES: Codecs<Push> = {
  offer: { number: 1, write: writeRelayed, read: (reader) => ({ type: 'offer', ...readRelayed(reader) }) },
  answered: { number: 2, write: writeRelayed, read: (reader) => ({ type: 'answered', ...readRelayed(reader) }) },
  refused: {
    number: 3,
    write(writer, message) {
      writer.raw(message.sid).u32(message.retryAfterMs);
      writeFailure(writer, message.failure);
    },
    read: (reader) => ({
      ...{ type: 'refused', sid: readSid(reader), retryAfterMs: reader.u32(), failure: readFailure(reader) },
    }),
  },
  step: {
    number: 4,
    write: (writer, message) => writer.raw(message.sid).u32(message.n).blob16(message.sealed),
    read: (reader) => ({ type: 'step', sid: readSid(reader), n: reader.u32(), sealed: readStepBody(reader) }),
  },
  credited: {
    number: 5,
    write(writer, message) {
      writer.raw(message.sid);
      writePermit(writer, message.permit);
    },
    read: (reader) => ({ type: 'credited', sid: readSid(reader), permit: readPermit(reader) }),
  },
  over: {
    number: 6,
    write(writer, message) {
      writer.raw(message.sid);
      writeWord(writer, OUTCOMES, message.outcome);
    },
    read: (reader) => ({ type: 'over', sid: readSid(reader), outcome: readWord(reader, OUTCOMES) }),
  },
  'going-away': {
    number: 7,
    write: (writer, message) => writer.u32(message.afterMs),
    read: (reader) => ({ type: 'going-away', afterMs: reader.u32() }),
  },
  held: { number: 8, write: writeHold, read: (reader) => ({ type: 'held', ...readHold(reader) }) },
};

function writeBy<Message extends { readonly type: string }>(
  codecs: Codecs<Message>,
  writer: Writer,
  message: Message,
): void {
  const codec = codecs[message.type as Message['type']] as unknown as Codec<Message>;
  writer.u8(codec.number);
  codec.write(writer, message);
}

/** By number; a number we do not know is malformed to us, so the datagram is dropped. */
function readerBy<Message extends { readonly type: string }>(codecs: Codecs<Message>) {
  const byNumber: (Codec<Message> | undefined)[] = [];
  for (const codec of Object.values(codecs) as Codec<Message>[]) byNumber[codec.number] = codec;
  return (reader: Reader): Message | null => {
    const codec = byNumber[reader.u8()];
    if (codec === undefined) return null;
    const message = codec.read(reader);
    return reader.ok ? message : null;
  };
}

export const writeRequest = (writer: Writer, message: Request): void => writeBy(REQUESTS, writer, message);
export const writeResponse = (writer: Writer, message: Response): void => writeBy(RESPONSES, writer, message);
export const writePush = (writer: Writer, message: Push): void => writeBy(PUSHES, writer, message);
/** Null where malformed. */
export const readRequest = readerBy(REQUESTS);
export const readResponse = readerBy(RESPONSES);
export const readPush = readerBy(PUSHES);
