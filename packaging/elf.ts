/**
 * Takes libatomic.so.1 out of what Node for Linux needs: a bare Debian does not have it. Node uses a single function of it,
 * `__atomic_compare_exchange`, always for 8 bytes (the compiler did not know that V8's tables are aligned), which is seven instructions.
 * They go into the unused rest of the last page of code, the one relocation points to them, and the library leaves the tables
 * of what is needed. A Node that uses more of it is refused. Words of the ELF-64 format as in elf(5).
 */

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PF_X = 1;
const DT = { needed: 1, pltRelocationBytes: 2, strings: 5, symbols: 6, relocations: 7, relocationBytes: 8 } as const;
const DT_JMPREL = 23;
const DT_VERSYM = 0x6ffffff0;
const DT_VERNEED = 0x6ffffffe;
const DT_VERNEEDNUM = 0x6fffffff;
const SHT_VERNEED = 0x6ffffffe;
const DYNAMIC_BYTES = 16;
const RELOCATION_BYTES = 24;
const SYMBOL_BYTES = 24;
const SECTION_BYTES = 64;
const PROGRAM_BYTES = 56;
const WEAK_FUNCTION = 0x22;
const VERSION_GLOBAL = 1;

const LIBRARY = 'libatomic.so.1';
const FUNCTION = '__atomic_compare_exchange';

interface Machine {
  readonly relative: number;
  readonly code: string;
}

/** By e_machine. The code is what `as` makes of the text beside it; another size than 8 bytes is a trap. */
const MACHINES: Readonly<Record<number, Machine>> = {
  // x86-64: endbr64; cmp $8,%rdi; jne trap; mov (%rdx),%rax; mov (%rcx),%r8; lock cmpxchg %r8,(%rsi); mov %rax,(%rdx); sete %al; ret; trap: ud2
  62: { relative: 8, code: 'f30f1efa 4883ff08 7512 488b02 4c8b01 f04c0fb106 488902 0f94c0 c3 0f0b' },
  // AArch64: bti c; cmp x0,#8; b.ne trap; ldr x8,[x2]; ldr x9,[x3]; again: ldaxr x10,[x1]; cmp x10,x8; b.ne other; stlxr w11,x9,[x1];
  // cbnz w11,again; mov w0,#1; ret; other: clrex; str x10,[x2]; mov w0,#0; ret; trap: brk #1
  183: {
    relative: 1027,
    code: '5f2403d5 1f2000f1 c1010054 480040f9 690040f9 2afc5fc8 5f0108eb a1000054 29fc0bc8 8bffff35 20008052 c0035fd6 5f3f03d5 4a0000f9 00008052 c0035fd6 200020d4',
  },
};

interface Segment {
  readonly header: number;
  readonly kind: number;
  readonly flags: number;
  readonly offset: number;
  readonly address: number;
  readonly bytes: number;
}

