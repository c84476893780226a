/**
 * How a message is put together: each field is stated once, and from it come its bytes, its reading, and its line in
 * docs/protocol.md. `struct({ sid: bytes(16), n: u32, sealed: blob(512) })` is a field again, so structures nest.
 *
 * Every field reads from a `Reader`, so none can throw or read past the end. What does not fit (a text that is too long, a list
 * with too many items) is cut when written and malformed when read. Words of a closed list travel as their index; an index we do
 * not know becomes the first word, which is the unknown or harmless one.
 *
 * What comes a hundred thousand times a second (probes, headers) is read by hand.
 */
import { Reader, Writer } from '../bytes.ts';

/** What sort of value it is, for those who make values for every field there is (tests). */
export type Kind =
  | ('number' | 'bytes' | 'blob' | 'text' | 'word' | 'flags' | 'many' | 'struct' | 'optional')
  | ('key' | 'code' | 'failure' | 'address' | 'endpoint');

export interface Field<Value> {
  readonly kind: Kind;
  /** What docs/protocol.md says behind its name: mostly its bytes. */
  readonly layout: string;
  /** The most bytes that it takes. */
  readonly bytesMax: number;
  /** Of `word`: all there are, the first for what is unknown. Of `flags`: one name a bit, from the lowest. */
  readonly words?: readonly string[];
  /** Of `struct`. */
  readonly parts?: Fields;
  /** Of `many` and `optional`. */
  readonly item?: Field<unknown>;
  /** Its value is several properties of the struct that it is part of, not one with its name. */
  readonly inline?: boolean;
  write(writer: Writer, value: Value): void;
  read(reader: Reader): Value;
}

export type Fields = Readonly<Record<string, Field<unknown>>>;
export type ValueOf<Part> = Part extends Field<infer Value> ? Value : never;

export interface InlineField<Value> extends Field<Value> {
  readonly inline: true;
}
type InlineOf<Parts> = {
  [Name in keyof Parts]: Parts[Name] extends InlineField<infer Value> ? Value : never;
}[keyof Parts];
type OwnOf<Parts> = {
  readonly [Name in keyof Parts as Parts[Name] extends InlineField<unknown> ? never : Name]: ValueOf<Parts[Name]>;
};
type Flat<Type> = { [Name in keyof Type]: Type[Name] };
/** One inline field at most. */
export type StructOf<Parts> = Flat<OwnOf<Parts> & ([InlineOf<Parts>] extends [never] ? unknown : InlineOf<Parts>)>;

/** All of one shape: a loop over these costs half of one over pairs. */
interface Placed {
  readonly name: string;
  readonly field: Field<unknown>;
  readonly inline: boolean;
}

export function struct<const Parts extends Fields>(parts: Parts): Field<StructOf<Parts>> {
  const fields = Object.entries(parts);
  const order = fields.map(([name, field]): Placed => ({ name, field, inline: field.inline === true }));
  const names = fields.flatMap(([name, field]) => (field.inline === true ? (field.words ?? []) : [name]));
  // An object that gets its names one by one becomes a dictionary after a dozen of them, several times as large and slow.
  const blank = JSON.parse(`{${names.map((name) => `"${name}":null`).join()}}`) as Record<string, unknown>;
  return {
    kind: 'struct',
    layout: layoutOf(parts, ' | '),
    bytesMax: fields.reduce((sum, [, field]) => sum + field.bytesMax, 0),
    parts,
    write(writer, value) {
      const values = value as Readonly<Record<string, unknown>>;
      for (let i = 0; i < order.length; i++) {
        const { name, field, inline } = order[i] as Placed;
        field.write(writer, inline ? values : values[name]);
      }
    },
    read(reader) {
      const value = { ...blank };
      for (let i = 0; i < order.length; i++) {
        const { name, field, inline } = order[i] as Placed;
        if (inline) Object.assign(value, field.read(reader));
        else value[name] = field.read(reader);
      }
      return value as StructOf<Parts>;
    },
  };
}

