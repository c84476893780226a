/** A row of the list in bytes. */

import { Writer } from '../bytes.ts';
import type { ListEntry } from '../model/listing.ts';
import { codeTold } from './fields.ts';
import { WIRE_LIMITS } from './limits.ts';
import { natType, verdict } from './profile-wire.ts';
import { type Field, flags, refine, scaled, signed, struct, text, u16, word } from './struct.ts';

const ADDRESS = /^(\[[0-9a-f:.]+\]|[\w.-]+):\d{1,5}$/i;

/** HOST:PORT and nothing else: it is shown, copied and typed into games, whoever told it. */
export function isServerAddress(text: string): boolean {
  return ADDRESS.test(text);
}

/** Times travel in seconds. */
const time: Field<number | null> = refine(
  scaled(),
  (at: number | null) => (at === null ? null : Math.floor(at / 1_000)),
  (seconds) => (seconds === null ? null : seconds * 1_000),
);
const timeOrZero: Field<number> = refine(
  time,
  (at: number) => at,
  (at) => at ?? 0,
);

const ROW = struct({
  hostId: text(32),
  code: codeTold,
  flags: flags('passwordNeeded', 'returning'),
  section: word(['community', 'local', 'official']),
  players: u16,
  playersMax: u16,
  name: text(WIRE_LIMITS.announcedNameBytesMax),
  game: text(WIRE_LIMITS.announcedTextBytesMax),
  map: text(WIRE_LIMITS.announcedTextBytesMax),
  mode: text(WIRE_LIMITS.announcedTextBytesMax),
  version: text(WIRE_LIMITS.announcedTextBytesMax),
  natType,
  verdict,
  natDelta: signed(),
  pingEstimateMs: scaled(),
  verifiedAt: time,
  firstSeenAt: timeOrZero,
  lastSeenAt: timeOrZero,
  address: refine(
    text(WIRE_LIMITS.entryAddressBytesMax),
    (address: string | null) => address ?? '',
    (told) => (isServerAddress(told) ? told : null),
  ),
});
export const entry: Field<ListEntry> = { ...ROW, layout: '' };

/** What an entry takes, so that a page is filled to the brim and not over. */
export function entryBytes(value: ListEntry): number {
  const writer = new Writer(entry.bytesMax);
  entry.write(writer, value);
  return writer.length;
}