/** One file, changed in place. Every number that is read fits a double: files are far below 2^53 bytes. */
class Elf {
  readonly segments: readonly Segment[];
  readonly machine: Machine;
  readonly bytes: Buffer;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
    const machine = bytes.toString('latin1', 0, 5) === '\x7fELF\x02' ? MACHINES[bytes.readUInt16LE(18)] : undefined;
    if (machine === undefined) throw new Error('This is no Node for Linux on x64 or arm64.');
    this.machine = machine;
    const first = this.word(32);
    this.segments = Array.from({ length: bytes.readUInt16LE(56) }, (_, n) => {
      const header = first + n * PROGRAM_BYTES;
      return {
        ...{ header, kind: bytes.readUInt32LE(header), flags: bytes.readUInt32LE(header + 4) },
        ...{ offset: this.word(header + 8), address: this.word(header + 16), bytes: this.word(header + 32) },
      };
    });
  }

  word(at: number): number {
    return Number(this.bytes.readBigUInt64LE(at));
  }

  setWord(at: number, value: number): void {
    this.bytes.writeBigUInt64LE(BigInt(value), at);
  }

  text(at: number): string {
    return this.bytes.toString('latin1', at, this.bytes.indexOf(0, at));
  }

  offsetOf(address: number): number {
    const inside = ({ kind, address: first, bytes }: Segment): boolean =>
      kind === PT_LOAD && address >= first && address < first + bytes;
    const segment = this.segments.find(inside);
    if (segment === undefined) throw new Error(`Nothing of the file is at the address ${address}.`);
    return address - segment.address + segment.offset;
  }

  /** Entries of the dynamic section: where they stand, their tag, their value. */
  dynamic(): { readonly at: number; readonly tag: number; readonly value: number }[] {
    const segment = this.segments.find(({ kind }) => kind === PT_DYNAMIC);
    if (segment === undefined) throw new Error('The file is not linked dynamically.');
    const all = Array.from({ length: segment.bytes / DYNAMIC_BYTES }, (_, n) => {
      const at = segment.offset + n * DYNAMIC_BYTES;
      return { at, tag: this.word(at), value: this.word(at + 8) };
    });
    return all.slice(0, all.findIndex(({ tag }) => tag === 0) + 1);
  }

  valueOf(tag: number): number {
    const entry = this.dynamic().find((one) => one.tag === tag);
    if (entry === undefined) throw new Error(`The dynamic section has no entry ${tag}.`);
    return entry.value;
  }

  setValueOf(tag: number, value: number): void {
    const entry = this.dynamic().find((one) => one.tag === tag);
    if (entry !== undefined) this.setWord(entry.at + 8, value);
  }

  stringAt(index: number): string {
    return this.text(this.offsetOf(this.valueOf(DT.strings)) + index);
  }
}

/** Whether the file asks for the library at all. */
export function needsLibatomic(file: Buffer): boolean {
  const elf = new Elf(file);
  return elf.dynamic().some(({ tag, value }) => tag === DT.needed && elf.stringAt(value) === LIBRARY);
}

/** A copy that does without it. Throws where it uses more of the library than is replaced here. */
export function withoutLibatomic(file: Buffer): Buffer {
  const elf = new Elf(Buffer.from(file));
  const symbol = onlySymbol(elf, forgetVersions(elf));
  relocate(elf, symbol, placeCode(elf));
  forgetLibrary(elf);
  return elf.bytes;
}

function forgetLibrary(elf: Elf): void {
  const entries = elf.dynamic();
  const index = entries.findIndex(({ tag, value }) => tag === DT.needed && elf.stringAt(value) === LIBRARY);
  if (index < 0) throw new Error(`The file does not need ${LIBRARY}.`);
  // The others move up by one; the last is the end mark, which then stands twice.
  const { at } = entries[index]!;
  elf.bytes.copy(elf.bytes, at, at + DYNAMIC_BYTES, entries.at(-1)!.at + DYNAMIC_BYTES);
}

/** Takes the library out of the list of versions; returns the numbers under which symbols refer to them. */
function forgetVersions(elf: Elf): ReadonlySet<number> {
  const count = elf.valueOf(DT_VERNEEDNUM);
  const first = elf.offsetOf(elf.valueOf(DT_VERNEED));
  for (let n = 0, at = first, before = -1; n < count; n++) {
    const next = elf.bytes.readUInt32LE(at + 12);
    if (elf.stringAt(elf.bytes.readUInt32LE(at + 4)) === LIBRARY) {
      if (n === 0) skipFirst(elf, next);
      else elf.bytes.writeUInt32LE(next === 0 ? 0 : elf.bytes.readUInt32LE(before + 12) + next, before + 12);
      elf.setValueOf(DT_VERNEEDNUM, count - 1);
      return versionsAt(elf, at);
    }
    before = at;
    at += next;
  }
  throw new Error(`No version of ${LIBRARY} is asked for.`);
}

function versionsAt(elf: Elf, entry: number): ReadonlySet<number> {
  const numbers = new Set<number>();
  const count = elf.bytes.readUInt16LE(entry + 2);
  for (let n = 0, at = entry + elf.bytes.readUInt32LE(entry + 8); n < count; n++) {
    numbers.add(elf.bytes.readUInt16LE(at + 6));
    at += elf.bytes.readUInt32LE(at + 12);
  }
  return numbers;
}