/** `retryAfterMs: u32` is told as "retry after ms 4". */
export function layoutOf(parts: Fields, separator: string): string {
  return Object.entries(parts)
    .map(([name, { layout }]) => `${name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)} ${layout}`.trim())
    .join(separator);
}

/** The same bytes with another meaning; `from` may call `reader.fail()` for what parses and yet can't be. */
export function refine<Wire, Value>(
  field: Field<Wire>,
  to: (value: Value) => Wire,
  from: (wire: Wire, reader: Reader) => Value,
): Field<Value> {
  return {
    ...field,
    write: (writer, value) => field.write(writer, to(value)),
    read: (reader) => from(field.read(reader), reader),
  };
}

function number(
  bytesMax: number,
  write: (writer: Writer, value: number) => void,
  read: (reader: Reader) => number,
): Field<number> {
  const max = 2 ** (8 * bytesMax) - 1;
  return {
    ...{ kind: 'number', layout: `${bytesMax}`, bytesMax, read },
    write: (writer, value) => write(writer, Math.min(max, value)),
  };
}

export const u8 = number(
  1,
  (writer, value) => writer.u8(value),
  (reader) => reader.u8(),
);
export const u16 = number(
  2,
  (writer, value) => writer.u16(value),
  (reader) => reader.u16(),
);
export const u32 = number(
  4,
  (writer, value) => writer.u32(value),
  (reader) => reader.u32(),
);

const NULL_U32 = 0xffff_ffff;
const NULL_I32 = 0x8000_0000;

function unitOf(scale: number): string {
  return scale === 1 ? '' : `in 1/${scale}; `;
}

/** A non-negative number in units of 1 / scale, or null. */
export function scaled(scale = 1): Field<number | null> {
  return {
    ...{ kind: 'number', layout: `4 (${unitOf(scale)}ffffffff: unknown)`, bytesMax: 4 },
    write(writer, value) {
      if (value === null || !Number.isFinite(value)) writer.u32(NULL_U32);
      else writer.u32(Math.min(NULL_U32 - 1, Math.max(0, Math.round(value * scale))));
    },
    read(reader) {
      const value = reader.u32();
      return value === NULL_U32 ? null : value / scale;
    },
  };
}

export function signed(scale = 1): Field<number | null> {
  return {
    ...{ kind: 'number', layout: `4 (signed; ${unitOf(scale)}80000000: unknown)`, bytesMax: 4 },
    write(writer, value) {
      if (value === null || !Number.isFinite(value)) writer.u32(NULL_I32);
      else writer.u32(Math.min(0x7fff_ffff, Math.max(-0x7fff_ffff, Math.round(value * scale))) >>> 0);
    },
    read(reader) {
      const value = reader.u32();
      // Adding 0 keeps -0 out of profiles: it would compare unlike 0.
      return value === NULL_I32 ? null : (value | 0) / scale + 0;
    },
  };
}

/** What a later version has put behind the rest: `absent` where an earlier one has written the message. */
export function appended<Value>(field: Field<Value>, absent: Value): Field<Value> {
  return { ...field, read: (reader) => (reader.left === 0 ? absent : field.read(reader)) };
}

/** 0 to 1. */
export const share: Field<number> = {
  ...{ kind: 'number', layout: '2 (in 1/65535)', bytesMax: 2 },
  write: (writer, value) => void writer.u16(Math.round(Math.min(1, Math.max(0, value)) * 0xffff)),
  read: (reader) => reader.u16() / 0xffff,
};

export function bytes(length: number): Field<Uint8Array> {
  return {
    ...{ kind: 'bytes', layout: `${length}`, bytesMax: length },
    write: (writer, value) => void writer.raw(value),
    read: (reader) => reader.take(length).slice(),
  };
}

/** Bytes that say nothing: they make a question as large as its answer. */
export function zeros(length: number): InlineField<unknown> {
  return {
    ...{ kind: 'bytes', layout: `${length} (zeros)`, bytesMax: length, words: [], inline: true },
    write: (writer) => void writer.raw(new Uint8Array(length)),
    read: (reader) => void reader.take(length),
  };
}

