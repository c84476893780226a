/**
 * The fields that control messages are made of. Every decoder reads from a `Reader`, so none of them can throw or read past
 * the end; words of a closed list travel as their index, and an index we do not know becomes the first word of its list,
 * which is the unknown or harmless one. Structures that may grow travel with their length, and what follows in them is ignored.
 */

import { addressBytes, addressText, type Endpoint } from '../address.ts';
import { EMPTY, type Reader, Writer } from '../bytes.ts';
import { FAILURES, type FailureCode } from '../errors.ts';
import { normalizeCode } from '../model/code.ts';
import type { HostAnnouncement } from '../model/listing.ts';
import type { Grant, Permit } from '../model/pair.ts';
import { isPublicKey } from '../secure/keys.ts';
import { WIRE_LIMITS } from './limits.ts';

const NULL_U32 = 0xffff_ffff;
const NULL_I32 = 0x8000_0000;

export function writeWord(writer: Writer, words: readonly string[], word: string): void {
  writer.u8(Math.max(0, words.indexOf(word)));
}

export function readWord<Word extends string>(reader: Reader, words: readonly [Word, ...Word[]]): Word {
  return words[reader.u8()] ?? words[0];
}

/** A non-negative number in units of 1 / scale, or null. */
export function writeScaled(writer: Writer, value: number | null, scale = 1): void {
  if (value === null || !Number.isFinite(value)) writer.u32(NULL_U32);
  else writer.u32(Math.min(NULL_U32 - 1, Math.max(0, Math.round(value * scale))));
}

export function readScaled(reader: Reader, scale = 1): number | null {
  const value = reader.u32();
  return value === NULL_U32 ? null : value / scale;
}

export function writeSigned(writer: Writer, value: number | null, scale = 1): void {
  if (value === null || !Number.isFinite(value)) writer.u32(NULL_I32);
  else writer.u32(Math.min(0x7fff_ffff, Math.max(-0x7fff_ffff, Math.round(value * scale))) >>> 0);
}

export function readSigned(reader: Reader, scale = 1): number | null {
  const value = reader.u32();
  // Adding 0 keeps -0 out of profiles: it would compare unlike 0.
  return value === NULL_I32 ? null : (value | 0) / scale + 0;
}

/** 0..1 in 16 bits. */
export function writeShare(writer: Writer, value: number): void {
  writer.u16(Math.round(Math.min(1, Math.max(0, value)) * 0xffff));
}

export function readShare(reader: Reader): number {
  return reader.u16() / 0xffff;
}

/** A public key in its one encoding: 32 bytes that are none do not parse. */
export function readKey(reader: Reader): Uint8Array {
  const key = reader.take(32).slice();
  if (!isPublicKey(key)) reader.fail();
  return key;
}

/** A join code as it is kept; what is none does not parse. Codes are read, never passed through. */
export function readCode(reader: Reader): string {
  const code = normalizeCode(reader.text8());
  if (code !== null) return code;
  reader.fail();
  return '';
}

export function writeAddress(writer: Writer, address: string): void {
  writer.blob8(addressBytes(address) ?? EMPTY);
}

export function readAddress(reader: Reader): string {
  const address = addressText(reader.blob8());
  if (address !== null) return address;
  reader.fail();
  return '';
}

export function writeEndpoint(writer: Writer, endpoint: Endpoint): void {
  writeAddress(writer, endpoint.address);
  writer.u16(endpoint.port);
}

/** Nothing is at port 0, and nobody is to be sent there. */
export function readEndpoint(reader: Reader): Endpoint {
  const endpoint = { address: readAddress(reader), port: reader.u16() };
  if (endpoint.port === 0) reader.fail();
  return endpoint;
}

/** Count byte, then the items; more than `max` are cut when written and malformed when read. */
export function writeMany<Item>(
  writer: Writer,
  items: readonly Item[],
  max: number,
  write: (writer: Writer, item: Item) => void,
): void {
  const kept = items.slice(0, max);
  writer.u8(kept.length);
  for (const item of kept) write(writer, item);
}

export function readMany<Item>(reader: Reader, max: number, read: (reader: Reader) => Item): Item[] {
  const count = reader.u8();
  if (count > max) reader.fail();
  const items: Item[] = [];
  for (let i = 0; i < count && reader.ok; i++) items.push(read(reader));
  return items;
}

/** A structure with its length in front; null has length 0. */
export function writeNested<Value>(
  writer: Writer,
  value: Value | null,
  bytesMax: number,
  write: (writer: Writer, value: Value) => void,
): void {
  if (value === null) {
    writer.u16(0);
    return;
  }
  const inner = new Writer(bytesMax);
  write(inner, value);
  writer.blob16(inner.done());
}

/** A join code in its one form, or empty: whoever tells what is no code has told none. */
export function readCodeTold(reader: Reader): string {
  return normalizeCode(reader.text8()) ?? '';
}

/** Text on the wire, so that a code added by a newer version still arrives as some refusal. */
export function writeFailure(writer: Writer, failure: FailureCode): void {
  writer.text8(failure, 32);
}

export function readFailure(reader: Reader): FailureCode {
  const text = reader.text8();
  return Object.hasOwn(FAILURES, text) ? (text as FailureCode) : 'REFUSED';
}

export function writeAnnouncement(writer: Writer, announcement: HostAnnouncement): void {
  writer.u8((announcement.public ? 1 : 0) | (announcement.passwordNeeded ? 2 : 0)).u16(announcement.playersMax);
  writer.text8(announcement.name, WIRE_LIMITS.announcedNameBytesMax);
  for (const text of [announcement.game, announcement.map, announcement.mode, announcement.version]) {
    writer.text8(text, WIRE_LIMITS.announcedTextBytesMax);
  }
}

export function readAnnouncement(reader: Reader): HostAnnouncement {
  const flags = reader.u8();
  const playersMax = reader.u16();
  const name = readText(reader, WIRE_LIMITS.announcedNameBytesMax);
  const [game, map, mode, version] = [0, 1, 2, 3].map(() => readText(reader, WIRE_LIMITS.announcedTextBytesMax));
  return {
    name,
    game: game ?? '',
    map: map ?? '',
    mode: mode ?? '',
    version: version ?? '',
    public: (flags & 1) !== 0,
    passwordNeeded: (flags & 2) !== 0,
    playersMax,
  };
}

/** Longer than allowed is malformed: an honest sender cuts, and the master must not carry what no list shows. */
function readText(reader: Reader, bytesMax: number): string {
  const before = reader.offset;
  const text = reader.text8();
  if (reader.offset - before - 1 > bytesMax) reader.fail();
  return reader.ok ? text : '';
}

export function writePermit(writer: Writer, permit: Permit): void {
  writeMany(writer, permit.grants, WIRE_LIMITS.permitAddressesMax, (inner, grant) => {
    writeAddress(inner, grant.address);
    inner.u32(grant.probesMax).u16(grant.probesPerSecondMax).u16(grant.expiresInMs);
  });
}

export function readPermit(reader: Reader): Permit {
  return { grants: readMany(reader, WIRE_LIMITS.permitAddressesMax, readGrant) };
}

function readGrant(reader: Reader): Grant {
  const address = readAddress(reader);
  return { address, probesMax: reader.u32(), probesPerSecondMax: reader.u16(), expiresInMs: reader.u16() };
}