/** The list begins with its second entry; the section that names it, which tools look at, says the same. */
function skipFirst(elf: Elf, bytes: number): void {
  elf.setValueOf(DT_VERNEED, elf.valueOf(DT_VERNEED) + bytes);
  const [table, count] = [elf.word(40), elf.bytes.readUInt16LE(60)];
  for (let n = 0; n < count; n++) {
    const section = table + n * SECTION_BYTES;
    if (elf.bytes.readUInt32LE(section + 4) !== SHT_VERNEED) continue;
    elf.setWord(section + 16, elf.word(section + 16) + bytes);
    elf.setWord(section + 24, elf.word(section + 24) + bytes);
    elf.setWord(section + 32, elf.word(section + 32) - bytes);
    elf.bytes.writeUInt32LE(elf.bytes.readUInt32LE(section + 44) - 1, section + 44);
  }
}

/** The number of the one symbol that comes from the library; it stays in the table, wanted by nobody. */
function onlySymbol(elf: Elf, versions: ReadonlySet<number>): number {
  const [names, symbols] = [elf.offsetOf(elf.valueOf(DT_VERSYM)), elf.offsetOf(elf.valueOf(DT.symbols))];
  // The table of versions has one entry a symbol, and the strings stand behind the symbols.
  const count = (elf.offsetOf(elf.valueOf(DT.strings)) - symbols) / SYMBOL_BYTES;
  const found = Array.from({ length: Math.floor(count) }, (_, n) => n).filter((n) =>
    versions.has(elf.bytes.readUInt16LE(names + 2 * n)),
  );
  const used = found.map((n) => elf.stringAt(elf.bytes.readUInt32LE(symbols + n * SYMBOL_BYTES)));
  if (used.length !== 1 || used[0] !== FUNCTION)
    throw new Error(`This Node uses ${used.join(', ')} of ${LIBRARY}, of which only ${FUNCTION} is replaced.`);
  const [symbol = 0] = found;
  elf.bytes.writeUInt16LE(VERSION_GLOBAL, names + 2 * symbol);
  elf.bytes[symbols + symbol * SYMBOL_BYTES + 4] = WEAK_FUNCTION;
  return symbol;
}

/** Puts the code behind the last of the segment of code, in the same page; returns its address. */
function placeCode(elf: Elf): number {
  const segment = elf.segments.find(({ kind, flags }) => kind === PT_LOAD && (flags & PF_X) !== 0);
  if (segment === undefined) throw new Error('The file has no code.');
  const code = Buffer.from(elf.machine.code.replaceAll(' ', ''), 'hex');
  const room = Math.ceil((segment.offset + segment.bytes) / 16) * 16;
  const page = 4096;
  const end = room + code.length;
  const free = elf.bytes.subarray(segment.offset + segment.bytes, end);
  if (
    Math.floor((end - 1) / page) !== Math.floor((segment.offset + segment.bytes - 1) / page) ||
    free.some((b) => b !== 0)
  )
    throw new Error('The last page of code has no room.');
  code.copy(elf.bytes, room);
  for (const field of [32, 40]) elf.setWord(segment.header + field, end - segment.offset);
  return room - segment.offset + segment.address;
}

function relocate(elf: Elf, symbol: number, address: number): void {
  const tables = [
    [DT_JMPREL, DT.pltRelocationBytes],
    [DT.relocations, DT.relocationBytes],
  ] as const;
  let changed = 0;
  for (const [table, size] of tables) {
    const first = elf.offsetOf(elf.valueOf(table));
    for (let at = first; at < first + elf.valueOf(size); at += RELOCATION_BYTES) {
      if (elf.bytes.readUInt32LE(at + 12) !== symbol) continue;
      elf.bytes.writeUInt32LE(elf.machine.relative, at + 8);
      elf.bytes.writeUInt32LE(0, at + 12);
      elf.setWord(at + 16, address);
      changed += 1;
    }
  }
  if (changed !== 1) throw new Error(`${FUNCTION} is linked at ${changed} places instead of one.`);
}
