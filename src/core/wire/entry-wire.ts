/**
 * Rows of the list in bytes: what a row has always had, and behind all rows of a message what was appended later, so that who
 * knows only the first part reads it as ever (docs/protocol.md).
 */

import { type Reader, Writer } from '../bytes.ts';
import { LIMITS } from '../limits.ts';
import type { ListEntry } from '../model/listing.ts';
import { readCodeTold, readMany, readScaled, readSigned, writeMany, writeScaled, writeSigned } from './fields.ts';
import { WIRE_LIMITS } from './limits.ts';
import { NAT_TYPES, VERDICTS } from './profile-wire.ts';

const SECTIONS = ['community', 'local', 'official'] as const satisfies readonly ListEntry['section'][];
type Later = Pick<
  ListEntry,
  'natDelta' | 'section' | 'verifiedAt' | 'firstSeenAt' | 'lastSeenAt' | 'returning' | 'address'
>;
const NOT_TOLD: Later = {
  ...{ natDelta: null, section: 'community', verifiedAt: null, firstSeenAt: 0, lastSeenAt: 0 },
  ...{ returning: false, address: null },
};

const ADDRESS = /^(\[[0-9a-f:.]+\]|[\w.-]+):\d{1,5}$/i;

/** HOST:PORT and nothing else: it is shown, copied and typed into games, whoever told it. */
export function isServerAddress(text: string): boolean {
  return ADDRESS.test(text);
}

/** One alone. */
export function writeEntry(writer: Writer, entry: ListEntry): void {
  writeFirst(writer, entry);
  writeLater(writer, entry);
}

export function readEntry(reader: Reader): ListEntry {
  const first = readFirst(reader);
  return { ...first, ...(reader.left === 0 ? NOT_TOLD : readLater(reader)) };
}

export function writeEntries(writer: Writer, entries: readonly ListEntry[]): void {
  writeMany(writer, entries, WIRE_LIMITS.listPageMax, writeFirst);
  writeMany(writer, entries, WIRE_LIMITS.listPageMax, writeLater);
}

export function readEntries(reader: Reader): ListEntry[] {
  const entries = readMany(reader, WIRE_LIMITS.listPageMax, readFirst);
  const later = reader.left === 0 ? [] : readMany(reader, WIRE_LIMITS.listPageMax, readLater);
  return entries.map((entry, i) => ({ ...entry, ...(later[i] ?? NOT_TOLD) }));
}

/** What an entry takes, so that a page is filled to the brim and not over. */
export function entryBytes(entry: ListEntry): number {
  const writer = new Writer(WIRE_LIMITS.entryBytesMax);
  writeEntry(writer, entry);
  return writer.length;
}

function writeFirst(writer: Writer, entry: ListEntry): void {
  writer.text8(entry.hostId, 32).text8(entry.code, LIMITS.codeSymbols);
  writer
    .u8(entry.passwordNeeded ? 1 : 0)
    .u16(entry.players)
    .u16(entry.playersMax);
  writer.text8(entry.name, WIRE_LIMITS.announcedNameBytesMax);
  for (const text of [entry.game, entry.map, entry.mode, entry.version]) {
    writer.text8(text, WIRE_LIMITS.announcedTextBytesMax);
  }
  writer.text8(entry.natType, 24).text8(entry.verdict, 12);
  writeScaled(writer, entry.pingEstimateMs);
}

function readFirst(reader: Reader): Omit<ListEntry, keyof Later> {
  const hostId = reader.text8();
  const code = readCodeTold(reader);
  const flags = reader.u8();
  const players = reader.u16();
  const playersMax = reader.u16();
  const name = reader.text8();
  const [game, map, mode, version] = [reader.text8(), reader.text8(), reader.text8(), reader.text8()];
  const [natType, verdict] = [wordOf(NAT_TYPES, reader.text8()), wordOf(VERDICTS, reader.text8())];
  const passwordNeeded = (flags & 1) !== 0;
  const pingEstimateMs = readScaled(reader);
  return {
    ...{ hostId, code, name, game, map, mode, version, players, playersMax },
    ...{ passwordNeeded, natType, verdict, pingEstimateMs },
  };
}

function writeLater(writer: Writer, entry: ListEntry): void {
  writer.u8((entry.returning ? 1 : 0) | (SECTIONS.indexOf(entry.section) << 1));
  writeSigned(writer, entry.natDelta);
  for (const at of [entry.verifiedAt, entry.firstSeenAt, entry.lastSeenAt]) {
    writeScaled(writer, at === null ? null : Math.floor(at / 1_000));
  }
  writer.text8(entry.address ?? '', WIRE_LIMITS.entryAddressBytesMax);
}

function readLater(reader: Reader): Later {
  const flags = reader.u8();
  const natDelta = readSigned(reader);
  const [verifiedAt, firstSeenAt, lastSeenAt] = [readTime(reader), readTime(reader), readTime(reader)];
  const address = reader.text8();
  return {
    ...{ natDelta, section: SECTIONS[flags >> 1] ?? 'community', verifiedAt },
    ...{ firstSeenAt: firstSeenAt ?? 0, lastSeenAt: lastSeenAt ?? 0 },
    ...{ returning: (flags & 1) !== 0, address: isServerAddress(address) ? address : null },
  };
}

/** Times travel in seconds. */
function readTime(reader: Reader): number | null {
  const seconds = readScaled(reader);
  return seconds === null ? null : seconds * 1_000;
}

/** The first word of a list is the harmless one. */
function wordOf<Word extends string>(words: readonly [Word, ...Word[]], text: string): Word {
  return words.find((word) => word === text) ?? words[0];
}
