/**
 * A disk for the simulator: files with a page cache above them, in virtual time. A write is in the cache at once and on the disk
 * when it is synced; the process may be killed at any operation, in the middle of a write too; a power cut leaves of what was
 * not synced an arbitrary mixture of old and new sectors. It can be full, read-only and slow, and bits of it can flip.
 */
import type { SimRandom } from './random.ts';

/** What a disk writes whole or not at all. */
const SECTOR_BYTES = 512;

export class SimDiskError extends Error {
  override readonly name = 'SimDiskError';
  readonly code: 'ENOSPC' | 'EROFS' | 'KILLED';
  constructor(code: SimDiskError['code']) {
    super(code);
    this.code = code;
  }
}

interface SimFile {
  /** As every process sees it. */
  cached: Uint8Array;
  /** As a power cut would find it, apart from the sectors below. */
  durable: Uint8Array;
  /** Sectors whose newest content may or may not have come to the disk. */
  readonly unsynced: Set<number>;
}

export class SimDisk {
  /** Virtual milliseconds spent waiting for it. */
  busyMs = 0;
  syncMs = 0;
  readOnly = false;
  capacityBytes = Number.POSITIVE_INFINITY;
  /** The process dies in the middle of the operation that brings this to 0; none = it lives. */
  operationsLeft = Number.POSITIVE_INFINITY;
  killed = false;
  /** Which start of the computer this is. */
  boots = 1;
  readonly #files = new Map<string, SimFile>();
  readonly #random: SimRandom;

  constructor(random: SimRandom) {
    this.#random = random;
  }

  names(): string[] {
    return [...this.#files.keys()];
  }

  /** Null where there is no such file. */
  read(name: string): Uint8Array | null {
    if (this.killed) throw new SimDiskError('KILLED');
    return this.#files.get(name)?.cached.slice() ?? null;
  }

  write(name: string, at: number, bytes: Uint8Array): void {
    const dies = this.#operate();
    const old = this.#files.get(name) ?? { cached: new Uint8Array(0), durable: new Uint8Array(0), unsynced: new Set() };
    const end = at + bytes.length;
    const grown = Math.max(0, end - old.cached.length);
    if (grown > 0 && this.#used() + grown > this.capacityBytes) throw new SimDiskError('ENOSPC');
    const written = dies ? bytes.subarray(0, this.#random.int(0, bytes.length)) : bytes;
    const cached = new Uint8Array(Math.max(old.cached.length, at + written.length));
    cached.set(old.cached);
    cached.set(written, at);
    for (let sector = Math.floor(at / SECTOR_BYTES); sector * SECTOR_BYTES < at + written.length; sector++)
      old.unsynced.add(sector);
    this.#files.set(name, { ...old, cached });
    if (dies) this.#die();
  }

  truncate(name: string, bytes: number): void {
    const dies = this.#operate();
    const file = this.#files.get(name);
    if (!dies && file !== undefined) {
      file.cached = file.cached.slice(0, bytes);
      file.unsynced.add(Math.floor(bytes / SECTOR_BYTES));
    }
    if (dies) this.#die();
  }

  sync(name: string): void {
    const dies = this.#operate();
    this.busyMs += this.syncMs;
    const file = this.#files.get(name);
    if (!dies && file !== undefined) {
      file.durable = file.cached.slice();
      file.unsynced.clear();
    }
    if (dies) this.#die();
  }

  /** Both are in the journal of the file system: done or not done, and in this order. */
  rename(from: string, to: string): void {
    const dies = this.#operate();
    const file = this.#files.get(from);
    if (!dies && file !== undefined) {
      this.#files.set(to, file);
      this.#files.delete(from);
    }
    if (dies) this.#die();
  }

  remove(name: string): void {
    const dies = this.#operate();
    if (!dies) this.#files.delete(name);
    else this.#die();
  }

  /** The process is gone; with the power also what was not synced, by sector, old or new. */
  restart(how: 'kill' | 'power'): void {
    this.killed = false;
    this.operationsLeft = Number.POSITIVE_INFINITY;
    if (how === 'kill') return;
    this.boots++;
    for (const [name, file] of this.#files) this.#files.set(name, this.#afterPowerCut(file));
  }

  flip(name: string): void {
    const file = this.#files.get(name);
    if (file === undefined || file.cached.length === 0) return;
    const at = this.#random.int(0, file.cached.length - 1);
    file.cached[at] = (file.cached[at] as number) ^ (1 << this.#random.int(0, 7));
  }

  /** Somebody, or something, cuts the file or deletes it. */
  cut(name: string, bytes: number | null): void {
    const file = this.#files.get(name);
    if (bytes === null) this.#files.delete(name);
    else if (file !== undefined) file.cached = file.cached.slice(0, bytes);
  }

  #afterPowerCut({ cached, durable, unsynced }: SimFile): SimFile {
    // To shorten a file is one entry in the journal of the file system; it grows as its new sectors come to the disk.
    const shorter = cached.length < durable.length;
    const grown = (): number => this.#random.int(durable.length, cached.length);
    const length = this.#random.chance(0.5) ? cached.length : shorter ? durable.length : grown();
    const mixed = new Uint8Array(length);
    mixed.set(durable.subarray(0, length));
    for (const sector of unsynced) {
      if (this.#random.chance(0.5)) continue;
      const at = sector * SECTOR_BYTES;
      if (at < length) mixed.set(cached.subarray(at, Math.min(at + SECTOR_BYTES, length)), at);
    }
    return { cached: mixed, durable: mixed.slice(), unsynced: new Set() };
  }

  #used(): number {
    let bytes = 0;
    for (const { cached } of this.#files.values()) bytes += cached.length;
    return bytes;
  }

  /** True: this operation is the process's last. */
  #operate(): boolean {
    if (this.killed) throw new SimDiskError('KILLED');
    if (this.readOnly) throw new SimDiskError('EROFS');
    this.operationsLeft--;
    return this.operationsLeft <= 0;
  }

  #die(): never {
    this.killed = true;
    throw new SimDiskError('KILLED');
  }
}
