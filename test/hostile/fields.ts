/**
 * Every field of every message, found by watching the codecs write: whatever a participant puts on the wire goes through a `Writer`,
 * sealed or not, so a field is a place in the source that writes (and the places that called it). Nothing is listed by hand, and a
 * field that is added tomorrow is lied about tomorrow.
 */

import { addressBytes, utf8Encode } from '../../src/core/index.ts';
import { Writer } from '../../src/core/testing.ts';
import type { SimRandom } from '../../src/sim/index.ts';

const OPERATIONS = ['u8', 'u16', 'i16', 'u32', 'u64', 'raw', 'blob8', 'blob16', 'text8'] as const;
type Operation = (typeof OPERATIONS)[number];

export interface Field {
  /** Places in the source, the innermost first: the same in one process only. */
  readonly key: string;
  /** The functions at these places, for people. */
  readonly name: string;
  readonly operation: Operation;
  /** So many different values fit it. */
  readonly values: number;
}

/** A lie: instead of what the liar would have written there, always or every other time. */
export interface Lie {
  readonly field: Field;
  /** Which of the values that fit the field. */
  readonly value: number;
  readonly everyOther: boolean;
}

type Value = number | Uint8Array | string;

/** Where a lying master, host or friend would like to see packets; the first are put in by the world. */
const FORBIDDEN = [
  ...['127.0.0.1', '239.255.255.250', '255.255.255.255', '0.0.0.0', '192.168.1.1', '10.0.0.1', '169.254.1.1'],
  ...['::1', 'ff02::1', '::ffff:127.0.0.1', '64:ff9b::a00:1', 'fe80::1'],
];
const HOSTILE_TEXT = '\u001b]0;x\u0007\n✓ Update: run this\r\n\u202Egnp.exe\u0000';
const OLD_KEPT = 6;
/** Of long lists the rest is one field. */
const NTH_MAX = 40;
/** Frame, flags and the number of the message are among the first fields of a frame. */
const HEAD_FIELDS = 5;

interface Message {
  /** How often each place has written into it. */
  readonly counts: Map<string, number>;
  readonly head: number[];
  written: number;
}

interface Patched {
  [operation: string]: (this: Writer, value: Value, ...rest: unknown[]) => Writer;
}

/** Watches what machines write, and lies for the one that is told to. */
export class Tongue {
  /** All fields that the liar has written, in the order in which they were first seen. */
  readonly fields = new Map<string, Field>();
  /** How often it has lied. */
  told = 0;
  lie: Lie | null = null;
  private readonly random: SimRandom;
  private readonly places: readonly string[];
  private speaking: 'liar' | 'other' | null = null;
  private depth = 0;
  private turn = 0;
  /** Those that are being written. */
  private readonly messages = new WeakMap<Writer, Message>();
  /** What anybody has written of each length: keys, session ids, tokens, whole handshakes; and what stood in the field before. */
  private readonly heard = new Map<string, Value[]>();

  /** `places`: addresses worth naming, those of others first. */
  constructor(random: SimRandom, places: readonly string[]) {
    this.random = random;
    this.places = [...places, ...FORBIDDEN];
  }

  /** From here on `Writer` passes everything by here; answers what ends that. */
  listen(): () => void {
    const prototype = Writer.prototype as unknown as Patched;
    const honest = new Map(OPERATIONS.map((operation) => [operation, prototype[operation] as Patched[string]]));
    for (const [operation, write] of honest) {
      const tongue = this;
      prototype[operation] = function (value, ...rest) {
        if (tongue.speaking === null || tongue.depth > 0) return write.call(this, value, ...rest);
        tongue.depth++;
        try {
          return tongue.write(this, operation, (told) => write.call(this, told, ...rest), value);
        } finally {
          tongue.depth--;
        }
      };
    }
    return () => {
      for (const [operation, write] of honest) prototype[operation] = write;
    };
  }

  /** Runs a turn of a machine, which speaks. */
  speaks<Result>(who: 'liar' | 'other', turn: () => Result): Result {
    const before = this.speaking;
    this.speaking = who;
    try {
      return turn();
    } finally {
      this.speaking = before;
    }
  }

  private write(writer: Writer, operation: Operation, write: (value: Value) => Writer, honest: Value): Writer {
    const { lie, speaking } = this;
    let told = honest;
    if (speaking === 'liar') {
      const message = this.messageOf(writer);
      if (lie === null || lie.field.operation === operation) {
        const field = this.numbered(fieldHere(operation, valuesFor(honest)), message);
        if (!this.fields.has(field.key)) this.fields.set(field.key, field);
        if (lie?.field.key === field.key && !(lie.everyOther && this.turn++ % 2 === 1))
          told = this.instead(lie.value, honest);
      }
      if (message.written++ < HEAD_FIELDS && operation === 'u8') message.head.push(honest as number);
    }
    this.keep(operation, honest);
    if (told === honest) return write(honest);
    const { length } = writer;
    try {
      this.told++;
      return write(told);
    } catch {
      // It does not fit: nothing can be sent that way.
      writer.length = length;
      return write(honest);
    }
  }

  /** Which of a message's fields it is, of those that the same place writes: loops and tables write many. */
  private numbered(field: Field, { counts, head }: Message): Field {
    const n = counts.get(field.key) ?? 0;
    counts.set(field.key, n + 1);
    const parts = [
      field.name.includes('Frame') ? `type ${head.join('.')}` : '',
      n === 0 ? '' : `nth ${Math.min(n, NTH_MAX)}`,
    ];
    const which = parts.filter((part) => part !== '').join(' ');
    return which === '' ? field : { ...field, key: `${field.key} ${which}`, name: `${field.name}, ${which}` };
  }