/** Length 2, then bytes. */
export function blob(max: number): Field<Uint8Array> {
  return {
    ...{ kind: 'blob', layout: `blob ≤ ${max}`, bytesMax: 2 + max },
    write: (writer, value) => void writer.blob16(value),
    read(reader) {
      const value = reader.blob16();
      if (value.length > max) reader.fail();
      return value.slice();
    },
  };
}

/** Takes no bytes: what is known without reading it. */
export function constant<const Value extends string>(value: Value): Field<Value> {
  return { kind: 'word', layout: '', bytesMax: 0, words: [value], write: () => {}, read: () => value };
}

/** Length 1, then UTF-8. Too long is malformed: an honest sender cuts, and nobody is to carry what no list shows. */
export function text(max: number): Field<string> {
  return {
    ...{ kind: 'text', layout: `text ≤ ${max}`, bytesMax: 1 + max },
    write: (writer, value) => void writer.text8(value, max),
    read(reader) {
      const before = reader.offset;
      const value = reader.text8();
      if (reader.offset - before - 1 > max) reader.fail();
      return reader.ok ? value : '';
    },
  };
}

export type Words<Word> = readonly [Word, ...Word[]];

export function writeWord(writer: Writer, words: readonly string[], word: string): void {
  writer.u8(Math.max(0, words.indexOf(word)));
}

export function readWord<Word extends string>(reader: Reader, words: Words<Word>): Word {
  return words[reader.u8()] ?? words[0];
}

export function word<const Word extends string>(words: Words<Word>): Field<Word> {
  return {
    ...{ kind: 'word', layout: `1 (${words.map((one, i) => `${i} ${one}`).join(', ')})`, bytesMax: 1, words },
    write: (writer, value) => writeWord(writer, words, value),
    read: (reader) => readWord(reader, words),
  };
}

/** One byte for several yes-or-no properties, a bit each, the first the lowest. */
export function flags<const Name extends string>(...names: Words<Name>): InlineField<Readonly<Record<Name, boolean>>> {
  return {
    ...{ kind: 'flags', layout: `1 (${names.map((name, i) => `${2 ** i} ${name}`).join(', ')})`, bytesMax: 1 },
    ...{ words: names, inline: true },
    write(writer, value) {
      writer.u8(names.reduce((sum, name, i) => sum + (value[name] ? 2 ** i : 0), 0));
    },
    read(reader) {
      const byte = reader.u8();
      const value = {} as Record<Name, boolean>;
      for (let i = 0; i < names.length; i++) value[names[i] as Name] = (byte & (1 << i)) !== 0;
      return value;
    },
  };
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

/** `of` is what an item is called in the document. */
export function many<Item>(item: Field<Item>, max: number, of: string): Field<readonly Item[]> {
  return {
    ...{ kind: 'many', layout: `(count 1 ≤ ${max}, ${of})`, bytesMax: 1 + max * item.bytesMax, item },
    write: (writer, items) => writeMany(writer, items, max, (into, one) => item.write(into, one)),
    read: (reader) => readMany(reader, max, (from) => item.read(from)),
  };
}

/** A structure with its length (2) in front, so that it may grow: what follows in it is ignored. Length 0: there is none. */
export function optional<Value>(item: Field<Value>): Field<Value | null> {
  return {
    ...{ kind: 'optional', layout: 'blob (empty: none)', bytesMax: 2 + item.bytesMax, item },
    write(writer, value) {
      if (value === null) return void writer.u16(0);
      const inner = new Writer(item.bytesMax);
      item.write(inner, value);
      writer.blob16(inner.done());
    },
    read(reader) {
      const taken = reader.blob16();
      if (taken.length === 0) return null;
      const inner = new Reader(taken);
      const value = item.read(inner);
      if (!inner.ok) reader.fail();
      return value;
    },
  };
}

/** The same where there has to be one. */
export function nested<Value>(item: Field<Value>): Field<Value> {
  return {
    ...optional(item),
    layout: 'blob',
    read(reader) {
      const inner = new Reader(reader.blob16());
      const value = item.read(inner);
      if (!inner.ok) reader.fail();
      return value;
    },
  } as Field<Value>;
}