  private messageOf(writer: Writer): Message {
    const known = this.messages.get(writer);
    if (known !== undefined) return known;
    const fresh = { counts: new Map<string, number>(), head: [], written: 0 };
    this.messages.set(writer, fresh);
    return fresh;
  }

  /**
   * What is put together byte by byte, without a `Writer`, before it is sealed or signed: probes, answers to probes, the inside of a
   * path's datagrams. Each byte is a field, and so is an address.
   */
  touch(what: string, bytes: Uint8Array, from: number, to: number, addressAt: number | null = null): void {
    const { lie } = this;
    const parts: (readonly [at: number, length: number])[] = [];
    for (let at = from; at < Math.min(to, bytes.length); at++) parts.push([at, 1]);
    if (addressAt !== null) parts.push([addressAt, 4]);
    for (const [at, length] of parts) {
      const name = `${what} byte ${at}${length === 1 ? '' : ` to ${at + length - 1}`}`;
      const values = length === 1 ? NUMBERS : VALUES_MAX;
      if (!this.fields.has(name)) this.fields.set(name, { key: name, name, operation: 'raw', values });
      if (lie?.field.key !== name || (lie.everyOther && this.turn++ % 2 === 1)) continue;
      this.told++;
      const told = this.instead(lie.value, length === 1 ? (bytes[at] as number) : bytes.slice(at, at + length));
      if (typeof told === 'number') bytes[at] = told;
      else bytes.set((told as Uint8Array).subarray(0, length), at);
    }
  }

  private keep(operation: Operation, value: Value): void {
    if (typeof value === 'number') return;
    const name = `${operation === 'text8' ? 'text' : 'bytes'} ${typeof value === 'string' ? '' : value.length}`;
    const old = this.heard.get(name) ?? [];
    if (!this.heard.has(name)) this.heard.set(name, old);
    old.push(typeof value === 'string' ? value : value.slice());
    // The very first ones are of other participants and of older sessions.
    if (old.length > OLD_KEPT) old.splice(this.random.int(1, OLD_KEPT - 1), 1);
  }

  private instead(n: number, honest: Value): Value {
    const values = this.values(honest);
    return values[n % values.length] as Value;
  }

  private values(honest: Value): readonly Value[] {
    if (typeof honest === 'number') {
      const bounds = [0, 1, 2, 0x7f, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff, 0xffff_ffff];
      return [...bounds, honest + 1, honest + 1_000, Math.max(0, honest - 1)].filter((value) => value !== honest);
    }
    const others = this.heard.get(typeof honest === 'string' ? 'text ' : `bytes ${honest.length}`) ?? [];
    if (typeof honest === 'string') return ['', 'x'.repeat(255), HOSTILE_TEXT, '9'.repeat(honest.length), ...others];
    const random = Uint8Array.from(honest, () => this.random.int(0, 255));
    const shapes = [new Uint8Array(honest.length), new Uint8Array(honest.length).fill(0xff), random];
    if (honest.length === 4 || honest.length === 16)
      return [...this.places.map((place) => addressBytes(place) as Uint8Array), ...shapes, ...others];
    const lengths = [new Uint8Array(0), honest.subarray(0, honest.length >> 1), utf8Encode('x'.repeat(255))];
    return [...shapes, ...lengths, ...others];
  }
}

/** So many values fit a field at most: all of them are told one after the other by `--all`. */
export const VALUES_MAX = 24;
/** As many as `values` has for a number; for a text, or bytes that are no address. */
const [NUMBERS, TEXTS, BYTES] = [14, 4 + OLD_KEPT, 6 + OLD_KEPT];

function valuesFor(honest: Value): number {
  if (typeof honest === 'number') return NUMBERS;
  if (typeof honest === 'string') return TEXTS;
  return honest.length === 4 || honest.length === 16 ? VALUES_MAX : BYTES;
}

const SITES_MAX = 20;
/** The one that is asked to write; what it is asked by says which field. */
const WRITER = /\/src\/core\/bytes\./;
/** Whoever writes fields for others; what calls them from outside is the machine, whose reasons do not make another field. */
const CODECS =
  /\/src\/core\/(wire\/|peer\/keys\/|secure\/ratchet\.|traverse\/lead\/step\.|master\/(tickets|cookie|sessions)\.)/;

function fieldHere(operation: Operation, values: number): Field {
  const { stackTraceLimit, prepareStackTrace } = Error;
  Error.stackTraceLimit = SITES_MAX;
  Error.prepareStackTrace = (_error, sites) => sites;
  const sites = new Error().stack as unknown as readonly NodeJS.CallSite[];
  Error.stackTraceLimit = stackTraceLimit;
  if (prepareStackTrace === undefined) Reflect.deleteProperty(Error, 'prepareStackTrace');
  else Error.prepareStackTrace = prepareStackTrace;
  const fileOf = (site: NodeJS.CallSite): string => site.getFileName() ?? '';
  const outside = sites.filter((site) => fileOf(site).includes('/src/core/') && !WRITER.test(fileOf(site)));
  // Whoever asks for the very bytes always counts, wherever it stands.
  const written = outside.filter((site, n) => n === 0 || CODECS.test(fileOf(site)));
  const key = written.map((site) => `${fileOf(site)}:${site.getLineNumber()}:${site.getColumnNumber()}`).join(' ');
  const names = written.map((site) => site.getFunctionName()?.replace(/^.*\./, '') ?? '').filter((name) => name !== '');
  return {
    key: `${operation} ${key}`,
    name: `${[...new Set(names.reverse())].join(' ')} ${operation}`,
    operation,
    values,
  };
}
